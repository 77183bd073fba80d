cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.pci.device cimport PCIDevice
from hwemu.trace cimport Trace

cdef unsigned int ALL_ONES, ICR_CAUSES
cdef long long ITR_UNIT_NS, DELAY_UNIT_NS, NEVER


cdef class Interrupts(Event):
    cdef public Clock clock
    cdef public PCIDevice device
    cdef public Trace trace
    cdef public unsigned int icr, ims
    cdef public long long interval, not_before
    cdef public bint level
    cdef public unsigned long long raised
    cpdef reset(self)
    cpdef int cause(self, unsigned int causes) except -1
    cpdef long long read_causes(self) except -1
    cpdef clear_causes(self, unsigned int causes)
    cpdef set_mask(self, unsigned int causes)
    cpdef clear_mask(self, unsigned int causes)
    cpdef set_throttling(self, unsigned int interval)
    cpdef fire(self)
    cpdef int update(self) except -1


cdef class DelayTimer(Event):
    cdef public Clock clock
    cdef public Interrupts interrupts
    cdef public unsigned int cause
    cdef public long long relative, absolute, relative_deadline, absolute_deadline
    cpdef set_relative(self, unsigned int units)
    cpdef set_absolute(self, unsigned int units)
    cpdef stop(self)
    cpdef reset(self)
    @cython.locals(now=cython.longlong, deadline=cython.longlong)
    cpdef int packet(self) except -1
    cpdef long long deadline(self)
    cpdef flush(self)
    cpdef expired(self)
    @cython.locals(deadline=cython.longlong)
    cpdef fire(self)
