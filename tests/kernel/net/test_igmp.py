"""IGMP: reports and their repetition, queries of every kind and version, source filters of sockets and what they amount to."""

import pytest
from netbench import Packet, ip, ipv4, udp

from kernel.lib.checksum import csum_bytes, csum_fold
from kernel.uapi import errno, in_
from kernel.uapi.socket import AF_INET, SOCK_DGRAM, SOCK_STREAM, SOL_IP

GROUP = "239.1.2.3"
LINK = bytes.fromhex("01005e010203")
ALL_HOSTS = bytes.fromhex("01005e000001")
ALL_ROUTERS = bytes.fromhex("01005e000016")
KINDS = {1: "is_in", 2: "is_ex", 3: "to_in", 4: "to_ex", 5: "allow", 6: "block"}


def quad(text):
    return ip(text).to_bytes(4, "big")


def mreq(group=GROUP, source=None):
    return quad(group) + quad("10.0.0.1") + (quad(source) if source else b"")


def join(t, group=GROUP):
    fd = t.socket(AF_INET, SOCK_DGRAM)
    t.bind(fd, "0.0.0.0", 5000)
    assert t.setsockopt(fd, SOL_IP, in_.IP_ADD_MEMBERSHIP, mreq(group)) == 0
    return fd


def records(t):
    """[(kind, group, sources)] of every record that has been sent; the frames are as RFC 3376 section 4.2 wants them."""
    found = []
    for frame in t.take():
        packet = Packet(frame)
        if packet.protocol != 2:
            continue
        body = packet.payload
        assert csum_fold(csum_bytes(body)) == 0 and packet.ttl == 1 and packet.options == b"\x94\4\0\0"
        if body[0] != 0x22:
            found.append((body[0], ".".join(map(str, body[4:8])), packet.destination))
            continue
        assert packet.destination == "224.0.0.22" and packet.dst_mac == ALL_ROUTERS
        at = 8
        for _ in range(int.from_bytes(body[6:8], "big")):
            count = int.from_bytes(body[at + 2 : at + 4], "big")
            sources = [body[at + 8 + 4 * i + 3] for i in range(count)]
            found.append((KINDS[body[at]], ".".join(map(str, body[at + 4 : at + 8])), sources))
            at += 8 + 4 * count
    return found


def query(t, *body, group="0.0.0.0", code=100, target="224.0.0.1", mac=ALL_HOSTS):
    raw = bytes([0x11, code, 0, 0]) + quad(group) + bytes(body)
    raw = raw[:2] + csum_fold(csum_bytes(raw)).to_bytes(2, "big") + raw[4:]
    t.inject_ip(ipv4("10.0.0.9", target, 2, raw, ttl=1, options=b"\x94\4\0\0"), dst_mac=mac)


def v3(*sources):
    return bytes([2, 125]) + len(sources).to_bytes(2, "big") + b"".join(quad(source) for source in sources)


def test_joining_and_leaving_is_told_twice(bench):
    def body(t):
        assert ALL_HOSTS in t.dev.mc_list
        fd = join(t)
        assert records(t) == [("to_ex", GROUP, [])] and LINK in t.dev.mc_list
        t.sleep(2)
        assert records(t) == [("to_ex", GROUP, [])]
        other = join(t)
        t.close(other)
        t.sleep(2)
        assert records(t) == []
        t.close(fd)
        assert records(t) == [("to_in", GROUP, [])] and LINK not in t.dev.mc_list
        t.sleep(2)
        assert records(t) == [("to_in", GROUP, [])]
        t.sleep(5)
        assert records(t) == []

    bench.run(body)


def test_queries_of_version_3(bench):
    def body(t):
        one, two = join(t), join(t, "239.9.9.9")
        t.sleep(5)
        t.take()
        query(t, *v3())
        assert records(t) == []
        t.sleep(10)
        assert records(t) == [("is_ex", GROUP, []), ("is_ex", "239.9.9.9", [])]
        query(t, *v3(), group=GROUP, target=GROUP, mac=LINK)
        t.sleep(10)
        assert records(t) == [("is_ex", GROUP, [])]
        assert t.setsockopt(one, SOL_IP, in_.IP_BLOCK_SOURCE, mreq(source="10.0.0.7")) == 0
        t.sleep(5)
        t.take()
        query(t, *v3("10.0.0.7", "10.0.0.8"), group=GROUP, target=GROUP, mac=LINK)
        t.sleep(10)
        assert records(t) == [("is_in", GROUP, [8])]
        query(t, *v3("10.0.0.7"), group=GROUP, target=GROUP, mac=LINK)
        query(t, *v3(), group="239.7.7.7", target=GROUP, mac=LINK)
        t.sleep(10)
        assert records(t) == []
        t.close(one)
        t.close(two)

    bench.run(body)


