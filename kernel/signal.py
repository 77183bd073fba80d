"""Signals: sending them, masks and actions.  `kernel/signal_delivery.py` has what a task does about them.

A signal is sent to a thread (`send_signal`: what its own doing caused, tgkill) or to a process (`send_group_signal`:
kill, the terminal, timers, SIGCHLD), which any of its threads that does not block it then takes.
"""

from kernel.arch.uaccess import copy_from_user
from kernel.sched.group import sigaction
from kernel.sched.state import EXIT_DEAD, PF_EXITING, PF_KTHREAD, TASK_INTERRUPTIBLE, TASK_KILLABLE
from kernel.siginfo import siginfo
from kernel.uapi.errno import EAGAIN, EFAULT, EINTR, EINVAL, EPERM, ERESTARTNOHAND, ESRCH
from kernel.uapi.poll import POLLIN
from kernel.uapi.signal import (
    CLD_CONTINUED,
    CLD_STOPPED,
    DEFAULT_IGNORED,
    DEFAULT_STOP,
    NSIG,
    SA_NOCLDSTOP,
    SI_KERNEL,
    SI_USER,
    SIG_DFL,
    SIG_IGN,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGSET_SIZE,
    SIGSTOP,
)

UNBLOCKABLE = 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1)
SIG_BITS = (1 << NSIG) - 1
STOP_BITS = sum(1 << (sig - 1) for sig in DEFAULT_STOP)
CONT_BIT = 1 << (SIGCONT - 1)

__all__ = ["SIG_BITS", "UNBLOCKABLE", "sigaction", "siginfo"]


def pending_mask(task):
    """The signals that wait for the thread or its process."""
    return task.pending.mask | task.signal.shared_pending.mask


def recalc_sigpending(task):
    """Set `task.sigpending` from what waits and is not blocked."""
    task.sigpending = bool(task.dying or task.stopping or pending_mask(task) & ~task.blocked)


def signal_wake_up(task):
    """Have a thread look at its signals soon."""
    task.sigpending = True
    if task.state == TASK_INTERRUPTIBLE:
        task.wake_up()


def handler_ignores(task, sig):
    """True when the process's action is to do nothing."""
    handler = task.sighand.action(sig).handler
    if sig in (SIGKILL, SIGSTOP):
        return False
    return handler == SIG_IGN or (handler == SIG_DFL and sig in DEFAULT_IGNORED)


def is_ignored(task, sig):
    """True when a signal sent now is lost: one that is blocked is kept, for it may be waited for."""
    if (task.blocked | task.real_blocked) >> (sig - 1) & 1:
        return False
    # init gets no signal that it has not asked for.
    if task.signal.unkillable and task.sighand.action(sig).handler == SIG_DFL:
        return True
    return handler_ignores(task, sig)


def prepare_signal(task, sig):
    """The effects that stop and continue signals have at once; False when the signal is not to be queued."""
    group = task.signal
    if group.exiting or task.flags & PF_EXITING:
        return False
    if sig in DEFAULT_STOP:
        flush(group, CONT_BIT)
    elif sig == SIGCONT:
        flush(group, STOP_BITS)
        resume(group)
    return not is_ignored(task, sig)


def flush(group, mask):
    """Forget signals that wait for any thread of a process or for all."""
    group.shared_pending.flush(mask)
    for thread in group.threads:
        thread.pending.flush(mask)


def resume(group):
    """SIGCONT: let the threads of a process go on that is stopped or about to."""
    was_stopped = group.stopped
    group.stop_signal = 0
    group.stopped = False
    group.report_stop = False
    for thread in group.threads:
        thread.stopping = False
        thread.sched.wake_up_stopped(thread)
        recalc_sigpending(thread)
    if was_stopped:
        group.report_continue = True
        notify_stop(group, CLD_CONTINUED, SIGCONT)


