cimport cython

from kernel.net.core.napi cimport netif_rx
from kernel.net.core.netdevice cimport net_device, net_device_ops
from kernel.net.core.skbuff cimport sk_buff, skb_orphan, skb_tx_timestamp
from kernel.net.ethernet.eth cimport eth_type_trans

cdef int NETDEV_TX_OK


cdef class loopback_ops(net_device_ops):
    @cython.locals(length=cython.uint)
    cpdef int ndo_start_xmit(self, sk_buff skb, net_device dev) except? -9999
    cpdef ndo_set_rx_mode(self, net_device dev)
