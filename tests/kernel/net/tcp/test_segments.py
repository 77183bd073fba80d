"""What a segment looks like and which are let in (RFC 9293 sections 3.1, 3.2, 3.4.1, 3.7.1, RFC 1122 section 4.2)."""

import struct

from harness import LOCAL, PEER, flag_bits, mss, sack_ok, timestamp, wscale
from netbench import BROADCAST, ip, ipv4
from pytest import approx

from kernel.lib.checksum import csum_bytes, csum_fold, csum_tcpudp_nofold
from kernel.uapi import errno
from kernel.uapi.socket import SOL_TCP
from kernel.uapi.tcp import TCP_MAXSEG

IP_TOS, IP_TTL = 1, 2


def packet(c, flags, seq, ack, data=b"", source=PEER, target=LOCAL, offset=5, **more):
    """A packet of the peer with what `Connection.raw` does not let one choose."""
    acknowledged = ((c.local_isn or 0) + ack) & 0xFFFFFFFF
    head = struct.pack("!HHIIBBHHH", c.port, c.local_port, (c.isn + seq) & 0xFFFFFFFF, acknowledged, offset << 4,
                       flag_bits(flags), 65535, 0, 0)
    total = csum_fold(csum_bytes(head + data, csum_tcpudp_nofold(ip(source), ip(target), len(head) + len(data), 6, 0)))
    return ipv4(source, target, 6, head[:16] + total.to_bytes(2, "big") + head[18:] + data, **more)


# --- sequence numbers ---


def test_initial_numbers_follow_a_clock(bench):
    """RFC 9293 MUST-8, RFC 6528: the same addresses and ports get numbers that grow with time, one per 64 ns here."""

    def body(t):
        c = t.listen(80)
        isns = []
        for _ in range(3):
            c.local_isn = None
            c.syn()
            c.expect("S.")
            isns.append(c.local_isn)
            c.send("R", 1)
            t.sleep(1)
        for a, b in zip(isns, isns[1:], strict=False):
            assert (b - a) & 0xFFFFFFFF == approx(1_000_000_000 >> 6, rel=0.01)

    bench.run(body)


def test_initial_numbers_can_not_be_guessed(bench):
    """RFC 9293 MUST-9, RFC 6528 section 3: another port, another number, unrelated."""

    def body(t):
        first = t.listen(80)
        peers = [first] + [t.peer(80) for _ in range(8)]
        isns = []
        for c in peers:
            c.syn()
            c.expect("S.")
            isns.append(c.local_isn)
        distances = [(b - a) & 0xFFFFFFFF for a, b in zip(isns, isns[1:], strict=False)]
        assert all(1_000_000 < d < (1 << 32) - 1_000_000 for d in distances)
        assert len(set(distances)) == len(distances)

    bench.run(body)


