cimport cython

from kernel.arch.entry cimport Context
from kernel.arch.memory cimport AddressSpace
from kernel.sched.wait cimport wait_queue_entry, wait_queue_head
from kernel.time.timer cimport timer_list

cdef int TASK_RUNNING
cdef unsigned int PF_KTHREAD


cdef class task_struct:
    cdef public object sched
    cdef public int pid
    cdef public str comm
    cdef public int state
    cdef public unsigned int flags
    cdef public bint on_rq
    cdef public task_struct rq_next
    cdef public Context context
    cdef public AddressSpace mm
    cdef public object files
    cdef public object fs
    cdef public object signal
    cdef public bint sigpending
    cdef public bint dying
    cdef public int refusals
    cdef public list held
    cdef public int exit_code
    cdef public object fault
    cdef public task_struct parent
    cdef public list children
    cdef public int pgrp
    cdef public int session
    cdef public object tty
    cdef public int uid
    cdef public list argv
    cdef public list environ
    cdef public str exe
    cdef public long long start_time
    cdef public unsigned long long syscalls
    cdef public unsigned long long switches
    cdef public wait_queue_head wait_chldexit
    cdef public wait_queue_entry wait_entry
    cdef public timer_list sleep_timer
    cpdef int wake_up(self) except? -9999
    cpdef bint is_kthread(self) noexcept
