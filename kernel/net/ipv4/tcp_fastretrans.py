"""The congestion state machine: Open, Disorder, CWR, Recovery, Loss, and the way back when a loss was none.

Recovery follows RFC 6675 with RACK's marks and proportional rate reduction (RFC 6937), NewReno without SACK (RFC 6582);
Loss follows RFC 5681 with F-RTO (RFC 5682); undo is by timestamps (Eifel, RFC 3522) and DSACKs (RFC 3708).
`sk.ack_flag` and `sk.ack_rexmit` carry what tcp_ack has found and what it is to do.
"""

from kernel.net.ipv4.tcp_cong import tcp_undo_cwnd_reduction
from kernel.net.ipv4.tcp_const import (
    CA_EVENT_COMPLETE_CWR,
    CA_EVENT_LOSS,
    FLAG_DATA_SACKED,
    FLAG_ECE,
    FLAG_LOST_RETRANS,
    FLAG_ORIG_SACK_ACKED,
    FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER,
    FLAG_SND_UNA_ADVANCED,
    ICSK_TIME_RETRANS,
    REXMIT_LOST,
    REXMIT_NEW,
    TCP_ECN_OK,
    TCP_ECN_QUEUE_CWR,
    TCP_INFINITE_SSTHRESH,
    TCP_RACK_RECOVERY_THRESH,
    TCPCB_EVER_RETRANS,
    TCPCB_SACKED_ACKED,
    U32_MASK,
)
from kernel.net.ipv4.tcp_mtu_probe import tcp_mtup_probe_failed
from kernel.net.ipv4.tcp_output import tcp_in_cwnd_reduction
from kernel.net.ipv4.tcp_recovery import (
    tcp_newreno_mark_lost,
    tcp_rack_detect_loss,
    tcp_rack_mark_lost,
    tcp_rack_skb_timeout,
)
from kernel.net.ipv4.tcp_retransmit import tcp_mark_skb_lost
from kernel.net.ipv4.tcp_sack import (
    tcp_add_reno_sack,
    tcp_check_sack_reordering,
    tcp_limit_reno_sacked,
    tcp_sack_cache_clear,
)
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    inet_csk_reset_xmit_timer,
    tcp_ca_event,
    tcp_current_ssthresh,
    tcp_packets_in_flight,
    tcp_set_ca_state,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window import tcp_current_mss
from kernel.uapi.tcp import TCP_CA_CWR, TCP_SYN_SENT, TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Open, TCP_CA_Recovery

RENEGING_DELAY_MIN = 10000


# --- reductions of the window ---


def tcp_init_undo(sk):
    """Remember where this loss began, so that it can be taken back."""
    sk.undo_marker = sk.snd_una
    sk.undo_retrans = sk.retrans_out
    if sk.tlp_high_seq and sk.tlp_retrans:
        sk.undo_retrans += 1
    if sk.undo_retrans == 0:
        sk.undo_retrans = -1


def tcp_init_cwnd_reduction(sk):
    """Begin a reduction: the algorithm says to what."""
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    sk.snd_cwnd_cnt = 0
    sk.prior_cwnd = sk.snd_cwnd
    sk.prr_delivered = 0
    sk.prr_out = 0
    sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
    if sk.ecn_flags & TCP_ECN_OK:
        sk.ecn_flags |= TCP_ECN_QUEUE_CWR


def tcp_cwnd_reduction(sk, newly_acked_sacked, newly_lost, flag):
    """RFC 6937: what is sent in recovery is in proportion to what is delivered."""
    in_flight = tcp_packets_in_flight(sk)
    if newly_acked_sacked <= 0 or sk.prior_cwnd == 0:
        return
    delta = sk.snd_ssthresh - in_flight
    sk.prr_delivered += newly_acked_sacked
    if delta < 0:
        sndcnt = (sk.snd_ssthresh * sk.prr_delivered + sk.prior_cwnd - 1) // sk.prior_cwnd - sk.prr_out
    else:
        sndcnt = max(sk.prr_delivered - sk.prr_out, newly_acked_sacked)
        if flag & FLAG_SND_UNA_ADVANCED and newly_lost == 0:
            sndcnt += 1
        sndcnt = min(delta, sndcnt)
    # Entering recovery, one retransmission goes out whatever the count says.
    sndcnt = max(sndcnt, 0 if sk.prr_out else 1)
    sk.snd_cwnd = in_flight + sndcnt


