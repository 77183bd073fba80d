"""One run of the `hwemu` command: a guest, what its card is plugged into, its console, until it powers off."""

import contextlib
import os
import random
import signal
import sys
import time

from hwemu.clock import Clock
from hwemu.wire.capture import Capture, PcapngWriter
from hwemu.wire.impair import Impairment
from hwemu.wire.link import Link
from hwemu.wire.tap import Tap
from lab.arguments import Address
from lab.busy import BusyProgram
from lab.capture_file import CaptureFile
from lab.console import STDIN, STDOUT, ConsoleLine, at_terminal, errors_apart, raw_terminal
from lab.control import Control
from lab.errors import LabError
from lab.gdb import GdbServer
from lab.host_signals import HostSignals
from lab.initramfs import init_argv
from lab.kit.snapshot import Observer, take
from lab.machine import build_machine
from lab.strace import Strace
from lab.trace_output import TraceOutput
from lab.usernet import plan
from lab.usernet.gateway import Gateway

# Only emergencies: on a console whose bytes are the program's output.
SILENT = "1"
# The status of a command that the interrupt key has ended, and which of ours say so.
INTERRUPTED = 128 + signal.SIGINT
COMMANDS = ("run", "strace")
# How often the interrupt key is passed to the guest before it is taken as the wish to end.
PATIENCE = 3


