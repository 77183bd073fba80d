"""Enumeration, windows, and how drivers and devices find each other."""

from types import SimpleNamespace

import pytest
from driver_bench import Bench

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.pci.device import IOBAR, MemoryBAR, PCIDevice
from kernel.arch.arch import Arch
from kernel.arch.io import readl
from kernel.net.core.dev import dev_get_by_name, dev_open
from kernel.pci.device import (
    pci_clear_mwi,
    pci_disable_device,
    pci_driver,
    pci_enable_device,
    pci_find_capability,
    pci_intx,
    pci_ioport_map_bar,
    pci_ioremap_bar,
    pci_read_config_word,
    pci_release_regions,
    pci_request_regions,
    pci_set_master,
    pci_set_mwi,
    pci_set_power_state,
)
from kernel.pci.driver import module_alias, pci_bind, pci_unbind, read_aliases
from kernel.pci.probe import pci_assign_resources, pci_scan_bus
from kernel.printk import Printk
from kernel.uapi.pci_regs import PCI_COMMAND


class Gadget(PCIDevice):
    """A device with windows of several sizes."""

    def __init__(self, bars, device_id=0x4242):
        PCIDevice.__init__(self, "gadget", 0x1234, device_id, 0x088000)
        for index, bar in bars.items():
            self.add_bar(index, bar)
        self.add_power_management(0xDC, 0xC822)

    def mmio_read(self, bar, offset, width):
        return 0x11110000 * (bar + 1) & 0xFFFF0000 | offset


@pytest.fixture
def kernel():
    machine = Machine(Clock())
    arch = Arch(machine)
    return SimpleNamespace(
        machine=machine,
        arch=arch,
        printk=Printk(arch.now),
        cmdline={},
        pci=SimpleNamespace(drivers={}),
    )


def scan(kernel, *gadgets):
    for gadget in gadgets:
        kernel.machine.plug(gadget)
    found = [dev for dev in pci_scan_bus(kernel) if dev.vendor == 0x1234]
    pci_assign_resources(kernel, found)
    return found


def test_windows_are_measured_and_do_not_overlap(kernel):
    found = scan(
        kernel,
        Gadget({0: MemoryBAR(4096), 1: IOBAR(64), 3: MemoryBAR(1 << 20)}),
        Gadget({2: MemoryBAR(16), 5: IOBAR(4)}),
    )
    windows = [window for dev in found for window in dev.resource if window is not None]
    assert sorted(window.size for window in windows) == [4, 16, 64, 4096, 1 << 20]
    for window in windows:
        assert window.start % window.size == 0
    for kind in (True, False):
        ranges = sorted((w.start, w.start + w.size) for w in windows if w.is_io() is kind)
        assert all(first[1] <= second[0] for first, second in zip(ranges, ranges[1:], strict=False))


def test_no_room(kernel):
    found = scan(kernel, *[Gadget({0: MemoryBAR(1 << 28)}, device_id=i) for i in range(1, 4)])
    assert [pci_enable_device(dev) for dev in found].count(-22) >= 1
    assert any("no space" in line for line in kernel.printk.lines())


def test_registers_are_reached_only_while_enabled(kernel):
    (dev,) = scan(kernel, Gadget({0: MemoryBAR(4096), 1: IOBAR(64)}))
    mem = pci_ioremap_bar(dev, 0)
    assert readl(mem, 8) == 0xFFFFFFFF
    assert pci_enable_device(dev) == 0
    assert readl(mem, 8) == 0x11110008
    assert readl(pci_ioport_map_bar(dev, 1), 4) == 0x22220004
    assert pci_ioremap_bar(dev, 1) is None
    assert pci_ioport_map_bar(dev, 0) is None
    assert pci_ioremap_bar(dev, 4) is None
    pci_disable_device(dev)


def test_regions_are_claimed_once(kernel):
    (dev,) = scan(kernel, Gadget({0: MemoryBAR(4096)}))
    assert pci_request_regions(dev, "one") == 0
    assert pci_request_regions(dev, "two") == -16
    pci_release_regions(dev)
    assert pci_request_regions(dev, "two") == 0


def test_command_bits(kernel):
    (dev,) = scan(kernel, Gadget({0: MemoryBAR(4096)}))
    pci_enable_device(dev)
    pci_set_master(dev)
    assert pci_set_mwi(dev) == 0
    pci_intx(dev, False)
    assert pci_read_config_word(dev, PCI_COMMAND) == 0x2 | 0x4 | 0x10 | 0x400
    pci_clear_mwi(dev)
    pci_intx(dev, True)
    pci_disable_device(dev)
    assert pci_read_config_word(dev, PCI_COMMAND) == 0x2


def test_power_states(kernel):
    (dev,) = scan(kernel, Gadget({0: MemoryBAR(4096)}))
    assert pci_find_capability(dev, 1) == 0xDC
    assert pci_find_capability(dev, 5) == 0
    assert pci_set_power_state(dev, 3) == 0
    assert pci_set_power_state(dev, 0) == 0


def test_capability_list_that_loops(kernel):
    gadget = Gadget({0: MemoryBAR(4096)})
    (dev,) = scan(kernel, gadget)
    gadget.config[0xDD] = 0xDC
    assert pci_find_capability(dev, 5) == 0


class CountingDriver(pci_driver):
    def __init__(self, result):
        pci_driver.__init__(self, "counting", ((0x1234, 0x4242),))
        self.result = result
        self.bound = 0

    def probe(self, dev, device_id):
        assert device_id == (0x1234, 0x4242)
        self.bound += self.result == 0
        return self.result

    def remove(self, dev):
        self.bound -= 1


@pytest.mark.parametrize("result", [0, -5])
def test_binding(kernel, result):
    (dev,) = scan(kernel, Gadget({0: MemoryBAR(4096)}))
    driver = CountingDriver(result)
    kernel.pci.drivers["counting"] = driver
    aliases = [module_alias("counting", "no.such.module", driver.id_table)]
    assert pci_bind(kernel, dev, aliases) is (result == 0)
    assert (dev.driver is driver) is (result == 0)
    if result:
        assert any("probe failed with error -5" in line for line in kernel.printk.lines())
    pci_unbind(dev)
    assert driver.bound == 0
    assert dev.driver is None


def test_device_without_a_driver(kernel):
    (dev,) = scan(kernel, Gadget({0: MemoryBAR(4096)}))
    assert pci_bind(kernel, dev, read_aliases()) is False


def test_driver_table_is_found_by_name():
    aliases = read_aliases()
    assert [alias.name for alias in aliases] == ["e1000"]
    assert (0x8086, 0x100E) in aliases[0].id_table


def test_two_cards():
    class TwoCards(Bench):
        def boot(self):
            from hwemu.nic.e1000.device import E1000

            self.machine.plug(E1000(self.clock, bytes.fromhex("525400123457"), "nic1", self.machine.trace))
            Bench.boot(self)

    bench = TwoCards()
    second = dev_get_by_name(bench.net, "eth1")
    assert second.dev_addr[-1] == 0x57
    assert bench.on_cpu(dev_open, bench.dev) == bench.on_cpu(dev_open, second) == 0
    assert second.parent.irq != bench.dev.parent.irq
    assert bench.shutdown() == []