@pytest.mark.parametrize(("code", "kind", "leaves"), [(100, 0x16, True), (0, 0x12, False)])
def test_older_routers_are_spoken_to_in_their_language(bench, code, kind, leaves):
    def body(t):
        fd = join(t)
        t.sleep(3)
        t.take()
        query(t, code=code)
        t.sleep(10)
        assert records(t) == [(kind, GROUP, GROUP)]
        assert f"V{2 if leaves else 1}" in t.read_proc("/proc/net/igmp")
        other = join(t, "239.9.9.9")
        assert records(t) == [(kind, "239.9.9.9", "239.9.9.9")]
        t.sleep(11)
        assert records(t) == [(kind, "239.9.9.9", "239.9.9.9")]
        t.close(other)
        assert records(t) == ([(0x17, "239.9.9.9", "224.0.0.2")] if leaves else [])
        # Once nobody asks in the old way any more, version 3 is spoken again.
        t.sleep(300)
        t.close(fd)
        assert records(t) == [("to_in", GROUP, [])]

    bench.run(body)


def test_who_hears_another_report_is_silent(bench):
    def body(t):
        fd = join(t)
        t.sleep(3)
        query(t, code=200)
        t.take()
        raw = bytes([0x16, 0, 0, 0]) + quad(GROUP)
        raw = raw[:2] + csum_fold(csum_bytes(raw)).to_bytes(2, "big") + raw[4:]
        t.inject_ip(ipv4("10.0.0.9", GROUP, 2, raw, ttl=1), dst_mac=LINK)
        t.sleep(21)
        assert records(t) == []
        t.close(fd)
        assert records(t) == []

    bench.run(body)


def test_filters_of_several_sockets_amount_to_one(bench):
    def body(t):
        first = t.socket(AF_INET, SOCK_DGRAM)
        second = t.socket(AF_INET, SOCK_DGRAM)
        add, drop = in_.IP_ADD_SOURCE_MEMBERSHIP, in_.IP_DROP_SOURCE_MEMBERSHIP

        def change(fd, option, source=None):
            assert t.setsockopt(fd, SOL_IP, option, mreq(source=source)) == 0
            found = records(t)
            t.sleep(2)
            t.take()
            return found

        assert change(first, add, "10.0.0.5") == [("allow", GROUP, [5])]
        assert change(first, add, "10.0.0.6") == [("allow", GROUP, [6])]
        assert change(second, add, "10.0.0.6") == []
        assert change(first, drop, "10.0.0.5") == [("block", GROUP, [5])]
        assert change(first, drop, "10.0.0.6") == []
        third = join(t)
        assert records(t) == [("to_ex", GROUP, [])]
        assert change(third, in_.IP_BLOCK_SOURCE, "10.0.0.9") == [("to_ex", GROUP, [9])]
        assert "0x0a000009" in t.read_proc("/proc/net/mcfilter")
        assert change(third, in_.IP_DROP_MEMBERSHIP) == [("to_in", GROUP, [6])]
        for fd in (first, second, third):
            t.close(fd)

    bench.run(body)


def test_whose_packets_a_socket_takes(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 5000)

        def heard(source, group=GROUP, mac=LINK):
            t.inject_ip(udp(source, 4, group, 5000, b"x"), dst_mac=mac)
            return isinstance(t.recvfrom(fd), tuple)

        assert t.setsockopt(fd, SOL_IP, in_.IP_ADD_SOURCE_MEMBERSHIP, mreq(source="10.0.0.5")) == 0
        assert heard("10.0.0.5") and not heard("10.0.0.6")
        assert t.setsockopt(fd, SOL_IP, in_.IP_DROP_MEMBERSHIP, mreq()) == 0 and not heard("10.0.0.5")
        assert t.setsockopt(fd, SOL_IP, in_.IP_ADD_MEMBERSHIP, mreq()) == 0
        assert t.setsockopt(fd, SOL_IP, in_.IP_BLOCK_SOURCE, mreq(source="10.0.0.5")) == 0
        assert not heard("10.0.0.5") and heard("10.0.0.6")
        assert t.setsockopt(fd, SOL_IP, in_.IP_UNBLOCK_SOURCE, mreq(source="10.0.0.5")) == 0 and heard("10.0.0.5")
        # A whole filter at once: only from .7.
        filter = quad(GROUP) + quad("10.0.0.1") + (1).to_bytes(4, "little") * 2 + quad("10.0.0.7")
        assert t.setsockopt(fd, SOL_IP, in_.IP_MSFILTER, filter) == 0
        assert heard("10.0.0.7") and not heard("10.0.0.6")
        t.close(fd)

    bench.run(body)


