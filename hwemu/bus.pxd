cimport cython


cdef class Region:
    cdef public unsigned long long base, size
    cdef public bint enabled
    cpdef bint decodes(self, unsigned long long base) noexcept
    cpdef long long read(self, unsigned int offset, int width) except? -1
    cpdef write(self, unsigned int offset, int width, unsigned int value)


cdef class Bus:
    cdef public unsigned long long limit
    cdef public list regions
    cpdef attach(self, Region region)
    cpdef detach(self, Region region)
    @cython.locals(region=Region)
    cpdef Region find(self, unsigned long long address, int width=*)
    @cython.locals(region=Region)
    cpdef long long read(self, unsigned long long address, int width) except? -1
    @cython.locals(region=Region)
    cpdef write(self, unsigned long long address, int width, unsigned int value)
