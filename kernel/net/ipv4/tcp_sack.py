"""Selective acknowledgments: tagging the retransmission queue (RFC 2018, RFC 2883) and the delivery rate samples."""

from kernel.net.ipv4.tcp_const import (
    FLAG_DATA_SACKED,
    FLAG_DSACK_TLP,
    FLAG_DSACKING_ACK,
    FLAG_ORIG_SACK_ACKED,
    TCP_DSACK_SEEN,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    U32_MASK,
)
from kernel.net.ipv4.tcp_queue import tcp_fragment
from kernel.net.ipv4.tcp_recovery import tcp_rack_advance, tcp_skb_sent_after
from kernel.net.ipv4.tcp_sock import after, before
from kernel.uapi.tcp import TCP_CA_Loss

NUM_BLOCKS = 4


def tcp_highest_sack_seq(sk):
    """The sequence number up to which something has been SACKed."""
    if sk.sacked_out == 0:
        return sk.snd_una
    if sk.highest_sack is None:
        return sk.snd_nxt
    return sk.highest_sack.seq


def tcp_is_sackblock_valid(sk, is_dsack, start, end):
    """RFC 2018 does not say it: a block must lie in what we have sent (RFC 2883 allows a DSACK below snd_una)."""
    if after(end, sk.snd_nxt) or not before(start, end):
        return False
    if not before(start, sk.snd_nxt):
        return False
    if after(start, sk.snd_una):
        return True
    if not is_dsack or sk.undo_marker == 0:
        return False
    if after(end, sk.snd_una):
        return False
    if not before(start, sk.undo_marker):
        return True
    if not after(end, sk.undo_marker):
        return False
    return not before(start, (end - sk.max_window) & U32_MASK)


def tcp_check_dsack(sk, skb, prior_snd_una):
    """True when the first block reports a duplicate (RFC 2883 section 4)."""
    mib = sk.net.mib
    pos = skb.cb3
    start = skb.get32(pos)
    end = skb.get32(pos + 4)
    if before(start, skb.ack_seq):
        mib.TcpExtTCPDSACKRecv += 1
    elif skb.cb2 > 1:
        if after(end, skb.get32(pos + 12)) or before(start, skb.get32(pos + 8)):
            return False
        mib.TcpExtTCPDSACKOfoRecv += 1
    else:
        return False
    dup_segs = tcp_dsack_seen(sk, start, end)
    if dup_segs == 0:
        # More duplicates than we ever sent again: the network copies packets.
        mib.TcpExtTCPDSACKIgnoredDubious += 1
        return False
    mib.TcpExtTCPDSACKRecvSegs += dup_segs
    if (sk.undo_marker and sk.undo_retrans > 0 and not after(end, prior_snd_una) and after(end, sk.undo_marker)):
        sk.undo_retrans = max(0, sk.undo_retrans - dup_segs)
    return True


def tcp_dsack_seen(sk, start, end):
    """Note a duplicate; how many segments it spans, or 0 when we can not have caused it."""
    length = (end - start) & U32_MASK
    dup_segs = 1
    if length > sk.mss_cache:
        dup_segs = (length + sk.mss_cache - 1) // sk.mss_cache
    elif sk.tlp_high_seq and sk.tlp_high_seq == end:
        sk.ack_flag |= FLAG_DSACK_TLP
    sk.dsack_dups += dup_segs
    if sk.dsack_dups > sk.total_retrans:
        return 0
    sk.sack_ok |= TCP_DSACK_SEEN
    # Reordering that was never seen would not explain an early retransmission.
    if sk.reord_seen and not sk.ack_flag & FLAG_DSACK_TLP:
        sk.rack_dsack_seen = True
    sk.ack_flag |= FLAG_DSACKING_ACK
    return dup_segs


