"""Closing (RFC 9293 section 3.6): every path from ESTABLISHED to CLOSED."""

import struct

from pytest import approx

from kernel.uapi import errno
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from kernel.uapi.socket import SO_ERROR, SO_LINGER, SOL_SOCKET

FIN_WAIT1, FIN_WAIT2, CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING = 4, 5, 7, 8, 9, 11


def linger(t, fd, on, seconds):
    assert t.setsockopt(fd, SOL_SOCKET, SO_LINGER, struct.pack("<ii", on, seconds)) == 0


# --- the normal sequences ---


def test_we_close_first(bench):
    """RFC 9293 figure 12: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT."""

    def body(t):
        c = t.established()
        assert t.shutdown(c.fd, 1) == 0
        c.expect("F.", seq=1, ack=1, length=0)
        assert t.info(c.fd)["state"] == FIN_WAIT1
        c.ack(2)
        assert t.info(c.fd)["state"] == FIN_WAIT2
        c.silence()
        c.send("F.", 1, 2)
        c.expect(".", seq=2, ack=2)
        assert t.info(c.fd)["state"] == CLOSE
        assert t.read(c.fd) == b""
        assert len(t.net.tcp.hashinfo.nodes()) == 1

    bench.run(body)


def test_the_peer_closes_first(bench):
    """RFC 9293 figure 12 from the other side: CLOSE-WAIT, LAST-ACK, CLOSED."""

    def body(t):
        c = t.established()
        c.send("F.", 1, 1)
        t.sleep(0.05)
        c.expect(".", seq=1, ack=2)
        assert t.info(c.fd)["state"] == CLOSE_WAIT
        assert t.read(c.fd) == b""
        sk = t.sk(c.fd)
        t.close(c.fd)
        c.expect("F.", seq=1, ack=2)
        assert sk.sk_state == LAST_ACK
        c.ack(2, seq=2)
        assert sk.sk_state == CLOSE
        assert t.net.tcp.hashinfo.nodes() == []
        # Nothing remembers it: no TIME-WAIT on this side.
        c.ack(2, seq=2)
        c.expect("R", seq=2)

    bench.run(body)


def test_simultaneous_close(bench):
    """RFC 9293 figure 13: FINs cross, CLOSING, and the ACK leads to TIME-WAIT."""

    def body(t):
        c = t.established()
        assert t.shutdown(c.fd, 1) == 0
        c.expect("F.", seq=1, ack=1)
        c.send("F.", 1, 1)
        c.expect(".", seq=2, ack=2)
        assert t.info(c.fd)["state"] == CLOSING
        c.ack(2, seq=2)
        assert t.info(c.fd)["state"] == CLOSE
        assert t.net.tcp.tw_count == 1
        c.silence()

    bench.run(body)


def test_half_close(bench):
    """RFC 1122 section 4.2.2.13: after shutdown(SHUT_WR) we still receive, as much as comes."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"request")
        c.expect(".", seq=1)
        t.shutdown(c.fd, 1)
        c.expect("F.", seq=8)
        assert t.write(c.fd, b"x") == -errno.EPIPE
        c.ack(9)
        assert t.poll(c.fd, POLLIN | POLLRDHUP) == 0
        for i in range(3):
            c.data(1 + 1000 * i, bytes([i]) * 1000, ack=9)
        assert t.read(c.fd) == b"\0" * 1000 + b"\1" * 1000 + b"\2" * 1000
        t.sleep(400)
        assert c.out()[-1].ack == 3001
        assert t.info(c.fd)["state"] == FIN_WAIT2
        c.send("F.", 3001, 9)
        c.expect(".", ack=3002)
        assert t.read(c.fd) == b""

    bench.run(body)


def test_we_send_after_the_peers_fin(bench):
    """RFC 9293 section 3.10.7.4 (CLOSE-WAIT): a half-closed peer still takes our data."""

    def body(t):
        c = t.established()
        c.send("F.", 1, 1)
        t.sleep(0.05)
        c.out()
        assert t.write(c.fd, bytes(3000)) == 3000
        assert sum(len(s.data) for s in c.out()) == 3000
        c.ack(3001, seq=2)
        t.close(c.fd)
        c.expect("F.", seq=3001, ack=2)

    bench.run(body)


def test_the_fin_follows_the_data(bench):
    """RFC 9293 section 3.10.4: CLOSE is queued behind what was sent, and rides on the last segment."""

    def body(t):
        c = t.established(win=2000)
        assert t.write(c.fd, bytes(5000)) == 5000
        t.close(c.fd)
        assert all("F" not in s.flags for s in c.out())
        c.ack(2001, win=65535)
        segments = c.out()
        assert segments[-1].flags.startswith("F") and segments[-1].end == 5001
        c.send("F.", 1, 5002)
        c.expect(".", seq=5002, ack=2)

    bench.run(body)


def test_a_lost_fin_is_sent_again(bench):
    """RFC 9293 section 3.6: a FIN occupies a sequence number and is retransmitted like data."""

    def body(t):
        c = t.established(rtt=0.1)
        t.shutdown(c.fd, 1)
        c.expect("F.", seq=1)
        t.sleep(0.35)
        c.expect("F.", seq=1, ack=1)
        c.ack(2)
        t.sleep(10)
        c.silence()

    bench.run(body)


def test_poll_tells_half_from_whole(bench):
    """poll(2): POLLRDHUP with the peer's FIN, POLLHUP only when both directions are down."""

    def body(t):
        events = POLLIN | POLLOUT | POLLRDHUP
        c = t.established()
        assert t.poll(c.fd, events) == POLLOUT
        c.send("F.", 1, 1)
        assert t.poll(c.fd, events) == POLLIN | POLLOUT | POLLRDHUP
        t.shutdown(c.fd, 1)
        assert t.poll(c.fd, events) & POLLHUP
        assert not t.poll(c.fd, events) & POLLERR

    bench.run(body)


