"""IP output (RFC 791, RFC 1122 section 3.3): the header, fragmentation, and the way to the neighbour.

Who sends: connections use `ip_queue_xmit`, answers without a socket `ip_build_and_send_pkt` and
`ip_send_unicast_reply`, datagrams `ip_push_header` and `ip_local_out`.
"""

from kernel.lib.checksum import csum_fold
from kernel.net.core.dst import dst_output
from kernel.net.core.napi import netif_rx
from kernel.net.core.skb_data import skb_append_range, skb_checksum, skb_checksum_help
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, skb_clone, skb_push, skb_put_data, skb_reserve
from kernel.net.core.sock import sk_dst_check
from kernel.net.ipv4.ip_options import ip_options_build
from kernel.net.ipv4.route import ip_route_output_key
from kernel.uapi.errno import EHOSTUNREACH, EMSGSIZE, ENOBUFS
from kernel.uapi.if_ import IFF_LOOPBACK
from kernel.uapi.if_ether import ETH_P_IP
from kernel.uapi.in_ import IP_PMTUDISC_DO, IP_PMTUDISC_PROBE, IPPROTO_TCP
from kernel.uapi.ip import IP_DF, IP_MF, IP_OFFSET
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST

CHECKSUM_NONE = 0
CHECKSUM_PARTIAL = 3
PACKET_LOOPBACK = 5
# What a packet leaves in front of its transport header: link header with a VLAN tag, longest IP header, slack.
MAX_IP_HEADROOM = 128
FRAGMENT_MIN_MTU = 68
IP_MAX_LEN = 65535


# --- identification and the header ---


def ip_select_ident(net, segs):
    """The next identification for a packet of `segs` segments that no connection numbers."""
    ident = net.ip_id
    net.ip_id = (ident + segs) & 0xFFFF
    return ident


def sk_select_ident(sk, skb, df):
    """The identification of a socket's packet: a connection counts its own; with DF alone it may be 0 (RFC 6864)."""
    segs = skb.gso_segs if skb.gso_segs else 1
    if df:
        if sk.inet_daddr:
            ident = sk.inet_id
            sk.inet_id = (ident + segs) & 0xFFFF
            return ident
        return 0
    return ip_select_ident(sk.net, segs)


def ip_dont_fragment(sk, rt):
    """True when the socket's packets carry DF on this route."""
    return sk.pmtudisc == IP_PMTUDISC_DO or sk.pmtudisc == IP_PMTUDISC_PROBE or (
        sk.pmtudisc == 1 and not rt.mtu_locked and sk.net.sysctl_ip_no_pmtu_disc == 0
    )


def ip_push_header(net, skb, saddr, daddr, protocol, tos, ttl, ident, df, options):
    """Push the IP header; the total length and the checksum come in ip_local_out.

    `options`: an `ip_options` or None; with a source route the packet goes to its first hop.
    """
    length = 20
    raw = b""
    if options is not None:
        raw = ip_options_build(net, options, saddr, daddr)
        length += len(raw)
        if options.srr >= 0:
            daddr = options.faddr
    nh = skb_push(skb, length)
    skb.network_header = nh
    skb.transport_header = nh + length
    skb.protocol = ETH_P_IP
    skb.put32(nh, (0x40 | length >> 2) << 24 | (tos & 0xFF) << 16)
    skb.put32(nh + 4, (ident & 0xFFFF) << 16 | (IP_DF if df else 0))
    skb.put32(nh + 8, (ttl & 0xFF) << 24 | (protocol & 0xFF) << 16)
    skb.put32(nh + 12, saddr)
    skb.put32(nh + 16, daddr)
    if length > 20:
        for i in range(length - 20):
            skb.put8(nh + 20 + i, raw[i])


def ip_first_hop(options, daddr):
    """Where a packet to `daddr` goes first: with a source route, that says."""
    return options.faddr if options is not None and options.srr >= 0 else daddr


