"""Our machine carries out sequences: one booted machine for many, in virtual time, with its books checked in between.

Each sequence is a program of its own.  A call that has not come back after BLOCKED_AFTER_NS is interrupted by a signal,
as on the host.
"""

from pathlib import Path

from hwemu.clock import Clock, Event
from hwemu.cpu import current_context, trap
from kernel.net.unix.garbage import unix_gc
from kernel.signal import send_signal
from kernel.uapi.signal import SA_RESTART, SIGALRM
from kernel.uapi.syscall import SYS_getpid
from lab import guest
from lab.machine import build_machine
from userland import libc

from .calls import PSEUDO, SIGNAL, SLEEP, numbers
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
)

AGAIN_AFTER_NS = 4_000_000
DESCRIPTORS = 1024
DEFAULT_MEMORY_LIMIT = 212992
SECOND = 1_000_000_000
# Programs have higher numbers than those that sequences name.
OTHER_PIDS = 300
# TIME_WAIT takes 60 s, an orphan whose peer is silent some 100 s.
PATIENCE = (0, SECOND, 10 * SECOND, 60 * SECOND, 100 * SECOND, 300 * SECOND, 600 * SECOND)
BLANK = bytes([PATTERN]) * PAGE
# What a task's word holds when it holds no step.
UNFINISHED, STOPPED, WORD = -1, -2, 0xFFFFFFFF


def host_setting(name):
    """A number under /proc/sys/net/core of the host; Linux's default where there is none to ask."""
    path = Path("/proc/sys/net/core") / name
    return int(path.read_text()) if path.exists() else DEFAULT_MEMORY_LIMIT


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


class Arena:
    """What one task's addresses point to: a page of its own, a read-only page, and the arguments of socketcall."""

    def __init__(self, space):
        self.page = bytearray(PAGE)
        self.block = memoryview(bytearray(64)).cast("q")
        self.page_at = space.map(self.page, True)
        self.readonly_at = space.map(READONLY_BYTES, False)
        self.block_at = space.map(self.block, False)
        self.before = b""


