"""`hwemu run --gdb PORT`: gdb's remote serial protocol for the first program in machine code.

The server waits for gdb when that program begins, and whenever one of its threads stops.  Then the whole machine stands
still; its time does not go on.  Registers, memory, software breakpoints, threads, step, continue and the interrupt key are
there (gdb manual, appendix E).  Forked children run free.
"""

import select
import socket
import sys

from hwemu.clock import Source
from kernel.abi.user import fault_info
from kernel.arch.memory import FAULT, REGISTERS
from kernel.sched.state import TASK_KILLABLE, TASK_RUNNING
from kernel.signal import send_group_signal
from kernel.uapi.signal import SIGINT, SIGKILL, SIGTRAP
from lab.console import STDIN, interruptible_terminal
from lab.errors import LabError, reason

# `g` and `p`: the registers of org.gnu.gdb.i386.core, 64-bit ones first, then 32-bit ones, by unicorn's names.
WIDE = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
NARROW = ("eflags", "cs", "ss", "ds", "es", "fs", "gs")
# i386 by unicorn's numbers: eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags, cs, ss, ds, es, fs, gs.
I386 = (19, 22, 24, 21, 30, 20, 29, 23, 26, 25, 11, 49, 17, 28, 32, 33)
BREAKPOINT = b"\xcc"
VECTOR_BREAKPOINT = 3
SLICE = 0
NOWHERE = (1 << 64) - 1
INTERRUPT_KEY = b"\x03"
LONGEST = 1 << 16
# How often a thread that gdb holds looks whether it may go on, in ns.
HELD = 1000000


