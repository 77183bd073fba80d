"""IP input (RFC 791, RFC 1122 section 3.2.1): check the header, find the route, hand the packet on.

`ip_rcv` is the handler of ETH_P_IP.  What is ours goes through reassembly to `ip_local_deliver_finish`, which calls
the transport protocol's `net_protocol.handler` with the data at the transport header.
"""

from kernel.lib.checksum import csum_fold
from kernel.net.core.dst import dst_input
from kernel.net.core.netdevice import packet_type
from kernel.net.core.skb_data import skb_checksum
from kernel.net.core.skbuff import kfree_skb, pskb_may_pull, skb_pull, skb_trim
from kernel.net.core.sock_flags import NF_ACCEPT, NF_DROP
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_options_rcv import ip_rcv_options
from kernel.net.ipv4.raw import raw_local_deliver
from kernel.net.ipv4.route import ip_route_input
from kernel.uapi.errno import EHOSTUNREACH, EINVAL, ENETUNREACH
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PKT_FILTERED, ICMP_PROT_UNREACH
from kernel.uapi.if_ether import ETH_P_IP
from kernel.uapi.ip import IP_MF, IP_OFFSET
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST, RTN_PROHIBIT, RTN_UNREACHABLE

PACKET_BROADCAST = 1
PACKET_MULTICAST = 2
PACKET_OTHERHOST = 3
CHECKSUM_NONE = 0
CHECKSUM_COMPLETE = 2
NET_RX_DROP = 1
IP_HEADER_LEN = 20


class ip_packet_type(packet_type):
    """The handler of ETH_P_IP."""

    def __init__(self, net):
        packet_type.__init__(self, ETH_P_IP, None)
        self.net = net

    def func(self, skb, dev):
        return ip_rcv(self.net, skb, dev)


def ip_rcv(net, skb, dev):
    """A frame with an IP packet has come in, data at the IP header; consumes it."""
    mib = net.mib
    if skb.pkt_type == PACKET_OTHERHOST:
        kfree_skb(skb, "OTHERHOST")
        return NET_RX_DROP
    mib.IpInReceives += 1
    mib.IpExtInOctets += skb.len
    if not pskb_may_pull(skb, IP_HEADER_LEN):
        mib.IpInHdrErrors += 1
        kfree_skb(skb, "IP_INHDR")
        return NET_RX_DROP
    nh = skb.data
    first = skb.get32(nh)
    header_len = (first >> 24 & 15) << 2
    total_len = first & 0xFFFF
    if first >> 28 != 4 or header_len < IP_HEADER_LEN or not pskb_may_pull(skb, header_len):
        mib.IpInHdrErrors += 1
        kfree_skb(skb, "IP_INHDR")
        return NET_RX_DROP
    nh = skb.data
    skb.network_header = nh
    if csum_fold(skb_checksum(skb, 0, header_len, 0)) != 0:
        mib.IpInHdrErrors += 1
        mib.IpExtInCsumErrors += 1
        kfree_skb(skb, "IP_CSUM")
        return NET_RX_DROP
    if skb.len < total_len:
        mib.IpExtInTruncatedPkts += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return NET_RX_DROP
    if total_len < header_len:
        mib.IpInHdrErrors += 1
        kfree_skb(skb, "IP_INHDR")
        return NET_RX_DROP
    if skb.len > total_len:
        # Padding of a short frame; a sum over all of it says nothing about the packet.
        skb_trim(skb, total_len)
        if skb.ip_summed == CHECKSUM_COMPLETE:
            skb.ip_summed = CHECKSUM_NONE
    skb.transport_header = nh + header_len
    if net.trace.on:
        net.trace.emit("ip_rcv", skb.id, skb.get32(nh + 12), skb.get32(nh + 16), skb.get8(nh + 9), skb.len)
    return ip_rcv_finish(net, skb, dev)