def test_numbers_wrap_while_sending(bench):
    """RFC 9293 section 3.4: our numbers pass 2^32 in mid-stream."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.ack(1)
        t.accept(c)
        sent = 0
        # Every connection passes the seam once in 2^32 bytes; what counts is that nothing depends on where it is.
        for _ in range(20):
            t.write(c.fd, bytes(14_600))
            for s in c.out():
                sent += len(s.data)
                assert s.end - 1 == sent
            c.ack(1 + sent)
        assert sent == 292_000

    bench.run(body)


# --- sizes ---


def test_the_announced_mss_fits_the_mtu(bench):
    """RFC 9293 MUST-67: MTU minus 40."""

    def body(t):
        for mtu in (576, 1400, 1500):
            t.dev.mtu = mtu
            t.net.fib.changed()
            c = t.connect_start(80)
            assert c.first.mss == mtu - 40
            t.close(c.fd)

    bench.run(body)


def test_the_peers_mss_is_obeyed(bench):
    """RFC 9293 MUST-14, MUST-16: no payload above it, and options come out of it."""

    def body(t):
        c = t.established(options=mss(500))
        t.write(c.fd, bytes(1200))
        assert [len(s.data) for s in c.out()] == [500, 500, 200]
        c = t.listen(81)
        c.ts_on = True
        c.ts_clock = 5
        c.syn(mss(500) + timestamp(5))
        c.expect("S.")
        c.ack(1)
        t.accept(c)
        t.write(c.fd, bytes(1200))
        assert [len(s.data) for s in c.out()] == [488, 488, 224]

    bench.run(body)


def test_an_absurd_mss(bench):
    """RFC 9293 section 3.7.1, tcp(7) tcp_min_snd_mss: a peer can not make us send bytes one by one."""

    def body(t):
        for port, value in ((80, 0), (81, 1), (82, 40)):
            c = t.established(port=port, options=mss(value))
            t.write(c.fd, bytes(2000))
            segments = c.out()
            assert segments and all(len(s.data) >= 48 for s in segments[:3])
        c = t.established(port=83, options=mss(65535))
        t.write(c.fd, bytes(3000))
        assert [len(s.data) for s in c.out()] == [1460, 1460, 80]

    bench.run(body)


def test_tcp_maxseg(bench):
    """tcp(7) TCP_MAXSEG: bounds what we announce and what we send."""

    def body(t):
        c = t.listen(80, setup=lambda fd: t.setsockopt(fd, SOL_TCP, TCP_MAXSEG, 700))
        c.syn()
        assert c.expect("S.").mss == 700
        c.ack(1)
        t.accept(c)
        t.write(c.fd, bytes(1500))
        assert [len(s.data) for s in c.out()] == [700, 700, 100]
        fd = t.stream()
        assert t.setsockopt(fd, SOL_TCP, TCP_MAXSEG, 10) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_TCP, TCP_MAXSEG, 100_000) == -errno.EINVAL

    bench.run(body)


def test_mss_only_on_syn(bench):
    """RFC 9293 MUST-65, MUST-69: no MSS option later, and padding is zero (the harness checks that)."""

    def body(t):
        c = t.established(timestamps=True)
        t.write(c.fd, bytes(3000))
        segments = c.out()
        t.shutdown(c.fd, 1)
        segments += c.out()
        assert all(s.mss is None and s.wscale is None and not s.sack_ok for s in segments)

    bench.run(body)


# --- what is dropped ---


def test_a_wrong_checksum(bench):
    """RFC 9293 MUST-3: dropped in silence and counted, data and RST alike."""

    def body(t):
        c = t.established()
        c.data(1, b"data", bad_sum=True)
        c.send("R", 1, bad_sum=True)
        c.silence()
        assert t.info(c.fd)["state"] == 1 and t.read(c.fd) == -errno.EAGAIN
        assert t.mib("TcpInCsumErrors") == 2

    bench.run(body)


def test_an_impossible_data_offset(bench):
    """RFC 9293 section 3.1: fewer than five words, or more than there are: dropped."""

    def body(t):
        c = t.established()
        for offset in (0, 4, 15):
            t.inject_ip(packet(c, "P.", 1, 1, b"data", offset=offset))
        c.silence()
        assert t.read(c.fd) == -errno.EAGAIN
        assert t.mib("TcpInErrs") >= 3

    bench.run(body)


def test_less_than_a_header(bench):
    """RFC 9293 section 3.1: packets that end within the header."""

    def body(t):
        c = t.established()
        whole = c.raw("P.", 1, 1, b"data")
        for size in (0, 1, 8, 19):
            t.inject_ip(ipv4(PEER, LOCAL, 6, whole[20 : 20 + size]))
        c.silence()
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_syns_to_everybody(bench):
    """RFC 9293 MUST-57, RFC 1122 section 4.2.3.10: a SYN to a broadcast or multicast address is not answered."""

    def body(t):
        c = t.listen(80)
        for target in ("10.0.0.255", "255.255.255.255", "224.0.0.1"):
            t.inject(BROADCAST + b"\x02\0\0\0\0\x02\x08\0" + packet(c, "S", 0, 0, target=target))
        assert t.take() == [] and t.net.tcp.hashinfo.nodes() == []

    bench.run(body)


def test_syns_from_nobody(bench):
    """RFC 9293 MUST-63: a source that can not be one host is ignored."""

    def body(t):
        c = t.listen(80)
        for source in ("224.0.0.1", "255.255.255.255", "127.0.0.1", "10.0.0.255", LOCAL):
            t.inject_ip(packet(c, "S", 0, 0, source=source))
        assert t.take() == [] and t.net.tcp.hashinfo.nodes() == []

    bench.run(body)


def test_connecting_to_everybody(bench):
    """RFC 9293 MUST-46: OPEN to a broadcast or multicast address is refused, and nothing is sent."""

    def body(t):
        for target in ("10.0.0.255", "255.255.255.255", "224.0.0.1"):
            fd = t.stream()
            assert t.connect(fd, target, 80) in (-errno.ENETUNREACH, -errno.EACCES)
        assert t.take() == []

    bench.run(body)


# --- options anywhere ---


def test_options_on_any_segment(bench):
    """RFC 9293 MUST-5, MUST-6: known and unknown options on data, FIN and RST do no harm."""

    def body(t):
        c = t.established()
        odd = b"\xfd\x06abcd\x01\x01"
        c.data(1, b"one", options=odd)
        c.data(4, b"two", options=mss(10) + wscale(3) + sack_ok())
        assert t.read(c.fd) == b"onetwo"
        assert t.info(c.fd)["snd_mss"] == 1460
        c.send("F.", 7, 1, options=odd)
        assert t.read(c.fd) == b""
        c.send("R", 8, options=odd)
        assert t.info(c.fd)["state"] == 7

    bench.run(body)


def test_illegal_options_in_data(bench):
    """RFC 9293 MUST-7: an illegal length ends the options, not the segment."""

    def body(t):
        c = t.established(timestamps=True)
        seq = 1
        for options in (b"\x08\x00\0\0", b"\x08\x01\0\0", b"\xfd\x28\0\0", b"\x05\x03\0\0", b"\x08"):
            c.data(seq, b"x", options=options)
            seq += 1
        assert t.read(c.fd) == b"xxxxx"

    bench.run(body)


# --- the network layer's part ---


def test_ip_options_are_ignored(bench):
    """RFC 9293 MUST-50: TCP works whatever IP options a packet has."""

    def body(t):
        c = t.listen(80)
        t.inject_ip(packet(c, "S", 0, 0, options=b"\x01\x01\x01\x00"))
        c.expect("S.", seq=0, ack=1)
        t.inject_ip(packet(c, ".", 1, 1, b"hello", options=b"\x94\x04\0\0"))
        t.accept(c)
        assert t.read(c.fd) == b"hello"

    bench.run(body)


def test_tos_and_ttl(bench):
    """RFC 9293 MUST-48, MUST-49, SHLD-22: both can be set, and changed while the connection stands."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"a")
        assert c.expect(".").packet.ttl == 64
        c.ack(2)
        assert t.setsockopt(c.fd, 0, IP_TOS, 0x10) == 0
        assert t.setsockopt(c.fd, 0, IP_TTL, 7) == 0
        t.write(c.fd, b"b")
        sent = c.expect(".").packet
        assert (sent.tos, sent.ttl) == (0x10, 7)

    bench.run(body)


def test_a_syn_with_data(bench):
    """RFC 9293 section 3.10.7.2: data on a SYN may be queued or left to retransmission; without Fast Open Linux leaves it."""

    def body(t):
        c = t.listen(80)
        c.options = mss(1460)
        t.inject_ip(c.raw("S", 0, data=b"early", options=mss(1460)))
        c.expect("S.", seq=0, ack=1)
        c.data(1, b"early")
        t.accept(c)
        assert t.read(c.fd) == b"early"

    bench.run(body)


def test_fragments_are_put_together(bench):
    """RFC 791 section 3.2: a segment may come in pieces."""

    def body(t):
        c = t.established()
        whole = c.raw("P.", 1, 1, b"x" * 1000)[20:]
        t.inject_ip(ipv4(PEER, LOCAL, 6, whole[:512], ident=9, fragment=0x2000))
        c.silence()
        t.inject_ip(ipv4(PEER, LOCAL, 6, whole[512:], ident=9, fragment=64))
        assert t.read(c.fd) == b"x" * 1000

    bench.run(body)
