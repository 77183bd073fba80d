"""A board whose devices live in QEMU: the second implementation of what is behind a driver's `readl`.

What firmware does on a PC is done here once, before the kernel starts: RAM below 1 MiB becomes plain RAM, and the
four PCI interrupts get their lines.  Registers: Intel 82441FX (host bridge) and 82371SB (PIIX3) datasheets.
"""

import contextlib

from hwemu.bus import Region
from hwemu.machine import PCI_LINES, PCI_MEMORY_END, PCI_MEMORY_START, Board
from lab.qtest.protocol import Qtest
from lab.qtest.qemu import Qemu
from lab.qtest.wire import Plug

CONFIG_ADDRESS = 0xCF8
CONFIG_DATA = 0xCFC
CONFIG_ENABLE = 0x80000000
PORTS = 1 << 16
HOST_BRIDGE, ISA_BRIDGE = 0, 1
# Programmable attribute map: who answers between C0000 and FFFFF, per 16 KiB; PAM0 has the BIOS area in its upper half.
PAM = range(0x59, 0x60)
PAM_RAM = 0x33
# System management RAM: open, so that A0000 to BFFFF is RAM.
SMRAM = 0x72
SMRAM_OPEN = 0x4A
# PIRQ route control of the PIIX3, INTA to INTD.
PIRQ_ROUTE = range(0x60, 0x64)
# Edge or level, a bit per line, two ports of eight.
ELCR = 0x4D0
VENDOR_ID, INTERRUPT_LINE, INTERRUPT_PIN = 0x00, 0x3C, 0x3D
SLOTS = 32
CARD_SLOT = 3


class Window(Region):
    """A stretch of an address space in which QEMU's devices answer: `read_at` and `write_at` reach them."""

    def __init__(self, base, size, read_at, write_at):
        super().__init__(size, base, True)
        self.read_at = read_at
        self.write_at = write_at

    def read(self, offset, width):
        return self.read_at(self.base + offset, width)

    def write(self, offset, width, value):
        self.write_at(self.base + offset, width, value)


class QemuCard:
    """The card as whoever plugs in the cable sees it: `port` is its plug, `name` what it is."""

    def __init__(self, name, port):
        self.name = name
        self.port = port


class QtestBoard(Board):
    """A computer whose RAM is shared with a QEMU process, whose PCI bus, host bridge first, is QEMU's.

    `device` is QEMU's name of a PCI network card with its properties, as after its option -device.  The clock follows
    the host's from now on.  DMA goes unwatched: `set_iommu` does nothing.  Switching off ends QEMU.
    """

    def __init__(self, clock, device, memory=64 << 20, seed=0, name="hw0", trace=None):
        with contextlib.ExitStack() as stack:
            self.qemu = Qemu(memory, device)
            stack.callback(self.qemu.close)
            super().__init__(clock, memory, seed, name, trace, self.qemu.memory)
            self.lines = {line: self.pic.new_source() for line in PCI_LINES}
            self.qtest = Qtest(self.qemu.qtest, self.interrupt, clock)
            stack.callback(self.qtest.close)
            self.memory_bus.attach(
                Window(PCI_MEMORY_START, PCI_MEMORY_END + 1 - PCI_MEMORY_START, self.qtest.read, self.qtest.write)
            )
            self.ports.attach(Window(0, PORTS, self.qtest.port_in, self.qtest.port_out))
            self.qtest.intercept("ioapic")
            self.set_up_chipset()
            plug = Plug(clock, self.qemu.frames, self.qemu.set_link)
            stack.callback(plug.close)
            self.card = QemuCard(f"{name}/{device.partition(',')[0]}", plug)
            self.closing = stack.pop_all()

    def interrupt(self, line, level):
        """An input of the interrupt controller has changed; those of the chipset's own devices have no driver."""
        if line in self.lines:
            self.pic.raise_line(line, self.lines[line], level)

    # --- what firmware does ---

    def config(self, slot, register, value=None):
        """Read a byte of configuration space of function 0 in `slot`, or write it."""
        self.ports.write(CONFIG_ADDRESS, 4, CONFIG_ENABLE | slot << 11 | (register & 0xFC))
        port = CONFIG_DATA + (register & 3)
        if value is None:
            return self.ports.read(port, 1)
        self.ports.write(port, 1, value)
        return value

    def set_up_chipset(self):
        for register in PAM:
            self.config(HOST_BRIDGE, register, PAM_RAM)
        self.config(HOST_BRIDGE, SMRAM, SMRAM_OPEN)
        level = 0
        for register, line in zip(PIRQ_ROUTE, PCI_LINES, strict=True):
            self.config(ISA_BRIDGE, register, line)
            level |= 1 << line
        self.ports.write(ELCR, 1, level & 0xFF)
        self.ports.write(ELCR + 1, 1, level >> 8)
        for slot in range(ISA_BRIDGE + 1, SLOTS):
            if self.config(slot, VENDOR_ID) == 0xFF:
                continue
            pin = self.config(slot, INTERRUPT_PIN)
            if pin:
                # The board's wiring: the slots share the four in turn, from the one behind the ISA bridge on.
                self.config(slot, INTERRUPT_LINE, PCI_LINES[(slot - 1 + pin - 1) % len(PCI_LINES)])

    def reset_devices(self):
        self.closing.close()


def qemu_board(clock, memory, seed, name, mac, device="e1000"):
    """A board with QEMU's `device` in it and that card; for `build_machine(..., board=qemu_board)`."""
    board = QtestBoard(
        clock, f"{device},addr={CARD_SLOT:#x},mac={mac.hex(':')},romfile=", memory=memory, seed=seed, name=name
    )
    return board, board.card