def ip_rcv_finish(net, skb, dev):
    """Route a packet with a sound header and send it where its route says; consumes it."""
    mib = net.mib
    nh = skb.network_header
    err = ip_route_input(skb, skb.get32(nh + 16), skb.get32(nh + 12), dev)
    if err < 0:
        if err == -EINVAL:
            kfree_skb(skb, "IP_MARTIAN")
        elif err == -ENETUNREACH:
            mib.IpExtInNoRoutes += 1
            kfree_skb(skb, "IP_INNOROUTES")
        else:
            mib.IpInAddrErrors += 1
            kfree_skb(skb, "IP_INADDRERRORS")
        return NET_RX_DROP
    rt = skb.dst
    skb.opt_len = 0
    if skb.transport_header - nh > IP_HEADER_LEN:
        if ip_rcv_options(net, skb, dev, rt) < 0:
            return NET_RX_DROP
        # A source route may lead on.
        rt = skb.dst
    kind = rt.rt_type
    if kind == RTN_MULTICAST:
        mib.IpExtInMcastPkts += 1
        mib.IpExtInMcastOctets += skb.len
    elif kind == RTN_BROADCAST:
        mib.IpExtInBcastPkts += 1
        mib.IpExtInBcastOctets += skb.len
    elif skb.pkt_type == PACKET_BROADCAST or skb.pkt_type == PACKET_MULTICAST:
        # A unicast packet in a link-layer broadcast is not for us (RFC 1122 section 3.3.6).
        kfree_skb(skb, "UNICAST_IN_L2_MULTICAST")
        return NET_RX_DROP
    return rt.input_ops.input(skb)


class ip_local_deliver(dst_input):
    """The packet is ours: reassemble it, ask the hooks, hand it to its transport protocol."""

    def __init__(self, net):
        self.net = net

    def input(self, skb):
        net = self.net
        if skb.get16(skb.network_header + 6) & (IP_MF | IP_OFFSET):
            frags = net.frags
            skb = frags.ip_defrag(skb)
            if skb is None:
                return 0
        if net.local_in_hooks and ip_local_in_hooks(net, skb) != NF_ACCEPT:
            return 0
        return ip_local_deliver_finish(net, skb)


def ip_local_in_hooks(net, skb):
    """Ask every hook in order; NF_ACCEPT when the packet is still ours to deliver."""
    for hook in net.local_in_hooks:
        verdict = hook.hook(skb)
        if verdict == NF_DROP:
            kfree_skb(skb, "NETFILTER_DROP")
            return NF_DROP
        if verdict != NF_ACCEPT:
            return verdict
    return NF_ACCEPT


def ip_local_deliver_finish(net, skb):
    """Give the packet to raw sockets and to the transport protocol; consumes it."""
    mib = net.mib
    nh = skb.network_header
    protocol = skb.get8(nh + 9)
    skb_pull(skb, skb.transport_header - skb.data)
    taken = net.raw_table is not None and raw_local_deliver(net, skb, protocol)
    handler = net.inet_protos[protocol]
    if handler is None:
        if taken:
            mib.IpInDelivers += 1
            kfree_skb(skb, "RAW_DELIVERED")
            return 0
        mib.IpInUnknownProtos += 1
        icmp_send(net, skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0)
        kfree_skb(skb, "IP_NOPROTO")
        return NET_RX_DROP
    mib.IpInDelivers += 1
    handler.handler(skb)
    return 0


class ip_error(dst_input):
    """There is no way for the packet: a host drops it, a router tells its sender."""

    def __init__(self, net):
        self.net = net

    def input(self, skb):
        net = self.net
        rt = skb.dst
        if not rt.dev.ip_ptr.cnf.forwarding:
            net.mib.IpInAddrErrors += 1
            kfree_skb(skb, "IP_INADDRERRORS")
            return -EHOSTUNREACH
        code = ICMP_NET_UNREACH
        if rt.rt_type == RTN_PROHIBIT:
            code = ICMP_PKT_FILTERED
        elif rt.rt_type == RTN_UNREACHABLE:
            code = ICMP_HOST_UNREACH
        if code == ICMP_NET_UNREACH:
            net.mib.IpExtInNoRoutes += 1
        icmp_send(net, skb, ICMP_DEST_UNREACH, code, 0)
        kfree_skb(skb, "IP_INNOROUTES")
        return -EHOSTUNREACH
