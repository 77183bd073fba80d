"""Segments without user data: SYN, SYN-ACK, ACK, FIN, RST, and the probes of closed windows and idle connections."""

from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.skbuff import alloc_skb, skb_put, skb_reserve
from kernel.net.ipv4.ip_output import ip_build_and_send_pkt
from kernel.net.ipv4.route import ip_route_output_key
from kernel.net.ipv4.tcp_const import (
    ICSK_ACK_PUSHED,
    ICSK_ACK_TIMER,
    ICSK_TIME_PROBE0,
    ICSK_TIME_RETRANS,
    MAX_TCP_HEADER,
    NSEC_PER_USEC,
    TCP_DELACK_MAX,
    TCP_DELACK_MIN,
    TCP_NAGLE_OFF,
    TCP_RESOURCE_PROBE_INTERVAL,
    TCP_RTO_MIN,
    TCP_TIMEOUT_INIT,
    U32_MASK,
)
from kernel.net.ipv4.tcp_fastopen import tcp_send_syn_data
from kernel.net.ipv4.tcp_options import tcp_fastopen_option, tcp_syn_options_size, tcp_syn_options_write
from kernel.net.ipv4.tcp_output import tcp_event_new_data_sent, tcp_push_frames, tcp_transmit_skb
from kernel.net.ipv4.tcp_queue import tcp_fragment, tcp_set_skb_tso_segs, tcp_stream_alloc_skb
from kernel.net.ipv4.tcp_sock import (
    before,
    inet_csk_reset_delack_timer,
    inet_csk_reset_xmit_timer,
    inet_csk_schedule_ack,
    tcp_full_space,
    tcp_mstamp_refresh,
    tcp_now,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window import (
    tcp_current_mss,
    tcp_dst_advmss,
    tcp_initial_rcv_wnd,
    tcp_initial_wscale,
    tcp_initialize_rcv_mss,
    tcp_setup_caps,
    tcp_sync_mss,
)
from kernel.uapi.errno import ENOBUFS
from kernel.uapi.tcp import (
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCPHDR_RST,
    TCPHDR_SYN,
)

CHECKSUM_PARTIAL = 3
IPPROTO_TCP = 6
MAX_WINDOW_CLAMP = 65535 << 14
SOCK_RCVBUF_LOCK = 2
# A probe whose device queue was full is tried again soon.
PROBE_RETRY = TCP_RESOURCE_PROBE_INTERVAL


def tcp_control_skb(sk, seq, flags):
    """An sk_buff for a segment without data; None when RAM is full."""
    skb = alloc_skb(sk.net.skb_cache, MAX_TCP_HEADER)
    if skb is None:
        return None
    skb_reserve(skb, MAX_TCP_HEADER)
    skb.tcp_flags = flags
    skb.tcp_pcount = 1
    skb.seq = seq
    skb.end_seq = (seq + 1) & U32_MASK if flags & (TCPHDR_SYN | TCPHDR_FIN) else seq
    return skb


def tcp_acceptable_seq(sk):
    """A sequence number that the peer accepts even when it has taken back its window."""
    end = tcp_wnd_end(sk)
    if not before(end, sk.snd_nxt):
        return sk.snd_nxt
    if sk.wscale_ok and ((sk.snd_nxt - end) & U32_MASK) < 1 << sk.rcv_wscale:
        return sk.snd_nxt
    return end


# --- acknowledgments ---


def tcp_send_ack(sk):
    """Acknowledge now."""
    if sk.sk_state == TCP_CLOSE:
        return
    skb = tcp_control_skb(sk, tcp_acceptable_seq(sk), TCPHDR_ACK)
    if skb is None:
        inet_csk_schedule_ack(sk)
        sk.ack_retry = min(sk.ack_retry + 1, 10)
        inet_csk_reset_delack_timer(sk, min(TCP_DELACK_MAX << sk.ack_retry, sk.icsk_rto_max))
        return
    tcp_transmit_skb(sk, skb, False)


def tcp_send_delayed_ack(sk):
    """Acknowledge within the delayed-ACK timeout (RFC 9293 section 3.8.6.3), sooner on short round trips."""
    ato = sk.ack_ato
    if ato > TCP_DELACK_MIN:
        max_ato = 500000
        if sk.ack_pingpong or sk.ack_pending & ICSK_ACK_PUSHED:
            max_ato = TCP_DELACK_MAX
        if sk.srtt_us:
            max_ato = min(max_ato, max(sk.srtt_us >> 3, TCP_DELACK_MIN))
        ato = min(ato, max_ato)
    ato = min(ato, sk.icsk_delack_max)
    if sk.ack_pending & ICSK_ACK_TIMER:
        left = (sk.ack_timeout - sk.net.timers.now()) // NSEC_PER_USEC
        if left <= ato >> 2:
            tcp_send_ack(sk)
            return
        ato = min(ato, left)
    inet_csk_reset_delack_timer(sk, ato)


# --- opening ---


def tcp_connect_init(sk, dst):
    """Everything that the SYN announces: MSS, window, options."""
    net = sk.net
    sk.tstamp_ok = net.sysctl_tcp_timestamps != 0
    sk.sack_ok = 1 if net.sysctl_tcp_sack else 0
    sk.wscale_ok = net.sysctl_tcp_window_scaling != 0
    sk.tcp_header_len = 32 if sk.tstamp_ok else 20
    if sk.user_mss:
        sk.mss_clamp = sk.user_mss
    sk.max_window = 0
    tcp_setup_caps(sk, dst)
    tcp_sync_mss(sk, dst.mtu)
    sk.advmss = tcp_mss_clamp(sk, tcp_dst_advmss(dst))
    tcp_initialize_rcv_mss(sk)
    if sk.window_clamp == 0:
        sk.window_clamp = MAX_WINDOW_CLAMP
    if sk.sk_userlocks & SOCK_RCVBUF_LOCK and (sk.window_clamp > tcp_full_space(sk)):
        sk.window_clamp = tcp_full_space(sk)
    sk.rcv_wscale = tcp_initial_wscale(net, tcp_full_space(sk), sk.window_clamp) if sk.wscale_ok else 0
    mss = sk.advmss - (sk.tcp_header_len - 20 if sk.ts_recent_stamp else 0)
    sk.rcv_wnd = tcp_initial_rcv_wnd(tcp_full_space(sk), sk.window_clamp, mss, dst.initrwnd)
    sk.window_clamp = min(65535 << sk.rcv_wscale, sk.window_clamp)
    sk.rcv_ssthresh = sk.rcv_wnd
    sk.sk_err = 0
    sk.snd_wnd = 0
    sk.snd_wl1 = 0
    sk.snd_una = sk.write_seq
    sk.snd_sml = sk.write_seq
    sk.snd_up = sk.write_seq
    sk.snd_nxt = sk.write_seq
    sk.rcv_nxt = 0
    sk.rcv_wup = 0
    sk.rcv_mwnd_seq = sk.rcv_wnd
    sk.copied_seq = 0
    sk.icsk_rto = TCP_TIMEOUT_INIT
    sk.icsk_retransmits = 0


def tcp_mss_clamp(sk, mss):
    """TCP_MAXSEG bounds what we announce."""
    return sk.user_mss if sk.user_mss and sk.user_mss < mss else mss


def tcp_connect(sk, dst):
    """Send the SYN (RFC 9293 section 3.5); 0 or -ENOBUFS."""
    tcp_connect_init(sk, dst)
    skb = tcp_stream_alloc_skb(sk)
    if skb is None:
        return -ENOBUFS
    skb.tcp_flags = TCPHDR_SYN
    skb.seq = sk.write_seq
    sk.write_seq = (sk.write_seq + 1) & U32_MASK
    skb.end_seq = sk.write_seq
    if sk.net.sysctl_tcp_ecn == 1:
        skb.tcp_flags |= TCPHDR_ECE | TCPHDR_CWR
    tcp_mstamp_refresh(sk)
    sk.retrans_stamp = sk.tcp_mstamp
    sk.sk_wmem_queued += skb.truesize
    sk.sk_prot.memory_allocated += skb.truesize
    sk.tcp_rtx_queue.queue_tail(skb)
    sk.highest_sack = skb
    sk.packets_out += 1
    if sk.fastopen_req is not None:
        tcp_send_syn_data(sk, skb)
    else:
        tcp_transmit_skb(sk, skb, True)
    sk.snd_nxt = sk.write_seq
    unsent = sk.sk_write_queue.first
    if unsent is not None:
        # Data that should have gone with the SYN and could not.
        sk.snd_nxt = unsent.seq
    sk.pushed_seq = sk.snd_nxt
    sk.net.mib.TcpActiveOpens += 1
    inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, sk.icsk_rto, sk.icsk_rto_max)
    return 0


