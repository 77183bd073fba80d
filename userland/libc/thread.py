"""Threads: <pthread.h> and <threads.h> in their shape, and futexes, on which locks are built.

A thread is a task of its own with its own errno and signal mask; memory, descriptors and signal handlers are the
process's.  The machine is cooperative: a thread gives way in system calls.
"""

from functools import partial

from hwemu.cpu import current_context, trap
from userland.abi.errno import EINVAL, ESRCH
from userland.abi.layout import TIMESPEC
from userland.abi.process import (
    CLONE_CHILD_CLEARTID,
    CLONE_FILES,
    CLONE_FS,
    CLONE_PARENT_SETTID,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VM,
    FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE,
    FUTEX_WAIT,
    FUTEX_WAKE,
)
from userland.abi.syscall import SYS_clone, SYS_exit, SYS_futex, SYS_gettid, SYS_set_tid_address
from userland.libc.crt import Program, checked, set_errno, this

THREAD_FLAGS = (
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM
    | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID
)  # fmt: skip
NANOSECONDS = 1000000000
MANY = 0x7FFFFFFF


class Futex:
    """A 32-bit word of user memory to sleep on, from `Futex(value)` to `close()`.

    `value` reads and sets the word.  All threads of the process may use it.
    """

    def __init__(self, value=0):
        self.word = bytearray(4)
        self.view = memoryview(self.word).cast("I")
        self.view[0] = value
        self.space = this().space
        self.address = self.space.map(self.word, True)

    @property
    def value(self):
        return self.view[0]

    @value.setter
    def value(self, number):
        self.view[0] = number & 0xFFFFFFFF

    def wait(self, expected, timeout=-1.0):
        """futex(FUTEX_WAIT): sleep while the word is `expected`; 0 when woken, or -1.

        EAGAIN: the word is something else.  ETIMEDOUT: `timeout` seconds (negative: for ever) are over.  EINTR: a
        signal handler has run.
        """
        limit = 0
        space = self.space
        if timeout >= 0:
            limit = space.map(TIMESPEC.pack(*divmod(int(timeout * NANOSECONDS), NANOSECONDS)))
        result = trap(SYS_futex, self.address, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, expected, limit)
        space.unmap(limit)
        return checked(result)

    def wake(self, count=1):
        """futex(FUTEX_WAKE): wake up to `count` threads, in the order in which they came; returns how many."""
        return checked(trap(SYS_futex, self.address, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count))

    def wake_all(self):
        """Wake all that sleep on the word; returns how many."""
        return self.wake(MANY)

    def requeue(self, other, wakes=1, moves=MANY):
        """futex(FUTEX_REQUEUE): wake `wakes` threads and have `moves` others sleep on `other` instead."""
        return checked(
            trap(SYS_futex, self.address, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, wakes, moves, other.address)
        )

    def close(self):
        """The word is no longer in the program's memory; nobody may sleep on it."""
        self.space.unmap(self.address)


class Thread:
    """What the process knows about a thread that can be joined: its function, and later what that returned."""

    def __init__(self, function, arguments):
        self.function = function
        self.arguments = arguments
        self.result = None
        self.detached = False
        # Holds the thread's number from its creation until its end, when the kernel writes 0 and wakes who waits.
        self.tid = Futex()

    def run(self):
        try:
            self.result = self.function(*self.arguments)
        except ThreadExit as ending:
            self.result = ending.result


class ThreadExit(BaseException):
    """Raised by `thread_exit`, so that the thread's stack unwinds."""

    def __init__(self, result):
        super().__init__()
        self.result = result


def thread_create(function, *arguments):
    """int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)

    Starts a thread that calls `function(*arguments)`; returns its tid, or -1.  The thread runs when the caller next
    gives way.  It ends when the function returns, with `thread_exit`, or with the process; an exception that nobody
    catches is a fault and ends the process.  Somebody has to `thread_join` or `thread_detach` it.
    """
    program = this()
    process = program.process
    thread = Thread(function, arguments)
    token = process.next_token
    process.next_token += 1
    process.starting[token] = thread
    program.context.thread_entry = partial(thread_entry, process)
    tid = trap(SYS_clone, THREAD_FLAGS, token, thread.tid.address, 0, thread.tid.address)
    if tid < 0:
        del process.starting[token]
        thread.tid.close()
        return checked(tid)
    process.threads[tid] = thread
    return tid


def thread_entry(process, token):
    """Where the CPU enters the program for a new thread: `token` is what the creator gave as its stack."""
    context = current_context()
    program = Program(context, process)
    context.thread_pointer = program
    thread = process.starting.pop(token)
    try:
        thread.run()
    finally:
        program.close()
    if thread.detached:
        # Nobody will ask for this thread any more, and its word must not be written to when it is another's.
        trap(SYS_set_tid_address, 0)
        process.threads.pop(thread.tid.value, None)
        thread.tid.close()


def thread_exit(result=None):
    """void pthread_exit(void *retval): ends the calling thread; its `finally` blocks run.

    In the program's first thread: exit(2) of that thread alone, the process goes on until its last thread ends.
    """
    if this().is_thread:
        raise ThreadExit(result)
    trap(SYS_exit, 0)


def thread_join(tid):
    """int pthread_join(pthread_t thread, void **retval): waits until it ends; returns what its function returned, or -1.

    ESRCH: no such thread, or somebody has joined it.  EINVAL: it is detached.
    """
    process = this().process
    thread = process.threads.get(tid)
    if thread is None:
        return set_errno(ESRCH)
    if thread.detached:
        return set_errno(EINVAL)
    while (number := thread.tid.value) != 0:
        thread.tid.wait(number)
    if process.threads.pop(tid, None) is None:
        return set_errno(ESRCH)
    thread.tid.close()
    return thread.result


def thread_detach(tid):
    """int pthread_detach(pthread_t thread): nobody will join it; 0, or -1 with ESRCH or EINVAL."""
    process = this().process
    thread = process.threads.get(tid)
    if thread is None:
        return set_errno(ESRCH)
    if thread.detached:
        return set_errno(EINVAL)
    thread.detached = True
    if thread.tid.value == 0:
        del process.threads[tid]
        thread.tid.close()
    return 0


def gettid():
    """pid_t gettid(void)"""
    return trap(SYS_gettid)


def thread_count():
    """How many threads of the process there are beside the first one that have been neither joined nor detached."""
    return len(this().process.threads)
