"""Segments of a connection: the fast path, the acceptability tests, and the state machine (RFC 9293 section 3.10.7)."""

from kernel.net.core.sk_mem import sk_mem_refused
from kernel.net.core.skbuff import consume_skb, kfree_skb, skb_pull
from kernel.net.core.sock_flags import SOCK_DEAD, SOCK_KEEPOPEN
from kernel.net.ipv4.inet_connection_sock import tcp_done, tcp_reset, tcp_set_state
from kernel.net.ipv4.tcp_ack import (
    tcp_ack,
    tcp_oow_rate_limited,
    tcp_send_challenge_ack,
    tcp_synack_rtt_meas,
    tcp_update_pacing_rate,
)
from kernel.net.ipv4.tcp_cong import tcp_init_congestion_control
from kernel.net.ipv4.tcp_const import (
    FLAG_DATA,
    FLAG_NO_CHALLENGE_ACK,
    FLAG_SLOWPATH,
    FLAG_UPDATE_TS_RECENT,
    ICSK_ACK_SCHED,
    ICSK_TIME_RETRANS,
    NSEC_PER_USEC,
    TCP_DELACK_MAX,
    TCP_ECN_OK,
    TCP_MAX_QUICKACKS,
    TCP_PAWS_24DAYS,
    TCP_PAWS_WINDOW,
    TCP_TIMEOUT_FALLBACK,
    TCP_TIMEOUT_MIN,
    TCP_TIMEWAIT_LEN,
    TS_WORD,
    U32_MASK,
    USEC_PER_SEC,
)
from kernel.net.ipv4.tcp_control import tcp_send_ack, tcp_send_fin, tcp_send_synack
from kernel.net.ipv4.tcp_data import (
    tcp_ack_snd_check,
    tcp_ack_snd_check_scheduled,
    tcp_data_queue,
    tcp_data_ready,
    tcp_data_snd_check,
    tcp_enter_quickack_mode,
    tcp_event_data_recv,
    tcp_queue_rcv,
    tcp_send_dupack,
    tcp_urg,
)
from kernel.net.ipv4.tcp_fastopen_rcv import (
    tcp_fastopen_check_req,
    tcp_rcv_fastopen_synack,
    tcp_rcv_synrecv_state_fastopen,
)
from kernel.net.ipv4.tcp_mtu_probe import tcp_mtup_init
from kernel.net.ipv4.tcp_options import tcp_fast_parse_options, tcp_options_received, tcp_parse_options
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    between,
    inet_csk_reset_delack_timer,
    inet_csk_reset_keepalive_timer,
    inet_csk_reset_xmit_timer,
    inet_csk_schedule_ack,
    tcp_fast_path_on,
    tcp_mstamp_refresh,
    tcp_receive_window,
)
from kernel.net.ipv4.tcp_timewait import tcp_fin_time, tcp_time_wait
from kernel.net.ipv4.tcp_window import (
    tcp_init_buffer_space,
    tcp_init_cwnd,
    tcp_initialize_rcv_mss,
    tcp_rcv_rtt_measure_ts,
    tcp_sync_mss,
)
from kernel.uapi.socket import RCV_SHUTDOWN, SEND_SHUTDOWN
from kernel.uapi.tcp import (
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_TIME_WAIT,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_RST,
    TCPHDR_SYN,
)

# Of the header word with data offset, flags and window, all but PSH and the reserved bits must be as predicted.
HP_MASK = 0xF0F7FFFF
TS_HEADER_LEN = 32


# --- timestamps (RFC 7323) ---


def tcp_note_timestamp(sk, skb):
    """Remember what the options parser found."""
    if skb.has_ts and sk.tstamp_ok:
        sk.saw_tstamp = True
        sk.rcv_tsval = skb.tsval
        sk.rcv_tsecr = skb.tsecr
    else:
        sk.saw_tstamp = False


