cimport cython

from kernel.fs.file cimport file, file_operations
from kernel.fs.select cimport poll_table, poll_wait
from kernel.sched.wait cimport wait_queue_entry, wait_queue_head

cdef unsigned int EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLONESHOT, EPOLLWAKEUP
cdef unsigned int POLLIN, POLLOUT, POLLRDNORM, PRIVATE_BITS
cdef int EP_MAX_NESTS


cdef class eppoll_entry(wait_queue_entry):
    cdef public epitem item
    @cython.locals(item=epitem, ep=eventpoll, served=cython.int, direction=cython.uint)
    cpdef int func(self, unsigned int key) except? -9999


cdef class epitem(poll_table):
    cdef public eventpoll ep
    cdef public long long fd
    cdef public file filp
    cdef public unsigned int events
    cdef public unsigned long long data
    cdef public bint is_ready
    cdef public epitem rdl_prev
    cdef public epitem rdl_next
    cdef public list entries
    @cython.locals(entry=eppoll_entry)
    cpdef queue(self, object filp, wait_queue_head wq)
    @cython.locals(filp=file, mask=cython.uint)
    cpdef unsigned int ask(self) except? 0xFFFF9999
    cpdef detach(self)


cdef class eventpoll:
    cdef public dict items
    cdef public epitem ready_first
    cdef public epitem ready_last
    cdef public wait_queue_head wq
    cdef public wait_queue_head poll_wq
    cdef public file filp
    cdef public unsigned long long polls
    cpdef make_ready(self, epitem item)
    cpdef unready(self, epitem item)
    cpdef announce(self)
    cpdef forget(self, epitem item)
    @cython.locals(item=epitem)
    cpdef insert(self, long long fd, file filp, unsigned int events, unsigned long long data)
    cpdef modify(self, epitem item, unsigned int events, unsigned long long data)
    cpdef check(self, epitem item)
    @cython.locals(item=epitem, mask=cython.uint, position=Py_ssize_t)
    cpdef list collect(self, Py_ssize_t limit)
    cpdef bint any_ready(self) except? -1
