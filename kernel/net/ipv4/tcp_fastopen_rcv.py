"""TCP Fast Open, receiving: a server's SYN with a cookie or data, a client's SYN-ACK (RFC 7413 section 4)."""

from kernel.net.core.skbuff import skb_clone, skb_pull
from kernel.net.core.sock import skb_set_owner_r
from kernel.net.ipv4.inet_connection_sock import reqsk_fastopen_remove, tcp_reset
from kernel.net.ipv4.tcp_ack import tcp_oow_rate_limited
from kernel.net.ipv4.tcp_const import ICSK_TIME_RETRANS, SEQ_SIGN, TCP_TIMEOUT_INIT, U32_MASK
from kernel.net.ipv4.tcp_control import tcp_v4_send_synack
from kernel.net.ipv4.tcp_data import tcp_fin
from kernel.net.ipv4.tcp_fastopen import (
    COOKIE_SIZE,
    TFO_DATA_NOT_ACKED,
    TFO_SERVER_COOKIE_NOT_REQD,
    TFO_SERVER_ENABLE,
    TFO_SYN_RETRANSMITTED,
    tcp_fastopen_cache_set,
    tcp_fastopen_cookie,
    tcp_fastopen_keys,
)
from kernel.net.ipv4.tcp_fastretrans import tcp_try_undo_loss
from kernel.net.ipv4.tcp_options import tcp_options_received, tcp_parse_options
from kernel.net.ipv4.tcp_output import tcp_rearm_rto
from kernel.net.ipv4.tcp_reply import tcp_v4_reqsk_send_ack, tcp_v4_send_reset
from kernel.net.ipv4.tcp_retransmit import tcp_mark_skb_lost, tcp_xmit_retransmit_queue
from kernel.net.ipv4.tcp_sock import after, inet_csk_reset_xmit_timer, tcp_current_ssthresh, tcp_set_ca_state
from kernel.net.ipv4.tcp_timewait import tcp_in_window
from kernel.uapi.tcp import TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN, TCP_CA_Loss


def tcp_fastopen_add_skb(sk, skb):
    """The data of a SYN or SYN-ACK is the first that the reader gets.  Does not consume `skb`."""
    if skb.end_seq == sk.rcv_nxt:
        return
    data = skb_clone(skb)
    skb_pull(data, skb.cb0)
    data.seq = (data.seq + 1) & U32_MASK
    data.tcp_flags &= ~TCPHDR_SYN
    sk.rcv_nxt = data.end_seq
    sk.syn_data_acked = True
    sk.bytes_received = data.len
    sk.data_segs_in += 1
    fin = data.tcp_flags & TCPHDR_FIN
    sk.sk_receive_queue.queue_tail(data)
    skb_set_owner_r(data, sk)
    if fin:
        tcp_fin(sk)


# --- servers ---


def tcp_fastopen_queue_check(sk):
    """True when the listener wants Fast Open and not too many of its children wait for the end of their handshake."""
    if sk.fastopen_max_qlen == 0:
        return False
    if sk.fastopen_qlen >= sk.fastopen_max_qlen:
        # Children that were reset count for a minute, so that forged SYNs can not make endless ones.
        resets = sk.fastopen_ctx.resets
        if not resets or resets[0] > sk.net.timers.now():
            sk.net.mib.TcpExtTCPFastOpenListenOverflow += 1
            return False
        resets.pop(0)
        sk.fastopen_qlen -= 1
    return True


def tcp_try_fastopen(sk, skb, req, opt):
    """What the Fast Open option of a SYN comes to: True when a child is to be made at once.

    `opt`: the SYN's options.  The cookie to hand out, if one is due, is left in `req`.
    """
    net = sk.net
    mib = net.mib
    cookie = opt.fastopen
    req.fastopen_exp = opt.fastopen_exp
    syn_data = skb.end_seq != (skb.seq + 1) & U32_MASK
    if cookie == b"":
        mib.TcpExtTCPFastOpenCookieReqd += 1
    if not net.sysctl_tcp_fastopen & TFO_SERVER_ENABLE or (not syn_data and cookie is None):
        return False
    if not tcp_fastopen_queue_check(sk):
        return False
    if net.sysctl_tcp_fastopen & TFO_SERVER_COOKIE_NOT_REQD or sk.fastopen_no_cookie:
        return True
    if cookie is None:
        return False
    valid = [tcp_fastopen_cookie(key, req.rmt_addr, req.loc_addr) for key in tcp_fastopen_keys(sk)]
    if not valid:
        return False
    if len(cookie) == COOKIE_SIZE and cookie in valid:
        if cookie != valid[0]:
            # Made with the older key: it holds once more, and a new one goes with the answer.
            mib.TcpExtTCPFastOpenPassiveAltKey += 1
            req.fastopen_cookie = valid[0]
        return True
    if cookie:
        mib.TcpExtTCPFastOpenPassiveFail += 1
    req.fastopen_cookie = valid[0]
    return False


def tcp_fastopen_init_child(sk, child, req, skb):
    """Make a child that has only seen a SYN ready for its user; `tcp_init_transfer` follows."""
    sk.fastopen_qlen += 1
    child.fastopen_rsk = req
    req.tfo_listener = True
    req.child = child
    # RFC 7323 section 2.2: the window of a SYN is never scaled.
    child.snd_wnd = skb.get16(skb.transport_header + 14)
    child.max_window = child.snd_wnd
    child.retrans_stamp = 0
    # The child's own timer sends the SYN-ACK again.
    req.timeout = TCP_TIMEOUT_INIT
    inet_csk_reset_xmit_timer(child, ICSK_TIME_RETRANS, req.timeout, child.icsk_rto_max)


