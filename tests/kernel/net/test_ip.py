"""IP input and output: headers, options, martians, forwarding."""

import pytest
from netbench import BROADCAST, MAC, PEER_MAC, Packet, icmp, ip, ipv4, udp

from kernel.uapi.socket import AF_INET, SOCK_DGRAM

ECHO = bytes.fromhex("1234") + b"\0\1payload"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p[:10], "IP_INHDR"),
        (lambda p: b"\x65" + p[1:], "IP_INHDR"),
        (lambda p: b"\x44" + p[1:], "IP_INHDR"),
        (lambda p: b"\x4f" + p[1:25], "IP_INHDR"),
        (lambda p: p[:8] + b"\x01" + p[9:], "IP_CSUM"),
        (lambda p: ipv4("10.0.0.2", "10.0.0.1", 1, p[20:], length=2000), "PKT_TOO_SMALL"),
        (lambda p: ipv4("10.0.0.2", "10.0.0.1", 1, p[20:], length=19), "IP_INHDR"),
        (lambda p: ipv4("10.0.0.2", "10.0.0.99", 1, p[20:]), "IP_INADDRERRORS"),
        (lambda p: ipv4("10.0.0.2", "127.0.0.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: ipv4("127.0.0.1", "10.0.0.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: ipv4("224.0.0.9", "10.0.0.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: ipv4("255.255.255.255", "10.0.0.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: ipv4("10.0.0.1", "10.0.0.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: ipv4("0.0.0.0", "10.0.0.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: ipv4("10.0.0.2", "239.1.1.1", 1, p[20:]), "IP_MARTIAN"),
        (lambda p: icmp("10.0.0.2", "10.0.0.1", 8, 0, ECHO)[:-1] + b"?", "ICMP_CSUM"),
        (lambda p: ipv4("10.0.0.2", "10.0.0.1", 1, b"\x08\0"), "PKT_TOO_SMALL"),
    ],
)
def test_bad_packets_have_a_reason(bench, change, reason):
    def body(t):
        t.know("10.0.0.2")
        good = icmp("10.0.0.2", "10.0.0.1", 8, 0, ECHO)
        t.inject_ip(change(good))
        assert t.take() == []
        assert t.drops() == {reason: 1}

    bench.run(body)


def test_unicast_in_a_link_broadcast_and_others_frames(bench):
    def body(t):
        t.know("10.0.0.2")
        echo = icmp("10.0.0.2", "10.0.0.1", 8, 0, ECHO)
        t.inject_ip(echo, dst_mac=BROADCAST)
        t.inject_ip(echo, dst_mac=bytes.fromhex("020000000099"))
        assert t.take() == []
        assert t.drops() == {"UNICAST_IN_L2_MULTICAST": 1, "OTHERHOST": 1}

    bench.run(body)


def test_echo_is_answered_with_what_was_sent(bench):
    def body(t):
        t.know("10.0.0.2")
        for size in (0, 1, 56, 1400):
            rest = b"\x12\x34\0\1" + bytes(i & 255 for i in range(size))
            t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, rest, tos=0x20) + b"trailer")
            packet = Packet(t.take()[0])
            assert (packet.icmp_type, packet.icmp_code, packet.tos, packet.ttl) == (0, 0, 0x20, 64)
            assert packet.payload[4:] == rest
            assert (packet.source, packet.destination) == ("10.0.0.1", "10.0.0.2")
        assert t.net.mib.IcmpInEchos == t.net.mib.IcmpOutEchoReps == 4
        # Broadcast pings are ignored by default, and answered from our own address when switched on.
        t.inject_ip(icmp("10.0.0.2", "10.0.0.255", 8, 0, ECHO), dst_mac=BROADCAST)
        assert t.take() == []
        t.net.sysctl_icmp_echo_ignore_broadcasts = 0
        t.inject_ip(icmp("10.0.0.2", "10.0.0.255", 8, 0, ECHO), dst_mac=BROADCAST)
        assert Packet(t.take()[0]).source == "10.0.0.1"

    bench.run(body)


def test_timestamp_and_quiet_types(bench):
    def body(t):
        t.know("10.0.0.2")
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 13, 0, b"\0\1\0\2" + bytes(12)))
        packet = Packet(t.take()[0])
        assert packet.icmp_type == 14 and packet.payload[12:16] == packet.payload[16:20]
        for kind in (5, 9, 10, 15, 17, 18, 30, 255):
            t.inject_ip(icmp("10.0.0.2", "10.0.0.1", kind, 0, bytes(28)))
        assert t.take() == []

    bench.run(body)


def test_an_unknown_protocol_is_unreachable(bench):
    def body(t):
        t.know("10.0.0.2")
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 253, b"12345678"))
        packet = Packet(t.take()[0])
        assert (packet.icmp_type, packet.icmp_code) == (3, 2)
        assert t.drops() == {"IP_NOPROTO": 1}

    bench.run(body)


def test_errors_are_never_answered_and_rates_are_limited(bench):
    def body(t):
        t.know("10.0.0.2")
        error = icmp("10.0.0.2", "10.0.0.1", 3, 3, bytes(4) + udp("10.0.0.1", 1, "10.0.0.2", 2, b""))
        t.inject_ip(error)
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 253, b"1234", fragment=0x2001))
        t.inject_ip(ipv4("0.0.0.0", "10.0.0.1", 253, b"1234"))
        assert t.take() == []
        for _ in range(20):
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 9, b""))
        assert len(t.take()) == 6
        t.sleep(2.1)
        for _ in range(20):
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 9, b""))
        assert len(t.take()) == 2
        assert t.net.mib.IcmpOutRateLimitHost == 32

    bench.run(body)


