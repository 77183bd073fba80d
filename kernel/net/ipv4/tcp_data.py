"""Received data: acceptability, queueing, FIN, urgent data, and when to acknowledge (RFC 9293 section 3.10.7.4)."""

from kernel.fs.fown import sk_send_sigurg
from kernel.net.core.skb_data import skb_copy_bits
from kernel.net.core.skbuff import consume_skb, kfree_skb, skb_pull
from kernel.net.core.sock import skb_set_owner_r
from kernel.net.core.sock_flags import SOCK_DEAD, SOCK_DONE, SOCK_URGINLINE
from kernel.net.ipv4.inet_connection_sock import tcp_set_state
from kernel.net.ipv4.tcp_const import (
    ICSK_ACK_NOW,
    ICSK_ACK_SCHED,
    NSEC_PER_USEC,
    TCP_ATO_MIN,
    TCP_ECN_DEMAND_CWR,
    TCP_ECN_OK,
    TCP_ECN_SEEN,
    TCP_MAX_QUICKACKS,
    TCP_URG_NOTYET,
    TCP_URG_VALID,
    U32_MASK,
)
from kernel.net.ipv4.tcp_control import tcp_send_ack, tcp_send_delayed_ack
from kernel.net.ipv4.tcp_ofo import (
    tcp_data_queue_ofo,
    tcp_dsack_extend,
    tcp_dsack_set,
    tcp_sack_remove,
    tcp_try_coalesce,
    tcp_try_rmem_schedule,
)
from kernel.net.ipv4.tcp_output import tcp_push_pending_frames
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    csk_timer,
    inet_csk_schedule_ack,
    sk_stream_is_writeable,
    tcp_fast_path_check,
    tcp_mstamp_refresh,
    tcp_packets_in_flight,
    tcp_receive_window,
)
from kernel.net.ipv4.tcp_timewait import tcp_time_wait
from kernel.net.ipv4.tcp_window import (
    tcp_choose_window,
    tcp_grow_window,
    tcp_measure_rcv_mss,
    tcp_rcv_rtt_measure,
    tcp_sndbuf_expand,
)
from kernel.uapi.poll import POLLPRI, POLLRDBAND
from kernel.uapi.socket import RCV_SHUTDOWN
from kernel.uapi.tcp import (
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_SYN_RECV,
    TCP_TIME_WAIT,
    TCPHDR_CWR,
    TCPHDR_FIN,
    TCPHDR_SYN,
    TCPHDR_URG,
)

SOCK_SNDBUF_LOCK = 1
INET_ECN_CE = 3
# Out-of-order segments that are acknowledged one by one before ACKs are compressed.
DUP_ACK_THRESHOLD = 3
COMPRESS_MIN = 500


# --- quick acknowledgments ---


def tcp_incr_quickack(sk, limit):
    quickacks = sk.rcv_wnd // (2 * sk.ack_rcv_mss)
    if quickacks == 0:
        quickacks = 2
    quickacks = min(quickacks, limit)
    if quickacks > sk.ack_quick:
        sk.ack_quick = quickacks


def tcp_enter_quickack_mode(sk, limit):
    """Acknowledge every segment for a while: the sender is in trouble or has just begun."""
    tcp_incr_quickack(sk, limit)
    sk.ack_pingpong = 0
    sk.ack_ato = TCP_ATO_MIN


def tcp_event_data_recv(sk, skb):
    """In-order data has come: update the delayed-ACK estimate and the window."""
    inet_csk_schedule_ack(sk)
    tcp_measure_rcv_mss(sk, skb)
    tcp_rcv_rtt_measure(sk)
    now = sk.tcp_mstamp
    if sk.ack_ato == 0:
        tcp_incr_quickack(sk, TCP_MAX_QUICKACKS)
        sk.ack_ato = TCP_ATO_MIN
    else:
        m = now - sk.ack_lrcvtime
        if m <= TCP_ATO_MIN >> 1:
            sk.ack_ato = (sk.ack_ato >> 1) + (TCP_ATO_MIN >> 1)
        elif m < sk.ack_ato:
            sk.ack_ato = (sk.ack_ato >> 1) + m
            if sk.ack_ato > sk.icsk_rto:
                sk.ack_ato = sk.icsk_rto
        elif m > sk.icsk_rto:
            # After a pause the sender starts again with a small window: it needs ACKs.
            tcp_incr_quickack(sk, TCP_MAX_QUICKACKS)
    sk.ack_lrcvtime = now
    if sk.ecn_flags & TCP_ECN_OK:
        tcp_ecn_check_ce(sk, skb)
    if skb.len >= 128:
        tcp_grow_window(sk, skb)


