"""What conditions of filter expressions look at in an Ethernet frame: where each protocol's fields are."""

from userland.abi.filter import (
    BPF_ALU,
    BPF_AND,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JSET,
    BPF_K,
    BPF_LD,
    BPF_LEN,
    SKF_AD_OFF,
    SKF_AD_PKTTYPE,
    SKF_AD_VLAN_TAG,
    SKF_AD_VLAN_TAG_PRESENT,
)
from userland.net.bpf import And, Constant, Not, Or, Test, equals, every, header_length, load, some
from userland.net.filter_words import FilterError

ETHERTYPES = {
    "ip": 0x0800, "arp": 0x0806, "rarp": 0x8035, "ip6": 0x86DD, "atalk": 0x809B, "aarp": 0x80F3, "decnet": 0x6003, "lat": 0x6004,
    "loopback": 0x9000,
}  # fmt: skip
IP_PROTOCOLS = {
    "icmp": 1, "igmp": 2, "tcp": 6, "igrp": 9, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "pim": 103, "vrrp": 112,
    "sctp": 132,
}  # fmt: skip
# Protocols that IPv4 alone has, and those of IPv6 alone.
ONLY_IP4 = ("icmp", "igmp", "igrp", "vrrp")
ONLY_IP6 = ("icmp6",)
QUALIFIERS = ("ether", *ETHERTYPES, *IP_PROTOCOLS)
PORT_PROTOCOLS = ("tcp", "udp", "sctp")
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
PACKET_OUTGOING = 4
FRAGMENT_HEADER = 44


def beside(what):
    """The instruction that loads what is known beside the packet."""
    return load(4, SKF_AD_OFF + what)


