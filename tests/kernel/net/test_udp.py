"""UDP through system calls and frames."""

from netbench import MAC, SECOND, Packet, icmp, ip, ipv4, udp, udp_datagram

from kernel.uapi import errno, socket
from kernel.uapi.in_ import IP_MTU_DISCOVER, IP_PKTINFO, IP_RECVERR, IP_RECVTTL, IP_TOS, IP_TTL
from kernel.uapi.poll import POLLERR, POLLIN, POLLOUT
from kernel.uapi.socket import (
    AF_INET,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_MORE,
    MSG_PEEK,
    MSG_TRUNC,
    SOCK_DGRAM,
    SOL_IP,
    SOL_SOCKET,
    SOL_UDP,
)
from kernel.uapi.udp import UDP_CORK, UDP_ENCAP, UDP_ENCAP_ESPINUDP, UDP_ENCAP_L2TPINUDP

EAGAIN = -errno.EAGAIN


def test_a_datagram_arrives_and_is_answered(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.bind(fd, "0.0.0.0", 5000) == 0
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"hello"))
        assert t.recvfrom(fd) == (b"hello", ("10.0.0.2", 4000))
        assert t.recvfrom(fd) == EAGAIN
        assert t.sendto(fd, b"answer", "10.0.0.2", 4000) == 6
        (frame,) = t.take()
        packet = Packet(frame)
        assert (packet.source, packet.sport, packet.destination, packet.dport) == ("10.0.0.1", 5000, "10.0.0.2", 4000)
        assert packet.data == b"answer"
        assert packet.ttl == 64 and packet.df
        t.close(fd)

    bench.run(body)


def test_bad_datagrams_are_counted_and_dropped(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 5000)
        good = udp_datagram("10.0.0.2", 4000, "10.0.0.1", 5000, b"hello")
        wrong_sum = good[:6] + bytes([good[6] ^ 1]) + good[7:]
        too_long = good[:4] + b"\x00\x40" + good[6:]
        too_short = good[:4] + b"\x00\x07" + good[6:]
        for datagram in (wrong_sum, too_long, too_short, good[:7]):
            t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, datagram))
        assert t.recvfrom(fd) == EAGAIN
        assert t.net.mib.UdpInErrors == 4 and t.net.mib.UdpInCsumErrors == 1
        assert t.drops() == {"UDP_CSUM": 1, "PKT_TOO_SMALL": 3}
        # No checksum at all is allowed, and bytes behind the datagram are cut off.
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"none", checksum=False))
        assert t.recvfrom(fd)[0] == b"none"
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, good + b"padding"))
        assert t.recvfrom(fd)[0] == b"hello"
        t.close(fd)

    bench.run(body)


def test_a_closed_port_is_answered_with_port_unreachable(bench):
    def body(t):
        t.know("10.0.0.2")
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 9, b"anybody?", ident=77))
        (frame,) = t.take()
        packet = Packet(frame)
        assert (packet.icmp_type, packet.icmp_code) == (3, 3)
        assert packet.tos == 0xC0
        assert packet.data == udp("10.0.0.2", 4000, "10.0.0.1", 9, b"anybody?", ident=77)
        assert t.net.mib.UdpNoPorts == 1
        # Not to a broadcast.
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.255", 9, b"anybody?"), dst_mac=b"\xff" * 6)
        assert t.take() == []

    bench.run(body)


def test_connected_sockets_hear_only_their_peer_and_its_errors(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.connect(fd, "10.0.0.2", 7) == 0
        assert t.getname(fd, 7) == ("10.0.0.2", 7)
        address, port = t.getname(fd)
        assert address == "10.0.0.1" and 32768 <= port <= 60999
        t.inject_ip(udp("10.0.0.3", 7, "10.0.0.1", port, b"stranger"))
        t.inject_ip(udp("10.0.0.2", 8, "10.0.0.1", port, b"wrong port"))
        assert t.recvfrom(fd) == EAGAIN
        t.inject_ip(udp("10.0.0.2", 7, "10.0.0.1", port, b"peer"))
        assert t.recvfrom(fd)[0] == b"peer"
        t.take()
        assert t.sendto(fd, b"x") == 1
        sent = t.take()[0][14:]
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 3, bytes(4) + sent))
        assert t.poll(fd, POLLIN) & POLLERR
        assert t.recvfrom(fd) == -errno.ECONNREFUSED
        assert t.recvfrom(fd) == EAGAIN
        # Undone by AF_UNSPEC: the automatic port goes, too.
        assert t.socketcall(3, fd, bytes(16), 16) == 0
        assert t.getname(fd, 7) == -errno.ENOTCONN
        assert t.sendto(fd, b"x") == -errno.EDESTADDRREQ
        t.close(fd)

    bench.run(body)


