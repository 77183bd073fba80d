"""When to send and when to acknowledge: Nagle, corking, delayed ACKs (RFC 9293 sections 3.7.4 and 3.8.6.3)."""

from harness import mss, sack_ok, wscale
from pytest import approx

from kernel.uapi.socket import MSG_DONTWAIT, MSG_MORE, SOL_TCP
from kernel.uapi.tcp import TCP_CORK, TCP_NODELAY, TCP_QUICKACK

MORE = MSG_MORE | MSG_DONTWAIT


# --- Nagle ---


def test_a_second_small_write_waits(bench):
    """RFC 9293 MUST-17, SHLD-7: while something small is unacknowledged another small segment is held back."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"one")
        c.expect(".", data=b"one")
        t.write(c.fd, b"two")
        t.write(c.fd, b"three")
        c.silence()
        t.sleep(0.1)
        c.silence()
        c.ack(4)
        c.expect(".", seq=4, data=b"twothree")

    bench.run(body)


def test_a_full_segment_goes_at_once(bench):
    """RFC 9293 section 3.7.4: Nagle holds back only what is not full."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"x")
        c.expect(".", seq=1)
        t.write(c.fd, bytes(1460))
        c.expect_data(2)
        t.write(c.fd, bytes(1460 + 100))
        c.expect_data(1462)
        c.ack(2922)
        c.expect(".", seq=2922, length=100)

    bench.run(body)


def test_the_tail_of_a_long_write_is_not_held(bench):
    """Minshall's variant: only a small segment that is outstanding holds back another; full ones do not."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(3000))
        segments = c.out()
        assert [len(s.data) for s in segments] == [1460, 1460, 80]
        t.write(c.fd, b"small")
        c.silence()
        c.ack(3001)
        c.expect(".", seq=3001, data=b"small")

    bench.run(body)


def test_psh_on_the_last_segment_of_a_write(bench):
    """RFC 9293 MUST-61: PSH is set in the last segment of what the user has written."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1500))
        segments = c.out()
        assert "P" in segments[-1].flags and "P" not in segments[0].flags

    bench.run(body)


def test_tcp_nodelay(bench):
    """RFC 9293 MUST-17: an application can turn Nagle off: every write goes at once."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_NODELAY, 1) == 0
        for i in range(5):
            t.write(c.fd, b"x")
            c.expect("P.", seq=1 + i, length=1)

    bench.run(body)


def test_setting_tcp_nodelay_sends_what_waits(bench):
    """tcp(7): setting TCP_NODELAY flushes explicitly."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"a")
        c.out()
        t.write(c.fd, b"b")
        c.silence()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_NODELAY, 1) == 0
        c.expect(".", seq=2, data=b"b")

    bench.run(body)


def test_a_fin_is_not_held(bench):
    """RFC 9293 section 3.10.4: closing sends what Nagle has kept."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"a")
        c.out()
        t.write(c.fd, b"b")
        t.shutdown(c.fd, 1)
        c.expect("F.", seq=2, data=b"b")

    bench.run(body)


def test_how_much_goes_to_the_device_at_once(bench):
    """tcp(7) tcp_min_tso_segs: on a slow path a burst is what lasts a millisecond, and never less than so many segments.

    A burst ends with PSH; half the window at most goes in one (RFC 9293 section 3.9.1.2 leaves PSH to us).
    """

    def body(t):
        for port, value, expected in ((80, "2", [2, 2, 2, 2, 2]), (81, "10", [5, 5])):
            assert t.kernel.sysctl.write("net.ipv4.tcp_min_tso_segs", value) == 0
            assert t.read_proc("/proc/sys/net/ipv4/tcp_min_tso_segs") == value + "\n"
            c = t.established(port=port, options=mss(1000) + sack_ok(), rtt=0.1)
            t.write(c.fd, bytes(20_000))
            bursts = [0]
            for s in c.out():
                bursts[-1] += 1
                if "P" in s.flags:
                    bursts.append(0)
            assert bursts == [*expected, 0]

    bench.run(body)


# --- corking ---


def test_tcp_cork_holds_partial_segments(bench):
    """tcp(7) TCP_CORK: only full segments go out; the ceiling is 200 ms."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_CORK, 1) == 0
        t.write(c.fd, bytes(1000))
        c.silence()
        t.write(c.fd, bytes(1000))
        c.expect_data(1)
        c.ack(1461)
        start = t.now()
        t.sleep(0.3)
        segment = c.expect(".", seq=1461, length=540)
        assert segment.time - start == approx(0.2, abs=0.01)

    bench.run(body)


def test_uncorking_sends(bench):
    """tcp(7): taking the cork out sends what is there."""

    def body(t):
        c = t.established()
        t.setsockopt(c.fd, SOL_TCP, TCP_CORK, 1)
        t.write(c.fd, b"head")
        t.write(c.fd, b"body")
        c.silence()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_CORK, 0) == 0
        c.expect("P.", seq=1, data=b"headbody")

    bench.run(body)


