"""Our machine carries out sequences: one booted machine for many, in virtual time, with its books checked in between.

Each sequence is a program of its own.  A call that has not come back after BLOCKED_AFTER_NS is interrupted by a signal,
as on the host.
"""

from hwemu.clock import Clock, Event
from hwemu.cpu import current_context, trap
from kernel.signal import send_signal
from kernel.uapi.signal import SIGALRM
from lab import guest
from lab.machine import build_machine
from userland import libc

from .calls import PSEUDO, numbers
from .sequence import (
    BLOCKED_AFTER_NS,
    PAGE,
    PAIR,
    PATTERN,
    READONLY_BYTES,
    RESULT,
    SLOTS,
    Fd,
    Outcome,
    Ptr,
    changed_runs,
)  # fmt: skip

AGAIN_AFTER_NS = 4_000_000
SECOND = 1_000_000_000
# TIME_WAIT takes 60 s, an orphan whose peer is silent some 100 s.
PATIENCE = (0, SECOND, 10 * SECOND, 60 * SECOND, 100 * SECOND, 300 * SECOND, 600 * SECOND)
BLANK = bytes([PATTERN]) * PAGE
ARGUMENTS = 2048


class Watch(Event):
    """Interrupts a task that does not come back, again and again."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.task = None

    def start(self, task):
        self.task = task
        self.clock.call_at(self.clock.now + BLOCKED_AFTER_NS, self)

    def fire(self):
        send_signal(self.task, SIGALRM)
        self.task.sched.arch.kick()
        self.clock.call_at(self.clock.now + AGAIN_AFTER_NS, self)


class Caller:
    """The program: makes the calls of one sequence in turn."""

    def __init__(self, sequence, table, watch):
        self.sequence = sequence
        self.table = table
        self.watch = watch
        self.outcomes = []
        self.slots = [-1] * SLOTS
        self.sigpipes = 0

    def on_sigpipe(self, signum):
        self.sigpipes += 1

    def __call__(self):
        self.context = current_context()
        space = self.context.address_space
        self.page = bytearray(PAGE)
        self.block = memoryview(bytearray(64)).cast("q")
        self.readonly = READONLY_BYTES
        self.page_at = space.map(self.page, True)
        self.readonly_at = space.map(self.readonly, False)
        self.block_at = space.map(self.block, False)
        for fd in range(3):
            libc.close(fd)
        for _ in range(3):
            libc.open("/dev/null", libc.O_RDWR)
        libc.signal(libc.SIGPIPE, self.on_sigpipe)
        libc.signal(SIGALRM, lambda signum: None)
        for index, step in enumerate(self.sequence.steps):
            self.carry_out(index, step)

    def meaning(self, value):
        if isinstance(value, int):
            return value
        if isinstance(value, Fd):
            return self.slots[value.slot]
        return (self.page_at if isinstance(value, Ptr) else self.readonly_at) + value.offset

    def prepare(self, step):
        page = self.page
        page[:] = BLANK
        for poke in step.pokes:
            at = poke.offset
            for part in poke.parts:
                if not isinstance(part, bytes):
                    size = 4 if isinstance(part, Fd) else 8
                    part = self.meaning(part).to_bytes(size, "little", signed=True)
                page[at : at + len(part)] = part
                at += len(part)

    def carry_out(self, index, step):
        self.prepare(step)
        before = bytes(self.page)
        values = [self.meaning(value) for value in step.arguments]
        self.sigpipes = 0
        if step.call in PSEUDO:
            libc.usleep(values[0] // 1000)
            result = 0
        else:
            _, number, sub = self.table[step.call]
            self.watch.start(self.context.task)
            if sub:
                block = self.block
                for at, value in enumerate(values):
                    block[at] = value
                result = trap(number, sub, self.block_at)
            else:
                result = trap(number, *values)
            self.watch.clock.cancel(self.watch)
        self.learn(step, result)
        changes = () if self.page == before else changed_runs(before, self.page)
        self.outcomes.append(Outcome(result, self.sigpipes, index, changes))

    def learn(self, step, result):
        if step.makes == RESULT:
            self.slots[step.slot] = result if result >= 0 else -1
        elif step.makes == PAIR and result == 0:
            for which in range(2):
                raw = self.page[step.pair + 4 * which : step.pair + 4 * which + 4]
                self.slots[step.slot + which] = int.from_bytes(raw, "little", signed=True)


class Machine:
    """A booted machine with nothing but its loopback device up."""

    def __init__(self):
        self.table = numbers()
        self.clock = Clock()
        cmdline = {"init": guest.INIT, "console": "pipe", "quiet": "", "dma_debug": "on"}
        self.host = build_machine(self.clock, cmdline=cmdline, files={guest.INIT: guest.INIT_TEXT})
        self.kernel = self.host.kernel
        guest.boot(self.host)
        self.watch = Watch(self.clock)
        self.clock.run(self.clock.now + SECOND)
        self.baseline = self.books()

    def run(self, sequence):
        """The outcomes of a sequence; of those steps that were carried out when something in the kernel failed."""
        caller = Caller(sequence, self.table, self.watch)
        try:
            guest.wait(self.host, guest.spawn(self.host, caller, name="caller"))
        finally:
            self.clock.cancel(self.watch)
        return caller.outcomes

    def books(self):
        """What must be the same before and after a sequence."""
        kernel, net = self.kernel, self.kernel.net
        return {
            "tasks": len(kernel.pids.tasks()),
            "sk_buffs": kernel.skb_cache.live,
            "forgotten sk_buffs": kernel.skb_cache.leaked,
            "pages": kernel.slab.objects_in_use,
            "timers": kernel.timers.active,
            "sockets": net.sockets_used,
            "socks": net.sockets_allocated,
            "fragment queues": len(net.frags.queues),
            "taps": len(net.packet_sockets),
        }

    def check(self):
        """Let all timers have their time; AssertionError when something is left or went wrong in the kernel."""
        for patience in PATIENCE:
            self.clock.run(self.clock.now + patience)
            self.kernel.net.ip.flush()
            self.kernel.net.tcp.page_frag.page = None
            now = self.books()
            if now == self.baseline:
                break
        wrong = {name: (self.baseline[name], now[name]) for name in now if now[name] != self.baseline[name]}
        assert not wrong, f"left behind (before, after): {wrong}"
        self.check_oops()

    def check_oops(self):
        """AssertionError when a system call failed inside the kernel."""
        places = [line.strip() for line in self.kernel.printk.lines() if "  File " in line][-3:]
        assert not self.kernel.oopses, f"oops: {self.kernel.oopses} at {places}"