def test_the_error_queue(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_IP, IP_RECVERR, 1) == 0
        t.sendto(fd, b"payload", "10.0.0.2", 7)
        sent = t.take()[0][14:]
        t.inject_ip(icmp("10.0.0.9", "10.0.0.1", 3, 1, bytes(4) + sent))
        assert t.poll(fd, POLLIN) & POLLERR
        assert t.recvfrom(fd) == -errno.EHOSTUNREACH
        data, origin = t.recvfrom(fd, flags=MSG_ERRQUEUE)
        assert data == b"payload" and origin == ("10.0.0.2", 7)
        assert t.recvfrom(fd, flags=MSG_ERRQUEUE) == EAGAIN
        assert not t.poll(fd, POLLIN) & POLLERR
        t.close(fd)

    bench.run(body)


def test_peek_truncation_and_zero_length(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"0123456789"))
        assert t.recvfrom(fd, 4, MSG_PEEK)[0] == b"0123"
        assert t.recvfrom(fd, 4, MSG_PEEK | MSG_TRUNC)[0] == b"0123"
        buffer = bytearray(4)
        assert t.socketcall(12, fd, buffer, 4, MSG_TRUNC | MSG_DONTWAIT, 0, 0) == 10
        assert t.recvfrom(fd) == EAGAIN
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b""))
        assert t.poll(fd, POLLIN | POLLOUT) & POLLIN
        assert t.recvfrom(fd) == (b"", ("10.0.0.2", 4000))
        # A bad buffer loses the datagram, as in Linux.
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"gone"))
        assert t.socketcall(12, fd, 0x1234, 4, MSG_DONTWAIT, 0, 0) == -errno.EFAULT
        assert t.recvfrom(fd) == EAGAIN
        t.close(fd)

    bench.run(body)


def test_the_receive_buffer_is_bounded(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        assert t.setsockopt(fd, SOL_SOCKET, socket.SO_RCVBUF, 5000) == 0
        assert t.getsockopt_int(fd, SOL_SOCKET, socket.SO_RCVBUF) == 10000
        for _ in range(20):
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, bytes(1000)))
        kept = 0
        while t.recvfrom(fd) != EAGAIN:
            kept += 1
        assert 0 < kept < 10
        assert t.net.mib.UdpRcvbufErrors == 20 - kept == t.drops()["SOCKET_RCVBUFF"]
        t.close(fd)

    bench.run(body)


def test_ports_are_shared_only_by_agreement(bench):
    def body(t):
        first, second, third = (t.socket(AF_INET, SOCK_DGRAM) for _ in range(3))
        assert t.bind(first, "0.0.0.0", 5000) == 0
        assert t.bind(second, "10.0.0.1", 5000) == -errno.EADDRINUSE
        t.close(first)
        first = t.socket(AF_INET, SOCK_DGRAM)
        for fd in (first, second):
            assert t.setsockopt(fd, SOL_SOCKET, socket.SO_REUSEADDR, 1) == 0
        assert t.bind(first, "0.0.0.0", 5000) == 0
        assert t.bind(second, "10.0.0.1", 5000) == 0
        # The more specific one gets the datagram.
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"specific"))
        assert t.recvfrom(first) == EAGAIN and t.recvfrom(second)[0] == b"specific"
        assert t.bind(third, "1.2.3.4", 5001) == -errno.EADDRNOTAVAIL
        assert t.bind(third, "10.0.0.1", 5001) == 0
        assert t.bind(third, "10.0.0.1", 5002) == -errno.EINVAL
        for fd in (first, second, third):
            t.close(fd)

    bench.run(body)


