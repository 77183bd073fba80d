"""Congestion control (RFC 5681, 6928, 9438, 2861): the window in slow start, in avoidance, after idling."""

from harness import Receiver, mss, sack_ok, timestamp, wscale
from pytest import approx

from kernel.uapi import errno
from kernel.uapi.socket import SO_SNDBUF, SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_CONGESTION, TCP_NODELAY

M = 1448
OPTIONS = mss(1460) + sack_ok() + wscale(7)


def congestion(t, fd, name=None):
    if name is not None:
        return t.setsockopt(fd, SOL_TCP, TCP_CONGESTION, name)
    return t.getsockopt(fd, SOL_TCP, TCP_CONGESTION, 16).rstrip(b"\0")


def pipe(t, algorithm=b"reno", rtt=0.1, port=80, **more):
    """A connection with a wide window and a large send buffer."""

    def setup(fd):
        assert congestion(t, fd, algorithm) == 0
        assert t.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 4_000_000) == 0

    t.sysctl("wmem_max", 8_000_000)
    c = t.listen(port, setup=setup)
    c.ts_on = True
    c.syn(OPTIONS + timestamp(t.ms()), **more)
    c.expect("S.")
    t.sleep(rtt)
    c.win = 65535
    c.ack(1)
    assert t.accept(c) >= 0
    return c


def keep_full(t, c):
    while t.write(c.fd, bytes(200_000)) > 0:
        pass


def round_trip(t, c, acked, every=1, rtt=0.1):
    """Acknowledge what was sent in the last round trip, `every` segments at a time; (segments sent, new ACK number)."""
    t.sleep(rtt)
    segments = c.out()
    for s in segments[every - 1 :: every]:
        acked = s.end
        c.ack(acked)
    if segments and segments[-1].end > acked:
        acked = segments[-1].end
        c.ack(acked)
    return len(segments), acked


def lose_one(t, c, acked):
    """The first segment of the present flight is lost and repaired; the new ACK number."""
    t.sleep(0.1)
    segments = c.out()
    for i in range(2, len(segments) + 1):
        c.sack(acked, (acked + M, acked + i * M))
    t.sleep(0.1)
    segments += c.out()
    acked = max(s.end for s in segments)
    c.ack(acked)
    return acked


# --- the beginning ---


def test_the_initial_window(bench):
    """RFC 6928: ten segments."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        assert [len(s.data) for s in c.out()] == [M] * 10
        assert t.info(c.fd)["snd_cwnd"] == 10

    bench.run(body)


def test_slow_start_doubles(bench):
    """RFC 5681 section 3.1: one segment more for every segment acknowledged."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        acked = 1
        sizes = []
        for _ in range(5):
            count, acked = round_trip(t, c, acked)
            sizes.append(count)
        assert sizes == [10, 20, 40, 80, 160]

    bench.run(body)


