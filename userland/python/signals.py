"""`_signal`: Python's handlers for the machine's signals.

A signal that is caught only leaves its number behind (`Interpreter.arrived`) and interrupts the call; the Python handler
runs in the main thread before that call is made again, as in CPython.
"""

import sys

from hwemu.cpu import current_context
from userland import libc
from userland.python.addresses import index
from userland.python.extension import extension_module
from userland.python.interpreter import NANOSECONDS, checked, interpreter, interrupted, nanoseconds

NSIG = 65
SIG_DFL, SIG_IGN = 0, 1
MICROSECOND = 1000
MORE_SIGNALS = {
    "SIGIOT": 6, "SIGSTKFLT": 16, "SIGCLD": 17, "SIGXCPU": 24, "SIGXFSZ": 25, "SIGVTALRM": 26, "SIGPROF": 27, "SIGIO": 29,
    "SIGPOLL": 29, "SIGPWR": 30, "SIGSYS": 31, "SIGRTMIN": 34, "SIGRTMAX": 64,
}  # fmt: skip


class ItimerError(OSError):
    """setitimer or getitimer failed."""


ItimerError.__module__, ItimerError.__name__ = "signal", "itimer_error"


def number_of(signalnum):
    number = index(signalnum)
    if not 1 <= number < NSIG:
        raise ValueError("signal number out of range")
    return number


def only_in_main(state):
    if current_context() is not state.main:
        raise ValueError("signal only works in main thread of the main interpreter")


def caught(number):
    """The program's signal handler as libc calls it: leave the number for the interpreter, tell the wake-up descriptor."""
    state = interpreter()
    state.arrived.append(number)
    if state.wakeup_fd >= 0:
        libc.send(state.wakeup_fd, bytes([number]), -1, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL)


def run_handler(number):
    """The Python handler of a signal that has come."""
    handler = interpreter().handlers.get(number)
    if callable(handler):
        handler(number, sys._getframe(1))


def default_int_handler(signalnum, frame, /):
    """The default handler for SIGINT installed by Python: it raises KeyboardInterrupt."""
    raise KeyboardInterrupt


def signal(signalnum, handler, /):
    """signal(signalnum, handler) -> the previous one"""
    state = interpreter()
    only_in_main(state)
    number = number_of(signalnum)
    if not callable(handler) and handler not in (SIG_DFL, SIG_IGN):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    checked(libc.signal(number, caught if callable(handler) else int(handler)))
    state.check_signals()
    previous = state.handlers.get(number, SIG_DFL)
    state.handlers[number] = handler
    return previous


def getsignal(signalnum, /):
    """getsignal(signalnum) -> the current action"""
    return interpreter().handlers.get(number_of(signalnum), SIG_DFL)


def set_wakeup_fd(fd, /, *, warn_on_full_buffer=True):
    """set_wakeup_fd(fd) -> the previous descriptor: it is written a signal's number when one comes."""
    state = interpreter()
    if current_context() is not state.main:
        raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")
    fd = index(fd)
    if fd != -1:
        flags = checked(libc.fcntl(fd, libc.F_GETFL))
        if not flags & libc.O_NONBLOCK:
            raise ValueError(f"the fd {fd} must be in non-blocking mode")
    previous, state.wakeup_fd = state.wakeup_fd, fd
    return previous


def siginterrupt(signalnum, flag, /):
    """siginterrupt(signalnum, flag): system calls are always interrupted and made again by the library itself."""
    number_of(signalnum)


def raise_signal(signalnum, /):
    """raise_signal(signalnum): send a signal to the program itself."""
    checked(libc.raise_signal(number_of(signalnum)))
    interpreter().check_signals()


def pthread_kill(thread_id, signalnum, /):
    """pthread_kill(thread_id, signalnum): send a signal to a thread."""
    checked(libc.thread_kill(index(thread_id), number_of(signalnum)))
    interpreter().check_signals()


