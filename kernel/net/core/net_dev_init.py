"""Brings up the network device layer of a kernel (Linux: net_dev_init), with /proc/net/dev and lo."""

from kernel.net.core.dev import for_each_netdev, net_tx_action, register_netdev, unregister_netdev
from kernel.net.core.loopback import loopback_setup
from kernel.net.core.napi import backlog_napi, net_rx_action
from kernel.net.core.netdevice import softnet_data
from kernel.softirq import NET_RX_SOFTIRQ, NET_TX_SOFTIRQ
from kernel.uapi.if_ether import ETH_P_ALL

PROC_NET_DEV_HEADER = (
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier"
    " compressed\n"
)
NETDEV_EVENTS = {
    "net_dev_queue": "skb {0} {1} length {2}",
    "net_dev_xmit": "skb {0} {1} length {2} result {3}",
    "netif_rx": "skb {0} {1} length {2}",
    "netif_receive_skb": "skb {0} {1} length {2} protocol {3:#06x}",
    "napi_poll": "{0} work {1} of {2}",
}


def net_dev_init(net):
    """Make `net.softnet`, register the softirqs and `lo`."""
    softnet = softnet_data(net)
    net.softnet = softnet
    softnet.trace.declare(NETDEV_EVENTS)
    softnet.backlog = backlog_napi(softnet)
    softnet.softirq.open_softirq(NET_TX_SOFTIRQ, net_tx_action(softnet))
    softnet.softirq.open_softirq(NET_RX_SOFTIRQ, net_rx_action(softnet))
    softnet.loopback_dev = loopback_setup(net)
    net.loopback_dev = softnet.loopback_dev
    register_netdev(softnet.loopback_dev)
    if softnet.kernel.proc is not None:
        softnet.kernel.proc.create("net/dev", lambda: proc_net_dev(net))
        softnet.kernel.proc.create("net/softnet_stat", lambda: proc_softnet_stat(softnet))
        softnet.kernel.proc.create("net/dev_mcast", lambda: proc_dev_mcast(net))
        softnet.kernel.proc.create("net/ptype", lambda: proc_ptype(softnet))


def net_dev_exit(net):
    """Close and forget every device, and drop what the backlog holds."""
    for dev in reversed(for_each_netdev(net)):
        unregister_netdev(dev)
    net.softnet.backlog.queue.purge("DEV_DOWN")


def proc_net_dev(net):
    """The text of /proc/net/dev."""
    lines = [PROC_NET_DEV_HEADER]
    for dev in for_each_netdev(net):
        dev.netdev_ops.ndo_get_stats(dev)
        lines.append(
            f"{dev.name:>6}: {dev.rx_bytes:7d} {dev.rx_packets:7d} {dev.rx_errors:4d}"
            f" {dev.rx_dropped + dev.rx_missed_errors:4d} {dev.rx_fifo_errors:4d}"
            f" {dev.rx_length_errors + dev.rx_over_errors + dev.rx_crc_errors + dev.rx_frame_errors:5d} {0:10d}"
            f" {dev.multicast:9d} {dev.tx_bytes:8d} {dev.tx_packets:7d} {dev.tx_errors:4d} {dev.tx_dropped:4d}"
            f" {dev.tx_fifo_errors:4d} {dev.collisions:5d}"
            f" {dev.tx_carrier_errors + dev.tx_aborted_errors + dev.tx_window_errors + dev.tx_heartbeat_errors:7d}"
            f" {0:10d}\n"
        )
    return "".join(lines)


def proc_softnet_stat(softnet):
    """The text of /proc/net/softnet_stat: one line for the one CPU, thirteen hexadecimal columns."""
    fields = [softnet.processed, softnet.dropped, softnet.time_squeeze] + [0] * 10
    return " ".join(f"{field & 0xFFFFFFFF:08x}" for field in fields) + "\n"


def proc_dev_mcast(net):
    """The text of /proc/net/dev_mcast: the multicast link addresses that each device listens to."""
    lines = []
    for dev in for_each_netdev(net):
        for address, users in dev.mc_list.items():
            lines.append(f"{dev.ifindex:<4d} {dev.name:<15} {users:<5d} {0:<5d} {address.hex()}\n")
    return "".join(lines)


def proc_ptype(softnet):
    """The text of /proc/net/ptype: who takes which frames, taps first."""
    lines = ["Type Device      Function\n"]
    for first in [softnet.ptype_all, *softnet.ptype_base]:
        ptype = first
        while ptype is not None:
            kind = "ALL " if ptype.type == ETH_P_ALL else f"{ptype.type:04x}"
            device = ptype.dev.name if ptype.dev is not None else ""
            lines.append(f"{kind} {device:<8} {type(ptype).__name__}\n")
            ptype = ptype.next
    return "".join(lines)
