"""PCI devices as drivers handle them: configuration accesses, enabling, regions, mapping of registers.

`probe.py` finds the devices, `driver.py` binds drivers to them.  Registers of configuration space are little-endian;
section numbers are those of the PCI Local Bus Specification 3.0.
"""

from kernel.arch.io import ioport_map, ioremap
from kernel.arch.pci_direct import pci_conf1_read, pci_conf1_write
from kernel.uapi.errno import EBUSY, EINVAL, EIO
from kernel.uapi.pci_regs import (
    PCI_BASE_ADDRESS_SPACE_IO,
    PCI_CACHE_LINE_SIZE,
    PCI_CAP_ID_PM,
    PCI_CAPABILITY_LIST,
    PCI_COMMAND,
    PCI_COMMAND_INTX_DISABLE,
    PCI_COMMAND_INVALIDATE,
    PCI_COMMAND_IO,
    PCI_COMMAND_MASTER,
    PCI_COMMAND_MEMORY,
    PCI_PM_CTRL,
    PCI_PM_CTRL_STATE_MASK,
    PCI_STATUS,
    PCI_STATUS_CAP_LIST,
    PCI_STD_HEADER_SIZEOF,
    PCI_STD_NUM_BARS,
)

CACHE_LINE_DWORDS = 16
# More capabilities than configuration space has room for: the list is a loop.
MAX_CAPABILITIES = 48


class resource:
    """An address range that a base address register decodes: `flags` are the register's low bits."""

    def __init__(self, start, size, flags):
        self.start = start
        self.size = size
        self.flags = flags
        self.owner = ""

    def is_io(self):
        return bool(self.flags & PCI_BASE_ADDRESS_SPACE_IO)


class pci_dev:
    """One PCI function.  `irq` is the interrupt line, `resource` its six base addresses (None where there is none)."""

    def __init__(self, kernel, bus, devfn):
        self.kernel = kernel
        self.arch = kernel.arch
        self.bus = bus
        self.devfn = devfn
        self.name = f"0000:{bus:02x}:{devfn >> 3:02x}.{devfn & 7}"
        self.vendor = 0
        self.device = 0
        self.subsystem_vendor = 0
        self.subsystem_device = 0
        self.class_code = 0
        self.revision = 0
        self.hdr_type = 0
        self.pin = 0
        self.irq = 0
        self.resource = [None] * PCI_STD_NUM_BARS
        self.driver = None
        self.driver_data = None
        self.enable_cnt = 0
        self.dma_debug = None
        self.dma_mappings = 0
        self.dma_coherent = 0

    def __repr__(self):
        return f"<pci_dev {self.name} {self.vendor:04x}:{self.device:04x}>"


class pci_driver:
    """A driver: its name, its device table, and what it does with a device of that table.

    `id_table` holds (vendor, device) pairs.
    """

    def __init__(self, name, id_table):
        self.name = name
        self.id_table = id_table

    def probe(self, dev, device_id):
        """Take `dev`; 0 or a negative errno."""
        return 0

    def remove(self, dev):
        """Give `dev` back: everything that probe set up is undone."""


# --- configuration space ---


def pci_read_config_byte(dev, where):
    return pci_conf1_read(dev.arch, dev.bus, dev.devfn, where, 1)


def pci_read_config_word(dev, where):
    return pci_conf1_read(dev.arch, dev.bus, dev.devfn, where, 2)


def pci_read_config_dword(dev, where):
    return pci_conf1_read(dev.arch, dev.bus, dev.devfn, where, 4)


def pci_write_config_byte(dev, where, value):
    return pci_conf1_write(dev.arch, dev.bus, dev.devfn, where, 1, value)


def pci_write_config_word(dev, where, value):
    return pci_conf1_write(dev.arch, dev.bus, dev.devfn, where, 2, value)


def pci_write_config_dword(dev, where, value):
    return pci_conf1_write(dev.arch, dev.bus, dev.devfn, where, 4, value)


def pci_command(dev, set_bits, clear_bits):
    """Change bits of the command register (section 6.2.2)."""
    old = pci_read_config_word(dev, PCI_COMMAND)
    new = (old | set_bits) & ~clear_bits
    if new != old:
        pci_write_config_word(dev, PCI_COMMAND, new)