def tcp_store_ts_recent(sk):
    sk.ts_recent = sk.rcv_tsval
    sk.ts_recent_stamp = sk.tcp_mstamp // USEC_PER_SEC + 1


def tcp_paws_check(sk, window):
    """True when the timestamp is not older than the last one (section 5.3), or that one is older than 24 days."""
    older = (sk.ts_recent - sk.rcv_tsval) & U32_MASK
    if older > 0x7FFFFFFF or older <= window:
        return True
    if sk.tcp_mstamp // USEC_PER_SEC >= sk.ts_recent_stamp + TCP_PAWS_24DAYS:
        return True
    # A peer that always sends zero has no clock.
    return sk.ts_recent == 0


def tcp_disordered_ack(sk, skb):
    """A pure duplicate ACK that was overtaken is harmless, and worth hearing."""
    if skb.seq != skb.end_seq or skb.seq != sk.rcv_nxt or not skb.tcp_flags & TCPHDR_ACK:
        return False
    if skb.ack_seq != sk.snd_una:
        return False
    window = skb.get16(skb.transport_header + 14) << sk.snd_wscale
    if after(skb.seq, sk.snd_wl1) or (skb.seq == sk.snd_wl1 and window > sk.snd_wnd):
        return False
    return ((sk.ts_recent - sk.rcv_tsval) & U32_MASK) <= sk.icsk_rto * 1200 // USEC_PER_SEC


# --- acceptability (RFC 9293 section 3.10.7.4, RFC 5961) ---


def tcp_sequence(sk, skb):
    """True when the segment lies in the window; one that is too long only into an empty queue."""
    if before(skb.end_seq, sk.rcv_wup):
        return False
    right = (sk.rcv_nxt + tcp_receive_window(sk)) & U32_MASK
    if after(skb.end_seq, right):
        # Some stacks do not count the FIN against the window, and it needs no room.
        if skb.tcp_flags & TCPHDR_FIN and skb.end_seq == (right + 1) & U32_MASK:
            return True
        if after(skb.seq, right):
            return False
        return sk.sk_receive_queue.first is None or skb.seq == skb.end_seq
    return True


def tcp_reset_check(sk, skb):
    """After the peer's FIN some stacks send their RST one number below."""
    if skb.seq != (sk.rcv_nxt - 1) & U32_MASK:
        return False
    return sk.sk_state == TCP_CLOSE_WAIT or sk.sk_state == TCP_LAST_ACK or sk.sk_state == TCP_CLOSING


def tcp_validate_incoming(sk, skb):
    """PAWS, sequence, RST and SYN checks; False: the segment has been answered and consumed."""
    tcp_fast_parse_options(sk, skb)
    tcp_note_timestamp(sk, skb)
    flags = skb.tcp_flags
    if sk.saw_tstamp and not tcp_paws_check(sk, TCP_PAWS_WINDOW) and not tcp_disordered_ack(sk, skb):
        if not flags & TCPHDR_RST:
            if flags & TCPHDR_SYN:
                return tcp_syn_challenge(sk, skb)
            sk.net.mib.TcpExtPAWSEstab += 1
            if not tcp_oow_rate_limited(sk, skb):
                tcp_send_dupack(sk, skb)
            kfree_skb(skb, "TCP_RFC7323_PAWS")
            return False
    if not tcp_sequence(sk, skb):
        if not flags & TCPHDR_RST:
            if flags & TCPHDR_SYN:
                return tcp_syn_challenge(sk, skb)
            if not tcp_oow_rate_limited(sk, skb):
                tcp_send_dupack(sk, skb)
        elif tcp_reset_check(sk, skb):
            tcp_reset(sk)
        kfree_skb(skb, "TCP_INVALID_SEQUENCE")
        return False
    if flags & TCPHDR_RST:
        # RFC 5961 section 3.2: only the exact number resets; what is merely in the window is challenged.
        if skb.seq == sk.rcv_nxt or tcp_reset_check(sk, skb) or tcp_reset_at_sack_edge(sk, skb):
            tcp_reset(sk)
        else:
            tcp_send_challenge_ack(sk)
        kfree_skb(skb, "TCP_RESET")
        return False
    if flags & TCPHDR_SYN:
        if not (sk.sk_state == TCP_SYN_RECV and flags & TCPHDR_ACK and (skb.seq + 1) & U32_MASK == sk.rcv_nxt
                and skb.ack_seq == sk.snd_nxt and skb.end_seq == sk.rcv_nxt):
            return tcp_syn_challenge(sk, skb)
    return True


