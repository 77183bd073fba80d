"""Loss recovery (RFC 5681, 3042, 6582, 6675, 6937, 8985, 4015, 5682): finding a loss, repairing it, and taking it back."""

import random

from harness import Receiver, mss, sack_ok
from pytest import approx

from kernel.uapi.socket import SOL_TCP
from kernel.uapi.tcp import TCP_CONGESTION

SACK = mss(1460) + sack_ok()
M = 1460
OPEN, DISORDER, CWR, RECOVERY, LOSS = range(5)


def at(i, n=1):
    """The block of `n` segments of ours from the i-th on (counted from 0)."""
    return (1 + M * i, 1 + M * (i + n))


def number(segment):
    """Which of our segments it is, counted from 0."""
    return (segment.seq - 1) // M


def numbers(segments):
    return [number(s) for s in segments]


def flight(t, segments=10, options=SACK, **more):
    """A connection with a round trip of 100 ms; ten segments are out, the rest of `segments` waits."""
    c = t.established(options=options, rtt=0.1, **more)
    assert t.write(c.fd, bytes(M * segments)) == M * segments
    assert numbers(c.out()) == list(range(min(segments, 10)))
    t.sleep(0.1)
    return c


def leaves_recovery(t, c):
    """RFC 6582 section 4: without SACK the state is left when something beyond the recovery point is acknowledged."""
    assert t.info(c.fd)["ca_state"] == RECOVERY
    t.write(c.fd, b"x")
    c.expect(".", seq=1 + 10 * M, length=1)
    c.ack(2 + 10 * M)
    return t.info(c.fd)["ca_state"] == OPEN


def reno(t):
    return lambda fd: t.setsockopt(fd, SOL_TCP, TCP_CONGESTION, b"reno")


# --- fast retransmit without SACK (RFC 5681 section 3.2) ---


def test_three_duplicates_retransmit(bench):
    """RFC 5681 section 3.2: the third duplicate ACK sends the missing segment again, without waiting for the timer."""

    def body(t):
        c = flight(t, options=mss(1460))
        c.ack(1)
        c.ack(1)
        c.silence()
        c.ack(1)
        c.expect_data(1)
        assert t.info(c.fd)["ca_state"] == RECOVERY
        c.ack(1 + 10 * M)
        t.sleep(5)
        c.silence()
        assert leaves_recovery(t, c)

    bench.run(body)


def test_what_is_no_duplicate(bench):
    """RFC 5681 section 2: with data, with a larger window, or with nothing outstanding it is no duplicate ACK."""

    def body(t):
        c = flight(t, options=mss(1460), win=50_000)
        for i in range(4):
            c.ack(1, win=60_000 + i)
        for i in range(4):
            c.data(1 + i, b"x", win=60_003)
        assert all(s.data == b"" for s in c.out())
        assert t.info(c.fd)["ca_state"] == OPEN
        for _ in range(6):
            c.ack(1 + 10 * M, seq=5)
        c.silence()

    bench.run(body)


def test_limited_transmit(bench):
    """RFC 3042: the first two duplicates each let one new segment out, so that a small window makes a third."""

    def body(t):
        c = flight(t, segments=14, options=mss(1460))
        c.ack(1)
        assert numbers(c.out()) == [10]
        t.sleep(0.002)
        c.ack(1)
        assert numbers(c.out()) == [11]
        t.sleep(0.002)
        c.ack(1)
        assert numbers(c.out())[0] == 0

    bench.run(body)


def test_limited_transmit_with_sack(bench):
    """RFC 3042 section 2 with SACK: only ACKs with new SACK information count."""

    def body(t):
        c = flight(t, segments=14)
        c.sack(1, at(1, 1))
        assert numbers(c.out()) == [10]
        t.sleep(0.002)
        c.sack(1, at(1, 1))
        c.silence()
        t.sleep(0.002)
        c.sack(1, at(1, 2))
        assert numbers(c.out()) == [11]

    bench.run(body)


