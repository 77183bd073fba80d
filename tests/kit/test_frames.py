"""Builders and matchers: what is built is right by an independent eye, and matchers say why not."""

import shutil
import subprocess

import pytest

from hwemu.clock import Clock
from hwemu.wire.capture import PcapngWriter
from lab.kit.frames import (
    BROADCAST,
    arp,
    assert_frame,
    contains,
    eth,
    icmp,
    internet_checksum,
    ip,
    length,
    raw,
    tcp,
    udp,
    vlan,
)

HELLO = eth(dst=BROADCAST) / ip(src="10.1.2.3", dst="10.1.2.4") / udp(sport=7, dport=9) / raw(b"hello")
EVERY_KIND = [
    HELLO,
    eth() / vlan(id=5, priority=3) / ip() / tcp(dport=80, flags=0x18) / raw(b"GET"),
    eth() / ip() / icmp() / raw(b"ping"),
    eth() / arp(tpa="10.0.0.9"),
]


def test_lengths_checksums_and_padding():
    data = bytes(HELLO)
    assert len(data) == 60 and data[:6] == BROADCAST and data[12:14] == b"\x08\x00"
    assert internet_checksum(data[14:34]) == 0
    assert internet_checksum(data[26:34] + b"\0\x11\0\x0d" + data[34:47]) == 0
    assert len(bytes(eth(pad=False) / raw(b"x"))) == 15


@pytest.mark.parametrize("stack", EVERY_KIND, ids=repr)
def test_what_is_built_matches_itself(stack):
    assert_frame(bytes(stack), stack)


def test_given_fields_are_compared_and_no_others():
    data = bytes(HELLO)
    assert (eth() / ip() / udp()).matches(data)
    assert (eth() / ip(src="10.1.2.3") / udp(dport=9)).matches(data)
    assert (eth() / ip(src="10.1.2.9")).mismatch(data) == "ip src is 0a:01:02:03, expected 0a:01:02:09"
    assert (eth() / ip() / udp(dport=10)).mismatch(data) == "udp dport is 0x9, expected 0xa"
    assert "payload begins with" in (eth() / ip() / udp() / raw(b"world")).mismatch(data)


@pytest.mark.parametrize("cut", range(46))
def test_a_frame_that_is_cut_short_does_not_match_and_does_not_raise(cut):
    assert (eth() / ip() / udp() / raw(b"hello")).mismatch(bytes(HELLO)[:cut])


def test_wrong_checksums_do_not_match():
    data = bytearray(bytes(HELLO))
    data[25] ^= 1
    assert "checksum" in (eth() / ip()).mismatch(bytes(data))
    ping = bytearray(bytes(EVERY_KIND[2]))
    ping[40] ^= 1
    assert "checksum" in (eth() / ip() / icmp()).mismatch(bytes(ping))


def test_matchers_combine():
    data = bytes(HELLO)
    assert (HELLO & length(60) & contains(b"hell")).matches(data)
    assert (length(1) | HELLO).matches(data)
    assert (~contains(b"world")).matches(data)
    assert (HELLO & ~HELLO).mismatch(data).endswith("matches")
    assert (length(1, 2) | contains(b"world")).mismatch(data) == "60 bytes, expected 1 to 2; no b'world' in it"
    with pytest.raises(AssertionError, match="expected 1 to 1"):
        assert_frame(data, length(1))


def test_on_a_wire(board):
    board.send(bytes(eth(dst=BROADCAST, src=board.dev.dev_addr) / raw(b"x" * 50)))
    assert board.end.expect((eth(type=0x88B5) / raw(b"xxx")).matches)


@pytest.mark.interop
def test_tshark_agrees(tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("no tshark")
    path = tmp_path / "frames.pcapng"
    with open(path, "wb") as file:
        writer = PcapngWriter(file)
        place = writer.interface("test")
        for stack in EVERY_KIND:
            writer.packet(place, Clock().now, bytes(stack), 0)
    fields = ["-e", "frame.protocols", "-e", "ip.checksum.status", "-e", "udp.checksum.status", "-e", "tcp.checksum.status"]
    checks = [word for name in ("ip", "udp", "tcp") for word in ("-o", f"{name}.check_checksum:TRUE")]
    out = subprocess.run(
        ["tshark", "-r", str(path), *checks, "-T", "fields", *fields], capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    assert [line.split("\t")[1:] for line in out] == [["1", "1", ""], ["1", "", "1"], ["1", "", ""], ["", "", ""]], out
