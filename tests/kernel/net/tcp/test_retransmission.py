"""The retransmission timer (RFC 6298), giving up (RFC 9293 section 3.8.3, RFC 5482) and the handshake's retries."""

from harness import MS, mss, sack_ok, timestamp
from pytest import approx

from kernel.uapi import errno
from kernel.uapi.socket import AF_INET, SO_ERROR, SO_TXREHASH, SOCK_DGRAM, SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_SYNCNT, TCP_THIN_LINEAR_TIMEOUTS, TCP_USER_TIMEOUT

TICK = 0.005


def gaps(segments, start):
    """The seconds between one transmission and the next, from `start` on."""
    times = [start, *(segment.time for segment in segments)]
    return [later - earlier for earlier, later in zip(times, times[1:], strict=False)]


def close_to(values):
    return approx(values, abs=TICK, rel=0.01)


def test_syn_retries_double_from_one_second(bench):
    """RFC 6298 sections 2.1 and 5.5: 1, 3, 7, 15, 31, 63 s; then the seventh timeout gives up (RFC 9293 section 3.8.3)."""

    def body(t):
        c = t.connect_start(80)
        start = c.first.time
        t.sleep(126)
        again = c.out()
        assert [s.flags for s in again] == ["S"] * 6
        assert all(s.seq == 0 and s.options[:4] == c.first.options[:4] for s in again)
        assert [s.time - start for s in again] == close_to([1, 3, 7, 15, 31, 63])
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == 0
        t.sleep(2)
        c.silence()
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ETIMEDOUT
        assert t.mib("TcpExtTCPSynRetrans") == 6

    bench.run(body)


def test_tcp_syncnt_shortens_connecting(bench):
    """RFC 9293 MUST-21, tcp(7): TCP_SYNCNT 2 gives up 7 s after the first SYN; a blocking connect answers ETIMEDOUT."""

    def body(t):
        fd = t.stream()
        assert t.setsockopt(fd, SOL_TCP, TCP_SYNCNT, 2) == 0
        start = t.now()
        assert t.connect(fd, "10.0.0.2", 80) == -errno.ETIMEDOUT
        assert t.now() - start == approx(7, abs=TICK)
        assert len(t.take()) == 3

    bench.run(body)


def test_a_retransmitted_syn_carries_the_time_of_its_own(bench):
    """RFC 7323 section 4: every transmission has its own TSval, so that the SYN-ACK's echo says which one it answers."""

    def body(t):
        c = t.connect_start(80)
        t.sleep(1.5)
        (again,) = c.out()
        assert again.ts[0] - c.first.ts[0] == approx(1000, abs=5)
        c.send("S.", 0, 1, options=mss(1460) + sack_ok() + timestamp(1, again.ts[0]))
        c.expect(".", seq=1, ack=1)
        # The sample is that of the second SYN.
        assert t.info(c.fd)["rtt"] == approx(500_000, abs=10_000)

    bench.run(body)


def test_synack_retries(bench):
    """RFC 6298 section 2.1 for the passive side: five more SYN-ACKs, 1, 3, 7, 15, 31 s; then the request is forgotten."""

    def body(t):
        c = t.listen(80)
        c.syn()
        first = c.expect("S.", seq=0, ack=1)
        t.sleep(62)
        again = c.out()
        assert [(s.flags, s.seq, s.ack) for s in again] == [("S.", 0, 1)] * 5
        assert [s.time - first.time for s in again] == close_to([1, 3, 7, 15, 31])
        t.sleep(3)
        c.silence()
        c.ack(1)
        c.expect("R", seq=1)
        assert t.accept(c) == -errno.EAGAIN

    bench.run(body)


def test_synack_retries_follow_the_sysctl(bench):
    """tcp_synack_retries bounds R2 of the passive handshake (RFC 9293 MUST-22)."""

    def body(t):
        t.sysctl("tcp_synack_retries", 1)
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        t.sleep(10)
        c.expect("S.", seq=0, ack=1)

    bench.run(body)


