"""The calls on sockets under numbers of their own: the same work as through socketcall(2)."""

import struct

from messages import Messages, cmsgs, lengths
from netbench import parse_sockaddr, sockaddr

from hwemu.cpu import trap
from kernel.uapi import errno, syscall
from kernel.uapi.in_ import IP_RECVTTL, IP_TTL
from kernel.uapi.socket import AF_INET, AF_UNIX, MSG_DONTWAIT, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_IP, SOL_SOCKET


class Direct(Messages):
    """Calls with bytes and bytearrays passed by address."""

    def call(self, number, *arguments):
        words = [
            self.map(argument, isinstance(argument, bytearray)) if isinstance(argument, (bytes, bytearray)) else argument
            for argument in arguments
        ]
        try:
            return trap(number, *words)
        finally:
            self.done()


def test_every_call_does_its_work(bench):
    def body(t):
        call = Direct(t).call
        name, size = bytearray(64), bytearray(struct.pack("<i", 64))
        fd = call(syscall.SYS_socket, AF_INET, SOCK_DGRAM, 0)
        assert call(syscall.SYS_bind, fd, sockaddr("127.0.0.1", 5000), 16) == 0
        assert call(syscall.SYS_getsockname, fd, name, size) == 0 and parse_sockaddr(name) == ("127.0.0.1", 5000)
        assert call(syscall.SYS_getpeername, fd, name, size) == -errno.ENOTCONN
        assert call(syscall.SYS_connect, fd, sockaddr("127.0.0.1", 5000), 16) == 0
        assert call(syscall.SYS_getpeername, fd, name, size) == 0
        value = bytearray(4)
        assert call(syscall.SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, value, bytearray(struct.pack("<i", 4))) == 0
        assert value == struct.pack("<i", SOCK_DGRAM)
        assert call(syscall.SYS_setsockopt, fd, SOL_IP, IP_RECVTTL, struct.pack("<i", 1), 4) == 0
        assert call(syscall.SYS_sendto, fd, b"hello", 5, 0, 0, 0) == 5
        buffer = bytearray(16)
        assert call(syscall.SYS_recvfrom, fd, buffer, 16, MSG_DONTWAIT, name, size) == 5 and buffer[:5] == b"hello"
        assert call(syscall.SYS_shutdown, fd, 2) == 0
        t.close(fd)

    bench.run(body)


def test_messages(bench):
    def body(t):
        direct = Direct(t)
        fd = direct.call(syscall.SYS_socket, AF_INET, SOCK_DGRAM, 0)
        direct.call(syscall.SYS_bind, fd, sockaddr("127.0.0.1", 5000), 16)
        direct.call(syscall.SYS_setsockopt, fd, SOL_IP, IP_RECVTTL, struct.pack("<i", 1), 4)
        to = sockaddr("127.0.0.1", 5000)
        assert direct.call(syscall.SYS_sendmsg, fd, direct.header([b"one"], to), 0) == 3
        buffer, control = bytearray(8), bytearray(64)
        head = direct.header([buffer], None, control, True)
        assert direct.call(syscall.SYS_recvmsg, fd, head, 0) == 3
        assert cmsgs(bytes(control[:24])) == [(SOL_IP, IP_TTL, struct.pack("<i", 64))]
        vector = bytearray(bytes(direct.header([b"two"], to)) + bytes(8))
        assert direct.call(syscall.SYS_sendmmsg, fd, vector, 1, 0) == 1 and lengths(vector) == [3]
        for number in (syscall.SYS_recvmmsg, syscall.SYS_recvmmsg_time64):
            vector = bytearray(bytes(direct.header([buffer], None, b"", True)) + bytes(8))
            timeout = bytearray(struct.pack("<qq", 1, 0))
            expected = 1 if number == syscall.SYS_recvmmsg else -errno.EAGAIN
            assert direct.call(number, fd, vector, 1, MSG_DONTWAIT, timeout) == expected
        t.close(fd)

    bench.run(body)


def test_streams_and_pairs(bench):
    def body(t):
        call = Direct(t).call
        listener = call(syscall.SYS_socket, AF_INET, SOCK_STREAM, 0)
        assert call(syscall.SYS_bind, listener, sockaddr("127.0.0.1", 80), 16) == 0
        assert call(syscall.SYS_listen, listener, 5) == 0
        client = call(syscall.SYS_socket, AF_INET, SOCK_STREAM, 0)
        assert call(syscall.SYS_connect, client, sockaddr("127.0.0.1", 80), 16) == 0
        name, size = bytearray(16), bytearray(struct.pack("<i", 16))
        server = call(syscall.SYS_accept4, listener, name, size, 0)
        assert server > client and parse_sockaddr(name)[0] == "127.0.0.1"
        assert call(syscall.SYS_accept4, listener, 0, 0, 1) == -errno.EINVAL
        pair = bytearray(8)
        assert call(syscall.SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair) == 0
        for fd in (listener, client, server, *struct.unpack("<ii", pair)):
            t.close(fd)

    bench.run(body)


def test_bad_arguments(bench):
    def body(t):
        for number in range(syscall.SYS_socket, syscall.SYS_shutdown + 1):
            result = trap(number, -1, -1, -1, -1, -1, -1)
            assert -133 <= result < 0, number
        for number in (syscall.SYS_recvmmsg, syscall.SYS_sendmmsg, syscall.SYS_recvmmsg_time64):
            assert trap(number, 0, -1, 1, 0, -1, 0) < 0

    bench.run(body)
