"""Time for programs: clocks, sleeping and alarm.

The realtime clock is `boot_time` plus the time since boot; settimeofday does not exist.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.signal import send_group_signal
from kernel.time.timer import timer_list
from kernel.uapi.errno import EFAULT, EINVAL, ERESTARTNOHAND
from kernel.uapi.signal import SIGALRM
from kernel.uapi.syscall import (
    SYS_alarm,
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_nanosleep,
    SYS_sched_yield,
    SYS_time,
)
from kernel.uapi.time import CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, NSEC_PER_SEC, NSEC_PER_USEC

TIMESPEC = Struct("<qq")
# Seconds; 68 years keep every sum of nanoseconds below 2**63.
LONGEST_SLEEP = 1 << 31


class alarm_timer(timer_list):
    """One task's alarm."""

    def __init__(self, task):
        super().__init__()
        self.task = task

    def fire(self):
        send_group_signal(self.task, SIGALRM)


class alarm_table:
    """The alarms that are set, by task."""

    def __init__(self, timers):
        self.timers = timers
        self.by_pid = {}

    def set(self, task, seconds):
        """Set (0: clear) the task's alarm; returns the seconds that were left of the old one, rounded up."""
        left = self.forget(task)
        if seconds:
            timer = alarm_timer(task)
            self.by_pid[task.tgid] = timer
            self.timers.mod_timer(timer, self.timers.now() + seconds * NSEC_PER_SEC)
        return left

    def forget(self, task):
        timer = self.by_pid.pop(task.tgid, None)
        if timer is None or not self.timers.del_timer(timer):
            return 0
        return max(1, -((self.timers.now() - timer.expires) // NSEC_PER_SEC))


class time_calls:
    """The time calls of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched
        self.timers = kernel.timers

    def realtime(self):
        """Nanoseconds since the epoch."""
        return self.kernel.boot_time + self.timers.now()

    def time(self, task, address, a1, a2, a3, a4, a5):
        """time_t time(time_t *tloc)"""
        seconds = self.realtime() // NSEC_PER_SEC
        if address and not copy_to_user(task.mm, address, seconds.to_bytes(8, "little")):
            return -EFAULT
        return seconds

    def gettimeofday(self, task, address, zone, a2, a3, a4, a5):
        """int gettimeofday(struct timeval *tv, struct timezone *tz)"""
        seconds, nanoseconds = divmod(self.realtime(), NSEC_PER_SEC)
        if address and not copy_to_user(task.mm, address, TIMESPEC.pack(seconds, nanoseconds // NSEC_PER_USEC)):
            return -EFAULT
        if zone and not copy_to_user(task.mm, zone, bytes(8)):
            return -EFAULT
        return 0

    def clock_gettime(self, task, which, address, a2, a3, a4, a5):
        """int clock_gettime(clockid_t clockid, struct timespec *tp)"""
        if which == CLOCK_REALTIME:
            present = self.realtime()
        elif which in (CLOCK_MONOTONIC, CLOCK_BOOTTIME):
            present = self.timers.now()
        else:
            return -EINVAL
        return 0 if copy_to_user(task.mm, address, TIMESPEC.pack(*divmod(present, NSEC_PER_SEC))) else -EFAULT

    def nanosleep(self, task, requested, remaining, a2, a3, a4, a5):
        """int nanosleep(const struct timespec *req, struct timespec *rem)"""
        raw = copy_from_user(task.mm, requested, TIMESPEC.size)
        if raw is None:
            return -EFAULT
        seconds, nanoseconds = TIMESPEC.unpack(raw)
        if seconds < 0 or not 0 <= nanoseconds < NSEC_PER_SEC:
            return -EINVAL
        left = min(seconds, LONGEST_SLEEP) * NSEC_PER_SEC + nanoseconds
        end = self.timers.now() + left
        while left > 0:
            if self.sched.signal_pending():
                if remaining and not copy_to_user(task.mm, remaining, TIMESPEC.pack(*divmod(left, NSEC_PER_SEC))):
                    return -EFAULT
                return -ERESTARTNOHAND
            self.sched.sleep(left)
            left = end - self.timers.now()
        return 0

    def alarm(self, task, seconds, a1, a2, a3, a4, a5):
        """unsigned int alarm(unsigned int seconds)"""
        return self.kernel.alarms.set(task, seconds & 0xFFFFFFFF)

    def sched_yield(self, task, a0, a1, a2, a3, a4, a5):
        """int sched_yield(void)"""
        self.sched.schedule()
        return 0

    def register(self, table):
        table.register(SYS_time, "time", self.time)
        table.register(SYS_gettimeofday, "gettimeofday", self.gettimeofday)
        table.register(SYS_clock_gettime, "clock_gettime", self.clock_gettime)
        table.register(SYS_nanosleep, "nanosleep", self.nanosleep)
        table.register(SYS_alarm, "alarm", self.alarm)
        table.register(SYS_sched_yield, "sched_yield", self.sched_yield)
