cimport cython

from hwemu.wire.port cimport Station, Wire


cdef class Plug(Station):
    cdef public object middleware
    cdef public Station station
    @cython.locals(middleware=Middleware)
    cpdef receive(self, bytes frame, int flags)
    cpdef carrier(self, bint up)


cdef class Middleware(Wire):
    cdef public Wire inner
    cdef public list plugs
    cpdef attach(self, Station station)
    cpdef detach(self, Station station)
    @cython.locals(plug=Plug)
    cpdef Plug plug_of(self, Station station)
    @cython.locals(plug=Plug)
    cpdef long long send(self, Station station, bytes frame, int flags) except? -1
    @cython.locals(plug=Plug)
    cpdef bint hold(self, Station station) except? -1
    @cython.locals(plug=Plug)
    cpdef resume(self, Station station)
    cpdef arrived(self, Plug plug, bytes frame, int flags)
    cpdef plugged(self, Plug plug)
    cpdef unplugged(self, Plug plug)
    cpdef long long leaving(self, Plug plug, bytes frame, int flags) except? -1
    cpdef entering(self, Plug plug, bytes frame, int flags)
