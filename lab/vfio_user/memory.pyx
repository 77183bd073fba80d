# cython: boundscheck=False, wraparound=False
"""The memory of a vfio-user client as the card's DMA sees it: the file descriptors that it passed, mapped.

One window of this process's address space stands for the client's bus addresses 0 to 1 TiB.  Where the client has mapped memory
that memory lies in the window at its own address, so that what adjoins there adjoins here and a transfer may cross from one
mapping into the next; the rest of the window is mapped to nothing.  A transfer is looked up before its pointer is made: nothing
outside the mappings is ever touched.

A file that its owner cuts short under a mapping would end this process (SIGBUS).  So a descriptor has to be a memfd sealed
against shrinking, as QEMU's memory-backend-memfd makes them.
"""

import errno
import fcntl
import os

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport errno as host_errno
from libc.string cimport memmove

from hwemu.pci.dma cimport IOMMU
from hwemu.ram cimport RAM

cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long long offset)
    int munmap(void *address, size_t length)
    int PROT_NONE, PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE
    void *MAP_FAILED

PAGE = 4096
MOST_MAPPINGS = 1024
F_GET_SEALS = 1034
F_SEAL_SHRINK = 0x0002

cdef enum:
    RANGES = 1024
    PAGE_BITS = 0xFFF

cdef unsigned long long WINDOW = 1ULL << 40


def sealed_size(fd):
    """The size in bytes of the memfd `fd`, which can not shrink any more; OSError (EINVAL) for anything else."""
    try:
        seals = fcntl.fcntl(fd, F_GET_SEALS)
    except OSError:
        seals = 0
    if not seals & F_SEAL_SHRINK:
        raise OSError(errno.EINVAL, "it is not a memfd sealed against shrinking (QEMU: memory-backend-memfd,share=on)")
    return os.fstat(fd).st_size


