# cython: boundscheck=False, wraparound=False
"""The memory management unit: what a user program's addresses mean.

A user address is (window + 1) << 40 | offset.  A window shows one Python buffer (the program's stack, a bytes
object that it sends, a bytearray that it receives into) for as long as the program keeps it mapped, so the
kernel copies straight between the program's own buffer and RAM: one copy per boundary and no more.  Address 0
and everything outside a mapped window is a fault, which `copy_from_user` turns into EFAULT.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

WINDOW_SHIFT = 40
WINDOWS = 64


cdef class AddressSpace:
    """One program's address space: up to 64 buffers mapped at a time."""

    def __cinit__(self):
        memset(self.windows, 0, sizeof(self.windows))
        self.hint = 0
        self.faults = 0

    def __dealloc__(self):
        cdef unsigned int i
        for i in range(64):
            if self.windows[i].used:
                PyBuffer_Release(&self.windows[i].view)

    cpdef unsigned long long map(self, object buffer, bint writable=False) except? 0:
        """Map `buffer` (bytes-like, contiguous) and return its user address; MemoryError when 64 are mapped."""
        cdef unsigned int i, slot
        for i in range(64):
            slot = (self.hint + i) & 63
            if not self.windows[slot].used:
                PyObject_GetBuffer(buffer, &self.windows[slot].view, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
                self.windows[slot].used = True
                self.windows[slot].writable = writable
                self.hint = slot
                return (<unsigned long long>(slot + 1)) << 40
        raise MemoryError("address space: all 64 windows are mapped")

    cpdef unmap(self, unsigned long long address):
        """Unmap the window that `map` returned; an unmapped address does nothing."""
        cdef unsigned long long slot = (address >> 40) - 1
        if slot < 64 and self.windows[slot].used:
            self.windows[slot].used = False
            PyBuffer_Release(&self.windows[slot].view)
            self.hint = <unsigned int>slot

    cpdef Py_ssize_t mapped(self):
        """How many windows are mapped: 0 more than before a call, or something leaked."""
        cdef Py_ssize_t count = 0
        cdef unsigned int i
        for i in range(64):
            count += self.windows[i].used
        return count

    cdef unsigned char *at(self, unsigned long long address, unsigned long long length, bint write) noexcept:
        """The host pointer for [address, address + length), or NULL for a fault."""
        cdef unsigned long long slot = (address >> 40) - 1
        cdef unsigned long long offset = address & <unsigned long long>0xFFFFFFFFFF
        cdef unsigned long long size
        if slot >= 64 or not self.windows[slot].used or (write and not self.windows[slot].writable):
            self.faults += 1
            return NULL
        size = <unsigned long long>self.windows[slot].view.len
        if length > size or offset > size - length:
            self.faults += 1
            return NULL
        return <unsigned char *>self.windows[slot].view.buf + offset

    cpdef unsigned long long room(self, unsigned long long address):
        """Bytes from `address` to the end of its window (0 for a fault): how far a string may be read."""
        cdef unsigned long long slot = (address >> 40) - 1
        cdef unsigned long long offset = address & <unsigned long long>0xFFFFFFFFFF
        if slot >= 64 or not self.windows[slot].used or offset >= <unsigned long long>self.windows[slot].view.len:
            return 0
        return <unsigned long long>self.windows[slot].view.len - offset

    cpdef bytes read(self, unsigned long long address, unsigned long long length):
        """The bytes at `address`, or None for a fault."""
        cdef unsigned char *pointer = self.at(address, length, False)
        if pointer is NULL:
            return None
        return PyBytes_FromStringAndSize(<char *>pointer, length)

    cpdef bint write(self, unsigned long long address, const unsigned char[::1] data) except? -1:
        """Write `data` at `address`; False for a fault."""
        cdef unsigned char *pointer = self.at(address, data.shape[0], True)
        if pointer is NULL:
            return False
        if data.shape[0]:
            memcpy(pointer, &data[0], data.shape[0])
        return True
