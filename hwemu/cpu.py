"""The CPU: contexts that run programs, the trap gate, interruptible points and idling.

A context is one thread of execution with its registers.  It runs on a greenlet of its own, so programs are plain
straight-line code, and gives up the CPU only where it asks to.  The greenlet that runs `Clock.run` is the hub:
devices, wires and the other machines live there.  A CPU is an event on the clock: when the event fires, the hub
hands over to the context that ran last, and gets control back when that context halts or pauses.

Time: each trap and each interrupt charges `trap_cost` ns of virtual time, so that neither a program that polls in a
loop nor a line that is stuck can stop the clock.  A busy CPU visits the hub at every interruptible point where an
event is due, and at least every 50 us, so that it can not starve the devices or the host's descriptors.
"""

from greenlet import GreenletExit, getcurrent, greenlet

from hwemu.clock import Event
from hwemu.mmu import AddressSpace

HUB_INTERVAL = 50_000
# A handler that leaves its level line up is called again, but not for ever at one interruptible point.
DELIVERIES_PER_POINT = 16
# How many traps a context may try while it is being unwound before it is left behind.
REFUSALS = 100
ENOSYS = 38


class SyscallEntry:
    """Where a trap enters the operating system: override `syscall`."""

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        """Carry out system call `nr` for `context`; a negative errno on failure."""
        return -ENOSYS


class InterruptEntry:
    """Where an interrupt enters the operating system: override `interrupt`."""

    def interrupt(self, line):
        """Handle interrupt `line`, with interrupts disabled, on the stack of whatever context runs."""


class Strand(greenlet):
    """The greenlet under a context."""

    __slots__ = ("context",)

    def run(self, *_):
        self.context.run()


