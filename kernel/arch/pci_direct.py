"""PCI configuration mechanism #1 through the ports CF8 and CFC, and the ranges for base addresses."""

from hwemu.machine import PCI_IO_END, PCI_IO_START, PCI_MEMORY_END, PCI_MEMORY_START
from kernel.arch.io import inb, inl, inw, outb, outl, outw

CONFIG_ADDRESS = 0xCF8
CONFIG_DATA = 0xCFC
CONFIG_ENABLE = 0x80000000
EINVAL = 22

# Where the kernel may put memory and I/O windows; the end is the last usable address.
PCIBIOS_MIN_MEM = PCI_MEMORY_START
PCIBIOS_MAX_MEM = PCI_MEMORY_END
PCIBIOS_MIN_IO = PCI_IO_START
PCIBIOS_MAX_IO = PCI_IO_END


def conf1_address(bus, devfn, reg):
    """The double word for the address port."""
    return CONFIG_ENABLE | (bus & 0xFF) << 16 | (devfn & 0xFF) << 8 | (reg & 0xFC)


def pci_conf1_read(arch, bus, devfn, reg, size):
    """The `size` (1, 2, 4) bytes at `reg`; all ones where no device answers, -EINVAL for an impossible access."""
    if not 0 <= bus <= 0xFF or not 0 <= devfn <= 0xFF or not 0 <= reg <= 0x100 - size or size not in (1, 2, 4):
        return -EINVAL
    outl(arch, conf1_address(bus, devfn, reg), CONFIG_ADDRESS)
    if size == 1:
        return inb(arch, CONFIG_DATA + (reg & 3))
    if size == 2:
        return inw(arch, CONFIG_DATA + (reg & 2))
    return inl(arch, CONFIG_DATA)


def pci_conf1_write(arch, bus, devfn, reg, size, value):
    """Write `size` bytes at `reg`; 0, or -EINVAL for an impossible access."""
    if not 0 <= bus <= 0xFF or not 0 <= devfn <= 0xFF or not 0 <= reg <= 0x100 - size or size not in (1, 2, 4):
        return -EINVAL
    outl(arch, conf1_address(bus, devfn, reg), CONFIG_ADDRESS)
    if size == 1:
        outb(arch, value, CONFIG_DATA + (reg & 3))
    elif size == 2:
        outw(arch, value, CONFIG_DATA + (reg & 2))
    else:
        outl(arch, value, CONFIG_DATA)
    return 0
