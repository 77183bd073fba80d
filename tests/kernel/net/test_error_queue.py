"""MSG_ERRQUEUE (ip(7), IP_RECVERR): ICMP errors and our own, for every kind of socket; zero-copy notifications."""

import struct

from messages import recvmsg
from netbench import Packet, icmp, ip, sockaddr

from kernel.lib.checksum import csum_bytes, csum_fold
from kernel.uapi import errno
from kernel.uapi.errqueue import (
    SO_EE_CODE_ZEROCOPY_COPIED,
    SO_EE_ORIGIN_ICMP,
    SO_EE_ORIGIN_LOCAL,
    SO_EE_ORIGIN_ZEROCOPY,
    SO_EE_RFC4884_FLAG_INVALID,
)
from kernel.uapi.in_ import (
    IP_HDRINCL,
    IP_MTU,
    IP_MTU_DISCOVER,
    IP_PMTUDISC_DO,
    IP_RECVERR,
    IP_RECVERR_RFC4884,
    IP_RECVTTL,
    IP_TTL,
    IPPROTO_ICMP,
)
from kernel.uapi.poll import POLLERR, POLLIN, POLLPRI
from kernel.uapi.socket import (
    AF_INET,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_TRUNC,
    MSG_ZEROCOPY,
    SO_ERROR,
    SO_RCVBUF,
    SO_SELECT_ERR_QUEUE,
    SO_ZEROCOPY,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_IP,
    SOL_SOCKET,
)

EAGAIN = -errno.EAGAIN
ERROR = struct.Struct("<IBBBBII")


def ask(t, fd, size=2048):
    """(data, error's seven fields, offender's sockaddr, address, other control messages, flags) or a negative errno."""
    got = recvmsg(t, fd, MSG_ERRQUEUE | MSG_DONTWAIT, size)
    if isinstance(got, int):
        return got
    data, control, flags, name = got
    assert control[-1][:2] == (SOL_IP, IP_RECVERR) and len(control[-1][2]) == 32
    raw = control[-1][2]
    return data, ERROR.unpack(raw[:16]), raw[16:], name, control[:-1], flags


def quoted(t):
    return bytes(4) + t.take()[0][14:]


def test_an_icmp_error_in_full(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for option in (IP_RECVERR, IP_RECVTTL):
            t.setsockopt(fd, SOL_IP, option, 1)
        t.sendto(fd, b"payload", "10.0.0.2", 7)
        t.inject_ip(icmp("10.0.0.9", "10.0.0.1", 11, 0, quoted(t), ttl=9))
        assert t.poll(fd, POLLIN | POLLPRI) == POLLERR
        t.setsockopt(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1)
        assert t.poll(fd, POLLIN | POLLPRI) == POLLERR | POLLPRI
        data, error, offender, name, more, flags = ask(t, fd)
        assert data == b"payload" and flags == MSG_ERRQUEUE
        assert error == (errno.EHOSTUNREACH, SO_EE_ORIGIN_ICMP, 11, 0, 0, 0, 0)
        assert offender == sockaddr("10.0.0.9", 0) and name == sockaddr("10.0.0.2", 7)
        # The header that is looked at is the reporter's.
        assert more == [(SOL_IP, IP_TTL, struct.pack("<i", 9))]
        # Reading it has cleared the pending error.
        assert ask(t, fd) == EAGAIN and t.getsockopt_int(fd, SOL_SOCKET, SO_ERROR) == 0
        t.close(fd)

    bench.run(body)


def test_the_next_icmp_error_becomes_the_pending_one(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        t.sendto(fd, b"a", "10.0.0.2", 7)
        packet = quoted(t)
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 3, packet))
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 1, packet))
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_ERROR) == errno.EHOSTUNREACH
        assert ask(t, fd, 0)[5] == MSG_ERRQUEUE | MSG_TRUNC
        assert t.sendto(fd, b"b", "10.0.0.2", 7) == -errno.EHOSTUNREACH
        assert ask(t, fd)[1][0] == errno.EHOSTUNREACH
        # Switching the option off forgets the rest.
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 3, packet))
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 0)
        assert ask(t, fd) == EAGAIN
        t.close(fd)

    bench.run(body)


