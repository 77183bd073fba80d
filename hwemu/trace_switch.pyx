"""The flag of a `Trace`, as a leaf: compiled leaves test it in C whether `Trace` itself runs compiled or not."""


cdef class TraceSwitch:
    """`on` is True while somebody listens."""

    def __init__(self):
        self.on = False
