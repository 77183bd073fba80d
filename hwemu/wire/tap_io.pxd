cdef class FrameBuffer:
    # The largest frame that a TAP hands over: MTU 65521, header and VLAN tag, rounded up.
    cdef unsigned char data[65568]
    cdef readonly int failure
    cpdef bytes read_frame(self, int fd)


cpdef Py_ssize_t write_frame(int fd, bytes frame) except? -9999