def test_the_timeout_is_round_trip_plus_floor(bench):
    """RFC 6298 sections 2.2 and 2.4, with Linux's floor: the variance term is at least 200 ms."""

    def body(t):
        c = t.established(rtt=0.1)
        info = t.info(c.fd)
        assert info["rtt"] == approx(100_000, abs=2000)
        assert info["rto"] == approx(300_000, abs=4000)
        t.write(c.fd, bytes(1000))
        first = c.expect(".", seq=1, length=1000)
        t.sleep(0.29)
        c.silence()
        t.sleep(0.02)
        again = c.expect(".", seq=1, length=1000)
        assert again.time - first.time == approx(0.3, abs=0.005)

    bench.run(body)


def test_the_estimators_of_rfc_6298(bench):
    """RFC 6298 section 2.3: SRTT moves by an eighth, RTTVAR by a quarter of the difference."""

    def body(t):
        c = t.established(rtt=0.1)
        srtt, rttvar = (t.info(c.fd)[name] for name in ("rtt", "rttvar"))
        assert rttvar == approx(srtt / 2, abs=1000)
        t.write(c.fd, b"x")
        start = c.expect(".").time
        t.sleep(0.18)
        c.ack(2)
        sample = int((t.now() - start) * 1e6)
        info = t.info(c.fd)
        assert info["rtt"] == approx(srtt + (sample - srtt) / 8, abs=200)
        assert info["rttvar"] == approx(rttvar + (abs(sample - srtt) - rttvar) / 4, abs=1000)

    bench.run(body)


def test_backoff_doubles(bench):
    """RFC 6298 section 5.5: each expiry doubles the timeout, and only the oldest segment is sent again (5.4)."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, bytes(2920))
        start = c.expect_data(1, 1461)[0].time
        t.sleep(10)
        again = c.out()
        assert {(s.seq, len(s.data)) for s in again} == {(1, 1460)}
        assert gaps(again, start) == close_to([0.303, 0.606, 1.212, 2.424, 4.848])
        info = t.info(c.fd)
        assert info["backoff"] == 5 and info["total_retrans"] == 5 and info["ca_state"] == 4

    bench.run(body)


def test_the_timeout_ends_at_two_minutes(bench):
    """RFC 6298 section 2.5: an upper bound of at least 60 s; Linux's is 120 s."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, b"x")
        start = c.expect(".").time
        t.sleep(500)
        waits = gaps(c.out(), start)
        assert waits[:9] == close_to([0.303 * 2**i for i in range(9)])
        assert waits[9:] == close_to([120] * len(waits[9:])) and len(waits) > 10

    bench.run(body)


def test_karn_no_sample_from_a_retransmission(bench):
    """RFC 6298 section 3: without timestamps an ACK of retransmitted data says nothing about the round trip."""

    def body(t):
        c = t.established(rtt=0.1)
        before = t.info(c.fd)
        t.write(c.fd, b"x")
        c.expect(".")
        t.sleep(0.5)
        c.expect(".", seq=1)
        c.ack(2)
        after = t.info(c.fd)
        assert (after["rtt"], after["rttvar"]) == (before["rtt"], before["rttvar"])
        # The second half of Karn's rule: the doubled timeout stays until there is a sample.
        assert after["retransmits"] == 0 and after["backoff"] == 1 and after["rto"] == 2 * before["rto"]
        t.write(c.fd, b"y")
        c.expect(".", seq=2)
        c.ack(3)
        assert t.info(c.fd)["backoff"] == 0 and t.info(c.fd)["rto"] < before["rto"] + 10_000

    bench.run(body)


