cimport cython

from kernel.lib.checksum cimport csum_fold
from kernel.net.core.datagram cimport datagram_poll, skb_free_datagram, skb_recv_datagram, sock_recv_timestamp
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_add_frags_iter, skb_checksum, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff cimport alloc_skb, consume_skb, kfree_skb, page_frag, sk_buff, skb_clone, skb_reserve
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
from kernel.net.snmp cimport ipstats

cdef unsigned int SOCK_BROADCAST
cdef int EACCES, EADDRINUSE, EAGAIN, EDESTADDRREQ, EFAULT, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOBUFS, ENOIOCTLCMD
cdef int EOPNOTSUPP, EPROTO
cdef int ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH
cdef int IP_PMTUDISC_DONT, IPPROTO_ICMP, RTN_BROADCAST, AF_INET
cdef unsigned int MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC
cdef int SIOCINQ, SIOCOUTQ, TCP_ESTABLISHED
cdef unsigned int HEADROOM, LINEAR_MAX, ICMP_HEADER_LEN, PING_MAX_PAYLOAD
cdef unsigned int MULTICAST_CLASS


cdef class ping_sock(sock):
    cdef public page_frag frag


cdef class ping_hash_table:
    cdef public Net net
    cdef public dict socks
    cdef public unsigned int next_ident
    cpdef int get_port(self, sock sk, unsigned int ident) except? -9999
    cpdef unhash(self, sock sk)
    @cython.locals(sk=sock)
    cpdef sock lookup(self, unsigned int ident, unsigned int saddr, unsigned int daddr, int iif)


cdef class ping_proto(proto):
    cdef public ping_hash_table table
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef int get_port(self, sock sk, unsigned int port) except? -9999
    cpdef put_port(self, sock sk)
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


@cython.locals(net=Net, rt=rtable, skb=object, at=cython.uint, daddr=cython.uint, saddr=cython.uint, mib=ipstats)
cpdef long long ping_sendmsg(sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(skb=sk_buff, linear=cython.uint, err=cython.int, added=cython.int)
cpdef object ping_build(ping_sock sk, msghdr msg, unsigned int size)
@cython.locals(table=ping_hash_table, nh=cython.uint, sk=sock, clone=sk_buff)
cpdef int ping_rcv(Net net, sk_buff skb) except? -9999
cpdef int ping_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
@cython.locals(err=cython.int, skb=sk_buff, length=cython.uint, copied=cython.uint)
cpdef long long ping_recvmsg(sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(inner=cython.uint, at=cython.uint, table=ping_hash_table, sk=sock, type=cython.int, code=cython.int)
cpdef ping_err(Net net, sk_buff skb, unsigned int info)
