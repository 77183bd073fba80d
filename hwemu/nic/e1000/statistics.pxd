cimport cython

from hwemu.nic.e1000.register_file cimport RegisterFile

cdef unsigned int BPRC, BPTC, GORCL, GOTCL, GPRC, GPTC, MPRC, MPTC, PRC64, PTC64, TORL, TOTL, TPR, TPT


cdef class Statistics:
    cdef public RegisterFile regs
    cpdef void count(self, unsigned int offset) noexcept
    cpdef unsigned int bucket(self, unsigned int length) noexcept
    cpdef void arrived(self, unsigned int length) noexcept
    @cython.locals(regs=RegisterFile)
    cpdef void received(self, unsigned int length, bint multicast, bint broadcast) noexcept
    @cython.locals(regs=RegisterFile)
    cpdef void transmitted(self, unsigned int length, bint multicast, bint broadcast) noexcept
