"""Which acknowledgments are round trip samples (RFC 6298 section 3, RFC 7323 section 4)."""

from harness import mss, sack_ok, timestamp, wscale

MSS = 1448


def lost(t, size, seconds):
    """A connection with timestamps, `size` bytes sent and unanswered for so long; the peer's end and what was sent."""
    c = t.established(timestamps=True, options=mss(1460) + sack_ok() + timestamp(t.ms()) + wscale(7))
    before = t.info(c.fd)
    assert t.write(c.fd, b"x" * size) == size
    first = c.out()
    t.sleep(seconds)
    again = c.out()
    assert len(again) >= 2 and again[-1].seq == 1
    return c, before, first, again


def test_the_echo_of_an_earlier_copy_is_no_sample(bench):
    """Its acknowledgment may have been lost: how long the timer waited says nothing about the path."""

    def body(t):
        c, before, first, again = lost(t, 100, 5)
        c.ts_echo = first[0].ts[0]
        c.ack(101)
        info = t.info(c.fd)
        assert info["unacked"] == 0
        assert (info["rtt"], info["rttvar"]) == (before["rtt"], before["rttvar"])
        t.close(c.fd)
        c.send("R.", 1, 102)

    bench.run(body)


def test_the_echo_of_the_last_copy_is_one(bench):
    def body(t):
        c, before, first, again = lost(t, 100, 5)
        t.sleep(0.05)
        assert c.out() == []
        backed_off = t.info(c.fd)["rto"]
        c.ts_echo = again[-1].ts[0]
        c.ack(101)
        info = t.info(c.fd)
        assert info["rtt"] != before["rtt"] and info["rto"] < backed_off and info["backoff"] == 0
        t.close(c.fd)
        c.send("R.", 1, 102)

    bench.run(body)


def test_a_late_report_of_what_a_timeout_gave_up_is_no_sample(bench):
    """The second segment was sent once, arrived at once, and its report was lost (the loss probe repeats the third)."""

    def body(t):
        c, before, first, again = lost(t, 3 * MSS, 5)
        c.ts_echo = again[-1].ts[0]
        c.sack(1, (1 + MSS, 1 + 2 * MSS))
        info = t.info(c.fd)
        assert info["sacked"] == 1
        assert (info["rtt"], info["rttvar"]) == (before["rtt"], before["rttvar"])
        c.send("R.", 1, 1)
        t.close(c.fd)

    bench.run(body)
