"""Job control: which session a terminal belongs to, and what happens to a background process that uses it.

setsid(2), credentials(7), ioctl_tty(2), termios(3) (TOSTOP, orphaned groups).
"""

from kernel.signal import handler_ignores, kill_pgrp, orphaned_group, send_group_signal
from kernel.uapi.errno import EIO, EPERM, ERESTARTSYS
from kernel.uapi.fcntl import FMODE_READ
from kernel.uapi.signal import SIGCONT, SIGHUP, SIGTTIN, SIGTTOU


def is_session_leader(task):
    return task.session == task.tgid


def acquire(task, tty):
    """Make the terminal the controlling one of the task's session."""
    tty.session = task.session
    tty.foreground = task.pgrp
    task.tty = tty
    task.signal.tty_old_pgrp = 0


def open_controlling(task, filp, tty):
    """A session leader without a terminal has opened one that is nobody's: it is its controlling terminal now."""
    if is_session_leader(task) and task.tty is None and not tty.session and filp.f_mode & FMODE_READ:
        acquire(task, tty)


def set_controlling(task, filp, tty, steal):
    """TIOCSCTTY; root may take it away from another session with `steal` 1."""
    if is_session_leader(task) and tty.session == task.session:
        return 0
    if not is_session_leader(task) or task.tty is not None:
        return -EPERM
    if tty.session:
        if steal != 1 or task.uid != 0:
            return -EPERM
        forget_session(tty)
    if not filp.f_mode & FMODE_READ and task.uid != 0:
        return -EPERM
    acquire(task, tty)
    return 0


def forget_session(tty):
    """No process has the terminal as its controlling one any more."""
    for task in tty.tasks():
        if task.tty is tty:
            task.tty = None
    tty.session = 0
    tty.foreground = 0


def check_change(task, tty, sig=SIGTTOU):
    """A task wants to read (SIGTTIN) or to change (SIGTTOU) a terminal: 0 if it may.

    From the background its group gets the signal (-ERESTARTSYS), or -EIO where nothing would come of that.
    """
    if task.tty is not tty or not tty.foreground or task.pgrp == tty.foreground:
        return 0
    if task.blocked >> (sig - 1) & 1 or handler_ignores(task, sig):
        return -EIO if sig == SIGTTIN else 0
    tasks = tty.tasks()
    if orphaned_group(tasks, task.pgrp):
        return -EIO
    kill_pgrp(tasks, task.pgrp, sig)
    return -ERESTARTSYS


def hang_up_session(tty, leader_ends):
    """The terminal has gone: SIGHUP and SIGCONT for the session's leader; the foreground is told when that has ended.

    `leader_ends`: the leader is ending just now, so the foreground is told at once.
    """
    session, foreground = tty.session, tty.foreground
    for task in tty.tasks():
        if task.tty is tty and task.is_leader():
            task.tty = None
            if task.pid == session:
                task.signal.tty_old_pgrp = foreground
                send_group_signal(task, SIGHUP)
                send_group_signal(task, SIGCONT)
    tty.session = 0
    tty.foreground = 0
    if leader_ends and foreground:
        kill_pgrp(tty.tasks(), foreground, SIGHUP)


def disassociate(task, hung_up_operations, ending=False):
    """The session of which this task is the leader gives its terminal up, or loses it because the leader ends.

    A serial line is then cut; the slave of a pseudo-terminal stays open to whoever has it.
    """
    if not is_session_leader(task):
        return
    tty = task.tty
    group = task.signal
    if tty is None:
        if ending and group.tty_old_pgrp:
            kill_pgrp(group.pids.tasks(), group.tty_old_pgrp, SIGHUP)
            kill_pgrp(group.pids.tasks(), group.tty_old_pgrp, SIGCONT)
        return
    if ending and tty.link is None:
        tty.hang_up(hung_up_operations, leader_ends=True)
    else:
        foreground = tty.foreground
        if foreground:
            kill_pgrp(tty.tasks(), foreground, SIGHUP)
            if not ending:
                kill_pgrp(tty.tasks(), foreground, SIGCONT)
        forget_session(tty)
    group.tty_old_pgrp = 0