def test_partial_acks(bench):
    """RFC 6582 section 3.2: without SACK a partial ACK means that the next segment is lost as well; one per round trip."""

    def body(t):
        c = flight(t, options=mss(1460))
        for _ in range(3):
            c.ack(1)
        assert numbers(c.out()) == [0]
        t.sleep(0.1)
        c.ack(1 + 3 * M)
        assert numbers(c.out()) == [3]
        assert t.info(c.fd)["ca_state"] == RECOVERY
        t.sleep(0.1)
        c.ack(1 + 6 * M)
        assert numbers(c.out()) == [6]
        t.sleep(0.1)
        c.ack(1 + 10 * M)
        c.silence()
        assert leaves_recovery(t, c)

    bench.run(body)


def test_no_second_reduction_for_one_window(bench):
    """RFC 6582 section 4: duplicates that come after recovery, for the same window, do not start another one."""

    def body(t):
        c = flight(t, options=mss(1460))
        for _ in range(3):
            c.ack(1)
        c.out()
        threshold = t.info(c.fd)["snd_ssthresh"]
        c.ack(1 + 10 * M)
        for _ in range(4):
            c.ack(1 + 10 * M)
        assert t.info(c.fd)["snd_ssthresh"] == threshold
        c.silence()

    bench.run(body)


# --- the window in recovery (RFC 5681 equation 4, RFC 6937) ---


def test_the_threshold_after_a_loss(bench):
    """RFC 5681 equation (4): half the flight for Reno; RFC 9438 section 4.6: seven tenths for CUBIC."""

    def body(t):
        for port, setup, expected in ((80, reno(t), 5), (81, None, 7)):
            c = flight(t, port=port, setup=setup)
            c.sack(1, at(1, 3))
            c.out()
            assert t.info(c.fd)["snd_ssthresh"] == expected
            c.ack(1 + 10 * M)
            info = t.info(c.fd)
            # The ACK that ends recovery may already add one in congestion avoidance.
            assert info["ca_state"] == OPEN and info["snd_cwnd"] in (expected, expected + 1)

    bench.run(body)


def test_prr_paces_the_reduction(bench):
    """RFC 6937 section 3: while more than the threshold is out, about one segment leaves for every two delivered."""

    def body(t):
        c = flight(t, segments=20, setup=reno(t))
        sent = []
        for n in range(1, 10):
            c.sack(1, at(1, n))
            sent.append(numbers(c.out()))
        flat = [i for group in sent for i in group]
        assert flat.count(0) == 1
        # Ten out, nine delivered, threshold five: RFC 6937 ends with five in flight, and does not stop in between.
        in_flight = 10 - 9 + len(flat) - 1
        info = t.info(c.fd)
        assert info["ca_state"] == RECOVERY and info["snd_ssthresh"] == 5
        assert 4 <= in_flight <= 6
        assert max(len(group) for group in sent) <= 2

    bench.run(body)


def test_the_window_after_recovery_is_the_threshold(bench):
    """RFC 6937 section 3, RFC 5681 section 3.2 (6): leaving recovery cwnd is ssthresh, not more."""

    def body(t):
        c = flight(t, segments=30)
        for n in range(1, 10):
            c.sack(1, at(1, n))
        high = max(numbers(c.out()))
        c.ack(1 + (high + 1) * M)
        info = t.info(c.fd)
        assert info["ca_state"] == OPEN and 7 <= info["snd_cwnd"] <= 8
        assert info["unacked"] <= 8

    bench.run(body)


def test_a_burst_of_losses(bench):
    """RFC 6675 section 5: five of ten are lost; each is sent again once, and the rest not at all."""

    def body(t):
        c = flight(t)
        resent = []
        for n in (5, 6, 7, 8, 9):
            c.sack(1, at(5, n - 4))
            resent += numbers(c.out())
        for _ in range(10):
            t.sleep(0.1)
            new = numbers(c.out())
            resent += new
            acked = 0
            while acked in resent:
                acked += 1
            c.sack(1 + acked * M, at(5, 5)) if acked < 5 else c.ack(1 + 10 * M)
            resent += numbers(c.out())
        assert sorted(resent) == [0, 1, 2, 3, 4]
        assert t.info(c.fd)["unacked"] == 0

    bench.run(body)


