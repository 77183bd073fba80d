"""Generic receive offload: consecutive TCPv4 segments of one flow become one sk_buff before they climb the stack.

A napi_struct holds the last sk_buff of up to MAX_GRO_FLOWS flows.  A segment that continues one (same addresses,
ports, acknowledgement, options; the next sequence number) is appended without a copy; everything else, and the end
of the poll, delivers what is held.  The order of a flow's segments never changes.

In a held sk_buff `cb0` is the sequence number that continues it, `cb1` the length of its IP and TCP headers, `cb2`
the IP identification that a packet without "don't fragment" would have to carry next.
"""

from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.dev import netif_receive_skb
from kernel.net.core.netdev_flags import GRO_HELD, GRO_MERGED, GRO_NORMAL, NETIF_F_GRO
from kernel.net.core.skb_data import skb_checksum, skb_try_coalesce
from kernel.net.core.skbuff import consume_skb, skb_pull, skb_trim
from kernel.uapi.if_ether import ETH_P_IP

CHECKSUM_NONE = 0
CHECKSUM_UNNECESSARY = 1
CHECKSUM_PARTIAL = 3
SKB_GSO_TCPV4 = 1
IPPROTO_TCP = 6
IP_DF = 0x4000
IP_MF_OR_OFFSET = 0x3FFF
TCP_CHECK_OFFSET = 16
TCP_PSH = 0x08
TCP_ACK = 0x10
# Flags with which a segment may be merged; every other one goes up alone.
TCP_MERGEABLE = TCP_PSH | TCP_ACK
MAX_GRO_FLOWS = 8
GRO_MAX_SIZE = 65535
U32 = 0xFFFFFFFF


def napi_gro_receive(napi, skb):
    """Take a frame from a driver, `data` behind the link header: merge it, hold it or deliver it."""
    dev = skb.dev
    skb.network_header = skb.data
    if dev.features & NETIF_F_GRO and skb.protocol == ETH_P_IP and skb.gso_size == 0:
        result = inet_gro_receive(napi, skb)
        if result != GRO_NORMAL:
            return result
    netif_receive_skb(skb)
    return GRO_NORMAL


def inet_gro_receive(napi, skb):
    """GRO for TCP over IPv4; GRO_NORMAL leaves `skb`, still at its IP header, to the caller."""
    ip = skb.data
    linear = skb.len - skb.data_len
    if linear < 40 or skb.get8(ip) != 0x45 or skb.get8(ip + 9) != IPPROTO_TCP:
        return GRO_NORMAL
    tcp = ip + 20
    held = napi.gro_list
    before = None
    while held is not None:
        if (
            held.get32(held.network_header + 20) == skb.get32(tcp)
            and held.get32(held.network_header + 12) == skb.get32(ip + 12)
            and held.get32(held.network_header + 16) == skb.get32(ip + 16)
        ):
            break
        before = held
        held = held.next
    total = skb.get16(ip + 2)
    header_len = 20 + (skb.get8(tcp + 12) >> 4) * 4
    fragment = skb.get16(ip + 6)
    flags = skb.get8(tcp + 13)
    mergeable = (
        header_len >= 40
        and total > header_len
        and linear >= header_len
        and total <= skb.len
        and fragment & IP_MF_OR_OFFSET == 0
        and flags & ~TCP_MERGEABLE & 0xFF == 0
        and flags & TCP_ACK != 0
        and csum_fold(skb_checksum(skb, 0, 20, 0)) == 0
    )
    if mergeable and skb.ip_summed != CHECKSUM_UNNECESSARY:
        pseudo = csum_tcpudp_nofold(skb.get32(ip + 12), skb.get32(ip + 16), total - 20, IPPROTO_TCP, 0)
        if skb.ip_summed == CHECKSUM_NONE and csum_fold(skb_checksum(skb, 20, total - 20, pseudo)) == 0:
            skb.ip_summed = CHECKSUM_UNNECESSARY
        else:
            mergeable = False
    if not mergeable:
        if held is not None:
            gro_deliver(napi, held, before)
        return GRO_NORMAL
    # What Ethernet padded a short packet with must not end up in the middle of the data.
    skb_trim(skb, total)
    payload = total - header_len
    seq = skb.get32(tcp + 4)
    if held is not None:
        if (
            seq == held.cb0
            and payload <= held.gso_size
            and held.len + payload <= GRO_MAX_SIZE
            and gro_same_headers(held, skb, header_len)
        ):
            skb_pull(skb, header_len)
            if skb_try_coalesce(held, skb):
                consume_skb(skb)
                held.cb0 = (seq + payload) & U32
                held.cb2 = (held.cb2 + 1) & 0xFFFF
                held.gso_segs += 1
                if flags & TCP_PSH:
                    held.put8(held.network_header + 33, flags)
                if payload < held.gso_size or flags & TCP_PSH:
                    gro_deliver(napi, held, before)
                return GRO_MERGED
            skb.data -= header_len
            skb.len += header_len
        gro_deliver(napi, held, before)
    if flags & TCP_PSH:
        # The sender has pushed: nothing more is likely to follow at once.
        return GRO_NORMAL
    if napi.gro_count >= MAX_GRO_FLOWS:
        gro_deliver(napi, napi.gro_list, None)
    skb.gso_size = payload
    skb.gso_segs = 1
    skb.cb0 = (seq + payload) & U32
    skb.cb1 = header_len
    skb.cb2 = (skb.get16(ip + 4) + 1) & 0xFFFF
    gro_hold(napi, skb)
    return GRO_HELD


