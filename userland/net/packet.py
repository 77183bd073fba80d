"""A captured Ethernet frame taken apart: what filters ask about and what is printed.

Nothing here raises on garbage: a header that is cut short leaves its fields unset.
"""

from userland import libc
from userland.libc.inet import format_quad

ETHERNET_SIZE = 14
VLAN_SIZE = 4
MAX_VLANS = 2


class Packet:
    """The headers of one frame.  `src`, `dst` are address integers (-1: none), ports are -1 where there are none."""

    __slots__ = (
        "frame",
        "length",
        "destination",
        "source",
        "vlans",
        "ethertype",
        "network",
        "src",
        "dst",
        "protocol",
        "ip_header",
        "ip_length",
        "fragment",
        "more_fragments",
        "transport",
        "sport",
        "dport",
    )

    def __init__(self, frame, length=-1):
        self.frame = frame
        self.length = len(frame) if length < 0 else length
        self.destination = bytes(frame[:6])
        self.source = bytes(frame[6:12])
        self.vlans = []
        self.ethertype = -1
        self.network = ETHERNET_SIZE
        self.src = self.dst = -1
        self.protocol = -1
        self.ip_header = self.ip_length = 0
        self.fragment = 0
        self.more_fragments = False
        self.transport = 0
        self.sport = self.dport = -1
        if len(frame) >= ETHERNET_SIZE:
            self.link()

    def word(self, offset):
        """Two bytes at `offset` as a number."""
        return self.frame[offset] << 8 | self.frame[offset + 1]

    def long(self, offset):
        """Four bytes at `offset` as a number."""
        return self.word(offset) << 16 | self.word(offset + 2)

    def link(self):
        self.ethertype = self.word(12)
        while self.ethertype == libc.ETH_P_8021Q and len(self.vlans) < MAX_VLANS:
            if self.network + VLAN_SIZE > len(self.frame):
                return
            self.vlans.append(self.word(self.network) & 0xFFF)
            self.ethertype = self.word(self.network + 2)
            self.network += VLAN_SIZE
        if self.ethertype == libc.ETH_P_IP:
            self.ip()
        elif self.ethertype == libc.ETH_P_ARP and self.network + 28 <= len(self.frame):
            self.src = self.long(self.network + 14)
            self.dst = self.long(self.network + 24)

    def ip(self):
        start = self.network
        if start + 20 > len(self.frame) or self.frame[start] >> 4 != 4:
            return
        header = (self.frame[start] & 15) * 4
        total = self.word(start + 2)
        if header < 20 or total < header or start + header > len(self.frame):
            return
        self.ip_header = header
        self.ip_length = total
        flags = self.word(start + 6)
        self.fragment = (flags & 0x1FFF) * 8
        self.more_fragments = bool(flags & 0x2000)
        self.protocol = self.frame[start + 9]
        self.src = self.long(start + 12)
        self.dst = self.long(start + 16)
        self.transport = start + header
        if self.fragment == 0 and self.protocol in (libc.IPPROTO_TCP, libc.IPPROTO_UDP):
            if self.transport + 4 <= len(self.frame):
                self.sport = self.word(self.transport)
                self.dport = self.word(self.transport + 2)

    def end(self):
        """Where the IP packet ends in the captured bytes."""
        return min(len(self.frame), self.network + self.ip_length)


TCP_FLAGS = ((0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x20, "U"), (0x40, "E"), (0x80, "W"))
MAX_FLOWS = 4096

ICMP_TEXTS = {
    0: "echo reply",
    3: "unreachable",
    4: "source quench",
    5: "redirect",
    8: "echo request",
    11: "time exceeded in-transit",
    12: "parameter problem",
    13: "time stamp request",
    14: "time stamp reply",
}


