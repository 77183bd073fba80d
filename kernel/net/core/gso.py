"""Generic segmentation offload: a large TCPv4 sk_buff cut into segments for a device that can not do it.

Each segment gets a copy of the headers with its own lengths, identification and sequence number, as a device with
TSO makes them (RFC 9293 section 3.1, RFC 791 section 3.1; FIN and PSH stay on the last segment, CWR on the first).
"""

from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.netdev_flags import NETIF_F_HW_CSUM, NETIF_F_IP_CSUM
from kernel.net.core.skb_data import skb_append_range, skb_checksum
from kernel.net.core.skbuff import alloc_skb, kfree_skb, pskb_may_pull, skb_copy_header, skb_reserve
from kernel.uapi.in_ import IPPROTO_TCP

CHECKSUM_NONE = 0
CHECKSUM_PARTIAL = 3
SKB_GSO_TCPV4 = 1
TCP_FLAG_FIN = 0x01
TCP_FLAG_PSH = 0x08
TCP_FLAG_CWR = 0x80
TCP_CHECK_OFFSET = 16
HEADROOM = 64
U32 = 0xFFFFFFFF


def skb_gso_segment(skb, features):
    """The segments of `skb` as a list linked by `next`, or None when it is not TCPv4, lies, or RAM is full.

    `skb.data` is at the link header; `skb` stays the caller's.  Checksums are left to a device that has
    NETIF_F_HW_CSUM or NETIF_F_IP_CSUM in `features`.
    """
    mss = skb.gso_size
    if skb.gso_type != SKB_GSO_TCPV4 or mss == 0 or skb.network_header < skb.data:
        return None
    link_len = skb.network_header - skb.data
    if not pskb_may_pull(skb, link_len + 20):
        return None
    ip_len = (skb.get8(skb.network_header) & 15) * 4
    if ip_len < 20 or skb.get8(skb.network_header + 9) != IPPROTO_TCP or not pskb_may_pull(skb, link_len + ip_len + 20):
        return None
    tcp = skb.network_header + ip_len
    tcp_len = (skb.get8(tcp + 12) >> 4) * 4
    header_len = link_len + ip_len + tcp_len
    if tcp_len < 20 or not pskb_may_pull(skb, header_len):
        return None
    # pskb_may_pull may have moved the headers to a new head.
    tcp = skb.data + link_len + ip_len
    seq = skb.get32(tcp + 4)
    flags = skb.get8(tcp + 13)
    identification = skb.get16(skb.network_header + 4)
    saddr = skb.get32(skb.network_header + 12)
    daddr = skb.get32(skb.network_header + 16)
    offload = (features & (NETIF_F_IP_CSUM | NETIF_F_HW_CSUM)) != 0
    first = None
    last = None
    offset = header_len
    index = 0
    while offset < skb.len or first is None:
        size = skb.len - offset
        if size > mss:
            size = mss
        segment = alloc_skb(skb.cache, HEADROOM + header_len + size)
        if segment is None:
            drop_segments(first)
            return None
        skb_reserve(segment, HEADROOM)
        skb_append_range(segment, skb, 0, header_len)
        skb_append_range(segment, skb, offset, size)
        skb_copy_header(segment, skb)
        segment.gso_size = 0
        segment.gso_segs = 0
        segment.gso_type = 0
        segment.mac_header = HEADROOM
        ip = HEADROOM + link_len
        segment.network_header = ip
        tcp = ip + ip_len
        segment.transport_header = tcp
        segment.put16(ip + 2, ip_len + tcp_len + size)
        segment.put16(ip + 4, (identification + index) & 0xFFFF)
        segment.put16(ip + 10, 0)
        segment.put16(ip + 10, csum_fold(skb_checksum(segment, link_len, ip_len, 0)))
        segment.put32(tcp + 4, (seq + offset - header_len) & U32)
        kept = flags
        if offset + size < skb.len:
            kept &= ~(TCP_FLAG_FIN | TCP_FLAG_PSH) & 0xFF
        if index:
            kept &= ~TCP_FLAG_CWR & 0xFF
        segment.put8(tcp + 13, kept)
        pseudo = csum_tcpudp_nofold(saddr, daddr, tcp_len + size, IPPROTO_TCP, 0)
        if offload:
            segment.ip_summed = CHECKSUM_PARTIAL
            segment.csum_start = tcp
            segment.csum_offset = TCP_CHECK_OFFSET
            segment.put16(tcp + TCP_CHECK_OFFSET, csum_fold(pseudo) ^ 0xFFFF)
        else:
            segment.ip_summed = CHECKSUM_NONE
            segment.put16(tcp + TCP_CHECK_OFFSET, 0)
            total = skb_checksum(segment, link_len + ip_len, tcp_len + size, pseudo)
            segment.put16(tcp + TCP_CHECK_OFFSET, csum_fold(total))
        if first is None:
            first = segment
        else:
            last.next = segment
        last = segment
        offset += size
        index += 1
    return first


def drop_segments(first):
    """Free a list of segments that is not going to be sent."""
    while first is not None:
        following = first.next
        first.next = None
        kfree_skb(first, "NOMEM")
        first = following
