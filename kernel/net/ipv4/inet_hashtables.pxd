cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_sock cimport tcp_sock
from kernel.net.net cimport Net
from kernel.time.timer cimport timer_list

cdef unsigned int U32_MASK
cdef int TCP_LISTEN, TCP_TIME_WAIT
cdef int NODE_REQUEST, INITIAL_BUCKETS
cdef unsigned int SOCK_BINDPORT_LOCK, SOCK_BINDADDR_LOCK


cdef class ehash_node:
    cdef public int kind
    cdef public tcp_sock sk
    cdef public unsigned int rmt_addr, loc_addr, rmt_port, num
    cdef public int bound_dev_if
    cdef public unsigned int hash
    cdef public ehash_node next
    cdef public bint hashed


cdef class request_sock(ehash_node):
    cdef public tcp_sock listener
    cdef public int mss
    cdef public unsigned int rcv_isn, rcv_nxt, snt_isn, rcv_wnd, snd_wnd, ts_recent, ts_off
    cdef public int window_clamp
    cdef public bint tstamp_ok, sack_ok, wscale_ok
    cdef public int snd_wscale, rcv_wscale
    cdef public bint ecn_ok, acked
    cdef public int num_timeout, num_retrans
    cdef public long long timeout, snt_synack, last_oow_ack_time
    cdef public int tos
    cdef public timer_list timer
    cdef public bytes saved_syn, fastopen_cookie
    cdef public object options
    cdef public bint fastopen_exp, tfo_listener
    cdef public tcp_sock child
    cdef public request_sock dl_next


cdef class inet_bind_bucket:
    cdef public unsigned int port
    cdef public bint from_connect
    cdef public dict owners


cdef class inet_hashinfo:
    cdef public Net net
    cdef public list ehash
    cdef public unsigned int mask
    cdef public long long count
    cdef public dict bhash, listening
    cdef public unsigned int port_offset_key, port_counter
    cpdef unsigned int hash_of(self, unsigned int rmt_addr, unsigned int rmt_port, unsigned int loc_addr, unsigned int num)
    @cython.locals(slot=cython.uint)
    cpdef insert(self, ehash_node node)
    @cython.locals(slot=cython.uint, other=ehash_node)
    cpdef bint remove(self, ehash_node node) except? -1
    @cython.locals(old=list, size=cython.uint, node=ehash_node, following=ehash_node, slot=cython.uint)
    cpdef grow(self)
    @cython.locals(node=ehash_node)
    cpdef ehash_node lookup_established(self, unsigned int rmt_addr, unsigned int rmt_port, unsigned int loc_addr,
                                        unsigned int num, int dif)
    cpdef listen_hash(self, tcp_sock sk)
    @cython.locals(socks=list)
    cpdef listen_unhash(self, tcp_sock sk)
    @cython.locals(socks=list, best=tcp_sock, best_score=cython.int, sk=tcp_sock, score=cython.int)
    cpdef tcp_sock lookup_listener(self, unsigned int rmt_addr, unsigned int rmt_port, unsigned int loc_addr,
                                   unsigned int num, int dif, sk_buff skb)
    @cython.locals(bucket=inet_bind_bucket)
    cpdef inet_bind_bucket bind_owner(self, object sk, unsigned int port, bint from_connect)
    cpdef put_owner(self, object sk, inet_bind_bucket bucket)
    cpdef bint bind_conflict(self, tcp_sock sk, inet_bind_bucket bucket) except? -1
    cpdef int find_open_port(self, tcp_sock sk) except? -9999
    @cython.locals(bucket=inet_bind_bucket)
    cpdef bint get_port(self, tcp_sock sk, unsigned int port) except? -1
    @cython.locals(bucket=inet_bind_bucket)
    cpdef put_port(self, tcp_sock sk)
    cpdef unsigned int ephemeral_offset(self, tcp_sock sk) except? 0xEEEEEEEE
