"""Packets as tcpdump's lines: the link layer, ARP, IP, and what IP carries."""

from userland import libc
from userland.libc.inet import format_quad
from userland.net.cooked import header_size
from userland.net.packet import ETHERNET_SIZE, Packet
from userland.net.pcap import LINKTYPE_LINUX_SLL, LINKTYPE_RAW
from userland.net.print_dhcp import dhcp_text
from userland.net.print_dns import dns_text
from userland.net.print_icmp import icmp_text
from userland.net.print_igmp import igmp_text
from userland.net.print_tcp import TcpPrinter
from userland.proto.icmp import checksum

ETHERTYPES = {libc.ETH_P_IP: "IPv4", libc.ETH_P_ARP: "ARP", 0x86DD: "IPv6", 0x8035: "Reverse ARP", 0x88CC: "LLDP"}
PROTOCOLS = {
    1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE", 50: "ESP", 51: "AH", 89: "OSPF", 103: "PIM", 112: "VRRP",
    132: "SCTP",
}  # fmt: skip
ECN_TEXTS = ("", ",ECT(1)", ",ECT(0)", ",CE")
OPTION_NAMES = {0: "EOL", 1: "NOP", 7: "RR", 68: "timestamp", 131: "LSRR", 137: "SSRR", 148: "RA"}
DNS_PORTS = (53, 5353)
DHCP_PORTS = (67, 68)
MAX_NESTING = 3
ARP_OPERATIONS = {1: "Request", 2: "Reply", 3: "Reverse Request", 4: "Reverse Reply"}


