"""Loss recovery (RFC 5681, 3042, 6582, 6675, 6937, 8985): finding a loss, repairing it, and the window meanwhile."""

import random

from flights import SACK, M, at, flight, numbers
from harness import Receiver, mss

from kernel.uapi.socket import SOL_TCP
from kernel.uapi.tcp import TCP_CONGESTION

OPEN, DISORDER, CWR, RECOVERY, LOSS = range(5)


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
