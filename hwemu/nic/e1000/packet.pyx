# cython: boundscheck=False, wraparound=False
"""The packet that the transmit engine is putting together: gathering by DMA, checksums, segment headers.

Every offset comes from a driver's descriptor and may lie: whatever does not fit the packet is left alone.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

from hwemu.checksum cimport fold, frame_check_sequence, sum_bytes
from hwemu.pci.dma cimport DMA

cdef enum:
    ADDRESSES = 12
    TAG_LENGTH = 4
    FCS_LENGTH = 4
    IPV6_HEADER = 40
    TCP_FIN_PSH = 0x09


cdef class OffloadContext:
    """What a context descriptor says (3.3.6): where the headers lie, and for segmentation how to cut."""

    def __init__(self):
        self.clear()

    cpdef clear(self):
        """No checksum to insert and nothing to cut, as after a reset."""
        self.load(0, 0, 0)

    cpdef load(self, unsigned long long offsets, unsigned int lower, unsigned int upper):
        """Take the three parts of a context descriptor: first 8 bytes, third and fourth double word."""
        self.ipcss = offsets & 0xFF
        self.ipcso = (offsets >> 8) & 0xFF
        self.ipcse = (offsets >> 16) & 0xFFFF
        self.tucss = (offsets >> 32) & 0xFF
        self.tucso = (offsets >> 40) & 0xFF
        self.tucse = (offsets >> 48) & 0xFFFF
        self.payload_length = lower & 0xFFFFF
        self.tcp = (lower >> 24) & 1
        self.ipv4 = (lower >> 25) & 1
        self.header_length = (upper >> 8) & 0xFF
        self.mss = (upper >> 16) & 0xFFFF


cdef class Packet:
    """Up to CAPACITY bytes (the part's longest frame and a segment's header) and the header that segments share."""

    def __init__(self):
        self.capacity = CAPACITY
        self.begin()

    cpdef begin(self):
        self.length = 0
        self.header_length = 0

    cpdef bint append(self, DMA dma, unsigned long long address, unsigned int count) except? -1:
        """Fetch `count` bytes at bus address `address`; False after a master abort or where they do not fit."""
        cdef unsigned char *source
        if count > CAPACITY - self.length:
            return False
        source = dma.pointer(address, count, False)
        if source is NULL:
            return False
        memcpy(self.data + self.length, source, count)
        self.length += count
        return True

    cpdef save_header(self, unsigned int count):
        """Remember the first `count` (at most 255) bytes as what every segment starts with."""
        memcpy(self.header, self.data, count & 0xFF)
        self.header_length = count & 0xFF

    cpdef next_segment(self):
        """Forget the payload; the header stays."""
        self.length = self.header_length

    cpdef segment_headers(
        self, OffloadContext context, unsigned int number, unsigned int sent, bint last, bint transport
    ):
        """Write the header of segment `number` (from 0) after `sent` payload bytes (3.5.9).

        `last`: FIN and PSH stay.  `transport`: the transport checksum field holds a pseudo-header sum without the
        length, so add it.
        """
        cdef unsigned int size = self.length, tucss = context.tucss, ipcss = context.ipcss
        memcpy(self.data, self.header, self.header_length)
        if context.ipv4:
            self._put16(ipcss + 2, size - ipcss)
            self._put16(ipcss + 4, self._get16(ipcss + 4) + number)
        else:
            self._put16(ipcss + 4, size - ipcss - IPV6_HEADER)
        if context.tcp:
            self._put32(tucss + 4, self._get32(tucss + 4) + sent)
            if not last and tucss + 13 < self.header_length:
                self.data[tucss + 13] &= ~TCP_FIN_PSH & 0xFF
        else:
            self._put16(tucss + 4, size - tucss)
        if transport:
            self._put16(context.tucso, fold(<unsigned long long>self._get16(context.tucso) + (size - tucss)))

    cpdef insert_checksum(self, unsigned int start, unsigned int end, unsigned int at, bint zero_means_none):
        """Store the checksum of bytes `start` to `end` (inclusive; 0: the packet's end) at offset `at`, big-endian.

        `zero_means_none`: a result of 0 is sent as FFFF (RFC 768).
        """
        cdef unsigned int last = self.length if end == 0 or end >= self.length else end + 1
        cdef unsigned int checksum
        if start >= last or at + 2 > self.length:
            return
        checksum = ~sum_bytes(self.data + start, last - start) & 0xFFFF
        if checksum == 0 and zero_means_none:
            checksum = 0xFFFF
        self.data[at] = <unsigned char>(checksum >> 8)
        self.data[at + 1] = <unsigned char>checksum

    cpdef bint detach_fcs(self):
        """Take the last four bytes off as the FCS that the driver made; True when it is right."""
        cdef unsigned int fcs
        if self.length < FCS_LENGTH:
            return False
        self.length -= FCS_LENGTH
        memcpy(&fcs, self.data + self.length, FCS_LENGTH)
        return fcs == frame_check_sequence(PyBytes_FromStringAndSize(<char *>self.data, self.length))

    cpdef unsigned long long destination(self) noexcept:
        """The packet's destination address, its first byte lowest; 0 while it has none."""
        cdef unsigned long long value = 0
        if self.length >= 6:
            memcpy(&value, self.data, 6)
        return value

    cpdef bytes take(self, int tag, unsigned int vlan_type, unsigned int minimum):
        """The frame: with an 802.1Q tag `tag` of type `vlan_type` unless that is -1, padded to `minimum` bytes."""
        cdef bint tagged = tag >= 0 and self.length >= ADDRESSES
        cdef unsigned int size = self.length + (TAG_LENGTH if tagged else 0)
        cdef unsigned int total = size if size > minimum else minimum
        cdef bytes frame = PyBytes_FromStringAndSize(NULL, total)
        cdef unsigned char *target = <unsigned char *>PyBytes_AS_STRING(frame)
        if tagged:
            memcpy(target, self.data, ADDRESSES)
            target[12] = <unsigned char>(vlan_type >> 8)
            target[13] = <unsigned char>vlan_type
            target[14] = <unsigned char>(tag >> 8)
            target[15] = <unsigned char>tag
            memcpy(target + ADDRESSES + TAG_LENGTH, self.data + ADDRESSES, self.length - ADDRESSES)
        else:
            memcpy(target, self.data, self.length)
        if total > size:
            memset(target + size, 0, total - size)
        return frame

    cdef unsigned int _get16(self, unsigned int at) noexcept:
        if at + 2 > self.header_length:
            return 0
        return self.data[at] << 8 | self.data[at + 1]

    cdef void _put16(self, unsigned int at, unsigned int value) noexcept:
        if at + 2 <= self.header_length:
            self.data[at] = <unsigned char>(value >> 8)
            self.data[at + 1] = <unsigned char>value

    cdef unsigned int _get32(self, unsigned int at) noexcept:
        return self._get16(at) << 16 | self._get16(at + 2)

    cdef void _put32(self, unsigned int at, unsigned int value) noexcept:
        if at + 4 <= self.header_length:
            self._put16(at, value >> 16)
            self._put16(at + 2, value)
