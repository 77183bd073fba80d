cimport cython

cdef unsigned int WQ_FLAG_EXCLUSIVE


cdef class wait_queue_entry:
    cdef public object task
    cdef public unsigned int flags
    cdef public wait_queue_head head
    cdef public wait_queue_entry prev
    cdef public wait_queue_entry next
    cpdef int func(self, unsigned int key) except? -9999


cdef class wait_queue_head:
    cdef public wait_queue_entry first
    cdef public wait_queue_entry last
    cpdef bint active(self) noexcept
    cpdef add(self, wait_queue_entry entry)
    cpdef add_exclusive(self, wait_queue_entry entry)
    cpdef remove(self, wait_queue_entry entry)
    @cython.locals(woken=cython.int, entry=wait_queue_entry, following=wait_queue_entry, exclusive=cython.uint)
    cpdef int wake_up(self, unsigned int key=*, int nr_exclusive=*) except? -9999
    cpdef int wake_up_all(self, unsigned int key=*) except? -9999
