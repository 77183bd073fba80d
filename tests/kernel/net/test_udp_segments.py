"""UDP_SEGMENT and UDP_GRO (udp(7)), MSG_PEEK with SO_PEEK_OFF, and binding options of datagram sockets."""

import struct

import pytest
from messages import cmsg, recvmsg, sendmsg
from netbench import Packet, sockaddr, udp

from kernel.uapi import errno
from kernel.uapi.in_ import IP_FREEBIND, IP_LOCAL_PORT_RANGE, IP_TRANSPARENT, IP_UNICAST_IF
from kernel.uapi.socket import (
    AF_INET,
    MSG_DONTWAIT,
    MSG_MORE,
    MSG_PEEK,
    MSG_TRUNC,
    SO_NO_CHECK,
    SO_PEEK_OFF,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_IP,
    SOL_SOCKET,
    SOL_UDP,
)
from kernel.uapi.udp import UDP_GRO, UDP_SEGMENT

EINVAL, EAGAIN, EMSGSIZE = -errno.EINVAL, -errno.EAGAIN, -errno.EMSGSIZE
ENETUNREACH = -errno.ENETUNREACH
PEEK = MSG_PEEK | MSG_DONTWAIT


def test_one_send_makes_many_datagrams(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_UDP, UDP_SEGMENT, 4) == 0 and t.getsockopt_int(fd, SOL_UDP, UDP_SEGMENT) == 4
        assert t.sendto(fd, b"abcdefghij", "10.0.0.2", 7) == 10
        assert [Packet(frame).data for frame in t.take()] == [b"abcd", b"efgh", b"ij"]
        # One that fits is an ordinary datagram; a control message has the last word.
        assert t.sendto(fd, b"abc", "10.0.0.2", 7) == 3
        assert sendmsg(t, fd, b"abcdef", sockaddr("10.0.0.2", 7), cmsg(SOL_UDP, UDP_SEGMENT, struct.pack("<H", 3))) == 6
        assert [Packet(frame).data for frame in t.take()] == [b"abc", b"abc", b"def"]
        # Put together from several sends.
        assert t.sendto(fd, b"abc", "10.0.0.2", 7, MSG_MORE) == 3 and t.sendto(fd, b"def", "10.0.0.2", 7) == 3
        assert [Packet(frame).data for frame in t.take()] == [b"abcd", b"ef"]
        t.close(fd)

    bench.run(body)


def test_segments_that_can_not_be(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for value in (-1, 65536):
            assert t.setsockopt(fd, SOL_UDP, UDP_SEGMENT, value) == EINVAL
        t.setsockopt(fd, SOL_UDP, UDP_SEGMENT, 1473)
        assert t.sendto(fd, bytes(3000), "10.0.0.2", 7) == EMSGSIZE
        t.setsockopt(fd, SOL_UDP, UDP_SEGMENT, 10)
        assert t.sendto(fd, bytes(1281), "10.0.0.2", 7) == EINVAL
        assert t.sendto(fd, bytes(1280), "10.0.0.2", 7) == 1280 and len(t.take()) == 128
        t.setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, 1)
        assert t.sendto(fd, bytes(20), "10.0.0.2", 7) == EINVAL
        bad = cmsg(SOL_UDP, UDP_SEGMENT, struct.pack("<I", 3))
        assert sendmsg(t, fd, b"abcdef", sockaddr("10.0.0.2", 7), bad) == EINVAL
        t.close(fd)

    bench.run(body)


def test_over_lo_they_arrive_in_one_piece_for_who_wants_it(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "127.0.0.1", 5000)
        t.setsockopt(fd, SOL_UDP, UDP_SEGMENT, 4)
        assert t.sendto(fd, b"abcdefghij", "127.0.0.1", 5000) == 10
        port = t.getname(fd)
        for piece in (b"abcd", b"efgh", b"ij"):
            assert t.recvfrom(fd) == (piece, port)
        assert t.recvfrom(fd) == EAGAIN
        assert t.setsockopt(fd, SOL_UDP, UDP_GRO, 1) == 0
        assert t.sendto(fd, b"abcdefghij", "127.0.0.1", 5000) == 10
        data, control, _, _ = recvmsg(t, fd)
        assert data == b"abcdefghij" and control == [(SOL_UDP, UDP_GRO, struct.pack("<i", 4))]
        t.close(fd)

    bench.run(body)


