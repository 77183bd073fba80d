# cython: boundscheck=False, wraparound=False
"""The machine's memory: one mmap, little-endian, bounds checked on every access.

This leaf owns the pointer.  Other compiled leaves ask `at(address, length)`, which is NULL for anything that is
not wholly inside RAM; everybody else uses `read`, `write` and the sized accessors, which raise IndexError.
"""

import mmap

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy

PAGE_SIZE = 4096


cdef class RAM:
    """`size` bytes (a multiple of 4096) of memory that start at physical address 0.

    With `fd` they are the first `size` bytes of that host file, shared with everybody who maps it; the descriptor
    may be closed afterwards.  OSError or ValueError where the host can not map that much of it.
    """

    def __init__(self, unsigned long long size, int fd=-1):
        if size == 0 or size % 4096:
            raise ValueError(f"RAM size {size} is not a multiple of {PAGE_SIZE}")
        if fd >= 0:
            self._map = mmap.mmap(fd, size, flags=mmap.MAP_SHARED)
        else:
            self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        cdef unsigned char[::1] view = self._map
        # The view above is released at the end of __init__; the mapping itself lives as long as self._map.
        self.base = &view[0]
        self.size = size

    cdef unsigned char *at(self, unsigned long long address, unsigned long long length) noexcept:
        if length > self.size or address > self.size - length:
            return NULL
        return self.base + address

    cdef unsigned char *_checked(self, unsigned long long address, unsigned long long length) except NULL:
        cdef unsigned char *pointer = self.at(address, length)
        if pointer is NULL:
            raise IndexError(f"{length} bytes at {address:#x} are outside RAM of {self.size:#x} bytes")
        return pointer

    cpdef bint contains(self, unsigned long long address, unsigned long long length):
        """True when all of [address, address + length) is RAM."""
        return self.at(address, length) is not NULL

    cpdef bytes read(self, unsigned long long address, unsigned long long length):
        return PyBytes_FromStringAndSize(<char *>self._checked(address, length), length)

    cpdef write(self, unsigned long long address, const unsigned char[::1] data):
        if data.shape[0]:
            memcpy(self._checked(address, data.shape[0]), &data[0], data.shape[0])

    cpdef unsigned char read8(self, unsigned long long address) except? 0xEE:
        return self._checked(address, 1)[0]

    cpdef unsigned short read16(self, unsigned long long address) except? 0xEEEE:
        cdef unsigned short value
        memcpy(&value, self._checked(address, 2), 2)
        return value

    cpdef unsigned int read32(self, unsigned long long address) except? 0xEEEEEEEE:
        cdef unsigned int value
        memcpy(&value, self._checked(address, 4), 4)
        return value

    cpdef unsigned long long read64(self, unsigned long long address) except? 0xEEEEEEEE:
        cdef unsigned long long value
        memcpy(&value, self._checked(address, 8), 8)
        return value

    cpdef write8(self, unsigned long long address, unsigned char value):
        self._checked(address, 1)[0] = value

    cpdef write16(self, unsigned long long address, unsigned short value):
        memcpy(self._checked(address, 2), &value, 2)

    cpdef write32(self, unsigned long long address, unsigned int value):
        memcpy(self._checked(address, 4), &value, 4)

    cpdef write64(self, unsigned long long address, unsigned long long value):
        memcpy(self._checked(address, 8), &value, 8)
