"""Ethernet (IEEE 802.3): the link header of 14 bytes, and what every Ethernet device has in common."""

from kernel.net.core.netdevice import dev_addr_set, header_ops
from kernel.net.core.skbuff import skb_pull, skb_push
from kernel.uapi.if_ import IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST
from kernel.uapi.if_arp import ARPHRD_ETHER
from kernel.uapi.if_ether import ETH_ALEN, ETH_DATA_LEN, ETH_HLEN, ETH_MIN_MTU, ETH_P_802_2, ETH_P_802_3_MIN

PACKET_HOST = 0
PACKET_BROADCAST = 1
PACKET_MULTICAST = 2
PACKET_OTHERHOST = 3
BROADCAST = b"\xff" * ETH_ALEN
# The broadcast address as the two integers that a header is read into.
BROADCAST_HIGH = 0xFFFF
BROADCAST_LOW = 0xFFFFFFFF


def eth_type_trans(skb, dev):
    """Read and pull the link header of a received frame (at least 14 linear bytes): the ethertype in host order.

    Sets mac_header, dev and pkt_type.  A length field instead of a type means ETH_P_802_2.
    """
    mac = skb.data
    skb.dev = dev
    skb.mac_header = mac
    skb_pull(skb, ETH_HLEN)
    high = skb.get16(mac)
    low = skb.get32(mac + 2)
    if high & 0x0100:
        # On lo nobody's address is everybody's.
        if high == BROADCAST_HIGH and low == BROADCAST_LOW and not dev.flags & IFF_LOOPBACK:
            skb.pkt_type = PACKET_BROADCAST
        else:
            skb.pkt_type = PACKET_MULTICAST
    elif high == dev.addr_high and low == dev.addr_low:
        skb.pkt_type = PACKET_HOST
    else:
        skb.pkt_type = PACKET_OTHERHOST
    protocol = skb.get16(mac + 12)
    if protocol < ETH_P_802_3_MIN:
        protocol = ETH_P_802_2
    return protocol


def put_address(skb, position, address):
    """Write the six bytes of `address` at `position`."""
    for i in range(ETH_ALEN):
        skb.put8(position + i, address[i])


class eth_header_ops(header_ops):
    """Writes and reads the Ethernet header."""

    def create(self, skb, dev, proto, daddr, saddr, length):
        """Push 14 bytes; `proto` under 0x600 writes `length` as an IEEE 802.3 length field.

        Without `daddr` the header is left to whoever resolves it: -14.
        """
        mac = skb_push(skb, ETH_HLEN)
        skb.put16(mac + 12, proto if proto >= ETH_P_802_3_MIN else length)
        if saddr is None:
            skb.put16(mac + 6, dev.addr_high)
            skb.put32(mac + 8, dev.addr_low)
        else:
            put_address(skb, mac + 6, saddr)
        if daddr is None:
            return -ETH_HLEN
        put_address(skb, mac, daddr)
        return ETH_HLEN

    def parse(self, skb):
        mac = skb.mac_header
        return bytes([skb.get8(mac + ETH_ALEN + i) for i in range(ETH_ALEN)])


def ether_setup(dev, address):
    """Give `dev` the fields of an Ethernet device with station address `address` (6 bytes)."""
    dev.type = ARPHRD_ETHER
    dev.hard_header_len = ETH_HLEN
    dev.addr_len = ETH_ALEN
    dev.mtu = ETH_DATA_LEN
    dev.min_mtu = ETH_MIN_MTU
    dev.max_mtu = ETH_DATA_LEN
    dev.broadcast = BROADCAST
    dev.flags = IFF_BROADCAST | IFF_MULTICAST
    dev.header_ops = eth_header_ops()
    dev_addr_set(dev, address)
    dev.perm_addr = address
