"""Raw, ping and packet sockets; socketpair; multicast."""

import pytest
from netbench import BROADCAST, MAC, PEER_MAC, Packet, icmp, ip, ipv4, udp

from kernel.uapi import errno
from kernel.uapi.if_packet import PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS
from kernel.uapi.in_ import (
    IP_ADD_MEMBERSHIP,
    IP_DROP_MEMBERSHIP,
    IP_MTU_DISCOVER,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_PMTUDISC_DO,
    IP_PMTUDISC_PROBE,
    IP_RECVERR,
)
from kernel.uapi.poll import POLLHUP, POLLIN
from kernel.uapi.socket import (
    AF_INET,
    AF_PACKET,
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_IP,
    SOL_PACKET,
    SOL_RAW,
)

EAGAIN = -errno.EAGAIN


def test_ping_sockets(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM, 1)
        assert t.sendto(fd, b"\x08\0\0\0\0\0\0\7data", "10.0.0.2") == 12
        request = Packet(t.take()[0])
        assert (request.icmp_type, request.data) == (8, b"data")
        ident = request.payload[4:6]
        assert int.from_bytes(ident, "big") == t.getname(fd)[1]
        for other in (bytes([ident[0] ^ 1, ident[1]]), ident):
            t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 0, 0, other + b"\0\7data"))
        data, origin = t.recvfrom(fd)
        assert data[0] == 0 and data[8:] == b"data" and origin == ("10.0.0.2", 0)
        assert t.recvfrom(fd) == EAGAIN
        assert t.drops() == {"NO_SOCKET": 1}
        assert t.sendto(fd, b"\0\0\0\0\0\0\0\7", "10.0.0.2") == -errno.EINVAL
        assert t.sendto(fd, b"\x08\0", "10.0.0.2") == -errno.EINVAL
        # Large ones go in fragments and come back whole through lo.
        assert t.sendto(fd, b"\x08\0\0\0\0\0\0\1" + bytes(60000), "127.0.0.1") == 60008
        assert len(t.recvfrom(fd)[0]) == 60008
        t.close(fd)

    bench.run(body)


def test_ping_errors(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM, 1)
        assert t.connect(fd, "10.0.0.2", 0) == 0
        t.sendto(fd, b"\x08\0\0\0\0\0\0\7")
        sent = t.take()[0][14:]
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 2, bytes(4) + sent))
        assert t.recvfrom(fd) == -errno.ENOPROTOOPT
        t.close(fd)

    bench.run(body)


def test_raw_sockets_see_whole_packets(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_RAW, 1)
        quiet = t.socket(AF_INET, SOCK_RAW, 1)
        assert t.setsockopt(quiet, SOL_RAW, 1, 1 << 8) == 0
        packet = icmp("10.0.0.2", "10.0.0.1", 8, 0, b"\0\1\0\1raw")
        t.inject_ip(packet)
        assert t.recvfrom(fd) == (packet, ("10.0.0.2", 0))
        assert t.recvfrom(quiet) == EAGAIN
        assert Packet(t.take()[0]).icmp_type == 0
        assert t.sendto(fd, b"\x08\0\xf7\xfe\0\1\0\0", "10.0.0.2") == 8
        assert Packet(t.take()[0]).icmp_type == 8
        assert t.socket(AF_INET, SOCK_RAW, 0) == -errno.EPROTONOSUPPORT
        t.close(fd)
        t.close(quiet)

    bench.run(body)


def test_raw_with_a_header_of_its_own(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_RAW, 255)
        mine = ipv4("0.0.0.0", "10.0.0.2", 253, b"12345678", ident=0, ttl=3)
        assert t.sendto(fd, mine, "10.0.0.2") == 28
        packet = Packet(t.take()[0])
        assert (packet.source, packet.ttl, packet.protocol) == ("10.0.0.1", 3, 253) and packet.ident
        for bad in (mine[:10], b"\x4f" + mine[1:], b"\x41" + mine[1:]):
            assert t.sendto(fd, bad, "10.0.0.2") == -errno.EINVAL
        assert t.sendto(fd, mine + bytes(1500), "10.0.0.2") == -errno.EMSGSIZE
        t.close(fd)

    bench.run(body)


def test_raw_claims_an_unknown_protocol(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_RAW, 253)
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 253, b"x"))
        assert t.take() == []
        assert t.recvfrom(fd)[0][20:] == b"x"
        t.close(fd)

    bench.run(body)


def sockaddr_ll(ifindex, protocol=0, address=b""):
    return (17).to_bytes(2, "little") + protocol.to_bytes(2, "big") + ifindex.to_bytes(4, "little") + bytes(3) + bytes(
        [len(address)]
    ) + address.ljust(8, b"\0")


def receive_ll(t, fd):
    buffer, name, length = bytearray(2048), bytearray(32), bytearray((32).to_bytes(4, "little"))
    result = t.socketcall(12, fd, buffer, 2048, MSG_DONTWAIT, name, length)
    if result < 0:
        return result
    assert length[0] == 20
    return bytes(buffer[:result]), name[10], int.from_bytes(name[2:4], "big"), bytes(name[12:18])