def tcp_ecn_check_ce(sk, skb):
    """RFC 3168 section 6.1.3: a congestion mark is echoed until the sender says that it has reduced."""
    ecn = skb.get8(skb.network_header + 1) & INET_ECN_CE
    if ecn == 0:
        if sk.ecn_flags & TCP_ECN_SEEN:
            # Possibly a retransmission, which never carries ECT.
            tcp_enter_quickack_mode(sk, 2)
        return
    if ecn == INET_ECN_CE:
        if not sk.ecn_flags & TCP_ECN_DEMAND_CWR:
            tcp_enter_quickack_mode(sk, 2)
            sk.ecn_flags |= TCP_ECN_DEMAND_CWR
    sk.ecn_flags |= TCP_ECN_SEEN


def tcp_ecn_accept_cwr(sk, skb):
    """The sender has reduced its window: stop echoing, and tell it at once should it be marked again."""
    if skb.tcp_flags & TCPHDR_CWR:
        sk.ecn_flags &= ~TCP_ECN_DEMAND_CWR
        if skb.seq != skb.end_seq:
            sk.ack_pending |= ICSK_ACK_NOW


# --- acknowledging ---


def tcp_ack_snd_check(sk):
    """After a segment was processed: acknowledge when that is due."""
    if sk.ack_pending & ICSK_ACK_SCHED:
        tcp_ack_snd_check_scheduled(sk, True)


def tcp_ack_snd_check_scheduled(sk, ofo_possible):
    if (((sk.rcv_nxt - sk.rcv_wup) & U32_MASK) > sk.ack_rcv_mss
            and (((sk.rcv_nxt - sk.copied_seq) & U32_MASK) < sk.sk_rcvlowat or tcp_choose_window(sk) >= sk.rcv_wnd)):
        # More than one full segment, and the window's right edge moves on with it.
        tcp_send_ack(sk)
        return
    if (sk.ack_quick and not sk.ack_pingpong) or sk.ack_pending & ICSK_ACK_NOW:
        tcp_send_ack(sk)
        return
    if not ofo_possible or sk.out_of_order_queue.first is None:
        tcp_send_delayed_ack(sk)
        return
    tcp_ack_compress(sk)


