"""System calls: the table, and what happens around every call.

`SyscallTable.syscall` is the trap's entry.  It looks the number up, calls the handler, and before it returns to the
program takes interrupts, gives way when the slice is used up, and delivers signals.
"""

from greenlet import GreenletExit

from kernel.arch.entry import syscall_entry
from kernel.fs.file import release_held
from kernel.sched.ending import TaskExit
from kernel.signal_delivery import syscall_exit
from kernel.uapi.errno import EFAULT, ENOSYS, ERESTART_RESTARTBLOCK, ERESTARTNOINTR, ERESTARTSYS
from kernel.uapi.prototypes import INT_ARGUMENTS
from kernel.uapi.syscall import NR_SYSCALLS

MAX_REFUSALS = 100


class Fault(Exception):
    """A user address was bad: the call answers EFAULT."""


def as_int(value):
    """What a C int argument makes of a register: its low 32 bits, signed."""
    # A literal of more than 31 bits would be a Python object in the compiled module, and so would all that follows.
    return (value & 0x7FFFFFFF) - ((value >> 31 & 1) << 31)


class syscall_handler:
    """One system call: override `call`.

    Arguments are signed 64-bit, those of the positions in the mask `ints` signed 32-bit; the result is a number or a
    negative errno.
    """

    def __init__(self):
        self.ints = 0

    def call(self, task, a0, a1, a2, a3, a4, a5):
        return -ENOSYS


class syscall_function(syscall_handler):
    """A system call that is a plain Python function (task, a0 ... a5).

    A Fault, and an argument that fits no address (copy_from_user takes 64 bits without sign), answers EFAULT.
    """

    def __init__(self, function):
        self.ints = 0
        self.function = function

    def call(self, task, a0, a1, a2, a3, a4, a5):
        try:
            return self.function(task, a0, a1, a2, a3, a4, a5)
        except (Fault, OverflowError):
            return -EFAULT


class SyscallTable(syscall_entry):
    """A kernel's system calls."""

    def __init__(self, arch, sched):
        self.arch = arch
        self.sched = sched
        self.handlers = [None] * NR_SYSCALLS
        self.names = {}
        self.trace = None
        # Who is told of each call: `enter(task, nr, arguments)` and `leave(task, nr, result)`, result None for no return.
        self.observer = None
        self.on_oops = None
        self.on_stubborn = None
        self.total = 0

    def register(self, nr, name, function):
        """Make `function` (a syscall_handler, or a callable (task, a0 ... a5)) system call `nr`."""
        handler = function if isinstance(function, syscall_handler) else syscall_function(function)
        handler.ints = INT_ARGUMENTS.get(nr, 0)
        self.handlers[nr] = handler
        self.names[nr] = name

    def knows(self, nr):
        """True when there is such a call."""
        return 0 <= nr < NR_SYSCALLS and self.handlers[nr] is not None

    def name(self, nr):
        return self.names.get(nr, f"syscall_{nr}")

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        """Carry out system call `nr` for the program of `context`; raises TaskExit in a task that has to end."""
        task = context.task
        if task.dying:
            self.refuse(task)
        task.syscalls += 1
        self.total += 1
        handler = None
        if nr >= 0 and nr < NR_SYSCALLS:
            handler = self.handlers[nr]
        if handler is not None and handler.ints:
            ints = handler.ints
            if ints & 1:
                a0 = as_int(a0)
            if ints & 2:
                a1 = as_int(a1)
            if ints & 4:
                a2 = as_int(a2)
            if ints & 8:
                a3 = as_int(a3)
            if ints & 16:
                a4 = as_int(a4)
            if ints & 32:
                a5 = as_int(a5)
        if self.observer is not None:
            self.observer.enter(task, nr, (a0, a1, a2, a3, a4, a5))
        while True:
            result = -ENOSYS
            if handler is not None:
                try:
                    if task.restart_block is None:
                        result = handler.call(task, a0, a1, a2, a3, a4, a5)
                    else:
                        result = task.restart_block()
                except GreenletExit:
                    if task.held is not None:
                        release_held(task)
                    if self.observer is not None:
                        self.observer.leave(task, nr, None)
                    raise
                except Exception as error:
                    result = self.on_oops(task, self.name(nr), error)
            if task.held is not None:
                release_held(task)
            if self.trace is not None and self.trace.on:
                self.trace.emit("syscall", task.comm, task.pid, self.name(nr), result)
            self.arch.interruptible_point()
            self.sched.resched_slice()
            if task.sigpending or task.saved_sigmask is not None or (
                result <= -ERESTARTSYS and result >= -ERESTART_RESTARTBLOCK
            ):
                result = syscall_exit(task, result)
                if result == -ERESTARTNOINTR:
                    continue
            task.restart_block = None
            if self.observer is not None:
                self.observer.leave(task, nr, result)
            return result

    def refuse(self, task):
        """A call by a task that has to end: TaskExit again, and where that is swallowed for ever, the end on the spot."""
        task.refusals += 1
        if task.refusals > MAX_REFUSALS:
            self.on_stubborn(task)
        raise TaskExit


def from_user(found):
    """`found` where copy_from_user succeeded; the handlers of rare calls raise Fault instead of testing each time."""
    if found is None:
        raise Fault
    return found
