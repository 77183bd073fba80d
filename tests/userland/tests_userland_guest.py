"""What the userland tests boot: a machine without devices, or two machines on a wire, whose inits run a command line."""

from random import Random

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.wire.impair import Impairment, parse_impairments
from hwemu.wire.switch import Switch
from kernel.init.main import Kernel
from lab.initramfs import initramfs
from lab.machine import build_machine

SECOND = 1_000_000_000
GIGABIT = 1_000_000_000


class Guest:
    """A machine without devices whose init runs one command line."""

    def __init__(self, command, files=None, seed=1, **cmdline):
        self.clock = Clock()
        self.machine = Machine(self.clock, seed=seed)
        self.output = bytearray()
        self.machine.serial.sink = self.output.extend
        self.machine.on_power_off = lambda machine: self.clock.stop()
        content = initramfs()
        content.update(files or {})
        options = {"quiet": "", "net": "off", "console": "pipe", **cmdline}
        if command:
            options["command"] = command
        self.kernel = Kernel(self.machine, options, content)

    def run(self, seconds=60):
        self.kernel.start()
        self.clock.run(self.clock.now + seconds * SECOND)
        return self

    def type(self, data, seconds=1):
        """Feed the console and let the machine run."""
        self.machine.serial.feed(data)
        self.clock.run(self.clock.now + seconds * SECOND)
        return self.text

    @property
    def status(self):
        return self.machine.exit_status

    @property
    def text(self):
        return self.output.decode("utf-8", "replace").replace("\r\n", "\n")


class Pair:
    """Two machines on a gigabit switch, 10.0.0.1 and 10.0.0.2, each running a command line; the first one is watched."""

    def __init__(self, first, second="sleep 10000", files=None, second_files=None, memory=16 << 20, impair="", **cmdline):
        self.clock = Clock()
        switch = Switch(self.clock)
        self.hosts = []
        for number, (command, content) in enumerate(((first, files), (second, second_files)), 1):
            options = {"ip": f"10.0.0.{number}/24", "console": "pipe", "quiet": "", "command": command, **cmdline}
            self.hosts.append(
                build_machine(
                    self.clock, self.wire(switch.port(f"port{number}", GIGABIT), impair, number),
                    name=f"host{number}", number=number, seed=number, memory=memory, cmdline=options, files=content,
                )
            )  # fmt: skip

    def wire(self, port, impair, number):
        return Impairment(port, parse_impairments(impair), Random(number), self.clock) if impair else port

    def run(self, seconds=120):
        """(output, exit status) of the first machine."""
        for host in reversed(self.hosts):
            host.start()
        first, second = self.hosts
        status = first.run(seconds * SECOND)
        assert status is not None, f"{first.text}\n--- second:\n{second.text}"
        for host in self.hosts:
            assert host.kernel.oopses == []
        second.power_off()
        for host in self.hosts:
            assert host.kernel.leak_report() == []
        return first.text, status