def test_the_global_rate_limit(bench):
    def body(t):
        for host in range(2, 120):
            t.know(f"10.0.0.{host}")
            t.inject_ip(udp(f"10.0.0.{host}", 4000, "10.0.0.1", 9, b""))
        assert len(t.take()) == 50

    bench.run(body)


def test_options(bench):
    def body(t):
        t.know("10.0.0.2")

        def ping(options):
            t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, ECHO, options=options))
            return [Packet(frame) for frame in t.take()]

        assert ping(b"\1\1\1\0")[0].icmp_type == 0
        assert ping(b"\x94\4\0\0")[0].icmp_type == 0
        assert ping(b"\x99\x04\0\0")[0].icmp_type == 0
        # Record route and timestamp with room, full, and lying about their lengths.
        assert ping(b"\x07\x07\x04\0\0\0\0\0")[0].icmp_type == 0
        assert ping(b"\x07\x07\x08\0\0\0\0\0")[0].icmp_type == 0
        assert ping(b"\x44\x0c\x05\0" + bytes(8))[0].icmp_type == 0
        assert ping(b"\x44\x0c\x0d\0" + bytes(8))[0].icmp_type == 0
        for bad in (b"\x07\x27\x04\0", b"\x07\x01\x04\0", b"\x07\x04\x01\0", b"\x44\x04\x01\0", b"\x44\x08\x05\xf3" + bytes(4)):
            answer = ping(bad)
            assert [(p.icmp_type, p.icmp_code) for p in answer] in ([(12, 0)], [])
        assert t.net.mib.IpInHdrErrors >= 4
        # Source routes are not for us to follow.
        before = t.net.mib.IpInHdrErrors
        assert ping(b"\x83\x07\x04\x0a\0\0\x09\0") == []
        assert t.net.mib.IpInHdrErrors == before + 1

    bench.run(body)


def test_forwarding(bench):
    def body(t):
        other = t.add_device("eth1", bytes.fromhex("020000000011"), "192.168.1.1/24")
        t.know("192.168.1.2", bytes.fromhex("020000000012"), other)
        t.know("10.0.0.2")
        t.take(other)
        packet = udp("10.0.0.2", 1, "192.168.1.2", 2, b"through", ttl=9, ident=5)
        t.inject_ip(packet)
        assert t.take(other) == [] and t.drops() == {"IP_INADDRERRORS": 1}
        assert t.kernel.sysctl.write("net.ipv4.ip_forward", "1") == 0
        t.inject_ip(packet)
        (forwarded,) = [Packet(frame) for frame in t.take(other)]
        assert forwarded.ttl == 8 and forwarded.ident == 5 and forwarded.data == b"through"
        assert (forwarded.source, forwarded.destination) == ("10.0.0.2", "192.168.1.2")
        assert forwarded.dst_mac == bytes.fromhex("020000000012")
        # Time to live, size with DF, and nowhere to go.
        t.inject_ip(udp("10.0.0.2", 1, "192.168.1.2", 2, b"", ttl=1))
        exceeded = Packet(t.take()[0])
        assert (exceeded.icmp_type, exceeded.icmp_code, exceeded.source) == (11, 0, "10.0.0.1")
        from kernel.net.core.dev import dev_set_mtu

        dev_set_mtu(other, 600)
        t.inject_ip(udp("10.0.0.2", 1, "192.168.1.2", 2, bytes(1000), fragment=0x4000))
        needed = Packet(t.take()[0])
        assert (needed.icmp_type, needed.icmp_code) == (3, 4) and int.from_bytes(needed.payload[6:8], "big") == 600
        t.inject_ip(udp("10.0.0.2", 1, "192.168.1.2", 2, bytes(1000)))
        assert [Packet(frame).fragment for frame in t.take(other)] == [0x2000, 72]
        t.inject_ip(udp("10.0.0.2", 1, "172.16.0.1", 2, b""))
        assert (Packet(t.take()[0]).icmp_code) == 0
        assert t.net.mib.IpForwDatagrams == 2

    bench.run(body)


def test_packets_to_ourselves_never_leave(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 5000)
        for address in ("127.0.0.1", "127.9.9.9", "10.0.0.1"):
            assert t.sendto(fd, b"me", address, 5000) == 2
            assert t.recvfrom(fd)[0] == b"me"
        assert t.take() == []
        t.close(fd)

    bench.run(body)


def test_trace_lines(bench):
    def body(t):
        t.know("10.0.0.2")
        lines = []
        t.kernel.trace.listen("ip_*", lambda when, machine, name, text: lines.append((name, text)))
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, ECHO))
        t.kernel.trace.silence()
        assert [name for name, _ in lines] == ["ip_rcv", "ip_output"]
        assert "10.0.0.2 > 10.0.0.1 proto 1 length 35" in lines[0][1]
        assert MAC != PEER_MAC and ip("1.2.3.4") == 0x01020304

    bench.run(body)
