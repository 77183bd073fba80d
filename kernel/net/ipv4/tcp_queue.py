"""The sk_buffs of the write and the retransmission queue: making them, counting their segments, cutting them up.

An sk_buff on the queues holds its payload in fragments only.  `tcp_pcount` is how many segments the device will cut it
into, `gso_size` their payload (0: one segment).
"""

from kernel.net.core.skb_data import skb_split, skb_try_coalesce
from kernel.net.core.skbuff import alloc_skb, consume_skb, skb_reserve
from kernel.net.ipv4.tcp_const import MAX_TCP_HEADER, TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, U32_MASK
from kernel.net.ipv4.tcp_sock import before
from kernel.uapi.errno import ENOMEM
from kernel.uapi.tcp import TCPHDR_FIN, TCPHDR_PSH


def tcp_stream_alloc_skb(sk):
    """An empty sk_buff for the write queue, with headroom for all headers; None when RAM is full."""
    skb = alloc_skb(sk.net.skb_cache, MAX_TCP_HEADER)
    if skb is not None:
        skb_reserve(skb, MAX_TCP_HEADER)
        skb.tcp_pcount = 1
    return skb


def tcp_set_skb_tso_segs(skb, mss_now):
    """Count the segments that `skb` makes; returns the count."""
    if skb.len <= mss_now:
        skb.gso_size = 0
        skb.tcp_pcount = 1
        return 1
    skb.gso_size = mss_now
    skb.tcp_pcount = (skb.len + mss_now - 1) // mss_now
    return skb.tcp_pcount


def tcp_fragment(sk, skb, length, mss_now):
    """Split `skb` (on the write or the retransmission queue) after `length` bytes; 0 or -ENOMEM."""
    rest = tcp_stream_alloc_skb(sk)
    if rest is None:
        return -ENOMEM
    sent = skb.list is sk.tcp_rtx_queue
    old_pcount = skb.tcp_pcount
    skb_split(skb, rest, length)
    skb.truesize -= rest.len
    sk.sk_wmem_queued += rest.truesize
    sk.sk_prot.memory_allocated += rest.truesize
    rest.truesize += rest.len
    rest.seq = (skb.seq + length) & U32_MASK
    rest.end_seq = skb.end_seq
    skb.end_seq = rest.seq
    rest.tcp_flags = skb.tcp_flags
    skb.tcp_flags &= ~(TCPHDR_FIN | TCPHDR_PSH)
    rest.sacked = skb.sacked
    rest.eor = skb.eor
    skb.eor = False
    rest.skb_mstamp = skb.skb_mstamp
    rest.tx_first_mstamp = skb.tx_first_mstamp
    rest.tx_delivered_mstamp = skb.tx_delivered_mstamp
    rest.tx_delivered = skb.tx_delivered
    rest.tx_app_limited = skb.tx_app_limited
    if skb.tx_flags and not before(skb.tskey, rest.seq):
        # The byte that was marked is in the second part.
        rest.tx_flags = skb.tx_flags
        rest.tskey = skb.tskey
        skb.tx_flags = 0
    tcp_set_skb_tso_segs(skb, mss_now)
    tcp_set_skb_tso_segs(rest, mss_now)
    skb.list.insert_after(skb, rest)
    if sent:
        diff = old_pcount - skb.tcp_pcount - rest.tcp_pcount
        if diff:
            tcp_adjust_pcount(sk, skb, diff)
    return 0


def tcp_adjust_pcount(sk, skb, decr):
    """A sent sk_buff counts `decr` segments fewer now: take them off every sum that it is in."""
    sk.packets_out -= decr
    if skb.sacked & TCPCB_SACKED_ACKED:
        sk.sacked_out -= decr
    if skb.sacked & TCPCB_SACKED_RETRANS:
        sk.retrans_out -= decr
    if skb.sacked & TCPCB_LOST:
        sk.lost_out -= decr
    if not sk.sack_ok and sk.sacked_out > 0:
        sk.sacked_out -= min(sk.sacked_out, decr) if decr > 0 else 0


def tcp_trim_head(sk, skb, length):
    """The first `length` bytes of a sent sk_buff are acknowledged: what remains takes its place in the queue.

    Returns the sk_buff that now stands there: `skb` itself, uncut, when RAM is full.
    """
    rest = tcp_stream_alloc_skb(sk)
    if rest is None:
        return skb
    mss_now = skb.gso_size
    skb_split(skb, rest, length)
    rest.truesize += rest.len
    rest.seq = (skb.seq + length) & U32_MASK
    rest.end_seq = skb.end_seq
    rest.tcp_flags = skb.tcp_flags
    rest.sacked = skb.sacked
    rest.eor = skb.eor
    rest.skb_mstamp = skb.skb_mstamp
    rest.tx_first_mstamp = skb.tx_first_mstamp
    rest.tx_delivered_mstamp = skb.tx_delivered_mstamp
    rest.tx_delivered = skb.tx_delivered
    rest.tx_app_limited = skb.tx_app_limited
    rest.tx_flags = skb.tx_flags
    rest.tskey = skb.tskey
    if mss_now:
        tcp_set_skb_tso_segs(rest, mss_now)
    sk.sk_wmem_queued = sk.sk_wmem_queued + rest.truesize - skb.truesize
    sk.sk_prot.memory_allocated = sk.sk_prot.memory_allocated + rest.truesize - skb.truesize
    sk.tcp_rtx_queue.insert_after(skb, rest)
    if sk.highest_sack is skb:
        sk.highest_sack = rest
    if sk.retransmit_skb_hint is skb:
        sk.retransmit_skb_hint = rest
    if sk.sack_hint is skb:
        sk.sack_hint = None
    sk.tcp_rtx_queue.unlink(skb)
    skb.truesize = 0
    consume_skb(skb)
    return rest


def tcp_gather_head(sk, length):
    """Make the first sk_buff of the write queue hold at least `length` bytes by taking in those behind it; True when it does."""
    skb = sk.sk_write_queue.first
    while skb is not None and skb.len < length:
        following = skb.next
        if following is None or skb.eor or skb.tcp_flags & TCPHDR_FIN or following.tcp_flags & TCPHDR_FIN:
            return False
        before_size = skb.truesize
        if not skb_try_coalesce(skb, following):
            return False
        sk.sk_wmem_queued += skb.truesize - before_size
        sk.sk_prot.memory_allocated += skb.truesize - before_size
        skb.end_seq = following.end_seq
        skb.tcp_flags |= following.tcp_flags
        skb.eor = following.eor
        if following.tx_flags:
            skb.tx_flags = following.tx_flags
            skb.tskey = following.tskey
        sk.sk_write_queue.unlink(following)
        sk.sk_wmem_queued -= following.truesize
        sk.sk_prot.memory_allocated -= following.truesize
        consume_skb(following)
    return skb is not None
