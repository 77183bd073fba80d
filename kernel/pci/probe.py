"""Finds the PCI devices, measures their windows and gives them addresses.

Section 6.2.5.1 of the PCI Local Bus Specification 3.0: all ones written to a base address register read back as
the window's size mask.  Bus 0 only: the machine has no bridges.
"""

from kernel.arch.pci_direct import PCIBIOS_MAX_IO, PCIBIOS_MAX_MEM, PCIBIOS_MIN_IO, PCIBIOS_MIN_MEM
from kernel.pci.device import (
    pci_command,
    pci_dev,
    pci_read_config_byte,
    pci_read_config_dword,
    pci_read_config_word,
    pci_write_config_dword,
    resource,
)
from kernel.uapi.pci_regs import (
    PCI_BASE_ADDRESS_0,
    PCI_BASE_ADDRESS_IO_MASK,
    PCI_BASE_ADDRESS_MEM_MASK,
    PCI_BASE_ADDRESS_MEM_TYPE_64,
    PCI_BASE_ADDRESS_MEM_TYPE_MASK,
    PCI_BASE_ADDRESS_SPACE_IO,
    PCI_CLASS_REVISION,
    PCI_COMMAND,
    PCI_COMMAND_IO,
    PCI_COMMAND_MEMORY,
    PCI_DEVICE_ID,
    PCI_HEADER_TYPE,
    PCI_HEADER_TYPE_MASK,
    PCI_HEADER_TYPE_MFD,
    PCI_HEADER_TYPE_NORMAL,
    PCI_INTERRUPT_LINE,
    PCI_INTERRUPT_PIN,
    PCI_REVISION_ID,
    PCI_STD_NUM_BARS,
    PCI_SUBSYSTEM_ID,
    PCI_SUBSYSTEM_VENDOR_ID,
    PCI_VENDOR_ID,
)

SLOTS = 32
FUNCTIONS = 8


def pci_scan_bus(kernel, bus=0):
    """Every function that answers on `bus`, in the order of its number."""
    found = []
    for slot in range(SLOTS):
        for function in range(FUNCTIONS):
            dev = pci_scan_function(kernel, bus, slot << 3 | function)
            if dev is not None:
                found.append(dev)
            if function == 0 and (dev is None or not dev.hdr_type & PCI_HEADER_TYPE_MFD):
                break
    return found


def pci_scan_function(kernel, bus, devfn):
    """The function at `devfn` with its identity and windows, or None where nothing answers."""
    dev = pci_dev(kernel, bus, devfn)
    dev.vendor = pci_read_config_word(dev, PCI_VENDOR_ID)
    if dev.vendor in (0x0000, 0xFFFF):
        return None
    dev.device = pci_read_config_word(dev, PCI_DEVICE_ID)
    dev.class_code = pci_read_config_dword(dev, PCI_CLASS_REVISION) >> 8
    dev.revision = pci_read_config_byte(dev, PCI_REVISION_ID)
    dev.hdr_type = pci_read_config_byte(dev, PCI_HEADER_TYPE)
    dev.pin = pci_read_config_byte(dev, PCI_INTERRUPT_PIN)
    if dev.pin:
        dev.irq = pci_read_config_byte(dev, PCI_INTERRUPT_LINE)
    if dev.hdr_type & PCI_HEADER_TYPE_MASK == PCI_HEADER_TYPE_NORMAL:
        dev.subsystem_vendor = pci_read_config_word(dev, PCI_SUBSYSTEM_VENDOR_ID)
        dev.subsystem_device = pci_read_config_word(dev, PCI_SUBSYSTEM_ID)
        read_bases(dev)
    return dev


def read_bases(dev):
    """Measure the six base address registers; the device decodes nothing meanwhile."""
    command = pci_read_config_word(dev, PCI_COMMAND)
    pci_command(dev, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY)
    index = 0
    while index < PCI_STD_NUM_BARS:
        where = PCI_BASE_ADDRESS_0 + 4 * index
        old = pci_read_config_dword(dev, where)
        pci_write_config_dword(dev, where, 0xFFFFFFFF)
        mask = pci_read_config_dword(dev, where)
        pci_write_config_dword(dev, where, old)
        # Flag bits that read as one in an unimplemented register are not a size.
        address_mask = PCI_BASE_ADDRESS_IO_MASK if mask & PCI_BASE_ADDRESS_SPACE_IO else PCI_BASE_ADDRESS_MEM_MASK
        significant = mask & address_mask
        if significant:
            size = significant & -significant
            dev.resource[index] = resource(old & address_mask, size, mask & ~address_mask & 0xF)
            if not mask & PCI_BASE_ADDRESS_SPACE_IO:
                if mask & PCI_BASE_ADDRESS_MEM_TYPE_MASK == PCI_BASE_ADDRESS_MEM_TYPE_64:
                    # The upper half stays 0: every window of this machine lies below 4 GiB.
                    pci_write_config_dword(dev, where + 4, 0)
                    index += 1
        index += 1
    pci_command(dev, command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY), 0)


def pci_assign_resources(kernel, devices):
    """Give every window an address aligned to its size, the largest first; one that does not fit gets none."""
    windows = [(dev, index, window) for dev in devices for index, window in enumerate(dev.resource) if window is not None]
    next_free = {True: PCIBIOS_MIN_IO, False: PCIBIOS_MIN_MEM}
    limit = {True: PCIBIOS_MAX_IO, False: PCIBIOS_MAX_MEM}
    for dev, index, window in sorted(windows, key=lambda entry: -entry[2].size):
        is_io = window.is_io()
        start = (next_free[is_io] + window.size - 1) & ~(window.size - 1)
        if start + window.size - 1 > limit[is_io]:
            kernel.printk.printk(f"pci {dev.name}: BAR {index}: no space for {window.size:#x} bytes")
            window.start = 0
            continue
        next_free[is_io] = start + window.size
        window.start = start
        pci_write_config_dword(dev, PCI_BASE_ADDRESS_0 + 4 * index, start | window.flags)
