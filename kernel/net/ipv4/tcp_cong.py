"""Congestion control: the table of algorithms, the steps that they share, and NewReno (RFC 5681, RFC 6582).

An algorithm is a `tcp_congestion_ops`; `tcp_init_congestion_control` gives a connection the system's default,
TCP_CONGESTION another one.
"""

from kernel.net.ipv4.tcp_const import (
    CA_EVENT_CWND_RESTART,
    TCP_ECN_QUEUE_CWR,
    TCPCB_LOST,
)
from kernel.net.ipv4.tcp_sock import (
    before,
    tcp_ca_event,
    tcp_congestion_ops,
    tcp_current_ssthresh,
    tcp_is_cwnd_limited,
    tcp_packets_in_flight,
)
from kernel.net.ipv4.tcp_window import tcp_init_cwnd
from kernel.uapi.errno import ENOENT
from kernel.uapi.tcp import TCP_CLOSE, TCP_CA_Open


def tcp_slow_start(sk, acked):
    """RFC 5681 section 3.1 with RFC 3465: the window grows by what was delivered; returns what ssthresh left over."""
    cwnd = min(sk.snd_cwnd + acked, sk.snd_ssthresh)
    acked -= cwnd - sk.snd_cwnd
    sk.snd_cwnd = min(cwnd, sk.snd_cwnd_clamp)
    return acked


def tcp_cong_avoid_ai(sk, w, acked):
    """Additive increase: one segment for every `w` that were delivered."""
    if sk.snd_cwnd_cnt >= w:
        sk.snd_cwnd_cnt = 0
        sk.snd_cwnd += 1
    sk.snd_cwnd_cnt += acked
    if sk.snd_cwnd_cnt >= w:
        grown = sk.snd_cwnd_cnt // w
        sk.snd_cwnd_cnt -= grown * w
        sk.snd_cwnd += grown
    sk.snd_cwnd = min(sk.snd_cwnd, sk.snd_cwnd_clamp)


class tcp_reno_ops(tcp_congestion_ops):
    """NewReno: halve on loss, one segment per round trip otherwise."""

    def ssthresh(self, sk):
        return max(sk.snd_cwnd >> 1, 2)

    def cong_avoid(self, sk, ack, acked):
        if not tcp_is_cwnd_limited(sk):
            return
        if sk.snd_cwnd < sk.snd_ssthresh:
            acked = tcp_slow_start(sk, acked)
            if acked == 0:
                return
        tcp_cong_avoid_ai(sk, sk.snd_cwnd, acked)

    def undo_cwnd(self, sk):
        return max(sk.snd_cwnd, sk.prior_cwnd)


def tcp_register_congestion_control(tn, ops):
    """Make an algorithm known to one kernel."""
    tn.ca_table[ops.name] = ops


def tcp_assign_congestion_control(sk):
    """A new socket: the system's default algorithm, not started yet."""
    tn = sk.net.tcp
    sk.icsk_ca_ops = tn.ca_table[sk.net.sysctl_tcp_congestion_control]
    sk.ca = None


def tcp_init_congestion_control(sk):
    """The connection is up: start the algorithm."""
    sk.prior_cwnd = 0
    sk.icsk_ca_ops.init(sk)


def tcp_set_congestion_control(sk, name):
    """TCP_CONGESTION: 0, or -ENOENT for a name that is not registered."""
    tn = sk.net.tcp
    ops = tn.ca_table.get(name)
    if ops is None:
        return -ENOENT
    sk.icsk_ca_setsockopt = True
    if ops is sk.icsk_ca_ops:
        return 0
    sk.icsk_ca_ops.release(sk)
    sk.icsk_ca_ops = ops
    sk.icsk_ca_state = TCP_CA_Open if sk.sk_state == TCP_CLOSE else sk.icsk_ca_state
    if sk.sk_state != TCP_CLOSE:
        tcp_init_congestion_control(sk)
    return 0