def test_reuseport_spreads_flows(bench):
    def body(t):
        fds = [t.socket(AF_INET, SOCK_DGRAM) for _ in range(4)]
        for fd in fds:
            t.setsockopt(fd, SOL_SOCKET, socket.SO_REUSEPORT, 1)
            assert t.bind(fd, "0.0.0.0", 5000) == 0
        for port in range(1000, 1064):
            t.inject_ip(udp("10.0.0.2", port, "10.0.0.1", 5000, b"x"))
        counts = []
        for fd in fds:
            count = 0
            while t.recvfrom(fd) != EAGAIN:
                count += 1
            counts.append(count)
        assert sum(counts) == 64 and min(counts) > 4
        for fd in fds:
            t.close(fd)

    bench.run(body)


def test_broadcast_needs_permission(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.sendto(fd, b"x", "10.0.0.255", 9) == -errno.EACCES
        assert t.sendto(fd, b"x", "255.255.255.255", 9) in (-errno.EACCES, -errno.ENETUNREACH)
        assert t.connect(fd, "10.0.0.255", 9) == -errno.EACCES
        t.setsockopt(fd, SOL_SOCKET, socket.SO_BROADCAST, 1)
        assert t.sendto(fd, b"x", "10.0.0.255", 9) == 1
        packet = Packet(t.take()[0])
        assert packet.dst_mac == b"\xff" * 6 and packet.destination == "10.0.0.255"
        t.setsockopt(fd, SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
        assert t.sendto(fd, b"x", "255.255.255.255", 9) == 1
        packet = Packet(t.take()[0])
        assert packet.dst_mac == b"\xff" * 6 and packet.source == "10.0.0.1"
        t.close(fd)

    bench.run(body)


def test_a_broadcast_reaches_every_socket_of_the_port(bench):
    def body(t):
        fds = [t.socket(AF_INET, SOCK_DGRAM) for _ in range(2)]
        for fd in fds:
            t.setsockopt(fd, SOL_SOCKET, socket.SO_REUSEADDR, 1)
            t.bind(fd, "0.0.0.0", 5000)
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.255", 5000, b"all"), dst_mac=b"\xff" * 6)
        for fd in fds:
            assert t.recvfrom(fd)[0] == b"all"
            t.close(fd)

    bench.run(body)


def test_loopback_and_large_datagrams(bench):
    def body(t):
        server, client = t.socket(AF_INET, SOCK_DGRAM), t.socket(AF_INET, SOCK_DGRAM)
        t.bind(server, "127.0.0.1", 5000)
        big = bytes(range(256)) * 256
        for size in (0, 1, 1472, 16384, 16385, 65507):
            assert t.sendto(client, big[:size], "127.0.0.1", 5000) == size
            result = t.recvfrom(server, 70000)
            assert not isinstance(result, int), (size, result, t.drops())
            data, origin = result
            assert data == big[:size] and origin[0] == "127.0.0.1"
        assert t.sendto(client, big[:65508], "127.0.0.1", 5000) == -errno.EMSGSIZE
        t.close(server)
        t.close(client)

    bench.run(body)


def test_large_datagrams_leave_in_fragments_unless_forbidden(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        data = bytes(range(256)) * 16
        assert t.sendto(fd, data, "10.0.0.2", 9) == 4096
        packets = [Packet(frame) for frame in t.take()]
        assert len(packets) == 3
        assert [p.fragment for p in packets] == [0x2000, 0x2000 | 185, 370]
        assert len({p.ident for p in packets}) == 1
        whole = b"".join(p.payload for p in packets)
        assert whole[8:] == data
        # The sum over the pieces is right.
        Packet(packets[0].frame[:14] + ipv4("10.0.0.1", "10.0.0.2", 17, whole))
        assert t.net.mib.IpFragOKs == 1 and t.net.mib.IpFragCreates == 3
        t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, 2)
        assert t.sendto(fd, data, "10.0.0.2", 9) == -errno.EMSGSIZE
        t.close(fd)

    bench.run(body)


def test_frag_needed_lowers_the_path_mtu_for_a_while(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.connect(fd, "10.0.0.2", 9)
        t.sendto(fd, bytes(1400))
        sent = t.take()[0][14:]
        t.inject_ip(icmp("10.0.0.9", "10.0.0.1", 3, 4, bytes(2) + (1000).to_bytes(2, "big") + sent[:28]))
        assert t.recvfrom(fd) == -errno.EMSGSIZE
        t.sendto(fd, bytes(1400))
        assert len(t.take()) == 2
        t.sleep(601)
        t.sendto(fd, bytes(1400))
        assert len(t.take()) == 1
        t.close(fd)

    bench.run(body)


def test_tos_ttl_and_control_messages(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_IP, IP_TOS, 0x10)
        t.setsockopt(fd, SOL_IP, IP_TTL, 7)
        t.sendto(fd, b"x", "10.0.0.2", 9)
        packet = Packet(t.take()[0])
        assert packet.tos == 0x10 and packet.ttl == 7
        assert t.setsockopt(fd, SOL_IP, IP_TTL, 256) == -errno.EINVAL
        for option in (IP_PKTINFO, IP_RECVTTL):
            assert t.setsockopt(fd, SOL_IP, option, 1) == 0
        port = t.getname(fd)[1]
        t.inject_ip(udp("10.0.0.2", 9, "10.0.0.1", port, b"y", ttl=33))
        data, control, flags = t.recvmsg(fd)
        assert data == b"y" and flags == 0
        assert control[SOL_IP, IP_TTL] == (33).to_bytes(4, "little")
        info = control[SOL_IP, IP_PKTINFO]
        assert info[:4] == t.dev.ifindex.to_bytes(4, "little") and info[4:8] == info[8:12] == ip("10.0.0.1").to_bytes(4, "big")
        t.close(fd)

    bench.run(body)


def test_the_ports_of_one_seed_repeat_and_privileged_ones_are_kept(bench):
    ports = []

    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 0)
        ports.append(t.getname(fd)[1])
        assert t.setsockopt(fd, 17, UDP_CORK, 1) == 0
        t.close(fd)

    from netbench import Bench

    bench.run(body)
    Bench().run(body)
    Bench(seed=2).run(body)
    assert ports[0] == ports[1] != ports[2]


def test_no_route_and_unresolved_neighbours(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.sendto(fd, b"x", "192.0.2.1", 9) == -errno.ENETUNREACH
        assert t.net.mib.IpOutNoRoutes == 1
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        assert t.sendto(fd, b"lost", "10.0.0.77", 9) == 4
        t.sleep(4)
        # Three requests, then the sender is told.
        assert [Packet(frame).op for frame in t.take()] == [1, 1, 1]
        assert t.recvfrom(fd) == -errno.EHOSTUNREACH
        assert t.drops()["NEIGH_FAILED"] == 1
        t.close(fd)

    bench.run(body)


def test_a_blocked_receiver_wakes_and_times_out(bench):
    def body(t):
        from hwemu.clock import Event

        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        t.setsockopt(fd, SOL_SOCKET, socket.SO_RCVTIMEO, (2).to_bytes(8, "little") + (500000).to_bytes(8, "little"))
        start = t.clock.now
        assert t.recvfrom(fd, flags=0) == EAGAIN
        assert 2.5 * SECOND <= t.clock.now - start < 2.51 * SECOND
        t.later(SECOND, lambda: t.queue(MAC + b"\2" * 6 + b"\x08\x00" + udp("10.0.0.2", 1, "10.0.0.1", 5000, b"now")))
        start = t.clock.now
        assert t.recvfrom(fd, flags=0)[0] == b"now"
        assert t.clock.now - start < 1.1 * SECOND
        assert Event is not None
        t.close(fd)

    bench.run(body)


def test_corked_data_leaves_as_one_datagram(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, 17, UDP_CORK, 1) == 0
        assert t.getsockopt_int(fd, 17, UDP_CORK) == 1
        assert t.sendto(fd, b"one ", "10.0.0.2", 9) == 4
        # The datagram has its destination; a later one is not looked at.
        assert t.sendto(fd, b"two ", "10.0.0.99", 10) == 4
        assert t.sendto(fd, b"three") == 5
        assert t.take() == []
        assert t.setsockopt(fd, 17, UDP_CORK, 0) == 0
        (frame,) = t.take()
        packet = Packet(frame)
        assert (packet.destination, packet.dport, packet.data) == ("10.0.0.2", 9, b"one two three")
        assert t.net.mib.UdpOutDatagrams == 1
        # MSG_MORE corks a single send; the first one without it completes the datagram.
        assert t.sendto(fd, b"a" * 1000, "10.0.0.2", 9, MSG_MORE) == 1000
        assert t.sendto(fd, b"b" * 1000, "10.0.0.2", 9, MSG_MORE) == 1000
        assert t.sendto(fd, b"", "10.0.0.2", 9) == 0
        first, second = (Packet(frame) for frame in t.take())
        assert first.fragment == 0x2000 and second.fragment == 185
        assert first.payload[8:] + second.payload == b"a" * 1000 + b"b" * 1000
        # Whole through lo: the checksum covers what several calls have brought.
        server = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(server, "127.0.0.1", 5000)
        for size in (1, 20000, 40000):
            assert t.sendto(fd, bytes([size & 0xFF]) * size, "127.0.0.1", 5000, MSG_MORE) == size
        assert t.sendto(fd, b"end", "127.0.0.1", 5000) == 3
        assert t.recvfrom(server)[0] == b"\x01" + b"\x20" * 20000 + b"\x40" * 40000 + b"end"
        t.close(fd)
        t.close(server)

    bench.run(body)


def test_a_corked_datagram_that_fails_is_dropped_whole(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.connect(fd, "10.0.0.2", 9)
        assert t.sendto(fd, bytes(60000), flags=MSG_MORE) == 60000
        assert t.sendto(fd, bytes(5508), flags=MSG_MORE) == -errno.EMSGSIZE
        assert t.sendto(fd, b"fresh") == 5
        assert Packet(t.take()[0]).data == b"fresh"
        t.sendto(fd, b"kept", flags=MSG_MORE)
        assert t.socketcall(11, fd, 0x1234, 4, 0, 0, 0) == -errno.EFAULT
        assert t.sendto(fd, b"fresh") == 5
        assert [Packet(frame).data for frame in t.take()] == [b"fresh"]
        t.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, 2)
        assert t.sendto(fd, bytes(1000), flags=MSG_MORE) == 1000
        assert t.sendto(fd, bytes(473)) == -errno.EMSGSIZE
        assert t.take() == []
        # What is still corked when the socket closes is never sent; the books say whether it is freed.
        t.sendto(fd, b"unsent", flags=MSG_MORE)
        t.close(fd)
        assert t.take() == []

    bench.run(body)


def test_queueing_for_a_socket_is_traced(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 5000)
        seen = []
        t.net.trace.listen("sock_queue_rcv", lambda *event: seen.append(event[2:]))
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"hello"))
        t.net.trace.silence()
        assert len(seen) == 1 and seen[0][0] == "sock_queue_rcv" and seen[0][1].endswith("length 5")
        t.close(fd)

    bench.run(body)


def test_a_socket_of_ipsec_keeps_to_its_key_exchange(bench):
    """RFC 3948 section 2; every answer is Linux's, which has no security association either."""

    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 4500)

        def arrives(payload):
            t.inject_ip(udp("10.0.0.2", 4500, "10.0.0.1", 4500, payload))
            return t.recvfrom(fd) == (payload, ("10.0.0.2", 4500))

        keepalive, esp, short, exchange = b"\xff", b"\1\2\3\4abcde", b"\1\2\3\4abcd", bytes(4) + b"IKE and more"
        assert all(arrives(payload) for payload in (keepalive, esp, short, exchange))
        for kind in (1, 4, 7, -1):
            assert t.setsockopt(fd, SOL_UDP, UDP_ENCAP, kind) == -errno.ENOPROTOOPT
        # L2TP alone keeps nothing away.
        assert t.setsockopt(fd, SOL_UDP, UDP_ENCAP, UDP_ENCAP_L2TPINUDP) == 0 and arrives(esp)
        assert t.setsockopt(fd, SOL_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP) == 0
        assert t.getsockopt_int(fd, SOL_UDP, UDP_ENCAP) == UDP_ENCAP_ESPINUDP
        received = t.net.mib.UdpInDatagrams
        assert not arrives(keepalive) and not arrives(esp)
        assert t.net.mib.UdpInDatagrams - received == t.drops()["XFRM_POLICY"] == 2
        assert all(arrives(payload) for payload in (short, exchange, b"\xfe", b"", b"\xff\xff"))
        assert t.setsockopt(fd, SOL_UDP, UDP_ENCAP, 0) == 0 and arrives(keepalive) and arrives(esp)
        t.close(fd)

    bench.run(body)
