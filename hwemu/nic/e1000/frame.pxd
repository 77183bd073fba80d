from hwemu.pci.dma cimport DMA


cdef class Frame:
    cdef public bytes frame
    cdef const unsigned char *data
    cdef readonly unsigned int length, stored, skip, tail
    cdef unsigned char fcs[4]
    cpdef load(self, bytes frame)
    cpdef unsigned long long address(self, unsigned int offset) noexcept
    cpdef unsigned int be16(self, unsigned int offset) noexcept
    cpdef strip_tag(self)
    cpdef append_fcs(self, bint wrong)
    cpdef bint copy(self, DMA dma, unsigned long long address, unsigned int offset, unsigned int count) except? -1
    cpdef unsigned int packet_checksum(self, unsigned int start) noexcept
    cdef unsigned long long _sum_at(self, unsigned int first, unsigned int last, unsigned int origin) noexcept
    cpdef unsigned int verify(self, bint network, bint transport, unsigned int vlan_type) noexcept
    cdef bint _transport_checked(self, unsigned int at, unsigned int header, unsigned int total) noexcept
    cdef bint _transport_right(self, unsigned int at, unsigned int header, unsigned int total) noexcept
