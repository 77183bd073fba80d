cimport cython

from kernel.lib.checksum cimport csum_fold
from kernel.net.core.dst cimport dst_output, rtable
from kernel.net.core.napi cimport netif_rx
from kernel.net.core.neighbour cimport neigh_table, neighbour
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skb_data cimport skb_append_range, skb_checksum, skb_checksum_help
from kernel.net.core.skbuff cimport (
    alloc_skb,
    consume_skb,
    kfree_skb,
    sk_buff,
    skb_clone,
    skb_push,
    skb_put_data,
    skb_reserve,
)
from kernel.net.core.sock cimport sk_dst_check, sock
from kernel.net.ipv4.route cimport ip_route_output_key, ip_state
from kernel.net.net cimport Net
from kernel.softirq cimport SoftIRQ

cdef int EHOSTUNREACH, EMSGSIZE, ENOBUFS, IFF_LOOPBACK, ETH_P_IP, IP_PMTUDISC_DO, IP_PMTUDISC_PROBE, IPPROTO_TCP
cdef unsigned int IP_DF, IP_MF, IP_OFFSET, CHECKSUM_NONE, CHECKSUM_PARTIAL, PACKET_LOOPBACK
cdef int RTN_BROADCAST, RTN_MULTICAST
cdef unsigned int MAX_IP_HEADROOM, FRAGMENT_MIN_MTU, IP_MAX_LEN


@cython.locals(ident=cython.uint)
cpdef unsigned int ip_select_ident(Net net, unsigned int segs) noexcept
@cython.locals(ident=cython.uint, segs=cython.uint)
cpdef unsigned int sk_select_ident(sock sk, sk_buff skb, bint df) noexcept
cpdef bint ip_dont_fragment(sock sk, rtable rt) noexcept
@cython.locals(length=cython.uint, nh=cython.uint, i=cython.uint, raw=bytes)
cpdef ip_push_header(Net net, sk_buff skb, unsigned int saddr, unsigned int daddr, int protocol, int tos, int ttl,
                     unsigned int ident, bint df, object options)
cpdef unsigned int ip_first_hop(object options, unsigned int daddr) except? 0xEEEEEEEE
@cython.locals(nh=cython.uint, length=cython.uint)
cpdef ip_send_check(sk_buff skb)
@cython.locals(rt=rtable, df=cython.bint, ttl=cython.int)
cpdef int ip_queue_xmit(sock sk, sk_buff skb) except? -9999
@cython.locals(df=cython.bint, ttl=cython.int, ident=cython.uint)
cpdef int ip_build_and_send_pkt(sk_buff skb, sock sk, unsigned int saddr, unsigned int daddr, rtable rt, int tos,
                                object options) except? -9999
@cython.locals(rt=rtable, df=cython.bint, ident=cython.uint)
cpdef int ip_send_unicast_reply(Net net, sk_buff skb, unsigned int daddr, unsigned int saddr, int protocol, int tos,
                                int oif, object options) except? -9999
@cython.locals(rt=rtable, nh=cython.uint)
cpdef int ip_local_out(Net net, sk_buff skb) except? -9999


cdef class ip_output_ops(dst_output):
    @cython.locals(rt=rtable, net=Net)
    cpdef int output(self, sk_buff skb) except? -9999


cdef class ip_mc_output_ops(dst_output):
    @cython.locals(rt=rtable, net=Net, dev=net_device, daddr=cython.uint, sk=sock)
    cpdef int output(self, sk_buff skb) except? -9999


@cython.locals(clone=sk_buff)
cpdef ip_mc_loopback(sk_buff skb, net_device dev)
cpdef int ip_finish_output(Net net, sk_buff skb, rtable rt) except? -9999
@cython.locals(neigh=neighbour, tbl=neigh_table, key=cython.uint, sk=sock, softirq=SoftIRQ, err=cython.int)
cpdef int ip_finish_output2(Net net, sk_buff skb, rtable rt) except? -9999
@cython.locals(nh=cython.uint, frag_word=cython.uint, mtu=cython.uint, sk=sock, df=cython.bint, may=cython.bint,
               header_len=cython.uint, room=cython.uint, offset=cython.uint, payload=cython.uint, err=cython.int,
               size=cython.uint, last=cython.bint, frag=sk_buff, word=cython.uint, fh=cython.uint, result=cython.int)
cpdef int ip_fragment(Net net, sk_buff skb, rtable rt) except? -9999
@cython.locals(frag=sk_buff)
cpdef sk_buff ip_make_fragment(sk_buff skb, unsigned int header_len, unsigned int offset, unsigned int size)
@cython.locals(position=cython.uint, kind=cython.uint, length=cython.uint, i=cython.uint)
cpdef ip_options_fragment(sk_buff frag, unsigned int fh, unsigned int header_len)
@cython.locals(rt=rtable, ip=ip_state, skb=sk_buff)
cpdef int ip_send_datagram(Net net, bytes payload, unsigned int saddr, unsigned int daddr, int protocol, int tos,
                           int ttl, int oif, int csum_at) except? -9999
