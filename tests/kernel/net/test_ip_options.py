"""IP options (RFC 791 section 3.1): what senders fill in, what answers carry, and what routers do with them.

The bytes of the first three tests are what Linux 6.18 sent on its loopback device, with other addresses.
"""

from messages import cmsg, sendmsg
from netbench import Packet, icmp, ip, ipv4, sockaddr, udp

from hwemu.cpu import trap
from kernel.lib.checksum import csum_bytes, csum_fold, csum_tcpudp_nofold
from kernel.net.ipv4.fib_frontend import fib_add_route
from kernel.uapi import errno
from kernel.uapi.fcntl import F_SETFL, O_NONBLOCK
from kernel.uapi.in_ import IP_HDRINCL, IP_OPTIONS, IP_RETOPTS, IP_ROUTER_ALERT, IPPROTO_RAW
from kernel.uapi.socket import AF_INET, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_IP
from kernel.uapi.syscall import SYS_fcntl64

RECORD_ROUTE, TIMESTAMP, LSRR, SSRR = 7, 68, 131, 137
ROUTER_ALERT = b"\x94\x04\0\0"
MAC1 = bytes.fromhex("020000000101")
FAR_MAC = bytes.fromhex("020000000202")


def addresses(*names):
    return b"".join(ip(name).to_bytes(4, "big") for name in names)


def route(kind, *hops, pointer=4, room=0):
    """A recorded or source route of `hops` and `room` free places, padded to a multiple of four."""
    body = addresses(*hops) + bytes(4 * room)
    return (bytes([kind, 3 + len(body), pointer]) + body).ljust((6 + len(body)) & ~3, b"\0")


def sent(t, dev=None):
    (frame,) = t.take(dev)
    return Packet(frame)


def routed(t, daddr):
    """(next hop, options) of a datagram whose checksum is that of one to `daddr`, where it ends (RFC 1122 section 3.2.1.8)."""
    (frame,) = t.take()
    header_len = (frame[14] & 15) * 4
    payload = frame[14 + header_len :]
    pseudo = csum_tcpudp_nofold(ip("10.0.0.1"), ip(daddr), len(payload), 17, 0)
    assert csum_fold(csum_bytes(payload, pseudo)) == 0
    return ".".join(str(byte) for byte in frame[30:34]), frame[34 : 14 + header_len]


def test_a_sender_enters_itself(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        given = route(RECORD_ROUTE, room=2)
        assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, given) == 0
        assert t.getsockopt(fd, SOL_IP, IP_OPTIONS, 40) == given
        t.sleep(3.5)
        t.sendto(fd, b"x", "10.0.0.2", 9)
        assert sent(t).options == route(RECORD_ROUTE, "10.0.0.1", pointer=8, room=1)
        for flags, filled in ((0, b""), (1, addresses("10.0.0.1"))):
            given = bytes([TIMESTAMP, 12, 5, flags]) + bytes(8)
            assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, given) == 0
            assert t.getsockopt(fd, SOL_IP, IP_OPTIONS, 40) == given
            t.sendto(fd, b"x", "10.0.0.2", 9)
            options = sent(t).options
            assert options[:4] == bytes([TIMESTAMP, 12, 5 + 4 + len(filled), flags])
            assert options[4 : 4 + len(filled)] == filled
            assert int.from_bytes(options[4 + len(filled) : 8 + len(filled)], "big") == t.kernel.timers.now() // 1000000
        t.close(fd)

    bench.run(body)


def test_a_source_route_is_the_way(bench):
    def body(t):
        t.know("10.0.0.7")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        given = route(LSRR, "10.0.0.7", "192.0.2.7")
        assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, given) == 0
        assert t.getsockopt(fd, SOL_IP, IP_OPTIONS, 40) == given
        # There is no route to the destination, nor need there be one.
        assert t.sendto(fd, b"payload", "198.51.100.1", 9) == 7
        assert routed(t, "198.51.100.1") == ("10.0.0.7", route(LSRR, "192.0.2.7", "198.51.100.1"))
        # To nobody in particular nothing can be routed.
        assert t.sendto(fd, b"x", "0.0.0.0", 9) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, b"") == 0
        assert t.getsockopt(fd, SOL_IP, IP_OPTIONS, 40) == b""
        assert t.sendto(fd, b"x", "198.51.100.1", 9) == -errno.ENETUNREACH
        # For one message alone.
        control = cmsg(SOL_IP, IP_RETOPTS, given)
        assert sendmsg(t, fd, b"x", sockaddr("198.51.100.1", 9), control) == 1
        assert routed(t, "198.51.100.1")[0] == "10.0.0.7"
        t.close(fd)
        raw = t.socket(AF_INET, SOCK_RAW, 253)
        assert t.setsockopt(raw, SOL_IP, IP_OPTIONS, given) == 0
        assert t.sendto(raw, b"x", "198.51.100.1") == 1
        assert sent(t).destination == "10.0.0.7"
        # A header of one's own has no place for them.
        assert t.setsockopt(raw, SOL_IP, IP_HDRINCL, 1) == 0
        assert t.sendto(raw, bytes(20), "10.0.0.7") == -errno.EINVAL
        t.close(raw)

    bench.run(body)


