"""Windows and segment sizes: what we offer, how the receive buffer grows, and how large a segment may be.

The offered window follows RFC 9293 section 3.8.6.2.2 (silly window avoidance) and never shrinks.  The receive buffer
is sized by dynamic right-sizing: twice what the reader takes in a round trip, within tcp_rmem.
"""

from kernel.net.ipv4.tcp_const import (
    GSO_MAX_SIZE,
    ICSK_ACK_PUSHED,
    ICSK_ACK_PUSHED2,
    MAX_TCP_HEADER,
    TCP_INIT_CWND,
    TCP_MAX_WSCALE,
    TCP_MIN_MSS,
    TCP_MSS_DEFAULT,
    U32_MASK,
)
from kernel.net.ipv4.tcp_options import tcp_established_options_size
from kernel.net.ipv4.tcp_sock import (
    tcp_full_space,
    tcp_mstamp_refresh,
    tcp_receive_window,
    tcp_space,
    tcp_space_from_win,
    tcp_win_from_space,
)
from kernel.uapi.tcp import TCPHDR_FIN, TCPHDR_PSH, TCPHDR_SYN, TCPHDR_URG

U16_MAX = 65535
SOCK_RCVBUF_LOCK = 2
# Half of the smallest receive buffer that there is.
MIN_WINDOW_CLAMP = 1152
SOCK_SNDBUF_LOCK = 1
MIN_ADVMSS = 256
MAX_ADVMSS = 65495


def tcp_choose_window(sk):
    """How large a window the buffer could offer now."""
    mss = sk.ack_rcv_mss
    free_space = tcp_space(sk)
    allowed_space = tcp_full_space(sk)
    full_space = min(sk.window_clamp, allowed_space)
    if mss > full_space:
        mss = full_space
        if mss <= 0:
            return 0
    if free_space < full_space >> 1:
        sk.ack_quick = 0
        # A window that only just opens is not worth announcing: less than a segment, or a sixteenth of the buffer.
        free_space = (free_space >> sk.rcv_wscale) << sk.rcv_wscale
        if free_space < allowed_space >> 4 or free_space < mss:
            return 0
    if free_space > sk.rcv_ssthresh:
        free_space = sk.rcv_ssthresh
    if sk.rcv_wscale:
        return ((free_space + (1 << sk.rcv_wscale) - 1) >> sk.rcv_wscale) << sk.rcv_wscale
    window = sk.rcv_wnd
    if window <= free_space - mss or window > free_space:
        window = free_space // mss * mss
    elif mss == full_space and free_space > window + (full_space >> 1):
        window = free_space
    return window


def tcp_select_window(sk):
    """The window field of the segment being built: updates rcv_wnd and rcv_wup, returns the scaled value."""
    old_win = sk.rcv_wnd
    cur_win = tcp_receive_window(sk)
    new_win = tcp_choose_window(sk)
    if new_win < cur_win:
        # RFC 9293 section 3.8.6: the right edge stays where it was announced.
        if new_win == 0:
            sk.net.mib.TcpExtTCPWantZeroWindowAdv += 1
        new_win = ((cur_win + (1 << sk.rcv_wscale) - 1) >> sk.rcv_wscale) << sk.rcv_wscale
    sk.rcv_wnd = new_win
    sk.rcv_wup = sk.rcv_nxt
    tcp_update_max_rcv_wnd_seq(sk)
    if sk.rcv_wscale == 0:
        new_win = min(new_win, U16_MAX)
    else:
        new_win = min(new_win, U16_MAX << sk.rcv_wscale)
    new_win >>= sk.rcv_wscale
    if new_win == 0:
        sk.pred_flags = 0
        if old_win:
            sk.net.mib.TcpExtTCPToZeroWindowAdv += 1
    elif old_win == 0:
        sk.net.mib.TcpExtTCPFromZeroWindowAdv += 1
    return new_win


def tcp_update_max_rcv_wnd_seq(sk):
    """Remember the furthest right edge that was ever announced."""
    edge = (sk.rcv_wup + sk.rcv_wnd) & U32_MASK
    if ((sk.rcv_mwnd_seq - edge) & U32_MASK) > 0x7FFFFFFF:
        sk.rcv_mwnd_seq = edge