def test_timestamps_sample_retransmissions_too(bench):
    """RFC 7323 section 4.2: the echo tells which transmission is acknowledged, Karn's ambiguity is gone."""

    def body(t):
        c = t.established(rtt=0.1, timestamps=True)
        t.write(c.fd, b"x")
        c.expect(".")
        t.sleep(0.5)
        again = c.out()
        assert len(again) == 1
        t.sleep(0.1)
        c.ack(2)
        # The ACK echoes the retransmission: a sample of what has passed since, not of 600 ms.
        passed = (t.now() - again[0].time) * 1e6
        assert t.info(c.fd)["rtt"] == approx(101_000 + (passed - 101_000) / 8, rel=0.05)

    bench.run(body)


def test_an_ack_of_new_data_restarts_the_timer(bench):
    """RFC 6298 section 5.3: the remaining segments get a whole timeout from the ACK on."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, bytes(2920))
        c.expect_data(1, 1461)
        t.sleep(0.2)
        c.ack(1461)
        acked = t.now()
        rto = t.info(c.fd)["rto"] / 1e6
        t.sleep(rto - 0.02)
        c.silence()
        t.sleep(0.04)
        again = c.expect(".", seq=1461, length=1460)
        assert again.time - acked == approx(rto, abs=TICK)

    bench.run(body)


def test_an_ack_of_everything_stops_the_timer(bench):
    """RFC 6298 section 5.2."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, bytes(1000))
        c.expect(".")
        c.ack(1001)
        t.sleep(200)
        c.silence()

    bench.run(body)


def test_the_first_data_arms_the_timer_and_later_data_does_not_move_it(bench):
    """RFC 6298 section 5.1."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, bytes(1460))
        start = c.expect(".").time
        t.sleep(0.2)
        t.write(c.fd, bytes(1460))
        c.expect(".", seq=1461)
        t.sleep(0.15)
        again = c.expect(".", seq=1)
        assert again.time - start == approx(0.303, abs=TICK)

    bench.run(body)


def test_giving_up_after_tcp_retries2(bench):
    """RFC 9293 section 3.8.3: R2 is counted as the time that tcp_retries2 doublings of 200 ms take: 3.0 s for 3."""

    def body(t):
        t.sysctl("tcp_retries2", 3)
        c = t.established(rtt=0.1)
        t.write(c.fd, b"x")
        c.expect(".")
        t.sleep(4)
        c.out()
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == 0
        t.sleep(1)
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ETIMEDOUT
        assert t.write(c.fd, b"y") == -errno.EPIPE
        assert t.info(c.fd)["state"] == 7
        assert t.mib("TcpExtTCPAbortOnTimeout") == 1
        t.sleep(100)
        c.silence()

    bench.run(body)


def test_the_default_gives_up_after_fifteen_minutes(bench):
    """tcp(7): tcp_retries2 15 means 924.6 s at least; the expiry that comes after that ends the connection."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, b"x")
        start = c.expect(".").time
        t.sleep(920)
        assert t.info(c.fd)["state"] == 1
        t.sleep(200)
        segments = c.out()
        assert t.read(c.fd) == -errno.ETIMEDOUT
        assert 800 < segments[-1].time - start < 925 and len(segments) == 15

    bench.run(body)


def test_user_timeout_ends_to_the_millisecond(bench):
    """RFC 5482: TCP_USER_TIMEOUT bounds how long sent data may stay unacknowledged, not the next doubling."""

    def body(t):
        c = t.established(rtt=0.1)
        assert t.setsockopt(c.fd, SOL_TCP, TCP_USER_TIMEOUT, 2500) == 0
        assert t.getsockopt_int(c.fd, SOL_TCP, TCP_USER_TIMEOUT) == 2500
        t.write(c.fd, b"x")
        c.expect(".")
        t.sleep(2.49)
        assert [s.seq for s in c.out()] == [1, 1, 1]
        assert t.info(c.fd)["state"] == 1
        # Linux's clock starts with the first retransmission, after 303 ms.
        t.sleep(0.29)
        assert t.info(c.fd)["state"] == 1
        t.sleep(0.04)
        assert t.read(c.fd) == -errno.ETIMEDOUT

    bench.run(body)


