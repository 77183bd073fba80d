"""A terminal: its settings, the bytes on their way, and who uses it.  What puts bytes on the line is its subclass's.

Bytes from the line wait in `flip` until the line discipline takes them, which it does while its reader keeps up.
"""

from kernel.sched.wait import wait_queue_head
from kernel.signal import kill_pgrp
from kernel.tty.n_tty import n_tty
from kernel.tty.tty_jobctrl import hang_up_session
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM
from kernel.uapi.signal import SIGWINCH

# What waits between the line and the discipline.
FLIP_LIMIT = 65536
# What a tab becomes: with less room than this a write may find that nothing fits.
ENOUGH_ROOM = 8


class tty_struct:
    """One terminal.  `tasks()` lists whom signals may reach; `device` is its number.

    `session` and `foreground` are the session that it controls and the process group that may read; 0 for none.
    `stopped`: the output waits for a start; `flow_stopped`: for tcflow(3)'s, which no key gives.
    """

    # A line that denies to be a terminal.
    transparent = False
    # What a read finds when nothing waits and the other end has gone.
    end_of_input = 0

    def __init__(self, name, device, tasks, sched, termios):
        self.name = name
        self.device = device
        self.tasks = tasks
        self.sched = sched
        self.initial = termios
        self.termios = termios.copy()
        self.winsize = (0, 0, 0, 0)
        self.session = 0
        self.foreground = 0
        self.stopped = False
        self.flow_stopped = False
        self.exclusive = False
        # The other end has gone: what waits is still read.
        self.other_closed = False
        # The master's side of a pseudo-terminal: packet mode, and what its next read tells about the slave.
        self.packet = False
        self.pktstatus = 0
        self.link = None
        self.files = []
        self.flip = bytearray()
        self.read_wait = wait_queue_head()
        self.write_wait = wait_queue_head()
        self.discipline = n_tty(self)

    # --- what the kind of line decides: override ---

    def settings_of(self):
        """The terminal whose settings, size and processes are meant by requests on this one."""
        return self

    def opening(self, filp):
        """May it be opened?  0 or a negative errno."""
        return 0

    def closed(self, filp):
        """An open file is gone."""

    def is_master(self):
        return False

    def put_on_line(self, data):
        """Send bytes; how many were taken."""
        raise NotImplementedError

    def room_on_line(self):
        raise NotImplementedError

    def flush_output(self):
        """Throw away what was written and has not arrived."""

    def read_further(self):
        """The reader has made room."""
        self.flush_to_ldisc()

    def new_settings(self, old):
        """The settings have changed from `old`: adjust what the line can not do."""

    def packet_status(self, bits, instead_of=0):
        """Tell the other end, where it is in packet mode, what has happened here, and no longer `instead_of`."""

    # --- input ---

    def receive(self, data):
        """Bytes from the line; how many there was room for."""
        count = min(len(data), FLIP_LIMIT - len(self.flip))
        self.flip += data[:count]
        self.flush_to_ldisc()
        return count

    def flush_to_ldisc(self):
        """Let the discipline have what waits."""
        while self.flip:
            data = bytes(self.flip)
            self.flip.clear()
            count = self.discipline.receive_buf(data)
            # A signal that flushes may have come between.
            self.flip[:0] = data[count:]
            if count == 0:
                return

    def waiting(self):
        """How many bytes have come and were not read, those of an unfinished line among them."""
        return len(self.flip) + len(self.discipline.buffer)

    def wake_reader(self):
        self.read_wait.wake_up_all(POLLIN | POLLRDNORM)

    def signal(self, sig):
        """Send a signal to the foreground process group."""
        if self.foreground:
            kill_pgrp(self.tasks(), self.foreground, sig)

    # --- output ---

    def write_room(self):
        return 0 if self.stopped else self.room_on_line()

    def transmit(self, data):
        """Put bytes on the line as they are, unless it is stopped; how many have gone."""
        return 0 if self.stopped else self.put_on_line(data[: self.room_on_line()])

    def output(self, data):
        """The kernel's own output, with output processing."""
        self.transmit(self.discipline.opost.process(data, len(data) * ENOUGH_ROOM)[1])

    def write_wakeup(self):
        """There is room again."""
        self.discipline.flush_echoes()
        if self.write_room() >= ENOUGH_ROOM:
            self.write_wait.wake_up_all(POLLOUT | POLLWRNORM)

    def stop(self):
        self.stopped = True

    def start(self):
        if self.stopped and not self.flow_stopped:
            self.stopped = False
            self.write_wakeup()

    # --- settings ---

    def set_termios(self, new):
        """Take over the settings `new`."""
        old = self.termios.copy()
        self.termios.take(new)
        self.new_settings(old)
        self.discipline.set_termios(old)

    def resize(self, winsize):
        """The window has another size: the foreground hears of it."""
        if self.winsize != winsize:
            self.winsize = winsize
            self.signal(SIGWINCH)

    def set_winsize(self, rows, columns):
        """The host's window has this size."""
        if self.winsize[:2] != (rows, columns):
            self.resize((rows, columns, 0, 0))

    # --- the end ---

    def poll(self):
        """POLL* events."""
        mask = 0
        if self.discipline.available(poll=True):
            mask |= POLLIN | POLLRDNORM
        if self.packet and self.pktstatus:
            mask |= POLLPRI | POLLIN | POLLRDNORM
        if self.other_closed:
            mask |= POLLHUP
        if self.write_room() >= ENOUGH_ROOM:
            mask |= POLLOUT | POLLWRNORM
        return mask

    def hang_up(self, hung_up_operations, leader_ends=False):
        """The line is cut: who has it open finds it dead, and the session that it controlled is told."""
        for filp in list(self.files):
            if filp.f_op.hangs_up:
                filp.f_op = hung_up_operations
        self.discipline.reset()
        self.flip.clear()
        self.pktstatus = 0
        self.stopped = self.flow_stopped = False
        hang_up_session(self, leader_ends)
        self.read_wait.wake_up_all(POLLIN | POLLRDNORM | POLLERR | POLLHUP)
        self.write_wait.wake_up_all(POLLOUT | POLLWRNORM | POLLERR | POLLHUP)
