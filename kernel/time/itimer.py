"""Interval timers: alarm, setitimer and getitimer.

ITIMER_REAL runs with the clock.  ITIMER_VIRTUAL and ITIMER_PROF run with the process's own time on the CPU, in user mode or
altogether.  They are looked at after each turn and each call of machine code, which is where that time is spent; a
program in Python has none in user mode, and the time of its calls is not watched.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.signal import send_group_signal
from kernel.syscalls import from_user
from kernel.time.timer import timer_list
from kernel.uapi.errno import EFAULT, EINVAL
from kernel.uapi.signal import SIGALRM, SIGPROF, SIGVTALRM
from kernel.uapi.syscall import SYS_alarm, SYS_getitimer, SYS_setitimer
from kernel.uapi.time import ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, NSEC_PER_SEC, NSEC_PER_USEC

# struct itimerval: interval and value, seconds and microseconds each.
ITIMERVAL = Struct("<4q")
USEC_PER_SEC = 1000000
# Seconds; 68 years keep every sum of nanoseconds below 2**63.
LONGEST = 1 << 31
WHICH = (ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF)
CPU_SIGNALS = {ITIMER_VIRTUAL: SIGVTALRM, ITIMER_PROF: SIGPROF}


class real_timer(timer_list):
    """One process's ITIMER_REAL; `interval` in ns, 0 for once."""

    def __init__(self, timers, task):
        super().__init__()
        self.timers = timers
        self.task = task
        self.interval = 0

    def fire(self):
        send_group_signal(self.task, SIGALRM)
        if self.interval:
            self.timers.mod_timer(self, self.expires + self.interval)


class itimer_table:
    """The real timers that are set, by process."""

    def __init__(self, timers):
        self.timers = timers
        self.by_pid = {}

    def left(self, task):
        """(ns until the process's timer fires, its interval), 0 and 0 where none runs."""
        timer = self.by_pid.get(task.tgid)
        if timer is None or not timer.pending():
            return 0, 0
        return max(1, timer.expires - self.timers.now()), timer.interval

    def set(self, task, value, interval=0):
        """Set (0: clear) the process's timer, in ns; what `left` was before."""
        before = self.left(task)
        self.forget(task)
        if value:
            timer = real_timer(self.timers, task.signal.leader)
            timer.interval = interval
            self.by_pid[task.tgid] = timer
            self.timers.mod_timer(timer, self.timers.now() + value)
        return before

    def forget(self, task):
        """The process has ended, or wants no timer."""
        timer = self.by_pid.pop(task.tgid, None)
        if timer is not None:
            self.timers.del_timer(timer)


class cpu_timer:
    """A process's ITIMER_VIRTUAL or ITIMER_PROF: at which of its CPU times it expires, and how often, in ns."""

    def __init__(self, due, interval):
        self.due = due
        self.interval = interval


def cpu_clock(task, which):
    """The CPU time in ns with which a timer runs."""
    user, system = task.signal.cpu_time()
    return user if which == ITIMER_VIRTUAL else user + system


def run_cpu_timers(task):
    """Send the signals of the process's CPU timers that have expired."""
    timers = task.signal.cpu_timers
    for which, timer in list(timers.items()):
        spent = cpu_clock(task, which)
        if spent < timer.due:
            continue
        if timer.interval:
            timer.due += ((spent - timer.due) // timer.interval + 1) * timer.interval
        else:
            del timers[which]
        send_group_signal(task.signal.leader, CPU_SIGNALS[which])


class itimer_calls:
    """alarm, setitimer and getitimer of one kernel."""

    def __init__(self, kernel):
        self.table = kernel.alarms

    def alarm(self, task, seconds, a1, a2, a3, a4, a5):
        """unsigned int alarm(unsigned int seconds): the seconds that were left, rounded, but not to 0"""
        left, _ = self.table.set(task, min(seconds & 0xFFFFFFFF, LONGEST) * NSEC_PER_SEC)
        return max(1, (left + NSEC_PER_SEC // 2) // NSEC_PER_SEC) if left else 0

    def left(self, task, which):
        """(ns until a timer fires, its interval)"""
        if which == ITIMER_REAL:
            return self.table.left(task)
        timer = task.signal.cpu_timers.get(which)
        return (max(1, timer.due - cpu_clock(task, which)), timer.interval) if timer is not None else (0, 0)

    def set(self, task, which, value, interval):
        """Set (0: clear) a timer; what `left` was before."""
        if which == ITIMER_REAL:
            return self.table.set(task, value, interval)
        before = self.left(task, which)
        task.signal.cpu_timers.pop(which, None)
        if value:
            task.signal.cpu_timers[which] = cpu_timer(cpu_clock(task, which) + value, interval)
        return before

    def pack(self, left, interval):
        return ITIMERVAL.pack(*in_microseconds(interval), *in_microseconds(left))

    def getitimer(self, task, which, address, a2, a3, a4, a5):
        """int getitimer(int which, struct itimerval *curr_value)"""
        if which not in WHICH:
            return -EINVAL
        return 0 if copy_to_user(task.mm, address, self.pack(*self.left(task, which))) else -EFAULT

    def setitimer(self, task, which, new, old, a3, a4, a5):
        """int setitimer(int which, const struct itimerval *new_value, struct itimerval *old_value)"""
        fields = ITIMERVAL.unpack(from_user(copy_from_user(task.mm, new, ITIMERVAL.size))) if new else (0, 0, 0, 0)
        if which not in WHICH or not all(0 <= part < USEC_PER_SEC for part in fields[1::2]):
            return -EINVAL
        if fields[0] < 0 or fields[2] < 0:
            return -EINVAL
        interval, value = (
            min(seconds, LONGEST) * NSEC_PER_SEC + micro * NSEC_PER_USEC for seconds, micro in (fields[:2], fields[2:])
        )
        before = self.set(task, which, value, interval)
        return 0 if not old or copy_to_user(task.mm, old, self.pack(*before)) else -EFAULT

    def register(self, table):
        table.register(SYS_alarm, "alarm", self.alarm)
        table.register(SYS_getitimer, "getitimer", self.getitimer)
        table.register(SYS_setitimer, "setitimer", self.setitimer)


def in_microseconds(nanoseconds):
    """(seconds, microseconds), rounded up: a timer that runs is never shown as one that does not."""
    return divmod(-(-nanoseconds // NSEC_PER_USEC), USEC_PER_SEC)