def pci_find_capability(dev, capability):
    """The offset of a capability in configuration space, or 0 (section 6.7)."""
    if not pci_read_config_word(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST:
        return 0
    position = pci_read_config_byte(dev, PCI_CAPABILITY_LIST) & ~3
    for _ in range(MAX_CAPABILITIES):
        if position < PCI_STD_HEADER_SIZEOF:
            return 0
        entry = pci_read_config_word(dev, position)
        if entry & 0xFF == 0xFF:
            return 0
        if entry & 0xFF == capability:
            return position
        position = (entry >> 8) & ~3
    return 0


# --- enabling ---


def pci_enable_device(dev):
    """Let `dev` decode its windows and wake it to D0; 0, or -EINVAL when a window has no address.  Nests."""
    dev.enable_cnt += 1
    if dev.enable_cnt > 1:
        return 0
    bits = 0
    for window in dev.resource:
        if window is None:
            continue
        if window.start == 0:
            dev.enable_cnt -= 1
            return -EINVAL
        bits |= PCI_COMMAND_IO if window.is_io() else PCI_COMMAND_MEMORY
    pci_set_power_state(dev, 0)
    pci_command(dev, bits, PCI_COMMAND_INTX_DISABLE)
    return 0


def pci_disable_device(dev):
    """Undo one pci_enable_device; the last one ends bus mastering, too."""
    dev.enable_cnt -= 1
    if dev.enable_cnt == 0:
        pci_command(dev, 0, PCI_COMMAND_MASTER)


def pci_set_master(dev):
    """Let `dev` do DMA."""
    pci_command(dev, PCI_COMMAND_MASTER, 0)


def pci_clear_master(dev):
    """End DMA by `dev`."""
    pci_command(dev, 0, PCI_COMMAND_MASTER)


def pci_set_mwi(dev):
    """Allow memory write and invalidate with the machine's cache line size; 0 or -EINVAL (section 3.2.1)."""
    pci_write_config_byte(dev, PCI_CACHE_LINE_SIZE, CACHE_LINE_DWORDS)
    if pci_read_config_byte(dev, PCI_CACHE_LINE_SIZE) != CACHE_LINE_DWORDS:
        return -EINVAL
    pci_command(dev, PCI_COMMAND_INVALIDATE, 0)
    return 0


def pci_clear_mwi(dev):
    pci_command(dev, 0, PCI_COMMAND_INVALIDATE)


def pci_intx(dev, enable):
    """Let the interrupt pin through, or hold it down."""
    if enable:
        pci_command(dev, 0, PCI_COMMAND_INTX_DISABLE)
    else:
        pci_command(dev, PCI_COMMAND_INTX_DISABLE, 0)


def pci_set_power_state(dev, state):
    """Put `dev` into D`state`; 0, or -EIO without the capability or when it does not follow."""
    capability = pci_find_capability(dev, PCI_CAP_ID_PM)
    if not capability:
        return 0 if state == 0 else -EIO
    control = pci_read_config_word(dev, capability + PCI_PM_CTRL)
    if control & PCI_PM_CTRL_STATE_MASK == state:
        return 0
    pci_write_config_word(dev, capability + PCI_PM_CTRL, (control & ~PCI_PM_CTRL_STATE_MASK) | state)
    control = pci_read_config_word(dev, capability + PCI_PM_CTRL)
    return 0 if control & PCI_PM_CTRL_STATE_MASK == state else -EIO


# --- windows ---


def pci_request_regions(dev, name):
    """Claim every window of `dev` for driver `name`; 0 or -EBUSY."""
    windows = [window for window in dev.resource if window is not None]
    if any(window.owner for window in windows):
        return -EBUSY
    for window in windows:
        window.owner = name
    return 0


def pci_release_regions(dev):
    for window in dev.resource:
        if window is not None:
            window.owner = ""


def pci_ioremap_bar(dev, bar):
    """Map the memory window behind base address `bar`: an IoMem, or None when there is none."""
    window = dev.resource[bar]
    if window is None or window.is_io() or window.start == 0:
        return None
    return ioremap(dev.arch, window.start, window.size)


def pci_ioport_map_bar(dev, bar):
    """Map the I/O window behind base address `bar`: an IoMem, or None when there is none."""
    window = dev.resource[bar]
    if window is None or not window.is_io() or window.start == 0:
        return None
    return ioport_map(dev.arch, window.start, window.size)
