"""Acknowledgments (RFC 9293 section 3.10.7.4): what they free, what they tell of round trips, and what they set going."""

from kernel.net.core.sock_flags import SKBTX_ACK_TSTAMP
from kernel.net.ipv4.tcp_cong import tcp_slow_start_after_idle_check
from kernel.net.ipv4.tcp_const import (
    FLAG_ACK_MAYBE_DELAYED,
    FLAG_ACKED,
    FLAG_CA_ALERT,
    FLAG_DATA,
    FLAG_DATA_ACKED,
    FLAG_DATA_SACKED,
    FLAG_DSACK_TLP,
    FLAG_DSACKING_ACK,
    FLAG_ECE,
    FLAG_FORWARD_PROGRESS,
    FLAG_NO_CHALLENGE_ACK,
    FLAG_NOT_DUP,
    FLAG_ORIG_SACK_ACKED,
    FLAG_RETRANS_DATA_ACKED,
    FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER,
    FLAG_SLOWPATH,
    FLAG_SND_UNA_ADVANCED,
    FLAG_SYN_ACKED,
    FLAG_UPDATE_TS_RECENT,
    FLAG_WIN_UPDATE,
    ICSK_TIME_PROBE0,
    NSEC_PER_USEC,
    REXMIT_NEW,
    REXMIT_NONE,
    SEQ_SIGN,
    TCP_ECN_OK,
    TCP_NAGLE_OFF,
    TCP_RTO_MAX,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    U32_MASK,
    USEC_PER_SEC,
)
from kernel.net.ipv4.tcp_control import tcp_clamp_probe0_to_user_timeout, tcp_probe0_when, tcp_send_ack
from kernel.net.ipv4.tcp_fastretrans import (
    tcp_cwnd_reduction,
    tcp_end_cwnd_reduction,
    tcp_fastretrans_alert,
    tcp_init_cwnd_reduction,
    tcp_try_keep_open,
)
from kernel.net.ipv4.tcp_mtu_probe import tcp_mtup_probe_success
from kernel.net.ipv4.tcp_output import tcp_in_cwnd_reduction, tcp_push_frames, tcp_rearm_rto, tcp_schedule_loss_probe
from kernel.net.ipv4.tcp_queue import tcp_trim_head
from kernel.net.ipv4.tcp_recovery import tcp_rack_advance, tcp_rack_update_reo_wnd
from kernel.net.ipv4.tcp_retransmit import tcp_xmit_retransmit_queue
from kernel.net.ipv4.tcp_sack import (
    tcp_check_sack_reordering,
    tcp_highest_sack_seq,
    tcp_rate_gen,
    tcp_rate_skb_delivered,
    tcp_remove_reno_sacks,
    tcp_sacktag_write_queue,
)
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    inet_csk_clear_xmit_timer,
    inet_csk_reset_xmit_timer,
    tcp_fast_path_check,
    tcp_now,
    tcp_packets_in_flight,
    tcp_rtx_queue_unlink_and_free,
    tcp_set_ca_state,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window import tcp_current_mss, tcp_sync_mss
from kernel.uapi.errqueue import SCM_TSTAMP_ACK
from kernel.uapi.tcp import TCP_CA_CWR, TCP_SYN_SENT, TCPHDR_ECE, TCPHDR_SYN, TCP_CA_Open

# A window per smoothed RTT (kept times eight, in us) in bytes per second, and the ratios in per cent.
PACING_UNIT = 80000
PACING_SS_RATIO = 200
PACING_CA_RATIO = 120


# --- round trip times (RFC 6298) ---


def tcp_rtt_estimator(sk, mrtt_us):
    """Van Jacobson's smoothing, with Linux's twist that a falling RTT does not raise the variance."""
    srtt = sk.srtt_us
    if srtt != 0:
        m = mrtt_us - (srtt >> 3)
        srtt += m
        if m < 0:
            m = -m
            m -= sk.mdev_us >> 2
            if m > 0:
                m >>= 3
        else:
            m -= sk.mdev_us >> 2
        sk.mdev_us += m
        if sk.mdev_us > sk.mdev_max_us:
            sk.mdev_max_us = sk.mdev_us
            if sk.mdev_max_us > sk.rttvar_us:
                sk.rttvar_us = sk.mdev_max_us
        if after(sk.snd_una, sk.rtt_seq):
            if sk.mdev_max_us < sk.rttvar_us:
                sk.rttvar_us -= (sk.rttvar_us - sk.mdev_max_us) >> 2
            sk.rtt_seq = sk.snd_nxt
            sk.mdev_max_us = sk.icsk_rto_min
    else:
        srtt = mrtt_us << 3
        sk.mdev_us = mrtt_us << 1
        sk.rttvar_us = max(sk.mdev_us, sk.icsk_rto_min)
        sk.mdev_max_us = sk.rttvar_us
        sk.rtt_seq = sk.snd_nxt
    sk.srtt_us = max(1, srtt)