def pause():
    """pause(): wait until a signal arrives."""
    libc.pause()
    interpreter().check_signals()


def pthread_sigmask(how, mask, /):
    """pthread_sigmask(how, mask) -> the previous mask"""
    previous = checked(libc.sigprocmask(how, [number_of(number) for number in mask]))
    interpreter().check_signals()
    return set(previous)


def sigpending():
    """sigpending() -> the set of signals that wait"""
    return set(checked(libc.sigpending()))


def sigwait(sigset, /):
    """sigwait(sigset) -> signum"""
    state = interpreter()
    while True:
        found = libc.sigwaitinfo([number_of(number) for number in sigset])
        if found != -1:
            return found.si_signo
        interrupted(state)


def alarm(seconds, /):
    """alarm(seconds) -> the seconds that were left of the previous one"""
    return checked(libc.alarm(index(seconds)))


def strsignal(signalnum, /):
    """strsignal(signalnum) -> the system's description"""
    return DESCRIPTIONS.get(number_of(signalnum))


def valid_signals():
    """valid_signals() -> the set of signal numbers on this machine"""
    return set(range(1, NSIG)) - {32, 33}


DESCRIPTIONS = {
    1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 6: "Aborted", 8: "Floating point exception",
    9: "Killed", 10: "User defined signal 1", 11: "Segmentation fault", 12: "User defined signal 2", 13: "Broken pipe",
    14: "Alarm clock", 15: "Terminated", 17: "Child exited", 18: "Continued", 19: "Stopped (signal)",
}  # fmt: skip


def timer_values(found):
    """(delay, interval) in seconds of what libc answered."""
    if found == -1:
        number = libc.get_errno()
        raise ItimerError(number, libc.strerror(number))
    value, interval = found
    return value / NANOSECONDS, interval / NANOSECONDS


def timer_time(seconds):
    """A timer's time in ns; what is not zero is at least the microsecond that the kernel knows."""
    duration = nanoseconds(seconds)
    if duration < 0:
        raise ItimerError(libc.EINVAL, libc.strerror(libc.EINVAL))
    return max(duration, MICROSECOND) if duration else 0


def setitimer(which, seconds, interval=0.0, /):
    """setitimer(which, seconds[, interval]) -> the old (delay, interval)"""
    return timer_values(libc.setitimer(index(which), timer_time(seconds), timer_time(interval)))


def getitimer(which, /):
    """getitimer(which) -> (delay, interval)"""
    return timer_values(libc.getitimer(index(which)))


def install(state):
    """What CPython does at its start: SIGINT raises KeyboardInterrupt, SIGPIPE is an error of the call."""
    state.handle_signal = run_handler
    signal(libc.SIGPIPE, SIG_IGN)
    signal(libc.SIGINT, default_int_handler)


def signal_module():
    """A new `_signal` module."""
    namespace = {**{f"SIG{name}": number for name, number in libc.SIGNAL_NAMES.items()}, **MORE_SIGNALS}
    namespace.update(
        NSIG=NSIG, SIG_DFL=SIG_DFL, SIG_IGN=SIG_IGN, SIG_BLOCK=0, SIG_UNBLOCK=1, SIG_SETMASK=2,
        ItimerError=ItimerError, itimer_error=ItimerError, setitimer=setitimer, getitimer=getitimer,
        ITIMER_REAL=0, ITIMER_VIRTUAL=1, ITIMER_PROF=2, signal=signal, getsignal=getsignal, set_wakeup_fd=set_wakeup_fd,
        siginterrupt=siginterrupt, raise_signal=raise_signal, alarm=alarm, strsignal=strsignal,
        valid_signals=valid_signals, default_int_handler=default_int_handler, pause=pause, sigwait=sigwait,
        pthread_kill=pthread_kill, pthread_sigmask=pthread_sigmask, sigpending=sigpending,
    )  # fmt: skip
    return extension_module("_signal", "The machine's own signals.", namespace)
