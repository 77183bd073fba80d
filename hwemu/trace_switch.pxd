cdef class TraceSwitch:
    cdef public bint on
