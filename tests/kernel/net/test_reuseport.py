"""Groups of SO_REUSEPORT (socket(7)): which of its sockets gets a packet, and the program that says so."""

import struct

from netbench import udp
from test_socket_filter import attach

from kernel.uapi import errno
from kernel.uapi.socket import (
    AF_INET,
    SO_ATTACH_BPF,
    SO_ATTACH_REUSEPORT_CBPF,
    SO_ATTACH_REUSEPORT_EBPF,
    SO_DETACH_REUSEPORT_BPF,
    SO_GET_FILTER,
    SO_LOCK_FILTER,
    SO_REUSEPORT,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_SOCKET,
)

LISTEN = 4
# The first byte of the payload is the number of the socket.
BY_FIRST_BYTE = ((0x30, 0, 0, 0), (0x16, 0, 0, 0))


def by_constant(number):
    return ((0x06, 0, 0, number),)


def shared(t, type=SOCK_DGRAM, count=3, port=99, address="0.0.0.0"):
    fds = []
    for _ in range(count):
        fd = t.socket(AF_INET, type)
        assert t.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0 and t.bind(fd, address, port) == 0
        fds.append(fd)
    return fds


def program(t, fd, *instructions):
    return attach(t, fd, *instructions, option=SO_ATTACH_REUSEPORT_CBPF)


def taker(t, fds, payload, sport=4000):
    """The number of the socket that gets a datagram."""
    t.inject_ip(udp("10.0.0.2", sport, "10.0.0.1", 99, payload))
    (found,) = [number for number, fd in enumerate(fds) if not isinstance(t.recvfrom(fd), int)]
    return found


def test_a_program_chooses_by_the_payload(bench):
    def body(t):
        fds = shared(t)
        by_hash = [taker(t, fds, b"\0", sport) for sport in range(4000, 4040)]
        assert set(by_hash) == {0, 1, 2} and by_hash == [taker(t, fds, b"\0", sport) for sport in range(4000, 4040)]
        # Any of the group may bring it; it is the group's.
        assert program(t, fds[1], *BY_FIRST_BYTE) == 0
        assert [taker(t, fds, bytes([number])) for number in (2, 0, 1, 2)] == [2, 0, 1, 2]
        # A number that nobody has: the hash chooses, as it did.
        assert [taker(t, fds, b"\3", sport) for sport in range(4000, 4040)] == by_hash
        # Who leaves gives its number to the last one.
        t.close(fds.pop(0))
        assert [taker(t, fds, bytes([number])) for number in (0, 1)] == [1, 0]
        # A program runs off the end of a packet: 0.
        assert taker(t, fds, b"") == 1
        assert t.setsockopt(fds[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) == 0
        assert t.setsockopt(fds[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) == -errno.ENOENT
        assert set(taker(t, fds, b"\0", sport) for sport in range(4000, 4040)) == {0, 1}
        for fd in fds:
            t.close(fd)

    bench.run(body)


def test_a_connected_socket_is_no_longer_of_the_group(bench):
    def body(t):
        fds = shared(t)
        assert program(t, fds[0], *by_constant(0)) == 0
        t.know("10.0.0.2")
        assert t.connect(fds[0], "10.0.0.2", 4001) == 0
        # Its peer's datagrams are its own; others go to number 0 of those who are left.
        assert taker(t, fds, b"x", 4001) == 0 and taker(t, fds, b"x", 4002) == 2
        for fd in fds:
            t.close(fd)

    bench.run(body)


def test_listeners(bench):
    def body(t):
        fds = shared(t, SOCK_STREAM, port=80, address="127.0.0.1")
        for fd in fds:
            assert t.socketcall(LISTEN, fd, 5) == 0
        for number in (1, 2, 0):
            assert program(t, fds[0], *by_constant(number)) == 0
            client = t.socket(AF_INET, SOCK_STREAM)
            assert t.connect(client, "127.0.0.1", 80) == 0
            waiting = [fd for fd in fds if t.poll(fd, 1)]
            assert waiting == [fds[number]]
            accepted = t.socketcall(5, fds[number], 0, 0)
            # A connection is none of the group.
            assert t.setsockopt(accepted, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) == -errno.ENOENT
            t.close(client)
            t.close(accepted)
        for fd in fds:
            t.close(fd)

    bench.run(body)


def test_before_the_port_and_without_it(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert program(t, fd, *BY_FIRST_BYTE) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0
        assert program(t, fd, (0x20, 0, 0, 0)) == -errno.EINVAL
        assert program(t, fd, *by_constant(1)) == 0
        assert t.bind(fd, "0.0.0.0", 99) == 0
        # The program comes with the first of the group; a later one's own is forgotten.
        (second,) = shared(t, count=1)
        third = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(third, SOL_SOCKET, SO_REUSEPORT, 1) == 0 and program(t, third, *by_constant(2)) == 0
        assert t.bind(third, "0.0.0.0", 99) == 0
        assert taker(t, [fd, second, third], b"x") == 1
        # Other addresses are other groups.
        (other,) = shared(t, count=1, address="10.0.0.1")
        assert taker(t, [fd, second, third, other], b"x") == 3
        raw = t.socket(AF_INET, SOCK_RAW, 253)
        assert program(t, raw, *BY_FIRST_BYTE) == -errno.EINVAL
        locked = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(locked, SOL_SOCKET, SO_LOCK_FILTER, 1) == 0
        assert program(t, locked, *BY_FIRST_BYTE) == -errno.EPERM
        for each in (fd, second, third, other, raw, locked):
            t.close(each)

    bench.run(body)


def test_there_are_no_other_programs(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for option in (SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF):
            assert t.setsockopt(fd, SOL_SOCKET, option, fd) == -errno.EINVAL
            assert t.setsockopt(fd, SOL_SOCKET, option, 77) == -errno.EBADF
        t.close(fd)

    bench.run(body)


def test_a_filter_is_read_back(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        length = bytearray(struct.pack("<i", 100))
        assert t.socketcall(15, fd, SOL_SOCKET, SO_GET_FILTER, bytearray(800), length) == 0 and length == bytes(4)
        assert attach(t, fd, *BY_FIRST_BYTE) == 0
        for room, result in ((0, 0), (1, -errno.EINVAL), (2, 0), (9, 0)):
            buffer = bytearray(b"\xa5" * 80)
            length = bytearray(struct.pack("<i", room))
            assert t.socketcall(15, fd, SOL_SOCKET, SO_GET_FILTER, buffer, length) == result
            if result == 0:
                # Lengths count instructions.
                assert length == struct.pack("<i", 2)
                code = b"".join(struct.pack("<HBBI", *instruction) for instruction in BY_FIRST_BYTE)
                assert buffer == (code if room else b"").ljust(80, b"\xa5")
        t.close(fd)

    bench.run(body)
