from kernel.arch.memory cimport AddressSpace


cdef struct iovec:
    unsigned long long base
    unsigned long long length


cdef class iov_iter:
    cdef AddressSpace mm
    cdef iovec *vec
    cdef iovec one
    cdef unsigned int nr_segs
    cdef unsigned int seg
    cdef unsigned long long seg_offset
    cdef public unsigned long long count
    cdef public unsigned long long done
    cdef object pinned
    cpdef add(self, unsigned long long base, unsigned long long length)
    cdef Py_ssize_t copy_from(self, unsigned char *dst, Py_ssize_t length) noexcept
    cdef Py_ssize_t copy_to(self, const unsigned char *src, Py_ssize_t length) noexcept
    cdef Py_ssize_t _copy(self, unsigned char *ram, Py_ssize_t length, bint to_user) noexcept
    cpdef bytes read(self, Py_ssize_t length)
    cpdef Py_ssize_t write(self, const unsigned char[::1] data) except? -9999
    cpdef revert(self, unsigned long long length)
    cpdef advance(self, unsigned long long length)


cpdef iov_iter user_iter(AddressSpace mm, unsigned long long base, unsigned long long length)
cpdef iov_iter kernel_iter(object buffer, bint writable=*)
cpdef bint access_ok(unsigned long long address, unsigned long long length) noexcept
cpdef bytes copy_from_user(AddressSpace mm, unsigned long long address, unsigned long long length)
cpdef bint copy_to_user(AddressSpace mm, unsigned long long address, const unsigned char[::1] data) except? -1
cpdef bytes strncpy_from_user(AddressSpace mm, unsigned long long address, unsigned long long limit)
cpdef long long get_user(AddressSpace mm, unsigned long long address, int width) except? -9999
cpdef bint put_user(AddressSpace mm, unsigned long long address, int width, long long value) except? -1
