"""A captured Ethernet frame taken apart: what filters ask about and what is printed.

Nothing here raises on garbage: a header that is cut short leaves its fields unset.
"""

from userland import libc

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
        "tags",
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
        "cooked",
    )

    def __init__(self, frame, length=-1):
        self.frame = frame
        self.length = len(frame) if length < 0 else length
        # What stands in the place of the Ethernet header in a capture of several devices, with the length of its record.
        self.cooked = None
        self.destination = bytes(frame[:6])
        self.source = bytes(frame[6:12])
        self.vlans = []
        # The tags whole: priority, drop eligibility and VLAN.
        self.tags = []
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
            self.tags.append(self.word(self.network))
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


def hex_dump(data, text=True):
    """The bytes in rows of sixteen, as tcpdump -x (or with text: -X) prints them."""
    lines = []
    for offset in range(0, len(data), 16):
        row = bytes(data[offset : offset + 16])
        groups = " ".join(row[index : index + 2].hex() for index in range(0, len(row), 2))
        line = f"\t0x{offset:04x}:  {groups}"
        if text:
            shown = "".join(chr(byte) if 33 <= byte < 127 else "." for byte in row)
            line = f"\t0x{offset:04x}:  {groups:<39}  {shown}"
        lines.append(line)
    return "\n".join(lines)


def ascii_dump(data):
    """The bytes as text (tcpdump -A): what can not be printed is a dot, line ends stay and lose their CR."""
    text = bytes(data).replace(b"\r\n", b"\n")
    return "".join(chr(byte) if 32 <= byte < 127 or byte in (9, 10) else "." for byte in text)
