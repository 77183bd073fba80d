"""PCI as seen from the ports CF8 and CFC, from the memory bus, from RAM and from the interrupt lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.pci.device import IOBAR, BaseAddress, MemoryBAR, PCIDevice
from hwemu.pci.dma import DMA, IOMMU
from hwemu.ram import RAM
from hwemu.trace import Trace

COMMAND, STATUS, BAR0, BAR1 = 4, 6, 0x10, 0x14
IO, MEMORY, MASTER, INTX_DISABLE = 1, 2, 4, 0x400
PMCSR = 0xDC + 4
WINDOW = 0xE0000000


class Card(PCIDevice):
    """128 KiB of registers, 64 ports, INTA; remembers what was written and answers with offsets."""

    def __init__(self, name="card", trace=None):
        super().__init__(name, 0x8086, 0x100E, 0x020000, 2, 0x8086, 0x001E, 1, trace)
        self.add_bar(0, MemoryBAR(128 << 10))
        self.add_bar(1, IOBAR(64))
        self.add_power_management(0xDC)
        self.written = []
        self.states = []

    def mmio_read(self, bar, offset, width):
        return (bar << 24 | offset) & (0xFFFFFFFF >> (32 - 8 * width))

    def mmio_write(self, bar, offset, width, value):
        self.written.append((bar, offset, width, value))

    def power_state(self, state):
        self.states.append(state)


class Bench:
    """A machine with one card in slot 3, and the kernel's view of its configuration space."""

    def __init__(self):
        self.machine = Machine(Clock(), 1 << 20)
        self.card = Card()
        self.slot = self.machine.plug(self.card, 3)

    def read(self, register, size=4, slot=3):
        ports = self.machine.ports
        ports.write(0xCF8, 4, 0x80000000 | slot << 11 | register & 0xFC)
        return ports.read(0xCFC + (register & 3), size)

    def write(self, register, value, size=4, slot=3):
        ports = self.machine.ports
        ports.write(0xCF8, 4, 0x80000000 | slot << 11 | register & 0xFC)
        ports.write(0xCFC + (register & 3), size, value)

    def enable(self, command=IO | MEMORY | MASTER):
        self.write(BAR0, WINDOW)
        self.write(BAR1, 0xC000)
        self.write(COMMAND, command, 2)


@pytest.fixture
def bench():
    return Bench()


# --- configuration space ---


def test_identity_at_every_width(bench):
    assert bench.read(0) == 0x100E8086
    assert (bench.read(0, 2), bench.read(2, 2), bench.read(1, 1), bench.read(3, 1)) == (0x8086, 0x100E, 0x80, 0x10)
    assert bench.read(8) == 0x02000002
    assert bench.read(0x2C) == 0x001E8086
    assert bench.read(0x3D, 1) == 1


def test_identity_can_not_be_written(bench):
    before = [bench.read(register) for register in (0, 8, 0x2C, 0x34, 0x18, 0x30)]
    for register in (0, 8, 0x2C, 0x34, 0x18, 0x30):
        bench.write(register, 0xFFFFFFFF)
    assert [bench.read(register) for register in (0, 8, 0x2C, 0x34, 0x18, 0x30)] == before


@pytest.mark.parametrize(("size", "ones"), [(1, 0xFF), (2, 0xFFFF), (4, 0xFFFFFFFF)])
def test_an_absent_device_reads_as_all_ones_and_swallows_writes(bench, size, ones):
    bench.write(0, 0, size, slot=7)
    assert bench.read(0, size, slot=7) == ones
    bench.machine.ports.write(0xCF8, 4, 0x80000000 | 1 << 16 | 3 << 11)
    assert bench.machine.ports.read(0xCFC, size) == ones, "there is no bus 1"
    bench.machine.ports.write(0xCF8, 4, 0x80000000 | 3 << 11 | 1 << 8)
    assert bench.machine.ports.read(0xCFC, size) == ones, "the card has one function"


def test_the_address_port_takes_double_words_only_and_needs_its_enable_bit(bench):
    ports = bench.machine.ports
    ports.write(0xCF8, 4, 0xFFFFFFFF)
    assert ports.read(0xCF8, 4) == 0x80FFFFFC
    ports.write(0xCF8, 2, 0)
    ports.write(0xCF9, 1, 0)
    assert ports.read(0xCF8, 4) == 0x80FFFFFC
    assert ports.read(0xCF8, 1) == 0xFF
    ports.write(0xCF8, 4, 3 << 11)
    assert ports.read(0xCFC, 4) == 0xFFFFFFFF
    ports.write(0xCFC, 4, 0)
    assert ports.read(0xCFE, 4) == 0xFFFFFFFF, "over the end of the data port"


