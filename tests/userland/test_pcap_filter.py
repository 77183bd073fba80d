"""Filter expressions: our compiler's programs and those of the real tcpdump decide alike, on the kernel's own interpreter."""

import functools
import subprocess

import pytest
import scapy.all as scapy
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.arch.memory import RAM
from kernel.mm.slab import Slab
from kernel.net.core import skbuff as s
from kernel.net.core.bpf import bpf_prog
from kernel.net.core.filter import bpf_check_classic
from userland.abi.filter import SOCK_FILTER
from userland.net.bpf import Machine, encode, listing
from userland.net.filter import FilterError, compile_filter
from userland.net.pcap import file_header

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05")
HOSTS = ("10.0.0.1", "10.0.0.2", "192.168.1.9", "224.0.0.5", "255.255.255.255")


def packets():
    """A few hundred frames: every protocol that expressions know, over every address and port that they name."""
    found = []
    for index, (src, dst) in enumerate((a, b) for a in HOSTS[:3] for b in HOSTS):
        ether = scapy.Ether(src=MACS[index % 2], dst=MACS[index % 4])
        ip = scapy.IP(src=src, dst=dst, ttl=index + 1, tos=index, id=index)
        six = scapy.IPv6(src="fe80::1", dst="ff02::1" if index % 2 else "fe80::2")
        layers = [
            scapy.TCP(sport=80 + index, dport=(22, 80, 443, 53)[index % 4], flags=("S", "SA", "A", "PA", "F", "R")[index % 6]),
            scapy.UDP(sport=53, dport=1000 + index), scapy.UDP(sport=5000, dport=53), scapy.ICMP(type=(8, 0, 3, 11)[index % 4]),
            scapy.SCTP(sport=80, dport=80),
        ]  # fmt: skip
        for layer in layers:
            found.append(ether / ip / layer / (b"x" * index * 7))
        found.append(ether / six / layers[0])
        found.append(ether / six / scapy.IPv6ExtHdrFragment(nh=17) / layers[1])
        found.append(ether / scapy.IP(src=src, dst=dst, frag=100) / scapy.Raw(b"\0\x50\0\x50" * 10))
        found.append(ether / scapy.IP(src=src, dst=dst, flags="MF") / layers[0] / (b"y" * 60))
        found.append(ether / scapy.IP(src=src, dst=dst, options=[scapy.IPOption_RR()]) / layers[0])
        found.append(ether / scapy.IP(src=src, dst=dst, proto=(2, 47, 50, 89)[index % 4]) / (b"z" * 40))
        found.append(ether / scapy.ARP(psrc=src, pdst=dst))
        found.append(ether / scapy.Dot1Q(vlan=5 + index % 3) / ip / layers[index % 5])
        found.append(ether / scapy.Dot1Q(vlan=5) / scapy.Dot1Q(vlan=6) / ip / layers[0])
        found.append(scapy.Ether(src=MACS[0], dst=MACS[1], type=0x88CC) / (b"lldp" * 20))
    return [bytes(frame).ljust(100, b"\0") for frame in found]


@functools.cache
def corpus():
    return packets()


def decide(program, frames):
    """What a program, the bytes of its instructions, says about each frame."""
    assert bpf_check_classic(program) == 0
    cache = s.skbuff_cache(Slab(RAM(1 << 20)))
    runner = bpf_prog(program)
    found = []
    for frame in frames:
        skb = s.alloc_skb(cache, len(frame))
        s.skb_put_data(skb, frame)
        found.append(runner.run(skb) > 0)
        s.consume_skb(skb)
    return found


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """real(expression): the program of the host's tcpdump, None where it finds an error."""
    empty = tmp_path_factory.mktemp("pcap") / "empty.pcap"
    empty.write_bytes(file_header())

    @functools.cache
    def compiled(expression):
        done = subprocess.run(
            ["tcpdump", "-n", "-r", str(empty), "-ddd", expression], capture_output=True, text=True, timeout=20, check=False
        )
        if done.returncode:
            return None
        rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()[1:]]
        return encode(rows)

    try:
        assert compiled("ip") is not None
    except FileNotFoundError:
        pytest.skip("needs tcpdump")
    return compiled