def test_a_strict_route_leads_over_neighbours(bench):
    def body(t):
        t.know("10.0.0.7")
        fib_add_route(t.net, 0, 0, ip("10.0.0.7"))
        for kind, result in ((LSRR, 1), (SSRR, -errno.ENETUNREACH)):
            fd = t.socket(AF_INET, SOCK_DGRAM)
            assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, route(kind, "192.0.2.7")) == 0
            assert t.sendto(fd, b"x", "198.51.100.1", 9) == result
            t.close(fd)
        assert routed(t, "198.51.100.1")[0] == "192.0.2.7"

    bench.run(body)


def test_a_connection_goes_by_its_first_hop(bench):
    def body(t):
        t.know("10.0.0.7")
        fd = t.socket(AF_INET, SOCK_STREAM)
        assert t.socketcall(3, fd, sockaddr("198.51.100.1", 80), 16) == -errno.ENETUNREACH
        assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, route(LSRR, "10.0.0.7")) == 0
        assert trap(SYS_fcntl64, fd, F_SETFL, O_NONBLOCK) == 0
        assert t.connect(fd, "198.51.100.1", 80) == -errno.EINPROGRESS
        syn = sent(t)
        assert syn.destination == "10.0.0.7" and syn.options == route(LSRR, "198.51.100.1")
        # Its checksum is that of a segment for the destination (RFC 1122 section 4.2.3.8).
        pseudo = csum_tcpudp_nofold(ip("10.0.0.1"), ip("198.51.100.1"), len(syn.payload), 6, 0)
        assert csum_fold(csum_bytes(syn.payload, pseudo)) == 0
        t.close(fd)

    bench.run(body)


def test_options_that_are_not_well_formed(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        wrong = (
            route(LSRR, "10.0.0.7", pointer=8), bytes([LSRR, 6, 4, 0, 0, 0]), bytes([LSRR, 8, 4]) + bytes(5),
            route(LSRR, "10.0.0.7")[:7] * 2, bytes([RECORD_ROUTE, 3, 3]), bytes([RECORD_ROUTE, 5, 4, 0, 0]),
            route(RECORD_ROUTE, room=1)[:7] * 2, bytes([TIMESTAMP, 3, 5]), bytes([TIMESTAMP, 8, 4, 0]) + bytes(4),
            bytes([TIMESTAMP, 8, 5, 1]) + bytes(4), bytes([TIMESTAMP, 4, 9, 0xF0]), b"\x94\x03\0", b"\x07", b"\xff\xff",
            b"\1" * 41,
        )  # fmt: skip
        for raw in wrong:
            assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, raw) == -errno.EINVAL, raw
        # What stands behind the end of the list does not count.
        assert t.setsockopt(fd, SOL_IP, IP_OPTIONS, b"\1\0\7\7") == 0
        assert t.getsockopt(fd, SOL_IP, IP_OPTIONS, 40) == b"\1\0\0\0"
        t.close(fd)

    bench.run(body)


# --- answers ---


def test_an_echo_reply_goes_on_recording(bench):
    def body(t):
        t.know("10.0.0.2")
        asked = route(RECORD_ROUTE, "10.0.0.2", pointer=8, room=3)
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, b"\1\2\3\4payload", options=asked))
        reply = sent(t)
        # Once on the way in and once on the way out, as ping -R shows it.
        assert reply.options == route(RECORD_ROUTE, "10.0.0.2", "10.0.0.1", "10.0.0.1", pointer=16, room=1)
        assert reply.payload[:2] == b"\0\0" and reply.payload[4:] == b"\1\2\3\4payload"
        # A full record comes back as it is.
        full = route(RECORD_ROUTE, "10.0.0.2", pointer=8)
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, bytes(4), options=full))
        assert sent(t).options == full

    bench.run(body)


