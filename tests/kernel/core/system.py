"""Boots a machine without network and runs programs on it: what the tests of the kernel core stand on."""

import sys
import types

from hwemu.clock import Clock
from hwemu.machine import Machine
from kernel.init.main import Kernel

REGISTRY = "hwemu_test_programs"
SECOND = 1_000_000_000


def registry():
    if REGISTRY not in sys.modules:
        module = types.ModuleType(REGISTRY)
        module.table = []
        sys.modules[REGISTRY] = module
    return sys.modules[REGISTRY].table


def program(function):
    """A program file whose main is a function of the test: it may look at the test's own variables."""
    table = registry()
    table.append(function)
    return f"import sys\nmain = sys.modules[{REGISTRY!r}].table[{len(table) - 1}]\n".encode()


class System:
    """One machine with a kernel; `run(main)` makes a function (or a source text) pid 1 and runs to power-off."""

    def __init__(self, files=None, memory=4 << 20, seed=1, **cmdline):
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=memory, seed=seed)
        self.machine.on_power_off = lambda machine: self.clock.stop()
        self.output = bytearray()
        self.machine.serial.sink = self.output.extend
        self.files = {path: program(content) if callable(content) else content for path, content in (files or {}).items()}
        self.cmdline = {"net": "off", "console": "pipe", "loglevel": "3", **cmdline}
        self.kernel = None

    def boot(self, init):
        if callable(init):
            init = program(init)
        self.files["/sbin/init"] = init.encode() if isinstance(init, str) else init
        self.kernel = Kernel(self.machine, self.cmdline, self.files)
        self.kernel.start()
        return self.kernel

    def run(self, init, until=3600 * SECOND, leaks=True):
        """Boot `init`, run until the machine is off, check the books and return the exit status."""
        self.boot(init)
        return self.finish(until, leaks)

    def finish(self, until=3600 * SECOND, leaks=True):
        self.clock.run(until)
        assert self.machine.exit_status is not None, "the machine is still on:\n" + self.log
        if leaks:
            assert self.kernel.leak_report() == []
        return self.machine.exit_status

    @property
    def text(self):
        return self.output.decode()

    @property
    def log(self):
        return "\n".join(self.kernel.printk.lines())
