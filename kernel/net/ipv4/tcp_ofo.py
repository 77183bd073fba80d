"""What arrives out of order: the queue that keeps it, the SACK blocks that report it, and the memory that it may use."""

from kernel.net.core.sk_mem import sk_mem_refused
from kernel.net.core.skb_data import skb_append_range, skb_try_coalesce
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, skb_copy_header
from kernel.net.core.sock import skb_set_owner_r
from kernel.net.ipv4.tcp_const import TCP_NUM_SACKS
from kernel.net.ipv4.tcp_control import tcp_send_ack
from kernel.net.ipv4.tcp_sock import after, before, inet_csk_schedule_ack
from kernel.net.ipv4.tcp_window import tcp_grow_window, tcp_measure_rcv_mss, tcp_rcvbuf_grow
from kernel.uapi.tcp import TCPHDR_FIN, TCPHDR_SYN

SOCK_RCVBUF_LOCK = 2
# Queues are copied together into pieces of this size when their sk_buffs waste memory.
COLLAPSE_SIZE = 16384


# --- reporting (RFC 2018, RFC 2883) ---


def tcp_dsack_set(sk, seq, end_seq):
    """Report [seq, end_seq) as received twice with the next acknowledgment."""
    if not sk.sack_ok or not sk.net.sysctl_tcp_dsack:
        return
    if before(seq, sk.rcv_nxt):
        sk.net.mib.TcpExtTCPDSACKOldSent += 1
    else:
        sk.net.mib.TcpExtTCPDSACKOfoSent += 1
    sk.dsack = True
    sk.dsack_start = seq
    sk.dsack_end = end_seq


def tcp_dsack_extend(sk, seq, end_seq):
    """Add [seq, end_seq) to the duplicate being reported, where it touches it."""
    if not sk.dsack:
        tcp_dsack_set(sk, seq, end_seq)
    elif not after(seq, sk.dsack_end) and not after(sk.dsack_start, end_seq):
        if before(seq, sk.dsack_start):
            sk.dsack_start = seq
        if after(end_seq, sk.dsack_end):
            sk.dsack_end = end_seq


def tcp_sack_extend(sk, i, seq, end_seq):
    """Merge [seq, end_seq) into block `i` when they touch."""
    if after(seq, sk.sack_end[i]) or after(sk.sack_start[i], end_seq):
        return False
    if before(seq, sk.sack_start[i]):
        sk.sack_start[i] = seq
    if after(end_seq, sk.sack_end[i]):
        sk.sack_end[i] = end_seq
    return True


def tcp_sack_delete(sk, i):
    """Block `i` is gone: those behind move up."""
    sk.num_sacks -= 1
    while i < sk.num_sacks:
        sk.sack_start[i] = sk.sack_start[i + 1]
        sk.sack_end[i] = sk.sack_end[i + 1]
        i += 1


def tcp_sack_new_ofo_skb(sk, seq, end_seq):
    """The newest segment's block comes first (RFC 2018 section 4)."""
    i = 0
    while i < sk.num_sacks:
        if tcp_sack_extend(sk, i, seq, end_seq):
            start = sk.sack_start[i]
            end = sk.sack_end[i]
            while i > 0:
                sk.sack_start[i] = sk.sack_start[i - 1]
                sk.sack_end[i] = sk.sack_end[i - 1]
                i -= 1
            sk.sack_start[0] = start
            sk.sack_end[0] = end
            i = 1
            while i < sk.num_sacks:
                if tcp_sack_extend(sk, 0, sk.sack_start[i], sk.sack_end[i]):
                    tcp_sack_delete(sk, i)
                else:
                    i += 1
            return
        i += 1
    if sk.num_sacks >= TCP_NUM_SACKS:
        # What the oldest block would have told goes out before it is forgotten.
        if sk.compressed_ack:
            tcp_send_ack(sk)
        sk.num_sacks -= 1
    i = sk.num_sacks
    while i > 0:
        sk.sack_start[i] = sk.sack_start[i - 1]
        sk.sack_end[i] = sk.sack_end[i - 1]
        i -= 1
    sk.sack_start[0] = seq
    sk.sack_end[0] = end_seq
    sk.num_sacks += 1


