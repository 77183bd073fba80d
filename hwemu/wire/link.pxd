cimport cython

from hwemu.clock cimport Clock
from hwemu.wire.lane cimport Lane
from hwemu.wire.port cimport Station, Wire


cdef class Link(Wire):
    cdef public Clock clock
    cdef public long long rate, delay
    cdef public Station first, second
    cdef public Lane to_first, to_second
    cdef public unsigned long long dropped
    cpdef attach(self, Station station)
    cpdef detach(self, Station station)
    @cython.locals(lane=Lane)
    cpdef long long send(self, Station station, bytes frame, int flags) except? -1
    cpdef set_up(self, bint up)
    cpdef dict statistics(self)


cdef class Joint(Station):
    cdef public Joint other
    cdef public unsigned long long frames
    cpdef receive(self, bytes frame, int flags)


cpdef tuple join(Wire first, Wire second)