def test_packet_sockets_tap_both_directions(bench):
    def body(t):
        t.know("10.0.0.2")
        raw = t.socket(AF_PACKET, SOCK_RAW, 0x0300)
        cooked = t.socket(AF_PACKET, SOCK_DGRAM, 0x0008)
        frame = MAC + PEER_MAC + b"\x08\x00" + icmp("10.0.0.2", "10.0.0.1", 8, 0, b"\0\1\0\1tap")
        t.inject(frame)
        assert receive_ll(t, raw) == (frame, 0, 0x800, PEER_MAC)
        outgoing = receive_ll(t, raw)
        assert outgoing[0] == t.take()[0] and outgoing[1] == 4
        # A protocol's own hook sees what comes in, without the link header.
        assert receive_ll(t, cooked) == (frame[14:], 0, 0x800, PEER_MAC)
        assert receive_ll(t, cooked) == EAGAIN
        other = bytes.fromhex("0200000000ff") + PEER_MAC + b"\x12\x34" + bytes(50)
        t.inject(other)
        assert receive_ll(t, raw) == (other, 3, 0x1234, PEER_MAC)
        statistics = t.getsockopt(raw, SOL_PACKET, PACKET_STATISTICS, 8)
        assert int.from_bytes(statistics[:4], "little") == 3 and statistics[4:] == bytes(4)
        assert t.getsockopt(raw, SOL_PACKET, PACKET_STATISTICS, 8) == bytes(8)
        t.close(raw)
        t.close(cooked)
        t.inject(frame)
        assert len(t.take()) == 1

    bench.run(body)


def test_packet_sockets_send_and_bind(bench):
    def body(t):
        fd = t.socket(AF_PACKET, SOCK_RAW, 0)
        assert t.sendto(fd, bytes(60)) == -errno.ENXIO
        assert t.socketcall(2, fd, sockaddr_ll(99), 20) == -errno.ENODEV
        assert t.socketcall(2, fd, sockaddr_ll(t.dev.ifindex, 0x88B5), 20) == 0
        frame = PEER_MAC + MAC + b"\x88\xb5" + bytes(46)
        assert t.sendto(fd, frame) == 60
        assert t.take() == [frame]
        assert t.sendto(fd, bytes(10)) == -errno.EINVAL
        assert t.sendto(fd, bytes(1519)) == -errno.EMSGSIZE
        t.inject(MAC + PEER_MAC + b"\x88\xb5" + b"mine")
        t.inject(MAC + PEER_MAC + b"\x88\xb6" + b"not mine")
        assert receive_ll(t, fd)[0][14:] == b"mine"
        assert receive_ll(t, fd) == EAGAIN
        cooked = t.socket(AF_PACKET, SOCK_DGRAM, 0)
        name = sockaddr_ll(t.dev.ifindex, 0x88B5, PEER_MAC)
        assert t.socketcall(11, cooked, b"body", 4, 0, name, 20) == 4
        assert t.take() == [PEER_MAC + MAC + b"\x88\xb5body"]
        assert t.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, t.dev.ifindex.to_bytes(4, "little") + b"\1\0" + bytes(10)) == 0
        assert t.dev.flags & 0x100
        from kernel.net.core.dev import dev_close

        dev_close(t.dev)
        assert t.recvfrom(fd) == -errno.ENETDOWN
        assert t.sendto(fd, frame) == -errno.ENETDOWN
        t.close(fd)
        t.close(cooked)
        assert not t.dev.flags & 0x100

    bench.run(body)


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
def test_socketpair(bench, kind):
    def body(t):
        pair = bytearray(8)
        assert t.socketcall(8, AF_UNIX, kind, 0, pair) == 0
        a, b = (int.from_bytes(pair[i : i + 4], "little") for i in (0, 4))
        data = bytes(i & 255 for i in range(20000))
        assert t.sendto(a, data) == 20000
        assert t.sendto(a, b"more") == 4
        first, _ = t.recvfrom(b, 19000)
        assert first == data[:19000]
        rest, _ = t.recvfrom(b, 5000)
        assert rest == (data[19000:] + b"more" if kind == SOCK_STREAM else b"more")
        assert t.recvfrom(b) == EAGAIN
        t.close(a)
        if kind == SOCK_STREAM:
            assert t.recvfrom(b)[0] == b""
            assert t.poll(b, POLLIN) & (POLLIN | POLLHUP) == POLLIN | POLLHUP
            assert t.sendto(b, b"x", flags=0x4000) == -errno.EPIPE
        t.close(b)
        assert t.socketcall(8, AF_INET, kind, 0, pair) == -errno.EOPNOTSUPP

    bench.run(body)


