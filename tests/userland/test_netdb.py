"""<netdb.h>: hints, services and errors compared with the host's glibc, the files of /etc, and name servers that lie."""

import ast
import itertools
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import etc
from userland.libc import databases, dns, netdb

SERVICES = (None, "", "80", "70000", "-1", " 80", "+80", "80x", "http", "www", "domain", "tftp", "nosuch", "*", "9" * 30)
NODES = (None, "127.1", "0x7f.0.0.1", "127.0.0.1 ", "*", "1.2.3.4")
HINTS = [
    *itertools.product((0, 1, 2, 3), (0, 1, 6, 17), (0, socket.AI_PASSIVE)),
    (1, 0, socket.AI_NUMERICSERV), (1, 0, socket.AI_CANONNAME), (1, 0, socket.AI_NUMERICHOST), (1, 0, 0x8000), (0, 0, 0x78),
]  # fmt: skip


def glibc(node, service, family, kind, proto, flags):
    """What the host's getaddrinfo says, without the kinds of socket that the machine does not have."""
    try:
        found = socket.getaddrinfo(node, service, family, kind, proto, flags)
    except socket.gaierror as error:
        return error.errno, []
    return 0, [(kind, proto, name, addr) for _, kind, proto, name, addr in found]


def ours(node, service, family, kind, proto, flags):
    code, found = netdb.getaddrinfo(node, service, family, kind, proto, flags)
    rows = []
    for info in found:
        addr = socket.inet_ntoa(info.ai_addr[4:8]), int.from_bytes(info.ai_addr[2:4], "big")
        rows.append((info.ai_socktype, info.ai_protocol, info.ai_canonname or "", addr))
    return code, rows


@pytest.fixture
def etc_files(monkeypatch):
    files = {path: content.decode() for path, content in etc.name_files("box").items()}
    monkeypatch.setattr(databases, "read_text", lambda path: files.get(path, -1))
    monkeypatch.setattr(netdb, "has_address", lambda: True)
    return files


def test_hints_and_services_are_taken_as_glibc_takes_them(etc_files):
    for node, service, (kind, proto, flags) in itertools.product(NODES, SERVICES, HINTS):
        arguments = (node, service, socket.AF_INET, kind, proto, flags)
        assert ours(*arguments) == glibc(*arguments), arguments


@pytest.mark.parametrize("arguments", [(None, None, 0, 0, 0, 0), ("127.1", "80", 99, 1, 0, 0), ("x.y", "80", 2, 1, 0, 4),
                                       ("127.1", "80", socket.AF_INET6, 1, 0, 0), ("127.1", "80", 2, 99, 0, 0),
                                       (None, "80", 2, 1, 0, 2)])  # fmt: skip
def test_errors_are_those_of_glibc(etc_files, arguments):
    expected = glibc(*arguments)
    assert expected[0] < 0 and ours(*arguments) == expected
    assert netdb.gai_strerror(expected[0]) != "Unknown error"


GUEST = """
from userland import libc

def main(argv):
    found = libc.gethostbyname("LOCALHOST.")
    values = [(found.h_name, found.h_aliases, found.h_addr_list)]
    found = libc.gethostbyaddr(b"\\x0a\\0\\0\\x07")
    values.append((found.h_name, found.h_aliases))
    values.append((libc.gethostbyname("nosuch.test"), libc.h_errno, libc.hstrerror(libc.h_errno)))
    values.append((libc.gethostbyname("a..b"), libc.h_errno))
    http = libc.getservbyname("www", "tcp")
    values.append((http.s_name, http.s_port, http.s_proto, libc.getservbyname("www", "udp")))
    values.append((libc.getservbyport(53, "udp").s_name, libc.getservbyport(4, "tcp")))
    values.append((libc.getprotobyname("UDP").p_proto, libc.getprotobynumber(1).p_name, libc.getprotobyname("x")))
    addr = libc.sockaddr_in("10.0.0.7", 80)
    values.append([libc.getnameinfo(addr, flags) for flags in (0, 1, 2, 3, 9, 16, 0x100)])
    values.append(libc.getnameinfo(libc.sockaddr_in("192.0.2.9", 7), libc.NI_NAMEREQD)[0])
    values.append(libc.getnameinfo(b"\\0" * 16)[0])
    values.append([info.ai_canonname for info in libc.getaddrinfo("alias", "80", 0, 0, 0, libc.AI_CANONNAME)[1]])
    values.append(libc.getaddrinfo("127.0.0.1", "80", libc.AF_INET, 1, 0, libc.AI_ADDRCONFIG)[0])
    print_values(values)
    return 0

def print_values(values):
    libc.puts(repr(values))
"""


