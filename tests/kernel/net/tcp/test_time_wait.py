"""TIME-WAIT and FIN-WAIT-2 (RFC 9293 sections 3.6.1 and 3.10.7.4, RFC 1337, RFC 6191)."""


from harness import mss, sack_ok, timestamp, wscale

from kernel.uapi import errno
from kernel.uapi.socket import SO_REUSEADDR, SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_LINGER2

FIN_WAIT1, FIN_WAIT2, CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING = 4, 5, 7, 8, 9, 11


def reuse(t, fd):
    assert t.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0


def listen_again(t, port=80):
    """A listener on a port that TIME-WAIT holds; works because both sockets have SO_REUSEADDR."""
    fd = t.stream()
    reuse(t, fd)
    assert t.bind(fd, "0.0.0.0", port) == 0
    assert t.socketcall(4, fd, 5) == 0
    t.nonblock(fd)
    return fd


def in_time_wait(t, **more):
    """A connection that we have closed first, in TIME-WAIT."""
    c = t.established(setup=lambda fd: reuse(t, fd), **more)
    t.close(c.fd)
    c.expect("F.", seq=1, ack=1)
    c.send("F.", 1, 2)
    c.expect(".", seq=2, ack=2)
    return c


# --- TIME-WAIT ---


def test_fin_and_ack_in_one_segment(bench):
    """RFC 9293 section 3.6: the peer's FIN that acknowledges ours goes straight to TIME-WAIT."""

    def body(t):
        in_time_wait(t)
        assert t.net.tcp.tw_count == 1

    bench.run(body)


def test_time_wait_lasts_sixty_seconds(bench):
    """RFC 9293 MUST-13 with Linux's 2 MSL = 60 s: a stray segment is acknowledged before, and reset after."""

    def body(t):
        c = in_time_wait(t)
        t.sleep(59.5)
        assert t.net.tcp.tw_count == 1
        t.sleep(1)
        assert t.net.tcp.tw_count == 0
        c.ack(2, seq=2)
        c.expect("R", seq=2)

    bench.run(body)


def test_time_wait_acknowledges_a_repeated_fin_and_starts_again(bench):
    """RFC 9293 section 3.10.7.4 (TIME-WAIT): our last ACK was lost; acknowledge the FIN, restart the 2 MSL timeout."""

    def body(t):
        c = in_time_wait(t)
        t.sleep(50)
        c.send("F.", 1, 2)
        c.expect(".", seq=2, ack=2)
        t.sleep(50)
        assert t.net.tcp.tw_count == 1
        t.sleep(11)
        assert t.net.tcp.tw_count == 0

    bench.run(body)


def test_time_wait_is_silent_to_a_plain_ack(bench):
    """RFC 9293 section 3.10.7.4: an acceptable ACK without data calls for nothing."""

    def body(t):
        c = in_time_wait(t)
        c.ack(2, seq=2)
        c.silence()

    bench.run(body)


def test_time_wait_answers_old_data(bench):
    """RFC 9293 section 3.10.7.4: an old duplicate with data is acknowledged and dropped."""

    def body(t):
        c = in_time_wait(t)
        c.data(1, b"old", ack=2)
        c.expect(".", seq=2, ack=2)

    bench.run(body)


def test_a_newer_syn_reuses_time_wait(bench):
    """RFC 9293 MAY-2, RFC 1122 section 4.2.2.13: a SYN above RCV.NXT opens the connection anew."""

    def body(t):
        c = in_time_wait(t)
        c.listener = listen_again(t)
        old_isn = c.local_isn
        c.isn += 100_000
        c.local_isn = None
        c.syn()
        synack = c.expect("S.", seq=0, ack=1)
        # Linux: the new number lies beyond everything that the old connection can have sent.
        assert 0 < (synack.raw_seq - old_isn) & 0xFFFFFFFF < 1 << 31
        c.ack(1)
        assert t.accept(c) >= 0
        assert t.net.tcp.tw_count == 0

    bench.run(body)


def test_an_older_syn_does_not_reuse_time_wait(bench):
    """RFC 9293 section 3.10.7.4: a SYN at or below RCV.NXT may be an old duplicate: it is only acknowledged."""

    def body(t):
        c = in_time_wait(t)
        listen_again(t)
        c.send("S", 0, options=mss(1460))
        c.expect(".", seq=2, ack=2)
        assert t.net.tcp.tw_count == 1

    bench.run(body)


def test_a_syn_with_a_newer_timestamp_reuses_time_wait(bench):
    """RFC 6191, RFC 9293 SHLD-4: a newer timestamp proves it, even when the sequence number is lower."""

    def body(t):
        c = in_time_wait(t, timestamps=True)
        listen_again(t)
        t.sleep(2)
        c.isn -= 50_000
        c.local_isn = None
        c.syn(mss(1460) + sack_ok() + timestamp(c.ts_value() + 10) + wscale(7))
        c.expect("S.", seq=0, ack=1)

    bench.run(body)


def test_a_syn_without_a_listener_in_time_wait(bench):
    """RFC 9293 section 3.10.7.4: nobody listens any more, so TIME-WAIT stays and acknowledges."""

    def body(t):
        c = in_time_wait(t)
        c.isn += 100_000
        c.send("S", 0, options=mss(1460))
        (answer,) = c.out()
        assert answer.flags == "." and t.net.tcp.tw_count == 1

    bench.run(body)


