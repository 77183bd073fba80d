"""DNS by the host's resolver: questions parsed, answers built, garbage refused."""

import socket
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.usernet import dns


def query(name, kind=dns.TYPE_A, flags=0x0100, count=1):
    return dns.HEADER.pack(0x1234, flags, count, 0, 0, 0) + dns.encode_name(name) + struct.pack(">HH", kind, 1)


def test_a_record(monkeypatch):
    found = [(2, 1, 6, "", (address, 0)) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments: found)
    reply = dns.answer(dns.parse(query("example.org")))
    assert dns.HEADER.unpack_from(reply) == (0x1234, 0x8180, 1, 2, 0, 0)
    records = reply[12 + len(dns.encode_name("example.org")) + 4 :]
    assert records == b"".join(
        struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(address) for address in ("192.0.2.1", "192.0.2.2")
    )


def test_pointer_record(monkeypatch):
    monkeypatch.setattr(socket, "getnameinfo", lambda address, flags: ("host.example", "0"))
    reply = dns.answer(dns.parse(query("1.2.0.192.in-addr.arpa", dns.TYPE_PTR)))
    assert reply.endswith(b"\x04host\x07example\0") and dns.HEADER.unpack_from(reply)[3] == 1


def test_failures_have_their_codes(monkeypatch):
    def fail(number):
        def lookup(*arguments):
            raise socket.gaierror(number, "no")

        return lookup

    monkeypatch.setattr(socket, "getaddrinfo", fail(socket.EAI_NONAME))
    assert dns.answer(dns.parse(query("nowhere.invalid")))[3] & 15 == dns.NAME_ERROR
    monkeypatch.setattr(socket, "getaddrinfo", fail(socket.EAI_AGAIN))
    assert dns.answer(dns.parse(query("nowhere.invalid")))[3] & 15 == dns.SERVER_FAILURE


def test_other_types_have_no_answer():
    reply = dns.answer(dns.parse(query("example.org", 28)))
    assert dns.HEADER.unpack_from(reply) == (0x1234, 0x8180, 1, 0, 0, 0)


def test_wrong_questions():
    assert dns.parse(b"\x12\x34") is None
    assert dns.parse(query("a", flags=0x8000)) is None
    assert dns.parse(query("a", flags=0x2800))[3] & 15 == dns.NOT_IMPLEMENTED
    assert dns.parse(query("a", count=2))[3] & 15 == dns.FORMAT_ERROR
    assert dns.parse(query("a")[:-3])[3] & 15 == dns.FORMAT_ERROR
    pointer = dns.HEADER.pack(1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1"
    assert dns.parse(pointer)[3] & 15 == dns.FORMAT_ERROR


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_garbage_never_raises(data):
    dns.parse(data)
    dns.parse(dns.HEADER.pack(1, 0, 1, 0, 0, 0) + data)
