"""Sending again: retransmissions, the retransmission queue, tail loss probes (RFC 8985 section 7), and sending on when
the device has made room."""

from kernel.net.core.skb_data import skb_try_coalesce
from kernel.net.core.skbuff import consume_skb, skb_cloned
from kernel.net.ipv4.tcp_const import (
    DEFERRED_TSQ,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCPCB_EVER_RETRANS,
    TCPCB_LOST,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    TSQ_THROTTLED,
    U32_MASK,
)
from kernel.net.ipv4.tcp_output import (
    tcp_in_cwnd_reduction,
    tcp_pacing_check,
    tcp_rearm_rto,
    tcp_small_queue_check,
    tcp_snd_wnd_test,
    tcp_transmit_skb,
    tcp_tso_segs,
    tcp_write_xmit,
)
from kernel.net.ipv4.tcp_queue import tcp_adjust_pcount, tcp_fragment, tcp_set_skb_tso_segs, tcp_trim_head
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    inet_csk_reset_xmit_timer,
    tcp_mstamp_refresh,
    tcp_packets_in_flight,
    tcp_wnd_end,
    tsq_action,
)
from kernel.net.ipv4.tcp_window import tcp_current_mss
from kernel.uapi.errno import EAGAIN, EINVAL, ENOMEM
from kernel.uapi.tcp import (
    TCPF_CLOSE_WAIT,
    TCPF_CLOSING,
    TCPF_ESTABLISHED,
    TCPF_FIN_WAIT1,
    TCPF_LAST_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_SYN,
    TCP_CA_Loss,
)


def tcp_resend_skb(sk, skb, segs):
    """Send the first `segs` segments of a queued sk_buff again; 0 or a negative errno.

    -EAGAIN: the peer has taken back the window that they lay in.
    """
    # Something else was lost as well: a probe of the path's MTU tells nothing.
    sk.mtup_probe_size = 0
    if before(skb.end_seq, sk.snd_una):
        return -EINVAL
    mss = tcp_current_mss(sk)
    window = (tcp_wnd_end(sk) - skb.seq) & U32_MASK
    if window == 0 or window > 0x7FFFFFFF:
        # A window shrunk to nothing is probed with what is oldest.
        if after(skb.seq, sk.snd_una):
            return -EAGAIN
        window = mss
    length = mss * segs
    if length > window:
        length = window // mss * mss
        if length == 0:
            length = window
    if skb.len > length:
        if tcp_fragment(sk, skb, length, mss) < 0:
            return -ENOMEM
    else:
        diff = skb.tcp_pcount
        diff -= tcp_set_skb_tso_segs(skb, mss)
        if diff:
            tcp_adjust_pcount(sk, skb, diff)
        window = min(window, mss)
        if skb.len < window:
            tcp_retrans_try_collapse(sk, skb, window)
    if skb.tcp_flags & (TCPHDR_SYN | TCPHDR_ECE | TCPHDR_CWR) == TCPHDR_SYN | TCPHDR_ECE | TCPHDR_CWR:
        # RFC 3168 section 6.1.1.1: a middlebox may have eaten the SYN for its ECN bits.
        skb.tcp_flags &= ~(TCPHDR_ECE | TCPHDR_CWR)
    segs = skb.tcp_pcount
    mib = sk.net.mib
    mib.TcpRetransSegs += segs
    if skb.tcp_flags & TCPHDR_SYN:
        mib.TcpExtTCPSynRetrans += 1
    sk.total_retrans += segs
    sk.bytes_retrans += skb.len
    err = tcp_transmit_skb(sk, skb, True)
    if err == 0:
        skb.sacked |= TCPCB_EVER_RETRANS
    else:
        mib.TcpExtTCPRetransFail += 1
    return err


def tcp_trim_rtx_head(sk):
    """Cut off what the peer has taken of the oldest sk_buff (a SYN's data, for one); returns the oldest one."""
    head = sk.tcp_rtx_queue.first
    if head is not None and before(head.seq, sk.snd_una) and after(head.end_seq, sk.snd_una):
        head = tcp_trim_head(sk, head, (sk.snd_una - head.seq) & U32_MASK)
    return head