def test_an_echo_reply_goes_on_stamping(bench):
    def body(t):
        t.know("10.0.0.2")
        t.sleep(1.25)
        now = (t.kernel.timers.now() // 1000000).to_bytes(4, "big")
        first = addresses("10.0.0.2") + b"\0\0\0\1"
        t.inject_ip(
            icmp("10.0.0.2", "10.0.0.1", 8, 0, bytes(4), options=bytes([TIMESTAMP, 28, 13, 1]) + first + bytes(16))
        )
        own = addresses("10.0.0.1") + now
        assert sent(t).options == bytes([TIMESTAMP, 28, 29, 1]) + first + own + own
        # Only the times of those that are named.
        named = bytes([TIMESTAMP, 20, 5, 3]) + addresses("10.0.0.1") + bytes(4) + addresses("10.0.0.2") + bytes(4)
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, bytes(4), options=named))
        assert sent(t).options == bytes([TIMESTAMP, 20, 13, 3]) + own + addresses("10.0.0.2") + bytes(4)
        # Who finds no room counts itself.
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, bytes(4), options=bytes([TIMESTAMP, 8, 9, 0x20]) + bytes(4)))
        assert sent(t).options == bytes([TIMESTAMP, 8, 9, 0x30]) + bytes(4)

    bench.run(body)


def test_an_answer_goes_back_the_way_it_came(bench):
    def body(t):
        t.know("10.0.0.7")
        t.kernel.sysctl.write("net.ipv4.conf.all.accept_source_route", "1")
        passed = route(LSRR, "192.0.2.7", "10.0.0.7", pointer=12)
        t.inject_ip(icmp("198.51.100.1", "10.0.0.1", 8, 0, bytes(4), options=passed))
        reply = sent(t)
        assert reply.destination == "10.0.0.7" and reply.options == route(LSRR, "192.0.2.7", "198.51.100.1")
        # A refused connection, too.
        syn = bytes([0, 9, 0, 80]) + bytes(8) + bytes([0x50, 2, 1, 0, 0, 0, 0, 0])
        pseudo = csum_tcpudp_nofold(ip("198.51.100.1"), ip("10.0.0.1"), 20, 6, 0)
        syn = syn[:16] + csum_fold(csum_bytes(syn, pseudo)).to_bytes(2, "big") + syn[18:]
        t.inject_ip(ipv4("198.51.100.1", "10.0.0.1", 6, syn, options=passed))
        reset = sent(t)
        assert reset.payload[13] & 4 and reset.destination == "10.0.0.7"
        assert reset.options == route(LSRR, "192.0.2.7", "198.51.100.1")
        # And an error about a datagram to a closed port.
        t.inject_ip(udp("198.51.100.1", 1, "10.0.0.1", 2, b"", options=passed))
        error = sent(t)
        assert error.payload[:2] == b"\3\3" and error.destination == "10.0.0.7"

    bench.run(body)


def test_source_routes_are_refused_unless_they_are_wanted(bench):
    def body(t):
        t.know("10.0.0.2")
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, bytes(4), options=route(LSRR, "10.0.0.9", pointer=8)))
        assert t.take() == [] and t.net.mib.IpInHdrErrors == 1

    bench.run(body)


# --- routers ---


def router(bench, body):
    """`body(t)` on a machine with eth0 (10.0.0.1/24) and eth1 (10.1.0.1/24), neighbours .2 on both."""

    def run(t):
        t.dev1 = t.add_device("eth1", MAC1, "10.1.0.1/24")
        t.know("10.0.0.2")
        t.know("10.1.0.2", FAR_MAC, t.dev1)
        assert t.kernel.sysctl.write("net.ipv4.ip_forward", "1") == 0
        body(t)

    bench.run(run)


def test_a_router_enters_the_address_of_the_way_out(bench):
    def body(t):
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b"x", options=route(RECORD_ROUTE, room=2)))
        assert sent(t, t.dev1).options == route(RECORD_ROUTE, "10.1.0.1", pointer=8, room=1)
        # One that it does not send on has met the side that it came to.
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b"x", options=route(RECORD_ROUTE, room=2), ttl=1))
        quoted = sent(t).payload[8:]
        assert quoted[20:32] == route(RECORD_ROUTE, "10.0.0.1", pointer=8, room=1)

    router(bench, body)


