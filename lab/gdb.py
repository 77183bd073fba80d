"""`hwemu run --gdb PORT`: gdb's remote serial protocol for the first program in machine code.

The server waits for gdb when that program begins, and whenever it stops.  While it is stopped the whole machine stands
still; its time does not go on.  Registers, memory, software breakpoints, step, continue and the interrupt key are there
(gdb manual, appendix E).  Forked children run free; threads of the program are not told apart.
"""

import select
import socket
import sys

from kernel.arch.memory import FAULT, REGISTERS
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
SIGTRAP, SIGINT, SIGSEGV = "05", "02", "0b"


class GdbServer:
    """Stands between the kernel and the CPU: `run` executes, and talks to gdb where the program stops."""

    def __init__(self, port):
        self.port = port
        try:
            self.listening = socket.create_server(("127.0.0.1", port))
        except OSError as error:
            raise LabError(f"--gdb {port}: {reason(error)}") from None
        self.connection = None
        # What becomes readable when a signal of the host has come.
        self.signals = []
        self.input = b""
        self.mm = None
        self.task = None
        self.breakpoints = {}
        self.stepping = False
        self.detached = False

    def close(self):
        """The machine is off: gdb is told that the program has gone."""
        if self.connection is not None:
            if self.task is not None and not self.detached:
                code = self.task.signal.exit_code
                self.send(f"X{code & 127:02x}" if code & 127 else f"W{code >> 8 & 255:02x}")
            self.connection.close()
        self.listening.close()

    # --- the kernel's side ---

    def run(self, task, mm, slice_):
        """Execute as the CPU would, and stop for gdb."""
        if self.mm is None:
            self.mm, self.task = mm, task
            self.connect()
        if self.detached or mm is not self.mm:
            return mm.run(slice_)
        result = self.execute(task, mm, slice_)
        if self.stepping:
            self.stepping = False
            self.stop(SIGTRAP)
        elif result == FAULT and self.at_breakpoint(task, mm):
            self.stop(SIGTRAP)
            # Not a fault of the program's: as if its slice were over.
            return SLICE
        elif result == FAULT:
            self.stop(SIGSEGV)
        elif self.interrupted():
            self.stop(SIGINT)
        return result

    def connect(self):
        """Wait for gdb and serve it; a signal of the host that comes first is for the machine, without gdb."""
        with interruptible_terminal(STDIN):
            print(f"waiting for gdb at 127.0.0.1:{self.port}", file=sys.stderr)
            ready = select.select([self.listening, *self.signals], [], [])[0]
        if self.listening not in ready:
            self.detached = True
            return
        self.connection, _ = self.listening.accept()
        self.serve(SIGTRAP)

    def execute(self, task, mm, slice_):
        """One instruction where gdb steps or a breakpoint lies under the program counter, else a slice."""
        here = mm.get(task.abi.ip_register)
        if here not in self.breakpoints:
            return mm.step() if self.stepping else mm.run(slice_)
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
        got = self.connection.recv(LONGEST)
        if not got:
            self.detached = True
        return INTERRUPT_KEY in got

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

    def stop(self, sig):
        """Tell gdb that the program has stopped, and serve it until it lets the program go on."""
        self.send(f"S{sig}")
        self.serve(sig)

    def serve(self, sig):
        """Answer gdb's packets until one lets the program go on."""
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
        if text.startswith("qSupported"):
            reply = f"PacketSize={LONGEST // 4:x}"
        elif text == "?":
            reply = f"S{sig}"
        elif text == "qAttached":
            reply = "1"
        elif text == "vCont?":
            reply = ""
        elif kind == "H":
            reply = "OK"
        elif kind in "cs" and kind:
            self.stepping = kind == "s"
            return None
        elif kind == "D":
            self.send("OK")
            self.detach()
            return None
        elif kind == "g":
            reply = self.registers().hex()
        elif kind == "p":
            reply = self.one_register(number(rest))
        elif kind == "P":
            reply = self.set_register(rest)
        elif kind == "m":
            reply = self.read_memory(rest)
        elif kind == "M":
            reply = self.write_memory(rest)
        elif kind in "zZ" and rest.startswith("0,"):
            reply = self.breakpoint(kind, number(rest.split(",")[1]))
        return reply

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
