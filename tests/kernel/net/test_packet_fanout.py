"""PACKET_FANOUT (packet(7)): sockets that share the frames of a device."""

import struct

import pytest
from netbench import udp

from kernel.uapi import errno
from kernel.uapi.if_ether import ETH_P_ALL, ETH_P_IP
from kernel.uapi.if_packet import (
    PACKET_FANOUT,
    PACKET_FANOUT_CBPF,
    PACKET_FANOUT_CPU,
    PACKET_FANOUT_DATA,
    PACKET_FANOUT_FLAG_IGNORE_OUTGOING,
    PACKET_FANOUT_FLAG_ROLLOVER,
    PACKET_FANOUT_FLAG_UNIQUEID,
    PACKET_FANOUT_HASH,
    PACKET_FANOUT_LB,
    PACKET_FANOUT_QM,
    PACKET_FANOUT_RND,
    PACKET_FANOUT_ROLLOVER,
    PACKET_RX_RING,
    PACKET_VERSION,
)
from kernel.uapi.socket import AF_INET, AF_PACKET, SO_RCVBUF, SOCK_DGRAM, SOCK_RAW, SOL_PACKET, SOL_SOCKET


def tap(t, protocol=ETH_P_IP):
    fd = t.socket(AF_PACKET, SOCK_DGRAM, protocol >> 8 | (protocol & 0xFF) << 8)
    assert fd >= 0
    return fd


def join(t, fd, mode, number=7, flags=0):
    return t.setsockopt(fd, SOL_PACKET, PACKET_FANOUT, struct.pack("<HH", number, mode | flags))


def group(t, mode, count=3, **more):
    fds = [tap(t) for _ in range(count)]
    assert [join(t, fd, mode, **more) for fd in fds] == [0] * count
    return fds


def arrive(t, source_port, reverse=False, data=b"x"):
    ends = [("10.0.0.2", source_port), ("10.0.0.1", 9)]
    (a, b), (c, d) = reversed(ends) if reverse else ends
    t.inject_ip(udp(a, b, c, d, data))


def counts(t, fds):
    """How many frames each socket has, which are taken away."""
    found = []
    for fd in fds:
        number = 0
        while not isinstance(t.recvfrom(fd), int):
            number += 1
        found.append(number)
    return found


def close(t, fds):
    for fd in fds:
        t.close(fd)


def test_one_after_the_other(bench):
    def body(t):
        fds = group(t, PACKET_FANOUT_LB)
        for port in range(1000, 1009):
            arrive(t, port)
        assert counts(t, fds) == [3, 3, 3]
        close(t, fds[:1])
        for port in range(4):
            arrive(t, port)
        assert counts(t, fds[1:]) == [2, 2]
        close(t, fds[1:])

    bench.run(body)


def test_a_flow_stays_with_one_socket_in_both_directions(bench):
    def body(t):
        fds = group(t, PACKET_FANOUT_HASH)
        used = set()
        for port in range(1000, 1030):
            for _ in range(3):
                arrive(t, port)
            arrive(t, port, reverse=True)
            found = counts(t, fds)
            assert sorted(found) == [0, 0, 4]
            used.add(found.index(4))
        assert used == {0, 1, 2}
        close(t, fds)

    bench.run(body)


@pytest.mark.parametrize("mode", [PACKET_FANOUT_CPU, PACKET_FANOUT_QM])
def test_one_cpu_and_one_queue_are_the_first_socket(bench, mode):
    def body(t):
        fds = group(t, mode)
        for port in range(6):
            arrive(t, port)
        assert counts(t, fds) == [6, 0, 0]
        close(t, fds)

    bench.run(body)


def test_by_chance(bench):
    def body(t):
        fds = group(t, PACKET_FANOUT_RND)
        for port in range(60):
            arrive(t, port)
        found = counts(t, fds)
        assert sum(found) == 60 and min(found) > 5
        close(t, fds)

    bench.run(body)


@pytest.mark.parametrize("mode, flags", [(PACKET_FANOUT_ROLLOVER, 0), (PACKET_FANOUT_CPU, PACKET_FANOUT_FLAG_ROLLOVER)])
def test_a_full_socket_is_passed_over(bench, mode, flags):
    def body(t):
        fds = group(t, mode, flags=flags)
        t.setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, (1).to_bytes(4, "little"))
        for port in range(10):
            arrive(t, port, data=bytes(1000))
        found = counts(t, fds)
        assert sum(found) == 10 and 0 < found[0] < 10 and found[1] == 10 - found[0]
        close(t, fds)

    bench.run(body)


def test_a_program_decides(bench):
    def body(t):
        fds = group(t, PACKET_FANOUT_CBPF)
        # ldh [20], which is the source port of the datagram behind 20 bytes of IP; ret a.
        code = struct.pack("<HBBI", 0x28, 0, 0, 20) + struct.pack("<HBBI", 0x16, 0, 0, 0)
        space = t.mm.map(code)
        assert t.setsockopt(fds[2], SOL_PACKET, PACKET_FANOUT_DATA, struct.pack("<HxxxxxxQ", 2, space)) == 0
        assert t.setsockopt(fds[2], SOL_PACKET, PACKET_FANOUT_DATA, struct.pack("<HxxxxxxQ", 0, space)) == -errno.EINVAL
        for port in (3, 4, 4, 5, 5, 5):
            arrive(t, port)
        assert counts(t, fds) == [1, 2, 3]
        close(t, fds)
        t.mm.unmap(space)

    bench.run(body)