def tcp_retransmit_skb(sk, skb, segs):
    """As tcp_resend_skb, and count it as a retransmission that a loss has caused."""
    err = tcp_resend_skb(sk, skb, segs)
    if err == 0:
        skb.sacked |= TCPCB_SACKED_RETRANS | TCPCB_EVER_RETRANS
        sk.retrans_out += skb.tcp_pcount
        if sk.retrans_stamp == 0:
            sk.retrans_stamp = skb.skb_mstamp
    # One that the device refused counts too: none at all would look as if every retransmission had been needless.
    sk.undo_retrans = max(sk.undo_retrans, 0) + skb.tcp_pcount
    return err


def tcp_retrans_try_collapse(sk, to, space):
    """Small segments that follow in the queue ride along, as far as `space` goes."""
    if not sk.net.sysctl_tcp_retrans_collapse or to.tcp_flags & TCPHDR_SYN:
        return
    room = space - to.len
    skb = to.next
    while skb is not None:
        following = skb.next
        if (skb.tcp_pcount > 1 or to.eor or skb_cloned(skb) or skb.sacked & TCPCB_SACKED_ACKED or skb.len > room
                or skb.len == 0 or after(skb.end_seq, tcp_wnd_end(sk))):
            return
        before_size = to.truesize
        if not skb_try_coalesce(to, skb):
            return
        sk.sk_wmem_queued += to.truesize - before_size
        sk.sk_prot.memory_allocated += to.truesize - before_size
        room -= skb.len
        to.end_seq = skb.end_seq
        to.tcp_flags |= skb.tcp_flags
        to.eor = skb.eor
        to.sacked |= skb.sacked & TCPCB_EVER_RETRANS
        if skb.tx_flags:
            to.tx_flags = skb.tx_flags
            to.tskey = skb.tskey
        tcp_forget_collapsed(sk, skb, to)
        skb = following


def tcp_forget_collapsed(sk, skb, to):
    """`skb` has become part of `to`: take it off the queue and the sums."""
    if sk.highest_sack is skb:
        sk.highest_sack = skb.next
    if sk.retransmit_skb_hint is skb:
        sk.retransmit_skb_hint = to
    if sk.sack_hint is skb:
        sk.sack_hint = None
    tcp_adjust_pcount(sk, skb, 1)
    sk.tcp_rtx_queue.unlink(skb)
    sk.sk_wmem_queued -= skb.truesize
    sk.sk_prot.memory_allocated -= skb.truesize
    consume_skb(skb)


def tcp_xmit_retransmit_queue(sk):
    """Send again what is marked lost, as far as the congestion window allows."""
    if sk.packets_out == 0:
        return
    head = tcp_trim_rtx_head(sk)
    skb = sk.retransmit_skb_hint
    if skb is None:
        skb = head
    hole = None
    rearm_timer = False
    mss = tcp_current_mss(sk)
    max_segs = tcp_tso_segs(sk, mss)
    mib = sk.net.mib
    while skb is not None:
        if sk.sk_max_pacing_rate >= 0 and tcp_pacing_check(sk):
            break
        if hole is None:
            sk.retransmit_skb_hint = skb
        segs = sk.snd_cwnd - tcp_packets_in_flight(sk)
        if segs <= 0:
            break
        if sk.retrans_out >= sk.lost_out:
            break
        sacked = skb.sacked
        if not sacked & TCPCB_LOST:
            if hole is None and not sacked & (TCPCB_SACKED_RETRANS | TCPCB_SACKED_ACKED):
                hole = skb
            skb = skb.next
            continue
        if sacked & (TCPCB_SACKED_ACKED | TCPCB_SACKED_RETRANS):
            skb = skb.next
            continue
        if tcp_small_queue_check(sk, skb):
            break
        if tcp_retransmit_skb(sk, skb, min(segs, max_segs)) != 0:
            break
        if sk.icsk_ca_state == TCP_CA_Loss:
            mib.TcpExtTCPSlowStartRetrans += skb.tcp_pcount
        else:
            mib.TcpExtTCPFastRetrans += skb.tcp_pcount
        if tcp_in_cwnd_reduction(sk):
            sk.prr_out += skb.tcp_pcount
        if skb is head and sk.icsk_pending != ICSK_TIME_REO_TIMEOUT:
            rearm_timer = True
        skb = skb.next
    if rearm_timer:
        inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, sk.icsk_rto, sk.icsk_rto_max)


