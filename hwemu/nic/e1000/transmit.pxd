cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.nic.e1000.descriptor cimport Descriptor
from hwemu.nic.e1000.flow cimport FlowControl
from hwemu.nic.e1000.interrupts cimport DelayTimer, Interrupts
from hwemu.nic.e1000.packet cimport OffloadContext, Packet
from hwemu.nic.e1000.receive cimport Receiver
from hwemu.nic.e1000.register_file cimport RegisterFile
from hwemu.nic.e1000.statistics cimport Statistics
from hwemu.pci.dma cimport DMA
from hwemu.trace cimport Trace
from hwemu.wire.port cimport Station

cdef unsigned long long ADDRESS_MASK, BROADCAST
cdef unsigned int CTRL_VME, FCS_LENGTH, FRAME_MIN, ICR_TXD_LOW, ICR_TXDW, ICR_TXQE, TCTL_EN, TCTL_PSP
cdef unsigned int TXD_CMD_DEXT, TXD_CMD_EOP, TXD_CMD_IC, TXD_CMD_IDE, TXD_CMD_IFCS, TXD_CMD_RPS, TXD_CMD_RS
cdef unsigned int TXD_CMD_TSE, TXD_CMD_VLE, TXD_DTYP_CONTEXT, TXD_DTYP_DATA, TXD_POPTS_IXSM, TXD_POPTS_TXSM
cdef unsigned int TXD_STAT_DD, TXD_TUCMD_TSE, TXDCTL_GRAN, TXDCTL_LWTHRESH_SHIFT, TXDCTL_WTHRESH_SHIFT
cdef unsigned int STATUS, STATUS_SPEED, STATUS_SPEED_SHIFT, FRAME_MINIMUM, FRAME_OVERHEAD
cdef tuple BYTE_NS
cdef unsigned int CTRL, TCTL, TDBAH, TDBAL, TDH, TDLEN, TDT, TSCTC, TSCTFC, TXDCTL, VET
cdef unsigned int DESCRIPTOR_SIZE, PER_CACHE_LINE, MULTICAST_BIT
cdef int FRAME_BAD_FCS, STEPS_PER_ROUND, UNTAGGED


cdef class TransmitTimer(DelayTimer):
    cdef public object engine
    cpdef expired(self)


cdef class Transmitter(Event):
    cdef public Clock clock
    cdef public RegisterFile regs
    cdef public Statistics stats
    cdef public Interrupts interrupts
    cdef public DMA dma
    cdef public Station port
    cdef public FlowControl flow
    cdef public Receiver receiver
    cdef public Trace trace
    cdef public str name
    cdef public TransmitTimer timer
    cdef public Descriptor descriptor
    cdef public Packet packet
    cdef public OffloadContext plain_context, segment_context
    cdef public long long dma_latency, busy_until
    cdef public bint link, loopback, enabled, pad, insert_vlan
    cdef public unsigned int vlan_type, write_back_threshold, low_threshold
    cdef public list waiting
    cdef public unsigned long long base
    cdef public unsigned int count, head, tail, lap
    cdef public bint fetched, started, broken, segmenting, with_fcs
    cdef public unsigned int consumed, options, checksum_start, checksum_offset, segments, sent
    cdef public int tag

    cpdef forget_packet(self)
    cpdef reset(self)
    @cython.locals(tctl=cython.uint, thresholds=cython.uint)
    cpdef configure(self)
    @cython.locals(high=cython.ulonglong)
    cpdef set_ring(self)
    cpdef set_head(self)
    cpdef doorbell(self)
    cpdef set_link(self, bint up)
    cpdef start(self)
    cpdef unsigned int pending(self) noexcept
    @cython.locals(steps=cython.int)
    cpdef fire(self)
    @cython.locals(descriptor=Descriptor)
    cpdef bint fetch(self) except? -1
    @cython.locals(descriptor=Descriptor, lower=cython.uint, command=cython.uint, kind=cython.uint)
    cpdef bint step(self) except? -1
    cpdef int gather(self, unsigned int length) except -1
    @cython.locals(upper=cython.uint, context=OffloadContext, size=cython.uint)
    cpdef int begin_data(self, unsigned int command) except -1
    cpdef void qualify(self, unsigned int command) noexcept
    @cython.locals(packet=Packet)
    cpdef int finish_legacy(self, unsigned int command) except -1
    cpdef int finish_data(self, unsigned int command) except -1
    @cython.locals(packet=Packet)
    cpdef int insert_checksums(self, OffloadContext context) except -1
    cpdef int finish(self) except -1
    @cython.locals(context=OffloadContext, packet=Packet, room=cython.uint, piece=cython.uint)
    cpdef bint step_segments(self, unsigned int command, unsigned int length) except? -1
    @cython.locals(context=OffloadContext)
    cpdef int finish_segments(self) except -1
    @cython.locals(context=OffloadContext, packet=Packet, payload=cython.uint)
    cpdef int send_segment(self, bint last) except -1
    @cython.locals(packet=Packet, flags=cython.int, minimum=cython.uint, frame=bytes, length=cython.uint,
                   destination=cython.ulonglong, multicast=cython.bint, occupied=cython.longlong)
    cpdef int emit(self, bint more) except -1
    @cython.locals(speed=cython.uint)
    cpdef long long loopback_time(self, unsigned int length) except -1
    @cython.locals(descriptor=Descriptor, command=cython.uint, causes=cython.uint, pending=cython.uint)
    cpdef int complete(self) except -1
    cpdef int write_back_later(self, unsigned int command) except -1
    @cython.locals(waiting=list)
    cpdef int write_back_waiting(self) except -1
