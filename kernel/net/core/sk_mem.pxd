cimport cython

from kernel.net.core.sock cimport proto, sock
from kernel.net.net cimport Net

cdef int SOCK_STREAM, SOCK_SNDBUF_LOCK, PAGE_SHIFT, PAGE_MASK, SOCK_MIN_SNDBUF


@cython.locals(limit=cython.longlong)
cpdef sk_mem_set_limits(proto prot, long long pages)
@cython.locals(prot=proto, pages=cython.longlong)
cpdef bint sk_mem_refused(sock sk, long long size, bint receiving) except -1
@cython.locals(prot=proto, net=Net, stream=cython.bint, own=cython.longlong)
cpdef bint sk_mem_decide(sock sk, long long size, bint receiving, long long pages) except -1
