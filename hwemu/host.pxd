cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd

    struct epoll_event:
        unsigned int events
        epoll_data_t data


cpdef long long monotonic_ns() noexcept


cdef class HostPoll:
    cdef int epfd
    cdef epoll_event ready_events[64]
    cpdef register(self, int fd, unsigned int mask)
    cpdef modify(self, int fd, unsigned int mask)
    cpdef unregister(self, int fd)
    cpdef close(self)
    cdef _control(self, int op, int fd, unsigned int mask)
    cpdef int wait(self, long long timeout, long long patience=*) except -1
    cpdef int ready_fd(self, int i)
    cpdef unsigned int ready_mask(self, int i)