def tcp_sacktag_write_queue(sk, skb, prior_snd_una):
    """Tag what the SACK blocks of `skb` cover; adds to sk.ack_flag and fills the sst_ fields."""
    num = min(skb.cb2, NUM_BLOCKS)
    pos = skb.cb3
    sk.sst_reord = sk.snd_nxt
    if sk.sacked_out == 0:
        sk.highest_sack = sk.tcp_rtx_queue.first
    found_dup = tcp_check_dsack(sk, skb, prior_snd_una)
    # An old ACK may carry blocks of an earlier turn of the sequence numbers.
    if before(skb.ack_seq, (prior_snd_una - sk.max_window) & U32_MASK):
        return
    if sk.packets_out == 0:
        return
    mib = sk.net.mib
    i = 0
    while i < num:
        start = skb.get32(pos + 8 * i)
        end = skb.get32(pos + 8 * i + 4)
        dup = found_dup and i == 0
        i += 1
        if not tcp_is_sackblock_valid(sk, dup, start, end):
            if dup:
                if sk.undo_marker == 0:
                    mib.TcpExtTCPDSACKIgnoredNoUndo += 1
                else:
                    mib.TcpExtTCPDSACKIgnoredOld += 1
            # Acknowledged meanwhile: not the peer's fault.
            elif after(end, sk.snd_una):
                mib.TcpExtTCPSACKDiscard += 1
            continue
        if not after(end, prior_snd_una):
            continue
        if not dup:
            start = tcp_sack_cache_skip(sk, start, end)
            if not before(start, end):
                continue
        tcp_sacktag_walk(sk, start, end, dup)
    i = 0
    while i < NUM_BLOCKS:
        if i < num:
            sk.recv_sack_start[i] = skb.get32(pos + 8 * i)
            sk.recv_sack_end[i] = skb.get32(pos + 8 * i + 4)
        else:
            sk.recv_sack_start[i] = 0
            sk.recv_sack_end[i] = 0
        i += 1
    if found_dup:
        # The first block was a duplicate, not news of what has arrived.
        sk.recv_sack_start[0] = 0
        sk.recv_sack_end[0] = 0
    if sk.icsk_ca_state != TCP_CA_Loss or sk.undo_marker:
        tcp_check_sack_reordering(sk, sk.sst_reord, False)


def tcp_sack_cache_skip(sk, start, end):
    """Where the part of a block begins that the last ACK did not have: blocks grow at their end."""
    i = 0
    while i < NUM_BLOCKS:
        low = sk.recv_sack_start[i]
        high = sk.recv_sack_end[i]
        if low != high and not before(start, low) and before(start, high):
            return high
        i += 1
    return start


def tcp_sack_cache_clear(sk):
    i = 0
    while i < NUM_BLOCKS:
        sk.recv_sack_start[i] = 0
        sk.recv_sack_end[i] = 0
        i += 1


def tcp_sacktag_walk(sk, start, end, dup):
    """Tag the sk_buffs within [start, end); those that reach over an edge are cut there."""
    skb = sk.highest_sack
    if skb is None or before(start, skb.seq):
        skb = sk.tcp_rtx_queue.first
    while skb is not None and not after(skb.end_seq, start):
        skb = skb.next
    while skb is not None:
        if not before(skb.seq, end):
            break
        in_sack = tcp_match_skb_to_sack(sk, skb, start, end)
        if in_sack < 0:
            break
        if in_sack:
            tcp_sacktag_one(sk, skb, dup)
            tcp_rate_skb_delivered(sk, skb)
            if skb.sacked & TCPCB_SACKED_ACKED and not before(skb.seq, tcp_highest_sack_seq(sk)):
                sk.highest_sack = skb.next
        skb = skb.next


