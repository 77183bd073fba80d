"""Transmit rings whose context and data descriptors lie: segmentation, checksum insertion, VLAN tags, padding.

Every packet starts as an honest one, and the input turns fields of it into lies.  Whatever the descriptors say, no
frame is longer than the part can send, the card reads and writes only where it may, and the ring comes to rest.  A
packet without a lie must arrive whole.
"""

import struct

from hwemu.nic.e1000 import registers as r

from .board import BUFFERS, GIGABIT, MAC, MICROSECOND, OPEN, PEER, TX_RING, Board
from .choices import Choices

LONGEST_INPUT = 600
RING = 64
PACKETS = 12
LONGEST = 16384 + 256
EOP, IFCS, TSE, RS, RPS, DEXT, VLE, IDE = 1, 2, 4, 8, 16, 32, 64, 128
CONTEXT_TCP, CONTEXT_IP, CONTEXT_TSE = 1, 2, 4
CTRL_VME = 0x40000000
PATTERN = bytes((7 * i + (i >> 8)) & 0xFF for i in range(0x8000))
SIZES = (0, 1, 2, 100, 536, 1460, 1461, 2920, 4000, 9000)
SEGMENTS = (1, 32, 64, 536, 1460, 8960, 16130, 16384, 65535)


class Offload:
    """One packet: its header, its payload and the fields of its context, as an honest driver fills them in."""

    def __init__(self, choices):
        self.ipv6 = choices.flag(4)
        self.udp = choices.flag(4)
        self.segment = not choices.flag(4)
        self.size = choices.pick(SIZES)
        self.mss = choices.pick(SEGMENTS[1:6])
        network, transport = (40 if self.ipv6 else 20), (8 if self.udp else 20)
        self.header_length = 14 + network + transport
        self.ip = [14, 14 + (0 if self.ipv6 else 10), 13 + network]
        self.tu = [14 + network, 14 + network + (6 if self.udp else 16), 0]
        self.command = DEXT | (0 if self.udp else CONTEXT_TCP) | (0 if self.ipv6 else CONTEXT_IP)
        self.command |= CONTEXT_TSE if self.segment else 0
        self.kind = 0
        self.payload_length = self.size
        self.options = 3
        self.lies = 0
        self.network, self.transport = network, transport

    def header(self):
        if self.ipv6:
            kind = 0x86DD
            network = struct.pack(">IHBB", 6 << 28, 0, 17 if self.udp else 6, 64) + bytes(32)
        else:
            kind = 0x0800
            network = struct.pack(">BBHHHBBH8s", 0x45, 0, 0, 1, 0, 64, 17 if self.udp else 6, 0, bytes(8))
        transport = bytes(8) if self.udp else struct.pack(">HHIIBBHHH", 80, 81, 1, 2, 0x50, 0x19, 0xFFFF, 0, 0)
        return PEER + MAC + kind.to_bytes(2, "big") + network + transport

    def lie(self, choices):
        """Change one field of the context to what it should not be."""
        self.lies += 1
        what = choices.below(9)
        if what == 0:
            self.header_length = choices.byte()
        elif what == 1:
            self.mss = choices.pick(SEGMENTS) if choices.flag() else choices.number(2)
        elif what == 2:
            self.ip[choices.below(3)] = choices.number(2)
        elif what == 3:
            self.tu[choices.below(3)] = choices.number(2)
        elif what == 4:
            self.payload_length = choices.number(3) & 0xFFFFF
        elif what == 5:
            self.command = choices.byte() | DEXT
        elif what == 6:
            self.kind = choices.below(16)
        elif what == 7:
            self.options = choices.byte()
        else:
            self.size = choices.number(2) % 0x2000

    def context(self):
        """The context descriptor."""
        ip, tu = self.ip, self.tu
        offsets = struct.pack("<BBHBBH", ip[0] & 0xFF, ip[1] & 0xFF, ip[2], tu[0] & 0xFF, tu[1] & 0xFF, tu[2])
        lower = self.payload_length | self.kind << 20 | self.command << 24
        return offsets + struct.pack("<IBBH", lower, 0, self.header_length, self.mss)


