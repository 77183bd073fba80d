"""Timestamps (RFC 7323): what is echoed, PAWS, and when it does not apply."""

from harness import Connection, mss, sack_ok, timestamp, wscale
from pytest import approx

from kernel.uapi import errno

DAY = 86400
OPTIONS = mss(1460) + sack_ok() + wscale(7)


def with_clock(t, start=1000, **more):
    """A connection with timestamps whose peer's clock the test sets."""
    c = t.listen(80, **more)
    c.ts_on = True
    c.ts_clock = start
    c.syn(OPTIONS + timestamp(start))
    synack = c.expect("S.", seq=0, ack=1)
    assert synack.ts is not None and synack.ts[1] == start
    c.ack(1)
    assert t.accept(c) >= 0
    return c


# --- negotiation ---


def test_not_sent_when_not_offered(bench):
    """RFC 7323 section 3.2: TSopt in the SYN-ACK only if the SYN had it, and in later segments only if both had."""

    def body(t):
        c = t.established(options=OPTIONS)
        t.write(c.fd, bytes(3000))
        assert all(s.ts is None for s in c.out())
        assert t.info(c.fd)["options"] & 1 == 0
        # A stray option without agreement is ignored, PAWS and all.
        c.data(1, b"abc", options=timestamp(1))
        c.data(4, b"def", options=timestamp(0))
        assert t.read(c.fd) == b"abcdef"

    bench.run(body)


def test_sent_on_every_segment_when_agreed(bench):
    """RFC 7323 section 3.2: once agreed, on data, ACK and FIN; every payload is 12 bytes shorter (MUST-16)."""

    def body(t):
        c = with_clock(t)
        t.write(c.fd, bytes(3000))
        segments = c.out()
        assert [len(s.data) for s in segments] == [1448, 1448, 104]
        c.ack(3001)
        c.data(1, b"x", ack=3001)
        t.sleep(0.3)
        segments += c.out()
        t.shutdown(c.fd, 1)
        segments += c.out()
        assert segments[-1].flags == "F." and all(s.ts is not None for s in segments)

    bench.run(body)


def test_switched_off_by_sysctl(bench):
    """RFC 7323 section 3.2: an implementation may decline."""

    def body(t):
        t.sysctl("tcp_timestamps", 0)
        c = t.listen(80)
        c.syn(OPTIONS + timestamp(5))
        assert c.expect("S.").ts is None
        assert t.connect_start(81).first.ts is None

    bench.run(body)


def test_the_reset_of_a_connection_has_a_timestamp(bench):
    """RFC 7323 section 3.2: a RST should carry the option, too."""

    def body(t):
        c = with_clock(t)
        c.data(1, b"unread")
        c.out()
        t.close(c.fd)
        assert c.expect("R.", seq=1).ts == approx((c.ts_echo, 1000))

    bench.run(body)


def test_a_segment_without_the_option_is_accepted(bench):
    """RFC 7323 section 3.2 would drop it; Linux is liberal, as many stacks of old forgot it on FINs."""

    def body(t):
        c = with_clock(t)
        c.data(1, b"bare", options=b"")
        assert t.read(c.fd) == b"bare"

    bench.run(body)


def test_the_clock_ticks_in_milliseconds(bench):
    """RFC 7323 section 5.4: between 1 ms and 1 s per tick."""

    def body(t):
        c = with_clock(t)
        t.write(c.fd, b"a")
        first = c.expect(".")
        t.sleep(0.1)
        c.ack(2)
        t.write(c.fd, b"b")
        second = c.expect(".")
        assert second.ts[0] - first.ts[0] == approx(100, abs=2)

    bench.run(body)


def test_different_peers_see_different_clocks(bench):
    """RFC 7323 section 5.4 (security): the offset is random per pair of hosts, so uptimes do not leak."""

    def body(t):
        t.know("10.0.0.3")
        a = t.connect_start(80)
        fd = t.stream()
        t.nonblock(fd)
        assert t.connect(fd, "10.0.0.3", 80) == -errno.EINPROGRESS
        _, port = t.getname(fd)
        other = Connection(t, 80, port)
        (syn,) = other.out()
        assert abs(syn.ts[0] - a.first.ts[0]) > 1000

    bench.run(body)


# --- what is echoed (section 4.3) ---


def test_the_echo_of_in_order_data(bench):
    """RFC 7323 section 4.3: TS.Recent follows segments that begin at or before Last.ACK.sent."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 2000
        c.data(1, bytes(100))
        assert c.expect(".", ack=101).ts[1] == 2000

    bench.run(body)


def test_a_delayed_ack_echoes_the_earliest(bench):
    """RFC 7323 section 4.3 (A): with one ACK for two segments the first one's timestamp is echoed."""

    def body(t):
        c = with_clock(t)
        c.data(1, b"ask")
        t.read(c.fd)
        t.write(c.fd, b"answer")
        c.out()
        c.ts_clock = 2000
        c.data(4, b"first", ack=7)
        c.silence()
        c.ts_clock = 2001
        c.data(9, b"second", ack=7)
        t.sleep(0.3)
        acks = c.out()
        assert acks[0].ts[1] == 2000 and acks[-1].ack == 15

    bench.run(body)


