"""The end of a task: closing what it held, telling its parent.

Exit codes are wait statuses: the low seven bits are the signal that killed the task, bits 8 to 15 what it exited with.
"""

import traceback

from kernel.arch.uaccess import put_user
from kernel.fs.file import release_held
from kernel.fs.read_write import kernel_write
from kernel.sched.ending import TaskExit
from kernel.sched.state import EXIT_DEAD, EXIT_ZOMBIE, PF_EXITING, PF_KTHREAD
from kernel.signal import end_thread, force_exit, orphaned_group, send_group_signal, siginfo
from kernel.tty.tty_jobctrl import disassociate
from kernel.uapi.poll import POLLOUT
from kernel.uapi.signal import CLD_DUMPED, CLD_EXITED, CLD_KILLED, SA_NOCLDWAIT, SIG_IGN, SIGCHLD, SIGCONT, SIGHUP
from kernel.uapi.syscall import SYS_exit, SYS_exit_group

CORE_FLAG = 0x80


def do_exit(kernel, task):
    """End the current task.  The context ends with it: this does not return."""
    finish(kernel, task)
    kernel.sched.exit_current()


def finish(kernel, task):
    """Close the books of the current task; the process ends with its last thread."""
    group = task.signal
    release(kernel, task)
    group.threads.remove(task)
    system = task.system_time()
    group.utime += task.utime
    group.stime += system
    kernel.ended_utime += task.utime
    kernel.ended_stime += system
    if not task.is_leader():
        task.state = EXIT_DEAD
        kernel.pids.remove(task)
    else:
        task.state = EXIT_ZOMBIE
    if group.threads:
        if group.exec_waiter is not None and len(group.threads) == 1:
            group.exec_waiter.wake_up()
        return
    leader = group.leader
    if not group.exiting:
        group.exiting = True
        group.exit_code = leader.exit_code
    release_process(kernel, leader)
    notify_parent(kernel, leader)
    if leader.pid == 1:
        kernel.init_died(leader)


def release(kernel, task):
    """Give up what the thread itself holds."""
    task.flags |= PF_EXITING
    if task.held is not None:
        release_held(task)
    kernel.timers.del_timer(task.sleep_timer)
    if task.wait_entry.head is not None:
        task.wait_entry.head.remove(task.wait_entry)
    if task.robust_list:
        kernel.futexes.exit_robust_list(task)
    if task.clear_child_tid:
        # Who joins the thread waits for this word.
        if put_user(task.mm, task.clear_child_tid, 4, 0):
            kernel.futexes.wake(task, task.clear_child_tid, 1)
        task.clear_child_tid = 0
    task.abi.leave(task)
    vfork_release(task)
    if task.files is not None:
        task.files.put()
        task.files = None
    task.fs = None


def vfork_release(task):
    """The parent whose memory the task has used may go on."""
    if task.vfork_done is not None:
        waiting = task.vfork_done
        task.vfork_done = None
        waiting.wake_up_all()


def release_process(kernel, leader):
    """Give up what the process holds: its timers, its terminal, and its children, which pid 1 gets."""
    group = leader.signal
    kernel.alarms.forget(leader)
    kernel.posix_timers.forget(leader)
    reaper = kernel.pids.find(1)
    if reaper is leader:
        reaper = None
    orphans = group.children
    group.children = []
    for child in orphans:
        child.parent = reaper
        if child.pdeath_signal:
            send_group_signal(child, child.pdeath_signal)
        if reaper is None:
            if child.state == EXIT_ZOMBIE:
                kernel.pids.remove(child)
            continue
        reaper.children.append(child)
        child.exit_signal = SIGCHLD
        if is_zombie(child):
            notify_parent(kernel, child)
    for child in orphans:
        if child.pgrp != group.pgrp and child.session == group.session:
            hang_up_orphans(kernel, child.pgrp)
    if group.parent is not None and group.parent.pgrp != group.pgrp and group.parent.session == group.session:
        hang_up_orphans(kernel, group.pgrp)
    disassociate(leader, kernel.tty_operations.hung_up, ending=True)
    group.tty = None


def hang_up_orphans(kernel, pgrp):
    """A process group that nobody can continue any more, and that has stopped processes, gets SIGHUP and SIGCONT."""
    tasks = kernel.pids.tasks()
    if not orphaned_group(tasks, pgrp):
        return
    members = [task for task in tasks if task.is_leader() and task.pgrp == pgrp]
    if any(task.signal.stopped for task in members):
        for task in members:
            send_group_signal(task, SIGHUP)
            send_group_signal(task, SIGCONT)


def is_zombie(leader):
    """True when the process of which this is the first thread has ended and waits to be waited for."""
    return leader.state == EXIT_ZOMBIE and not leader.signal.threads


def notify_parent(kernel, leader):
    """The process is a zombie: tell its parent, or let it vanish where nobody waits."""
    parent = leader.parent
    if leader.flags & PF_KTHREAD or parent is None:
        reap(kernel, leader)
        return
    act = parent.sighand.action(SIGCHLD)
    unwanted = leader.exit_signal == SIGCHLD and (act.handler == SIG_IGN or act.flags & SA_NOCLDWAIT)
    if leader.exit_signal and not (unwanted and act.handler == SIG_IGN):
        send_group_signal(parent, leader.exit_signal, exit_info(leader))
    if unwanted:
        reap(kernel, leader)
    parent.signal.wait_chldexit.wake_up_all()


def exit_info(leader):
    """The siginfo of a child that has ended."""
    group = leader.signal
    info = siginfo(leader.exit_signal, exit_reason(group.exit_code)[0], leader.pid, leader.uid)
    info.status = exit_reason(group.exit_code)[1]
    info.utime, info.stime = group.cpu_time()
    return info


def exit_reason(code):
    """(si_code, si_status) of a wait status."""
    if code & 0x7F:
        return (CLD_DUMPED if code & CORE_FLAG else CLD_KILLED), code & 0x7F
    return CLD_EXITED, code >> 8 & 0xFF


def reap(kernel, leader):
    """Forget a process that has ended; its parent keeps what time it took."""
    leader.state = EXIT_DEAD
    kernel.pids.remove(leader)
    parent = leader.parent
    if parent is not None and leader in parent.children:
        parent.children.remove(leader)
        user, system = leader.signal.cpu_time()
        parent.signal.child_utime += user + leader.signal.child_utime
        parent.signal.child_stime += system + leader.signal.child_stime


def stubborn_exit(kernel, task):
    """A dying task that swallows its end for ever: its books are closed, and its context is never switched to again."""
    kernel.printk.printk(f"{task.comm}[{task.pid}]: refuses to end; abandoned", 4)
    finish(kernel, task)
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
    """exit and exit_group of one kernel."""

    def exit(self, task, status, a1, a2, a3, a4, a5):
        """void _exit(int status) of one thread"""
        end_thread(task, (status & 0xFF) << 8)
        raise TaskExit

    def exit_group(self, task, status, a1, a2, a3, a4, a5):
        """void exit_group(int status): all threads"""
        force_exit(task, (status & 0xFF) << 8)
        raise TaskExit

    def register(self, table):
        table.register(SYS_exit, "exit", self.exit)
        table.register(SYS_exit_group, "exit_group", self.exit_group)
