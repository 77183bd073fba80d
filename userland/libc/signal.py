"""Signals: <signal.h>.  Signal sets are lists of numbers; a handler is a Python function, called when a syscall returns."""

from hwemu.cpu import trap
from userland.abi.layout import SIGACTION, SIGINFO, TIMESPEC
from userland.abi.process import SA_SIGINFO, SI_QUEUE, SIG_DFL, SIG_IGN, SIG_SETMASK
from userland.abi.syscall import (
    SYS_getpid,
    SYS_gettid,
    SYS_kill,
    SYS_pause,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_rt_sigaction,
    SYS_rt_sigpending,
    SYS_rt_sigprocmask,
    SYS_rt_sigqueueinfo,
    SYS_rt_sigreturn,
    SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait,
    SYS_tgkill,
)
from userland.libc.crt import checked, this

SIGSET_SIZE = 8
SIGINFO_SIZE = 128
NANOSECONDS = 1000000000


class siginfo_t:
    """What is known about a signal: si_signo, si_errno, si_code, and of the union si_pid, si_uid and si_value.

    Of a child (SIGCHLD) `si_value` is its si_status; of a fault `si_addr` is the address.
    """

    __slots__ = ("si_signo", "si_errno", "si_code", "si_pid", "si_uid", "si_value", "si_addr")

    def __init__(self, raw):
        self.si_signo, self.si_errno, self.si_code, self.si_pid, self.si_uid, self.si_value = SIGINFO.unpack_from(raw)
        self.si_addr = (self.si_uid & 0xFFFFFFFF) << 32 | self.si_pid & 0xFFFFFFFF

    @property
    def si_status(self):
        """SIGCHLD: the child's exit status or signal."""
        return self.si_value


def sigset(signals):
    """The 64-bit mask of a list of signal numbers, as it lies in memory."""
    mask = 0
    for signum in signals:
        mask |= 1 << (signum - 1)
    return mask.to_bytes(SIGSET_SIZE, "little")


def signals_in(raw):
    """The list of signal numbers of a mask in memory."""
    mask = int.from_bytes(raw, "little")
    return [signum for signum in range(1, 65) if mask >> (signum - 1) & 1]


def kill(pid, signum):
    """int kill(pid_t pid, int sig)"""
    return checked(trap(SYS_kill, pid, signum))


def pidfd_open(pid, flags=0):
    """int pidfd_open(pid_t pid, unsigned int flags): a descriptor of a process, readable once that has ended."""
    return checked(trap(SYS_pidfd_open, pid, flags))


def pidfd_send_signal(pidfd, signum, flags=0):
    """int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags), without a siginfo."""
    return checked(trap(SYS_pidfd_send_signal, pidfd, signum, 0, flags))


def tgkill(tgid, tid, signum):
    """int tgkill(pid_t tgid, pid_t tid, int sig)"""
    return checked(trap(SYS_tgkill, tgid, tid, signum))


def thread_kill(tid, signum):
    """int pthread_kill(pthread_t thread, int sig): a thread of the caller's own process."""
    return tgkill(trap(SYS_getpid), tid, signum)


def sigqueue(pid, signum, value=0):
    """int sigqueue(pid_t pid, int sig, const union sigval value): `value` is an int."""
    raw = SIGINFO.pack(signum, 0, SI_QUEUE, trap(SYS_getpid), 0, value).ljust(SIGINFO_SIZE, b"\0")
    space = this().space
    address = space.map(raw)
    result = trap(SYS_rt_sigqueueinfo, pid, signum, address)
    space.unmap(address)
    return checked(result)


