"""A driver that does anything: register accesses of every width, rings anywhere, descriptors that lie, any frame.

Nothing may raise, run for ever, or reach memory that the card may not reach, and a reset must bring the card back.
"""

import struct

from hwemu.nic.e1000 import registers as r

from .board import BAR0, BAR1, BUFFERS, MAC, MICROSECOND, OPEN, PEER, RX_RING, TX_RING, Board
from .choices import Choices

LONGEST_INPUT = 1200
STEPS = 200
WORDS = sorted({offset for row in r.REGISTERS for offset, _ in list(r.each_word(row))[:3]})
# The registers that do something when written: half of all choices are among them.
ACTIVE = [row.offset for row in r.REGISTERS if "w" in row.acted] + [alias[0] for alias in r.ALIASES]
INTERESTING = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x04008002, 0x0A, 0x40000000, RX_RING, TX_RING, 128, 8, 0x04000000)
PLACES = (0, RX_RING, TX_RING, BUFFERS, OPEN - 64, OPEN - 16, OPEN, OPEN + 256, 0xFFFFFFF0, 0xFFFFFFFFFFFFFFF0)
KINDS = (0x0800, 0x0806, 0x8100, 0x8808, 0x88B5, 0x0040)
LENGTHS = (0, 1, 13, 14, 16, 59, 60, 64, 1514, 1518, 1519, 2048, 9000, 16288, 16384)
CONFIGURATION = ((0x04, 2), (0x05, 1), (0x10, 4), (0x14, 4), (0x06, 2), (0x0C, 4), (0xE0, 2), (0xE1, 1), (0x3C, 4))
PAUSE_ADDRESS = bytes.fromhex("0180c2000001")


def value_of(choices):
    """A 32-bit word: anything, or one that a driver would write."""
    return choices.number(4) if choices.flag() else choices.pick(INTERESTING)


def place_of(choices):
    """A bus address: somewhere in or near the card's part of RAM, or anywhere."""
    how = choices.below(4)
    if how == 3:
        return choices.number(8)
    if how == 2:
        return choices.number(3) % OPEN
    return choices.pick(PLACES)


def offset_of(choices):
    how = choices.below(4)
    if how == 0:
        return choices.pick(WORDS)
    if how == 3:
        return choices.number(3) % r.REGISTER_SPACE
    return choices.pick(ACTIVE)


def access_memory(board, choices):
    """A read or write of BAR0, often a doorbell; also unaligned ones and those that reach beyond its end."""
    offset = offset_of(choices)
    width = 4
    if choices.flag(4):
        width = choices.pick((1, 2, 4))
        offset += choices.below(4)
    if choices.flag(4):
        assert 0 <= board.memory.read(BAR0 + offset, width) < 1 << 8 * width
    else:
        board.memory.write(BAR0 + offset, width, value_of(choices))


def access_ports(board, choices):
    """BAR1: the pair IOADDR and IODATA as it is meant, or any port of the window in any width."""
    if choices.flag():
        board.ports.write(BAR1, 4, offset_of(choices))
        if choices.flag():
            board.ports.write(BAR1 + 4, 4, value_of(choices))
        else:
            board.ports.read(BAR1 + 4, 4)
        return
    port = BAR1 + choices.below(64)
    width = choices.pick((1, 2, 4))
    if choices.flag():
        board.ports.write(port, width, value_of(choices))
    else:
        assert 0 <= board.ports.read(port, width) < 1 << 8 * width


def access_configuration(board, choices):
    offset, size = choices.pick(CONFIGURATION)
    if choices.flag(4):
        board.nic.config_read(offset, size)
    else:
        board.nic.config_write(offset, size, value_of(choices))


def geometry(choices):
    """(base, length, head, tail) of a ring: mostly small ones, so that their descriptors are the input's."""
    length = choices.number(3) if choices.flag(8) else 128 * choices.below(5)
    limit = 65536 if choices.flag(4) else max(1, length // 16 % 65536)
    return place_of(choices), length, choices.below(limit), choices.below(limit)


def lay_out_receive(board, choices):
    board.set_rx(*geometry(choices))
    board.write(r.RCTL, value_of(choices) | 2)


def lay_out_transmit(board, choices):
    board.set_tx(*geometry(choices))
    board.write(r.TCTL, value_of(choices) | 2)


def write_descriptors(board, choices):
    """Up to eight descriptors at one of the usual places for rings, with flags in the fields where they count."""
    at = choices.pick((RX_RING, TX_RING)) + 16 * choices.below(8)
    for _ in range(choices.below(8) + 1):
        if choices.flag(4):
            descriptor = choices.piece(16).ljust(16, b"\0")
        else:
            length = choices.pick(LENGTHS) if choices.flag() else choices.number(3) & 0xFFFFF
            lower = length | choices.byte() << 24 | choices.pick((0, 0, 1, 2)) << 20
            descriptor = struct.pack("<QII", place_of(choices), lower, choices.number(4))
        board.store(at, descriptor)
        at += 16


def fill_buffer(board, choices):
    board.store(place_of(choices), choices.piece(choices.below(128)))


def doorbell(board, choices):
    board.write(choices.pick((r.TDT, r.RDT)), choices.below(32))


def inject(board, choices):
    """A frame from the wire, of any length, sometimes with a wrong FCS, sometimes a PAUSE."""
    destination = choices.pick((MAC, b"\xff" * 6, PAUSE_ADDRESS, b"\x33\x33\x00\x00\x00\x01", PEER))
    head = destination + PEER + choices.pick(KINDS).to_bytes(2, "big")
    frame = (head + choices.piece(choices.below(160))).ljust(min(choices.pick(LENGTHS), 16300), b"\0")
    if choices.flag(8):
        frame = frame[: choices.below(64)]
    board.end.inject(frame, int(choices.flag(8)))


def pass_time(board, choices):
    board.run(choices.pick((0, 1, 10, 100, 1000)) * MICROSECOND)
    board.end.take()


def cable(board, choices):
    board.link.set_up(choices.flag())


ACTIONS = (
    access_memory, access_memory, access_memory, access_memory, access_ports, access_configuration, lay_out_receive,
    lay_out_transmit, write_descriptors, write_descriptors, fill_buffer, doorbell, doorbell, inject, inject, pass_time,
    pass_time, cable,
)  # fmt: skip


def run(data):
    """Play `data` as a driver's deeds against a fresh card."""
    choices = Choices(data)
    board = Board()
    for _ in range(STEPS):
        if not choices:
            break
        choices.pick(ACTIONS)(board, choices)
    board.run(2_000 * MICROSECOND)
    board.check_guard()
    board.check_alive()
