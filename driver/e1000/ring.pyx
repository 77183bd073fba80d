# cython: boundscheck=False, wraparound=False
"""The descriptor rings in RAM, and what the driver remembers about each slot.

A descriptor is 16 bytes, little-endian (8254x manual: 3.2.3 receive, 3.3.3 legacy and data, 3.3.6 context).  This
leaf owns the pointer into the ring; every index is checked against the ring's size, and writing a descriptor that
belongs to the hardware is a bug of the driver that raises RuntimeError.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from kernel.net.core.skbuff cimport alloc_skb, page, sk_buff, skb_put, skb_reserve, skbuff_cache

cdef unsigned int DESCRIPTOR_SIZE = 16


cdef class descriptor_ring:
    """`count` descriptors in the page `memory`; `next_to_use` is where the driver fills, `next_to_clean` where it looks next."""

    def __cinit__(self, page memory not None, unsigned int count):
        if count == 0 or count * DESCRIPTOR_SIZE > memory.size:
            raise ValueError(f"{count} descriptors do not fit into {memory.size} bytes")
        self.page = memory
        self.desc = memory.mem
        self.dma = memory.address
        self.count = count
        self.size = count * DESCRIPTOR_SIZE
        self.next_to_use = 0
        self.next_to_clean = 0
        self.given = 0
        self.slots = <slot *>calloc(count, sizeof(slot))
        if self.slots is NULL:
            raise MemoryError
        memset(self.desc, 0, self.size)

    def __dealloc__(self):
        free(self.slots)

    cdef unsigned char *at(self, unsigned int i) except NULL:
        if i >= self.count:
            raise IndexError(f"descriptor {i} of {self.count}")
        return self.desc + i * DESCRIPTOR_SIZE

    cpdef unsigned int unused(self) noexcept:
        """Descriptors that the driver may fill: one less than are free, so that head == tail means empty."""
        if self.next_to_clean > self.next_to_use:
            return self.next_to_clean - self.next_to_use - 1
        return self.count + self.next_to_clean - self.next_to_use - 1

    cpdef clear(self):
        """Forget every descriptor and start at 0."""
        memset(self.desc, 0, self.size)
        memset(self.slots, 0, self.count * sizeof(slot))
        self.next_to_use = 0
        self.next_to_clean = 0
        self.given = 0

    cdef unsigned char *own(self, unsigned int i) except NULL:
        """Where descriptor `i` is, for writing; RuntimeError while it belongs to the hardware."""
        cdef unsigned char *d = self.at(i)
        if self.slots[i].given:
            raise RuntimeError(f"descriptor {i} is written while the hardware owns it")
        return d

    cpdef give(self, unsigned int tail):
        """The hardware owns what was filled, up to `tail`: call it before writing the tail register."""
        self.at(tail)
        while self.given != tail:
            self.slots[self.given].given = True
            self.given += 1
            if self.given == self.count:
                self.given = 0

    cpdef take(self, unsigned int i):
        """The hardware is done with descriptor `i`."""
        self.at(i)
        self.slots[i].given = False

    cpdef bytes dump(self, unsigned int i):
        """The 16 bytes of descriptor `i`."""
        return (<char *>self.at(i))[:16]


cdef class rx_ring(descriptor_ring):
    """Receive descriptors; `pages[i]` is the buffer that the hardware may fill."""

    def __init__(self, page memory, unsigned int count):
        self.pages = [None] * count

    cpdef fill(self, unsigned int i, unsigned long long address):
        """Give descriptor `i` the buffer at bus address `address` and clear its status."""
        cdef unsigned long long zero = 0
        cdef unsigned char *d = self.own(i)
        memcpy(d, &address, 8)
        memcpy(d + 8, &zero, 8)
        self.slots[i].dma = address

    cpdef unsigned int status(self, unsigned int i) except? 0xEEEEEEEE:
        """The status byte: bit 0 says that the hardware is done with the descriptor."""
        return self.at(i)[12]

    cpdef unsigned int errors(self, unsigned int i) except? 0xEEEEEEEE:
        return self.at(i)[13]

    cpdef unsigned int length(self, unsigned int i) except? 0xEEEEEEEE:
        """How many bytes the hardware wrote."""
        cdef unsigned short value
        memcpy(&value, self.at(i) + 8, 2)
        return value

    cpdef unsigned int special(self, unsigned int i) except? 0xEEEEEEEE:
        """The VLAN tag that was stripped."""
        cdef unsigned short value
        memcpy(&value, self.at(i) + 14, 2)
        return value

    cpdef unsigned long long address(self, unsigned int i) except? 1:
        """The bus address that descriptor `i` was given."""
        self.at(i)
        return self.slots[i].dma

    cpdef sk_buff copy_out(self, skbuff_cache cache, page buffer, unsigned int offset, unsigned int length, unsigned int headroom):
        """A fresh sk_buff with `headroom` and a copy of `length` bytes of `buffer`; None when RAM is full."""
        cdef sk_buff skb
        if offset > buffer.size or length > buffer.size - offset:
            raise IndexError(f"{length} bytes at {offset} of a page of {buffer.size}")
        skb = alloc_skb(cache, headroom + length)
        if skb is None:
            return None
        skb_reserve(skb, headroom)
        memcpy(skb.mem + skb_put(skb, length), buffer.mem + offset, length)
        return skb


cdef class tx_ring(descriptor_ring):
    """Transmit descriptors; `skbs[i]` is the sk_buff whose last descriptor is `i`."""

    def __init__(self, page memory, unsigned int count):
        self.skbs = [None] * count
        self.time_stamp = 0

    cpdef context(self, unsigned int i, unsigned int ip_config, unsigned int tcp_config, unsigned int cmd_and_length, unsigned int seg_setup):
        """Write a context descriptor: four double words as the manual numbers them (3.3.6)."""
        cdef unsigned char *d = self.own(i)
        memcpy(d, &ip_config, 4)
        memcpy(d + 4, &tcp_config, 4)
        memcpy(d + 8, &cmd_and_length, 4)
        memcpy(d + 12, &seg_setup, 4)
        self.slots[i].dma = 0
        self.slots[i].length = 0

    cpdef data(self, unsigned int i, unsigned long long address, unsigned int length, unsigned int command, unsigned int upper):
        """Write a data descriptor for a mapped buffer: `command` goes with the length, `upper` is the last double word."""
        cdef unsigned char *d = self.own(i)
        cdef unsigned int lower = command | length
        memcpy(d, &address, 8)
        memcpy(d + 8, &lower, 4)
        memcpy(d + 12, &upper, 4)
        self.slots[i].dma = address
        self.slots[i].length = length

    cpdef mapped(self, unsigned int i, unsigned long long address, unsigned int length, bint as_page):
        """Remember that the mapping that ends with descriptor `i` is to be undone when the descriptor is done."""
        self.at(i)
        self.slots[i].map_address = address
        self.slots[i].map_length = length
        self.slots[i].as_page = as_page

    cpdef unsigned long long map_address(self, unsigned int i) except? 1:
        self.at(i)
        return self.slots[i].map_address

    cpdef unsigned int map_length(self, unsigned int i) except? 0xEEEEEEEE:
        """The length of the mapping that ends here; 0 when none does."""
        self.at(i)
        return self.slots[i].map_length

    cpdef bint map_as_page(self, unsigned int i) except -1:
        self.at(i)
        return self.slots[i].as_page

    cpdef set_last(self, unsigned int first, unsigned int last):
        """The packet that starts at descriptor `first` ends at `last`."""
        self.at(first)
        self.slots[first].last = last

    cpdef unsigned int last_of(self, unsigned int first) except? 0xEEEEEEEE:
        self.at(first)
        return self.slots[first].last

    cpdef add_command(self, unsigned int i, unsigned int command):
        """Set more command bits in a data descriptor."""
        cdef unsigned int lower
        cdef unsigned char *d = self.own(i)
        memcpy(&lower, d + 8, 4)
        lower |= command
        memcpy(d + 8, &lower, 4)

    cpdef bint done(self, unsigned int i) except -1:
        """True when the hardware has written descriptor `i` back."""
        return self.at(i)[12] & 1

    cpdef release(self, unsigned int i):
        """Forget slot `i`."""
        self.at(i)
        memset(&self.slots[i], 0, sizeof(slot))