def test_user_timeout_while_connecting(bench):
    """RFC 5482 section 3.1, tcp(7): the option bounds SYN-SENT as well."""

    def body(t):
        fd = t.stream()
        t.setsockopt(fd, SOL_TCP, TCP_USER_TIMEOUT, 5000)
        start = t.now()
        assert t.connect(fd, "10.0.0.2", 80) == -errno.ETIMEDOUT
        assert 4.9 < t.now() - start < 7.1

    bench.run(body)


def test_a_user_timeout_does_not_touch_an_idle_connection(bench):
    """RFC 5482: only data that is not acknowledged counts."""

    def body(t):
        c = t.established(rtt=0.1)
        t.setsockopt(c.fd, SOL_TCP, TCP_USER_TIMEOUT, 1000)
        t.sleep(60)
        assert t.info(c.fd)["state"] == 1
        t.write(c.fd, b"x")
        c.expect(".")
        t.sleep(0.5)
        c.out()
        c.ack(2)
        t.sleep(60)
        assert t.info(c.fd)["state"] == 1
        c.silence()

    bench.run(body)


def test_a_soft_error_is_what_giving_up_reports(bench):
    """RFC 9293 section 3.9.2.2 (SHLD-9): a host-unreachable hint becomes the reason once R2 is over."""

    def body(t):
        t.sysctl("tcp_retries2", 2)
        c = t.established(rtt=0.1)
        t.write(c.fd, b"x")
        c.expect(".")
        c.icmp(3, 1, seq=1)
        assert t.info(c.fd)["state"] == 1
        t.sleep(10)
        assert t.read(c.fd) == -errno.EHOSTUNREACH

    bench.run(body)


def test_an_answer_clears_the_backoff(bench):
    """RFC 6298 section 5.7's sense: a valid sample computes the timeout anew instead of keeping the doubled one."""

    def body(t):
        c = t.established(rtt=0.1, timestamps=True)
        t.write(c.fd, b"x")
        c.out()
        t.sleep(2)
        doubled = t.info(c.fd)
        assert doubled["backoff"] >= 2 and doubled["rto"] > 1_200_000
        c.out()
        c.ack(2)
        info = t.info(c.fd)
        assert info["backoff"] == 0 and info["rto"] < doubled["rto"]

    bench.run(body)


def test_a_lost_handshake_ack_is_made_good_by_data(bench):
    """RFC 9293 section 3.5: data with an ACK completes the handshake just as a bare ACK does."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        t.sleep(0.5)
        c.data(1, b"hello")
        assert t.accept(c) >= 0
        assert t.read(c.fd) == b"hello"
        t.sleep(5)
        assert [s.flags for s in c.out()] == ["."]

    bench.run(body)


def test_after_a_lost_syn_the_window_starts_at_one(bench):
    """RFC 5681 section 3.1, with RFC 6298's 1 s: more than one lost SYN-ACK starts from one segment."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.out()
        t.sleep(3.5)
        assert len(c.out()) == 2
        c.ack(1)
        t.accept(c)
        assert t.info(c.fd)["snd_cwnd"] == 1
        t.write(c.fd, bytes(5000))
        c.expect_data(1)

    bench.run(body)


def test_time_is_kept_in_whole_milliseconds(bench):
    """The virtual clock is exact: the first retransmission comes within a tick of its deadline."""

    def body(t):
        c = t.established(rtt=0.05)
        t.write(c.fd, b"x")
        first = c.expect(".")
        rto = t.info(c.fd)["rto"] * 1000
        t.sleep(1)
        again = c.out()[0]
        assert 0 <= (again.time - first.time) * 1e9 - rto < 5 * MS

    bench.run(body)


def lossy(t, setup=None):
    """A connection beyond its first slow start (a loss has ended that), with a steady timeout."""
    c = t.established(rtt=0.1, setup=setup)
    t.write(c.fd, b"first")
    c.expect(".")
    t.sleep(0.5)
    c.expect(".", seq=1)
    c.ack(6)
    for number in range(20):
        t.write(c.fd, b"z")
        c.expect(".", seq=6 + number)
        t.sleep(0.1)
        c.ack(7 + number)
    return c


