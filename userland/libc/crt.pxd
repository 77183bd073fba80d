from hwemu.cpu cimport Context, current_context, trap
from hwemu.mmu cimport AddressSpace

cimport cython


cdef class Process:
    cdef public object environ, interpreter
    cdef public dict handlers
    cdef public dict threads
    cdef public dict starting
    cdef public dict positions
    cdef public long long next_token


cdef class Program:
    cdef public Context context
    cdef public bint is_thread
    cdef public int tid
    cdef public Process process
    cdef public AddressSpace space
    cdef public bytearray block
    cdef public long long[::1] args
    cdef public int[::1] words
    cdef public unsigned long long args_address
    cdef public int h_errno
    cpdef close(self)


@cython.locals(context=Context, program=Program)
cpdef Program this()
cpdef long long fail(long long result) except? -9999
cpdef long long checked(long long result) except? -9999
cpdef long long set_errno(int number) except? -9999
cpdef int get_errno() except? -9999
@cython.locals(address=cython.ulonglong, result=cython.longlong)
cpdef long long call_with_buffer(
    long long nr, long long before, object buffer, bint writable, long long after0=*, long long after1=*,
    long long after2=*) except? -9999
