# cython: boundscheck=False, wraparound=False
"""A vfio-user connection's bytes: whole messages and the descriptors that came with them, and replies.

Every register access of the guest is one message, so this is a leaf.  Nothing that a peer sends makes it allocate more than its
one buffer, keep more than MOST_FDS descriptors, or wait.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport ECONNRESET, EPIPE, errno
from libc.string cimport memcpy, memmove, memset
from posix.unistd cimport close, write

cdef extern from "<sys/socket.h>" nogil:
    ctypedef struct iovec_t "struct iovec":
        void *iov_base
        size_t iov_len
    ctypedef struct msghdr_t "struct msghdr":
        void *msg_name
        unsigned int msg_namelen
        iovec_t *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    ctypedef struct cmsghdr_t "struct cmsghdr":
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    int SOL_SOCKET, SCM_RIGHTS, MSG_CTRUNC, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_CMSG_CLOEXEC
    Py_ssize_t recvmsg(int fd, msghdr_t *message, int flags)
    Py_ssize_t sendmsg(int fd, msghdr_t *message, int flags)
    cmsghdr_t *CMSG_FIRSTHDR(msghdr_t *message)
    cmsghdr_t *CMSG_NXTHDR(msghdr_t *message, cmsghdr_t *control)
    unsigned char *CMSG_DATA(cmsghdr_t *control)
    size_t CMSG_LEN(size_t length)

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<poll.h>" nogil:
    ctypedef struct pollfd_t "struct pollfd":
        int fd
        short events
        short revents
    int POLLOUT
    int poll(pollfd_t *fds, unsigned long count, int timeout)

# What the other rooms tell a client about, and what they go by.
LARGEST_TRANSFER = 4096
LARGEST_MESSAGE = 65536
MOST_FDS = 8

cdef enum:
    CAPACITY = 65536
    HEADER = 16
    ACCESS = 16
    FDS = 8
    REPLY = 0x1
    REPLY_ERROR = 0x21
    TYPE = 0xF

WOULD_BLOCK = -1


class Garbage(Exception):
    """What a peer sent is not vfio-user: the connection has to end.  The text says why, in one line."""


cdef class Channel:
    """`receive` takes what has come, then `next` steps to each whole message in it.

    `message_id`, `command`, `size` (bytes of payload), `flags` and `fds` are those of the message stepped to.  Whoever keeps a
    descriptor takes it out of `fds`; the others are closed at the next step.  The socket `fd` belongs to the caller.
    """

    def __cinit__(self):
        self.buffer = <unsigned char *>PyMem_Malloc(CAPACITY)
        if self.buffer is NULL:
            raise MemoryError()

    def __init__(self, int fd):
        self.fd = fd
        self.start = 0
        self.filled = 0
        self.fds_at = -1
        self.fds = []
        self.waiting_fds = []
        self.message_id = 0
        self.command = 0
        self.size = 0
        self.flags = 0
        self.data = self.buffer

    def __dealloc__(self):
        PyMem_Free(self.buffer)

    cpdef Py_ssize_t receive(self) except -9999:
        """Take what has come: the number of bytes, 0 at the end of the connection, WOULD_BLOCK for nothing.

        Garbage when the peer passed too many descriptors.
        """
        cdef unsigned char control[64]  # CMSG_SPACE of MOST_FDS descriptors and a little
        cdef msghdr_t message
        cdef iovec_t room
        cdef cmsghdr_t *header
        cdef Py_ssize_t count
        cdef size_t index
        cdef int fd
        if self.start:
            memmove(self.buffer, self.buffer + self.start, self.filled - self.start)
            self.filled -= self.start
            self.fds_at -= self.start
            self.start = 0
        room.iov_base = self.buffer + self.filled
        room.iov_len = CAPACITY - self.filled
        memset(&message, 0, sizeof(message))
        message.msg_iov = &room
        message.msg_iovlen = 1
        message.msg_control = control
        message.msg_controllen = sizeof(control)
        count = recvmsg(self.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
        if count < 0:
            return 0 if errno == ECONNRESET else -1
        header = CMSG_FIRSTHDR(&message)
        while header is not NULL:
            if header.cmsg_level == SOL_SOCKET and header.cmsg_type == SCM_RIGHTS:
                for index in range((header.cmsg_len - CMSG_LEN(0)) // sizeof(int)):
                    memcpy(&fd, CMSG_DATA(header) + index * sizeof(int), sizeof(int))
                    self.waiting_fds.append(fd)
                # The host ends a read behind the bytes that descriptors came with.
                self.fds_at = self.filled + count - 1
            header = CMSG_NXTHDR(&message, header)
        if message.msg_flags & MSG_CTRUNC or len(self.waiting_fds) > FDS:
            raise Garbage(f"more than {MOST_FDS} descriptors")
        self.filled += count
        return count

    cpdef bint next(self) except? -1:
        """Step to the next whole message; False where there is none yet.  Garbage for a header that can not be."""
        cdef unsigned char *at
        cdef unsigned int length
        cdef unsigned short number
        if self.fds:
            self._close(self.fds)
        if self.filled - self.start < HEADER:
            return False
        at = self.buffer + self.start
        memcpy(&length, at + 4, 4)
        if length < HEADER or length > CAPACITY:
            raise Garbage(f"a message of {length} bytes")
        if self.filled - self.start < length:
            return False
        memcpy(&number, at, 2)
        self.message_id = number
        memcpy(&number, at + 2, 2)
        self.command = number
        memcpy(&self.flags, at + 8, 4)
        self.size = length - HEADER
        self.data = at + HEADER
        self.start += length
        if self.fds_at >= 0 and self.fds_at < self.start:
            self.fds = self.waiting_fds
            self.waiting_fds = []
            self.fds_at = -1
        return True

    cpdef unsigned int u32(self, unsigned int offset) noexcept:
        """The little-endian 32 bits at `offset` of the payload; 0 beyond its end."""
        cdef unsigned int value = 0
        if offset + 4 <= self.size:
            memcpy(&value, self.data + offset, 4)
        return value

    cpdef unsigned long long u64(self, unsigned int offset) noexcept:
        """The little-endian 64 bits at `offset` of the payload; 0 beyond its end."""
        cdef unsigned long long value = 0
        if offset + 8 <= self.size:
            memcpy(&value, self.data + offset, 8)
        return value

    cpdef bytes payload(self):
        """The whole payload."""
        return PyBytes_FromStringAndSize(<char *>self.data, self.size)

    cpdef bytes piece(self, unsigned int offset, unsigned int count):
        """`count` bytes of the payload from `offset` on; fewer where it ends."""
        if offset > self.size:
            return b""
        if count > self.size - offset:
            count = self.size - offset
        return PyBytes_FromStringAndSize(<char *>self.data + offset, count)

    cpdef reply(self, bytes payload):
        """Answer the message stepped to.  Garbage when the peer does not take its replies."""
        self._reply(REPLY, 0, <const unsigned char *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))

    cpdef reply_error(self, unsigned int error):
        """Answer with an errno."""
        self._reply(REPLY_ERROR, error, NULL, 0)

    cpdef reply_access(self, unsigned long long value, unsigned int width):
        """Answer a REGION_READ or REGION_WRITE: its own 16 bytes, then `width` (0 to 8) bytes of `value`."""
        cdef unsigned char answer[ACCESS + 8]
        memcpy(answer, self.data, ACCESS)
        memcpy(answer + ACCESS, &value, 8)
        self._reply(REPLY, 0, answer, ACCESS + width)

    cdef _reply(self, unsigned int flags, unsigned int error, const unsigned char *payload, Py_ssize_t length):
        cdef unsigned char header[HEADER]
        cdef unsigned short number
        cdef unsigned int total = <unsigned int>(HEADER + length)
        cdef msghdr_t message
        cdef iovec_t parts[2]
        cdef Py_ssize_t count
        number = <unsigned short>self.message_id
        memcpy(header, &number, 2)
        number = <unsigned short>self.command
        memcpy(header + 2, &number, 2)
        memcpy(header + 4, &total, 4)
        memcpy(header + 8, &flags, 4)
        memcpy(header + 12, &error, 4)
        parts[0].iov_base = header
        parts[0].iov_len = HEADER
        parts[1].iov_base = <void *>payload
        parts[1].iov_len = length
        memset(&message, 0, sizeof(message))
        message.msg_iov = parts
        message.msg_iovlen = 2 if length else 1
        count = sendmsg(self.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
        # A peer that has gone shows at the next `receive`.
        if count != total and not (count < 0 and (errno == EPIPE or errno == ECONNRESET)):
            raise Garbage("it does not take its replies")
        # The host likes to wake the peer's thread on this processor: without this its guest waits for whatever we do next.
        sched_yield()

    def _close(self, fds):
        for fd in fds:
            close(fd)
        fds.clear()

    cpdef close_fds(self):
        """The connection is over: close what came and was not kept."""
        self._close(self.fds)
        self._close(self.waiting_fds)
        self.fds_at = -1


cpdef bint signal_eventfd(int fd) noexcept:
    """Add 1 to an eventfd's counter; False where that would have to wait (the counter is full)."""
    cdef pollfd_t ready
    cdef unsigned long long one = 1
    ready.fd = fd
    ready.events = POLLOUT
    ready.revents = 0
    if poll(&ready, 1, 0) != 1 or not ready.revents & POLLOUT:
        return False
    return write(fd, &one, 8) == 8
