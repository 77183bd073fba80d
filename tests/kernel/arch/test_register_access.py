"""ioremap, port I/O and configuration mechanism #1: what drivers and the PCI core stand on."""

import pytest

from hwemu.clock import Clock
from hwemu.machine import SERIAL_LINE, TIMER_LINE, Machine
from hwemu.pci.device import IOBAR, MemoryBAR, PCIDevice
from hwemu.pci.registers import COMMAND_IO, COMMAND_MEMORY
from kernel.arch.arch import SERIAL_IRQ, TIMER_IRQ, Arch
from kernel.arch.io import (
    inb,
    inl,
    inw,
    ioport_map,
    ioremap,
    iounmap,
    outb,
    outl,
    outw,
    readb,
    readl,
    readw,
    writeb,
    writel,
    writew,
)
from kernel.arch.iommu import dma_watch
from kernel.arch.pci_direct import EINVAL, PCIBIOS_MAX_MEM, PCIBIOS_MIN_MEM, pci_conf1_read, pci_conf1_write

WINDOW = 0xE0000000
SLOT = 1 << 3


class Registers(PCIDevice):
    """4 KiB of plain memory and 64 ports over it."""

    def __init__(self):
        super().__init__("registers", 0x1234, 0x5678, 0xFF0000)
        self.add_bar(0, MemoryBAR(4096))
        self.add_bar(1, IOBAR(64))
        self.content = bytearray(4096)

    def mmio_read(self, bar, offset, width):
        return int.from_bytes(self.content[offset : offset + width], "little")

    def mmio_write(self, bar, offset, width, value):
        self.content[offset : offset + width] = value.to_bytes(width, "little")


class Bench:
    def __init__(self):
        self.machine = Machine(Clock(), 1 << 20)
        self.arch = Arch(self.machine)
        self.device = Registers()
        self.machine.plug(self.device, 1)
        self.place(WINDOW)
        self.command(COMMAND_IO | COMMAND_MEMORY)

    def place(self, base):
        pci_conf1_write(self.arch, 0, SLOT, 0x10, 4, base)
        pci_conf1_write(self.arch, 0, SLOT, 0x14, 4, 0xC000)

    def command(self, bits):
        pci_conf1_write(self.arch, 0, SLOT, 4, 2, bits)


@pytest.fixture
def bench():
    return Bench()


def test_the_interrupt_lines_are_wired_as_the_kernel_thinks():
    assert (TIMER_IRQ, SERIAL_IRQ) == (TIMER_LINE, SERIAL_LINE)


def test_every_width_through_a_mapping(bench):
    mem = ioremap(bench.arch, WINDOW, 4096)
    writel(0x11223344, mem, 0)
    assert (readl(mem, 0), readw(mem, 2), readb(mem, 1)) == (0x11223344, 0x1122, 0x33)
    writew(0x1ABCD, mem, 4)
    writeb(0x1EE, mem, 6)
    assert readl(mem, 4) == 0x00EEABCD
    writel(0xFFFFFFFF, mem, 4092)
    assert readl(mem, 4092) == 0xFFFFFFFF


def test_a_mapping_may_start_inside_a_window(bench):
    bench.device.content[0x108] = 0x5A
    mem = ioremap(bench.arch, WINDOW + 0x100, 0x10)
    assert readb(mem, 8) == 0x5A


@pytest.mark.parametrize(("offset", "width"), [(4096, 1), (4093, 4), (4095, 2), (0xFFFFFFFF, 1)])
def test_an_access_outside_the_mapping_is_the_drivers_bug(bench, offset, width):
    mem = ioremap(bench.arch, WINDOW, 4096)
    with pytest.raises(IndexError):
        {1: readb, 2: readw, 4: readl}[width](mem, offset)
    with pytest.raises(IndexError):
        {1: writeb, 2: writew, 4: writel}[width](0, mem, offset)


def test_an_unmapped_mapping_is_dead(bench):
    mem = ioremap(bench.arch, WINDOW, 4096)
    readl(mem, 0)
    iounmap(mem)
    with pytest.raises(IndexError):
        readl(mem, 0)