def tcp_send_synack(sk):
    """Both ends sent a SYN: ours goes again, acknowledging theirs (RFC 9293 section 3.5, figure 8)."""
    skb = sk.tcp_rtx_queue.first
    if skb is None or not skb.tcp_flags & TCPHDR_SYN:
        return
    skb.tcp_flags |= TCPHDR_ACK
    skb.tcp_flags &= ~(TCPHDR_ECE | TCPHDR_CWR)
    tcp_transmit_skb(sk, skb, True)


def tcp_make_synack(sk, req, dst):
    """The SYN-ACK of a listener's request, data at the TCP header; None when RAM is full."""
    net = sk.net
    skb = alloc_skb(net.skb_cache, MAX_TCP_HEADER)
    if skb is None:
        return None
    skb_reserve(skb, MAX_TCP_HEADER - 60)
    wscale = req.rcv_wscale if req.wscale_ok else -1
    size = 20 + tcp_syn_options_size(req.tstamp_ok, req.sack_ok, wscale)
    fastopen = b""
    if req.fastopen_cookie is not None:
        fastopen = tcp_fastopen_option(req.fastopen_cookie, req.fastopen_exp)
        if size + len(fastopen) > 60:
            fastopen = b""
        size += len(fastopen)
    pos = skb_put(skb, size)
    skb.transport_header = pos
    skb.tcp_pcount = 1
    skb.put16(pos, req.num)
    skb.put16(pos + 2, req.rmt_port)
    skb.put32(pos + 4, req.snt_isn)
    skb.put32(pos + 8, req.rcv_nxt)
    flags = TCPHDR_SYN | TCPHDR_ACK
    if req.ecn_ok:
        flags |= TCPHDR_ECE
    skb.put32(pos + 12, ((size << 26) | (flags << 16) | min(req.rcv_wnd, 65535)) & U32_MASK)
    skb.put32(pos + 16, 0)
    now = tcp_now(net)
    req.snt_synack = now if req.snt_synack == 0 else req.snt_synack
    tcp_syn_options_write(skb, pos + 20, tcp_mss_clamp(sk, tcp_dst_advmss(dst)), req.tstamp_ok,
                          (now // 1000 + req.ts_off) & U32_MASK, req.ts_recent, req.sack_ok, wscale, fastopen)
    skb.put16(pos + 16, csum_fold(csum_tcpudp_nofold(req.loc_addr, req.rmt_addr, size, IPPROTO_TCP, 0)) ^ 0xFFFF)
    skb.ip_summed = CHECKSUM_PARTIAL
    skb.csum_start = pos
    skb.csum_offset = 16
    net.mib.TcpOutSegs += 1
    return skb


def tcp_v4_send_synack(sk, req):
    """Answer a request; False without a route or memory."""
    rt = ip_route_output_key(sk.net, req.rmt_addr, req.loc_addr, req.bound_dev_if, sk.sk_mark)
    if rt is None:
        return False
    skb = tcp_make_synack(sk, req, rt)
    if skb is None:
        return False
    # A cookie is handed out once: who has lost it asks again.
    req.fastopen_cookie = None
    ip_build_and_send_pkt(skb, sk, req.loc_addr, req.rmt_addr, rt, req.tos)
    return True


# --- closing ---


def tcp_send_fin(sk):
    """Queue a FIN behind what is still unsent, and push."""
    skb = sk.sk_write_queue.last
    if skb is not None:
        skb.tcp_flags |= TCPHDR_FIN
        skb.end_seq = (skb.end_seq + 1) & U32_MASK
        sk.write_seq = (sk.write_seq + 1) & U32_MASK
    else:
        skb = tcp_stream_alloc_skb(sk)
        if skb is None:
            # The close timer of an orphan still ends the connection.
            return
        skb.tcp_flags = TCPHDR_ACK | TCPHDR_FIN
        skb.seq = sk.write_seq
        sk.write_seq = (sk.write_seq + 1) & U32_MASK
        skb.end_seq = sk.write_seq
        sk.sk_wmem_queued += skb.truesize
        sk.sk_prot.memory_allocated += skb.truesize
        sk.sk_write_queue.queue_tail(skb)
    sk.fin_sent = True
    tcp_push_frames(sk, tcp_current_mss(sk), TCP_NAGLE_OFF)


def tcp_send_active_reset(sk):
    """End the connection without ceremony."""
    sk.net.mib.TcpOutRsts += 1
    skb = tcp_control_skb(sk, tcp_acceptable_seq(sk), TCPHDR_ACK | TCPHDR_RST)
    if skb is None:
        sk.net.mib.TcpExtTCPAbortFailed += 1
        return
    tcp_mstamp_refresh(sk)
    tcp_transmit_skb(sk, skb, False)


# --- probes ---


def tcp_xmit_probe_skb(sk, urgent):
    """A segment below the window, or with `urgent` at its left edge, so that the peer answers with an ACK."""
    seq = sk.snd_una if urgent else (sk.snd_una - 1) & U32_MASK
    skb = tcp_control_skb(sk, seq, TCPHDR_ACK)
    if skb is None:
        return -ENOBUFS
    sk.net.mib.TcpExtTCPWinProbe += 1
    return tcp_transmit_skb(sk, skb, False)


def tcp_write_wakeup(sk):
    """Probe the peer's window: with data when it admits any; 0, or a negative errno when nothing could be sent."""
    if sk.sk_state == TCP_CLOSE:
        return -1
    tcp_mstamp_refresh(sk)
    skb = sk.sk_write_queue.first
    if skb is not None and before(skb.seq, tcp_wnd_end(sk)):
        mss = tcp_current_mss(sk)
        seg_size = (tcp_wnd_end(sk) - skb.seq) & U32_MASK
        if before(sk.pushed_seq, skb.end_seq):
            sk.pushed_seq = skb.end_seq
        if seg_size < skb.len or skb.len > mss:
            skb.tcp_flags |= TCPHDR_PSH
            if tcp_fragment(sk, skb, min(seg_size, mss, skb.len), mss) < 0:
                return -ENOBUFS
        else:
            tcp_set_skb_tso_segs(skb, mss)
        skb.tcp_flags |= TCPHDR_PSH
        err = tcp_transmit_skb(sk, skb, True)
        if err == 0:
            tcp_event_new_data_sent(sk, skb)
        return err
    if sk.snd_up != sk.snd_una and ((sk.snd_up - sk.snd_una) & U32_MASK) <= 0xFFFF:
        tcp_xmit_probe_skb(sk, True)
    return tcp_xmit_probe_skb(sk, False)


def tcp_send_probe0(sk):
    """The zero-window probe timer: probe, and come back later and later."""
    err = tcp_write_wakeup(sk)
    if sk.packets_out or sk.sk_write_queue.first is None:
        sk.icsk_probes_out = 0
        sk.icsk_backoff = 0
        sk.icsk_probes_tstamp = 0
        return
    sk.icsk_probes_out += 1
    if err == 0:
        if sk.icsk_backoff < sk.net.sysctl_tcp_retries2:
            sk.icsk_backoff += 1
        timeout = tcp_probe0_when(sk)
    else:
        timeout = PROBE_RETRY
    inet_csk_reset_xmit_timer(sk, ICSK_TIME_PROBE0, tcp_clamp_probe0_to_user_timeout(sk, timeout), sk.icsk_rto_max)


def tcp_probe0_when(sk):
    """The time to the next window probe (us): exponential, at most TCP_RTO_MAX."""
    return min(max(sk.icsk_rto, TCP_RTO_MIN) << min(sk.icsk_backoff, 9), sk.icsk_rto_max)


def tcp_clamp_probe0_to_user_timeout(sk, when):
    """RFC 5482: do not sleep past the user's timeout."""
    if sk.icsk_user_timeout == 0 or sk.icsk_probes_tstamp == 0:
        return when
    left = sk.icsk_user_timeout - (sk.tcp_mstamp - sk.icsk_probes_tstamp)
    return min(max(left, 2000), when)


def tcp_send_window_probe(sk):
    """Ask an idle peer whether it is there."""
    if sk.sk_state == TCP_ESTABLISHED:
        tcp_mstamp_refresh(sk)
        tcp_xmit_probe_skb(sk, False)
