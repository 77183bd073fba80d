"""Loss detection: RACK (RFC 8985) by the time that segments were sent, and NewReno's rule for peers without SACK."""

from kernel.net.ipv4.tcp_const import (
    ICSK_TIME_REO_TIMEOUT,
    TCP_RACK_RECOVERY_THRESH,
    TCP_TIMEOUT_MIN,
    TCPCB_EVER_RETRANS,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
)
from kernel.net.ipv4.tcp_queue import tcp_fragment
from kernel.net.ipv4.tcp_retransmit import tcp_mark_skb_lost
from kernel.net.ipv4.tcp_sock import after, inet_csk_reset_xmit_timer, tcp_min_rtt
from kernel.uapi.tcp import TCP_CA_Recovery


def tcp_skb_sent_after(t1, t2, seq1, seq2):
    """True when the segment (t1, seq1) was sent after (t2, seq2)."""
    return t1 > t2 or (t1 == t2 and after(seq1, seq2))


def tcp_rack_reo_wnd(sk):
    """How much reordering is borne (us): RFC 8985 section 6.2, step 4."""
    if sk.reord_seen == 0:
        # Nothing was ever reordered: a hole with enough above it, or in recovery any hole, is a loss.
        if sk.icsk_ca_state >= TCP_CA_Recovery:
            return 0
        if sk.sacked_out >= sk.reordering:
            return 0
    return min((tcp_min_rtt(sk) >> 2) * sk.rack_reo_wnd_steps, sk.srtt_us >> 3)


def tcp_rack_skb_timeout(sk, skb, reo_wnd):
    """When `skb` counts as lost, in us from now."""
    return sk.rack_rtt_us + reo_wnd - (sk.tcp_mstamp - skb.skb_mstamp)


def tcp_rack_detect_loss(sk):
    """Mark what was sent long enough before something that has arrived; returns us until the rest is due (0: nothing)."""
    reo_wnd = tcp_rack_reo_wnd(sk)
    reo_timeout = 0
    skb = sk.tcp_rtx_queue.first
    while skb is not None:
        following = skb.next
        sacked = skb.sacked
        if not sacked & TCPCB_SACKED_ACKED and not (sacked & TCPCB_LOST and not sacked & TCPCB_SACKED_RETRANS):
            if tcp_skb_sent_after(sk.rack_mstamp, skb.skb_mstamp, sk.rack_end_seq, skb.end_seq):
                remaining = tcp_rack_skb_timeout(sk, skb, reo_wnd)
                if remaining <= 0:
                    tcp_mark_skb_lost(sk, skb)
                elif remaining > reo_timeout:
                    reo_timeout = remaining
            elif not sacked & TCPCB_EVER_RETRANS:
                # Everything behind was first sent later still, and sent again later than that.
                break
        skb = following
    return reo_timeout


def tcp_rack_mark_lost(sk):
    """After an ACK; True when the reordering timer was armed."""
    if not sk.rack_advanced:
        return False
    sk.rack_advanced = False
    timeout = tcp_rack_detect_loss(sk)
    if timeout:
        inet_csk_reset_xmit_timer(sk, ICSK_TIME_REO_TIMEOUT, timeout + TCP_TIMEOUT_MIN, sk.icsk_rto)
        return True
    return False


def tcp_rack_advance(sk, sacked, end_seq, xmit_time):
    """A segment has arrived: it may be the most recently sent one known to have (RFC 8985 section 6.2, steps 1 and 2)."""
    rtt_us = sk.tcp_mstamp - xmit_time
    if rtt_us < tcp_min_rtt(sk) and sacked & TCPCB_RETRANS:
        # Too soon for the retransmission: this acknowledges the original.
        return
    sk.rack_advanced = True
    sk.rack_rtt_us = rtt_us
    if tcp_skb_sent_after(xmit_time, sk.rack_mstamp, end_seq, sk.rack_end_seq):
        sk.rack_mstamp = xmit_time
        sk.rack_end_seq = end_seq


def tcp_rack_update_reo_wnd(sk):
    """DSACKs say that we retransmit too early: bear more; sixteen recoveries without one: bear less."""
    if sk.rs_prior_delivered == 0:
        return
    # One step per round trip.
    if sk.rs_prior_delivered < sk.rack_last_delivered:
        sk.rack_dsack_seen = False
    if sk.rack_dsack_seen:
        sk.rack_reo_wnd_steps = min(0xFF, sk.rack_reo_wnd_steps + 1)
        sk.rack_dsack_seen = False
        sk.rack_last_delivered = sk.delivered
        sk.rack_reo_wnd_persist = TCP_RACK_RECOVERY_THRESH
    elif sk.rack_reo_wnd_persist == 0:
        sk.rack_reo_wnd_steps = 1


def tcp_newreno_mark_lost(sk, snd_una_advanced):
    """RFC 6582: three duplicates lose the first segment, a partial ACK the next one."""
    state = sk.icsk_ca_state
    if ((state < TCP_CA_Recovery and sk.sacked_out >= sk.reordering)
            or (state == TCP_CA_Recovery and snd_una_advanced)):
        skb = sk.tcp_rtx_queue.first
        if skb is None or skb.sacked & TCPCB_LOST:
            return
        mss = sk.mss_cache
        if skb.tcp_pcount > 1 and skb.len > mss:
            tcp_fragment(sk, skb, mss, mss)
        tcp_mark_skb_lost(sk, skb)
