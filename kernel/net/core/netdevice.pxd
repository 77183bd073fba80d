cimport cython

from kernel.arch.trace cimport Trace
from kernel.net.core.skbuff cimport sk_buff, skbuff_cache
from kernel.softirq cimport SoftIRQ
from kernel.time.timer cimport TimerBase, timer_list

cdef int NETDEV_TX_BUSY
cdef int EOPNOTSUPP
cdef unsigned int LINK_STATE_START, LINK_STATE_PRESENT, LINK_STATE_NOCARRIER, LINK_STATE_XOFF

cdef class net_device
cdef class softnet_data


cdef class net_device_ops:
    cpdef int ndo_open(self, net_device dev) except? -9999
    cpdef int ndo_stop(self, net_device dev) except? -9999
    cpdef int ndo_start_xmit(self, sk_buff skb, net_device dev) except? -9999
    cpdef ndo_set_rx_mode(self, net_device dev)
    cpdef int ndo_set_mac_address(self, net_device dev, bytes address) except? -9999
    cpdef int ndo_change_mtu(self, net_device dev, int mtu) except? -9999
    cpdef ndo_tx_timeout(self, net_device dev)
    cpdef int ndo_vlan_rx_add_vid(self, net_device dev, int vid) except? -9999
    cpdef int ndo_vlan_rx_kill_vid(self, net_device dev, int vid) except? -9999
    cpdef ndo_get_stats(self, net_device dev)
    cpdef int ndo_set_features(self, net_device dev, unsigned long long features) except? -9999


cdef class header_ops:
    cpdef int create(self, sk_buff skb, net_device dev, int proto, bytes daddr, bytes saddr, int length) except? -9999
    cpdef bytes parse(self, sk_buff skb)


cdef class packet_type:
    cdef public unsigned int type
    cdef public net_device dev
    cdef public packet_type next
    cdef public bint ignore_outgoing
    cdef public object sk
    cpdef int func(self, sk_buff skb, net_device dev) except? -9999


cdef class notifier_block:
    cpdef notifier_call(self, int event, net_device dev)


cdef class Qdisc:
    cdef public net_device dev
    cdef public unsigned int qlen
    cdef public unsigned int limit
    cdef public unsigned long long drops
    cdef public unsigned long long requeues
    cdef public Qdisc next_sched
    cdef public bint can_bypass
    cdef public str kind
    cdef public unsigned int handle
    cdef public object watchdog
    cpdef int enqueue(self, sk_buff skb) except? -9999
    cpdef sk_buff dequeue(self)
    cpdef requeue(self, sk_buff skb)
    cpdef reset(self)


cdef class napi_struct:
    cdef public net_device dev
    cdef public softnet_data softnet
    cdef public int weight
    cdef public int state
    cdef public napi_struct poll_next
    cdef public sk_buff gro_list
    cdef public int gro_count
    cpdef int poll(self, int budget) except? -9999


cdef class softnet_data:
    cdef public object net
    cdef public object kernel
    cdef public Trace trace
    cdef public SoftIRQ softirq
    cdef public TimerBase timers
    cdef public skbuff_cache skb_cache
    cdef public napi_struct poll_head
    cdef public napi_struct poll_tail
    cdef public Qdisc output_head
    cdef public Qdisc output_tail
    cdef public list ptype_base
    cdef public packet_type ptype_all
    cdef public dict dev_by_name
    cdef public dict dev_by_index
    cdef public int last_ifindex
    cdef public list notifiers
    cdef public napi_struct backlog
    cdef public unsigned int max_backlog
    cdef public int xmit_recursion
    cdef public unsigned long long processed
    cdef public unsigned long long dropped
    cdef public unsigned long long time_squeeze
    cdef public int netstamp_needed
    cdef public net_device loopback_dev


cdef class net_device:
    cdef public object net
    cdef public softnet_data softnet
    cdef public str name
    cdef public int ifindex
    cdef public unsigned int state
    cdef public unsigned int flags
    cdef public unsigned int gflags
    cdef public int type
    cdef public int mtu
    cdef public int min_mtu
    cdef public int max_mtu
    cdef public int hard_header_len
    cdef public int needed_headroom
    cdef public int addr_len
    cdef public bytes dev_addr
    cdef public unsigned int addr_high
    cdef public unsigned int addr_low
    cdef public bytes perm_addr
    cdef public bytes broadcast
    cdef public unsigned long long features
    cdef public unsigned long long hw_features
    cdef public unsigned int gso_max_size
    cdef public unsigned int gso_max_segs
    cdef public unsigned int tx_queue_len
    cdef public net_device_ops netdev_ops
    cdef public object ethtool_ops
    cdef public header_ops header_ops
    cdef public Qdisc qdisc
    cdef public object ip_ptr
    cdef public object priv
    cdef public object parent
    cdef public int promiscuity
    cdef public int allmulti
    cdef public dict mc_list
    cdef public dict vlan_ids
    cdef public long long watchdog_timeo
    cdef public timer_list watchdog_timer
    cdef public long long trans_start
    cdef public unsigned int carrier_changes
    cdef public bint xmit_more
    cdef public unsigned long long rx_packets
    cdef public unsigned long long tx_packets
    cdef public unsigned long long rx_bytes
    cdef public unsigned long long tx_bytes
    cdef public unsigned long long rx_errors
    cdef public unsigned long long tx_errors
    cdef public unsigned long long rx_dropped
    cdef public unsigned long long tx_dropped
    cdef public unsigned long long multicast
    cdef public unsigned long long collisions
    cdef public unsigned long long rx_length_errors
    cdef public unsigned long long rx_over_errors
    cdef public unsigned long long rx_crc_errors
    cdef public unsigned long long rx_frame_errors
    cdef public unsigned long long rx_fifo_errors
    cdef public unsigned long long rx_missed_errors
    cdef public unsigned long long tx_aborted_errors
    cdef public unsigned long long tx_carrier_errors
    cdef public unsigned long long tx_fifo_errors
    cdef public unsigned long long tx_heartbeat_errors
    cdef public unsigned long long tx_window_errors


cpdef dev_addr_set(net_device dev, bytes address)
cpdef bint netif_running(net_device dev) noexcept
cpdef bint netif_carrier_ok(net_device dev) noexcept
cpdef bint netif_queue_stopped(net_device dev) noexcept
cpdef bint netif_device_present(net_device dev) noexcept
