"""Socket options that act on a TCP connection (socket(7), tcp(7)), over the loopback device."""

import struct

from netbench import SECOND, ip, sockaddr

from kernel.uapi import errno
from kernel.uapi.in_ import (
    IP_MULTICAST_TTL,
    IP_OPTIONS,
    IP_PKTINFO,
    IP_PKTOPTIONS,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TTL,
)
from kernel.uapi.socket import (
    AF_INET,
    SO_MAX_PACING_RATE,
    SO_PEEK_OFF,
    SO_PEERNAME,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_IP,
    SOL_SOCKET,
    SOL_TCP,
)
from kernel.uapi.tcp import TCP_CC_INFO, TCP_MAXSEG, TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_ZEROCOPY_RECEIVE

LOOPBACK = "127.0.0.1"
DONTWAIT, PEEK = 0x40, 2
POLLIN, POLLOUT = 1, 4
EAGAIN = -errno.EAGAIN


def pair(t, prepare=lambda listener: None):
    """(client, server) of one connection; the listening socket is gone."""
    listener = t.socket(AF_INET, SOCK_STREAM)
    assert t.bind(listener, LOOPBACK, 80) == 0
    prepare(listener)
    assert t.socketcall(4, listener, 5) == 0
    client = t.socket(AF_INET, SOCK_STREAM)
    assert t.connect(client, LOOPBACK, 80) == 0
    server = t.socketcall(5, listener, 0, 0)
    assert server >= 0
    t.close(listener)
    return client, server


def end(t, *fds):
    for fd in fds:
        t.close(fd)


def test_peeking_walks_along_the_stream(bench):
    def body(t):
        client, server = pair(t)
        assert t.setsockopt(server, SOL_SOCKET, SO_PEEK_OFF, 0) == 0
        t.sendto(client, b"abcd")
        t.sendto(client, b"efgh")
        assert t.recvfrom(server, 3, PEEK)[0] == b"abc"
        assert t.recvfrom(server, 3, PEEK)[0] == b"def"
        # Reading moves the place along with the stream.
        assert t.recvfrom(server, 2)[0] == b"ab" and t.getsockopt_int(server, SOL_SOCKET, SO_PEEK_OFF) == 4
        assert t.recvfrom(server, 9, PEEK)[0] == b"gh"
        assert t.recvfrom(server, 9, PEEK | DONTWAIT) == EAGAIN
        assert t.recvfrom(server, 9)[0] == b"cdefgh" and t.getsockopt_int(server, SOL_SOCKET, SO_PEEK_OFF) == 0
        end(t, client)
        assert t.recvfrom(server, 9, PEEK)[0] == b""
        end(t, server)

    bench.run(body)


def test_the_low_water_mark_holds_for_poll_and_for_recv(bench):
    def body(t):
        client, server = pair(t)
        assert t.setsockopt(server, SOL_SOCKET, SO_RCVLOWAT, 6) == 0
        t.sendto(client, b"abc")
        assert not t.poll(server, POLLIN)
        t.sendto(client, b"defg")
        assert t.poll(server, POLLIN) & POLLIN
        assert t.recvfrom(server, 100, 0)[0] == b"abcdefg"
        # What is asked for less than the mark is not held back by it.
        t.sendto(client, b"xy")
        assert t.recvfrom(server, 2, 0)[0] == b"xy"
        end(t, client, server)

    bench.run(body)


def test_the_first_segment_is_kept_and_given_once(bench):
    def body(t):
        client, server = pair(t, lambda listener: t.setsockopt(listener, SOL_TCP, TCP_SAVE_SYN, 1))
        syn = t.getsockopt(server, SOL_TCP, TCP_SAVED_SYN, 200)
        assert syn[0] >> 4 == 4 and syn[9] == 6 and syn[33] & 0x3F == 2
        assert int.from_bytes(syn[22:24], "big") == 80
        assert t.getsockopt(server, SOL_TCP, TCP_SAVED_SYN, 200) == b""
        end(t, client, server)

    bench.run(body)


def test_a_saved_segment_that_does_not_fit_is_kept(bench):
    def body(t):
        client, server = pair(t, lambda listener: t.setsockopt(listener, SOL_TCP, TCP_SAVE_SYN, 1))
        assert t.getsockopt(server, SOL_TCP, TCP_SAVED_SYN, 10) == -errno.EINVAL
        assert len(t.getsockopt(server, SOL_TCP, TCP_SAVED_SYN, 200)) == 60
        end(t, client, server)

    bench.run(body)


def test_the_pacing_rate_acts(bench):
    def body(t):
        client, server = pair(t, lambda listener: t.setsockopt(listener, SOL_TCP, TCP_MAXSEG, 1000))
        assert t.setsockopt(client, SOL_SOCKET, SO_MAX_PACING_RATE, 100_000) == 0
        start = t.clock.now
        sent = received = 0
        data = bytes(20_000)
        while received < 300_000:
            if sent < 300_000:
                count = t.sendto(client, data, flags=DONTWAIT)
                sent += count if count > 0 else 0
            got = t.recvfrom(server, 65536, DONTWAIT)
            if got == EAGAIN:
                t.sleep(0.01)
            else:
                received += len(got[0])
        # Three seconds at that rate; the first ten segments are not held back.
        assert 2 * SECOND < t.clock.now - start < 4 * SECOND
        end(t, client, server)

    bench.run(body)