def ip_send_check(skb):
    """Store the header checksum."""
    nh = skb.network_header
    skb.put16(nh + 10, 0)
    length = (skb.get8(nh) & 15) << 2
    skb.put16(nh + 10, csum_fold(skb_checksum(skb, nh - skb.data, length, 0)))


# --- connections ---


def ip_queue_xmit(sk, skb):
    """Send a connection's packet, data at the transport header, along the sock's cached route; consumes it.

    0, or a negative errno (-EHOSTUNREACH without a route).  TCP's checksum is CHECKSUM_PARTIAL or done.
    """
    options = sk.inet_opt
    rt = sk_dst_check(sk)
    if rt is None:
        rt = ip_route_output_key(sk.net, ip_first_hop(options, sk.inet_daddr), sk.inet_saddr, sk.sk_bound_dev_if, sk.sk_mark)
        if rt is not None:
            sk.sk_dst_cache = rt
    if rt is None or (options is not None and options.strict and rt.rt_gateway):
        sk.net.mib.IpOutNoRoutes += 1
        kfree_skb(skb, "IP_OUTNOROUTES")
        return -EHOSTUNREACH
    skb.dst = rt
    df = ip_dont_fragment(sk, rt)
    ttl = sk.uc_ttl
    if ttl < 0:
        ttl = sk.net.sysctl_ip_default_ttl
    ip_push_header(
        sk.net, skb, sk.inet_saddr, sk.inet_daddr, sk.sk_protocol, sk.tos, ttl, sk_select_ident(sk, skb, df), df, options
    )
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    skb.hash = sk.sk_txhash
    return ip_local_out(sk.net, skb)


def ip_build_and_send_pkt(skb, sk, saddr, daddr, rt, tos, options):
    """Send an answer on behalf of a listening sock (SYN-ACK), data at the transport header; consumes it."""
    skb.dst = rt
    df = ip_dont_fragment(sk, rt)
    ttl = sk.uc_ttl
    if ttl < 0:
        ttl = sk.net.sysctl_ip_default_ttl
    ident = 0 if df else ip_select_ident(sk.net, 1)
    ip_push_header(sk.net, skb, saddr, daddr, sk.sk_protocol, tos, ttl, ident, df, options)
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    return ip_local_out(sk.net, skb)


def ip_send_unicast_reply(net, skb, daddr, saddr, protocol, tos, oif, options):
    """Send `skb` (a whole transport segment from `saddr` to `daddr`) without a socket: RST, ACK, ICMP; consumes it."""
    rt = ip_route_output_key(net, ip_first_hop(options, daddr), saddr, oif)
    if rt is None:
        net.mib.IpOutNoRoutes += 1
        kfree_skb(skb, "IP_OUTNOROUTES")
        return -EHOSTUNREACH
    skb.dst = rt
    df = protocol == IPPROTO_TCP
    ident = 0 if df else ip_select_ident(net, 1)
    ip_push_header(net, skb, saddr, daddr, protocol, tos, net.sysctl_ip_default_ttl, ident, df, options)
    return ip_local_out(net, skb)


# --- down to the neighbour ---


def ip_local_out(net, skb):
    """Complete the header of a packet of our own (length, checksum) and send it along skb.dst; consumes it."""
    if skb.len > IP_MAX_LEN:
        kfree_skb(skb, "PKT_TOO_BIG")
        return -EMSGSIZE
    nh = skb.network_header
    skb.put16(nh + 2, skb.len)
    ip_send_check(skb)
    net.mib.IpOutRequests += 1
    if net.trace.on:
        net.trace.emit("ip_output", skb.id, skb.get32(nh + 12), skb.get32(nh + 16), skb.get8(nh + 9), skb.len)
    rt = skb.dst
    return rt.output_ops.output(skb)


class ip_output_ops(dst_output):
    """Unicast (and packets to ourselves, whose device is lo)."""

    def output(self, skb):
        rt = skb.dst
        net = rt.dev.net
        net.mib.IpExtOutOctets += skb.len
        return ip_finish_output(net, skb, rt)


