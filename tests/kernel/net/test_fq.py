"""fq (tc-fq(8)), and what needs it: SO_TXTIME, TCP_TX_DELAY, SO_MAX_PACING_RATE of datagrams; and tc's requests for it."""

import struct

import pytest
from harness import TcpBench
from messages import cmsg, sendmsg
from netbench import MAC, PEER_MAC, SECOND, Packet, sockaddr
from pytest import approx

from kernel.net.core.dev import dev_attach_qdisc
from kernel.uapi import errno
from kernel.uapi.errqueue import SOF_TXTIME_DEADLINE_MODE, SOF_TXTIME_REPORT_ERRORS
from kernel.uapi.if_ether import ETH_P_IP
from kernel.uapi.socket import (
    AF_INET,
    AF_PACKET,
    SCM_TXTIME,
    SO_MAX_PACING_RATE,
    SO_TXTIME,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_SOCKET,
    SOL_TCP,
)
from kernel.uapi.tcp import TCP_TX_DELAY
from kernel.uapi.time import CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_TAI

# Timers tick in milliseconds.
TICK = 0.0011
MS = 1_000_000


@pytest.fixture
def bench():
    return TcpBench()


def txtime_socket(t, clock=CLOCK_MONOTONIC, flags=0):
    fd = t.socket(AF_INET, SOCK_DGRAM)
    assert t.setsockopt(fd, SOL_SOCKET, SO_TXTIME, struct.pack("<iI", clock, flags)) == 0
    return fd


def at(when):
    return cmsg(SOL_SOCKET, SCM_TXTIME, struct.pack("<Q", when))


def sent(t):
    """[(seconds since boot, payload)] of what has left."""
    return [(frame.time / SECOND, Packet(frame).data) for frame in t.take()]


def test_the_option(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.getsockopt(fd, SOL_SOCKET, SO_TXTIME, 8) == bytes(8)
        assert sendmsg(t, fd, b"x", sockaddr("10.0.0.2", 7), at(1)) == -errno.EINVAL
        for wrong in (struct.pack("<i", 1), struct.pack("<iI", 1, 4), struct.pack("<iI", CLOCK_BOOTTIME, 0), bytes(12)):
            assert t.setsockopt(fd, SOL_SOCKET, SO_TXTIME, wrong) == -errno.EINVAL
        value = struct.pack("<iI", CLOCK_TAI, SOF_TXTIME_DEADLINE_MODE | SOF_TXTIME_REPORT_ERRORS)
        assert t.setsockopt(fd, SOL_SOCKET, SO_TXTIME, value) == 0
        assert t.getsockopt(fd, SOL_SOCKET, SO_TXTIME, 8) == value
        assert sendmsg(t, fd, b"x", sockaddr("10.0.0.2", 7), cmsg(SOL_SOCKET, SCM_TXTIME, bytes(4))) == -errno.EINVAL
        t.kernel.sched.current.uid = 1000
        assert t.setsockopt(fd, SOL_SOCKET, SO_TXTIME, value) == -errno.EPERM
        assert t.setsockopt(fd, SOL_SOCKET, SO_TXTIME, struct.pack("<iI", CLOCK_MONOTONIC, 0)) == 0
        t.kernel.sched.current.uid = 0
        t.close(fd)

    bench.run(body)


def test_datagrams_leave_at_their_times(bench):
    def body(t):
        t.know("10.0.0.2")
        dev_attach_qdisc(t.dev, "fq")
        fd = txtime_socket(t)
        to = sockaddr("10.0.0.2", 7)
        start = t.kernel.timers.now()
        # Not in the order in which they were sent; one whose time is past leaves at once.
        for name, offset in ((b"third", 300 * MS), (b"second", 100 * MS), (b"first", -5 * MS)):
            assert sendmsg(t, fd, name, to, at(max(start + offset, 1))) == len(name)
        assert [data for _, data in sent(t)] == [b"first"]
        t.sleep(1)
        times = [(when - start / SECOND, data) for when, data in sent(t)]
        assert times == [(approx(0.1, abs=TICK), b"second"), (approx(0.3, abs=TICK), b"third")]
        # Beyond the horizon nothing is kept; a closed socket's datagrams still leave.
        assert sendmsg(t, fd, b"far", to, at(t.kernel.timers.now() + 11 * SECOND)) == 3
        assert t.dev.qdisc.drops == 1 and t.dev.qdisc.qlen == 0
        assert sendmsg(t, fd, b"later", to, at(t.kernel.timers.now() + 50 * MS)) == 5
        t.close(fd)
        t.sleep(0.2)
        assert [data for _, data in sent(t)] == [b"later"]

    bench.run(body)


def test_the_default_does_not_look_at_times(bench):
    def body(t):
        t.know("10.0.0.2")
        assert t.dev.qdisc.kind == "pfifo"
        fd = txtime_socket(t)
        assert sendmsg(t, fd, b"x", sockaddr("10.0.0.2", 7), at(t.kernel.timers.now() + SECOND)) == 1
        assert len(t.take()) == 1
        t.close(fd)

    bench.run(body)


def test_frames_of_a_packet_socket_leave_at_their_times(bench):
    def body(t):
        dev_attach_qdisc(t.dev, "fq")
        fd = t.socket(AF_PACKET, SOCK_RAW, 0)
        assert t.setsockopt(fd, SOL_SOCKET, SO_TXTIME, struct.pack("<iI", CLOCK_MONOTONIC, 0)) == 0
        name = struct.pack("<HHiHBB8s", AF_PACKET, ETH_P_IP, t.dev.ifindex, 0, 0, 6, bytes(8))
        start = t.kernel.timers.now()
        frame = PEER_MAC + MAC + b"\x88\xb5" + bytes(46)
        assert sendmsg(t, fd, frame, name, at(start + 40 * MS)) == len(frame)
        assert t.take() == []
        t.sleep(0.1)
        (left,) = t.take()
        assert left == frame and left.time - start == approx(40 * MS, abs=TICK * SECOND)
        t.close(fd)

    bench.run(body)


def test_datagrams_are_paced(bench):
    def body(t):
        t.know("10.0.0.2")
        dev_attach_qdisc(t.dev, "fq")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 10000)
        start = t.kernel.timers.now() / SECOND
        for _ in range(5):
            t.sendto(fd, bytes(958), "10.0.0.2", 7)
        t.sleep(1)
        # 1000 bytes each, with their headers.
        assert [when - start for when, _ in sent(t)] == [approx(number * 0.1, abs=2 * TICK) for number in range(5)]
        # Who has been silent for long has saved half a packet's time, no more.
        start = t.kernel.timers.now() / SECOND
        for _ in range(3):
            t.sendto(fd, bytes(958), "10.0.0.2", 7)
        t.sleep(1)
        times = [when - start for when, _ in sent(t)]
        assert times == [approx(when, abs=2 * TICK) for when in (0, 0.05, 0.15)]
        t.close(fd)

    bench.run(body)


