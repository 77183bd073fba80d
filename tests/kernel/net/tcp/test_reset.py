"""Resets that we send and get (RFC 9293 sections 3.5.2 and 3.10.7, RFC 5961 section 3)."""

from harness import mss, sack_ok

from kernel.uapi import errno
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN
from kernel.uapi.socket import SO_ERROR, SOL_SOCKET

# --- to a closed port (RFC 9293 section 3.10.7.1) ---


def test_a_syn_to_a_closed_port(bench):
    """SEG.SEQ=0, SEG.ACK=SEG.SEQ+SEG.LEN, RST and ACK."""

    def body(t):
        c = t.peer(81)
        c.send("S", 0, options=mss(1460))
        reset = c.expect("R.", ack=1)
        assert reset.raw_seq == 0 and reset.win == 0 and reset.options == b""

    bench.run(body)


def test_data_and_fin_count_into_the_ack(bench):
    """SEG.LEN includes payload, SYN and FIN."""

    def body(t):
        c = t.peer(81)
        c.send("SF", 0, data=b"12345")
        c.expect("R.", ack=7)
        c.send("F", 10, data=b"123")
        c.expect("R.", ack=14)

    bench.run(body)


def test_an_ack_to_a_closed_port(bench):
    """With ACK the reset takes its number from there, and has no ACK itself."""

    def body(t):
        c = t.peer(81)
        c.local_isn = 0
        c.send(".", 5, 4711)
        reset = c.expect("R")
        assert reset.raw_seq == 4711 and reset.raw_ack == 0
        c.send("FP.", 5, 4712, b"data")
        assert c.expect("R").raw_seq == 4712
        c.send("S.", 0, 4713)
        assert c.expect("R").raw_seq == 4713

    bench.run(body)


def test_a_reset_is_never_answered(bench):
    """RFC 9293 section 3.10.7.1: no reset for a reset."""

    def body(t):
        c = t.peer(81)
        for flags in ("R", "R.", "RS", "RF."):
            c.send(flags, 5, 5)
        c.silence()

    bench.run(body)


def test_a_segment_without_flags_to_a_closed_port(bench):
    """RFC 9293 section 3.10.7.1: anything without RST causes a RST."""

    def body(t):
        c = t.peer(81)
        c.send("", 5)
        c.expect("R.", ack=5)

    bench.run(body)


def test_a_broken_checksum_is_silence(bench):
    """RFC 9293 MUST-3: a segment with a wrong checksum does not exist."""

    def body(t):
        c = t.peer(81)
        c.send("S", 0, bad_sum=True)
        c.silence()
        assert t.mib("TcpInCsumErrors") == 1

    bench.run(body)


# --- LISTEN (section 3.10.7.2) ---


def test_a_listener_ignores_a_reset_and_resets_an_ack(bench):
    """RFC 9293 section 3.10.7.2: first RST, second ACK."""

    def body(t):
        c = t.listen(80)
        c.local_isn = 0
        c.send("R", 5)
        c.silence()
        c.send(".", 5, 100)
        assert c.expect("R").raw_seq == 100
        c.send("S.", 5, 101)
        assert c.expect("R").raw_seq == 101
        c.send("F", 5)
        c.send("", 5)
        c.silence()

    bench.run(body)


def test_a_reset_removes_a_request(bench):
    """RFC 9293 MUST-11: RST in SYN-RECEIVED after a passive open returns to LISTEN, in silence."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.send("R", 1)
        c.silence()
        t.sleep(5)
        c.silence()
        c.local_isn = None
        c.syn()
        c.expect("S.", seq=0, ack=1)
        c.ack(1)
        assert t.accept(c) >= 0

    bench.run(body)


def test_a_reset_outside_the_window_does_not_remove_a_request(bench):
    """RFC 9293 section 3.10.7.4, first: what is outside the window is dropped."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.send("R", 100_000)
        c.silence()
        c.ack(1)
        assert t.accept(c) >= 0

    bench.run(body)


