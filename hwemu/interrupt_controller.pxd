cimport cython

from hwemu.trace cimport Trace


cdef class InterruptLine:
    cdef public int number
    cdef public unsigned long long sources, raised, delivered


cdef class InterruptController:
    cdef public int count
    cdef public list lines
    cdef public unsigned int level, latch, edge, mask
    cdef public unsigned long long sources
    cdef public object cpu
    cdef public Trace trace

    @cython.locals(source=cython.ulonglong, one=cython.ulonglong)
    cpdef int new_source(self) except -1
    @cython.locals(one=cython.ulonglong)
    cpdef free_source(self, int line, int source)
    @cython.locals(bit=cython.uint)
    cpdef set_edge(self, int line, bint on)
    @cython.locals(wire=InterruptLine, bit=cython.uint, before=cython.ulonglong, one=cython.ulonglong)
    cpdef raise_line(self, int line, int source, bint level)
    cpdef unsigned int pending(self) noexcept
    @cython.locals(waiting=cython.uint, number=cython.int, wire=InterruptLine)
    cpdef int acknowledge(self) except -9999
    cpdef clear_edge(self, int line)
    cpdef mask_line(self, int line)
    cpdef unmask_line(self, int line)
