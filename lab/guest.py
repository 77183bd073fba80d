"""Python functions as programs on a machine: what a test or the bench itself runs there without a file and a shell.

`run(host, function, *arguments)` calls `function(*arguments)` as a program, with libc and its own process, and gives
back what it returned or raised.
"""

import traceback

from kernel.fs.file import files_struct
from kernel.sched.fork import new_program
from lab.errors import LabError
from userland import libc

INIT = "/sbin/idle"
INIT_TEXT = b"#!hwemu lab.guest\n"
SECOND = 1_000_000_000
LINK_TRIES, LINK_PAUSE = 50, 1000


class Process:
    """A function that runs as a program; also what the kernel takes for the program's file."""

    def __init__(self, function, arguments, name):
        self.function = function
        self.arguments = arguments
        self.argv = [name]
        self.environ = []
        self.path = f"/bin/{name}"
        self.task = None
        self.done = False
        self.result = None
        self.error = None

    def load(self):
        """The program's main."""
        return self.main

    def main(self, argv):
        try:
            self.result = self.function(*self.arguments)
        except Exception as error:
            self.error = error
        finally:
            self.done = True
            self.task.sched.arch.clock.stop()
        return 0

    def value(self):
        """What the function returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


def spawn(host, function, *arguments, name=""):
    """Start `function(*arguments)` as a program on a booted machine; returns its `Process`."""
    kernel = host.kernel
    if kernel.init_task is None:
        raise LabError(f"{host.name} has not booted")
    process = Process(function, arguments, name or getattr(function, "__name__", "program"))
    files = files_struct()
    kernel.open_console(files)
    process.task = new_program(kernel, None, process, files, kernel.vfs.copy())
    process.task.wake_up()
    kernel.arch.kick()
    return process


def wait(host, process, within=60 * SECOND):
    """Run the clock until `process` has ended and return its value; LabError after `within` ns or in a standstill."""
    clock = host.clock
    deadline = clock.now + within
    while not process.done:
        clock.run(deadline)
        if process.done:
            break
        if clock.now >= deadline or (clock.next_time() < 0 and not clock.sources) or host.exit_status is not None:
            where = "" if process.task is None else f" ({process.task.comm}, state {process.task.state})"
            raise LabError(f"{host.name}: {process.path} has not ended{where}\n{host.text}")
    # The task's own end, after its function's.
    clock.run(clock.now)
    return process.value()


def run(host, function, *arguments, within=60 * SECOND):
    """Call `function(*arguments)` as a program on `host` and return its value."""
    return wait(host, spawn(host, function, *arguments), within)


def boot(host, address="", prefix=24, gateway="", within=60 * SECOND):
    """Start a machine made with `init=INIT` and give eth0 an address; returns the host."""
    host.start()
    deadline = host.clock.now + within
    while host.kernel.init_task is None and host.clock.now < deadline and host.clock.next_time() >= 0:
        host.clock.run(host.clock.next_time())
    if address:
        run(host, configure, "eth0", address, prefix, gateway)
    return host


def configure(interface, address, prefix, gateway=""):
    """Give an interface its address and set it up; returns once it has a carrier (or after a while without).

    Runs on the machine.  LabError when the kernel refuses.
    """
    mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    network = int.from_bytes(libc.inet_aton(address), "big")
    broadcast = (network | ~mask & 0xFFFFFFFF).to_bytes(4, "big")
    for request, value in (
        (libc.SIOCSIFADDR, address),
        (libc.SIOCSIFNETMASK, libc.inet_ntoa(mask.to_bytes(4, "big"))),
        (libc.SIOCSIFBRDADDR, libc.inet_ntoa(broadcast)),
    ):
        if libc.set_address(interface, request, value) < 0:
            raise LabError(f"{interface}: {value}: {libc.strerror(libc.errno)}")
    if libc.set_flags(interface.partition(":")[0], on=libc.IFF_UP) < 0:
        raise LabError(f"{interface}: {libc.strerror(libc.errno)}")
    # A card takes a moment to find its link partner.
    for _ in range(LINK_TRIES):
        if libc.get_flags(interface.partition(":")[0]) & libc.IFF_RUNNING:
            break
        libc.usleep(LINK_PAUSE)
    if gateway:
        flags = libc.RTF_UP | libc.RTF_GATEWAY
        if libc.route_request(libc.SIOCADDRT, "0.0.0.0", "0.0.0.0", gateway, None, flags) < 0:
            raise LabError(f"route by {gateway}: {libc.strerror(libc.errno)}")


def main(argv):
    """The init of such a machine: sets the loopback up and then does nothing, for ever."""
    try:
        libc.set_flags("lo", on=libc.IFF_UP)
        while True:
            libc.poll([], -1)
    except Exception:
        libc.eputs(traceback.format_exc())
        return 1