def test_a_wrong_ack_of_a_synack(bench):
    """RFC 9293 section 3.10.7.4, fifth (SYN-RECEIVED): an unacceptable ACK is reset; the request stays."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.ack(77)
        c.expect("R", seq=77)
        c.ack(1)
        assert t.accept(c) >= 0

    bench.run(body)


# --- SYN-SENT (section 3.10.7.3) ---


def test_connection_refused(bench):
    """An acceptable ACK with RST: "error: connection reset", which is ECONNREFUSED here."""

    def body(t):
        c = t.connect_start(80)
        c.send("R.", 0, 1)
        assert t.poll(c.fd, POLLIN) & (POLLERR | POLLHUP) == POLLERR | POLLHUP
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ECONNREFUSED
        c.silence()

    bench.run(body)


def test_a_reset_without_an_acceptable_ack_is_ignored(bench):
    """RFC 9293 section 3.10.7.3: without ACK, or with a wrong one, a RST in SYN-SENT is dropped (RFC 5961 section 3)."""

    def body(t):
        c = t.connect_start(80)
        c.send("R", 0)
        c.send("R.", 0, 0)
        c.send("R.", 0, 2)
        assert t.info(c.fd)["state"] == 2
        c.silence()
        c.send("S.", 0, 1)
        c.expect(".", seq=1, ack=1)

    bench.run(body)


def test_a_half_open_peer_is_reset(bench):
    """RFC 9293 figure 10: a peer that still has the old connection answers our SYN with its ACK, and gets a RST."""

    def body(t):
        c = t.connect_start(80)
        c.send(".", 300, 100)
        c.expect("R", seq=100)
        assert t.info(c.fd)["state"] == 2
        # The SYN goes again soon, now that the peer has forgotten.
        t.sleep(0.05)
        c.expect("S", seq=0)
        c.send("S.", 0, 1)
        c.expect(".", seq=1, ack=1)

    bench.run(body)


def test_a_synack_with_a_wrong_ack(bench):
    """RFC 9293 section 3.10.7.3, first: SEG.ACK > SND.NXT: reset with that number."""

    def body(t):
        c = t.connect_start(80)
        c.send("S.", 0, 5)
        c.expect("R", seq=5)
        assert t.info(c.fd)["state"] == 2

    bench.run(body)


def test_a_segment_without_syn_is_dropped(bench):
    """RFC 9293 section 3.10.7.3, fifth: neither SYN nor RST: drop it, and wait on."""

    def body(t):
        c = t.connect_start(80)
        c.send(".", 0, 1)
        c.send("P.", 0, 1, b"data")
        c.send("F", 0)
        c.silence()
        assert t.info(c.fd)["state"] == 2

    bench.run(body)


# --- synchronized states: RST (RFC 5961 section 3.2) ---


def test_a_reset_at_rcv_nxt_resets(bench):
    """RFC 5961 section 3.2, 2): exactly the next number: the connection is reset."""

    def body(t):
        c = t.established()
        c.data(1, b"unread")
        c.out()
        c.send("R", 7)
        c.silence()
        assert t.info(c.fd)["state"] == 7
        # What was received before can still be read (tcp(7)), then comes the error.
        assert t.poll(c.fd, POLLIN) & POLLIN
        assert t.read(c.fd) == b"unread"
        assert t.read(c.fd) == -errno.ECONNRESET

    bench.run(body)


def test_a_reset_inside_the_window_is_challenged(bench):
    """RFC 5961 section 3.2, 3): in the window, but not exact: a challenge ACK, and nothing else."""

    def body(t):
        c = t.established()
        c.send("R", 2)
        c.expect(".", seq=1, ack=1)
        assert t.info(c.fd)["state"] == 1
        # A peer that really has reset answers the challenge with the exact number.
        c.send("R", 1)
        assert t.info(c.fd)["state"] == 7

    bench.run(body)


def test_a_reset_outside_the_window_is_ignored(bench):
    """RFC 5961 section 3.2, 1): silently dropped."""

    def body(t):
        c = t.established()
        c.send("R", 70_000)
        c.send("R", -5)
        c.silence()
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_a_reset_may_carry_data(bench):
    """RFC 9293 SHLD-2: a RST segment with a reason as text is still a RST."""

    def body(t):
        c = t.established()
        c.send("R.", 1, 1, b"go away")
        assert t.read(c.fd) == -errno.ECONNRESET

    bench.run(body)


def test_a_reset_behind_a_hole_with_sack(bench):
    """Linux (RFC 5961's spirit): a RST at the right edge of what was SACKed is exact as well."""

    def body(t):
        c = t.established(options=mss(1460) + sack_ok())
        c.data(1001, bytes(1000))
        c.expect(".", ack=1, sack=[(1001, 2001)])
        c.send("R", 2001)
        assert t.info(c.fd)["state"] == 7

    bench.run(body)


def test_a_reset_at_a_closed_window(bench):
    """RFC 9293 MUST-66: RST is processed even when the receive window is zero."""

    def body(t):
        c = t.established(setup=lambda fd: t.setsockopt(fd, SOL_SOCKET, 8, 4096))
        seq = 1
        win = 1
        while win:
            c.data(seq, bytes(min(win, 500)) if win > 1 else bytes(500), flags=".")
            t.sleep(0.3)
            segments = c.out()
            seq = segments[-1].ack
            win = segments[-1].win
            assert seq < 20000
        c.send("R", seq)
        assert t.info(c.fd)["state"] == 7

    bench.run(body)


def test_a_reset_in_close_wait(bench):
    """Linux: after the peer's FIN a RST is EPIPE, since the stream's end was already seen."""

    def body(t):
        c = t.established()
        c.send("F.", 1, 1)
        t.sleep(0.1)
        c.out()
        c.send("R", 2)
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.EPIPE

    bench.run(body)


def test_write_after_reset(bench):
    """RFC 9293 MUST-12, write(2): the first call tells ECONNRESET, later ones EPIPE."""

    def body(t):
        c = t.established()
        c.send("R", 1)
        assert t.write(c.fd, b"x") == -errno.ECONNRESET
        assert t.write(c.fd, b"x") == -errno.EPIPE

    bench.run(body)
