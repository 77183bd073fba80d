"""Streams and sequenced packets of AF_UNIX: connecting, the backlog, both halves of the end."""

import pytest
from unix_box import DGRAM, SEQPACKET, STREAM, errno_of, revents

from userland import libc

HUP, IN, OUT, RDHUP = libc.POLLHUP, libc.POLLIN, libc.POLLOUT, libc.POLLRDHUP
NORM = libc.POLLRDNORM
WRITE = OUT | libc.POLLWRNORM | libc.POLLWRBAND


@pytest.mark.parametrize("kind", [STREAM, SEQPACKET])
def test_connect_accept_and_the_names_of_both_ends(run, kind):
    def scenario(box):
        addr = box.path("s")
        listener = box.listener(addr, kind=kind)
        client = box.connected(addr, kind)
        # Data may go before anybody has accepted.
        assert libc.send(client, b"early") == 5
        peer = bytearray(64)
        server = box.accept(listener, peer)
        assert peer[:2] == b"\1\0" and not any(peer[2:])
        assert libc.getpeername(client) == addr == libc.getsockname(server)
        assert libc.getpeername(server) == b"\1\0"
        assert libc.recv_bytes(server, 10) == b"early"
        assert errno_of(libc.connect(client, addr)) == libc.EISCONN
        assert errno_of(libc.connect(server, addr)) == libc.EISCONN
        assert errno_of(libc.connect(listener, addr)) == libc.EINVAL
        assert errno_of(libc.listen(client, 1)) == libc.EINVAL

    run(scenario)


def test_what_a_socket_without_connection_answers(run):
    def scenario(box):
        fd = box.socket()
        assert errno_of(libc.send(fd, b"x")) == libc.ENOTCONN
        assert errno_of(libc.recv(fd, bytearray(1))) == libc.EINVAL
        assert errno_of(libc.listen(fd, 1)) == libc.EINVAL
        assert errno_of(libc.accept(fd)) == libc.EINVAL
        assert errno_of(libc.sendto(fd, b"x", addr=box.abstract("x"))) == libc.EOPNOTSUPP
        assert revents(fd) == WRITE | HUP
        packets = box.socket(SEQPACKET)
        assert errno_of(libc.send(packets, b"x")) == libc.ENOTCONN
        assert errno_of(libc.recv(packets, bytearray(1))) == libc.ENOTCONN
        datagrams = box.bound(box.abstract("x"), DGRAM)
        assert errno_of(libc.listen(datagrams, 1)) == libc.EOPNOTSUPP
        assert errno_of(libc.accept(datagrams)) == libc.EOPNOTSUPP
        assert libc.shutdown(fd, libc.SHUT_WR) == 0
        assert errno_of(libc.shutdown(fd, 3)) == libc.EINVAL

    run(scenario)


@pytest.mark.parametrize("backlog", [0, 2])
def test_a_full_backlog(run, backlog):
    def scenario(box):
        addr = box.abstract("full")
        listener = box.listener(addr, backlog, flags=libc.SOCK_NONBLOCK)
        for _ in range(backlog + 1):
            box.connected(addr)
        late = box.socket(flags=libc.SOCK_NONBLOCK)
        assert errno_of(libc.connect(late, addr)) == libc.EAGAIN
        box.accept(listener)
        assert libc.connect(late, addr) == 0
        slow = box.socket()
        libc.setsockopt(slow, libc.SOL_SOCKET, libc.SO_SNDTIMEO, (0).to_bytes(8, "little") + (20_000).to_bytes(8, "little"))
        assert errno_of(libc.connect(slow, addr)) == libc.EAGAIN

    run(scenario)


def test_a_listener_that_ends_resets_who_has_not_been_accepted(run):
    def scenario(box):
        addr = box.abstract("gone")
        listener = box.listener(addr)
        client = box.connected(addr)
        box.close(listener)
        assert errno_of(libc.send(client, b"x", flags=libc.MSG_NOSIGNAL)) == libc.EPIPE
        assert errno_of(libc.recv(client, bytearray(1))) == libc.ECONNRESET
        assert libc.recv(client, bytearray(1)) == 0
        assert errno_of(libc.connect(box.socket(), addr)) == libc.ECONNREFUSED

    run(scenario)


def test_the_end_with_everything_read_and_with_something_unread(run):
    def scenario(box):
        a, b = box.pair()
        libc.send(b, b"last")
        box.close(b)
        assert revents(a) == IN | NORM | WRITE | HUP | RDHUP
        assert libc.recv_bytes(a, 10) == b"last" and libc.recv(a, bytearray(1)) == 0
        assert errno_of(libc.send(a, b"x", flags=libc.MSG_NOSIGNAL)) == libc.EPIPE
        c, d = box.pair()
        libc.send(c, b"unread")
        libc.send(d, b"kept")
        box.close(d)
        assert libc.socket_error(c) == libc.ECONNRESET and libc.socket_error(c) == 0
        assert libc.recv_bytes(c, 10) == b"kept"
        e, f = box.pair()
        libc.send(e, b"unread")
        box.close(f)
        assert errno_of(libc.recv(e, bytearray(1))) == libc.ECONNRESET
        assert libc.recv(e, bytearray(1)) == 0
        # The name of who has gone is still known.
        assert libc.getpeername(e) == b"\1\0"

    run(scenario)