def test_what_is_refused(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)

        def says(option, raw):
            return t.setsockopt(fd, SOL_IP, option, raw)

        assert says(in_.IP_ADD_MEMBERSHIP, mreq("10.0.0.1")) == -errno.EINVAL
        assert says(in_.IP_ADD_MEMBERSHIP, quad(GROUP) + quad("10.9.9.9")) == -errno.ENODEV
        assert says(in_.IP_DROP_MEMBERSHIP, mreq()) == -errno.EADDRNOTAVAIL
        assert says(in_.IP_BLOCK_SOURCE, mreq(source="10.0.0.5")) == -errno.EINVAL
        assert says(in_.IP_ADD_MEMBERSHIP, mreq()) == 0
        assert says(in_.IP_ADD_MEMBERSHIP, mreq()) == -errno.EADDRINUSE
        assert says(in_.IP_UNBLOCK_SOURCE, mreq(source="10.0.0.5")) == -errno.EADDRNOTAVAIL
        assert says(in_.IP_BLOCK_SOURCE, mreq()) == -errno.EINVAL
        for number in range(10):
            assert says(in_.IP_BLOCK_SOURCE, mreq(source=f"10.0.0.{number + 10}")) == 0
        assert says(in_.IP_BLOCK_SOURCE, mreq(source="10.0.0.99")) == -errno.ENOBUFS
        assert says(in_.IP_ADD_SOURCE_MEMBERSHIP, mreq(source="10.0.0.5")) == -errno.EINVAL
        t.kernel.sysctl.write("net.ipv4.igmp_max_memberships", "1")
        assert says(in_.IP_ADD_MEMBERSHIP, mreq("239.9.9.9")) == -errno.ENOBUFS
        group_req = t.dev.ifindex.to_bytes(4, "little") + bytes(4) + b"\2\0\0\0" + quad(GROUP)
        assert says(in_.MCAST_LEAVE_GROUP, group_req.ljust(136, b"\0")) == 0
        assert says(in_.MCAST_JOIN_GROUP, group_req.ljust(136, b"\0")) == 0
        t.close(fd)

    bench.run(body)


def test_a_device_that_comes_back_reports_again(bench):
    def body(t):
        from kernel.net.core.dev import dev_close, dev_open

        fd = join(t)
        t.sleep(3)
        t.take()
        dev_close(t.dev)
        assert LINK not in t.dev.mc_list
        dev_open(t.dev)
        assert records(t) == [("to_ex", GROUP, [])] and LINK in t.dev.mc_list
        t.close(fd)

    bench.run(body)


def storage(address):
    return (AF_INET.to_bytes(2, "little") + bytes(2) + quad(address)).ljust(128, b"\0")


def ask_filter(t, fd, option, request, room):
    """(result, the value's bytes)"""
    buffer = bytearray(request.ljust(1000, b"\xa5"))
    length = bytearray(room.to_bytes(4, "little"))
    result = t.socketcall(15, fd, SOL_IP, option, buffer, length)
    return result, bytes(buffer[: int.from_bytes(length, "little")])


def test_a_filter_can_be_asked_for(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        sources = ("10.0.0.8", "10.0.0.9")
        for source in sources:
            assert t.setsockopt(fd, SOL_IP, in_.IP_ADD_SOURCE_MEMBERSHIP, mreq(source=source)) == 0
        head = quad(GROUP) + quad("10.0.0.1")

        def words(mode, count):
            return mode.to_bytes(4, "little") + count.to_bytes(4, "little")

        include = in_.MCAST_INCLUDE
        for room, told in ((0, b""), (1, quad(sources[0])), (9, quad(sources[0]) + quad(sources[1]))):
            # The count is of all sources, wherever they find room.
            answer = (0, head + words(include, 2) + told)
            assert ask_filter(t, fd, in_.IP_MSFILTER, head + words(9, room), 16) == answer
            request = t.dev.ifindex.to_bytes(8, "little") + storage(GROUP)
            result, value = ask_filter(t, fd, in_.MCAST_MSFILTER, request + words(9, room), 400)
            assert result == 0 and value[:144] == request + words(include, 2)
            assert value[144:] == b"".join(storage(source) for source in sources[:room])
        assert ask_filter(t, fd, in_.IP_MSFILTER, head + words(9, 1), 15)[0] == -errno.EINVAL
        for group, interface, result in (
            ("10.0.0.9", "10.0.0.1", -errno.EINVAL),
            (GROUP, "10.9.9.9", -errno.ENODEV),
            ("239.9.9.9", "10.0.0.1", -errno.EADDRNOTAVAIL),
        ):
            assert ask_filter(t, fd, in_.IP_MSFILTER, quad(group) + quad(interface) + words(0, 0), 16)[0] == result
        request = (99).to_bytes(8, "little") + storage(GROUP) + words(0, 0)
        assert ask_filter(t, fd, in_.MCAST_MSFILTER, request, 144)[0] == -errno.EADDRNOTAVAIL
        assert ask_filter(t, fd, in_.MCAST_MSFILTER, request, 143)[0] == -errno.EINVAL
        t.close(fd)

    bench.run(body)


def test_streams_join_by_the_options_of_any_family(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_STREAM)
        assert t.setsockopt(fd, SOL_IP, in_.IP_ADD_MEMBERSHIP, mreq()) == -errno.EPROTO
        request = t.dev.ifindex.to_bytes(8, "little") + storage(GROUP)
        assert t.setsockopt(fd, SOL_IP, in_.MCAST_JOIN_GROUP, request) == 0
        assert ("to_ex", GROUP, []) in records(t)
        assert t.setsockopt(fd, SOL_IP, in_.MCAST_LEAVE_GROUP, request) == 0
        t.close(fd)

    bench.run(body)
