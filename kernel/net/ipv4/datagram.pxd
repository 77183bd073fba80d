cimport cython

from kernel.net.core.datagram cimport (
    datagram_poll,
    skb_copy_datagram,
    skb_free_datagram,
    skb_recv_datagram,
    sock_recv_cmsgs,
)
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_add_frags_iter, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff cimport alloc_skb, kfree_skb, page_frag, sk_buff, skb_reserve
from kernel.net.core.sock cimport (
    msghdr,
    proto,
    sk_common_release,
    sk_dst_check,
    sk_sleep,
    skb_set_owner_w,
    sock,
    sock_error,
    sock_intr_errno,
    sock_may_send,
)
from kernel.net.ipv4.ip_output cimport ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route cimport ip_route_output_key, ip_rt_update_pmtu, ip_state
from kernel.net.net cimport Net

cdef unsigned int SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_BROADCAST, SOCK_LOCALROUTE, SOCK_ZEROCOPY
cdef int EACCES, EAFNOSUPPORT, EAGAIN, EDESTADDRREQ, EFAULT, EHOSTUNREACH, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS
cdef int ENOIOCTLCMD
cdef int EOPNOTSUPP, EPROTO, RTN_BROADCAST, RTN_LOCAL, AF_INET, AF_UNSPEC, TCP_CLOSE, TCP_ESTABLISHED
cdef int ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH
cdef int IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_PROBE, IPPROTO_UDP
cdef int RCV_SHUTDOWN, SOCK_RAW, SIOCINQ, SIOCOUTQ
cdef unsigned int MSG_DONTROUTE, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_ZEROCOPY
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
@cython.locals(net=Net, ip=ip_state, rt=rtable)
cpdef rtable datagram_route(sock sk, unsigned int flags, unsigned int daddr, unsigned int saddr, int oif)
@cython.locals(net=Net, oif=cython.int, saddr=cython.uint, rt=rtable, ip=ip_state)
cpdef int ip4_datagram_connect(sock sk, unsigned int daddr, unsigned int dport) except? -9999
cpdef int datagram_disconnect(sock sk) except? -9999
@cython.locals(err=cython.int, skb=sk_buff, result=cython.longlong)
cpdef long long datagram_recvmsg(sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(timeo=cython.longlong, offset=cython.uint, skb=sk_buff, copied=cython.uint)
cpdef long long datagram_peek(sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(ports=cython.bint)
cpdef datagram_describe(sock sk, msghdr msg, sk_buff skb, long long result)
@cython.locals(type=cython.int, code=cython.int, err=cython.int, fatal=cython.bint, skip=cython.uint)
cpdef datagram_err(sock sk, sk_buff skb, unsigned int info, unsigned int port, unsigned int header_len)
@cython.locals(limit=cython.uint, mtu=cython.uint)
cpdef int datagram_fits(sock sk, rtable rt, unsigned int length, unsigned int daddr, unsigned int dport) except? -9999
cpdef bint datagram_df(sock sk, rtable rt, unsigned int length) noexcept
@cython.locals(err=cython.int)
cpdef object datagram_flow(sock sk, msghdr msg)
@cython.locals(net=Net, multicast=cython.bint)
cpdef int datagram_flow_route(sock sk, msghdr msg, object flow) except? -9999
@cython.locals(err=cython.int, linear=cython.uint, skb=sk_buff)
cpdef object datagram_make_skb(sock sk, msghdr msg, unsigned int size, unsigned int header_len)
@cython.locals(charged=cython.uint, err=cython.int)
cpdef int datagram_extend(sock sk, sk_buff skb, msghdr msg, unsigned int size) except? -9999
@cython.locals(dsk=datagram_sock, added=cython.int)
cpdef int datagram_append(sock sk, sk_buff skb, msghdr msg, unsigned int size) except? -9999
@cython.locals(rt=rtable, df=cython.bint)
cpdef long long datagram_send(sock sk, sk_buff skb, object flow, int protocol, unsigned int size) except? -9999
cpdef datagram_mark(sock sk, sk_buff skb, object flow)
cpdef long long datagram_sent(sock sk, int err, unsigned int size) except? -9999
cpdef long long datagram_zerocopy(sock sk, msghdr msg, unsigned long long size) except? -9999
