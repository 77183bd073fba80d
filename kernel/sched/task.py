"""`task_struct`: what the kernel knows about one thread.

What the threads of a process share hangs on `signal` (kernel/sched/group.py); `parent`, `pgrp` and their like are the
process's and look there.
"""

from kernel.sched.group import sighand_struct, signal_struct, sigpending
from kernel.sched.state import PF_KTHREAD, TASK_RUNNING


class task_struct:
    """A thread of a program, or a kernel thread.

    `pid` is the thread's number and `tgid` the process's: that of its first thread, `signal.leader`.  `mm` is the
    address space (None for a kernel thread), `files` the descriptor table, `fs` root and working directory, `context`
    the registers on the CPU, `abi` how its program and the kernel speak to each other.
    """

    def __init__(self, sched, pid, comm, pids=None):
        self.sched = sched
        self.pid = pid
        self.tgid = pid
        self.comm = comm
        self.state = TASK_RUNNING
        self.flags = 0
        self.on_rq = False
        self.rq_next = None
        self.context = None
        self.abi = None
        self.mm = None
        self.files = None
        self.fs = None
        self.signal = signal_struct(pids, self)
        self.sighand = sighand_struct()
        # Signals for this thread alone; bit N - 1 of `blocked` stands for signal N.
        self.pending = sigpending()
        self.blocked = 0
        # What was blocked before sigtimedwait waits for it.
        self.real_blocked = 0
        # The mask that a call like sigsuspend has replaced until it returns; None when there is none.
        self.saved_sigmask = None
        # The masks that rt_sigreturn restores, innermost handler last, where the frames are not in user memory.
        self.frame_masks = []
        # sigaltstack: address, size, flags.
        self.altstack = None
        # True when a signal waits that is not blocked, when the task is to stop, or has to die.
        self.sigpending = False
        # Set while the process stops, until this thread has.
        self.stopping = False
        # Set once the task has to end: every further system call raises again.
        self.dying = False
        self.refusals = 0
        # Files that the current system call keeps open (fs/file.py), None when there are none.
        self.held = None
        self.exit_code = 0
        # What tells the parent (0: nothing), and what this task gets when its parent ends (0: nothing).
        self.exit_signal = 0
        self.pdeath_signal = 0
        # Where the kernel writes 0 and wakes a futex when the thread ends; the list of locks that die with it.
        self.clear_child_tid = 0
        self.robust_list = 0
        # The vfork that waits for this task to exec or end: a wait queue.
        self.vfork_done = None
        # What goes on after an interruption in place of the call.
        self.restart_block = None
        # The exception that ended the program, until it has been reported.
        self.fault = None
        self.uid = 0
        self.argv = []
        self.environ = []
        self.exe = ""
        self.start_time = 0
        self.syscalls = 0
        self.switches = 0
        # Nanoseconds on the CPU: until `exec_start`, when it got the CPU last; and those of them in user mode.
        self.sum_exec = 0
        self.exec_start = 0
        self.utime = 0
        # The entry and the timer that the task sleeps with; made by the scheduler.
        self.wait_entry = None
        self.sleep_timer = None

    @property
    def parent(self):
        """The process that waits for this one: its first thread, or None."""
        return self.signal.parent

    @parent.setter
    def parent(self, task):
        self.signal.parent = task

    @property
    def children(self):
        return self.signal.children

    @property
    def pgrp(self):
        return self.signal.pgrp

    @pgrp.setter
    def pgrp(self, group):
        self.signal.pgrp = group

    @property
    def session(self):
        return self.signal.session

    @session.setter
    def session(self, session):
        self.signal.session = session

    @property
    def tty(self):
        """The controlling terminal, or None."""
        return self.signal.tty

    @tty.setter
    def tty(self, tty):
        self.signal.tty = tty

    def is_leader(self):
        """True for the first thread of a process."""
        return self.pid == self.tgid

    def cpu_time(self):
        """Nanoseconds on the CPU so far."""
        running = self.sched.timers.now() - self.exec_start if self.sched.current is self else 0
        return self.sum_exec + running

    def system_time(self):
        """Nanoseconds on the CPU outside user mode."""
        return max(0, self.cpu_time() - self.utime)

    def wake_up(self):
        """Make the task runnable; 1 when it was asleep, else 0."""
        return self.sched.wake_up_process(self)

    def is_kthread(self):
        return (self.flags & PF_KTHREAD) != 0

    def __repr__(self):
        return f"<task {self.comm}[{self.pid}]>"
