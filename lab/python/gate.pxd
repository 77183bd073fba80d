from hwemu.cpu cimport Context, SyscallEntry

cimport cython


cdef class UserModeCollector(SyscallEntry):
    cdef public object cpu, space, state, loops
    cdef public dict ending
    cdef public SyscallEntry kernel
    cdef public bint in_program
    cdef public Context running

    @cython.locals(result=cython.longlong)
    cpdef long long syscall(
        self, Context context, long long nr, long long a0, long long a1, long long a2, long long a3,
        long long a4, long long a5) except? -9999
