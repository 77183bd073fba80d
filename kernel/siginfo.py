"""siginfo: what is known about a signal beside its number, and how it lies in user memory.

`siginfo_t` is 128 bytes: signo, errno, code, and a union that begins at byte 16 on 64-bit machines and at byte 12 on
i386 (Linux, asm-generic/siginfo.h).
"""

from struct import Struct

from kernel.uapi.signal import (
    CLD_CONTINUED,
    CLD_EXITED,
    POLL_HUP,
    POLL_IN,
    SI_KERNEL,
    SI_MESGQ,
    SI_QUEUE,
    SI_TIMER,
    SI_TKILL,
    SI_USER,
    SIGBUS,
    SIGCHLD,
    SIGFPE,
    SIGILL,
    SIGINFO_SIZE,
    SIGIO,
    SIGSEGV,
    SIGTRAP,
)

FAULTS = (SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP)
NS_PER_CLOCK_TICK = 10000000

HEAD = Struct("<iii")
# The members of the union on LP64: behind four bytes of padding.
KILL64 = Struct("<4xii")
QUEUE64 = Struct("<4xiiQ")
TIMER64 = Struct("<4xiiQ")
CHILD64 = Struct("<4xiii4xqq")
FAULT64 = Struct("<4xQ")
POLL64 = Struct("<4xqi")
# The same on i386.
KILL32 = Struct("<ii")
QUEUE32 = Struct("<iiI")
CHILD32 = Struct("<iiiii")
FAULT32 = Struct("<I")
POLL32 = Struct("<ii")


class siginfo:
    """One signal.  Which of the fields mean something depends on `code` and `signo`, as in C's union."""

    def __init__(self, signo, code=SI_USER, pid=0, uid=0):
        self.signo = signo
        self.errno = 0
        self.code = code
        self.pid = pid
        self.uid = uid
        # si_value (SI_QUEUE, SI_TIMER ...), and of a timer its number and how often it came too late.
        self.value = 0
        self.timer_id = 0
        self.overrun = 0
        # SIGCHLD: the exit status or signal; times of the child in ns.
        self.status = 0
        self.utime = 0
        self.stime = 0
        # SIGSEGV and its like: the address.
        self.address = 0
        # SIGIO: the poll mask, and the descriptor.
        self.band = 0
        self.fd = 0
        # What a program gave to rt_sigqueueinfo, as it lay in its memory.
        self.raw = b""

    def pack(self):
        """siginfo_t on a 64-bit machine: 128 bytes."""
        if self.raw:
            return self.raw
        return (HEAD.pack(self.signo, self.errno, self.code) + self.union64()).ljust(SIGINFO_SIZE, b"\0")

    def pack_for(self, word):
        """siginfo_t for a program whose words have so many bytes."""
        return self.pack() if word == 8 else self.pack32()

    def pack32(self):
        """siginfo_t on i386: 128 bytes."""
        return (HEAD.pack(self.signo, self.errno, self.code) + self.union32()).ljust(SIGINFO_SIZE, b"\0")

    def union64(self):
        kind = self.kind()
        if kind == "child":
            return CHILD64.pack(self.pid, self.uid, self.status, *self.ticks())
        if kind == "fault":
            return FAULT64.pack(self.address & 0xFFFFFFFFFFFFFFFF)
        if kind == "poll":
            return POLL64.pack(self.band, self.fd)
        if kind == "timer":
            return TIMER64.pack(self.timer_id, self.overrun, self.value & 0xFFFFFFFFFFFFFFFF)
        if kind == "queue":
            return QUEUE64.pack(self.pid, self.uid, self.value & 0xFFFFFFFFFFFFFFFF)
        return KILL64.pack(self.pid, self.uid)

    def union32(self):
        kind = self.kind()
        if kind == "child":
            return CHILD32.pack(self.pid, self.uid, self.status, *self.ticks())
        if kind == "fault":
            return FAULT32.pack(self.address & 0xFFFFFFFF)
        if kind == "poll":
            return POLL32.pack(self.band, self.fd)
        if kind == "timer":
            return QUEUE32.pack(self.timer_id, self.overrun, self.value & 0xFFFFFFFF)
        if kind == "queue":
            return QUEUE32.pack(self.pid, self.uid, self.value & 0xFFFFFFFF)
        return KILL32.pack(self.pid, self.uid)

    def ticks(self):
        """The child's times in clock ticks (1/100 s)."""
        return self.utime // NS_PER_CLOCK_TICK, self.stime // NS_PER_CLOCK_TICK

    def kind(self):
        """Which member of the union holds what there is to say."""
        if self.code == SI_TIMER:
            return "timer"
        if SI_MESGQ <= self.code <= SI_QUEUE:
            return "queue"
        if self.signo == SIGCHLD and CLD_EXITED <= self.code <= CLD_CONTINUED:
            return "child"
        if self.signo in FAULTS and self.code not in (SI_USER, SI_TKILL, SI_KERNEL):
            return "fault"
        if self.signo == SIGIO and POLL_IN <= self.code <= POLL_HUP:
            return "poll"
        return "kill"


def from_user_bytes(raw, word):
    """The siginfo that a program hands to rt_sigqueueinfo, in the layout of its words of 8 or 4 bytes."""
    signo, errno, code = HEAD.unpack_from(raw)
    pid, uid, value = (QUEUE64 if word == 8 else QUEUE32).unpack_from(raw, HEAD.size)
    info = siginfo(signo, code, pid, uid)
    info.errno = errno
    info.value = value
    if word == 8:
        info.raw = raw
    return info
