cimport cython

from kernel.net.core.dst cimport dst_input, rtable
from kernel.net.core.skbuff cimport kfree_skb, sk_buff, skb_cow
from kernel.net.ipv4.icmp cimport icmp_send
from kernel.net.ipv4.ip_output cimport ip_send_check
from kernel.net.net cimport Net

cdef int ICMP_DEST_UNREACH, ICMP_EXC_TTL, ICMP_FRAG_NEEDED, ICMP_REDIR_HOST, ICMP_REDIRECT, ICMP_SR_FAILED, ICMP_TIME_EXCEEDED
cdef unsigned int IP_DF, PACKET_HOST, IPSKB_FORWARDED
cdef int NET_RX_DROP, REDIRECT_NUMBER, MAX_REDIRECT_PEERS
cdef long long REDIRECT_LOAD, REDIRECT_SILENCE


cdef class redirect_peer:
    cdef public int count
    cdef public long long last


cdef class ip_forward(dst_input):
    cdef public Net net
    cdef public dict redirected
    @cython.locals(net=Net, rt=rtable, nh=cython.uint, ttl=cython.uint)
    cpdef int input(self, sk_buff skb) except? -9999
    @cython.locals(net=Net, now=cython.longlong, saddr=cython.uint, peer=redirect_peer, gateway=cython.uint)
    cpdef send_redirect(self, sk_buff skb, rtable rt)


@cython.locals(headers=cython.uint)
cpdef bint exceeds_mtu(sk_buff skb, unsigned int mtu) except? -1
