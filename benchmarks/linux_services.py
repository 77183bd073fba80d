"""The services 7 (echo), 9 (discard) and 19 (chargen) on the host's own sockets: what the loads talk to.

    linux_services.py [CONGESTION]

CONGESTION is the congestion control of its TCP, for a namespace can not have every one of the host's as its default.
"""

import socket
import sys
import threading

BLOCK = bytes(range(256)) * 1024


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def discard(connection):
    buffer = bytearray(262144)
    while connection.recv_into(buffer):
        pass


def chargen(connection):
    while True:
        connection.sendall(BLOCK)


def serve_one(service, connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            service(connection)
        except OSError:
            return


def listen(port, congestion):
    listener = socket.create_server(("0.0.0.0", port), backlog=128)
    if congestion:
        # Connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    return listener


def accept_all(listener, service):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(service, connection), daemon=True).start()


def udp_echo():
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.bind(("0.0.0.0", 7))
    while True:
        data, peer = endpoint.recvfrom(65536)
        endpoint.sendto(data, peer)


if __name__ == "__main__":
    congestion = sys.argv[1] if len(sys.argv) > 1 else ""
    listeners = {port: listen(port, congestion) for port in (7, 9, 19)}
    for port, service in ((9, discard), (19, chargen)):
        threading.Thread(target=accept_all, args=(listeners[port], service), daemon=True).start()
    threading.Thread(target=udp_echo, daemon=True).start()
    accept_all(listeners[7], echo)