def test_a_full_socketpair_blocks(bench):
    def body(t):
        pair = bytearray(8)
        t.socketcall(8, AF_UNIX, SOCK_STREAM, 0, pair)
        a, b = pair[0], pair[4]
        total = 0
        while True:
            sent = t.sendto(a, bytes(10000), flags=MSG_DONTWAIT)
            if sent < 0:
                break
            total += sent
        assert sent == EAGAIN and total > 100000
        got = 0
        while True:
            result = t.recvfrom(b)
            if result == EAGAIN:
                break
            got += len(result[0])
        assert got == total
        assert t.sendto(a, b"again", flags=MSG_DONTWAIT) == 5
        t.close(a)
        t.close(b)

    bench.run(body)


def test_multicast(bench):
    def body(t):
        group = "239.1.2.3"
        t.kernel.sysctl.write("net.ipv4.conf.all.force_igmp_version", "2")
        mreq = ip(group).to_bytes(4, "big") + ip("10.0.0.1").to_bytes(4, "big")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 5000)
        link = bytes.fromhex("01005e010203")
        datagram = udp("10.0.0.2", 4000, group, 5000, b"group")
        t.inject_ip(datagram, dst_mac=link)
        assert t.recvfrom(fd) == EAGAIN
        assert t.setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, mreq) == 0
        report = Packet(t.take()[0])
        assert (report.protocol, report.ttl, report.destination, report.dst_mac) == (2, 1, group, link)
        assert report.options == b"\x94\4\0\0" and report.payload[0] == 0x16
        assert link in t.dev.mc_list
        assert t.setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, mreq) == -errno.EADDRINUSE
        t.inject_ip(datagram, dst_mac=link)
        assert t.recvfrom(fd)[0] == b"group"
        # A query is answered within its time.
        query = ipv4("10.0.0.9", "224.0.0.1", 2, b"\x11\x64\xee\x9b\0\0\0\0", ttl=1)
        t.inject_ip(query, dst_mac=bytes.fromhex("01005e000001"))
        t.sleep(11)
        assert [Packet(frame).payload[0] for frame in t.take()] == [0x16]
        # What we send ourselves is heard, unless we do not want to.
        from kernel.net.ipv4.fib_frontend import fib_add_route

        fib_add_route(t.net, ip("224.0.0.0"), 4, dev=t.dev)
        t.setsockopt(fd, SOL_IP, IP_MULTICAST_TTL, 3)
        assert t.sendto(fd, b"mine", group, 5000) == 4
        sent = Packet(t.take()[0])
        assert sent.ttl == 3 and sent.dst_mac == link
        t.sleep(0.01)
        assert t.recvfrom(fd)[0] == b"mine"
        t.setsockopt(fd, SOL_IP, IP_MULTICAST_LOOP, 0)
        t.sendto(fd, b"mine", group, 5000)
        t.sleep(0.01)
        assert t.recvfrom(fd) == EAGAIN
        t.take()
        assert t.setsockopt(fd, SOL_IP, IP_DROP_MEMBERSHIP, mreq) == 0
        assert Packet(t.take()[0]).payload[0] == 0x17 and link not in t.dev.mc_list
        assert t.setsockopt(fd, SOL_IP, IP_DROP_MEMBERSHIP, mreq) == -errno.EADDRNOTAVAIL
        assert link != BROADCAST
        t.close(fd)

    bench.run(body)


@pytest.mark.parametrize(("type", "protocol", "head"), [(SOCK_DGRAM, 1, b"\x08" + bytes(7)), (SOCK_RAW, 253, b"")])
def test_path_mtu_discovery_refuses_what_it_would_have_to_fragment(bench, type, protocol, head):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, type, protocol)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        # Without path MTU discovery in the way: fragments, no DF.
        assert t.sendto(fd, head + bytes(1500 - len(head)), "10.0.0.2") == 1500
        assert [Packet(frame).df for frame in t.take()] == [False, False]
        assert t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO) == 0
        assert t.sendto(fd, head + bytes(1480 - len(head)), "10.0.0.2") == 1480
        assert [Packet(frame).df for frame in t.take()] == [True]
        for how in (IP_PMTUDISC_DO, IP_PMTUDISC_PROBE):
            t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, how)
            assert t.sendto(fd, head + bytes(1481 - len(head)), "10.0.0.2") == -errno.EMSGSIZE
            assert t.take() == []
            # The error queue says how much would have fitted.
            _, control, _ = t.recvmsg(fd, flags=MSG_ERRQUEUE | MSG_DONTWAIT)
            error = control[SOL_IP, IP_RECVERR]
            assert error[:5] == errno.EMSGSIZE.to_bytes(4, "little") + b"\x01"
            assert int.from_bytes(error[8:12], "little") == 1500
        t.close(fd)

    bench.run(body)


def test_a_probe_goes_out_whole_whatever_the_path_was_said_to_carry(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_RAW, 253)
        t.sendto(fd, bytes(1400), "10.0.0.2")
        sent = t.take()[0][14:]
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 4, (1000).to_bytes(4, "big") + sent[:28]))
        t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        assert t.sendto(fd, bytes(1400), "10.0.0.2") == -errno.EMSGSIZE
        t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        assert t.sendto(fd, bytes(1400), "10.0.0.2") == 1400
        (frame,) = t.take()
        assert Packet(frame).df and len(frame) == 1434
        t.close(fd)

    bench.run(body)
