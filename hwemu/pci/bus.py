"""The PCI bus: 32 slots, INTx routing, and configuration mechanism #1 behind the ports CF8 and CFC.

PCI Local Bus Specification 3.0: section 3.2.2.3.2 (mechanism #1), 2.2.6 and its implementation note (INTx).
"""

from hwemu.bus import Region
from hwemu.pci.registers import INTERRUPT_LINE, INTERRUPT_PIN

SLOTS = 32
CONFIG_ADDRESS = 0xCF8
CONFIG_DATA = 0xCFC
CONFIG_PORTS = 8
CONFIG_ENABLE = 0x80000000
# Bits of the address port that exist: enable, bus, device, function, register (a double word).
CONFIG_ADDRESS_BITS = 0x80FFFFFC


class PCIBus:
    """Bus 0 with up to 32 single-function devices.

    `routing` are the interrupt lines behind the four INTx wires, which the slots share in turn: INTA of slot n
    is wire n modulo 4.
    """

    def __init__(self, memory, ports, controller, ram, routing=(11, 10, 9, 5)):
        self.memory = memory
        self.ports = ports
        self.controller = controller
        self.ram = ram
        self.iommu = None
        self.routing = tuple(routing)
        self.slots = [None] * SLOTS
        ports.attach(ConfigurationPorts(self))

    def plug(self, device, slot=-1):
        """Put `device` into `slot` (-1: the lowest free one) and return the slot; ValueError where that is taken.

        The interrupt line register then holds the routed line, as firmware leaves it.
        """
        if slot < 0:
            slot = self.slots.index(None) if None in self.slots else SLOTS
        if slot >= SLOTS or self.slots[slot] is not None:
            raise ValueError(f"no free PCI slot for {device.name}" if slot >= SLOTS else f"PCI slot {slot} is taken")
        self.slots[slot] = device
        device.slot = slot
        device.dma.ram = self.ram
        device.dma.iommu = self.iommu
        pin = device.config[INTERRUPT_PIN]
        if pin:
            line = self.routing[(slot + pin - 1) % 4]
            device.controller = self.controller
            device.interrupt_line = line
            device.interrupt_source = self.controller.new_source()
            device.set_config(INTERRUPT_LINE, 1, line)
            device.interrupt_driven = False
            device._drive_interrupt()
        for bar in device.bars:
            if bar is not None:
                (self.ports if bar.flags & 1 else self.memory).attach(bar)
        return slot

    def unplug(self, device):
        """Take `device` out: its windows and its interrupt are gone and its DMA goes nowhere."""
        self.slots[device.slot] = None
        device.slot = -1
        device.dma.ram = None
        device.dma.iommu = None
        if device.controller is not None:
            device.controller.free_source(device.interrupt_line, device.interrupt_source)
            device.controller = None
            device.interrupt_line = -1
            device.interrupt_source = -1
        for bar in device.bars:
            if bar is not None:
                (self.ports if bar.flags & 1 else self.memory).detach(bar)

    def set_iommu(self, iommu):
        """Put `iommu` (or None) between RAM and every device, plugged in now or later."""
        self.iommu = iommu
        for device in self.slots:
            if device is not None:
                device.dma.iommu = iommu

    def at(self, bus, devfn):
        """The device at `bus` and `devfn` (slot << 3 | function), or None."""
        if bus != 0 or devfn & 7:
            return None
        return self.slots[(devfn >> 3) & 31]

    def config_read(self, bus, devfn, offset, size):
        """A configuration read of `size` (1, 2, 4) bytes; all ones where no device answers."""
        device = self.at(bus, devfn)
        if device is None:
            return 0xFFFFFFFF >> (32 - 8 * size)
        return device.config_read(offset, size)

    def config_write(self, bus, devfn, offset, size, value):
        """A configuration write; dropped where no device answers."""
        device = self.at(bus, devfn)
        if device is not None:
            device.config_write(offset, size, value)


class ConfigurationPorts(Region):
    """The address port (double words only) and the data port (any width)."""

    def __init__(self, bus):
        super().__init__(CONFIG_PORTS, CONFIG_ADDRESS, True)
        self.bus = bus
        self.address = 0

    def read(self, offset, width):
        if offset < 4:
            return self.address if offset == 0 and width == 4 else 0xFFFFFFFF >> (32 - 8 * width)
        if not self.address & CONFIG_ENABLE:
            return 0xFFFFFFFF >> (32 - 8 * width)
        register = (self.address & 0xFC) | (offset & 3)
        return self.bus.config_read((self.address >> 16) & 0xFF, (self.address >> 8) & 0xFF, register, width)

    def write(self, offset, width, value):
        if offset < 4:
            if offset == 0 and width == 4:
                self.address = value & CONFIG_ADDRESS_BITS
        elif self.address & CONFIG_ENABLE:
            register = (self.address & 0xFC) | (offset & 3)
            self.bus.config_write((self.address >> 16) & 0xFF, (self.address >> 8) & 0xFF, register, width, value)
