# cython: boundscheck=False, wraparound=False
"""The two checksums of the wire: the Internet checksum (RFC 1071) and the Ethernet frame check sequence.

Sums are of big-endian 16-bit words, in host order, folded to 16 bits and not complemented: 0 only for all zeros.
"""

from zlib import crc32

from libc.string cimport memcpy


cdef unsigned int fold(unsigned long long total) noexcept nogil:
    """Fold a sum of 16-bit words into 16 bits with end-around carry (RFC 1071 section 4.1)."""
    total = (total & 0xFFFFFFFFU) + (total >> 32)
    total = (total & 0xFFFFFFFFU) + (total >> 32)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return <unsigned int>total


cdef unsigned int sum_bytes(const unsigned char *data, Py_ssize_t length) noexcept nogil:
    """The folded sum of `length` bytes; an odd last byte counts as the high half of a word."""
    # The sum does not depend on byte order (RFC 1071 section 2B): add host-order words, swap once at the end.
    cdef unsigned long long low = 0, high = 0, word
    cdef unsigned int half
    cdef unsigned short pair
    while length >= 16:
        memcpy(&word, data, 8)
        low += word & 0xFFFFFFFFU
        high += word >> 32
        memcpy(&word, data + 8, 8)
        low += word & 0xFFFFFFFFU
        high += word >> 32
        data += 16
        length -= 16
    while length >= 4:
        memcpy(&half, data, 4)
        low += half
        data += 4
        length -= 4
    if length >= 2:
        memcpy(&pair, data, 2)
        low += pair
        data += 2
        length -= 2
    if length:
        low += data[0]
    half = fold(fold(low) + <unsigned long long>fold(high))
    return ((half & 0xFF) << 8) | (half >> 8)


cpdef unsigned int internet_sum(const unsigned char[::1] data, unsigned int start=0):
    """The folded ones-complement sum of `data`, added to the sum `start`."""
    cdef unsigned int total = start
    if data.shape[0]:
        total = fold(<unsigned long long>start + sum_bytes(&data[0], data.shape[0]))
    return total


cpdef unsigned int frame_check_sequence(bytes frame):
    """The FCS of `frame` (IEEE 802.3 section 3.2.9); its bytes follow the frame in little-endian order."""
    return crc32(frame)
