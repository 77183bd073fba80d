cimport cython

from kernel.net.core.gso cimport skb_gso_segment
from kernel.net.core.netdevice cimport Qdisc, net_device, notifier_block, packet_type, softnet_data
from kernel.net.core.skb_data cimport skb_checksum_help, skb_linearize
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, sk_buff, skb_clone, skb_cow, skb_push
from kernel.net.core.vlan_core cimport skb_vlan_untag, vlan_do_receive
from kernel.softirq cimport softirq_action
from kernel.time.timer cimport timer_list

cdef unsigned int LINK_STATE_NOCARRIER, LINK_STATE_QDISC_RUNNING, LINK_STATE_QDISC_SCHED, LINK_STATE_REGISTERED
cdef unsigned int LINK_STATE_START, LINK_STATE_XOFF
cdef unsigned int LINK_STATE_PRESENT
cdef int NET_RX_DROP, NET_XMIT_CN, NET_XMIT_SUCCESS, NETDEV_CHANGE, NETDEV_TX_OK
cdef int IFF_ALLMULTI, IFF_LOOPBACK, IFF_LOWER_UP, IFF_PROMISC, IFF_RUNNING, IFF_SETTABLE, IFF_UP
cdef unsigned long long NETIF_F_HW_CSUM, NETIF_F_HW_VLAN_CTAG_TX, NETIF_F_IP_CSUM, NETIF_F_SG, NETIF_F_TSO
cdef int ENETDOWN, ETH_HLEN, ETH_P_8021Q, VLAN_HLEN, NET_TX_SOFTIRQ
cdef unsigned int ETH_P_ALL
cdef unsigned int CHECKSUM_PARTIAL, PACKET_OTHERHOST, PACKET_OUTGOING, PTYPE_HASH_MASK
cdef int QDISC_QUOTA, XMIT_RECURSION_LIMIT
cdef unsigned int SKBTX_SCHED_TSTAMP
cdef int SCM_TSTAMP_SCHED


@cython.locals(dev=net_device, softnet=softnet_data, qdisc=Qdisc, state=cython.uint, result=cython.int, sent=cython.bint)
cpdef int dev_queue_xmit(sk_buff skb) except? -9999
@cython.locals(dev=net_device, skb=sk_buff, quota=cython.int)
cpdef qdisc_run(Qdisc qdisc)
@cython.locals(features=cython.ulonglong)
cpdef bint xmit_validated(sk_buff skb, net_device dev, bint more) except? -1
@cython.locals(segment=sk_buff, following=sk_buff)
cpdef bint xmit_segments(sk_buff skb, net_device dev, bint more) except? -1
@cython.locals(following=sk_buff, turned=sk_buff)
cpdef requeue_list(sk_buff skb, net_device dev)
@cython.locals(
    softnet=softnet_data, following=sk_buff, length=cython.uint, skb_id=cython.ulonglong, status=cython.int,
)
cpdef bint dev_hard_start_xmit(sk_buff skb, net_device dev, bint more) except? -1
@cython.locals(softnet=softnet_data, tap=packet_type, following=packet_type, clone=sk_buff)
cpdef dev_queue_xmit_nit(sk_buff skb, net_device dev)
@cython.locals(start=cython.uint, i=cython.int)
cpdef bint vlan_insert_tag(sk_buff skb) except? -1
@cython.locals(dev=net_device, softnet=softnet_data)
cpdef netif_schedule(Qdisc qdisc)


cdef class net_tx_action(softirq_action):
    cdef public softnet_data softnet
    @cython.locals(softnet=softnet_data, qdisc=Qdisc, following=Qdisc)
    cpdef run(self)


cpdef netif_start_queue(net_device dev)
@cython.locals(timer=timer_list)
cpdef netif_stop_queue(net_device dev)
cpdef netif_wake_queue(net_device dev)
cpdef netif_carrier_on(net_device dev)
cpdef netif_carrier_off(net_device dev)
@cython.locals(
    dev=net_device, softnet=softnet_data, tap=packet_type, following=packet_type, clone=sk_buff, protocol=cython.uint,
    chosen=packet_type, ptype=packet_type,
)
cpdef int netif_receive_skb(sk_buff skb) except? -9999
@cython.locals(softnet=softnet_data, bucket=cython.int)
cpdef dev_add_pack(net, packet_type ptype)
@cython.locals(softnet=softnet_data, bucket=cython.int, current=packet_type, before=packet_type)
cpdef dev_remove_pack(net, packet_type ptype)
cpdef register_netdevice_notifier(net, notifier_block block)
cpdef unregister_netdevice_notifier(net, notifier_block block)
@cython.locals(block=notifier_block)
cpdef call_netdevice_notifiers(int event, net_device dev)


cdef class dev_watchdog(timer_list):
    cdef public net_device dev
    @cython.locals(dev=net_device, now=cython.longlong, due=cython.longlong)
    cpdef fire(self)


cpdef int register_netdev(net_device dev) except? -9999
cpdef unregister_netdev(net_device dev)
cpdef net_device dev_get_by_name(net, str name)
cpdef net_device dev_get_by_index(net, int ifindex)
cpdef int dev_open(net_device dev) except? -9999
cpdef dev_close(net_device dev)
cpdef int dev_get_flags(net_device dev) except? -9999
cpdef int dev_change_flags(net_device dev, int flags) except? -9999
cpdef dev_set_rx_mode(net_device dev)
cpdef dev_set_promiscuity(net_device dev, int increment)
cpdef dev_set_allmulti(net_device dev, int increment)
cpdef dev_mc_add(net_device dev, bytes address)
cpdef dev_mc_del(net_device dev, bytes address)
cpdef int dev_set_mtu(net_device dev, int mtu) except? -9999
cpdef int dev_set_mac_address(net_device dev, bytes address) except? -9999
cpdef int dev_change_name(net_device dev, str name) except? -9999
