"""The last segments of a flight (RFC 8985 section 7), and losses that were none (RFC 4015, 5682, 3708)."""


from flights import SACK, M, at, flight, numbers
from pytest import approx

OPEN, DISORDER, CWR, RECOVERY, LOSS = range(5)


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


def test_a_timeout_after_an_undo_counts_a_retransmission_once(bench):
    """RFC 4015, RFC 6675 section 4: an undo leaves a retransmitted segment out, and the next timeout sends it again."""

    def body(t):
        size = 1448
        c = t.established(rtt=0.1, timestamps=True)
        t.write(c.fd, bytes(10 * size))
        first = c.out()
        t.sleep(0.75)
        c.ts_echo = c.out()[-1].ts[0]
        t.sleep(0.1)
        c.ack(1 + size)
        assert c.out()
        # The echo is older than the retransmission: nothing had been lost.
        c.ts_echo = first[1].ts[0]
        c.ack(1 + 2 * size)
        c.out()
        t.sleep(2)
        c.out()
        assert t.info(c.fd)["retrans"] == 1

    bench.run(body)
