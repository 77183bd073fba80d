cimport cython

from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skbuff cimport pskb_may_pull, sk_buff, skb_cow, skb_pull

cdef unsigned int ETH_P_802_2, ETH_P_802_3_MIN, VLAN_HLEN
cdef unsigned int CHECKSUM_NONE, CHECKSUM_COMPLETE, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST
cdef unsigned int VLAN_VID_MASK, VLAN_PRIO_SHIFT, ADDRESSES


@cython.locals(at=cython.uint, protocol=cython.uint, mac=cython.uint, i=cython.uint)
cpdef bint skb_vlan_untag(sk_buff skb) except? -1
@cython.locals(dev=net_device, vlan_dev=net_device, mac=cython.uint)
cpdef bint vlan_do_receive(sk_buff skb) except? -1