def test_new_data_flows_in_recovery(bench):
    """RFC 6675 section 5 NextSeg(2): when all losses are repaired, new data goes as the window allows."""

    def body(t):
        c = flight(t, segments=30)
        c.sack(1, at(1, 4))
        seen = numbers(c.out())
        for n in range(5, 10):
            c.sack(1, at(1, n))
            seen += numbers(c.out())
        assert seen[0] == 0 or 0 in seen[:2]
        assert max(seen) >= 10

    bench.run(body)


def test_a_lost_retransmission_is_found(bench):
    """RFC 8985 section 6.3 (and 6675's gap): what was sent after the retransmission arrives, it did not: send it again."""

    def body(t):
        c = flight(t, segments=30)
        c.sack(1, at(1, 3))
        first = c.out()
        assert numbers(first)[0] == 0
        c.sack(1, at(1, 9))
        new = [i for i in numbers(c.out() + first) if i >= 10]
        assert new
        t.sleep(0.11)
        c.sack(1, at(1, max(new)))
        again = numbers(c.out())
        t.sleep(0.04)
        again += numbers(c.out())
        assert 0 in again
        assert t.info(c.fd)["ca_state"] == RECOVERY
        assert t.mib("TcpExtTCPTimeouts") == 0

    bench.run(body)


# --- the tail (RFC 8985 section 7) ---


def test_the_tail_is_probed(bench):
    """RFC 8985 section 7.2: after two round trips without an ACK the last segment goes again, before the timeout."""

    def body(t):
        c = flight(t, segments=5)
        c.ack(1 + 2 * M)
        start = t.now()
        t.sleep(0.28)
        probe = c.expect_data(1 + 4 * M)[0]
        assert probe.time - start == approx(0.2, abs=0.03)
        assert t.mib("TcpExtTCPLossProbes") == 1

    bench.run(body)


def test_a_probe_of_one_segment_waits_for_a_delayed_ack(bench):
    """RFC 8985 section 7.2: with one segment out the peer's delayed ACK is added; never later than the RTO."""

    def body(t):
        c = t.established(options=SACK, rtt=0.1)
        t.write(c.fd, bytes(100))
        first = c.expect(".")
        t.sleep(0.5)
        probe = c.out()[0]
        assert probe.seq == 1 and 0.29 <= probe.time - first.time <= 0.41

    bench.run(body)


def test_a_probe_with_new_data(bench):
    """RFC 8985 section 7.3: new data is the better probe, where the peer's window admits it."""

    def body(t):
        c = flight(t, segments=12)
        t.sleep(0.15)
        assert numbers(c.out())[0] == 10

    bench.run(body)


def test_the_probes_sack_starts_recovery(bench):
    """RFC 8985 section 7: the last segments were lost; the probe's SACK reveals the hole, and recovery fills it."""

    def body(t):
        c = flight(t, segments=5)
        c.ack(1 + 2 * M)
        t.sleep(0.28)
        assert numbers(c.out()) == [4]
        t.sleep(0.1)
        c.sack(1 + 2 * M, at(4, 1))
        t.sleep(0.04)
        assert numbers(c.out()) == [2]
        t.sleep(0.1)
        c.sack(1 + 3 * M, at(4, 1))
        assert numbers(c.out()) == [3]
        c.ack(1 + 5 * M)
        assert t.info(c.fd)["unacked"] == 0
        assert t.mib("TcpExtTCPTimeouts") == 0

    bench.run(body)