class Context:
    """One program's registers: what the CPU switches.

    `entry` is called when the context first runs; `task` is for the operating system; `errno` is the program's;
    `address_space` is what its addresses mean.  `unwinding` is True once it has been told to end.
    `thread_pointer` is the C library's.  `signal_entry` is where a caught signal enters the program: before a trap
    returns, `signal_entry(handler, signum, info)` is called for each frame that the operating system has pushed
    meanwhile.  `thread_entry` is where a new thread of the program begins: `thread_entry(stack)`, with the stack
    pointer that its creator gave it.
    """

    def __init__(self, cpu, entry):
        self.cpu = cpu
        self.entry = entry
        self.address_space = AddressSpace()
        self.error_number = 0
        self.task = None
        self.thread_pointer = None
        self.signal_entry = None
        self.thread_entry = None
        self.frames = []
        self.restart = False
        self.successor = None
        self.unwinding = False
        self.refusals = 0
        parent = getcurrent()
        while isinstance(parent, Strand):
            parent = parent.parent
        self.strand = Strand(parent=parent)
        self.strand.context = self

    @property
    def errno(self):
        """The program's errno; the slot behind it is `error_number`, for errno is a macro in C."""
        return self.error_number

    @errno.setter
    def errno(self, number):
        self.error_number = number

    def live(self):
        """True until the context has ended."""
        return self.strand is not None

    def switch(self):
        """Give the CPU to this context; returns when somebody switches back.

        Called from outside the CPU (at boot) it makes this context the first that runs; RuntimeError when there is
        one already.
        """
        cpu = self.cpu
        if cpu.running:
            cpu.active = self
            if self.strand:
                self.strand.switch()
            else:
                # A greenlet begins at the stack depth of whoever starts it: only the hub does, or depths would add up.
                cpu.starting = True
                cpu.hub.switch()
        elif cpu.active is None or cpu.active is self:
            cpu.active = self
            cpu.kick()
        else:
            raise RuntimeError("switch: from outside the CPU, and another context has it")

    def push_frame(self, handler, signum, info):
        """Have the program handle signal `signum` before its trap returns; the frame pushed last runs first.

        `handler` is the number that the program installed; only its C library knows what it stands for.  `info` is
        the siginfo, as bytes.
        """
        self.frames.append((handler, signum, info))

    def run_frames(self, depth):
        """Call the program's signal entry for the frames above `depth`; what it raises is the program's own affair.

        The entry ends with the system call that gives the program its signal mask back.
        """
        while len(self.frames) > depth:
            handler, signum, info = self.frames.pop()
            self.signal_entry(handler, signum, info)

    def exit_to(self, successor):
        """End the context that calls this and give the CPU to `successor` (None: to nobody); never returns.

        The stack unwinds with GreenletExit; traps that `finally` blocks make on the way are refused.
        """
        self.successor = successor
        self.unwinding = True
        raise GreenletExit

    def run(self):
        """What the strand executes: the entry, then the handing over."""
        cpu = self.cpu
        try:
            self.entry()
        except GreenletExit:
            if not self.unwinding and not cpu.running:
                # The collector ends a machine that nobody switched off: it knows itself where to go on.
                self._retire()
                return
        except BaseException:
            if not self.unwinding:
                cpu.active = None
                self.strand.parent = cpu.hub
                self._retire()
                raise
        self.strand.parent = self._following()
        self._retire()

    def _following(self):
        """The greenlet that runs when this context has ended."""
        cpu = self.cpu
        if cpu.reaper is not None:
            return cpu.reaper
        successor = self.successor
        # A reference kept here would chain every context that ever ended to the next one.
        self.successor = None
        cpu.active = successor
        if successor is None:
            return cpu.hub
        if not successor.strand:
            # As in `switch`: a greenlet that is not begun begins at the hub.
            cpu.starting = True
            return cpu.hub
        return successor.strand

    def _retire(self):
        """Cut the cycle between context and greenlet, so that both are freed at once."""
        self.cpu.contexts.pop(self, None)
        self.strand.context = None
        self.strand = None

    def refuse(self):
        """A trap by a context that is being unwound: GreenletExit again.

        One that swallows that too, again and again, is left where it is and never runs again.
        """
        self.refusals += 1
        if self.refusals > REFUSALS:
            cpu = self.cpu
            cpu.contexts.pop(self, None)
            cpu.abandoned.append(self)
            self._following().switch()
        raise GreenletExit

    def unwind(self):
        """End this context from outside; its `finally` blocks run, its traps are refused."""
        self.unwinding = True
        if self.strand:
            self.strand.throw(GreenletExit)
        elif self.strand is not None:
            self._retire()