def descriptors_of(board, choices, offload, at):
    """Lay the packet into RAM at `at` and return the data descriptors, cut where the input says."""
    data = offload.header() + PATTERN[: offload.size]
    board.store(at, data)
    command = DEXT | IFCS | RS | (TSE if offload.segment else 0)
    if choices.flag(4):
        command = choices.byte() | DEXT
        offload.lies += 1
    descriptors = []
    left = len(data)
    pieces = choices.below(4) + 1
    for number in range(pieces):
        length = left if number == pieces - 1 else min(left, choices.number(2))
        address = at + len(data) - left
        left -= length
        if choices.flag(16):
            offload.lies += 1
            address, length = choices.number(8) if choices.flag() else OPEN - choices.byte(), choices.number(3) & 0xFFFFF
        last = number == pieces - 1 and not choices.flag(16)
        if number == pieces - 1 and not last:
            offload.lies += 1
        kind = 1
        if choices.flag(16):
            kind = choices.below(16)
            offload.lies += 1
        word = length | kind << 20 | (command | (EOP if last else 0)) << 24
        descriptors.append(struct.pack("<QIBBH", address, word, 0, offload.options, choices.byte() << 4))
    return descriptors


def legacy_of(choices, at):
    """A legacy descriptor somewhere among the others."""
    length = choices.number(2)
    command = choices.byte() & ~DEXT
    return struct.pack("<QHBBBBH", at, length, choices.byte(), command, 0, choices.byte(), choices.number(2))


def send(board, ring, tail):
    """Put descriptors into the ring from `tail` on, ring the doorbell, let it come to rest; returns the new tail."""
    for descriptor in ring:
        board.store(TX_RING + 16 * tail, descriptor)
        tail = (tail + 1) % RING
    board.write(r.TDT, tail)
    # Long enough for a payload cut into segments of one byte, each of which takes 672 ns on the wire.
    for _ in range(40):
        board.run(2_000 * MICROSECOND)
        if board.read(r.TDH) == tail or board.clock.next_time() < 0:
            break
    board.run(20 * MICROSECOND)
    return tail


def check_honest(frames, offload):
    """An honest packet arrives whole: the payloads of its segments add up, none is longer than the MSS."""
    header = 14 + offload.network + offload.transport
    payloads = []
    for frame in frames:
        size = int.from_bytes(frame[18:20] if offload.ipv6 else frame[16:18], "big")
        payloads.append(frame[header : 14 + size + (40 if offload.ipv6 else 0)])
    assert b"".join(payloads) == PATTERN[: offload.size], f"{len(frames)} frames do not add up to {offload.size} bytes"
    assert max(map(len, payloads), default=0) <= offload.mss


def run(data):
    """Send the packets that `data` describes through a fresh card."""
    choices = Choices(data)
    board = Board()
    board.set_tx(TX_RING, 16 * RING, 0, 0)
    board.write(r.TXDCTL, choices.pick((0, 0x01000000, 0x01010101, 0x3F3F3F3F, 0xFF3F3F3F)))
    board.write(r.TCTL, 2 | choices.pick((0, 8)))
    if choices.flag():
        board.write(r.CTRL, board.read(r.CTRL) | CTRL_VME)
    tail = 0
    clean = True
    for _ in range(PACKETS):
        if not choices:
            break
        offload = Offload(choices)
        for _ in range(choices.pick((0, 0, 1, 2, 3))):
            offload.lie(choices)
        ring = []
        if not choices.flag(8):
            ring.append(offload.context())
        else:
            offload.lies += 1
        ring += descriptors_of(board, choices, offload, BUFFERS + choices.byte())
        if choices.flag(8):
            ring.insert(choices.below(len(ring) + 1), legacy_of(choices, BUFFERS))
            offload.lies += 1
        board.end.take()
        tail = send(board, ring, tail)
        frames = board.end.take()
        assert all(len(frame) <= LONGEST for frame in frames)
        assert sum(map(len, frames)) < GIGABIT // 8
        if clean and not offload.lies and offload.segment and offload.size:
            check_honest(frames, offload)
        clean = clean and not offload.lies
    board.check_guard()
    board.check_alive()