def test_a_probe_that_repaired_the_loss_reduces_the_window(bench):
    """RFC 8985 section 7.4.2: no DSACK: the last segment had really been lost, and congestion must be answered."""

    def body(t):
        c = flight(t, segments=10)
        c.ack(1 + 9 * M)
        t.sleep(0.35)
        assert numbers(c.out()) == [9]
        before = t.info(c.fd)["snd_cwnd"]
        t.sleep(0.05)
        c.ack(1 + 10 * M)
        # Linux decides when something beyond the probe is acknowledged.
        t.write(c.fd, b"x")
        c.out()
        c.ack(2 + 10 * M)
        info = t.info(c.fd)
        assert info["snd_ssthresh"] < before and info["snd_cwnd"] < before and info["ca_state"] == OPEN

    bench.run(body)


def test_a_probe_that_was_not_needed_does_not(bench):
    """RFC 8985 section 7.4.2: a DSACK for the probe shows that nothing was lost."""

    def body(t):
        c = flight(t, segments=10)
        c.ack(1 + 9 * M)
        t.sleep(0.35)
        assert numbers(c.out()) == [9]
        before = t.info(c.fd)
        c.sack(1 + 10 * M, at(9, 1))
        after = t.info(c.fd)
        assert after["snd_cwnd"] >= before["snd_cwnd"] and after["snd_ssthresh"] == before["snd_ssthresh"]

    bench.run(body)


def test_one_probe_and_then_the_timer(bench):
    """RFC 8985 section 7.2: a second probe without an answer is not sent: the RTO takes over."""

    def body(t):
        c = flight(t, segments=5)
        c.ack(1 + 2 * M)
        t.sleep(3)
        segments = numbers(c.out())
        assert segments[0] == 4 and set(segments[1:]) == {2}

    bench.run(body)


# --- the timeout (RFC 5681 section 3.1) ---


def test_a_timeout_starts_from_one_segment(bench):
    """RFC 5681 equation (4) and section 3.1: cwnd is one segment, ssthresh half the flight; then slow start."""

    def body(t):
        c = flight(t, options=mss(1460), setup=reno(t))
        t.sleep(0.3)
        assert numbers(c.out()) == [0]
        info = t.info(c.fd)
        assert info["ca_state"] == LOSS and info["snd_cwnd"] == 1 and info["snd_ssthresh"] == 5
        t.sleep(0.1)
        c.ack(1 + M)
        assert numbers(c.out()) == [1, 2]
        t.sleep(0.1)
        c.ack(1 + 3 * M)
        assert numbers(c.out())[:2] == [3, 4]

    bench.run(body)


def test_a_second_timeout_does_not_halve_again(bench):
    """RFC 5681 section 3.1: a retransmitted segment that is lost leaves ssthresh alone."""

    def body(t):
        c = flight(t, options=mss(1460), setup=reno(t))
        t.sleep(3)
        assert set(numbers(c.out())) == {0}
        assert t.info(c.fd)["snd_ssthresh"] == 5 and t.info(c.fd)["total_retrans"] >= 3

    bench.run(body)


def test_sacked_segments_survive_a_timeout(bench):
    """RFC 6675 section 5.1: what was SACKed is not sent again after a timeout."""

    def body(t):
        c = flight(t)
        c.sack(1, at(2, 8))
        first = numbers(c.out())
        assert first == [0, 1]
        # Both retransmissions are lost.
        t.sleep(2)
        assert set(numbers(c.out())) <= {0, 1}
        c.sack(1 + M, at(2, 8))
        t.sleep(0.2)
        assert set(numbers(c.out())) == {1}

    bench.run(body)


# --- taking it back ---


