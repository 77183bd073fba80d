"""What the threads of a process share: `signal_struct` (one for a process) and `sighand_struct` (its handlers)."""

from kernel.sched.wait import wait_queue_head
from kernel.uapi.signal import SIG_DFL, SIG_IGN

# How many real-time signals with their siginfo wait for one thread or process (Linux bounds them by RLIMIT_SIGPENDING).
MAX_QUEUED = 4096
FIRST_REALTIME = 32


class sigaction:
    """What a process does about one signal.  Bit N - 1 of `mask` stands for signal N."""

    def __init__(self, handler=SIG_DFL, flags=0, mask=0, restorer=0):
        self.handler = handler
        self.flags = flags
        self.mask = mask
        self.restorer = restorer


class sighand_struct:
    """The actions of a process; clone(CLONE_SIGHAND) shares them."""

    def __init__(self):
        self.actions = {}

    def action(self, sig):
        found = self.actions.get(sig)
        return found if found is not None else DEFAULT_ACTION

    def copy(self):
        """The same actions, for a child that was forked."""
        child = sighand_struct()
        child.actions = dict(self.actions)
        return child

    def ignored_only(self):
        """What is left of the actions after execve: what is ignored stays ignored, handlers belong to the old program."""
        child = sighand_struct()
        child.actions = {sig: sigaction(SIG_IGN) for sig, act in self.actions.items() if act.handler == SIG_IGN}
        return child


DEFAULT_ACTION = sigaction()


class sigpending:
    """Signals that wait for a thread or a process.  Bit N - 1 of `mask` stands for signal N.

    A standard signal waits once; real-time signals queue, each with its siginfo.
    """

    def __init__(self):
        self.mask = 0
        self.queue = []

    def add(self, info):
        """Queue a signal; False when there is no room for another real-time signal."""
        bit = 1 << (info.signo - 1)
        if info.signo < FIRST_REALTIME:
            if not self.mask & bit:
                self.queue.append(info)
        elif len(self.queue) >= MAX_QUEUED:
            return False
        else:
            self.queue.append(info)
        self.mask |= bit
        return True

    def take(self, sig):
        """The siginfo of the oldest signal of that number, which no longer waits."""
        found = None
        more = False
        for info in self.queue:
            if info.signo == sig:
                if found is None:
                    found = info
                else:
                    more = True
                    break
        self.queue.remove(found)
        if not more:
            self.mask &= ~(1 << (sig - 1))
        return found

    def flush(self, mask):
        """Forget the signals in `mask`."""
        if self.mask & mask:
            self.queue = [info for info in self.queue if not mask >> (info.signo - 1) & 1]
            self.mask &= ~mask


class signal_struct:
    """A process: its threads, its place among the processes, and the signals that are sent to it as a whole."""

    def __init__(self, pids, leader):
        self.pids = pids
        self.leader = leader
        # The threads that have not ended, oldest first.
        self.threads = [leader]
        self.shared_pending = sigpending()
        self.parent = None
        self.children = []
        self.wait_chldexit = wait_queue_head()
        # Who reads or polls a signalfd.
        self.signalfd_wqh = wait_queue_head()
        self.pgrp = leader.pid
        self.session = leader.pid
        self.tty = None
        # The foreground group of a terminal that has hung up: it is told when its session's leader ends.
        self.tty_old_pgrp = 0
        # Set once the process has to end, with the wait status.
        self.exiting = False
        self.exit_code = 0
        # Job control: the signal that stops the process (0: none); whether all its threads have stopped; what wait has
        # not reported yet.
        self.stop_signal = 0
        self.stopped = False
        self.report_stop = False
        self.report_continue = False
        # init is not killed by what it does not handle.
        self.unkillable = False
        # Nanoseconds that ended threads, and children that were waited for, ran in user mode and in the kernel.
        self.utime = 0
        self.stime = 0
        self.child_utime = 0
        self.child_stime = 0
        # The thread that waits in execve for all others to end.
        self.exec_waiter = None
        # From -20, the most of the CPU, to 19.
        self.nice = 0
        # Supplementary group ids.
        self.groups = ()
        # ITIMER_VIRTUAL and ITIMER_PROF that are set (time/itimer.py).
        self.cpu_timers = {}

    def inherit(self, parent):
        """What a new process has of the one that made it."""
        self.nice = parent.nice
        self.groups = parent.groups

    def cpu_time(self):
        """Nanoseconds (user, system) of all threads, those that have ended too."""
        user = self.utime
        system = self.stime
        for thread in self.threads:
            user += thread.utime
            system += thread.system_time()
        return user, system
