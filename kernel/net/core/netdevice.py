"""The network device and what hangs on it: operation tables, NAPI contexts, packet handlers, queueing discipline.

A driver subclasses `net_device_ops` and `napi_struct`; a protocol subclasses `packet_type`.  The functions that
work on these are in `dev.py` (transmit, receive, registration) and `napi.py` (polling).
"""

from kernel.net.core.netdev_flags import (
    GSO_MAX_SEGS,
    GSO_MAX_SIZE,
    LINK_STATE_NOCARRIER,
    LINK_STATE_PRESENT,
    LINK_STATE_START,
    LINK_STATE_XOFF,
    NAPI_POLL_WEIGHT,
    NETDEV_MAX_BACKLOG,
    NETDEV_TX_BUSY,
)
from kernel.uapi.errno import EOPNOTSUPP


class net_device_ops:
    """What the stack asks of a driver; a method that a driver lacks says EOPNOTSUPP or does nothing."""

    def ndo_open(self, dev):
        """Bring the device up; 0 or a negative errno."""
        return 0

    def ndo_stop(self, dev):
        """Take the device down; 0."""
        return 0

    def ndo_start_xmit(self, skb, dev):
        """Send `skb`; NETDEV_TX_OK consumes it, NETDEV_TX_BUSY leaves it with the caller."""
        return NETDEV_TX_BUSY

    def ndo_set_rx_mode(self, dev):
        """Load flags (promiscuous, all multicast) and address lists into the device's filters."""

    def ndo_set_mac_address(self, dev, address):
        """Take the station address `address` (6 bytes); 0 or a negative errno."""
        return -EOPNOTSUPP

    def ndo_change_mtu(self, dev, mtu):
        """Change the MTU; 0 or a negative errno."""
        dev.mtu = mtu
        return 0

    def ndo_tx_timeout(self, dev):
        """The transmit queue stood still for `watchdog_timeo`."""

    def ndo_vlan_rx_add_vid(self, dev, vid):
        """Let frames of VLAN `vid` in."""
        return -EOPNOTSUPP

    def ndo_vlan_rx_kill_vid(self, dev, vid):
        """Keep frames of VLAN `vid` out."""
        return -EOPNOTSUPP

    def ndo_get_stats(self, dev):
        """Bring the device's counters up to date from its hardware."""

    def ndo_set_features(self, dev, features):
        """Switch offloads to `features`; 0 or a negative errno."""
        return 0


class header_ops:
    """How a link layer writes and reads its header."""

    def create(self, skb, dev, proto, daddr, saddr, length):
        """Push a header for ethertype `proto`; `daddr` None: unknown, `saddr` None: the device's own.

        Returns the header's length, negative when the destination is still missing.
        """
        return 0

    def parse(self, skb):
        """The sender's link address as bytes."""
        return b""


class packet_type:
    """A protocol handler: gets every received frame of its ethertype (ETH_P_ALL: of all, in both directions).

    `type` is in host order; `dev` limits it to one device; a tap does not see what its own `sk` sends.
    `func` consumes the sk_buff.
    """

    def __init__(self, type=0, dev=None):
        self.type = type
        self.dev = dev
        self.next = None
        self.ignore_outgoing = False
        self.sk = None

    def has_sent(self, sk):
        """True when a tap has sent what comes from the sock `sk` itself, and so does not see it."""
        return sk is not None and self.sk is sk

    def func(self, skb, dev):
        return 0


class notifier_block:
    """Is told about what happens to devices: `notifier_call(event, dev)` with a NETDEV_ event."""

    def notifier_call(self, event, dev):
        """React to `event`; the result is ignored."""


class Qdisc:
    """A queueing discipline: sits between dev_queue_xmit and the driver."""

    def __init__(self, dev):
        self.dev = dev
        self.qlen = 0
        self.limit = dev.tx_queue_len
        self.drops = 0
        self.requeues = 0
        self.next_sched = None
        self.can_bypass = True
        self.kind = "pfifo"
        self.handle = 0
        # The timer that runs it again (dev: qdisc_watchdog).
        self.watchdog = None

    def enqueue(self, skb):
        """Take `skb`; NET_XMIT_DROP when it was dropped instead."""
        return 0

    def dequeue(self):
        """The next sk_buff to send, or None."""

    def requeue(self, skb):
        """Put back, in front, what the driver could not take."""

    def reset(self):
        """Drop everything."""


