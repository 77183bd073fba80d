cimport cython

from kernel.net.core.skb_data cimport skb_copy_bits
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, pskb_may_pull, sk_buff
from kernel.net.net cimport netfilter_hook


cdef unsigned int NF_ACCEPT, NF_STOLEN
cdef unsigned int IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
cdef unsigned int TCP_SYN, TCP_ACK, TCP_RST, TCP_FIN, ECHO_REQUEST
cdef unsigned int SADDR, DADDR, PROTOCOL, FLAGS
cdef unsigned int TCP_HEADER, UDP_HEADER, ICMP_HEADER
cdef unsigned int BROADCAST, BROADCAST_OF_NETWORK, GATEWAY_NUMBER, NAME_SERVER_NUMBER
cdef int MOST_WAITING


cdef class UserNetHook(netfilter_hook):
    cdef public object engine, tcp, udp, icmp
    @cython.locals(ip=cython.uint, protocol=cython.uint)
    cpdef int hook(self, sk_buff skb) except? -9999
    @cython.locals(at=cython.uint)
    cpdef int tcp_packet(self, sk_buff skb, unsigned int ip) except? -9999
    @cython.locals(target=cython.uint)
    cpdef int udp_packet(self, sk_buff skb, unsigned int ip) except? -9999
    @cython.locals(target=cython.uint, offset=cython.uint)
    cpdef int icmp_packet(self, sk_buff skb, unsigned int ip) except? -9999
    cpdef bint has(self, sk_buff skb, unsigned int length) except? -1
    cpdef int hand_over(self, object function, tuple key, sk_buff skb) except? -9999
