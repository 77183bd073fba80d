"""The bridge between the CPU and PCI bus 0: the device in slot 0 by which software knows that there is a bus."""

from hwemu.pci.device import PCIDevice

VENDOR_INTEL = 0x8086
DEVICE_440FX = 0x1237
CLASS_HOST_BRIDGE = 0x060000


class HostBridge(PCIDevice):
    """An Intel 440FX's identity; it has no windows and no interrupt."""

    def __init__(self, trace=None):
        super().__init__("host-bridge", VENDOR_INTEL, DEVICE_440FX, CLASS_HOST_BRIDGE, 2, 0, 0, 0, trace)
