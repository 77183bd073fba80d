cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.nic.e1000.frame cimport Frame
from hwemu.nic.e1000.register_file cimport RegisterFile
from hwemu.wire.port cimport Station

cdef unsigned int ALL_ONES, CTRL_RFCE, CTRL_TFCE, FCRTL_XONE, RCTL_DPF, RCTL_PMCF, STATUS_TXOFF
cdef unsigned int CTRL, FCAL, FCRTH, FCRTL, FCRUC, FCT, FCTTV, RAL, RCTL, STATUS, XOFFRXC, XOFFTXC, XONRXC, XONTXC
cdef long long SLOT_NS
cdef unsigned int FRAME_LENGTH


cdef class FlowControl(Event):
    cdef public Clock clock
    cdef public RegisterFile regs
    cdef public Station port
    cdef public Event engine
    cdef public bint paused, obeys, sends, stopped_partner
    cdef public unsigned int control_type, high, low
    cpdef reset(self)
    @cython.locals(ctrl=cython.uint)
    cpdef configure(self)
    cpdef bint is_control(self, Frame frame) noexcept
    @cython.locals(destination=cython.ulonglong, station=cython.ulonglong, rctl=cython.uint)
    cpdef bint take_control(self, Frame frame) except? -1
    cpdef pause(self, unsigned int slots)
    cpdef resume(self)
    cpdef fire(self)
    cpdef bint holds_frames(self) noexcept
    cpdef filled(self, unsigned int level)
    cpdef overflowed(self)
    @cython.locals(regs=RegisterFile)
    cpdef send_pause(self, unsigned int slots)