def test_too_large_for_the_path_is_our_own_error(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        assert t.getsockopt_int(fd, SOL_IP, IP_MTU) == -errno.ENOTCONN
        assert t.sendto(fd, bytes(1473), "10.0.0.2", 7) == -errno.EMSGSIZE
        data, error, offender, name, _, _ = ask(t, fd)
        assert data == b"" and error == (errno.EMSGSIZE, SO_EE_ORIGIN_LOCAL, 0, 0, 0, 1500, 0)
        assert offender == bytes(16) and name == sockaddr("10.0.0.2", 7)
        # A router knows better.
        assert t.connect(fd, "10.0.0.2", 7) == 0
        assert t.sendto(fd, bytes(1472)) == 1472
        big = t.take()[0][14:42]
        t.inject_ip(icmp("10.0.0.9", "10.0.0.1", 3, 4, struct.pack("!HH", 0, 1000) + big))
        assert ask(t, fd)[1] == (errno.EMSGSIZE, SO_EE_ORIGIN_ICMP, 3, 4, 0, 1000, 0)
        assert t.sendto(fd, bytes(1472)) == -errno.EMSGSIZE
        assert ask(t, fd)[1][5] == 1000 and t.getsockopt_int(fd, SOL_IP, IP_MTU) == 1000
        assert t.sendto(fd, bytes(972)) == 972
        t.close(fd)

    bench.run(body)


def test_raw_and_ping_sockets_get_what_they_sent(bench):
    def body(t):
        t.know("10.0.0.2")
        echo = bytes([8, 0, 0, 0, 0, 0, 0, 1]) + b"ping"
        ping = t.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)
        raw = t.socket(AF_INET, SOCK_RAW, 99)
        own = t.socket(AF_INET, SOCK_RAW, 98)
        t.setsockopt(own, SOL_IP, IP_HDRINCL, 1)
        header = bytes([0x45, 0, 0, 28, 0, 1, 0, 0, 64, 98, 0, 0]) + bytes(4) + ip("10.0.0.2").to_bytes(4, "big")
        for fd, data, expected in ((ping, echo, 12), (raw, b"eight.by", 8), (own, header + b"eight.by", 28)):
            t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
            assert t.sendto(fd, data, "10.0.0.2", 0) == len(data)
            t.inject_ip(icmp("10.0.0.9", "10.0.0.1", 3, 1, quoted(t)))
            got = ask(t, fd)
            assert len(got[0]) == expected and got[1][:3] == (errno.EHOSTUNREACH, SO_EE_ORIGIN_ICMP, 3)
            assert got[3] == sockaddr("10.0.0.2", 0)
            t.close(fd)

    bench.run(body)


def test_the_queue_has_the_receive_buffers_size(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        t.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 4096)
        t.sendto(fd, b"a", "10.0.0.2", 7)
        packet = quoted(t)
        for _ in range(50):
            t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 3, packet))
        kept = 0
        while ask(t, fd) != EAGAIN:
            kept += 1
        assert 0 < kept < 50
        t.close(fd)

    bench.run(body)


# --- MSG_ZEROCOPY (Linux: Documentation/networking/msg_zerocopy) ---


def completion(t, fd):
    """(first, last) of a zero-copy notification, or a negative errno."""
    got = ask(t, fd)
    if isinstance(got, int):
        return got
    data, error, _, name, _, flags = got
    assert data == b"" and name == b"" and flags == MSG_ERRQUEUE
    assert error[:4] == (0, SO_EE_ORIGIN_ZEROCOPY, 0, SO_EE_CODE_ZEROCOPY_COPIED)
    return error[5:]


def test_notifications_are_numbered_and_joined(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "127.0.0.1", 5000)
        # Without the option the flag is no more than a hint.
        assert t.sendto(fd, b"x", "127.0.0.1", 5000, MSG_ZEROCOPY) == 1
        assert completion(t, fd) == EAGAIN
        assert t.setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, 2) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, 1) == 0
        for _ in range(3):
            assert t.sendto(fd, b"x", "127.0.0.1", 5000, MSG_ZEROCOPY) == 1
        assert t.poll(fd, 0) == POLLERR and t.getsockopt_int(fd, SOL_SOCKET, SO_ERROR) == 0
        # One that fails, and one without data, have no number.
        assert t.sendto(fd, bytes(70000), "127.0.0.1", 5000, MSG_ZEROCOPY) == -errno.EMSGSIZE
        assert t.sendto(fd, b"", "127.0.0.1", 5000, MSG_ZEROCOPY) == 0
        assert completion(t, fd) == (0, 2)
        assert t.sendto(fd, b"x", "127.0.0.1", 5000, MSG_ZEROCOPY) == 1
        assert completion(t, fd) == (3, 3) and completion(t, fd) == EAGAIN
        t.close(fd)

    bench.run(body)