def gro_same_headers(held, skb, header_len):
    """True when `skb` continues `held` as far as its headers say."""
    ours = held.network_header
    theirs = skb.network_header
    if held.cb1 != header_len or held.vlan_present != skb.vlan_present or held.vlan_tci != skb.vlan_tci:
        return False
    # Version, header length and type of service; the flags; time to live and protocol.
    if held.get16(ours) != skb.get16(theirs) or held.get16(ours + 8) != skb.get16(theirs + 8):
        return False
    fragment = skb.get16(theirs + 6)
    if held.get16(ours + 6) != fragment:
        return False
    if not fragment & IP_DF and skb.get16(theirs + 4) != held.cb2:
        return False
    # The acknowledgement number, then the options (RFC 7323's timestamps among them).
    if held.get32(ours + 28) != skb.get32(theirs + 28):
        return False
    position = 40
    while position < header_len:
        if held.get32(ours + position) != skb.get32(theirs + position):
            return False
        position += 4
    if held.mac_header + 14 == ours and skb.mac_header + 14 == theirs:
        for i in range(3):
            if held.get32(held.mac_header + 4 * i) != skb.get32(skb.mac_header + 4 * i):
                return False
    return True


def gro_hold(napi, skb):
    """Append `skb` to what `napi` holds."""
    last = napi.gro_list
    skb.next = None
    napi.gro_count += 1
    if last is None:
        napi.gro_list = skb
        return
    while last.next is not None:
        last = last.next
    last.next = skb


def gro_deliver(napi, held, before):
    """Take `held`, which follows `before` in the list, out and send it up."""
    if before is None:
        napi.gro_list = held.next
    else:
        before.next = held.next
    held.next = None
    napi.gro_count -= 1
    gro_complete(held)
    netif_receive_skb(held)


def gro_complete(skb):
    """Make the headers of a merged sk_buff true for its new length."""
    if skb.gso_segs <= 1:
        skb.gso_size = 0
        skb.gso_segs = 0
        return
    ip = skb.network_header
    skb.gso_type = SKB_GSO_TCPV4
    skb.transport_header = ip + 20
    skb.put16(ip + 2, skb.len)
    skb.put16(ip + 10, 0)
    skb.put16(ip + 10, csum_fold(skb_checksum(skb, 0, 20, 0)))
    pseudo = csum_tcpudp_nofold(skb.get32(ip + 12), skb.get32(ip + 16), skb.len - 20, IPPROTO_TCP, 0)
    skb.put16(ip + 20 + TCP_CHECK_OFFSET, csum_fold(pseudo) ^ 0xFFFF)
    skb.ip_summed = CHECKSUM_PARTIAL
    skb.csum_start = ip + 20
    skb.csum_offset = TCP_CHECK_OFFSET


def napi_gro_flush(napi):
    """Deliver everything that `napi` holds, oldest first."""
    while napi.gro_list is not None:
        gro_deliver(napi, napi.gro_list, None)
