"""The terminals: /dev/console and /dev/tty on the first serial line, /dev/ttyS1 on the second.

A terminal belongs to a session; its foreground process group gets the signals that keys make, and only that group may
read.  Two defaults exist: a terminal for people (canonical, echo, CR before LF) and, where the host's end is a pipe or
a file, one that passes every byte as it is.  That one says of itself that it is no terminal (ENOTTY), so that programs
behave as on a pipe; job control works on both.
"""

from struct import Struct

from kernel.arch.arch import SERIAL2_IRQ, SERIAL_IRQ
from kernel.arch.console import second_port
from kernel.arch.uaccess import copy_from_user, copy_to_user, put_user
from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.irq.irq import IRQ_HANDLED, IRQ_NONE, irqaction
from kernel.sched.wait import wait_queue_head
from kernel.signal import handler_ignores, kill_pgrp, orphaned_group
from kernel.tty.n_tty import n_tty
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, EIO, ENOTTY, ENXIO, EPERM, ERESTARTSYS
from kernel.uapi.fcntl import O_NOCTTY, O_NONBLOCK
from kernel.uapi.poll import POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from kernel.uapi.signal import SIGTTIN, SIGWINCH
from kernel.uapi.termios import (
    B38400,
    CREAD,
    CS8,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    FIONREAD,
    ICANON,
    ICRNL,
    IEXTEN,
    ISIG,
    IXON,
    NCCS,
    ONLCR,
    OPOST,
    TCFLSH,
    TCGETS,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TIOCGPGRP,
    TIOCGWINSZ,
    TIOCOUTQ,
    TIOCSCTTY,
    TIOCSPGRP,
    TIOCSWINSZ,
    VEOF,
    VERASE,
    VINTR,
    VKILL,
    VMIN,
    VQUIT,
    VSUSP,
    VTIME,
    VWERASE,
)

TERMIOS = Struct("<IIIIB19s")
WINSIZE = Struct("<HHHH")
# What isatty(3) and programs that draw ask for.
TERMINAL_REQUESTS = (TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCSWINSZ)
DEFAULT_WINSIZE = (24, 80, 0, 0)
WRITE_CHUNK = 65536
NSEC_PER_DECISECOND = 100000000


class ktermios:
    """struct termios: Linux's defaults, or with `transparent` a line that changes no byte."""

    def __init__(self, transparent=False):
        self.iflag = 0 if transparent else ICRNL | IXON
        self.oflag = 0 if transparent else OPOST | ONLCR
        self.cflag = B38400 | CS8 | CREAD
        self.lflag = 0 if transparent else ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | IEXTEN
        self.line = 0
        self.cc = bytearray(NCCS)
        for index, byte in ((VINTR, 3), (VQUIT, 28), (VERASE, 127), (VKILL, 21), (VEOF, 4), (VMIN, 1), (VSUSP, 26)):
            self.cc[index] = byte
        self.cc[VWERASE] = 23

    def pack(self):
        return TERMIOS.pack(self.iflag, self.oflag, self.cflag, self.lflag, self.line, bytes(self.cc))

    def unpack(self, raw):
        self.iflag, self.oflag, self.cflag, self.lflag, self.line, control = TERMIOS.unpack(raw)
        self.cc[:] = control


class tty_struct:
    """One terminal.  `write(bytes)` puts bytes on the line; `tasks()` lists whom signals may reach."""

    def __init__(self, write, tasks, sched, transparent=False):
        self.write = write
        self.tasks = tasks
        self.sched = sched
        self.transparent = transparent
        self.termios = ktermios(transparent)
        self.winsize = DEFAULT_WINSIZE
        self.session = 0
        self.foreground = 0
        self.hung_up = False
        self.read_wait = wait_queue_head()
        self.discipline = n_tty(self.termios, write, self.signal)

    def signal(self, sig):
        """Send a signal to the foreground process group."""
        if self.foreground:
            kill_pgrp(self.tasks(), self.foreground, sig)

    def receive(self, data):
        """Input from the line, in interrupt context; b"" means that the other end has gone."""
        if not data:
            self.hung_up = True
            self.read_wait.wake_up_all(POLLIN | POLLHUP)
        elif self.discipline.receive(data):
            self.read_wait.wake_up_all(POLLIN | POLLRDNORM)

    def set_winsize(self, rows, columns):
        """The host's window has this size."""
        if self.winsize[:2] != (rows, columns):
            self.winsize = (rows, columns, 0, 0)
            self.signal(SIGWINCH)

    def output(self, data):
        """Write with output processing."""
        self.write(self.discipline.processed(data))


class serial_irqaction(irqaction):
    """A serial port's interrupt."""

    def __init__(self, console):
        super().__init__()
        self.console = console

    def handler(self, irq):
        return IRQ_HANDLED if self.console.interrupt() else IRQ_NONE