class Printer:
    """Options as tcpdump's: `verbose` -v, `link` -e, `absolute` -S, `quiet` -q; `names` turns ports into names (no -n)."""

    def __init__(self, verbose=False, link=False, absolute=False, quiet=False, names=False):
        self.verbose = verbose
        self.show_link = link
        self.quiet = quiet
        self.names = names
        # Errors that quote errors that quote errors ...
        self.nested = 0
        self.tcp = TcpPrinter(self, absolute)

    def line(self, packet):
        """One line (more with -v) without the time stamp."""
        text = self.link_text(packet) if self.show_link else ""
        if packet.cooked is not None and packet.tags:
            text += self.tags_text(packet)
        if packet.ethertype == libc.ETH_P_IP:
            return text + self.ip_text(packet, "" if self.show_link else "IP ")
        if packet.ethertype in (libc.ETH_P_ARP, 0x8035):
            return text + ("" if self.show_link else "ARP, ") + self.arp_text(packet)
        if packet.ethertype < 0:
            return text + f"[|ether], length {packet.length}"
        if self.show_link:
            return text.rstrip(" :,")
        if packet.ethertype < 0x600:
            return f"802.3, length {packet.ethertype}"
        return f"ethertype {ETHERTYPES.get(packet.ethertype, 'Unknown')} (0x{packet.ethertype:04x}), length {packet.length}"

    def link_text(self, packet):
        if packet.ethertype < 0:
            return ""
        if packet.cooked is not None:
            return self.cooked_text(packet, packet.cooked)
        source, destination = libc.ether_ntoa(packet.source), libc.ether_ntoa(packet.destination)
        destination = "Broadcast" if self.names and destination == "ff:ff:ff:ff:ff:ff" else destination
        outer = libc.ETH_P_8021Q if packet.vlans else packet.ethertype
        if outer == libc.ETH_P_8021Q:
            tags = "".join(f"vlan {tag & 0xFFF}, p {tag >> 13}, " for tag in packet.tags)
            inner = f"ethertype {ETHERTYPES.get(packet.ethertype, 'Unknown')} (0x{packet.ethertype:04x}), "
            return f"{source} > {destination}, ethertype 802.1Q (0x8100), length {packet.length}: {tags}{inner}"
        if packet.ethertype < 0x600:
            return f"{source} > {destination}, 802.3, length {packet.ethertype}: "
        kind = f"ethertype {ETHERTYPES.get(packet.ethertype, 'Unknown')} (0x{packet.ethertype:04x})"
        return f"{source} > {destination}, {kind}, length {packet.length}: "

    def cooked_text(self, packet, cooked):
        """-e of a capture of several devices; the length is that of the whole record."""
        if cooked.link == LINKTYPE_RAW:
            return "ip: "
        address = libc.ether_ntoa(cooked.address)
        text = f"ifindex {cooked.ifindex} {address} "
        if cooked.link == LINKTYPE_LINUX_SLL:
            text = f"{cooked.direction():>3} {address} "
        if self.quiet:
            return text
        outer = libc.ETH_P_8021Q if packet.vlans else packet.ethertype
        length = packet.length - ETHERNET_SIZE + header_size(cooked.link)
        kind = ETHERTYPES.get(outer, "802.1Q" if packet.vlans else "Unknown")
        return text + f"ethertype {kind} (0x{outer:04x}), length {length}: "

    def tags_text(self, packet):
        """The tags behind a cooked header, which are shown without -e as well."""
        text = ""
        inner = [*["802.1Q"] * (len(packet.tags) - 1), ETHERTYPES.get(packet.ethertype, "Unknown")]
        for tag, kind in zip(packet.tags, inner, strict=True):
            text += f"vlan {tag & 0xFFF}, p {tag >> 13}, " if self.show_link else ""
            text += "" if self.quiet else f"ethertype {kind}, "
        return text

    # --- ARP ---

    def arp_text(self, packet):
        start = packet.network
        frame = packet.frame
        if start + 28 > len(frame):
            return "[|arp]"
        size = packet.length - start
        operation = packet.word(start + 6)
        sender, target = format_quad(packet.long(start + 14)), format_quad(packet.long(start + 24))
        sender_mac = libc.ether_ntoa(frame[start + 8 : start + 14])
        target_mac = libc.ether_ntoa(frame[start + 18 : start + 24])
        head = "Ethernet (len 6), IPv4 (len 4), " if self.verbose else ""
        head += ARP_OPERATIONS.get(operation, f"Unknown ({operation})")
        if operation == libc.ARPOP_REQUEST:
            known = f" ({target_mac})" if any(frame[start + 18 : start + 24]) else ""
            return f"{head} who-has {target}{known} tell {sender}, length {size}"
        if operation == libc.ARPOP_REPLY:
            return f"{head} {sender} is-at {sender_mac}, length {size}"
        if operation == 3:
            return f"{head} who-is {target_mac} tell {sender_mac}, length {size}"
        if operation == 4:
            return f"{head} {target_mac} at {target}, length {size}"
        return f"{head}, length {size}"

    # --- IP ---

    def ip_text(self, packet, label="IP "):
        if packet.protocol < 0:
            return f"{label}[|ip]"
        head = label
        if self.verbose:
            head += self.header_text(packet) + "\n    "
        source, destination = format_quad(packet.src), format_quad(packet.dst)
        if packet.fragment:
            return f"{head}{source} > {destination}: {fragment_name(packet.protocol)}"
        if packet.protocol in (libc.IPPROTO_TCP, libc.IPPROTO_UDP) and packet.sport >= 0:
            kind = "tcp" if packet.protocol == libc.IPPROTO_TCP else "udp"
            source += f".{self.port(packet.sport, kind)}"
            destination += f".{self.port(packet.dport, kind)}"
            text = self.tcp.text(packet) if kind == "tcp" else self.udp_text(packet)
            return f"{head}{source} > {destination}: {text}"
        if packet.protocol == libc.IPPROTO_ICMP:
            return f"{head}{source} > {destination}: {icmp_text(self, packet)}"
        if packet.protocol == 2:
            return f"{head}{source} > {destination}: {igmp_text(packet, self.verbose, self.quiet)}"
        size = packet.ip_length - packet.ip_header
        return f"{head}{source} > {destination}:  ip-proto-{packet.protocol} {size}"

    def header_text(self, packet):
        """-v: what the IP header says."""
        frame, start = packet.frame, packet.network
        flags = "".join(name for bit, name in ((0x40, "DF"), (0x20, "+")) if frame[start + 6] & bit)
        tos = frame[start + 1]
        names = ", ".join(
            (
                f"tos 0x{tos:x}{ECN_TEXTS[tos & 3]}", f"ttl {frame[start + 8]}", f"id {packet.word(start + 4)}",
                f"offset {packet.fragment}", f"flags [{flags or 'none'}]",
                f"proto {PROTOCOLS.get(packet.protocol, 'unknown')} ({packet.protocol})", f"length {packet.ip_length}",
            )
        )  # fmt: skip
        options = option_names(frame[start + 20 : start + packet.ip_header])
        bad = ""
        if checksum(bytes(frame[start : start + packet.ip_header])) != 0:
            bad = f", bad cksum {packet.word(start + 10):x}!"
        return f"({names}" + (f", options ({options})" if options else "") + f"{bad})"

    def quoted(self, data):
        """The packet that an ICMP error quotes."""
        packet = Packet(bytes(12) + b"\x08\x00" + data, len(data) + 14)
        if packet.protocol < 0 or self.nested >= MAX_NESTING:
            return ""
        self.nested += 1
        text = self.ip_text(packet)
        self.nested -= 1
        return text

    def port(self, number, kind):
        entry = libc.getservbyport(number, kind) if self.names else None
        return entry.s_name if entry is not None else number

    def udp_text(self, packet):
        payload = packet.transport + 8
        size = packet.ip_length - packet.ip_header - 8
        data = bytes(packet.frame[payload : packet.end()])
        ports = (packet.sport, packet.dport)
        if not self.quiet and not packet.more_fragments:
            if any(port in DNS_PORTS for port in ports):
                return dns_text(data, size, self.verbose)
            if any(port in DHCP_PORTS for port in ports):
                return dhcp_text(data, size, self.verbose)
        return f"UDP, length {size}"


def fragment_name(protocol):
    return {1: "icmp", 2: "igmp"}.get(protocol, f"ip-proto-{protocol}")


def option_names(raw):
    """The kinds of the IP options, as -v lists them."""
    names = []
    position = 0
    while position < len(raw):
        kind = raw[position]
        names.append(OPTION_NAMES.get(kind, f"unknown {kind}"))
        if kind == 0:
            break
        if kind == 1:
            position += 1
            continue
        if position + 1 >= len(raw) or raw[position + 1] < 2:
            break
        position += raw[position + 1]
    return ",".join(names)