def test_cork_is_stronger_than_nodelay(bench):
    """tcp(7): with both set, TCP_CORK holds back; setting TCP_NODELAY while corked flushes once."""

    def body(t):
        c = t.established()
        t.setsockopt(c.fd, SOL_TCP, TCP_NODELAY, 1)
        t.setsockopt(c.fd, SOL_TCP, TCP_CORK, 1)
        t.write(c.fd, b"a")
        c.silence()
        t.setsockopt(c.fd, SOL_TCP, TCP_NODELAY, 1)
        c.expect(".", data=b"a")
        t.write(c.fd, b"b")
        c.silence()
        t.setsockopt(c.fd, SOL_TCP, TCP_CORK, 0)
        c.expect(".", seq=2, data=b"b")

    bench.run(body)


def test_msg_more(bench):
    """send(2) MSG_MORE: the same as a cork for one call."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"GET / ", flags=MORE)
        c.silence()
        t.write(c.fd, b"HTTP/1.0")
        c.expect("P.", seq=1, data=b"GET / HTTP/1.0")
        c.ack(15)
        t.write(c.fd, b"more", flags=MORE)
        t.sleep(0.25)
        c.expect(".", seq=15, data=b"more")

    bench.run(body)


def test_closing_uncorks(bench):
    """tcp(7): close sends what the cork holds."""

    def body(t):
        c = t.established()
        t.setsockopt(c.fd, SOL_TCP, TCP_CORK, 1)
        t.write(c.fd, b"last")
        c.silence()
        t.close(c.fd)
        c.expect("F.", seq=1, data=b"last")

    bench.run(body)


# --- delayed acknowledgments ---


def settle(t, c):
    """A request and an answer: the socket is in a dialogue, and delays its ACKs."""
    c.data(1, b"ask")
    assert t.read(c.fd) == b"ask"
    t.write(c.fd, b"answer")
    c.out()
    c.ack(7, seq=4)
    c.out()
    return 4


def test_the_first_segments_are_acknowledged_at_once(bench):
    """Linux's quick ACKs: a sender in slow start needs every ACK, so the first segments are not delayed."""

    def body(t):
        c = t.established()
        for i in range(4):
            c.data(1 + 1000 * i, bytes(1000), flags=".")
            c.expect(".", ack=1001 + 1000 * i)

    bench.run(body)


def test_a_lone_segment_is_acknowledged_after_40_ms(bench):
    """RFC 9293 MUST-40: less than 500 ms; Linux's shortest delay in a dialogue is 40 ms."""

    def body(t):
        c = t.established()
        seq = settle(t, c)
        c.data(seq, b"next")
        start = t.now()
        c.silence()
        t.sleep(0.5)
        ack = c.expect(".", ack=seq + 4, length=0)
        assert 0.039 <= ack.time - start <= 0.21

    bench.run(body)


def test_an_answer_carries_the_ack(bench):
    """RFC 9293 section 3.8.6.3: data that goes out soon makes the delayed ACK superfluous."""

    def body(t):
        c = t.established()
        seq = settle(t, c)
        c.data(seq, b"question")
        assert t.read(c.fd) == b"question"
        c.silence()
        t.write(c.fd, b"reply")
        c.expect("P.", ack=seq + 8, data=b"reply")
        t.sleep(0.15)
        c.silence()

    bench.run(body)


def test_every_second_full_segment(bench):
    """RFC 9293 SHLD-19: an ACK for at least every second full-sized segment."""

    def body(t):
        c = t.established(options=mss(1000) + sack_ok())
        seq = settle(t, c)
        acks = 0
        for _ in range(40):
            c.data(seq, bytes(1000), flags=".")
            seq += 1000
            acks += len(c.out())
            t.read(c.fd)
            acks += len(c.out())
        assert 20 <= acks <= 40

    bench.run(body)


def test_tcp_quickack(bench):
    """tcp(7) TCP_QUICKACK: the delayed ACK goes now, and quick ACKs come for a while."""

    def body(t):
        c = t.established()
        seq = settle(t, c)
        c.data(seq, b"next")
        assert t.read(c.fd) == b"next"
        c.silence()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_QUICKACK, 1) == 0
        c.expect(".", ack=seq + 4)
        c.data(seq + 4, b"more")
        c.expect(".", ack=seq + 8)

    bench.run(body)


def test_tcp_quickack_off(bench):
    """tcp(7): TCP_QUICKACK 0 delays ACKs from the very start."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_QUICKACK, 0) == 0
        c.data(1, b"first")
        c.silence()
        t.sleep(0.3)
        c.expect(".", ack=6)

    bench.run(body)


def test_a_delayed_ack_is_sent_once(bench):
    """RFC 9293 section 3.8.6.3: the timer ends with the ACK; silence after it."""

    def body(t):
        c = t.established()
        seq = settle(t, c)
        c.data(seq, b"x")
        t.sleep(10)
        c.expect(".", ack=seq + 1)

    bench.run(body)


def test_acks_of_a_burst_are_aggregated(bench):
    """RFC 9293 SHLD-18, SHLD-19: a burst of full segments costs an ACK for every two, and the last ACK is complete."""

    def body(t):
        c = t.established(options=mss(1000) + sack_ok() + wscale(7))
        seq = settle(t, c)
        for i in range(20):
            c.data(seq + 1000 * i, bytes(1000), ack=7, flags=".")
        t.sleep(0.3)
        acks = c.out()
        assert 1 <= len(acks) <= 11 and acks[-1].ack == seq + 20_000

    bench.run(body)
