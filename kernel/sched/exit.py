"""The end of a task: closing what it held, telling its parent, and wait4.

Exit codes are wait statuses: the low seven bits are the signal that killed the task, bits 8 to 15 what it exited with.
"""

import traceback

from kernel.arch.uaccess import copy_to_user
from kernel.fs.read_write import kernel_write
from kernel.sched.ending import TaskExit
from kernel.sched.state import EXIT_DEAD, EXIT_ZOMBIE, PF_EXITING, PF_KTHREAD
from kernel.signal import force_exit, send_signal
from kernel.uapi.errno import ECHILD, EFAULT, EINVAL, ERESTARTSYS
from kernel.uapi.poll import POLLOUT
from kernel.uapi.signal import SA_NOCLDWAIT, SIG_IGN, SIGCHLD, WCONTINUED, WNOHANG, WUNTRACED
from kernel.uapi.syscall import SYS_exit, SYS_exit_group, SYS_wait4, SYS_waitpid

RUSAGE_SIZE = 144


def do_exit(kernel, task):
    """End the current task, whose `exit_code` is set.  The context ends with it: this does not return."""
    release(kernel, task)
    notify_parent(kernel, task)
    if task.pid == 1:
        kernel.init_died(task)
    kernel.sched.exit_current()


def release(kernel, task):
    """Give up all that the task holds, and its children to pid 1."""
    task.flags |= PF_EXITING
    kernel.timers.del_timer(task.sleep_timer)
    kernel.alarms.forget(task)
    if task.files is not None:
        task.files.put()
        task.files = None
    task.fs = None
    reaper = kernel.pids.find(1)
    for child in task.children:
        child.parent = reaper if reaper is not task else None
        if child.parent is not None:
            reaper.children.append(child)
            if child.state == EXIT_ZOMBIE:
                notify_parent(kernel, child)
        elif child.state == EXIT_ZOMBIE:
            kernel.pids.remove(child)
    task.children = []
    if task.tty is not None and task.tty.session == task.pid:
        task.tty.session = 0
        task.tty.foreground = 0
    task.tty = None


def notify_parent(kernel, task):
    """Become a zombie and tell the parent, or vanish where nobody waits."""
    parent = task.parent
    task.state = EXIT_ZOMBIE
    if task.flags & PF_KTHREAD or parent is None:
        reap(kernel, task)
        return
    act = parent.signal.action(SIGCHLD)
    if act.handler == SIG_IGN or act.flags & SA_NOCLDWAIT:
        reap(kernel, task)
        parent.wait_chldexit.wake_up_all()
        return
    send_signal(parent, SIGCHLD)
    parent.wait_chldexit.wake_up_all()


def reap(kernel, task):
    """Forget a task that has ended."""
    task.state = EXIT_DEAD
    kernel.pids.remove(task)
    if task.parent is not None and task in task.parent.children:
        task.parent.children.remove(task)


def stubborn_exit(kernel, task):
    """A dying task that swallows its end for ever: its books are closed, and its context is never switched to again."""
    kernel.printk.printk(f"{task.comm}[{task.pid}]: refuses to end; abandoned", 4)
    release(kernel, task)
    notify_parent(kernel, task)
    if task.pid == 1:
        kernel.init_died(task)
    chosen = kernel.sched.pick_next()
    kernel.arch.switch_to(chosen.context)


def report_fault(kernel, task, error):
    """Say on the program's standard error what ended it, and put the traceback into the log."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    text = f"{type(error).__name__}: {error}".partition("\n")[0]
    kernel.complain(task, f"{task.comm}[{task.pid}]: fault: {text}{place}")
    kernel.printk.printk(f"{task.comm}[{task.pid}]: fault: {text}{place}", 7)
    for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
        kernel.printk.printk(f"  {line}", 7)


def complain(kernel, task, text):
    """Write one line to a task's standard error if that takes it at once, else to the console."""
    filp = task.files.fget(2) if task.files is not None else None
    if filp is None or not filp.f_op.poll(filp, None) & POLLOUT or kernel_write(filp, text.encode() + b"\n") < 0:
        kernel.console_write(text + "\n")


class exit_calls:
    """exit, wait4 and waitpid of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched

    def exit(self, task, status, a1, a2, a3, a4, a5):
        """void exit(int status)"""
        force_exit(task, (status & 0xFF) << 8)
        raise TaskExit

    def waitpid(self, task, pid, status, flags, a3, a4, a5):
        """pid_t waitpid(pid_t pid, int *wstatus, int options)"""
        return self.wait4(task, pid, status, flags, 0, a4, a5)

    def wait4(self, task, pid, status, flags, usage, a4, a5):
        """pid_t wait4(pid_t pid, int *wstatus, int options, struct rusage *rusage): rusage is all zero"""
        if flags & ~(WNOHANG | WUNTRACED | WCONTINUED):
            return -EINVAL
        sched = self.sched
        while True:
            candidates = [child for child in task.children if matches(task, child, pid)]
            if not candidates:
                return -ECHILD
            for child in candidates:
                if child.state == EXIT_ZOMBIE:
                    return self.collect(task, child, status, usage)
            if flags & WNOHANG:
                return 0
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(task.wait_chldexit)
            sched.schedule()
            sched.finish_wait(task.wait_chldexit)

    def collect(self, task, child, status, usage):
        code = child.exit_code.to_bytes(4, "little")
        if status and not copy_to_user(task.mm, status, code):
            return -EFAULT
        if usage and not copy_to_user(task.mm, usage, bytes(RUSAGE_SIZE)):
            return -EFAULT
        reap(self.kernel, child)
        return child.pid

    def register(self, table):
        table.register(SYS_exit, "exit", self.exit)
        table.register(SYS_exit_group, "exit_group", self.exit)
        table.register(SYS_wait4, "wait4", self.wait4)
        table.register(SYS_waitpid, "waitpid", self.waitpid)


def matches(task, child, pid):
    """Whether wait's `pid` argument means this child."""
    if pid > 0:
        return child.pid == pid
    if pid == -1:
        return True
    return child.pgrp == (task.pgrp if pid == 0 else -pid)
