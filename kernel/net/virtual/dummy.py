"""dummy: an interface that is always up and swallows what is sent; addresses and routes can be hung on it."""

from kernel.net.core.dev import register_netdev
from kernel.net.core.netdev_flags import NETDEV_TX_OK, NETIF_F_GSO, NETIF_F_HIGHDMA, NETIF_F_HW_CSUM, NETIF_F_SG, NETIF_F_TSO
from kernel.net.core.netdevice import dev_addr_set, net_device, net_device_ops
from kernel.net.core.skbuff import consume_skb
from kernel.net.ethernet.eth import ether_setup
from kernel.uapi.if_ import IFF_NOARP

ETH_MAX_MTU = 65535


class dummy_ops(net_device_ops):
    """Operations of a dummy device."""

    def ndo_start_xmit(self, skb, dev):
        dev.tx_packets += 1
        dev.tx_bytes += skb.len
        consume_skb(skb)
        return NETDEV_TX_OK

    def ndo_set_mac_address(self, dev, address):
        dev_addr_set(dev, address)
        return 0


def random_ether_addr(net):
    """A locally administered station address (IEEE 802-2014 section 8.4)."""
    raw = bytearray(net.random.getrandbits(48).to_bytes(6, "big"))
    raw[0] = raw[0] & 0xFE | 0x02
    return bytes(raw)


def create_dummy(net, name):
    """Make and register a dummy device, down; the device, or -EEXIST."""
    dev = net_device(net, name)
    ether_setup(dev, random_ether_addr(net))
    dev.perm_addr = b""
    dev.min_mtu = 0
    dev.max_mtu = ETH_MAX_MTU
    dev.flags |= IFF_NOARP
    dev.tx_queue_len = 0
    dev.netdev_ops = dummy_ops()
    dev.features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_GSO | NETIF_F_HIGHDMA
    dev.hw_features = dev.features
    err = register_netdev(dev)
    return dev if err == 0 else err
