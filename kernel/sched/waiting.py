"""wait4, waitpid and waitid: what has become of children."""

from struct import Struct

from kernel.arch.uaccess import copy_to_user
from kernel.sched.exit import exit_reason, is_zombie, reap
from kernel.sched.usage import pack_rusage
from kernel.siginfo import siginfo
from kernel.uapi.errno import ECHILD, EFAULT, EINVAL, ERESTARTSYS
from kernel.uapi.signal import (
    CLD_CONTINUED,
    CLD_STOPPED,
    P_ALL,
    P_PGID,
    P_PID,
    SIGCHLD,
    SIGCONT,
    WALL,
    WCLONE,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOTHREAD,
    WNOWAIT,
    WSTOPPED,
    WUNTRACED,
)
from kernel.uapi.syscall import SYS_wait4, SYS_waitid, SYS_waitpid

LINUX_ONLY = WNOTHREAD | WALL | WCLONE
STATUS = Struct("<I")
STATUS_CONTINUED = 0xFFFF
STATUS_STOPPED = 0x7F


class event:
    """What wait has found: the child's pid, the wait status, si_code and si_status, and the times of the child."""

    def __init__(self, child, status, code, value):
        self.pid = child.pid
        self.uid = child.uid
        self.status = status
        self.code = code
        self.value = value
        self.times = child.signal.cpu_time()


class wait_calls:
    """The wait calls of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched

    def do_wait(self, task, kind, number, options):
        """The next `event` of a child among `kind` and `number` (P_ALL ...), None with WNOHANG, or a negative errno."""
        sched = self.sched
        group = task.signal
        while True:
            candidates = [child for child in group.children if eligible(child, kind, number, options)]
            if not candidates:
                return -ECHILD
            for child in candidates:
                found = self.consider(child, options)
                if found is not None:
                    return found
            if options & WNOHANG:
                return None
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(group.wait_chldexit)
            sched.schedule()
            sched.finish_wait(group.wait_chldexit)

    def consider(self, child, options):
        """What there is to tell of a child, or None; it is told once, unless WNOWAIT."""
        group = child.signal
        keep = options & WNOWAIT
        if options & WEXITED and is_zombie(child):
            found = event(child, group.exit_code, *exit_reason(group.exit_code))
            if not keep:
                reap(self.kernel, child)
            return found
        if options & WSTOPPED and group.report_stop:
            group.report_stop = bool(keep)
            return event(child, group.stop_signal << 8 | STATUS_STOPPED, CLD_STOPPED, group.stop_signal)
        if options & WCONTINUED and group.report_continue:
            group.report_continue = bool(keep)
            return event(child, STATUS_CONTINUED, CLD_CONTINUED, SIGCONT)
        return None

    def waitpid(self, task, pid, status, flags, a3, a4, a5):
        """pid_t waitpid(pid_t pid, int *wstatus, int options)"""
        return self.wait4(task, pid, status, flags, 0, a4, a5)

    def wait4(self, task, pid, status, flags, usage, a4, a5):
        """pid_t wait4(pid_t pid, int *wstatus, int options, struct rusage *rusage)"""
        flags &= 0xFFFFFFFF
        if flags & ~(WNOHANG | WUNTRACED | WCONTINUED | LINUX_ONLY):
            return -EINVAL
        if pid > 0:
            kind, number = P_PID, pid
        elif pid == -1:
            kind, number = P_ALL, 0
        else:
            kind, number = P_PGID, task.pgrp if pid == 0 else -pid
        found = self.do_wait(task, kind, number, flags | WEXITED)
        if found is None:
            return 0
        if isinstance(found, int):
            return found
        if status and not copy_to_user(task.mm, status, STATUS.pack(found.status)):
            return -EFAULT
        if usage and not copy_to_user(task.mm, usage, pack_rusage(*found.times)):
            return -EFAULT
        return found.pid

    def waitid(self, task, kind, number, info, options, usage, a5):
        """int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options), and rusage as wait4 has it"""
        options &= 0xFFFFFFFF
        if options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | LINUX_ONLY):
            return -EINVAL
        if not options & (WEXITED | WSTOPPED | WCONTINUED) or kind not in (P_ALL, P_PID, P_PGID):
            return -EINVAL
        if (kind == P_PID and number <= 0) or (kind == P_PGID and number < 0):
            return -EINVAL
        if kind == P_PGID and number == 0:
            number = task.pgrp
        found = self.do_wait(task, kind, number, options)
        if isinstance(found, int):
            return found
        if info and not copy_to_user(task.mm, info, child_info(found, task.abi.word)):
            return -EFAULT
        if found is not None and usage and not copy_to_user(task.mm, usage, pack_rusage(*found.times)):
            return -EFAULT
        return 0

    def register(self, table):
        table.register(SYS_wait4, "wait4", self.wait4)
        table.register(SYS_waitpid, "waitpid", self.waitpid)
        table.register(SYS_waitid, "waitid", self.waitid)


def eligible(child, kind, number, options):
    """Whether a wait means this child: by its number, and by the signal that its end sends."""
    if kind == P_PID and child.pid != number:
        return False
    if kind == P_PGID and child.pgrp != number:
        return False
    return bool(options & WALL or (child.exit_signal != SIGCHLD) == bool(options & WCLONE))


def child_info(found, word):
    """The siginfo_t that waitid fills in; all zero where there was nothing to tell."""
    if found is None:
        return siginfo(0).pack_for(word)
    info = siginfo(SIGCHLD, found.code, found.pid, found.uid)
    info.status = found.value
    return info.pack_for(word)
