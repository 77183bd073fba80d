"""Sending data: from the write queue into segments (RFC 9293 section 3.8, Linux: tcp_output.c).

An sk_buff on the write queue holds its payload in fragments only; `tcp_transmit_skb` clones it, pushes the header into
the headroom of the clone and gives it to IP, so no payload is copied.  A sent sk_buff moves to the retransmission
queue.
"""

from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.skb_data import skb_try_coalesce
from kernel.net.core.skbuff import (
    alloc_skb,
    skb_clone,
    skb_cloned,
    skb_copy_header,
    skb_push,
    skb_reserve,
)
from kernel.net.core.sock import skb_set_owner_w
from kernel.net.ipv4.ip_output import ip_queue_xmit
from kernel.net.ipv4.tcp_cong import tcp_cwnd_validate
from kernel.net.ipv4.tcp_const import (
    CA_EVENT_TX_START,
    ICSK_ACK_SCHED,
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    MAX_TCP_HEADER,
    NSEC_PER_SEC,
    TCP_ATO_MIN,
    TCP_ECN_DEMAND_CWR,
    TCP_ECN_OK,
    TCP_ECN_QUEUE_CWR,
    TCP_INIT_CWND,
    TCP_NAGLE_CORK,
    TCP_NAGLE_PUSH,
    TCP_RTO_MIN,
    TCP_TIMEOUT_MIN,
    TSQ_THROTTLED,
    U32_MASK,
)
from kernel.net.ipv4.tcp_mtu_probe import tcp_mtu_probe_size, tcp_mtup_probe_sent
from kernel.net.ipv4.tcp_options import (
    tcp_established_options_size,
    tcp_established_options_write,
    tcp_fastopen_option,
    tcp_syn_options_size,
    tcp_syn_options_write,
)
from kernel.net.ipv4.tcp_queue import tcp_fragment, tcp_gather_head, tcp_set_skb_tso_segs
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    inet_csk_clear_xmit_timer,
    inet_csk_reset_xmit_timer,
    tcp_ca_event,
    tcp_min_rtt,
    tcp_mstamp_refresh,
    tcp_packets_in_flight,
    tcp_time_stamp,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window import tcp_current_mss, tcp_dst_advmss, tcp_select_window
from kernel.uapi.errno import ENOBUFS
from kernel.uapi.socket import MSG_MORE, MSG_OOB
from kernel.uapi.tcp import (
    TCP_CA_CWR,
    TCP_CLOSE,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCPHDR_SYN,
    TCPHDR_URG,
    TCP_CA_Open,
    TCP_CA_Recovery,
)

CHECKSUM_PARTIAL = 3
SKB_GSO_TCPV4 = 1
IPPROTO_TCP = 6
INET_ECN_MASK = 3
INET_ECN_ECT_0 = 2
# A burst is about a millisecond at the present rate: a shift of bytes per second by ten.
PACING_SHIFT = 10
TSO_RTT_LOG = 9
DEFER_LIMIT = 1000


def tcp_urg_mode(sk):
    """True while the peer has not acknowledged our urgent data."""
    return sk.snd_una != sk.snd_up


# --- one segment ---


