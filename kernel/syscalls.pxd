cimport cython

from kernel.arch.arch cimport Arch
from kernel.arch.entry cimport Context, syscall_entry
from kernel.arch.trace cimport Trace
from kernel.fs.file cimport release_held
from kernel.sched.core cimport Scheduler
from kernel.sched.task cimport task_struct

cdef int ENOSYS, ERESTART_RESTARTBLOCK, ERESTARTNOINTR, ERESTARTSYS, NR_SYSCALLS


cpdef long long as_int(long long value) noexcept


cdef class syscall_handler:
    cdef public int ints

    cpdef long long call(self, task_struct task, long long a0, long long a1, long long a2, long long a3, long long a4,
                         long long a5) except? -9999


cdef class syscall_function(syscall_handler):
    cdef public object function


cdef class SyscallTable(syscall_entry):
    cdef public Arch arch
    cdef public Scheduler sched
    cdef public list handlers
    cdef public dict names
    cdef public Trace trace
    cdef public object observer
    cdef public object on_oops
    cdef public object on_stubborn
    cdef public unsigned long long total

    @cython.locals(task=task_struct, handler=syscall_handler, result=cython.longlong, ints=cython.int)
    cpdef long long syscall(self, Context context, long long nr, long long a0, long long a1, long long a2, long long a3,
                            long long a4, long long a5) except? -9999