def ours(expression):
    return encode(compile_filter(expression, lambda name: None))


EXPRESSIONS = [
    "", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "igmp", "sctp", "esp", "ether proto 0x88cc",
    "ether proto \\arp", "host 10.0.0.1", "src host 10.0.0.1", "dst 10.0.0.2", "ip host 10.0.0.1", "arp host 10.0.0.2",
    "src or dst host 10.0.0.1", "src and dst host 10.0.0.1", "net 10.0.0.0/8", "net 10", "net 192.168.1.0/24",
    "src net 10.0.0.0/30", "dst net 224.0.0.0/4", "net 10.0.0.0 mask 255.255.255.0", "net 0.0.0.0/0", "port 53",
    "src port 53", "tcp port 80", "udp dst port 53", "tcp src port 80 or 81 or 82", "port 53 or 80", "portrange 80-90",
    "udp portrange 1000-1005", "sctp port 80", "port 22 and not tcp", "tcp port 80 and host 10.0.0.1",
    "tcp port 80 or udp and host 10.0.0.2", "not tcp", "! udp", "not (tcp or udp)", "tcp and not port 80 or arp",
    "tcp && (port 22 || port 443)", "ether host 02:00:00:00:00:01", "ether src 02:00:00:00:00:02",
    "ether dst ff:ff:ff:ff:ff:ff", "broadcast", "ether broadcast", "multicast", "ether multicast", "ip multicast",
    "ip6 multicast", "ip proto 89", "ip proto \\tcp", "proto 17", "ip6 proto 17", "less 110", "greater 120",
    "len > 100 and len <= 150", "ip[8] = 3", "ip[8] < 5 and ip[9] = 6", "ip[0] & 0xf != 5", "tcp[13] & 2 != 0",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[tcpflags] == tcp-syn", "icmp[icmptype] = icmp-echo",
    "icmp[0] != 8 and icmp[icmpcode] = 0", "udp[4:2] > 20", "ip[2:2] > 90", "ether[0] & 1 = 0 and ip[16] >= 224",
    "ip[2:2] - ((ip[0] & 0xf) << 2) > 60", "ip[1] * 2 + 1 > 9", "ip[8] % 3 = 1", "ip[8] / 2 = 3",
    "tcp[2:2] = 80 and tcp[(tcp[12] >> 2) : 4] != 0", "tcp[0:4] = 0x00500016", "ip[6:2] & 0x1fff != 0", "ip[8] ^ 1 = 2",
    "1 < 2", "vlan", "vlan 5", "vlan 5 and tcp", "vlan and host 10.0.0.1", "vlan 5 and vlan 6",
    "vlan 5 and vlan 6 and tcp port 80", "not vlan", "host 10.0.0.1 and 10.0.0.2", "tcp dst port 22 or 80 or 443",
    "ether[12:2] = 0x806", "arp[6:2] = 1", "ip6[6] = 6", "(((tcp)))", "not not tcp", "icmp or (udp and port 53)",
    "tcp port http or https", "udp port domain", "dst host 10.0.0.1 or src port 53 and not arp", "ip[8] + 1 == ip[1] + 2",
]  # fmt: skip


@pytest.mark.interop
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_we_decide_as_tcpdump_does(real, expression, call_program):
    theirs = real(expression)
    assert theirs is not None, "tcpdump does not know this expression"
    found = call_program(lambda: ours(expression))
    frames = corpus()
    machine = Machine(list(SOCK_FILTER.iter_unpack(found)))
    assert [machine.run(frame, len(frame)) > 0 for frame in frames] == decide(found, frames)
    wrong = [
        bytes(frame[:40]).hex()
        for frame, a, b in zip(frames, decide(theirs, frames), decide(found, frames), strict=True)
        if a != b
    ]
    assert wrong == []