class Caller:
    """The program: makes the calls of one sequence in turn."""

    TASKS = 1

    def __init__(self, sequence, table, watch):
        self.sequence = sequence
        self.table = table
        self.watch = watch
        self.outcomes = [Outcome(0, 0, UNFINISHED, ()) for _ in sequence.steps]
        self.done = 0
        self.slots = [-1] * SLOTS
        self.sigpipes = 0
        self.now_at = 0

    def on_sigpipe(self, signum):
        self.sigpipes += 1

    def __call__(self):
        self.context = current_context()
        self.arenas = [Arena(self.context.address_space) for _ in range(self.TASKS)]
        # A folder of its own for the names of Unix sockets.
        folder = f"/tmp/{trap(SYS_getpid)}"
        libc.mkdir(folder)
        libc.chdir(folder)
        for fd in range(3):
            libc.close(fd)
        for _ in range(3):
            libc.open("/dev/null", libc.O_RDWR)
        libc.sigaction(libc.SIGPIPE, self.on_sigpipe, SA_RESTART)
        for signum, flags in ((SIGALRM, 0), (libc.SIGUSR1, 0), (libc.SIGUSR2, SA_RESTART)):
            libc.sigaction(signum, lambda signum: None, flags)
        self.run()

    def run(self):
        for index, step in enumerate(self.sequence.steps):
            self.now_at = index
            self.sigpipes = 0
            self.prepare(step)
            if step.call != SLEEP:
                self.watch.start(self.context.task)
            self.carry_out(index, step)
            self.watch.clock.cancel(self.watch)
            self.outcomes[index].sigpipes = self.sigpipes
            self.done += 1

    def meaning(self, arena, value):
        if isinstance(value, int):
            return value
        if isinstance(value, Fd):
            return self.slots[value.slot]
        return (arena.page_at if isinstance(value, Ptr) else arena.readonly_at) + value.offset

    def prepare(self, step):
        """Lay the pokes of a step into its task's page, which then also is `before`."""
        arena = self.arenas[step.task]
        page = arena.page
        page[:] = BLANK
        for poke in step.pokes:
            at = poke.offset
            for part in poke.parts:
                if not isinstance(part, bytes):
                    size = 4 if isinstance(part, Fd) else 8
                    part = self.meaning(arena, part).to_bytes(size, "little", signed=True)
                page[at : at + len(part)] = part
                at += len(part)
        arena.before = bytes(page)

    def carry_out(self, index, step):
        """Make the call of a step and keep what it did."""
        arena = self.arenas[step.task]
        values = [self.meaning(arena, value) for value in step.arguments]
        if step.call in PSEUDO:
            result = self.pseudo(step, values)
        else:
            _, number, sub = self.table[step.call]
            if sub:
                block = arena.block
                for at, value in enumerate(values):
                    block[at] = value
                result = trap(number, sub, arena.block_at)
            else:
                result = trap(number, *values)
        outcome = self.outcomes[index]
        outcome.result = result
        outcome.finished = self.now_at
        if arena.page != arena.before:
            outcome.changes = changed_runs(arena.before, arena.page)
        if step.makes == RESULT:
            self.slots[step.slot] = result if result >= 0 else -1
        elif step.makes == PAIR and result == 0:
            for which in range(2):
                raw = arena.page[step.pair + 4 * which : step.pair + 4 * which + 4]
                self.slots[step.slot + which] = int.from_bytes(raw, "little", signed=True)

    def pseudo(self, step, values):
        """Let time pass; there is no other task to signal."""
        if step.call == SLEEP:
            libc.usleep(values[0] // 1000)
        return 0


class Together(Caller):
    """A program of two tasks that share descriptors, and a third that gives them their steps."""

    TASKS = 2

    def run(self):
        self.words = [libc.Futex(UNFINISHED & WORD) for _ in range(self.TASKS)]
        self.tids = [libc.thread_create(self.serve, task) for task in range(self.TASKS)]
        for index, step in enumerate(self.sequence.steps):
            self.now_at = index
            self.sigpipes = 0
            self.interrupt(step.task)
            self.prepare(step)
            self.give(step.task, index)
            libc.usleep(BLOCKED_AFTER_NS // 1000)
            self.outcomes[index].sigpipes = self.sigpipes
            self.done += 1
        self.now_at = UNFINISHED
        for task in range(self.TASKS):
            self.interrupt(task)
            self.give(task, STOPPED & WORD)
            libc.thread_join(self.tids[task])
            self.words[task].close()

    def give(self, task, word):
        self.words[task].value = word
        self.words[task].wake()

    def busy(self, task):
        return self.words[task].value != UNFINISHED & WORD

    def interrupt(self, task):
        """Signal a task that is still in its call until it comes back."""
        while self.busy(task):
            libc.thread_kill(self.tids[task], libc.SIGUSR1)
            libc.usleep(1000)

    def serve(self, task):
        """What each of the two tasks does."""
        word = self.words[task]
        while True:
            while not self.busy(task):
                word.wait(UNFINISHED & WORD)
            if word.value == STOPPED & WORD:
                return
            index = word.value
            self.carry_out(index, self.sequence.steps[index])
            word.value = UNFINISHED

    def pseudo(self, step, values):
        if step.call == SIGNAL:
            libc.thread_kill(self.tids[1 - step.task], libc.SIGUSR2 if values[0] else libc.SIGUSR1)
            return 0
        return Caller.pseudo(self, step, values)


class Machine:
    """A booted machine with nothing but its loopback device up."""

    def __init__(self):
        self.table = numbers()
        self.clock = Clock()
        cmdline = {"init": guest.INIT, "console": "pipe", "quiet": "", "dma_debug": "on"}
        self.host = build_machine(self.clock, cmdline=cmdline, files={guest.INIT: guest.INIT_TEXT})
        self.kernel = self.host.kernel
        guest.boot(self.host)
        # The limits of buffers are the host's own and no namespace's.
        self.kernel.net.sysctl_rmem_max = host_setting("rmem_max")
        self.kernel.net.sysctl_wmem_max = host_setting("wmem_max")
        self.kernel.net.sysctl_tcp_congestion_control = "reno"
        self.kernel.pids.last = OTHER_PIDS
        self.watch = Watch(self.clock)
        self.clock.run(self.clock.now + SECOND)
        self.baseline = self.books()

    def run(self, sequence):
        """The outcomes of a sequence; of those steps that were carried out when something in the kernel failed."""
        caller = (Together if sequence.together else Caller)(sequence, self.table, self.watch)
        try:
            process = guest.spawn(self.host, caller, name="caller")
            process.task.files.limit = DESCRIPTORS
            guest.wait(self.host, process)
        finally:
            self.clock.cancel(self.watch)
        return caller.outcomes[: caller.done]

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
            # Sockets that only messages keep are found when the next one is made.
            unix_gc(self.kernel.net.unix_domain)
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
