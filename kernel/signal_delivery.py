"""Signals at the moment when a task returns to its program: default actions, stopping, handlers, restarting calls.

A handler is a number that only the program knows the meaning of.  How it is entered, and how the interrupted call is
made again, depends on the program's kind: `task.abi` has `setup_frame`.
"""

from kernel.sched.ending import TaskExit
from kernel.sched.state import TASK_RUNNING, TASK_STOPPED
from kernel.signal import (
    force_exit,
    handler_ignores,
    orphaned_group,
    pending_mask,
    recalc_sigpending,
    restore_sigmask,
    set_blocked,
    signal_wake_up,
    stop_reported,
)
from kernel.uapi.errno import EINTR, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS
from kernel.uapi.sched import CLONE_THREAD
from kernel.uapi.signal import (
    DEFAULT_STOP,
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SIG_DFL,
    SIGKILL,
    SIGSTOP,
    SYNCHRONOUS,
)

RESTARTS = (ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK)
KERNEL_ONLY = (SIGKILL, SIGSTOP)
SYNCHRONOUS_BITS = sum(1 << (sig - 1) for sig in SYNCHRONOUS)


def dequeue_signal(task, mask):
    """Take the next signal among `mask` that waits for the thread or its process; its siginfo, or None."""
    waiting = pending_mask(task) & mask
    if not waiting:
        return None
    own = task.pending.mask & mask
    chosen = own & SYNCHRONOUS_BITS or own or waiting
    sig = (chosen & -chosen).bit_length()
    source = task.pending if task.pending.mask >> (sig - 1) & 1 else task.signal.shared_pending
    info = source.take(sig)
    recalc_sigpending(task)
    return info


def get_signal(task):
    """Take signals and carry out their default actions until one has a handler: (siginfo, action), or None.

    Raises TaskExit in a task that has to end.
    """
    group = task.signal
    while True:
        if task.dying:
            raise TaskExit
        if task.stopping:
            do_signal_stop(task)
            continue
        info = dequeue_signal(task, ~task.blocked)
        if info is None:
            return None
        sig = info.signo
        if handler_ignores(task, sig):
            continue
        act = task.sighand.action(sig)
        if act.handler != SIG_DFL and task.abi.catches(task):
            return info, act
        if group.unkillable and sig not in KERNEL_ONLY:
            continue
        if sig in DEFAULT_STOP:
            if sig == SIGSTOP or not orphaned_group(group.pids.tasks(), group.pgrp):
                begin_stop(task, sig)
            continue
        task.abi.died(task, info)
        force_exit(task, sig)


def begin_stop(task, sig):
    """A stop signal has come: all threads of the process are to stop."""
    group = task.signal
    group.stop_signal = sig
    for thread in group.threads:
        if thread.state != TASK_STOPPED and not thread.dying:
            thread.stopping = True
            signal_wake_up(thread)


def do_signal_stop(task):
    """Stop this thread until SIGCONT or SIGKILL; the last one to stop tells the parent."""
    group = task.signal
    task.stopping = False
    task.state = TASK_STOPPED
    if not group.stopped and all(thread.state == TASK_STOPPED or thread.dying for thread in group.threads):
        stop_reported(group, group.stop_signal)
    task.sched.schedule()
    task.state = TASK_RUNNING
    recalc_sigpending(task)


def syscall_exit(task, result):
    """Deliver signals at the end of a system call with `result`.

    Returns the result for the program, or -ERESTARTNOINTR: the call (or `task.restart_block`, where that is set) is to
    be made again.  Raises TaskExit in a task that has to end.
    """
    interrupted = -result in RESTARTS or result == -EINTR
    if not interrupted:
        restore_sigmask(task, 0)
    restart = -result in RESTARTS
    if result != -ERESTART_RESTARTBLOCK:
        task.restart_block = None
    handled = False
    while True:
        found = get_signal(task)
        if found is None:
            break
        info, act = found
        if handled:
            handle_signal(task, info, act, None, False)
            continue
        # The first handler's action decides; what comes on top of it interrupts nothing but its frame.
        if result in (-ERESTARTNOHAND, -ERESTART_RESTARTBLOCK) or (result == -ERESTARTSYS and not act.flags & SA_RESTART):
            restart = False
        handle_signal(task, info, act, -EINTR if -result in RESTARTS else result, restart)
        handled = True
    restore_sigmask(task, 0)
    if handled:
        task.restart_block = None
    if not restart:
        return -EINTR if -result in RESTARTS else result
    return -EINTR if handled else -ERESTARTNOINTR


def deliver_signals(task):
    """Deliver signals to a program that was not in a system call."""
    while True:
        found = get_signal(task)
        if found is None:
            return
        handle_signal(task, found[0], found[1], None, False)


def handle_signal(task, info, act, result, restart):
    """Have the program's handler called; until it returns, its signal and its mask are blocked.

    `result` is what the interrupted call returns (None: there was none), `restart` tells that it is made again instead.
    """
    mask = task.blocked
    if task.saved_sigmask is not None:
        mask = task.saved_sigmask
        task.saved_sigmask = None
    if act.flags & SA_RESETHAND:
        task.sighand.actions.pop(info.signo, None)
    task.abi.setup_frame(task, info, act, mask, result, restart)
    blocked = task.blocked | act.mask
    if not act.flags & SA_NODEFER:
        blocked |= 1 << (info.signo - 1)
    set_blocked(task, blocked)


class python_abi:
    """How a program in Python and the kernel speak to each other: handlers are called at the trap gate."""

    name = "python"
    # Bytes of a pointer.
    word = 8

    def check(self, flags):
        """0, or -EINVAL where clone(2) is to copy the program: a running program in Python can only get threads."""
        return 0 if flags & CLONE_THREAD else -EINVAL

    def new_context(self, kernel, task, body, flags, stack, tls):
        """The context of a new thread: it executes `body`, in the caller's address space."""
        context = kernel.arch.new_context(body)
        context.address_space = task.context.address_space
        context.signal_entry = task.context.signal_entry
        context.thread_entry = task.context.thread_entry
        return context

    def enter(self, kernel, task, stack):
        """What a new thread does: it begins at the program's thread entry."""
        task.context.thread_entry(stack)

    def leave(self, task):
        """A thread has ended: its memory goes with its objects."""

    def catches(self, task):
        """True when the program has a signal entry."""
        return task.context.signal_entry is not None

    def on_altstack(self, task):
        """Handlers run on the program's only stack."""
        return False

    def died(self, task, info):
        """A signal ends the process: there is nothing to say."""

    def setup_frame(self, task, info, act, mask, result, restart):
        """Push a frame on the context; the mask that rt_sigreturn(2) restores stays in the kernel."""
        task.frame_masks.append(mask)
        task.context.push_frame(act.handler, info.signo, info.pack())
        if restart:
            # The trap gate makes the call again once the handlers have returned.
            task.context.restart = True

    def sigreturn(self, task):
        """The handler has returned: the mask is what it was.  ValueError outside any handler."""
        if not task.frame_masks:
            raise ValueError
        set_blocked(task, task.frame_masks.pop())
        return 0