def tcp_set_rto(sk):
    """RTO = SRTT + 4 RTTVAR, in whole milliseconds, within Linux's bounds."""
    rto = ((sk.srtt_us >> 3) + sk.rttvar_us + 999) // 1000 * 1000
    sk.icsk_rto = min(rto, sk.icsk_rto_max)


def tcp_update_rtt_min(sk, rtt_us, flag):
    """The least round trip of the last five minutes: the best, the best since it, the best since that one."""
    if flag & FLAG_ACK_MAYBE_DELAYED and rtt_us > sk.min_rtt[0]:
        return
    now = sk.tcp_mstamp
    window = sk.net.sysctl_tcp_min_rtt_wlen // NSEC_PER_USEC
    value = min(max(rtt_us, 1), U32_MASK - 1)
    if value <= sk.min_rtt[0] or now - sk.min_rtt_time[2] > window:
        i = 0
        while i < 3:
            sk.min_rtt[i] = value
            sk.min_rtt_time[i] = now
            i += 1
        return
    if value <= sk.min_rtt[1]:
        sk.min_rtt[1] = value
        sk.min_rtt_time[1] = now
        sk.min_rtt[2] = value
        sk.min_rtt_time[2] = now
    elif value <= sk.min_rtt[2]:
        sk.min_rtt[2] = value
        sk.min_rtt_time[2] = now
    age = now - sk.min_rtt_time[0]
    if age > window:
        # The best has expired: the second takes its place, a new third begins.
        sk.min_rtt[0] = sk.min_rtt[1]
        sk.min_rtt_time[0] = sk.min_rtt_time[1]
        sk.min_rtt[1] = sk.min_rtt[2]
        sk.min_rtt_time[1] = sk.min_rtt_time[2]
        sk.min_rtt[2] = value
        sk.min_rtt_time[2] = now
    elif sk.min_rtt_time[1] == sk.min_rtt_time[0] and age > window >> 2:
        sk.min_rtt[1] = value
        sk.min_rtt_time[1] = now
        sk.min_rtt[2] = value
        sk.min_rtt_time[2] = now
    elif sk.min_rtt_time[2] == sk.min_rtt_time[1] and age > window >> 1:
        sk.min_rtt[2] = value
        sk.min_rtt_time[2] = now