def test_a_reset_ends_time_wait_unless_rfc1337(bench):
    """RFC 1337: TIME-WAIT assassination by a RST, which tcp_rfc1337 prevents."""

    def body(t):
        c = in_time_wait(t)
        c.send("R", 2)
        assert t.net.tcp.tw_count == 0
        t.sysctl("tcp_rfc1337", 1)
        c = in_time_wait(t, port=81)
        c.send("R", 2)
        c.silence()
        assert t.net.tcp.tw_count == 1

    bench.run(body)


def test_a_reset_outside_the_window_does_not_end_time_wait(bench):
    """RFC 5961 section 3.2 in TIME-WAIT: only the exact number counts."""

    def body(t):
        c = in_time_wait(t)
        c.send("R", 1000)
        c.silence()
        assert t.net.tcp.tw_count == 1

    bench.run(body)


def test_a_port_in_time_wait_can_not_be_bound_without_reuse(bench):
    """RFC 9293 section 3.4.3 ("quiet time"), socket(7): bind needs SO_REUSEADDR while TIME-WAIT lasts."""

    def body(t):
        in_time_wait(t)
        fd = t.stream()
        assert t.bind(fd, "0.0.0.0", 80) == -errno.EADDRINUSE
        reuse(t, fd)
        assert t.bind(fd, "0.0.0.0", 80) == 0
        t.close(fd)
        t.sleep(61)
        fd = t.stream()
        assert t.bind(fd, "0.0.0.0", 80) == 0

    bench.run(body)


# --- FIN-WAIT-2 without a user ---


def test_an_orphan_in_fin_wait_2_ends(bench):
    """tcp(7): a peer that never closes is forgotten after tcp_fin_timeout, 60 s."""

    def body(t):
        c = t.established()
        t.close(c.fd)
        c.expect("F.", seq=1)
        c.ack(2)
        t.sleep(59)
        assert len(t.net.tcp.hashinfo.nodes()) == 1
        t.sleep(2)
        assert t.net.tcp.hashinfo.nodes() == []
        c.send("F.", 1, 2)
        c.expect("R", seq=2)

    bench.run(body)


def test_a_long_linger2_keeps_fin_wait_2(bench):
    """tcp(7): TCP_LINGER2 sets the time of one socket.

    Linux counts what exceeds 60 s twice: once in the sock, once in the small one that takes its place: 40 + 40 s.
    """

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_TCP, TCP_LINGER2, 100) == 0
        t.close(c.fd)
        c.out()
        c.ack(2)
        t.sleep(78)
        assert len(t.net.tcp.hashinfo.nodes()) == 1
        t.sleep(4)
        assert t.net.tcp.hashinfo.nodes() == []

    bench.run(body)


def test_a_late_fin_in_fin_wait_2_reaches_time_wait(bench):
    """RFC 9293 section 3.10.7.4 (FIN-WAIT-2): the FIN starts TIME-WAIT, whatever time was left."""

    def body(t):
        c = t.established()
        t.close(c.fd)
        c.out()
        c.ack(2)
        t.sleep(40)
        c.send("F.", 1, 2)
        c.expect(".", seq=2, ack=2)
        t.sleep(50)
        assert t.net.tcp.tw_count == 1
        t.sleep(11)
        assert t.net.tcp.tw_count == 0

    bench.run(body)


def test_data_for_an_orphan_is_reset(bench):
    """RFC 1122 section 4.2.2.13: data that nobody can read any more gets a RST, in FIN-WAIT-1 and FIN-WAIT-2."""

    def body(t):
        c = t.established()
        t.close(c.fd)
        c.out()
        c.data(1, b"x", ack=1)
        assert c.expect("R", seq=1).ack == (-c.isn) & 0xFFFFFFFF
        assert t.net.tcp.hashinfo.nodes() == []
        c = t.established(port=81)
        t.close(c.fd)
        c.out()
        c.ack(2)
        c.data(1, b"x", ack=2)
        c.expect("R", seq=2)
        assert t.net.tcp.hashinfo.nodes() == []

    bench.run(body)


def test_linger2_negative_aborts(bench):
    """tcp(7): TCP_LINGER2 -1 leaves out FIN-WAIT-2: the ACK of our FIN is answered with a RST."""

    def body(t):
        c = t.established()
        t.setsockopt(c.fd, SOL_TCP, TCP_LINGER2, -1)
        t.close(c.fd)
        c.expect("F.", seq=1)
        c.ack(2)
        c.expect("R", seq=2)
        assert t.net.tcp.hashinfo.nodes() == []

    bench.run(body)


def test_an_orphan_gives_up_earlier(bench):
    """RFC 9293 section 3.8.3: without a user eight retries (tcp_orphan_retries 0) are enough for a peer that is gone."""

    def body(t):
        c = t.established(rtt=0.1)
        t.close(c.fd)
        start = c.expect("F.").time
        t.sleep(800)
        again = c.out()
        assert {s.flags for s in again} == {"F."}
        assert 7 <= len(again) <= 9 and again[-1].time - start < 160
        assert t.net.tcp.hashinfo.nodes() == []

    bench.run(body)