def test_several_devices_and_the_host_bridge(bench):
    second = Card("second")
    assert bench.machine.plug(second) == 1
    assert [slot for slot in range(32) if bench.read(0, 2, slot) != 0xFFFF] == [0, 1, 3]
    assert bench.read(8, 4, slot=0) >> 8 == 0x060000
    with pytest.raises(ValueError, match="taken"):
        bench.machine.plug(Card("third"), 3)


def test_a_full_bus_refuses():
    machine = Machine(Clock(), 1 << 20)
    for _ in range(31):
        machine.plug(Card())
    with pytest.raises(ValueError, match="no free PCI slot"):
        machine.plug(Card())


def test_command_register_keeps_its_own_bits(bench):
    bench.write(COMMAND, 0xFFFF, 2)
    assert bench.read(COMMAND, 2) == 0x0557
    bench.write(COMMAND, 0, 1)
    assert bench.read(COMMAND, 2) == 0x0500


def test_scratch_registers_of_the_header(bench):
    for register, value in ((0x0C, 0x10), (0x0D, 0x40), (0x3C, 7)):
        bench.write(register, value, 1)
        assert bench.read(register, 1) == value


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(-8, 300), st.sampled_from([1, 2, 4]), st.integers(0, 2**32 - 1)), max_size=30))
def test_no_configuration_cycle_raises_and_read_only_bits_stay(cycles):
    bench = Bench()
    card = bench.card
    fixed = [(at, card.config[at] & ~(card.write_mask[at] | card.clear_mask[at]), card.write_mask[at] | card.clear_mask[at])
             for at in range(256)]
    for offset, size, value in cycles:
        card.config_write(offset, size, value & (0xFFFFFFFF >> (32 - 8 * size)))
        assert 0 <= card.config_read(offset, size) <= 0xFFFFFFFF >> (32 - 8 * size)
    for at, kept, free in fixed:
        assert card.config[at] & ~free & 0xFF == kept


# --- base addresses ---


def test_sizing_gives_the_masks_of_the_part(bench):
    bench.write(BAR0, 0xFFFFFFFF)
    bench.write(BAR1, 0xFFFFFFFF)
    assert bench.read(BAR0) == 0xFFFE0000
    assert bench.read(BAR1) == 0xFFFFFFC1
    bench.write(0x18, 0xFFFFFFFF)
    assert bench.read(0x18) == 0


def test_a_prefetchable_window_and_bars_that_can_not_be():
    bar = MemoryBAR(4096, prefetchable=True)
    device = PCIDevice("x", 1, 2, 3)
    device.add_bar(2, bar)
    device.config_write(0x18, 4, 0xFFFFFFFF)
    assert device.config_read(0x18, 4) == 0xFFFFF008
    for make in (lambda: MemoryBAR(24), lambda: MemoryBAR(8), lambda: IOBAR(2), lambda: IOBAR(512), lambda: BaseAddress(0, 0)):
        with pytest.raises(ValueError):
            make()
    with pytest.raises(ValueError, match="taken"):
        device.add_bar(2, MemoryBAR(4096))


def test_a_window_is_refused_before_its_enable_bit(bench):
    memory, ports = bench.machine.memory_bus, bench.machine.ports
    bench.write(BAR0, WINDOW)
    bench.write(BAR1, 0xC000)
    assert memory.read(WINDOW, 4) == 0xFFFFFFFF and ports.read(0xC000, 2) == 0xFFFF
    memory.write(WINDOW, 4, 1)
    ports.write(0xC000, 4, 1)
    assert bench.card.written == []
    bench.write(COMMAND, MEMORY, 2)
    assert memory.read(WINDOW + 0x10, 4) == 0x10 and ports.read(0xC000, 1) == 0xFF
    bench.write(COMMAND, IO, 2)
    assert memory.read(WINDOW + 0x10, 4) == 0xFFFFFFFF and ports.read(0xC008, 4) == 0x01000008


def test_widths_offsets_and_values_reach_the_device(bench):
    bench.enable()
    memory, ports = bench.machine.memory_bus, bench.machine.ports
    memory.write(WINDOW + 0x1FFFF, 1, 0x1AB)
    memory.write(WINDOW + 2, 2, 0x12345)
    ports.write(0xC004, 4, 0xDEADBEEF)
    assert bench.card.written == [(0, 0x1FFFF, 1, 0xAB), (0, 2, 2, 0x2345), (1, 4, 4, 0xDEADBEEF)]


def test_an_access_over_the_end_of_a_window_finds_nobody(bench):
    bench.enable()
    assert bench.machine.memory_bus.read(WINDOW + 0x1FFFE, 4) == 0xFFFFFFFF
    assert bench.machine.memory_bus.read(WINDOW - 1, 1) == 0xFF
    bench.machine.memory_bus.write(WINDOW + 0x1FFFE, 4, 1)
    assert bench.card.written == []


