"""Pseudo-terminals, pty(7): what is written to the master is typed at the slave, and what the slave prints the master reads."""

from kernel.fs.file import file_operations
from kernel.tty.termios import ktermios
from kernel.tty.tty import tty_struct
from kernel.tty.tty_io import tty_device
from kernel.tty.tty_jobctrl import forget_session
from kernel.uapi.errno import EINVAL, EIO, ENOSPC
from kernel.uapi.poll import POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM
from kernel.uapi.termios import (
    B38400,
    CREAD,
    CS8,
    CSIZE,
    EXTPROC,
    IXON,
    PARENB,
    TIOCPKT_DOSTOP,
    TIOCPKT_FLUSHWRITE,
    TIOCPKT_IOCTL,
    TIOCPKT_NOSTOP,
    TIOCPKT_START,
    TIOCPKT_STOP,
    TTYAUX_MAJOR,
    UNIX98_PTY_SLAVE_MAJOR,
    VSTART,
    VSTOP,
)

# What waits on its way from one side to the other.
PTY_LIMIT = 8192
PTY_CFLAG = B38400 | CS8 | CREAD
PTMX_DEVICE = TTYAUX_MAJOR << 8 | 2
# The kernel's bound on pseudo-terminals, /proc/sys/kernel/pty/max.
MAX_PTYS = 4096
NR_UNIX98_PTY_MAX = 1 << 20
XON, XOFF = 0x11, 0x13


class pty(tty_struct):
    """One side of a pair; `link` is the other."""

    end_of_input = -EIO

    def put_on_line(self, data):
        return self.link.receive(data)

    def room_on_line(self):
        return max(0, PTY_LIMIT - len(self.link.flip))

    def flush_output(self):
        self.link.flip.clear()
        self.packet_status(TIOCPKT_FLUSHWRITE)
        self.write_wakeup()

    def read_further(self):
        super().read_further()
        self.link.write_wakeup()

    def close_line(self):
        """The other side sees that nobody is here any more."""
        self.link.other_closed = True
        self.link.read_wait.wake_up_all(POLLIN | POLLRDNORM | POLLHUP)
        self.link.write_wait.wake_up_all(POLLOUT | POLLWRNORM | POLLHUP)


class pty_master(pty):
    """The side of the program that plays the terminal.  It is raw: what belongs to the slave's settings is done there."""

    def __init__(self, table, index, tasks, sched):
        super().__init__("/dev/ptmx", PTMX_DEVICE, tasks, sched, ktermios(PTY_CFLAG, transparent=True))
        self.table = table
        self.index = index
        self.locked = True

    def settings_of(self):
        return self.link

    def is_master(self):
        return True

    def closed(self, filp):
        self.packet = False
        self.close_line()
        self.table.forget_name(self.index)
        self.link.hang_up(self.table.operations.hung_up)
        self.table.free_if_unused(self)


class pty_slave(pty):
    """The side that is a terminal to programs."""

    def __init__(self, table, index, tasks, sched):
        device = UNIX98_PTY_SLAVE_MAJOR + (index >> 8) << 8 | index & 0xFF
        super().__init__(f"/dev/pts/{index}", device, tasks, sched, ktermios(PTY_CFLAG))
        self.table = table

    def opening(self, filp):
        if not self.link.files or self.link.locked:
            return -EIO
        self.link.other_closed = False
        return 0

    def closed(self, filp):
        if not self.files:
            self.close_line()
            self.table.free_if_unused(self.link)

    def stop(self):
        if not self.stopped:
            super().stop()
            self.packet_status(TIOCPKT_STOP, TIOCPKT_START)

    def start(self):
        if self.stopped and not self.flow_stopped:
            self.packet_status(TIOCPKT_START, TIOCPKT_STOP)
        super().start()

    def packet_status(self, bits, instead_of=0):
        master = self.link
        if master.packet:
            master.pktstatus = master.pktstatus & ~instead_of | bits
            master.read_wait.wake_up_all(POLLIN | POLLRDNORM | POLLPRI)

    def new_settings(self, old):
        """Bytes have eight bits; a master in packet mode hears whether ^S and ^Q are the terminal's to obey."""
        self.termios.cflag = self.termios.cflag & ~(CSIZE | PARENB) | CS8 | CREAD
        before, now = obeys_stop(old), obeys_stop(self.termios)
        if before != now:
            self.packet_status(TIOCPKT_DOSTOP if now else TIOCPKT_NOSTOP, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP)
        if (old.lflag | self.termios.lflag) & EXTPROC:
            self.packet_status(TIOCPKT_IOCTL)

    def hang_up(self, hung_up_operations, leader_ends=False):
        super().hang_up(hung_up_operations, leader_ends)
        self.termios.take(self.initial)


def obeys_stop(termios):
    return bool(termios.iflag & IXON) and termios.cc[VSTOP] == XOFF and termios.cc[VSTART] == XON


class ptmx_operations(file_operations):
    """/dev/ptmx: each open makes a new pair."""

    def __init__(self, table):
        self.table = table

    def open(self, filp):
        return self.table.open_master(filp)


class pty_table:
    """The pairs of one kernel; `devpts` has the names of the slaves."""

    def __init__(self, kernel, operations, devpts):
        self.kernel = kernel
        self.operations = operations
        self.devpts = devpts
        self.masters = {}
        self.limit = MAX_PTYS
        kernel.add_leak_check(self.leaks)

    def open_master(self, filp):
        """Make a pair; its master is the open file.  0, or -ENOSPC."""
        kernel = self.kernel
        if len(self.masters) >= self.limit:
            return -ENOSPC
        index = next(number for number in range(len(self.masters) + 1) if number not in self.masters)
        master = pty_master(self, index, kernel.pids.tasks, kernel.sched)
        slave = pty_slave(self, index, kernel.pids.tasks, kernel.sched)
        master.link, slave.link = slave, master
        self.masters[index] = master
        self.devpts.add_slave(index, tty_device(self.operations, slave), slave.device, kernel.sched.current.uid)
        return self.operations.attach(filp, master, False)

    def forget_name(self, index):
        self.devpts.remove_slave(index)

    def free_if_unused(self, master):
        """Neither side is open any more: the number is free again."""
        if not master.files and not master.link.files and self.masters.get(master.index) is master:
            forget_session(master.link)
            del self.masters[master.index]

    def set_limit(self, limit):
        """/proc/sys/kernel/pty/max"""
        if not 0 <= limit <= NR_UNIX98_PTY_MAX:
            return -EINVAL
        self.limit = limit
        return 0

    def register(self, sysctl):
        """The settings below kernel.pty (pty(7))."""
        sysctl.register("kernel.pty.max", lambda: self.limit, self.set_limit)
        sysctl.register("kernel.pty.nr", lambda: len(self.masters))

    def leaks(self):
        return [f"pty: /dev/pts/{index} is still there" for index in self.masters]