def tcp_end_cwnd_reduction(sk):
    """Recovery is over: the window is the threshold."""
    if sk.snd_ssthresh < TCP_INFINITE_SSTHRESH and (sk.icsk_ca_state == TCP_CA_CWR or sk.undo_marker):
        sk.snd_cwnd = sk.snd_ssthresh
        sk.snd_cwnd_stamp = sk.tcp_mstamp
    tcp_ca_event(sk, CA_EVENT_COMPLETE_CWR)


def tcp_enter_cwr(sk):
    """Reduce without a loss: the peer echoed a congestion mark, or the device dropped a packet."""
    sk.prior_ssthresh = 0
    if sk.icsk_ca_state < TCP_CA_CWR:
        sk.undo_marker = 0
        tcp_init_cwnd_reduction(sk)
        tcp_set_ca_state(sk, TCP_CA_CWR)


def tcp_enter_recovery(sk, ece_ack):
    """A segment is lost, and ACKs still come: fast recovery."""
    if sk.sack_ok:
        sk.net.mib.TcpExtTCPSackRecovery += 1
    else:
        sk.net.mib.TcpExtTCPRenoRecovery += 1
    sk.prior_ssthresh = 0
    tcp_init_undo(sk)
    if not tcp_in_cwnd_reduction(sk):
        if not ece_ack:
            sk.prior_ssthresh = tcp_current_ssthresh(sk)
        tcp_init_cwnd_reduction(sk)
    tcp_set_ca_state(sk, TCP_CA_Recovery)


def tcp_timeout_mark_lost(sk):
    """The retransmission timer expired: everything that was not sent just now counts as lost."""
    head = sk.tcp_rtx_queue.first
    if head is None:
        return
    reneging = head.sacked & TCPCB_SACKED_ACKED != 0
    if reneging:
        # The peer has thrown away what it had SACKed (RFC 2018 section 8).
        sk.net.mib.TcpExtTCPSACKReneging += 1
        sk.sacked_out = 0
        sk.is_sack_reneg = True
        tcp_sack_cache_clear(sk)
    elif not sk.sack_ok:
        sk.sacked_out = 0
    skb = head
    while skb is not None:
        following = skb.next
        if reneging:
            skb.sacked &= ~TCPCB_SACKED_ACKED
            tcp_mark_skb_lost(sk, skb)
        elif not (sk.sack_ok and skb is not head and tcp_rack_skb_timeout(sk, skb, 0) > 0):
            tcp_mark_skb_lost(sk, skb)
        skb = following
    sk.retransmit_skb_hint = None


def tcp_enter_loss(sk):
    """A retransmission timeout (RFC 5681 section 3.1): start again from one segment."""
    new_recovery = sk.icsk_ca_state < TCP_CA_Recovery
    tcp_timeout_mark_lost(sk)
    if (sk.icsk_ca_state <= TCP_CA_Disorder or not after(sk.high_seq, sk.snd_una)
            or (sk.icsk_ca_state == TCP_CA_Loss and sk.icsk_retransmits == 0)):
        sk.prior_ssthresh = tcp_current_ssthresh(sk)
        sk.prior_cwnd = sk.snd_cwnd
        sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
        tcp_ca_event(sk, CA_EVENT_LOSS)
        tcp_init_undo(sk)
    sk.snd_cwnd = tcp_packets_in_flight(sk) + 1
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.tcp_mstamp
    if sk.icsk_ca_state <= TCP_CA_Disorder and sk.sacked_out >= sk.net.sysctl_tcp_reordering:
        sk.reordering = min(sk.reordering, sk.net.sysctl_tcp_reordering)
    tcp_set_ca_state(sk, TCP_CA_Loss)
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    if sk.ecn_flags & TCP_ECN_OK:
        sk.ecn_flags |= TCP_ECN_QUEUE_CWR
    sk.frto = sk.net.sysctl_tcp_frto != 0 and (new_recovery or sk.icsk_retransmits != 0)