def test_the_files_of_etc_answer(run_line):
    files = {
        "/bin/names": GUEST.encode(),
        "/etc/hosts": b"127.0.0.1 localhost loop\n10.0.0.7 seven.test alias # x\n10.0.0.8 alias\nfe80::1 alias\nbad alias\n",
        "/etc/nsswitch.conf": b"hosts: files\n",
    }
    text, status = run_line("names", files)
    assert status == 0, text
    values = ast.literal_eval(text)
    assert values[0] == ("localhost", ["loop"], [b"\x7f\0\0\1"])
    assert values[1] == ("seven.test", ["alias"])
    assert values[2] == (None, 1, "Unknown host") and values[3] == (None, 1)
    assert values[4] == ("http", 80, "tcp", None) and values[5] == ("domain", None) and values[6] == (17, "icmp", None)
    assert values[7][:4] == [(0, "seven.test", "http"), (0, "10.0.0.7", "http"), (0, "seven.test", "80"), (0, "10.0.0.7", "80")]
    assert [row[0] for row in values[7][4:]] == [netdb.EAI_NONAME, 0, netdb.EAI_BADFLAGS]
    assert values[7][5][2] == "80" and values[8] == netdb.EAI_NONAME and values[9] == netdb.EAI_FAMILY
    assert values[10] == ["seven.test", None, None, None, None, None]
    # Without an address that is not the loopback's own there is no AF_INET to speak of.
    assert values[11] == netdb.EAI_NONAME


@pytest.mark.parametrize(
    ("line", "sources"),
    [
        ("", ["files", "dns"]),
        ("hosts: dns files", ["dns", "files"]),
        ("hosts:files# dns", ["files"]),
        ("hosts: [ ]", ["files", "dns"]),
        ("passwd: x\nhosts: files [NOTFOUND=return] dns", ["files", "dns"]),
    ],
)
def test_nsswitch_orders(line, sources):
    assert [source for source, _ in databases.parse_nsswitch(line)] == sources


def test_nsswitch_actions():
    rules = databases.parse_nsswitch("hosts: files [NOTFOUND=return SUCCESS=continue] dns [!UNAVAIL=return bad=x]")
    assert databases.stops(rules[0][1], databases.NOTFOUND) and not databases.stops(rules[0][1], databases.SUCCESS)
    assert [databases.stops(rules[1][1], status) for status in databases.STATUSES] == [True, True, False, True]


# Name servers: each is a program on a second machine that answers by its own rules.
SERVER = """
from userland import libc
from userland.libc import dns

def message(query, flags, records, question=None, ident=None):
    name = question if question is not None else query[12:query.index(b"\\0", 12) + 5]
    head = (query[:2] if ident is None else ident) + flags.to_bytes(2, "big") + b"\\0\\1"
    return head + len(records).to_bytes(2, "big") + bytes(4) + name + b"".join(records)

def record(kind, data, name=b"\\xc0\\x0c"):
    return name + kind.to_bytes(2, "big") + b"\\0\\1" + bytes(4) + len(data).to_bytes(2, "big") + data

A = record(1, bytes([192, 0, 2, 1]))

def answers(query, fd, peer, asked):
    name = dns.decode_name(query, 12)[0]
    if name == "edns.test" and query[11] == 1:
        return [query[:2] + b"\\x80\\x01" + bytes(8)]
    if name == "spoofed.test":
        other = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        bad = record(1, bytes([6, 6, 6, 6]))
        libc.sendto(other, message(query, 0x8180, [bad]), -1, 0, peer)
        libc.close(other)
        wrong = bytes([query[0] ^ 1]) + query[1:2]
        question = b"\\1x\\0\\0\\1\\0\\1"
        return [message(query, 0x8180, [bad], ident=wrong), message(query, 0x8180, [bad], question),
                message(query, 0x0100, [bad]), b"", b"x" * 600, message(query, 0x8180, [A])]
    if name == "lying.test":
        return [message(query, 0x8180, [A])[:-2], message(query, 0x8180, [record(1, b"abc")]),
                query[:2] + b"\\x81\\x80\\0\\1\\xff\\xff\\0\\0\\0\\0" + query[12:] + b"\\xc0\\x0c" * 200]
    if name == "loop.test":
        return [message(query, 0x8180, [record(5, b"\\xc0\\x0c"), record(5, b"\\xc0\\x0c")])]
    if name == "servfail.test":
        return [message(query, 0x8182, [])]
    if name == "refused.test":
        return [message(query, 0x8185, [])]
    if name == "empty.test":
        return [message(query, 0x8180, [])]
    if name in ("short.search.test", "edns.test", "two.words"):
        return [message(query, 0x8180, [A])]
    if name == "ports.test":
        asked.append(libc.sockaddr_in_pair(peer)[1])
        return [message(query, 0x8180, [record(1, asked[-1].to_bytes(4, "big"))])]
    return [message(query, 0x8183, [])]

def main(argv):
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", 53))
    block = bytearray(2048)
    asked = []
    while True:
        peer = bytearray(16)
        count = libc.recvfrom(fd, block, -1, 0, peer)
        for answer in answers(bytes(block[:count]), fd, peer, asked):
            libc.sendto(fd, answer, -1, 0, peer)
"""
CLIENT = """
from userland import libc

def main(argv):
    names = ("spoofed.test", "lying.test", "loop.test", "servfail.test", "refused.test", "empty.test", "short", "edns.test",
             "nosuch.test", "two.words", "ports.test", "ports.test", "ports.test")
    values = []
    for name in names:
        code, found = libc.getaddrinfo(name, None, libc.AF_INET, libc.SOCK_STREAM)
        values.append(code or libc.sockaddr_in_pair(found[0].ai_addr)[0])
    libc.puts(repr(values))
    return 0
"""


