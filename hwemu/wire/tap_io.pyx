# cython: boundscheck=False, wraparound=False
"""Reading and writing the frames of a TAP without anything in between: one system call and one copy per frame."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.string cimport memset
from posix.unistd cimport read, write


cdef class FrameBuffer:
    """Room for one frame, read again and again; `failure` is the errno of the last read that failed for good."""

    cpdef bytes read_frame(self, int fd):
        """The next frame of the non-blocking `fd`, or None where none waits or the descriptor has failed.

        The host hands over frames as short as its protocols make them; on a wire they have 60 bytes without FCS at
        least (IEEE 802.3 section 4.2.3.3), and a card drops what is shorter.
        """
        cdef Py_ssize_t length = read(fd, self.data, sizeof(self.data))
        if length > 0:
            if length < 60:
                memset(self.data + length, 0, 60 - length)
                length = 60
            return PyBytes_FromStringAndSize(<char *>self.data, length)
        if length < 0 and errno != EAGAIN and errno != EINTR:
            self.failure = errno
        return None


cpdef Py_ssize_t write_frame(int fd, bytes frame) except? -9999:
    """Write `frame` to `fd`; returns its length or a negative errno."""
    cdef Py_ssize_t length = write(fd, PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))
    return length if length >= 0 else -errno
