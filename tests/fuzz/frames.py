"""Frames out of choices: every kind that the receive path knows, right at first, then made wrong where the input says.

A builder takes the choices and the peer, which knows the sequence numbers that the guest expects, and returns a list
of frames.
"""

import struct

from .peer import ACK, FIN, GUEST_IP, ICMP, MASK, PEER_IP, PEER_MAC, PSH, RST, SYN, TCP, UDP, checksum, pseudo_sum

GUEST_MAC = bytes.fromhex("525400123456")
BROADCAST = b"\xff" * 6
ALL_HOSTS_MAC = bytes.fromhex("01005e000001")
ALL_HOSTS = 0xE0000001
LISTENING, ECHO, CONNECTED, CLOSED = 7, 9, 11, 4444
OUTGOING, CONNECTED_TO = 80, 12
PORTS = (LISTENING, ECHO, CONNECTED, CLOSED, 0, 53, 68, 65535)
SOURCES = (PEER_IP, PEER_IP, PEER_IP, 0x0A000003, GUEST_IP, 0, 0xFFFFFFFF, 0x7F000001, ALL_HOSTS, 0x08080808, 0x0A0000FF)
DESTINATIONS = (GUEST_IP, GUEST_IP, GUEST_IP, GUEST_IP, 0x0A0000FF, 0xFFFFFFFF, ALL_HOSTS, 0x0A000003, 0x7F000001, 0)
SIZES = (0, 1, 2, 7, 8, 100, 536, 1400, 1459, 1460, 1472)
FLAGS = (ACK, ACK | PSH, ACK | FIN, SYN, SYN | ACK, RST, RST | ACK, 0, ACK | 0x20, 0xFF, 0xC2, SYN | FIN, ACK | 0x40, FIN)
PAYLOAD = bytes(i & 0xFF for i in range(2000))
LONGEST_FRAME = 1514


def ethernet(choices, packet, kind=0x0800):
    """A frame around `packet`: to the guest mostly, sometimes tagged, as SNAP, or for somebody else."""
    target = GUEST_MAC
    if choices.flag(8):
        target = choices.pick((BROADCAST, ALL_HOSTS_MAC, b"\x02" * 6, GUEST_MAC[::-1], b"\x33\x33\0\0\0\1"))
    head = target + PEER_MAC
    if choices.flag(16):
        head += b"\x81\x00" + choices.number(2).to_bytes(2, "big")
    if choices.flag(32):
        packet = b"\xaa\xaa\x03\0\0\0" + kind.to_bytes(2, "big") + packet
        kind = len(packet) & 0xFFFF
    return head + kind.to_bytes(2, "big") + packet


def ip_options(choices):
    """IP options whose lengths and pointers may lie; padded to a multiple of four."""
    if not choices.flag(8):
        return b""
    options = b""
    for _ in range(choices.below(3) + 1):
        kind = choices.pick((0, 1, 7, 68, 131, 137, 148, 130, 255))
        if kind < 2:
            options += bytes([kind])
            continue
        body = choices.piece(choices.below(12))
        length = choices.byte() if choices.flag(4) else len(body) + 2
        options += bytes([kind, length]) + body
    options = options[:40]
    return options.ljust((len(options) + 3) & ~3, b"\0")


def ipv4(choices, body, protocol, source=PEER_IP, target=GUEST_IP, identification=1, fragment=0):
    """An IPv4 packet; one time in eight its addresses are not what they should be."""
    if choices.flag(8):
        source, target = choices.pick(SOURCES), choices.pick(DESTINATIONS)
    options = ip_options(choices)
    ttl = choices.pick((64, 64, 64, 255, 1, 0))
    head = struct.pack(
        ">BBHHHBBHII", 0x45 + len(options) // 4, choices.pick((0, 0, 1, 2, 3, 0x10)), 20 + len(options) + len(body),
        identification, fragment, ttl, protocol, 0, source, target,
    )  # fmt: skip
    return head + options + body


def fix(packet):
    """An IPv4 packet with every checksum right, as far as its own lengths allow."""
    if len(packet) < 20:
        return packet
    header = (packet[0] & 15) * 4
    if not 20 <= header <= len(packet):
        return packet
    packet = bytearray(packet)
    packet[10:12] = b"\0\0"
    packet[10:12] = checksum(bytes(packet[:header])).to_bytes(2, "big")
    total = min(int.from_bytes(packet[2:4], "big"), len(packet))
    body = bytes(packet[header:total])
    at = {TCP: 16, UDP: 6, ICMP: 2}.get(packet[9])
    if at is None or len(body) < at + 2 or packet[6] & 0x1F or packet[7] or packet[6] & 0x20:
        return bytes(packet)
    start = 0 if packet[9] == ICMP else pseudo_sum(packet, len(body))
    body = body[:at] + b"\0\0" + body[at + 2 :]
    packet[header + at : header + at + 2] = (checksum(body, start) or 0xFFFF).to_bytes(2, "big")
    return bytes(packet)


