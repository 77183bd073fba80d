cimport cython

from kernel.arch.arch cimport Arch
from kernel.sched.task cimport task_struct
from kernel.sched.wait cimport wait_queue_entry, wait_queue_head
from kernel.time.timer cimport TimerBase, timer_list

cdef int TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_RUNNING, TASK_STOPPED, TASK_UNINTERRUPTIBLE
cdef long long MAX_SCHEDULE_TIMEOUT
cdef int SLICE_SYSCALLS


cdef class task_wait_entry(wait_queue_entry):
    cdef public Scheduler sched
    cdef public task_struct sleeper


cdef class sleep_timer(timer_list):
    cdef public Scheduler sched
    cdef public task_struct sleeper


cdef class Scheduler:
    cdef public Arch arch
    cdef public TimerBase timers
    cdef public task_struct current
    cdef public task_struct rq_head
    cdef public task_struct rq_tail
    cdef public int nr_running
    cdef public int slice
    cdef public unsigned long long switches
    cdef public unsigned long long halts

    @cython.locals(task=task_struct)
    cpdef task_struct new_task(self, int pid, str comm, object pids=*)
    cpdef enqueue(self, task_struct task)
    @cython.locals(task=task_struct)
    cpdef task_struct dequeue(self)
    @cython.locals(state=cython.int)
    cpdef int wake_up_process(self, task_struct task) except? -9999
    cpdef wake_up_stopped(self, task_struct task)
    @cython.locals(prev=task_struct, chosen=task_struct)
    cpdef schedule(self)
    @cython.locals(chosen=task_struct)
    cpdef task_struct pick_next(self)
    @cython.locals(prev=task_struct, chosen=task_struct)
    cpdef exit_current(self)
    @cython.locals(task=task_struct, expires=cython.longlong, left=cython.longlong)
    cpdef long long schedule_timeout(self, long long timeout) except? -9999
    cpdef long long sleep(self, long long timeout) except? -9999
    @cython.locals(task=task_struct, entry=wait_queue_entry)
    cpdef prepare_to_wait(self, wait_queue_head wq, bint exclusive=*)
    @cython.locals(task=task_struct)
    cpdef finish_wait(self, wait_queue_head wq)
    cpdef bint signal_pending(self) noexcept
    cpdef cond_resched(self)
    cpdef resched_slice(self)
