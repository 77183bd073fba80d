"""Opening connections (RFC 9293 section 3.5)."""

from harness import mss, sack_ok, timestamp, wscale

from kernel.uapi import errno


def test_a_passive_open(bench):
    def body(t):
        c = t.listen(80)
        c.syn(mss(1000) + sack_ok() + wscale(7))
        synack = c.expect("S.", seq=0, ack=1)
        assert synack.mss == 1460 and synack.sack_ok and synack.wscale == 7 and synack.ts is None
        assert synack.win == 64240
        assert t.accept(c) == -errno.EAGAIN
        c.ack(1)
        assert t.accept(c) >= 0
        c.silence()
        assert t.getname(c.fd, 7) == ("10.0.0.2", c.port)
        info = t.info(c.fd)
        assert info["state"] == 1 and info["snd_cwnd"] == 10 and info["snd_mss"] == 1000
        t.close(c.fd)
        c.expect("F.", seq=1, ack=1)
        c.send("F.", 1, 2)
        c.expect(".", seq=2, ack=2)
        t.close(c.listener)

    bench.run(body)


def test_an_active_open(bench):
    def body(t):
        c = t.connect_start(80)
        syn = c.first
        assert syn.flags == "S" and syn.mss == 1460 and syn.sack_ok and syn.wscale == 7 and syn.ts is not None
        assert syn.win == 64240
        # The order of Linux: MSS, SACK permitted, timestamps, window scale.
        assert [syn.options[0], syn.options[4], syn.options[6], syn.options[16], syn.options[17]] == [2, 4, 8, 1, 3]
        c.send("S.", 0, 1, options=mss(1460) + sack_ok() + timestamp(700, syn.ts[0]) + wscale(8))
        ack = c.expect(".", seq=1, ack=1)
        assert ack.ts == (syn.ts[0], 700)
        assert t.getsockopt_int(c.fd, 1, 4) == 0
        info = t.info(c.fd)
        assert info["state"] == 1 and info["snd_mss"] == 1448
        t.close(c.fd)
        c.expect("F.", seq=1, ack=1)
        c.send("R.", 1, 2, options=timestamp(701, syn.ts[0]))

    bench.run(body)
