"""Netlink itself: binding, acknowledgements, dumps in pieces, groups, overruns, bad input."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netbench import Bench
from nlbench import Error, Header, Link, Socket, attribute, attributes, name

from kernel.uapi import errno, netlink, rtnetlink
from kernel.uapi.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, SOL_NETLINK
from kernel.uapi.socket import AF_NETLINK, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_SOCKET

ANY_LINK = bytes(16)


def test_making_and_binding(bench):
    def body(t):
        assert t.socket(AF_NETLINK, SOCK_STREAM, 0) == -errno.ESOCKTNOSUPPORT
        assert t.socket(AF_NETLINK, SOCK_RAW, 31) == -errno.EPROTONOSUPPORT
        assert t.socket(AF_NETLINK, SOCK_RAW, 99) == -errno.EPROTONOSUPPORT
        first = t.socket(AF_NETLINK, SOCK_DGRAM, 0)
        second = t.socket(AF_NETLINK, SOCK_RAW, 0)
        assert t.socketcall(2, first, name(0, 0)[:8], 8) == -errno.EINVAL
        assert t.socketcall(2, first, b"\2\0" + name(0, 0)[2:], 12) == -errno.EINVAL
        assert t.socketcall(2, first, name(0, 0), 12) == 0
        assert t.socketcall(2, second, name(1, 0), 12) == -errno.EADDRINUSE
        assert t.socketcall(2, second, name(77, 0), 12) == 0
        assert t.socketcall(2, second, name(78, 0), 12) == -errno.EINVAL
        assert t.socketcall(2, second, name(77, 5), 12) == 0
        shown = bytearray(12)
        assert t.socketcall(6, second, shown, bytearray((12).to_bytes(4, "little"))) == 0
        assert bytes(shown) == name(77, 5)
        assert t.socketcall(4, first, 1) == -errno.EOPNOTSUPP
        assert t.socketcall(11, first, b"x", 1, 0, name(999, 0), 12) == -errno.ECONNREFUSED
        assert t.socketcall(11, first, b"hello", 5, 0, name(77, 0), 12) == 5
        assert t.recvfrom(second)[0] == b"hello"
        t.close(first)
        t.close(second)

    bench.run(body)


def test_acknowledgements_quote_the_request_and_say_why(bench):
    def body(t):
        s = Socket(t)
        assert s.send(rtnetlink.RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, Link.build(link(0x7777))) > 0
        (message,) = s.receive()
        error = Error.parse(message.payload)
        assert error.error == -errno.ENODEV and error.request.type == rtnetlink.RTM_GETLINK and len(error.rest) == 16
        t.setsockopt(s.fd, SOL_NETLINK, netlink.NETLINK_CAP_ACK, 1)
        t.setsockopt(s.fd, SOL_NETLINK, netlink.NETLINK_EXT_ACK, 1)
        route = bytes([2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]) + attribute(1, b"\x0a\1\1\1") + attribute(4, t.dev.ifindex)
        assert s.send(rtnetlink.RTM_NEWROUTE, NLM_F_REQUEST | netlink.NLM_F_CREATE, route) > 0
        (message,) = s.receive()
        assert message.header.flags == netlink.NLM_F_CAPPED | netlink.NLM_F_ACK_TLVS
        error = Error.parse(message.payload)
        assert error.error == -errno.EINVAL
        assert attributes(error.rest)[1] == b"Invalid prefix for given prefix length\0"
        assert s.request(9999, b"\2" + bytes(15))[0] == -errno.EOPNOTSUPP
        assert s.request(rtnetlink.RTM_NEWLINK, bytes(3))[0] == -errno.EINVAL
        s.close()

    bench.run(body)


def link(index, **more):
    return {"family": 0, "type": 0, "index": index, "flags": 0, "change": 0, "attributes": b"", **more}


def test_a_dump_comes_in_pieces_of_one_moment(bench):
    def body(t):
        s = Socket(t)
        for number in range(40):
            kind = attribute(1, b"dummy\0")
            named = attribute(3, f"d{number}".encode() + b"\0") + attribute(18, kind)
            flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
            assert s.request(rtnetlink.RTM_NEWLINK, ANY_LINK + named, flags)[0] == 0
        s.close()
        s = Socket(t)
        messages, reads = s.dump(rtnetlink.RTM_GETLINK, ANY_LINK, 8192)
        assert len(messages) == 42 and reads > 3
        # A second dump while one is being read is refused, and what changes meanwhile does not show.
        assert s.send(rtnetlink.RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, ANY_LINK) > 0
        other = Socket(t)
        assert other.request(rtnetlink.RTM_DELLINK, ANY_LINK + attribute(3, b"d39\0"))[0] == 0
        found = []
        while not any(m.header.type == netlink.NLMSG_DONE for m in found):
            found += s.receive()
        assert len(found) == 43
        assert attributes(Link.parse(found[-2].payload).attributes)[3] == b"d39\0"
        for number in range(39):
            assert other.request(rtnetlink.RTM_DELLINK, ANY_LINK + attribute(3, f"d{number}".encode() + b"\0"))[0] == 0
        assert len(other.dump(rtnetlink.RTM_GETLINK, ANY_LINK)[0]) == 2
        s.close()
        other.close()

    bench.run(body)


def test_groups_hear_of_changes_until_their_buffer_is_full(bench):
    def body(t):
        s = Socket(t)
        ear = Socket(t, groups=1 << rtnetlink.RTNLGRP_LINK - 1)
        deaf = Socket(t)
        assert t.setsockopt(deaf.fd, SOL_NETLINK, netlink.NETLINK_ADD_MEMBERSHIP, 99) == -errno.EINVAL
        up = link(t.dev.ifindex, flags=0, change=1)
        assert s.request(rtnetlink.RTM_SETLINK, Link.build(up))[0] == 0
        told = ear.receive()
        assert [m.header.type for m in told] == [rtnetlink.RTM_NEWLINK]
        shown = Link.parse(told[0].payload)
        assert shown.index == t.dev.ifindex and not shown.flags & 1 and shown.change == 1
        assert ear.receive() == -errno.EAGAIN and deaf.receive() == -errno.EAGAIN
        # A small buffer overruns: ENOBUFS once, then what has fitted, then new ones again.
        assert t.setsockopt(ear.fd, SOL_SOCKET, 8, 1) == 0
        for _ in range(5):
            for flags in (1, 0):
                assert s.request(rtnetlink.RTM_SETLINK, Link.build(link(t.dev.ifindex, flags=flags, change=1)))[0] == 0
        assert ear.receive() == -errno.ENOBUFS
        assert isinstance(ear.receive(), list)
        while isinstance(ear.receive(), list):
            pass
        assert s.request(rtnetlink.RTM_SETLINK, Link.build(link(t.dev.ifindex, flags=1, change=1)))[0] == 0
        assert isinstance(ear.receive(), list)
        assert int.from_bytes(t.getsockopt(ear.fd, SOL_NETLINK, netlink.NETLINK_LIST_MEMBERSHIPS, 8), "little") == 1
        for socket in (s, ear, deaf):
            socket.close()

    bench.run(body)


def test_only_root_changes_things(bench):
    def body(t):
        s = Socket(t)
        t.kernel.sched.current.uid = 1000
        assert s.request(rtnetlink.RTM_NEWLINK, ANY_LINK)[0] == -errno.EPERM
        assert len(s.dump(rtnetlink.RTM_GETLINK, ANY_LINK)[0]) == 2
        t.kernel.sched.current.uid = 0
        s.close()

    bench.run(body)


def test_bad_input_is_answered_and_nothing_breaks():
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.tuples(st.integers(16, 90), st.integers(0, 0xFFFF), st.binary(max_size=80), st.integers(0, 40)),
            min_size=1,
            max_size=8,
        )
    )
    def attempt(requests):
        def body(t):
            s = Socket(t)
            # What is tried must not switch the machine's only interface into something else for good: that is its business.
            for type, flags, payload, lie in requests:
                data = Header.build(
                    {"len": max(0, 16 + len(payload) - lie + 8), "type": type, "flags": flags | 1, "seq": 1, "pid": 0}
                )
                t.socketcall(11, s.fd, data + payload, 16 + len(payload), 0, name(0, 0), 12)
                while isinstance(s.bench.recvfrom(s.fd), tuple):
                    pass
            s.close()

        Bench().run(body)

    attempt()