class CPU(Event):
    """One processor.

    `active` is the context that runs, or ran last; `running` is True while it does.  `traps`, `interrupts` and
    `halts` count.
    """

    def __init__(self, clock, controller, trap_cost=200):
        super().__init__()
        self.clock = clock
        self.controller = controller
        controller.cpu = self
        self.trap_cost = trap_cost
        self.syscall_entry = SyscallEntry()
        self.interrupt_entry = InterruptEntry()
        self.interrupts_enabled = False
        self.active = None
        self.hub = None
        self.running = False
        self.starting = False
        self.kicked = False
        self.stopping = False
        self.on_stop = None
        self.reaper = None
        self.contexts = {}
        self.abandoned = []
        self.visited = 0
        self.traps = 0
        self.interrupts = 0
        self.halts = 0

    def new_context(self, entry):
        """A context that will call `entry()`; it runs once somebody switches to it."""
        context = Context(self, entry)
        self.contexts[context] = None
        return context

    # --- the hub's side ---

    def kick(self):
        """Wake the CPU if it is halted, or make its next halt return at once."""
        if self.running:
            self.kicked = True
        elif not self.armed() and not self.stopping:
            self.clock.call_at(self.clock.now, self)

    def fire(self):
        """The clock hands over; returns when the context halts, pauses or ends."""
        context = self.active
        if context is None:
            return
        self.hub = getcurrent()
        self.visited = self.clock.now
        self.running = True
        try:
            context.strand.switch()
            while self.starting:
                self.starting = False
                self.active.strand.switch()
        finally:
            self.running = False
            self.starting = False
        if self.stopping:
            self._stopped()

    def shutdown(self):
        """Unwind every live context; from outside the CPU only."""
        if self.running:
            raise RuntimeError("a CPU is shut down from outside: a context calls stop()")
        self.stopping = True
        self.active = None
        self.clock.cancel(self)
        self.reaper = getcurrent()
        for context in list(self.contexts):
            context.unwind()
        self.reaper = None

    def _stopped(self):
        self.shutdown()
        if self.on_stop is not None:
            callback = self.on_stop
            self.on_stop = None
            callback()

    # --- the context's side ---

    def stop(self):
        """End everything on this CPU for good, then call `on_stop`; does not return to a context that calls it."""
        self.stopping = True
        if self.running:
            self.hub.switch()
        else:
            self._stopped()

    def crash(self, error):
        """The operating system failed: the CPU stops for good and `error` comes out of `Clock.run`."""
        self.active = None
        self.hub.throw(error)

    def halt(self):
        """Enable interrupts and wait for one (or a kick), then deliver what is pending: the idle loop's `hlt`."""
        if not self.running:
            raise RuntimeError("halt: no context runs on this CPU")
        self.interrupts_enabled = True
        if not self.kicked and self.controller.pending() == 0:
            self.halts += 1
            self.hub.switch()
        elif self.clock.due() or self.clock.now - self.visited >= HUB_INTERVAL:
            self.pause()
        self.kicked = False
        self.deliver()

    def pause(self):
        """Let the hub run what is due and come back."""
        self.clock.call_at(self.clock.now, self)
        self.hub.switch()

    def interruptible_point(self):
        """Where the CPU can be interrupted: due events run, then pending interrupts are delivered.

        The operating system calls it at the end of a system call, at a task switch and when it enables
        interrupts.  Outside the CPU it does nothing.
        """
        if not self.running:
            return
        if self.clock.due() or self.clock.now - self.visited >= HUB_INTERVAL:
            self.pause()
        if self.interrupts_enabled and self.controller.pending():
            self.deliver()

    def enable_interrupts(self):
        """Enable interrupts and take those that are waiting."""
        self.interrupts_enabled = True
        self.interruptible_point()

    def deliver(self):
        """Call the interrupt entry for each pending line; interrupts stay disabled until it returns."""
        deliveries = 0
        while self.interrupts_enabled and deliveries < DELIVERIES_PER_POINT:
            line = self.controller.acknowledge()
            if line < 0:
                break
            self.interrupts += 1
            deliveries += 1
            self.interrupts_enabled = False
            try:
                self.interrupt_entry.interrupt(line)
            finally:
                self.interrupts_enabled = True
            self.clock.advance(self.trap_cost)


def current_context():
    """The context that runs now, or None outside any CPU."""
    strand = getcurrent()
    return strand.context if isinstance(strand, Strand) else None


def trap(nr, a0=0, a1=0, a2=0, a3=0, a4=0, a5=0):
    """The trap instruction: system call `nr` with up to six signed 64-bit arguments.

    Returns what the operating system returns (a negative errno on failure); RuntimeError outside any CPU.
    Where signal frames were pushed their handlers run first; with `context.restart` set the call is then made again.
    """
    context = current_context()
    if context is None:
        raise RuntimeError("trap: no emulated CPU runs this code")
    cpu = context.cpu
    if context.unwinding or not cpu.running:
        context.refuse()
    # A trap made by a handler leaves the frames below that handler alone.
    depth = len(context.frames)
    while True:
        cpu.traps += 1
        cpu.clock.advance(cpu.trap_cost)
        try:
            result = cpu.syscall_entry.syscall(context, nr, a0, a1, a2, a3, a4, a5)
        except GreenletExit:
            raise
        except BaseException as error:
            cpu.crash(error)
            raise
        if len(context.frames) == depth:
            return result
        # A handler makes traps of its own: take the flag before it runs.
        again = context.restart
        context.restart = False
        context.run_frames(depth)
        if not again:
            return result