def test_relocation_moves_the_window_at_once(bench):
    bench.enable()
    bench.write(BAR0, 0xF0000000)
    assert bench.machine.memory_bus.read(WINDOW, 4) == 0xFFFFFFFF
    assert bench.machine.memory_bus.read(0xF0000004, 4) == 4


def test_a_base_address_of_zero_is_not_assigned(bench):
    bench.write(COMMAND, MEMORY | IO, 2)
    assert bench.machine.memory_bus.read(0, 4) == 0xFFFFFFFF
    assert bench.machine.ports.read(0, 4) == 0xFFFFFFFF


def test_unplugging_takes_windows_dma_and_interrupt_away(bench):
    bench.enable()
    bench.card.set_interrupt(True)
    bench.machine.pci.unplug(bench.card)
    assert bench.machine.memory_bus.find(WINDOW) is None and bench.machine.ports.find(0xC000) is None
    assert bench.machine.pic.level == 0
    assert bench.card.dma_read(0, 4) is None
    assert bench.read(0) == 0xFFFFFFFF
    assert bench.machine.plug(bench.card, 3) == 3
    assert bench.machine.pic.level, "the card still asserts its pin"


# --- interrupts ---


def test_the_interrupt_line_register_tells_the_route(bench):
    line = bench.read(0x3C, 1)
    bench.card.set_interrupt(True)
    assert bench.machine.pic.level == 1 << line
    bench.card.set_interrupt(False)
    assert bench.machine.pic.level == 0


def test_interrupt_disable_drops_the_pin_and_status_still_shows_it(bench):
    bench.card.set_interrupt(True)
    assert bench.read(STATUS, 2) & 8
    bench.write(COMMAND, INTX_DISABLE, 2)
    assert bench.machine.pic.level == 0 and bench.read(STATUS, 2) & 8
    bench.write(COMMAND, 0, 2)
    assert bench.machine.pic.level != 0
    bench.card.set_interrupt(False)
    assert not bench.read(STATUS, 2) & 8


def test_cards_four_slots_apart_share_a_line(bench):
    other = Card("other")
    bench.machine.plug(other, 7)
    assert bench.read(0x3C, 1, 3) == bench.read(0x3C, 1, 7)
    bench.card.set_interrupt(True)
    other.set_interrupt(True)
    bench.card.set_interrupt(False)
    assert bench.machine.pic.level != 0
    other.set_interrupt(False)
    assert bench.machine.pic.level == 0
    neighbours = [Card(f"n{slot}") for slot in (4, 5, 6)]
    for card, slot in zip(neighbours, (4, 5, 6), strict=True):
        bench.machine.plug(card, slot)
    assert len({bench.read(0x3C, 1, slot) for slot in (3, 4, 5, 6)}) == 4


# --- DMA ---


def test_no_dma_without_bus_mastering(bench):
    assert bench.card.dma_read(0, 4) is None
    assert bench.card.dma_write(0, b"abcd") is False
    assert bench.machine.ram.read(0, 4) == bytes(4)
    assert bench.read(STATUS, 2) & 0x2000 and bench.card.dma.aborts == 2
    bench.enable()
    assert bench.card.dma_write(0x100, b"abcd") is True
    assert bench.card.dma_read(0x100, 4) == b"abcd" == bench.machine.ram.read(0x100, 4)


@pytest.mark.parametrize(("address", "length"), [(1 << 20, 1), ((1 << 20) - 2, 4), (2**64 - 1, 2), (0, (1 << 20) + 1)])
def test_dma_outside_ram_is_a_master_abort_that_software_clears_by_writing_1(bench, address, length):
    bench.enable()
    assert bench.card.dma_read(address, length) is None
    assert bench.read(STATUS, 2) == 0x2010
    bench.write(STATUS, 0, 2)
    assert bench.read(STATUS, 2) == 0x2010
    bench.write(STATUS, 0x2000, 2)
    assert bench.read(STATUS, 2) == 0x0010


