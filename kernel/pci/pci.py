"""The PCI subsystem of a kernel: enumeration and driver probing at boot, removal at power-off, /proc/bus/pci."""

from kernel.dma import DmaDebug
from kernel.pci.driver import pci_bind, pci_unbind, read_aliases
from kernel.pci.probe import pci_assign_resources, pci_scan_bus
from kernel.uapi.pci_regs import PCI_STD_NUM_BARS


class PCI:
    """A kernel's PCI devices, at `kernel.pci`: `devices` in bus order, `drivers` by name."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.devices = []
        self.drivers = {}
        self.dma_debug = None

    def leaks(self):
        """A line for each DMA mapping that its driver has not undone, and each finding of DMA debugging."""
        report = []
        for dev in self.devices:
            if dev.dma_mappings:
                report.append(f"{dev.name}: {dev.dma_mappings} DMA mappings are left")
            if dev.dma_coherent:
                report.append(f"{dev.name}: {dev.dma_coherent} coherent DMA allocations are left")
        if self.dma_debug is not None:
            report.extend(self.dma_debug.report())
        return report

    def show_devices(self):
        """The text of /proc/bus/pci/devices: hexadecimal fields separated by tabs, as Linux prints them."""
        return "".join(device_line(dev) for dev in self.devices)

    def shutdown(self):
        """Unbind every driver, the last device first."""
        for dev in reversed(self.devices):
            pci_unbind(dev)
        if self.dma_debug is not None:
            self.kernel.arch.set_iommu(None)


def device_line(dev):
    """Bus and function, ids, line, seven window addresses (the ROM last) with their flags, seven sizes, driver."""
    starts = [0] * 7
    sizes = [0] * 7
    for index in range(PCI_STD_NUM_BARS):
        window = dev.resource[index]
        if window is not None:
            starts[index] = window.start | window.flags
            sizes[index] = window.size
    fields = [f"{dev.bus:02x}{dev.devfn:02x}", f"{dev.vendor:04x}{dev.device:04x}", f"{dev.irq:x}"]
    fields += [f"{start:16x}" for start in starts] + [f"{size:16x}" for size in sizes]
    return "\t".join(fields) + "\t" + (dev.driver.name if dev.driver is not None else "") + "\n"


def show_details(dev):
    """The text of /proc/bus/pci/details: what lspci wants to know beyond /proc/bus/pci/devices."""
    return (
        f"{dev.name} class {dev.class_code:06x} rev {dev.revision:02x}"
        f" subsystem {dev.subsystem_vendor:04x}:{dev.subsystem_device:04x} pin {dev.pin}\n"
    )


def pci_init(kernel, aliases=None):
    """Enumerate the bus, give out addresses, load and bind the drivers: those of `aliases`, by default all there are."""
    pci = PCI(kernel)
    kernel.pci = pci
    if "dma_debug" in kernel.cmdline:
        pci.dma_debug = DmaDebug(kernel)
        kernel.arch.set_iommu(pci.dma_debug.watch)
    pci.devices = pci_scan_bus(kernel)
    pci_assign_resources(kernel, pci.devices)
    for dev in pci.devices:
        dev.dma_debug = pci.dma_debug
        kernel.printk.printk(
            f"pci {dev.name}: [{dev.vendor:04x}:{dev.device:04x}] type {dev.hdr_type & 0x7F:02x}"
            f" class {dev.class_code:#08x} irq {dev.irq}"
        )
    kernel.add_leak_check(pci.leaks)
    kernel.proc.create("bus/pci/devices", pci.show_devices)
    kernel.proc.create("bus/pci/details", lambda: "".join(show_details(dev) for dev in pci.devices))
    if aliases is None:
        aliases = read_aliases()
    for dev in pci.devices:
        pci_bind(kernel, dev, aliases)
