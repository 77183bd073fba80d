"""Reassembly: order, overlap, memory, time."""

import pytest
from netbench import Packet, icmp, ipv4, udp_datagram

from kernel.uapi.errno import EAGAIN
from kernel.uapi.socket import AF_INET, SOCK_DGRAM

PORT = 5000


def pieces(data, size, ident=7, tos=0):
    """The fragments of a datagram, `size` payload bytes each."""
    whole = udp_datagram("10.0.0.2", 4000, "10.0.0.1", PORT, data)
    found = []
    for start in range(0, len(whole), size):
        more = 0x2000 if start + size < len(whole) else 0
        fragment = more | start >> 3
        found.append(ipv4("10.0.0.2", "10.0.0.1", 17, whole[start : start + size], ident=ident, fragment=fragment, tos=tos))
    return found


def receiver(t):
    fd = t.socket(AF_INET, SOCK_DGRAM)
    assert t.bind(fd, "10.0.0.1", PORT) == 0
    t.know("10.0.0.2")
    return fd


@pytest.mark.parametrize("order", [lambda f: f, lambda f: f[::-1], lambda f: f[1::2] + f[::2], lambda f: f[:2] + f])
def test_any_order_and_repetition(bench, order):
    def body(t):
        fd = receiver(t)
        data = bytes(i * 7 & 255 for i in range(5000))
        for fragment in order(pieces(data, 1480)):
            t.inject_ip(fragment)
        assert t.recvfrom(fd)[0] == data
        assert t.recvfrom(fd) == -EAGAIN
        assert t.net.mib.IpReasmOKs == 1
        t.close(fd)

    bench.run(body)


@pytest.mark.parametrize("size", [8, 512, 1480])
def test_the_largest_packet_and_tiny_fragments(bench, size):
    def body(t):
        fd = receiver(t)
        data = bytes(i * 11 & 255 for i in range(65507 if size > 8 else 2000))
        for fragment in pieces(data, size):
            t.inject_ip(fragment)
        assert t.recvfrom(fd, 65536)[0] == data
        t.close(fd)

    bench.run(body)


def test_large_pings_are_answered(bench):
    def body(t):
        t.know("10.0.0.2")
        rest = b"\x12\x34\0\1" + bytes(i & 255 for i in range(8000))
        message = icmp("10.0.0.2", "10.0.0.1", 8, 0, rest)[20:]
        for start in range(0, len(message), 1480):
            more = 0x2000 if start + 1480 < len(message) else 0
            t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 1, message[start : start + 1480], fragment=more | start >> 3))
        reply = b"".join(Packet(frame).payload for frame in t.take())
        assert reply[0] == 0 and reply[4:] == rest

    bench.run(body)


def test_overlaps_drop_the_whole_packet(bench):
    def body(t):
        fd = receiver(t)
        fragments = pieces(bytes(3000), 1480)
        t.inject_ip(fragments[0])
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(1480), ident=7, fragment=0x2000 | 100))
        assert t.net.frags.queues == {} and t.net.mib.IpExtReasmOverlaps == 1
        for fragment in fragments[1:]:
            t.inject_ip(fragment)
        assert t.recvfrom(fd) == -EAGAIN
        assert t.drops()["FRAG_OVERLAP"] == 2
        t.net.frags.purge()
        t.close(fd)

    bench.run(body)


def test_a_piece_in_the_middle_of_another_is_a_mere_repetition(bench):
    def body(t):
        fd = receiver(t)
        fragments = pieces(bytes(3000), 1480)
        t.inject_ip(fragments[0])
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(80), ident=7, fragment=0x2000 | 10))
        assert t.drops() == {"DUP_FRAG": 1}
        for fragment in fragments[1:]:
            t.inject_ip(fragment)
        assert len(t.recvfrom(fd)[0]) == 3000
        t.close(fd)

    bench.run(body)


def test_time_runs_out(bench):
    def body(t):
        t.know("10.0.0.2")
        first, second, *rest = pieces(bytes(5000), 1480)
        t.inject_ip(second)
        t.sleep(31)
        # Without the first fragment there is nothing to quote.
        assert t.take() == [] and t.net.mib.IpReasmTimeout == 1
        t.inject_ip(first)
        t.sleep(31)
        (packet,) = [Packet(frame) for frame in t.take()]
        assert (packet.icmp_type, packet.icmp_code) == (11, 1)
        assert packet.data[:28] == first[:28]
        assert t.net.frags.queues == {} and t.net.frags.mem == 0

    bench.run(body)


def test_memory_is_bounded(bench):
    def body(t):
        t.net.sysctl_ipfrag_high_thresh = 60000
        t.net.sysctl_ipfrag_low_thresh = 40000
        for ident in range(500):
            t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(1480), ident=ident, fragment=0x2000))
        assert t.net.frags.mem <= 64000
        assert t.drops()["FRAG_REASM_MEM"] > 400
        t.net.frags.purge()

    bench.run(body)


@pytest.mark.parametrize(
    ("fragment", "size"),
    [(0x2000, 0), (0x2000 | 8191, 1480), (8191, 1480), (0x2000 | 8190, 24), (0x2000, 4), (0x0001, 0)],
)
def test_lying_fragments_are_dropped(bench, fragment, size):
    def body(t):
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(size), ident=3, fragment=fragment))
        t.net.frags.purge()
        assert t.net.frags.mem == 0

    bench.run(body)


def test_a_last_fragment_before_the_end_is_refused(bench):
    def body(t):
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(80), ident=3, fragment=0x2000 | 100))
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(80), ident=3, fragment=5))
        assert t.drops() == {"FRAG_BAD": 1}
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(80), ident=3, fragment=200))
        t.inject_ip(ipv4("10.0.0.2", "10.0.0.1", 17, bytes(80), ident=3, fragment=0x2000 | 300))
        assert t.drops() == {"FRAG_BAD": 2}
        t.net.frags.purge()

    bench.run(body)


def test_congestion_marks_survive(bench):
    def body(t):
        fd = receiver(t)
        first, second = pieces(bytes(2000), 1480, tos=2)
        marked = pieces(bytes(2000), 1480, tos=3)[1]
        from kernel.uapi.in_ import IP_RECVTOS
        from kernel.uapi.socket import SOL_IP

        t.setsockopt(fd, SOL_IP, IP_RECVTOS, 1)
        t.inject_ip(first)
        t.inject_ip(marked)
        assert t.recvmsg(fd)[1][0, 1] == b"\x03"
        unmarked = pieces(bytes(2000), 1480, tos=0, ident=9)[0]
        t.inject_ip(unmarked)
        t.inject_ip(pieces(bytes(2000), 1480, tos=3, ident=9)[1])
        assert t.recvfrom(fd) == -EAGAIN
        assert second != marked
        t.close(fd)

    bench.run(body)