class napi_struct:
    """A driver's receive context: `poll(budget)` handles up to `budget` packets outside the hard interrupt.

    It calls `napi_complete_done` when it is finished early and then unmasks the device's interrupt.
    """

    def __init__(self, dev, weight=NAPI_POLL_WEIGHT):
        self.dev = dev
        self.softnet = dev.softnet if dev is not None else None
        self.weight = weight
        self.state = 0
        self.poll_next = None
        self.gro_list = None
        self.gro_count = 0

    def poll(self, budget):
        return 0


class softnet_data:
    """The network device state of one kernel: registered devices, packet handlers, poll list, backlog."""

    def __init__(self, net):
        kernel = net.kernel
        self.net = net
        self.kernel = kernel
        self.trace = kernel.trace
        self.softirq = kernel.softirq
        self.timers = kernel.timers
        self.skb_cache = kernel.skb_cache
        self.poll_head = None
        self.poll_tail = None
        self.output_head = None
        self.output_tail = None
        self.ptype_base = [None] * 16
        self.ptype_all = None
        self.dev_by_name = {}
        self.dev_by_index = {}
        self.last_ifindex = 0
        self.notifiers = []
        self.backlog = None
        self.max_backlog = NETDEV_MAX_BACKLOG
        self.xmit_recursion = 0
        self.processed = 0
        self.dropped = 0
        self.time_squeeze = 0
        # How many sockets want to know when their packets came.
        self.netstamp_needed = 0
        self.loopback_dev = None


class net_device:
    """A network interface.  Counters are the rtnl_link_stats64 of the same names."""

    def __init__(self, net, name):
        self.net = net
        self.softnet = net.softnet
        self.name = name
        self.ifindex = 0
        self.state = LINK_STATE_PRESENT
        self.flags = 0
        self.gflags = 0
        self.type = 0
        self.mtu = 1500
        self.min_mtu = 68
        self.max_mtu = 65535
        self.hard_header_len = 0
        self.needed_headroom = 0
        self.addr_len = 0
        self.dev_addr = b""
        self.addr_high = 0
        self.addr_low = 0
        self.perm_addr = b""
        self.broadcast = b""
        self.features = 0
        self.hw_features = 0
        self.gso_max_size = GSO_MAX_SIZE
        self.gso_max_segs = GSO_MAX_SEGS
        self.tx_queue_len = 1000
        self.netdev_ops = None
        self.ethtool_ops = None
        self.header_ops = None
        self.qdisc = None
        self.ip_ptr = None
        self.priv = None
        self.parent = None
        self.promiscuity = 0
        self.allmulti = 0
        self.mc_list = {}
        # By VLAN: its interface on this device, None where only the filter has been told.
        self.vlan_ids = {}
        self.watchdog_timeo = 0
        self.watchdog_timer = None
        self.trans_start = 0
        self.carrier_changes = 0
        self.xmit_more = False
        self.rx_packets = 0
        self.tx_packets = 0
        self.rx_bytes = 0
        self.tx_bytes = 0
        self.rx_errors = 0
        self.tx_errors = 0
        self.rx_dropped = 0
        self.tx_dropped = 0
        self.multicast = 0
        self.collisions = 0
        self.rx_length_errors = 0
        self.rx_over_errors = 0
        self.rx_crc_errors = 0
        self.rx_frame_errors = 0
        self.rx_fifo_errors = 0
        self.rx_missed_errors = 0
        self.tx_aborted_errors = 0
        self.tx_carrier_errors = 0
        self.tx_fifo_errors = 0
        self.tx_heartbeat_errors = 0
        self.tx_window_errors = 0

    def __repr__(self):
        return f"<net_device {self.name}>"


def dev_addr_set(dev, address):
    """Make `address` the device's link address; it is kept as two integers, too, for eth_type_trans."""
    dev.dev_addr = address
    dev.addr_high = int.from_bytes(address[:2], "big")
    dev.addr_low = int.from_bytes(address[2:6], "big")


def netif_running(dev):
    """True between a successful dev_open and dev_close."""
    return (dev.state & LINK_STATE_START) != 0


def netif_carrier_ok(dev):
    """True while the link is up."""
    return (dev.state & LINK_STATE_NOCARRIER) == 0


def netif_queue_stopped(dev):
    """True while the driver has no room for another sk_buff."""
    return (dev.state & LINK_STATE_XOFF) != 0


def netif_device_present(dev):
    """True unless the hardware is gone."""
    return (dev.state & LINK_STATE_PRESENT) != 0