def tcp_reset_at_sack_edge(sk, skb):
    """A RST behind out-of-order data carries the number that the peer's rcv_nxt would have without the hole."""
    if not sk.sack_ok or sk.num_sacks == 0:
        return False
    highest = sk.sack_end[0]
    i = 1
    while i < sk.num_sacks:
        if after(sk.sack_end[i], highest):
            highest = sk.sack_end[i]
        i += 1
    return skb.seq == highest


def tcp_syn_challenge(sk, skb):
    """RFC 5961 section 4.2: a SYN on a synchronized connection is never believed."""
    sk.net.mib.TcpInErrs += 1
    sk.net.mib.TcpExtTCPSYNChallenge += 1
    tcp_send_challenge_ack(sk)
    kfree_skb(skb, "TCP_INVALID_SYN")
    return False


# --- ESTABLISHED ---


def tcp_rcv_established(sk, skb):
    """A segment in ESTABLISHED, data at the TCP header.  Consumes it.

    Header prediction (Van Jacobson): in-order data, or an ACK of ours, with nothing else changed, takes a short way.
    An old ACK is not predicted: RFC 5961 section 5.2 has to judge it before its data is taken.
    """
    tcp_mstamp_refresh(sk)
    sk.saw_tstamp = False
    pos = skb.transport_header
    if (skb.get32(pos + 12) & HP_MASK == sk.pred_flags and skb.seq == sk.rcv_nxt and sk.pred_flags
            and between(sk.snd_una, skb.ack_seq, sk.snd_nxt)):
        size = sk.tcp_header_len
        predicted = True
        if size == TS_HEADER_LEN:
            if skb.get32(pos + 20) != TS_WORD:
                predicted = False
            else:
                skb.has_ts = True
                skb.tsval = skb.get32(pos + 24)
                skb.tsecr = skb.get32(pos + 28)
                if ((skb.tsval - sk.ts_recent) & U32_MASK) > 0x7FFFFFFF:
                    predicted = False
                else:
                    sk.saw_tstamp = True
                    sk.rcv_tsval = skb.tsval
                    sk.rcv_tsecr = skb.tsecr
        if predicted:
            skb.cb2 = 0
            if skb.len <= size:
                if sk.saw_tstamp and sk.rcv_nxt == sk.rcv_wup:
                    tcp_store_ts_recent(sk)
                tcp_ack(sk, skb, 0)
                consume_skb(skb)
                tcp_data_snd_check(sk)
                return
            if (sk.sk_rmem_alloc <= sk.sk_rcvbuf and skb.len - size <= tcp_receive_window(sk)
                    and not sk_mem_refused(sk, skb.truesize, True)):
                if sk.saw_tstamp:
                    if sk.rcv_nxt == sk.rcv_wup:
                        tcp_store_ts_recent(sk)
                    tcp_rcv_rtt_measure_ts(sk, skb)
                tcp_rcv_predicted_data(sk, skb, size)
                return
    tcp_rcv_established_slow(sk, skb)