def tcp_transmit_skb(sk, skb, clone_it):
    """Give `skb` (or a clone, for one that stays queued) a TCP header and send it; 0 or a negative errno.

    Without `clone_it` the sk_buff is consumed.
    """
    original = skb
    if clone_it:
        stamp = sk.tcp_mstamp
        newest = sk.tcp_rtx_queue.last
        if newest is not None and newest.skb_mstamp >= stamp and before(original.seq, newest.seq):
            # New data went out in this very microsecond; RACK must not take its arrival for this one's loss.
            stamp = newest.skb_mstamp + 1
        original.skb_mstamp = stamp
        if skb_cloned(original):
            # The device still holds the header of the last transmission: leave that alone.
            skb = tcp_copy_header(sk, original)
            if skb is None:
                return -ENOBUFS
        else:
            skb = skb_clone(original)
    flags = skb.tcp_flags
    payload = skb.len
    wscale = -1
    fastopen = b""
    if flags & TCPHDR_SYN:
        if sk.wscale_ok:
            wscale = sk.rcv_wscale
        size = 20 + tcp_syn_options_size(sk.tstamp_ok, sk.sack_ok != 0, wscale)
        if sk.fastopen_req is not None:
            fastopen = tcp_syn_fastopen(sk, 60 - size)
            size += len(fastopen)
    else:
        size = 20 + tcp_established_options_size(sk)
        if skb.tcp_pcount > 1:
            # PSH makes receivers that merge segments deliver the burst at its end.
            flags |= TCPHDR_PSH
    pos = skb_push(skb, size)
    skb.transport_header = pos
    skb.put16(pos, sk.inet_sport)
    skb.put16(pos + 2, sk.inet_dport)
    skb.put32(pos + 4, skb.seq)
    skb.put32(pos + 8, sk.rcv_nxt if flags & TCPHDR_ACK else 0)
    urgent = 0
    if sk.snd_una != sk.snd_up and before(skb.seq, sk.snd_up):
        if ((sk.snd_up - skb.seq) & U32_MASK) < 0x10000:
            urgent = sk.snd_up - skb.seq
            urgent &= U32_MASK
            flags |= TCPHDR_URG
        elif after((skb.seq + 0xFFFF) & U32_MASK, sk.snd_nxt):
            urgent = 0xFFFF
            flags |= TCPHDR_URG
    if flags & TCPHDR_SYN:
        window = min(sk.rcv_wnd, 65535)
        # What the path takes may be less by now than when the connection was begun.
        dst = sk.sk_dst_cache
        if dst is not None:
            sk.advmss = min(sk.advmss, tcp_dst_advmss(dst))
        tcp_syn_options_write(skb, pos + 20, sk.advmss, sk.tstamp_ok, tcp_time_stamp(sk), sk.ts_recent, sk.sack_ok != 0,
                              wscale, fastopen)
    else:
        window = tcp_select_window(sk)
        if size > 20:
            tcp_established_options_write(sk, skb, pos + 20, tcp_time_stamp(sk))
        if sk.ecn_flags & TCP_ECN_OK:
            flags = tcp_ecn_send(sk, skb, flags, payload)
    skb.put32(pos + 12, ((size << 26) | (flags << 16) | window) & U32_MASK)
    skb.put32(pos + 16, urgent)
    skb.gso_segs = skb.tcp_pcount
    if skb.gso_size:
        skb.gso_type = SKB_GSO_TCPV4
    # The pseudo header's sum waits in the field for whoever adds the rest: device, or skb_checksum_help.
    skb.put16(pos + 16, csum_fold(csum_tcpudp_nofold(sk.inet_saddr, sk.inet_daddr, skb.len, IPPROTO_TCP, 0)) ^ 0xFFFF)
    skb.ip_summed = CHECKSUM_PARTIAL
    skb.csum_start = pos
    skb.csum_offset = 16
    if flags & TCPHDR_ACK:
        tcp_event_ack_sent(sk)
    if payload:
        tcp_event_data_sent(sk)
        sk.data_segs_out += skb.tcp_pcount
        sk.bytes_sent += payload
        if sk.sk_max_pacing_rate >= 0:
            tcp_pacing_sent(sk, payload)
    if after(skb.end_seq, sk.snd_nxt) or skb.seq == skb.end_seq:
        sk.net.mib.TcpOutSegs += skb.tcp_pcount
    sk.segs_out += skb.tcp_pcount
    if clone_it:
        skb_set_owner_w(skb, sk)
        tcp_rate_skb_sent(sk, original)
    if sk.net.trace.on:
        sk.net.trace.emit("tcp_transmit_skb", skb.id, sk.inet_saddr, sk.inet_sport, sk.inet_daddr, sk.inet_dport, skb.seq,
                          sk.rcv_nxt, flags, payload)
    return ip_queue_xmit(sk, skb)


def tcp_syn_fastopen(sk, room):
    """The Fast Open option of a SYN: its bytes, none without a request or without room for it."""
    request = sk.fastopen_req
    if request.cookie is None:
        return b""
    option = tcp_fastopen_option(request.cookie, request.exp)
    if len(option) > room:
        return b""
    sk.syn_fastopen = True
    sk.syn_fastopen_exp = request.exp
    return option


def tcp_copy_header(sk, original):
    """A copy of `original` with a head of its own that shares the payload; None when RAM is full."""
    skb = alloc_skb(sk.net.skb_cache, MAX_TCP_HEADER)
    if skb is None:
        return None
    skb_copy_header(skb, original)
    skb_reserve(skb, MAX_TCP_HEADER)
    skb_try_coalesce(skb, original)
    return skb


