"""Control messages of received and sent packets (ip(7), socket(7), cmsg(3))."""

import struct

import pytest
from messages import cmsg, recvmsg, sendmsg
from netbench import MAC, PEER_MAC, Packet, ip, sockaddr, udp

from kernel.uapi import errno
from kernel.uapi.in_ import (
    IP_ORIGDSTADDR,
    IP_PKTINFO,
    IP_PROTOCOL,
    IP_RECVOPTS,
    IP_RECVORIGDSTADDR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_RETOPTS,
    IP_TOS,
    IP_TTL,
    IPPROTO_ICMP,
)
from kernel.uapi.socket import (
    AF_INET,
    MSG_CTRUNC,
    MSG_DONTROUTE,
    SO_DONTROUTE,
    SO_MARK,
    SO_PRIORITY,
    SO_RCVBUF,
    SO_RCVMARK,
    SO_RCVPRIORITY,
    SO_RXQ_OVFL,
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPNS,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_IP,
    SOL_SOCKET,
)
from kernel.uapi.sockios import SIOCGSTAMP, SIOCGSTAMPNS

EINVAL, ENOENT, ENODEV = -errno.EINVAL, -errno.ENOENT, -errno.ENODEV
ENETUNREACH = -errno.ENETUNREACH


def receiver(t, *options):
    fd = t.socket(AF_INET, SOCK_DGRAM)
    assert t.bind(fd, "0.0.0.0", 5000) == 0
    for option in options:
        assert t.setsockopt(fd, SOL_IP, option, 1) == 0
    return fd


def test_what_a_packet_brought_comes_in_linux_order(bench):
    def body(t):
        fd = receiver(t, IP_RECVORIGDSTADDR, IP_RECVTOS, IP_RECVTTL, IP_PKTINFO)
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x", ttl=17, tos=0x88))
        data, control, flags, _ = recvmsg(t, fd)
        assert data == b"x" and flags == 0
        assert [(level, kind) for level, kind, _ in control] == [
            (SOL_IP, IP_PKTINFO), (SOL_IP, IP_TTL), (SOL_IP, IP_TOS), (SOL_IP, IP_ORIGDSTADDR),
        ]
        info, ttl, tos, original = [value for _, _, value in control]
        assert info == struct.pack("<i", t.dev.ifindex) + ip("10.0.0.1").to_bytes(4, "big") * 2
        assert ttl == struct.pack("<i", 17) and tos == b"\x88"
        assert original == sockaddr("10.0.0.1", 5000)
        t.close(fd)

    bench.run(body)


def test_options_of_a_packet_and_their_echo(bench):
    def body(t):
        fd = receiver(t, IP_RECVOPTS, IP_RETOPTS)
        # A route to record, with room for three: the sender's router and, on arrival, ourselves are in it.
        route = bytes([7, 15, 8]) + ip("10.0.0.9").to_bytes(4, "big") + bytes(8) + b"\0"
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x", options=route))
        (_, _, got), (_, _, echo) = recvmsg(t, fd)[1]
        assert got[:3] == bytes([7, 15, 12]) and got[7:11] == ip("10.0.0.1").to_bytes(4, "big")
        # The echo goes on behind what is recorded, with a place for our own address.
        assert echo == bytes([7, 15, 16]) + got[3:15] + b"\0"
        t.close(fd)

    bench.run(body)


def test_control_messages_that_do_not_fit_are_cut(bench):
    def body(t):
        fd = receiver(t, IP_PKTINFO, IP_RECVTTL)
        # The first takes 28 bytes and its padding 4, the second one 20; what is cut says in its header how much there is.
        fits = [(512, [12, 4]), (56, [12, 4]), (52, [12, 4])]
        cut = [(51, [12, 3]), (48, [12, 0]), (47, [12]), (32, [12]), (28, [12]), (20, [4]), (16, [0]), (15, []), (0, [])]
        for room, expected in fits + cut:
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x"))
            _, control, flags, _ = recvmsg(t, fd, room=room)
            assert [len(value) for _, _, value in control] == expected, room
            assert flags == (0 if (room, expected) in fits else MSG_CTRUNC), room
        t.close(fd)

    bench.run(body)