def test_time_limits_of_calls(bench):
    def body(t):
        client, server = pair(t)
        start = t.clock.now
        assert t.setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, struct.pack("<qq", 0, 250_000)) == 0
        assert t.recvfrom(server, 10, 0) == EAGAIN
        assert 0.25 * SECOND <= t.clock.now - start < 0.3 * SECOND
        # A full send buffer.
        assert t.setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, struct.pack("<qq", 0, 250_000)) == 0
        while t.sendto(client, bytes(60_000)) == 60_000:
            pass
        start = t.clock.now
        assert t.sendto(client, bytes(60_000)) == EAGAIN
        assert 0.25 * SECOND <= t.clock.now - start < 0.3 * SECOND
        # accept and connect.
        listener = t.socket(AF_INET, SOCK_STREAM)
        assert t.bind(listener, LOOPBACK, 81) == 0 and t.socketcall(4, listener, 5) == 0
        assert t.setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, struct.pack("<qq", 1, 0)) == 0
        start = t.clock.now
        assert t.socketcall(5, listener, 0, 0) == EAGAIN and t.clock.now - start >= SECOND
        t.know("10.0.0.2")
        caller = t.socket(AF_INET, SOCK_STREAM)
        assert t.setsockopt(caller, SOL_SOCKET, SO_SNDTIMEO, struct.pack("<qq", 1, 0)) == 0
        start = t.clock.now
        assert t.connect(caller, "10.0.0.2", 80) == -errno.EINPROGRESS and t.clock.now - start >= SECOND
        end(t, client, server, listener, caller)

    bench.run(body)


def test_segments_have_a_time_of_arrival(bench):
    def body(t):
        client, server = pair(t)
        assert t.setsockopt(server, SOL_SOCKET, SO_TIMESTAMP, 1) == 0
        t.sendto(client, b"abc")
        t.sleep(1)
        data, control, _ = t.recvmsg(server)
        assert data == b"abc" and set(control) == {(SOL_SOCKET, SO_TIMESTAMP)}
        assert len(control[SOL_SOCKET, SO_TIMESTAMP]) == 16
        end(t, client, server)

    bench.run(body)


def test_what_an_accepted_socket_knows_of_its_beginning(bench):
    """IP_PKTOPTIONS, IP_MULTICAST_TTL: TTL, TOS and device of the segment that made the connection."""

    def body(t):
        listener = t.socket(AF_INET, SOCK_STREAM)
        assert t.bind(listener, LOOPBACK, 80) == 0 and t.socketcall(4, listener, 5) == 0
        client = t.socket(AF_INET, SOCK_STREAM)
        t.setsockopt(client, SOL_IP, IP_TTL, 33)
        t.setsockopt(client, SOL_IP, IP_TOS, 0x10)
        assert t.connect(client, LOOPBACK, 80) == 0
        server = t.socketcall(5, listener, 0, 0)
        assert t.getsockopt_int(server, SOL_IP, IP_MULTICAST_TTL) == 33
        assert t.getsockopt_int(client, SOL_IP, IP_MULTICAST_TTL) == 1
        assert t.getsockopt(server, SOL_IP, IP_PKTOPTIONS, 200) == b""
        for option in (IP_PKTINFO, IP_RECVTTL, IP_RECVTOS):
            t.setsockopt(server, SOL_IP, option, 1)
        here = ip(LOOPBACK).to_bytes(4, "big")
        info = struct.pack("<Qiii", 28, SOL_IP, IP_PKTINFO, 1) + here + here + bytes(4)
        ttl = struct.pack("<Qiii", 20, SOL_IP, IP_TTL, 33) + bytes(4)
        tos = struct.pack("<Qiii", 20, SOL_IP, IP_TOS, 0x10) + bytes(4)
        assert t.getsockopt(server, SOL_IP, IP_PKTOPTIONS, 200) == info + ttl + tos
        assert t.getsockopt(server, SOL_IP, IP_PKTOPTIONS, 28) == info[:28]
        assert t.getsockopt(server, SOL_IP, IP_PKTOPTIONS, 20) == struct.pack("<Q", 20) + info[8:20]
        assert t.getsockopt(server, SOL_IP, IP_PKTOPTIONS, 47) == info
        assert t.getsockopt(server, SOL_IP, IP_PKTOPTIONS, 15) == b""
        datagrams = t.socket(AF_INET, SOCK_DGRAM)
        assert t.getsockopt(datagrams, SOL_IP, IP_PKTOPTIONS, 200) == -errno.ENOPROTOOPT
        for fd in (listener, client, server, datagrams):
            t.close(fd)

    bench.run(body)


