"""Explicit congestion notification (RFC 3168)."""

from harness import mss, sack_ok

from kernel.uapi.socket import SOL_TCP
from kernel.uapi.tcp import TCP_CONGESTION

CE, ECT0 = 3, 2


def ecn_pipe(t):
    t.sysctl("tcp_ecn", 1)
    c = t.listen(80, setup=lambda fd: t.setsockopt(fd, SOL_TCP, TCP_CONGESTION, b"reno"))
    c.syn(mss(1460) + sack_ok(), flags="SEW")
    assert c.expect("SE.").packet.tos & 3 == 0
    t.sleep(0.1)
    c.ack(1)
    t.accept(c)
    return c


def test_ecn_is_negotiated(bench):
    """RFC 3168 section 6.1.1: ECE and CWR on our SYN; the SYN-ACK has ECE alone."""

    def body(t):
        ecn_pipe(t)
        assert t.connect_start(81).first.flags == "SEW"
        t.sysctl("tcp_ecn", 0)
        assert t.connect_start(82).first.flags == "S"
        c = t.listen(83)
        c.syn(flags="SEW")
        c.expect("S.")

    bench.run(body)


def test_a_retransmitted_syn_does_without(bench):
    """RFC 3168 section 6.1.1.1: a middlebox may have dropped the SYN for its bits."""

    def body(t):
        t.sysctl("tcp_ecn", 1)
        c = t.connect_start(80)
        assert c.first.flags == "SEW"
        t.sleep(1.1)
        c.expect("S", seq=0)

    bench.run(body)


def test_ect_on_new_data_only(bench):
    """RFC 3168 sections 6.1.4 and 6.1.5: pure ACKs and retransmissions are not marked ECT."""

    def body(t):
        c = ecn_pipe(t)
        t.write(c.fd, bytes(2920))
        assert [s.packet.tos & 3 for s in c.out()] == [ECT0, ECT0]
        t.sleep(0.5)
        assert {s.packet.tos & 3 for s in c.out()} == {0}
        c.ack(2921)
        c.data(1, b"x", ack=2921)
        t.sleep(0.3)
        assert c.expect(".", ack=2).packet.tos & 3 == 0

    bench.run(body)


def test_ece_reduces_once_per_round_trip(bench):
    """RFC 3168 section 6.1.2: ECE counts like a loss, once per window, and is answered with CWR on new data."""

    def body(t):
        c = ecn_pipe(t)
        t.write(c.fd, bytes(1460 * 40))
        c.out()
        t.sleep(0.1)
        for i in range(1, 11):
            c.send(".E", 1, 1 + i * 1460)
        segments = c.out()
        info = t.info(c.fd)
        assert info["snd_ssthresh"] == 5 and info["ca_state"] == 2
        assert sum("W" in s.flags for s in segments) == 1
        assert all(s.seq >= 1 + 10 * 1460 for s in segments)

    bench.run(body)


def test_ce_is_echoed_until_cwr(bench):
    """RFC 3168 section 6.1.3: every ACK has ECE from the marked segment on, until the sender's CWR."""

    def body(t):
        c = ecn_pipe(t)

        def marked(seq, flags=".", tos=CE):
            raw = bytearray(c.raw(flags, seq, 1, bytes(1460)))
            raw[1] = tos
            raw[10:12] = b"\0\0"
            total = sum(int.from_bytes(raw[i : i + 2], "big") for i in range(0, 20, 2))
            total = (total & 0xFFFF) + (total >> 16)
            total = (total & 0xFFFF) + (total >> 16)
            raw[10:12] = (total ^ 0xFFFF).to_bytes(2, "big")
            t.inject_ip(bytes(raw))
            t.sleep(0.25)
            return ["E" in s.flags for s in c.out()]

        assert marked(1, tos=ECT0) == [False]
        assert marked(1461) == [True]
        assert marked(2921, tos=ECT0) == [True]
        assert marked(4381, flags="W.", tos=ECT0) == [False]
        assert marked(5841, tos=ECT0) == [False]

    bench.run(body)
