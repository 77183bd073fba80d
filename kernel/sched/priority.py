"""Priorities: nice, getpriority and setpriority, and the sched_* calls about policies.

There is one policy, SCHED_OTHER, and tasks take turns.  A process's nice value says how long a turn of its machine code is
(kernel/abi/user.py): as in Linux a step weighs a quarter.  It is the process's, as POSIX has it, not each thread's.
"""

from kernel.arch.uaccess import copy_from_user, copy_to_user, get_user, put_user
from kernel.syscalls import as_int, from_user
from kernel.uapi.errno import EACCES, EFAULT, EINVAL, EPERM, ESRCH
from kernel.uapi.sched import (
    PRIO_PGRP,
    PRIO_PROCESS,
    PRIO_USER,
    SCHED_BATCH,
    SCHED_FIFO,
    SCHED_IDLE,
    SCHED_OTHER,
    SCHED_RESET_ON_FORK,
    SCHED_RR,
)
from kernel.uapi.syscall import (
    SYS_getpriority,
    SYS_nice,
    SYS_sched_get_priority_max,
    SYS_sched_get_priority_min,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_setaffinity,
    SYS_sched_setparam,
    SYS_sched_setscheduler,
    SYS_setpriority,
)

MIN_NICE, MAX_NICE = -20, 19
ORDINARY = (SCHED_OTHER, SCHED_BATCH, SCHED_IDLE)
REAL_TIME = (SCHED_FIFO, SCHED_RR)
ONE_CPU = 1


class priority_calls:
    """These calls of one kernel."""

    def __init__(self, kernel):
        self.pids = kernel.pids

    def chosen(self, task, which, who):
        """The processes that getpriority and setpriority mean, by their first threads; None for a bad `which`."""
        tasks = [found for found in self.pids.tasks() if found.is_leader()]
        if which == PRIO_PROCESS:
            found = self.pids.find(who) if who else task
            return [found.signal.leader] if found is not None else []
        if which == PRIO_PGRP:
            return [found for found in tasks if found.pgrp == (who or task.pgrp)]
        if which == PRIO_USER:
            return [found for found in tasks if found.uid == (who or task.uid)]
        return None

    def getpriority(self, task, which, who, a2, a3, a4, a5):
        """int getpriority(int which, id_t who): 20 less the smallest nice value, so that it is no error"""
        found = self.chosen(task, as_int(which), as_int(who))
        if found is None:
            return -EINVAL
        return max((20 - other.signal.nice for other in found), default=-ESRCH)

    def setpriority(self, task, which, who, nice, a3, a4, a5):
        """int setpriority(int which, id_t who, int prio)"""
        found = self.chosen(task, as_int(which), as_int(who))
        if found is None:
            return -EINVAL
        nice = min(max(as_int(nice), MIN_NICE), MAX_NICE)
        result = -ESRCH
        for other in found:
            error = self.renice(task, other, nice)
            result = error if error or result == -ESRCH else result
        return result

    def renice(self, task, other, nice):
        if task.uid not in (0, other.uid):
            return -EPERM
        if nice < other.signal.nice and task.uid != 0:
            return -EACCES
        other.signal.nice = nice
        return 0

    def nice(self, task, step, a1, a2, a3, a4, a5):
        """int nice(int inc)"""
        wanted = min(max(task.signal.nice + min(max(as_int(step), -40), 40), MIN_NICE), MAX_NICE)
        return -EPERM if self.renice(task, task, wanted) else 0

    # --- policies ---

    def find(self, task, pid):
        """The task of a pid (0: the caller), or None."""
        pid = as_int(pid)
        return task if pid == 0 else self.pids.find(pid)

    def getscheduler(self, task, pid, a1, a2, a3, a4, a5):
        """int sched_getscheduler(pid_t pid)"""
        if as_int(pid) < 0:
            return -EINVAL
        return SCHED_OTHER if self.find(task, pid) is not None else -ESRCH

    def getparam(self, task, pid, address, a2, a3, a4, a5):
        """int sched_getparam(pid_t pid, struct sched_param *param): the priority is always 0"""
        if as_int(pid) < 0 or not address:
            return -EINVAL
        if self.find(task, pid) is None:
            return -ESRCH
        return 0 if put_user(task.mm, address, 4, 0) else -EFAULT

    def setparam(self, task, pid, address, a2, a3, a4, a5):
        """int sched_setparam(pid_t pid, const struct sched_param *param)"""
        return self.setscheduler(task, pid, SCHED_OTHER, address, 0, 0, 0)

    def setscheduler(self, task, pid, policy, address, a3, a4, a5):
        """int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param): real time is not to be had"""
        policy = as_int(policy) & ~SCHED_RESET_ON_FORK
        if as_int(pid) < 0 or not address or policy < 0:
            return -EINVAL
        priority = from_user(copy_from_user(task.mm, address, 4))
        if self.find(task, pid) is None:
            return -ESRCH
        if policy in REAL_TIME and priority != bytes(4):
            return -EPERM
        return 0 if policy in ORDINARY and priority == bytes(4) else -EINVAL

    def priority_max(self, task, policy, a1, a2, a3, a4, a5):
        """int sched_get_priority_max(int policy)"""
        return 99 if policy in REAL_TIME else 0 if policy in ORDINARY else -EINVAL

    def priority_min(self, task, policy, a1, a2, a3, a4, a5):
        """int sched_get_priority_min(int policy)"""
        return 1 if policy in REAL_TIME else 0 if policy in ORDINARY else -EINVAL

    def getaffinity(self, task, pid, size, address, a3, a4, a5):
        """int sched_getaffinity(pid_t pid, size_t cpusetsize, cpu_set_t *mask): the one CPU"""
        word = task.abi.word
        if size < word or size % word:
            return -EINVAL
        if self.find(task, pid) is None:
            return -ESRCH
        return word if copy_to_user(task.mm, address, ONE_CPU.to_bytes(word, "little")) else -EFAULT

    def setaffinity(self, task, pid, size, address, a3, a4, a5):
        """int sched_setaffinity(pid_t pid, size_t cpusetsize, const cpu_set_t *mask): it has to name the one CPU"""
        if size == 0:
            return -EINVAL
        try:
            mask = get_user(task.mm, address, 1)
        except MemoryError:
            return -EFAULT
        if self.find(task, pid) is None:
            return -ESRCH
        return 0 if mask & ONE_CPU else -EINVAL

    def register(self, table):
        for nr, name, function in (
            (SYS_getpriority, "getpriority", self.getpriority),
            (SYS_setpriority, "setpriority", self.setpriority),
            (SYS_nice, "nice", self.nice),
            (SYS_sched_getscheduler, "sched_getscheduler", self.getscheduler),
            (SYS_sched_setscheduler, "sched_setscheduler", self.setscheduler),
            (SYS_sched_getparam, "sched_getparam", self.getparam),
            (SYS_sched_setparam, "sched_setparam", self.setparam),
            (SYS_sched_get_priority_max, "sched_get_priority_max", self.priority_max),
            (SYS_sched_get_priority_min, "sched_get_priority_min", self.priority_min),
            (SYS_sched_getaffinity, "sched_getaffinity", self.getaffinity),
            (SYS_sched_setaffinity, "sched_setaffinity", self.setaffinity),
        ):
            table.register(nr, name, function)