def tcp_ack_compress(sk):
    """Out-of-order data: the first duplicates at once, then one ACK per fraction of a round trip."""
    if not sk.sack_ok or sk.compressed_ack >= sk.net.sysctl_tcp_comp_sack_nr:
        tcp_send_ack(sk)
        return
    if sk.compressed_ack_rcv_nxt != sk.rcv_nxt:
        sk.compressed_ack_rcv_nxt = sk.rcv_nxt
        sk.dup_ack_counter = 0
    if sk.dup_ack_counter < DUP_ACK_THRESHOLD:
        sk.dup_ack_counter += 1
        tcp_send_ack(sk)
        return
    rtt = sk.rcv_rtt_est_rtt
    if sk.srtt_us and sk.srtt_us < rtt:
        rtt = sk.srtt_us
    delay = min(sk.net.sysctl_tcp_comp_sack_delay // NSEC_PER_USEC, rtt // 24)
    if delay < COMPRESS_MIN:
        # The timers tick in milliseconds: such a short wait is none.
        tcp_send_ack(sk)
        return
    sk.compressed_ack += 1
    if not sk.compressed_ack_timer.pending():
        sk.net.timers.mod_timer(sk.compressed_ack_timer, sk.net.timers.now() + delay * NSEC_PER_USEC)


class tcp_compressed_ack_timer(csk_timer):
    """The end of an ACK's compression."""

    def fire(self):
        sk = self.sk
        if sk is not None and sk.compressed_ack:
            tcp_mstamp_refresh(sk)
            sk.net.mib.TcpExtTCPAckCompressed += sk.compressed_ack
            if sk.sk_lock_owned:
                sk.ack_pending |= ICSK_ACK_NOW | ICSK_ACK_SCHED
            else:
                tcp_send_ack(sk)


def tcp_send_dupack(sk, skb):
    """Answer an unacceptable segment, reporting it when it is a duplicate."""
    if skb.end_seq != skb.seq and before(skb.seq, sk.rcv_nxt):
        sk.net.mib.TcpExtDelayedACKLost += 1
        tcp_enter_quickack_mode(sk, TCP_MAX_QUICKACKS)
        if sk.sack_ok:
            end_seq = skb.end_seq
            if after(end_seq, sk.rcv_nxt):
                end_seq = sk.rcv_nxt
            tcp_dsack_set(sk, skb.seq, end_seq)
    tcp_send_ack(sk)


def tcp_data_snd_check(sk):
    """An ACK has made room: send what waits, and wake writers."""
    tcp_push_pending_frames(sk)
    if sk.nospace and sk.sk_socket is not None:
        tcp_check_space(sk)


def tcp_check_space(sk):
    """Grow the send buffer when it is what limits the flight, and wake whoever found it full."""
    if (not sk.sk_userlocks & SOCK_SNDBUF_LOCK and sk.snd_cwnd > tcp_packets_in_flight(sk)
            and sk.sk_sndbuf < sk.net.sysctl_tcp_wmem_max):
        tcp_sndbuf_expand(sk)
        sk.snd_cwnd_stamp = sk.tcp_mstamp
    if sk_stream_is_writeable(sk):
        sk.nospace = False
        sk.write_space()


# --- queueing ---


def tcp_data_ready(sk):
    """Wake the reader, unless it waits for more (SO_RCVLOWAT)."""
    if ((sk.rcv_nxt - sk.copied_seq) & U32_MASK) < sk.sk_rcvlowat and not sk.sk_flags & SOCK_DONE:
        if sk.sk_rmem_alloc < sk.sk_rcvbuf and tcp_receive_window(sk) > sk.ack_rcv_mss:
            return
    sk.data_ready()


def tcp_queue_rcv(sk, skb):
    """Append to the receive queue; True when the tail has taken the data and `skb` can go."""
    tail = sk.sk_receive_queue.last
    eaten = tail is not None and tcp_try_coalesce(sk, tail, skb)
    delta = (skb.end_seq - sk.rcv_nxt) & U32_MASK
    sk.bytes_received += delta
    sk.rcv_nxt = skb.end_seq
    if not eaten:
        sk.sk_receive_queue.queue_tail(skb)
        skb_set_owner_r(skb, sk)
    return eaten


def tcp_data_queue(sk, skb):
    """Take the payload of an acceptable segment.  Consumes it."""
    if skb.seq == skb.end_seq:
        consume_skb(skb)
        return
    skb_pull(skb, skb.cb0)
    sk.dsack = False
    if sk.ecn_flags & TCP_ECN_OK:
        tcp_ecn_accept_cwr(sk, skb)
    if skb.seq == sk.rcv_nxt:
        if tcp_receive_window(sk) == 0:
            # A lone FIN needs no room.
            if skb.len == 0 and skb.tcp_flags & TCPHDR_FIN:
                tcp_queue_and_out(sk, skb)
                return
            sk.net.mib.TcpExtTCPZeroWindowDrop += 1
            tcp_out_of_window(sk, skb, "TCP_ZEROWINDOW")
            return
        tcp_queue_and_out(sk, skb)
        return
    if not after(skb.end_seq, sk.rcv_nxt):
        # All of it is here already: our ACK was lost.
        sk.net.mib.TcpExtDelayedACKLost += 1
        tcp_dsack_set(sk, skb.seq, skb.end_seq)
        tcp_out_of_window(sk, skb, "TCP_OLD_DATA")
        return
    if not before(skb.seq, (sk.rcv_nxt + tcp_receive_window(sk)) & U32_MASK):
        tcp_out_of_window(sk, skb, "TCP_OVERWINDOW")
        return
    if before(skb.seq, sk.rcv_nxt):
        tcp_dsack_set(sk, skb.seq, sk.rcv_nxt)
        if tcp_receive_window(sk) == 0:
            sk.net.mib.TcpExtTCPZeroWindowDrop += 1
            tcp_out_of_window(sk, skb, "TCP_ZEROWINDOW")
            return
        tcp_queue_and_out(sk, skb)
        return
    tcp_data_queue_ofo(sk, skb)


def tcp_out_of_window(sk, skb, reason):
    tcp_enter_quickack_mode(sk, TCP_MAX_QUICKACKS)
    inet_csk_schedule_ack(sk)
    kfree_skb(skb, reason)


def tcp_queue_and_out(sk, skb):
    """The segment begins at or below rcv_nxt and brings something new."""
    if sk.sk_receive_queue.first is not None and not tcp_try_rmem_schedule(sk, skb.truesize):
        sk.net.mib.TcpExtTCPRcvQDrop += 1
        sk.ack_pending |= ICSK_ACK_NOW
        inet_csk_schedule_ack(sk)
        sk.data_ready()
        kfree_skb(skb, "PROTO_MEM")
        return
    fin = skb.tcp_flags & TCPHDR_FIN
    has_data = skb.len
    eaten = tcp_queue_rcv(sk, skb)
    if has_data:
        tcp_event_data_recv(sk, skb)
    if eaten:
        consume_skb(skb)
    if fin:
        tcp_fin(sk)
    if sk.out_of_order_queue.first is not None:
        tcp_ofo_queue(sk)
        if sk.out_of_order_queue.first is None:
            # RFC 5681 section 4.2: a filled hole is acknowledged at once.
            sk.ack_pending |= ICSK_ACK_NOW
    if sk.num_sacks:
        tcp_sack_remove(sk)
    tcp_fast_path_check(sk)
    if not sk.sk_flags & SOCK_DEAD:
        tcp_data_ready(sk)


def tcp_ofo_queue(sk):
    """A hole is filled: move what follows it to the receive queue."""
    dsack_high = sk.rcv_nxt
    queue = sk.out_of_order_queue
    while queue.first is not None:
        skb = queue.first
        if after(skb.seq, sk.rcv_nxt):
            break
        if before(skb.seq, dsack_high):
            high = dsack_high
            if before(skb.end_seq, dsack_high):
                dsack_high = skb.end_seq
            tcp_dsack_extend(sk, skb.seq, high)
        queue.unlink(skb)
        if not after(skb.end_seq, sk.rcv_nxt):
            kfree_skb(skb, "TCP_OFO_DROP")
            continue
        fin = skb.tcp_flags & TCPHDR_FIN
        delta = (skb.end_seq - sk.rcv_nxt) & U32_MASK
        sk.bytes_received += delta
        sk.rcv_nxt = skb.end_seq
        tail = sk.sk_receive_queue.last
        if tail is not None and tcp_try_coalesce(sk, tail, skb):
            consume_skb(skb)
        else:
            sk.sk_receive_queue.queue_tail(skb)
        if fin:
            tcp_fin(sk)
            break


def tcp_fin(sk):
    """The peer has finished sending."""
    inet_csk_schedule_ack(sk)
    sk.sk_shutdown |= RCV_SHUTDOWN
    sk.sk_flags |= SOCK_DONE
    state = sk.sk_state
    if state in (TCP_SYN_RECV, TCP_ESTABLISHED):
        tcp_set_state(sk, TCP_CLOSE_WAIT)
        sk.ack_pingpong = 1
    elif state == TCP_FIN_WAIT1:
        # Both close at once: acknowledge, and wait for the ACK of ours.
        tcp_send_ack(sk)
        tcp_set_state(sk, TCP_CLOSING)
    elif state == TCP_FIN_WAIT2:
        tcp_send_ack(sk)
        sk.out_of_order_queue.purge("TCP_FIN")
        sk.num_sacks = 0
        tcp_time_wait(sk, TCP_TIME_WAIT, 0)
        return
    # Behind a FIN there is nothing to report.
    sk.out_of_order_queue.purge("TCP_FIN")
    sk.num_sacks = 0
    sk.dsack = False
    if not sk.sk_flags & SOCK_DEAD:
        sk.state_change()


# --- urgent data (RFC 9293 section 3.8.5, RFC 6093) ---


def tcp_check_urg(sk, skb):
    """A segment announces urgent data: note where it is, tell the user."""
    pointer = skb.cb1
    if pointer and not sk.net.sysctl_tcp_stdurg:
        pointer -= 1
    pointer = (pointer + skb.seq) & U32_MASK
    if after(sk.copied_seq, pointer):
        return
    # Below rcv_nxt it is what we have seen already.
    if before(pointer, sk.rcv_nxt):
        return
    if sk.urg_data and not after(pointer, sk.urg_seq):
        return
    if not sk.sk_flags & SOCK_DEAD:
        sk_send_sigurg(sk)
        if sk.sk_wq.first is not None:
            sk.sk_wq.wake_up(POLLPRI | POLLRDBAND, 0)
    if (sk.urg_seq == sk.copied_seq and sk.urg_data and not sk.sk_flags & SOCK_URGINLINE
            and sk.copied_seq != sk.rcv_nxt):
        # The old urgent byte was never read, and a new one takes its place: it becomes normal data that is skipped.
        first = sk.sk_receive_queue.first
        sk.copied_seq = (sk.copied_seq + 1) & U32_MASK
        if first is not None and not before(sk.copied_seq, first.end_seq):
            sk.sk_receive_queue.unlink(first)
            consume_skb(first)
    sk.urg_data = TCP_URG_NOTYET
    sk.urg_seq = pointer
    sk.pred_flags = 0


def tcp_urg(sk, skb):
    """Look for the urgent byte in a segment, its header still in front."""
    if skb.tcp_flags & TCPHDR_URG:
        tcp_check_urg(sk, skb)
    if sk.urg_data == TCP_URG_NOTYET:
        offset = (sk.urg_seq - skb.seq) & U32_MASK
        if skb.tcp_flags & TCPHDR_SYN:
            offset -= 1
        if offset < skb.len - skb.cb0:
            sk.urg_data = TCP_URG_VALID | tcp_byte_at(skb, skb.cb0 + offset)
            if not sk.sk_flags & SOCK_DEAD:
                sk.data_ready()


def tcp_byte_at(skb, offset):
    """One byte of a segment, fragments included."""
    data = skb_copy_bits(skb, offset, 1)
    return data[0]