def tcp_fastopen_take_syn(child, req, skb):
    """The data of the SYN is the child's."""
    child.rcv_nxt = (skb.seq + 1) & U32_MASK
    tcp_fastopen_add_skb(child, skb)
    child.copied_seq = (skb.seq + 1) & U32_MASK
    child.rcv_wup = child.rcv_nxt
    req.rcv_nxt = child.rcv_nxt


def tcp_fastopen_check_req(sk, skb, req):
    """A segment for a child whose handshake is not complete: True when its normal way goes on.  Does not consume it."""
    net = sk.net
    flags = skb.tcp_flags
    skb.has_ts = False
    if skb.cb0 > 20:
        tcp_parse_options(skb, None)
    paws_reject = False
    if req.tstamp_ok and skb.has_ts:
        older = (req.ts_recent - skb.tsval) & U32_MASK
        paws_reject = older != 0 and older < SEQ_SIGN
    if skb.seq == req.rcv_isn and flags & (TCPHDR_SYN | TCPHDR_ACK | TCPHDR_RST) == TCPHDR_SYN and not paws_reject:
        # The same SYN once more: our answer was lost.
        if not tcp_oow_rate_limited(sk, skb):
            tcp_v4_send_synack(req.listener, req)
        return False
    if paws_reject or not tcp_in_window(skb.seq, skb.end_seq, req.rcv_nxt, (req.rcv_nxt + req.rcv_wnd) & U32_MASK):
        if not flags & TCPHDR_RST and not tcp_oow_rate_limited(sk, skb):
            tcp_v4_reqsk_send_ack(net, req, skb)
        if paws_reject:
            net.mib.TcpExtPAWSEstab += 1
        return False
    if skb.has_ts and req.tstamp_ok and not after(skb.seq, req.rcv_nxt):
        req.ts_recent = skb.tsval
    if skb.seq == req.rcv_isn:
        flags &= ~TCPHDR_SYN
    if flags & TCPHDR_RST:
        net.mib.TcpAttemptFails += 1
        reqsk_fastopen_remove(sk, req, True)
        tcp_reset(sk)
        return False
    if flags & TCPHDR_SYN:
        # Not ours to reset: whoever has sent that may only pretend to be the peer.
        net.mib.TcpAttemptFails += 1
        tcp_v4_send_reset(net, skb, sk.sk_bound_dev_if)
        return False
    return flags & TCPHDR_ACK != 0


def tcp_rcv_synrecv_state_fastopen(sk):
    """The handshake is complete at last: the request has done its duty, the timer is the data's again."""
    if sk.icsk_ca_state == TCP_CA_Loss:
        tcp_try_undo_loss(sk, False)
    sk.retrans_stamp = 0
    sk.icsk_retransmits = 0
    reqsk_fastopen_remove(sk, sk.fastopen_rsk, False)
    tcp_rearm_rto(sk)


# --- clients ---


def tcp_rcv_fastopen_synack(sk, synack, opt):
    """The SYN-ACK of a SYN with Fast Open: learn from it; True when the data has to be sent again."""
    data = sk.tcp_rtx_queue.first if sk.syn_data else None
    mss = sk.mss_clamp
    if mss == sk.user_mss:
        whole = tcp_options_received()
        tcp_parse_options(synack, whole)
        mss = whole.mss_clamp
    cookie = opt.fastopen
    try_exp = 0
    syn_drop = False
    if not sk.syn_fastopen:
        # Nobody has asked for it.
        cookie = None
    elif sk.total_retrans:
        syn_drop = cookie is None and data is not None
    elif cookie is None and not sk.syn_data:
        # Next time with the other form of the option.
        try_exp = 2 if sk.syn_fastopen_exp else 1
    tcp_fastopen_cache_set(sk, mss, cookie or b"", opt.fastopen_exp, syn_drop, try_exp)
    if data is not None:
        sk.fastopen_client_fail = TFO_SYN_RETRANSMITTED if sk.total_retrans else TFO_DATA_NOT_ACKED
        while data is not None:
            tcp_mark_skb_lost(sk, data)
            data = data.next
        tcp_non_congestion_loss_retransmit(sk)
        sk.net.mib.TcpExtTCPFastOpenActiveFail += 1
        return True
    sk.syn_data_acked = sk.syn_data
    if sk.syn_data_acked:
        sk.net.mib.TcpExtTCPFastOpenActive += 1
        # SYN and data were one packet.
        if sk.delivered > 1:
            sk.delivered -= 1
    tcp_fastopen_add_skb(sk, synack)
    return False


def tcp_non_congestion_loss_retransmit(sk):
    """Send again what is lost for other reasons than congestion: the window stays as it is."""
    if sk.icsk_ca_state != TCP_CA_Loss:
        sk.high_seq = sk.snd_nxt
        sk.snd_ssthresh = tcp_current_ssthresh(sk)
        sk.prior_ssthresh = 0
        sk.undo_marker = 0
        tcp_set_ca_state(sk, TCP_CA_Loss)
    tcp_xmit_retransmit_queue(sk)
