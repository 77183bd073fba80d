from cpython.buffer cimport Py_buffer


cdef struct Window:
    Py_buffer view
    bint used
    bint writable
    unsigned int following


cdef class AddressSpace:
    cdef Window first[8]
    cdef Window *windows
    cdef unsigned int size
    cdef unsigned int free
    cdef public unsigned long long faults
    cdef bint _grow(self) except False
    cdef unsigned char *at(self, unsigned long long address, unsigned long long length, bint write) noexcept
    cpdef unsigned long long map(self, object buffer, bint writable=*) except? 0
    cpdef unmap(self, unsigned long long address)
    cpdef Py_ssize_t mapped(self)
    cpdef unsigned long long room(self, unsigned long long address)
    cpdef unsigned long long place(self, unsigned long long address)
    cpdef bytes read(self, unsigned long long address, unsigned long long length)
    cpdef bint write(self, unsigned long long address, const unsigned char[::1] data) except? -1
