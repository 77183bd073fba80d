"""The system calls about signals: sending, actions, masks and waiting for them.

Masks in user memory are 64 bits: bit N - 1 stands for signal N.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.sched.state import MAX_SCHEDULE_TIMEOUT, TASK_INTERRUPTIBLE, TASK_RUNNING
from kernel.siginfo import from_user_bytes
from kernel.signal import (
    do_sigaction,
    kill,
    may_signal,
    pending_mask,
    recalc_sigpending,
    replace_sigmask,
    send_group_signal,
    send_signal,
    set_blocked,
    sigaction,
    siginfo,
)
from kernel.signal_delivery import dequeue_signal
from kernel.syscalls import from_user
from kernel.uapi.errno import EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ERESTARTNOHAND, ESRCH
from kernel.uapi.signal import (
    MINSIGSTKSZ,
    NSIG,
    SI_TKILL,
    SIG_BLOCK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGINFO_SIZE,
    SIGSET_SIZE,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
)
from kernel.uapi.syscall import (
    SYS_kill,
    SYS_pause,
    SYS_rt_sigaction,
    SYS_rt_sigpending,
    SYS_rt_sigprocmask,
    SYS_rt_sigqueueinfo,
    SYS_rt_sigreturn,
    SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait,
    SYS_rt_tgsigqueueinfo,
    SYS_sigaltstack,
    SYS_tgkill,
    SYS_tkill,
)
from kernel.uapi.time import NSEC_PER_SEC

# struct sigaction: handler, flags, restorer, mask.
SIGACTION = Struct("<QQQQ")
STACK = Struct("<Qi4xQ")
TIMESPEC = Struct("<qq")
LONGEST = 1 << 62


class signal_calls:
    """The signal calls of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched

    # --- sending ---

    def kill(self, task, pid, sig, a2, a3, a4, a5):
        """int kill(pid_t pid, int sig)"""
        return kill(self.kernel.pids.tasks(), task, pid, sig)

    def tkill(self, task, tid, sig, a2, a3, a4, a5):
        """int tkill(pid_t tid, int sig)"""
        return self.signal_thread(task, 0, tid, sig, None) if tid > 0 else -EINVAL

    def tgkill(self, task, tgid, tid, sig, a3, a4, a5):
        """int tgkill(pid_t tgid, pid_t tid, int sig)"""
        return self.signal_thread(task, tgid, tid, sig, None) if tgid > 0 and tid > 0 else -EINVAL

    def signal_thread(self, sender, tgid, tid, sig, info):
        """Send `sig` to the thread `tid`, which has to be one of the process `tgid` (0: of any)."""
        if sig < 0 or sig > NSIG:
            return -EINVAL
        target = self.kernel.pids.find(tid)
        if target is None or (tgid and target.tgid != tgid):
            return -ESRCH
        if not may_signal(sender, target, sig):
            return -EPERM
        if sig == 0 or target.is_kthread():
            return 0
        return send_signal(target, sig, info or siginfo(sig, SI_TKILL, sender.tgid, sender.uid))

    def queue_info(self, task, address, sig):
        """The siginfo of rt_sigqueueinfo and its like, or a negative errno."""
        info = from_user_bytes(from_user(copy_from_user(task.mm, address, SIGINFO_SIZE)), task.abi.word)
        if info.raw:
            info.raw = sig.to_bytes(4, "little", signed=True) + info.raw[4:]
        info.signo = sig
        return info

    def rt_sigqueueinfo(self, task, pid, sig, address, a3, a4, a5):
        """int rt_sigqueueinfo(pid_t tgid, int sig, siginfo_t *info)"""
        if sig < 0 or sig > NSIG:
            return -EINVAL
        info = self.queue_info(task, address, sig)
        target = self.kernel.pids.find(pid)
        if (info.code >= 0 or info.code == SI_TKILL) and (target is None or target.tgid != task.tgid):
            return -EPERM
        if target is None:
            return -ESRCH
        if not may_signal(task, target, sig):
            return -EPERM
        return send_group_signal(target, sig, info) if sig and not target.is_kthread() else 0

    def rt_tgsigqueueinfo(self, task, tgid, tid, sig, address, a4, a5):
        """int rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, siginfo_t *info)"""
        if tgid <= 0 or tid <= 0 or sig < 0 or sig > NSIG:
            return -EINVAL
        info = self.queue_info(task, address, sig)
        if (info.code >= 0 or info.code == SI_TKILL) and tid != task.pid:
            return -EPERM
        return self.signal_thread(task, tgid, tid, sig, info)

    # --- actions and masks ---

    def rt_sigaction(self, task, sig, new, old, size, a4, a5):
        """int rt_sigaction(int sig, const struct sigaction *act, struct sigaction *oact, size_t sigsetsize)"""
        if size != SIGSET_SIZE:
            return -EINVAL
        wanted = None
        if new:
            handler, flags, restorer, mask = SIGACTION.unpack(from_user(copy_from_user(task.mm, new, SIGACTION.size)))
            wanted = sigaction(handler, flags, mask, restorer)
        before = do_sigaction(task, sig, wanted)
        if isinstance(before, int):
            return before
        raw = SIGACTION.pack(before.handler, before.flags, before.restorer, before.mask)
        if old and not copy_to_user(task.mm, old, raw):
            return -EFAULT
        return 0

    def user_mask(self, task, address):
        """The signal set at a user address."""
        return int.from_bytes(from_user(copy_from_user(task.mm, address, SIGSET_SIZE)), "little")

    def rt_sigprocmask(self, task, how, new, old, size, a4, a5):
        """int rt_sigprocmask(int how, const sigset_t *set, sigset_t *oldset, size_t sigsetsize)"""
        if size != SIGSET_SIZE:
            return -EINVAL
        before = task.blocked
        if new:
            mask = self.user_mask(task, new)
            if how == SIG_BLOCK:
                mask |= before
            elif how == SIG_UNBLOCK:
                mask = before & ~mask
            elif how != SIG_SETMASK:
                return -EINVAL
            set_blocked(task, mask)
        if old and not copy_to_user(task.mm, old, before.to_bytes(SIGSET_SIZE, "little")):
            return -EFAULT
        return 0

    def rt_sigpending(self, task, address, size, a2, a3, a4, a5):
        """int rt_sigpending(sigset_t *set, size_t sigsetsize)"""
        if not 0 <= size <= SIGSET_SIZE:
            return -EINVAL
        waiting = pending_mask(task) & task.blocked
        return 0 if copy_to_user(task.mm, address, waiting.to_bytes(SIGSET_SIZE, "little")[:size]) else -EFAULT

    def rt_sigreturn(self, task, a0, a1, a2, a3, a4, a5):
        """What is called when a handler has returned."""
        try:
            return task.abi.sigreturn(task)
        except ValueError:
            return -EINVAL

    def sigaltstack(self, task, new, old, a2, a3, a4, a5):
        """int sigaltstack(const stack_t *ss, stack_t *old_ss)"""
        present = task.altstack or (0, 0, 0)
        on_it = task.abi.on_altstack(task)
        wanted = None
        if new:
            address, flags, size = STACK.unpack(from_user(copy_from_user(task.mm, new, STACK.size)))
            if on_it:
                return -EPERM
            mode = flags & 0x7FFFFFFF
            if mode not in (0, SS_ONSTACK, SS_DISABLE):
                return -EINVAL
            if mode == SS_DISABLE:
                wanted = (0, 0, 0)
            elif size < MINSIGSTKSZ:
                return -ENOMEM
            else:
                wanted = (address, size, flags & 0xFFFFFFFF)
        if old:
            flags = SS_DISABLE if present[1] == 0 else SS_ONSTACK if on_it else 0
            flags |= present[2] & SS_AUTODISARM
            if not copy_to_user(task.mm, old, STACK.pack(present[0], flags - (flags >> 31 << 32), present[1])):
                return -EFAULT
        if wanted is not None:
            task.altstack = wanted
        return 0

    # --- waiting ---

    def pause(self, task, a0, a1, a2, a3, a4, a5):
        """int pause(void)"""
        return self.sleep_for_signal()

    def sleep_for_signal(self):
        while not self.sched.signal_pending():
            self.sched.sleep(MAX_SCHEDULE_TIMEOUT)
        return -ERESTARTNOHAND

    def rt_sigsuspend(self, task, mask, size, a2, a3, a4, a5):
        """int rt_sigsuspend(const sigset_t *mask, size_t sigsetsize)"""
        if size != SIGSET_SIZE:
            return -EINVAL
        replace_sigmask(task, self.user_mask(task, mask))
        return self.sleep_for_signal()

    def rt_sigtimedwait(self, task, these, info, timeout, size, a4, a5):
        """int rt_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout, size_t sigsetsize)"""
        if size != SIGSET_SIZE:
            return -EINVAL
        wanted = self.user_mask(task, these)
        left = MAX_SCHEDULE_TIMEOUT
        if timeout:
            seconds, nanoseconds = TIMESPEC.unpack(from_user(copy_from_user(task.mm, timeout, TIMESPEC.size)))
            if seconds < 0 or not 0 <= nanoseconds < NSEC_PER_SEC:
                return -EINVAL
            left = min(seconds * NSEC_PER_SEC + nanoseconds, LONGEST)
        found = dequeue_signal(task, wanted)
        interrupted = False
        if found is None and left != 0:
            # While it waits the signals are not blocked, so that they wake it, and not ignored either.
            task.real_blocked = task.blocked
            set_blocked(task, task.blocked & ~wanted)
            if not self.sched.signal_pending():
                task.state = TASK_INTERRUPTIBLE
                self.sched.schedule_timeout(left)
            task.state = TASK_RUNNING
            found = dequeue_signal(task, wanted)
            recalc_sigpending(task)
            interrupted = task.sigpending
            set_blocked(task, task.real_blocked)
            task.real_blocked = 0
        if found is None:
            return -EINTR if interrupted else -EAGAIN
        if info and not copy_to_user(task.mm, info, found.pack_for(task.abi.word)):
            return -EFAULT
        return found.signo

    def register(self, table):
        """Enter this room's calls into the table."""
        for nr, function in (
            (SYS_kill, self.kill),
            (SYS_tkill, self.tkill),
            (SYS_tgkill, self.tgkill),
            (SYS_rt_sigqueueinfo, self.rt_sigqueueinfo),
            (SYS_rt_tgsigqueueinfo, self.rt_tgsigqueueinfo),
            (SYS_rt_sigaction, self.rt_sigaction),
            (SYS_rt_sigprocmask, self.rt_sigprocmask),
            (SYS_rt_sigpending, self.rt_sigpending),
            (SYS_rt_sigreturn, self.rt_sigreturn),
            (SYS_sigaltstack, self.sigaltstack),
            (SYS_pause, self.pause),
            (SYS_rt_sigsuspend, self.rt_sigsuspend),
            (SYS_rt_sigtimedwait, self.rt_sigtimedwait),
        ):
            table.register(nr, function.__name__, function)
