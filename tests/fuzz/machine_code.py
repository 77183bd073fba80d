"""A program in machine code that makes any system calls, through `syscall` or `int 0x80`: both ABIs' call layers stay whole.

The first record of an input says which ABI, the records behind it are one call each.  Out of them comes an ELF file, which
a program executes: code that loads registers and traps, a page that can be written, one that can only be read.  Structures
are laid into the writable page before a call, in the kernel's layout or as words of the ABI's size.

Nothing is raised in the kernel, nothing is written where the program may not be written, and when the program is gone
nothing of it is left.
"""

import struct

from kernel.abi.compat_net import DIRECT_SOCKET_CALLS
from kernel.abi.numbers import call_numbers
from kernel.signal import send_signal
from kernel.uapi import syscall as nr
from kernel.uapi.signal import SA_RESTORER, SIGUSR1
from kernel.uapi.syscall_64 import SAME, NR_accept
from userland import libc

from .calls import PLACES, VECTOR, Machine, argument, call_of, mutates, restrained, socket_arguments
from .choices import Choices, mutate_records, records
from .kept import Kept
from .rig import MILLISECOND, Rig
from .syscalls import check_links, restore, snapshot

LONGEST_INPUT = 1000
CALLS = 24
PATIENCE = 12
TURN = 5 * MILLISECOND
PAGE = 4096
FILE = "/tmp/program"
CODE, DATA, READONLY, IMAGES = 0x400000, 0x500000, 0x510000, 0x600000
# Where calls that change mappings may do so: nobody else's page is there.
SPARE = 0x700000
SECRET = bytes(range(256)) * (PAGE // 256)
READ, WRITE, EXECUTE = 4, 2, 1
# Not numbers of the tables: any, also beyond their ends.
NUMBERS = 470

NATIVE_64 = call_numbers(SAME)
NUMBER_64 = {native: number for number, native in sorted(NATIVE_64.items(), reverse=True)}
# Numbers of x86-64 by sub-calls of socketcall: accept, recvmmsg, sendmmsg, and those that have a number of their own in i386.
SOCKET_NUMBER_64 = {
    5: NR_accept, 19: NUMBER_64[nr.SYS_recvmmsg], 20: NUMBER_64[nr.SYS_sendmmsg],
    **{call: NUMBER_64[native] for native, call in DIRECT_SOCKET_CALLS.items()},
}  # fmt: skip
MMAP_64, FORKS_64, FORKS_32, OLD_MMAP = 9, (56, 57, 58), (nr.SYS_fork, nr.SYS_clone, nr.SYS_vfork), 90
MAPPING = (nr.SYS_mprotect, nr.SYS_munmap, nr.SYS_mmap2, nr.SYS_mremap)

mutate = mutate_records


class i386:
    """How the code says it: registers are loaded with `mov`, ebx ecx edx esi edi ebp, and eax has the number."""

    word, wide = 4, False
    machine, elf_class = 3, 1
    header, program = struct.Struct("<16sHHIIIIIHHHHHH"), struct.Struct("<8I")
    loads = (b"\xbb", b"\xb9", b"\xba", b"\xbe", b"\xbf", b"\xbd")
    number = b"\xb8"
    trap = b"\xcd\x80"
    copy = (b"\xbe", b"\xbf", b"\xb9")
    sigaction, pause, getpid, exit = nr.SYS_rt_sigaction, nr.SYS_pause, nr.SYS_getpid, nr.SYS_exit
    # pop eax; mov eax, 119; int 0x80
    restorer = b"\x58\xb8\x77\0\0\0\xcd\x80"
    forks = FORKS_32

    def segment(self, offset, address, size, flags):
        return self.program.pack(1, offset, address, address, size, size, flags, PAGE)

    def native(self, number):
        return nr.SYS_mmap2 if number == OLD_MMAP else number

    def own(self, native, values):
        return native, values


class x86_64:
    """rdi rsi rdx r10 r8 r9, and rax has the number."""

    word, wide = 8, True
    machine, elf_class = 62, 2
    header, program = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
    loads = (b"\x48\xbf", b"\x48\xbe", b"\x48\xba", b"\x49\xba", b"\x49\xb8", b"\x49\xb9")
    number = b"\x48\xb8"
    trap = b"\x0f\x05"
    copy = (b"\x48\xbe", b"\x48\xbf", b"\x48\xb9")
    sigaction, pause, getpid, exit = 13, 34, 39, 60
    # mov eax, 15; syscall
    restorer = b"\xb8\x0f\0\0\0\x0f\x05"
    forks = FORKS_64

    def segment(self, offset, address, size, flags):
        return self.program.pack(1, flags, offset, address, address, size, size, PAGE)

    def native(self, number):
        return nr.SYS_mmap2 if number == MMAP_64 else NATIVE_64.get(number, -1)

    def own(self, native, values):
        """This ABI's number of a call of the kernel's table."""
        if native == nr.SYS_mmap2:
            return MMAP_64, values
        return NUMBER_64.get(native, self.getpid), values


class Program:
    """The ELF file of one input: its code is written call by call."""

    def __init__(self, abi):
        self.abi = abi
        self.code = bytearray()
        self.images = bytearray()
        self.begin()

    def value(self, number):
        return (number & (1 << 8 * self.abi.word) - 1).to_bytes(self.abi.word, "little")

    def call(self, number, values):
        for load, value in zip(self.abi.loads, [*values, 0, 0, 0, 0, 0, 0], strict=False):
            self.code += load + self.value(value)
        self.code += self.abi.number + self.value(number) + self.abi.trap
        if number in self.abi.forks:
            # test eax, eax; jnz over: the child goes at once.
            self.code += b"\x85\xc0"
            child = self.abi.number + self.value(self.abi.exit) + self.abi.trap
            self.code += b"\x75" + bytes([len(child)]) + child

    def lay(self, address, content):
        """Copy bytes of the file to an address: rep movsb."""
        place = IMAGES + len(self.images)
        self.images += content
        for load, value in zip(self.abi.copy, (place, address, len(content)), strict=True):
            self.code += load + self.value(value)
        self.code += b"\xf3\xa4"

    def begin(self):
        """A jump over the handler and the restorer, which follow; then SIGUSR1 is caught."""
        body = b"\xc3" + self.abi.restorer
        self.code += b"\xeb" + bytes([len(body)]) + body
        handler, restorer = CODE + 2, CODE + 3
        action = self.value(handler) + self.value(SA_RESTORER) + self.value(restorer) + bytes(8)
        self.lay(DATA, action)
        self.call(self.abi.sigaction, [SIGUSR1, DATA, 0, 8])

    def end(self):
        """Wait for ever, so that its memory can be looked at."""
        at = len(self.code)
        self.call(self.abi.pause, [])
        self.code += b"\xe9" + (at - len(self.code) - 5).to_bytes(4, "little", signed=True)

    def file(self):
        """The ELF file."""
        abi = self.abi
        parts = [(CODE, self.code, READ | EXECUTE), (DATA, bytes(PAGE), READ | WRITE), (READONLY, SECRET, READ),
                 (IMAGES, self.images, READ)]  # fmt: skip
        offset, table, content = PAGE, b"", b""
        for address, data, flags in parts:
            table += abi.segment(offset + len(content), address, len(data), flags)
            content += bytes(data) + bytes(-len(data) % PAGE)
        ident = b"\x7fELF" + bytes([abi.elf_class, 1, 1]) + bytes(9)
        head = abi.header.pack(ident, 2, abi.machine, 1, CODE, abi.header.size, 0, 0, abi.header.size, abi.program.size,
                               len(parts), 0, 0, 0)  # fmt: skip
        return (head + table).ljust(PAGE, b"\0") + content


def words_laid_out(choices, machine, memory, word):
    """Arrays of words, each a descriptor, a pointer or a number: iovec, msghdr, sigaction, timespec, in any ABI's size."""
    for _ in range(choices.below(3)):
        place = choices.pick(PLACES[:5])
        words = [argument(choices, machine) & (1 << 8 * word) - 1 for _ in range(choices.below(8) + 1)]
        raw = b"".join(value.to_bytes(word, "little") for value in words)
        memory[place : place + len(raw)] = raw


def next_call(choices, machine, memory, abi):
    """(number of the ABI, arguments) of one call; `memory` is what the writable page has before it."""
    how = choices.below(4)
    if how == 0:
        native, values = call_of(choices, machine, memory)
        if native != nr.SYS_socketcall:
            return guarded(abi, native, values, choices, machine, None)
    words_laid_out(choices, machine, memory, abi.word)
    if how < 2:
        call, values = socket_arguments(choices, machine)
        if abi.wide and call in SOCKET_NUMBER_64:
            return SOCKET_NUMBER_64[call], values
        place = VECTOR + 512
        raw = b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in values)
        memory[place : place + len(raw)] = raw
        return nr.SYS_socketcall, [call, machine.page + place]
    number = choices.number(2) if choices.flag(16) else choices.number(2) % NUMBERS
    values = [argument(choices, machine) for _ in range(6)]
    return guarded(abi, abi.native(number), values, choices, machine, number)


