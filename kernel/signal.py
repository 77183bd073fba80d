"""Signals.

A signal whose action is the default kills the task: TaskExit is raised in it at the end of its system call.  A handler
is a number that only the program's libc understands.  The kernel pushes a frame (handler, signal) on the context; the
trap gate calls the program's signal entry with it before the system call returns to the program, and the entry ends
with rt_sigreturn(2), which gives the program its old mask back.
"""

from kernel.arch.uaccess import copy_from_user
from kernel.sched.ending import TaskExit
from kernel.sched.state import EXIT_DEAD, EXIT_ZOMBIE, PF_EXITING, PF_KTHREAD, TASK_INTERRUPTIBLE
from kernel.uapi.errno import (
    EFAULT,
    EINTR,
    EINVAL,
    EPERM,
    ERESTARTNOHAND,
    ERESTARTNOINTR,
    ERESTARTSYS,
    ESRCH,
)
from kernel.uapi.signal import (
    DEFAULT_IGNORED,
    NSIG,
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SIG_DFL,
    SIG_IGN,
    SIGKILL,
    SIGSET_SIZE,
    SIGSTOP,
)

UNBLOCKABLE = 1 << SIGKILL | 1 << SIGSTOP
# Bits 1 to 64.
SIG_BITS = (1 << 65) - 2


class sigaction:
    """What a task does about one signal."""

    def __init__(self, handler=SIG_DFL, flags=0, mask=0):
        self.handler = handler
        self.flags = flags
        self.mask = mask


class signal_struct:
    """A task's signal state.  Bit N of `pending` and `blocked` stands for signal N."""

    def __init__(self):
        self.pending = 0
        self.blocked = 0
        self.actions = {}
        # The masks that rt_sigreturn restores, innermost handler last.
        self.saved_masks = []
        # What ppoll and its kin have replaced for the length of the call, None outside of one.
        self.restore_mask = None

    def action(self, sig):
        found = self.actions.get(sig)
        return found if found is not None else DEFAULT_ACTION

    def child(self):
        """The state of a spawned program: ignored signals stay ignored, handlers are gone."""
        child = signal_struct()
        child.blocked = self.blocked
        child.actions = {sig: sigaction(SIG_IGN) for sig, act in self.actions.items() if act.handler == SIG_IGN}
        return child

    def flush_handlers(self):
        """execve: handlers belong to the old program."""
        self.actions = {sig: act for sig, act in self.actions.items() if act.handler == SIG_IGN}
        self.saved_masks = []


DEFAULT_ACTION = sigaction()


def is_ignored(task, sig):
    handler = task.signal.action(sig).handler
    if sig == SIGKILL:
        return False
    return handler == SIG_IGN or (handler == SIG_DFL and sig in DEFAULT_IGNORED)


def recalc_sigpending(task):
    """Set `task.sigpending` from what is pending and not blocked."""
    signals = task.signal
    task.sigpending = bool(task.dying or signals.pending & ~(signals.blocked & ~UNBLOCKABLE))


def send_signal(task, sig):
    """Make `sig` pending for `task` and wake it when it sleeps interruptibly; 0 or -ESRCH."""
    if task.state in (EXIT_ZOMBIE, EXIT_DEAD) or task.flags & (PF_EXITING | PF_KTHREAD) or task.signal is None:
        return -ESRCH
    # pid 1 dies of its own will or not at all.
    if task.pid == 1 and task.signal.action(sig).handler == SIG_DFL:
        return 0
    if is_ignored(task, sig):
        return 0
    task.signal.pending |= 1 << sig
    recalc_sigpending(task)
    if task.sigpending and task.state == TASK_INTERRUPTIBLE:
        task.wake_up()
    return 0


def force_exit(task, exit_code):
    """Make a task end at its next return from the kernel, whatever it does about signals."""
    task.dying = True
    task.exit_code = exit_code
    task.sigpending = True
    if task.state == TASK_INTERRUPTIBLE:
        task.wake_up()