class Printer:
    """Packets as tcpdump's lines.  Sequence numbers count from the first that was seen of a connection."""

    def __init__(self, verbose=False, link=False, absolute=False):
        self.verbose = verbose
        self.show_link = link
        self.absolute = absolute
        self.flows = {}

    def line(self, packet):
        """One line (two with -v) without the time stamp."""
        text = self.link_text(packet) if self.show_link else ""
        if packet.ethertype == libc.ETH_P_IP:
            return text + self.ip_text(packet)
        if packet.ethertype == libc.ETH_P_ARP:
            return text + self.arp_text(packet)
        if packet.ethertype < 0:
            return text + f"[|ether], length {packet.length}"
        if self.show_link:
            return text.rstrip(" :,") + f": length {packet.length}"
        return f"ethertype 0x{packet.ethertype:04x}, length {packet.length}"

    def link_text(self, packet):
        tags = "".join(f"vlan {vlan}, " for vlan in packet.vlans)
        names = {libc.ETH_P_IP: "IPv4", libc.ETH_P_ARP: "ARP", 0x86DD: "IPv6"}
        kind = f"ethertype {names.get(packet.ethertype, 'Unknown')} (0x{max(packet.ethertype, 0):04x})"
        source, destination = libc.ether_ntoa(packet.source), libc.ether_ntoa(packet.destination)
        return f"{source} > {destination}, {tags}{kind}, length {packet.length}: "

    def arp_text(self, packet):
        start = packet.network
        if start + 28 > len(packet.frame):
            return "ARP, [|arp]"
        size = len(packet.frame) - start
        operation = packet.word(start + 6)
        sender, target = format_quad(packet.src), format_quad(packet.dst)
        if operation == libc.ARPOP_REQUEST:
            return f"ARP, Request who-has {target} tell {sender}, length {size}"
        if operation == libc.ARPOP_REPLY:
            hardware = libc.ether_ntoa(packet.frame[start + 8 : start + 14])
            return f"ARP, Reply {sender} is-at {hardware}, length {size}"
        return f"ARP, Unknown ({operation}), length {size}"

    def ip_text(self, packet):
        if packet.protocol < 0:
            return "IP, [|ip]"
        head = "IP "
        if self.verbose:
            frame, start = packet.frame, packet.network
            flags = "".join(
                name for bit, name in ((0x40, "DF"), (0x20, "+")) if frame[start + 6] & bit
            )
            head += (
                f"(tos 0x{frame[start + 1]:x}, ttl {frame[start + 8]}, id {packet.word(start + 4)}, "
                f"offset {packet.fragment}, flags [{flags or 'none'}], proto {protocol_name(packet.protocol)} "
                f"({packet.protocol}), length {packet.ip_length})\n    "
            )
        source, destination = format_quad(packet.src), format_quad(packet.dst)
        if packet.fragment:
            return f"{head}{source} > {destination}: {protocol_name(packet.protocol).lower()}"
        if packet.protocol == libc.IPPROTO_TCP and packet.sport >= 0:
            return f"{head}{source}.{packet.sport} > {destination}.{packet.dport}: {self.tcp_text(packet)}"
        if packet.protocol == libc.IPPROTO_UDP and packet.sport >= 0:
            size = packet.ip_length - packet.ip_header - 8
            return f"{head}{source}.{packet.sport} > {destination}.{packet.dport}: UDP, length {size}"
        if packet.protocol == libc.IPPROTO_ICMP:
            return f"{head}{source} > {destination}: {icmp_text(packet)}"
        name = protocol_name(packet.protocol)
        return f"{head}{source} > {destination}: {name.lower()} {packet.ip_length - packet.ip_header}"

    def tcp_text(self, packet):
        frame, start = packet.frame, packet.transport
        if start + 20 > len(frame):
            return "[|tcp]"
        header = (frame[start + 12] >> 4) * 4
        payload = packet.ip_length - packet.ip_header - header
        if header < 20 or payload < 0:
            return f"tcp {packet.ip_length - packet.ip_header} [bad hdr length {header}]"
        bits = frame[start + 13]
        flags = "".join(name for bit, name in TCP_FLAGS if bits & bit) + ("." if bits & 0x10 else "")
        sequence, acknowledgement = packet.long(start + 4), packet.long(start + 8)
        shown, shown_ack = self.relative(packet, sequence, acknowledgement, bits)
        text = f"Flags [{flags or 'none'}]"
        if payload or bits & 0x07:
            text += f", seq {shown}" + (f":{(shown + payload) & 0xFFFFFFFF}" if payload else "")
        if bits & 0x10:
            text += f", ack {shown_ack}"
        text += f", win {packet.word(start + 14)}"
        if bits & 0x20:
            text += f", urg {packet.word(start + 18)}"
        options = tcp_options(bytes(frame[start + 20 : min(start + header, len(frame))]))
        if options:
            text += f", options [{options}]"
        return text + f", length {payload}"

    def relative(self, packet, sequence, acknowledgement, bits):
        if self.absolute:
            return sequence, acknowledgement
        key = (packet.src, packet.sport, packet.dst, packet.dport)
        reverse = (packet.dst, packet.dport, packet.src, packet.sport)
        if bits & 0x02 or key not in self.flows:
            if len(self.flows) >= MAX_FLOWS:
                self.flows.clear()
            self.flows[key] = sequence
            if bits & 0x10 and not (bits & 0x02 and reverse in self.flows):
                self.flows.setdefault(reverse, acknowledgement - (1 if bits & 0x02 else 0))
            # The first number seen is printed as it is, all later ones count from it.
            base = self.flows.get(reverse, acknowledgement)
            known = bool(bits & 0x02)
            return sequence, (acknowledgement - base) & 0xFFFFFFFF if known else acknowledgement
        base = self.flows.get(reverse, 0)
        return (sequence - self.flows[key]) & 0xFFFFFFFF, (acknowledgement - base) & 0xFFFFFFFF