def test_name_servers_that_lie_and_fail():
    from tests_userland_guest import Pair

    conf = b"nameserver 10.0.0.2\nsearch other.test search.test\noptions timeout:1 attempts:2 ndots:1 edns0\n"
    text, status = Pair(
        "sleep 0.5; names", "server", files={"/bin/names": CLIENT.encode(), "/etc/resolv.conf": conf},
        second_files={"/bin/server": SERVER.encode()},
    ).run()  # fmt: skip
    assert status == 0, text
    values = ast.literal_eval(text)
    assert values[:10] == [
        "192.0.2.1", netdb.EAI_AGAIN, netdb.EAI_NODATA, netdb.EAI_AGAIN, netdb.EAI_FAIL, netdb.EAI_NODATA, "192.0.2.1",
        "192.0.2.1", netdb.EAI_NONAME, "192.0.2.1",
    ]  # fmt: skip
    # Each question came from a port of its own.
    assert len(set(values[10:])) == 3


def test_every_section_is_read_and_shown():
    body = dns.encode_query(9, "x.test", dns.TYPE_ANY)

    def rr(kind, data, klass=1):
        numbers = kind.to_bytes(2, "big") + klass.to_bytes(2, "big") + b"\0\0\0\5" + len(data).to_bytes(2, "big")
        return b"\xc0\x0c" + numbers + data

    records = [
        rr(dns.TYPE_MX, b"\0\x0a\4mail\xc0\x0c"),
        rr(dns.TYPE_TXT, b'\3a"b\1\x01'),
        rr(dns.TYPE_AAAA, bytes.fromhex("20010db8000000000000000000000001")),
        rr(dns.TYPE_SRV, b"\0\1\0\2\0\x50\xc0\x0c"),
        rr(dns.TYPE_SOA, b"\2ns\xc0\x0c\2hm\xc0\x0c" + b"".join(n.to_bytes(4, "big") for n in range(1, 6))),
        rr(9999, b"\1\2"),
    ]
    raw = b"\0\x09\x85\x80\0\1\0\6\0\1\0\1" + body[12:] + b"".join(records) + rr(dns.TYPE_NS, b"\2ns\xc0\x0c") + rr(41, b"", 1232)
    response = dns.parse_response(raw, 9, "x.test", dns.TYPE_ANY)
    assert [record.text() for record in response.answers] == [
        "10 mail.x.test.", '"a\\"b" "\\001"', "2001:db8::1", "1 2 80 x.test.", "ns.x.test. hm.x.test. 1 2 3 4 5", "\\# 2 0102",
    ]  # fmt: skip
    assert [r.text() for r in response.authority] == ["ns.x.test."] and response.additional[0].klass == 1232


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=16, max_size=16))
def test_ipv6_addresses_are_written_as_the_host_writes_them(raw):
    text = dns.inet6_text(raw)
    assert socket.inet_pton(socket.AF_INET6, text) == raw
    if not raw.startswith(bytes(10)):
        assert text == socket.inet_ntop(socket.AF_INET6, raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(dns.TYPE_NAMES)), st.binary(max_size=60), st.integers(0, 70))
def test_record_data_never_raises(kind, raw, size):
    data = raw.ljust(size, b"\0")
    message = bytes(12) + data
    found = dns.parse_data(message, 12, size, kind)
    assert found is None or dns.Record("x", kind, 1, found).text().isprintable()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_files_of_any_text_are_read(text):
    databases.parse_hosts(text)
    assert databases.parse_nsswitch("hosts:" + text)
