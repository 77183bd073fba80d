"""`from userland import socket`: the library's socket.py for a program that speaks to libc otherwise."""

from lab import guest
from userland import libc, socket


def talk():
    """A connection over the loopback device; what both ends saw."""
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname(), timeout=5)
    connection, peer = server.accept()
    with server, client, connection:
        client.sendall(b"ping")
        received = connection.recv(100)
        connection.sendall(received.upper())
        return client.recv(100), peer == client.getsockname()


def failures():
    """The errors of calls that fail, as the standard module raises them."""
    found = []
    for call in (
        lambda: socket.create_connection(("127.0.0.1", 1)),
        lambda: socket.getaddrinfo("no.such.name.invalid", 80),
        lambda: socket.socket().bind(("127.0.0.1", 70000)),
        lambda: socket.socket(socket.AF_INET6),
    ):
        try:
            call()
        except Exception as error:
            found.append(type(error).__name__)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    before = libc.clock_gettime_ns()
    try:
        sock.recv(1)
    except TimeoutError as error:
        found.append(str(error))
    found.append((libc.clock_gettime_ns() - before) // 1_000_000_000)
    sock.close()
    return found


def test_a_connection(machine):
    assert guest.run(machine, talk) == (b"PING", True)


def test_errors_and_timeouts(machine):
    assert guest.run(machine, failures) == [
        "ConnectionRefusedError", "gaierror", "OverflowError", "OSError", "timed out", 2,
    ]  # fmt: skip
