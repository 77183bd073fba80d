"""Segments without a full socket: the RST of a closed port, the ACKs of TIME-WAIT and of connection requests; and the
numbers that outsiders must not guess (RFC 6528)."""

from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.skbuff import alloc_skb, skb_put, skb_reserve
from kernel.net.ipv4.icmp import received_options_echo
from kernel.net.ipv4.ip_output import ip_send_unicast_reply
from kernel.net.ipv4.tcp_const import (
    MAX_TCP_HEADER,
    TS_WORD,
    U32_MASK,
)
from kernel.net.ipv4.tcp_sock import tcp_now
from kernel.uapi.route import RTN_LOCAL
from kernel.uapi.tcp import TCPHDR_ACK, TCPHDR_RST, TCPOLEN_TSTAMP_ALIGNED

CHECKSUM_PARTIAL = 3
IPPROTO_TCP = 6
# RFC 6528's clock: 64 ns per number, as Linux counts.
ISN_SHIFT = 6


def secure_tcp_seq(net, saddr, daddr, sport, dport):
    """An initial sequence number: a clock, plus a hash of the connection with the machine's secret."""
    tn = net.tcp
    keyed = net.hash2(saddr ^ (tn.isn_key & U32_MASK), daddr)
    keyed = net.hash2(keyed ^ ((sport << 16) | dport), tn.isn_key >> 32)
    return (keyed + (net.timers.now() >> ISN_SHIFT)) & U32_MASK


def secure_tcp_ts_off(net, saddr, daddr):
    """Where the timestamps of connections between two hosts begin (RFC 7323 section 5.4)."""
    if net.sysctl_tcp_timestamps != 1:
        return 0
    tn = net.tcp
    return net.hash2(saddr ^ (tn.ts_key & U32_MASK), daddr ^ (tn.ts_key >> 32))


def tcp_v4_reply(net, skb, seq, ack, flags, window, tstamp, tsval, tsecr, tos, oif):
    """Answer the sender of `skb` with a bare segment.  Does not consume `skb`."""
    reply = alloc_skb(net.skb_cache, MAX_TCP_HEADER)
    if reply is None:
        return
    skb_reserve(reply, MAX_TCP_HEADER - 60)
    size = 20
    if tstamp:
        size += TCPOLEN_TSTAMP_ALIGNED
    pos = skb_put(reply, size)
    nh = skb.network_header
    saddr = skb.get32(nh + 16)
    daddr = skb.get32(nh + 12)
    ports = skb.get32(skb.transport_header)
    reply.transport_header = pos
    reply.put32(pos, ((ports & 0xFFFF) << 16) | (ports >> 16))
    reply.put32(pos + 4, seq)
    reply.put32(pos + 8, ack)
    reply.put32(pos + 12, ((size << 26) | (flags << 16) | window) & U32_MASK)
    reply.put32(pos + 16, 0)
    if tstamp:
        reply.put32(pos + 20, TS_WORD)
        reply.put32(pos + 24, tsval)
        reply.put32(pos + 28, tsecr)
    reply.put16(pos + 16, csum_fold(csum_tcpudp_nofold(saddr, daddr, size, IPPROTO_TCP, 0)) ^ 0xFFFF)
    reply.ip_summed = CHECKSUM_PARTIAL
    reply.csum_start = pos
    reply.csum_offset = 16
    net.mib.TcpOutSegs += 1
    options = received_options_echo(net, skb) if skb.opt_len else None
    ip_send_unicast_reply(net, reply, daddr, saddr, IPPROTO_TCP, tos, oif, options)


def tcp_v4_send_reset(net, skb, oif):
    """RFC 9293 section 3.5.2: a RST that the sender of `skb` will accept; never in answer to a RST."""
    if skb.tcp_flags & TCPHDR_RST:
        return
    rt = skb.dst
    if rt is not None and rt.rt_type != RTN_LOCAL:
        return
    net.mib.TcpOutRsts += 1
    if skb.tcp_flags & TCPHDR_ACK:
        tcp_v4_reply(net, skb, skb.ack_seq, 0, TCPHDR_RST, 0, False, 0, 0, 0, oif)
    else:
        tcp_v4_reply(net, skb, 0, skb.end_seq, TCPHDR_RST | TCPHDR_ACK, 0, False, 0, 0, 0, oif)


def tcp_v4_timewait_ack(tw, skb):
    """TIME-WAIT acknowledges what it has."""
    net = tw.tn.net
    tsval = (tcp_now(net) // 1000 + tw.ts_offset) & U32_MASK
    tcp_v4_reply(net, skb, tw.snd_nxt, tw.rcv_nxt, TCPHDR_ACK, min(tw.rcv_wnd >> tw.rcv_wscale, 65535), tw.tstamp_ok, tsval,
                 tw.ts_recent, tw.tos, tw.bound_dev_if)


def tcp_v4_reqsk_send_ack(net, req, skb):
    """A connection request acknowledges what it has."""
    tsval = (tcp_now(net) // 1000 + req.ts_off) & U32_MASK
    tcp_v4_reply(net, skb, (req.snt_isn + 1) & U32_MASK, req.rcv_nxt, TCPHDR_ACK,
                 min(req.rcv_wnd >> req.rcv_wscale, 65535), req.tstamp_ok, tsval, req.ts_recent, req.tos, req.bound_dev_if)
