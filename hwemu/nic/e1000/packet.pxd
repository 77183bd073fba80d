from hwemu.pci.dma cimport DMA

cdef enum:
    CAPACITY = 16384


cdef class OffloadContext:
    cdef readonly unsigned int ipcss, ipcso, ipcse, tucss, tucso, tucse
    cdef readonly unsigned int payload_length, header_length, mss
    cdef readonly bint tcp, ipv4
    cpdef clear(self)
    cpdef load(self, unsigned long long offsets, unsigned int lower, unsigned int upper)


cdef class Packet:
    cdef unsigned char data[CAPACITY]
    cdef unsigned char header[256]
    cdef readonly unsigned int length, header_length, capacity
    cpdef begin(self)
    cpdef bint append(self, DMA dma, unsigned long long address, unsigned int count) except? -1
    cpdef save_header(self, unsigned int count)
    cpdef next_segment(self)
    cpdef segment_headers(
        self, OffloadContext context, unsigned int number, unsigned int sent, bint last, bint transport)
    cpdef insert_checksum(self, unsigned int start, unsigned int end, unsigned int at, bint zero_means_none)
    cpdef bint detach_fcs(self)
    cpdef unsigned long long destination(self) noexcept
    cpdef bytes take(self, int tag, unsigned int vlan_type, unsigned int minimum)
    cdef unsigned int _get16(self, unsigned int at) noexcept
    cdef void _put16(self, unsigned int at, unsigned int value) noexcept
    cdef unsigned int _get32(self, unsigned int at) noexcept
    cdef void _put32(self, unsigned int at, unsigned int value) noexcept