def test_source_device_and_header_fields_by_control_message(bench):
    def body(t):
        t.know("10.0.0.2")
        t.add_address(t.dev, "10.0.0.77/24")
        t.take()
        fd = t.socket(AF_INET, SOCK_DGRAM)
        to = sockaddr("10.0.0.2", 7)
        info = struct.pack("<i", t.dev.ifindex) + ip("10.0.0.77").to_bytes(4, "big") + bytes(4)
        control = cmsg(SOL_IP, IP_PKTINFO, info) + cmsg(SOL_IP, IP_TTL, struct.pack("<i", 3))
        assert sendmsg(t, fd, b"x", to, control + cmsg(SOL_IP, IP_TOS, b"\x10")) == 1
        packet = Packet(t.take()[0])
        assert (packet.source, packet.ttl, packet.tos) == ("10.0.0.77", 3, 0x10)
        # Of the socket itself nothing has changed.
        assert sendmsg(t, fd, b"x", to) == 1
        packet = Packet(t.take()[0])
        assert (packet.source, packet.ttl, packet.tos) == ("10.0.0.1", 64, 0)
        # Record route as an option of one packet.
        assert sendmsg(t, fd, b"x", to, cmsg(SOL_IP, IP_RETOPTS, bytes([7, 7, 4]) + bytes(4))) == 1
        assert Packet(t.take()[0]).options[:3] == bytes([7, 7, 4])
        t.close(fd)

    bench.run(body)


PKTINFO_ELSEWHERE = struct.pack("<i", 99) + bytes(8)
PKTINFO_FOREIGN = bytes(4) + ip("9.9.9.9").to_bytes(4, "big") + bytes(4)


@pytest.mark.parametrize(
    ("level", "kind", "data", "error"),
    [
        (SOL_IP, IP_PKTINFO, bytes(11), EINVAL),
        (SOL_IP, IP_PKTINFO, PKTINFO_ELSEWHERE, ENODEV),
        (SOL_IP, IP_PKTINFO, PKTINFO_FOREIGN, ENETUNREACH),
        (SOL_IP, IP_TTL, struct.pack("<i", 0), EINVAL),
        (SOL_IP, IP_TTL, struct.pack("<i", 256), EINVAL),
        (SOL_IP, IP_TTL, b"\x05", EINVAL),
        (SOL_IP, IP_TOS, struct.pack("<i", 256), EINVAL),
        (SOL_IP, 99, struct.pack("<i", 1), EINVAL),
        (SOL_SOCKET, 99, struct.pack("<i", 1), EINVAL),
        (SOL_SOCKET, SO_MARK, bytes(8), EINVAL),
        (99, 99, b"", 1),
    ],
)
def test_control_messages_that_are_refused(bench, level, kind, data, error):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert sendmsg(t, fd, b"x", sockaddr("10.0.0.2", 7), cmsg(level, kind, data)) == error
        assert len(t.take()) == (1 if error > 0 else 0)
        t.close(fd)

    bench.run(body)


def test_a_length_that_lies_is_refused(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for length in (0, 15, 25, 1 << 40):
            raw = struct.pack("<Qii", length, SOL_IP, IP_TTL) + struct.pack("<ii", 3, 0)
            assert sendmsg(t, fd, b"x", sockaddr("10.0.0.2", 7), raw) == EINVAL
        t.close(fd)

    bench.run(body)


def test_mark_and_priority_of_one_packet(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "127.0.0.1", 5000)
        assert t.setsockopt(fd, SOL_SOCKET, SO_RCVMARK, 1) == 0
        control = cmsg(SOL_SOCKET, SO_MARK, struct.pack("<I", 77)) + cmsg(SOL_SOCKET, SO_PRIORITY, struct.pack("<I", 5))
        assert sendmsg(t, fd, b"x", sockaddr("127.0.0.1", 5000), control) == 1
        # lo hands the very sk_buff over, its mark with it.
        assert recvmsg(t, fd)[1] == [(SOL_SOCKET, SO_MARK, struct.pack("<I", 77))]
        assert sendmsg(t, fd, b"x", sockaddr("127.0.0.1", 5000)) == 1
        assert recvmsg(t, fd)[1] == [(SOL_SOCKET, SO_MARK, bytes(4))]
        t.close(fd)

    bench.run(body)


def test_a_protocol_of_one_raw_packet(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
        assert sendmsg(t, fd, bytes(8), sockaddr("10.0.0.2", 0), cmsg(SOL_IP, IP_PROTOCOL, struct.pack("<i", 99))) == 8
        assert Packet(t.take()[0]).protocol == 99
        t.close(fd)

    bench.run(body)


def test_drops_are_counted_in_the_next_packet(bench):
    def body(t):
        fd = receiver(t)
        assert t.setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) == 0
        t.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 1)
        for _ in range(6):
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, bytes(1000)))
        lost = 0
        while True:
            got = recvmsg(t, fd)
            if isinstance(got, int):
                break
            assert got[1] == []
            lost += 1
        lost = 6 - lost
        assert lost > 0
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x"))
        assert recvmsg(t, fd)[1] == [(SOL_SOCKET, SO_RXQ_OVFL, struct.pack("<I", lost))]
        t.close(fd)

    bench.run(body)


