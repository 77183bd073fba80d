from hwemu.clock cimport Clock
from hwemu.wire.middleware cimport Middleware, Plug


cdef int FRAME_BAD_FCS


cdef class PcapngWriter:
    cdef public object file
    cdef public int interfaces
    cdef public unsigned long long packets
    cpdef int interface(self, str name) except -1
    cpdef packet(self, int interface, long long time, bytes frame, int flags)


cdef class Capture(Middleware):
    cdef public Clock clock
    cdef public PcapngWriter writer
    cdef public int interface
    cpdef long long leaving(self, Plug plug, bytes frame, int flags) except? -1
    cpdef entering(self, Plug plug, bytes frame, int flags)
    cpdef record(self, bytes frame, int flags, int direction)
