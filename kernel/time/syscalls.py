"""Time for programs: clocks and sleeping.

The realtime clock is `boot_time` plus the time since boot; settimeofday does not exist.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.uapi.errno import EFAULT, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND
from kernel.uapi.syscall import (
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_gettimeofday,
    SYS_nanosleep,
    SYS_sched_yield,
    SYS_time,
)
from kernel.uapi.time import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_COARSE,
    CLOCK_THREAD_CPUTIME_ID,
    NSEC_PER_MSEC,
    NSEC_PER_SEC,
    NSEC_PER_USEC,
    TIMER_ABSTIME,
)

TIMESPEC = Struct("<qq")
REALTIME_CLOCKS = (CLOCK_REALTIME, CLOCK_REALTIME_COARSE)
MONOTONIC_CLOCKS = (CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE)
# Seconds; 68 years keep every sum of nanoseconds below 2**63.
LONGEST_SLEEP = 1 << 31


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

    def reading(self, task, which):
        """A clock's time in ns, or None where there is no such clock."""
        if which in REALTIME_CLOCKS:
            return self.realtime()
        if which in MONOTONIC_CLOCKS:
            return self.timers.now()
        if which == CLOCK_PROCESS_CPUTIME_ID:
            return sum(task.signal.cpu_time())
        if which == CLOCK_THREAD_CPUTIME_ID:
            return task.cpu_time()
        return None

    def clock_gettime(self, task, which, address, a2, a3, a4, a5):
        """int clock_gettime(clockid_t clockid, struct timespec *tp)"""
        present = self.reading(task, which)
        if present is None:
            return -EINVAL
        return 0 if copy_to_user(task.mm, address, TIMESPEC.pack(*divmod(present, NSEC_PER_SEC))) else -EFAULT

    def clock_getres(self, task, which, address, a2, a3, a4, a5):
        """int clock_getres(clockid_t clockid, struct timespec *res): a nanosecond, of the coarse clocks a tick"""
        if self.reading(task, which) is None:
            return -EINVAL
        resolution = NSEC_PER_MSEC if which in (CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE) else 1
        return 0 if not address or copy_to_user(task.mm, address, TIMESPEC.pack(0, resolution)) else -EFAULT

    def nanosleep(self, task, requested, remaining, a2, a3, a4, a5):
        """int nanosleep(const struct timespec *req, struct timespec *rem)"""
        length = self.read_length(task, requested)
        return length if length < 0 else self.sleep_until(task, self.timers.now() + length, remaining)

    def clock_nanosleep(self, task, which, flags, requested, remaining, a4, a5):
        """int clock_nanosleep(clockid_t clockid, int flags, const struct timespec *request, struct timespec *remain)"""
        if which not in REALTIME_CLOCKS[:1] + MONOTONIC_CLOCKS or which == CLOCK_MONOTONIC_RAW:
            return -EINVAL
        length = self.read_length(task, requested)
        if length < 0:
            return length
        if not flags & TIMER_ABSTIME:
            return self.sleep_until(task, self.timers.now() + length, remaining)
        deadline = length - (self.kernel.boot_time if which == CLOCK_REALTIME else 0)
        result = self.sleep_until(task, deadline, 0)
        task.restart_block = None
        return -ERESTARTNOHAND if result == -ERESTART_RESTARTBLOCK else result

    def read_length(self, task, address):
        """The struct timespec at a user address in ns, or a negative errno."""
        raw = copy_from_user(task.mm, address, TIMESPEC.size)
        if raw is None:
            return -EFAULT
        seconds, nanoseconds = TIMESPEC.unpack(raw)
        if seconds < 0 or not 0 <= nanoseconds < NSEC_PER_SEC:
            return -EINVAL
        return min(seconds, LONGEST_SLEEP) * NSEC_PER_SEC + nanoseconds

    def sleep_until(self, task, end, remaining):
        """Sleep until the clock says `end`; a signal stores what is left at `remaining` (0: nowhere)."""
        while (left := end - self.timers.now()) > 0:
            if self.sched.signal_pending():
                if remaining and not copy_to_user(task.mm, remaining, TIMESPEC.pack(*divmod(left, NSEC_PER_SEC))):
                    return -EFAULT
                # Stopped and continued it sleeps on until the same moment.
                task.restart_block = lambda: self.sleep_until(task, end, remaining)
                return -ERESTART_RESTARTBLOCK
            self.sched.sleep(left)
        return 0

    def sched_yield(self, task, a0, a1, a2, a3, a4, a5):
        """int sched_yield(void)"""
        self.sched.schedule()
        return 0

    def register(self, table):
        table.register(SYS_time, "time", self.time)
        table.register(SYS_gettimeofday, "gettimeofday", self.gettimeofday)
        table.register(SYS_clock_gettime, "clock_gettime", self.clock_gettime)
        table.register(SYS_clock_getres, "clock_getres", self.clock_getres)
        table.register(SYS_clock_nanosleep, "clock_nanosleep", self.clock_nanosleep)
        table.register(SYS_nanosleep, "nanosleep", self.nanosleep)
        table.register(SYS_sched_yield, "sched_yield", self.sched_yield)
