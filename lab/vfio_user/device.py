"""The card as VFIO shows a PCI device: nine regions, five kinds of interrupt, of which it has one, and reset.

Region numbers and interrupt kinds are those of <linux/vfio.h>.  What lies behind is the same model that a machine of our own
plugs into its bus; here the client's machine is its bus: the client decodes addresses, and says when it unmasks the interrupt.
"""

import os
import select

from hwemu.clock import Event, Source
from hwemu.interrupt_controller import InterruptController
from hwemu.nic.e1000.registers import IMS
from hwemu.pci.registers import (
    BAR_IO,
    COMMAND,
    COMMAND_IO,
    COMMAND_MEMORY,
    CONFIG_SIZE,
    D0,
    INTERRUPT_LINE,
    INTERRUPT_PIN,
    PM_CONTROL,
    PM_CONTROL_STATE,
)
from lab.vfio_user.channel import signal_eventfd
from lab.vfio_user.memory import Permissions
from lab.vfio_user.messages import BAR0_REGION, CONFIG_REGION, REGIONS

NO_EVENTFD = -1
# PCI's INTA needs some line of some controller; here there is only this one.
LINE = 0
# How long (ns) a driver's handler that writes nothing may take from its first access to its end.
HANDLER_TIME = 200_000
# How long (ns) a driver that has just let interrupts through is left alone.
REST = 80_000
EDGES = select.EPOLLIN | select.EPOLLET


class IntxPin(InterruptController):
    """The interrupt pin, as VFIO delivers it: an eventfd that is signalled once, then masked until the client unmasks it.

    A client unmasks at the handler's first access to the card.  On a bus, a level that rises again while the handler
    runs has fallen by the time it returns, for handlers mask the card; an eventfd that was signalled can not be taken
    back, and the guest would be interrupted once more for nothing.  So after unmasking the pin is quiet until the
    handler has written to the card (`wrote`), or for HANDLER_TIME.

    An interrupt costs the client's machine four round trips through the socket, whatever it is about.  A driver that polls
    and has found nothing more lets interrupts through again (`enabled`): for REST, or until it writes something else, the
    pin is quiet, and what comes meanwhile shares one.

    `eventfd` belongs to the pin (NO_EVENTFD: none); `signalled` counts.
    """

    def __init__(self, clock):
        super().__init__(1)
        self.clock = clock
        self.quiet = Event(self.end_quiet)
        self.eventfd = NO_EVENTFD
        self.asserted = False
        self.masked = False
        self.signalled = 0

    def raise_line(self, line, source, level):
        self.asserted = level
        if level:
            self.deliver()

    def deliver(self):
        """Signal and mask, if the level is high and neither is in the way."""
        if self.asserted and not self.masked and self.eventfd >= 0 and self.quiet.slot < 0:
            self.masked = True
            self.trigger()

    def trigger(self):
        """Signal the eventfd, whatever the level is."""
        if self.eventfd >= 0:
            self.signalled += 1
            signal_eventfd(self.eventfd)

    def mask_interrupt(self):
        self.masked = True

    def unmask_interrupt(self):
        """Let the interrupt through; a level that is high when the handler is done signals again."""
        self.masked = False
        self.clock.call_after(HANDLER_TIME, self.quiet)

    def enabled(self):
        """The driver has let interrupts through again, and is done with what it knew of."""
        self.clock.call_after(REST, self.quiet)

    def end_of_interrupt(self):
        """Let the interrupt through: the guest's handler has returned."""
        self.masked = False
        self.end_quiet()

    def wrote(self):
        """The client has written to a register: the handler, if it is running, has come to what it does about the interrupt."""
        if self.quiet.slot >= 0:
            self.end_quiet()

    def end_quiet(self):
        self.clock.cancel(self.quiet)
        self.deliver()

    def let_go(self):
        """Back to no eventfd, unmasked, not quiet."""
        self.clock.cancel(self.quiet)
        self.eventfd = NO_EVENTFD
        self.masked = False


