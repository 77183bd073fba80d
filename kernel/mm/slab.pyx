# cython: boundscheck=False, wraparound=False
"""The slab allocator over machine RAM: nine power-of-two size classes, 256 bytes to 64 KiB.

RAM is cut into chunks of 64 KiB.  A chunk is empty or carved into objects of one class; its free objects form a
list through their own first eight bytes.  A chunk with free objects is on its class's partial list, so allocating
and freeing cost the same with one object or a million.  Objects are aligned to their size: a descriptor ring of
4096 bytes gets the alignment that the 82540EM wants.

A free that does not match an allocation raises ValueError.  With `poison` a freed object is filled with 0x6B, so
that a use after free shows itself.
"""

from libc.stdlib cimport calloc
from libc.stdlib cimport free as c_free
from libc.string cimport memcpy, memset

CHUNK_SIZE = 65536
SMALLEST = 256


cdef inline int class_of(unsigned long long size) noexcept:
    cdef int size_class = 0
    while (<unsigned long long>256 << size_class) < size:
        size_class += 1
    return size_class


cdef class Slab:
    """Allocates from [reserved, ram.size); the first `reserved` bytes (at least 64 KiB) stay the kernel image's."""

    def __cinit__(self):
        self.chunks = NULL

    def __init__(self, RAM ram not None, unsigned long long reserved=65536):
        cdef int index
        self.ram = ram
        self.base = ram.at(0, ram.size)
        self.first_chunk = max(1, <int>((reserved + 65535) >> 16))
        self.nr_chunks = <int>(ram.size >> 16)
        self.chunks = <chunk *>calloc(max(1, self.nr_chunks), sizeof(chunk))
        if self.chunks is NULL:
            raise MemoryError
        for index in range(9):
            self.partial[index] = -1
        self.empty = -1
        self.poison = False
        self.objects_in_use = self.bytes_in_use = self.allocations = self.failures = 0
        for index in range(self.nr_chunks - 1, self.first_chunk - 1, -1):
            self.chunks[index].size_class = -1
            self._push(&self.empty, index)

    def __dealloc__(self):
        c_free(self.chunks)

    cdef void _push(self, int *head, int index) noexcept:
        self.chunks[index].next = head[0]
        self.chunks[index].previous = -1
        if head[0] >= 0:
            self.chunks[head[0]].previous = index
        head[0] = index
        self.chunks[index].listed = True

    cdef void _remove(self, int *head, int index) noexcept:
        cdef int after = self.chunks[index].next
        cdef int before = self.chunks[index].previous
        if before >= 0:
            self.chunks[before].next = after
        else:
            head[0] = after
        if after >= 0:
            self.chunks[after].previous = before
        self.chunks[index].listed = False

    cpdef unsigned long long alloc(self, unsigned long long size) except? 1:
        """The address of `size` bytes (1 to 65536), or 0 when RAM is full or the size is not one of ours."""
        cdef int size_class, index, slot
        cdef unsigned long long address, object_size, following
        cdef chunk *c
        if size == 0 or size > 65536:
            self.failures += 1
            return 0
        size_class = class_of(size)
        object_size = <unsigned long long>256 << size_class
        index = self.partial[size_class]
        if index < 0:
            index = self.empty
            if index < 0:
                self.failures += 1
                return 0
            self._remove(&self.empty, index)
            c = &self.chunks[index]
            c.size_class = <short>size_class
            c.objects = <unsigned short>(65536 // object_size)
            c.in_use = 0
            memset(c.used, 0, sizeof(c.used))
            following = 0
            for slot in range(c.objects - 1, -1, -1):
                address = (<unsigned long long>index << 16) + <unsigned long long>slot * object_size
                memcpy(self.base + address, &following, 8)
                following = address
            c.free_head = following
            self._push(&self.partial[size_class], index)
        c = &self.chunks[index]
        address = c.free_head
        memcpy(&c.free_head, self.base + address, 8)
        slot = <int>((address & 0xFFFF) // object_size)
        c.used[slot >> 6] |= <unsigned long long>1 << (slot & 63)
        c.in_use += 1
        if c.in_use == c.objects:
            self._remove(&self.partial[size_class], index)
        self.objects_in_use += 1
        self.bytes_in_use += object_size
        self.allocations += 1
        return address

    cpdef unsigned long long usable(self, unsigned long long address) except? 1:
        """The size of the class that the object at `address` belongs to; ValueError when nothing is allocated there."""
        cdef unsigned long long index = address >> 16
        if index >= <unsigned long long>self.nr_chunks or self.chunks[index].size_class < 0:
            raise ValueError(f"slab: {address:#x} is not allocated")
        return <unsigned long long>256 << self.chunks[index].size_class

    cpdef free(self, unsigned long long address):
        """Give the object at `address` back; ValueError for a double free or an address that was never given out."""
        cdef unsigned long long object_size
        cdef int index = <int>(address >> 16)
        cdef int slot
        cdef chunk *c
        if address >> 16 >= <unsigned long long>self.nr_chunks or self.chunks[index].size_class < 0:
            raise ValueError(f"slab: free of {address:#x}, which is not allocated")
        c = &self.chunks[index]
        object_size = <unsigned long long>256 << c.size_class
        slot = <int>((address & 0xFFFF) // object_size)
        if address & (object_size - 1) or not c.used[slot >> 6] >> (slot & 63) & 1:
            raise ValueError(f"slab: free of {address:#x}, which is not allocated")
        if self.poison:
            memset(self.base + address, 0x6B, object_size)
        c.used[slot >> 6] &= ~(<unsigned long long>1 << (slot & 63))
        memcpy(self.base + address, &c.free_head, 8)
        c.free_head = address
        if c.in_use == c.objects:
            self._push(&self.partial[c.size_class], index)
        c.in_use -= 1
        self.objects_in_use -= 1
        self.bytes_in_use -= object_size
        # One empty chunk stays with its class, so that a lone object does not carve and uncarve all day.
        if c.in_use == 0 and (c.next >= 0 or c.previous >= 0):
            self._remove(&self.partial[c.size_class], index)
            c.size_class = -1
            self._push(&self.empty, index)

    def statistics(self):
        """Counters for /proc/slabinfo and for leak checks."""
        cdef int index
        empty = 0
        for index in range(self.first_chunk, self.nr_chunks):
            empty += self.chunks[index].size_class < 0
        return {
            "objects_in_use": self.objects_in_use,
            "bytes_in_use": self.bytes_in_use,
            "allocations": self.allocations,
            "failures": self.failures,
            "empty_chunks": empty,
            "chunks": self.nr_chunks - self.first_chunk,
        }
