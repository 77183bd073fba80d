cimport cython

from hwemu.clock cimport Clock, Event
from hwemu.interrupt_controller cimport InterruptController
from hwemu.mmu cimport AddressSpace


cdef class CPU
cdef class Context


cdef class SyscallEntry:
    cpdef long long syscall(
        self, Context context, long long nr, long long a0, long long a1, long long a2, long long a3,
        long long a4, long long a5) except? -9999


cdef class InterruptEntry:
    cpdef interrupt(self, int line)


cdef class Context:
    cdef public CPU cpu
    cdef public object entry, task, strand, thread_pointer, signal_entry, thread_entry
    cdef public AddressSpace address_space
    cdef public int error_number
    cdef public Context successor
    cdef public list frames
    cdef public bint unwinding, restart
    cdef public int refusals

    cpdef bint live(self)
    @cython.locals(cpu=CPU)
    cpdef switch(self)
    cpdef push_frame(self, object handler, int signum, bytes info)
    cpdef run_frames(self, Py_ssize_t depth)
    cpdef exit_to(self, Context successor)
    @cython.locals(cpu=CPU)
    cpdef run(self)
    @cython.locals(cpu=CPU, successor=Context)
    cpdef _following(self)
    cpdef _retire(self)
    @cython.locals(cpu=CPU)
    cpdef refuse(self)
    cpdef unwind(self)


cdef class CPU(Event):
    cdef public Clock clock
    cdef public InterruptController controller
    cdef public long long trap_cost
    cdef public SyscallEntry syscall_entry
    cdef public InterruptEntry interrupt_entry
    cdef public bint interrupts_enabled, running, starting, kicked, stopping
    cdef public Context active
    cdef public object hub, reaper, on_stop
    cdef public dict contexts
    cdef public list abandoned
    cdef public long long visited
    cdef public unsigned long long traps, interrupts, halts

    cpdef Context new_context(self, object entry)
    cpdef kick(self)
    @cython.locals(context=Context)
    cpdef fire(self)
    @cython.locals(context=Context)
    cpdef shutdown(self)
    cpdef _stopped(self)
    cpdef stop(self)
    cpdef crash(self, object error)
    cpdef halt(self)
    cpdef pause(self)
    cpdef interruptible_point(self)
    cpdef enable_interrupts(self)
    @cython.locals(deliveries=cython.int, line=cython.int)
    cpdef deliver(self)


cpdef Context current_context()
@cython.locals(context=Context, cpu=CPU, result=cython.longlong, again=cython.bint, depth=cython.Py_ssize_t)
cpdef long long trap(
    long long nr, long long a0=*, long long a1=*, long long a2=*, long long a3=*, long long a4=*,
    long long a5=*) except? -9999
