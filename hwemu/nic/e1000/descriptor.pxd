from hwemu.pci.dma cimport DMA


cdef class Descriptor:
    cdef public unsigned long long at, address
    cdef public unsigned int lower, upper
    cpdef bint fetch(self, DMA dma, unsigned long long at) except? -1
    cpdef bint write_received(
        self, DMA dma, unsigned long long at, unsigned int length, unsigned int checksum,
        unsigned int status, unsigned int errors, unsigned int special) except? -1
    cpdef bint write_done(self, DMA dma, unsigned long long at, unsigned int status) except? -1
