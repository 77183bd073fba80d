"""The qtest protocol, from the side of the test (QEMU, docs/devel/testing: qtest).

Lines of text.  Every command is answered by one line, "OK" with its values or "FAIL" with a reason.  Between the
answers come "IRQ raise N" and "IRQ lower N", whenever an intercepted line changes.
"""

import select
import socket
import struct

from hwemu.clock import Source
from lab.errors import LabError

# How long QEMU may take for an answer, in seconds of the host; it needs some 40 microseconds.
PATIENCE = 30
CHUNK = 65536
SUFFIX = {1: "b", 2: "w", 4: "l"}


class Qtest(Source):
    """A connection: a connected stream socket of the host, which this object owns from now on.

    `interrupt(line, level)` is called for each change of an intercepted line; it may come in the middle of another
    call here.  LabError when QEMU refuses a command, goes away or does not answer; from then on nothing answers,
    as on a bus whose devices were pulled: reads are all ones, writes are dropped.
    """

    def __init__(self, connection, interrupt, clock=None):
        """With `clock` interrupts also arrive while nobody accesses a register; that clock becomes a real one."""
        super().__init__()
        self.connection = connection
        # Not settimeout, with which Python waits in spite of MSG_DONTWAIT.
        self.connection.setblocking(True)
        self.set_patience(PATIENCE)
        self.interrupt = interrupt
        self.clock = clock
        self.partial = b""
        self.answers = []
        self.alive = True
        self.accesses = 0
        if clock is not None:
            clock.watch(connection.fileno(), select.EPOLLIN, self)

    def set_patience(self, seconds):
        """How long to wait for an answer."""
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    # --- commands ---

    def read(self, address, width):
        """The `width` (1, 2, 4) bytes of physical memory or registers at `address`."""
        return self.value(f"read{SUFFIX[width]} {address:#x}", width)

    def write(self, address, width, value):
        """Write `width` bytes of physical memory or registers."""
        self.value(f"write{SUFFIX[width]} {address:#x} {value:#x}", width)

    def port_in(self, port, width):
        """The `width` bytes at an I/O port."""
        return self.value(f"in{SUFFIX[width]} {port:#x}", width)

    def port_out(self, port, width, value):
        """Write `width` bytes to an I/O port."""
        self.value(f"out{SUFFIX[width]} {port:#x} {value:#x}", width)

    def intercept(self, controller):
        """Take the inputs of an interrupt controller (a QOM path) away from it: from now on `interrupt` gets them."""
        self.command(f"irq_intercept_in {controller}")

    def value(self, line, width):
        """Carry out an access; its value, 0 where it has none, and all ones where nobody answers any more."""
        all_ones = 0xFFFFFFFF >> (32 - 8 * width)
        if not self.alive:
            return all_ones
        self.accesses += 1
        answer = self.command(line)
        try:
            return int(answer, 16) & all_ones if answer else 0
        except ValueError:
            raise self.failed(f"QEMU answers {line!r} with {answer!r}") from None

    def command(self, line):
        """Send a command and wait for its answer: what follows "OK"."""
        try:
            self.connection.sendall(line.encode() + b"\n")
            while not self.answers:
                self.receive()
        except BlockingIOError:
            raise self.failed(f"QEMU does not answer {line!r}") from None
        except OSError as error:
            raise self.failed(f"QEMU has gone: {error.strerror}") from None
        answer = self.answers.pop(0)
        if self.answers:
            raise self.failed(f"QEMU answers {line!r} twice")
        word, _, rest = answer.partition(" ")
        if word != "OK":
            raise self.failed(f"QEMU refuses {line!r}: {answer}")
        return rest

    # --- what comes back ---

    def receive(self, flags=0):
        """Take in what has come, at least something; interrupts are passed on at once."""
        data = self.connection.recv(CHUNK, flags)
        if not data:
            raise self.failed("QEMU has gone")
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            self.line(line.decode(errors="replace").rstrip("\r"))

    def line(self, text):
        words = text.split()
        if words and words[0] == "IRQ":
            if len(words) != 3 or words[1] not in ("raise", "lower") or not words[2].isdecimal():
                raise self.failed(f"QEMU speaks of an interrupt that nobody understands: {text!r}")
            self.interrupt(int(words[2]), words[1] == "raise")
        else:
            self.answers.append(text)

    def ready(self, mask):
        """Something has come that nobody waits for: interrupts, or the end."""
        try:
            self.receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise self.failed(f"QEMU has gone: {error.strerror}") from None
        if self.answers:
            raise self.failed(f"QEMU answers what nobody has asked: {self.answers[0]!r}")

    def failed(self, reason):
        """The connection is over; the error to raise."""
        self.close()
        return LabError(reason)

    def close(self):
        """Hang up; closing twice does nothing."""
        if self.alive:
            self.alive = False
            if self.clock is not None:
                self.clock.unwatch(self.connection.fileno())
            self.connection.close()