def tcp_sack_remove(sk):
    """rcv_nxt has moved: blocks below it are acknowledged."""
    if sk.out_of_order_queue.first is None:
        sk.num_sacks = 0
        return
    i = 0
    while i < sk.num_sacks:
        if not before(sk.rcv_nxt, sk.sack_start[i]):
            tcp_sack_delete(sk, i)
        else:
            i += 1


# --- memory ---


def tcp_try_rmem_schedule(sk, size):
    """Make sure that the receive buffer takes `size` more bytes; False: drop the segment."""
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        if not sk_mem_refused(sk, size, True):
            return True
    elif tcp_prune_queue(sk):
        return not sk_mem_refused(sk, size, True) or tcp_prune_ofo_queue(sk)
    return tcp_prune_ofo_queue(sk)


def tcp_clamp_window(sk):
    """The buffer is overrun: enlarge it within tcp_rmem, or else offer two segments only."""
    sk.ack_quick = 0
    limit = sk.net.sysctl_tcp_rmem_max
    if sk.sk_rcvbuf < limit and not sk.sk_userlocks & SOCK_RCVBUF_LOCK:
        sk.sk_rcvbuf = min(sk.sk_rmem_alloc, limit)
    if sk.sk_rmem_alloc > sk.sk_rcvbuf:
        sk.rcv_ssthresh = min(sk.window_clamp, 2 * sk.advmss)


def tcp_prune_queue(sk):
    """Get below the buffer's size without losing what was acknowledged."""
    mib = sk.net.mib
    mib.TcpExtPruneCalled += 1
    if sk.sk_rmem_alloc >= sk.sk_rcvbuf:
        tcp_clamp_window(sk)
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        return True
    tcp_collapse(sk, sk.out_of_order_queue)
    tcp_collapse(sk, sk.sk_receive_queue)
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        return True
    tcp_prune_ofo_queue(sk)
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf:
        return True
    mib.TcpExtRcvPruned += 1
    sk.pred_flags = 0
    return False


def tcp_prune_ofo_queue(sk):
    """Throw away out-of-order data, the last first (RFC 2018 allows that); True when that made room."""
    if sk.out_of_order_queue.first is None:
        return False
    sk.net.mib.TcpExtOfoPruned += 1
    while sk.out_of_order_queue.last is not None and sk.sk_rmem_alloc > sk.sk_rcvbuf - (sk.sk_rcvbuf >> 3):
        kfree_skb(sk.out_of_order_queue.dequeue_tail(), "TCP_OFO_QUEUE_PRUNE")
    # What was SACKed may be gone: the sender must not rely on it.
    sk.num_sacks = 0
    return sk.sk_rmem_alloc <= sk.sk_rcvbuf


def tcp_collapse(sk, queue):
    """Copy runs of wasteful sk_buffs of a receive queue together."""
    skb = queue.first
    while skb is not None:
        following = skb.next
        if skb.tcp_flags & (TCPHDR_SYN | TCPHDR_FIN) or skb.truesize < 2 * skb.len or skb.len >= COLLAPSE_SIZE:
            skb = following
            continue
        run = skb.len
        last = skb
        while following is not None and following.seq == last.end_seq and run + following.len <= COLLAPSE_SIZE:
            if following.tcp_flags & (TCPHDR_SYN | TCPHDR_FIN) or following.truesize < 2 * following.len:
                break
            run += following.len
            last = following
            following = following.next
        if last is not skb:
            tcp_collapse_run(sk, queue, skb, last, run)
        skb = following


def tcp_collapse_run(sk, queue, first, last, size):
    """Replace `first` to `last` by one sk_buff; nothing changes when RAM is full."""
    merged = alloc_skb(sk.net.skb_cache, size)
    if merged is None:
        return
    skb_copy_header(merged, first)
    merged.gso_size = 0
    merged.gso_segs = 0
    merged.end_seq = last.end_seq
    queue.insert_before(first, merged)
    skb = first
    while skb is not None:
        following = skb.next
        skb_append_range(merged, skb, 0, skb.len)
        final = skb is last
        queue.unlink(skb)
        consume_skb(skb)
        sk.net.mib.TcpExtTCPRcvCollapsed += 1
        if final:
            break
        skb = following
    skb_set_owner_r(merged, sk)


