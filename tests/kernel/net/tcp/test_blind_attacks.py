"""Blind attacks on a connection: spoofed SYN and ACK, and the ration of answers (RFC 5961)."""

from harness import timestamp

from kernel.uapi import errno

# --- synchronized states: SYN (RFC 5961 section 4.2) ---


def test_a_syn_is_challenged(bench):
    """RFC 5961 section 4.2: a SYN in a synchronized state gets a challenge ACK, whatever its number."""

    def body(t):
        c = t.established()
        for seq in (0, 1, 100, 1 << 30):
            c.send("S", seq)
            c.expect(".", seq=1, ack=1)
            t.sleep(1)
        c.send("S.", 0, 1)
        c.expect(".", seq=1, ack=1)
        assert t.info(c.fd)["state"] == 1
        assert t.mib("TcpExtTCPSYNChallenge") == 5

    bench.run(body)


def test_a_rebooted_peer_gets_rid_of_the_old_connection(bench):
    """RFC 9293 section 3.5.1: SYN, challenge ACK, RST, and the SYN again works."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.ack(1)
        assert t.accept(c) >= 0
        c.isn += 77_777
        c.send("S", 0)
        challenge = c.expect(".", seq=1)
        c.send("R", challenge.ack)
        assert t.read(c.fd) == -errno.ECONNRESET
        c.local_isn = None
        c.syn()
        c.expect("S.", seq=0, ack=1)

    bench.run(body)


# --- synchronized states: ACK (RFC 5961 section 5.2) ---


def test_an_ack_of_the_future(bench):
    """RFC 9293 section 3.10.7.4, fifth: SEG.ACK > SND.NXT: send an ACK, drop the segment."""

    def body(t):
        c = t.established()
        c.data(1, b"evil", ack=2)
        c.expect(".", seq=1, ack=1)
        assert t.read(c.fd) == -errno.EAGAIN
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_an_ack_far_in_the_past(bench):
    """RFC 5961 section 5.2: SEG.ACK < SND.UNA - MAX.SND.WND: a challenge ACK, and the data is not taken."""

    def body(t):
        c = t.established(win=5000)
        t.write(c.fd, bytes(4000))
        c.out()
        c.ack(4001)
        t.write(c.fd, bytes(4000))
        c.out()
        c.ack(8001)
        c.data(1, b"evil", ack=8001 - 5001)
        c.expect(".", seq=8001, ack=1)
        assert t.read(c.fd) == -errno.EAGAIN
        # Within one window it is merely old.
        c.data(1, b"good", ack=8001 - 4000)
        assert t.read(c.fd) == b"good"

    bench.run(body)


def test_a_segment_without_ack_is_dropped(bench):
    """RFC 9293 section 3.10.7.4, fifth: if the ACK bit is off, drop the segment."""

    def body(t):
        c = t.established()
        c.send("P", 1, data=b"noack")
        c.send("F", 1)
        c.send("", 1)
        c.silence()
        assert t.read(c.fd) == -errno.EAGAIN
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


# --- the rate limit (RFC 5961 section 7) ---


def test_challenge_acks_are_rationed(bench):
    """RFC 5961 section 7: a flood of near misses gets few answers; Linux: one per socket and 500 ms."""

    def body(t):
        c = t.established()
        for i in range(1000):
            c.send("R", 2 + i)
        assert len(c.out()) == 1
        assert t.info(c.fd)["state"] == 1
        t.sleep(0.6)
        c.send("R", 2)
        assert len(c.out()) == 1

    bench.run(body)


def test_the_rate_limit_of_the_whole_machine(bench):
    """RFC 5961 section 7: tcp_challenge_ack_limit bounds all sockets together, per second."""

    def body(t):
        t.sysctl("tcp_challenge_ack_limit", 4)
        peers = [t.established(port=100 + i) for i in range(12)]
        for c in peers:
            c.send("R", 2)
        answers = sum(len(c.out()) for c in peers)
        # Linux adds up to half of the limit at random, so that nobody can count.
        assert 2 <= answers <= 6

    bench.run(body)


def test_acks_of_segments_outside_the_window_are_rationed(bench):
    """RFC 9293 section 3.10.7.4 wants an ACK for each; two stacks that disagree would play ping-pong for ever."""

    def body(t):
        c = t.established()
        for _ in range(100):
            c.ack(1, seq=100_000)
        assert len(c.out()) == 1
        t.sleep(0.6)
        c.ack(1, seq=100_000)
        c.expect(".", seq=1, ack=1)

    bench.run(body)


def test_old_segments_with_data_are_always_answered(bench):
    """RFC 9293 section 3.10.7.4: a retransmission means that our ACK was lost."""

    def body(t):
        c = t.established()
        c.data(1, bytes(1000))
        c.out()
        for _ in range(5):
            c.data(1, bytes(1000))
            c.expect(".", seq=1, ack=1001)

    bench.run(body)


def test_no_reset_for_a_reset_with_bad_timestamp(bench):
    """RFC 7323 section 5.2: the PAWS test is not done on a RST."""

    def body(t):
        c = t.established(timestamps=True)
        c.send("R", 1, options=timestamp(1, 0))
        assert t.info(c.fd)["state"] == 7
        c.silence()

    bench.run(body)
