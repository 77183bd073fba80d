cimport cython

from hwemu.clock cimport Clock, Event, Source
from hwemu.wire.port cimport Station, Wire
from hwemu.wire.tap_io cimport FrameReader, FrameWriter


cdef int FRAME_BAD_FCS, FRAME_MORE
cdef Py_ssize_t READ_BATCH


cdef class Tap(Wire):
    cdef public Clock clock
    cdef public int fd
    cdef public Station station
    cdef public bint vnet, held
    cdef public FrameReader reader
    cdef public FrameWriter writer
    cdef public TapFlusher flusher
    cdef public TapSource source
    cdef public TapRemainder remainder
    cdef public unsigned long long frames_in, frames_refused
    cdef public int failure
    cpdef attach(self, Station station)
    cpdef detach(self, Station station)
    cpdef long long send(self, Station station, bytes frame, int flags) except? -1
    cpdef bint hold(self, Station station) except? -1
    cpdef resume(self, Station station)
    @cython.locals(count=Py_ssize_t, frame=bytes)
    cpdef ready(self)
    cpdef close(self)


cdef class TapSource(Source):
    cdef public Tap tap
    cpdef ready(self, int mask)


cdef class TapRemainder(Event):
    cdef public Tap tap
    cpdef fire(self)


cdef class TapFlusher(Event):
    cdef public FrameWriter writer
    cpdef fire(self)
