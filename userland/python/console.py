"""sys.stdin, sys.stdout and sys.stderr over the machine's descriptors 0, 1 and 2, and `input`."""

import io
import sys

from userland import libc
from userland.python.descriptors import MachineFile, retried

BUFFER_SIZE = 8192


class ConsoleWriter(io.BufferedIOBase):
    """A buffered writer that threads may share while one of them waits for the console.

    BufferedWriter can not be had here: its lock belongs to the host's thread, which all of the machine's threads are.
    """

    def __init__(self, raw):
        super().__init__()
        self.raw = raw
        self.pending = bytearray()

    @property
    def name(self):
        return self.raw.name

    @property
    def mode(self):
        return self.raw.mode

    def fileno(self):
        return self.raw.fileno()

    def isatty(self):
        return self.raw.isatty()

    def writable(self):
        return True

    def write(self, data):
        view = memoryview(data).cast("B")
        self.pending += view
        if len(self.pending) >= BUFFER_SIZE:
            self.flush()
        return view.nbytes

    def flush(self):
        if self.closed:
            raise ValueError("flush of closed file")
        if libc.ended():
            # Killed: what a program has not written by then is lost, and the stream itself is forgotten on the host.
            self.pending.clear()
        while self.pending:
            data, self.pending = self.pending, bytearray()
            view = memoryview(data)
            while view:
                view = view[retried(libc.write, self.raw.fileno(), view) :]

    def close(self):
        if not self.closed:
            if not libc.ended():
                self.flush()
            super().close()


def output(fd, name, errors):
    """A text stream for descriptor 1 or 2, as CPython makes them: by lines at a terminal and for errors."""
    raw = MachineFile(fd, "wb", closefd=False)
    raw.name = name
    lines = fd == 2 or raw.isatty()
    return io.TextIOWrapper(ConsoleWriter(raw), "utf-8", errors, line_buffering=lines)


def install():
    """Replace sys.stdin, sys.stdout and sys.stderr."""
    raw = MachineFile(0, "rb", closefd=False)
    raw.name = "<stdin>"
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(raw), "utf-8", "strict")
    sys.stdout = sys.__stdout__ = output(1, "<stdout>", "strict")
    sys.stderr = sys.__stderr__ = output(2, "<stderr>", "backslashreplace")


def console_input(prompt="", /):
    """Read a string from standard input.  The trailing newline is stripped."""
    for stream, name in ((sys.stdin, "stdin"), (sys.stdout, "stdout"), (sys.stderr, "stderr")):
        if stream is None:
            raise RuntimeError(f"input(): lost sys.{name}")
    sys.stderr.flush()
    if prompt != "":
        sys.stdout.write(str(prompt))
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError("EOF when reading a line")
    return line.removesuffix("\n")


console_input.__name__ = console_input.__qualname__ = "input"
