"""Where the kit gets between a card and the rest of its machine: registers, DMA, the interrupt pin, the CPU's gate.

Each seam replaces one object of the machine by a subclass that passes everything on through a chain of middleware.
A machine without the kit has none of this in its way, and the card's own code is the same in both.
"""

from hwemu.cpu import InterruptEntry
from hwemu.interrupt_controller import InterruptController
from hwemu.pci.device import IOBAR, MemoryBAR
from hwemu.pci.dma import IOMMU

WORD = 4
# Which base address is what, and the two ports of the I/O window (8254x manual, 4.1 and 13.2.2).
MEMORY_BAR, IO_BAR = 0, 1
IOADDR, IODATA = 0, 4
REGISTER_SPACE_MASK = 0x1FFFC


# --- registers ---


class RegisterMiddleware:
    """Wraps `inner`: override `read` and `write`.  As they stand, accesses pass unchanged.

    `offset` is in bytes from BAR0, `width` 1, 2 or 4 bytes; an access through the I/O window arrives as the register
    access that it stands for.
    """

    inner: "RegisterMiddleware"

    def read(self, offset, width):
        return self.inner.read(offset, width)

    def write(self, offset, width, value):
        self.inner.write(offset, width, value)


class CardRegisters(RegisterMiddleware):
    """The end of the chain: the card."""

    def __init__(self, nic):
        self.nic = nic

    def read(self, offset, width):
        return self.nic.mmio_read(MEMORY_BAR, offset, width)

    def write(self, offset, width, value):
        self.nic.mmio_write(MEMORY_BAR, offset, width, value)


class MemoryTap(MemoryBAR):
    """BAR0 with the chain behind it."""

    def __init__(self, seam, size):
        super().__init__(size)
        self.seam = seam

    def read(self, offset, width):
        return self.seam.read(offset, width)

    def write(self, offset, width, value):
        self.seam.write(offset, width, value)


class IoTap(IOBAR):
    """BAR1: what IODATA means goes through the same chain."""

    def __init__(self, seam, size):
        super().__init__(size)
        self.seam = seam
        self.address = 0

    def read(self, offset, width):
        if offset == IODATA and width == WORD:
            self.seam.window = "io"
            try:
                return self.seam.read(self.address & REGISTER_SPACE_MASK, WORD)
            finally:
                self.seam.window = "memory"
        return self.device.mmio_read(IO_BAR, offset, width)

    def write(self, offset, width, value):
        if offset == IODATA and width == WORD:
            self.seam.window = "io"
            try:
                self.seam.write(self.address & REGISTER_SPACE_MASK, WORD, value)
            finally:
                self.seam.window = "memory"
            return
        if offset == IOADDR:
            self.address = value
        self.device.mmio_write(IO_BAR, offset, width, value)


class RegisterSeam:
    """The chain of `RegisterMiddleware` in front of a card's registers; `window` is "memory" or "io"."""

    def __init__(self, machine, nic):
        self.nic = nic
        self.window = "memory"
        self.chain = [CardRegisters(nic)]
        for index, tap in ((MEMORY_BAR, MemoryTap), (IO_BAR, IoTap)):
            self._replace(machine.memory_bus if index == MEMORY_BAR else machine.ports, nic, index, tap)

    def _replace(self, bus, nic, index, tap_class):
        original = nic.bars[index]
        tap = tap_class(self, original.size)
        tap.device, tap.index, tap.flags = nic, index, original.flags
        tap.base, tap.enabled = original.base, original.enabled
        nic.bars[index] = tap
        bus.detach(original)
        bus.attach(tap)
        # Whoever has mapped the original looks again.
        original.enabled = False

    def add(self, middleware, at_card=False):
        """Put `middleware` in front of the chain, or with `at_card` right before the card; returns it."""
        self.chain.insert(1 if at_card else len(self.chain), middleware)
        self._link()
        return middleware

    def remove(self, middleware):
        self.chain.remove(middleware)
        self._link()

    def _link(self):
        for inner, outer in zip(self.chain, self.chain[1:], strict=False):
            outer.inner = inner

    def read(self, offset, width):
        return self.chain[-1].read(offset, width)

    def write(self, offset, width, value):
        self.chain[-1].write(offset, width, value)


# --- DMA ---


class DmaMiddleware:
    """Sees every transfer of the card before it is made: override `allows`.

    `address` is a bus address, `length` in bytes, `write` is True when the card writes RAM.  False ends the transfer
    in a master abort.
    """

    def allows(self, address, length, write):
        return True


class DmaSeam(IOMMU):
    """Stands between the card and RAM, in front of what stood there (`inner`: the kernel's DMA debugging, or None)."""

    def __init__(self, nic):
        super().__init__()
        self.nic = nic
        self.inner = nic.dma.iommu
        self.chain = []
        nic.dma.iommu = self

    def add(self, middleware, first=False):
        """Ask `middleware` too, before the others with `first`; returns it."""
        self.chain.insert(0 if first else len(self.chain), middleware)
        return middleware

    def remove(self, middleware):
        self.chain.remove(middleware)

    def allows(self, device, address, length, write):
        for middleware in self.chain:
            if not middleware.allows(address, length, write):
                return False
        return self.inner is None or self.inner.allows(device, address, length, write)


# --- the interrupt pin and the CPU's gate ---


class InterruptMiddleware:
    """Stands on the wire from the pin to the controller: override `raise_line` and pass on with `self.forward`."""

    seam: "InterruptSeam"

    def raise_line(self, level):
        """The pin goes up or down; False keeps it from the controller."""
        return True


class InterruptSeam(InterruptController):
    """The controller as the card sees it.  `rises` counts the pin, `level` is where the card holds it."""

    def __init__(self, nic):
        super().__init__()
        self.nic = nic
        self.real = nic.controller
        self.chain = []
        self.rises = 0
        self.pin = False
        nic.controller = self

    def add(self, middleware):
        middleware.seam = self
        self.chain.append(middleware)
        return middleware

    def remove(self, middleware):
        self.chain.remove(middleware)

    def raise_line(self, line, source, level):
        level = bool(level)
        if level and not self.pin:
            self.rises += 1
        self.pin = level
        if all(middleware.raise_line(level) for middleware in self.chain):
            self.drive(level)

    def drive(self, level):
        """Drive the real line."""
        self.real.raise_line(self.nic.interrupt_line, self.nic.interrupt_source, level)


class EntryTap(InterruptEntry):
    """The CPU's gate into the kernel: listeners hear of every interrupt before and after it is handled.

    A listener has `before(line)` and `after(line)`.
    """

    def __init__(self, cpu):
        super().__init__()
        self.inner = cpu.interrupt_entry
        self.listeners = []
        cpu.interrupt_entry = self

    def interrupt(self, line):
        for listener in self.listeners:
            listener.before(line)
        try:
            self.inner.interrupt(line)
        finally:
            for listener in reversed(self.listeners):
                listener.after(line)
