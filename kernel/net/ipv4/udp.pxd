cimport cython

from kernel.lib.checksum cimport csum_add, csum_fold, csum_tcpudp_nofold
from kernel.net.core.dst cimport rtable
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skb_data cimport skb_append_range, skb_checksum, skb_put_iter
from kernel.net.core.skbuff cimport (
    alloc_skb,
    consume_skb,
    kfree_skb,
    pskb_may_pull,
    sk_buff,
    skb_clone,
    skb_pull,
    skb_push,
    skb_reserve,
    skb_trim,
)
from kernel.net.core.sk_mem cimport sk_mem_refused, sk_mem_set_limits
from kernel.net.core.sock cimport (
    msghdr,
    sk_dst_check,
    skb_set_owner_w,
    sock,
    sock_may_send,
    sock_queue_rcv_skb,
)
from kernel.net.ipv4.datagram cimport (
    datagram_append,
    datagram_df,
    datagram_err,
    datagram_extend,
    datagram_fits,
    datagram_mark,
    datagram_proto,
    datagram_route,
    datagram_sock,
    datagram_zerocopy,
    ip4_datagram_connect,
    parse_destination,
)
from kernel.net.ipv4.icmp cimport icmp_send
from kernel.net.ipv4.ip_output cimport ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route cimport ip_state
from kernel.net.ipv4.udp_table cimport udp_hash_table
from kernel.net.net cimport Net, net_protocol
from kernel.net.snmp cimport ipstats

cdef int EAGAIN, EDESTADDRREQ, EINVAL, EMSGSIZE, ENOBUFS, ENOPROTOOPT, EOPNOTSUPP
cdef int ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, IPPROTO_UDP, RTN_BROADCAST, RTN_MULTICAST
cdef unsigned int MSG_CONFIRM, MSG_DONTROUTE, MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_PROBE, MSG_ZEROCOPY
cdef int SOL_UDP, TCP_ESTABLISHED, UDP_CORK, UDP_ENCAP, UDP_GRO, UDP_SEGMENT
cdef unsigned int IFF_LOOPBACK, INADDR_LOOPBACK, IP_MAX_LEN, SKB_GSO_UDP_L4, UDP_MAX_SEGMENTS
cdef unsigned int CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL
cdef unsigned int UDP_HEADER_LEN, IP_HEADER_LEN, HEADROOM, LINEAR_MAX
cdef unsigned int MULTICAST_CLASS


cdef class udp_cork:
    cdef public sk_buff skb
    cdef public rtable rt
    cdef public int tos, ttl
    cdef public bytes options
    cdef public unsigned int gso_size


cdef class udp_sock(datagram_sock):
    cdef public bint corking, gro_enabled
    cdef public unsigned int gso_size, flow_saddr, flow_daddr, flow_dport
    cdef public udp_cork cork


cdef class udp_proto(datagram_proto):
    cdef public udp_hash_table table
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef destroy(self, sock sk)
    cpdef int get_port(self, sock sk, unsigned int port) except? -9999
    cpdef unhash(self, sock sk)
    cpdef put_port(self, sock sk)
    cpdef long long sendmsg(self, sock sk, msghdr msg, unsigned long long size) except? -9999
    @cython.locals(usk=udp_sock)
    cpdef int setsockopt(self, sock sk, int level, int optname, object optval) except? -9999
    @cython.locals(usk=udp_sock)
    cpdef object getsockopt(self, sock sk, int level, int optname, int optlen)
    cpdef int backlog_rcv(self, sock sk, sk_buff skb) except? -9999


@cython.locals(net=Net, usk=udp_sock, flags=cython.uint, connected=cython.bint, err=cython.int, daddr=cython.uint,
               dport=cython.uint, saddr=cython.uint, oif=cython.int, ttl=cython.int, tos=cython.int, options=bytes,
               gso_size=cython.uint, rt=rtable, ip=ip_state, length=cython.uint, skb=sk_buff)
cpdef long long udp_sendmsg(sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(skb=sk_buff)
cpdef sk_buff udp_make_skb(sock sk, unsigned int size)
cpdef int udp_fill(sock sk, sk_buff skb, msghdr msg, unsigned int size) except? -9999
@cython.locals(net=Net, length=cython.uint, uh=cython.uint, df=cython.bint, err=cython.int)
cpdef int udp_send_skb(sock sk, sk_buff skb, rtable rt, unsigned int saddr, unsigned int daddr, unsigned int dport,
                       int tos, int ttl, bytes options) except? -9999
@cython.locals(usk=udp_sock)
cpdef udp_set_flow(sock sk, unsigned int saddr, unsigned int daddr, unsigned int dport)
cpdef int udp_cmsg_send(sock sk, msghdr msg, object ipc) except? -9999
@cython.locals(size=cython.uint, err=cython.int, dev=net_device, offset=cython.uint, piece=sk_buff)
cpdef int udp_send_segments(sock sk, sk_buff skb, rtable rt, unsigned int saddr, unsigned int daddr, unsigned int dport,
                            int tos, int ttl, bytes options, unsigned int gso_size) except? -9999
@cython.locals(piece=sk_buff)
cpdef sk_buff udp_segment(sk_buff skb, unsigned int offset, unsigned int length)
@cython.locals(usk=udp_sock, cork=udp_cork, skb=sk_buff, length=cython.uint, err=cython.int)
cpdef long long udp_append_data(sock sk, msghdr msg, unsigned int size) except? -9999
@cython.locals(usk=udp_sock, cork=udp_cork)
cpdef int udp_push_pending_frames(sock sk) except? -9999
@cython.locals(usk=udp_sock, cork=udp_cork)
cpdef udp_flush_pending_frames(sock sk)


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
@cython.locals(mib=ipstats, usk=udp_sock)
cpdef int udp_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
@cython.locals(size=cython.uint, nh=cython.uint, headers=cython.uint, offset=cython.uint, piece=sk_buff, i=cython.uint)
cpdef int udp_queue_segments(sock sk, sk_buff skb) except? -9999
@cython.locals(table=udp_hash_table, sk=sock, following=sock, delivered=cython.bint)
cpdef int udp_mcast_deliver(Net net, sk_buff skb, unsigned int saddr, unsigned int daddr,
                            unsigned int ports) except? -9999
@cython.locals(inner=cython.uint, uh=cython.uint, table=udp_hash_table, sk=sock)
cpdef int udp_err(Net net, sk_buff skb, unsigned int info) except? -9999
