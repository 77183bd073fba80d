cimport cython

from kernel.lib.checksum cimport csum_fold, csum_tcpudp_nofold
from kernel.net.core.dst cimport rtable
from kernel.net.core.skbuff cimport alloc_skb, sk_buff, skb_put, skb_reserve
from kernel.net.ipv4.inet_hashtables cimport request_sock
from kernel.net.ipv4.inet_timewait_sock cimport inet_timewait_sock
from kernel.net.ipv4.ip_output cimport ip_send_unicast_reply
from kernel.net.ipv4.tcp_sock cimport tcp_net, tcp_now
from kernel.net.net cimport Net

cdef unsigned int U32_MASK
cdef int MAX_TCP_HEADER, RTN_LOCAL, IPPROTO_TCP, ISN_SHIFT
cdef long long NSEC_PER_USEC
cdef unsigned int TS_WORD, TCPHDR_ACK, TCPHDR_RST, TCPOLEN_TSTAMP_ALIGNED, CHECKSUM_PARTIAL


@cython.locals(tn=tcp_net, keyed=cython.uint)
cpdef unsigned int secure_tcp_seq(Net net, unsigned int saddr, unsigned int daddr, unsigned int sport,
                                  unsigned int dport) except? 0xEEEEEEEE
@cython.locals(tn=tcp_net)
cpdef unsigned int secure_tcp_ts_off(Net net, unsigned int saddr, unsigned int daddr) except? 0xEEEEEEEE
@cython.locals(reply=sk_buff, size=cython.uint, pos=cython.uint, nh=cython.uint, saddr=cython.uint, daddr=cython.uint,
               ports=cython.uint)
cpdef tcp_v4_reply(Net net, sk_buff skb, unsigned int seq, unsigned int ack, unsigned int flags, unsigned int window,
                   bint tstamp, unsigned int tsval, unsigned int tsecr, int tos, int oif)
@cython.locals(rt=rtable)
cpdef tcp_v4_send_reset(Net net, sk_buff skb, int oif)
@cython.locals(net=Net, tsval=cython.uint)
cpdef tcp_v4_timewait_ack(inet_timewait_sock tw, sk_buff skb)
@cython.locals(tsval=cython.uint)
cpdef tcp_v4_reqsk_send_ack(Net net, request_sock req, sk_buff skb)
