from kernel.sched.wait cimport wait_queue_head


cdef class poll_table:
    cdef public unsigned int key
    cdef public bint active
    cpdef queue(self, object filp, wait_queue_head wq)


cpdef poll_wait(object filp, wait_queue_head wq, poll_table table)