def syscall_exit(task, result):
    """Deliver signals at the end of a system call with `result`.

    Returns the result for the program, or -ERESTARTNOINTR: the call is to be made again.  Raises TaskExit in a task
    that has to end.
    """
    restart = result in (-ERESTARTSYS, -ERESTARTNOINTR, -ERESTARTNOHAND)
    handled = False
    signals = task.signal
    while True:
        if task.dying:
            raise TaskExit
        waiting = signals.pending & ~(signals.blocked & ~UNBLOCKABLE)
        if not waiting:
            break
        sig = SIGKILL if waiting >> SIGKILL & 1 else (waiting & -waiting).bit_length() - 1
        signals.pending &= ~(1 << sig)
        if is_ignored(task, sig):
            continue
        act = signals.action(sig)
        if act.handler == SIG_DFL or task.context.signal_entry is None:
            force_exit(task, sig)
            continue
        if result == -ERESTARTNOHAND or (result == -ERESTARTSYS and not act.flags & SA_RESTART):
            restart = False
        push_frame(task, sig, act)
        handled = True
    if signals.restore_mask is not None:
        signals.blocked = signals.restore_mask
        signals.restore_mask = None
    recalc_sigpending(task)
    if not restart:
        return -EINTR if result in (-ERESTARTSYS, -ERESTARTNOHAND) else result
    if not handled:
        return -ERESTARTNOINTR
    # The trap gate makes the call again once the handlers have returned.
    task.context.restart = True
    return -EINTR


def push_frame(task, sig, act):
    """Have the trap gate call the program's handler; until it returns its signal and its mask are blocked."""
    signals = task.signal
    if signals.restore_mask is None:
        signals.saved_masks.append(signals.blocked)
    else:
        signals.saved_masks.append(signals.restore_mask)
        signals.restore_mask = None
    signals.blocked |= act.mask
    if not act.flags & SA_NODEFER:
        signals.blocked |= 1 << sig
    if act.flags & SA_RESETHAND:
        del signals.actions[sig]
    task.context.push_frame(act.handler, sig)


def sigreturn(task):
    """A handler has returned: give the task its old mask back; 0 or -EINVAL."""
    if not task.signal.saved_masks:
        return -EINVAL
    set_blocked(task, task.signal.saved_masks.pop())
    return 0


def do_sigaction(task, sig, new):
    """Install `new` (None: only ask); returns the old action, or a negative errno."""
    if sig < 1 or sig > NSIG or (new is not None and sig in (SIGKILL, SIGSTOP)):
        return -EINVAL
    old = task.signal.action(sig)
    if new is not None:
        task.signal.actions[sig] = new
        if is_ignored(task, sig):
            task.signal.pending &= ~(1 << sig)
            recalc_sigpending(task)
    return old


def set_blocked(task, mask):
    """Replace the mask of blocked signals; SIGKILL and SIGSTOP can not be blocked."""
    task.signal.blocked = mask & ~UNBLOCKABLE
    recalc_sigpending(task)


def set_user_sigmask(task, address, size):
    """ppoll and its kin: block the signals in the sigset_t at a user address (0: leave all as it is); 0 or -errno."""
    if not address:
        return 0
    if size != SIGSET_SIZE:
        return -EINVAL
    raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, SIGSET_SIZE)
    if raw is None:
        return -EFAULT
    task.signal.restore_mask = task.signal.blocked
    set_blocked(task, int.from_bytes(raw, "little") << 1 & SIG_BITS)
    return 0


def restore_sigmask(task, result):
    """The end of such a call: the old mask again.  After an interruption the signal's handler runs first."""
    signals = task.signal
    if signals.restore_mask is not None and not (task.sigpending and result in (-EINTR, -ERESTARTNOHAND)):
        old = signals.restore_mask
        signals.restore_mask = None
        set_blocked(task, old)
    return result


def kill(tasks, sender, pid, sig):
    """kill(2): a task, a process group (pid 0: the sender's; pid < -1), or everybody but pid 1 and the sender (-1)."""
    if sig < 0 or sig > NSIG:
        return -EINVAL
    if pid > 0:
        targets = [task for task in tasks if task.pid == pid]
    elif pid == -1:
        targets = [task for task in tasks if task.pid > 1 and task is not sender]
    else:
        group = sender.pgrp if pid == 0 else -pid
        targets = [task for task in tasks if task.pgrp == group]
    if not targets:
        return -ESRCH
    permitted = [task for task in targets if sender.uid in (0, task.uid)]
    if not permitted:
        return -EPERM
    for task in permitted:
        if sig:
            send_signal(task, sig)
    return 0


def kill_pgrp(tasks, group, sig):
    """Send `sig` to every task of a process group (what a terminal does)."""
    for task in tasks:
        if task.pgrp == group:
            send_signal(task, sig)