def tcp_ecn_send(sk, skb, flags, payload):
    """RFC 3168 section 6.1: ECT on new data, CWR once after a cut, ECE until the peer has answered it."""
    if payload and not before(skb.seq, sk.snd_nxt):
        sk.tos |= INET_ECN_ECT_0
        if sk.ecn_flags & TCP_ECN_QUEUE_CWR:
            sk.ecn_flags &= ~TCP_ECN_QUEUE_CWR
            flags |= TCPHDR_CWR
    else:
        sk.tos &= ~INET_ECN_MASK
    if sk.ecn_flags & TCP_ECN_DEMAND_CWR:
        flags |= TCPHDR_ECE
    return flags


def tcp_event_ack_sent(sk):
    """An acknowledgment left: the delayed one is done, and one quick one is spent."""
    if sk.compressed_ack:
        sk.compressed_ack = 0
        sk.net.timers.del_timer(sk.compressed_ack_timer)
    if sk.ack_quick and sk.ack_pending & ICSK_ACK_SCHED:
        sk.ack_quick -= 1
        if sk.ack_quick == 0:
            sk.ack_ato = TCP_ATO_MIN
    sk.ack_pending = 0
    sk.ack_retry = 0


def tcp_event_data_sent(sk):
    """Data left: idle time ends, and data soon after data received means a dialogue."""
    if sk.packets_out == 0:
        tcp_ca_event(sk, CA_EVENT_TX_START)
    sk.lsndtime = sk.tcp_mstamp
    if sk.tcp_mstamp - sk.ack_lrcvtime < sk.ack_ato and sk.ack_pingpong < 255:
        sk.ack_pingpong += 1


def tcp_rate_skb_sent(sk, skb):
    """Note what had been delivered when this sk_buff left, for the delivery rate it will give."""
    if sk.packets_out == 0:
        sk.first_tx_mstamp = skb.skb_mstamp
        sk.delivered_mstamp = skb.skb_mstamp
    skb.tx_first_mstamp = sk.first_tx_mstamp
    skb.tx_delivered_mstamp = sk.delivered_mstamp
    skb.tx_delivered = sk.delivered
    skb.tx_app_limited = sk.app_limited != 0


# --- when to send ---


def tcp_cwnd_test(sk):
    """How many segments the congestion window lets out in one go: at most half of it, so that ACKs keep coming."""
    in_flight = tcp_packets_in_flight(sk)
    cwnd = sk.snd_cwnd
    if in_flight >= cwnd:
        return 0
    return min(max(cwnd >> 1, 1), cwnd - in_flight)


def tcp_minshall_check(sk):
    """Minshall's Nagle: only a small segment of ours that is unacknowledged holds back another small one."""
    return after(sk.snd_sml, sk.snd_una) and not after(sk.snd_sml, sk.snd_nxt)


def tcp_nagle_check(sk, partial, nonagle):
    """True when a segment must wait (RFC 9293 section 3.7.4)."""
    return partial and (nonagle & TCP_NAGLE_CORK != 0
                        or (nonagle == 0 and sk.packets_out != 0 and tcp_minshall_check(sk)))


def tcp_nagle_test(sk, skb, mss_now, nonagle):
    """True when `skb` may go out now."""
    if nonagle & TCP_NAGLE_PUSH:
        return True
    if sk.snd_una != sk.snd_up or skb.tcp_flags & TCPHDR_FIN:
        return True
    return not tcp_nagle_check(sk, skb.len < mss_now, nonagle)


def tcp_snd_wnd_test(sk, skb, mss_now):
    """True when the peer's window admits the first segment of `skb`."""
    end_seq = skb.end_seq
    if skb.len > mss_now:
        end_seq = (skb.seq + mss_now) & U32_MASK
    return not after(end_seq, tcp_wnd_end(sk))


