"""Flow control (RFC 9293 section 3.8.6, RFC 7323 section 2): both ends' windows, silly windows."""

from harness import mss, sack_ok, wscale

from kernel.uapi import errno
from kernel.uapi.poll import POLLOUT
from kernel.uapi.socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_NODELAY, TCP_WINDOW_CLAMP


def small_buffer(t, size=4096):
    return lambda fd: t.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size)


def fill(t, c, size=500):
    """Send until the machine's window is closed; the sequence number after it."""
    seq = 1
    while True:
        c.data(seq, b"\xaa" * size, flags=".")
        t.sleep(0.3)
        last = c.out()[-1]
        if last.ack < seq + size or last.win == 0:
            return last.ack
        seq = last.ack
        size = min(size, last.win)


# --- their window ---


def test_never_more_than_the_window(bench):
    """RFC 9293 section 3.8.6: SND.UNA + SND.WND bounds what is sent."""

    def body(t):
        c = t.established(win=2920)
        t.write(c.fd, bytes(10_000))
        c.expect_data(1, 1461)
        c.ack(1461, win=2919)
        c.silence()
        c.ack(2921, win=2920)
        c.expect_data(2921, 4381)

    bench.run(body)


def test_the_window_is_unsigned(bench):
    """RFC 9293 MUST-1: 65535 is a window of 64 KiB, not of -1, and all of it is used."""

    def body(t):
        c = t.established(win=65535, setup=lambda fd: t.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 200_000))
        assert t.write(c.fd, bytes(300_000)) > 140_000
        acked = 1
        flight = 0
        for _ in range(5):
            end = c.out()[-1].end
            flight = max(flight, end - acked)
            acked = end
            c.ack(acked)
        assert t.info(c.fd)["snd_wnd"] == 65535
        assert 65535 - 1460 < flight <= 65535

    bench.run(body)


def test_scaling_is_not_applied_to_syn(bench):
    """RFC 7323 section 2.2: the window of a SYN is never scaled; that of every later segment is."""

    def body(t):
        c = t.listen(80)
        c.syn(mss(1460) + wscale(4), win=1000)
        synack = c.expect("S.")
        # Ours is not scaled in the SYN-ACK either.
        assert synack.wscale == 7 and synack.win == 64240
        c.ack(1, win=1000)
        t.accept(c)
        assert t.info(c.fd)["snd_wnd"] == 16000
        c.data(1, b"x", win=1000)
        t.sleep(0.3)
        assert c.out()[-1].win == (64240 - 1 + 127) // 128

    bench.run(body)


def test_the_window_of_their_syn_ack_is_not_scaled(bench):
    """RFC 7323 section 2.2, active open: what fits the raw window of the SYN-ACK is sent, and no more."""

    def body(t):
        c = t.connect_start(80)
        c.send("S.", 0, 1, options=mss(1000) + wscale(7), win=2000)
        c.expect(".", seq=1)
        assert t.info(c.fd)["snd_wnd"] == 2000
        t.write(c.fd, bytes(10_000))
        assert c.out()[-1].end == 2001
        c.ack(2001, win=100)
        assert t.info(c.fd)["snd_wnd"] == 12800

    bench.run(body)


def test_a_scale_above_fourteen_is_fourteen(bench):
    """RFC 7323 section 2.3: larger shifts are logged and used as 14."""

    def body(t):
        c = t.listen(80)
        c.syn(mss(1460) + wscale(15))
        c.expect("S.")
        c.ack(1, win=2)
        t.accept(c)
        assert t.info(c.fd)["snd_wnd"] == 2 << 14

    bench.run(body)


def test_without_the_option_nothing_is_scaled(bench):
    """RFC 7323 section 2.2: both or none."""

    def body(t):
        c = t.listen(80)
        c.syn(win=1000)
        assert c.expect("S.").wscale is None
        c.ack(1, win=1000)
        t.accept(c)
        assert t.info(c.fd)["snd_wnd"] == 1000

    bench.run(body)