def test_unread_notifications_are_limited_by_optmem_max(bench):
    def body(t):
        t.net.sysctl_optmem_max = 1500
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "127.0.0.1", 5000)
        t.setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, 1)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        assert t.sendto(fd, b"x", "127.0.0.1", 5000, MSG_ZEROCOPY) == 1
        # Something between two notifications keeps them apart.
        t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        assert t.sendto(fd, bytes(65530), "127.0.0.1", 5000) == -errno.EMSGSIZE
        assert t.sendto(fd, b"x", "127.0.0.1", 5000, MSG_ZEROCOPY) == -errno.ENOBUFS
        assert completion(t, fd) == (0, 0) and ask(t, fd)[1][0] == errno.EMSGSIZE
        assert t.sendto(fd, b"x", "127.0.0.1", 5000, MSG_ZEROCOPY) == 1
        t.close(fd)

    bench.run(body)


def test_only_tcp_and_udp_have_it(bench):
    def body(t):
        for type, protocol, expected in ((SOCK_STREAM, 0, 0), (SOCK_DGRAM, 0, 0), (SOCK_RAW, 1, -errno.EOPNOTSUPP)):
            fd = t.socket(AF_INET, type, protocol)
            assert t.setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, 1) == expected
            t.close(fd)

    bench.run(body)


def test_a_packet_of_ours_is_told_from_a_stranger(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        t.sendto(fd, b"a", "10.0.0.2", 7)
        packet = bytearray(quoted(t))
        assert Packet(bytes(14)[:12] + b"\x08\x00" + bytes(packet[4:])).dport == 7
        packet[4 + 20 : 4 + 22] = b"\x00\x09"
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 3, bytes(packet)))
        assert ask(t, fd) == EAGAIN
        t.close(fd)

    bench.run(body)


def extension(*objects, version=2, spoil=0):
    """An ICMP extension (RFC 4884 section 7) of objects, each its bytes behind the length."""
    raw = bytes([version << 4, 0, 0, 0])
    raw += b"".join((4 + len(body)).to_bytes(2, "big") + b"\x01\x01" + body for body in objects)
    return raw[:2] + (csum_fold(csum_bytes(raw)) ^ spoil).to_bytes(2, "big") + raw[4:]


def test_where_an_extension_begins(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_IP, IP_RECVERR_RFC4884, 2) == -errno.EINVAL
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)

        def told(words, extended, size=128, type=11):
            t.sendto(fd, bytes(range(200)), "10.0.0.2", 7)
            packet = t.take()[0][14 : 14 + size].ljust(size, b"\0")
            t.inject_ip(icmp("10.0.0.9", "10.0.0.1", type, 0, bytes([0, words, 0, 0]) + packet + extended))
            data, error, _, _, _, _ = ask(t, fd)
            return data[error[6] & 0xFFFF :] if error[6] else None, error[6] >> 16

        label = extension(b"\0\1\2\3")
        # 128 bytes are quoted, of which 28 are headers: behind what is left of them the extension begins.
        assert told(32, label) == (None, 0)
        assert t.setsockopt(fd, SOL_IP, IP_RECVERR_RFC4884, 1) == 0
        assert t.getsockopt_int(fd, SOL_IP, IP_RECVERR_RFC4884) == 1
        assert told(32, label) == (label, 0) and told(32, label, type=3) == (label, 0)
        assert told(32, extension()) == (extension(), 0)
        assert told(36, label, size=144) == (label, 0)
        # Without a length, with too small a one, and with nothing there, there is none.
        for words, extended in ((0, label), (31, label), (40, label), (32, b"\x20\0\0")):
            assert told(words, extended) == (None, 0)
        # What is not well formed is told, and that it is not.
        short = extension(b"\0\1\2\3")[:-1]
        wrong_sizes = (b"\x20\0\0\0\0\3\1\1", b"\x20\0\0\0\0\x09\1\1", short)
        for extended in (extension(b"\0", version=1), extension(b"\0\0\0\0", spoil=1), *wrong_sizes):
            assert told(32, extended) == (extended, SO_EE_RFC4884_FLAG_INVALID), extended
        # A sum of 0 is none.
        assert told(32, label[:2] + bytes(2) + label[4:])[1] == 0
        t.close(fd)

    bench.run(body)
