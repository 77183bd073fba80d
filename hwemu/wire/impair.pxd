cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.wire.lane cimport InFlight, serialization_time
from hwemu.wire.middleware cimport Middleware, Plug


cdef long long HEADER_LENGTH
cdef long long BACKLOG_LIMIT
cdef long long HOLD_TIME
cdef long long NS_PER_S
cdef int FRAME_BAD_FCS


cdef class Path(Event):
    cdef public Clock clock
    cdef public Plug plug
    cdef public bint outward, timed
    cdef public object random
    cdef public double loss, duplicate, corrupt, reorder
    cdef public long long delay, jitter, rate
    cdef public long long busy_until, last_release
    cdef public list queue
    cdef public Py_ssize_t head
    cdef public InFlight held
    cdef public int to_overtake
    cdef public Event hold_timer
    cdef public unsigned long long passed, lost, duplicated, corrupted, reordered, overflowed

    cpdef set_spec(self, dict spec)
    @cython.locals(bit=Py_ssize_t, damaged=bytearray)
    cpdef long long take(self, bytes frame, int flags) except? -1
    @cython.locals(wait=cython.longlong)
    cpdef long long order(self, bytes frame, int flags) except? -1
    @cython.locals(held=InFlight)
    cpdef release_held(self)
    @cython.locals(now=cython.longlong)
    cpdef long long occupy(self, long long length) except? -1
    @cython.locals(now=cython.longlong, wait=cython.longlong, release=cython.longlong)
    cpdef long long onward(self, bytes frame, int flags) except? -1
    cpdef long long deliver(self, bytes frame, int flags) except? -1
    @cython.locals(last=Py_ssize_t, packet=InFlight)
    cpdef fire(self)
    cpdef clear(self)


cdef class Impairment(Middleware):
    cdef public Clock clock
    cdef public dict spec
    cdef public object random
    cdef public list outward, inward
    @cython.locals(path=Path)
    cpdef set_spec(self, dict spec)
    cpdef plugged(self, Plug plug)
    cpdef unplugged(self, Plug plug)
    @cython.locals(path=Path)
    cpdef Path path_of(self, list paths, Plug plug)
    @cython.locals(path=Path)
    cpdef long long leaving(self, Plug plug, bytes frame, int flags) except? -1
    @cython.locals(path=Path)
    cpdef entering(self, Plug plug, bytes frame, int flags)
