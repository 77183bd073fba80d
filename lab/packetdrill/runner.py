"""Plays a script: a fresh machine, the peer at the far end of its tun0, and the clock from event to event."""

from hwemu.clock import Clock
from hwemu.cpu import trap
from hwemu.machine import Machine
from kernel.init.main import Kernel
from kernel.net.ipv4.devinet import in_ifaddr
from kernel.net.ipv4.fib_frontend import fib_add_route
from kernel.sched.state import TASK_INTERRUPTIBLE
from kernel.uapi.in_ import inet_addr
from kernel.uapi.signal import SIGPIPE
from kernel.uapi.syscall import SYS_getpid
from lab import guest
from lab.packetdrill import segment
from lab.packetdrill.calls import Calls
from lab.packetdrill.code import Namespace
from lab.packetdrill.commands import Shell
from lab.packetdrill.expression import ANY
from lab.packetdrill.peer import Peer, option_list
from lab.packetdrill.script import NS_PER_SECOND, NS_PER_USEC, Call, Code, Command, Mismatch, Packet, ScriptError
from lab.packetdrill.symbols import errno_names, symbols
from lab.packetdrill.tun import NEVER, Tun, settle
from userland import libc

MEMORY = 16 << 20
MTU = 1500
# What a machine gets to switch itself off.
GRACE = 5 * NS_PER_SECOND
# packetdrill's own: 4 ms, and an eighth of the time since the event before.
TOLERANCE_USECS = 4000
TOLERANCE_SHARE = 8
PREFIX = 16
REMOTE_NET, REMOTE_PREFIX, GATEWAY = "192.0.2.0", 24, "192.168.0.2"
OPTIONS = (
    "tolerance_usecs", "tolerance_percent", "mss", "mtu", "strict_segments", "tcp_ts_tick_usecs", "ip_version", "local_ip",
    "remote_ip", "gateway_ip", "netmask_ip", "send_omit_free", "bind_port", "connect_port", "non_fatal", "dry_run", "verbose",
)  # fmt: skip
ERRNO = errno_names()
NUMBERS = symbols()


class Failure(Exception):
    """The script has not passed: the line, and what was expected and came."""

    def __init__(self, line, message):
        super().__init__(message)
        self.line = line


class Caller:
    """The task on the machine that makes the script's system calls, one at a time."""

    def __init__(self, host, peer):
        self.clock = host.clock
        self.peer = peer
        self.event = None
        self.running = False
        self.result = None
        self.problem = None
        self.finished = 0
        self.process = guest.spawn(host, self.serve, name="script")
        self.task = self.process.task
        self.sched = self.task.sched
        self.calls = Calls(self.task.mm, peer)
        self.calls.tolerance = host.tolerance

    def serve(self):
        """The program: wait for a call, make it, and so on until the machine is switched off."""
        # A write to a connection that has ended is an errno in a script, not the end of it.
        libc.signal(SIGPIPE, libc.SIG_IGN)
        while True:
            while not self.running:
                self.task.state = TASK_INTERRUPTIBLE
                self.sched.schedule()
                # Where a task that was killed ends.
                trap(SYS_getpid)
            self.result = self.problem = None
            try:
                self.result = self.calls.make(self.event.action)
            except (Mismatch, ScriptError) as problem:
                self.problem = problem
            self.finished = self.clock.now
            self.running = False
            self.clock.stop()

    def start(self, event):
        """Begin the call of `event`; `running` until it has returned."""
        self.event = event
        self.running = True
        self.task.wake_up()
        self.sched.arch.kick()


