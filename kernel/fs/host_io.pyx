# cython: boundscheck=False, wraparound=False
"""pread(2) on a file of the host straight into a program's buffers: hostfs reads with one copy."""

from libc.errno cimport errno
from posix.types cimport off_t

from kernel.arch.uaccess cimport iov_iter


cdef extern from "unistd.h" nogil:
    Py_ssize_t c_pread "pread"(int fd, void *buf, size_t count, off_t offset)


cpdef Py_ssize_t pread_iter(int fd, iov_iter to, long long offset) except? -9999:
    """Read from the host descriptor `fd` at `offset` into `to`; the count (0 at the end), or a negative errno."""
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t got
    cdef unsigned long long piece
    cdef unsigned char *user
    while to.count:
        piece = to.vec[to.seg].length - to.seg_offset
        if piece == 0:
            to.seg += 1
            to.seg_offset = 0
            continue
        user = to.mm.at(to.vec[to.seg].base + to.seg_offset, piece, True)
        if user is NULL:
            return done if done else -14
        got = c_pread(fd, user, <size_t>piece, offset + done)
        if got < 0:
            return done if done else -errno
        if got == 0:
            break
        to.advance(<unsigned long long>got)
        done += got
    return done
