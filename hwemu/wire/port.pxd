cdef class Station:
    cdef public Wire wire
    cpdef receive(self, bytes frame, int flags)
    cpdef carrier(self, bint up)


cdef class Wire:
    cdef public str name
    cdef public bint up
    cpdef attach(self, Station station)
    cpdef detach(self, Station station)
    cpdef long long send(self, Station station, bytes frame, int flags) except? -1
    cpdef bint hold(self, Station station) except? -1
    cpdef resume(self, Station station)
