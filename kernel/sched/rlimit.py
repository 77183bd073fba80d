"""Limits of resources: getrlimit(2), setrlimit and prlimit64.

They live with the table of descriptors, which a process's threads share and its children get a copy of.  RLIMIT_NOFILE
bounds that table; the others are kept and told, and bound nothing here.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.uapi.errno import EFAULT, EINVAL, EPERM, ESRCH
from kernel.uapi.resource import NR_OPEN, RLIM_INFINITY, RLIM_NLIMITS, RLIMIT_NOFILE
from kernel.uapi.syscall import SYS_getrlimit, SYS_prlimit64, SYS_setrlimit, SYS_ugetrlimit

RLIMIT = Struct("<QQ")
# What /proc/PID/limits calls each, and its unit.
NAMES = (
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
)


def do_prlimit(task, files, resource, new):
    """Set a limit of a table's process to `new` (soft, hard; None: only ask): (soft, hard) before, or a negative errno."""
    if not 0 <= resource < RLIM_NLIMITS:
        return -EINVAL
    old = files.rlim[resource]
    if new is None:
        return old
    soft, hard = new
    if soft > hard:
        return -EINVAL
    if resource == RLIMIT_NOFILE and hard > NR_OPEN:
        return -EPERM
    if hard > old[1] and task.uid != 0:
        return -EPERM
    files.rlim[resource] = new
    if resource == RLIMIT_NOFILE:
        files.limit = soft
    return old


class rlimit_calls:
    """The calls of one kernel."""

    def __init__(self, pids):
        self.pids = pids

    def getrlimit(self, task, resource, address, a2, a3, a4, a5):
        """int getrlimit(int resource, struct rlimit *rlim)"""
        found = do_prlimit(task, task.files, resource, None)
        if isinstance(found, int):
            return found
        return 0 if copy_to_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, RLIMIT.pack(*found)) else -EFAULT

    def setrlimit(self, task, resource, address, a2, a3, a4, a5):
        """int setrlimit(int resource, const struct rlimit *rlim)"""
        raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, RLIMIT.size)
        if raw is None:
            return -EFAULT
        found = do_prlimit(task, task.files, resource, RLIMIT.unpack(raw))
        return found if isinstance(found, int) else 0

    def prlimit64(self, task, pid, resource, new, old, a4, a5):
        """int prlimit64(pid_t pid, unsigned int resource, const struct rlimit64 *new, struct rlimit64 *old)"""
        wanted = None
        if new:
            raw = copy_from_user(task.mm, new & 0xFFFFFFFFFFFFFFFF, RLIMIT.size)
            if raw is None:
                return -EFAULT
            wanted = RLIMIT.unpack(raw)
        target = self.pids.find(pid) if pid else task
        if target is None or target.files is None:
            return -ESRCH
        if task.uid not in (0, target.uid):
            return -EPERM
        found = do_prlimit(task, target.files, resource, wanted)
        if isinstance(found, int):
            return found
        if old and not copy_to_user(task.mm, old & 0xFFFFFFFFFFFFFFFF, RLIMIT.pack(*found)):
            return -EFAULT
        return 0

    def register(self, table):
        """Enter these calls into the table."""
        table.register(SYS_getrlimit, "getrlimit", self.getrlimit)
        table.register(SYS_ugetrlimit, "ugetrlimit", self.getrlimit)
        table.register(SYS_setrlimit, "setrlimit", self.setrlimit)
        table.register(SYS_prlimit64, "prlimit64", self.prlimit64)


def show_limits(files):
    """The text of /proc/PID/limits."""
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"]
    for (name, unit), (soft, hard) in zip(NAMES, files.rlim, strict=True):
        lines.append(f"{name:<25} {shown(soft):<20} {shown(hard):<20} {unit:<10}".rstrip(" " if not unit else "") + "\n")
    return "".join(lines)


def shown(value):
    return "unlimited" if value == RLIM_INFINITY else str(value)
