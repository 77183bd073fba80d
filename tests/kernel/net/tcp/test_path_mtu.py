"""ICMP errors about connections (RFC 1191, RFC 1122 section 4.2.3.9, RFC 5927): path MTU, soft and hard errors."""

import struct

from harness import LOCAL, PEER
from netbench import icmp, ipv4

from kernel.uapi import errno
from kernel.uapi.socket import SO_ERROR, SOL_SOCKET

IP_MTU_DISCOVER = 10
IP_RECVERR = 11
IP_MTU = 14


def error(t, c):
    return t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR)


# --- path MTU ---


def test_segments_have_dont_fragment(bench):
    """RFC 1191 section 3: TCP discovers the path MTU with DF on everything."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1000))
        assert c.expect(".").packet.df

    bench.run(body)


def test_frag_needed_shrinks_and_resends(bench):
    """RFC 1191 sections 3 and 6.4: smaller segments, the lost one again at once, and the window is not to blame."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, bytes(2920))
        c.expect_data(1, 1461)
        c.icmp(3, 4, info=1000, seq=1)
        segments = c.out()
        assert segments and segments[0].seq == 1 and max(len(s.data) for s in segments) == 960
        info = t.info(c.fd)
        assert info["snd_mss"] == 960 and info["pmtu"] == 1000
        assert info["snd_cwnd"] >= 10 - 2
        c.ack(2921)
        t.write(c.fd, bytes(3000))
        assert max(len(s.data) for s in c.out()) == 960

    bench.run(body)


def test_everything_in_flight_is_sent_again(bench):
    """RFC 1191 section 6.4: all segments that were too large are lost; they are resent and acknowledged in time."""

    def body(t):
        c = t.established(rtt=0.1)
        data = bytes(range(256)) * 20
        t.write(c.fd, data[:5000])
        c.out()
        c.icmp(3, 4, info=600, seq=1)
        got = bytearray(5000)
        seen = set()
        acked = 1
        for _ in range(40):
            for s in c.out():
                got[s.seq - 1 : s.end - 1] = s.data
                seen.update(range(s.seq, s.end))
                assert len(s.data) <= 560
            while acked in seen:
                acked += 1
            c.ack(acked)
            t.sleep(0.05)
        assert acked == 5001 and bytes(got) == data[:5000]

    bench.run(body)


def test_the_route_remembers(bench):
    """RFC 1191 section 5.3: the path MTU belongs to the destination: the next connection knows it."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1460))
        c.out()
        c.icmp(3, 4, info=1200, seq=1)
        c.out()
        other = t.established(port=81)
        assert t.info(other.fd)["snd_mss"] == 1160
        t.write(other.fd, bytes(2000))
        assert len(other.out()[0].data) == 1160

    bench.run(body)


def test_it_ages(bench):
    """RFC 1191 section 6.3: after ten minutes the larger size is tried again."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1460))
        c.out()
        c.icmp(3, 4, info=1200, seq=1)
        c.out()
        c.ack(1461)
        t.sleep(601)
        other = t.established(port=81)
        assert t.info(other.fd)["snd_mss"] == 1460

    bench.run(body)


def test_a_larger_mtu_is_no_news(bench):
    """RFC 1191 section 3: a message must never increase the estimate."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1460))
        c.out()
        c.icmp(3, 4, info=9000, seq=1)
        c.silence()
        assert t.info(c.fd)["snd_mss"] == 1460

    bench.run(body)


def test_below_the_minimum(bench):
    """RFC 1191 section 3 and tcp(7): Linux goes no lower than 552 bytes (min_pmtu), whatever a message claims."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1460))
        c.out()
        c.icmp(3, 4, info=68, seq=1)
        c.out()
        assert t.info(c.fd)["pmtu"] >= 552
        assert t.info(c.fd)["snd_mss"] >= 512

    bench.run(body)


def test_outside_the_window_it_is_ignored(bench):
    """RFC 5927 section 4.1: the quoted number must be one that is in flight."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(1460))
        c.out()
        for seq in (-1, 1462, 100_000):
            c.icmp(3, 4, info=600, seq=seq)
        c.silence()
        assert t.info(c.fd)["snd_mss"] == 1460
        assert t.mib("TcpExtOutOfWindowIcmps") == 3

    bench.run(body)


def test_pmtudisc_dont_ignores_it(bench):
    """ip(7) IP_MTU_DISCOVER: without discovery packets have no DF and messages change nothing."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, 0, IP_MTU_DISCOVER, 0) == 0
        t.write(c.fd, bytes(1460))
        assert not c.expect(".").packet.df
        c.icmp(3, 4, info=800, seq=1)
        assert t.info(c.fd)["snd_mss"] == 1460

    bench.run(body)


def test_ip_mtu_tells(bench):
    """ip(7) IP_MTU: the known path MTU of a connected socket."""

    def body(t):
        c = t.established()
        assert t.getsockopt_int(c.fd, 0, IP_MTU) == 1500
        t.write(c.fd, bytes(1460))
        c.out()
        c.icmp(3, 4, info=1000, seq=1)
        c.out()
        assert t.getsockopt_int(c.fd, 0, IP_MTU) == 1000

    bench.run(body)