def tcp_verify_retransmit_hint(sk, skb):
    """`skb` is lost now: retransmission starts no later than there."""
    hint = sk.retransmit_skb_hint
    if hint is None or before(skb.seq, hint.seq):
        sk.retransmit_skb_hint = skb


def tcp_mark_skb_lost(sk, skb):
    """Count `skb` as lost; a lost retransmission leaves the network as well."""
    sacked = skb.sacked
    if sacked & TCPCB_SACKED_ACKED:
        return
    tcp_verify_retransmit_hint(sk, skb)
    if sacked & TCPCB_LOST:
        if sacked & TCPCB_SACKED_RETRANS:
            skb.sacked &= ~TCPCB_SACKED_RETRANS
            sk.retrans_out -= skb.tcp_pcount
            sk.net.mib.TcpExtTCPLostRetransmit += skb.tcp_pcount
            sk.lost += skb.tcp_pcount
        return
    if sacked & TCPCB_SACKED_RETRANS:
        # An undo had taken the mark back: it is the retransmission that is lost now.
        skb.sacked &= ~TCPCB_SACKED_RETRANS
        sk.retrans_out -= skb.tcp_pcount
    sk.lost_out += skb.tcp_pcount
    sk.lost += skb.tcp_pcount
    skb.sacked |= TCPCB_LOST


def tcp_send_loss_probe(sk):
    """The probe timeout: send one new segment, or else the last one again, so that the tail's loss is seen by SACK."""
    mss = tcp_current_mss(sk)
    if sk.tlp_high_seq == 0 and tcp_send_probe(sk, mss):
        sk.tlp_high_seq = sk.snd_nxt
        sk.net.mib.TcpExtTCPLossProbes += 1
        # Nothing is armed now, so that the RTO is counted from here.
        sk.icsk_pending = 0
    tcp_rearm_rto(sk)


def tcp_send_probe(sk, mss):
    sk.tlp_retrans = False
    skb = sk.sk_write_queue.first
    if skb is not None and tcp_snd_wnd_test(sk, skb, mss):
        packets = sk.packets_out
        tcp_write_xmit(sk, mss, sk.nonagle, 2)
        return sk.packets_out > packets
    if tcp_trim_rtx_head(sk) is None:
        return False
    skb = sk.tcp_rtx_queue.last
    if skb.tcp_pcount > 1 and skb.len > (skb.tcp_pcount - 1) * mss:
        if tcp_fragment(sk, skb, (skb.tcp_pcount - 1) * mss, mss) < 0:
            return False
        skb = skb.next
    if tcp_resend_skb(sk, skb, 1) != 0:
        return False
    sk.tlp_retrans = True
    return True


def tcp_tsq_write(sk):
    """The device has freed sk_buffs of a socket that waited for that: go on sending."""
    if not (1 << sk.sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_CLOSE_WAIT | TCPF_LAST_ACK):
        return
    if sk.lost_out > sk.retrans_out and sk.snd_cwnd > tcp_packets_in_flight(sk):
        tcp_mstamp_refresh(sk)
        tcp_xmit_retransmit_queue(sk)
    tcp_write_xmit(sk, tcp_current_mss(sk), sk.nonagle, 0)


class tcp_tsq_action(tsq_action):
    """The softirq of sockets that the device held up."""

    def handle(self, sk):
        if sk.sk_lock_owned:
            sk.deferred |= DEFERRED_TSQ
        else:
            sk.tsq_flags &= ~TSQ_THROTTLED
            tcp_tsq_write(sk)