# --- undo ---


def tcp_packet_delayed(sk):
    """True when the ACK answers something sent before the first retransmission: that one was premature."""
    if sk.retrans_stamp == 0:
        return True
    if not sk.saw_tstamp or sk.rcv_tsecr == 0:
        return False
    return before(sk.rcv_tsecr, (sk.retrans_stamp // 1000 + sk.tsoffset) & U32_MASK)


def tcp_may_undo(sk):
    return sk.undo_marker != 0 and (sk.undo_retrans == 0 or tcp_packet_delayed(sk))


def tcp_any_retrans_done(sk):
    """True when something unacknowledged was sent twice."""
    if sk.retrans_out:
        return True
    skb = sk.tcp_rtx_queue.first
    return skb is not None and skb.sacked & TCPCB_EVER_RETRANS != 0


def tcp_non_sack_preventing_reopen(sk):
    """RFC 6582 section 3.2: without SACK stay until something above high_seq is acknowledged."""
    if sk.snd_una == sk.high_seq and not sk.sack_ok:
        if not tcp_any_retrans_done(sk):
            sk.retrans_stamp = 0
        return True
    return False


def tcp_try_undo_recovery(sk):
    """All of high_seq is acknowledged; True when the state must be held all the same."""
    if tcp_may_undo(sk):
        was_loss = sk.icsk_ca_state == TCP_CA_Loss
        tcp_undo_cwnd_reduction(sk, False)
        if was_loss:
            sk.net.mib.TcpExtTCPLossUndo += 1
        else:
            sk.net.mib.TcpExtTCPFullUndo += 1
    elif sk.rack_reo_wnd_persist:
        sk.rack_reo_wnd_persist -= 1
    if tcp_non_sack_preventing_reopen(sk):
        return True
    tcp_set_ca_state(sk, TCP_CA_Open)
    sk.is_sack_reneg = False
    return False


def tcp_try_undo_dsack(sk):
    """Every retransmission was reported as a duplicate."""
    if sk.undo_marker and sk.undo_retrans == 0:
        sk.rack_reo_wnd_persist = min(TCP_RACK_RECOVERY_THRESH, sk.rack_reo_wnd_persist + 1)
        tcp_undo_cwnd_reduction(sk, False)
        sk.net.mib.TcpExtTCPDSACKUndo += 1
        return True
    return False


def tcp_try_undo_loss(sk, frto_undo):
    """The timeout was spurious, by timestamps or by F-RTO."""
    if not frto_undo and not tcp_may_undo(sk):
        return False
    tcp_undo_cwnd_reduction(sk, True)
    sk.net.mib.TcpExtTCPLossUndo += 1
    if frto_undo:
        sk.net.mib.TcpExtTCPSpuriousRTOs += 1
    sk.icsk_retransmits = 0
    if tcp_non_sack_preventing_reopen(sk):
        return True
    if frto_undo or sk.sack_ok:
        tcp_set_ca_state(sk, TCP_CA_Open)
        sk.is_sack_reneg = False
    return True


def tcp_try_undo_partial(sk, prior_snd_una):
    """A partial ACK of an original; True: wait, do not mark or send more."""
    if sk.undo_marker and tcp_packet_delayed(sk):
        tcp_check_sack_reordering(sk, prior_snd_una, True)
        if sk.retrans_out:
            return True
        if not tcp_any_retrans_done(sk):
            sk.retrans_stamp = 0
        tcp_undo_cwnd_reduction(sk, True)
        sk.net.mib.TcpExtTCPPartialUndo += 1
        tcp_try_keep_open(sk)
    return False


# --- the state machine ---


def tcp_try_keep_open(sk):
    """Open, or Disorder while anything is SACKed, lost or sent twice."""
    state = TCP_CA_Open
    if sk.sacked_out + sk.lost_out or tcp_any_retrans_done(sk):
        state = TCP_CA_Disorder
    if sk.icsk_ca_state != state:
        tcp_set_ca_state(sk, state)
        sk.high_seq = sk.snd_nxt


def tcp_try_to_open(sk, flag):
    if not tcp_any_retrans_done(sk):
        sk.retrans_stamp = 0
    if flag & FLAG_ECE:
        tcp_enter_cwr(sk)
    if sk.icsk_ca_state != TCP_CA_CWR:
        tcp_try_keep_open(sk)


def tcp_identify_packet_loss(sk):
    """Ask the detector what this ACK tells of losses."""
    if sk.tcp_rtx_queue.first is None:
        return
    if not sk.sack_ok:
        tcp_newreno_mark_lost(sk, sk.ack_flag & FLAG_SND_UNA_ADVANCED != 0)
        return
    prior_retrans = sk.retrans_out
    if tcp_rack_mark_lost(sk):
        sk.ack_flag &= ~FLAG_SET_XMIT_TIMER
    if prior_retrans > sk.retrans_out:
        sk.ack_flag |= FLAG_LOST_RETRANS


def tcp_check_sack_reneging(sk):
    """The first segment is SACKed yet not acknowledged: give the peer a moment, then believe that it was dropped."""
    if sk.ack_flag & FLAG_SACK_RENEGING and sk.ack_flag & FLAG_SND_UNA_ADVANCED:
        delay = max(sk.srtt_us >> 4, RENEGING_DELAY_MIN)
        sk.ack_flag &= ~FLAG_SET_XMIT_TIMER
        inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, delay, sk.icsk_rto_max)
        return True
    return False


def tcp_process_loss(sk, flag, num_dupack):
    """An ACK in Loss: F-RTO's two steps (RFC 5682 section 3.1), then slow start through what was lost."""
    recovered = not before(sk.snd_una, sk.high_seq)
    if flag & FLAG_SND_UNA_ADVANCED and tcp_try_undo_loss(sk, False):
        return
    if sk.frto:
        # Never-retransmitted data arrived: not all was lost.
        if flag & FLAG_ORIG_SACK_ACKED and tcp_try_undo_loss(sk, True):
            return
        if after(sk.snd_nxt, sk.high_seq):
            if flag & FLAG_DATA_SACKED or num_dupack:
                sk.frto = False
        elif flag & FLAG_SND_UNA_ADVANCED and not recovered:
            sk.high_seq = sk.snd_nxt
            if sk.sk_write_queue.first is not None and after(tcp_wnd_end(sk), sk.snd_nxt):
                sk.ack_rexmit = REXMIT_NEW
                return
            sk.frto = False
    if recovered:
        tcp_try_undo_recovery(sk)
        return
    if not sk.sack_ok:
        if after(sk.snd_nxt, sk.high_seq) and num_dupack:
            tcp_add_reno_sack(sk, num_dupack)
        elif flag & FLAG_SND_UNA_ADVANCED:
            sk.sacked_out = 0
    sk.ack_rexmit = REXMIT_LOST


def tcp_fastretrans_alert(sk, prior_snd_una, num_dupack):
    """A dubious ACK, or one in a state other than Open."""
    flag = sk.ack_flag
    ece_ack = flag & FLAG_ECE != 0
    if sk.packets_out == 0 and sk.sacked_out:
        sk.sacked_out = 0
    if ece_ack:
        sk.prior_ssthresh = 0
    if tcp_check_sack_reneging(sk):
        return
    if sk.icsk_ca_state == TCP_CA_Open:
        sk.retrans_stamp = 0
    elif not before(sk.snd_una, sk.high_seq):
        if sk.icsk_ca_state == TCP_CA_CWR:
            if sk.snd_una != sk.high_seq:
                tcp_end_cwnd_reduction(sk)
                tcp_set_ca_state(sk, TCP_CA_Open)
        elif sk.icsk_ca_state == TCP_CA_Recovery:
            if not sk.sack_ok:
                sk.sacked_out = 0
            if tcp_try_undo_recovery(sk):
                return
            tcp_end_cwnd_reduction(sk)
    if sk.icsk_ca_state == TCP_CA_Recovery:
        if not flag & FLAG_SND_UNA_ADVANCED:
            if not sk.sack_ok:
                tcp_add_reno_sack(sk, num_dupack)
        elif tcp_try_undo_partial(sk, prior_snd_una):
            return
        if tcp_try_undo_dsack(sk):
            tcp_try_to_open(sk, flag)
        tcp_identify_packet_loss(sk)
        if sk.icsk_ca_state != TCP_CA_Recovery:
            if sk.lost_out == 0:
                return
            # The undone recovery was right after all about something.
            tcp_enter_recovery(sk, ece_ack)
    elif sk.icsk_ca_state == TCP_CA_Loss:
        tcp_process_loss(sk, flag, num_dupack)
        if sk.icsk_ca_state != TCP_CA_Loss and sk.rto_stamp:
            sk.total_rto_time += (sk.tcp_mstamp - sk.rto_stamp) // 1000
            sk.rto_stamp = 0
        tcp_identify_packet_loss(sk)
        if not (sk.icsk_ca_state == TCP_CA_Open or sk.ack_flag & FLAG_LOST_RETRANS):
            return
        if not tcp_alert_default(sk, flag, num_dupack, ece_ack):
            return
    elif not tcp_alert_default(sk, flag, num_dupack, ece_ack):
        return
    sk.ack_rexmit = REXMIT_LOST


def tcp_alert_default(sk, flag, num_dupack, ece_ack):
    """Open, Disorder, CWR, or Loss that may be over; True when fast recovery begins."""
    if not sk.sack_ok:
        if flag & FLAG_SND_UNA_ADVANCED:
            sk.sacked_out = 0
        tcp_add_reno_sack(sk, num_dupack)
    if sk.icsk_ca_state <= TCP_CA_Disorder:
        tcp_try_undo_dsack(sk)
    tcp_identify_packet_loss(sk)
    if sk.lost_out == 0:
        tcp_try_to_open(sk, flag)
        return False
    if sk.mtup_probe_size and sk.icsk_ca_state < TCP_CA_CWR and sk.snd_una == sk.mtup_probe_seq_start:
        tcp_mtup_probe_failed(sk)
        return tcp_simple_retransmit(sk)
    tcp_enter_recovery(sk, ece_ack)
    return True


def tcp_rack_reo_timeout_mark(sk):
    """The reordering timer: what is due now is lost; True when there is something to send again."""
    prior_in_flight = tcp_packets_in_flight(sk)
    prior_lost = sk.lost
    tcp_rack_detect_loss(sk)
    if prior_in_flight == tcp_packets_in_flight(sk):
        return False
    if sk.icsk_ca_state != TCP_CA_Recovery:
        tcp_enter_recovery(sk, False)
        tcp_cwnd_reduction(sk, 1, sk.lost - prior_lost, 0)
    return True


def tcp_simple_retransmit(sk):
    """The path's MTU has shrunk: what is too large for it is lost, and the window stays; True when there is any."""
    # A SYN with data is kept as two: that they are small now does not mean that what was sent was.
    mss = -1 if sk.syn_data and sk.sk_state == TCP_SYN_SENT else tcp_current_mss(sk)
    skb = sk.tcp_rtx_queue.first
    while skb is not None:
        size = skb.gso_size if skb.gso_size else skb.len
        if mss < 0 or size > mss:
            tcp_mark_skb_lost(sk, skb)
        skb = skb.next
    if sk.lost_out == 0:
        return False
    if not sk.sack_ok:
        tcp_limit_reno_sacked(sk)
    if sk.icsk_ca_state != TCP_CA_Loss:
        sk.high_seq = sk.snd_nxt
        sk.snd_ssthresh = tcp_current_ssthresh(sk)
        sk.prior_ssthresh = 0
        sk.undo_marker = 0
        tcp_set_ca_state(sk, TCP_CA_Loss)
    return True
