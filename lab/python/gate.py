"""When Python's garbage collector may run: only while the program itself runs, never inside the kernel.

A finalizer may make system calls (a socket that is forgotten closes its descriptor).  The kernel, the devices and the
other tasks run in the same interpreter, and a system call in the middle of one of theirs would be as wrong as one from
an interrupt handler on a real machine.
"""

from gc import disable, enable

from hwemu.cpu import SyscallEntry


class UserModeCollector(SyscallEntry):
    """A gate in front of the kernel's own that keeps the collector off wherever the program is not."""

    def __init__(self, context, state):
        self.cpu = context.cpu
        self.space = context.address_space
        self.ending = state.ending
        self.kernel = context.cpu.syscall_entry

    def open(self):
        """From the program, before anything else of it runs."""
        self.cpu.syscall_entry = self
        enable()

    def close(self):
        disable()
        self.cpu.syscall_entry = self.kernel

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        disable()
        # A call that does not return leaves the collector off: its task ends.
        result = self.kernel.syscall(context, nr, a0, a1, a2, a3, a4, a5)
        if context.address_space is self.space and context not in self.ending:
            enable()
        return result
