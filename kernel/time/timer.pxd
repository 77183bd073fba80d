cimport cython

from kernel.arch.arch cimport Arch
from kernel.softirq cimport softirq_action

cdef long long NSEC_PER_TICK, NEVER, TURN_MASK
cdef int LEVEL_BITS, LEVELS, SLOTS, SLOT_MASK, NOT_QUEUED, EXPIRING


cdef class timer_list:
    cdef public object function
    cdef public object data
    cdef public long long expires
    cdef public int slot
    cdef public timer_list prev
    cdef public timer_list next
    cpdef fire(self)
    cpdef bint pending(self) noexcept


cdef class wheel_level:
    cdef public unsigned long long occupied
    cdef public list heads


@cython.locals(head=timer_list)
cpdef timer_list empty_list()
@cython.locals(last=timer_list)
cpdef append(timer_list head, timer_list timer)
@cython.locals(bit=cython.int)
cpdef int lowest_bit(unsigned long long word) noexcept


cdef class TimerBase(softirq_action):
    cdef public Arch arch
    cdef public long long clk
    cdef public list levels
    cdef public timer_list expired
    cdef public Py_ssize_t active
    cdef public long long programmed
    cdef public bint running

    cpdef long long now(self) except? -9999
    @cython.locals(tick=cython.longlong, when=cython.longlong)
    cpdef mod_timer(self, timer_list timer, long long expires)
    cpdef bint del_timer(self, timer_list timer) except? -1
    @cython.locals(slot=cython.int, before=timer_list, after=timer_list, level=wheel_level, bit=cython.ulonglong)
    cpdef detach(self, timer_list timer)
    @cython.locals(tick=cython.longlong, differ=cython.longlong, number=cython.int, place=cython.int, level=wheel_level,
                   bit=cython.ulonglong)
    cpdef long long enqueue(self, timer_list timer) except? -9999
    @cython.locals(number=cython.int, shift=cython.int, level=wheel_level, turn=cython.longlong)
    cpdef long long next_tick(self) except? -9999
    @cython.locals(tick=cython.longlong)
    cpdef program_next(self)
    @cython.locals(number=cython.int, shift=cython.int, place=cython.longlong, level=wheel_level, head=timer_list,
                   timer=timer_list)
    cpdef forward(self, long long tick)
    @cython.locals(present=cython.longlong, tick=cython.longlong)
    cpdef run(self)
    @cython.locals(level=wheel_level, head=timer_list, timer=timer_list, expired=timer_list)
    cpdef expire(self, long long tick)
    cpdef interrupt(self)
