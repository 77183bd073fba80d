cimport cython

from kernel.net.core.dst cimport rtable
from kernel.net.core.skbuff cimport kfree_skb, sk_buff, skb_clone, skb_push
from kernel.net.core.sock cimport msghdr, sock, sock_queue_rcv_skb
from kernel.net.ipv4.datagram cimport (
    datagram_disconnect,
    datagram_err,
    datagram_extend,
    datagram_fits,
    datagram_flow,
    datagram_flow_route,
    datagram_make_skb,
    datagram_mark,
    datagram_proto,
    datagram_recvmsg,
    datagram_send,
    datagram_sent,
    datagram_sock,
)
from kernel.net.ipv4.ip_output cimport ip_local_out, ip_select_ident
from kernel.net.net cimport Net

cdef int EFAULT, EINVAL, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP
cdef int ICMP_FILTER, ETH_P_IP, IPPROTO_ICMP, IPPROTO_RAW, SOL_RAW
cdef unsigned int MSG_MORE, MSG_OOB, MSG_PROBE
cdef int ICMP_TYPE_AND_CODE
cdef unsigned int MULTICAST_CLASS, IP_HEADER_LEN


cdef class raw_cork:
    cdef public sk_buff skb
    cdef public object flow


cdef class raw_sock(datagram_sock):
    cdef public unsigned int icmp_filter
    cdef public raw_cork cork


cdef class raw_hash_table:
    cdef public list buckets
    cdef public long long count
    cpdef insert(self, sock sk)
    @cython.locals(current=sock)
    cpdef remove(self, sock sk)
    @cython.locals(sk=sock)
    cpdef list all(self)


cdef class raw_proto(datagram_proto):
    cdef public raw_hash_table table
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef destroy(self, sock sk)
    cpdef int hash(self, sock sk) except? -9999
    cpdef int disconnect(self, sock sk, int flags) except? -9999
    cpdef unhash(self, sock sk)
    cpdef long long sendmsg(self, sock sk, msghdr msg, unsigned long long size) except? -9999
    cpdef long long recvmsg(self, sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
    cpdef int backlog_rcv(self, sock sk, sk_buff skb) except? -9999
    @cython.locals(rsk=raw_sock)
    cpdef int setsockopt(self, sock sk, int level, int optname, object optval) except? -9999
    @cython.locals(rsk=raw_sock)
    cpdef object getsockopt(self, sock sk, int level, int optname, int optlen)


cpdef bint raw_match(sock sk, unsigned int saddr, unsigned int daddr, int iif) noexcept
@cython.locals(table=raw_hash_table, sk=sock, nh=cython.uint, saddr=cython.uint, daddr=cython.uint,
               delivered=cython.bint, following=sock, clone=sk_buff)
cpdef bint raw_local_deliver(Net net, sk_buff skb, unsigned int protocol) except? -1
@cython.locals(type=cython.uint, rsk=raw_sock)
cpdef bint raw_filtered(sock sk, sk_buff skb) except? -1
cpdef int raw_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
@cython.locals(table=raw_hash_table, sk=sock, inner=cython.uint, following=sock)
cpdef raw_icmp_error(Net net, sk_buff skb, unsigned int protocol, unsigned int info)
@cython.locals(err=cython.int)
cpdef long long raw_sendmsg(sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(rsk=raw_sock, cork=raw_cork, held=cython.uint, err=cython.int, probing=cython.bint)
cpdef long long raw_append_data(sock sk, msghdr msg, object flow, unsigned int size) except? -9999
@cython.locals(rsk=raw_sock, cork=raw_cork)
cpdef raw_flush_pending_frames(sock sk)
@cython.locals(net=Net, rt=rtable, mtu=cython.uint, nh=cython.uint, header_len=cython.uint)
cpdef long long raw_send_hdrinc(sock sk, sk_buff skb, object flow, unsigned int size) except? -9999
