cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.wire.port cimport Station


cdef long long NS_PER_S
cdef long long FRAME_OVERHEAD
cdef long long FRAME_MINIMUM
cdef Py_ssize_t BATCH
cdef Py_ssize_t COMPACT_AFTER


@cython.locals(bits=cython.longlong)
cpdef long long serialization_time(long long length, long long rate) noexcept


cdef class InFlight:
    cdef public bytes frame
    cdef public int flags
    cdef public long long when


cdef class Lane(Event):
    cdef public Clock clock
    cdef public Station station
    cdef public long long rate, delay, limit
    cdef public long long busy_until
    cdef public list queue
    cdef public Py_ssize_t head
    cdef public unsigned long long frames, bytes, dropped

    cpdef Py_ssize_t depth(self)
    @cython.locals(now=cython.longlong, arrival=cython.longlong, wait=cython.longlong)
    cpdef long long push(self, bytes frame, int flags) except? -1
    @cython.locals(now=cython.longlong, last=Py_ssize_t, packet=InFlight)
    cpdef fire(self)
    cpdef clear(self)
