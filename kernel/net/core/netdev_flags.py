"""Constants of the network device layer that never cross to user space (Linux: netdevice.h, netdev_features.h).

They live apart from `netdevice.py`, because a constant of a compiled room is a C name that nobody can import.
"""

# Offloads a device can do (net_device.features, hw_features).
NETIF_F_SG = 1 << 0  # scatter-gather: takes an sk_buff with fragments
NETIF_F_IP_CSUM = 1 << 1  # TCP and UDP checksums over IPv4
NETIF_F_HW_CSUM = 1 << 3  # any ones-complement checksum at csum_start/csum_offset
NETIF_F_HIGHDMA = 1 << 5
NETIF_F_HW_VLAN_CTAG_TX = 1 << 7  # inserts the 802.1Q tag that the sk_buff carries beside its data
NETIF_F_HW_VLAN_CTAG_RX = 1 << 8  # strips the tag
NETIF_F_HW_VLAN_CTAG_FILTER = 1 << 9  # drops frames of other VLANs
NETIF_F_GSO = 1 << 11  # the stack segments right before the driver
NETIF_F_GRO = 1 << 14  # the stack merges segments right behind the driver
NETIF_F_TSO = 1 << 16  # cuts a large TCPv4 sk_buff into segments
NETIF_F_RXCSUM = 1 << 40  # verifies received checksums
NETIF_F_LOOPBACK = 1 << 43  # frames never leave the machine
NETIF_F_RXFCS = 1 << 44  # the four FCS bytes stay on received frames
NETIF_F_RXALL = 1 << 45  # bad frames are received too

# net_device.state, one bit each
LINK_STATE_START = 1 << 0  # dev_open has succeeded
LINK_STATE_PRESENT = 1 << 1
LINK_STATE_NOCARRIER = 1 << 2
LINK_STATE_XOFF = 1 << 3  # the driver stopped its transmit queue
LINK_STATE_QDISC_SCHED = 1 << 4  # waiting for NET_TX_SOFTIRQ
LINK_STATE_QDISC_RUNNING = 1 << 5
LINK_STATE_REGISTERED = 1 << 6

# ndo_start_xmit results
NETDEV_TX_OK = 0
NETDEV_TX_BUSY = 0x10

# dev_queue_xmit results besides negative errno
NET_XMIT_SUCCESS = 0
NET_XMIT_DROP = 1
NET_XMIT_CN = 2

NET_RX_SUCCESS = 0
NET_RX_DROP = 1

# napi_struct.state
NAPI_STATE_SCHED = 1
NAPI_STATE_DISABLE = 2

# What napi_gro_receive did with an sk_buff
GRO_MERGED = 0  # its bytes are in another sk_buff now
GRO_HELD = 1
GRO_NORMAL = 2

# Notifier events (register_netdevice_notifier)
NETDEV_UP = 1
NETDEV_DOWN = 2
NETDEV_CHANGE = 4  # carrier
NETDEV_REGISTER = 5
NETDEV_UNREGISTER = 6
NETDEV_CHANGEMTU = 7
NETDEV_CHANGEADDR = 8
NETDEV_GOING_DOWN = 9
NETDEV_CHANGENAME = 10

NAPI_POLL_WEIGHT = 64
NETDEV_BUDGET = 300
NETDEV_MAX_BACKLOG = 1000
DEV_TX_WEIGHT = 64

MAX_HEADER = 128  # room that a sender leaves for link headers
GSO_MAX_SIZE = 65536
GSO_MAX_SEGS = 65535
