# cython: boundscheck=False, wraparound=False
"""The memory management unit: what a user program's addresses mean.

A user address is 1 << 46 | window << 30 | offset, below the 47 bits that a user has on x86-64.  A window shows one Python
buffer (the program's stack, a bytes object that it sends, a bytearray that it receives into) for as long as the program
keeps it mapped, so the kernel copies straight between the program's own buffer and RAM: one copy per boundary and no
more.  Address 0 and everything outside a mapped window is a fault, which `copy_from_user` turns into EFAULT.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

FIRST_WINDOW = 1 << 46
WINDOW_SHIFT = 30
# How many buffers a program may have mapped at a time: as many as Linux allows mappings (vm.max_map_count).
WINDOWS = 65530
# In `following`: the end of the list of free windows.
cdef unsigned int LAST = 0xFFFFFFFF


cdef class AddressSpace:
    """One program's address space: up to 65530 buffers of 1 GiB mapped at a time; all its threads share it."""

    def __cinit__(self):
        cdef unsigned int i
        self.windows = self.first
        self.size = 8
        self.free = 0
        self.faults = 0
        for i in range(8):
            self.windows[i].used = False
            self.windows[i].following = i + 1 if i < 7 else LAST

    def __dealloc__(self):
        cdef unsigned int i
        for i in range(self.size):
            if self.windows[i].used:
                PyBuffer_Release(&self.windows[i].view)
        if self.windows is not self.first:
            free(self.windows)

    cdef bint _grow(self) except False:
        """Twice as many windows; MemoryError when there are as many as there may be."""
        cdef unsigned int i, wanted = self.size * 2
        cdef Window *grown
        if wanted > 65530:
            wanted = 65530
        if wanted == self.size:
            raise MemoryError("address space: all 65530 windows are mapped")
        if self.windows is self.first:
            grown = <Window *>malloc(wanted * sizeof(Window))
            if grown is not NULL:
                memcpy(grown, self.first, sizeof(self.first))
        else:
            grown = <Window *>realloc(self.windows, wanted * sizeof(Window))
        if grown is NULL:
            raise MemoryError("address space: no memory for more windows")
        self.windows = grown
        for i in range(self.size, wanted):
            grown[i].used = False
            grown[i].following = i + 1 if i + 1 < wanted else LAST
        self.free = self.size
        self.size = wanted
        return True

    cpdef unsigned long long map(self, object buffer, bint writable=False) except? 0:
        """Map `buffer` (bytes-like, contiguous) and return its user address; MemoryError when 65530 are mapped."""
        cdef unsigned int slot
        if self.free == LAST:
            self._grow()
        slot = self.free
        PyObject_GetBuffer(buffer, &self.windows[slot].view, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
        if self.windows[slot].view.len > 1 << 30:
            PyBuffer_Release(&self.windows[slot].view)
            raise MemoryError("address space: a buffer of more than 1 GiB")
        self.free = self.windows[slot].following
        self.windows[slot].used = True
        self.windows[slot].writable = writable
        return (<unsigned long long>slot + 65536) << 30

    cpdef unmap(self, unsigned long long address):
        """Unmap the window that `map` returned; an unmapped address does nothing."""
        cdef unsigned long long slot = (address >> 30) - 65536
        if slot < self.size and self.windows[slot].used:
            self.windows[slot].used = False
            self.windows[slot].following = self.free
            self.free = <unsigned int>slot
            PyBuffer_Release(&self.windows[slot].view)

    cpdef Py_ssize_t mapped(self):
        """How many windows are mapped: 0 more than before a call, or something leaked."""
        cdef Py_ssize_t count = 0
        cdef unsigned int i
        for i in range(self.size):
            count += self.windows[i].used
        return count

    cdef unsigned char *at(self, unsigned long long address, unsigned long long length, bint write) noexcept:
        """The host pointer for [address, address + length), or NULL for a fault."""
        cdef unsigned long long slot = (address >> 30) - 65536
        cdef unsigned long long offset = address & <unsigned long long>0x3FFFFFFF
        cdef unsigned long long size
        if slot >= self.size or not self.windows[slot].used or (write and not self.windows[slot].writable):
            self.faults += 1
            return NULL
        size = <unsigned long long>self.windows[slot].view.len
        if length > size or offset > size - length:
            self.faults += 1
            return NULL
        return <unsigned char *>self.windows[slot].view.buf + offset

    cpdef unsigned long long room(self, unsigned long long address):
        """Bytes from `address` to the end of its window (0 for a fault): how far a string may be read."""
        cdef unsigned long long slot = (address >> 30) - 65536
        cdef unsigned long long offset = address & <unsigned long long>0x3FFFFFFF
        if slot >= self.size or not self.windows[slot].used or offset >= <unsigned long long>self.windows[slot].view.len:
            return 0
        return <unsigned long long>self.windows[slot].view.len - offset

    cpdef unsigned long long place(self, unsigned long long address):
        """Where the word at `address` lies in the end, the same for all that share it (0 for a fault): a futex's identity."""
        return <unsigned long long><size_t>self.at(address, 4, False)

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