def test_who_may_join(bench):
    def body(t):
        fds = [tap(t) for _ in range(3)]
        assert join(t, fds[0], PACKET_FANOUT_LB) == 0
        assert t.getsockopt(fds[0], SOL_PACKET, PACKET_FANOUT, 4) == struct.pack("<HH", 7, PACKET_FANOUT_LB)
        assert t.getsockopt(fds[1], SOL_PACKET, PACKET_FANOUT, 4) == bytes(4)
        assert join(t, fds[0], PACKET_FANOUT_LB) == -errno.EALREADY
        # Another mode, other flags, another protocol, no protocol at all, modes and flags that there are not.
        assert join(t, fds[1], PACKET_FANOUT_HASH) == -errno.EINVAL
        assert join(t, fds[1], PACKET_FANOUT_LB, flags=PACKET_FANOUT_FLAG_ROLLOVER) == -errno.EINVAL
        other, silent = tap(t, ETH_P_ALL), tap(t, 0)
        assert join(t, other, PACKET_FANOUT_LB) == -errno.EINVAL
        assert join(t, silent, PACKET_FANOUT_LB, number=8) == -errno.EINVAL
        assert join(t, fds[1], 99, number=8) == -errno.EINVAL
        assert join(t, fds[1], PACKET_FANOUT_ROLLOVER, number=8, flags=PACKET_FANOUT_FLAG_ROLLOVER) == -errno.EINVAL
        assert join(t, fds[1], PACKET_FANOUT_LB, number=8, flags=PACKET_FANOUT_FLAG_UNIQUEID) == -errno.EINVAL
        assert t.setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT, b"abc") == -errno.EINVAL
        assert t.setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, bytes(16)) == -errno.EINVAL
        # A number of its own, and a group that is full with one member.
        assert join(t, fds[1], PACKET_FANOUT_LB, number=0, flags=PACKET_FANOUT_FLAG_UNIQUEID) == 0
        assert t.setsockopt(fds[2], SOL_PACKET, PACKET_FANOUT, struct.pack("<HHI", 9, PACKET_FANOUT_LB, 1)) == 0
        assert t.setsockopt(other, SOL_PACKET, PACKET_FANOUT, struct.pack("<HHI", 9, PACKET_FANOUT_LB, 2)) == -errno.EINVAL
        full = tap(t)
        assert t.setsockopt(full, SOL_PACKET, PACKET_FANOUT, struct.pack("<HHI", 9, PACKET_FANOUT_LB, 1)) == -errno.ENOSPC
        # A member is not bound anew.
        address = struct.pack("<HHiHBB8x", AF_PACKET, 8, t.dev.ifindex, 0, 0, 0)
        assert t.socketcall(2, fds[0], address, 20) == -errno.EINVAL
        close(t, [*fds, other, silent, full])
        assert t.net.packet_family[1].fanout_groups == {}
        again = tap(t)
        assert join(t, again, PACKET_FANOUT_HASH) == 0
        t.close(again)

    bench.run(body)


def test_what_a_member_sends_is_not_shown_to_the_group(bench):
    def body(t):
        t.know("10.0.0.2")
        fds = [t.socket(AF_PACKET, SOCK_RAW, 0x0300) for _ in range(2)]
        assert [join(t, fd, PACKET_FANOUT_LB) for fd in fds] == [0, 0]
        name = struct.pack("<HHiHBB8s", AF_PACKET, 8, t.dev.ifindex, 0, 0, 6, bytes(6))
        frame = bytes(12) + b"\x08\0" + udp("10.0.0.1", 1, "10.0.0.2", 2, b"mine")
        assert t.socketcall(11, fds[0], frame, len(frame), 0, name, 20) == len(frame)
        assert counts(t, fds) == [0, 0]
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.sendto(fd, b"others'", "10.0.0.2", 9)
        assert sum(counts(t, fds)) == 1
        close(t, [*fds, fd])
        quiet = [t.socket(AF_PACKET, SOCK_RAW, 0x0300) for _ in range(2)]
        assert [join(t, one, PACKET_FANOUT_LB, flags=PACKET_FANOUT_FLAG_IGNORE_OUTGOING) for one in quiet] == [0, 0]
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.sendto(fd, b"others'", "10.0.0.2", 9)
        assert counts(t, quiet) == [0, 0]
        close(t, [*quiet, fd])

    bench.run(body)


def test_rings_are_no_option(bench):
    """Programs in Python have no mapped memory to share: packet(7)'s rings are refused as an option that is not known."""

    def body(t):
        fd = tap(t)
        assert t.setsockopt(fd, SOL_PACKET, PACKET_VERSION, (2).to_bytes(4, "little")) == -errno.ENOPROTOOPT
        assert t.setsockopt(fd, SOL_PACKET, PACKET_RX_RING, bytes(16)) == -errno.ENOPROTOOPT
        t.close(fd)

    bench.run(body)
