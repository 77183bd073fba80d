"""Device and kernel each have their own names for configuration space: both agree with one description."""

import pytest

from hwemu.pci import registers
from hwemu.pci.device import IOBAR, MemoryBAR, PCIDevice
from hwemu.pci.header import Command, PowerManagement, Status, Type0Header, capabilities, dump, main
from kernel.uapi import pci_regs


def offsets(struct):
    """{field name: byte offset} of a construct Struct."""
    found, at = {}, 0
    for field in struct.subcons:
        if field.name:
            found[field.name] = at
        at += field.sizeof()
    return found


AT = offsets(Type0Header)

# field of the description, the device's name, the kernel's name
TABLE = [
    ("vendor_id", "VENDOR_ID", "PCI_VENDOR_ID"),
    ("device_id", "DEVICE_ID", "PCI_DEVICE_ID"),
    ("command", "COMMAND", "PCI_COMMAND"),
    ("status", "STATUS", "PCI_STATUS"),
    ("revision_id", "REVISION_ID", "PCI_REVISION_ID"),
    ("header_type", "HEADER_TYPE", "PCI_HEADER_TYPE"),
    ("cache_line_size", "CACHE_LINE_SIZE", "PCI_CACHE_LINE_SIZE"),
    ("latency_timer", "LATENCY_TIMER", "PCI_LATENCY_TIMER"),
    ("base_address", "BASE_ADDRESS_0", "PCI_BASE_ADDRESS_0"),
    ("subsystem_vendor_id", "SUBSYSTEM_VENDOR_ID", "PCI_SUBSYSTEM_VENDOR_ID"),
    ("subsystem_id", "SUBSYSTEM_ID", "PCI_SUBSYSTEM_ID"),
    ("capabilities_pointer", "CAPABILITIES_POINTER", "PCI_CAPABILITY_LIST"),
    ("interrupt_line", "INTERRUPT_LINE", "PCI_INTERRUPT_LINE"),
    ("interrupt_pin", "INTERRUPT_PIN", "PCI_INTERRUPT_PIN"),
]

# bit of the description, the device's name, the kernel's name
COMMAND_BITS = [
    ("io", "COMMAND_IO", "PCI_COMMAND_IO"),
    ("memory", "COMMAND_MEMORY", "PCI_COMMAND_MEMORY"),
    ("bus_master", "COMMAND_BUS_MASTER", "PCI_COMMAND_MASTER"),
    ("mwi", "COMMAND_MWI", "PCI_COMMAND_INVALIDATE"),
    ("parity", "COMMAND_PARITY", "PCI_COMMAND_PARITY"),
    ("serr", "COMMAND_SERR", "PCI_COMMAND_SERR"),
    ("intx_disable", "COMMAND_INTX_DISABLE", "PCI_COMMAND_INTX_DISABLE"),
]
STATUS_BITS = [
    ("interrupt", "STATUS_INTERRUPT", "PCI_STATUS_INTERRUPT"),
    ("capabilities", "STATUS_CAPABILITIES", "PCI_STATUS_CAP_LIST"),
    ("received_master_abort", "STATUS_RECEIVED_MASTER_ABORT", "PCI_STATUS_REC_MASTER_ABORT"),
]


def bits(layout, **fields):
    """The 16-bit number with these flags of a bit layout set."""
    values = {field.name: 0 for field in layout.subcon.subcon.subcons if field.name}
    return int.from_bytes(layout.build({**values, **fields}), "little")


def test_the_header_is_64_bytes_and_power_management_8():
    assert Type0Header.sizeof() == registers.HEADER_SIZE == 64
    assert PowerManagement.sizeof() == registers.PM_SIZE


@pytest.mark.parametrize(("field", "device_name", "kernel_name"), TABLE)
def test_register_offsets(field, device_name, kernel_name):
    assert getattr(registers, device_name) == AT[field]
    assert getattr(pci_regs, kernel_name, AT[field]) == AT[field]


@pytest.mark.parametrize(("field", "device_name", "kernel_name"), COMMAND_BITS)
def test_command_bits(field, device_name, kernel_name):
    value = bits(Command, **{field: 1})
    assert getattr(registers, device_name) == value
    assert getattr(pci_regs, kernel_name, value) == value


@pytest.mark.parametrize(("field", "device_name", "kernel_name"), STATUS_BITS)
def test_status_bits(field, device_name, kernel_name):
    value = bits(Status, **{field: 1})
    assert getattr(registers, device_name) == value
    assert getattr(pci_regs, kernel_name, value) == value


def test_the_kernel_names_what_it_reads():
    named = [kernel for _, _, kernel in TABLE + COMMAND_BITS + STATUS_BITS if hasattr(pci_regs, kernel)]
    assert len(named) >= 12


@pytest.fixture
def device():
    device = PCIDevice("dev", 0x8086, 0x100E, 0x020000, 2, 0x8086, 0x001E)
    device.add_bar(0, MemoryBAR(1 << 17))
    device.add_bar(1, IOBAR(64))
    device.add_power_management(0xDC)
    return device


def test_a_live_device_reads_as_described(device):
    device.config_write(4, 2, 0x0406)
    device.set_interrupt(True)
    device.dma_read(1 << 40, 4)
    raw = b"".join(device.config_read(at, 1).to_bytes(1, "little") for at in range(256))
    header = Type0Header.parse(raw)
    assert (header.vendor_id, header.device_id, header.class_code, header.revision_id) == (0x8086, 0x100E, 0x020000, 2)
    assert header.command.memory and header.command.bus_master and header.command.intx_disable
    assert not header.command.io
    assert header.status.interrupt and header.status.received_master_abort and header.status.capabilities
    assert list(header.base_address) == [0, 1, 0, 0, 0, 0]
    assert capabilities(raw) == [(0xDC, 1)]
    power = PowerManagement.parse(raw[0xDC:])
    assert power.capabilities == 0xC802 and power.control.state == 0


def test_the_description_writes_what_it_reads(device):
    assert Type0Header.build(Type0Header.parse(bytes(device.config))) == bytes(device.config[:64])


def test_a_capability_list_that_loops_ends(device):
    device.config[0xDD] = 0xDC
    assert capabilities(bytes(device.config)) == [(0xDC, 1)]


def test_dump_of_a_file(device, tmp_path, capsys):
    path = tmp_path / "config"
    path.write_bytes(device.config)
    assert main(["header", str(path)]) == 0
    text = capsys.readouterr().out
    assert text == dump(bytes(device.config))
    assert "vendor_id             0x8086" in text and "capability 0x01 at 0xdc" in text
    path.write_bytes(b"short")
    assert main(["header", str(path)]) == 1
    assert main(["header", str(tmp_path / "absent")]) == 1
    assert main(["header"]) == 2