def test_peeking_walks_along_the_queue(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_PEEK_OFF) == -1
        for payload in (b"abcd", b"", b"efgh"):
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, payload))
        t.setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, 1)
        assert t.recvfrom(fd, 2, PEEK)[0] == b"bc"
        assert t.recvfrom(fd, 9, PEEK)[0] == b"d"
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_PEEK_OFF) == 4
        assert t.recvfrom(fd, 9, PEEK)[0] == b""
        # Reading takes away in front of the place that peeking has reached.
        assert t.recvfrom(fd)[0] == b"abcd" and t.getsockopt_int(fd, SOL_SOCKET, SO_PEEK_OFF) == 0
        assert t.recvfrom(fd)[0] == b""
        data, _, flags, _ = recvmsg(t, fd, PEEK, 3)
        assert data == b"efg" and flags == MSG_TRUNC
        assert t.recvfrom(fd, 9, PEEK)[0] == b"h" and t.recvfrom(fd, 9, PEEK) == EAGAIN
        t.close(fd)
        raw = t.socket(AF_INET, SOCK_RAW, 99)
        assert t.setsockopt(raw, SOL_SOCKET, SO_PEEK_OFF, 0) == -errno.EOPNOTSUPP
        t.close(raw)

    bench.run(body)


def test_a_port_range_of_ones_own(bench):
    def body(t):
        found = []
        for _ in range(4):
            fd = t.socket(AF_INET, SOCK_DGRAM)
            assert t.setsockopt(fd, SOL_IP, IP_LOCAL_PORT_RANGE, struct.pack("<HH", 40000, 40002)) == 0
            assert t.getsockopt_int(fd, SOL_IP, IP_LOCAL_PORT_RANGE) & 0xFFFFFFFF == 40000 | 40002 << 16
            found.append((t.bind(fd, "10.0.0.1", 0), fd))
        # The fourth has none left.
        assert [result for result, _ in found] == [0, 0, 0, -errno.EADDRINUSE]
        assert sorted(t.getname(fd)[1] for _, fd in found[:3]) == [40000, 40001, 40002]
        assert t.setsockopt(found[3][1], SOL_IP, IP_LOCAL_PORT_RANGE, 5 | 4 << 16) == EINVAL
        for _, fd in found:
            t.close(fd)

    bench.run(body)


@pytest.mark.parametrize(("option", "sends"), [(None, None), (IP_FREEBIND, False), (IP_TRANSPARENT, True)])
def test_addresses_that_are_not_ours(bench, option, sends):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        if option is None:
            assert t.bind(fd, "9.9.9.9", 5000) == -errno.EADDRNOTAVAIL
        else:
            assert t.setsockopt(fd, SOL_IP, option, 1) == 0 and t.bind(fd, "9.9.9.9", 5000) == 0
            # Only who is transparent may pretend to be somebody else.
            assert t.sendto(fd, b"x", "10.0.0.2", 7) == (1 if sends else ENETUNREACH)
        t.close(fd)

    bench.run(body)


def test_the_device_of_unicast_packets(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_IP, IP_UNICAST_IF, struct.pack(">i", 99)) == -errno.EADDRNOTAVAIL
        other = t.add_device("eth1", bytes.fromhex("020000000009"), "10.1.0.1/24")
        t.know("10.0.0.2", dev=other)
        assert t.setsockopt(fd, SOL_IP, IP_UNICAST_IF, struct.pack(">i", other.ifindex)) == 0
        assert t.getsockopt(fd, SOL_IP, IP_UNICAST_IF) == struct.pack(">i", other.ifindex)
        t.take(), t.take(other)
        assert t.sendto(fd, b"x", "10.0.0.2", 7) == 1
        assert t.take() == [] and Packet(t.take(other)[-1]).source == "10.1.0.1"
        t.close(fd)

    bench.run(body)
