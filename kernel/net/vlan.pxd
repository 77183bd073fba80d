from kernel.net.core.dev cimport dev_queue_xmit
from kernel.net.core.netdevice cimport net_device, net_device_ops
from kernel.net.core.skbuff cimport sk_buff

cdef int NETDEV_TX_OK
cdef unsigned int VLAN_PRIO_SHIFT, VLAN_PRIO_MASK


cdef class vlan_dev_ops(net_device_ops):
    cdef public net_device real_dev
    cdef public unsigned int vlan_id
    cdef public list groups
    cdef public bint promiscuous, all_multicast
    cpdef int ndo_open(self, net_device dev) except? -9999
    cpdef int ndo_stop(self, net_device dev) except? -9999
    cpdef int ndo_start_xmit(self, sk_buff skb, net_device dev) except? -9999
    cpdef ndo_set_rx_mode(self, net_device dev)
    cpdef int ndo_change_mtu(self, net_device dev, int mtu) except? -9999
