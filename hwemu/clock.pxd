cimport cython

from hwemu.host cimport HostPoll, monotonic_ns

cdef long long IDLE_FOREVER, AWAKE_BEFORE
cdef unsigned int ROUNDS_PER_POLL


cdef class Event:
    cdef public object callback
    cdef public long long when
    cdef public unsigned long long seq
    cdef public Py_ssize_t slot
    cpdef fire(self)
    cpdef bint armed(self)


cdef class Source:
    cdef public object callback
    cpdef ready(self, int mask)


cdef class Clock:
    cdef public long long now
    cdef public list heap
    cdef public unsigned long long sequence
    cdef public bint real, always_real
    cdef public dict sources
    cdef public HostPoll epoll
    cdef public long long origin
    cdef public bint stopping
    cdef public unsigned int rounds
    cdef public long long patience

    cpdef call_at(self, long long when, Event event)
    cpdef call_after(self, long long delay, Event event)
    @cython.locals(slot=Py_ssize_t, last=Event)
    cpdef cancel(self, Event event)
    @cython.locals(heap=list, event=Event, parent=Event, parent_slot=Py_ssize_t)
    cpdef _up(self, Py_ssize_t slot)
    @cython.locals(heap=list, size=Py_ssize_t, event=Event, child=Event, other=Event, child_slot=Py_ssize_t)
    cpdef _down(self, Py_ssize_t slot)
    @cython.locals(first=Event)
    cpdef long long next_time(self)
    @cython.locals(first=Event)
    cpdef bint due(self)
    cpdef advance(self, long long cost)
    cpdef watch(self, int fd, int mask, Source source)
    cpdef unwatch(self, int fd)
    @cython.locals(source=Source, served=cython.int, count=cython.int, i=cython.int)
    cpdef int poll(self, long long timeout) except -1
    cpdef stop(self)
    @cython.locals(event=Event, fired=cython.int)
    cpdef int run_due(self) except -1
    @cython.locals(fired=cython.int, following=cython.longlong, limit=cython.longlong)
    cpdef long long run(self, long long until=*) except? -1