def tcp_initial_wscale(net, space, clamp):
    """The shift that the largest window this socket may get needs (RFC 7323 section 2.3)."""
    space = min(max(space, net.sysctl_tcp_rmem_max, net.sysctl_rmem_max), clamp)
    wscale = 0
    while wscale < TCP_MAX_WSCALE and (space >> (wscale + 1)) >= 1 << 15:
        wscale += 1
    return wscale


def tcp_initial_rcv_wnd(space, clamp, mss, segments):
    """The unscaled window of a SYN: whole segments, at most 65535, and not more than the route's initrwnd (0: any)."""
    space = min(max(space, 0), clamp)
    if space > mss:
        space = space // mss * mss
    if segments:
        space = min(space, segments * mss)
    return min(space, U16_MAX)


def tcp_init_cwnd(sk):
    """The initial congestion window in segments: RFC 6928's ten, or what the route says."""
    dst = sk.sk_dst_cache
    return dst.initcwnd if dst is not None and dst.initcwnd else TCP_INIT_CWND


def tcp_init_buffer_space(sk):
    """The connection is up: start right-sizing from what the handshake settled."""
    tcp_mstamp_refresh(sk)
    sk.rcvq_space_time = sk.tcp_mstamp
    sk.rcvq_space_seq = sk.copied_seq
    maxwin = tcp_full_space(sk)
    app_win = sk.net.sysctl_tcp_app_win
    if sk.window_clamp >= maxwin:
        sk.window_clamp = maxwin
        if app_win and maxwin > 4 * sk.advmss:
            sk.window_clamp = max(maxwin - (maxwin >> app_win), 4 * sk.advmss)
    if app_win and sk.window_clamp > 2 * sk.advmss and sk.window_clamp + sk.advmss > maxwin:
        sk.window_clamp = max(2 * sk.advmss, maxwin - sk.advmss)
    sk.rcv_ssthresh = min(sk.rcv_ssthresh, sk.window_clamp)
    sk.snd_cwnd_stamp = sk.tcp_mstamp
    sk.rcvq_space_space = min(sk.rcv_ssthresh, sk.rcv_wnd, TCP_INIT_CWND * sk.advmss)
    if not sk.sk_userlocks & SOCK_SNDBUF_LOCK:
        tcp_sndbuf_expand(sk)


def tcp_sndbuf_expand(sk):
    """Room for two congestion windows in the send buffer, within tcp_wmem."""
    wanted = max(sk.mss_clamp, sk.mss_cache) + MAX_TCP_HEADER + 320
    per_mss = 256
    while per_mss < wanted:
        per_mss <<= 1
    per_mss += 256
    segments = max(TCP_INIT_CWND, sk.snd_cwnd, sk.reordering + 1)
    size = 2 * segments * per_mss
    if sk.sk_sndbuf < size:
        sk.sk_sndbuf = min(size, sk.net.sysctl_tcp_wmem_max)


