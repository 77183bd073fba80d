cimport cython

from kernel.net.core.datagram cimport datagram_poll, skb_free_datagram, skb_recv_datagram, sock_recv_timestamp
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_add_frags_iter, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff cimport alloc_skb, kfree_skb, page_frag, sk_buff, skb_clone, skb_push, skb_reserve
from kernel.net.core.sock cimport (
    msghdr,
    proto,
    sk_common_release,
    sk_dst_check,
    skb_set_owner_w,
    sock,
    sock_may_send,
    sock_queue_rcv_skb,
)
from kernel.net.ipv4.datagram cimport datagram_disconnect, ip4_datagram_connect, parse_destination
from kernel.net.ipv4.ip_output cimport ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route cimport ip_route_output_key, ip_rt_update_pmtu
from kernel.net.net cimport Net

cdef unsigned int SOCK_BROADCAST
cdef int EACCES, EDESTADDRREQ, EFAULT, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOBUFS, ENOIOCTLCMD, ENOPROTOOPT, EOPNOTSUPP
cdef int EPROTO
cdef int ICMP_DEST_UNREACH, ICMP_FILTER, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH
cdef int ETH_P_IP, IP_PMTUDISC_DONT, IPPROTO_ICMP, IPPROTO_RAW, RTN_BROADCAST, AF_INET
cdef unsigned int MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC
cdef int SOL_RAW, SIOCINQ, SIOCOUTQ, TCP_ESTABLISHED
cdef unsigned int HEADROOM, LINEAR_MAX
cdef unsigned int MULTICAST_CLASS


cdef class raw_sock(sock):
    cdef public unsigned int icmp_filter
    cdef public page_frag frag


cdef class raw_hash_table:
    cdef public list buckets
    cdef public long long count
    cpdef insert(self, sock sk)
    @cython.locals(current=sock)
    cpdef remove(self, sock sk)
    @cython.locals(sk=sock)
    cpdef list all(self)


cdef class raw_proto(proto):
    cdef public raw_hash_table table
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef int hash(self, sock sk) except? -9999
    cpdef destroy(self, sock sk)
    cpdef close(self, sock sk, long long timeout)
    cpdef int connect(self, sock sk, unsigned int daddr, unsigned int dport, int flags) except? -9999
    cpdef int disconnect(self, sock sk, int flags) except? -9999
    cpdef unhash(self, sock sk)
    cpdef long long sendmsg(self, sock sk, msghdr msg, unsigned long long size) except? -9999
    cpdef long long recvmsg(self, sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
    cpdef unsigned int poll(self, sock sk, object file, object table) except? 9999
    @cython.locals(skb=sk_buff)
    cpdef int ioctl(self, sock sk, int cmd, unsigned long long arg) except? -9999
    cpdef int backlog_rcv(self, sock sk, sk_buff skb) except? -9999
    @cython.locals(rsk=raw_sock)
    cpdef int setsockopt(self, sock sk, int level, int optname, bytes optval) except? -9999
    @cython.locals(rsk=raw_sock)
    cpdef object getsockopt(self, sock sk, int level, int optname, int optlen)


cpdef bint raw_match(sock sk, unsigned int saddr, unsigned int daddr, int iif) noexcept
@cython.locals(table=raw_hash_table, sk=sock, nh=cython.uint, saddr=cython.uint, daddr=cython.uint,
               delivered=cython.bint, following=sock, clone=sk_buff)
cpdef bint raw_local_deliver(Net net, sk_buff skb, unsigned int protocol) except? -1
@cython.locals(type=cython.uint, rsk=raw_sock)
cpdef bint raw_filtered(sock sk, sk_buff skb) except? -1
cpdef int raw_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
@cython.locals(err=cython.int, skb=sk_buff, length=cython.uint, copied=cython.uint)
cpdef long long raw_recvmsg(sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(table=raw_hash_table, sk=sock, inner=cython.uint, type=cython.int, code=cython.int, following=sock)
cpdef raw_icmp_error(Net net, sk_buff skb, unsigned int protocol, unsigned int info)
cpdef raw_err(sock sk, sk_buff skb, int type, int code, unsigned int info)
@cython.locals(rt=rtable, daddr=cython.uint, saddr=cython.uint)
cpdef long long raw_sendmsg(sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(skb=sk_buff, linear=cython.uint, err=cython.int, added=cython.int)
cpdef object raw_build(raw_sock sk, msghdr msg, unsigned int size)
@cython.locals(nh=cython.uint, header_len=cython.uint, err=cython.int)
cpdef long long raw_send_hdrinc(Net net, sock sk, sk_buff skb, rtable rt, unsigned int size) except? -9999
