cimport cython

from hwemu.bus cimport Bus
from hwemu.clock cimport Clock
from hwemu.cpu cimport CPU, Context
from hwemu.interrupt_controller cimport InterruptController
from hwemu.ram cimport RAM
from hwemu.timer cimport OneShotTimer
from hwemu.trace cimport Trace
from kernel.arch.entry cimport interrupt_adapter, interrupt_entry, syscall_adapter, syscall_entry


cdef class Arch:
    cdef public object machine, random, console
    cdef public str name
    cdef public CPU cpu
    cdef public Clock clock
    cdef public InterruptController pic
    cdef public RAM memory
    cdef public Bus memory_bus, ports
    cdef public OneShotTimer clockevent
    cdef public Trace trace

    cpdef long long now(self) noexcept
    cpdef local_irq_disable(self)
    cpdef local_irq_enable(self)
    @cython.locals(flags=cython.bint)
    cpdef bint local_irq_save(self)
    cpdef local_irq_restore(self, bint flags)
    cpdef bint irqs_disabled(self)
    cpdef interruptible_point(self)
    cpdef safe_halt(self)
    cpdef kick(self)
    cpdef mask_irq(self, int irq)
    cpdef unmask_irq(self, int irq)
    cpdef ack_irq(self, int irq)
    cpdef set_interrupt_entry(self, object entry)
    cpdef set_syscall_entry(self, object entry)
    cpdef Context new_context(self, object entry)
    cpdef switch_to(self, Context context)
    @cython.locals(running=Context)
    cpdef exit_to(self, Context context)
    cpdef set_iommu(self, object iommu)
    cpdef power_off(self, int status)