def tcp_ack_update_rtt(sk, flag, seq_rtt_us, sack_rtt_us, ca_rtt_us):
    """Take a sample: by send time (Karn: never of something sent twice), else by the echoed timestamp; True when taken."""
    if seq_rtt_us < 0:
        seq_rtt_us = sack_rtt_us
    if seq_rtt_us < 0 and sk.saw_tstamp and sk.rcv_tsecr and flag & FLAG_ACKED:
        delta = (sk.tcp_mstamp // 1000 + sk.tsoffset - sk.rcv_tsecr) & U32_MASK
        if delta < 0x7FFFFFFF // 1000:
            seq_rtt_us = max(delta, 1) * 1000
            ca_rtt_us = seq_rtt_us
    sk.rs_rtt_us = ca_rtt_us
    if seq_rtt_us < 0:
        return False
    tcp_update_rtt_min(sk, ca_rtt_us, flag)
    tcp_rtt_estimator(sk, seq_rtt_us)
    tcp_set_rto(sk)
    sk.icsk_backoff = 0
    return True


def tcp_synack_rtt_meas(sk, snt_synack, num_timeout):
    """The handshake of a passive open is the first sample, unless the SYN-ACK was sent twice."""
    rtt_us = -1
    if num_timeout == 0 and snt_synack:
        rtt_us = sk.tcp_mstamp - snt_synack
    tcp_ack_update_rtt(sk, FLAG_SYN_ACKED, rtt_us, -1, rtt_us)


def tcp_update_pacing_rate(sk):
    """Bytes per second that a round trip's window makes: how large bursts may be."""
    rate = PACING_UNIT * sk.mss_cache
    if sk.snd_cwnd < sk.snd_ssthresh >> 1:
        rate *= PACING_SS_RATIO
    else:
        rate *= PACING_CA_RATIO
    rate *= max(sk.snd_cwnd, sk.packets_out)
    if sk.srtt_us:
        rate //= sk.srtt_us
    sk.sk_pacing_rate = rate


# --- the retransmission queue ---


def tcp_clean_rtx_queue(sk, prior_fack, prior_snd_una):
    """Free what is acknowledged, take samples, and adjust every sum."""
    flag = 0
    first_ackt = 0
    last_ackt = 0
    last_retrans = 0
    seq_rtt_us = -1
    sack_rtt_us = -1
    ca_rtt_us = -1
    pkts_acked = 0
    reord = sk.snd_nxt
    fully_acked = True
    prior_sacked = sk.sacked_out
    snd_una = sk.snd_una
    skb = sk.tcp_rtx_queue.first
    while skb is not None:
        start_seq = skb.seq
        sacked = skb.sacked
        acked_pcount = skb.tcp_pcount
        if after(skb.end_seq, snd_una):
            if skb.tcp_pcount == 1 or not after(snd_una, skb.seq):
                break
            skb = tcp_trim_head(sk, skb, (snd_una - skb.seq) & U32_MASK)
            acked_pcount -= skb.tcp_pcount
            if acked_pcount == 0:
                break
            fully_acked = False
        if sacked & TCPCB_RETRANS:
            if sacked & TCPCB_SACKED_RETRANS:
                sk.retrans_out -= acked_pcount
            flag |= FLAG_RETRANS_DATA_ACKED
            if skb.skb_mstamp > last_retrans:
                last_retrans = skb.skb_mstamp
        elif not sacked & TCPCB_SACKED_ACKED:
            last_ackt = skb.skb_mstamp
            if first_ackt == 0:
                first_ackt = last_ackt
            if before(start_seq, reord):
                reord = start_seq
            if not after(skb.end_seq, sk.high_seq):
                flag |= FLAG_ORIG_SACK_ACKED
        if sacked & TCPCB_SACKED_ACKED:
            sk.sacked_out -= acked_pcount
        elif sk.sack_ok:
            sk.delivered += acked_pcount
            tcp_rack_advance(sk, sacked, skb.end_seq, skb.skb_mstamp)
        if sacked & TCPCB_LOST:
            sk.lost_out -= acked_pcount
        sk.packets_out -= acked_pcount
        pkts_acked += acked_pcount
        tcp_rate_skb_delivered(sk, skb)
        if not skb.tcp_flags & TCPHDR_SYN:
            flag |= FLAG_DATA_ACKED
        else:
            flag |= FLAG_SYN_ACKED
            sk.retrans_stamp = 0
        if skb.tx_flags & SKBTX_ACK_TSTAMP and not before(skb.tskey, prior_snd_una) and before(skb.tskey, snd_una):
            sk.tx_timestamp(skb, SCM_TSTAMP_ACK)
        if not fully_acked:
            break
        following = skb.next
        tcp_rtx_queue_unlink_and_free(sk, skb)
        skb = following
    if not before(sk.snd_up, prior_snd_una) and not after(sk.snd_up, snd_una):
        sk.snd_up = snd_una
    if skb is not None and skb.sacked & TCPCB_SACKED_ACKED:
        flag |= FLAG_SACK_RENEGING
    if first_ackt and not flag & FLAG_RETRANS_DATA_ACKED:
        seq_rtt_us = sk.tcp_mstamp - first_ackt
        ca_rtt_us = sk.tcp_mstamp - last_ackt
        if (pkts_acked == 1 and fully_acked and not prior_sacked
                and ((snd_una - prior_snd_una) & U32_MASK) < sk.mss_cache):
            # A lone small segment: the peer may have held its ACK back.
            flag |= FLAG_ACK_MAYBE_DELAYED
    if sk.sst_first_sackt:
        sack_rtt_us = sk.tcp_mstamp - sk.sst_first_sackt
        ca_rtt_us = sk.tcp_mstamp - sk.sst_last_sackt
    samples = flag
    if last_retrans:
        older = (last_retrans // 1000 + sk.tsoffset - sk.rcv_tsecr) & U32_MASK
        if older and older < SEQ_SIGN:
            # Karn (RFC 6298 section 3): the echo is of an earlier copy.  If that one's ACK was lost, a sample would measure
            # how long the timer waited, and the next timeout would be longer still.
            samples &= ~FLAG_ACKED
    rtt_update = tcp_ack_update_rtt(sk, samples, seq_rtt_us, sack_rtt_us, ca_rtt_us)
    if flag & FLAG_ACKED:
        flag |= FLAG_SET_XMIT_TIMER
        if sk.mtup_probe_size and not after(sk.mtup_probe_seq_end, snd_una):
            tcp_mtup_probe_success(sk)
        if not sk.sack_ok:
            tcp_remove_reno_sacks(sk, pkts_acked)
            # Which copy of a retransmitted segment it was can not be told.
            if flag & FLAG_RETRANS_DATA_ACKED:
                flag &= ~FLAG_ORIG_SACK_ACKED
        elif before(reord, prior_fack):
            tcp_check_sack_reordering(sk, reord, False)
    elif skb is not None and rtt_update and sack_rtt_us >= 0 and sack_rtt_us > sk.tcp_mstamp - skb.skb_mstamp:
        flag |= FLAG_SET_XMIT_TIMER
    sk.icsk_ca_ops.pkts_acked(sk, pkts_acked, sk.rs_rtt_us, tcp_packets_in_flight(sk))
    return flag


def tcp_snd_una_update(sk, ack):
    delta = (ack - sk.snd_una) & U32_MASK
    sk.bytes_acked += delta
    sk.snd_una = ack


def tcp_ack_update_window(sk, skb, ack, ack_seq):
    """The peer's window, taken from the newest segment only (RFC 9293 section 3.10.7.4)."""
    flag = 0
    nwin = skb.get16(skb.transport_header + 14)
    if not skb.tcp_flags & TCPHDR_SYN:
        nwin <<= sk.snd_wscale
    if (after(ack, sk.snd_una) or after(ack_seq, sk.snd_wl1)
            or (ack_seq == sk.snd_wl1 and (nwin > sk.snd_wnd or nwin == 0))):
        flag = FLAG_WIN_UPDATE
        sk.snd_wl1 = ack_seq
        if sk.snd_wnd != nwin:
            sk.snd_wnd = nwin
            sk.pred_flags = 0
            tcp_fast_path_check(sk)
            if sk.sk_write_queue.first is not None:
                tcp_slow_start_after_idle_check(sk)
            if nwin > sk.max_window:
                sk.max_window = nwin
                tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    tcp_snd_una_update(sk, ack)
    return flag


def tcp_ack_probe(sk):
    """Nothing is in flight: the window says whether to send or to keep probing."""
    head = sk.sk_write_queue.first
    if head is None:
        return
    if not after(head.end_seq, tcp_wnd_end(sk)):
        sk.icsk_backoff = 0
        sk.icsk_probes_tstamp = 0
        inet_csk_clear_xmit_timer(sk)
    else:
        when = tcp_clamp_probe0_to_user_timeout(sk, tcp_probe0_when(sk))
        inet_csk_reset_xmit_timer(sk, ICSK_TIME_PROBE0, when, TCP_RTO_MAX)


def tcp_process_tlp_ack(sk, ack, flag):
    """RFC 8985 section 7.4: an ACK beyond the probe without a DSACK means that the probe repaired a loss."""
    if before(ack, sk.tlp_high_seq):
        return
    if not sk.tlp_retrans or flag & FLAG_DSACK_TLP:
        sk.tlp_high_seq = 0
    elif after(ack, sk.tlp_high_seq):
        tcp_init_cwnd_reduction(sk)
        tcp_set_ca_state(sk, TCP_CA_CWR)
        tcp_end_cwnd_reduction(sk)
        tcp_try_keep_open(sk)
        sk.net.mib.TcpExtTCPLossProbeRecovery += 1
    elif not flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED):
        sk.tlp_high_seq = 0


def tcp_replace_ts_recent(sk, skb):
    """RFC 7323 section 4.3: echo the stamp of the segment that our last ACK covered."""
    if skb.has_ts and not after(skb.seq, sk.rcv_wup):
        # A pure ACK behind rcv_nxt must not turn the clock back.
        if ((skb.tsval - sk.ts_recent) & U32_MASK) < SEQ_SIGN or sk.ts_recent_stamp == 0:
            sk.ts_recent = skb.tsval
            sk.ts_recent_stamp = sk.tcp_mstamp // USEC_PER_SEC + 1


def tcp_oow_rate_limited(sk, skb):
    """True when a segment outside the window gets no answer now: one per half second (RFC 5961 section 7)."""
    if skb.seq != skb.end_seq and not skb.tcp_flags & TCPHDR_SYN:
        return False
    return tcp_invalid_rate_limited(sk)


def tcp_invalid_rate_limited(sk):
    now = tcp_now(sk.net)
    if sk.last_oow_ack_time and now - sk.last_oow_ack_time < sk.net.sysctl_tcp_invalid_ratelimit // NSEC_PER_USEC:
        return True
    sk.last_oow_ack_time = now
    return False


def tcp_send_challenge_ack(sk):
    """RFC 5961: make a peer that means it prove it; limited per socket and per host."""
    if tcp_invalid_rate_limited(sk):
        sk.net.mib.TcpExtTCPACKSkippedChallenge += 1
        return
    tn = sk.net.tcp
    limit = sk.net.sysctl_tcp_challenge_ack_limit
    if limit != 0x7FFFFFFF:
        second = sk.net.timers.now() // 1000000000
        if second != tn.challenge_timestamp:
            tn.challenge_timestamp = second
            tn.challenge_count = limit // 2 + tn.net.random.randrange(max(limit, 1))
        if tn.challenge_count <= 0:
            return
        tn.challenge_count -= 1
    sk.net.mib.TcpExtTCPChallengeACK += 1
    tcp_send_ack(sk)


# --- the acknowledgment ---


def tcp_ack(sk, skb, flag):
    """Process the acknowledgment of a segment: 1 it is valid, 0 it is old, negative: drop the segment."""
    prior_snd_una = sk.snd_una
    prior_reneg = sk.is_sack_reneg
    ack_seq = skb.seq
    ack = skb.ack_seq
    num_dupack = 0
    prior_packets = sk.packets_out
    delivered = sk.delivered
    lost = sk.lost
    sk.ack_flag = flag
    sk.ack_rexmit = REXMIT_NONE
    sk.sst_first_sackt = 0
    sk.sst_last_sackt = 0
    sk.rs_prior_delivered = 0
    sk.rs_prior_mstamp = 0
    sk.rs_rtt_us = -1
    if before(ack, prior_snd_una):
        return tcp_old_ack(sk, skb, ack, prior_snd_una, flag)
    if after(ack, sk.snd_nxt):
        # It acknowledges what was never sent (RFC 5961 section 5.2).
        if not flag & FLAG_NO_CHALLENGE_ACK:
            tcp_send_challenge_ack(sk)
        return -1
    if after(ack, prior_snd_una):
        sk.ack_flag |= FLAG_SND_UNA_ADVANCED
        sk.icsk_retransmits = 0
    prior_fack = tcp_highest_sack_seq(sk) if sk.sack_ok else sk.snd_una
    if flag & FLAG_UPDATE_TS_RECENT:
        tcp_replace_ts_recent(sk, skb)
    if sk.ack_flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED) == FLAG_SND_UNA_ADVANCED:
        # Header prediction has checked that the window is the same.
        sk.snd_wl1 = ack_seq
        tcp_snd_una_update(sk, ack)
        sk.ack_flag |= FLAG_WIN_UPDATE
        sk.net.mib.TcpExtTCPHPAcks += 1
    else:
        if ack_seq != skb.end_seq:
            sk.ack_flag |= FLAG_DATA
        else:
            sk.net.mib.TcpExtTCPPureAcks += 1
        sk.ack_flag |= tcp_ack_update_window(sk, skb, ack, ack_seq)
        if skb.cb2 and sk.sack_ok:
            tcp_sacktag_write_queue(sk, skb, prior_snd_una)
        if skb.tcp_flags & TCPHDR_ECE and not skb.tcp_flags & TCPHDR_SYN and sk.ecn_flags & TCP_ECN_OK:
            sk.ack_flag |= FLAG_ECE
    sk.sk_err_soft = 0
    sk.icsk_probes_out = 0
    sk.rcv_tstamp = sk.tcp_mstamp
    if prior_packets == 0:
        # No data was outstanding: it can not have been acknowledged.
        if sk.ack_flag & FLAG_DSACKING_ACK:
            tcp_fastretrans_alert(sk, prior_snd_una, num_dupack)
        tcp_ack_probe(sk)
        if sk.tlp_high_seq:
            tcp_process_tlp_ack(sk, ack, sk.ack_flag)
        return 1
    sk.ack_flag |= tcp_clean_rtx_queue(sk, prior_fack, prior_snd_una)
    tcp_rack_update_reo_wnd(sk)
    if sk.tlp_high_seq:
        tcp_process_tlp_ack(sk, ack, sk.ack_flag)
    flag = sk.ack_flag
    if not flag & FLAG_NOT_DUP or flag & FLAG_CA_ALERT or sk.icsk_ca_state != TCP_CA_Open:
        if not flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK):
            num_dupack = 1
            if not flag & FLAG_DATA:
                num_dupack = max(1, skb.gso_segs)
        tcp_fastretrans_alert(sk, prior_snd_una, num_dupack)
    if sk.ack_flag & FLAG_SET_XMIT_TIMER and not tcp_schedule_loss_probe(sk, True):
        tcp_rearm_rto(sk)
    if sk.ack_flag & FLAG_FORWARD_PROGRESS or not sk.ack_flag & FLAG_NOT_DUP:
        sk.sk_dst_pending_confirm = True
    delivered = sk.delivered - delivered
    lost = sk.lost - lost
    sk.net.mib.TcpExtTCPDelivered += delivered
    sk.rs_is_ack_delayed = sk.ack_flag & FLAG_ACK_MAYBE_DELAYED != 0
    tcp_rate_gen(sk, delivered, lost, prior_reneg)
    tcp_cong_control(sk, ack, delivered, sk.ack_flag)
    tcp_xmit_recovery(sk)
    return 1


