cimport cython

from hwemu.clock cimport Clock
from hwemu.wire.lane cimport Lane
from hwemu.wire.port cimport Station, Wire


cdef class Learned:
    cdef public SwitchPort port
    cdef public long long seen


cdef class SwitchPort(Wire):
    cdef public Switch switch
    cdef public long long rate, delay
    cdef public Station station
    cdef public Lane egress
    cpdef attach(self, Station station)
    cpdef detach(self, Station station)
    cpdef long long send(self, Station station, bytes frame, int flags) except? -1
    cpdef set_up(self, bint up)


cdef class Switch:
    cdef public Clock clock
    cdef public str name
    cdef public long long ageing
    cdef public Py_ssize_t limit
    cdef public list ports
    cdef public dict table
    cdef public unsigned long long forwarded, flooded, discarded
    @cython.locals(learned=Learned, port=SwitchPort)
    cpdef forward(self, SwitchPort source, bytes frame, int flags)
    @cython.locals(learned=Learned)
    cpdef learn(self, bytes address, SwitchPort port)
