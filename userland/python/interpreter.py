"""What one running Python program keeps on the machine, and how its system calls fail, wait and are interrupted.

Times are integers in nanoseconds of the machine's clock; NEVER (-1) is no limit.  A call that fails raises OSError as
CPython's extension modules do; one that a signal has interrupted is made again once the signal's handlers have
returned (PEP 475).
"""

from math import ceil, isnan

from greenlet import GreenletExit

from hwemu.cpu import current_context
from userland import libc
from userland.libc.crt import this

NEVER = -1
NANOSECONDS = 1_000_000_000
MILLISECOND = 1_000_000
# What a C time of 64 bits holds.
LONGEST = (1 << 63) - 1
# Buffers of this size are kept for the next call that receives.
SCRATCH = 1 << 18
SPARE_BUFFERS = 8


class Interpreter:
    """One Python program: its main thread, its signal handlers, the sockets' default timeout."""

    def __init__(self):
        self.main = current_context()
        self.default_timeout = NEVER
        # The Python handlers of signals by number, the signals that came and whose handlers have not run yet, and the
        # descriptor that is told about them.
        self.handlers = {}
        self.arrived = []
        self.wakeup_fd = -1
        self.handle_signal = None
        # Whether the program has files of the host beside the machine's descriptors.
        self.has_hosts = False
        # Descriptors of the host that are on their way over a Unix socket, by the inode of what stands for them.
        self.passed = {}
        # How to poll descriptors of the host, where a program may have some (select.poll).
        self.host_poll = None
        # The thread of each context but the main one's, and the hooks that run in a thread that ends.
        self.threads = {}
        # The contexts of threads that have done everything but end.
        self.ending = {}
        # The handles of threads that the program's end waits for (Python 3.13).
        self.awaited = []
        self.stack_size = 0
        self.buffers = []
        # Set once the program is over: what is forgotten from now on is the kernel's to close.
        self.over = False

    def check_signals(self):
        """Run the handlers of the signals that have come, in the main thread only; raises what a handler raises."""
        while self.arrived and current_context() is self.main:
            self.handle_signal(self.arrived.pop(0))

    def locals_of(self, context):
        """The thread-local states that hold something for the thread of `context`; its end forgets them."""
        thread = self.threads.get(context)
        return thread.locals if thread is not None else []

    def take_buffer(self, size):
        """A bytearray of at least `size` bytes that nobody else uses; give it back with `keep_buffer`."""
        if size > SCRATCH or not self.buffers:
            return bytearray(max(size, SCRATCH) if size > 4096 else size)
        return self.buffers.pop()

    def keep_buffer(self, buffer):
        if len(buffer) == SCRATCH and len(self.buffers) < SPARE_BUFFERS:
            self.buffers.append(buffer)


def interpreter():
    """The `Interpreter` of the running program; made when it is first asked for."""
    process = this().process
    if process.interpreter is None:
        process.interpreter = Interpreter()
    return process.interpreter


def close_quietly(fd):
    """Close a descriptor from a finalizer: where the program is being ended the kernel does it."""
    try:
        libc.close(fd)
    except GreenletExit:
        pass


def os_error():
    """The OSError (or its subclass) for libc's errno."""
    number = libc.get_errno()
    return OSError(number, libc.strerror(number))


def checked(result):
    """`result` of a libc call that does not block; raises OSError for -1."""
    if result == -1:
        raise os_error()
    return result


def interrupted(state):
    """After a call that failed: returns when it is to be made again (EINTR), raises OSError otherwise."""
    if libc.get_errno() != libc.EINTR:
        raise os_error()
    state.check_signals()


def deadline_after(timeout):
    """When a call that may take `timeout` ns has to be done; NEVER for NEVER."""
    return NEVER if timeout < 0 else libc.clock_gettime_ns() + timeout


def remaining(deadline):
    """How many ns are left; NEVER for NEVER, 0 when the time is up."""
    return NEVER if deadline < 0 else max(0, deadline - libc.clock_gettime_ns())


def milliseconds(timeout):
    """A timeout as poll takes it, rounded up."""
    return -1 if timeout < 0 else min(-(-timeout // MILLISECOND), 0x7FFFFFFF)


def wait_ready(state, fd, events, deadline):
    """Wait until descriptor `fd` has one of `events` (errors count); False when `deadline` has passed."""
    entry = libc.pollfd(fd, events)
    while True:
        left = remaining(deadline)
        count = libc.poll([entry], milliseconds(left))
        if count > 0:
            if state.arrived:
                state.check_signals()
            return True
        if count == 0:
            if remaining(deadline) == 0:
                return False
            continue
        interrupted(state)


def nanoseconds(seconds):
    """A number of seconds in ns, rounded away from zero for what lies between; TypeError, ValueError, OverflowError."""
    if isinstance(seconds, float):
        if isnan(seconds):
            raise ValueError("Invalid value NaN (not a number)")
        if abs(seconds) > LONGEST / NANOSECONDS:
            raise OverflowError("timestamp out of range for platform time_t")
        scaled = seconds * 1e9
        return ceil(scaled) if scaled >= 0 else -ceil(-scaled)
    if not hasattr(type(seconds), "__index__"):
        raise TypeError(f"'{type(seconds).__name__}' object cannot be interpreted as an integer")
    value = seconds.__index__() * NANOSECONDS
    if abs(value) > LONGEST:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")
    return value
