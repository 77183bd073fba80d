# cython: boundscheck=False, wraparound=False
"""A descriptor as the DMA engine sees it: 16 bytes of RAM, little-endian (3.2.3, 3.3.3 to 3.3.7)."""

from libc.string cimport memcpy

from hwemu.pci.dma cimport DMA


cdef class Descriptor:
    """The descriptor fetched last: `address` is the first 8 bytes, `lower` and `upper` the two double words behind.

    `at` is where it lies.
    """

    def __init__(self):
        self.at = 0
        self.address = 0
        self.lower = 0
        self.upper = 0

    cpdef bint fetch(self, DMA dma, unsigned long long at) except? -1:
        """Read the descriptor at bus address `at`; False after a master abort."""
        cdef unsigned char *source = dma.pointer(at, 16, False)
        if source is NULL:
            return False
        self.at = at
        memcpy(&self.address, source, 8)
        memcpy(&self.lower, source + 8, 4)
        memcpy(&self.upper, source + 12, 4)
        return True

    cpdef bint write_received(
        self, DMA dma, unsigned long long at, unsigned int length, unsigned int checksum,
        unsigned int status, unsigned int errors, unsigned int special
    ) except? -1:
        """Write back a receive descriptor: the 8 bytes behind the buffer address; False after a master abort."""
        cdef unsigned char *target = dma.pointer(at + 8, 8, True)
        cdef unsigned short halves[4]
        if target is NULL:
            return False
        halves[0] = <unsigned short>length
        halves[1] = <unsigned short>checksum
        halves[2] = <unsigned short>((status & 0xFF) | (errors & 0xFF) << 8)
        halves[3] = <unsigned short>special
        memcpy(target, halves, 8)
        return True

    cpdef bint write_done(self, DMA dma, unsigned long long at, unsigned int status) except? -1:
        """Write back the status byte of a transmit descriptor; False after a master abort."""
        cdef unsigned char *target = dma.pointer(at + 12, 1, True)
        if target is NULL:
            return False
        target[0] = <unsigned char>status
        return True