def tcp_old_ack(sk, skb, ack, prior_snd_una, flag):
    """An acknowledgment of what was acknowledged before: blind data injection when it is too old (RFC 5961 section 5)."""
    if before(ack, (prior_snd_una - sk.max_window) & U32_MASK):
        if not flag & FLAG_NO_CHALLENGE_ACK:
            tcp_send_challenge_ack(sk)
        return -2
    if skb.cb2 and sk.sack_ok:
        delivered = sk.delivered
        tcp_sacktag_write_queue(sk, skb, prior_snd_una)
        tcp_fastretrans_alert(sk, prior_snd_una, 0)
        sk.net.mib.TcpExtTCPDelivered += sk.delivered - delivered
        tcp_xmit_recovery(sk)
    return 0


def tcp_cong_control(sk, ack, acked_sacked, flag):
    """Shrink or grow the window by what was delivered."""
    if tcp_in_cwnd_reduction(sk):
        tcp_cwnd_reduction(sk, acked_sacked, sk.rs_losses, flag)
    else:
        # Under heavy reordering every delivery counts, otherwise only what moves snd_una on.
        if sk.reordering > sk.net.sysctl_tcp_reordering:
            raise_cwnd = flag & FLAG_FORWARD_PROGRESS
        else:
            raise_cwnd = flag & FLAG_DATA_ACKED
        if raise_cwnd:
            sk.icsk_ca_ops.cong_avoid(sk, ack, acked_sacked)
            sk.snd_cwnd_stamp = sk.tcp_mstamp
    tcp_update_pacing_rate(sk)


def tcp_xmit_recovery(sk):
    """Send again what tcp_fastretrans_alert has asked for."""
    if sk.ack_rexmit == REXMIT_NONE or sk.sk_state == TCP_SYN_SENT:
        return
    if sk.ack_rexmit == REXMIT_NEW:
        tcp_push_frames(sk, tcp_current_mss(sk), TCP_NAGLE_OFF)
        if after(sk.snd_nxt, sk.high_seq):
            return
        sk.frto = False
    tcp_xmit_retransmit_queue(sk)
