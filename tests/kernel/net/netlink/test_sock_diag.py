"""NETLINK_SOCK_DIAG: which sockets are told of, and what."""

from struct import Struct, pack

from nlbench import Socket, attribute, attributes

from kernel.uapi import errno
from kernel.uapi import sock_diag as d
from kernel.uapi.netlink import NETLINK_SOCK_DIAG, NLM_F_DUMP
from kernel.uapi.socket import AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

MSG = Struct("<BBBB2s2s4s12x4s12xIQIIIII")
ALL = 0xFFF


def request(protocol, states=ALL, extensions=0, code=b""):
    head = bytes([AF_INET, protocol, extensions, 0]) + states.to_bytes(4, "little")
    return head + bytes(d.INET_DIAG_REQ_SIZE - 8) + (attribute(d.INET_DIAG_REQ_BYTECODE, code) if code else b"")


def listed(s, *more, **options):
    found = []
    for message in s.dump(d.SOCK_DIAG_BY_FAMILY, request(*more, **options))[0]:
        fields = MSG.unpack_from(message.payload)
        ports = tuple(int.from_bytes(port, "big") for port in fields[4:6])
        found.append((fields[1], *ports, fields[11], attributes(message.payload[MSG.size :])))
    return found


def test_streams_and_their_details(bench):
    def body(t):
        s = Socket(t, NETLINK_SOCK_DIAG)
        listener = t.socket(AF_INET, SOCK_STREAM)
        t.bind(listener, "127.0.0.1", 80)
        t.socketcall(4, listener, 7)
        client = t.socket(AF_INET, SOCK_STREAM)
        assert t.connect(client, "127.0.0.1", 80) == 0
        server = t.socketcall(5, listener, 0, 0)
        assert t.sendto(client, b"twelve bytes") == 12
        t.sleep(0.3)
        port = t.getname(client)[1]
        extensions = 1 << d.INET_DIAG_INFO - 1 | 1 << d.INET_DIAG_CONG - 1 | 1 << d.INET_DIAG_SKMEMINFO - 1
        found = {entry[1:3]: entry for entry in listed(s, 6, extensions=extensions)}
        assert set(found) == {(80, 0), (80, port), (port, 80)}
        assert found[80, 0][0] == 10 and found[80, port][0] == found[port, 80][0] == 1
        assert found[80, port][3] == 12
        info = found[port, 80][4]
        assert info[d.INET_DIAG_CONG] == b"cubic\0" and len(info[d.INET_DIAG_INFO]) == 248 and info[d.INET_DIAG_INFO][0] == 1
        assert len(info[d.INET_DIAG_SKMEMINFO]) == 36
        assert [entry[1] for entry in listed(s, 6, states=1 << 10)] == [80]
        code = pack("<BBHBBH", d.INET_DIAG_BC_D_EQ, 8, 12, 0, 0, 80)
        assert [entry[1:3] for entry in listed(s, 6, code=code)] == [(port, 80)]
        assert s.request(d.SOCK_DIAG_BY_FAMILY, request(6, code=b"\xff" * 8), NLM_F_DUMP)[0] == -errno.EINVAL
        assert s.request(d.SOCK_DIAG_BY_FAMILY, request(99), NLM_F_DUMP)[0] == -errno.ENOENT
        assert s.request(77, request(6))[0] == -errno.EINVAL
        t.recvfrom(server)
        for fd in (client, server, listener):
            t.close(fd)
        t.sleep(0.1)
        assert [entry[0] for entry in listed(s, 6)] == [6]
        s.close()

    bench.run(body)


def test_datagrams_raw_and_unix_sockets(bench):
    def body(t):
        s = Socket(t, NETLINK_SOCK_DIAG)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 53)
        raw = t.socket(AF_INET, SOCK_RAW, 1)
        assert [entry[:3] for entry in listed(s, 17)] == [(7, 53, 0)]
        assert [entry[:3] for entry in listed(s, 255)] == [(7, 1, 0)]
        pair = bytearray(8)
        assert t.socketcall(8, AF_UNIX, SOCK_STREAM, 0, pair) == 0
        one, other = int.from_bytes(pair[:4], "little"), int.from_bytes(pair[4:], "little")
        t.sendto(one, b"abc")
        show = d.UDIAG_SHOW_PEER | d.UDIAG_SHOW_RQLEN
        head = bytes([AF_UNIX, 0, 0, 0]) + ALL.to_bytes(4, "little") + bytes(4) + show.to_bytes(4, "little") + bytes(8)
        messages, _ = s.dump(d.SOCK_DIAG_BY_FAMILY, head)
        assert [message.payload[:3] for message in messages] == [bytes([1, 1, 1])] * 2
        inodes = [int.from_bytes(message.payload[4:8], "little") for message in messages]
        details = [attributes(message.payload[16:]) for message in messages]
        assert [int.from_bytes(found[d.UNIX_DIAG_PEER], "little") for found in details] == inodes[::-1]
        assert sorted(int.from_bytes(found[d.UNIX_DIAG_RQLEN][:4], "little") for found in details) == [0, 3]
        for descriptor in (fd, raw, one, other):
            t.close(descriptor)
        s.close()

    bench.run(body)
