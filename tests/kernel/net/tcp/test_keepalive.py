"""Keepalive (RFC 9293 section 3.8.4): off by default, only on idle connections, and one lost probe kills nothing."""

from pytest import approx

from kernel.uapi import errno
from kernel.uapi.poll import POLLERR, POLLHUP
from kernel.uapi.socket import SO_ERROR, SO_KEEPALIVE, SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_USER_TIMEOUT

TICK = 0.02


def keep(t, fd, idle=10, interval=2, count=3):
    assert t.setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, idle) == 0
    assert t.setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, interval) == 0
    assert t.setsockopt(fd, SOL_TCP, TCP_KEEPCNT, count) == 0
    assert t.setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0


def test_it_is_off_by_default(bench):
    """RFC 9293 MUST-25: an idle connection is silent for three hours."""

    def body(t):
        c = t.established()
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_KEEPALIVE) == 0
        t.sleep(3 * 3600)
        c.silence()
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_the_default_interval_is_two_hours(bench):
    """RFC 9293 MUST-28: the first probe comes after 7200 s; Linux repeats it every 75 s and gives up after nine."""

    def body(t):
        c = t.established()
        start = t.now()
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0
        t.sleep(7199)
        c.silence()
        t.sleep(2)
        probe = c.expect(".", length=0)
        assert probe.time - start == approx(7200, abs=1)
        t.sleep(9 * 75 + 1)
        segments = c.out()
        assert [s.flags for s in segments] == ["."] * 8 + ["R."]
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ETIMEDOUT

    bench.run(body)


def test_a_probe_is_an_ack_below_the_window(bench):
    """RFC 9293 section 3.8.4: SEG.SEQ = SND.NXT - 1, and no data (SHLD-12), so that any peer must answer."""

    def body(t):
        c = t.established()
        keep(t, c.fd)
        t.write(c.fd, b"abc")
        c.expect(".", seq=1)
        c.ack(4)
        t.sleep(10.1)
        c.expect(".", seq=3, ack=1, length=0)

    bench.run(body)


def test_idle_interval_and_count(bench):
    """RFC 9293 MUST-27: TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT; then RST, and ETIMEDOUT for the user."""

    def body(t):
        c = t.established()
        start = t.now()
        keep(t, c.fd, idle=10, interval=2, count=3)
        t.sleep(17)
        segments = c.out()
        assert [s.flags for s in segments] == [".", ".", ".", "R."]
        assert [s.time - start for s in segments] == approx([10, 12, 14, 16], abs=TICK)
        assert segments[-1].seq == 1
        assert t.poll(c.fd, POLLERR) & (POLLERR | POLLHUP) == POLLERR | POLLHUP
        assert t.read(c.fd) == -errno.ETIMEDOUT
        assert t.read(c.fd) == b""
        assert t.mib("TcpExtTCPKeepAlive") == 3

    bench.run(body)


def test_an_answer_starts_the_idle_time_again(bench):
    """RFC 9293 MUST-29: the first probe may get lost; the answer to the second keeps the connection."""

    def body(t):
        c = t.established()
        keep(t, c.fd, idle=10, interval=2, count=3)
        t.sleep(12.5)
        assert len(c.out()) == 2
        c.ack(1)
        answered = t.now()
        t.sleep(9.9)
        c.silence()
        t.sleep(0.2)
        assert c.expect(".", seq=0).time - answered == approx(10, abs=TICK)
        c.ack(1)
        assert t.info(c.fd)["probes"] == 0
        t.sleep(9.9)
        c.silence()

    bench.run(body)


def test_received_data_counts_as_life(bench):
    """RFC 9293 section 3.8.4: probes go out only when nothing has been received within the interval."""

    def body(t):
        c = t.established()
        keep(t, c.fd, idle=10)
        for i in range(5):
            t.sleep(9)
            c.data(1 + i, b"x")
            c.out()
        t.sleep(9.9)
        c.silence()
        t.sleep(0.2)
        c.expect(".", seq=0, ack=6)

    bench.run(body)