def test_flows_take_turns(bench):
    def body(t):
        t.know("10.0.0.2")
        dev_attach_qdisc(t.dev, "fq")
        fds = [txtime_socket(t) for _ in range(2)]
        when = t.kernel.timers.now() + 10 * MS
        for fd, name in zip(fds, (b"a", b"b"), strict=True):
            for _ in range(16):
                sendmsg(t, fd, name * 1400, sockaddr("10.0.0.2", 7), at(when))
        t.sleep(0.1)
        order = b"".join(data[:1] for _, data in sent(t))
        # Neither has all its datagrams in front of the other's, though one has sent them all before.
        assert sorted(order) == sorted(b"a" * 16 + b"b" * 16) and not order.startswith(b"a" * 16)
        for fd in fds:
            t.close(fd)

    bench.run(body)


def test_limits(bench):
    def body(t):
        t.know("10.0.0.2")
        dev_attach_qdisc(t.dev, "fq")
        t.dev.qdisc.limit, t.dev.qdisc.flow_limit = 5, 3
        fds = [txtime_socket(t) for _ in range(2)]
        later = at(t.kernel.timers.now() + SECOND)
        for fd, kept in zip(fds, (3, 5), strict=True):
            for _ in range(4):
                sendmsg(t, fd, b"x", sockaddr("10.0.0.2", 7), later)
            assert t.dev.qdisc.qlen == kept
        assert t.dev.qdisc.drops == 3 and t.drops()["QDISC_DROP"] == 3
        # What waits is lost with the device's discipline, and with the device.
        dev_attach_qdisc(t.dev, "pfifo")
        assert t.drops()["QDISC_DROP"] == 8
        dev_attach_qdisc(t.dev, "fq")
        sendmsg(t, fds[0], b"x", sockaddr("10.0.0.2", 7), later)
        for fd in fds:
            t.close(fd)

    bench.run(body)


# --- TCP_TX_DELAY ---


def test_segments_leave_later(bench):
    def body(t):
        dev_attach_qdisc(t.dev, "fq")
        c = t.listen(80)
        fd = c.listener
        for wrong in (-1, 1 << 28):
            assert t.setsockopt(fd, SOL_TCP, TCP_TX_DELAY, wrong) == -errno.EINVAL
        assert t.setsockopt(fd, SOL_TCP, TCP_TX_DELAY, 30000) == 0
        assert t.getsockopt_int(fd, SOL_TCP, TCP_TX_DELAY) == 30000
        start = t.now()
        c.syn()
        c.silence()
        t.sleep(0.05)
        synack = c.expect("S.", seq=0, ack=1)
        assert synack.time - start == approx(0.03, abs=TICK)
        c.ack(1)
        # An accepted socket has its listener's delay, and its round trips last longer by it.
        accepted = t.accept(c)
        assert t.getsockopt_int(accepted, SOL_TCP, TCP_TX_DELAY) == 30000
        start = t.now()
        t.sendto(accepted, b"x" * 100)
        c.silence()
        t.sleep(0.04)
        data = c.expect("P.", seq=1, ack=1)
        assert data.time - start == approx(0.03, abs=TICK)
        c.ack(101)
        assert t.info(accepted)["rtt"] > 30000
        t.close(accepted)
        t.sleep(0.04)
        c.expect("F.", seq=101, ack=1)
        c.send("F.", 1, 102)
        t.sleep(0.04)
        c.expect(".", seq=102, ack=2)

    bench.run(body)


def test_without_fq_nothing_is_delayed(bench):
    def body(t):
        c = t.established(setup=lambda fd: t.setsockopt(fd, SOL_TCP, TCP_TX_DELAY, 500000))
        t.sendto(c.fd, b"x")
        c.expect("P.", seq=1, ack=1)

    bench.run(body)
