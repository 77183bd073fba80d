"""Filters on sockets: who is asked, what is cut off, and the options around them."""

from struct import pack

from netbench import MAC, PEER_MAC, ip, ipv4, udp

from kernel.uapi import errno
from kernel.uapi.if_packet import PACKET_AUXDATA
from kernel.uapi.socket import (
    AF_INET,
    AF_PACKET,
    AF_UNIX,
    SO_ATTACH_FILTER,
    SO_DETACH_FILTER,
    SO_LOCK_FILTER,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_PACKET,
    SOL_SOCKET,
)

RET_K, RET_A = 0x06, 0x16
DROP_ALL = ((RET_K, 0, 0, 0),)


def attach(t, fd, *instructions, option=SO_ATTACH_FILTER):
    code = b"".join(pack("<HBBI", *instruction) for instruction in instructions)
    address = t.mm.map(code)
    program = len(instructions).to_bytes(2, "little") + bytes(6) + address.to_bytes(8, "little")
    result = t.setsockopt(fd, SOL_SOCKET, option, program)
    t.mm.unmap(address)
    return result


def byte_is(offset, value, keep=0xFFFF):
    return (0x30, 0, 0, offset), (0x15, 0, 1, value), (RET_K, 0, 0, keep), (RET_K, 0, 0, 0)


def test_options(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, 0) == -errno.ENOENT
        assert t.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes(8)) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes(16)) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, b"\1" + bytes(7) + b"\0\xf0" + bytes(6)) == -errno.EFAULT
        assert attach(t, fd, (0x20, 0, 0, 0)) == -errno.EINVAL
        t.kernel.sysctl.write("net.core.optmem_max", "100")
        assert attach(t, fd, *[(RET_K, 0, 0, 1)] * 20) == -errno.ENOMEM
        t.kernel.sysctl.write("net.core.optmem_max", "20480")
        assert attach(t, fd, *DROP_ALL) == 0 and attach(t, fd, (RET_K, 0, 0, 9)) == 0
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_LOCK_FILTER) == 0
        assert t.setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, 1) == 0
        assert attach(t, fd, *DROP_ALL) == t.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, 0) == -errno.EPERM
        assert t.setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, 0) == -errno.EPERM
        t.close(fd)

    bench.run(body)


def test_datagrams_are_seen_from_their_header_on(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 99)
        # Only those whose source port is odd, and of these ten bytes behind the header of eight.
        assert attach(t, fd, (0x30, 0, 0, 1), (0x45, 0, 1, 1), (RET_K, 0, 0, 18), (RET_K, 0, 0, 0)) == 0
        for port in (4000, 4001):
            t.inject_ip(udp("10.0.0.2", port, "10.0.0.1", 99, b"0123456789abcdef"))
        assert t.recvfrom(fd) == (b"0123456789", ("10.0.0.2", 4001))
        assert t.recvfrom(fd) == -errno.EAGAIN
        assert t.drops()["SOCKET_FILTER"] == 1
        # Never less than the header is left.
        assert attach(t, fd, (RET_K, 0, 0, 1)) == 0
        t.inject_ip(udp("10.0.0.2", 1, "10.0.0.1", 99, b"0123456789abcdef"))
        assert t.recvfrom(fd)[0] == b""
        t.close(fd)

    bench.run(body)


def test_raw_sockets_see_the_ip_header(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_RAW, 99)
        assert attach(t, fd, *byte_is(8, 42)) == 0
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 99, b"no", ttl=41))
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 99, b"yes", ttl=42))
        assert t.recvfrom(fd)[0][20:] == b"yes"
        assert t.recvfrom(fd) == -errno.EAGAIN
        t.close(fd)

    bench.run(body)


def test_streams_lose_what_is_filtered(bench):
    def body(t):
        listener = t.socket(AF_INET, SOCK_STREAM)
        t.bind(listener, "127.0.0.1", 80)
        assert t.socketcall(4, listener, 5) == 0
        assert attach(t, listener, *DROP_ALL) == 0
        fd = t.socket(AF_INET, SOCK_STREAM | 0o4000)
        assert t.connect(fd, "127.0.0.1", 80) == -errno.EINPROGRESS
        t.sleep(0.1)
        assert t.poll(fd, 4) == 0
        assert t.setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, 0) == 0
        t.sleep(2)
        assert t.poll(fd, 4) == 4
        t.close(fd)
        t.close(listener)

    bench.run(body)


def test_unix_datagrams(bench):
    def body(t):
        pair = bytearray(8)
        assert t.socketcall(8, AF_UNIX, SOCK_DGRAM, 0, pair) == 0
        one, other = int.from_bytes(pair[:4], "little"), int.from_bytes(pair[4:], "little")
        assert attach(t, other, *byte_is(0, ord("y"), 2)) == 0
        assert t.sendto(one, b"nay") == t.sendto(one, b"yea") == 3
        assert t.recvfrom(other)[0] == b"ye"
        assert t.recvfrom(other) == -errno.EAGAIN
        t.close(one)
        t.close(other)

    bench.run(body)


def test_packet_sockets_keep_the_length_of_what_they_shorten(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_PACKET, SOCK_RAW, 0x0300)
        assert t.setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, 1) == 0
        # ARP is not wanted; of the rest the first 20 bytes.
        assert attach(t, fd, (0x28, 0, 0, 12), (0x15, 0, 1, 0x806), (RET_K, 0, 0, 0), (RET_K, 0, 0, 20)) == 0
        t.inject(MAC + PEER_MAC + b"\x08\x06" + bytes(46))
        frame = MAC + PEER_MAC + b"\x08\x00" + udp("10.0.0.2", 1, "10.0.0.1", 2, b"payload")
        t.inject(frame)
        data, control, _ = t.recvmsg(fd, flags=0x60)
        assert data == frame[:20]
        status, length, kept = (int.from_bytes(control[SOL_PACKET, PACKET_AUXDATA][at : at + 4], "little") for at in (0, 4, 8))
        assert (length, kept) == (len(frame), 20) and status & 1
        # The answer (port unreachable) was outgoing: it is shortened, too.
        assert len(t.recvmsg(fd)[0]) == 20
        assert t.recvmsg(fd) == -errno.EAGAIN
        assert t.getsockopt(fd, SOL_PACKET, 6, 8) == (2).to_bytes(4, "little") + bytes(4)
        t.close(fd)

    bench.run(body)


def test_frames_that_are_too_long_are_refused(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_PACKET, SOCK_RAW, 0)
        where = b"\x11\0\0\0" + t.dev.ifindex.to_bytes(4, "little") + bytes(12)
        head = PEER_MAC + MAC
        for ethertype, size, result in ((b"\x08\0", 1514, 1514), (b"\x08\0", 1515, -errno.EMSGSIZE), (b"\x81\0", 1518, 1518)):
            frame = (head + ethertype).ljust(size, b"x")
            assert t.socketcall(11, fd, frame, len(frame), 0, where, 20) == result
        assert t.socketcall(11, fd, head, 12, 0, where, 20) == -errno.EINVAL
        assert [len(frame) for frame in t.take()] == [1514, 1518]
        assert ip("10.0.0.2")
        t.close(fd)

    bench.run(body)