def test_slow_start_with_delayed_acks(bench):
    """RFC 5681 section 3.1, RFC 3465: an ACK for two segments counts for two (byte counting), so growth is the same."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        acked = 1
        sizes = []
        for _ in range(4):
            count, acked = round_trip(t, c, acked, every=2)
            sizes.append(count)
        assert sizes == [10, 20, 40, 80]

    bench.run(body)


def test_ack_splitting_gains_nothing(bench):
    """RFC 5681 section 3.1, RFC 3465: a hundred ACKs for parts of one segment are worth one segment."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        c.out()
        t.sleep(0.1)
        for i in range(1, 101):
            c.ack(1 + i * M // 100)
        assert t.info(c.fd)["snd_cwnd"] == 11

    bench.run(body)


def test_optimistic_acks_gain_nothing(bench):
    """RFC 5681 section 3.1: what was never sent can not be acknowledged."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        c.out()
        c.ack(1 + 30 * M)
        assert t.info(c.fd)["snd_cwnd"] == 10 and t.info(c.fd)["unacked"] == 10

    bench.run(body)


# --- congestion avoidance ---


def test_reno_adds_one_per_round_trip(bench):
    """RFC 5681 section 3.1 equation (3): beyond ssthresh one segment per round trip."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        acked = 1
        for _ in range(2):
            _, acked = round_trip(t, c, acked)
        acked = lose_one(t, c, acked)
        start = t.info(c.fd)
        assert start["snd_ssthresh"] == 20
        sizes = []
        for _ in range(6):
            count, acked = round_trip(t, c, acked)
            sizes.append(count)
            assert t.info(c.fd)["snd_ssthresh"] == 20
        steps = [b - a for a, b in zip(sizes, sizes[1:], strict=False)]
        assert all(0 <= step <= 2 for step in steps) and 4 <= sizes[-1] - sizes[0] <= 6

    bench.run(body)


def test_slow_start_ends_at_the_threshold(bench):
    """RFC 5681 section 3.1: slow start while cwnd < ssthresh, avoidance above."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        acked = 1
        for _ in range(2):
            _, acked = round_trip(t, c, acked)
        # All of the third flight is lost: timeout, threshold 20.
        assert len(c.out()) == 40
        t.sleep(0.6)
        again = c.out()
        assert again and t.info(c.fd)["snd_cwnd"] == 1 and t.info(c.fd)["snd_ssthresh"] == 20
        cwnds = []
        peer = Receiver(c, acked)
        for _ in range(12):
            t.sleep(0.1)
            peer.take(again)
            cwnds.append(t.info(c.fd)["snd_cwnd"])
            again = c.out()
        # The retransmission and the probe before it are acknowledged first, then everything doubles up to 20.
        assert cwnds[:4] == [3, 6, 12, 20]
        late = [b - a for a, b in zip(cwnds[4:], cwnds[5:], strict=False)]
        assert all(0 <= step <= 1 for step in late) and cwnds[-1] > 22

    bench.run(body)


# --- CUBIC (RFC 9438) ---


def test_cubic_reduces_to_seven_tenths(bench):
    """RFC 9438 section 4.6: beta is 0.7."""

    def body(t):
        c = pipe(t, algorithm=b"cubic")
        keep_full(t, c)
        acked = 1
        for _ in range(3):
            _, acked = round_trip(t, c, acked)
        flight = 80
        acked = lose_one(t, c, acked)
        assert t.info(c.fd)["snd_ssthresh"] == approx(0.7 * flight, abs=1)

    bench.run(body)


def test_cubic_is_concave_then_convex(bench):
    """RFC 9438 sections 4.4 and 4.5: quickly back towards W_max, a plateau around it after K, then faster and faster."""

    def body(t):
        t.sysctl("tcp_rmem_max", 6_291_456)
        c = pipe(t, algorithm=b"cubic")
        keep_full(t, c)
        acked = 1
        for _ in range(4):
            _, acked = round_trip(t, c, acked)
            keep_full(t, c)
        w_max = 160
        acked = lose_one(t, c, acked)
        base = t.info(c.fd)["snd_cwnd"]
        assert base == approx(112, abs=3)
        cwnds = []
        for _ in range(90):
            keep_full(t, c)
            _, acked = round_trip(t, c, acked, every=4)
            cwnds.append(t.info(c.fd)["snd_cwnd"])
        assert cwnds == sorted(cwnds)
        # W(t) = C (t - K)^3 + W_max with C = 0.4, K = cubic root of W_max (1 - beta) / C: 4.9 s here.
        k = (w_max * 0.3 / 0.4) ** (1 / 3)
        for step in (10, 20, 30, 45, 55, 70, 85):
            now = (step + 1) * 0.1
            expected = 0.4 * (now - k) ** 3 + w_max
            assert cwnds[step] == approx(expected, rel=0.08)

    bench.run(body)


def test_cubic_is_friendly_to_reno(bench):
    """RFC 9438 section 4.3: with small windows and short round trips CUBIC is no slower than Reno would be."""

    def body(t):
        c = pipe(t, algorithm=b"cubic", rtt=0.02)
        keep_full(t, c)
        t.sleep(0.02)
        acked = 1
        segments = c.out()
        for i in range(2, len(segments) + 1):
            c.sack(acked, (acked + M, acked + i * M))
        t.sleep(0.02)
        segments += c.out()
        acked = max(s.end for s in segments)
        c.ack(acked)
        start = t.info(c.fd)["snd_cwnd"]
        for _ in range(40):
            _, acked = round_trip(t, c, acked, rtt=0.02)
        # alpha = 3 (1 - beta) / (1 + beta) = 0.53 segments per round trip.
        assert t.info(c.fd)["snd_cwnd"] - start >= 0.4 * 40

    bench.run(body)


# --- who does not use the window ---


def test_an_application_that_pauses_does_not_grow_it(bench):
    """RFC 7661 section 4, RFC 2861: a window that is not used is not validated by ACKs."""

    def body(t):
        c = pipe(t)
        acked = 1
        for _ in range(20):
            t.write(c.fd, bytes(2 * M))
            _, acked = round_trip(t, c, acked)
        assert t.info(c.fd)["snd_cwnd"] == 10

    bench.run(body)


def test_half_a_window_in_slow_start_may_grow(bench):
    """RFC 7661 section 4.1 as Linux has it: in slow start the window grows to twice what is used."""

    def body(t):
        c = pipe(t)
        acked = 1
        for _ in range(10):
            t.write(c.fd, bytes(9 * M))
            _, acked = round_trip(t, c, acked)
        assert 11 <= t.info(c.fd)["snd_cwnd"] <= 18

    bench.run(body)


def test_idling_restarts(bench):
    """RFC 5681 section 4.1: after more than an RTO without sending the window starts from the restart window again."""

    def body(t):
        c = pipe(t)
        keep_full(t, c)
        acked = 1
        for _ in range(30):
            count, acked = round_trip(t, c, acked)
            if count == 0:
                break
        assert t.info(c.fd)["unacked"] == 0
        before = t.info(c.fd)
        assert before["snd_cwnd"] > 80
        t.sleep(30)
        t.write(c.fd, bytes(100 * M))
        assert len(c.out()) == 10
        after = t.info(c.fd)
        assert after["snd_cwnd"] == 10
        # The threshold remembers: three quarters of what was.
        assert after["snd_ssthresh"] >= before["snd_cwnd"] // 2

    bench.run(body)


def test_idling_decays_by_halves(bench):
    """RFC 2861 section 3.1: the window halves for every RTO of silence."""

    def body(t):
        c = pipe(t)
        t.write(c.fd, bytes(M * 310))
        acked = 1
        for _ in range(30):
            count, acked = round_trip(t, c, acked)
            if count == 0:
                break
        before = t.info(c.fd)
        idle = before["rto"] / 1e6 * 2.5 - before["last_data_sent"] / 1e3
        t.sleep(idle)
        t.write(c.fd, bytes(M))
        c.out()
        after = t.info(c.fd)["snd_cwnd"]
        assert after == approx(before["snd_cwnd"] >> 2, abs=2)

    bench.run(body)


def test_idling_can_be_ignored(bench):
    """tcp(7) tcp_slow_start_after_idle 0 keeps the window."""

    def body(t):
        t.sysctl("tcp_slow_start_after_idle", 0)
        c = pipe(t)
        t.write(c.fd, bytes(M * 70))
        acked = 1
        for _ in range(10):
            count, acked = round_trip(t, c, acked)
            if count == 0:
                break
        before = t.info(c.fd)["snd_cwnd"]
        assert before >= 40
        t.sleep(60)
        t.write(c.fd, bytes(100 * M))
        assert len(c.out()) == before

    bench.run(body)


# --- choosing ---


def test_the_algorithm_can_be_chosen(bench):
    """tcp(7) TCP_CONGESTION: per socket, inherited by accepted ones; an unknown name is ENOENT."""

    def body(t):
        c = t.listen(80)
        assert congestion(t, c.listener) == b"cubic"
        assert congestion(t, c.listener, b"reno") == 0
        assert congestion(t, c.listener, b"vegas-from-outer-space"[:15]) == -errno.ENOENT
        c.syn()
        c.out()
        c.ack(1)
        t.accept(c)
        assert congestion(t, c.fd) == b"reno"
        assert congestion(t, c.fd, b"cubic") == 0
        assert congestion(t, c.fd) == b"cubic"

    bench.run(body)


def test_the_window_in_bytes_and_segments(bench):
    """RFC 5681 section 3.1, Linux: the window counts segments; many small ones use it up as well."""

    def body(t):
        c = pipe(t)
        t.setsockopt(c.fd, SOL_TCP, TCP_NODELAY, 1)
        for _ in range(30):
            t.write(c.fd, b"x")
        assert t.info(c.fd)["unacked"] == 10
        assert len(c.out()) == 10

    bench.run(body)
