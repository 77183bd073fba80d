from hwemu.trace_switch cimport TraceSwitch


cdef class Trace(TraceSwitch):
    cdef public object clock
    cdef public str machine
    cdef public dict formats
    cdef public list listeners
