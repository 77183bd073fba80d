cimport cython

from hwemu.nic.e1000.frame cimport Frame
from hwemu.nic.e1000.register_file cimport RegisterFile

cdef unsigned long long BROADCAST, NO_ADDRESS, MULTICAST_BIT
cdef unsigned int RAH_AS, RAH_AS_SOURCE, RAH_AV
cdef unsigned int RCTL_BAM, RCTL_CFI, RCTL_CFIEN, RCTL_MO_SHIFT, RCTL_MPE, RCTL_UPE, RCTL_VFE
cdef unsigned int MTA, RA_ENTRIES, RAH, RAL, VFTA
cdef int REJECTED, EXACT, INEXACT


cdef class Filters:
    cdef public RegisterFile regs
    cdef public unsigned int rctl, vlan_type, hash_shift, entries
    cdef public unsigned long long[::1] destinations, sources
    cdef public bint by_source
    @cython.locals(offset=cython.uint)
    cpdef configure(self, unsigned int rctl, unsigned int vlan_type)
    @cython.locals(i=cython.uint, high=cython.ulonglong, address=cython.ulonglong)
    cpdef load_addresses(self)
    @cython.locals(verdict=cython.int)
    cpdef int accept(self, Frame frame) noexcept
    @cython.locals(destination=cython.ulonglong)
    cpdef int address_verdict(self, Frame frame) noexcept
    @cython.locals(i=cython.uint)
    cpdef bint is_own(self, unsigned long long destination) noexcept
    @cython.locals(i=cython.uint)
    cpdef bint is_source(self, unsigned long long source) noexcept
    @cython.locals(index=cython.uint)
    cpdef bint hash_hit(self, unsigned long long destination) noexcept
    @cython.locals(vid=cython.uint)
    cpdef bint vlan_wanted(self, unsigned int tag) noexcept
