"""Where a round trip takes microseconds: what the resolution of clocks and of update intervals must not spoil."""

from harness import mss, sack_ok

MSS = 1000
MICROSECOND = 1e-6


def fast_peer(t):
    """An established connection with SACK and without delayed surprises; the window is wide open."""
    return t.established(options=mss(MSS) + sack_ok())


def test_a_retransmission_is_not_lost_because_older_data_arrives(bench):
    """RFC 8985 section 6.2: only what was sent later tells of a loss, and both went out in one microsecond."""

    def body(t):
        c = fast_peer(t)
        assert t.write(c.fd, bytes(30 * MSS)) == 30 * MSS
        assert c.out()[-1].end == 1 + 10 * MSS
        t.sleep(100 * MICROSECOND)
        # In one moment: an ACK that lets new data out, then one that tells of a hole further on.
        c.sack(1 + 2 * MSS)
        assert [s.seq for s in c.out()][0] == 1 + 10 * MSS
        c.sack(1 + 2 * MSS, (1 + 3 * MSS, 1 + 10 * MSS))
        sent = [s.seq for s in c.out()]
        assert sent[0] == 1 + 2 * MSS
        t.sleep(100 * MICROSECOND)
        # The new data arrives; the retransmission, sent after it, is still on its way.
        c.sack(1 + 2 * MSS, (1 + 3 * MSS, 1 + 12 * MSS))
        assert 1 + 2 * MSS not in [s.seq for s in c.out()]
        assert t.info(c.fd)["bytes_retrans"] == MSS and t.mib("TcpExtTCPLostRetransmit") == 0
        c.send("R", 1)

    bench.run(body)


def test_cubic_grows_with_every_round_trip(bench):
    """RFC 9438 section 4.3: in the Reno-friendly region W_est grows by about half a segment a round trip, however short."""

    def body(t):
        c = fast_peer(t)

        def round_trip():
            """The application has always more to send, and the peer acknowledges all of the last flight."""
            t.write(c.fd, bytes(100 * MSS))
            c.out()
            t.sleep(100 * MICROSECOND)
            c.ack((t.sk(c.fd).snd_nxt - c.local_isn) & 0xFFFFFFFF)

        t.write(c.fd, bytes(100 * MSS))
        c.out()
        t.sleep(100 * MICROSECOND)
        # One loss: the first segment.
        c.sack(1, (1 + MSS, 1 + 10 * MSS))
        round_trip()
        reduced = t.info(c.fd)["snd_cwnd"]
        assert reduced in (7, 8)
        for _ in range(20):
            round_trip()
        grown = t.info(c.fd)["snd_cwnd"] - reduced
        assert 8 <= grown <= 12, grown
        c.send("R", 1)

    bench.run(body)