cdef class GuestMemory(RAM):
    """What a card's `dma.ram` is while its machine is a vfio-user client.  `size` is that of the window, in bytes.

    `restricted` counts the mappings that are not both readable and writable: while there is one, `Permissions` has to stand in
    front as the card's IOMMU.
    """

    def __cinit__(self):
        self.base = NULL
        self.ranges = NULL

    def __init__(self):
        cdef void *window = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if window == MAP_FAILED:
            raise OSError(host_errno, f"no {WINDOW >> 30} GiB of address space for the client's memory")
        self.base = <unsigned char *>window
        self.size = WINDOW
        self.ranges = <Range *>PyMem_Malloc(RANGES * sizeof(Range))
        if self.ranges is NULL:
            raise MemoryError()
        self.count = 0
        self.last = 0
        self.restricted = 0

    def __dealloc__(self):
        if self.base is not NULL:
            munmap(self.base, WINDOW)
        PyMem_Free(self.ranges)

    cdef int _search(self, unsigned long long address) noexcept:
        """The index of the first range that ends behind `address`."""
        cdef int low = 0, high = self.count, middle
        while low < high:
            middle = (low + high) >> 1
            if self.ranges[middle].high <= address:
                low = middle + 1
            else:
                high = middle
        return low

    cdef unsigned char *at(self, unsigned long long address, unsigned long long length) noexcept:
        """The pointer to `length` bytes at bus address `address`; NULL unless all of them are mapped."""
        cdef unsigned long long end = address + length
        cdef int index = self.last
        if end < address or end > WINDOW:
            return NULL
        if index < self.count and self.ranges[index].low <= address and end <= self.ranges[index].high:
            return self.base + address
        index = self._search(address)
        if index == self.count or address < self.ranges[index].low:
            return NULL
        self.last = index
        while end > self.ranges[index].high:
            if index + 1 == self.count or self.ranges[index + 1].low != self.ranges[index].high:
                return NULL
            index += 1
        return self.base + address

    cdef bint permits(self, unsigned long long address, unsigned long long length, bint write) noexcept:
        """True where every mapping that the bytes lie in may be written, or read."""
        cdef int index = self._search(address)
        while index < self.count and self.ranges[index].low < address + length:
            if not (self.ranges[index].writable if write else self.ranges[index].readable):
                return False
            index += 1
        return True

    cpdef map(
        self, int fd, unsigned long long offset, unsigned long long address, unsigned long long size, bint readable, bint writable
    ):
        """Map `size` bytes of `fd` from `offset` on to bus address `address`; all three are multiples of 4096.

        OSError: EINVAL for what can not be mapped, EEXIST where something is mapped already, ENOSPC for too many mappings.
        """
        cdef int index, protection
        cdef void *wanted
        if size == 0 or (size | offset | address) & PAGE_BITS or not (readable or writable):
            raise OSError(errno.EINVAL, f"a mapping of {size} bytes at {address:#x} from offset {offset:#x}")
        if address > WINDOW or size > WINDOW - address:
            raise OSError(errno.EINVAL, f"a mapping beyond {WINDOW >> 30} GiB")
        index = self._search(address)
        if index < self.count and self.ranges[index].low < address + size:
            raise OSError(errno.EEXIST, f"a mapping at {address:#x} over another")
        if self.count == RANGES:
            raise OSError(errno.ENOSPC, f"more than {MOST_MAPPINGS} mappings")
        available = sealed_size(fd)
        if offset > available or size > available - offset:
            raise OSError(errno.EINVAL, f"a mapping of {size} bytes from offset {offset:#x} of {available}")
        wanted = self.base + address
        protection = PROT_READ | PROT_WRITE if writable else PROT_READ
        if mmap(wanted, size, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, offset) == MAP_FAILED:
            reason = host_errno
            self._blank(address, size)
            raise OSError(reason, f"mmap of the client's memory: {os.strerror(reason)}")
        memmove(&self.ranges[index + 1], &self.ranges[index], (self.count - index) * sizeof(Range))
        self.ranges[index].low = address
        self.ranges[index].high = address + size
        self.ranges[index].readable = readable
        self.ranges[index].writable = writable
        self.count += 1
        if not (readable and writable):
            self.restricted += 1

    cpdef unmap(self, unsigned long long address, unsigned long long size):
        """Undo the mapping of exactly `size` bytes at `address`; OSError (ENOENT) where there is none."""
        cdef int index = self._search(address)
        if index == self.count or self.ranges[index].low != address or self.ranges[index].high - address != size:
            raise OSError(errno.ENOENT, f"no mapping of {size} bytes at {address:#x}")
        if not (self.ranges[index].readable and self.ranges[index].writable):
            self.restricted -= 1
        self.count -= 1
        memmove(&self.ranges[index], &self.ranges[index + 1], (self.count - index) * sizeof(Range))
        self._blank(address, size)

    def _blank(self, unsigned long long address, unsigned long long size):
        """Let the window lead to nothing there."""
        cdef void *wanted = self.base + address
        if mmap(wanted, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED:
            raise OSError(host_errno, "the client's memory can not be unmapped")

    cpdef clear(self):
        """Undo every mapping."""
        while self.count:
            self.unmap(self.ranges[self.count - 1].low, self.ranges[self.count - 1].high - self.ranges[self.count - 1].low)

    def mappings(self):
        """[(address, size, readable, writable)], by address."""
        return [
            (
                self.ranges[index].low, self.ranges[index].high - self.ranges[index].low,
                bool(self.ranges[index].readable), bool(self.ranges[index].writable),
            )
            for index in range(self.count)
        ]  # fmt: skip


cdef class Permissions(IOMMU):
    """Refuses what the client's mappings do not permit."""

    def __init__(self, GuestMemory memory):
        self.memory = memory

    cpdef bint allows(self, str device, unsigned long long address, unsigned long long length, bint write) except? -1:
        return self.memory.permits(address, length, write)