def tcp_tso_segs(sk, mss_now):
    """How many segments one sk_buff should hold: a millisecond's worth, more on short round trips."""
    rate = sk.sk_pacing_rate
    if 0 <= sk.sk_max_pacing_rate < rate:
        rate = sk.sk_max_pacing_rate
    size = rate >> PACING_SHIFT
    shift = tcp_min_rtt(sk) >> TSO_RTT_LOG
    if shift < 32:
        size += sk.gso_max_size >> shift
    if size > sk.gso_max_size - MAX_TCP_HEADER:
        size = sk.gso_max_size - MAX_TCP_HEADER
    tn = sk.net.tcp
    return max(size // mss_now, tn.tcp_min_tso_segs)


def tcp_mss_split_point(sk, skb, mss_now, max_segs, nonagle):
    """How many bytes of `skb` may go now: whole segments, unless the last one is not held by Nagle."""
    window = (tcp_wnd_end(sk) - skb.seq) & U32_MASK
    max_len = mss_now * max_segs
    if max_len <= window and skb.next is not None:
        return max_len
    needed = min(skb.len, window)
    if max_len <= needed:
        return max_len
    partial = needed % mss_now
    if tcp_nagle_check(sk, partial != 0, nonagle):
        return needed - partial
    return needed


def tcp_tso_should_defer(sk, skb, mss_now, max_segs):
    """True when it pays to wait for an ACK that will allow a larger burst.

    2 and 3 mean true as well, and say what was in the way: 2 the congestion window, 3 the peer's.
    """
    if sk.icsk_ca_state >= TCP_CA_Recovery:
        return 0
    # An application that has paused sends at once.
    if sk.tcp_mstamp - sk.lsndtime > DEFER_LIMIT:
        return 0
    send_win = (tcp_wnd_end(sk) - skb.seq) & U32_MASK
    cong_win = (sk.snd_cwnd - tcp_packets_in_flight(sk)) * mss_now
    limit = min(send_win, cong_win)
    if limit >= max_segs * mss_now:
        return 0
    if skb.next is not None and limit >= skb.len:
        return 0
    tn = sk.net.tcp
    if tn.tcp_tso_win_divisor and limit >= min(sk.snd_wnd, sk.snd_cwnd * mss_now) // tn.tcp_tso_win_divisor:
        return 0
    head = sk.tcp_rtx_queue.first
    if head is None:
        return 0
    # The oldest segment has been out for less than half a round trip: its ACK is not near.
    if sk.tcp_mstamp - head.skb_mstamp < sk.srtt_us >> 4:
        return 0
    if cong_win < send_win:
        if cong_win <= skb.len:
            return 2
    elif send_win <= skb.len:
        return 3
    if skb.tcp_flags & TCPHDR_FIN or skb.eor:
        return 0
    return 1


def tcp_small_queue_check(sk, skb):
    """True when enough of this socket waits in the device: the softirq goes on when some of it has been freed."""
    limit = max(2 * skb.truesize, sk.sk_pacing_rate >> PACING_SHIFT)
    limit = min(limit, sk.net.sysctl_tcp_limit_output_bytes)
    if sk.sk_wmem_alloc <= limit or sk.tcp_rtx_queue.first is None:
        return False
    sk.tsq_flags |= TSQ_THROTTLED
    return True


def tcp_pacing_check(sk):
    """True when the next sk_buff must wait (SO_MAX_PACING_RATE): the timer will send it."""
    if sk.tcp_wstamp_ns <= sk.net.timers.now():
        return False
    if not sk.pacing_timer.pending():
        sk.net.timers.mod_timer(sk.pacing_timer, sk.tcp_wstamp_ns)
    return True


def tcp_pacing_sent(sk, length):
    """Say when the next sk_buff may leave: as much later as `length` bytes take at the allowed rate.

    What this one has left late (timers tick in milliseconds) counts for the next one.  The first ten segments go freely.
    """
    now = sk.net.timers.now()
    prior = sk.tcp_wstamp_ns
    sk.tcp_wstamp_ns = max(prior, now)
    rate = min(sk.sk_pacing_rate, sk.sk_max_pacing_rate)
    if rate > 0 and sk.data_segs_out >= TCP_INIT_CWND:
        needed = length * NSEC_PER_SEC // rate
        sk.tcp_wstamp_ns += needed - min(needed, sk.tcp_wstamp_ns - prior)


def tcp_send_mtu_probe(sk, mss_now):
    """Send the head of the queue as one segment larger than `mss_now` when a probe is due (tcp_mtu_probe.py).

    1 when it is out, 0 when nothing may be sent before the next acknowledgment, -1 when there is none to send.
    """
    size = tcp_mtu_probe_size(sk)
    if size <= 0:
        return size
    if not tcp_gather_head(sk, size):
        return -1
    skb = sk.sk_write_queue.first
    if skb.len > size and tcp_fragment(sk, skb, size, mss_now) < 0:
        return -1
    skb.gso_size = 0
    skb.tcp_pcount = 1
    if tcp_transmit_skb(sk, skb, True) != 0:
        return -1
    tcp_event_new_data_sent(sk, skb)
    tcp_mtup_probe_sent(sk, skb.seq, skb.end_seq, skb.len)
    return 1


def tcp_in_cwnd_reduction(sk):
    return sk.icsk_ca_state == TCP_CA_CWR or sk.icsk_ca_state == TCP_CA_Recovery


def tcp_write_xmit(sk, mss_now, nonagle, push_one):
    """Send what windows and Nagle allow.  `push_one`: 1 one sk_buff, 2 the same whatever the congestion window says.

    True when nothing is in flight and data waits all the same: the caller has to arm the zero-window probe.
    """
    sent_pkts = 0
    is_cwnd_limited = False
    deferred = 0
    tcp_mstamp_refresh(sk)
    if sk.mtup_enabled and not push_one:
        probe = tcp_send_mtu_probe(sk, mss_now)
        if probe == 0:
            return False
        if probe > 0:
            sent_pkts = 1
    max_segs = tcp_tso_segs(sk, mss_now)
    while True:
        skb = sk.sk_write_queue.first
        if skb is None:
            break
        if sk.sk_max_pacing_rate >= 0 and tcp_pacing_check(sk):
            break
        tcp_set_skb_tso_segs(skb, mss_now)
        quota = tcp_cwnd_test(sk)
        if quota == 0:
            if push_one != 2:
                break
            quota = 1
        if not tcp_snd_wnd_test(sk, skb, mss_now):
            break
        if skb.tcp_pcount == 1:
            if not tcp_nagle_test(sk, skb, mss_now, nonagle if skb.next is None else TCP_NAGLE_PUSH):
                break
        elif not push_one:
            deferred = tcp_tso_should_defer(sk, skb, mss_now, max_segs)
            if deferred:
                if deferred == 2:
                    is_cwnd_limited = True
                break
        limit = mss_now
        if skb.tcp_pcount > 1 and sk.snd_una == sk.snd_up:
            limit = tcp_mss_split_point(sk, skb, mss_now, min(quota, max_segs), nonagle)
        if skb.len > limit and tcp_fragment(sk, skb, limit, mss_now) < 0:
            break
        if tcp_small_queue_check(sk, skb):
            break
        if tcp_transmit_skb(sk, skb, True) != 0:
            break
        tcp_event_new_data_sent(sk, skb)
        if skb.len < skb.tcp_pcount * mss_now:
            sk.snd_sml = skb.end_seq
        sent_pkts += skb.tcp_pcount
        if push_one:
            break
    is_cwnd_limited = is_cwnd_limited or tcp_packets_in_flight(sk) >= sk.snd_cwnd
    if sent_pkts or is_cwnd_limited:
        tcp_cwnd_validate(sk, is_cwnd_limited)
    if sent_pkts:
        if tcp_in_cwnd_reduction(sk):
            sk.prr_out += sent_pkts
        if push_one != 2:
            tcp_schedule_loss_probe(sk, False)
        return False
    return sk.packets_out == 0 and sk.sk_write_queue.first is not None


def tcp_event_new_data_sent(sk, skb):
    """`skb` is in the network now: account for it."""
    prior_packets = sk.packets_out
    sk.snd_nxt = skb.end_seq
    sk.sk_write_queue.unlink(skb)
    sk.tcp_rtx_queue.queue_tail(skb)
    if sk.highest_sack is None:
        sk.highest_sack = skb
    sk.packets_out += skb.tcp_pcount
    if prior_packets == 0 or sk.icsk_pending == ICSK_TIME_LOSS_PROBE:
        tcp_rearm_rto(sk)
    sk.net.mib.TcpExtTCPOrigDataSent += skb.tcp_pcount


# --- the calls of those who have data to send ---


def tcp_push_pending_frames(sk):
    """Send what waits, as far as windows allow."""
    if sk.sk_write_queue.first is not None:
        tcp_push_frames(sk, tcp_current_mss(sk), sk.nonagle)


def tcp_push_frames(sk, mss_now, nonagle):
    if sk.sk_state == TCP_CLOSE:
        return
    if tcp_write_xmit(sk, mss_now, nonagle, 0):
        tcp_check_probe_timer(sk)


def tcp_push_one(sk, mss_now):
    """Send the first sk_buff of the queue."""
    tcp_write_xmit(sk, mss_now, TCP_NAGLE_PUSH, 1)


def tcp_mark_push(sk, skb):
    """RFC 9293 section 3.9.1.2: PSH on the last segment of what the user has written."""
    skb.tcp_flags |= TCPHDR_PSH
    sk.pushed_seq = sk.write_seq


def tcp_forced_push(sk):
    """A long write pushes after every half window of the peer."""
    return after(sk.write_seq, (sk.pushed_seq + (sk.max_window >> 1)) & U32_MASK)


def tcp_push(sk, flags, mss_now, nonagle, size_goal):
    """The end of a send call: mark and send what is queued."""
    skb = sk.sk_write_queue.last
    if skb is None:
        return
    if not flags & MSG_MORE or tcp_forced_push(sk):
        tcp_mark_push(sk, skb)
    if flags & MSG_OOB:
        sk.snd_up = sk.write_seq
    if (skb.len < size_goal and sk.net.sysctl_tcp_autocorking and sk.tcp_rtx_queue.first is not None
            and sk.sk_wmem_alloc > skb.truesize and not flags & MSG_OOB):
        # More small writes may fill the segment while the device is busy: it is sent when the device frees something.
        if not sk.tsq_flags & TSQ_THROTTLED:
            sk.net.mib.TcpExtTCPAutoCorking += 1
            sk.tsq_flags |= TSQ_THROTTLED
        return
    if flags & MSG_MORE:
        nonagle = TCP_NAGLE_CORK
    tcp_push_frames(sk, mss_now, nonagle)


# --- timers of the sender ---


def tcp_rto_delta(sk):
    """How long until the oldest segment has been out for an RTO (us; negative: it has)."""
    skb = sk.tcp_rtx_queue.first
    if skb is None:
        return sk.icsk_rto
    return skb.skb_mstamp + sk.icsk_rto - sk.tcp_mstamp


def tcp_rearm_rto(sk):
    """RFC 6298 section 5: restart the retransmission timer, or stop it when all is acknowledged."""
    if sk.fastopen_rsk is not None:
        # The timer belongs to the SYN-ACK until that is acknowledged.
        return
    if sk.packets_out == 0:
        inet_csk_clear_xmit_timer(sk)
        return
    rto = sk.icsk_rto
    if sk.icsk_pending == ICSK_TIME_REO_TIMEOUT or sk.icsk_pending == ICSK_TIME_LOSS_PROBE:
        rto = max(tcp_rto_delta(sk), 1)
    inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, rto, sk.icsk_rto_max)