def damage(choices, data):
    """Up to three changes: a byte, a 16-bit field, the length; half of all inputs leave it alone."""
    for _ in range(choices.pick((0, 0, 0, 0, 1, 1, 2, 3))):
        what = choices.below(4)
        at = choices.below(64) % max(1, len(data))
        if what == 0:
            data = data[:at] + bytes([choices.byte()]) + data[at + 1 :]
        elif what == 1:
            data = data[:at] + choices.piece(2) + data[at + 2 :]
        elif what == 2:
            data = data[: choices.number(2) % (len(data) + 1)]
        else:
            data += choices.piece(choices.below(32))
    return data


def finish(choices, packet):
    """Damage before or after the checksums are made, or both: then a frame of at least 60 bytes, mostly."""
    if choices.flag():
        packet = fix(damage(choices, packet))
    else:
        packet = damage(choices, fix(packet))
    frame = ethernet(choices, packet)[:LONGEST_FRAME]
    return frame if choices.flag(32) else frame.ljust(60, b"\0")


def raw(choices, peer):
    """No protocol at all."""
    kind = choices.pick((0x0800, 0x0806, 0x86DD, 0x8100, 0x88CC, 0x0001, 0x05DC, 0xFFFF))
    return [ethernet(choices, choices.rest(), kind).ljust(60 if choices.flag() else 14, b"\0")]


def arp(choices, peer):
    body = struct.pack(
        ">HHBBH6sI6sI", choices.pick((1, 1, 1, 6, 0)), choices.pick((0x0800, 0x0800, 0x86DD)), choices.pick((6, 6, 0, 255)),
        choices.pick((4, 4, 0, 255)), choices.pick((1, 2, 1, 2, 0, 3, 8)),
        choices.pick((PEER_MAC, PEER_MAC, GUEST_MAC, BROADCAST, bytes(6))), choices.pick(SOURCES),
        choices.pick((bytes(6), GUEST_MAC, BROADCAST)), choices.pick(DESTINATIONS),
    )  # fmt: skip
    return [ethernet(choices, damage(choices, body), 0x0806).ljust(60, b"\0")]


def icmp(choices, peer):
    """Any ICMP message, most of them echo requests."""
    kind = choices.pick((8, 8, 0, 13, 17, 9, 10, 15, choices.byte()))
    body = bytes([kind, choices.pick((0, 0, choices.byte())), 0, 0]) + choices.piece(4).ljust(4, b"\0")
    return [finish(choices, ipv4(choices, body + PAYLOAD[: choices.pick(SIZES)], ICMP))]


def icmp_error(choices, peer):
    """An error that quotes something the guest has just sent, or claims to."""
    quoted = choices.pick(peer.recent) if peer.recent else ipv4(choices, bytes(8), choices.pick((TCP, UDP)), GUEST_IP, PEER_IP)
    quoted = damage(choices, quoted[: choices.pick((28, 28, 20, 8, 40, 576))])
    kind, code = choices.pick(((3, 4), (3, 4), (3, 3), (3, 1), (3, 2), (3, 13), (11, 0), (11, 1), (12, 0), (4, 0), (5, 1)))
    mtu = choices.pick((0, 1, 68, 296, 552, 576, 1280, 1499, 1500, 65535))
    body = bytes([kind, code, 0, 0]) + struct.pack(">HH", choices.pick((0, 5, 255)) << 8, mtu) + quoted
    return [finish(choices, ipv4(choices, body, ICMP))]


def udp_body(choices, peer):
    target = choices.pick(PORTS)
    source = choices.pick((CONNECTED_TO, 1000, 0, target))
    payload = PAYLOAD[: choices.pick(SIZES)]
    length = choices.number(2) if choices.flag(8) else 8 + len(payload)
    return struct.pack(">HHHH", source, target, length, 0) + payload


def udp(choices, peer):
    packet = ipv4(choices, udp_body(choices, peer), UDP)
    return [finish(choices, packet)]


def tcp_options(choices, flow, flags):
    """TCP options: what the connection calls for, or any, whose lengths may lie."""
    options = b""
    if flow is not None and flow.stamps and not choices.flag(8):
        stamp = (1000 + choices.signed(1)) & MASK
        options = b"\1\1\x08\x0a" + struct.pack(">II", stamp, (flow.echo - choices.below(4)) & MASK)
    if flags & SYN and choices.flag():
        options += b"\2\4" + choices.pick((1460, 536, 48, 1, 0, 65535, 9000)).to_bytes(2, "big")
        options += b"\4\2\1\3\3" + bytes([choices.pick((0, 7, 14, 15, 255))])
    if flow is not None and choices.flag(4):
        blocks = choices.below(4) + 1
        options += b"\1\1\5" + bytes([2 + 8 * blocks])
        for _ in range(blocks):
            left = (flow.theirs - choices.number(2)) & MASK
            options += struct.pack(">II", left, (left + choices.signed(2)) & MASK)
    if choices.flag(8):
        kind = choices.pick((0, 1, 2, 3, 4, 5, 8, 19, 28, 30, 34, 254))
        body = choices.piece(choices.below(12))
        options += bytes([kind, choices.byte() if choices.flag() else len(body) + 2]) + body
    options = options[:40]
    return options.ljust((len(options) + 3) & ~3, b"\0")