def test_an_old_segment_does_not_move_the_window(bench):
    """RFC 9293 section 3.10.7.4: SND.WL1 and SND.WL2 keep old segments from changing SND.WND."""

    def body(t):
        c = t.established(win=5000)
        c.data(1, bytes(100), win=6000)
        assert t.info(c.fd)["snd_wnd"] == 6000
        c.data(1, bytes(100), win=100)
        assert t.info(c.fd)["snd_wnd"] == 6000
        c.ack(1, seq=101, win=7000)
        assert t.info(c.fd)["snd_wnd"] == 7000

    bench.run(body)


def test_a_shrunk_window(bench):
    """RFC 9293 MUST-34, SHLD-15..17: no new data, but what was sent is retransmitted and the connection lives."""

    def body(t):
        c = t.established(win=8000, rtt=0.05)
        t.write(c.fd, bytes(20_000))
        sent = c.out()[-1].end
        assert sent == 8001
        c.ack(1461, win=2000)
        c.silence()
        t.sleep(1)
        assert {s.seq for s in c.out()} == {1461}
        c.ack(8001, win=8000)
        assert c.out()[0].seq == 8001
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


# --- silly windows: the sender (RFC 9293 section 3.8.6.2.1) ---


def test_no_tinygrams_into_a_window_that_creeps_open(bench):
    """RFC 9293 MUST-38: less than a segment, less than half the largest window, more data waiting: do not send yet."""

    def body(t):
        c = t.established(win=4380)
        t.setsockopt(c.fd, SOL_TCP, TCP_NODELAY, 1)
        t.write(c.fd, bytes(20_000))
        assert c.out()[-1].end == 4381
        for i in range(1, 11):
            # One byte more of window each time, with the right edge at 4381 + i.
            c.ack(4381, win=i)
        tiny = [s for s in c.out() if len(s.data) < 20]
        assert tiny == []
        c.ack(4381, win=3000)
        assert len(c.out()[0].data) >= 1000

    bench.run(body)


def test_a_small_window_is_used_after_a_while(bench):
    """RFC 9293 section 3.8.6.2.1: the override timeout: a window below a segment must not stop the flow for ever."""

    def body(t):
        c = t.established(win=4380, rtt=0.1)
        t.write(c.fd, bytes(20_000))
        c.out()
        c.ack(4381, win=100)
        c.silence()
        t.sleep(1)
        segment = c.out()[0]
        assert segment.seq == 4381 and len(segment.data) == 100

    bench.run(body)


# --- our window ---


def test_the_right_edge_never_moves_left(bench):
    """RFC 9293 SHLD-14: whatever the buffer does, ACK + WIN never decreases."""

    def body(t):
        c = t.established(setup=small_buffer(t, 20_000))
        edge = 0
        seq = 1
        for i in range(60):
            size = (700, 1, 1460, 33)[i % 4]
            c.data(seq, bytes(size), flags=".")
            t.sleep(0.25)
            if i % 7 == 6:
                t.read(c.fd, 900)
            for s in c.out():
                assert s.ack + s.win >= edge
                edge = s.ack + s.win
                seq = s.ack
        assert edge > 5000

    bench.run(body)


def test_the_window_closes_and_reading_opens_it(bench):
    """RFC 9293 section 3.8.6: a full buffer offers nothing; a read that makes real room is told at once."""

    def body(t):
        c = t.established(setup=small_buffer(t, 8192))
        end = fill(t, c)
        assert end > 2000
        data = b""
        while True:
            piece = t.read(c.fd, 400)
            if isinstance(piece, int):
                break
            data += piece
        assert len(data) == end - 1
        updates = c.out()
        assert updates and updates[-1].win >= 1000 and all(s.ack == end for s in updates)
        c.data(end, b"more")
        assert t.read(c.fd) == b"more"

    bench.run(body)


