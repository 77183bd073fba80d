cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.core.sock cimport sock
from kernel.net.net cimport Net

cdef int EADDRINUSE, TCP_ESTABLISHED
cdef unsigned int UDP_HTABLE_SIZE, UDP_HEADER_LEN


cdef class udp_hash_table:
    cdef public Net net
    cdef public list buckets
    cdef public long long count
    cpdef sock first(self, unsigned int port)
    @cython.locals(slot=cython.uint)
    cpdef int get_port(self, sock sk, unsigned int port) except? -9999
    @cython.locals(sk=sock)
    cpdef list on_port(self, unsigned int port)
    @cython.locals(low=cython.longlong, high=cython.longlong, span=cython.longlong, start=cython.longlong,
                   i=cython.longlong, port=cython.longlong)
    cpdef unsigned int free_port(self, sock sk) except? 99999
    @cython.locals(other=sock)
    cpdef bint in_use(self, sock sk, unsigned int port) except? -1
    cpdef bint conflict(self, sock sk, sock other) noexcept
    @cython.locals(slot=cython.uint, current=sock)
    cpdef unhash(self, sock sk)
    @cython.locals(best=sock, best_score=cython.int, sk=sock, score=cython.int)
    cpdef sock lookup(self, unsigned int saddr, unsigned int sport, unsigned int daddr, unsigned int dport, int iif,
                      sk_buff skb)
    @cython.locals(score=cython.int)
    cpdef int score(self, sock sk, unsigned int saddr, unsigned int sport, unsigned int daddr, int iif) noexcept
    cpdef bint matches_mcast(self, sock sk, unsigned int saddr, unsigned int sport, unsigned int daddr,
                             unsigned int dport, int iif) noexcept
    @cython.locals(sk=sock)
    cpdef list all(self)
