"""The terminals on the machine's serial ports: /dev/ttyS0, which is the console, and /dev/ttyS1.

Two defaults exist: a terminal for people (canonical, echo, CR before LF) and, where the host's end is a pipe or a file,
one that passes every byte as it is.  That one says of itself that it is no terminal (ENOTTY), so that programs behave as
on a pipe; job control works on both.
"""

from kernel.arch.arch import SERIAL2_IRQ, SERIAL_IRQ
from kernel.arch.console import second_port
from kernel.irq.irq import IRQ_HANDLED, IRQ_NONE, irqaction
from kernel.tty.termios import ktermios
from kernel.tty.tty import tty_struct
from kernel.uapi.poll import POLLHUP, POLLIN, POLLRDNORM
from kernel.uapi.termios import IUTF8, TTY_MAJOR

FIRST_MINOR = 64
DEFAULT_WINSIZE = (24, 80, 0, 0)
# The port takes whatever it is given.
ROOM = 1 << 20


class serial_tty(tty_struct):
    """A terminal on a serial port."""

    end_of_input = 0

    def __init__(self, kernel, port, index, transparent):
        settings = ktermios(transparent=transparent)
        if not transparent:
            # What a login program would say of today's terminals.
            settings.iflag |= IUTF8
        super().__init__(f"/dev/ttyS{index}", TTY_MAJOR << 8 | FIRST_MINOR + index, kernel.pids.tasks, kernel.sched, settings)
        self.port = port
        self.transparent = transparent
        self.winsize = DEFAULT_WINSIZE

    def put_on_line(self, data):
        return self.port.write(data)

    def room_on_line(self):
        return ROOM

    def receive(self, data):
        """Input from the port, in interrupt context; b"" means that the other end has gone."""
        if not data:
            self.other_closed = True
            self.read_wait.wake_up_all(POLLIN | POLLHUP)
            return 0
        return super().receive(data)

    def poll(self):
        mask = super().poll()
        return mask | POLLIN | POLLRDNORM if self.other_closed else mask


class serial_irqaction(irqaction):
    """A serial port's interrupt."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def handler(self, irq):
        return IRQ_HANDLED if self.port.interrupt() else IRQ_NONE


def serial_init(kernel):
    """Make the terminals of both serial ports: (console, second, [(irq, action) to free at power-off])."""
    pipe = kernel.cmdline.get("console") == "pipe"
    lines = []
    ttys = []
    for index, (port, irq, transparent) in enumerate(
        ((kernel.arch.console, SERIAL_IRQ, pipe), (second_port(kernel.arch), SERIAL2_IRQ, True))
    ):
        tty = serial_tty(kernel, port, index, transparent)
        port.set_input(tty.receive)
        action = serial_irqaction(port)
        kernel.irq.request_irq(irq, action, 0, "serial")
        ttys.append(tty)
        lines.append((irq, action))
    return ttys[0], ttys[1], lines