class ip_mc_output_ops(dst_output):
    """Multicast and broadcast: whoever listens on this host gets a copy."""

    def output(self, skb):
        rt = skb.dst
        dev = rt.dev
        net = dev.net
        daddr = skb.get32(skb.network_header + 16)
        net.mib.IpExtOutOctets += skb.len
        if rt.rt_type == RTN_MULTICAST:
            net.mib.IpExtOutMcastPkts += 1
            net.mib.IpExtOutMcastOctets += skb.len
            sk = skb.sk
            if (sk is None or sk.mc_loop) and not dev.flags & IFF_LOOPBACK and daddr in dev.ip_ptr.mc_list:
                ip_mc_loopback(skb, dev)
            # Not for this link and not for any other.
            if skb.get8(skb.network_header + 8) == 0:
                kfree_skb(skb, "IP_OUTTTL")
                return 0
        elif rt.rt_type == RTN_BROADCAST:
            net.mib.IpExtOutBcastPkts += 1
            net.mib.IpExtOutBcastOctets += skb.len
            if not dev.flags & IFF_LOOPBACK:
                ip_mc_loopback(skb, dev)
        return ip_finish_output(net, skb, rt)


def ip_mc_loopback(skb, dev):
    """Receive a copy of our own packet."""
    clone = skb_clone(skb)
    clone.dev = dev
    clone.mac_header = clone.data
    clone.pkt_type = PACKET_LOOPBACK
    # Nobody will ever look at its transport checksum.
    if clone.ip_summed != CHECKSUM_PARTIAL:
        clone.ip_summed = 1
    netif_rx(clone)


def ip_finish_output(net, skb, rt):
    """Fragment what is too long for the route, then hand it to the neighbour."""
    if skb.len > rt.mtu and not skb.gso_size:
        return ip_fragment(net, skb, rt)
    return ip_finish_output2(net, skb, rt)


def ip_finish_output2(net, skb, rt):
    neigh = rt.neighbour
    if neigh is None or neigh.dead:
        key = rt.rt_gateway
        if key == 0:
            key = skb.get32(skb.network_header + 16)
        tbl = net.arp_tbl
        neigh = tbl.get(key, rt.dev)
        if neigh is None:
            net.mib.IpOutDiscards += 1
            kfree_skb(skb, "NEIGH_CREATEFAIL")
            return -ENOBUFS
        # A route by destination keeps its neighbour; multicast and broadcast routes, too, are one per destination.
        rt.neighbour = neigh
    sk = skb.sk
    if sk is not None and sk.sk_dst_pending_confirm:
        sk.sk_dst_pending_confirm = False
        neigh.confirmed = net.timers.now()
    # What comes back at once (lo) is received before the sender goes on, not when ksoftirqd gets its turn.
    softirq = net.softirq
    softirq.local_bh_disable()
    try:
        err = neigh.output(skb)
    finally:
        softirq.local_bh_enable()
    return err