def tcp_cleanup_congestion_control(sk):
    """The connection is gone."""
    if sk.icsk_ca_ops is not None:
        sk.icsk_ca_ops.release(sk)


def tcp_cwnd_restart(sk):
    """RFC 5681 section 4.1: after an idle time the window decays by half for every RTO, down to the initial one."""
    delta = sk.tcp_mstamp - sk.lsndtime
    cwnd = sk.snd_cwnd
    tcp_ca_event(sk, CA_EVENT_CWND_RESTART)
    sk.snd_ssthresh = tcp_current_ssthresh(sk)
    restart = min(tcp_init_cwnd(sk), cwnd)
    delta -= sk.icsk_rto
    while delta > 0 and cwnd > restart:
        cwnd >>= 1
        delta -= sk.icsk_rto
    sk.snd_cwnd = max(cwnd, restart)
    sk.snd_cwnd_stamp = sk.tcp_mstamp
    sk.snd_cwnd_used = 0


def tcp_cwnd_application_limited(sk):
    """RFC 2861: a window that the application has not filled for an RTO shrinks towards what was used."""
    if sk.icsk_ca_state == TCP_CA_Open:
        used = max(sk.snd_cwnd_used, tcp_init_cwnd(sk))
        if used < sk.snd_cwnd:
            sk.snd_ssthresh = tcp_current_ssthresh(sk)
            sk.snd_cwnd = (sk.snd_cwnd + used) >> 1
        sk.snd_cwnd_used = 0
    sk.snd_cwnd_stamp = sk.tcp_mstamp


def tcp_cwnd_validate(sk, is_cwnd_limited):
    """After sending: remember whether the congestion window was what limited the flight."""
    if (sk.packets_out == 0 or not before(sk.snd_una, sk.cwnd_usage_seq) or is_cwnd_limited
            or (not sk.is_cwnd_limited and sk.packets_out > sk.max_packets_out)):
        sk.is_cwnd_limited = is_cwnd_limited
        sk.max_packets_out = sk.packets_out
        sk.cwnd_usage_seq = sk.snd_nxt
    if tcp_is_cwnd_limited(sk):
        sk.snd_cwnd_used = 0
        sk.snd_cwnd_stamp = sk.tcp_mstamp
        return
    if sk.packets_out > sk.snd_cwnd_used:
        sk.snd_cwnd_used = sk.packets_out
    if (sk.net.sysctl_tcp_slow_start_after_idle and sk.tcp_mstamp - sk.snd_cwnd_stamp >= sk.icsk_rto):
        tcp_cwnd_application_limited(sk)


def tcp_slow_start_after_idle_check(sk):
    """Before a new flight: restart the window when nothing has been sent for more than an RTO."""
    if not sk.net.sysctl_tcp_slow_start_after_idle or sk.packets_out:
        return
    if sk.tcp_mstamp - sk.lsndtime > sk.icsk_rto:
        tcp_cwnd_restart(sk)


def tcp_undo_cwnd_reduction(sk, unmark_loss):
    """Put the window back: the loss that shrank it has turned out to be none."""
    if unmark_loss:
        skb = sk.tcp_rtx_queue.first
        while skb is not None:
            skb.sacked &= ~TCPCB_LOST
            skb = skb.next
        sk.lost_out = 0
        sk.retransmit_skb_hint = None
    if sk.prior_ssthresh:
        sk.snd_cwnd = sk.icsk_ca_ops.undo_cwnd(sk)
        if sk.prior_ssthresh > sk.snd_ssthresh:
            sk.snd_ssthresh = sk.prior_ssthresh
            sk.ecn_flags &= ~TCP_ECN_QUEUE_CWR
    sk.snd_cwnd_stamp = sk.tcp_mstamp
    sk.undo_marker = 0
    sk.rack_advanced = True


def tcp_cwnd_room(sk):
    """How many segments the congestion window admits now."""
    in_flight = tcp_packets_in_flight(sk)
    return sk.snd_cwnd - in_flight if sk.snd_cwnd > in_flight else 0
