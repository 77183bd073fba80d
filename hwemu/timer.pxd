from hwemu.clock cimport Clock, Event
from hwemu.interrupt_controller cimport InterruptController


cdef class OneShotTimer(Event):
    cdef public Clock clock
    cdef public InterruptController controller
    cdef public int line, source
    cdef public unsigned long long expirations
    cpdef long long now(self)
    cpdef program(self, long long when)
    cpdef cancel(self)
    cpdef fire(self)