def tcp_schedule_loss_probe(sk, advancing_rto):
    """RFC 8985 section 7.2: arm the probe timeout of the last flight; False when it does not apply."""
    if not sk.net.sysctl_tcp_early_retrans or sk.packets_out == 0 or not sk.sack_ok or sk.fastopen_rsk is not None:
        return False
    if sk.icsk_ca_state != TCP_CA_Open and sk.icsk_ca_state != TCP_CA_CWR:
        return False
    timeout = 1000000
    if sk.srtt_us:
        timeout = sk.srtt_us >> 2
        timeout += TCP_RTO_MIN if sk.packets_out == 1 else TCP_TIMEOUT_MIN
    rto_delta = sk.icsk_rto if advancing_rto else tcp_rto_delta(sk)
    if rto_delta > 0:
        timeout = min(timeout, rto_delta)
    inet_csk_reset_xmit_timer(sk, ICSK_TIME_LOSS_PROBE, timeout, sk.icsk_rto_max)
    return True


def tcp_check_probe_timer(sk):
    """Data waits, nothing is in flight, no timer runs: probe the window (RFC 9293 section 3.8.6.1)."""
    if sk.packets_out == 0 and sk.icsk_pending == 0:
        inet_csk_reset_xmit_timer(sk, ICSK_TIME_PROBE0, max(sk.icsk_rto, TCP_RTO_MIN), sk.icsk_rto_max)
