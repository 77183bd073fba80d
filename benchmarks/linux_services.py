"""The services 7 (echo), 9 (discard) and 19 (chargen) on the host's own sockets: the peer of the veth comparison."""

import socket
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


def accept_all(port, service):
    listener = socket.create_server(("0.0.0.0", port), backlog=128)
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
    for port, service in ((9, discard), (19, chargen)):
        threading.Thread(target=accept_all, args=(port, service), daemon=True).start()
    threading.Thread(target=udp_echo, daemon=True).start()
    accept_all(7, echo)