class tty_operations(file_operations):
    """An open terminal; `controlling`: /dev/tty, which only a task that has a terminal may open."""

    def __init__(self, tty, sched, controlling=False):
        self.tty = tty
        self.sched = sched
        self.controlling = controlling

    def open(self, filp):
        task = self.sched.current
        if self.controlling and task.tty is None:
            return -ENXIO
        tty = self.tty
        if not self.controlling and not filp.f_flags & O_NOCTTY and task.session == task.pid and not tty.session:
            self.acquire(task)
        return 0

    def acquire(self, task):
        """Make the terminal the controlling one of the task's session."""
        self.tty.session = task.session
        self.tty.foreground = task.pgrp
        task.tty = self.tty

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def can_splice_write(self):
        return True

    def in_background(self):
        task = self.sched.current
        tty = self.tty
        return task.tty is tty and tty.foreground and task.pgrp != tty.foreground

    def refuse_reader(self):
        """SIGTTIN for the process group in the background; -EIO where nothing would come of it."""
        task = self.sched.current
        tasks = self.tty.tasks()
        if task.blocked >> (SIGTTIN - 1) & 1 or handler_ignores(task, SIGTTIN) or orphaned_group(tasks, task.pgrp):
            return -EIO
        kill_pgrp(tasks, task.pgrp, SIGTTIN)
        return -ERESTARTSYS

    def read(self, filp, to):
        tty = self.tty
        sched = self.sched
        if to.count == 0:
            return 0
        if self.in_background():
            return self.refuse_reader()
        minimum = tty.termios.cc[VMIN]
        wait_time = tty.termios.cc[VTIME] * NSEC_PER_DECISECOND
        raw = not tty.termios.lflag & ICANON
        timeout = -1
        if raw and minimum == 0:
            timeout = wait_time
        while True:
            chunk = tty.discipline.take(to.count)
            if chunk is not None:
                break
            if tty.hung_up:
                return 0
            if timeout == 0:
                return 0
            if filp.f_flags & O_NONBLOCK:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(tty.read_wait)
            timeout = sched.schedule_timeout(timeout)
            sched.finish_wait(tty.read_wait)
        if not chunk:
            return 0
        return to.write(chunk)

    def write(self, filp, source):
        tty = self.tty
        done = 0
        while source.count:
            chunk = source.read(WRITE_CHUNK)
            if chunk is None:
                return done if done else -EFAULT
            tty.output(chunk)
            done += len(chunk)
        return done

    def poll(self, filp, table):
        tty = self.tty
        poll_wait(filp, tty.read_wait, table)
        mask = POLLOUT | POLLWRNORM
        if tty.discipline.readable() or tty.hung_up:
            mask |= POLLIN | POLLRDNORM
        if tty.hung_up:
            mask |= POLLHUP
        return mask

    def ioctl(self, filp, cmd, arg):
        tty = self.tty
        task = self.sched.current
        mm = task.mm
        result = 0
        if tty.transparent and cmd in TERMINAL_REQUESTS:
            result = -ENOTTY
        elif cmd == TCGETS:
            result = 0 if copy_to_user(mm, arg, tty.termios.pack()) else -EFAULT
        elif cmd in (TCSETS, TCSETSW, TCSETSF):
            raw = copy_from_user(mm, arg, TERMIOS.size)
            if raw is None:
                return -EFAULT
            tty.termios.unpack(raw)
            if cmd == TCSETSF:
                tty.discipline.flush()
        elif cmd == TIOCGWINSZ:
            result = 0 if copy_to_user(mm, arg, WINSIZE.pack(*tty.winsize)) else -EFAULT
        elif cmd == TIOCSWINSZ:
            raw = copy_from_user(mm, arg, WINSIZE.size)
            if raw is None:
                return -EFAULT
            tty.winsize = WINSIZE.unpack(raw)
        elif cmd == TIOCGPGRP:
            if task.tty is not tty:
                return -ENOTTY
            result = 0 if put_user(mm, arg, 4, tty.foreground) else -EFAULT
        elif cmd == TIOCSPGRP:
            result = self.set_foreground(task, arg)
        elif cmd == TIOCSCTTY:
            if task.session != task.pid or tty.session not in (0, task.session):
                return -EPERM
            self.acquire(task)
        elif cmd == FIONREAD:
            result = 0 if put_user(mm, arg, 4, tty.discipline.waiting) else -EFAULT
        elif cmd == TIOCOUTQ:
            result = 0 if put_user(mm, arg, 4, 0) else -EFAULT
        elif cmd == TCFLSH:
            tty.discipline.flush()
        else:
            result = -ENOTTY
        return result

    def set_foreground(self, task, arg):
        """TIOCSPGRP: the group has to be one of the terminal's session."""
        raw = copy_from_user(task.mm, arg, 4)
        if raw is None:
            return -EFAULT
        if task.tty is not self.tty or task.session != self.tty.session:
            return -ENOTTY
        group = int.from_bytes(raw, "little", signed=True)
        if group <= 0:
            return -EINVAL
        if not any(other.pgrp == group and other.session == task.session for other in self.tty.tasks()):
            return -EPERM
        self.tty.foreground = group
        return 0


def tty_init(kernel):
    """Make the terminals of both serial ports: (console, second, [(irq, action) to free at power-off])."""
    pipe = kernel.cmdline.get("console") == "pipe"
    lines = []
    ports = []
    for port, irq, transparent in ((kernel.arch.console, SERIAL_IRQ, pipe), (second_port(kernel.arch), SERIAL2_IRQ, True)):
        tty = tty_struct(port.write, kernel.pids.tasks, kernel.sched, transparent)
        port.set_input(tty.receive)
        action = serial_irqaction(port)
        kernel.irq.request_irq(irq, action, 0, "serial")
        ports.append(tty)
        lines.append((irq, action))
    return ports[0], ports[1], lines
