"""802.1Q on the way up (IEEE 802.1Q-2018 clause 9.6): a frame's tag decides which interface it arrives at.

The tag of a received sk_buff is either beside its data (`vlan_tci`, where the device has stripped it) or still in the frame;
`skb_vlan_untag` makes the second the first.  A device's `vlan_ids` says which interface is on which VLAN.
"""

from kernel.net.core.skbuff import pskb_may_pull, skb_cow, skb_pull
from kernel.uapi.if_ether import ETH_P_802_2, ETH_P_802_3_MIN, VLAN_HLEN

CHECKSUM_NONE = 0
CHECKSUM_COMPLETE = 2
PACKET_HOST = 0
PACKET_MULTICAST = 2
PACKET_OTHERHOST = 3
VLAN_VID_MASK = 0xFFF
VLAN_PRIO_SHIFT = 13
# What stands in front of the tag: two addresses.
ADDRESSES = 12


def skb_vlan_untag(skb):
    """Take the tag out of a frame whose `data` is at it, behind the type 0x8100; False when it is cut short or RAM is full."""
    if not pskb_may_pull(skb, VLAN_HLEN) or skb_cow(skb, 0) < 0:
        return False
    at = skb.data
    skb.vlan_tci = skb.get16(at)
    skb.vlan_present = True
    protocol = skb.get16(at + 2)
    skb.protocol = protocol if protocol >= ETH_P_802_3_MIN else ETH_P_802_2
    skb_pull(skb, VLAN_HLEN)
    mac = skb.mac_header
    # The addresses move up to the type that stood behind the tag.
    i = ADDRESSES
    while i > 0:
        i -= 1
        skb.put8(mac + VLAN_HLEN + i, skb.get8(mac + i))
    skb.mac_header = mac + VLAN_HLEN
    skb.network_header = skb.data
    if skb.ip_summed == CHECKSUM_COMPLETE:
        skb.ip_summed = CHECKSUM_NONE
    return True


def vlan_do_receive(skb):
    """Make `skb` arrive at the interface of its VLAN: False, and nothing done, when its device has none."""
    dev = skb.dev
    vlan_dev = dev.vlan_ids.get(skb.vlan_tci & VLAN_VID_MASK)
    if vlan_dev is None:
        return False
    skb.dev = vlan_dev
    skb.priority = skb.vlan_tci >> VLAN_PRIO_SHIFT
    skb.vlan_present = False
    mac = skb.mac_header
    if skb.pkt_type == PACKET_OTHERHOST:
        # It was not for the device below, whose address may be another one by now.
        if skb.get16(mac) == vlan_dev.addr_high and skb.get32(mac + 2) == vlan_dev.addr_low:
            skb.pkt_type = PACKET_HOST
    elif skb.pkt_type == PACKET_MULTICAST:
        vlan_dev.multicast += 1
    vlan_dev.rx_packets += 1
    vlan_dev.rx_bytes += skb.len + skb.data - mac
    return True
