"""What tcpdump, ping, arping and udhcpc know of packets, checked with scapy and with garbage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy import all as scapy

from lab import etc
from userland.libc import databases
from userland.net.bpf import Machine
from userland.net.filter import compile_filter
from userland.net.packet import Packet, hex_dump
from userland.net.pcap import Reader, file_header, record_header
from userland.net.print_tcp import tcp_options
from userland.net.printer import Printer
from userland.proto import dhcp, icmp

MAC_A, MAC_B = "52:54:00:12:34:56", "52:54:00:12:34:57"


def ether(payload, **fields):
    return bytes(scapy.Ether(src=MAC_A, dst=MAC_B, **fields) / payload)


def ip(payload, **fields):
    return ether(scapy.IP(src="10.0.2.15", dst="10.0.2.2", **fields) / payload)


TCP_SYN = ip(scapy.TCP(sport=40000, dport=80, flags="S", seq=1000, options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7)]))
TCP_ACK = ip(scapy.TCP(sport=40000, dport=80, flags="PA", seq=1001, ack=501) / b"hello")
UDP = ip(scapy.UDP(sport=53, dport=1024) / b"12345")
PLAIN = ip(scapy.UDP(sport=54, dport=1024) / b"12345")
ECHO = ip(scapy.ICMP(type=8, id=3, seq=9) / (b"x" * 56))
ARP = ether(scapy.ARP(op=1, hwsrc=MAC_A, psrc="10.0.2.15", pdst="10.0.2.2"))


def test_lines_look_like_tcpdumps():
    printer = Printer()
    assert printer.line(Packet(TCP_SYN)) == (
        "IP 10.0.2.15.40000 > 10.0.2.2.80: Flags [S], seq 1000, win 8192, options [mss 1460,sackOK,wscale 7,eol], length 0"
    )
    assert printer.line(Packet(TCP_ACK)).startswith("IP 10.0.2.15.40000 > 10.0.2.2.80: Flags [P.], seq 1001:1006, ack ")
    assert printer.line(Packet(TCP_ACK)).startswith("IP 10.0.2.15.40000 > 10.0.2.2.80: Flags [P.], seq 0:5, ack 1, ")
    assert printer.line(Packet(PLAIN)) == "IP 10.0.2.15.54 > 10.0.2.2.1024: UDP, length 5"
    assert printer.line(Packet(ECHO)) == "IP 10.0.2.15 > 10.0.2.2: ICMP echo request, id 3, seq 9, length 64"
    assert printer.line(Packet(ARP)) == "ARP, Request who-has 10.0.2.2 tell 10.0.2.15, length 28"


def test_sequence_numbers_count_from_the_handshake():
    printer = Printer()
    lines = [
        printer.line(Packet(ip(scapy.TCP(sport=1, dport=2, flags=flags, seq=seq, ack=ack) / data)))
        for flags, seq, ack, data in (("S", 5000, 0, b""), ("SA", 5000, 901, b""), ("PA", 5001, 901, b"abc"))
    ]
    assert ", seq 5000, win" in lines[0]
    assert ", seq 1:4, ack 1, " in lines[2]


@pytest.mark.parametrize(
    ("text", "passing"),
    [
        ("", "tuae"),
        ("tcp", "t"),
        ("udp or arp", "ua"),
        ("port 80", "t"),
        ("src port 53", "u"),
        ("dst port 53", ""),
        ("tcp port 53", ""),
        ("udp portrange 50-60", "u"),
        ("host 10.0.2.2", "tuae"),
        ("src host 10.0.2.2", ""),
        ("net 10.0.0.0/8 and not icmp", "tua"),
        ("ip and (icmp or tcp)", "te"),
        ("not ip", "a"),
        ("ether host 52:54:00:12:34:56", "tuae"),
        ("ether dst 52:54:00:12:34:56", ""),
        ("greater 90", "e"),
        ("! tcp && ! udp", "ae"),
        ("icmp and host 10.0.2.2", "e"),
        ("broadcast", ""),
        ("port http", "t"),
        ("src or dst port 1024", "u"),
    ],
)
def test_filters(text, passing, on_scripted_kernel, monkeypatch):
    monkeypatch.setattr(databases, "read_text", {"/etc/services": etc.services()}.get)
    program, _ = on_scripted_kernel({}, lambda: compile_filter(text, lambda name: None))
    machine = Machine(program)
    frames = {"t": TCP_SYN, "u": UDP, "a": ARP, "e": ECHO}
    assert "".join(letter for letter, frame in frames.items() if machine.run(frame, len(frame))) == passing


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([TCP_SYN, TCP_ACK, UDP, ECHO, ARP, b""]), st.binary(max_size=60), st.integers(0, 60))
def test_garbage_is_printed_too(frame, noise, position):
    raw = frame[:position] + noise + frame[position + len(noise) // 2 :]
    for verbose in (False, True):
        Printer(verbose, True).line(Packet(raw))
    tcp_options(noise)
    hex_dump(raw)


def test_hex_dump():
    assert hex_dump(b"\x45\x00AB").splitlines() == ["\t0x0000:  4500 4142" + " " * 32 + "E.AB"]


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_capture_files_go_there_and_back(step, tmp_path):
    raw = file_header() + b"".join(record_header(10**18 + 7, len(f), len(f)) + f for f in (TCP_SYN, UDP))
    reader = Reader()
    found = []
    for start in range(0, len(raw), step):
        reader.feed(raw[start : start + step])
        found += reader.records()
    assert [(when, frame) for when, frame, _ in found] == [(10**18 + 7, TCP_SYN), (10**18 + 7, UDP)]
    (tmp_path / "x.pcap").write_bytes(raw)
    assert len(scapy.rdpcap(str(tmp_path / "x.pcap"))) == 2


@pytest.mark.parametrize("raw", [b"x" * 24, file_header() + b"\xff" * 16])
def test_capture_files_that_are_none(raw):
    reader = Reader()
    reader.feed(raw)
    assert reader.records() == [] and reader.error


def test_echo_requests_carry_the_right_checksum():
    request = icmp.EchoRequest(0x1234, b"abc")
    for sequence in (0, 1, 0xFFFF, 0xABCD):
        packet = bytes(request.with_sequence(sequence))
        assert icmp.checksum(packet) == 0
        parsed = scapy.ICMP(packet)
        assert (parsed.type, parsed.id, parsed.seq) == (8, 0x1234, sequence)


def test_errors_about_our_requests_are_recognised():
    quoted = bytes(scapy.IP(src="10.0.2.15", dst="10.9.9.9") / scapy.ICMP(type=8, id=5, seq=6))
    message = icmp.parse(bytes(scapy.ICMP(type=3, code=1)) + quoted)
    assert (message.ident, message.sequence, message.error_text()) == (5, 6, "Destination Host Unreachable")
    assert icmp.parse(bytes(scapy.ICMP(type=3, code=1)) + quoted[:20]) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100))
def test_icmp_garbage_never_raises(raw):
    icmp.parse(raw)
    icmp.strip_ip(raw)
    icmp.parse(b"\3\1\0\0\0\0\0\0" + raw)


HARDWARE = bytes.fromhex("525400123456")


def server_frame(kind, options, xid=77, yiaddr="10.0.2.15"):
    body = scapy.BOOTP(op=2, xid=xid, yiaddr=yiaddr, chaddr=HARDWARE) / scapy.DHCP(
        options=[("message-type", kind), *options, "end"]
    )
    return ether(scapy.IP(src="10.0.2.2", dst="255.255.255.255") / scapy.UDP(sport=67, dport=68) / body)


def test_a_discover_is_well_formed():
    raw = dhcp.frame(dhcp.message(dhcp.DISCOVER, 77, HARDWARE), HARDWARE)
    parsed = scapy.Ether(raw)
    assert parsed[scapy.IP].dst == "255.255.255.255" and parsed[scapy.UDP].dport == 67
    assert parsed[scapy.BOOTP].xid == 77 and parsed[scapy.BOOTP].chaddr[:6] == HARDWARE
    assert ("message-type", 1) in parsed[scapy.DHCP].options
    ip_sum, udp_sum = parsed[scapy.IP].chksum, parsed[scapy.UDP].chksum
    del parsed[scapy.IP].chksum, parsed[scapy.UDP].chksum
    again = scapy.Ether(bytes(parsed))
    assert (again[scapy.IP].chksum, again[scapy.UDP].chksum) == (ip_sum, udp_sum)


def test_an_ack_is_understood():
    raw = server_frame(
        "ack",
        [
            ("server_id", "10.0.2.2"), ("subnet_mask", "255.255.255.0"), ("router", "10.0.2.2"),
            ("name_server", "10.0.2.3", "1.1.1.1"), ("lease_time", 600), ("domain", b"lan"),
        ],
    )  # fmt: skip
    reply = dhcp.parse(dhcp.payload_of(raw), 77, HARDWARE)
    assert (reply.kind, reply.address, reply.server, reply.mask) == (dhcp.ACK, "10.0.2.15", "10.0.2.2", "255.255.255.0")
    assert (reply.routers, reply.dns, reply.domain) == (["10.0.2.2"], ["10.0.2.3", "1.1.1.1"], "lan")
    assert (reply.lease, reply.renewal) == (600, 300)


def test_replies_for_others_do_not_count():
    payload = dhcp.payload_of(server_frame("offer", []))
    assert dhcp.parse(payload, 78, HARDWARE) is None
    assert dhcp.parse(payload, 77, bytes(6)) is None


def test_a_domain_can_not_smuggle_lines_into_resolv_conf():
    payload = dhcp.payload_of(server_frame("ack", [("domain", b"x\nnameserver 6.6.6.6")]))
    assert dhcp.parse(payload, 77, HARDWARE).domain is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 400))
def test_dhcp_garbage_never_raises(noise, position):
    raw = server_frame("ack", [("lease_time", 5)])
    broken = raw[:position] + noise + raw[position + len(noise) :]
    for data in (broken, noise):
        payload = dhcp.payload_of(data)
        if payload is not None:
            dhcp.parse(payload, 77, HARDWARE)
    dhcp.parse(b"\2\1\6" + noise + bytes(300), 77, HARDWARE)
    dhcp.parse_options(noise)


def chain_of_errors(depth):
    """An ICMP error that quotes an ICMP error, and so on."""
    packet = bytes(scapy.IP(src="10.0.0.1", dst="10.0.0.2") / scapy.UDP(sport=1, dport=9))
    for _ in range(depth):
        head = scapy.IP(src="10.0.0.1", dst="10.0.0.2", len=min(65535, len(packet) + 28), proto=1)
        packet = bytes(head) + b"\3\3" + bytes(6) + packet
    return ether(scapy.Raw(packet), type=0x800)


def test_errors_that_quote_errors_end():
    assert Printer(verbose=True).line(Packet(chain_of_errors(500))).count("unreachable") <= 4


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([53, 67, 68, 5353]), st.binary(max_size=300), st.integers(0, 255))
def test_names_and_leases_of_garbage(port, payload, first):
    raw = ip(scapy.UDP(sport=port, dport=port) / (bytes([first]) + payload))
    for verbose in (0, 1, 2):
        Printer(verbose).line(Packet(raw))
    Printer(1).line(Packet(ip(scapy.Raw(payload), proto=2)))
