"""The DMA sanitizer: what a driver does wrong with its mappings and descriptors, and what the card does outside of them.

It takes the place of the kernel's DMA debugging, so that it sees every map and unmap with the driver's call stack, and
watches the rings through the register and the DMA seam (`ring_watch`).  A finding names the mapping, who made it, who
ended it, and shows the ring.
"""

from collections import deque
from typing import NamedTuple

from kernel.arch.iommu import dma_watch
from kernel.dma import DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, DMA_TO_DEVICE, PAGE_SHIFT, DmaDebug
from lab.kit.findings import Findings, driver_stack
from lab.kit.ring_watch import RingWatch

DIRECTIONS = {DMA_BIDIRECTIONAL: "both ways", DMA_TO_DEVICE: "to the device", DMA_FROM_DEVICE: "from the device"}
REMEMBERED = 1024


class Ended(NamedTuple):
    """A mapping that is over: bus address, size in bytes, direction, who mapped it and who unmapped it."""

    address: int
    size: int
    direction: int
    mapped: str
    unmapped: str

    def holds(self, address, length):
        return self.address <= address and address + length <= self.address + self.size


class Sanitizer(DmaDebug):
    """Put between a kernel's drivers and a card by `install`; `findings` is what it found.

    Install it before the driver maps anything, else what is mapped already counts as unmapped.
    """

    def __init__(self, kernel, rings, registers, dma):
        super().__init__(kernel)
        self.rings = rings
        self.findings = Findings()
        self.ended = deque(maxlen=REMEMBERED)
        self.before = kernel.pci.dma_debug
        self.watch = SanitizerWatch(self)
        self.ring_watch = RingWatch(rings, self.findings, self.find)
        registers.add(self.ring_watch)
        dma.add(self.ring_watch)
        if self.before is not None:
            self.by_page = self.before.by_page
        dma.inner = self.watch
        kernel.pci.dma_debug = self
        for dev in kernel.pci.devices:
            dev.dma_debug = self

    # --- what the driver does ---

    def add(self, dev, kind, address, size, direction):
        stack = driver_stack()
        for entry in self.overlapping(address, size):
            # Two mappings that only read the same bytes are what a retransmission makes.
            if direction != DMA_TO_DEVICE or entry.direction != DMA_TO_DEVICE:
                self.finding(
                    "double-map",
                    f"{dev.name}: {kind} {address:#x} size {size} {DIRECTIONS[direction]} overlaps a mapping in force",
                    [f"the other: {entry.kind} {entry.address:#x} size {entry.size} {DIRECTIONS[entry.direction]}",
                     f"mapped by  {entry.stack}", f"again by   {stack}"],
                )  # fmt: skip
                break
        super().add(dev, kind, address, size, direction)
        self.by_page[address >> PAGE_SHIFT][-1].stack = stack

    def remove(self, dev, kind, address, size, direction):
        stack = driver_stack()
        same = [e for e in self.by_page.get(address >> PAGE_SHIFT, ()) if e.dev is dev and e.address == address]
        exact = [e for e in same if (e.kind, e.size, e.direction) == (kind, size, direction)]
        if not same:
            over = self.ended_at(address, 1)
            details = [f"unmapped by {over.unmapped}", f"mapped by   {over.mapped}"] if over else []
            self.finding(
                "double-unmap", f"{dev.name}: unmap of {address:#x} size {size}, which is not mapped",
                [*details, f"now by      {stack}"],
            )  # fmt: skip
        elif not exact:
            entry = same[0]
            check = "wrong-direction" if entry.direction != direction else "wrong-unmap"
            self.finding(
                check,
                f"{dev.name}: unmap of {kind} {address:#x} size {size} {DIRECTIONS[direction]} does not match"
                f" {entry.kind} size {entry.size} {DIRECTIONS[entry.direction]}",
                [f"mapped by   {entry.stack}", f"unmapped by {stack}"],
            )
        if same:
            entry = (exact or same)[0]
            self.ended.append(Ended(address, entry.size, entry.direction, entry.stack, stack))
            self.ring_watch.unmapped(address, entry.size, entry.stack, stack)
        super().remove(dev, kind, address, size, direction)

    def overlapping(self, address, size):
        """The mappings in force that share a byte with [address, address + size)."""
        found = []
        for number in range(address >> PAGE_SHIFT, ((address + max(size, 1) - 1) >> PAGE_SHIFT) + 1):
            for entry in self.by_page.get(number, ()):
                if entry.address < address + size and address < entry.address + entry.size and entry not in found:
                    found.append(entry)
        return found

    def ended_at(self, address, length):
        """The mapping over these bytes that ended last, or None."""
        for over in reversed(self.ended):
            if over.holds(address, length):
                return over
        return None

    # --- what the card does ---

    def transfer(self, device, address, length, write):
        """True when a mapping lets the card at these bytes; otherwise a finding."""
        if length == 0 or self.find(address, length, write) is not None:
            return True
        verb = "writes" if write else "reads"
        text = f"{device} {verb} {length} bytes at {address:#x}"
        inside = [e for e in self.overlapping(address, length)]
        over = self.ended_at(address, length)
        details = []
        if inside:
            entry = inside[0]
            fits = entry.address <= address and address + length <= entry.address + entry.size
            check = "wrong-direction" if fits else "outside-mapping"
            text += f", mapped {DIRECTIONS[entry.direction]} only" if fits else f", beyond the {entry.size} bytes mapped"
            details.append(f"mapped by   {entry.stack}")
        elif over is not None:
            check = "use-after-unmap"
            text += ", which has been unmapped"
            details += [f"mapped by   {over.mapped}", f"unmapped by {over.unmapped}"]
        else:
            check = "not-mapped"
            text += ", which nobody has mapped"
        details.append(self.ring_watch.context(address))
        self.finding(check, text, details)
        return False

    # --- reports ---

    def finding(self, check, text, details=()):
        self.findings.add(check, text, "\n".join("  " + line for part in details for line in part.splitlines()))

    def error(self, text):
        """The base class found it as well; the log gets its line."""
        super().error(text)
        if not self.findings.found:
            self.findings.add("dma", text)

    def check(self):
        """Look at the rings as they stand: doorbells that were forgotten, descriptors that were changed."""
        self.ring_watch.check()
        return self.findings

    def check_closed(self):
        """The interface is closed: nothing may be mapped any more."""
        for number, entries in sorted(self.by_page.items()):
            for entry in entries:
                if entry.address >> PAGE_SHIFT == number:
                    self.finding(
                        "leak", f"{entry.kind} {entry.address:#x} size {entry.size} is still mapped after close",
                        [f"mapped by {entry.stack}"],
                    )  # fmt: skip
        return self.findings


class SanitizerWatch(dma_watch):
    """What the card's transfers are asked for, in the place of the kernel's own watch."""

    def __init__(self, sanitizer):
        super().__init__()
        self.sanitizer = sanitizer

    def allows(self, device, address, length, write):
        return self.sanitizer.transfer(device, address, length, write)
