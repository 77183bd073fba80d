cdef class Channel:
    cdef readonly int fd
    cdef unsigned char *buffer
    cdef Py_ssize_t start, filled
    cdef Py_ssize_t fds_at
    cdef readonly list fds
    cdef list waiting_fds
    cdef readonly unsigned int message_id, command, size, flags
    cdef unsigned char *data
    cpdef Py_ssize_t receive(self) except -9999
    cpdef bint next(self) except? -1
    cpdef unsigned int u32(self, unsigned int offset) noexcept
    cpdef unsigned long long u64(self, unsigned int offset) noexcept
    cpdef bytes payload(self)
    cpdef bytes piece(self, unsigned int offset, unsigned int count)
    cpdef reply(self, bytes payload)
    cpdef reply_error(self, unsigned int error)
    cpdef reply_access(self, unsigned long long value, unsigned int width)
    cdef _reply(self, unsigned int flags, unsigned int error, const unsigned char *payload, Py_ssize_t length)
    cpdef close_fds(self)


cpdef bint signal_eventfd(int fd) noexcept
