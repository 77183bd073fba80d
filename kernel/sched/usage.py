"""What tasks have used: getrusage and times.

A clock runs while a task has the CPU: system calls cost time, and so do the instructions of an emulated program, which
count as user time.
"""

from struct import Struct

from kernel.arch.uaccess import copy_to_user
from kernel.uapi.errno import EFAULT, EINVAL
from kernel.uapi.sched import RUSAGE_CHILDREN, RUSAGE_SELF, RUSAGE_THREAD
from kernel.uapi.syscall import SYS_getrusage, SYS_times
from kernel.uapi.time import NSEC_PER_SEC, NSEC_PER_USEC

# struct rusage: ru_utime, ru_stime, and fourteen longs, of which the last two count context switches.
RUSAGE = Struct("<4q14q")
TMS = Struct("<4q")
NS_PER_CLOCK_TICK = 10000000


def timeval(nanoseconds):
    """(seconds, microseconds)"""
    seconds, rest = divmod(nanoseconds, NSEC_PER_SEC)
    return seconds, rest // NSEC_PER_USEC


def pack_rusage(user, system, switches=0):
    """struct rusage of so many nanoseconds."""
    return RUSAGE.pack(*timeval(user), *timeval(system), *[0] * 12, switches, 0)


class usage_calls:
    """getrusage and times of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel

    def getrusage(self, task, who, address, a2, a3, a4, a5):
        """int getrusage(int who, struct rusage *usage)"""
        group = task.signal
        if who == RUSAGE_SELF:
            raw = pack_rusage(*group.cpu_time(), sum(thread.switches for thread in group.threads))
        elif who == RUSAGE_CHILDREN:
            raw = pack_rusage(group.child_utime, group.child_stime)
        elif who == RUSAGE_THREAD:
            raw = pack_rusage(task.utime, task.system_time(), task.switches)
        else:
            return -EINVAL
        return 0 if copy_to_user(task.mm, address, raw) else -EFAULT

    def times(self, task, address, a1, a2, a3, a4, a5):
        """clock_t times(struct tms *buf): clock ticks of 1/100 s since boot"""
        group = task.signal
        figures = (*group.cpu_time(), group.child_utime, group.child_stime)
        if address and not copy_to_user(task.mm, address, TMS.pack(*(value // NS_PER_CLOCK_TICK for value in figures))):
            return -EFAULT
        return self.kernel.timers.now() // NS_PER_CLOCK_TICK

    def register(self, table):
        table.register(SYS_getrusage, "getrusage", self.getrusage)
        table.register(SYS_times, "times", self.times)
