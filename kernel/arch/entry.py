"""The two gates through which the CPU enters the kernel.

The kernel subclasses them, so that a trap and an interrupt are C calls.  Compiled rooms cimport `Context` from here
as a type only.
"""

from hwemu.cpu import InterruptEntry, SyscallEntry


class syscall_entry(SyscallEntry):
    """Override `syscall(context, nr, a0, a1, a2, a3, a4, a5)`: returns a result or a negative errno."""


class interrupt_entry(InterruptEntry):
    """Override `interrupt(irq)`: called with interrupts disabled, which the CPU enables again on return."""


class syscall_adapter(SyscallEntry):
    """Any object with a `syscall` method as the gate."""

    def __init__(self, target):
        self.target = target

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        return self.target.syscall(context, nr, a0, a1, a2, a3, a4, a5)


class interrupt_adapter(InterruptEntry):
    """Any object with an `interrupt` method as the gate."""

    def __init__(self, target):
        self.target = target

    def interrupt(self, line):
        self.target.interrupt(line)
