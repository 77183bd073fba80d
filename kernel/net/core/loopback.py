"""lo: what is sent comes back as received.  No queue, no checksums, no segmentation: the data never leaves RAM."""

from kernel.net.core.napi import netif_rx
from kernel.net.core.netdev_flags import (
    NETDEV_TX_OK,
    NETIF_F_GSO,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_LOOPBACK,
    NETIF_F_RXCSUM,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import dev_addr_set, net_device, net_device_ops
from kernel.net.core.skbuff import skb_orphan, skb_tx_timestamp
from kernel.net.ethernet.eth import eth_header_ops, eth_type_trans
from kernel.uapi.if_ import IFF_LOOPBACK
from kernel.uapi.if_arp import ARPHRD_LOOPBACK
from kernel.uapi.if_ether import ETH_ALEN, ETH_HLEN

LOOPBACK_MTU = 65536


class loopback_ops(net_device_ops):
    """Operations of lo."""

    def ndo_start_xmit(self, skb, dev):
        length = skb.len
        skb_tx_timestamp(skb)
        skb_orphan(skb)
        skb.dst = None
        # When it was to leave; when it has come is another time.
        skb.tstamp = 0
        skb.protocol = eth_type_trans(skb, dev)
        dev.tx_packets += 1
        dev.tx_bytes += length
        dev.rx_packets += 1
        dev.rx_bytes += length
        netif_rx(skb)
        return NETDEV_TX_OK

    def ndo_set_rx_mode(self, dev):
        """Nothing to filter."""


def loopback_setup(net):
    """Make the loopback device of `net`; the caller registers it."""
    dev = net_device(net, "lo")
    dev.type = ARPHRD_LOOPBACK
    dev.mtu = LOOPBACK_MTU
    dev.max_mtu = LOOPBACK_MTU
    dev.hard_header_len = ETH_HLEN
    dev.addr_len = ETH_ALEN
    dev.broadcast = bytes(ETH_ALEN)
    dev_addr_set(dev, bytes(ETH_ALEN))
    dev.flags = IFF_LOOPBACK
    # As of every device; without a queue it means nothing.
    dev.tx_queue_len = 1000
    dev.netdev_ops = loopback_ops()
    dev.header_ops = eth_header_ops()
    dev.features = (
        NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_GSO | NETIF_F_RXCSUM | NETIF_F_HIGHDMA | NETIF_F_LOOPBACK
    )
    dev.hw_features = dev.features & ~NETIF_F_LOOPBACK
    return dev