def guarded(abi, native, values, choices, machine, number):
    """Without what ends the machine, and without what makes the pages under watch others."""
    allowed, values = restrained(choices, machine, native, values)
    if allowed in MAPPING:
        values[0] = choices.pick((0, SPARE, SPARE + PAGE, SPARE + 1))
        values[4:] = [-1, 0] if allowed == nr.SYS_mremap else values[4:]
    if number is not None and allowed == native and native != nr.SYS_mmap2:
        return number, values
    return abi.own(allowed, values)


class Caller:
    """The program: builds the ELF file of the input and becomes it."""

    def __init__(self, data):
        first, *pieces = records(data)[: CALLS + 1] or [b""]
        self.abi = x86_64() if first[:1] and first[0] & 1 else i386()
        self.pieces = pieces
        self.tainted = False
        self.code = b""

    def build(self, pid):
        program = Program(self.abi)
        machine = Machine(DATA, READONLY, pid)
        machine.fds = list(range(9))
        memory = bytearray(PAGE)
        for piece in self.pieces:
            before = bytes(memory)
            number, values = next_call(Choices(piece), machine, memory, self.abi)
            if bytes(memory) != before:
                program.lay(DATA, memory)
            self.tainted = self.tainted or mutates(self.abi.native(number), [*values, 0, 0])
            program.call(number, values)
        program.end()
        self.code = bytes(program.code)
        return program.file()

    def __call__(self):
        fd = libc.open(FILE, libc.O_CREAT | libc.O_TRUNC | libc.O_WRONLY, 0o755)
        libc.write_all(fd, self.build(libc.getpid()))
        libc.close(fd)
        libc.execve(FILE, [FILE], {})


BENCH = Kept(Rig)
recover = BENCH.recover


def check_memory(task, caller):
    """The page that can only be read has what was in it (where the program is still the input's)."""
    if task.abi is not None and task.mm is not None and task.mm.peek(CODE, len(caller.code)) == caller.code:
        assert task.mm.peek(READONLY, PAGE) == SECRET, "a page that can only be read was written"


def run(data):
    """Let a program make the calls of `data` and look at what it leaves."""
    rig = BENCH.get()
    rig.peer.begin()
    caller = Caller(data)
    saved = snapshot(rig.kernel.rootfs.root, [])
    rig.start(caller)
    task = rig.process.task
    for _ in range(PATIENCE):
        rig.run(TURN)
        if task not in rig.kernel.pids.tasks():
            break
        send_signal(task, SIGUSR1)
        rig.kernel.arch.kick()
    else:
        check_memory(task, caller)
    rig.end()
    assert caller.code, "the program was not built"
    if caller.tainted:
        recover()
        rig.check_oops()
        rig.power_off()
        return
    check_links(rig.kernel.rootfs.root)
    restore(saved)
    rig.peer.problems = []
    rig.check()