def test_a_message_for_nobody(bench):
    """RFC 1122 section 3.2.2.1: an error that matches no connection is counted and dropped."""

    def body(t):
        t.established()
        quoted = ipv4(LOCAL, PEER, 6, struct.pack("!HHI", 1, 2, 3), length=1500)
        t.inject_ip(icmp(PEER, LOCAL, 3, 4, (600).to_bytes(4, "big") + quoted))
        t.inject_ip(icmp(PEER, LOCAL, 3, 4, (600).to_bytes(4, "big") + quoted[:20]))
        assert t.take() == []
        assert t.mib("IcmpInErrors") >= 1

    bench.run(body)


# --- errors while connecting ---


def test_hard_errors_end_connecting(bench):
    """RFC 1122 section 4.2.3.9: in SYN-SENT port unreachable is ECONNREFUSED, and host unreachable is told as well."""

    def body(t):
        for port, type, code, expected in (
            (80, 3, 3, errno.ECONNREFUSED),
            (81, 3, 2, errno.ENOPROTOOPT),
            (82, 3, 1, errno.EHOSTUNREACH),
            (83, 3, 0, errno.ENETUNREACH),
            (84, 3, 13, errno.EHOSTUNREACH),
            (85, 11, 0, errno.EHOSTUNREACH),
        ):
            c = t.connect_start(port)
            c.icmp(type, code, seq=0)
            assert error(t, c) == expected
            assert t.info(c.fd)["state"] == 7
            t.sleep(3)
            c.silence()

    bench.run(body)


def test_an_error_about_another_syn_is_ignored(bench):
    """RFC 5927 section 4.1: in SYN-SENT the quoted number must be that of our SYN."""

    def body(t):
        c = t.connect_start(80)
        c.icmp(3, 3, seq=5)
        c.icmp(3, 3, seq=-1)
        assert error(t, c) == 0
        c.send("S.", 0, 1)
        c.expect(".", seq=1)

    bench.run(body)


def test_a_request_that_can_not_be_answered_is_forgotten(bench):
    """RFC 1122 section 4.2.3.9 for a passive open: the SYN-ACK came back as unreachable."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.icmp(3, 1, seq=0)
        assert t.net.tcp.hashinfo.nodes() == []
        t.sleep(5)
        c.silence()

    bench.run(body)


# --- errors on a connection ---


def test_soft_errors_do_not_abort(bench):
    """RFC 9293 MUST-56: unreachable and time exceeded are hints once a connection stands."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, b"data")
        c.out()
        for type, code in ((3, 0), (3, 1), (3, 2), (3, 3), (3, 5), (11, 0), (11, 1), (12, 0)):
            c.icmp(type, code, seq=1)
            assert t.info(c.fd)["state"] == 1
        assert t.read(c.fd) == -errno.EAGAIN
        c.ack(5)
        t.write(c.fd, b"more")
        c.expect(".", seq=5, data=b"more")

    bench.run(body)


def test_source_quench_is_ignored(bench):
    """RFC 6633, RFC 9293 MUST-55."""

    def body(t):
        c = t.established()
        t.write(c.fd, bytes(2920))
        c.out()
        before = t.info(c.fd)
        c.icmp(4, 0, seq=1)
        after = t.info(c.fd)
        assert after["snd_cwnd"] == before["snd_cwnd"] and after["state"] == 1
        c.silence()

    bench.run(body)


def test_ip_recverr_reports_at_once(bench):
    """RFC 9293 MUST-47, ip(7) IP_RECVERR: an application that asks for it gets the soft error."""

    def body(t):
        c = t.established(rtt=0.1)
        assert t.setsockopt(c.fd, 0, IP_RECVERR, 1) == 0
        t.write(c.fd, b"data")
        c.out()
        c.icmp(3, 1, seq=1)
        assert error(t, c) == errno.EHOSTUNREACH
        assert t.info(c.fd)["state"] == 1

    bench.run(body)


def test_hints_are_forgotten_with_the_next_ack(bench):
    """RFC 9293 section 3.9.2.2: an ACK shows that the path works; a later timeout is ETIMEDOUT again."""

    def body(t):
        t.sysctl("tcp_retries2", 2)
        c = t.established(rtt=0.1)
        t.write(c.fd, b"data")
        c.out()
        c.icmp(3, 1, seq=1)
        c.ack(5)
        t.write(c.fd, b"more")
        t.sleep(10)
        assert t.read(c.fd) == -errno.ETIMEDOUT

    bench.run(body)


def test_an_error_with_a_wrong_number_is_ignored(bench):
    """RFC 5927 section 4.1: blind attackers do not know what is in flight."""

    def body(t):
        c = t.established(rtt=0.1)
        t.setsockopt(c.fd, 0, IP_RECVERR, 1)
        t.write(c.fd, b"data")
        c.out()
        c.icmp(3, 1, seq=6)
        assert error(t, c) == 0

    bench.run(body)


def test_an_error_in_time_wait_is_ignored(bench):
    """RFC 1122 section 4.2.3.9: nothing is there that could be told."""

    def body(t):
        c = t.established()
        t.close(c.fd)
        c.out()
        c.send("F.", 1, 2)
        c.out()
        c.icmp(3, 3, seq=1)
        assert t.net.tcp.tw_count == 1

    bench.run(body)