class GdbServer(Source):
    """Stands between the kernel and the CPU: `run` executes, and talks to gdb where the program stops.

    On a clock that follows the host gdb's interrupt key stops a program whose threads all sleep, too.
    """

    def __init__(self, port, clock=None):
        super().__init__()
        self.port = port
        self.clock = clock if clock is not None and clock.always_real else None
        try:
            self.listening = socket.create_server(("127.0.0.1", port))
        except OSError as error:
            raise LabError(f"--gdb {port}: {reason(error)}") from None
        self.connection = None
        # What becomes readable when a signal of the host has come.
        self.signals = []
        self.input = b""
        # The program: its memory, its threads' common part, the thread that stopped last and the one that gdb looks at.
        self.mm = None
        self.group = None
        self.task = None
        self.selected = None
        self.breakpoints = {}
        # What gdb lets run: ("c" or "s", a thread id or None for all); the first that fits a thread holds.
        self.actions = [("c", None)]
        # Whether the signal for which the program has stopped is the program's to handle.
        self.passed = False
        self.swbreak = False
        self.detached = False

    def close(self):
        """The machine is off: gdb is told that the program has gone."""
        if self.connection is not None:
            if not self.detached:
                code = self.group.exit_code
                self.send(f"X{code & 127:02x}" if code & 127 else f"W{code >> 8 & 255:02x}")
            self.unwatch()
            self.connection.close()
        self.listening.close()

    # --- the kernel's side ---

    def run(self, task, mm, slice_):
        """Execute as the CPU would, and stop for gdb."""
        if self.mm is None:
            self.mm, self.group, self.task = mm, task.signal, task
            self.connect()
        if self.detached:
            return mm.run(slice_)
        if task.signal is not self.group:
            return self.run_child(task, mm, slice_)
        if mm is not self.mm:
            self.replaced(task, mm)
        self.hold(task)
        result = self.execute(task, mm, slice_)
        if result == FAULT and self.at_breakpoint(task, mm):
            # Not a fault of the program's: as if its slice were over.
            result = SLICE
            self.stop(task, SIGTRAP, "swbreak:;" if self.swbreak else "")
        elif result == FAULT:
            self.stop(task, fault_info(task.abi, mm).signo)
            if not self.passed and not self.detached:
                result = SLICE
        elif self.action_of(task) == "s":
            self.stop(task, SIGTRAP)
        elif self.interrupted():
            self.stop(task, SIGINT)
        mm.load(task.context.thread_pointer.registers)
        return result

    def run_child(self, task, mm, slice_):
        """Execute a program that gdb does not see: it runs over the breakpoints that fork has given it."""
        result = self.execute(task, mm, slice_) if mm is self.mm else mm.run(slice_)
        if result != FAULT or not self.at_breakpoint(task, mm):
            return result
        if mm is not self.mm:
            here = mm.get(task.abi.ip_register)
            mm.poke(here, self.breakpoints[here])
            mm.forget_code(here, 1)
        return SLICE

    def replaced(self, task, mm):
        """execve: another program, which stops before its first instruction as a traced one does (ptrace(2))."""
        self.mm = mm
        self.breakpoints.clear()
        self.stop(task, SIGTRAP)

    def action_of(self, task):
        """What gdb wants of a thread: "c", "s", or None for nothing."""
        return next((action for action, thread in self.actions if thread is None or thread == task.pid), None)

    def hold(self, task):
        """A thread that gdb does not let run waits."""
        while not self.detached and not task.dying and self.action_of(task) is None:
            task.state = TASK_KILLABLE
            task.sched.schedule_timeout(HELD)
            task.state = TASK_RUNNING
        self.mm.load(task.context.thread_pointer.registers)

    def connect(self):
        """Wait for gdb and serve it; a signal of the host that comes first is for the machine, without gdb."""
        with interruptible_terminal(STDIN):
            print(f"waiting for gdb at 127.0.0.1:{self.port}", file=sys.stderr)
            ready = select.select([self.listening, *self.signals], [], [])[0]
        if self.listening not in ready:
            self.detached = True
            return
        self.connection, _ = self.listening.accept()
        # Acknowledgments and replies are small, and gdb waits for each.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.serve(self.task, SIGTRAP)
        if self.clock is not None and not self.detached:
            self.clock.watch(self.connection.fileno(), select.EPOLLIN, self)

    def unwatch(self):
        if self.clock is not None:
            self.clock.unwatch(self.connection.fileno())
            self.clock = None

    def ready(self, mask):
        """Something has come from gdb while the program runs, or sleeps."""
        if self.interrupted() and not self.detached and self.group.threads:
            running = self.group.threads[0] if self.task not in self.group.threads else self.task
            self.stop(running, SIGINT)
        if self.detached:
            self.unwatch()

    def execute(self, task, mm, slice_):
        """One instruction where gdb steps or a breakpoint lies under the program counter, else a slice."""
        here = mm.get(task.abi.ip_register)
        if here not in self.breakpoints:
            return mm.step() if task.signal is self.group and self.action_of(task) == "s" else mm.run(slice_)
        self.lift(here)
        try:
            return mm.step()
        finally:
            self.insert(here)

    def at_breakpoint(self, task, mm):
        """After an int3 of ours the program counter goes back to where it stands."""
        here = mm.get(task.abi.ip_register) - 1
        if mm.vector != VECTOR_BREAKPOINT or here not in self.breakpoints:
            return False
        mm.put(task.abi.ip_register, here)
        return True

    def interrupted(self):
        """True when gdb's user has pressed the interrupt key."""
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        try:
            got = self.connection.recv(LONGEST)
        except OSError:
            got = b""
        if not got:
            self.detach()
        _, key, self.input = got.rpartition(INTERRUPT_KEY)
        return bool(key)

    # --- breakpoints ---

    def insert(self, address):
        self.breakpoints[address] = self.mm.peek(address, 1)
        self.mm.poke(address, BREAKPOINT)
        self.mm.forget_code(address, 1)

    def lift(self, address):
        self.mm.poke(address, self.breakpoints.pop(address))
        self.mm.forget_code(address, 1)

    # --- gdb's side ---

    def send(self, text):
        raw = text.encode("latin-1")
        try:
            self.connection.sendall(b"$" + raw + b"#%02x" % (sum(raw) & 255))
        except OSError:
            self.detached = True

    def packet(self):
        """The next packet's text, or None when gdb has gone; acknowledges it."""
        while True:
            start, end = self.input.find(b"$"), self.input.find(b"#")
            if 0 <= start < end and len(self.input) >= end + 3:
                text = self.input[start + 1 : end].decode("latin-1")
                self.input = self.input[end + 3 :]
                self.connection.sendall(b"+")
                return text
            try:
                got = self.connection.recv(LONGEST)
            except OSError:
                got = b""
            if not got or len(self.input) > LONGEST:
                return None
            self.input += got

    def stop(self, task, sig, why=""):
        """Tell gdb that a thread has stopped, and serve it until it lets the program go on."""
        self.task = task
        self.send(self.stopped(sig, why))
        self.serve(task, sig)

    def stopped(self, sig, why=""):
        """The packet that says so."""
        return f"T{sig:02x}{why}thread:{self.task.pid:x};" if self.task is not None else f"S{sig:02x}"

    def serve(self, task, sig):
        """Answer gdb's packets until one lets the program go on."""
        self.selected = task
        while True:
            text = self.packet()
            if text is None:
                self.detach()
                return
            answer = self.answer(text, sig)
            if answer is None:
                return
            self.send(answer)

    def detach(self):
        """gdb has gone: the program runs on without it."""
        self.detached = True
        for address in list(self.breakpoints):
            self.lift(address)

    def answer(self, text, sig):
        """The reply to a packet; None: the program goes on."""
        kind, rest = text[:1], text[1:]
        reply = ""
        if text.startswith("vCont"):
            return self.resume(text[5:])
        if kind in "cCsS" and kind:
            self.passed = kind in "CS"
            self.actions = [("s", self.selected_id()), ("c", None)] if kind in "sS" else [("c", None)]
            return None
        if kind == "D":
            self.send("OK")
            self.detach()
            return None
        if kind == "k":
            self.kill()
            return None
        if kind in "qHT":
            reply = self.about_threads(text, kind, rest)
        elif kind == "?":
            reply = self.stopped(sig)
        elif kind == "g":
            self.focus()
            reply = self.registers().hex()
        elif kind == "p":
            self.focus()
            reply = self.one_register(number(rest))
        elif kind == "P":
            self.focus()
            reply = self.set_register(rest)
        elif kind == "m":
            reply = self.read_memory(rest)
        elif kind == "M":
            reply = self.write_memory(rest)
        elif kind in "zZ" and rest.startswith("0,"):
            reply = self.breakpoint(kind, number(rest.split(",")[1]))
        return reply

    # --- threads ---

    def about_threads(self, text, kind, rest):
        """Queries, which thread the other packets mean (H), and whether one is alive (T)."""
        reply = ""
        if text.startswith("qSupported"):
            self.swbreak = "swbreak+" in text
            reply = f"PacketSize={LONGEST // 4:x}" + (";swbreak+" if self.swbreak else "")
        elif text.startswith("qAttached"):
            reply = "1"
        elif text == "qC":
            reply = f"QC{self.selected_id():x}"
        elif text == "qfThreadInfo":
            reply = "m" + ",".join(f"{thread.pid:x}" for thread in self.threads())
        elif text == "qsThreadInfo":
            reply = "l"
        elif text.startswith("qThreadExtraInfo,"):
            thread = self.thread(text.partition(",")[2])
            reply = f"{thread.comm} {self.doing(thread)}".encode("utf-8", "replace").hex() if thread is not None else "E01"
        elif kind == "T":
            reply = "OK" if self.thread(rest) is not None else "E01"
        elif kind == "H" and rest[:1] == "g":
            # 0 is any thread.
            chosen = self.task if rest[1:] in ("0", "-1") else self.thread(rest[1:])
            if chosen is not None:
                self.selected = chosen
            reply = "OK" if chosen is not None else "E01"
        elif kind == "H":
            reply = "OK"
        return reply

    def threads(self):
        """The program's threads."""
        return list(self.group.threads) if self.group is not None else []

    def thread(self, text):
        """The thread with an id, or None."""
        wanted = number(text)
        return next((thread for thread in self.threads() if thread.pid == wanted), None)

    def selected_id(self):
        return self.selected.pid if self.selected is not None else 0

    def doing(self, thread):
        """What a thread is at, for gdb's user."""
        call = thread.context.thread_pointer.call
        return "(running)" if thread is self.task or call is None else f"(in system call {call})"

    def focus(self):
        """Registers are those of the thread that gdb looks at."""
        if self.selected is not None and self.selected.context.thread_pointer is not None:
            self.mm.load(self.selected.context.thread_pointer.registers)

    def resume(self, text):
        """vCont: None where the program goes on."""
        if text == "?":
            return "vCont;c;C;s;S"
        actions = []
        passed = False
        for part in text.split(";")[1:]:
            what, _, thread = part.partition(":")
            if what[:1] not in ("c", "C", "s", "S"):
                return "E01"
            wanted = None if thread in ("", "-1") else number(thread)
            actions.append((what[0].lower(), wanted))
            if what[0] in "CS" and wanted in (None, self.task.pid if self.task is not None else 0):
                passed = True
        if not actions:
            return "E01"
        self.actions, self.passed = actions, passed
        return None

    def kill(self):
        """gdb's user wants the program to end."""
        self.detach()
        if self.task is not None:
            send_group_signal(self.task, SIGKILL)
            self.task.sched.arch.kick()

    # --- registers and memory ---

    def layout(self):
        """The registers that gdb counts first: (unicorn's number, bytes)."""
        if self.mm.wide:
            return [(REGISTERS[name], 8) for name in WIDE] + [(REGISTERS[name], 4) for name in NARROW]
        return [(register, 4) for register in I386]

    def registers(self):
        return b"".join(
            (self.mm.get(register) & (1 << 8 * size) - 1).to_bytes(size, "little") for register, size in self.layout()
        )

    def one_register(self, position):
        layout = self.layout()
        if not 0 <= position < len(layout):
            return "xxxxxxxx"
        register, size = layout[position]
        return (self.mm.get(register) & (1 << 8 * size) - 1).to_bytes(size, "little").hex()

    def set_register(self, rest):
        place, _, value = rest.partition("=")
        layout = self.layout()
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            return "E01"
        if not 0 <= number(place) < len(layout):
            return "E01"
        self.mm.put(layout[number(place)][0], int.from_bytes(raw, "little"))
        return "OK"

    def read_memory(self, rest):
        address, _, length = rest.partition(",")
        raw = self.mm.peek(number(address), min(number(length), LONGEST // 8))
        if raw is None:
            return "E14"
        shown = bytearray(raw)
        for place, original in self.breakpoints.items():
            if 0 <= place - number(address) < len(shown):
                shown[place - number(address)] = original[0]
        return shown.hex()

    def write_memory(self, rest):
        head, _, value = rest.partition(":")
        address = number(head.partition(",")[0])
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            return "E01"
        if not self.mm.poke(address, raw):
            return "E14"
        self.mm.forget_code(address, max(1, len(raw)))
        return "OK"

    def breakpoint(self, kind, address):
        if kind == "z":
            if address in self.breakpoints:
                self.lift(address)
            return "OK"
        if self.mm.peek(address, 1) is None:
            return "E14"
        if address not in self.breakpoints:
            self.insert(address)
        return "OK"


def number(text):
    """A hexadecimal number of a packet in 64 bits; for what is none a place where nothing is."""
    try:
        return int(text, 16) & NOWHERE
    except ValueError:
        return NOWHERE
