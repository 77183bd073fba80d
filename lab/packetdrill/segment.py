"""TCP and ICMP as bytes on tun0: IP packets built for the peer, and the machine's taken apart."""

import struct
from dataclasses import dataclass

from kernel.lib.checksum import csum_bytes, csum_fold, csum_tcpudp_nofold
from kernel.uapi.in_ import IPPROTO_ICMP, IPPROTO_TCP, inet_addr
from lab.packetdrill.packet_syntax import EOL, EXPERIMENTAL, FAST_OPEN, MD5, MSS, NOP, SACK, SACK_OK, TIMESTAMP, WSCALE
from lab.packetdrill.script import Option

LOCAL = "192.168.0.1"
REMOTE = "192.0.2.1"
U32 = 0xFFFFFFFF
# The letters of packetdrill: C is the accurate-ECN bit of RFC 9768, which nobody here sets.
BITS = (("F", 0x01), ("S", 0x02), ("R", 0x04), ("P", 0x08), (".", 0x10), ("U", 0x20), ("E", 0x40), ("W", 0x80))
ORDER = "SFRPUEW."
FO_IDENTIFIER = b"\xf9\x89"


def flag_bits(text):
    """The flags byte of letters."""
    return sum(bit for letter, bit in BITS if letter in text)


def flag_text(bits):
    """The letters of a flags byte, in the order in which scripts write them."""
    names = dict(BITS)
    return "".join(letter for letter in ORDER if bits & names[letter])


@dataclass
class Segment:
    """A TCP segment that the machine has sent; numbers are those on the wire.  `time` in ns."""

    time: int
    source: tuple[str, int]
    target: tuple[str, int]
    seq: int
    ack: int
    flags: int
    win: int
    urg: int
    options: list[Option]
    length: int
    tos: int


def dotted(raw):
    return ".".join(str(byte) for byte in raw)


def decode(time, packet):
    """The `Segment` in an IP packet of the machine's, or None when it is not TCP."""
    if packet[9] != IPPROTO_TCP:
        return None
    header = (packet[0] & 15) * 4
    tcp = packet[header:]
    sport, dport, seq, ack, offset, flags, win, _, urg = struct.unpack("!HHIIBBHHH", tcp[:20])
    size = (offset >> 4) * 4
    return Segment(
        time, (dotted(packet[12:16]), sport), (dotted(packet[16:20]), dport), seq, ack, flags, win, urg,
        decode_options(tcp[20:size]), len(tcp) - size, packet[1],
    )  # fmt: skip


def decode_options(raw):
    """[Option] with the numbers of the wire; what is cut off ends the list."""
    found = []
    position = 0
    while position < len(raw):
        kind = raw[position]
        if kind in (EOL, NOP):
            found.append(Option(kind))
            position += 1
            continue
        size = raw[position + 1] if position + 1 < len(raw) else 0
        value = raw[position + 2 : position + size]
        if size < 2 or len(value) != size - 2:
            break
        found.append(decode_option(kind, value))
        position += size
    return found


def decode_option(kind, value):
    if kind == MSS or kind == WSCALE:
        return Option(kind, int.from_bytes(value, "big"))
    if kind == SACK_OK:
        return Option(kind)
    if kind == SACK:
        edges = struct.unpack(f"!{len(value) // 4}I", value[: len(value) // 4 * 4])
        return Option(kind, list(zip(edges[::2], edges[1::2], strict=False)))
    if kind == TIMESTAMP and len(value) == 8:
        return Option(kind, struct.unpack("!II", value))
    if kind == EXPERIMENTAL and value[:2] == FO_IDENTIFIER:
        return Option(kind, value[2:], True)
    return Option(kind, value)


def encode_option(option):
    """The bytes of one option with the numbers of the wire."""
    value = option.value
    if option.kind in (EOL, NOP):
        return bytes([option.kind])
    if option.kind == MSS:
        value = struct.pack("!H", value)
    elif option.kind == WSCALE:
        value = bytes([value])
    elif option.kind == TIMESTAMP:
        value = struct.pack("!II", *value)
    elif option.kind == SACK:
        value = b"".join(struct.pack("!II", *block) for block in value)
    elif option.experimental:
        value = FO_IDENTIFIER + (value or b"")
    return bytes([option.kind, 2 + len(value or b"")]) + (value or b"")


def option_text(option, numbers=""):
    """An option as a script writes it."""
    value = option.value
    names = {EOL: "eol", NOP: "nop", SACK_OK: "sackOK"}
    if option.kind in names:
        return names[option.kind]
    if option.kind == MSS:
        return f"mss {value}"
    if option.kind == WSCALE:
        return f"wscale {value}"
    if option.kind == TIMESTAMP:
        return f"TS val {value[0]} ecr {value[1]}"
    if option.kind == SACK:
        return " ".join(["sack", *(f"{start}:{end}" for start, end in value)])
    name = {MD5: "md5", FAST_OPEN: "FO", EXPERIMENTAL: "FOEXP"}.get(option.kind, f"option {option.kind}")
    return f"{name} {value.hex()}" if value else name


def ip(protocol, payload, tos=0, source=REMOTE, target=LOCAL, ident=1):
    """An IPv4 packet (RFC 791)."""
    header = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(payload), ident, 0, 64, protocol, 0)
    header += inet_addr(source).to_bytes(4, "big") + inet_addr(target).to_bytes(4, "big")
    return header[:10] + csum_fold(csum_bytes(header)).to_bytes(2, "big") + header[12:] + payload


def tcp(source, target, seq, ack, flags, win, urg, options, length, tos=0):
    """An IP packet with a TCP segment of `length` zero bytes from `source` to `target` (address, port)."""
    raw = b"".join(encode_option(option) for option in options)
    raw += bytes(-len(raw) % 4)
    size = 20 + len(raw)
    head = struct.pack("!HHIIBBHHH", source[1], target[1], seq & U32, ack & U32, size << 2, flags, win, 0, urg) + raw
    body = head + bytes(length)
    pseudo = csum_tcpudp_nofold(inet_addr(source[0]), inet_addr(target[0]), len(body), IPPROTO_TCP, 0)
    total = csum_fold(csum_bytes(body, pseudo))
    return ip(IPPROTO_TCP, body[:16] + total.to_bytes(2, "big") + body[18:], tos, source[0], target[0])


def icmp(kind, code, mtu, quoted):
    """An IP packet with an ICMP message that quotes `quoted`, a packet of the machine's (RFC 792, RFC 1191)."""
    body = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quoted
    return ip(IPPROTO_ICMP, body[:2] + csum_fold(csum_bytes(body)).to_bytes(2, "big") + body[4:])