class Run:
    """One script on one machine; `host`-like, for `guest`."""

    def __init__(self, script, tolerance_usecs=None, memory=MEMORY, watch=None):
        for name in script.options:
            if name not in OPTIONS:
                raise ScriptError(1, f"--{name}: no such option here")
        self.script = script
        self.watch = watch
        option = script.options.get
        try:
            self.tolerance = int(option("tolerance_usecs") or TOLERANCE_USECS) * NS_PER_USEC
            mtu = int(option("mtu") or MTU)
            tick = int(option("tcp_ts_tick_usecs") or 0)
            mss = int(option("mss") or 0)
        except ValueError as error:
            raise ScriptError(1, f"an option's value is no number: {error}") from None
        if tolerance_usecs is not None:
            self.tolerance = tolerance_usecs * NS_PER_USEC
        self.share = TOLERANCE_SHARE if tolerance_usecs is None else 0
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=memory)
        # Time passes only by what the script says: 200 ns per system call would show in its figures.
        self.machine.cpu.trap_cost = 0
        self.exit_status = None
        self.machine.on_power_off = self.went_off
        self.output = bytearray()
        self.machine.serial.sink = self.output.extend
        self.name = "packetdrill"
        cmdline = {"init": guest.INIT, "console": "pipe", "loglevel": "1"}
        self.kernel = Kernel(self.machine, cmdline, {guest.INIT: guest.INIT_TEXT})
        self.kernel.start()
        while self.kernel.init_task is None:
            self.clock.run(self.clock.next_time())
        settle(self.clock)
        self.tun = self.add_device(mtu)
        self.tun.mss = mss
        self.peer = Peer(self.tun, tick, self.tolerance // NS_PER_USEC, "strict_segments" in script.options)
        self.caller = Caller(self, self.peer)
        settle(self.clock)
        self.shell = Shell(self.kernel, self.tun)
        self.namespace = Namespace()
        self.start = self.clock.now
        self.caller.calls.epoch = self.kernel.boot_time + self.start
        self.before = self.start
        self.deadline = self.start
        self.segment = None

    def went_off(self, machine):
        self.exit_status = machine.exit_status
        self.clock.stop()

    @property
    def text(self):
        return self.output.decode("utf-8", "replace")

    def add_device(self, mtu):
        """tun0 with the address of the host under test and the route to its peer."""
        tun = Tun(self.machine, self.kernel, mtu)
        net = self.kernel.net
        local = inet_addr(segment.LOCAL)
        broadcast = local | (1 << 32 - PREFIX) - 1
        net.devinet.add_address(tun.dev, in_ifaddr(local, PREFIX, broadcast, tun.dev.name))
        fib_add_route(net, inet_addr(REMOTE_NET), REMOTE_PREFIX, inet_addr(GATEWAY), tun.dev)
        return tun

    # --- the script ---

    def play(self):
        """Every event in turn; Failure at the first that goes wrong."""
        try:
            for event in self.script.events:
                self.step(event)
            self.join(self.script.events[-1])
        finally:
            self.power_off()

    def step(self, event):
        try:
            self.perform(event)
        except Mismatch as problem:
            raise Failure(event.line, str(problem)) from None
        except ScriptError as problem:
            raise Failure(event.line, str(problem)) from None
        if self.watch is not None:
            self.watch(event, (self.before - self.start) / NS_PER_SECOND, self.segment)

    def perform(self, event):
        action = event.action
        self.segment = None
        begin, end = self.window(event.time)
        entered = self.clock.now
        if isinstance(action, Packet) and not action.inbound:
            self.expect(action.body, event.time, begin, end)
            self.before = max(self.before, begin, entered)
            return
        self.advance(begin)
        if isinstance(action, Packet):
            self.peer.send(action.body)
        elif isinstance(action, Call):
            self.call(event, begin)
        elif isinstance(action, Command):
            self.shell.run(action.text)
        elif isinstance(action, Code):
            self.namespace.run(action.text, self.socket())
        settle(self.clock)
        # The next event's time counts from where this one was due, or from when its turn came, if that was later.
        self.before = max(begin, entered)

    def window(self, time):
        """The first and the last ns at which an event may happen."""
        if time.any:
            return self.clock.now, self.clock.now
        base = self.before if time.relative else self.start
        begin = base + time.when
        return begin, begin if time.end is None else base + time.end

    def advance(self, when):
        """Let the machine run until `when`."""
        while self.clock.now < when:
            self.clock.run(when)
        settle(self.clock)
        self.check_caller()

    def allowance(self, when):
        """By how many ns an event that is due at `when` may be early or late."""
        return self.tolerance + (abs(when - self.before) // self.share if self.share else 0)

    # --- packets ---

    def expect(self, body, time, begin, end):
        slack = self.allowance(end)
        self.deadline = end + slack if not time.any else self.clock.now + 3600 * NS_PER_SECOND
        found = self.peer.expect(body, self.next_segment)
        self.segment = found
        early = found.time < begin - slack
        if not time.any and (early or found.time > end + slack):
            at = f"at {self.since_start(begin)}" + (f" to {self.since_start(end)}" if end != begin else "")
            raise Mismatch(f"it {at}", f"it {'early' if early else 'late'}, at {self.since_start(found.time)}")
        if time.any:
            self.before = found.time

    def since_start(self, when):
        return f"{(when - self.start) / NS_PER_SECOND:.6f}"

    def next_segment(self):
        """The next TCP segment of the machine's, at the latest at `deadline`; else None."""
        while True:
            while self.tun.sent:
                found = segment.decode(*self.tun.sent.pop(0))
                if found is not None:
                    return found
            following = self.clock.next_time()
            if following == NEVER or following > self.deadline:
                return None
            self.clock.run(self.deadline)

    # --- calls ---

    def call(self, event, begin):
        """Start a system call; one that must not block is judged at once, another when it has returned."""
        self.join(event)
        self.caller.start(event)
        # A call with a range may end later: from where the range begins, like the event's own time.
        call = event.action
        call_base = self.before if event.time.relative else self.start
        self.returns = None if call.end is None else call_base + call.end
        self.called = begin
        settle(self.clock)
        if call.end is None and self.caller.running:
            raise Mismatch(f"{call.name}() to return", "a call that blocks")
        self.check_caller()

    def check_caller(self):
        """Judge a call that has returned."""
        caller = self.caller
        if caller.event is None or caller.running:
            return
        event, caller.event = caller.event, None
        try:
            if caller.problem is not None:
                raise caller.problem
            self.judge(event.action, caller)
        except (Mismatch, ScriptError) as problem:
            raise Failure(event.line, str(problem)) from None

    def judge(self, call, caller):
        result = caller.result
        if call.result is not ANY:
            wrong_errno = call.errno is not None and -result != NUMBERS[call.errno]
            if wrong_errno or (call.result == -1) != (result < 0) or (call.result != -1 and call.result != result):
                wanted = f"{call.result}" + (f" {call.errno}" if call.errno else "")
                got = f"-1 {ERRNO.get(-result, -result)}" if result < 0 else result
                raise Mismatch(f"{call.name}() = {wanted}", got)
        if self.returns is not None:
            slack = self.tolerance + ((self.returns - self.called) // self.share if self.share else 0)
            if abs(caller.finished - self.returns) > slack:
                raise Mismatch(
                    f"{call.name}() to return at {self.since_start(self.returns)}", self.since_start(caller.finished)
                )

    def join(self, event):
        """Wait for the call before, which may still block; Failure when it does not return in time."""
        caller = self.caller
        if caller.running:
            limit = self.returns + self.tolerance + (self.returns - self.called) // (self.share or 1)
            while caller.running and self.clock.now < limit and self.clock.next_time() != NEVER:
                self.clock.run(limit)
            if caller.running:
                call = caller.event.action
                raise Failure(
                    caller.event.line, f"expected {call.name}() to return at {self.since_start(self.returns)}, got nothing"
                )
        self.check_caller()

    def socket(self):
        """The kernel's sock of the connection under test; None before there is one that a descriptor leads to."""
        chosen = None
        flow = self.peer.flow
        for filp in self.caller.task.files.fd:
            sk = getattr(getattr(filp, "private_data", None), "sk", None)
            if sk is not None and getattr(sk, "snd_cwnd", None) is not None:
                if flow is not None and sk.inet_dport == flow.remote[1] and sk.inet_sport == flow.local[1]:
                    return sk
                chosen = sk
        return chosen

    def power_off(self):
        """Press the power button, and switch off hard what does not react."""
        self.kernel.power_button()
        deadline = self.clock.now + GRACE
        while self.exit_status is None and self.clock.now < deadline and self.clock.next_time() != NEVER:
            self.clock.run(deadline)
        if self.exit_status is None:
            self.machine.power_off(0)
            settle(self.clock)


def describe(event, seconds, found):
    """One line for -v; options that the script left open are those that came."""
    text = f"{seconds:11.6f} line {event.line}: {event.text}"
    return text if found is None else text.replace(" <...>", option_list(found.options))
