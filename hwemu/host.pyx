"""What the clock asks of the host: its monotonic time, and one epoll that sleeps with nanosecond precision.

Python's own `select.epoll` counts milliseconds, and a card's interrupt throttle counts microseconds.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EINTR, ENOSYS, errno
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close as host_close


cdef extern from "<sys/epoll.h>" nogil:
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)


cdef extern from "<sched.h>" nogil:
    int sched_yield()


cdef extern from *:
    """
    #include <sys/epoll.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    #include <errno.h>
    static int hwemu_epoll_pwait2(int epfd, struct epoll_event *events, int n, const struct timespec *timeout) {
    #ifdef SYS_epoll_pwait2
        return (int)syscall(SYS_epoll_pwait2, epfd, events, n, timeout, NULL, 0);
    #else
        errno = ENOSYS;
        return -1;
    #endif
    }
    """
    int hwemu_epoll_pwait2(int epfd, epoll_event *events, int n, const timespec *timeout) nogil


cpdef long long monotonic_ns() noexcept:
    """The host's CLOCK_MONOTONIC in ns."""
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <long long>t.tv_sec * 1000000000 + t.tv_nsec


cdef class HostPoll:
    """An epoll of the host; OSError where the host refuses."""

    def __cinit__(self):
        self.epfd = epoll_create1(EPOLL_CLOEXEC)
        if self.epfd < 0:
            raise OSError(errno, "epoll_create1")

    def __dealloc__(self):
        self.close()

    cdef _control(self, int op, int fd, unsigned int mask):
        cdef epoll_event event
        memset(&event, 0, sizeof(event))
        event.events = mask
        event.data.fd = fd
        if epoll_ctl(self.epfd, op, fd, &event) < 0:
            raise OSError(errno, f"epoll_ctl of descriptor {fd}")

    cpdef register(self, int fd, unsigned int mask):
        self._control(EPOLL_CTL_ADD, fd, mask)

    cpdef modify(self, int fd, unsigned int mask):
        self._control(EPOLL_CTL_MOD, fd, mask)

    cpdef unregister(self, int fd):
        """Forget `fd`; one that its owner has closed already is forgotten by the host itself."""
        epoll_ctl(self.epfd, EPOLL_CTL_DEL, fd, NULL)

    cpdef close(self):
        if self.epfd >= 0:
            host_close(self.epfd)
            self.epfd = -1

    cpdef int wait(self, long long timeout, long long patience=0) except -1:
        """Sleep up to `timeout` ns (-1: for ever); returns how many descriptors are ready (0 after a signal, too).

        Up to `patience` ns of it are waited awake: what comes within that time is had without going to sleep and being woken.
        Whoever else wants this processor gets it meanwhile: it may be the one who is waited for.
        """
        cdef timespec limit
        cdef int count
        cdef long long began, awake
        if timeout != 0 and patience > 0:
            began = monotonic_ns()
            awake = 0
            while awake < patience:
                count = epoll_wait(self.epfd, self.ready_events, 64, 0)
                if count > 0:
                    return count
                awake = monotonic_ns() - began
                if 0 < timeout <= awake:
                    return 0
                sched_yield()
            if timeout > 0:
                timeout -= awake
        limit.tv_sec = timeout // 1000000000
        limit.tv_nsec = timeout % 1000000000
        with nogil:
            if timeout == 0:
                count = epoll_wait(self.epfd, self.ready_events, 64, 0)
            else:
                count = hwemu_epoll_pwait2(self.epfd, self.ready_events, 64, NULL if timeout < 0 else &limit)
                if count < 0 and errno == ENOSYS:
                    count = epoll_wait(self.epfd, self.ready_events, 64, -1 if timeout < 0 else <int>((timeout + 999999) // 1000000))
        if count < 0:
            if errno != EINTR:
                raise OSError(errno, "epoll_wait")
            PyErr_CheckSignals()
            return 0
        return count

    cpdef int ready_fd(self, int i):
        """The descriptor of the `i`th event of the last wait."""
        return self.ready_events[i].data.fd

    cpdef unsigned int ready_mask(self, int i):
        """The epoll mask of the `i`th event of the last wait."""
        return self.ready_events[i].events
