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
    cdef public int tgid
    cdef public str comm
    cdef public int state
    cdef public unsigned int flags
    cdef public bint on_rq
    cdef public task_struct rq_next
    cdef public Context context
    cdef public object abi
    cdef public AddressSpace mm
    cdef public object files
    cdef public object fs
    cdef public object signal
    cdef public object sighand
    cdef public object pending
    cdef public object blocked
    cdef public object real_blocked
    cdef public object saved_sigmask
    cdef public list frame_masks
    cdef public object altstack
    cdef public bint sigpending
    cdef public bint stopping
    cdef public bint dying
    cdef public int refusals
    cdef public list held
    cdef public int exit_code
    cdef public int exit_signal
    cdef public int pdeath_signal
    cdef public unsigned long long clear_child_tid
    cdef public unsigned long long robust_list
    cdef public wait_queue_head vfork_done
    cdef public object restart_block
    cdef public object fault
    cdef public int uid
    cdef public list argv
    cdef public list environ
    cdef public str exe
    cdef public long long start_time
    cdef public unsigned long long syscalls
    cdef public unsigned long long switches
    cdef public long long sum_exec
    cdef public long long exec_start
    cdef public long long utime
    cdef public wait_queue_entry wait_entry
    cdef public timer_list sleep_timer
    cpdef bint is_leader(self) noexcept
    cpdef long long cpu_time(self) except? -9999
    cpdef long long system_time(self) except? -9999
    cpdef int wake_up(self) except? -9999
    cpdef bint is_kthread(self) noexcept