def test_a_hole_echoes_the_segment_before_it(bench):
    """RFC 7323 section 4.3 (B): duplicate ACKs echo the last segment that advanced the window."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 2000
        c.data(1, bytes(100))
        c.expect(".", ack=101)
        c.ts_clock = 2500
        c.data(201, bytes(100))
        assert c.expect(".", ack=101).ts[1] == 2000

    bench.run(body)


def test_a_filled_hole_echoes_what_filled_it(bench):
    """RFC 7323 section 4.3 (C)."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 2000
        c.data(101, bytes(100))
        c.expect(".", ack=1)
        c.ts_clock = 2500
        c.data(1, bytes(100))
        assert c.expect(".", ack=201).ts[1] == 2500

    bench.run(body)


def test_an_older_timestamp_does_not_replace_a_newer(bench):
    """RFC 7323 section 4.3: SEG.TSval >= TS.Recent is part of the rule."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 2000
        c.data(1, bytes(100))
        c.out()
        c.ts_clock = 1999
        c.data(101, bytes(100))
        assert all(s.ts[1] == 2000 for s in c.out())

    bench.run(body)


# --- PAWS (section 5) ---


def test_an_old_timestamp_is_dropped_and_acknowledged(bench):
    """RFC 7323 section 5.3 R1: SEG.TSval < TS.Recent: not acceptable: ACK, drop."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 5000
        c.data(1, b"new")
        c.out()
        c.ts_clock = 2000
        c.data(4, b"old")
        c.expect(".", ack=4)
        assert t.read(c.fd) == b"new"
        assert t.mib("TcpExtPAWSEstab") == 1
        c.ts_clock = 5001
        c.data(4, b"next")
        assert t.read(c.fd) == b"next"

    bench.run(body)


def test_timestamps_wrap(bench):
    """RFC 7323 section 5.2: compared on a circle of 32 bits."""

    def body(t):
        c = with_clock(t, start=0xFFFFFFF0)
        c.data(1, b"before")
        c.out()
        c.ts_clock = 5
        c.data(7, b"after")
        assert t.read(c.fd) == b"beforeafter"
        t.sleep(0.3)
        assert c.out()[-1].ts[1] == 5
        c.ts_clock = 0xFFFFFFF0
        c.data(12, b"old")
        assert t.read(c.fd) == -errno.EAGAIN

    bench.run(body)


def test_a_reset_is_exempt(bench):
    """RFC 7323 section 5.2: PAWS must not be applied to a RST."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 5000
        c.data(1, b"x")
        c.out()
        c.ts_clock = 10
        c.send("R", 2)
        assert t.info(c.fd)["state"] == 7

    bench.run(body)


def test_after_24_days_without_news(bench):
    """RFC 7323 section 5.5: TS.Recent is invalid after more than 24 days of idleness."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 5000
        c.data(1, b"x")
        c.out()
        sk = t.sk(c.fd)
        # The clock of the test bench ends after ten hours: the stamp is moved instead.
        sk.ts_recent_stamp -= 23 * DAY
        c.ts_clock = 100
        c.data(2, b"dropped")
        t.sleep(0.1)
        c.out()
        sk.ts_recent_stamp -= 2 * DAY
        c.data(2, b"taken")
        assert t.read(c.fd) == b"xtaken"

    bench.run(body)


def test_dropped_segments_are_answered_twice_a_second(bench):
    """RFC 7323 section 5.3 with RFC 5961 section 7's caution: pure ACKs that PAWS drops are rationed."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 50_000
        c.data(1, b"x")
        c.out()
        c.ts_clock = 10
        for _ in range(20):
            c.ack(1, seq=2)
        assert len(c.out()) <= 1

    bench.run(body)


def test_a_reordered_pure_ack_is_not_punished(bench):
    """RFC 7323 section 5.3 in practice: a duplicate ACK that was overtaken within an RTO is no wrapped segment."""

    def body(t):
        c = with_clock(t)
        c.ts_clock = 2000
        c.data(1, b"x")
        c.out()
        c.ack(1, seq=2)
        c.ts_clock = 1990
        c.ack(1, seq=2)
        c.silence()
        assert t.mib("TcpExtPAWSEstab") == 0

    bench.run(body)


def test_paws_protects_time_wait(bench):
    """RFC 7323 section 5.3, RFC 6191: an old SYN with an old timestamp does not open a connection in TIME-WAIT."""

    def body(t):
        c = with_clock(t, start=50_000)
        t.close(c.fd)
        c.expect("F.")
        c.send("F.", 1, 2)
        c.expect(".", ack=2)
        c.ts_clock = 20
        c.send("S", 200_000)
        c.expect(".", ack=2)
        assert t.net.tcp.tw_count == 1

    bench.run(body)


def test_a_syn_ack_that_echoes_nonsense(bench):
    """RFC 7323 section 4.2 in SYN-SENT: an echo of what we never sent belongs to another connection: RST."""

    def body(t):
        c = t.connect_start(80)
        c.send("S.", 0, 1, options=mss(1460) + timestamp(1, (c.first.ts[0] - 100_000) & 0xFFFFFFFF))
        c.expect("R", seq=1)
        assert t.info(c.fd)["state"] == 2

    bench.run(body)
