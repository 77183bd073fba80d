cimport cython

from kernel.arch.arch cimport Arch
from kernel.arch.entry cimport interrupt_entry
from kernel.arch.trace cimport Trace
from kernel.softirq cimport SoftIRQ


cdef class irqaction:
    cdef public str name
    cdef public unsigned int irq_flags
    cdef public irqaction next
    cpdef int handler(self, int irq) except? -9999


cdef class irq_desc:
    cdef public int irq
    cdef public irqaction action
    cdef public int depth
    cdef public unsigned long long count
    cdef public unsigned int unhandled
    cdef public unsigned int window
    cdef public bint spurious_disabled


cdef class IRQ(interrupt_entry):
    cdef public Arch arch
    cdef public SoftIRQ softirq
    cdef public object printk
    cdef public Trace trace
    cdef public list descs
    cdef public unsigned long long err_count

    @cython.locals(softirq=SoftIRQ, desc=irq_desc, handled=cython.int, action=irqaction, following=irqaction)
    cpdef interrupt(self, int irq)
    cpdef note_interrupt(self, irq_desc desc)
