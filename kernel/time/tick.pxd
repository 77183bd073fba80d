from kernel.irq.irq cimport irqaction
from kernel.softirq cimport SoftIRQ
from kernel.time.timer cimport TimerBase


cdef class tick_irqaction(irqaction):
    cdef public TimerBase timers
    cdef public SoftIRQ softirq
