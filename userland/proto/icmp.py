"""ICMP echo as ping builds and reads it (RFC 792), and the Internet checksum (RFC 1071)."""

ECHO_REPLY = 0
UNREACHABLE = 3
REDIRECT = 5
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12
HEADER_SIZE = 8

UNREACHABLE_TEXTS = {
    0: "Destination Net Unreachable",
    1: "Destination Host Unreachable",
    2: "Destination Protocol Unreachable",
    3: "Destination Port Unreachable",
    5: "Source Route Failed",
    6: "Destination Net Unknown",
    7: "Destination Host Unknown",
    9: "Destination Net Prohibited",
    10: "Destination Host Prohibited",
    13: "Packet filtered",
}

REDIRECT_TEXTS = {
    0: "Redirect Network",
    1: "Redirect Host",
    2: "Redirect Type of Service and Network",
    3: "Redirect Type of Service and Host",
}


def checksum(data):
    """The ones-complement checksum of bytes; 0 over data that carries its own."""
    even = memoryview(data)[: len(data) & ~1]
    total = sum(even[0::2]) << 8
    total += sum(even[1::2])
    if len(data) & 1:
        total += data[-1] << 8
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


class EchoRequest:
    """One echo request that is sent again and again: only the sequence number and the checksum change."""

    def __init__(self, ident, payload):
        self.packet = bytearray(HEADER_SIZE + len(payload))
        self.packet[0] = ECHO_REQUEST
        self.packet[4:6] = ident.to_bytes(2, "big")
        self.packet[HEADER_SIZE:] = payload
        self.base = ~checksum(self.packet) & 0xFFFF

    def with_sequence(self, sequence):
        """The packet for this sequence number (16 bits); valid until the next call."""
        total = self.base + sequence
        total = (total >> 16) + (total & 0xFFFF)
        self.packet[6:8] = sequence.to_bytes(2, "big")
        self.packet[2:4] = (~total & 0xFFFF).to_bytes(2, "big")
        return self.packet


def strip_ip(packet):
    """(source dotted quad, ttl, ICMP message) of an IP packet that a raw socket gave, or None."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    size = (packet[0] & 15) * 4
    if size < 20 or size > len(packet):
        return None
    return ".".join(str(byte) for byte in packet[12:16]), packet[8], packet[size:]


class Message:
    """A received ICMP message: an echo reply, or an error about one of our requests."""

    __slots__ = ("kind", "code", "ident", "sequence", "size", "extra")

    def __init__(self, kind, code, ident, sequence, size, extra=0):
        self.kind = kind
        self.code = code
        self.ident = ident
        self.sequence = sequence
        self.size = size
        # The second word of an error: a router's address, an MTU, a pointer.
        self.extra = extra

    def error_text(self):
        """What ping prints for an error message."""
        if self.kind == UNREACHABLE and self.code == 4:
            return f"Frag needed and DF set (mtu = {self.extra & 0xFFFF})"
        if self.kind == REDIRECT:
            what = REDIRECT_TEXTS.get(self.code, f"Redirect, Bad Code: {self.code}")
            return f"{what}(New nexthop: {'.'.join(str(byte) for byte in self.extra.to_bytes(4, 'big'))})"
        if self.kind == UNREACHABLE:
            return UNREACHABLE_TEXTS.get(self.code, f"Dest Unreachable, Bad Code: {self.code}")
        if self.kind == TIME_EXCEEDED:
            return "Frag reassembly time exceeded" if self.code == 1 else "Time to live exceeded"
        return f"Parameter problem: pointer = {self.extra >> 24}"


def parse(message):
    """A `Message`, or None for what is neither an echo reply nor an error about an echo request."""
    if len(message) < HEADER_SIZE:
        return None
    kind, code = message[0], message[1]
    if kind == ECHO_REPLY:
        ident = message[4] << 8 | message[5]
        return Message(kind, code, ident, message[6] << 8 | message[7], len(message))
    if kind not in (UNREACHABLE, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM):
        return None
    inner = strip_ip(message[HEADER_SIZE:])
    if inner is None or message[HEADER_SIZE + 9] != 1 or len(inner[2]) < HEADER_SIZE or inner[2][0] != ECHO_REQUEST:
        return None
    quoted = inner[2]
    extra = int.from_bytes(message[4:8], "big")
    return Message(kind, code, quoted[4] << 8 | quoted[5], quoted[6] << 8 | quoted[7], len(message), extra)


class Quoted:
    """An ICMP error and what it quotes: `protocol` and `target` of the packet that caused it, `head` its first bytes."""

    __slots__ = ("kind", "code", "protocol", "target", "head", "mtu")

    def __init__(self, kind, code, protocol, target, head, mtu):
        self.kind = kind
        self.code = code
        self.protocol = protocol
        self.target = target
        self.head = head
        self.mtu = mtu


def parse_quoted(message):
    """A `Quoted` of an ICMP error, or None for anything else; `mtu` is 0 unless a packet was too large (RFC 1191)."""
    if len(message) < HEADER_SIZE + 28 or message[0] not in (UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM):
        return None
    quoted = message[HEADER_SIZE:]
    inner = strip_ip(quoted)
    if inner is None or len(inner[2]) < 8:
        return None
    target = ".".join(str(byte) for byte in quoted[16:20])
    needed = message[0] == UNREACHABLE and message[1] == 4
    mtu = message[6] << 8 | message[7] if needed else 0
    return Quoted(message[0], message[1], quoted[9], target, bytes(inner[2][:8]), mtu)


RECORD_ROUTE = 7
MAX_OPTIONS = 40


def record_route_option():
    """An IP option that has room for the nine addresses that fit (RFC 791 section 3.1)."""
    return bytes([1, RECORD_ROUTE, MAX_OPTIONS - 1, 4]).ljust(MAX_OPTIONS, b"\0")


def recorded_route(packet):
    """The addresses (dotted quads) in the record route option of an IP packet, or None when it has none."""
    end = min((packet[0] & 15) * 4, len(packet))
    position = 20
    while position < end:
        kind = packet[position]
        if kind == 0:
            break
        if kind == 1:
            position += 1
            continue
        if position + 1 >= end or packet[position + 1] < 2 or position + packet[position + 1] > end:
            break
        size = packet[position + 1]
        if kind == RECORD_ROUTE and size >= 3:
            filled = min(packet[position + 2] - 1, size)
            return [
                ".".join(str(byte) for byte in packet[at : at + 4])
                for at in range(position + 3, position + filled - 3, 4)
            ]
        position += size
    return None
