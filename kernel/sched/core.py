"""The scheduler: one CPU, cooperative tasks, a round-robin run queue.

A task gives up the CPU in `schedule`.  With an empty run queue there is no idle task to switch to: the task that went
to sleep last halts the CPU in its own stead, is resumed by the next interrupt, and returns at once when it was the one
that was woken.  The pattern of every sleep is

    while not condition:
        if timeo == 0: return -EAGAIN
        if sched.signal_pending(): return -ERESTARTSYS
        sched.prepare_to_wait(wq)
        if condition: break
        timeo = sched.schedule_timeout(timeo)
    sched.finish_wait(wq)
"""

from kernel.sched.state import (
    MAX_SCHEDULE_TIMEOUT,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_RUNNING,
    TASK_STOPPED,
    TASK_UNINTERRUPTIBLE,
)
from kernel.sched.task import task_struct
from kernel.sched.wait import wait_queue_entry
from kernel.time.timer import timer_list

# With others waiting, a task that never sleeps gives way after this many system calls.
SLICE_SYSCALLS = 16


class task_wait_entry(wait_queue_entry):
    """A wait queue entry that wakes its task without leaving C."""

    def __init__(self, sched, task):
        super().__init__(task)
        self.sched = sched
        self.sleeper = task

    def func(self, key):
        return self.sched.wake_up_process(self.sleeper)


class sleep_timer(timer_list):
    """What ends a task's schedule_timeout."""

    def __init__(self, sched, task):
        super().__init__()
        self.sched = sched
        self.sleeper = task

    def fire(self):
        self.sched.wake_up_process(self.sleeper)


class Scheduler:
    """A kernel's run queue and the task that runs."""

    def __init__(self, arch, timers):
        self.arch = arch
        self.timers = timers
        self.current = None
        self.rq_head = None
        self.rq_tail = None
        self.nr_running = 0
        self.slice = SLICE_SYSCALLS
        self.switches = 0
        self.halts = 0

    def new_task(self, pid, comm, pids=None):
        """A task with what it needs to sleep, a process of its own so far; it runs once it is woken."""
        task = task_struct(self, pid, comm, pids)
        task.wait_entry = task_wait_entry(self, task)
        task.sleep_timer = sleep_timer(self, task)
        task.state = TASK_UNINTERRUPTIBLE
        task.start_time = self.timers.now()
        return task

    def enqueue(self, task):
        task.on_rq = True
        task.rq_next = None
        if self.rq_tail is None:
            self.rq_head = task
        else:
            self.rq_tail.rq_next = task
        self.rq_tail = task
        self.nr_running += 1

    def dequeue(self):
        task = self.rq_head
        self.rq_head = task.rq_next
        if self.rq_head is None:
            self.rq_tail = None
        task.rq_next = None
        self.nr_running -= 1
        return task

    def wake_up_process(self, task):
        """Make a sleeping task runnable; 1 when it slept, 0 when it ran already, is stopped or has ended."""
        state = task.state
        if state not in (TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, TASK_KILLABLE):
            return 0
        task.state = TASK_RUNNING
        if not task.on_rq:
            self.enqueue(task)
        return 1

    def wake_up_stopped(self, task):
        """Let a task go on that job control has stopped."""
        if task.state == TASK_STOPPED:
            task.state = TASK_RUNNING
            if not task.on_rq:
                self.enqueue(task)

    def schedule(self):
        """Run somebody else; returns when the calling task runs again.  A task in state TASK_RUNNING queues behind."""
        prev = self.current
        if prev.state == TASK_INTERRUPTIBLE and prev.sigpending:
            prev.state = TASK_RUNNING
        if prev.state == TASK_RUNNING:
            self.slice = SLICE_SYSCALLS
            if self.rq_head is None:
                return
            self.enqueue(prev)
        else:
            prev.on_rq = False
        prev.sum_exec += self.timers.now() - prev.exec_start
        chosen = self.pick_next()
        if chosen is not prev:
            chosen.switches += 1
            self.arch.switch_to(chosen.context)

    def pick_next(self):
        """The next task, which becomes `current`; halts the CPU while there is none."""
        while self.rq_head is None:
            self.halts += 1
            self.arch.safe_halt()
        chosen = self.dequeue()
        if chosen is not self.current:
            self.switches += 1
        self.current = chosen
        chosen.exec_start = self.timers.now()
        self.slice = SLICE_SYSCALLS
        return chosen

    def exit_current(self):
        """The last act of a task that has ended: pick the next one, and let the CPU go there when this context returns."""
        prev = self.current
        prev.on_rq = False
        chosen = self.pick_next()
        self.arch.exit_to(chosen.context)

    def schedule_timeout(self, timeout):
        """Sleep (in the state the caller has set) until woken or for `timeout` ns (-1: for ever); returns what is left."""
        if timeout == MAX_SCHEDULE_TIMEOUT:
            self.schedule()
            return MAX_SCHEDULE_TIMEOUT
        task = self.current
        expires = self.timers.now() + timeout
        self.timers.mod_timer(task.sleep_timer, expires)
        self.schedule()
        self.timers.del_timer(task.sleep_timer)
        left = expires - self.timers.now()
        return left if left > 0 else 0

    def sleep(self, timeout):
        """Sleep interruptibly for `timeout` ns (-1: until a signal or a wake-up); returns what is left."""
        self.current.state = TASK_INTERRUPTIBLE
        return self.schedule_timeout(timeout)

    def prepare_to_wait(self, wq, exclusive=False):
        """Queue the current task on `wq` and set it to sleep interruptibly with the next schedule()."""
        task = self.current
        entry = task.wait_entry
        if entry.head is not wq:
            if entry.head is not None:
                entry.head.remove(entry)
            if exclusive:
                wq.add_exclusive(entry)
            else:
                wq.add(entry)
        task.state = TASK_INTERRUPTIBLE

    def finish_wait(self, wq):
        """The current task waits no longer."""
        task = self.current
        task.state = TASK_RUNNING
        wq.remove(task.wait_entry)

    def signal_pending(self):
        """True when the current task should leave its system call."""
        return self.current.sigpending

    def cond_resched(self):
        """Give way when somebody else can run."""
        if self.rq_head is not None:
            self.schedule()

    def resched_slice(self):
        """At the end of a system call: give way when the slice is used up and somebody else can run."""
        if self.rq_head is not None:
            self.slice -= 1
            if self.slice <= 0:
                self.schedule()
