cimport cython

from kernel.net.core.netdevice cimport dev_addr_set, header_ops, net_device
from kernel.net.core.skbuff cimport sk_buff, skb_pull, skb_push

cdef unsigned int PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST
cdef unsigned int BROADCAST_HIGH, BROADCAST_LOW
cdef int ETH_ALEN, ETH_HLEN
cdef unsigned int IFF_LOOPBACK
cdef int ETH_P_802_2, ETH_P_802_3_MIN


@cython.locals(mac=cython.uint, high=cython.uint, low=cython.uint, protocol=cython.int)
cpdef int eth_type_trans(sk_buff skb, net_device dev) except? -9999
@cython.locals(i=cython.int)
cpdef put_address(sk_buff skb, unsigned int position, bytes address)


cdef class eth_header_ops(header_ops):
    @cython.locals(mac=cython.uint)
    cpdef int create(self, sk_buff skb, net_device dev, int proto, bytes daddr, bytes saddr, int length) except? -9999