def test_every_width_of_a_device_access():
    dma = DMA("card")
    dma.ram = RAM(4096)
    dma.enabled = True
    for width in (8, 16, 32, 64):
        value = 0x1122334455667788 & (2**width - 1)
        assert getattr(dma, f"write{width}")(64, value)
        assert getattr(dma, f"read{width}")(64) == value
        assert getattr(dma, f"write{width}")(4096 - width // 8 + 1, value) is False
        assert getattr(dma, f"read{width}")(4096) == 2**width - 1
    assert dma.aborts == 8
    dma.ram.write(8, b"\xff" * 8)
    assert dma.read64(8) == 2**64 - 1 and dma.aborts == 8, "all ones in RAM are no abort"
    buffer = bytearray(4)
    assert dma.write_from(0, b"wxyz") and dma.read_into(0, buffer) and buffer == b"wxyz"
    assert not dma.read_into(4094, buffer) and buffer == b"wxyz"
    assert dma.read(4096, 0) == b"" and dma.write_from(4096, b"")


def test_an_iommu_sees_and_refuses_transfers(bench):
    class Wall(IOMMU):
        seen = []

        def allows(self, device, address, length, write):
            self.seen.append((device, address, length, write))
            return address < 0x1000

    bench.enable()
    bench.machine.pci.set_iommu(Wall())
    assert bench.card.dma_write(0x800, b"ok")
    assert bench.card.dma_read(0x1000, 8) is None and bench.card.dma.aborts == 1
    assert Wall.seen == [("card", 0x800, 2, True), ("card", 0x1000, 8, False)]
    late = Card("late")
    bench.machine.plug(late)
    assert late.dma.iommu is not None
    bench.machine.pci.set_iommu(None)
    assert bench.card.dma_read(0x1000, 8) == bytes(8)


def test_transfers_and_configuration_cycles_are_traced():
    trace, seen = Trace(), []
    trace.listen("*", lambda *event: seen.append(event[2:]))
    card = Card("nic", trace)
    card.dma.ram = RAM(4096)
    card.config_write(COMMAND, 2, MASTER)
    card.dma_write(0x10, b"1234")
    card.dma_read(0x1000, 1)
    card.config_read(0, 2)
    assert seen == [
        ("pci_config_write", "nic 0x04 size 2 = 0x4"),
        ("dma_write", "nic 0x10 length 4"),
        ("dma_abort", "nic 0x1000 length 1"),
        ("pci_config_read", "nic 0x00 size 2 = 0x8086"),
    ]


# --- capabilities, power, reset ---


def test_capability_list_can_be_walked(bench):
    bench.card.add_capability(0x09, b"\x05\xaa\xbb", b"\0\0\xff", b"\0\0\0")
    assert bench.read(STATUS, 2) & 0x10
    found, at = [], bench.read(0x34, 1)
    while at:
        found.append((at, bench.read(at, 1)))
        at = bench.read(at + 1, 1)
    assert found == [(0xDC, 1), (0xE4, 9)]
    bench.write(0xE8 - 1, 0x11, 1)
    assert bench.read(0xE4 + 4, 1) == 0xBB


@pytest.mark.parametrize("offset", [0x20, 0x42, 0xFC])
def test_a_capability_has_to_fit(offset):
    with pytest.raises(ValueError):
        PCIDevice("x", 1, 2, 3).add_capability(9, bytes(6), bytes(6), bytes(6), offset)


def test_d3_stops_windows_dma_and_interrupt_and_waking_resets(bench):
    bench.enable()
    bench.card.set_interrupt(True)
    bench.write(PMCSR, 0x0103, 2)
    assert bench.read(PMCSR, 2) == 0x0103
    assert bench.machine.memory_bus.find(WINDOW) is None and bench.machine.pic.level == 0
    assert bench.card.dma_read(0, 1) is None
    bench.write(PMCSR, 0x0100, 2)
    assert bench.card.states == [3, 0]
    assert bench.read(PMCSR, 2) == 0x0100, "PME enable survives"
    assert bench.read(COMMAND, 2) == 0 and bench.read(BAR0) == 0
    bench.enable()
    assert bench.machine.memory_bus.read(WINDOW + 4, 4) == 4


def test_d1_and_d2_do_not_exist(bench):
    for state in (1, 2):
        bench.write(PMCSR, state, 2)
        assert bench.read(PMCSR, 2) == 0 and bench.card.states == []
    bench.write(PMCSR, 3, 1)
    bench.write(PMCSR, 1, 1)
    assert bench.read(PMCSR, 1) == 3


def test_pme_status_is_cleared_by_writing_1(bench):
    bench.card.config[PMCSR + 1] |= 0x80
    bench.write(PMCSR, 0, 2)
    assert bench.read(PMCSR, 2) == 0x8000
    bench.write(PMCSR, 0x8000, 2)
    assert bench.read(PMCSR, 2) == 0


def test_reset_brings_the_configuration_back(bench):
    bench.enable()
    bench.card.set_interrupt(True)
    bench.card.dma_read(1 << 40, 1)
    bench.write(0x0C, 8, 1)
    bench.card.reset()
    assert bench.read(COMMAND) == 0x00100000 and bench.read(BAR0) == 0 and bench.read(0x0C, 1) == 0
    assert bench.machine.pic.level == 0
    assert bench.read(0x3C, 1) == bench.machine.pci.routing[3]
