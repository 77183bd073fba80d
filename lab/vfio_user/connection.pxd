cimport cython

from hwemu.clock cimport Clock, Source
from lab.vfio_user.channel cimport Channel
from lab.vfio_user.device cimport VfioDevice

cdef unsigned int LARGEST_TRANSFER, NO_REPLY, REGION_READ, REGION_WRITE, TYPE_MASK, VERSION, ACCESS_SIZE
cdef unsigned int DEVICE_SET_IRQS, INTX, UNMASK_FLAGS, UNMASK_SIZE
cdef int READS_PER_TURN, WOULD_BLOCK


cdef class Connection(Source):
    cdef public Clock clock
    cdef public object sock, finished, say, unmask
    cdef public VfioDevice device
    cdef public Channel channel
    cdef public bint agreed, complained
    cdef public int eventfd
    cdef public unsigned long long messages
    cdef public dict handlers
    @cython.locals(count=Py_ssize_t, _=cython.int)
    cpdef ready(self, int mask)
    @cython.locals(channel=Channel)
    cpdef serve(self)
    @cython.locals(channel=Channel)
    cpdef bint is_unmask(self) except? -1
    cpdef serve_rare(self)
    cpdef refuse(self, unsigned int number)
    @cython.locals(channel=Channel, offset=cython.ulonglong, region=cython.uint, count=cython.uint)
    cpdef region_read(self)
    @cython.locals(channel=Channel)
    cpdef region_write(self)
    @cython.locals(channel=Channel, offset=cython.ulonglong, region=cython.uint, count=cython.uint)
    cpdef bint write_at(self, unsigned int at) except? -1