def waits_of(t, c, seconds):
    t.write(c.fd, b"x")
    start = c.expect(".").time
    t.sleep(seconds)
    return gaps(c.out(), start)


def test_a_thin_stream_does_not_back_off(bench):
    """tcp(7): with TCP_THIN_LINEAR_TIMEOUTS six timeouts of a stream with little in flight do not double."""

    def body(t):
        c = lossy(t, lambda fd: t.setsockopt(fd, SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1))
        assert t.getsockopt_int(c.fd, SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS) == 1
        assert t.setsockopt(c.fd, SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, 2) == -errno.EINVAL
        rto = t.info(c.fd)["rto"] / 1e6
        waits = waits_of(t, c, 20)
        assert waits[:10] == close_to([rto] * 7 + [rto * 2, rto * 4, rto * 8])

    bench.run(body)


def test_thin_streams_of_everybody(bench):
    """net.ipv4.tcp_thin_linear_timeouts."""

    def body(t):
        assert t.kernel.sysctl.write("net.ipv4.tcp_thin_linear_timeouts", "1") == 0
        c = lossy(t)
        rto = t.info(c.fd)["rto"] / 1e6
        assert waits_of(t, c, 5)[:4] == close_to([rto] * 4)
        # A timeout ends the first slow start, in which a stream may yet grow: from then on a young one is thin, too.
        fresh = t.established(81, rtt=0.1)
        rto = t.info(fresh.fd)["rto"] / 1e6
        assert waits_of(t, fresh, 5)[:3] == close_to([rto] * 3)

    bench.run(body)


def test_four_segments_in_flight_are_not_thin(bench):
    def body(t):
        c = lossy(t, lambda fd: t.setsockopt(fd, SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1))
        for _ in range(12):
            c.ack(26, seq=1)
        t.write(c.fd, bytes(4 * 1460))
        first = c.out()
        t.sleep(6)
        again = [segment for segment in c.out() if segment.seq == first[0].seq]
        waits = gaps(again, first[0].time)
        assert waits[2] > 1.5 * waits[1]

    bench.run(body)


def test_a_timeout_gives_the_packets_another_hash(bench):
    """SO_TXREHASH (socket(7)), net.core.txrehash: perhaps another of several paths is a better one."""

    def body(t):
        def sock_of(fd):
            return t.kernel.sched.current.files.fget(fd).private_data.sk

        for setup, rehashes in ((1, 2), (0, 0)):
            c = t.established(80 + setup, rtt=0.1, setup=lambda fd, on=setup: t.setsockopt(fd, SOL_SOCKET, SO_TXREHASH, on))
            assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_TXREHASH) == setup
            sk = sock_of(c.fd)
            before = sk.sk_txhash
            assert before
            t.write(c.fd, b"x")
            t.sleep(1)
            c.out()
            assert (sk.sk_txhash != before) == bool(setup)
            assert t.info(c.fd)["rehash"] == rehashes
        assert t.mib("TcpExtTcpTimeoutRehash") == 2
        fd = t.stream()
        assert t.setsockopt(fd, SOL_SOCKET, SO_TXREHASH, 2) == t.setsockopt(fd, SOL_SOCKET, SO_TXREHASH, -2) == -errno.EINVAL
        t.kernel.sysctl.write("net.core.txrehash", "0")
        assert t.setsockopt(fd, SOL_SOCKET, SO_TXREHASH, -1) == 0 and t.getsockopt_int(fd, SOL_SOCKET, SO_TXREHASH) == 0
        assert t.getsockopt_int(t.stream(), SOL_SOCKET, SO_TXREHASH) == 0
        datagrams = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(datagrams, SOL_SOCKET, SO_TXREHASH, 1) == -errno.EOPNOTSUPP
        assert t.getsockopt_int(datagrams, SOL_SOCKET, SO_TXREHASH) == -errno.EOPNOTSUPP

    bench.run(body)