def ip_fragment(net, skb, rt):
    """Cut a packet into fragments that fit the route (RFC 791 section 2.3); consumes it.

    -EMSGSIZE when DF forbids it: a forwarded packet's sender has been told by ip_forward.
    """
    nh = skb.network_header
    frag_word = skb.get16(nh + 6)
    mtu = rt.mtu
    sk = skb.sk
    if sk is not None and sk.pmtudisc >= IP_PMTUDISC_PROBE:
        # These want to know for themselves what the path carries: only the device's own limit counts.
        mtu = rt.dev.mtu
        if skb.len <= mtu:
            return ip_finish_output2(net, skb, rt)
    df = frag_word & IP_DF != 0
    may = not df or (sk is not None and sk.pmtudisc != IP_PMTUDISC_DO and sk.pmtudisc != IP_PMTUDISC_PROBE)
    header_len = (skb.get8(nh) & 15) << 2
    if not may or mtu < FRAGMENT_MIN_MTU:
        net.mib.IpFragFails += 1
        kfree_skb(skb, "PKT_TOO_BIG")
        return -EMSGSIZE
    if skb.ip_summed == CHECKSUM_PARTIAL and skb_checksum_help(skb) < 0:
        net.mib.IpFragFails += 1
        kfree_skb(skb, "NOMEM")
        return -ENOBUFS
    # A packet that may not carry DF in its pieces loses it (the sender has chosen to let us fragment).
    frag_word &= ~IP_DF & 0xFFFF
    room = (mtu - header_len) & ~7
    offset = 0
    payload = skb.len - header_len
    err = 0
    while offset < payload:
        size = min(room, payload - offset)
        last = offset + size == payload
        frag = ip_make_fragment(skb, header_len, offset, size)
        if frag is None:
            net.mib.IpFragFails += 1
            kfree_skb(skb, "NOMEM")
            return -ENOBUFS
        word = (frag_word & IP_OFFSET) + (offset >> 3)
        if not last or frag_word & IP_MF:
            word |= IP_MF
        fh = frag.network_header
        frag.put16(fh + 2, header_len + size)
        frag.put16(fh + 6, word)
        if offset:
            ip_options_fragment(frag, fh, header_len)
        elif skb.tx_flags:
            # The first fragment stands for the whole packet when its sender wants to know when it went.
            frag.tx_flags = skb.tx_flags
            frag.tskey = skb.tskey
            frag.sk = skb.sk
        ip_send_check(frag)
        frag.dst = rt
        net.mib.IpFragCreates += 1
        result = ip_finish_output2(net, frag, rt)
        if err == 0 and result < 0:
            err = result
        offset += size
    if err == 0:
        net.mib.IpFragOKs += 1
    consume_skb(skb)
    return err


def ip_make_fragment(skb, header_len, offset, size):
    """A new sk_buff with the header of `skb` and `size` bytes of its payload; None when RAM is full."""
    frag = alloc_skb(skb.cache, MAX_IP_HEADROOM + header_len + size)
    if frag is None:
        return None
    skb_reserve(frag, MAX_IP_HEADROOM)
    frag.network_header = frag.data
    frag.transport_header = frag.data + header_len
    skb_append_range(frag, skb, skb.network_header - skb.data, header_len)
    skb_append_range(frag, skb, skb.network_header - skb.data + header_len + offset, size)
    frag.protocol = ETH_P_IP
    frag.priority = skb.priority
    frag.mark = skb.mark
    frag.dev = skb.dev
    frag.pkt_type = skb.pkt_type
    frag.ip_summed = CHECKSUM_NONE
    return frag


def ip_options_fragment(frag, fh, header_len):
    """Later fragments keep only the options marked to be copied (RFC 791 section 3.1): blank the others."""
    position = 20
    while position < header_len:
        kind = frag.get8(fh + position)
        if kind == 0:
            return
        if kind == 1:
            position += 1
            continue
        if position + 1 >= header_len:
            return
        length = frag.get8(fh + position + 1)
        if length < 2 or position + length > header_len:
            return
        if not kind & 0x80:
            for i in range(length):
                frag.put8(fh + position + i, 1)
        position += length


# --- one small packet from bytes ---


def ip_send_datagram(net, payload, saddr, daddr, protocol, tos, ttl, oif, csum_at):
    """Send `payload` (bytes of a whole transport message) in a packet of its own; 0 or a negative errno.

    `csum_at` is where an ICMP-style checksum over the payload goes, -1 for none.  `saddr` 0: the route chooses.
    """
    rt = ip_route_output_key(net, daddr, saddr, oif)
    if rt is None:
        net.mib.IpOutNoRoutes += 1
        ip = net.ip
        return ip.route_error
    skb = alloc_skb(net.skb_cache, MAX_IP_HEADROOM + len(payload))
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, MAX_IP_HEADROOM)
    skb_put_data(skb, payload)
    if csum_at >= 0:
        skb.put16(skb.data + csum_at, 0)
        skb.put16(skb.data + csum_at, csum_fold(skb_checksum(skb, 0, skb.len, 0)))
    skb.dst = rt
    ip_push_header(
        net, skb, rt.saddr if saddr == 0 else saddr, daddr, protocol, tos, ttl, ip_select_ident(net, 1), False, None
    )
    return ip_local_out(net, skb)
