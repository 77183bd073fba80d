"""What the userland tests share: programs on a booted machine without a network, and functions called as programs."""

import pytest
from tests_userland_guest import SECOND, Guest

from hwemu.clock import Clock
from hwemu.cpu import CPU, SyscallEntry
from hwemu.interrupt_controller import InterruptController
from lab.guest import spawn, wait


@pytest.fixture
def run_line():
    """run_line(command, files) -> (console output, exit status) of a machine that ran it."""

    def run(command, files=None, seconds=60, **cmdline):
        guest = Guest(command, files, **cmdline).run(seconds)
        assert guest.status is not None, f"the machine still runs:\n{guest.text}"
        assert guest.kernel.oopses == []
        return guest.text, guest.status

    return run


@pytest.fixture
def call_program():
    """call_program(function) -> what it returned, called as a program's main on a machine without a network."""

    def call(function, files=None):
        guest = Guest("sleep 1000", files)
        guest.kernel.start()
        guest.clock.run(SECOND)
        host = GuestHost(guest)
        return wait(host, spawn(host, function))

    return call


class GuestHost:
    """What lab.guest.wait wants to know of a machine."""

    def __init__(self, guest):
        self.clock = guest.clock
        self.kernel = guest.kernel
        self.guest = guest
        self.name = "guest"

    @property
    def exit_status(self):
        return self.guest.status

    @property
    def text(self):
        return self.guest.text


class ScriptedKernel(SyscallEntry):
    """A kernel that answers each trap from a table {number: function(context, a0 ... a5)} and keeps a log."""

    def __init__(self, table):
        self.table = table
        self.log = []

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        self.log.append((nr, a0, a1, a2, a3, a4, a5))
        handler = self.table.get(nr)
        return -38 if handler is None else handler(context, a0, a1, a2, a3, a4, a5)


@pytest.fixture
def on_scripted_kernel():
    """on_scripted_kernel(table, function) -> (what function returned as a program, the kernel's log)."""
    def run(table, function):
        clock = Clock()
        cpu = CPU(clock, InterruptController())
        cpu.syscall_entry = ScriptedKernel(table)
        results = []

        def entry():
            results.append(function())

        cpu.new_context(entry).switch()
        clock.run()
        return results[0], cpu.syscall_entry.log

    return run
