cimport cython

from kernel.arch.uaccess cimport iov_iter
from kernel.fs.file cimport file, file_operations
from kernel.fs.select cimport poll_table, poll_wait
from kernel.sched.core cimport Scheduler
from kernel.sched.wait cimport wait_queue_head

cdef int EAGAIN, EFAULT, ENOTTY, ENXIO, EPIPE, ERESTARTSYS
cdef unsigned int FMODE_READ, FMODE_WRITE, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY, FIONREAD
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, READABLE, WRITABLE
cdef Py_ssize_t PAGE_SIZE, PIPE_SLOTS


cdef class pipe_inode_info:
    cdef public object bufs
    cdef public object packets
    cdef public Py_ssize_t offset
    cdef public Py_ssize_t length
    cdef public Py_ssize_t slots
    cdef public int readers
    cdef public int writers
    cdef public unsigned int r_counter
    cdef public unsigned int w_counter
    cdef public wait_queue_head rd_wait
    cdef public wait_queue_head wr_wait
    cpdef bint full(self)
    @cython.locals(rest=Py_ssize_t)
    cpdef Py_ssize_t merge(self, Py_ssize_t total)
    cpdef append(self, bytes chunk, bint packet)
    cpdef extend(self, bytes chunk)
    cpdef consume(self, Py_ssize_t count)
    cpdef bytes first(self)


cdef class pipe_file_operations(file_operations):
    cdef public Scheduler sched
    @cython.locals(pipe=pipe_inode_info)
    cpdef int open(self, file filp) except? -9999
    @cython.locals(sched=Scheduler, before=cython.uint)
    cpdef bint wait_for_partner(self, pipe_inode_info pipe, bint reader) except? -1
    @cython.locals(sched=Scheduler)
    cpdef int wait_for_data(self, pipe_inode_info pipe, bint nonblock) except? -9999
    @cython.locals(sched=Scheduler)
    cpdef int wait_for_room(self, pipe_inode_info pipe, bint nonblock) except? -9999
    cpdef after_read(self, pipe_inode_info pipe, bint was_full)
    cpdef after_write(self, pipe_inode_info pipe)
    @cython.locals(pipe=pipe_inode_info, done=Py_ssize_t, count=Py_ssize_t, wanted=Py_ssize_t, chunk=bytes, was_full=cython.bint,
                   packet=cython.bint, ready=cython.int)
    cpdef Py_ssize_t read(self, file filp, iov_iter to) except? -9999
    @cython.locals(pipe=pipe_inode_info, done=Py_ssize_t, merged=Py_ssize_t, chunk=bytes, nonblock=cython.bint, err=cython.int)
    cpdef Py_ssize_t write(self, file filp, iov_iter source) except? -9999
    @cython.locals(pipe=pipe_inode_info, mask=cython.uint)
    cpdef unsigned int poll(self, file filp, poll_table table) except? 0xFFFF9999