def protocol_name(protocol):
    """The name of an IP protocol number."""
    return {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE"}.get(protocol, f"ip-proto-{protocol}")


def icmp_text(packet):
    """ICMP as tcpdump says it."""
    frame, start = packet.frame, packet.transport
    size = packet.ip_length - packet.ip_header
    if start + 8 > len(frame):
        return "[|icmp]"
    kind, code = frame[start], frame[start + 1]
    text = ICMP_TEXTS.get(kind, f"type-#{kind}")
    if kind in (0, 8):
        return f"ICMP {text}, id {packet.word(start + 4)}, seq {packet.word(start + 6)}, length {size}"
    if kind == 3:
        return f"ICMP {unreachable_text(frame, start, code, packet)}, length {size}"
    return f"ICMP {text}, length {size}"


def unreachable_text(frame, start, code, packet):
    inner = start + 8
    if inner + 20 > len(frame):
        return f"unreachable - #{code}"
    target = format_quad(packet.long(inner + 16))
    if code == 0:
        return f"net {target} unreachable"
    if code == 1:
        return f"host {target} unreachable"
    if code == 2:
        return f"{target} protocol {frame[inner + 9]} unreachable"
    header = (frame[inner] & 15) * 4
    if code == 3 and inner + header + 4 <= len(frame):
        name = protocol_name(frame[inner + 9]).lower()
        return f"{target} {name} port {packet.word(inner + header + 2)} unreachable"
    if code == 4:
        return f"{target} unreachable - need to frag (mtu {packet.word(start + 6)})"
    return f"{target} unreachable - #{code}"


def tcp_options(raw):
    """The TCP options as tcpdump lists them; a length that lies ends the list."""
    out = []
    position = 0
    while position < len(raw):
        kind = raw[position]
        if kind == 0:
            out.append("eol")
            break
        if kind == 1:
            out.append("nop")
            position += 1
            continue
        if position + 1 >= len(raw) or raw[position + 1] < 2 or position + raw[position + 1] > len(raw):
            out.append("[bad opt]")
            break
        data = raw[position + 2 : position + raw[position + 1]]
        position += raw[position + 1]
        if kind == 2 and len(data) == 2:
            out.append(f"mss {int.from_bytes(data, 'big')}")
        elif kind == 3 and len(data) == 1:
            out.append(f"wscale {data[0]}")
        elif kind == 4:
            out.append("sackOK")
        elif kind == 5 and len(data) % 8 == 0:
            edges = [int.from_bytes(data[index : index + 4], "big") for index in range(0, len(data), 4)]
            blocks = "".join(f"{{{left}:{right}}}" for left, right in zip(edges[::2], edges[1::2], strict=True))
            out.append(f"sack {len(edges) // 2} {blocks}")
        elif kind == 8 and len(data) == 8:
            out.append(f"TS val {int.from_bytes(data[:4], 'big')} ecr {int.from_bytes(data[4:], 'big')}")
        else:
            out.append(f"unknown-{kind} 0x{data.hex()}")
    return ",".join(out)


def hex_dump(data, text=True):
    """The bytes in rows of sixteen, as tcpdump -x (or with text: -X) prints them."""
    lines = []
    for offset in range(0, len(data), 16):
        row = bytes(data[offset : offset + 16])
        groups = " ".join(row[index : index + 2].hex() for index in range(0, len(row), 2))
        line = f"\t0x{offset:04x}:  {groups}"
        if text:
            shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            line = f"\t0x{offset:04x}:  {groups:<39}  {shown}"
        lines.append(line)
    return "\n".join(lines)
