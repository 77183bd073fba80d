"""`hwemu serve-nic --vfio-user SOCKET`: the card alone, for a machine that is not ours, and something at its wire's other end."""

import os
import signal
import sys
from types import SimpleNamespace

from hwemu.clock import Clock
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from lab.arguments import Address
from lab.console import STDOUT
from lab.control import Control
from lab.errors import LabError
from lab.host_signals import HostSignals
from lab.initramfs import SHELL, init_argv
from lab.kit.snapshot import take
from lab.machine import build_machine, station_address
from lab.session import Session
from lab.trace_output import TraceOutput
from lab.usernet import plan
from lab.vfio_user.device import VfioDevice
from lab.vfio_user.memory import GuestMemory
from lab.vfio_user.server import Server

PEER_NUMBER = 1
# What the other machine does where nobody says: it answers pings and refuses connections.
IDLE = "sleep 2147483"


def serve_nic(options) -> int:
    """Serve until SIGINT or SIGTERM; exit status 0."""
    return CardSession(options).run()


class CardSession(Session):
    """A card behind a socket instead of a guest with a console.  `peer` is the machine of `--net machine`."""

    def __init__(self, options):
        super().__init__(options)
        self.clock = Clock(real=True)
        self.nic = None
        self.server = None
        self.memory = None
        self.peer = None
        self.ended = False
        self.deaf = False
        self.problem = None

    def build(self):
        options = self.options
        if options.share and not os.path.isdir(options.share):
            raise LabError(f"--share {options.share}: not a directory")
        (wire,) = self.wires()
        self.nic = E1000(self.clock, mac=options.mac or station_address(0), name="nic0")
        if wire is not None:
            wire.attach(self.nic.port)
        try:
            memory = GuestMemory()
        except OSError as error:
            raise LabError(error.strerror) from None
        self.server = Server(self.clock, options.socket, VfioDevice(self.clock, self.nic, memory), self.say)
        self.closing.callback(self.server.close)
        self.memory = memory
        if options.control:
            self.closing.callback(Control(self.clock, options.control, self.snapshot).close)
        if options.trace:
            output = TraceOutput(sys.stderr)
            traces = [self.nic.trace, *(host.trace for host in self.hosts())]
            for trace in traces:
                output.listen(trace, options.trace)

    def snapshot(self):
        """The card's side alone: the driver is somebody else's."""
        return take(SimpleNamespace(ram=self.memory, pic=None), self.nic, observer=self.observer)

    def medium(self, net):
        if net.kind != "machine":
            return super().medium(net)
        wire = Link(self.clock, "cable")
        self.peer = self.machine(wire)
        return wire

    def machine(self, wire):
        """The machine of `--net machine`, not yet switched on."""
        options = self.options
        address = options.address_of(options.nets[0]) or Address(plan.GATEWAY, plan.PREFIX)
        cmdline = {"ip": f"{address.address}/{address.prefix}", "console": "pipe"}
        if options.share:
            cmdline["share"] = os.path.abspath(options.share)
        peer = build_machine(
            self.clock, wire, name="peer", number=PEER_NUMBER, memory=options.memory, seed=options.seed + 1, cmdline=cmdline,
            files=init_argv([SHELL, "-c", options.line or IDLE]), hostname="peer",
        )  # fmt: skip
        peer.machine.serial.sink = self.show
        peer.machine.on_power_off = self.peer_went_off
        return peer

    def hosts(self):
        """The machines of ours in this session."""
        return [host for host in (self.peer, self.gateway.host if self.gateway else None) if host is not None]

    def show(self, data):
        """The other machine's console, as long as somebody takes it."""
        try:
            while data and not self.deaf:
                data = data[os.write(STDOUT, data) :]
        except BrokenPipeError:
            self.deaf = True
        except OSError as error:
            self.deaf = True
            self.problem = LabError(f"standard output: {error.strerror}")
            self.end()

    def say(self, line):
        print(f"hwemu serve-nic: {line}", file=sys.stderr, flush=True)

    def peer_went_off(self, machine):
        self.say(f"the other machine is off, with status {machine.exit_status}")
        self.clock.stop()

    def end(self):
        """A signal asks for the end."""
        self.ended = True
        self.clock.stop()

    def follow_clock(self):
        while not self.ended:
            self.clock.run()
            if self.gateway is not None and self.gateway.host.exit_status is not None:
                raise LabError("the user network's machine has stopped")

    def run(self) -> int:
        with self.closing:
            self.build()
            stop = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            with HostSignals(self.clock, lambda number: self.end(), stop):
                for host in self.hosts():
                    host.start()
                self.say(f"listening at {self.options.socket}")
                self.follow_clock()
                self.server.close()
                if self.gateway is not None:
                    self.gateway.stop()
                if self.peer is not None and self.peer.exit_status is None:
                    self.peer.power_off()
        if self.problem is not None:
            raise self.problem
        return 0