def tcp_match_skb_to_sack(sk, skb, start, end):
    """1: `skb` (cut if need be) lies in the block; 0: it does not; negative: no memory, or too small a piece."""
    if not after(start, skb.seq) and not before(end, skb.end_seq):
        return 1
    if skb.tcp_pcount <= 1 or not after(skb.end_seq, start):
        return 0
    mss = skb.gso_size
    in_sack = 1 if not after(start, skb.seq) else 0
    if in_sack:
        length = (end - skb.seq) & U32_MASK
        if length < mss:
            return -1
    else:
        length = (start - skb.seq) & U32_MASK
        if length < mss:
            length = mss
    # Cut between segments only: what the network delivers or loses is whole segments.
    if length > mss:
        whole = length // mss * mss
        if not in_sack and whole < length:
            whole += mss
        length = whole
    if length >= skb.len:
        return in_sack
    if tcp_fragment(sk, skb, length, mss) < 0:
        return -1
    return in_sack


def tcp_sacktag_one(sk, skb, dup):
    """`skb` is reported as received (`dup`: once more)."""
    sacked = skb.sacked
    pcount = skb.tcp_pcount
    if dup and sacked & TCPCB_RETRANS:
        if sk.undo_marker and sk.undo_retrans > 0 and after(skb.end_seq, sk.undo_marker):
            sk.undo_retrans = max(0, sk.undo_retrans - pcount)
        if sacked & TCPCB_SACKED_ACKED and before(skb.seq, sk.sst_reord):
            sk.sst_reord = skb.seq
    if not after(skb.end_seq, sk.snd_una):
        return
    if not sacked & TCPCB_SACKED_ACKED:
        tcp_rack_advance(sk, sacked, skb.end_seq, skb.skb_mstamp)
        if sacked & TCPCB_SACKED_RETRANS:
            if sacked & TCPCB_LOST:
                sacked &= ~(TCPCB_LOST | TCPCB_SACKED_RETRANS)
                sk.lost_out -= pcount
                sk.retrans_out -= pcount
        else:
            if not sacked & TCPCB_RETRANS:
                # Below something that has arrived, and sent only once: it was overtaken.
                if before(skb.seq, tcp_highest_sack_seq(sk)) and before(skb.seq, sk.sst_reord):
                    sk.sst_reord = skb.seq
                if not after(skb.end_seq, sk.high_seq):
                    sk.ack_flag |= FLAG_ORIG_SACK_ACKED
                # One that a timeout gave up may have arrived long ago, and its report was lost: a sample would measure
                # how long the timer waited, and the next timeout would be longer still.
                if not sacked & TCPCB_LOST:
                    if sk.sst_first_sackt == 0:
                        sk.sst_first_sackt = skb.skb_mstamp
                    sk.sst_last_sackt = skb.skb_mstamp
            if sacked & TCPCB_LOST:
                sacked &= ~TCPCB_LOST
                sk.lost_out -= pcount
        sacked |= TCPCB_SACKED_ACKED
        sk.ack_flag |= FLAG_DATA_SACKED
        sk.sacked_out += pcount
        sk.delivered += pcount
    if dup and sacked & TCPCB_SACKED_RETRANS:
        sacked &= ~TCPCB_SACKED_RETRANS
        sk.retrans_out -= pcount
    skb.sacked = sacked


