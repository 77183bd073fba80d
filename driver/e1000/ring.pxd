from kernel.net.core.skbuff cimport page, sk_buff, skbuff_cache


cdef struct slot:
    unsigned long long dma            # bus address in the descriptor
    unsigned long long map_address    # the mapping to undo with this descriptor
    unsigned int map_length
    unsigned int length
    unsigned int last                 # of a packet's first descriptor: its last one
    bint as_page
    bint given                        # the hardware owns the descriptor


cdef class descriptor_ring:
    cdef page page
    cdef unsigned char *desc
    cdef slot *slots
    cdef readonly unsigned long long dma
    cdef readonly unsigned int count
    cdef readonly unsigned int size
    cdef public unsigned int next_to_use
    cdef public unsigned int next_to_clean
    cdef readonly unsigned int given
    cdef unsigned char *at(self, unsigned int i) except NULL
    cdef unsigned char *own(self, unsigned int i) except NULL
    cpdef give(self, unsigned int tail)
    cpdef take(self, unsigned int i)
    cpdef unsigned int unused(self) noexcept
    cpdef clear(self)
    cpdef bytes dump(self, unsigned int i)


cdef class rx_ring(descriptor_ring):
    cdef public list pages
    cpdef fill(self, unsigned int i, unsigned long long address)
    cpdef unsigned int status(self, unsigned int i) except? 0xEEEEEEEE
    cpdef unsigned int errors(self, unsigned int i) except? 0xEEEEEEEE
    cpdef unsigned int length(self, unsigned int i) except? 0xEEEEEEEE
    cpdef unsigned int special(self, unsigned int i) except? 0xEEEEEEEE
    cpdef unsigned long long address(self, unsigned int i) except? 1
    cpdef sk_buff copy_out(self, skbuff_cache cache, page buffer, unsigned int offset, unsigned int length, unsigned int headroom)


cdef class tx_ring(descriptor_ring):
    cdef public list skbs
    cdef public long long time_stamp
    cpdef context(self, unsigned int i, unsigned int ip_config, unsigned int tcp_config, unsigned int cmd_and_length, unsigned int seg_setup)
    cpdef data(self, unsigned int i, unsigned long long address, unsigned int length, unsigned int command, unsigned int upper)
    cpdef mapped(self, unsigned int i, unsigned long long address, unsigned int length, bint as_page)
    cpdef unsigned long long map_address(self, unsigned int i) except? 1
    cpdef unsigned int map_length(self, unsigned int i) except? 0xEEEEEEEE
    cpdef bint map_as_page(self, unsigned int i) except -1
    cpdef set_last(self, unsigned int first, unsigned int last)
    cpdef unsigned int last_of(self, unsigned int first) except? 0xEEEEEEEE
    cpdef add_command(self, unsigned int i, unsigned int command)
    cpdef bint done(self, unsigned int i) except -1
    cpdef release(self, unsigned int i)
