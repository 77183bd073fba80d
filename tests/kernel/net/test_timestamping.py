"""SO_TIMESTAMPING (Linux: Documentation/networking/timestamping): stamps of what is sent and received, in software."""

import struct

import pytest
from messages import cmsg, recvmsg, sendmsg
from netbench import SECOND, sockaddr, udp

from kernel.uapi import errno
from kernel.uapi.errqueue import (
    SCM_TSTAMP_ACK,
    SCM_TSTAMP_SCHED,
    SCM_TSTAMP_SND,
    SO_EE_ORIGIN_TIMESTAMPING,
    SOF_TIMESTAMPING_OPT_ID,
    SOF_TIMESTAMPING_OPT_ID_TCP,
    SOF_TIMESTAMPING_OPT_RX_FILTER,
    SOF_TIMESTAMPING_OPT_STATS,
    SOF_TIMESTAMPING_OPT_TSONLY,
    SOF_TIMESTAMPING_RX_SOFTWARE,
    SOF_TIMESTAMPING_SOFTWARE,
    SOF_TIMESTAMPING_TX_ACK,
    SOF_TIMESTAMPING_TX_SCHED,
    SOF_TIMESTAMPING_TX_SOFTWARE,
)
from kernel.uapi.in_ import IP_RECVERR
from kernel.uapi.socket import (
    AF_INET,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    SCM_TIMESTAMPING,
    SCM_TS_OPT_ID,
    SO_TIMESTAMPING,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_IP,
    SOL_SOCKET,
)

EINVAL, EAGAIN = -errno.EINVAL, -errno.EAGAIN
BOTH = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE
TO = sockaddr("127.0.0.1", 5000)


def timestamping(t, flags):
    fd = t.socket(AF_INET, SOCK_DGRAM)
    assert t.bind(fd, "127.0.0.1", 5000) == 0
    assert t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, flags) == 0
    return fd


def stamp(t, fd):
    """(kind, number, time in ns since boot, the packet's bytes), or a negative errno."""
    got = recvmsg(t, fd, MSG_ERRQUEUE | MSG_DONTWAIT)
    if isinstance(got, int):
        return got
    data, control, _, name = got
    assert name == b"" and [entry[:2] for entry in control] == [(SOL_SOCKET, SCM_TIMESTAMPING), (SOL_IP, IP_RECVERR)]
    times = struct.unpack("<6q", control[0][2])
    assert times[2:] == (0, 0, 0, 0)
    number, origin, _, _, _, info, value = struct.unpack("<IBBBBII", control[1][2][:16])
    assert (number, origin) == (errno.ENOMSG, SO_EE_ORIGIN_TIMESTAMPING)
    return info, value, times[0] * SECOND + times[1] - t.kernel.boot_time, data


def test_a_datagram_is_stamped_on_its_way_out(bench):
    def body(t):
        fd = timestamping(t, BOTH)
        t.sleep(1)
        before = t.kernel.timers.now()
        assert t.sendto(fd, b"payload", "127.0.0.1", 5000) == 7
        kinds = []
        for _ in range(2):
            kind, number, when, data = stamp(t, fd)
            kinds.append(kind)
            assert number == 0 and 0 <= when - before < 10**6
            # The packet as it left, with all its headers.
            assert data.endswith(b"payload") and len(data) == 14 + 28 + 7
        assert kinds == [SCM_TSTAMP_SCHED, SCM_TSTAMP_SND]
        assert stamp(t, fd) == EAGAIN
        t.close(fd)

    bench.run(body)


def test_numbers_instead_of_packets(bench):
    def body(t):
        only = SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_TX_SOFTWARE
        fd = timestamping(t, only | SOF_TIMESTAMPING_SOFTWARE)
        for expected in range(3):
            t.sendto(fd, b"x", "127.0.0.1", 5000)
            kind, number, _, data = stamp(t, fd)
            assert (kind, number, data) == (SCM_TSTAMP_SND, expected, b"")
        # A number of the sender's own, for one packet.
        assert sendmsg(t, fd, b"x", TO, cmsg(SOL_SOCKET, SCM_TS_OPT_ID, struct.pack("<I", 4711))) == 1
        assert stamp(t, fd)[1] == 4711
        # Switched off and on again they begin anew.
        t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, 0)
        t.sendto(fd, b"x", "127.0.0.1", 5000)
        assert stamp(t, fd) == EAGAIN
        t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, only | SOF_TIMESTAMPING_SOFTWARE)
        t.sendto(fd, b"x", "127.0.0.1", 5000)
        assert stamp(t, fd)[1] == 0
        t.close(fd)

    bench.run(body)


