"""/dev/host of the gateway's kernel: becomes readable when something has happened on the host.

The host's side pulls an interrupt line of the gateway machine; the handler lets it go and wakes whoever polls the
device.  So events of the host enter the machine the one way in which a machine hears of the world.
"""

from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.irq.irq import IRQ_HANDLED, IRQ_NONE, irqaction
from kernel.sched.wait import wait_queue_head
from kernel.uapi.poll import POLLIN, POLLRDNORM

DEVICE = "/dev/host"
HOST_LINE = 7


class DoorbellHandler(irqaction):
    """Takes the interrupt."""

    def __init__(self, doorbell):
        super().__init__()
        self.doorbell = doorbell

    def handler(self, irq):
        return self.doorbell.answered()


class Doorbell(file_operations):
    """The device.  `ring` may be called from anywhere; `silence` by the program that serves."""

    def __init__(self, pic, gateway):
        super().__init__()
        self.pic = pic
        self.gateway = gateway
        self.source = pic.new_source()
        self.queue = wait_queue_head()
        self.action = DoorbellHandler(self)
        self.rung = False
        self.line_up = False

    def ring(self):
        """Something has happened: the program will come and look."""
        if not self.rung:
            self.rung = True
            self.line_up = True
            self.pic.raise_line(HOST_LINE, self.source, True)

    def answered(self):
        """The interrupt: lets the line go and wakes the program."""
        if not self.line_up:
            return IRQ_NONE
        self.line_up = False
        self.pic.raise_line(HOST_LINE, self.source, False)
        self.queue.wake_up(POLLIN | POLLRDNORM)
        return IRQ_HANDLED

    def silence(self):
        """The program is about to look at everything that has happened."""
        self.rung = False

    def poll(self, filp, table):
        poll_wait(filp, self.queue, table)
        return POLLIN | POLLRDNORM if self.rung and not self.line_up else 0
