cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.nic.e1000.descriptor cimport Descriptor
from hwemu.nic.e1000.filters cimport Filters
from hwemu.nic.e1000.flow cimport FlowControl
from hwemu.nic.e1000.frame cimport Frame
from hwemu.nic.e1000.interrupts cimport DelayTimer, Interrupts
from hwemu.nic.e1000.register_file cimport RegisterFile
from hwemu.nic.e1000.statistics cimport Statistics
from hwemu.pci.dma cimport DMA
from hwemu.trace cimport Trace
from hwemu.wire.port cimport Station

cdef unsigned int CTRL_VME, FCS_LENGTH, FRAME_MAX, FRAME_MIN, ICR_RXDMT0, ICR_RXO, ICR_RXT0, ICR_SRPD, JUMBO_MAX
cdef unsigned int RCTL_BSEX, RCTL_BSIZE_SHIFT, RCTL_EN, RCTL_LPE, RCTL_RDMTS_SHIFT, RCTL_SBP, RCTL_SECRC
cdef unsigned int RXCSUM_IPOFLD, RXCSUM_PCSS, RXCSUM_TUOFLD
cdef unsigned int RXD_ERR_CE, RXD_STAT_DD, RXD_STAT_EOP, RXD_STAT_IXSM, RXD_STAT_PIF, RXD_STAT_VP
cdef unsigned int CRCERRS, CTRL, MPC, PBA, RCTL, RDBAH, RDBAL, RDH, RDLEN, RDT
cdef unsigned int RFC, RJC, RLEC, RNBC, ROC, RSRPD, RUC, RXCSUM, VET
cdef unsigned int DESCRIPTOR_SIZE
cdef int REJECTED, INEXACT, DROPPED, NO_DESCRIPTOR, STORED, DRAIN_BATCH
cdef unsigned long long ADDRESS_MASK, BROADCAST_ADDRESS, MULTICAST_BIT


cdef class Held:
    cdef public bytes data
    cdef public int verdict
    cdef public unsigned int errors


cdef class Receiver(Event):
    cdef public Clock clock
    cdef public RegisterFile regs
    cdef public Statistics stats
    cdef public Interrupts interrupts
    cdef public DMA dma
    cdef public Station port
    cdef public FlowControl flow
    cdef public Trace trace
    cdef public str name
    cdef public Filters filters
    cdef public DelayTimer timer
    cdef public object wakeup
    cdef public bint watching, asleep
    cdef public Frame frame
    cdef public Descriptor descriptor
    cdef public list fifo
    cdef public unsigned int fifo_level, fifo_size
    cdef public bint holding, enabled, store_bad, strip_fcs, strip_vlan, check_network, check_transport
    cdef public unsigned int checksum_start, vlan_type, longest, buffer_size, threshold_shift, small
    cdef public unsigned long long base
    cdef public unsigned int count, head, tail
    cpdef reset(self)
    @cython.locals(regs=RegisterFile, rctl=cython.uint, checksums=cython.uint, step=cython.uint)
    cpdef configure(self)
    @cython.locals(high=cython.ulonglong)
    cpdef set_ring(self)
    cpdef set_head(self)
    cpdef set_tail(self)
    cpdef drain(self)
    cpdef bint hold(self) except? -1
    cpdef unsigned long long descriptor_at(self, unsigned int index) noexcept
    cpdef unsigned int free_descriptors(self) noexcept
    @cython.locals(frame=Frame, length=cython.uint, verdict=cython.int, errors=cython.uint)
    cpdef receive(self, bytes data, bint bad)
    @cython.locals(stats=Statistics, oversize=cython.bint)
    cpdef bint keep_damaged(self, unsigned int length, bint bad) except? -1
    cpdef drop(self, str reason)
    @cython.locals(size=cython.uint, waits=cython.bint)
    cpdef no_descriptor(self, bytes data, int verdict, unsigned int errors)
    cpdef bint fits(self, unsigned int size) noexcept
    @cython.locals(budget=cython.int, held=Held)
    cpdef fire(self)
    @cython.locals(status=cython.uint, special=cython.uint, length=cython.uint, checked=cython.uint, used=cython.int,
                   destination=cython.ulonglong)
    cpdef int store(self, Frame frame, int verdict, unsigned int errors) except? -9999
    @cython.locals(index=cython.uint, used=cython.uint, offset=cython.uint, piece=cython.uint, descriptor=Descriptor)
    cpdef int copy_out(self, Frame frame) except? -9999
    @cython.locals(checksum=cython.uint, remaining=cython.uint, at=cython.ulonglong, piece=cython.uint,
                   descriptor=Descriptor, address=cython.ulonglong)
    cpdef write_back(
        self, Frame frame, unsigned int used, unsigned int status, unsigned int errors, unsigned int special)
    @cython.locals(causes=cython.uint)
    cpdef announce(self, unsigned int length)
