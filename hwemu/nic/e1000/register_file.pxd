cimport cython


cdef unsigned int ALL_ONES


cdef class RegisterFile:
    cdef public unsigned int[::1] value, initial, mask
    cpdef reset(self)
    cpdef unsigned int get(self, unsigned int offset) noexcept
    cpdef void put(self, unsigned int offset, unsigned int value) noexcept
    @cython.locals(i=cython.uint, high=cython.ulonglong)
    cpdef unsigned long long address(self, unsigned int offset) noexcept
    @cython.locals(i=cython.uint)
    cpdef void store(self, unsigned int offset, unsigned int value) noexcept
    @cython.locals(i=cython.uint)
    cpdef void count(self, unsigned int offset) noexcept
    @cython.locals(i=cython.uint, total=cython.ulonglong)
    cpdef void count64(self, unsigned int low, unsigned long long amount) noexcept
    @cython.locals(i=cython.uint, value=cython.uint)
    cpdef unsigned int take(self, unsigned int offset) noexcept
    @cython.locals(i=cython.uint, value=cython.uint)
    cpdef unsigned int take_pair(self, unsigned int high) noexcept
