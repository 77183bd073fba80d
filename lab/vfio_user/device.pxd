cimport cython

from hwemu.clock cimport Clock, Event, Source
from hwemu.interrupt_controller cimport InterruptController
from hwemu.pci.device cimport BaseAddress, PCIDevice
from lab.vfio_user.channel cimport signal_eventfd
from lab.vfio_user.memory cimport GuestMemory, Permissions

cdef unsigned int BAR0_REGION, CONFIG_REGION, REGIONS, EDGES, IMS


cdef class IntxPin(InterruptController):
    cdef public Clock clock
    cdef public Event quiet
    cdef public int eventfd
    cdef public bint asserted, masked
    cdef public unsigned long long signalled
    cpdef deliver(self)
    cpdef trigger(self)
    cpdef mask_interrupt(self)
    cpdef unmask_interrupt(self)
    cpdef enabled(self)
    cpdef end_of_interrupt(self)
    cpdef wrote(self)
    cpdef end_quiet(self)
    cpdef let_go(self)


cdef class UnmaskEvent(Source):
    cdef public IntxPin pin
    cdef public int fd
    cpdef ready(self, int mask)
    cpdef close(self)


cdef class VfioDevice:
    cdef public PCIDevice nic
    cdef public GuestMemory memory
    cdef public Permissions permissions
    cdef public IntxPin pin
    cdef public list decoding, sizes
    @cython.locals(command=cython.uint, active=cython.bint, bar=BaseAddress)
    cpdef follow_command(self)
    cpdef bint holds(self, unsigned int region, unsigned long long offset, unsigned long long count) except? -1
    cpdef long long read(self, unsigned int region, unsigned int offset, int width) except? -1
    cpdef write(self, unsigned int region, unsigned int offset, int width, unsigned int value)