def tcp_measure_rcv_mss(sk, skb):
    """Learn from an arrived segment how large the peer's are, which delayed ACKs and window updates count in."""
    last_seg_size = sk.ack_last_seg_size
    sk.ack_last_seg_size = 0
    size = skb.gso_size if skb.gso_size else skb.len
    if size >= sk.ack_rcv_mss:
        if size != sk.ack_rcv_mss:
            ratio = min((skb.len << 8) // skb.truesize, 255)
            if ratio < 1:
                ratio = 1
            if ratio != sk.scaling_ratio:
                sk.scaling_ratio = ratio
                # What the whole buffer holds at this ratio is the largest window that can be kept.
                sk.window_clamp = max(tcp_win_from_space(sk, sk.sk_rcvbuf), MIN_WINDOW_CLAMP)
                sk.rcv_ssthresh = min(max(sk.rcv_ssthresh, sk.rcv_wnd), sk.window_clamp)
                sk.rcvq_space_space = min(sk.rcvq_space_space, sk.window_clamp)
        sk.ack_rcv_mss = min(size, sk.advmss)
        # One full segment with PSH may be all that the sender has: do not make it wait for a second.
        if skb.tcp_flags & TCPHDR_PSH and skb.len == sk.ack_rcv_mss:
            sk.ack_pending |= ICSK_ACK_PUSHED
        return
    size += skb.cb0
    if (size >= TCP_MSS_DEFAULT + 20
            or (size >= TCP_MIN_MSS + 20
                and not skb.tcp_flags & (TCPHDR_FIN | TCPHDR_URG | TCPHDR_SYN | TCPHDR_PSH))):
        size -= sk.tcp_header_len
        sk.ack_last_seg_size = size
        if size == last_seg_size:
            sk.ack_rcv_mss = size
            return
    if sk.ack_pending & ICSK_ACK_PUSHED:
        sk.ack_pending |= ICSK_ACK_PUSHED2
    sk.ack_pending |= ICSK_ACK_PUSHED


def tcp_initialize_rcv_mss(sk):
    """A first guess: half the window, at most 536."""
    hint = min(sk.advmss, sk.mss_cache)
    hint = min(hint, sk.rcv_wnd // 2)
    hint = min(hint, TCP_MSS_DEFAULT)
    sk.ack_rcv_mss = max(hint, TCP_MIN_MSS)


def tcp_grow_window(sk, skb):
    """The sender uses what we offer: offer more, as fast as the buffer allows."""
    room = min(sk.window_clamp, tcp_space(sk)) - sk.rcv_ssthresh
    if room <= 0:
        return
    if tcp_win_from_space(sk, skb.truesize) <= skb.len:
        increment = 2 * sk.advmss
    else:
        increment = tcp_grow_window_slowly(sk, skb)
    if increment:
        increment = max(increment, 2 * skb.len)
        sk.rcv_ssthresh += min(room, increment)
        sk.ack_quick |= 1


def tcp_grow_window_slowly(sk, skb):
    """Segments that waste memory earn growth only while the window is small."""
    truesize = tcp_win_from_space(sk, skb.truesize) >> 1
    window = tcp_win_from_space(sk, sk.net.sysctl_tcp_rmem_max) >> 1
    while sk.rcv_ssthresh <= window:
        if truesize <= skb.len:
            return 2 * sk.ack_rcv_mss
        truesize >>= 1
        window >>= 1
    return 0


def tcp_rcv_rtt_update(sk, sample, win_dep):
    """Smooth the receiver's own estimate of the round trip (us, kept times eight); `win_dep`: by window, a minimum."""
    if sample == 0:
        sample = 1
    if sk.rcv_rtt_est_rtt != 0:
        if not win_dep:
            sk.rcv_rtt_est_rtt += sample - (sk.rcv_rtt_est_rtt >> 3)
        elif sample < sk.rcv_rtt_est_rtt >> 3:
            sk.rcv_rtt_est_rtt = sample << 3
    else:
        sk.rcv_rtt_est_rtt = sample << 3


def tcp_rcv_rtt_measure(sk):
    """Without timestamps: the time in which one window's worth arrives is at least a round trip."""
    if sk.rcv_rtt_est_time != 0:
        if ((sk.rcv_nxt - sk.rcv_rtt_est_seq) & U32_MASK) > 0x7FFFFFFF:
            return
        tcp_rcv_rtt_update(sk, max(sk.tcp_mstamp - sk.rcv_rtt_est_time, 1), True)
    sk.rcv_rtt_est_seq = (sk.rcv_nxt + sk.rcv_wnd) & U32_MASK
    sk.rcv_rtt_est_time = sk.tcp_mstamp


def tcp_rcv_rtt_measure_ts(sk, skb):
    """With timestamps: a full segment that echoes a stamp we have not seen before gives a sample."""
    if skb.tsecr == sk.rcv_rtt_last_tsecr:
        return
    sk.rcv_rtt_last_tsecr = skb.tsecr
    if skb.end_seq - skb.seq >= sk.ack_rcv_mss or skb.end_seq < skb.seq:
        delta = (sk.tcp_mstamp // 1000 + sk.tsoffset - skb.tsecr) & U32_MASK
        if delta < 0x7FFFFFFF // 1000:
            tcp_rcv_rtt_update(sk, max(delta, 1) * 1000, False)


def tcp_rcvbuf_grow(sk, rcvwin):
    """Make the receive buffer large enough for a window of `rcvwin` bytes, within tcp_rmem; it never shrinks.

    What waits behind a hole takes room that the stream in order then lacks: it comes on top.
    """
    if not sk.net.sysctl_tcp_moderate_rcvbuf or sk.sk_userlocks & SOCK_RCVBUF_LOCK:
        return
    if sk.out_of_order_queue.last is not None:
        rcvwin += (sk.out_of_order_queue.last.end_seq - sk.rcv_nxt) & U32_MASK
    rcvbuf = min(tcp_space_from_win(sk, rcvwin), sk.net.sysctl_tcp_rmem_max)
    if rcvbuf > sk.sk_rcvbuf:
        sk.sk_rcvbuf = rcvbuf
        sk.window_clamp = tcp_win_from_space(sk, rcvbuf)


def tcp_rcv_space_adjust(sk):
    """The reader took data: once per round trip, size the buffer for twice that (dynamic right-sizing)."""
    tcp_mstamp_refresh(sk)
    elapsed = sk.tcp_mstamp - sk.rcvq_space_time
    if elapsed < sk.rcv_rtt_est_rtt >> 3 or sk.rcv_rtt_est_rtt == 0:
        return
    copied = (sk.copied_seq - sk.rcvq_space_seq) & U32_MASK
    if copied > sk.rcvq_space_space:
        before = sk.rcvq_space_space
        sk.rcvq_space_space = copied
        rcvwin = (copied << 1) + 16 * sk.advmss
        if before > 0:
            rcvwin += 2 * (rcvwin * (copied - before) // before)
        tcp_rcvbuf_grow(sk, rcvwin)
    sk.rcvq_space_seq = sk.copied_seq
    sk.rcvq_space_time = sk.tcp_mstamp


# --- segment sizes ---


def tcp_dst_advmss(dst):
    """The MSS that we announce on a route: what it says, or what its MTU allows us to receive."""
    if dst.advmss:
        return dst.advmss
    return min(max(dst.mtu - 40, MIN_ADVMSS), MAX_ADVMSS)


def tcp_mtu_to_mss(sk, pmtu):
    """Payload per segment on a path with `pmtu`, our constant options taken off (RFC 9293 section 3.7.1)."""
    mss = min(pmtu - 40, sk.mss_clamp)
    mss = max(mss, sk.net.sysctl_tcp_min_snd_mss)
    return mss - (sk.tcp_header_len - 20)


def tcp_bound_to_half_wnd(sk, pktsize):
    """A segment of more than half the peer's largest window would stop the pipe."""
    if sk.max_window > TCP_MSS_DEFAULT:
        cutoff = sk.max_window >> 1
    else:
        cutoff = sk.max_window
    if cutoff and pktsize > cutoff:
        return max(cutoff, 68 - sk.tcp_header_len)
    return pktsize


def tcp_sync_mss(sk, pmtu):
    """Adopt a path MTU; returns the payload per segment."""
    if sk.mtup_search_high > pmtu:
        sk.mtup_search_high = pmtu
    mss_now = tcp_bound_to_half_wnd(sk, tcp_mtu_to_mss(sk, pmtu))
    sk.icsk_pmtu_cookie = pmtu
    if sk.mtup_enabled:
        mss_now = min(mss_now, tcp_mtu_to_mss(sk, sk.mtup_search_low))
    sk.mss_cache = mss_now
    return mss_now


def tcp_current_mss(sk):
    """The payload per segment now: the path MTU may have changed, and SACK blocks take room."""
    mss_now = sk.mss_cache
    dst = sk.sk_dst_cache
    if dst is not None and dst.mtu != sk.icsk_pmtu_cookie:
        mss_now = tcp_sync_mss(sk, dst.mtu)
    header_len = 20 + tcp_established_options_size(sk)
    if header_len != sk.tcp_header_len:
        mss_now -= header_len - sk.tcp_header_len
    return mss_now


def tcp_send_mss_goal(sk, mss_now, large_allowed):
    """How many bytes an sk_buff is filled with: whole segments, as many as the device can cut up."""
    if not large_allowed or not sk.can_tso:
        return mss_now
    goal = tcp_bound_to_half_wnd(sk, sk.gso_max_size - MAX_TCP_HEADER - 1)
    segments = max(goal // mss_now, 1)
    return segments * mss_now


def tcp_setup_caps(sk, dst):
    """What the route's device can do for us."""
    sk.sk_dst_cache = dst
    sk.can_tso = True
    dev = dst.dev
    sk.gso_max_size = min(dev.gso_max_size, GSO_MAX_SIZE) if dev.gso_max_size else GSO_MAX_SIZE
