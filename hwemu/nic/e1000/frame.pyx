# cython: boundscheck=False, wraparound=False
"""A received frame on its way to RAM: header fields, checksum verification, VLAN stripping and the copy itself."""

from libc.string cimport memcpy

from hwemu.checksum cimport fold, frame_check_sequence, sum_bytes
from hwemu.pci.dma cimport DMA

cdef enum:
    TYPE_IPV4 = 0x0800
    PROTOCOL_TCP = 6
    PROTOCOL_UDP = 17
    ADDRESSES = 12
    TAG_LENGTH = 4
    # Receive descriptor status and errors (3.2.3.1, 3.2.3.2).
    STAT_IXSM = 0x04
    STAT_TCPCS = 0x20
    STAT_IPCS = 0x40
    ERR_TCPE = 0x20
    ERR_IPE = 0x40


cdef class Frame:
    """The frame loaded last, `length` bytes without FCS.  Accessors return 0 beyond its end.

    What goes to RAM (`stored` bytes) is the frame without its VLAN tag after `strip_tag` and with its FCS after
    `append_fcs`.
    """

    def __init__(self):
        self.load(b"")

    cpdef load(self, bytes frame):
        self.frame = frame
        self.data = <const unsigned char *>frame
        self.length = <unsigned int>len(frame)
        self.stored = self.length
        self.skip = 0
        self.tail = 0

    cpdef unsigned long long address(self, unsigned int offset) noexcept:
        """The MAC address at `offset`, its first byte lowest, as RAL and RAH hold it."""
        cdef unsigned long long value = 0
        if offset + 6 <= self.length:
            memcpy(&value, self.data + offset, 6)
        return value

    cpdef unsigned int be16(self, unsigned int offset) noexcept:
        """The big-endian 16 bits at `offset`."""
        if offset + 2 > self.length:
            return 0
        return self.data[offset] << 8 | self.data[offset + 1]

    cpdef strip_tag(self):
        """Leave out the four bytes of the 802.1Q tag behind the addresses; only for frames that carry one."""
        self.skip = TAG_LENGTH
        self.stored -= TAG_LENGTH

    cpdef append_fcs(self, bint wrong):
        """Store the four FCS bytes too; `wrong`: as they arrive on a frame with a bad FCS."""
        cdef unsigned int fcs = frame_check_sequence(self.frame)
        cdef int i
        if wrong:
            fcs ^= 0xFFFFFFFFU
        for i in range(4):
            self.fcs[i] = <unsigned char>(fcs >> (8 * i))
        self.tail = 4
        self.stored += 4

    cpdef bint copy(self, DMA dma, unsigned long long address, unsigned int offset, unsigned int count) except? -1:
        """DMA bytes [offset, offset + count) of what is stored to bus address `address`; False after a master abort."""
        cdef unsigned char *target = dma.pointer(address, count, True)
        cdef unsigned int body = self.stored - self.tail
        cdef unsigned int end = offset + count
        cdef unsigned int piece
        if target is NULL:
            return False
        if offset < ADDRESSES and self.skip:
            piece = (end if end < ADDRESSES else ADDRESSES) - offset
            memcpy(target, self.data + offset, piece)
            target += piece
            offset += piece
        if offset < end and offset < body:
            piece = (end if end < body else body) - offset
            memcpy(target, self.data + self.skip + offset, piece)
            target += piece
            offset += piece
        if offset < end:
            memcpy(target, self.fcs + (offset - body), end - offset)
        return True

    cpdef unsigned int packet_checksum(self, unsigned int start) noexcept:
        """The 16-bit ones complement of everything stored from byte `start` on (13.4.47, PCSS)."""
        cdef unsigned int body = self.stored - self.tail
        cdef unsigned long long total = 0
        cdef unsigned int i
        if start < ADDRESSES and self.skip:
            total = self._sum_at(start, ADDRESSES, start)
            total += self._sum_at(ADDRESSES + self.skip, body + self.skip, start)
        elif start < body:
            total = self._sum_at(start + self.skip, body + self.skip, start + self.skip)
        for i in range(self.tail):
            if body + i >= start:
                total += self.fcs[i] if (body + i - start) & 1 else self.fcs[i] << 8
        return ~fold(total) & 0xFFFF

    cdef unsigned long long _sum_at(self, unsigned int first, unsigned int last, unsigned int origin) noexcept:
        """The sum of frame bytes [first, last) as part of a sum whose first word begins at `origin`."""
        cdef unsigned long long total = sum_bytes(self.data + first, last - first)
        if (first - origin) & 1:
            total = ((total & 0xFF) << 8) | (total >> 8)
        return total

    cpdef unsigned int verify(self, bint network, bint transport, unsigned int vlan_type) noexcept:
        """Check the IPv4 header checksum (`network`) and the TCP or UDP checksum (`transport`).

        Returns descriptor status | errors << 8.  Ethernet II and SNAP, with or without a tag of type `vlan_type`;
        fragments get the header check alone, and nothing malformed is checked (table 3-5).
        """
        cdef unsigned int at = ADDRESSES
        cdef unsigned int kind = self.be16(at)
        cdef unsigned int header, total, status = 0, errors = 0
        if kind == vlan_type:
            at += TAG_LENGTH
            kind = self.be16(at)
        if (kind <= 1500 and self.be16(at + 2) == 0xAAAA and self.be16(at + 4) == 0x0300
                and self.be16(at + 6) == 0):
            at += 8
            kind = self.be16(at)
        at += 2
        if kind != TYPE_IPV4 or at + 20 > self.length or self.data[at] >> 4 != 4:
            return STAT_IXSM
        header = (self.data[at] & 0xF) * 4
        total = self.be16(at + 2)
        if header < 20 or total < header or at + total > self.length:
            return STAT_IXSM
        if network:
            status |= STAT_IPCS
            if sum_bytes(self.data + at, header) != 0xFFFF:
                errors |= ERR_IPE
        if transport and not self.be16(at + 6) & 0x3FFF:
            if self._transport_checked(at, header, total):
                status |= STAT_TCPCS
                if not self._transport_right(at, header, total):
                    errors |= ERR_TCPE
        if not status:
            return STAT_IXSM
        return status | errors << 8

    cdef bint _transport_checked(self, unsigned int at, unsigned int header, unsigned int total) noexcept:
        """True for TCP, and for UDP whose sender made a checksum (RFC 768: 0 means none)."""
        cdef unsigned int protocol = self.data[at + 9]
        if protocol == PROTOCOL_TCP:
            return total - header >= 20
        return protocol == PROTOCOL_UDP and total - header >= 8 and self.be16(at + header + 6) != 0

    cdef bint _transport_right(self, unsigned int at, unsigned int header, unsigned int total) noexcept:
        """True when segment and pseudo-header add up to all ones (RFC 793 section 3.1, RFC 768)."""
        cdef unsigned int length = total - header
        cdef unsigned long long summed = sum_bytes(self.data + at + 12, 8) + self.data[at + 9] + length
        # A UDP datagram ends where its own length says; the pseudo-header has that length too.
        if self.data[at + 9] == PROTOCOL_UDP:
            if self.be16(at + header + 4) < 8 or self.be16(at + header + 4) > length:
                return False
            summed -= length
            length = self.be16(at + header + 4)
            summed += length
        return fold(summed + sum_bytes(self.data + at + header, length)) == 0xFFFF
