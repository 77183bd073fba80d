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


def station_address(number: int, card: int = 0) -> bytes:
    """The hardware address of card `card` of the bench's machine `number`: locally administered, in QEMU's range."""
    return bytes([0x52, 0x54, 0x00, (0x12 + card) & 0xFF]) + ((0x3456 + number) & 0xFFFF).to_bytes(2, "big")


class Host:
    """One machine on the bench: `machine` (the board), `nics` (its cards, `nic` is the first), `kernel`.

    `output` collects what the console writes as long as nothing else is its sink.
    """

    def __init__(self, clock, machine, nics, kernel):
        self.clock = clock
        self.machine = machine
        self.nics = nics
        self.nic = nics[0]
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
    hostname="hwemu", name_server="", mac=None, kernel_class=Kernel, board=emulated_board, more_wires=(),
):  # fmt: skip
    """Assemble a machine whose card is plugged into `wire` (None: into nothing); it is not switched on yet.

    `number` makes its hardware address; `cmdline` is the kernel command line, `files` {path: bytes} goes on top of the
    usual root.  `board(clock, memory, seed, name, mac)` gives the hardware: a `hwemu.machine.Board` and its card.
    Each of `more_wires` (None: nothing) gets a card of its own, another 82540EM: eth1, eth2 ...
    """
    machine, nic = board(clock, memory, seed, name, mac or station_address(number))
    nics = [nic]
    for card in range(1, 1 + len(more_wires)):
        nics.append(E1000(clock, mac=station_address(number, card), name=f"{name}/nic{card}", trace=machine.trace))
        machine.plug(nics[-1])
    for card, cable in zip(nics, (wire, *more_wires), strict=True):
        if cable is not None:
            cable.attach(card.port)
    content = initramfs(hostname, name_server)
    content.update(files or {})
    return Host(clock, machine, nics, kernel_class(machine, {"hostname": hostname, **(cmdline or {})}, content))
