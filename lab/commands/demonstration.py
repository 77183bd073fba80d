"""What `hwemu boot` shows where nobody can type: three machines on a switch, the whole way of a packet, no host network.

The guest boots, shows its link, pings the gateway and fetches a page over TCP from a second machine.  All of it
happens in virtual time and depends on the seed alone.
"""

import sys

from hwemu.clock import Clock, Event
from hwemu.wire.switch import Switch
from lab.errors import LabError
from lab.initramfs import shell_line
from lab.machine import NS_PER_S, build_machine
from lab.trace_output import TraceOutput
from lab.usernet import plan
from lab.usernet.gateway import Gateway

SERVER = "10.0.2.20"
GIGABIT = 1_000_000_000
LIMIT = 60 * NS_PER_S
COMMANDS = ("ip addr show eth0", f"ping -c 3 {plan.GATEWAY}", f"wget -q -O - http://{SERVER}/")
PAGE = b"""Hello from the second machine.

This page came through two e1000 drivers, two TCP/IP stacks and a switch, all of them in one process.
"""


def script():
    """The guest's command line: each command is shown, then run; the first that fails ends it."""
    return " && ".join(f"echo '# {command}' && {command}" for command in COMMANDS)


def demonstrate(options, out=sys.stdout) -> int:
    """Run it; returns the guest's exit status.  `out` is None where standard output is closed."""
    clock = Clock()
    switch = Switch(clock)
    gateway = Gateway(clock, (), plan.GUEST, name_server="")
    others = [gateway.machine(switch.port("gateway", GIGABIT), options.seed + 1)]
    others.append(
        build_machine(
            clock, switch.port("server", GIGABIT), name="server", number=2, seed=options.seed + 2, hostname="server",
            cmdline={"ip": f"{SERVER}/{plan.PREFIX}", "console": "pipe"},
            files={"/www/index.html": PAGE, **shell_line("httpd -p 80 /www")},
        )
    )  # fmt: skip
    guest = build_machine(
        clock, switch.port("guest", GIGABIT), name="hw0", seed=options.seed, memory=options.memory,
        cmdline={"ip": f"{plan.GUEST}/{plan.PREFIX}", "gateway": plan.GATEWAY, "console": "pipe"},
        files=shell_line(script()),
    )  # fmt: skip
    if options.trace:
        output = TraceOutput(sys.stderr)
        for host in (guest, *others):
            output.listen(host.trace, options.trace)

    problems: list[OSError] = []

    def show(data):
        if out is None or problems:
            return
        try:
            out.write(data.decode("utf-8", "replace"))
            out.flush()
        except OSError as problem:
            problems.append(problem)
            clock.call_after(0, Event(lambda: guest.kernel.power_button(1)))

    guest.machine.serial.sink = show
    for host in (*others, guest):
        host.start()
    status = guest.run(LIMIT)
    if problems:
        if isinstance(problems[0], BrokenPipeError):
            raise problems[0]
        raise LabError(f"standard output: {problems[0].strerror}")
    if status is None:
        raise LabError("the demonstration did not come to its end")
    gateway.stop()
    others[1].power_off()
    return status