def test_a_router_stamps(bench):
    def body(t):
        t.sleep(2)
        now = (t.kernel.timers.now() // 1000000).to_bytes(4, "big")
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b"x", options=bytes([TIMESTAMP, 8, 5, 0]) + bytes(4)))
        assert sent(t, t.dev1).options == bytes([TIMESTAMP, 8, 9, 0]) + now
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b"x", options=bytes([TIMESTAMP, 12, 5, 1]) + bytes(8)))
        assert sent(t, t.dev1).options == bytes([TIMESTAMP, 12, 13, 1]) + addresses("10.0.0.1") + now

    router(bench, body)


def test_a_source_route_through_a_router(bench):
    def body(t):
        t.kernel.sysctl.write("net.ipv4.conf.all.accept_source_route", "1")
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 253, b"x", options=route(LSRR, "10.1.0.2", "192.0.2.1")))
        packet = sent(t, t.dev1)
        assert packet.destination == "10.1.0.2"
        assert packet.options == route(LSRR, "10.1.0.1", "192.0.2.1", pointer=8)
        # Hops that are this router are passed at once.
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 253, b"x", options=route(LSRR, "10.1.0.1", "10.1.0.2")))
        packet = sent(t, t.dev1)
        assert packet.destination == "10.1.0.2" and packet.options == route(LSRR, "10.1.0.1", "10.1.0.1", pointer=12)
        # A strict route does not lead through who is not named, nor over a router that is not.
        t.inject_ip(ipv4("10.0.0.2", "10.1.0.2", 253, b"x", options=route(SSRR, "10.1.0.2")))
        told = sent(t).payload
        assert told[:2] == bytes([12, 0]) and told[4] == 16
        fib_add_route(t.net, ip("192.0.2.0"), 24, ip("10.1.0.2"))
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 253, b"x", options=route(SSRR, "192.0.2.1")))
        assert sent(t).payload[:2] == bytes([3, 5])

    router(bench, body)


def test_router_alerts_are_for_who_asks(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_RAW, 46)
        assert t.getsockopt_int(fd, SOL_IP, IP_ROUTER_ALERT) == 0
        assert t.setsockopt(fd, SOL_IP, IP_ROUTER_ALERT, 0) == -errno.ENOBUFS
        assert t.setsockopt(fd, SOL_IP, IP_ROUTER_ALERT, 1) == 0
        assert t.setsockopt(fd, SOL_IP, IP_ROUTER_ALERT, 1) == -errno.EADDRINUSE
        assert t.getsockopt_int(fd, SOL_IP, IP_ROUTER_ALERT) == 1
        packet = ipv4("10.0.0.2", "10.1.0.2", 46, b"reserve", options=ROUTER_ALERT)
        t.inject_ip(packet)
        assert t.take(t.dev1) == [] and t.recvfrom(fd) == (packet, ("10.0.0.2", 0))
        # In pieces it is put together first.
        for offset in (0, 2):
            piece = bytes(range(16 * offset // 2, 16 * offset // 2 + 16))
            t.inject_ip(
                ipv4("10.0.0.2", "10.1.0.2", 46, piece, options=ROUTER_ALERT, fragment=0x2000 if offset == 0 else offset)
            )
        assert t.recvfrom(fd)[0][24:] == bytes(range(32)) and t.take(t.dev1) == []
        # Others go their way: without the option, of another protocol, and all once nobody asks.
        t.inject_ip(ipv4("10.0.0.2", "10.1.0.2", 46, b"plain"))
        t.inject_ip(ipv4("10.0.0.2", "10.1.0.2", 47, b"other", options=ROUTER_ALERT))
        t.inject_ip(ipv4("10.0.0.2", "10.1.0.2", 46, b"busy", options=b"\x94\x04\0\1"))
        assert len(t.take(t.dev1)) == 3
        assert t.setsockopt(fd, SOL_IP, IP_ROUTER_ALERT, 0) == 0
        t.inject_ip(packet)
        assert len(t.take(t.dev1)) == 1 and t.recvfrom(fd) == -errno.EAGAIN
        assert t.setsockopt(fd, SOL_IP, IP_ROUTER_ALERT, 1) == 0
        t.close(fd)
        assert t.net.ra_chain == []
        everything = t.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
        assert t.setsockopt(everything, SOL_IP, IP_ROUTER_ALERT, 1) == -errno.EINVAL
        t.close(everything)

    router(bench, body)
