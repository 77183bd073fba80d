"""A bare board with one 82540EM for targets that play a hostile driver: no CPU, no kernel.

The card may reach the lower part of RAM only; the rest is a guard area whose content the targets check.  The wire
has a rate, so that whatever is sent takes virtual time and a bounded time means bounded work.
"""

import struct

from hwemu.bus import Bus
from hwemu.clock import Clock
from hwemu.interrupt_controller import InterruptController
from hwemu.nic.e1000 import registers as r
from hwemu.nic.e1000.device import E1000
from hwemu.pci.bus import PCIBus
from hwemu.pci.dma import IOMMU
from hwemu.ram import RAM
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd

MAC = bytes.fromhex("525400123456")
PEER = bytes.fromhex("020000000001")
BAR0 = 0xE0000000
BAR1 = 0xC000
OPEN = 0x40000
GUARD = 0x10000
GUARD_BYTES = b"\xa5" * GUARD
RX_RING = 0x1000
TX_RING = 0x8000
BUFFERS = 0x10000
GIGABIT = 1_000_000_000
MICROSECOND = 1000
# The least time that a frame occupies the wire at 1 Gb/s, and what other work a round of the clock may be about.
FRAME_NS = 672
EVENTS_PER_RUN = 4000

RCTL_EN_BAM_SECRC = 0x04008002
TCTL_EN_PSP = 0x0A
EOP_IFCS_RS = 0x0B
PING = bytes(range(200)) * 4


class TooBusy(AssertionError):
    """More events than the time that passed can explain: an endless loop on the clock."""


class Guarded(IOMMU):
    """Lets the card into the open part of RAM and counts what it refuses."""

    def __init__(self):
        self.refused = 0

    def allows(self, device, address, length, write):
        if address + length <= OPEN:
            return True
        self.refused += 1
        return False


class Board:
    """`nic` with its BARs mapped, bus mastering on and the link up; `end` is the other end of its wire."""

    def __init__(self):
        self.clock = Clock()
        self.ram = RAM(OPEN + GUARD)
        self.ram.write(OPEN, GUARD_BYTES)
        self.memory = Bus(1 << 32)
        self.ports = Bus(1 << 16)
        self.pic = InterruptController(16)
        self.pci = PCIBus(self.memory, self.ports, self.pic, self.ram)
        self.iommu = Guarded()
        self.pci.set_iommu(self.iommu)
        self.nic = E1000(self.clock, MAC)
        self.pci.plug(self.nic, 1)
        self.link = Link(self.clock, rate=GIGABIT, delay=100)
        self.end = TestEnd(self.clock)
        self.link.attach(self.nic.port)
        self.link.attach(self.end)
        self.events = 0
        self.enable()
        self.run(20_000 * MICROSECOND)

    def enable(self):
        """What firmware does: base addresses, and every command bit that lets the card work."""
        for offset, size, value in ((0x10, 4, BAR0), (0x14, 4, BAR1), (0x04, 2, 7)):
            self.nic.config_write(offset, size, value)

    def write(self, register, value):
        self.memory.write(BAR0 + register, 4, value & 0xFFFFFFFF)

    def read(self, register):
        return self.memory.read(BAR0 + register, 4)

    def run(self, duration):
        """Let `duration` ns pass; TooBusy when more happens than fits into that time."""
        clock = self.clock
        until = clock.now + duration
        budget = EVENTS_PER_RUN + 4 * (duration // FRAME_NS)
        while True:
            fired = clock.run_due()
            budget -= fired
            self.events += fired
            if budget < 0:
                raise TooBusy(f"{self.events} events, the clock stands at {clock.now} of {until} ns")
            following = clock.next_time()
            if following < 0 or following > until:
                clock.advance(until - clock.now)
                return
            if following > clock.now:
                clock.advance(following - clock.now)

    def set_rx(self, base, length, head, tail):
        for register, value in ((r.RDBAL, base), (r.RDBAH, base >> 32), (r.RDLEN, length), (r.RDH, head), (r.RDT, tail)):
            self.write(register, value)

    def set_tx(self, base, length, head, tail):
        for register, value in ((r.TDBAL, base), (r.TDBAH, base >> 32), (r.TDLEN, length), (r.TDH, head), (r.TDT, tail)):
            self.write(register, value)

    def store(self, address, data):
        """Software writes into the open part of RAM; what does not fit is left out."""
        if address + len(data) <= OPEN:
            self.ram.write(address, data)

    # --- what must hold ---

    def check_guard(self):
        assert self.ram.read(OPEN, GUARD) == GUARD_BYTES, "the card wrote outside what it may reach"

    def check_alive(self):
        """After a bus reset the card must receive and send as a new one does."""
        self.nic.reset()
        self.enable()
        if not self.link.up:
            self.link.set_up(True)
        self.run(20_000 * MICROSECOND)
        self.end.take()
        self.ram.write(RX_RING, struct.pack("<QQ", BUFFERS, 0) * 8)
        self.set_rx(RX_RING, 128, 0, 7)
        self.write(r.RCTL, RCTL_EN_BAM_SECRC)
        frame = MAC + PEER + b"\x88\xb5" + PING
        self.end.inject(frame)
        self.run(50 * MICROSECOND)
        address, length, _, status, errors, _ = struct.unpack("<QHHBBH", self.ram.read(RX_RING, 16))
        assert (length, status & 3, errors) == (len(frame), 3, 0), f"not received: {length} {status:#x} {errors:#x}"
        assert self.ram.read(address, length) == frame
        answer = PEER + MAC + b"\x88\xb5" + PING[::-1]
        self.ram.write(BUFFERS, answer)
        self.ram.write(TX_RING, struct.pack("<QII", BUFFERS, len(answer) | EOP_IFCS_RS << 24, 0))
        self.set_tx(TX_RING, 128, 0, 0)
        self.write(r.TCTL, TCTL_EN_PSP)
        self.write(r.TDT, 1)
        self.run(50 * MICROSECOND)
        assert answer in self.end.take(), "not sent"
        assert self.ram.read8(TX_RING + 12) & 1, "the descriptor was not written back"
        self.check_guard()
