cimport cython

from kernel.arch.uaccess cimport iov_iter
from kernel.fs.file cimport file, file_operations
from kernel.fs.select cimport poll_table, poll_wait
from kernel.sched.core cimport Scheduler
from kernel.sched.wait cimport wait_queue_head

cdef int EAGAIN, EFAULT, EPIPE, ERESTARTSYS
cdef unsigned int O_NONBLOCK, O_RDONLY, O_WRONLY
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
cdef Py_ssize_t PIPE_SIZE, PIPE_BUF


cdef class pipe_inode_info:
    cdef public object chunks
    cdef public Py_ssize_t offset
    cdef public Py_ssize_t length
    cdef public int readers
    cdef public int writers
    cdef public wait_queue_head rd_wait
    cdef public wait_queue_head wr_wait


cdef class pipe_file_operations(file_operations):
    cdef public Scheduler sched
    @cython.locals(pipe=pipe_inode_info, sched=Scheduler, done=Py_ssize_t, count=Py_ssize_t, chunk=bytes)
    cpdef Py_ssize_t read(self, file filp, iov_iter to) except? -9999
    @cython.locals(pipe=pipe_inode_info, sched=Scheduler, done=Py_ssize_t, room=Py_ssize_t, chunk=bytes, atomic=cython.bint)
    cpdef Py_ssize_t write(self, file filp, iov_iter source) except? -9999
    @cython.locals(pipe=pipe_inode_info, mask=cython.uint)
    cpdef unsigned int poll(self, file filp, poll_table table) except? 0xFFFF9999
