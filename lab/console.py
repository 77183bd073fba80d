"""The host's end of a machine's console: a terminal in raw mode, or a pair of pipes that no byte is changed on."""

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import termios
import tty

from hwemu.clock import Event, Source
from kernel.uapi.termios import ISIG, VINTR

READ_SIZE = 4096
# Typed ahead of the guest; what is beyond this stays in the host's pipe.
AHEAD = 32768
LOOK_AGAIN = 1_000_000
STDIN, STDOUT, STDERR = 0, 1, 2


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def is_silent(fd):
    """True for a descriptor that is closed or /dev/null: nobody will ever type there."""
    try:
        return os.fstat(fd).st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return True


def at_terminal():
    """True when a person sits at standard input and looks at standard output."""
    return is_open(STDIN) and is_open(STDOUT) and os.isatty(STDIN) and os.isatty(STDOUT)


def errors_apart():
    """True when standard error leads somewhere else than standard output."""
    return is_open(STDOUT) and is_open(STDERR) and not os.path.sameopenfile(STDOUT, STDERR)


@contextlib.contextmanager
def raw_terminal(fd):
    """The terminal `fd` in raw mode; as it was on every way out."""
    saved = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, saved)


@contextlib.contextmanager
def interruptible_terminal(fd):
    """Where `fd` is a terminal in raw mode: meanwhile Ctrl-C is SIGINT, and a newline begins a line."""
    if not (is_open(fd) and os.isatty(fd)):
        yield
        return
    raw = termios.tcgetattr(fd)
    changed = [raw[0], raw[1] | termios.OPOST | termios.ONLCR, raw[2], raw[3] | termios.ISIG, *raw[4:]]
    try:
        termios.tcsetattr(fd, termios.TCSANOW, changed)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, raw)


def write_all(fd, data):
    """Write everything, waiting where the descriptor is full; OSError when it takes no more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])


class ConsoleLine(Source):
    """Joins the host's descriptors to a `Host`'s console, with flow control towards the guest.

    What the second serial port sends goes to `error_fd`.
    """

    def __init__(self, host, input_fd=STDIN, output_fd=STDOUT, error_fd=STDERR):
        super().__init__()
        self.host = host
        self.clock = host.clock
        self.input_fd = input_fd
        self.output_fd = output_fd
        self.error_fd = error_fd
        self.watching = False
        self.pollable = True
        self.ended = False
        self.error = None
        self.look_again = Event(self.resume)

    def attach(self, with_input=True):
        """Begin: output goes out at once, input comes as the guest takes it (or never comes and never ends)."""
        self.host.machine.serial.sink = self.write
        self.host.machine.serial2.sink = self.write_error
        self.host.machine.serial2.hang_up()
        self.clock.call_after(0, Event(self.set_window_size))
        if not with_input:
            self.ended = True
        elif is_open(self.input_fd):
            self.resume()
        else:
            self.end()

    def detach(self):
        self.pause()
        self.clock.cancel(self.look_again)
        self.host.machine.serial.sink = None
        self.host.machine.serial2.sink = None

    def pause(self):
        if self.watching:
            self.watching = False
            self.clock.unwatch(self.input_fd)

    def resume(self):
        """Go on reading."""
        if self.ended:
            return
        if self.pollable:
            try:
                self.clock.watch(self.input_fd, select.EPOLLIN, self)
                self.watching = True
                return
            except PermissionError:
                # epoll refuses regular files: they are always ready.
                self.pollable = False
        while not self.ended and self.room():
            self.take()
        if not self.ended:
            self.clock.call_after(LOOK_AGAIN, self.look_again)

    def room(self):
        """How many bytes the guest may still be given now."""
        console = self.host.kernel.console
        waiting = len(self.host.machine.serial.received) + (console.waiting() if console is not None else 0)
        return max(0, AHEAD - waiting)

    def ready(self, mask):
        if self.room():
            self.take()
        else:
            self.pause()
            self.clock.call_after(LOOK_AGAIN, self.look_again)

    def typed(self):
        """In the middle of a program: take what has been typed."""
        if not self.ended and self.room() and select.select([self.input_fd], [], [], 0)[0]:
            self.take()

    def interrupt_typed(self):
        """In the middle of a program: True where the interrupt key was typed, which the guest does not get then."""
        if self.ended or not self.room() or not select.select([self.input_fd], [], [], 0)[0]:
            return False
        data = os.read(self.input_fd, min(READ_SIZE, self.room()))
        termios = self.host.kernel.console.termios
        before, key, after = data.partition(bytes((termios.cc[VINTR],)))
        pressed = bool(key) and termios.lflag & ISIG != 0
        rest = before + after if pressed else data
        if rest:
            self.host.machine.serial.feed(rest)
        return pressed

    def take(self):
        """Read once and type it into the guest."""
        try:
            data = os.read(self.input_fd, min(READ_SIZE, self.room()))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.host.machine.serial.feed(data)
        else:
            self.end()

    def end(self):
        """The host's input has ended: the guest reads end-of-file."""
        self.pause()
        self.ended = True
        self.host.machine.serial.hang_up()

    def write(self, data):
        """All of `data` to the host; when it can not be written any more the machine powers off (`error` says why)."""
        try:
            write_all(self.output_fd, data)
        except OSError as error:
            self.host.machine.serial.sink = None
            # A closed standard output is meant; a full disk is not.
            if error.errno != errno.EBADF:
                self.error = error
                self.clock.call_after(0, Event(self.output_failed))

    def write_error(self, data):
        """All of `data` to the host; when nobody reads it any more it is lost, as on an unplugged line."""
        try:
            write_all(self.error_fd, data)
        except OSError:
            self.host.machine.serial2.sink = None

    def output_failed(self):
        self.host.kernel.power_button(128 + signal.SIGPIPE if isinstance(self.error, BrokenPipeError) else 1)

    def set_window_size(self):
        """Tell the guest how large the host's window is."""
        try:
            raw = fcntl.ioctl(self.output_fd, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            return
        rows, columns, _, _ = struct.unpack("HHHH", raw)
        if rows and columns and self.host.kernel.console is not None:
            self.host.kernel.console.set_winsize(rows, columns)