def tcp_rcv_predicted_data(sk, skb, size):
    """In-order data on the fast path."""
    sk.net.mib.TcpExtTCPHPHits += 1
    skb_pull(skb, size)
    eaten = tcp_queue_rcv(sk, skb)
    tcp_event_data_recv(sk, skb)
    check_ack = True
    if skb.ack_seq != sk.snd_una:
        tcp_ack(sk, skb, FLAG_DATA)
        tcp_data_snd_check(sk)
        check_ack = sk.ack_pending & ICSK_ACK_SCHED != 0
    else:
        sk.snd_wl1 = skb.seq
    if check_ack:
        tcp_ack_snd_check_scheduled(sk, False)
    if eaten:
        consume_skb(skb)
    tcp_data_ready(sk)


def tcp_rcv_established_slow(sk, skb):
    """The general way through ESTABLISHED."""
    if not skb.tcp_flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN):
        kfree_skb(skb, "TCP_FLAGS")
        return
    if not tcp_validate_incoming(sk, skb):
        return
    if tcp_ack(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT) < 0:
        kfree_skb(skb, "TCP_BAD_ACK")
        return
    if sk.saw_tstamp:
        tcp_rcv_rtt_measure_ts(sk, skb)
    tcp_urg(sk, skb)
    tcp_data_queue(sk, skb)
    tcp_data_snd_check(sk)
    tcp_ack_snd_check(sk)


# --- opening ---


def tcp_init_transfer(sk):
    """The connection is up: congestion window, buffers, algorithm."""
    if sk.srtt_us == 0:
        # RFC 6298 section 5.7: the SYN was lost and gave no sample.
        sk.rttvar_us = TCP_TIMEOUT_FALLBACK
        sk.mdev_us = TCP_TIMEOUT_FALLBACK
        sk.mdev_max_us = TCP_TIMEOUT_FALLBACK
        sk.icsk_rto = TCP_TIMEOUT_FALLBACK
    tcp_mtup_init(sk)
    # RFC 5681 section 3.1: a lost SYN (more than one, with a 1 s timeout) starts from one segment.
    sk.snd_cwnd = 1 if sk.total_retrans > 1 and sk.undo_marker else tcp_init_cwnd(sk)
    sk.snd_cwnd_stamp = sk.tcp_mstamp
    tcp_init_congestion_control(sk)
    tcp_init_buffer_space(sk)
    if sk.sk_pacing_rate == 0:
        # No round trip has been measured.
        sk.sk_pacing_rate = 1 << 40


def tcp_finish_connect(sk, skb):
    """Our SYN is acknowledged and theirs is here."""
    tcp_set_state(sk, TCP_ESTABLISHED)
    sk.ack_lrcvtime = sk.tcp_mstamp
    tcp_init_transfer(sk)
    sk.lsndtime = sk.tcp_mstamp
    if sk.sk_flags & SOCK_KEEPOPEN:
        inet_csk_reset_keepalive_timer(sk, keepalive_time_when(sk))
    if sk.snd_wscale == 0:
        tcp_fast_path_on(sk)
    else:
        sk.pred_flags = 0


def keepalive_time_when(sk):
    """How long a connection is idle before it is probed (us)."""
    return sk.keepalive_time if sk.keepalive_time else sk.net.sysctl_tcp_keepalive_time // NSEC_PER_USEC


def tcp_take_syn_options(sk, opt):
    """What both ends have offered holds."""
    if opt.mss_clamp:
        sk.mss_clamp = min(opt.mss_clamp, sk.user_mss) if sk.user_mss else opt.mss_clamp
    else:
        sk.mss_clamp = min(536, sk.user_mss) if sk.user_mss else 536
    if sk.wscale_ok and opt.wscale_ok:
        sk.snd_wscale = opt.snd_wscale
    else:
        sk.wscale_ok = False
        sk.snd_wscale = 0
        sk.rcv_wscale = 0
        sk.window_clamp = min(sk.window_clamp, 65535)
    if not opt.sack_ok:
        sk.sack_ok = 0


