"""The C run time of one program: what a linked libc keeps in its static storage.

A program's `Program` hangs on its CPU context (`context.thread_pointer`), so any number of programs on any number of
machines share these modules and no state.
"""

from hwemu.cpu import current_context, trap
from userland.abi.errno import MESSAGES
from userland.abi.syscall import SYS_getrandom

# Where things lie in the argument block: eight longs for socketcall, then words that the kernel fills in.
ARGUMENT_LONGS = 8
LENGTH_OFFSET = 64
PAIR_OFFSET = 72
BLOCK_SIZE = 128


class Process:
    """What the threads of a program share: the environment, signal handlers, and the threads that can be joined."""

    def __init__(self):
        self.environ = None
        # By signal number: (handler, flags).
        self.handlers = {}
        self.threads = {}
        # The threads that have been made and have not begun, by the number that stands for their stack.
        self.starting = {}
        self.next_token = 1
        # Where getservent and its kin are in their files, by the name of the database.
        self.positions = {}
        # What a Python program keeps (userland.python.interpreter).
        self.interpreter = None


class Program:
    """One thread's libc: its argument block, which stays mapped, and what it shares with the program's other threads."""

    def __init__(self, context, process=None):
        self.context = context
        self.is_thread = process is not None
        # The thread's number, once somebody has asked for it.
        self.tid = 0
        self.process = Process() if process is None else process
        self.space = context.address_space
        self.block = bytearray(BLOCK_SIZE)
        self.args = memoryview(self.block).cast("q")
        self.words = memoryview(self.block).cast("i")
        self.args_address = self.space.map(self.block, True)
        self.h_errno = 0

    def close(self):
        """The thread ends: its block is nobody's memory."""
        self.space.unmap(self.args_address)


def this():
    """The running program's `Program`; made anew after an execve replaced its address space."""
    context = current_context()
    program = context.thread_pointer
    if program is None or program.space is not context.address_space:
        program = Program(context)
        context.thread_pointer = program
    return program


def fail(result):
    """What a libc wrapper does with a negative syscall result: set errno, return -1."""
    current_context().error_number = -result
    return -1


def checked(result):
    """`result` unless it is negative: then errno is set and -1 returned."""
    return result if result >= 0 else fail(result)


def set_errno(number):
    """Set errno and return -1."""
    current_context().error_number = number
    return -1


def get_errno():
    """errno of the running program."""
    return current_context().error_number


def call_with_buffer(nr, before, buffer, writable, after0=0, after1=0, after2=0):
    """trap(nr, before, &buffer, after...): maps `buffer` for the time of the call and sets errno on failure."""
    space = this().space
    address = space.map(buffer, writable)
    result = trap(nr, before, address, after0, after1, after2)
    space.unmap(address)
    return checked(result)


def c_string(text):
    """`text` (str or bytes) as a NUL-terminated byte string; ValueError for an embedded NUL."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise ValueError("embedded NUL in a string that goes to the kernel")
    return raw + b"\0"


def call_with_path(nr, path, a1=0, a2=0):
    """trap(nr, path, a1, a2) for the syscalls that begin with a path; sets errno on failure."""
    space = this().space
    address = space.map(c_string(path))
    result = trap(nr, address, a1, a2)
    space.unmap(address)
    return checked(result)


def ended():
    """True where a finalizer must make no system call: outside any program, or in one that is being unwound."""
    try:
        context = current_context()
    except RuntimeError:
        # The host's interpreter is at its end, and greenlet with it.
        return True
    return context is None or context.unwinding


def random_bits(bits):
    """`bits` (at most 64) random bits from getrandom(2): transaction ids."""
    buffer = bytearray(8)
    space = this().space
    address = space.map(buffer, True)
    trap(SYS_getrandom, address, 8, 0)
    space.unmap(address)
    return int.from_bytes(buffer, "little") >> (64 - bits)


def strerror(number):
    """char *strerror(int errnum)"""
    return MESSAGES.get(number, f"Unknown error {number}")