def notify_stop(group, code, sig):
    """Tell the parent that a child has been stopped or continued."""
    parent = group.parent
    if parent is None:
        return
    act = parent.sighand.action(SIGCHLD)
    if act.handler != SIG_IGN and not act.flags & SA_NOCLDSTOP:
        info = siginfo(SIGCHLD, code, group.leader.pid, group.leader.uid)
        info.status = sig
        info.utime, info.stime = group.cpu_time()
        send_group_signal(parent, SIGCHLD, info)
    parent.signal.wait_chldexit.wake_up_all()


def wants_signal(task, sig):
    """True when the thread would take a signal that is for its process."""
    if task.flags & PF_EXITING or task.dying:
        return False
    return sig == SIGKILL or not task.blocked >> (sig - 1) & 1


def send_signal(task, sig, info=None):
    """Send `sig` to one thread; 0 or a negative errno."""
    if task.flags & PF_KTHREAD or task.state == EXIT_DEAD:
        return -ESRCH
    if not prepare_signal(task, sig):
        return 0
    if not task.pending.add(info if info is not None else siginfo(sig, SI_KERNEL)):
        return -EAGAIN
    signalfd_notify(task.signal)
    if wants_signal(task, sig):
        wake_for(task, sig)
    return 0


def send_group_signal(task, sig, info=None):
    """Send `sig` to the process of `task`; 0 or a negative errno."""
    if task.flags & PF_KTHREAD or task.state == EXIT_DEAD:
        return -ESRCH
    group = task.signal
    # The first thread may have ended before the others.
    witness = task if not task.flags & PF_EXITING or not group.threads else group.threads[0]
    if not prepare_signal(witness, sig):
        return 0
    if not group.shared_pending.add(info if info is not None else siginfo(sig, SI_KERNEL)):
        return -EAGAIN
    signalfd_notify(group)
    for thread in [witness, *group.threads]:
        if wants_signal(thread, sig):
            wake_for(thread, sig)
            break
    return 0


def signalfd_notify(group):
    """A signal waits: tell who watches for it with a signalfd."""
    if group.signalfd_wqh.first is not None:
        group.signalfd_wqh.wake_up_all(POLLIN)


def wake_for(task, sig):
    if sig == SIGKILL:
        force_exit(task, SIGKILL)
    else:
        signal_wake_up(task)


def force_signal(task, sig, info):
    """A signal that the thread can neither block nor ignore, for an instruction of its own has caused it."""
    act = task.sighand.action(sig)
    if act.handler == SIG_IGN or task.blocked >> (sig - 1) & 1:
        task.sighand.actions.pop(sig, None)
        task.blocked &= ~(1 << (sig - 1))
        act = task.sighand.action(sig)
    if act.handler == SIG_DFL:
        task.signal.unkillable = False
    task.pending.add(info)
    signal_wake_up(task)


def end_thread(task, exit_code):
    """Make one thread end at its next return from the kernel, whatever it does about signals."""
    if not task.dying:
        task.dying = True
        task.exit_code = exit_code
    task.sigpending = True
    if task.state in (TASK_INTERRUPTIBLE, TASK_KILLABLE):
        task.wake_up()
    else:
        task.sched.wake_up_stopped(task)


def force_exit(task, exit_code):
    """Make all threads of a process end, with `exit_code` as its wait status unless it is ending already."""
    group = task.signal
    if not group.exiting:
        group.exiting = True
        group.exit_code = exit_code
    for thread in list(group.threads):
        end_thread(thread, group.exit_code)


def do_sigaction(task, sig, new):
    """Install `new` (None: only ask); returns the old action, or a negative errno."""
    if sig < 1 or sig > NSIG or (new is not None and sig in (SIGKILL, SIGSTOP)):
        return -EINVAL
    old = task.sighand.action(sig)
    if new is not None:
        new.mask &= ~UNBLOCKABLE
        task.sighand.actions[sig] = new
        if handler_ignores(task, sig):
            flush(task.signal, 1 << (sig - 1))
            for thread in task.signal.threads:
                recalc_sigpending(thread)
    return old