def test_times_of_received_packets(bench):
    def body(t):
        fd = receiver(t)
        buffer = bytearray(16)
        assert t.ioctl(fd, SIOCGSTAMP, buffer) == ENOENT
        for option, unit in ((SO_TIMESTAMP, 1000), (SO_TIMESTAMPNS, 1), (SO_TIMESTAMP_NEW, 1000)):
            assert t.setsockopt(fd, SOL_SOCKET, option, 1) == 0
            assert t.getsockopt_int(fd, SOL_SOCKET, option) == 1
            t.sleep(1)
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x"))
            came = t.kernel.boot_time + t.kernel.timers.now()
            t.sleep(1)
            [(level, kind, data)] = recvmsg(t, fd)[1]
            assert (level, kind) == (SOL_SOCKET, option)
            seconds, fraction = struct.unpack("<qq", data)
            assert abs(seconds * 10**9 + fraction * unit - came) < 10**5
            assert t.ioctl(fd, SIOCGSTAMPNS, buffer) == 0
            seconds, fraction = struct.unpack("<qq", buffer)
            assert abs(seconds * 10**9 + fraction - came) < 10**5
        # One at a time: the last one that was switched on.
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_TIMESTAMPNS) == 0
        assert t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP_NEW, 0) == 0
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x"))
        assert recvmsg(t, fd)[1] == []
        t.close(fd)
        assert t.net.softnet.netstamp_needed == 0

    bench.run(body)


def test_dontroute_reaches_neighbours_only(bench):
    def body(t):
        from kernel.net.ipv4.fib_frontend import fib_add_route

        t.know("10.0.0.2")
        assert fib_add_route(t.net, 0, 0, ip("10.0.0.2"), t.dev) == 0
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.sendto(fd, b"x", "10.0.0.2", 7, MSG_DONTROUTE) == 1
        assert t.sendto(fd, b"x", "93.184.216.34", 7) == 1
        assert t.sendto(fd, b"x", "93.184.216.34", 7, MSG_DONTROUTE) == -errno.ENETUNREACH
        t.setsockopt(fd, SOL_SOCKET, SO_DONTROUTE, 1)
        assert t.sendto(fd, b"x", "93.184.216.34", 7) == -errno.ENETUNREACH
        assert t.connect(fd, "93.184.216.34", 7) == -errno.ENETUNREACH
        assert [frame[:12] for frame in t.take()] == [PEER_MAC + MAC] * 2
        t.close(fd)

    bench.run(body)


def test_the_priority_of_a_packet_is_told(bench):
    def body(t):
        receiver, sender = (t.socket(AF_INET, SOCK_DGRAM) for _ in range(2))
        t.bind(receiver, "127.0.0.1", 5000)
        assert t.setsockopt(receiver, SOL_SOCKET, SO_RCVPRIORITY, 1) == 0
        assert t.setsockopt(sender, SOL_SOCKET, SO_PRIORITY, 5) == 0
        t.sendto(sender, b"x", "127.0.0.1", 5000)
        assert recvmsg(t, receiver)[1] == [(SOL_SOCKET, SO_PRIORITY, struct.pack("<I", 5))]
        t.close(receiver)
        t.close(sender)

    bench.run(body)