@pytest.mark.parametrize("kind", [STREAM, SEQPACKET])
def test_the_halves_of_shutdown(run, kind):
    def scenario(box):
        a, b = box.pair(kind)
        libc.send(a, b"x")
        assert libc.shutdown(a, libc.SHUT_WR) == 0
        assert revents(b) == IN | NORM | RDHUP | WRITE
        assert libc.recv_bytes(b, 5) == b"x" and libc.recv(b, bytearray(5)) == 0
        assert libc.recv(b, bytearray(5), flags=libc.MSG_DONTWAIT) == 0
        assert errno_of(libc.send(a, b"x", flags=libc.MSG_NOSIGNAL)) == libc.EPIPE
        assert libc.send(b, b"back") == 4 and libc.recv_bytes(a, 5) == b"back"
        assert libc.shutdown(a, libc.SHUT_RD) == 0
        assert errno_of(libc.send(b, b"x", flags=libc.MSG_NOSIGNAL)) == libc.EPIPE
        assert revents(a) == IN | NORM | WRITE | HUP | RDHUP
        assert libc.recv(a, bytearray(1)) == 0

    run(scenario)


def test_reading_a_stream_in_pieces_and_looking_ahead(run):
    def scenario(box):
        a, b = box.pair()
        for piece in (b"abc", b"def", b"ghi"):
            libc.send(b, piece)
        assert libc.recv_bytes(a, 2) == b"ab"
        buffer = bytearray(20)
        assert libc.recv(a, buffer, flags=libc.MSG_PEEK) == 7 and buffer[:7] == b"cdefghi"
        raw = bytearray(4)
        libc.ioctl(a, 0x541B, raw)
        assert raw[0] == 7
        assert libc.recv_bytes(a, 5) == b"cdefg"
        assert libc.recv(a, bytearray(0)) == 0
        assert libc.recv_bytes(a, 20) == b"hi"
        assert errno_of(libc.recv(a, bytearray(1), flags=libc.MSG_DONTWAIT)) == libc.EAGAIN
        assert errno_of(libc.recv(a, bytearray(0), flags=libc.MSG_DONTWAIT)) == libc.EAGAIN
        libc.send(b, b"12")
        assert libc.recv(a, bytearray(4), flags=libc.MSG_WAITALL | libc.MSG_DONTWAIT) == 2
        libc.send(b, b"tail")
        box.close(b)
        assert libc.recv(a, bytearray(9), flags=libc.MSG_WAITALL) == 4

    run(scenario)


def test_records_keep_their_bounds(run):
    def scenario(box):
        a, b = box.pair(SEQPACKET)
        libc.send(a, b"first")
        libc.send(a, b"second")
        libc.send(a, b"")
        message = libc.msghdr([bytearray(3)])
        assert libc.recvmsg(b, message) == 3 and message.flags & libc.MSG_TRUNC
        assert libc.recv(b, bytearray(3), flags=libc.MSG_TRUNC | libc.MSG_PEEK) == 6
        assert libc.recv_bytes(b, 10) == b"second"
        assert libc.recv(b, bytearray(3)) == 0
        assert errno_of(libc.recv(b, bytearray(3), flags=libc.MSG_DONTWAIT)) == libc.EAGAIN
        assert errno_of(libc.send(a, bytes(300_000))) == libc.EMSGSIZE
        box.close(a)
        assert errno_of(libc.send(b, b"x", flags=libc.MSG_NOSIGNAL)) == libc.EPIPE

    run(scenario)


def test_the_urgent_byte(run):
    def scenario(box):
        a, b = box.pair()
        assert errno_of(libc.recv(a, bytearray(1), flags=libc.MSG_OOB)) == libc.EINVAL
        libc.send(b, b"ab")
        libc.send(b, b"cd!", flags=libc.MSG_OOB)
        libc.send(b, b"ef")
        assert revents(a) & libc.POLLPRI
        assert libc.recv_bytes(a, 10) == b"abcd"
        mark = bytearray(4)
        libc.ioctl(a, 0x8905, mark)
        assert mark[0] == 1
        urgent = bytearray(1)
        assert libc.recv(a, urgent, flags=libc.MSG_OOB) == 1 and urgent == b"!"
        assert errno_of(libc.recv(a, urgent, flags=libc.MSG_OOB)) == libc.EINVAL
        assert libc.recv_bytes(a, 10) == b"ef"
        # One that nobody asks for is lost when reading goes past it.
        libc.send(b, b"?", flags=libc.MSG_OOB)
        libc.send(b, b"g")
        assert libc.recv_bytes(a, 10) == b"g"
        libc.setsockopt(a, libc.SOL_SOCKET, libc.SO_OOBINLINE, 1)
        libc.send(b, b"hi", flags=libc.MSG_OOB)
        libc.send(b, b"j")
        assert libc.recv_bytes(a, 10) == b"h"
        assert libc.recv_bytes(a, 10) == b"ij"

    run(scenario)


def test_a_sender_waits_for_room_and_is_told_of_it(run):
    def scenario(box):
        a, b = box.pair(flags=libc.SOCK_NONBLOCK)
        libc.setsockopt(a, libc.SOL_SOCKET, libc.SO_SNDBUF, 16384)
        sent = 0
        while (count := libc.send(a, bytes(1000))) > 0:
            sent += count
        assert libc.errno == libc.EAGAIN and not revents(a) & OUT
        queued = bytearray(4)
        libc.ioctl(a, 0x5411, queued)
        assert int.from_bytes(queued, "little") >= sent
        got = 0
        while (count := libc.recv(b, bytearray(4096))) > 0:
            got += count
        assert got == sent and revents(a) & OUT

    run(scenario)
