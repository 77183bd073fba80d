cimport cython

from hwemu.clock cimport Clock
from hwemu.nic.e1000.flow cimport FlowControl
from hwemu.nic.e1000.interrupts cimport Interrupts
from hwemu.nic.e1000.receive cimport Receiver
from hwemu.nic.e1000.register_file cimport RegisterFile
from hwemu.nic.e1000.statistics cimport Statistics
from hwemu.nic.e1000.transmit cimport Transmitter
from hwemu.pci.device cimport PCIDevice
from hwemu.wire.port cimport Station

cdef unsigned int ALL_ONES, CTRL_EXT_EE_RST, CTRL_FD, CTRL_FRCDPLX, CTRL_FRCSPD, CTRL_PHY_RST, CTRL_RST, CTRL_SLU
cdef unsigned int CTRL_SPEED
cdef unsigned int ICR_LSC, ICR_MDAC, MDIC_INTERRUPT, RCTL_LBM, RCTL_LBM_MAC, RDTR_FPD
cdef unsigned int STATUS_ASDV, STATUS_ASDV_SHIFT, STATUS_FD, STATUS_LU, STATUS_SPEED, STATUS_SPEED_SHIFT
cdef unsigned int TCTL_SWXOFF, WUC_APME, WUC_PME_EN, WUC_PME_STATUS
cdef unsigned int ACTED, CLEARS, CLEARS_PAIR, PLAIN
cdef unsigned int CTRL, CTRL_EXT, EECD, EERD, FCRTH, FCRTL, FCT, FCTTV, ICR, ICS, IMC, IMS, ITR, MDIC, PBA
cdef unsigned int RADV, RAH, RAL, RCTL, RDBAH, RDBAL, RDH, RDLEN, RDT, RDTR, REGISTER_SPACE, RSRPD, RXCSUM, STATUS
cdef unsigned int TADV, TCTL, TDBAH, TDBAL, TDH, TDLEN, TDT, TIDV, TXDCTL, VET, WUC
cdef unsigned int FRAME_BAD_FCS, IOADDR, IODATA, IOADDR_BITS
cdef int IO_BAR


cdef class E1000


cdef class NicPort(Station):
    cdef public E1000 nic
    cpdef receive(self, bytes frame, int flags)
    cpdef carrier(self, bint up)


cdef class E1000(PCIDevice):
    cdef public Clock clock
    cdef public unsigned int[::1] canonical
    cdef public unsigned char[::1] read_kind, write_kind
    cdef public unsigned int io_address
    cdef public bint asleep
    cdef public object on_wake, eeprom, phy, wakeup
    cdef public NicPort port
    cdef public RegisterFile regs
    cdef public Statistics stats
    cdef public Interrupts interrupts
    cdef public FlowControl flow
    cdef public Receiver receiver
    cdef public Transmitter transmitter

    cpdef reset(self)
    cpdef reset_mac(self)
    cpdef power_state(self, int state)
    cpdef receive(self, bytes frame, int flags)
    @cython.locals(value=cython.uint)
    cpdef long long mmio_read(self, int bar, unsigned int offset, int width) except? -1
    cpdef mmio_write(self, int bar, unsigned int offset, int width, unsigned int value)
    cpdef long long io_read(self, unsigned int offset) except? -1
    cpdef io_write(self, unsigned int offset, unsigned int value)
    @cython.locals(kind=cython.uint, value=cython.uint)
    cpdef long long read_register(self, unsigned int offset) except? -1
    @cython.locals(kind=cython.uint)
    cpdef write_register(self, unsigned int offset, unsigned int value)
    cpdef long long read_acted(self, unsigned int offset) except? -1
    cpdef write_acted(self, unsigned int offset, unsigned int value)
    cpdef store_and_apply(self, unsigned int offset, unsigned int value)
