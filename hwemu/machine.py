"""The machine: RAM, CPU, interrupt controller, timer, serial ports and a PCI bus, put together.

Memory map: RAM from address 0, PCI windows where the kernel puts them (it gets the ranges below), ports CF8 to
CFF for PCI configuration.  Interrupt lines: 0 timer, 4 and 3 the first and the second serial port
(the first is the console), 5 and 9 to 11 PCI.

`Board` is all of it but the devices, and the seam between software and devices: whatever answers on its two buses,
moves data in its RAM and pulls its interrupt lines is the hardware.  `Machine` puts our own device models there.
"""

from random import Random

from hwemu.bus import Bus
from hwemu.cpu import CPU
from hwemu.interrupt_controller import InterruptController
from hwemu.pci.bus import PCIBus
from hwemu.pci.host_bridge import HostBridge
from hwemu.ram import RAM
from hwemu.serial import SerialConsole
from hwemu.timer import OneShotTimer
from hwemu.trace import Trace

TIMER_LINE = 0
SERIAL_LINE = 4
SERIAL2_LINE = 3
PCI_MEMORY_START = 0xE0000000
PCI_MEMORY_END = 0xFEBFFFFF
PCI_IO_START = 0xC000
PCI_IO_END = 0xFFFF
# The lines behind INTA to INTD of the PCI bus.
PCI_LINES = (11, 10, 9, 5)
MAX_MEMORY = PCI_MEMORY_START


class Board:
    """A computer without devices, on `clock`, with `memory` bytes of RAM (a multiple of 4096, at most 3.5 GiB).

    The devices meet it in four places and nowhere else:
    - `memory_bus` and `ports`: regions attached there answer register accesses and, at CF8, configuration cycles;
    - `ram`: the device reads and writes it by DMA; a bus address is a physical address;
    - `pic`: the device drives one of PCI_LINES with `pic.raise_line`, level triggered;
    - `set_iommu` and `reset_devices`, which a subclass overrides.

    `seed` is where every random choice of this machine comes from: its `random` is the only generator.
    `memory_fd` is a host descriptor of at least `memory` bytes that becomes the RAM, shared with whoever else maps it.
    `on_power_off(machine)` is called once, in the hub, when everything on the CPU has been unwound;
    `exit_status` is None until then.
    """

    def __init__(self, clock, memory=64 << 20, seed=0, name="hw0", trace=None, memory_fd=-1):
        if memory > MAX_MEMORY:
            raise ValueError(f"{memory} bytes of RAM would reach into the PCI windows at {PCI_MEMORY_START:#x}")
        self.clock = clock
        self.name = name
        self.seed = seed
        self.random = Random(seed)
        self.trace = Trace(clock, name) if trace is None else trace
        self.ram = RAM(memory, memory_fd)
        self.pic = InterruptController(16, self.trace)
        self.cpu = CPU(clock, self.pic)
        self.cpu.on_stop = self._powered_off
        self.timer = OneShotTimer(clock, self.pic, TIMER_LINE)
        self.serial = SerialConsole(self.pic, SERIAL_LINE)
        self.serial2 = SerialConsole(self.pic, SERIAL2_LINE)
        self.memory_bus = Bus(1 << 32)
        self.ports = Bus(1 << 16)
        self.exit_status = None
        self.on_power_off = None
        self.requested_status = 0

    def set_iommu(self, iommu):
        """Put `iommu` (hwemu.pci.dma) between the devices and RAM; None takes it away.

        A board whose devices reach RAM by themselves can not: there transfers pass unwatched.
        """

    def reset_devices(self):
        """The machine is off: every device stops and lets go of its interrupt."""

    def power_off(self, status=0):
        """Switch off with an exit status: contexts are unwound, then `on_power_off` is called.

        A context that calls this never returns from it.  Switching off twice keeps the first status.
        """
        if not self.cpu.stopping:
            self.requested_status = status
            self.cpu.stop()

    def _powered_off(self):
        self.timer.cancel()
        self.reset_devices()
        self.exit_status = self.requested_status
        if self.on_power_off is not None:
            self.on_power_off(self)


class Machine(Board):
    """A board with a PCI bus of our own device models, a host bridge in slot 0."""

    def __init__(self, clock, memory=64 << 20, seed=0, name="hw0", trace=None):
        super().__init__(clock, memory, seed, name, trace)
        self.pci = PCIBus(self.memory_bus, self.ports, self.pic, self.ram, PCI_LINES)
        self.pci.plug(HostBridge(self.trace), 0)

    def plug(self, device, slot=None):
        """Put a PCI device into `slot` (None: the lowest free one); returns the slot."""
        return self.pci.plug(device, -1 if slot is None else slot)

    def set_iommu(self, iommu):
        self.pci.set_iommu(iommu)

    def reset_devices(self):
        for device in self.pci.slots:
            if device is not None:
                device.reset()
