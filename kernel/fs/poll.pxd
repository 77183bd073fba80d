cimport cython

from kernel.fs.file cimport file, files_struct
from kernel.fs.select cimport poll_table
from kernel.sched.core cimport Scheduler, task_wait_entry
from kernel.sched.task cimport task_struct
from kernel.sched.wait cimport wait_queue_head

cdef unsigned int POLLERR, POLLHUP, POLLNVAL
cdef int TASK_INTERRUPTIBLE, TASK_RUNNING, ERESTARTNOHAND


cdef class poll_table_entry(task_wait_entry):
    cdef public poll_wqueues pwq
    cdef public unsigned int events
    @cython.locals(pwq=poll_wqueues)
    cpdef int func(self, unsigned int key) except? -9999


cdef class poll_wqueues(poll_table):
    cdef public Scheduler sched
    cdef public bint triggered
    cdef public list entries
    @cython.locals(entry=poll_table_entry)
    cpdef queue(self, object filp, wait_queue_head wq)
    @cython.locals(task=task_struct)
    cpdef long long sleep(self, long long timeout) except? -9999
    @cython.locals(position=Py_ssize_t, entry=poll_table_entry)
    cpdef free(self)


@cython.locals(filp=file, wanted=cython.uint)
cpdef unsigned int ask(files_struct files, long long fd, unsigned int events, poll_table table) except? 0xFFFF9999
@cython.locals(table=poll_wqueues, count=cython.int, position=Py_ssize_t, fd=cython.longlong, mask=cython.uint)
cpdef int do_poll(Scheduler sched, files_struct files, list fds, list events, list found,
                  long long timeout) except? -9999
