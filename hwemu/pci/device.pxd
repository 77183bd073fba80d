cimport cython

from hwemu.bus cimport Region
from hwemu.interrupt_controller cimport InterruptController
from hwemu.pci.dma cimport DMA
from hwemu.trace cimport Trace


cdef class PCIDevice


cdef class BaseAddress(Region):
    cdef public PCIDevice device
    cdef public int index
    cdef public unsigned int flags


cdef class MemoryBAR(BaseAddress):
    pass


cdef class IOBAR(BaseAddress):
    pass


cdef class PCIDevice:
    cdef public str name
    cdef public Trace trace
    cdef public DMA dma
    cdef public bytearray config, write_mask, clear_mask, defaults
    cdef public list bars
    cdef public int capability_end, last_capability, power_management
    cdef public InterruptController controller
    cdef public int interrupt_line, interrupt_source
    cdef public int slot
    cdef public bint interrupt_pending, interrupt_enabled, interrupt_driven

    cpdef add_bar(self, int index, BaseAddress bar)
    @cython.locals(offset=cython.int, i=cython.int)
    cpdef int add_capability(
        self, int identity, bytes body, bytes writable, bytes cleared, int offset=*) except -1
    cpdef int add_power_management(self, int offset=*, unsigned int capabilities=*) except -1

    cpdef long long config_read(self, int offset, int size) except? -1
    @cython.locals(i=cython.int, at=cython.int, byte=cython.uint, old=cython.uint, writable=cython.uint)
    cpdef config_write(self, int offset, int size, unsigned int value)
    @cython.locals(bar=BaseAddress, command=cython.uint, active=cython.bint)
    cpdef _configure(self)

    cpdef long long mmio_read(self, int bar, unsigned int offset, int width) except? -1
    cpdef mmio_write(self, int bar, unsigned int offset, int width, unsigned int value)
    cpdef set_interrupt(self, bint level)
    cpdef _drive_interrupt(self)
    cpdef bytes dma_read(self, unsigned long long address, unsigned long long length)
    cpdef bint dma_write(self, unsigned long long address, const unsigned char[::1] data) except? -1
    cpdef reset(self)
    cpdef power_state(self, int state)