def test_a_window_that_is_switched_off_reads_all_ones_and_comes_back(bench):
    mem = ioremap(bench.arch, WINDOW, 4096)
    writel(7, mem, 0)
    bench.command(0)
    assert (readl(mem, 0), readw(mem, 0), readb(mem, 0)) == (0xFFFFFFFF, 0xFFFF, 0xFF)
    writel(8, mem, 0)
    bench.command(COMMAND_MEMORY)
    assert readl(mem, 0) == 7


def test_a_mapping_made_before_the_window_is_enabled_works_afterwards(bench):
    bench.command(0)
    mem = ioremap(bench.arch, WINDOW, 4096)
    assert readl(mem, 0) == 0xFFFFFFFF
    bench.command(COMMAND_MEMORY)
    assert readl(mem, 0) == 0


def test_a_moved_window_is_gone_from_the_old_address(bench):
    old = ioremap(bench.arch, WINDOW, 4096)
    writel(1, old, 0)
    bench.place(WINDOW + 0x10000)
    new = ioremap(bench.arch, WINDOW + 0x10000, 4096)
    assert readl(old, 0) == 0xFFFFFFFF and readl(new, 0) == 1
    bench.place(WINDOW)
    assert readl(old, 0) == 1 and readl(new, 0) == 0xFFFFFFFF


def test_one_mapping_over_two_windows_reaches_both(bench):
    second = Registers()
    bench.machine.plug(second, 2)
    pci_conf1_write(bench.arch, 0, 2 << 3, 0x10, 4, WINDOW + 4096)
    pci_conf1_write(bench.arch, 0, 2 << 3, 4, 2, COMMAND_MEMORY)
    both = ioremap(bench.arch, WINDOW, 8192)
    for round_ in range(2):
        writel(10 + round_, both, 0)
        writel(20 + round_, both, 4096)
        assert (readl(both, 0), readl(both, 4096)) == (10 + round_, 20 + round_)
    assert second.content[0] == 21 and bench.device.content[0] == 11


def test_ports_by_number_and_by_mapping(bench):
    outl(bench.arch, 0x01020304, 0xC000)
    assert (inb(bench.arch, 0xC003), inw(bench.arch, 0xC002), inl(bench.arch, 0xC000)) == (1, 0x0102, 0x01020304)
    outb(bench.arch, 0x1FF, 0xC004)
    outw(bench.arch, 0xBEEF, 0xC006)
    assert inl(bench.arch, 0xC004) == 0xBEEF00FF
    ports = ioport_map(bench.arch, 0xC000, 64)
    assert readl(ports, 4) == 0xBEEF00FF
    assert inl(bench.arch, 0x300) == 0xFFFFFFFF


def test_configuration_cycles(bench):
    assert pci_conf1_read(bench.arch, 0, SLOT, 0, 4) == 0x56781234
    assert pci_conf1_read(bench.arch, 0, SLOT, 2, 2) == 0x5678
    assert pci_conf1_read(bench.arch, 0, SLOT, 0xB, 1) == 0xFF
    assert pci_conf1_read(bench.arch, 0, 9 << 3, 0, 4) == 0xFFFFFFFF
    assert pci_conf1_write(bench.arch, 0, SLOT, 0x3C, 1, 9) == 0
    assert pci_conf1_read(bench.arch, 0, SLOT, 0x3C, 1) == 9
    assert PCIBIOS_MIN_MEM >= 1 << 20 and PCIBIOS_MAX_MEM < 1 << 32


@pytest.mark.parametrize(
    ("bus", "devfn", "reg", "size"), [(256, 0, 0, 4), (0, 256, 0, 4), (0, 0, 254, 4), (0, 0, -1, 1), (0, 0, 0, 3)]
)
def test_impossible_configuration_cycles(bench, bus, devfn, reg, size):
    assert pci_conf1_read(bench.arch, bus, devfn, reg, size) == -EINVAL
    assert pci_conf1_write(bench.arch, bus, devfn, reg, size, 0) == -EINVAL


def test_a_dma_watch_sees_the_devices_transfers(bench):
    class Watch(dma_watch):
        def __init__(self):
            self.seen = []

        def allows(self, device, address, length, write):
            self.seen.append((address, length, write))
            return True

    watch = Watch()
    bench.arch.set_iommu(watch)
    bench.command(4)
    bench.device.dma_write(64, b"xy")
    assert watch.seen == [(64, 2, True)]
