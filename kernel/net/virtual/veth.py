"""veth: two interfaces with a cable between them; what one sends the other receives (veth(4))."""

from kernel.net.core.dev import netif_carrier_off, netif_carrier_on, register_netdev, unregister_netdev
from kernel.net.core.napi import netif_rx
from kernel.net.core.netdev_flags import (
    NETDEV_TX_OK,
    NETIF_F_GSO,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_RXCSUM,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import dev_addr_set, net_device, net_device_ops
from kernel.net.core.skbuff import kfree_skb, skb_orphan
from kernel.net.ethernet.eth import eth_type_trans, ether_setup
from kernel.net.netlink.attributes import nla_parse, string, u32
from kernel.net.virtual.dummy import ETH_MAX_MTU, random_ether_addr
from kernel.uapi.errno import EINVAL
from kernel.uapi.if_ import IFF_UP
from kernel.uapi.rtnetlink import IFINFOMSG_SIZE, IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, VETH_INFO_PEER


class veth_ops(net_device_ops):
    """Operations of one end; `peer` is the other."""

    def __init__(self):
        self.peer = None

    def ndo_open(self, dev):
        if self.peer.flags & IFF_UP:
            netif_carrier_on(dev)
            netif_carrier_on(self.peer)
        return 0

    def ndo_stop(self, dev):
        netif_carrier_off(dev)
        netif_carrier_off(self.peer)
        return 0

    def ndo_start_xmit(self, skb, dev):
        peer = self.peer
        if not peer.flags & IFF_UP:
            dev.tx_dropped += 1
            kfree_skb(skb, "DEV_READY")
            return NETDEV_TX_OK
        length = skb.len
        skb_orphan(skb)
        skb.dst = None
        skb.tstamp = 0
        skb.dev = peer
        skb.protocol = eth_type_trans(skb, peer)
        dev.tx_packets += 1
        dev.tx_bytes += length
        peer.rx_packets += 1
        peer.rx_bytes += length
        netif_rx(skb)
        return NETDEV_TX_OK

    def ndo_set_mac_address(self, dev, address):
        dev_addr_set(dev, address)
        return 0


def make_end(net, name):
    dev = net_device(net, name)
    ether_setup(dev, random_ether_addr(net))
    dev.perm_addr = b""
    dev.max_mtu = ETH_MAX_MTU
    dev.tx_queue_len = 0
    dev.netdev_ops = veth_ops()
    dev.features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_GSO | NETIF_F_RXCSUM | NETIF_F_HIGHDMA
    dev.hw_features = dev.features
    netif_carrier_off(dev)
    return dev


def create_veth(net, name, data):
    """Make and register both ends, down; the end called `name`, or a negative errno.

    VETH_INFO_PEER (an ifinfomsg with attributes) says what the other end is like.
    """
    wanted = {}
    if VETH_INFO_PEER in data:
        wanted = nla_parse(data[VETH_INFO_PEER][IFINFOMSG_SIZE:])
        if wanted is None:
            return -EINVAL
    peer = make_end(net, string(wanted[IFLA_IFNAME]) if IFLA_IFNAME in wanted else "veth%d")
    if IFLA_ADDRESS in wanted and len(wanted[IFLA_ADDRESS]) == peer.addr_len:
        dev_addr_set(peer, wanted[IFLA_ADDRESS])
    if IFLA_MTU in wanted:
        peer.mtu = min(max(u32(wanted[IFLA_MTU]), peer.min_mtu), peer.max_mtu)
    dev = make_end(net, name)
    peer.netdev_ops.peer = dev
    dev.netdev_ops.peer = peer
    for end in (peer, dev):
        err = register_netdev(end)
        if err < 0:
            unregister_netdev(peer)
            return err
    return dev


def destroy_veth(dev):
    """Remove an end, and with it the other."""
    unregister_netdev(dev.netdev_ops.peer)
    unregister_netdev(dev)