class UnmaskEvent(Source):
    """The eventfd at which a client unmasks: KVM signals it by itself when the guest's handler has returned.

    It is watched for edges and never read, for a client that read it first would make a read wait.
    """

    def __init__(self, pin, fd):
        super().__init__()
        self.pin = pin
        self.fd = fd
        self.pin.clock.watch(fd, EDGES, self)

    def ready(self, mask):
        """The guest is done with the interrupt."""
        self.pin.end_of_interrupt()

    def close(self):
        self.pin.clock.unwatch(self.fd)
        os.close(self.fd)


class VfioDevice:
    """`nic` behind regions.  `memory` is the client's, or nothing while there is no client."""

    def __init__(self, clock, nic, memory):
        self.nic = nic
        self.memory = memory
        self.permissions = Permissions(memory)
        self.pin = IntxPin(clock)
        self.decoding = [False] * REGIONS
        self.sizes = [0] * REGIONS
        self.sizes[CONFIG_REGION] = CONFIG_SIZE
        for bar in nic.bars:
            if bar is not None:
                self.sizes[bar.index] = bar.size
        nic.dma.ram = memory
        if nic.config[INTERRUPT_PIN]:
            nic.controller = self.pin
            nic.interrupt_line = LINE
            nic.interrupt_source = self.pin.new_source()
            nic.set_config(INTERRUPT_LINE, 1, LINE)
        self.follow_command()

    def reset(self):
        """DEVICE_RESET: a bus reset.  Mappings and the eventfd stay."""
        self.nic.reset()
        self.follow_command()

    def release(self):
        """The client has gone: nothing of it is touched any more, and the card is as after power-on."""
        self.memory.clear()
        self.follow_permissions()
        self.pin.let_go()
        self.reset()

    def follow_command(self):
        """Which of the base addresses decode: command register and power state say so."""
        command = self.nic.config[COMMAND]
        active = self.nic.config[self.nic.power_management + PM_CONTROL] & PM_CONTROL_STATE == D0
        for bar in self.nic.bars:
            if bar is not None:
                self.decoding[bar.index] = active and command & (COMMAND_IO if bar.flags & BAR_IO else COMMAND_MEMORY) != 0

    def follow_permissions(self):
        """Stand between the card and memory that it may only read or only write."""
        self.nic.dma.iommu = self.permissions if self.memory.restricted else None

    def holds(self, region, offset, count):
        """True when a region has all of [offset, offset + count)."""
        return region < REGIONS and count <= self.sizes[region] and offset <= self.sizes[region] - count

    def read(self, region, offset, width):
        """The `width` (1, 2, 4) bytes at `offset` of a region that holds them; all ones where nothing decodes."""
        if region == CONFIG_REGION:
            return self.nic.config_read(offset, width)
        if not self.decoding[region]:
            return 0xFFFFFFFF >> (32 - 8 * width)
        return self.nic.mmio_read(region, offset, width)

    def write(self, region, offset, width, value):
        """Write `width` (1, 2, 4) bytes at `offset` of a region that holds them; dropped where nothing decodes."""
        if region == CONFIG_REGION:
            self.nic.config_write(offset, width, value)
            self.follow_command()
        elif self.decoding[region]:
            if region == BAR0_REGION and offset == IMS:
                # Before the write: a cause that it lets through waits with those that follow.
                self.pin.enabled()
                self.nic.mmio_write(region, offset, width, value)
            else:
                self.nic.mmio_write(region, offset, width, value)
                self.pin.wrote()

    def read_bytes(self, region, offset, count):
        """Any number of bytes, in the widest accesses that their place allows, as a bus would split them."""
        found = b""
        while count:
            width = widest(offset, count)
            found += (self.read(region, offset, width) & (0xFFFFFFFF >> (32 - 8 * width))).to_bytes(width, "little")
            offset += width
            count -= width
        return found

    def write_bytes(self, region, offset, data):
        while data:
            width = widest(offset, len(data))
            self.write(region, offset, width, int.from_bytes(data[:width], "little"))
            offset += width
            data = data[width:]


def widest(offset, count):
    """The bytes (1, 2, 4) of the largest aligned access at `offset` for at most `count` bytes."""
    if not offset & 3 and count >= 4:
        return 4
    if not offset & 1 and count >= 2:
        return 2
    return 1