def tcp_check_sack_reordering(sk, low_seq, ts):
    """Something at `low_seq` arrived late without having been sent twice: the path reorders by that much."""
    fack = tcp_highest_sack_seq(sk)
    if not before(low_seq, fack):
        return
    metric = (fack - low_seq) & U32_MASK
    mss = sk.mss_cache
    if mss and metric > sk.reordering * mss:
        sk.reordering = min((metric + mss - 1) // mss, sk.net.sysctl_tcp_max_reordering)
    sk.reord_seen += 1
    if ts:
        sk.net.mib.TcpExtTCPTSReorder += 1
    else:
        sk.net.mib.TcpExtTCPSACKReorder += 1


# --- without SACK: duplicate ACKs count as if they were ---


def tcp_limit_reno_sacked(sk):
    """There is one hole at least; True when the duplicates exceed what can have arrived."""
    holes = min(max(sk.lost_out, 1), sk.packets_out)
    if sk.sacked_out + holes > sk.packets_out:
        sk.sacked_out = sk.packets_out - holes
        return True
    return False


def tcp_check_reno_reordering(sk, addend):
    if not tcp_limit_reno_sacked(sk):
        return
    sk.reordering = min(sk.packets_out + addend, sk.net.sysctl_tcp_max_reordering)
    sk.reord_seen += 1
    sk.net.mib.TcpExtTCPRenoReorder += 1


def tcp_add_reno_sack(sk, num_dupack):
    if num_dupack:
        prior = sk.sacked_out
        sk.sacked_out += num_dupack
        tcp_check_reno_reordering(sk, 0)
        if sk.sacked_out > prior:
            sk.delivered += sk.sacked_out - prior


def tcp_remove_reno_sacks(sk, acked):
    """An ACK that moves on has filled one hole; the others of its segments were the duplicates."""
    if acked > 0:
        sk.delivered += max(acked - sk.sacked_out, 1)
        if acked - 1 >= sk.sacked_out:
            sk.sacked_out = 0
        else:
            sk.sacked_out -= acked - 1
    tcp_check_reno_reordering(sk, acked)


# --- delivery rate (draft-cheng-iccrg-delivery-rate-estimation) ---


def tcp_rate_skb_delivered(sk, skb):
    """An sk_buff was delivered: the most recently sent one of this ACK makes the sample."""
    if skb.tx_delivered_mstamp == 0:
        return
    if sk.rs_prior_delivered == 0 or tcp_skb_sent_after(skb.skb_mstamp, sk.first_tx_mstamp, skb.end_seq,
                                                        sk.rs_last_end_seq):
        sk.rs_prior_delivered = skb.tx_delivered if skb.tx_delivered else 1
        sk.rs_prior_mstamp = skb.tx_delivered_mstamp
        sk.rs_is_app_limited = skb.tx_app_limited
        sk.rs_is_retrans = skb.sacked & TCPCB_RETRANS != 0
        sk.rs_last_end_seq = skb.end_seq
        sk.first_tx_mstamp = skb.skb_mstamp
        sk.rs_snd_interval_us = skb.skb_mstamp - skb.tx_first_mstamp
    if skb.sacked & TCPCB_SACKED_ACKED:
        # Sampled now: the cumulative ACK that follows must not sample it again.
        skb.tx_delivered_mstamp = 0


def tcp_rate_gen(sk, delivered, lost, is_sack_reneg):
    """The end of an ACK: what was delivered since the sampled segment was sent, and in which time."""
    if sk.app_limited and sk.delivered > sk.app_limited:
        sk.app_limited = 0
    if delivered:
        sk.delivered_mstamp = sk.tcp_mstamp
    sk.rs_acked_sacked = delivered
    sk.rs_losses = lost
    if sk.rs_prior_mstamp == 0 or is_sack_reneg:
        sk.rs_delivered = -1
        sk.rs_interval_us = -1
        return
    sk.rs_delivered = sk.delivered - sk.rs_prior_delivered
    sk.rs_interval_us = max(sk.rs_snd_interval_us, sk.tcp_mstamp - sk.rs_prior_mstamp)
    if sk.rs_interval_us < sk.min_rtt[0]:
        sk.rs_interval_us = -1
        return
    if not sk.rs_is_app_limited or sk.rs_delivered * sk.rate_interval_us >= sk.rate_delivered * sk.rs_interval_us:
        sk.rate_delivered = sk.rs_delivered
        sk.rate_interval_us = sk.rs_interval_us
        sk.rate_app_limited = sk.rs_is_app_limited


def tcp_rate_check_app_limited(sk):
    """The user has less to send than the network would take: what is measured now is not the path's rate."""
    if ((sk.write_seq - sk.snd_nxt) & U32_MASK) < sk.mss_cache and sk.sk_wmem_alloc < 2048:
        in_flight = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out
        if in_flight < sk.snd_cwnd and sk.lost_out <= sk.retrans_out:
            sk.app_limited = sk.delivered + in_flight
            if sk.app_limited == 0:
                sk.app_limited = 1