def sigaction(signum, handler, flags=0, mask=()):
    """int sigaction(int signum, const struct sigaction *act, struct sigaction *oldact): 0, or -1.

    `handler` is SIG_DFL, SIG_IGN or a function of the signal number; with SA_SIGINFO of (number, siginfo_t).
    `flags` are SA_*, `mask` lists what is blocked while the handler runs.
    """
    program = this()
    token = handler if isinstance(handler, int) else SIG_IGN + 1
    raw = SIGACTION.pack(token, flags & 0xFFFFFFFF, 0, int.from_bytes(sigset(mask), "little"))
    address = program.space.map(raw)
    if token > SIG_IGN:
        program.context.signal_entry = run_handler
    result = trap(SYS_rt_sigaction, signum, address, 0, SIGSET_SIZE)
    program.space.unmap(address)
    if result >= 0:
        # A signal that came first found the action that was there before.
        program.process.handlers[signum] = (handler, flags)
    return checked(result)


def signal(signum, handler):
    """sighandler_t signal(int signum, sighandler_t handler): what was there before, or -1 (SIG_ERR).

    As with sigaction(2) and no flags: the handler stays, and interrupted calls are not restarted.
    """
    before = this().process.handlers.get(signum, (SIG_DFL, 0))[0]
    return before if sigaction(signum, handler) == 0 else -1


def run_handler(token, signum, info):
    """Where the CPU enters the program when a caught signal is pending: calls what `sigaction` was given."""
    handler, flags = this().process.handlers.get(signum, (SIG_DFL, 0))
    try:
        if callable(handler):
            if flags & SA_SIGINFO:
                handler(signum, siginfo_t(info))
            else:
                handler(signum)
    finally:
        trap(SYS_rt_sigreturn)


def sigprocmask(how, signals):
    """int sigprocmask(int how, const sigset_t *set, sigset_t *oldset): the list of what was blocked before, or -1.

    `how` is SIG_BLOCK, SIG_UNBLOCK or SIG_SETMASK; the mask is the calling thread's (pthread_sigmask).
    """
    old = bytearray(SIGSET_SIZE)
    space = this().space
    address = space.map(sigset(signals))
    old_address = space.map(old, True)
    result = trap(SYS_rt_sigprocmask, how, address, old_address, SIGSET_SIZE)
    space.unmap(old_address)
    space.unmap(address)
    return signals_in(old) if checked(result) >= 0 else -1


def set_signal_mask(signals):
    """Block exactly `signals`."""
    return sigprocmask(SIG_SETMASK, signals)


def sigpending():
    """int sigpending(sigset_t *set): the list of blocked signals that wait, or -1."""
    raw = bytearray(SIGSET_SIZE)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_rt_sigpending, address, SIGSET_SIZE)
    space.unmap(address)
    return signals_in(raw) if checked(result) >= 0 else -1


def sigsuspend(signals):
    """int sigsuspend(const sigset_t *mask): blocks exactly `signals` until a handler has run; -1 with EINTR."""
    space = this().space
    address = space.map(sigset(signals))
    result = trap(SYS_rt_sigsuspend, address, SIGSET_SIZE)
    space.unmap(address)
    return checked(result)


def pause():
    """int pause(void): -1 with EINTR once a handler has run."""
    return checked(trap(SYS_pause))


def sigtimedwait(signals, timeout=-1.0):
    """int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout): siginfo_t, or -1.

    `timeout` is in seconds, negative for ever (sigwaitinfo); EAGAIN when it is over.
    """
    space = this().space
    raw = bytearray(SIGINFO_SIZE)
    address = space.map(sigset(signals))
    info = space.map(raw, True)
    limit = 0
    if timeout >= 0:
        limit = space.map(TIMESPEC.pack(*divmod(int(timeout * NANOSECONDS), NANOSECONDS)))
    result = trap(SYS_rt_sigtimedwait, address, info, limit, SIGSET_SIZE)
    space.unmap(limit)
    space.unmap(info)
    space.unmap(address)
    return siginfo_t(raw) if checked(result) >= 0 else -1


def sigwaitinfo(signals):
    """int sigwaitinfo(const sigset_t *set, siginfo_t *info): siginfo_t, or -1."""
    return sigtimedwait(signals)


def raise_signal(signum):
    """int raise(int sig): to the calling thread."""
    return thread_kill(trap(SYS_gettid), signum)
