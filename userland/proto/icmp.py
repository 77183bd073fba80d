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
    4: "Frag needed and DF set",
    5: "Source Route Failed",
    6: "Destination Net Unknown",
    7: "Destination Host Unknown",
    9: "Destination Net Prohibited",
    10: "Destination Host Prohibited",
    13: "Packet filtered",
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

    __slots__ = ("kind", "code", "ident", "sequence", "size")

    def __init__(self, kind, code, ident, sequence, size):
        self.kind = kind
        self.code = code
        self.ident = ident
        self.sequence = sequence
        self.size = size

    def error_text(self):
        """What ping prints for an error message."""
        if self.kind == UNREACHABLE:
            return UNREACHABLE_TEXTS.get(self.code, f"Dest Unreachable, Bad Code: {self.code}")
        if self.kind == TIME_EXCEEDED:
            return "Frag reassembly time exceeded" if self.code == 1 else "Time to live exceeded"
        return "Parameter problem"


def parse(message):
    """A `Message`, or None for what is neither an echo reply nor an error about an echo request."""
    if len(message) < HEADER_SIZE:
        return None
    kind, code = message[0], message[1]
    if kind == ECHO_REPLY:
        ident = message[4] << 8 | message[5]
        return Message(kind, code, ident, message[6] << 8 | message[7], len(message))
    if kind not in (UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM):
        return None
    inner = strip_ip(message[HEADER_SIZE:])
    if inner is None or message[HEADER_SIZE + 9] != 1 or len(inner[2]) < HEADER_SIZE or inner[2][0] != ECHO_REQUEST:
        return None
    quoted = inner[2]
    return Message(kind, code, quoted[4] << 8 | quoted[5], quoted[6] << 8 | quoted[7], len(message))
