from cpython.object cimport PyObject


cdef extern from "sys/uio.h" nogil:
    ctypedef struct iovec_t "struct iovec":
        void *iov_base
        size_t iov_len
    Py_ssize_t writev(int fd, const iovec_t *vector, int count)


cdef enum:
    # What one super-frame may hold: 64 KB of IP packet (the length field of IPv4), in segments of MIN_SEGMENT at least.
    MAX_SEGMENTS = 128
    MIN_SEGMENT = 512
    # struct virtio_net_hdr, and the longest Ethernet, IPv4 and TCP headers without IP options.
    VNET_HEADER = 10
    MAX_HEADERS = 14 + 20 + 60


cdef class FrameReader:
    # The largest frame that a TAP hands over: MTU 65521, header and VLAN tag, rounded up; and the vnet header before it.
    cdef unsigned char data[65584]
    cdef unsigned char *frame
    cdef Py_ssize_t length, at
    cdef readonly int failure
    cdef readonly bint pending
    cdef unsigned int network, transport, headers_length, size, first_seq, first_id, flags
    cpdef bytes read_frame(self, int fd, bint vnet)
    cpdef forget(self)
    cdef void complete(self) noexcept
    cdef bint large(self) noexcept
    cdef bytes cut(self)


cdef class FrameWriter:
    cdef readonly int fd
    cdef readonly bint vnet
    cdef readonly int held
    cdef readonly unsigned long long written, lost
    cdef PyObject *frames[MAX_SEGMENTS]
    cdef iovec_t vectors[MAX_SEGMENTS + 1]
    cdef unsigned char headers[VNET_HEADER + MAX_HEADERS]
    cdef int headers_length, segment_size, payload
    cdef unsigned int payload_sum, next_seq, next_id
    cdef int segment(self, const unsigned char *frame, Py_ssize_t length, unsigned int *payload_sum) noexcept
    cdef bint continues(self, const unsigned char *frame, int headers_length, int payload) noexcept
    cdef void hold(self, bytes frame, int headers_length, int payload, unsigned int payload_sum)
    cdef void count(self, Py_ssize_t result, int frames) noexcept
    cdef void write_one(self, bytes frame) noexcept
    cpdef put(self, bytes frame, bint more)
    cpdef flush(self)