def tcp_rcv_synsent_state_process(sk, skb):
    """A segment in SYN-SENT: -1 go on with its data, 0 it is consumed, 1 answer with RST (not consumed)."""
    opt = tcp_options_received()
    tcp_parse_options(skb, opt)
    flags = skb.tcp_flags
    sk.saw_tstamp = False
    if skb.has_ts and sk.tstamp_ok:
        sk.saw_tstamp = True
        sk.rcv_tsval = skb.tsval
        sk.rcv_tsecr = skb.tsecr
    if flags & TCPHDR_ACK:
        if not after(skb.ack_seq, sk.snd_una) or after(skb.ack_seq, sk.snd_nxt):
            # An old peer may not have seen our RST: try again soon.
            if sk.icsk_retransmits == 0:
                inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, TCP_TIMEOUT_MIN, sk.icsk_rto_max)
            return 1
        if sk.saw_tstamp and sk.rcv_tsecr:
            sent = (sk.retrans_stamp // 1000 + sk.tsoffset) & U32_MASK
            if not between(sent, sk.rcv_tsecr, (sk.tcp_mstamp // 1000 + sk.tsoffset) & U32_MASK):
                sk.net.mib.TcpExtPAWSActive += 1
                return 1
        if flags & TCPHDR_RST:
            tcp_reset(sk)
            consume_skb(skb)
            return 0
        if not flags & TCPHDR_SYN:
            kfree_skb(skb, "TCP_FLAGS")
            return 0
        tcp_rcv_synack(sk, skb, opt)
        again = (sk.syn_fastopen or sk.syn_data) and tcp_rcv_fastopen_synack(sk, skb, opt)
        if not sk.sk_flags & SOCK_DEAD:
            sk.state_change()
        if again:
            # The data of the SYN, sent again, acknowledges the SYN-ACK.
            return -1
        if sk.ack_pingpong or sk.icsk_defer_accept or sk.write_pending or sk.sk_write_queue.first is not None:
            # Data will follow at once and carry the ACK.
            inet_csk_schedule_ack(sk)
            tcp_enter_quickack_mode(sk, TCP_MAX_QUICKACKS)
            inet_csk_reset_delack_timer(sk, TCP_DELACK_MAX)
            return -1
        tcp_send_ack(sk)
        return -1
    if flags & TCPHDR_RST:
        kfree_skb(skb, "TCP_RESET")
        return 0
    if sk.ts_recent_stamp and sk.saw_tstamp and not tcp_paws_check(sk, 0):
        kfree_skb(skb, "TCP_RFC7323_PAWS")
        return 0
    if flags & TCPHDR_SYN:
        tcp_rcv_simultaneous_syn(sk, skb, opt)
    kfree_skb(skb, "TCP_FLAGS")
    return 0


def tcp_settle_timestamps(sk):
    """Timestamps are on when both have sent one."""
    if sk.saw_tstamp:
        sk.tcp_header_len = 32
        tcp_store_ts_recent(sk)
    else:
        sk.tstamp_ok = False
        sk.tcp_header_len = 20


def tcp_rcv_synack(sk, skb, opt):
    """The SYN-ACK that we wait for."""
    if sk.net.sysctl_tcp_ecn == 1 and skb.tcp_flags & TCPHDR_ECE and not skb.tcp_flags & TCPHDR_CWR:
        sk.ecn_flags = TCP_ECN_OK
    sk.snd_wl1 = skb.seq
    tcp_take_syn_options(sk, opt)
    tcp_ack(sk, skb, FLAG_SLOWPATH)
    sk.rcv_nxt = (skb.seq + 1) & U32_MASK
    sk.rcv_wup = sk.rcv_nxt
    sk.rcv_mwnd_seq = (sk.rcv_wup + sk.rcv_wnd) & U32_MASK
    # RFC 7323 section 2.2: the window of a SYN is never scaled.
    sk.snd_wnd = skb.get16(skb.transport_header + 14)
    tcp_settle_timestamps(sk)
    if sk.tstamp_ok:
        sk.advmss -= 12
    tcp_mtup_init(sk)
    tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    tcp_initialize_rcv_mss(sk)
    sk.copied_seq = sk.rcv_nxt
    tcp_finish_connect(sk, skb)


def tcp_rcv_simultaneous_syn(sk, skb, opt):
    """Their SYN crosses ours (RFC 9293 section 3.5, figure 8)."""
    tcp_set_state(sk, TCP_SYN_RECV)
    tcp_take_syn_options(sk, opt)
    sk.rcv_nxt = (skb.seq + 1) & U32_MASK
    sk.copied_seq = sk.rcv_nxt
    sk.rcv_wup = sk.rcv_nxt
    sk.rcv_mwnd_seq = (sk.rcv_wup + sk.rcv_wnd) & U32_MASK
    sk.snd_wnd = skb.get16(skb.transport_header + 14)
    sk.snd_wl1 = skb.seq
    sk.max_window = sk.snd_wnd
    tcp_settle_timestamps(sk)
    tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    tcp_initialize_rcv_mss(sk)
    tcp_send_synack(sk)


def tcp_syn_recv_established(sk, skb):
    """The ACK that completes a passive or simultaneous open."""
    sk.delivered += 1
    req = sk.fastopen_rsk
    if req is not None:
        if sk.srtt_us == 0:
            tcp_synack_rtt_meas(sk, req.snt_synack, req.num_timeout)
        tcp_rcv_synrecv_state_fastopen(sk)
    else:
        if sk.srtt_us == 0:
            tcp_synack_rtt_meas(sk, sk.retrans_stamp, sk.total_retrans)
        sk.retrans_stamp = 0
        tcp_init_transfer(sk)
        sk.copied_seq = sk.rcv_nxt
    tcp_set_state(sk, TCP_ESTABLISHED)
    if not sk.sk_flags & SOCK_DEAD:
        sk.state_change()
    sk.snd_una = skb.ack_seq
    sk.snd_wnd = skb.get16(skb.transport_header + 14) << sk.snd_wscale
    sk.snd_wl1 = skb.seq
    if sk.tstamp_ok:
        sk.advmss -= 12
    tcp_update_pacing_rate(sk)
    sk.lsndtime = sk.tcp_mstamp
    sk.ack_lrcvtime = sk.tcp_mstamp
    tcp_initialize_rcv_mss(sk)
    tcp_fast_path_on(sk)
    if sk.sk_flags & SOCK_KEEPOPEN:
        inet_csk_reset_keepalive_timer(sk, keepalive_time_when(sk))
    if sk.sk_shutdown & SEND_SHUTDOWN:
        tcp_set_state(sk, TCP_FIN_WAIT1)
        tcp_send_fin(sk)


# --- every other state ---


def tcp_rcv_state_process(sk, skb):
    """A segment in a state other than ESTABLISHED, LISTEN and TIME-WAIT.

    0: consumed.  1: the caller answers with a RST and drops it.
    """
    if sk.sk_state == TCP_CLOSE:
        kfree_skb(skb, "TCP_CLOSE")
        return 0
    tcp_mstamp_refresh(sk)
    if sk.sk_state == TCP_SYN_SENT:
        queued = tcp_rcv_synsent_state_process(sk, skb)
        if queued >= 0:
            return queued
        tcp_urg(sk, skb)
        consume_skb(skb)
        tcp_data_snd_check(sk)
        return 0
    sk.saw_tstamp = False
    flags = skb.tcp_flags
    if sk.fastopen_rsk is not None and not tcp_fastopen_check_req(sk, skb, sk.fastopen_rsk):
        kfree_skb(skb, "TCP_FASTOPEN")
        return 0
    if not flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN):
        kfree_skb(skb, "TCP_FLAGS")
        return 0
    if not tcp_validate_incoming(sk, skb):
        return 0
    acceptable = tcp_ack(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK)
    if acceptable <= 0:
        if sk.sk_state == TCP_SYN_RECV:
            # Half open, and the ACK acknowledges nothing of ours.
            return 1
        if acceptable < 0:
            tcp_send_challenge_ack(sk)
            kfree_skb(skb, "TCP_BAD_ACK")
            return 0
    if sk.sk_state == TCP_SYN_RECV:
        tcp_syn_recv_established(sk, skb)
    state = sk.sk_state
    if state == TCP_FIN_WAIT1:
        if sk.fastopen_rsk is not None:
            tcp_rcv_synrecv_state_fastopen(sk)
        verdict = tcp_fin_wait1_acked(sk, skb)
        if verdict >= 0:
            return verdict
    elif state == TCP_CLOSING:
        if sk.snd_una == sk.write_seq:
            tcp_time_wait(sk, TCP_TIME_WAIT, 0)
            consume_skb(skb)
            return 0
    elif state == TCP_LAST_ACK:
        if sk.snd_una == sk.write_seq:
            tcp_done(sk)
            consume_skb(skb)
            return 0
    tcp_urg(sk, skb)
    return tcp_rcv_closing_data(sk, skb)


def tcp_rcv_closing_data(sk, skb):
    """The payload of a segment in a closing state; result as tcp_rcv_state_process."""
    state = sk.sk_state
    if state in (TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK):
        if not before(skb.seq, sk.rcv_nxt):
            # There is nothing behind a FIN.
            kfree_skb(skb, "TCP_OVERWINDOW")
        else:
            tcp_data_queue(sk, skb)
    elif (state in (TCP_FIN_WAIT1, TCP_FIN_WAIT2)) and tcp_data_after_close(sk, skb):
        sk.net.mib.TcpExtTCPAbortOnData += 1
        tcp_reset(sk)
        return 1
    else:
        tcp_data_queue(sk, skb)
    if sk.sk_state != TCP_CLOSE:
        tcp_data_snd_check(sk)
        tcp_ack_snd_check(sk)
    return 0


def tcp_data_after_close(sk, skb):
    """New data for a user that has closed its receiving half (RFC 1122 section 4.2.2.13)."""
    if not sk.sk_shutdown & RCV_SHUTDOWN or skb.end_seq == skb.seq:
        return False
    fin = 1 if skb.tcp_flags & TCPHDR_FIN else 0
    return after((skb.end_seq - fin) & U32_MASK, sk.rcv_nxt)


def tcp_fin_wait1_acked(sk, skb):
    """FIN-WAIT-1: is our FIN acknowledged?  -1: go on with the segment's data; else as tcp_rcv_state_process."""
    if sk.snd_una != sk.write_seq:
        return -1
    tcp_set_state(sk, TCP_FIN_WAIT2)
    sk.sk_shutdown |= SEND_SHUTDOWN
    if not sk.sk_flags & SOCK_DEAD:
        # Wake up a lingering close.
        sk.state_change()
        return -1
    if sk.linger2 < 0:
        tcp_done(sk)
        sk.net.mib.TcpExtTCPAbortOnData += 1
        # TCP_LINGER2 -1: nobody waits for the peer's FIN, and a RST tells it so.
        return 1
    fin = skb.tcp_flags & TCPHDR_FIN
    if tcp_data_after_close(sk, skb):
        return -1
    timeout = tcp_fin_time(sk)
    if timeout > TCP_TIMEWAIT_LEN:
        inet_csk_reset_keepalive_timer(sk, timeout - TCP_TIMEWAIT_LEN)
        return -1
    if fin or sk.sk_lock_owned:
        # The FIN in this very segment makes it TIME-WAIT.
        inet_csk_reset_keepalive_timer(sk, timeout)
        return -1
    tcp_time_wait(sk, TCP_FIN_WAIT2, timeout)
    consume_skb(skb)
    return 0
