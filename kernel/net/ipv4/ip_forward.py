"""Forwarding (RFC 1812 section 5): time to live, path MTU, and off to the next hop."""

from kernel.net.core.dst import dst_input
from kernel.net.core.skbuff import kfree_skb, skb_cow
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_output import ip_send_check
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_EXC_TTL, ICMP_FRAG_NEEDED, ICMP_TIME_EXCEEDED
from kernel.uapi.ip import IP_DF

PACKET_HOST = 0
NET_RX_DROP = 1
IPSKB_FORWARDED = 1


class ip_forward(dst_input):
    """The packet is for somebody else and we are a router."""

    def __init__(self, net):
        self.net = net

    def input(self, skb):
        net = self.net
        rt = skb.dst
        if skb.pkt_type != PACKET_HOST or skb.sk is not None:
            kfree_skb(skb, "OTHERHOST")
            return NET_RX_DROP
        nh = skb.network_header
        ttl = skb.get8(nh + 8)
        if ttl <= 1:
            net.mib.IpInHdrErrors += 1
            icmp_send(net, skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0)
            kfree_skb(skb, "IP_TTL")
            return NET_RX_DROP
        if skb.get16(nh + 6) & IP_DF and exceeds_mtu(skb, rt.mtu):
            net.mib.IpFragFails += 1
            icmp_send(net, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, rt.mtu)
            kfree_skb(skb, "PKT_TOO_BIG")
            return NET_RX_DROP
        # A tap may share the header that we are about to change.
        if skb_cow(skb, rt.dev.hard_header_len + rt.dev.needed_headroom) < 0:
            net.mib.IpInDiscards += 1
            kfree_skb(skb, "NOMEM")
            return NET_RX_DROP
        nh = skb.network_header
        skb.put8(nh + 8, ttl - 1)
        ip_send_check(skb)
        net.mib.IpForwDatagrams += 1
        skb.ip_flags |= IPSKB_FORWARDED
        if net.trace.on:
            net.trace.emit("ip_forward", skb.id, skb.get32(nh + 12), skb.get32(nh + 16), skb.len)
        return rt.output_ops.output(skb)


def exceeds_mtu(skb, mtu):
    """True when the packet, or each segment of a merged one, is longer than `mtu`."""
    if skb.len <= mtu:
        return False
    if skb.gso_size == 0:
        return True
    # A segment has the headers of the whole: IP, and TCP by its data offset.
    headers = skb.transport_header - skb.network_header + (skb.get8(skb.transport_header + 12) >> 4 << 2)
    return headers + skb.gso_size > mtu
