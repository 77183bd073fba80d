cdef class RAM:
    cdef object _map
    cdef unsigned char *base
    cdef readonly unsigned long long size
    cdef unsigned char *at(self, unsigned long long address, unsigned long long length) noexcept
    cdef unsigned char *_checked(self, unsigned long long address, unsigned long long length) except NULL
    cpdef bint contains(self, unsigned long long address, unsigned long long length)
    cpdef bytes read(self, unsigned long long address, unsigned long long length)
    cpdef write(self, unsigned long long address, const unsigned char[::1] data)
    cpdef unsigned char read8(self, unsigned long long address) except? 0xEE
    cpdef unsigned short read16(self, unsigned long long address) except? 0xEEEE
    cpdef unsigned int read32(self, unsigned long long address) except? 0xEEEEEEEE
    cpdef unsigned long long read64(self, unsigned long long address) except? 0xEEEEEEEE
    cpdef write8(self, unsigned long long address, unsigned char value)
    cpdef write16(self, unsigned long long address, unsigned short value)
    cpdef write32(self, unsigned long long address, unsigned int value)
    cpdef write64(self, unsigned long long address, unsigned long long value)