@st.composite
def expressions(draw, depth=3):
    # A vlan moves what comes behind it, and where words take the qualifiers of those before them, order matters.
    strange = (" or ", "vlan", "http", "domain")
    simple = st.sampled_from([e for e in EXPRESSIONS if e and not any(word in e for word in strange)])
    if depth == 0:
        return draw(simple)
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return draw(simple)
    if kind == 1:
        return f"not ({draw(expressions(depth - 1))})"
    word = draw(st.sampled_from(["and", "or"]))
    left, right = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    return f"({left}) {word} ({right})"


@pytest.mark.interop
def test_composed_expressions_are_decided_alike(real):
    @settings(max_examples=60, deadline=None)
    @given(expressions())
    def attempt(expression):
        theirs = real(expression)
        frames = corpus()[::3]
        if theirs is None:
            # "expression rejects all packets" is no error of ours: the program says the same.
            assert not any(decide(ours(expression), frames))
            return
        assert decide(ours(expression), frames) == decide(theirs, frames)

    attempt()


@pytest.mark.parametrize(
    "expression",
    [
        "host", "and", "tcp tcp", "(tcp", "tcp)", "port x_y", "net 1.2.3.4/8", "net 1.2.3/33", "not", "less -1",
        "(" * 100, "port 99999", "ip broadcast", "tcp host 1.2.3.4", "arp port 80", "ether host 1.2.3.4",
        "host 02:00:00:00:00:01", "tcp[1", "tcp[1:3] = 1", "tcp[1] =", "ip[0] / 0 = 1", "ip[0] << 32 = 1", "inbound",
        "portrange 80", "ether", "vlan 5000", "proto nosuch", "$", "tcp &&", "1 +", "gateway x", "10.0.0.1", "09 = 1",
        "-" * 100 + "1 > 0",
    ],
)  # fmt: skip
def test_expressions_that_are_none(expression, call_program):
    def attempt():
        try:
            compile_filter(expression, lambda name: None)
        except FilterError as error:
            return str(error)
        return ""

    text = call_program(attempt)
    assert text and "\n" not in text


@settings(max_examples=300, deadline=None)
@given(st.text("tcpudphostn andor()[]0123456789.:&|!=<>+-\\/ ", max_size=40))
def test_garbage_is_an_expression_or_an_error(text):
    try:
        program = compile_filter(text, lambda name: None)
    except FilterError:
        return
    assert bpf_check_classic(encode(program)) == 0


def test_long_expressions_jump_far(call_program):
    expression = " or ".join(f"host 10.1.{number // 250}.{number % 250}" for number in range(100))
    program = call_program(lambda: compile_filter(expression, lambda name: None))
    assert len(program) > 1000
    wanted = bytes(scapy.Ether() / scapy.IP(src="10.1.0.99", dst="1.1.1.1"))
    other = bytes(scapy.Ether() / scapy.IP(src="10.1.9.1", dst="1.1.1.1"))
    assert decide(encode(program), [wanted, other]) == [True, False]
    with pytest.raises(FilterError):
        compile_filter(" or ".join(["tcp port 80"] * 500), lambda name: None)


def test_a_live_packet_has_its_tag_beside_it():
    program = encode(compile_filter("vlan 5 and tcp", lambda name: None, live=True))
    frame = bytes(scapy.Ether() / scapy.IP() / scapy.TCP())
    cache = s.skbuff_cache(Slab(RAM(1 << 20)))
    for tag, wanted in ((5, True), (6, False), (None, False)):
        skb = s.alloc_skb(cache, len(frame))
        s.skb_put_data(skb, frame)
        if tag is not None:
            skb.vlan_present, skb.vlan_tci = True, 0xE000 | tag
        assert (bpf_prog(program).run(skb) > 0) == wanted
        s.consume_skb(skb)


def test_the_listing():
    text = listing(compile_filter("ip[8] + 1 = 5", lambda name: None))
    assert text.splitlines()[0].startswith("(000) ldh      [12]") and "ret      #262144" in text
