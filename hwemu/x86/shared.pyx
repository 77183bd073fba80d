# cython: boundscheck=False, wraparound=False
"""Pages that several programs' memories show: a file's contents, or what a parent shares with its children.

The host keeps them in one shared mapping, of which a program's memory gets a second view (mremap(2) with an old size of
0), so that all of them, and the kernel's own reads and writes, are at the same bytes.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

cdef extern from "sys/mman.h":
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t length)
    int madvise(void *address, size_t length, int advice)
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_ANONYMOUS, MAP_NORESERVE, MADV_REMOVE
    void *MAP_FAILED


cdef class SharedPages:
    """`len()` bytes, of at most `limit`; slices of step 1 are read as bytes and written with as many bytes."""

    cdef unsigned char *base
    cdef readonly unsigned long long limit
    cdef unsigned long long size

    def __cinit__(self, unsigned long long limit):
        self.limit = limit + 4095 & ~<unsigned long long>4095
        self.size = 0
        self.base = <unsigned char *>mmap(
            NULL, self.limit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if self.base == <unsigned char *>MAP_FAILED:
            self.base = NULL
            raise MemoryError("no room for shared memory")

    def __dealloc__(self):
        if self.base is not NULL:
            munmap(self.base, self.limit)

    def __len__(self):
        return self.size

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.base, self.size, 0, flags)

    def __getitem__(self, slice part):
        start, end, _ = part.indices(self.size)
        return PyBytes_FromStringAndSize(<char *>self.base + <size_t>start, max(0, end - start))

    def __setitem__(self, slice part, const unsigned char[::1] data):
        start, end, _ = part.indices(self.size)
        if end - start != data.shape[0]:
            raise ValueError("shared pages: as many bytes as the slice has")
        if data.shape[0]:
            memcpy(self.base + <size_t>start, &data[0], data.shape[0])

    cpdef resize(self, unsigned long long size):
        """Set the length; bytes it gains are zero, and what is cut off is given back to the host.  MemoryError past `limit`."""
        cdef unsigned long long low = min(size, self.size)
        cdef unsigned long long edge = low + 4095 & ~<unsigned long long>4095
        cdef unsigned long long end = self.size + 4095 & ~<unsigned long long>4095
        if size > self.limit:
            raise MemoryError("shared pages: past the limit")
        memset(self.base + low, 0, edge - low)
        if end > edge:
            madvise(self.base + edge, end - edge, MADV_REMOVE)
        self.size = size

    cpdef unsigned long long place(self, unsigned long long offset):
        """Where a byte lies in the host's memory: the same for all that share it."""
        return <unsigned long long><size_t>(self.base + offset)
