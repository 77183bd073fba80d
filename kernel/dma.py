"""DMA: how a driver lets its device at RAM.

The bus address of a byte is its physical address, so without debugging a mapping costs a counter.  With DMA
debugging (`dma_debug` on the kernel's command line) every mapping is remembered with the driver's call stack, and a
watch between the devices and RAM refuses and reports transfers outside of them.
"""

import sys

from kernel.arch.iommu import dma_watch
from kernel.net.core.skbuff import alloc_page

DMA_BIDIRECTIONAL = 0
DMA_TO_DEVICE = 1
DMA_FROM_DEVICE = 2

PAGE_SHIFT = 12
STACK_DEPTH = 12


class dma_coherent:
    """Memory that driver and device share for as long as it is allocated: `address` of `size` bytes, zeroed."""

    def __init__(self, page, size):
        self.page = page
        self.address = page.address
        self.size = size


def dma_alloc_coherent(dev, size):
    """Zeroed memory of `size` bytes (at most 65536), aligned to its size rounded up; None when RAM is full."""
    page = alloc_page(dev.kernel.skb_cache, size)
    if page is None:
        return None
    page.write(0, bytes(page.size))
    dev.dma_coherent += 1
    if dev.dma_debug is not None:
        dev.dma_debug.add(dev, "coherent", page.address, size, DMA_BIDIRECTIONAL)
    return dma_coherent(page, size)


def dma_free_coherent(dev, memory):
    """Give coherent memory back."""
    dev.dma_coherent -= 1
    if dev.dma_debug is not None:
        dev.dma_debug.remove(dev, "coherent", memory.address, memory.size, DMA_BIDIRECTIONAL)
    memory.page = None


def dma_map_single(dev, address, length, direction):
    """Let `dev` at `length` bytes at `address`; returns the bus address."""
    dev.dma_mappings += 1
    if dev.dma_debug is not None:
        dev.dma_debug.add(dev, "single", address, length, direction)
    return address


def dma_unmap_single(dev, address, length, direction):
    """End a mapping made by dma_map_single with the same arguments."""
    dev.dma_mappings -= 1
    if dev.dma_debug is not None:
        dev.dma_debug.remove(dev, "single", address, length, direction)


def dma_map_page(dev, page, offset, length, direction):
    """Let `dev` at `length` bytes at `offset` of `page`; returns the bus address."""
    dev.dma_mappings += 1
    if dev.dma_debug is not None:
        dev.dma_debug.add(dev, "page", page.address + offset, length, direction)
    return page.address + offset


def dma_unmap_page(dev, address, length, direction):
    """End a mapping made by dma_map_page."""
    dev.dma_mappings -= 1
    if dev.dma_debug is not None:
        dev.dma_debug.remove(dev, "page", address, length, direction)


class mapping:
    """One mapping that is in force, and who made it."""

    def __init__(self, dev, kind, address, size, direction, stack):
        self.dev = dev
        self.kind = kind
        self.address = address
        self.size = size
        self.direction = direction
        self.stack = stack

    def __str__(self):
        return f"{self.kind} {self.address:#x} size {self.size} of {self.dev.name}, mapped at {self.stack}"


class DmaDebug:
    """Every mapping in force by page of RAM, and what was found wrong."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.by_page = {}
        self.errors = []
        self.watch = mapping_watch(self)

    def add(self, dev, kind, address, size, direction):
        entry = mapping(dev, kind, address, size, direction, call_stack())
        if not self.kernel.arch.memory.contains(address, size):
            self.error(f"{dev.name}: mapping {address:#x} size {size} is outside RAM, at {entry.stack}")
        for number in range(address >> PAGE_SHIFT, ((address + max(size, 1) - 1) >> PAGE_SHIFT) + 1):
            self.by_page.setdefault(number, []).append(entry)

    def remove(self, dev, kind, address, size, direction):
        candidates = self.by_page.get(address >> PAGE_SHIFT, [])
        same = [entry for entry in candidates if entry.dev is dev and entry.address == address]
        exact = [entry for entry in same if (entry.kind, entry.size, entry.direction) == (kind, size, direction)]
        if not exact:
            if not same:
                self.error(f"{dev.name}: unmap of {address:#x} size {size}, which is not mapped, at {call_stack()}")
                return
            self.error(
                f"{dev.name}: unmap of {kind} {address:#x} size {size} direction {direction} does not match"
                f" {same[0]}, direction {same[0].direction}; at {call_stack()}"
            )
            exact = same
        entry = exact[0]
        for number in range(address >> PAGE_SHIFT, ((address + max(entry.size, 1) - 1) >> PAGE_SHIFT) + 1):
            entries = self.by_page[number]
            entries.remove(entry)
            if not entries:
                del self.by_page[number]

    def find(self, address, length, write):
        """The mapping that lets a device read (or, with `write`, write) [address, address + length), or None."""
        forbidden = DMA_TO_DEVICE if write else DMA_FROM_DEVICE
        for entry in self.by_page.get(address >> PAGE_SHIFT, ()):
            if entry.address <= address and address + length <= entry.address + entry.size:
                if entry.direction != forbidden:
                    return entry
        return None

    def error(self, text):
        self.errors.append("DMA: " + text)
        self.kernel.printk.printk("DMA: " + text, 3)

    def report(self):
        """Everything wrong so far, and every mapping that is still in force."""
        left = []
        for number, entries in self.by_page.items():
            left.extend(f"DMA: left {entry}" for entry in entries if entry.address >> PAGE_SHIFT == number)
        return self.errors + left


class mapping_watch(dma_watch):
    """Refuses transfers outside the mappings: the device sees a master abort."""

    def __init__(self, debug):
        self.debug = debug

    def allows(self, device, address, length, write):
        if length == 0 or self.debug.find(address, length, write) is not None:
            return True
        verb = "writes" if write else "reads"
        self.debug.error(f"{device} {verb} {length} bytes at {address:#x}, which is not mapped for that")
        return False


def call_stack():
    """Who called the DMA functions: "file:line function" from the inside out, without this module.

    Compiled rooms have no Python frames: the whole path shows with HWEMU_INTERPRETED=1.
    """
    try:
        frame = sys._getframe(0)
    except ValueError:
        return "compiled code"
    names = []
    while frame is not None and len(names) < STACK_DEPTH:
        code = frame.f_code
        if not code.co_filename.endswith("dma.py"):
            names.append(f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " < ".join(names) if names else "compiled code"