def test_no_probe_while_data_is_outstanding(bench):
    """RFC 9293 MUST-26: keepalive must not run while data is unacknowledged; retransmission watches then."""

    def body(t):
        c = t.established()
        keep(t, c.fd, idle=1, interval=1, count=1)
        t.write(c.fd, b"abc")
        t.sleep(30)
        assert all(s.data == b"abc" for s in c.out())
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_it_can_be_switched_off_again(bench):
    """RFC 9293 MUST-24: SO_KEEPALIVE 0 stops the probes, also while they are running."""

    def body(t):
        c = t.established()
        keep(t, c.fd, idle=10, interval=2, count=3)
        t.sleep(12.5)
        assert len(c.out()) == 2
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_KEEPALIVE, 0) == 0
        t.sleep(1000)
        c.silence()
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_a_shorter_idle_time_takes_effect_at_once(bench):
    """RFC 9293 MUST-27, tcp(7): TCP_KEEPIDLE on a connection with keepalive on arms the timer anew."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0
        t.sleep(3)
        assert t.setsockopt(c.fd, SOL_TCP, TCP_KEEPIDLE, 5) == 0
        t.sleep(1.9)
        c.silence()
        t.sleep(0.2)
        c.expect(".", seq=0)

    bench.run(body)


def test_accepted_sockets_inherit_it(bench):
    """socket(7): SO_KEEPALIVE and the TCP_KEEP* options of a listener hold for what it accepts."""

    def body(t):
        c = t.established(setup=lambda fd: keep(t, fd, idle=4, interval=1, count=2))
        start = t.now()
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_KEEPALIVE) == 1
        assert t.getsockopt_int(c.fd, SOL_TCP, TCP_KEEPIDLE) == 4
        t.sleep(10)
        assert [s.time - start for s in c.out()] == approx([4, 5, 6], abs=TICK)

    bench.run(body)


def test_a_connecting_socket_keeps_the_option(bench):
    """RFC 9293 section 3.8.4: what was set before connect(2) starts with ESTABLISHED."""

    def body(t):
        fd = t.stream()
        keep(t, fd, idle=4)
        t.nonblock(fd)
        t.connect(fd, "10.0.0.2", 80)
        _, port = t.getname(fd)
        c = t.peer(port)
        c.port = 80
        c.out()
        c.send("S.", 0, 1)
        c.out()
        t.sleep(4.1)
        c.expect(".", seq=0, ack=1)

    bench.run(body)


def test_user_timeout_overrides_the_count(bench):
    """tcp(7): with TCP_USER_TIMEOUT the time without an answer ends the connection, not the number of probes."""

    def body(t):
        c = t.established()
        start = t.now()
        keep(t, c.fd, idle=10, interval=2, count=2)
        t.setsockopt(c.fd, SOL_TCP, TCP_USER_TIMEOUT, 17000)
        t.sleep(30)
        segments = c.out()
        assert segments[-1].flags == "R." and segments[-1].time - start == approx(18, abs=0.1)
        assert len(segments) == 5

    bench.run(body)


def test_option_limits(bench):
    """tcp(7): values outside 1..32767 s and 1..127 probes are refused with EINVAL."""

    def body(t):
        fd = t.stream()
        for name, limit in ((TCP_KEEPIDLE, 32767), (TCP_KEEPINTVL, 32767), (TCP_KEEPCNT, 127)):
            assert t.setsockopt(fd, SOL_TCP, name, 0) == -errno.EINVAL
            assert t.setsockopt(fd, SOL_TCP, name, limit + 1) == -errno.EINVAL
            assert t.setsockopt(fd, SOL_TCP, name, limit) == 0
            assert t.getsockopt_int(fd, SOL_TCP, name) == limit

    bench.run(body)


def test_we_answer_a_peers_probe(bench):
    """RFC 9293 section 3.10.7.4: an unacceptable segment (SEG.SEQ = RCV.NXT - 1) is answered with an ACK."""

    def body(t):
        c = t.established()
        t.sleep(1)
        c.ack(1, seq=0)
        c.expect(".", seq=1, ack=1)
        t.sleep(1)
        # Old stacks put one byte of garbage into their probes.
        c.data(0, b"\0", flags=".")
        c.expect(".", seq=1, ack=1)
        assert t.read(c.fd) == -errno.EAGAIN

    bench.run(body)
