"""A serial port, the console's or another: bytes out to a sink on the host, bytes in behind an interrupt line."""

import os
import select

from hwemu.clock import Source

# What the receive side holds; a host that types faster than the machine reads loses bytes, as on a real line.
RECEIVE_LIMIT = 65536
READ_SIZE = 4096


class SerialConsole:
    """A byte-wide line.

    `sink(data)` receives what the machine writes.  `feed(data)` is the host typing: the line goes up and stays up
    until `read` has taken everything.
    """

    def __init__(self, controller, line, sink=None):
        self.controller = controller
        self.line = line
        self.source = controller.new_source()
        self.sink = sink
        self.received = bytearray()
        self.hung_up = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.overruns = 0

    def write(self, data):
        """The machine writes `data` (bytes-like); without a sink it is lost."""
        self.bytes_out += len(data)
        if self.sink is not None:
            self.sink(bytes(data))

    def feed(self, data):
        """The host sends `data`; what does not fit is counted as overrun."""
        room = RECEIVE_LIMIT - len(self.received)
        self.overruns += max(0, len(data) - room)
        self.received += data[:room]
        self.bytes_in += min(len(data), room)
        if self.received:
            self.controller.raise_line(self.line, self.source, True)

    def hang_up(self):
        """The host has gone (end of its input): the line goes up so that the machine can see `hung_up`."""
        self.hung_up = True
        self.controller.raise_line(self.line, self.source, True)

    def read(self):
        """The machine takes everything received; the line drops."""
        data = bytes(self.received)
        self.received.clear()
        self.controller.raise_line(self.line, self.source, False)
        return data


class HostTerminal(Source):
    """A pair of host descriptors as the other end of a serial line; restoring terminal modes is the caller's.

    While attached the input descriptor is watched, so the clock is real.
    """

    def __init__(self, clock, console, input_fd, output_fd):
        super().__init__()
        self.clock = clock
        self.console = console
        self.input_fd = input_fd
        self.output_fd = output_fd
        self.attached = False

    def attach(self):
        """Join the line: the console's output goes to `output_fd`, what arrives at `input_fd` is fed to it."""
        self.console.sink = self.write
        try:
            self.clock.watch(self.input_fd, select.EPOLLIN, self)
        except PermissionError:
            # epoll refuses regular files: they are always ready, so all of it is typed at once.
            while data := os.read(self.input_fd, READ_SIZE):
                self.console.feed(data)
            self.console.hang_up()
        else:
            self.attached = True

    def detach(self):
        if self.attached:
            self.attached = False
            self.clock.unwatch(self.input_fd)
        self.console.sink = None

    def ready(self, mask):
        try:
            data = os.read(self.input_fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.console.feed(data)
        else:
            self.attached = False
            self.clock.unwatch(self.input_fd)
            self.console.hang_up()

    def write(self, data):
        """All of `data` to the host; a descriptor that is full is waited for, one that is gone swallows it."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.output_fd, view) :]
            except BlockingIOError:
                select.select([], [self.output_fd], [])
            except OSError:
                return
