"""POSIX timers: timer_create and its kin.  What expires is a signal to a process or a thread, or nothing (SIGEV_NONE).

They run with the clocks that tell the time; those of CPU time are not there (EINVAL).  A signal that waits still when its
timer expires again is sent once, and counts how often it was too late (timer_getoverrun(2)).
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user, put_user
from kernel.signal import send_group_signal, send_signal, siginfo
from kernel.syscalls import as_int, from_user
from kernel.time.timer import timer_list
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL
from kernel.uapi.signal import NSIG, SI_TIMER, SIGALRM
from kernel.uapi.syscall import SYS_timer_create, SYS_timer_delete, SYS_timer_getoverrun, SYS_timer_gettime, SYS_timer_settime
from kernel.uapi.time import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    NSEC_PER_SEC,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    SIGEV_THREAD,
    SIGEV_THREAD_ID,
    TIMER_ABSTIME,
)

# struct sigevent: value, signal, how to notify, thread; struct itimerspec: interval and value.
SIGEVENT = Struct("<Qiii44x")
ITIMERSPEC = Struct("<qqqq")
CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME)
LONGEST = 1 << 61
# How many a process may have, as RLIMIT_SIGPENDING bounds them in Linux.
MAX_TIMERS = 4096
OVERRUN_MAX = 0x7FFFFFFF


class posix_timer(timer_list):
    """One timer of a process; `thread` is the task that its signal is for, or None for the process."""

    def __init__(self, timers, number, leader, clock):
        super().__init__()
        self.timers = timers
        self.number = number
        self.leader = leader
        self.clock = clock
        self.thread = None
        self.signo = SIGALRM
        self.value = number
        self.interval = 0
        self.due = 0
        # The signal that was sent last.
        self.info = None

    def fire(self):
        missed = 0
        if self.interval:
            missed = max(0, self.timers.now() - self.due) // self.interval
            self.due += (missed + 1) * self.interval
            self.timers.mod_timer(self, self.due)
        self.expire(missed)

    def expire(self, missed):
        """Send the signal, or count that it waits still."""
        if self.signo == 0:
            return
        group = self.leader.signal
        queue = self.thread.pending.queue if self.thread is not None else group.shared_pending.queue
        if self.info is not None and self.info in queue:
            self.info.overrun = min(self.info.overrun + 1 + missed, OVERRUN_MAX)
            return
        self.info = siginfo(self.signo, SI_TIMER)
        self.info.timer_id, self.info.overrun, self.info.value = self.number, min(missed, OVERRUN_MAX), self.value
        if self.thread is None:
            send_group_signal(group.leader, self.signo, self.info)
        elif self.thread in group.threads:
            send_signal(self.thread, self.signo, self.info)

    def left(self):
        """ns until it expires; 0 while it is not armed."""
        return max(1, self.due - self.timers.now()) if self.pending() else 0


class posix_timer_calls:
    """The timers of one kernel's processes: number to timer, by process."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.timers = kernel.timers
        self.by_pid = {}
        kernel.posix_timers = self

    def forget(self, task):
        """The process has ended, or is another program now."""
        for timer in self.by_pid.pop(task.tgid, {}).values():
            self.timers.del_timer(timer)

    def find(self, task, number):
        return self.by_pid.get(task.tgid, {}).get(as_int(number))

    def timer_create(self, task, clock, event, address, a3, a4, a5):
        """int timer_create(clockid_t clockid, struct sigevent *sevp, timer_t *timerid): an int in the kernel"""
        if clock not in CLOCKS:
            return -EINVAL
        own = self.by_pid.get(task.tgid, {})
        if len(own) >= MAX_TIMERS:
            return -EAGAIN
        timer = posix_timer(self.timers, max(own, default=-1) + 1, task.signal.leader, clock)
        if event:
            value, signo, notify, thread = SIGEVENT.unpack(from_user(copy_from_user(task.mm, event, SIGEVENT.size)))
            if notify & SIGEV_THREAD_ID:
                timer.thread = next((other for other in task.signal.threads if other.pid == thread), None)
                if timer.thread is None or notify & ~SIGEV_THREAD_ID:
                    return -EINVAL
            elif notify not in (SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD):
                return -EINVAL
            if notify != SIGEV_NONE and not 0 < signo <= NSIG:
                return -EINVAL
            timer.value, timer.signo = value, 0 if notify == SIGEV_NONE else signo
        if not put_user(task.mm, address, 4, timer.number):
            return -EFAULT
        self.by_pid.setdefault(task.tgid, {})[timer.number] = timer
        return 0

    def pack(self, timer):
        return ITIMERSPEC.pack(*divmod(timer.interval, NSEC_PER_SEC), *divmod(timer.left(), NSEC_PER_SEC))

    def timer_settime(self, task, number, flags, new, old, a4, a5):
        """int timer_settime(timer_t timerid, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)"""
        if not new:
            return -EINVAL
        every, every_ns, first, first_ns = ITIMERSPEC.unpack(from_user(copy_from_user(task.mm, new, ITIMERSPEC.size)))
        if every < 0 or first < 0 or not 0 <= every_ns < NSEC_PER_SEC or not 0 <= first_ns < NSEC_PER_SEC:
            return -EINVAL
        timer = self.find(task, number)
        if timer is None:
            return -EINVAL
        before = self.pack(timer)
        self.timers.del_timer(timer)
        value = min(first * NSEC_PER_SEC + first_ns, LONGEST)
        timer.interval = min(every * NSEC_PER_SEC + every_ns, LONGEST)
        if value:
            now = self.timers.now()
            if flags & TIMER_ABSTIME:
                timer.due = value - (self.kernel.boot_time if timer.clock == CLOCK_REALTIME else 0)
            else:
                timer.due = now + value
            self.timers.mod_timer(timer, max(now, timer.due))
        return 0 if not old or copy_to_user(task.mm, old, before) else -EFAULT

    def timer_gettime(self, task, number, address, a2, a3, a4, a5):
        """int timer_gettime(timer_t timerid, struct itimerspec *curr_value)"""
        timer = self.find(task, number)
        if timer is None:
            return -EINVAL
        return 0 if copy_to_user(task.mm, address, self.pack(timer)) else -EFAULT

    def timer_getoverrun(self, task, number, a1, a2, a3, a4, a5):
        """int timer_getoverrun(timer_t timerid): of the signal that was delivered last"""
        timer = self.find(task, number)
        if timer is None:
            return -EINVAL
        return timer.info.overrun if timer.info is not None else 0

    def timer_delete(self, task, number, a1, a2, a3, a4, a5):
        """int timer_delete(timer_t timerid)"""
        timer = self.find(task, number)
        if timer is None:
            return -EINVAL
        self.timers.del_timer(timer)
        del self.by_pid[task.tgid][timer.number]
        return 0

    def register(self, table):
        table.register(SYS_timer_create, "timer_create", self.timer_create)
        table.register(SYS_timer_settime, "timer_settime", self.timer_settime)
        table.register(SYS_timer_gettime, "timer_gettime", self.timer_gettime)
        table.register(SYS_timer_getoverrun, "timer_getoverrun", self.timer_getoverrun)
        table.register(SYS_timer_delete, "timer_delete", self.timer_delete)
