from hwemu.ram cimport RAM
from hwemu.trace_switch cimport TraceSwitch


cdef class IOMMU:
    cpdef bint allows(self, str device, unsigned long long address, unsigned long long length, bint write) except? -1


cdef class DMA:
    cdef public str name
    cdef public RAM ram
    cdef public TraceSwitch trace
    cdef public IOMMU iommu
    cdef public bint enabled
    cdef public bint master_abort
    cdef public unsigned long long aborts
    cdef unsigned char *pointer(
        self, unsigned long long address, unsigned long long length, bint write=*) except? NULL
    cdef int abort(self, unsigned long long address, unsigned long long length) except -1
    cpdef bytes read(self, unsigned long long address, unsigned long long length)
    cpdef bint read_into(self, unsigned long long address, unsigned char[::1] buffer) except? -1
    cpdef bint write_from(self, unsigned long long address, const unsigned char[::1] data) except? -1
    cpdef unsigned char read8(self, unsigned long long address) except? 0xFF
    cpdef unsigned short read16(self, unsigned long long address) except? 0xFFFF
    cpdef unsigned int read32(self, unsigned long long address) except? 0xFFFFFFFF
    cpdef unsigned long long read64(self, unsigned long long address) except? 0xFFFFFFFFFFFFFFFF
    cpdef bint write8(self, unsigned long long address, unsigned char value) except? -1
    cpdef bint write16(self, unsigned long long address, unsigned short value) except? -1
    cpdef bint write32(self, unsigned long long address, unsigned int value) except? -1
    cpdef bint write64(self, unsigned long long address, unsigned long long value) except? -1
