"""Puts machines together: board, network card, wire, kernel, files.  A machine on the bench is a `Host`."""

from hwemu.machine import Machine
from hwemu.nic.e1000.device import E1000
from kernel.init.main import Kernel
from lab.errors import LabError
from lab.initramfs import initramfs

DEFAULT_MEMORY = 64 << 20
NS_PER_S = 1_000_000_000
# What a machine that was asked to stop gets before it is switched off hard.
GRACE = 5 * NS_PER_S


def station_address(number: int) -> bytes:
    """The hardware address of the bench's machine `number`: locally administered, in QEMU's range."""
    return b"\x52\x54\x00\x12" + ((0x3456 + number) & 0xFFFF).to_bytes(2, "big")


class Host:
    """One machine on the bench: `machine` (the board), `nic`, `kernel`.

    `output` collects what the console writes as long as nothing else is its sink.
    """

    def __init__(self, clock, machine, nic, kernel):
        self.clock = clock
        self.machine = machine
        self.nic = nic
        self.kernel = kernel
        self.output = bytearray()
        machine.serial.sink = self.output.extend
        machine.on_power_off = self.went_off

    @property
    def name(self):
        return self.machine.name

    @property
    def trace(self):
        return self.machine.trace

    @property
    def exit_status(self):
        """None while the machine is on."""
        return self.machine.exit_status

    @property
    def text(self):
        """The console's output so far, with plain line ends."""
        return self.output.decode("utf-8", "replace").replace("\r\n", "\n")

    def start(self):
        """Switch on; things happen as soon as the clock runs.  Returns self."""
        self.kernel.start()
        return self

    def went_off(self, machine):
        self.clock.stop()

    def run(self, within=-1):
        """Run the clock until the machine is off, at most `within` ns; returns its exit status (None: still on)."""
        deadline = self.clock.now + within if within >= 0 else -1
        while self.exit_status is None and (deadline < 0 or self.clock.now < deadline):
            self.clock.run(deadline)
            if self.clock.next_time() < 0 and not self.clock.sources:
                break
        return self.exit_status

    def power_off(self, status=0):
        """Press the power button and wait until the machine is off; returns its exit status.

        One that does not react is switched off hard: LabError.
        """
        if self.exit_status is None:
            self.kernel.power_button(status)
            if self.run(GRACE) is None:
                self.machine.power_off(status)
                raise LabError(f"{self.name} did not power off within {GRACE // NS_PER_S} s")
        return self.exit_status


def emulated_board(clock, memory, seed, name, mac):
    """A machine with our own 82540EM in it, and that card."""
    machine = Machine(clock, memory=memory, seed=seed, name=name)
    nic = E1000(clock, mac=mac, name=f"{name}/nic0", trace=machine.trace)
    machine.plug(nic)
    return machine, nic


def build_machine(
    clock, wire=None, *, name="hw0", number=0, memory=DEFAULT_MEMORY, seed=0, cmdline=None, files=None,
    hostname="hwemu", name_server="", mac=None, kernel_class=Kernel, board=emulated_board,
):  # fmt: skip
    """Assemble a machine whose card is plugged into `wire` (None: into nothing); it is not switched on yet.

    `number` makes its hardware address; `cmdline` is the kernel command line, `files` {path: bytes} goes on top of the
    usual root.  `board(clock, memory, seed, name, mac)` gives the hardware: a `hwemu.machine.Board` and its card.
    """
    machine, nic = board(clock, memory, seed, name, mac or station_address(number))
    if wire is not None:
        wire.attach(nic.port)
    content = initramfs(hostname, name_server)
    content.update(files or {})
    return Host(clock, machine, nic, kernel_class(machine, {"hostname": hostname, **(cmdline or {})}, content))
