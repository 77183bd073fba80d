"""Forwarding (RFC 1812 section 5): time to live, path MTU, redirects, and off to the next hop."""

from kernel.net.core.dst import dst_input
from kernel.net.core.skbuff import kfree_skb, skb_cow
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_options_rcv import ip_forward_options, strict_route_broken, wants_router_alert
from kernel.net.ipv4.ip_output import ip_send_check
from kernel.net.ipv4.raw import ip_call_ra_chain
from kernel.uapi.icmp import (
    ICMP_DEST_UNREACH,
    ICMP_EXC_TTL,
    ICMP_FRAG_NEEDED,
    ICMP_REDIR_HOST,
    ICMP_REDIRECT,
    ICMP_SR_FAILED,
    ICMP_TIME_EXCEEDED,
)
from kernel.uapi.ip import IP_DF

PACKET_HOST = 0
NET_RX_DROP = 1
IPSKB_FORWARDED = 1
# A sender that does not listen is told so often, with pauses that double from 20 ms on, and then left alone for a while
# (Linux: ip_rt_redirect_number, _load, _silence).
REDIRECT_NUMBER = 9
REDIRECT_LOAD = 20 * 1000000
REDIRECT_SILENCE = REDIRECT_LOAD << 10
MAX_REDIRECT_PEERS = 1024


class redirect_peer:
    """How often a sender has been redirected, and when last (ns)."""

    def __init__(self):
        self.count = 0
        self.last = 0


class ip_forward(dst_input):
    """The packet is for somebody else and we are a router."""

    def __init__(self, net):
        self.net = net
        # By the sender's address, the oldest first.
        self.redirected = {}

    def input(self, skb):
        net = self.net
        rt = skb.dst
        if skb.pkt_type != PACKET_HOST or skb.sk is not None:
            kfree_skb(skb, "OTHERHOST")
            return NET_RX_DROP
        if skb.opt_len and wants_router_alert(skb) and ip_call_ra_chain(net, skb):
            return 0
        nh = skb.network_header
        ttl = skb.get8(nh + 8)
        if skb.opt_len and strict_route_broken(skb, rt):
            icmp_send(net, skb, ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0)
            kfree_skb(skb, "IP_INHDR")
            return NET_RX_DROP
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
        if rt.do_redirect:
            self.send_redirect(skb, rt)
        # A tap may share the header that we are about to change.
        if skb_cow(skb, rt.dev.hard_header_len + rt.dev.needed_headroom) < 0:
            net.mib.IpInDiscards += 1
            kfree_skb(skb, "NOMEM")
            return NET_RX_DROP
        nh = skb.network_header
        skb.put8(nh + 8, ttl - 1)
        skb.tstamp = 0
        if skb.opt_len:
            ip_forward_options(net, skb, rt)
        ip_send_check(skb)
        net.mib.IpForwDatagrams += 1
        skb.ip_flags |= IPSKB_FORWARDED
        if net.trace.on:
            net.trace.emit("ip_forward", skb.id, skb.get32(nh + 12), skb.get32(nh + 16), skb.len)
        return rt.output_ops.output(skb)

    def send_redirect(self, skb, rt):
        """Tell the sender of `skb` that the next hop is on its own link (RFC 1812 section 5.2.7.2)."""
        net = self.net
        now = net.timers.now()
        saddr = skb.get32(skb.network_header + 12)
        peer = self.redirected.get(saddr)
        if peer is None or now - peer.last > REDIRECT_SILENCE:
            self.redirected.pop(saddr, None)
            if len(self.redirected) >= MAX_REDIRECT_PEERS:
                del self.redirected[next(iter(self.redirected))]
            peer = self.redirected[saddr] = redirect_peer()
        elif peer.count >= REDIRECT_NUMBER or now - peer.last < REDIRECT_LOAD << peer.count:
            if peer.count >= REDIRECT_NUMBER:
                peer.last = now
            return
        gateway = rt.rt_gateway
        if gateway == 0:
            gateway = skb.get32(skb.network_header + 16)
        icmp_send(net, skb, ICMP_REDIRECT, ICMP_REDIR_HOST, gateway)
        peer.count += 1
        peer.last = now


def exceeds_mtu(skb, mtu):
    """True when the packet, or each segment of a merged one, is longer than `mtu`."""
    if skb.len <= mtu:
        return False
    if skb.gso_size == 0:
        return True
    # A segment has the headers of the whole: IP, and TCP by its data offset.
    headers = skb.transport_header - skb.network_header + (skb.get8(skb.transport_header + 12) >> 4 << 2)
    return headers + skb.gso_size > mtu