def set_blocked(task, mask):
    """Replace the mask of blocked signals; SIGKILL and SIGSTOP can not be blocked."""
    before = task.blocked
    task.blocked = mask & SIG_BITS & ~UNBLOCKABLE
    recalc_sigpending(task)
    group = task.signal
    if group.shared_pending.mask & task.blocked & ~before:
        # What this thread was to take for its process is another's now.
        for thread in group.threads:
            if thread is not task and group.shared_pending.mask & ~thread.blocked and not thread.sigpending:
                signal_wake_up(thread)


def replace_sigmask(task, mask):
    """Another mask for the length of a call like sigsuspend; `restore_sigmask` puts the old one back."""
    task.saved_sigmask = task.blocked
    set_blocked(task, mask)


def set_user_sigmask(task, address, size):
    """ppoll and its kin: block the signals in the sigset_t at a user address (0: leave all as it is); 0 or -errno."""
    if not address:
        return 0
    if size != SIGSET_SIZE:
        return -EINVAL
    raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, SIGSET_SIZE)
    if raw is None:
        return -EFAULT
    replace_sigmask(task, int.from_bytes(raw, "little"))
    return 0


def restore_sigmask(task, result):
    """The end of such a call: the old mask again; returns `result`.

    After an interruption `syscall_exit` does it, once a handler has its frame.
    """
    if task.saved_sigmask is not None and not (task.sigpending and result in (-EINTR, -ERESTARTNOHAND)):
        mask = task.saved_sigmask
        task.saved_sigmask = None
        set_blocked(task, mask)
    return result


def may_signal(sender, task, sig):
    """Permission to signal: root, the same user, or SIGCONT within a session."""
    return sender.uid in (0, task.uid) or (sig == SIGCONT and sender.session == task.session)


def kill(tasks, sender, pid, sig):
    """kill(2): a process, a process group (pid 0: the sender's; pid < -1), or all but pid 1 and the sender's own (-1)."""
    if sig < 0 or sig > NSIG:
        return -EINVAL
    if pid > 0:
        targets = [task for task in tasks if task.pid == pid]
    elif pid == -1:
        targets = [task for task in tasks if task.is_leader() and task.pid > 1 and task.signal is not sender.signal]
    elif pid == -(1 << 31):
        return -ESRCH
    else:
        group = sender.pgrp if pid == 0 else -pid
        targets = [task for task in tasks if task.is_leader() and task.pgrp == group]
    targets = [task for task in targets if not task.is_kthread() or pid > 0]
    if not targets:
        return -ESRCH
    permitted = [task for task in targets if may_signal(sender, task, sig)]
    if not permitted:
        return -EPERM
    for task in permitted:
        if sig and not task.is_kthread():
            send_group_signal(task, sig, siginfo(sig, SI_USER, sender.tgid, sender.uid))
    return 0


def kill_pgrp(tasks, group, sig):
    """Send `sig` to every process of a process group (what a terminal does)."""
    for task in tasks:
        if task.pgrp == group and task.is_leader():
            send_group_signal(task, sig, siginfo(sig, SI_KERNEL))


def send_sigio(tasks, owner, sig, fd, code, band):
    """What F_SETOWN asks for: signal `sig` to `owner` (a pid, or minus a process group) about descriptor `fd`.

    `code` is POLL_IN and its like, `band` the poll mask.
    """
    for task in tasks:
        if (owner > 0 and task.pid == owner) or (owner < 0 and task.is_leader() and task.pgrp == -owner):
            info = siginfo(sig, code)
            info.band = band
            info.fd = fd
            send_group_signal(task, sig, info)


def orphaned_group(tasks, group):
    """True when no process of the group has a parent in another group of the same session: nobody would continue it."""
    for task in tasks:
        if task.is_leader() and task.pgrp == group and task.signal.threads:
            parent = task.parent
            if parent is not None and parent.session == task.session and parent.pgrp != group and parent.pid != 1:
                return False
    return True


def stop_reported(group, sig):
    """All threads of a process have stopped: remember it for wait, and tell the parent."""
    group.stopped = True
    group.report_stop = True
    group.report_continue = False
    notify_stop(group, CLD_STOPPED, sig)