def test_the_options_of_a_connection_go_both_ways(bench):
    """RFC 1122 section 4.2.3.8: a server answers with what the SYN has brought; the room is that of fewer bytes."""

    def body(t):
        listener = t.socket(AF_INET, SOCK_STREAM)
        assert t.bind(listener, LOOPBACK, 80) == 0 and t.socketcall(4, listener, 5) == 0
        client = t.socket(AF_INET, SOCK_STREAM)
        for fd in (listener, client):
            t.setsockopt(fd, SOL_TCP, TCP_MAXSEG, 1000)
        record = bytes([7, 15, 4]) + bytes(13)
        assert t.setsockopt(client, SOL_IP, IP_OPTIONS, record) == 0
        assert t.connect(client, LOOPBACK, 80) == 0
        server = t.socketcall(5, listener, 0, 0)
        here = ip(LOOPBACK).to_bytes(4, "big")
        # What both of them have entered, without the place that sending keeps.
        assert t.getsockopt(server, SOL_IP, IP_OPTIONS, 40) == bytes([7, 15, 12]) + here + here + bytes(5)
        # Timestamps take twelve bytes of a segment, these sixteen.
        assert t.getsockopt_int(client, SOL_TCP, TCP_MAXSEG) == t.getsockopt_int(server, SOL_TCP, TCP_MAXSEG) == 972
        # Without them there is as much room as ever.
        assert t.setsockopt(client, SOL_IP, IP_OPTIONS, b"") == 0
        assert t.getsockopt_int(client, SOL_TCP, TCP_MAXSEG) == 988
        assert t.sendto(client, b"x" * 100000) > 0 and len(t.recvfrom(server, 1000)[0]) == 1000
        for fd in (listener, client, server):
            t.close(fd)

    bench.run(body)


def test_what_there_is_nothing_to_say_about(bench):
    def body(t):
        client, server = pair(t)
        assert t.getsockopt(client, SOL_TCP, TCP_CC_INFO, 64) == b""
        # A name has its length; who asks for more gets none.
        assert t.getsockopt(client, SOL_SOCKET, SO_PEERNAME, 16) == sockaddr(LOOPBACK, 80)
        assert t.getsockopt(client, SOL_SOCKET, SO_PEERNAME, 17) == -errno.EINVAL
        t.close(client)
        t.close(server)

    bench.run(body)


def test_receiving_without_a_mapping(bench):
    """TCP_ZEROCOPY_RECEIVE: every answer is Linux's to a program that has mapped nothing."""
    layout = struct.Struct("<QIIIiQiIQQII")

    def body(t):
        client, server = pair(t)
        buffer = bytearray(10000)
        where = t.mm.map(buffer, True)

        def receive(fd, size=64, address=0, copybuf=where, room=0, msg_flags=0, reserved=0, tail=b""):
            """(length, recv_skip_hint, inq, err, copybuf_len), or a negative errno."""
            raw = bytearray(layout.pack(address, 5, 6, 7, 8, copybuf, room, 0, 0, 0, msg_flags, reserved) + tail + bytes(8))
            length = bytearray(size.to_bytes(4, "little"))
            result = t.socketcall(15, fd, SOL_TCP, TCP_ZEROCOPY_RECEIVE, raw, length)
            fields = layout.unpack(raw[:64])
            assert int.from_bytes(length, "little") == (min(size, 64) if result == 0 else size)
            return result if result < 0 else (*fields[1:5], fields[6])

        assert receive(server) == (0, 0, 0, 0, 0)
        t.sendto(client, b"x" * 100)
        assert receive(server) == receive(server, room=50) == (0, 100, 100, 0, 0)
        assert receive(server, room=500, copybuf=8) == -errno.EFAULT
        assert receive(server, room=500) == (0, 0, 0, 0, 100) and buffer[:101] == b"x" * 100 + b"\0"
        # More than a page would have to be mapped.
        t.sendto(client, b"y" * 5000)
        assert receive(server) == receive(server, address=4096) == receive(server, address=5) == -errno.EINVAL
        assert receive(server, room=8000) == (0, 0, 0, 0, 5000)
        # A shorter structure is told less.
        shorter = {12: (0, 6, 7, 8, 0), 16: (0, 0, 7, 8, 0), 20: (0, 0, 0, 8, 0), 24: (0, 0, 0, 0, 0), 70: (0, 0, 0, 0, 0)}
        for size, told in shorter.items():
            assert receive(server, size) == told
        for wrong in ({"size": 11}, {"msg_flags": 1}, {"reserved": 1}, {"size": 70, "tail": b"\1"}):
            assert receive(server, **wrong) == -errno.EINVAL
        t.close(client)
        assert receive(server) == -errno.EIO
        listener = t.socket(AF_INET, SOCK_STREAM)
        assert t.socketcall(4, listener, 5) == 0 and receive(listener) == -errno.ENOTCONN
        t.mm.unmap(where)
        t.close(server)
        t.close(listener)

    bench.run(body)