def test_eifel_undoes_a_timeout(bench):
    """RFC 4015, RFC 3522: the echo is of the original: the timeout was spurious, the window comes back."""

    def body(t):
        c = t.established(rtt=0.1, timestamps=True)
        t.write(c.fd, bytes(10 * 1448))
        original = c.out()
        before = t.info(c.fd)
        t.sleep(0.55)
        again = c.out()
        assert again
        assert t.info(c.fd)["ca_state"] == LOSS
        # All of the original flight arrives late.
        c.ts_echo = original[-1].ts[0]
        c.ack(1 + 10 * 1448)
        info = t.info(c.fd)
        assert info["ca_state"] == OPEN
        assert info["snd_cwnd"] >= before["snd_cwnd"] and info["snd_ssthresh"] >= before["snd_ssthresh"]

    bench.run(body)


def test_eifel_undoes_a_fast_retransmit(bench):
    """RFC 4015 section 3.2: reordering was taken for loss; the echo of the original proves it."""

    def body(t):
        c = t.established(rtt=0.1, timestamps=True)
        size = 1448
        t.write(c.fd, bytes(10 * size))
        original = c.out()
        t.sleep(0.1)
        c.ts_echo = original[-1].ts[0]
        c.sack(1, (1 + size, 1 + 4 * size))
        assert c.out()[0].seq == 1
        assert t.info(c.fd)["ca_state"] == RECOVERY
        t.sleep(0.01)
        c.ts_echo = original[0].ts[0]
        c.ack(1 + 10 * size)
        info = t.info(c.fd)
        assert info["ca_state"] == OPEN and info["snd_cwnd"] >= 10
        assert info["snd_ssthresh"] > 1000

    bench.run(body)


def test_dsack_undoes_a_fast_retransmit(bench):
    """RFC 3708, RFC 2883 section 5: every retransmission is reported as a duplicate: nothing had been lost."""

    def body(t):
        c = flight(t)
        c.sack(1, at(1, 3))
        assert numbers(c.out()) == [0]
        t.sleep(0.01)
        # The late original, then everything else, with the retransmission still on its way.
        c.sack(1 + 4 * M, at(5, 5))
        t.sleep(0.02)
        c.sack(1 + 10 * M, at(0, 1))
        info = t.info(c.fd)
        assert info["ca_state"] == OPEN
        assert info["dsack_dups"] == 1

    bench.run(body)


def test_frto(bench):
    """RFC 5682 section 3: after a timeout new data is sent on the first ACK; a second ACK of originals undoes it."""

    def body(t):
        c = flight(t, segments=20)
        t.sleep(0.5)
        assert 0 in numbers(c.out())
        assert t.info(c.fd)["ca_state"] == LOSS
        c.ack(1 + 2 * M)
        step = numbers(c.out())
        assert step and all(i >= 10 for i in step)
        c.ack(1 + 4 * M)
        info = t.info(c.fd)
        assert info["ca_state"] == OPEN and info["snd_cwnd"] >= 10

    bench.run(body)


def test_a_real_timeout_is_not_undone(bench):
    """RFC 5682 section 3: a duplicate ACK after the first one means that the loss was real: go on retransmitting."""

    def body(t):
        c = flight(t, segments=20)
        t.sleep(0.5)
        out = numbers(c.out())
        assert 0 in out
        c.ack(1 + M)
        c.out()
        for _ in range(3):
            c.sack(1 + M, at(10, 1))
        t.sleep(0.5)
        assert 1 in numbers(c.out())
        assert t.info(c.fd)["ca_state"] in (LOSS, RECOVERY)

    bench.run(body)


def test_recovered_data_is_complete(bench):
    """RFC 9293 section 3.8: a path that loses every fourth packet still carries every byte, with and without SACK."""

    def body(t):
        rng = random.Random(5)
        for port, options in ((80, SACK), (81, mss(1460))):
            c = t.established(port=port, options=options, rtt=0.1)
            peer = Receiver(c, sack=options is SACK)
            data = rng.randbytes(40 * M)
            left = data
            for _ in range(1200):
                if left:
                    left = left[max(t.write(c.fd, left), 0) :]
                t.sleep(0.05)
                peer.take(s for s in c.out() if rng.random() < 0.75)
                if len(peer.stream) == len(data):
                    break
            assert peer.stream == data

    bench.run(body)
