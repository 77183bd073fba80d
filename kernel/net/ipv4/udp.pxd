cimport cython

from kernel.lib.checksum cimport csum_add, csum_fold, csum_tcpudp_nofold
from kernel.net.core.datagram cimport datagram_poll, skb_free_datagram, skb_recv_datagram, sock_recv_timestamp
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_add_frags_iter, skb_checksum, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff cimport (
    alloc_skb,
    kfree_skb,
    page_frag,
    pskb_may_pull,
    sk_buff,
    skb_clone,
    skb_pull,
    skb_push,
    skb_reserve,
    skb_trim,
)
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
from kernel.net.ipv4.icmp cimport icmp_send
from kernel.net.ipv4.ip_output cimport ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route cimport ip_route_output_key, ip_rt_update_pmtu, ip_state
from kernel.net.ipv4.udp_table cimport udp_hash_table
from kernel.net.net cimport Net, net_protocol
from kernel.net.snmp cimport ipstats

cdef unsigned int SOCK_BROADCAST, SOCK_RCVTSTAMP, SOCK_RCVTSTAMPNS
cdef int EACCES, EAGAIN, EDESTADDRREQ, EFAULT, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOBUFS, ENOIOCTLCMD, ENOPROTOOPT
cdef int EOPNOTSUPP, EPROTO
cdef int ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_PORT_UNREACH, ICMP_SOURCE_QUENCH
cdef int IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE, IPPROTO_UDP, RTN_BROADCAST, RTN_MULTICAST
cdef int AF_INET
cdef unsigned int MSG_CONFIRM, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC
cdef int SOL_UDP, SIOCINQ, SIOCOUTQ, TCP_ESTABLISHED, UDP_CORK, UDP_ENCAP
cdef unsigned int CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL
cdef unsigned int UDP_HEADER_LEN, IP_HEADER_LEN, HEADROOM, UDP_MAX_PAYLOAD, LINEAR_MAX
cdef unsigned int MULTICAST_CLASS


cdef class udp_sock(sock):
    cdef public page_frag frag
    cdef public bint corking


cdef class udp_proto(proto):
    cdef public udp_hash_table table
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef destroy(self, sock sk)
    cpdef close(self, sock sk, long long timeout)
    cpdef int connect(self, sock sk, unsigned int daddr, unsigned int dport, int flags) except? -9999
    cpdef int disconnect(self, sock sk, int flags) except? -9999
    cpdef int get_port(self, sock sk, unsigned int port) except? -9999
    cpdef unhash(self, sock sk)
    cpdef put_port(self, sock sk)
    cpdef long long sendmsg(self, sock sk, msghdr msg, unsigned long long size) except? -9999
    cpdef long long recvmsg(self, sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
    cpdef unsigned int poll(self, sock sk, object file, object table) except? 9999
    @cython.locals(skb=sk_buff)
    cpdef int ioctl(self, sock sk, int cmd, unsigned long long arg) except? -9999
    @cython.locals(usk=udp_sock)
    cpdef int setsockopt(self, sock sk, int level, int optname, bytes optval) except? -9999
    @cython.locals(usk=udp_sock)
    cpdef object getsockopt(self, sock sk, int level, int optname, int optlen)
    cpdef int backlog_rcv(self, sock sk, sk_buff skb) except? -9999


@cython.locals(net=Net, flags=cython.uint, connected=cython.bint, err=cython.int, daddr=cython.uint, dport=cython.uint,
               saddr=cython.uint, oif=cython.int, ttl=cython.int, tos=cython.int, rt=rtable, ip=ip_state)
cpdef long long udp_sendmsg(sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(net=Net, length=cython.uint, packet=cython.uint, limit=cython.uint, err=cython.int, skb=sk_buff,
               uh=cython.uint, df=cython.bint)
cpdef long long udp_send_datagram(sock sk, msghdr msg, unsigned int size, rtable rt, unsigned int saddr,
                                  unsigned int daddr, unsigned int dport, int tos, int ttl) except? -9999
@cython.locals(skb=sk_buff)
cpdef sk_buff udp_make_skb(sock sk, msghdr msg, unsigned int size)
@cython.locals(added=cython.int, usk=udp_sock)
cpdef int udp_fill(sock sk, sk_buff skb, msghdr msg, unsigned int size) except? -9999


cdef class udp_protocol(net_protocol):
    cdef public Net net
    cpdef int handler(self, sk_buff skb) except? -9999
    cpdef int err_handler(self, sk_buff skb, unsigned int info) except? -9999


@cython.locals(mib=ipstats, uh=cython.uint, nh=cython.uint, saddr=cython.uint, daddr=cython.uint, ports=cython.uint,
               length=cython.uint, rt=rtable, table=udp_hash_table, sk=sock)
cpdef int udp_rcv(Net net, sk_buff skb) except? -9999
@cython.locals(pseudo=cython.uint)
cpdef bint udp_checksum_ok(sk_buff skb, unsigned int uh, unsigned int saddr, unsigned int daddr,
                           unsigned int length) except? -1
@cython.locals(mib=ipstats)
cpdef int udp_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
@cython.locals(table=udp_hash_table, sk=sock, following=sock, delivered=cython.bint)
cpdef int udp_mcast_deliver(Net net, sk_buff skb, unsigned int saddr, unsigned int daddr,
                            unsigned int ports) except? -9999
@cython.locals(err=cython.int, skb=sk_buff, length=cython.uint, copied=cython.uint)
cpdef long long udp_recvmsg(sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(inner=cython.uint, uh=cython.uint, type=cython.int, code=cython.int, table=udp_hash_table, sk=sock,
               err=cython.int, fatal=cython.bint)
cpdef int udp_err(Net net, sk_buff skb, unsigned int info) except? -9999
