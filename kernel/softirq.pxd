cimport cython

from kernel.arch.trace cimport Trace


cdef class softirq_action:
    cpdef run(self)


cdef class softirq_vector:
    cdef public softirq_action action
    cdef public unsigned long long count


cdef class SoftIRQ:
    cdef public unsigned int pending
    cdef public list vectors
    cdef public int hardirq_count
    cdef public int softirq_count
    cdef public unsigned long long ksoftirqd_wakeups
    cdef public object ksoftirqd
    cdef public Trace trace

    @cython.locals(vector=softirq_vector)
    cpdef open_softirq(self, int nr, softirq_action action)
    cpdef raise_softirq(self, int nr)
    cpdef bint in_interrupt(self) noexcept
    cpdef bint in_hardirq(self) noexcept
    cpdef local_bh_disable(self)
    cpdef local_bh_enable(self)
    cpdef irq_enter(self)
    cpdef irq_exit(self)
    @cython.locals(rounds=cython.int, word=cython.uint, nr=cython.int, vector=softirq_vector, action=softirq_action)
    cpdef do_softirq(self)
    cpdef wakeup_softirqd(self)
