from hwemu.pci.dma cimport IOMMU
from hwemu.ram cimport RAM


cdef struct Range:
    unsigned long long low
    unsigned long long high
    bint readable
    bint writable


cdef class GuestMemory(RAM):
    cdef Range *ranges
    cdef readonly int count
    cdef int last
    cdef readonly int restricted
    cdef int _search(self, unsigned long long address) noexcept
    cdef unsigned char *at(self, unsigned long long address, unsigned long long length) noexcept
    cdef bint permits(self, unsigned long long address, unsigned long long length, bint write) noexcept
    cpdef map(self, int fd, unsigned long long offset, unsigned long long address, unsigned long long size, bint readable, bint writable)
    cpdef unmap(self, unsigned long long address, unsigned long long size)
    cpdef clear(self)


cdef class Permissions(IOMMU):
    cdef GuestMemory memory
    cpdef bint allows(self, str device, unsigned long long address, unsigned long long length, bint write) except? -1
