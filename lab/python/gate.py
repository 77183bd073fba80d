"""When Python's garbage collector may run: only while the program itself runs, never inside the kernel.

A finalizer may make system calls (a socket that is forgotten closes its descriptor).  The kernel, the devices and the
other tasks run in the same interpreter, and a system call in the middle of one of theirs would be as wrong as one from
an interrupt handler on a real machine.
"""

import sys
from gc import disable, enable
from signal import SIGINT

from hwemu.cpu import SyscallEntry, current_context
from userland import python

# Where our extension modules and libc lie: .../userland/
EXTENSIONS = python.__path__[0].removesuffix("python")


class UserModeCollector(SyscallEntry):
    """A gate in front of the kernel's own that keeps the collector off wherever the program is not."""

    def __init__(self, context, state):
        self.cpu = context.cpu
        self.space = context.address_space
        self.state = state
        self.ending = state.ending
        # True while the program runs, and not the kernel for it.
        self.in_program = False
        self.kernel = context.cpu.syscall_entry
        # The thread that ran last, and the running event loops of those that wait.
        self.running = context
        self.loops = {}

    def open(self):
        """From the program, before anything else of it runs."""
        self.cpu.syscall_entry = self
        self.in_program = True
        enable()

    def close(self):
        self.in_program = False
        disable()
        self.cpu.syscall_entry = self.kernel

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        self.in_program = False
        disable()
        # A call that does not return leaves the collector off: its task ends.
        result = self.kernel.syscall(context, nr, a0, a1, a2, a3, a4, a5)
        if context.address_space is self.space and context not in self.ending:
            if context is not self.running:
                self.switched(context)
            self.in_program = True
            enable()
        return result

    def switched(self, context):
        """Another thread of the program goes on: `_asyncio` keeps its running loop for a thread of the host."""
        asyncio = sys.modules.get("_asyncio")
        if asyncio is not None:
            loop = asyncio._get_running_loop()
            if loop is not None:
                self.loops[self.running] = loop
            asyncio._set_running_loop(self.loops.pop(context, None))
        self.running = context


def busy_handler(number, frame):
    """The program's handler for the interrupt key, where its main thread is computing and makes no system call; or None.

    What stands in for an extension module is not to be interrupted between two of its lines, as C would not be.
    """
    if frame is None or frame.f_code.co_filename.startswith(EXTENSIONS):
        return None
    context = current_context()
    gate = context.cpu.syscall_entry if context is not None else None
    if number != SIGINT or not isinstance(gate, UserModeCollector) or not gate.in_program or context is not gate.state.main:
        return None
    handler = gate.state.handlers.get(number)
    return handler if callable(handler) else None