# --- the queue ---


def tcp_try_coalesce(sk, to, skb):
    """Append `skb` to `to`, its neighbour in the stream; True: `skb` can go."""
    if skb.seq != to.end_seq or to.tcp_flags & TCPHDR_FIN or to.eor:
        return False
    size = to.truesize
    if not skb_try_coalesce(to, skb):
        return False
    sk.sk_rmem_alloc += to.truesize - size
    sk.sk_prot.memory_allocated += to.truesize - size
    sk.net.mib.TcpExtTCPRcvCoalesce += 1
    to.end_seq = skb.end_seq
    to.ack_seq = skb.ack_seq
    to.tcp_flags |= skb.tcp_flags
    if skb.tstamp:
        to.tstamp = skb.tstamp
    return True


def tcp_data_queue_ofo(sk, skb):
    """Keep a segment that lies beyond a hole.  Consumes it."""
    mib = sk.net.mib
    if not tcp_try_rmem_schedule(sk, skb.truesize):
        mib.TcpExtTCPOFODrop += 1
        kfree_skb(skb, "TCP_OFODROP")
        return
    tcp_measure_rcv_mss(sk, skb)
    sk.pred_flags = 0
    inet_csk_schedule_ack(sk)
    sk.rcv_ooopack += max(1, skb.gso_segs)
    mib.TcpExtTCPOFOQueue += 1
    seq = skb.seq
    end_seq = skb.end_seq
    if tcp_ofo_insert(sk, skb):
        # Without SACK the sender counts duplicate ACKs, and one with another window is none (RFC 5681 section 2).
        if sk.sack_ok:
            tcp_grow_window(sk, skb)
        skb_set_owner_r(skb, sk)
    if sk.sk_socket is not None:
        # A program waits for what comes: give reordering room.  A connection nobody has accepted must do with what it has.
        tcp_rcvbuf_grow(sk, (sk.rcvq_space_space << 1) + 16 * sk.advmss)
    if sk.sack_ok:
        tcp_sack_new_ofo_skb(sk, seq, end_seq)


def tcp_ofo_insert(sk, skb):
    """Find the place of `skb`; False when it has been merged or dropped."""
    queue = sk.out_of_order_queue
    seq = skb.seq
    end_seq = skb.end_seq
    prev = queue.last
    # Mostly it goes to the end.
    while prev is not None and before(seq, prev.seq):
        prev = prev.prev
    if prev is not None and before(seq, prev.end_seq):
        if not after(end_seq, prev.end_seq):
            sk.net.mib.TcpExtTCPOFOMerge += 1
            tcp_dsack_set(sk, seq, end_seq)
            kfree_skb(skb, "TCP_OFOMERGE")
            return False
        if after(seq, prev.seq):
            tcp_dsack_set(sk, seq, prev.end_seq)
        else:
            # The same start, and longer: it replaces what was there.
            tcp_dsack_extend(sk, seq, prev.end_seq)
            old = prev
            prev = prev.prev
            sk.net.mib.TcpExtTCPOFOMerge += 1
            queue.unlink(old)
            kfree_skb(old, "TCP_OFOMERGE")
    merged = prev is not None and tcp_try_coalesce(sk, prev, skb)
    if merged:
        consume_skb(skb)
        skb = prev
    elif prev is None:
        queue.queue_head(skb)
    else:
        queue.insert_after(prev, skb)
    following = skb.next
    while following is not None:
        if not after(end_seq, following.seq):
            break
        if before(end_seq, following.end_seq):
            tcp_dsack_extend(sk, following.seq, end_seq)
            break
        old = following
        following = following.next
        tcp_dsack_extend(sk, old.seq, old.end_seq)
        sk.net.mib.TcpExtTCPOFOMerge += 1
        queue.unlink(old)
        kfree_skb(old, "TCP_OFOMERGE")
    return not merged