class Session:
    """Assembles by the command line's options; `run` returns the guest's exit status."""

    def __init__(self, options, command=None, files=None, stay=False, at_once=None):
        """`command`: the program that the guest runs, a list of words (None: a shell); `files`: on top of the root.

        `stay`: the console's input has not ended although nobody can type, so a shell waits for ever.
        `at_once`: see `HostSignals`.
        """
        self.at_once = self.with_keys(at_once) if at_once else BusyProgram(self, self.signal).handler
        self.options = options
        self.command = command
        self.files = {**(files or {}), **(init_argv(command) if command else {})}
        self.stay = stay
        self.terminal = at_terminal()
        self.clock = Clock(real=not options.virtual_time and any(net.kind != "none" for net in options.nets))
        self.closing = contextlib.ExitStack()
        self.gateway = None
        self.host = None
        self.observer = None
        self.console = None
        self.interrupts = 0

    # --- assembly ---

    def build(self):
        """Everything up to the switched-off guest; LabError with one line for what can not be had."""
        options = self.options
        if options.share and not os.path.isdir(options.share):
            raise LabError(f"--share {options.share}: not a directory")
        if options.root and not os.path.isdir(options.root):
            raise LabError(f"--root {options.root}: not a directory")
        wires = self.wires()
        self.host = build_machine(
            self.clock, wires[0], name="hw0", memory=options.memory, seed=options.seed, cmdline=self.cmdline(),
            files=self.files, name_server=self.name_server(), more_wires=wires[1:],
        )  # fmt: skip
        if options.command == "run" and options.gdb:
            debugger = GdbServer(options.gdb, self.clock)
            self.closing.callback(debugger.close)
            self.host.kernel.debugger = debugger
        if options.command == "strace":
            table = self.host.kernel.syscalls
            table.observer = Strace(table, sys.stderr, self.command[0] if self.command else None)
        if options.control:
            self.closing.callback(Control(self.clock, options.control, self.snapshot).close)
        if options.trace:
            output = TraceOutput(sys.stderr)
            output.listen(self.host.trace, options.trace)
            if self.gateway is not None:
                output.listen(self.gateway.host.trace, options.trace)

    def snapshot(self):
        """What `hwemu doctor` is told."""
        return take(self.host.machine, self.host.nic, self.host.kernel, self.observer)

    def wires(self):
        """What each of the guest's cards is plugged into; one capture file takes the frames of all."""
        options = self.options
        if all(net.kind == "none" for net in options.nets) and (options.capture or options.impair):
            raise LabError("--capture and --impair need a network", 2)
        writer = None
        if options.capture:
            writer = PcapngWriter(CaptureFile(options.capture))
            self.closing.callback(writer.close)
        return [self.wire(number, net, writer) for number, net in enumerate(options.nets)]

    def wire(self, number, net, writer):
        """What card `number` is plugged into, through the impairment and the capture; None for nothing."""
        options = self.options
        if net.kind == "none":
            return None
        wire = self.medium(net)
        if options.impair:
            wire = Impairment(wire, options.impair, random.Random(options.seed + number), self.clock)
        if writer is not None:
            wire = Capture(wire, writer, self.clock, f"eth{number}")
        if options.control and number == 0:
            wire = self.observer = Observer(wire)
        return wire

    def medium(self, net):
        """A TAP, or the user network itself."""
        options = self.options
        if net.kind == "tap":
            try:
                wire = Tap(self.clock, net.tap)
            except OSError as error:
                raise LabError(error.strerror) from None
            self.closing.callback(wire.close)
            return wire
        address = options.address_of(net)
        guest = address.address if address else plan.GUEST
        self.gateway = Gateway(self.clock, options.forward, guest)
        self.closing.callback(self.gateway.close_listening)
        wire = Link(self.clock, "cable")
        self.gateway.machine(wire, options.seed + 1)
        return wire

    def cmdline(self):
        """The kernel command line, by which init sets the network up and learns what to run."""
        options = self.options
        words = {}
        for number, net in enumerate(options.nets):
            address = options.address_of(net)
            if address is None and net.kind == "user":
                address = Address(plan.GUEST, plan.PREFIX)
            if address is not None:
                words[f"ip{number or ''}"] = f"{address.address}/{address.prefix}"
        if options.gateway:
            words["gateway"] = options.gateway
        elif options.on_user_network:
            words["gateway"] = plan.GATEWAY
        if options.share:
            words["share"] = os.path.abspath(options.share)
        if options.root:
            words["root"] = os.path.abspath(options.root)
        if self.clock.real:
            words["boot_time"] = str(time.time_ns())
        if not self.terminal:
            words["console"] = "pipe"
        # Who types at a shell wants to see its errors there; who redirects a command's output wants them apart.
        if (self.command or not self.terminal) and errors_apart():
            words["stderr"] = "ttyS1"
        if self.command or options.quiet:
            words["loglevel"] = SILENT
        return words

    def name_server(self):
        if self.options.on_user_network:
            return plan.NAME_SERVER
        server = plan.name_server_of_host() if self.options.gateway else ""
        return "" if server.startswith("127.") else server

    # --- running ---

    def run(self) -> int:
        """Boot, run until the guest is off, tidy up; returns its exit status."""
        with self.closing:
            self.build()
            with contextlib.ExitStack() as stack:
                if self.terminal:
                    stack.enter_context(raw_terminal(STDIN))
                self.console = ConsoleLine(self.host, STDIN, STDOUT)
                stack.callback(self.console.detach)
                self.host.start()
                self.console.attach(with_input=not self.stay)
                signals = stack.enter_context(self.host_signals())
                if self.host.kernel.debugger is not None:
                    self.host.kernel.debugger.signals.append(signals.reader)
                if self.gateway is not None:
                    self.gateway.host.start()
                self.follow(signals)
            if self.gateway is not None:
                self.gateway.stop()
            problem = self.console.error
            if problem is not None and not isinstance(problem, BrokenPipeError):
                raise LabError(f"standard output: {problem.strerror}")
            if self.interrupts and self.host.exit_status == INTERRUPTED and self.options.command in COMMANDS:
                print("hwemu: interrupted", file=sys.stderr)
            return self.host.exit_status

    def with_keys(self, at_once):
        """`at_once` for the interrupt key of a terminal as well, which is a byte there and no signal."""

        def handler(number, frame):
            if number != signal.SIGIO:
                return at_once(number, frame)
            taken = at_once(signal.SIGINT, frame)
            if taken is None or not self.console.interrupt_typed():
                return None
            return lambda number, frame: taken(signal.SIGINT, frame)

        return handler

    def host_signals(self):
        """Who takes the host's signals, and at a terminal what is typed at a program that does not listen."""
        typed = STDIN if self.terminal and not self.stay else None
        return HostSignals(self.clock, self.signal, at_once=self.at_once, typed=typed)

    def follow(self, signals):
        """Run the clock until the guest is off."""
        while self.host.exit_status is None:
            self.clock.run()
            signals.poll()
            if self.gateway is not None and self.gateway.host.exit_status is not None and not self.host.kernel.powering_off:
                raise LabError("the user network's machine has stopped")
            if self.host.exit_status is None and self.clock.next_time() < 0 and not self.clock.sources:
                raise LabError("the machine waits for something that can not come any more")

    def signal(self, number):
        """A signal of the host: the interrupt key, a new window size, or the power button."""
        kernel = self.host.kernel
        if number == signal.SIGWINCH:
            self.console.set_window_size()
        elif number == signal.SIGIO:
            self.console.typed()
        elif number == signal.SIGINT and self.interrupts < PATIENCE:
            self.interrupts += 1
            kernel.interrupt_key()
        else:
            kernel.power_button(128 + number)
