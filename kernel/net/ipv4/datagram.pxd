cimport cython

from kernel.net.core.datagram cimport (
    datagram_poll,
    skb_copy_datagram,
    skb_free_datagram,
    skb_recv_datagram,
    sock_recv_timestamp,
)
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_add_frags_iter, skb_put_iter
from kernel.net.core.skbuff cimport alloc_skb, kfree_skb, page_frag, sk_buff, skb_reserve
from kernel.net.core.sock cimport (
    msghdr,
    proto,
    sk_common_release,
    sk_dst_check,
    skb_set_owner_w,
    sock,
    sock_may_send,
)
from kernel.net.ipv4.ip_output cimport ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route cimport ip_route_output_key, ip_rt_update_pmtu, ip_state
from kernel.net.net cimport Net

cdef unsigned int SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_BROADCAST, SOCK_RCVTSTAMP, SOCK_RCVTSTAMPNS
cdef int EACCES, EAFNOSUPPORT, EAGAIN, EDESTADDRREQ, EFAULT, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOBUFS, ENOIOCTLCMD
cdef int EOPNOTSUPP, EPROTO, RTN_BROADCAST, AF_INET, AF_UNSPEC, TCP_CLOSE, TCP_ESTABLISHED
cdef int ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH
cdef int IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_PROBE, IPPROTO_UDP
cdef int SOCK_RAW, SIOCINQ, SIOCOUTQ
cdef unsigned int MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB
cdef unsigned int MULTICAST_CLASS, IP_HEADER_LEN, IP_MAX_LEN, HEADROOM, LINEAR_MAX


cdef class datagram_sock(sock):
    cdef public page_frag frag


cdef class datagram_proto(proto):
    cpdef destroy(self, sock sk)
    cpdef close(self, sock sk, long long timeout)
    cpdef int connect(self, sock sk, unsigned int daddr, unsigned int dport, int flags) except? -9999
    cpdef int disconnect(self, sock sk, int flags) except? -9999
    cpdef long long recvmsg(self, sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
    cpdef unsigned int poll(self, sock sk, object file, object table) except? 9999
    @cython.locals(skb=sk_buff)
    cpdef int ioctl(self, sock sk, int cmd, unsigned long long arg) except? -9999


@cython.locals(name=bytes, family=cython.uint)
cpdef int parse_destination(msghdr msg) except? -9999
@cython.locals(net=Net, oif=cython.int, saddr=cython.uint, rt=rtable, ip=ip_state)
cpdef int ip4_datagram_connect(sock sk, unsigned int daddr, unsigned int dport) except? -9999
cpdef int datagram_disconnect(sock sk) except? -9999
@cython.locals(err=cython.int, skb=sk_buff, result=cython.longlong, ports=cython.bint)
cpdef long long datagram_recvmsg(sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(type=cython.int, code=cython.int, err=cython.int, fatal=cython.bint)
cpdef datagram_err(sock sk, sk_buff skb, unsigned int info, unsigned int port, unsigned int header_len)
@cython.locals(limit=cython.uint, mtu=cython.uint)
cpdef int datagram_fits(sock sk, rtable rt, unsigned int length, unsigned int daddr, unsigned int dport) except? -9999
cpdef bint datagram_df(sock sk, rtable rt, unsigned int length) noexcept
@cython.locals(net=Net, err=cython.int, multicast=cython.bint)
cpdef object datagram_flow(sock sk, msghdr msg)
@cython.locals(err=cython.int, linear=cython.uint, skb=sk_buff)
cpdef object datagram_make_skb(sock sk, msghdr msg, unsigned int size, unsigned int header_len)
@cython.locals(dsk=datagram_sock, added=cython.int)
cpdef int datagram_append(sock sk, sk_buff skb, msghdr msg, unsigned int size) except? -9999
@cython.locals(rt=rtable, df=cython.bint, err=cython.int)
cpdef long long datagram_send(sock sk, sk_buff skb, object flow, int protocol, unsigned int size) except? -9999
