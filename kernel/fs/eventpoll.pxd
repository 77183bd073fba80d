cimport cython

from kernel.fs.file cimport file, file_operations
from kernel.fs.select cimport poll_table, poll_wait
from kernel.sched.core cimport Scheduler
from kernel.sched.task cimport task_struct
from kernel.sched.wait cimport wait_queue_entry, wait_queue_head

cdef unsigned int EPOLLERR, EPOLLET, EPOLLHUP, EPOLLONESHOT, POLLIN, POLLRDNORM, PRIVATE_BITS


cdef class eppoll_entry(wait_queue_entry):
    cdef public epitem item
    @cython.locals(item=epitem, ep=eventpoll)
    cpdef int func(self, unsigned int key) except? -9999


cdef class epitem(poll_table):
    cdef public eventpoll ep
    cdef public long long fd
    cdef public file filp
    cdef public unsigned int events
    cdef public unsigned long long data
    cdef public bint is_ready
    cdef public list entries
    @cython.locals(entry=eppoll_entry)
    cpdef queue(self, object filp, wait_queue_head wq)
    @cython.locals(filp=file, mask=cython.uint)
    cpdef unsigned int ask(self) except? 0xFFFF9999
    cpdef detach(self)


cdef class eventpoll:
    cdef public dict items
    cdef public list ready
    cdef public wait_queue_head wq
    cdef public wait_queue_head poll_wq
    cpdef make_ready(self, epitem item)
    cpdef forget(self, epitem item)
    @cython.locals(item=epitem)
    cpdef insert(self, long long fd, file filp, unsigned int events, unsigned long long data)
    cpdef modify(self, epitem item, unsigned int events, unsigned long long data)
    @cython.locals(item=epitem, mask=cython.uint, position=Py_ssize_t)
    cpdef list collect(self, Py_ssize_t limit)