class Ethernet:
    """Conditions for frames with an Ethernet header; a `vlan` in the expression moves what comes behind it."""

    def __init__(self, live, stations=True):
        self.live = live
        self.stations = stations
        self.shift = 0
        self.vlans = 0

    # --- offsets ---

    def type_offset(self):
        return 12 + self.shift

    def ip_offset(self):
        return 14 + self.shift

    def ethertype(self, value):
        return equals(2, self.type_offset(), value)

    # --- protocols ---

    def protocol(self, name):
        """The condition that one protocol's name is."""
        if name == "ether":
            raise FilterError("syntax error in filter expression: 'ether' needs an identifier")
        if name in ETHERTYPES:
            return self.ethertype(ETHERTYPES[name])
        return self.ip_protocol(IP_PROTOCOLS[name], name)

    def ip_protocol(self, number, name=""):
        """IPv4 or IPv6 with this protocol; in IPv6 it may stand behind a fragment header."""
        over4 = And(self.ethertype(ETHERTYPES["ip"]), equals(1, self.ip_offset() + 9, number))
        if name in ONLY_IP4:
            return over4
        over6 = And(self.ethertype(ETHERTYPES["ip6"]), self.next_header(number))
        return over6 if name in ONLY_IP6 else Or(over6, over4)

    def next_header(self, number):
        at = self.ip_offset()
        return Or(equals(1, at + 6, number), And(equals(1, at + 6, FRAGMENT_HEADER), equals(1, at + 40, number)))

    def proto(self, number, protocol):
        """[ether|ip|ip6|arp] proto NUMBER."""
        if protocol == "ether":
            return self.ethertype(number)
        if protocol == "ip":
            return And(self.ethertype(ETHERTYPES["ip"]), equals(1, self.ip_offset() + 9, number))
        if protocol == "ip6":
            return And(self.ethertype(ETHERTYPES["ip6"]), self.next_header(number))
        if protocol:
            raise FilterError(f"'{protocol} proto' is bogus")
        return self.ip_protocol(number)

    def not_a_later_fragment(self):
        return Not(Test([load(2, self.ip_offset() + 6)], BPF_JSET, 0x1FFF))

    # --- addresses ---

    def network(self, address, mask, protocol, direction):
        """[ip|arp|rarp] [src|dst] host or net."""
        if protocol in ("", "ip", "arp", "rarp"):
            kinds = [protocol] if protocol else ["ip", "arp", "rarp"]
            return some(*(self.addresses(kind, address, mask, direction) for kind in kinds))
        raise FilterError(f"'{protocol}' modifier applied to host")

    def addresses(self, kind, address, mask, direction):
        source, target = (12, 16) if kind == "ip" else (14, 24)
        at = self.ip_offset()
        ends = []
        for offset in (source, target):
            if mask == 0:
                ends.append(Constant(True))
            else:
                ends.append(equals(4, at + offset, address, mask))
        return And(self.ethertype(ETHERTYPES[kind]), directed(direction, *ends))

    def station(self, address, direction):
        """ether [src|dst] host: the last four bytes first, which differ most."""
        self.need_stations("ethernet addresses supported only on Ethernet")
        ends = []
        for offset in (6, 0):
            low = equals(4, offset + 2, int.from_bytes(address[2:], "big"))
            ends.append(And(low, equals(2, offset, int.from_bytes(address[:2], "big"))))
        return directed(direction, *ends)

    def need_stations(self, text):
        if not self.stations:
            raise FilterError(text)

    def broadcast(self, protocol):
        if protocol in ("", "ether"):
            self.need_stations("not a broadcast link")
            return And(equals(4, 2, 0xFFFFFFFF), equals(2, 0, 0xFFFF))
        if protocol == "ip":
            raise FilterError("netmask not known, so 'ip broadcast' not supported")
        raise FilterError("only link-layer/IP broadcast filters supported")

    def multicast(self, protocol):
        if protocol in ("", "ether"):
            self.need_stations("link-layer multicast filters supported only on Ethernet")
            return Test([load(1, 0)], BPF_JSET, 1)
        if protocol == "ip":
            return And(self.ethertype(ETHERTYPES["ip"]), Test([load(1, self.ip_offset() + 16)], BPF_JGE, 224))
        if protocol == "ip6":
            return And(self.ethertype(ETHERTYPES["ip6"]), equals(1, self.ip_offset() + 24, 255))
        raise FilterError(f"'{protocol} multicast' is not known: ether, ip and ip6 have multicast addresses")

    # --- ports ---

    def port(self, first, last, protocol, direction):
        """[tcp|udp|sctp] [src|dst] port or portrange, over IPv4 (not in later fragments) and IPv6."""
        if protocol and protocol not in PORT_PROTOCOLS:
            raise FilterError(f"illegal qualifier of 'port': '{protocol}'")
        numbers = [IP_PROTOCOLS[name] for name in ([protocol] if protocol else ("sctp", "tcp", "udp"))]
        at = self.ip_offset()
        ends6 = [in_range([load(2, at + 40 + offset)], first, last) for offset in (0, 2)]
        ends4 = [in_range([header_length(at), load(2, at + offset, True)], first, last) for offset in (0, 2)]
        over6 = every(
            self.ethertype(ETHERTYPES["ip6"]), some(*(equals(1, at + 6, number) for number in numbers)),
            directed(direction, *ends6),
        )  # fmt: skip
        over4 = every(
            self.ethertype(ETHERTYPES["ip"]), some(*(equals(1, at + 9, number) for number in numbers)),
            self.not_a_later_fragment(), directed(direction, *ends4),
        )  # fmt: skip
        return Or(over6, over4)

    # --- the rest ---

    def length(self, limit, greater):
        """less N and greater N, both inclusive."""
        instructions = [(BPF_LD | BPF_LEN, 0)]
        return Test(instructions, BPF_JGE, limit) if greater else Not(Test(instructions, BPF_JGT, limit))

    def vlan(self, vid):
        """vlan [N]: the outermost tag stands beside a live packet, and in the packet of a file."""
        self.vlans += 1
        if self.live and self.vlans == 1:
            condition = Test([beside(SKF_AD_VLAN_TAG_PRESENT)], BPF_JEQ, 1)
            if vid is not None:
                masked = (BPF_ALU | BPF_AND | BPF_K, 0xFFF)
                condition = And(condition, Test([beside(SKF_AD_VLAN_TAG), masked], BPF_JEQ, vid))
            return condition
        condition = some(*(self.ethertype(kind) for kind in VLAN_TYPES))
        if vid is not None:
            condition = And(condition, equals(2, self.ip_offset(), vid, 0xFFF))
        self.shift += 4
        return condition

    def outgoing(self, wanted):
        """inbound and outbound: only a live packet has a direction."""
        if not self.live:
            raise FilterError("inbound/outbound not supported on Ethernet when reading savefiles")
        condition = Test([beside(SKF_AD_PKTTYPE)], BPF_JEQ, PACKET_OUTGOING)
        return condition if wanted else Not(condition)


def directed(direction, source, target):
    """The ends that a direction means."""
    if direction == "src":
        return source
    if direction == "dst":
        return target
    return And(source, target) if direction == "src and dst" else Or(source, target)


def in_range(instructions, first, last):
    """A value between two others, both inclusive."""
    if first == last:
        return Test(instructions, BPF_JEQ, first)
    return And(Test(instructions, BPF_JGE, first), Not(Test(instructions, BPF_JGT, last)))