def segment(choices, local, remote, flow, flags):
    """A TCP segment around where the connection stands."""
    sequence = flow.ours if flow is not None else choices.number(4)
    acknowledgment = flow.theirs if flow is not None else choices.number(4)
    if choices.flag(4):
        sequence += choices.pick((1, -1, 100, 1460, 2920, -1460, 65535, 0x10000, -0x10000, 0x7FFFFFFF, 0x80000000))
    if choices.flag(4):
        acknowledgment += choices.pick((1, -1, -100, -1460, -2920, 1460, 0x10000, 0x7FFFFFFF, 0x80000000, choices.signed(2)))
    options = tcp_options(choices, flow, flags)
    window = choices.pick((0xFFFF, 0xFFFF, 0, 1, 1460, 100, choices.number(2)))
    offset = choices.byte() if choices.flag(16) else (20 + len(options)) << 2
    head = struct.pack(
        ">HHIIBBHHH", local, remote, sequence & MASK, acknowledgment & MASK, offset, flags, window, 0, choices.pick((0, 0, 5)),
    )  # fmt: skip
    return head + options


def tcp(choices, peer):
    """A segment to the listener, to one of the connections, or to nobody."""
    flows = peer.newest()
    if flows and not choices.flag(8):
        flow = choices.pick(flows)
        local, remote = flow.local, flow.remote
        flags = SYN | ACK if flow.state == "syn" and not choices.flag(4) else choices.pick(FLAGS)
    else:
        flow = None
        local, remote = 30000 + choices.below(4), choices.pick((LISTENING, LISTENING, LISTENING, CLOSED, 0))
        flags = choices.pick((SYN, SYN, SYN, *FLAGS))
    head = segment(choices, local, remote, flow, flags)
    payload = PAYLOAD[: choices.pick((0, 0, 0, *SIZES))]
    return [finish(choices, ipv4(choices, head + payload, TCP))]


def conversation(choices, peer):
    """Well-behaved segments to a connection: what moves it on, so that the lies meet every state."""
    frames = []
    for flow in peer.newest():
        flags = SYN | ACK if flow.state == "syn" else choices.pick((ACK, ACK | PSH, ACK, ACK | PSH, ACK | FIN))
        size = choices.pick((0, 1, 100, 536)) if flags & PSH else 0
        options = b""
        if flow.stamps:
            options = b"\1\1\x08\x0a" + struct.pack(">II", 2000, flow.echo)
        head = struct.pack(
            ">HHIIBBHHH", flow.local, flow.remote, flow.ours, flow.theirs, (20 + len(options)) << 2, flags, 0xFFFF, 0, 0
        )
        packet = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(head + options) + size, 2, 0, 64, TCP, 0, PEER_IP, GUEST_IP)
        frames.append(GUEST_MAC + PEER_MAC + b"\x08\x00" + fix(packet + head + options + PAYLOAD[:size]))
    return [frame.ljust(60, b"\0") for frame in frames]


def fragments(choices, peer):
    """Pieces of one datagram: in any order, overlapping, repeated, missing, too long."""
    protocol = choices.pick((UDP, UDP, ICMP, TCP, 99))
    body = udp_body(choices, peer) if protocol == UDP else bytes([8, 0, 0, 0]) + PAYLOAD[: choices.pick(SIZES)]
    whole = fix(ipv4(Nothing(), body * (choices.below(3) + 1), protocol))[20:]
    identification = choices.below(3)
    frames = []
    at = 0
    for _ in range(choices.below(6) + 1):
        if choices.flag(4):
            at = choices.number(2)
        at &= 0x1FFF8
        size = choices.pick((8, 16, 24, 64, 512, 1480, choices.byte()))
        piece = whole[at : at + size] or bytes(size)
        more = 0x2000 if at + size < len(whole) and not choices.flag(8) else 0
        word = (at >> 3) & 0x1FFF | more | (0x4000 if choices.flag(16) else 0)
        packet = ipv4(choices, piece, protocol, identification=identification, fragment=word)
        frames.append(finish(choices, packet))
        at += size
    return frames


def other(choices, peer):
    """IGMP, tunnels, unknown protocols."""
    protocol = choices.pick((2, 2, 4, 41, 47, 50, 132, 255, 0))
    body = choices.rest()
    if protocol == 2:
        body = bytes([choices.pick((0x11, 0x16, 0x17, 0x22)), choices.byte(), 0, 0]) + choices.pick((bytes(4), b"\xe0\0\0\1"))
        body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    return [finish(choices, ipv4(choices, body, protocol, target=choices.pick((GUEST_IP, ALL_HOSTS))))]


class Nothing:
    """Choices that never choose anything unusual."""

    def flag(self, one_in=2):
        return False

    def pick(self, options):
        return options[0]


BUILDERS = (
    tcp, tcp, tcp, tcp, tcp, conversation, conversation, conversation, fragments, fragments, udp, udp, icmp, icmp_error,
    icmp_error, arp, other, raw,
)  # fmt: skip
