"""Physical address spaces: memory-mapped registers and I/O ports.

A device answers through a `Region`: a window of a space with a base, a size and a flag that says whether it
decodes at present.  Whoever accesses registers often (a driver's `ioremap`) asks `Bus.find` once, keeps the
region and goes on as long as `region.decodes(base)`; then an access is a chain of C calls and still honours a
base address register that is moved or switched off.
"""


class Region:
    """A window of an address space: override `read` and `write`.

    `base` and `size` are in bytes; `enabled` is False while the device does not decode.  A region never raises
    for an access of 1, 2 or 4 bytes inside it.
    """

    def __init__(self, size, base=0, enabled=False):
        self.base = base
        self.size = size
        self.enabled = enabled

    def decodes(self, base):
        """True while the region answers at `base`, where somebody found it earlier."""
        return self.enabled and self.base == base

    def read(self, offset, width):
        """The `width` (1, 2, 4) bytes at `offset`, little-endian; all ones where nothing answers."""
        return 0xFFFFFFFF >> (32 - 8 * width)

    def write(self, offset, width, value):
        """Write the low `width` bytes of `value` at `offset`; dropped where nothing answers."""


class Bus:
    """One address space: `limit` bytes, and the regions that answer in it."""

    def __init__(self, limit):
        self.limit = limit
        self.regions = []

    def attach(self, region):
        self.regions.append(region)

    def detach(self, region):
        self.regions.remove(region)

    def find(self, address, width=1):
        """The enabled region that holds all of [address, address + width), or None.

        Where two overlap the one attached first wins, which only a wrongly programmed machine sees.
        """
        for region in self.regions:
            if region.enabled and region.base <= address and address + width <= region.base + region.size:
                return region
        return None

    def read(self, address, width):
        """The `width` bytes at `address`; all ones where nothing answers."""
        region = self.find(address, width)
        if region is None:
            return 0xFFFFFFFF >> (32 - 8 * width)
        return region.read(address - region.base, width)

    def write(self, address, width, value):
        """Write `width` bytes at `address`; dropped where nothing answers."""
        region = self.find(address, width)
        if region is not None:
            region.write(address - region.base, width, value & (0xFFFFFFFF >> (32 - 8 * width)))
