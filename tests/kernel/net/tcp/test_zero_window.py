"""A closed window (RFC 9293 section 3.8.6.1): probes, their backoff, and how it opens again."""

from pytest import approx

from kernel.uapi import errno
from kernel.uapi.socket import SO_ERROR, SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_USER_TIMEOUT


def test_probes_back_off(bench):
    """RFC 9293 MUST-36, SHLD-29, SHLD-30: the first probe after an RTO, then at doubled intervals, up to two minutes."""

    def body(t):
        c = t.established(win=2920, rtt=0.1)
        t.write(c.fd, bytes(5840))
        c.expect_data(1, 1461)
        t.sleep(0.1)
        c.ack(2921, win=0)
        start = t.now()
        rto = t.info(c.fd)["rto"] / 1e6
        t.sleep(rto * 64)
        probes = c.out()
        assert all(p.seq == 2920 and len(p.data) == 0 and p.flags == "." for p in probes)
        expected = [rto * (2**i - 1) for i in range(1, 7)]
        assert [p.time - start for p in probes] == approx(expected, rel=0.02, abs=0.01)

    bench.run(body)


def test_answered_probes_go_on_for_ever(bench):
    """RFC 9293 MUST-37: as long as the receiver acknowledges the probes the connection stays open."""

    def body(t):
        c = t.established(win=1000, rtt=0.1)
        t.write(c.fd, bytes(3000))
        c.out()
        c.ack(1001, win=0)
        last = None
        for _ in range(60):
            t.sleep(120)
            probes = c.out()
            if probes:
                last = probes[-1]
                c.ack(1001, win=0)
        assert last is not None and t.info(c.fd)["state"] == 1
        c.ack(1001, win=5000)
        assert c.out()[0].seq == 1001

    bench.run(body)


def test_unanswered_probes_give_up(bench):
    """RFC 9293 section 3.8.3: a peer that does not answer probes is gone: ETIMEDOUT after tcp_retries2 of them."""

    def body(t):
        t.sysctl("tcp_retries2", 4)
        c = t.established(win=1000, rtt=0.1)
        t.write(c.fd, bytes(3000))
        c.out()
        c.ack(1001, win=0)
        t.sleep(60)
        assert len(c.out()) == 4
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ETIMEDOUT

    bench.run(body)


def test_user_timeout_bounds_a_closed_window(bench):
    """RFC 5482, tcp(7): TCP_USER_TIMEOUT counts while the window is closed, too."""

    def body(t):
        c = t.established(win=1000, rtt=0.1)
        t.setsockopt(c.fd, SOL_TCP, TCP_USER_TIMEOUT, 5000)
        t.write(c.fd, bytes(3000))
        c.out()
        c.ack(1001, win=0)
        t.sleep(4.9)
        assert t.info(c.fd)["state"] == 1
        t.sleep(1)
        assert t.info(c.fd)["state"] == 7
        assert t.read(c.fd) == -errno.ETIMEDOUT

    bench.run(body)


def test_a_window_update_reopens(bench):
    """RFC 9293 section 3.8.6: an ACK that only opens the window sets the data free at once."""

    def body(t):
        c = t.established(win=2920)
        t.write(c.fd, bytes(5840))
        c.out()
        c.ack(2921, win=0)
        c.silence()
        t.sleep(0.05)
        c.ack(2921, win=2920)
        assert c.out()[-1].end == 5841
        c.ack(5841, win=2920)
        t.sleep(10)
        c.silence()

    bench.run(body)


def test_a_lost_window_update_is_found_by_probing(bench):
    """RFC 9293 MUST-35: the answer to a probe carries the window that the lost update had."""

    def body(t):
        c = t.established(win=2920, rtt=0.1)
        t.write(c.fd, bytes(5840))
        c.out()
        c.ack(2921, win=0)
        t.sleep(0.5)
        assert len(c.out()) == 1
        c.ack(2921, win=5840)
        assert c.out()[-1].end == 5841

    bench.run(body)


def test_a_window_closed_from_the_start(bench):
    """RFC 9293 section 3.8.6.1: a peer may open with a window of zero."""

    def body(t):
        c = t.established(win=0)
        assert t.write(c.fd, b"hello") == 5
        c.silence()
        t.sleep(4)
        assert all(p.seq == 0 and not p.data for p in c.out())
        c.ack(1, win=10)
        c.expect(".", seq=1, data=b"hello")

    bench.run(body)


def test_a_fin_waits_for_the_window(bench):
    """RFC 9293 section 3.8.6: the FIN comes behind data that does not fit yet."""

    def body(t):
        c = t.established(win=2920)
        t.write(c.fd, bytes(4380))
        t.shutdown(c.fd, 1)
        c.expect_data(1, 1461)
        c.ack(2921, win=0)
        c.silence()
        c.ack(2921, win=2920)
        c.expect("F.", seq=2921, length=1460)

    bench.run(body)
