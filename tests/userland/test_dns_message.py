"""DNS messages: what a resolver sends, and what it makes of answers, hostile ones included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from userland.libc import dns
from userland.libc.resolver import ResolverConfig


def answer(ident, name, records, flags=0x8180, kind=dns.TYPE_A, count=None):
    """A response with `records` (raw bytes) behind the question."""
    body = dns.encode_query(ident, name, kind)
    header = (
        ident.to_bytes(2, "big") + flags.to_bytes(2, "big") + b"\0\1"
        + (len(records) if count is None else count).to_bytes(2, "big") + bytes(4)
    )  # fmt: skip
    return header + body[12:] + b"".join(records)


def record(name, kind, data, ttl=60):
    encoded = name if isinstance(name, bytes) else dns.encode_name(name)
    return encoded + kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


def test_a_query_is_what_the_rfc_says():
    query = dns.encode_query(0x1234, "www.example.com")
    assert query == bytes.fromhex("123401000001000000000000") + b"\3www\7example\3com\0" + b"\0\1\0\1"


@pytest.mark.parametrize("name", ["a..b", "." * 3, "x" * 64, "y" * 63 + ".", "a b", "ü.de", ".".join(["abcdefgh"] * 40)])
def test_names_that_can_not_be_are_refused(name):
    valid = name == "y" * 63 + "."
    assert (dns.encode_name(name) is not None) == valid


def test_a_compressed_answer_is_understood():
    raw = answer(7, "host.example", [record(b"\xc0\x0c", dns.TYPE_A, bytes([10, 0, 2, 2]))])
    response = dns.parse_response(raw, 7, "host.example")
    assert [(r.name, r.data, r.ttl) for r in response.answers] == [("host.example", "10.0.2.2", 60)]
    assert dns.resolve_chain(response, "HOST.example.") == ("HOST.example", ["10.0.2.2"])


def test_cname_chains_are_followed_and_loops_end():
    chain = [
        record("a.test", dns.TYPE_CNAME, dns.encode_name("b.test")),
        record("b.test", dns.TYPE_CNAME, dns.encode_name("c.test")),
        record("c.test", dns.TYPE_A, bytes([1, 2, 3, 4])),
    ]
    response = dns.parse_response(answer(1, "a.test", chain), 1, "a.test")
    assert dns.resolve_chain(response, "a.test") == ("c.test", ["1.2.3.4"])
    loop = [
        record("a.test", dns.TYPE_CNAME, dns.encode_name("b.test")),
        record("b.test", dns.TYPE_CNAME, dns.encode_name("a.test")),
    ]
    response = dns.parse_response(answer(1, "a.test", loop), 1, "a.test")
    assert dns.resolve_chain(response, "a.test")[1] == []


@pytest.mark.parametrize(
    ("ident", "name", "flags"), [(8, "host.example", 0x8180), (7, "other.example", 0x8180), (7, "host.example", 0x0100)]
)
def test_an_answer_to_another_question_does_not_count(ident, name, flags):
    raw = answer(ident, name, [record(b"\xc0\x0c", dns.TYPE_A, bytes(4))], flags)
    assert dns.parse_response(raw, 7, "host.example") is None


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x1e",  # points at itself
        b"\xc0\xff",  # points forwards, out of the message
        b"\xc0",  # cut short
        b"\x40abc",  # reserved label type
        b"\x3fshort",  # label longer than the message
    ],
)
def test_names_that_lie_are_refused(name):
    raw = answer(7, "host.example", [name + b"\0\1\0\1" + bytes(4) + b"\0\4" + bytes(4)])
    assert dns.parse_response(raw, 7, "host.example") is None


def test_two_pointers_that_point_at_each_other_end():
    message = b"\0" * 12 + b"\xc0\x0e\xc0\x0c"
    assert dns.decode_name(message, 12) == (None, 0)
    assert dns.decode_name(message, 14) == (None, 0)


def test_a_truncated_answer_says_so():
    raw = answer(7, "host.example", [], 0x8380, count=5)
    response = dns.parse_response(raw, 7, "host.example")
    assert response.truncated and response.answers == []


def test_labels_can_not_smuggle_dots_or_controls():
    raw = answer(7, "h.example", [record(b"\xc0\x0c", dns.TYPE_CNAME, b"\5a.b\n\0\0")])
    response = dns.parse_response(raw, 7, "h.example")
    assert response.answers[0].data == "a\\046b\\010\\000"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_garbage_never_raises(raw):
    dns.parse_response(raw, 0, "a")
    dns.parse_response(answer(7, "host.example", [raw]), 7, "host.example")
    dns.decode_name(raw, 0)


def test_resolv_conf():
    config = ResolverConfig(
        "# comment\nnameserver 10.0.2.3\nnameserver bad\nnameserver 1.1.1.1 # x\nsearch a.test b.test\n"
        "options timeout:2 attempts:9 ndots:2 rotate\n"
    )
    assert config.servers == ["10.0.2.3", "1.1.1.1"]
    assert (config.timeout, config.attempts, config.ndots) == (2, 5, 2)
    assert config.candidates("www") == ["www.a.test", "www.b.test", "www"]
    assert config.candidates("www.x.org") == ["www.x.org", "www.x.org.a.test", "www.x.org.b.test"]
    assert config.candidates("www.") == ["www."]
