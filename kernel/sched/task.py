"""`task_struct`: what the kernel knows about one task."""

from kernel.sched.state import PF_KTHREAD, TASK_RUNNING
from kernel.sched.wait import wait_queue_head


class task_struct:
    """A program or a kernel thread.

    `mm` is its address space (None for a kernel thread), `files` its descriptor table, `fs` its root and working
    directory, `signal` its signal state, `context` its registers on the CPU.
    """

    def __init__(self, sched, pid, comm):
        self.sched = sched
        self.pid = pid
        self.comm = comm
        self.state = TASK_RUNNING
        self.flags = 0
        self.on_rq = False
        self.rq_next = None
        self.context = None
        self.mm = None
        self.files = None
        self.fs = None
        self.signal = None
        # True when a signal waits that is not blocked, or when the task has to die.
        self.sigpending = False
        # Set once the task has to end: every further system call raises again.
        self.dying = False
        self.refusals = 0
        # Files that the current system call keeps open (fs/file.py), None when there are none.
        self.held = None
        self.exit_code = 0
        # The exception that ended the program, until it has been reported.
        self.fault = None
        self.parent = None
        self.children = []
        self.pgrp = pid
        self.session = pid
        self.tty = None
        self.uid = 0
        self.argv = []
        self.environ = []
        self.exe = ""
        self.start_time = 0
        self.syscalls = 0
        self.switches = 0
        self.wait_chldexit = wait_queue_head()
        # The entry and the timer that the task sleeps with; made by the scheduler.
        self.wait_entry = None
        self.sleep_timer = None

    def wake_up(self):
        """Make the task runnable; 1 when it was asleep, else 0."""
        return self.sched.wake_up_process(self)

    def is_kthread(self):
        return (self.flags & PF_KTHREAD) != 0

    def __repr__(self):
        return f"<task {self.comm}[{self.pid}]>"