def test_no_small_window_updates(bench):
    """RFC 9293 MUST-39: reading byte by byte from a full buffer announces nothing until a segment fits."""

    def body(t):
        c = t.established(setup=small_buffer(t, 8192))
        fill(t, c)
        for _ in range(100):
            assert len(t.read(c.fd, 1)) == 1
        c.silence()
        while not isinstance(t.read(c.fd, 1), int):
            pass
        windows = [s.win for s in c.out()]
        assert windows and min(windows) >= 500 and len(windows) <= 4

    bench.run(body)


def test_data_beyond_the_window_is_dropped_and_acknowledged(bench):
    """RFC 9293 section 3.10.7.4, first: not acceptable: ACK, drop."""

    def body(t):
        c = t.established()
        c.data(100_000, b"far away")
        c.expect(".", ack=1)
        assert t.read(c.fd) == -errno.EAGAIN

    bench.run(body)


def test_a_probe_of_our_closed_window(bench):
    """RFC 9293 section 3.8.6.1: a probe with data is not taken, but answered, with the window as it is now."""

    def body(t):
        c = t.established(setup=small_buffer(t, 8192))
        end = fill(t, c)
        for _ in range(3):
            t.sleep(1)
            c.data(end, b"p", flags=".")
            answer = c.expect(".", ack=end)
            assert answer.win < 500

    bench.run(body)


def test_a_fin_fits_into_a_closed_window(bench):
    """Linux: a FIN without data needs no room, and is taken even when nothing else is."""

    def body(t):
        c = t.established(setup=small_buffer(t, 8192))
        end = fill(t, c)
        c.send("F.", end, 1)
        t.sleep(0.3)
        assert c.out()[-1].ack == end + 1

    bench.run(body)


def test_rcvbuf_sets_the_window(bench):
    """socket(7): SO_RCVBUF is doubled for bookkeeping; half of that is window."""

    def body(t):
        def setup(fd):
            assert t.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 10_000) == 0
            assert t.getsockopt_int(fd, SOL_SOCKET, SO_RCVBUF) == 20_000

        c = t.listen(80, setup=setup)
        c.syn(mss(1460) + sack_ok() + wscale(7))
        synack = c.expect("S.")
        assert 8760 <= synack.win <= 10_000

    bench.run(body)


def test_window_clamp(bench):
    """tcp(7) TCP_WINDOW_CLAMP bounds what is announced."""

    def body(t):
        c = t.listen(80, setup=lambda fd: t.setsockopt(fd, SOL_TCP, TCP_WINDOW_CLAMP, 4000))
        c.syn()
        assert c.expect("S.").win <= 4000
        c.ack(1)
        t.accept(c)
        c.data(1, bytes(500))
        t.sleep(0.3)
        assert all(s.win <= 4000 for s in c.out())

    bench.run(body)


def test_a_fast_reader_gets_a_larger_window(bench):
    """tcp(7) tcp_moderate_rcvbuf: the buffer grows when the reader keeps up with the sender."""

    def body(t):
        c = t.established(options=mss(1460) + sack_ok() + wscale(7), rtt=0.01)
        seq = 1
        first = last = None
        for _ in range(30):
            for _ in range(20):
                c.data(seq, bytes(1460), flags=".")
                seq += 1460
            t.sleep(0.01)
            t.read(c.fd, 100_000)
            acks = c.out()
            first = first or acks[0].win << 7
            last = acks[-1].win << 7
        assert last > 2 * first

    bench.run(body)


# --- the send buffer ---


def test_a_full_send_buffer(bench):
    """send(2): EAGAIN without blocking; POLLOUT comes back when a third is free."""

    def body(t):
        c = t.established(win=1000)
        total = 0
        while True:
            done = t.write(c.fd, bytes(10_000))
            if done < 0:
                break
            total += done
        assert done == -errno.EAGAIN and total >= 16384
        assert t.poll(c.fd, POLLOUT) == 0
        acked = c.out()[-1].end
        while acked <= total:
            c.ack(acked, win=30_000)
            segments = c.out()
            if not segments:
                break
            acked = segments[-1].end
        assert acked == total + 1
        c.ack(acked, win=30_000)
        assert t.poll(c.fd, POLLOUT) == POLLOUT

    bench.run(body)
