# cython: boundscheck=False, wraparound=False
"""The Internet checksum (RFC 1071): ones-complement sums of big-endian 16-bit words.

A partial sum is a 32-bit number that still has to be folded; all sums and addresses are in host order, so
`csum_fold` gives the value that is stored big-endian in the header.
"""

from libc.string cimport memcpy


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static uint64_t hwemu_csum_words(const uint8_t *p, long n) {
        /* Native-order words summed in 64 bits; carries are counted by the comparison.  Four accumulators keep
           the adders busy. */
        uint64_t s0 = 0, s1 = 0, c = 0, w[4];
        while (n >= 32) {
            memcpy(w, p, 32);
            s0 += w[0]; c += s0 < w[0];
            s1 += w[1]; c += s1 < w[1];
            s0 += w[2]; c += s0 < w[2];
            s1 += w[3]; c += s1 < w[3];
            p += 32; n -= 32;
        }
        while (n >= 8) { memcpy(w, p, 8); s0 += w[0]; c += s0 < w[0]; p += 8; n -= 8; }
        if (n > 0) { w[0] = 0; memcpy(w, p, n); s0 += w[0]; c += s0 < w[0]; }
        s0 += s1; c += s0 < s1;
        s0 += c; if (s0 < c) s0 += 1;
        s0 = (s0 & 0xffffffffu) + (s0 >> 32);
        s0 = (s0 & 0xffffffffu) + (s0 >> 32);
        s0 = (s0 & 0xffffu) + (s0 >> 16);
        s0 = (s0 & 0xffffu) + (s0 >> 16);
        return s0;
    }
    static uint32_t hwemu_csum_partial(const uint8_t *p, long n, uint32_t csum) {
        uint16_t sum = (uint16_t)hwemu_csum_words(p, n);
        uint8_t b[2];
        memcpy(b, &sum, 2);
        uint32_t big = (uint32_t)b[0] << 8 | b[1];
        uint32_t total = csum + big;
        return total < big ? total + 1 : total;
    }
    """
    unsigned int hwemu_csum_partial(const unsigned char *p, long n, unsigned int csum) nogil


cdef unsigned int csum_partial(const unsigned char *data, Py_ssize_t length, unsigned int csum) noexcept:
    """Add `length` bytes that start at an even offset of the message to the partial sum."""
    return hwemu_csum_partial(data, length, csum)


cdef unsigned int csum_and_copy(unsigned char *dst, const unsigned char *src, Py_ssize_t length, unsigned int csum) noexcept:
    memcpy(dst, src, length)
    return hwemu_csum_partial(dst, length, csum)


cpdef unsigned int csum_add(unsigned int a, unsigned int b) noexcept:
    """The ones-complement sum of two partial sums."""
    cdef unsigned int total = a + b
    return total + 1 if total < b else total


cpdef unsigned int csum_block_add(unsigned int csum, unsigned int csum2, unsigned int offset) noexcept:
    """Add the sum of a block that starts at `offset` of the message: an odd start swaps its bytes (RFC 1071 section 2 B)."""
    if offset & 1:
        csum2 = ((csum2 & 0xFF00FF) << 8) | ((csum2 >> 8) & 0xFF00FF)
    return csum_add(csum, csum2)


cpdef unsigned int csum_fold(unsigned int csum) noexcept:
    """Fold a partial sum to 16 bits and complement it."""
    csum = (csum & 0xFFFF) + (csum >> 16)
    csum = (csum & 0xFFFF) + (csum >> 16)
    return ~csum & 0xFFFF


cpdef unsigned int csum_tcpudp_nofold(unsigned int saddr, unsigned int daddr, unsigned int length, unsigned int proto, unsigned int csum) noexcept:
    """Add the TCP or UDP pseudo header (RFC 9293 section 3.1); addresses in host order, `length` of header and data."""
    cdef unsigned long long total = csum
    total += (saddr >> 16) + (saddr & 0xFFFF) + (daddr >> 16) + (daddr & 0xFFFF) + (length & 0xFFFF) + (length >> 16) + proto
    total = (total & 0xFFFFFFFFU) + (total >> 32)
    return <unsigned int>total


cpdef unsigned int csum_bytes(const unsigned char[::1] data, unsigned int csum=0) noexcept:
    """The partial sum of a bytes-like object."""
    if data.shape[0] == 0:
        return csum
    return hwemu_csum_partial(&data[0], data.shape[0], csum)
