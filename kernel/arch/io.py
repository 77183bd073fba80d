"""Register access: `ioremap` and the accessors of memory-mapped registers and I/O ports.

A mapping remembers which device region answers, so an access is a chain of C calls; it looks again as soon as that
region has moved or stopped decoding.  All values are little-endian; where no device answers a read is all ones and
a write is dropped.  An access outside the mapping is a bug of the driver and raises IndexError.
"""

from hwemu.bus import Region

U32_MASK = 0xFFFFFFFF


class IoMem:
    """`size` bytes of registers at physical address (or port) `phys`, as mapped by `ioremap` or `ioport_map`."""

    def __init__(self, bus, phys, size):
        self.bus = bus
        self.phys = phys
        self.size = size
        self.region = Region(0)
        self.base = 0
        self.start = 0

    def resolve(self, offset, width):
        """Find the region that answers at `offset` and remember it; None where nothing does."""
        if offset + width > self.size:
            raise IndexError(f"access of {width} bytes at {offset:#x} is outside the {self.size:#x} bytes mapped")
        region = self.bus.find(self.phys + offset, width)
        # A mapping over several regions keeps going through here for all but one: start would be negative.
        if region is not None and region.base <= self.phys:
            self.region = region
            self.base = region.base
            self.start = self.phys - region.base
        return region

    def read(self, offset, width):
        """The `width` (1, 2, 4) bytes at `offset`."""
        region = self.region
        if region.enabled and region.base == self.base and offset + width <= self.size:
            if self.start + offset + width <= region.size:
                return region.read(self.start + offset, width)
        region = self.resolve(offset, width)
        if region is None:
            return U32_MASK >> (32 - 8 * width)
        return region.read(self.phys + offset - region.base, width)

    def write(self, offset, width, value):
        """Write the low `width` bytes of `value` at `offset`."""
        region = self.region
        if region.enabled and region.base == self.base and offset + width <= self.size:
            if self.start + offset + width <= region.size:
                region.write(self.start + offset, width, value)
                return
        region = self.resolve(offset, width)
        if region is not None:
            region.write(self.phys + offset - region.base, width, value)


def ioremap(arch, phys, size):
    """Map `size` bytes of device registers at physical address `phys`."""
    return IoMem(arch.memory_bus, phys, size)


def ioport_map(arch, port, size):
    """Map `size` I/O ports from `port`: the same accessors then work on them."""
    return IoMem(arch.ports, port, size)


def iounmap(mem):
    """End a mapping: every access through it is from now on outside it."""
    mem.size = 0
    mem.region = Region(0)


def readb(mem, offset):
    return mem.read(offset, 1)


def readw(mem, offset):
    return mem.read(offset, 2)


def readl(mem, offset):
    return mem.read(offset, 4)


def writeb(value, mem, offset):
    mem.write(offset, 1, value & 0xFF)


def writew(value, mem, offset):
    mem.write(offset, 2, value & 0xFFFF)


def writel(value, mem, offset):
    mem.write(offset, 4, value & U32_MASK)


def inb(arch, port):
    return arch.ports.read(port, 1)


def inw(arch, port):
    return arch.ports.read(port, 2)


def inl(arch, port):
    return arch.ports.read(port, 4)


def outb(arch, value, port):
    arch.ports.write(port, 1, value & 0xFF)


def outw(arch, value, port):
    arch.ports.write(port, 2, value & 0xFFFF)


def outl(arch, value, port):
    arch.ports.write(port, 4, value & U32_MASK)