# --- aborting ---


def test_linger_zero_resets(bench):
    """socket(7), RFC 9293 section 3.10.5 (ABORT): SO_LINGER with 0 s sends RST and forgets everything."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(100))
        c.out()
        linger(t, c.fd, 1, 0)
        t.close(c.fd)
        c.expect("R.", seq=101, ack=1)
        assert t.net.tcp.hashinfo.nodes() == []
        t.sleep(10)
        c.silence()

    bench.run(body)


def test_closing_with_unread_data_resets(bench):
    """RFC 9293 SHLD-3, RFC 2525 section 2.17: the peer must learn that its data was lost."""

    def body(t):
        c = t.established()
        c.data(1, b"never read")
        c.out()
        t.close(c.fd)
        c.expect("R.", seq=1, ack=11)
        assert t.net.tcp.hashinfo.nodes() == []
        assert t.mib("TcpExtTCPAbortOnClose") == 1

    bench.run(body)


def test_an_unread_fin_is_not_unread_data(bench):
    """RFC 2525 section 2.17: a FIN alone in the queue is no reason for a RST."""

    def body(t):
        c = t.established()
        c.data(1, b"read", flags="FP.")
        assert t.read(c.fd) == b"read"
        c.out()
        t.close(c.fd)
        c.expect("F.", seq=1, ack=6)

    bench.run(body)


def test_a_lingering_close_waits_for_the_ack(bench):
    """socket(7): SO_LINGER with a time blocks close until the FIN is acknowledged."""

    def body(t):
        c = t.established()
        linger(t, c.fd, 1, 5)
        t.write(c.fd, b"last words")
        c.out()
        start = t.now()
        t.later(2_000_000_000, lambda: t.queue(b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + c.raw(".", 1, 12)))
        t.close(c.fd)
        assert t.now() - start == approx(2, abs=0.05)

    bench.run(body)


def test_a_lingering_close_gives_up(bench):
    """socket(7): ... or until the time is over; the connection goes on closing by itself."""

    def body(t):
        c = t.established()
        linger(t, c.fd, 1, 3)
        start = t.now()
        t.close(c.fd)
        assert t.now() - start == approx(3, abs=0.05)
        assert len(t.net.tcp.hashinfo.nodes()) == 1

    bench.run(body)


def test_closing_in_syn_sent_is_silent(bench):
    """RFC 9293 section 3.10.4 (SYN-SENT): the connection is deleted; the peer's SYN-ACK then finds a closed port."""

    def body(t):
        c = t.connect_start(80)
        t.close(c.fd)
        c.silence()
        c.send("S.", 0, 1)
        c.expect("R", seq=1)

    bench.run(body)


def test_closing_a_listener_resets_what_was_not_accepted(bench):
    """RFC 9293 section 3.10.4 (LISTEN): complete connections that nobody accepted are aborted."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.ack(1)
        t.close(c.listener)
        c.expect("R.", seq=1, ack=1)
        c.send("S", 0)
        c.expect("R.", ack=1)

    bench.run(body)


# --- shutdown(2) ---


def test_shutdown_read(bench):
    """shutdown(2): SHUT_RD ends reading for the user; on the wire nothing happens, and data is still acknowledged."""

    def body(t):
        c = t.established()
        assert t.shutdown(c.fd, 0) == 0
        c.silence()
        assert t.read(c.fd) == b""
        c.data(1, b"more")
        assert [s.ack for s in c.out()] == [5]
        assert t.read(c.fd) == b"more"
        assert t.read(c.fd) == b""
        assert t.write(c.fd, b"x") == 1

    bench.run(body)


def test_shutdown_both(bench):
    """shutdown(2): SHUT_RDWR sends a FIN and ends reading."""

    def body(t):
        c = t.established()
        assert t.shutdown(c.fd, 2) == 0
        c.expect("F.", seq=1)
        assert t.read(c.fd) == b""
        assert t.write(c.fd, b"x") == -errno.EPIPE
        assert t.poll(c.fd, POLLIN) & POLLHUP

    bench.run(body)


def test_shutdown_twice_and_unconnected(bench):
    """shutdown(2): the second is harmless, an unconnected socket is ENOTCONN."""

    def body(t):
        c = t.established()
        assert t.shutdown(c.fd, 1) == 0
        c.expect("F.")
        assert t.shutdown(c.fd, 1) == 0
        c.silence()
        fd = t.stream()
        assert t.shutdown(fd, 1) == -errno.ENOTCONN
        assert t.shutdown(c.fd, 3) == -errno.EINVAL

    bench.run(body)


def test_an_error_is_told_once(bench):
    """RFC 9293 MUST-12: a reset is ECONNRESET to the next call, and after that the stream is simply over."""

    def body(t):
        c = t.established()
        c.send("R", 1)
        assert t.read(c.fd) == -errno.ECONNRESET
        assert t.read(c.fd) == b""
        assert t.write(c.fd, b"x") == -errno.EPIPE
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == 0

    bench.run(body)