def test_stamps_of_one_packet_by_control_message(bench):
    def body(t):
        fd = timestamping(t, SOF_TIMESTAMPING_SOFTWARE)
        assert sendmsg(t, fd, b"x", TO, cmsg(SOL_SOCKET, SO_TIMESTAMPING, struct.pack("<I", SOF_TIMESTAMPING_TX_SCHED))) == 1
        assert stamp(t, fd)[0] == SCM_TSTAMP_SCHED and stamp(t, fd) == EAGAIN
        # What is no sender's flag is refused, and a number without OPT_ID.
        for kind, value in ((SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE), (SCM_TS_OPT_ID, 1)):
            assert sendmsg(t, fd, b"x", TO, cmsg(SOL_SOCKET, kind, struct.pack("<I", value))) == EINVAL
        t.close(fd)

    bench.run(body)


def test_fragments_are_one_datagram(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, BOTH)
        assert t.sendto(fd, bytes(4000), "10.0.0.2", 7) == 4000
        assert len(t.take()) == 3
        # The bench's device has no stamps of its own: only the queue's, and of the first fragment alone.
        assert stamp(t, fd)[0] == SCM_TSTAMP_SCHED and stamp(t, fd) == EAGAIN
        t.close(fd)

    bench.run(body)


def test_a_received_packet_is_stamped(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        for flags, expected in (
            (SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, 1),
            (SOF_TIMESTAMPING_RX_SOFTWARE, 0),
            # Whoever has packets stamped: without the filter everybody sees it.
            (SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_RX_FILTER, 0),
        ):
            assert t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, flags) == 0
            assert t.getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, 8) == struct.pack("<II", flags, 0)
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"x"))
            assert [entry[:2] for entry in recvmsg(t, fd)[1]] == [(SOL_SOCKET, SCM_TIMESTAMPING)] * expected
        t.close(fd)
        assert t.net.softnet.netstamp_needed == 0

    bench.run(body)


@pytest.mark.parametrize(
    "flags", [1 << 18, SOF_TIMESTAMPING_OPT_ID_TCP, SOF_TIMESTAMPING_OPT_STATS | SOF_TIMESTAMPING_OPT_TSONLY]
)
def test_flags_that_do_not_go_together(bench, flags):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, flags) == EINVAL
        t.close(fd)

    bench.run(body)


def test_a_stream_counts_bytes_and_tells_of_acknowledgments(bench):
    def body(t):
        listener = t.socket(AF_INET, SOCK_STREAM)
        t.bind(listener, "127.0.0.1", 80)
        t.socketcall(4, listener, 5)
        client = t.socket(AF_INET, SOCK_STREAM)
        wanted = BOTH | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY
        # There is nothing to count from yet.
        assert t.setsockopt(client, SOL_SOCKET, SO_TIMESTAMPING, wanted) == EINVAL
        assert t.connect(client, "127.0.0.1", 80) == 0
        server = t.socketcall(5, listener, 0, 0)
        assert t.setsockopt(client, SOL_SOCKET, SO_TIMESTAMPING, wanted) == 0
        for end in (99, 199):
            assert t.sendto(client, bytes(100)) == 100
            t.sleep(1)
            found = [stamp(t, client)[:2] for _ in range(3)]
            assert found == [(SCM_TSTAMP_SCHED, end), (SCM_TSTAMP_SND, end), (SCM_TSTAMP_ACK, end)]
        assert stamp(t, client) == EAGAIN
        for fd in (listener, client, server):
            t.close(fd)

    bench.run(body)
