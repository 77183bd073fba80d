from hwemu.cpu cimport Context, InterruptEntry, SyscallEntry


cdef class syscall_entry(SyscallEntry):
    pass


cdef class interrupt_entry(InterruptEntry):
    pass


cdef class syscall_adapter(SyscallEntry):
    cdef public object target


cdef class interrupt_adapter(InterruptEntry):
    cdef public object target
