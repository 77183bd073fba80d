"""The `hwemu` command: what its words mean and which command they start.

Wrong arguments give one line and exit status 2; what goes wrong later (a used port, a missing TAP permission, an
unreadable file) one line and exit status 1.  A guest program's own exit status is passed on.
"""

import argparse
import os
import sys
from importlib import metadata

from hwemu.clock import Clock
from hwemu_importer import StaleModule
from lab import arguments
from lab.errors import LabError
from lab.usernet import plan

DESCRIPTION = "A small computer in one process: an Intel 82540EM, its driver, a kernel with Linux's shape, programs."
DEFAULT_MEMORY = 64 << 20
# Slots of the PCI bus that are free for cards, less some for who adds a device.
MAX_CARDS = 8


class Parser(argparse.ArgumentParser):
    """argparse, with one line per error."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def value(parse):
    """An argparse type that shows the ValueError of `parse` as it is."""

    def convert(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def version() -> str:
    """`hwemu 0.1.0 (compiled)`: which release, and at which speed it runs."""
    speed = "interpreted" if str(sys.modules[Clock.__module__].__file__).endswith(".py") else "compiled"
    try:
        release = metadata.version("hwemu")
    except metadata.PackageNotFoundError:
        release = "(not installed)"
    return f"hwemu {release} ({speed})"


def wire_options(parser):
    """The options of whatever has a card on a wire."""
    parser.add_argument(
        "--forward", type=value(arguments.forward), action="append", default=[], metavar="tcp:HOST:PORT:GUESTPORT",
        help="bring connections to a host port into the guest (also udp:...; with --net user)",
    )  # fmt: skip
    parser.add_argument(
        "--impair", type=value(arguments.impairments), metavar="SPEC",
        help="make the wire bad: loss=5%%,reorder=10%%,duplicate=2%%,corrupt=0.1%%,delay=20ms,jitter=5ms,rate=100mbit",
    )  # fmt: skip
    parser.add_argument("--capture", metavar="FILE", help="write what passes on the wire to FILE as pcapng")
    parser.add_argument(
        "--seed", type=value(arguments.seed), default=0, metavar="N", help="where every random choice comes from"
    )
    parser.add_argument("--share", metavar="DIR", help="mount the host folder DIR read-only at /host")
    parser.add_argument(
        "--memory", type=value(arguments.memory), default=DEFAULT_MEMORY, metavar="SIZE",
        help="the machine's RAM (default 64M)",
    )  # fmt: skip
    parser.add_argument(
        "--trace", action="append", default=[], metavar="PATTERN",
        help="print the trace events that match, e.g. 'tcp_*' or 'skb_drop', on standard error",
    )  # fmt: skip
    parser.add_argument(
        "--control", metavar="PATH", help="listen at the Unix socket PATH for 'hwemu doctor PATH'; the clock follows the host's"
    )


def machine_options(parser):
    """The options that boot and run share."""
    parser.add_argument(
        "--net", type=value(arguments.network), action="append", dest="nets", metavar="user|tap:NAME|none",
        help="what the network card is plugged into (default: user); again for each further card: eth1, eth2 ...",
    )  # fmt: skip
    wire_options(parser)
    parser.add_argument(
        "--ip", type=value(arguments.interface_address), action="append", default=[], dest="ips", metavar="A.B.C.D/N",
        help="the address of eth0 (default with --net user: 10.0.2.15/24); again for that of eth1 ...",
    )  # fmt: skip
    parser.add_argument("--gateway", type=value(arguments.ipv4), metavar="G", help="the default route")
    parser.add_argument("--root", metavar="DIR", help="show the /usr, /lib and /etc of the system in DIR, read-only")
    parser.add_argument("--quiet", action="store_true", help="no kernel messages on the console (the default with -c)")
    parser.add_argument(
        "--virtual-time", action="store_true", help="do not follow the host's clock (the default with --net none)"
    )


def parser() -> Parser:
    top = Parser(prog="hwemu", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=version())
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    boot = commands.add_parser("boot", help="boot a machine: a shell at a terminal, a demonstration without input")
    boot.add_argument("-c", dest="line", metavar="COMMAND", help="run one command line and exit with its status")
    machine_options(boot)
    run = commands.add_parser("run", help="boot a machine that runs your program, Python with main(argv) or ELF")
    machine_options(run)
    run.add_argument(
        "--gdb", type=value(arguments.port), metavar="PORT",
        help="wait for gdb at this port of 127.0.0.1 when an ELF program begins",
    )  # fmt: skip
    run.add_argument("program", metavar="PROGRAM")
    run.add_argument("args", nargs=argparse.REMAINDER, metavar="ARGS")
    traced = commands.add_parser("strace", help="as run, and print the system calls of all programs to standard error")
    machine_options(traced)
    traced.add_argument("program", metavar="PROGRAM")
    traced.add_argument("args", nargs=argparse.REMAINDER, metavar="ARGS")
    python = commands.add_parser("python", help="run a Python program, with the host's library and packages, on the machine")
    machine_options(python)
    python.add_argument("-c", dest="code", nargs=argparse.REMAINDER, metavar="CODE ARGS", help="the program itself, as text")
    python.add_argument("-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE ARGS", help="run a module of the library")
    python.add_argument("words", nargs=argparse.REMAINDER, metavar="SCRIPT ARGS")
    wire = commands.add_parser("wire", help="join two TAPs of the host by our wire")
    wire.add_argument("first", type=value(arguments.tap_name), metavar="tap:A")
    wire.add_argument("second", type=value(arguments.tap_name), metavar="tap:B")
    wire.add_argument("--impair", type=value(arguments.impairments), metavar="SPEC", help="make the wire bad")
    wire.add_argument("--capture", metavar="FILE", help="write what passes to FILE as pcapng")
    wire.add_argument("--seed", type=value(arguments.seed), default=0, metavar="N", help="seed of the impairment")
    served = commands.add_parser("serve-nic", help="give the card to another machine, by vfio-user (QEMU 10.1 or newer)")
    served.add_argument("--vfio-user", required=True, metavar="SOCKET", dest="socket", help="where to listen")
    served.add_argument(
        "--net", type=value(arguments.card_network), action="append", dest="nets", metavar="user|tap:NAME|none|machine",
        help="what the card is plugged into (default: user); machine is one of ours, for -c, --ip, --share and --memory",
    )  # fmt: skip
    served.add_argument("--mac", type=value(arguments.hardware_address), metavar="AA:BB:..", help="what the EEPROM holds")
    served.add_argument("-c", dest="line", metavar="COMMAND", help="what the machine of --net machine runs")
    served.add_argument(
        "--ip", type=value(arguments.interface_address), action="append", default=[], dest="ips", metavar="A.B.C.D/N",
        help="with --net machine its address (default 10.0.2.2/24), with --net user the guest's, for --forward",
    )  # fmt: skip
    wire_options(served)
    served.set_defaults(virtual_time=False, gateway=None, root=None)
    doctor = commands.add_parser("doctor", help="say why frames do not flow")
    doctor.add_argument("target", metavar="SOCKET|FILE", help="what '--control' listens at, or a saved snapshot")
    doctor.add_argument("--save", metavar="FILE", help="keep the snapshot")
    doctor.add_argument("--rings", action="store_true", help="show the descriptor rings too")
    drill = commands.add_parser("packetdrill", help="play packetdrill scripts against our TCP, in virtual time")
    drill.add_argument("scripts", nargs="+", metavar="SCRIPT")
    drill.add_argument("-v", "--verbose", action="store_true", help="print each event with its time")
    drill.add_argument(
        "--tolerance", type=value(arguments.microseconds), metavar="USECS",
        help="how much earlier or later than the script a packet may come (default: what the script says, or 4000)",
    )  # fmt: skip
    drill.add_argument(
        "-D", dest="define", type=value(arguments.definition), action="append", default=[], metavar="NAME=VALUE",
        help="give a name in the scripts a value",
    )  # fmt: skip
    return top


def check(options) -> None:
    """What one option alone can not tell; LabError (status 2) for options that contradict each other.

    Sets `plain`: nothing was said about what the machine is to be joined to.
    """
    if options.command in ("packetdrill", "doctor"):
        return
    if options.command == "wire":
        if options.first == options.second:
            raise LabError("the two ends are the same TAP", 2)
        return
    options.plain = not (options.nets or options.forward or options.ips or options.share)
    options.nets = arguments.Networks(options.nets or [arguments.Network("user")], options.ips)
    options.address_of = options.nets.address_of
    kinds = [net.kind for net in options.nets]
    options.on_user_network = "user" in kinds
    if options.command == "serve-nic":
        if len(kinds) > 1 or len(options.ips) > 1:
            raise LabError("one card is served: --net and --ip can be given once", 2)
        if (options.line or options.share) and kinds != ["machine"]:
            raise LabError("-c and --share need --net machine", 2)
    if len(kinds) > MAX_CARDS:
        raise LabError(f"a machine has at most {MAX_CARDS} cards", 2)
    if len(options.ips) > len(kinds):
        raise LabError("there are more addresses (--ip) than cards (--net)", 2)
    if kinds.count("user") > 1:
        raise LabError("--net user can be given once", 2)
    if len({net.tap for net in options.nets if net.tap}) < kinds.count("tap"):
        raise LabError("a TAP takes one card", 2)
    check_addresses(options)
    if options.forward and not options.on_user_network:
        raise LabError("--forward needs --net user", 2)
    if options.virtual_time and "tap" in kinds:
        raise LabError("--virtual-time can not be had on a TAP: its other end lives in real time", 2)
    if options.control and options.virtual_time:
        raise LabError("--control needs the host's clock: it can not be had with --virtual-time", 2)
    if options.gateway and not options.ips and not options.on_user_network:
        raise LabError("--gateway needs --ip", 2)


def check_addresses(options) -> None:
    """An address on the user network has to be one of its guests'."""
    for net in options.nets:
        address = options.address_of(net)
        if net.kind == "user" and address is not None and not plan.is_guest(address.address, address.prefix):
            raise LabError(f"--ip {address.address}/{address.prefix}: not for a guest of the user network {plan.NETWORK}", 2)


def fill_standard_descriptors() -> None:
    """Where one of 0, 1, 2 is closed the next file or socket would get its number, and the console's bytes."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def forget_output() -> None:
    """Nobody takes our output any more: nothing may be flushed to it, not even by Python at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main(argv=None) -> int:
    """Run the command; returns the exit status."""
    fill_standard_descriptors()
    options = parser().parse_args(argv)
    try:
        check(options)
        if options.command == "boot":
            from lab.commands.boot import boot

            return boot(options)
        if options.command in ("run", "strace"):
            from lab.commands.run import run

            return run(options)
        if options.command == "python":
            from lab.commands.python import python

            return python(options)
        if options.command == "serve-nic":
            from lab.commands.serve_nic import serve_nic

            return serve_nic(options)
        if options.command == "doctor":
            from lab.commands.doctor import doctor

            return doctor(options)
        if options.command == "packetdrill":
            from lab.commands.packetdrill import packetdrill

            return packetdrill(options)
        from lab.commands.wire import wire

        return wire(options)
    except LabError as error:
        if sys.stderr is not None:
            print(f"hwemu {options.command}: {error}", file=sys.stderr)
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            forget_output()
        return error.status
    except StaleModule as error:
        print(f"hwemu: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        forget_output()
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
