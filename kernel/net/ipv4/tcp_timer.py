"""TCP's timers: retransmission and its relatives, delayed acknowledgments, keepalive and the closing states."""

from kernel.net.core.sock_flags import SOCK_DEAD, SOCK_KEEPOPEN
from kernel.net.ipv4.inet_connection_sock import sk_error_report, tcp_done
from kernel.net.ipv4.tcp_const import (
    DEFERRED_DELACK,
    DEFERRED_MTU_REDUCED,
    DEFERRED_TSQ,
    DEFERRED_WRITE_TIMER,
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    NSEC_PER_USEC,
    TCP_ATO_MIN,
    TCP_RESOURCE_PROBE_INTERVAL,
    TCP_RTO_MIN,
    TCP_TIMEOUT_INIT,
    TCP_TIMEWAIT_LEN,
)
from kernel.net.ipv4.tcp_control import (
    tcp_probe0_when,
    tcp_send_ack,
    tcp_send_active_reset,
    tcp_send_probe0,
    tcp_v4_send_synack,
    tcp_write_wakeup,
)
from kernel.net.ipv4.tcp_data import tcp_compressed_ack_timer
from kernel.net.ipv4.tcp_fastopen import tcp_fastopen_active_detect_blackhole
from kernel.net.ipv4.tcp_fastretrans import tcp_enter_loss, tcp_rack_reo_timeout_mark
from kernel.net.ipv4.tcp_input import keepalive_time_when
from kernel.net.ipv4.tcp_mtu_probe import tcp_mtu_black_hole
from kernel.net.ipv4.tcp_output import tcp_rearm_rto
from kernel.net.ipv4.tcp_retransmit import (
    tcp_retransmit_skb,
    tcp_send_loss_probe,
    tcp_trim_rtx_head,
    tcp_tsq_write,
    tcp_xmit_retransmit_queue,
)
from kernel.net.ipv4.tcp_sock import (
    csk_timer,
    inet_csk_reset_keepalive_timer,
    inet_csk_reset_xmit_timer,
    tcp_mstamp_refresh,
    tcp_write_queue_purge,
)
from kernel.net.ipv4.tcp_timewait import tcp_fin_time, tcp_time_wait
from kernel.uapi.errno import ETIMEDOUT
from kernel.uapi.tcp import (
    TCP_CLOSE,
    TCP_FIN_WAIT2,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_CA_Disorder,
    TCP_CA_Loss,
    TCP_CA_Recovery,
)

ORPHAN_RETRIES = 8
KEEPALIVE_BUSY = 50000


class tcp_write_timer(csk_timer):
    """Retransmission, probe timeout, reordering timeout, zero-window probe: icsk_pending says which."""

    def fire(self):
        sk = self.sk
        if sk is None:
            return
        if sk.sk_lock_owned:
            sk.deferred |= DEFERRED_WRITE_TIMER
        else:
            tcp_write_timer_handler(sk)


class tcp_delack_timer(csk_timer):
    """Delayed acknowledgment."""

    def fire(self):
        sk = self.sk
        if sk is None:
            return
        if sk.sk_lock_owned:
            sk.deferred |= DEFERRED_DELACK
            sk.net.mib.TcpExtDelayedACKLocked += 1
        else:
            tcp_delack_timer_handler(sk)


class tcp_keepalive_timer(csk_timer):
    """Keepalive, FIN-WAIT-2, orphans."""

    def fire(self):
        sk = self.sk
        if sk is None:
            return
        if sk.sk_lock_owned:
            inet_csk_reset_keepalive_timer(sk, KEEPALIVE_BUSY)
        else:
            tcp_keepalive_timer_handler(sk)


class tcp_pacing_timer(csk_timer):
    """SO_MAX_PACING_RATE: the next sk_buff may leave."""

    def fire(self):
        sk = self.sk
        if sk is None:
            return
        if sk.sk_lock_owned:
            sk.deferred |= DEFERRED_TSQ
        else:
            tcp_tsq_write(sk)


def tcp_init_xmit_timers(sk):
    """Give a sock its timers."""
    sk.icsk_retransmit_timer = tcp_write_timer(sk)
    sk.icsk_delack_timer = tcp_delack_timer(sk)
    sk.sk_timer = tcp_keepalive_timer(sk)
    sk.compressed_ack_timer = tcp_compressed_ack_timer(sk)
    sk.pacing_timer = tcp_pacing_timer(sk)


def tcp_release_cb(sk):
    """The task lets the sock go: do what timers and softirqs have put off."""
    if sk.deferred == 0 or sk.sk_freed:
        sk.deferred = 0
        return
    deferred = sk.deferred
    sk.deferred = 0
    tcp_mstamp_refresh(sk)
    if deferred & DEFERRED_TSQ:
        tcp_tsq_write(sk)
    if deferred & DEFERRED_WRITE_TIMER:
        tcp_write_timer_handler(sk)
    if deferred & DEFERRED_DELACK:
        tcp_delack_timer_handler(sk)
    if deferred & DEFERRED_MTU_REDUCED:
        sk.sk_prot.mtu_reduced(sk)


# --- giving up ---


def tcp_write_err(sk):
    """The peer does not answer any more."""
    sk.sk_err = sk.sk_err_soft if sk.sk_err_soft else ETIMEDOUT
    tcp_write_queue_purge(sk)
    tcp_done(sk)
    sk.net.mib.TcpExtTCPAbortOnTimeout += 1
    if not sk.sk_flags & SOCK_DEAD:
        sk_error_report(sk)


def tcp_orphan_retries(sk, alive):
    """How long a connection without a user is retried."""
    retries = sk.net.sysctl_tcp_orphan_retries
    if sk.sk_err_soft and not alive:
        return 0
    if retries == 0 and alive:
        return ORPHAN_RETRIES
    return retries


def tcp_out_of_resources(sk, do_reset):
    """Too many orphans: end this one; True when it is gone."""
    tn = sk.net.tcp
    if tn.orphan_count <= sk.net.sysctl_tcp_max_orphans:
        return False
    if do_reset:
        tcp_send_active_reset(sk)
    tcp_done(sk)
    sk.net.mib.TcpExtTCPAbortOnMemory += 1
    return True


def tcp_model_timeout(sk, boundary, rto_base):
    """How long `boundary` retransmissions with doubling take (us): what R1 and R2 of RFC 9293 are counted in."""
    total = 0
    rto = rto_base
    i = 0
    while i <= boundary:
        total += rto
        rto = min(rto << 1, sk.icsk_rto_max)
        i += 1
    return total


def retransmits_timed_out(sk, boundary, timeout):
    """True when the present loss has lasted longer than `boundary` retransmissions (or `timeout` us, when given)."""
    if sk.icsk_retransmits == 0:
        return False
    start = sk.retrans_stamp
    if start == 0:
        head = sk.tcp_rtx_queue.first
        if head is None:
            return False
        start = head.skb_mstamp
    if timeout == 0:
        base = TCP_TIMEOUT_INIT if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV else TCP_RTO_MIN
        timeout = tcp_model_timeout(sk, boundary, base)
    return sk.tcp_mstamp - start >= timeout


def tcp_write_timeout(sk):
    """True when the connection was given up."""
    net = sk.net
    if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
        retries = sk.icsk_syn_retries if sk.icsk_syn_retries else net.sysctl_tcp_syn_retries
        expired = sk.icsk_retransmits >= retries
        if sk.icsk_user_timeout and retransmits_timed_out(sk, retries, sk.icsk_user_timeout):
            expired = True
    else:
        if retransmits_timed_out(sk, net.sysctl_tcp_retries1, 0):
            # R1: perhaps the packets are too large, perhaps there is a better route by now.
            tcp_mtu_black_hole(sk)
            sk.sk_dst_cache = None
        retries = net.sysctl_tcp_retries2
        if sk.sk_flags & SOCK_DEAD:
            alive = sk.icsk_rto < sk.icsk_rto_max
            retries = tcp_orphan_retries(sk, alive)
            if tcp_out_of_resources(sk, alive or not retransmits_timed_out(sk, retries, 0)):
                return True
        expired = retransmits_timed_out(sk, retries, sk.icsk_user_timeout)
    tcp_fastopen_active_detect_blackhole(sk, expired)
    if expired:
        tcp_write_err(sk)
        return True
    return False


def tcp_clamp_rto_to_user_timeout(sk):
    """RFC 5482: the next retransmission is not later than the user's timeout."""
    if sk.icsk_user_timeout == 0 or sk.retrans_stamp == 0:
        return sk.icsk_rto
    left = sk.icsk_user_timeout - (sk.tcp_mstamp - sk.retrans_stamp)
    if left <= 0:
        return 1000
    return min(sk.icsk_rto, left)


# --- the retransmission timer ---


def tcp_write_timer_handler(sk):
    """The timer has fired, or has been put off until now."""
    if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN or sk.icsk_pending == 0:
        return
    now = sk.net.timers.now()
    if sk.icsk_timeout > now:
        # It was armed again for later meanwhile.
        sk.net.timers.mod_timer(sk.icsk_retransmit_timer, sk.icsk_timeout)
        return
    tcp_mstamp_refresh(sk)
    event = sk.icsk_pending
    if event == ICSK_TIME_REO_TIMEOUT:
        tcp_rack_reo_timeout(sk)
    elif event == ICSK_TIME_LOSS_PROBE:
        tcp_send_loss_probe(sk)
    elif event == ICSK_TIME_RETRANS:
        sk.icsk_pending = 0
        tcp_retransmit_timer(sk)
    elif event == ICSK_TIME_PROBE0:
        sk.icsk_pending = 0
        tcp_probe_timer(sk)


def tcp_rack_reo_timeout(sk):
    """RFC 8985 section 6.3: nothing has explained the hole as reordering."""
    if tcp_rack_reo_timeout_mark(sk):
        tcp_xmit_retransmit_queue(sk)
    if sk.icsk_pending != ICSK_TIME_RETRANS:
        tcp_rearm_rto(sk)


def tcp_retransmit_timer(sk):
    """RFC 6298 section 5.4: send the oldest segment again and back off."""
    if sk.fastopen_rsk is not None:
        tcp_fastopen_synack_timer(sk, sk.fastopen_rsk)
        return
    skb = sk.tcp_rtx_queue.first
    if sk.packets_out == 0 or skb is None:
        return
    mib = sk.net.mib
    syn_state = sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV
    if sk.snd_wnd == 0 and not sk.sk_flags & SOCK_DEAD and not syn_state:
        # The peer has shrunk its window to nothing: retransmissions serve as probes, and as long as it answers it lives.
        if tcp_rtx_probe0_timed_out(sk):
            tcp_write_err(sk)
            return
        tcp_enter_loss(sk)
        tcp_retransmit_skb(sk, tcp_trim_rtx_head(sk), 1)
    else:
        mib.TcpExtTCPTimeouts += 1
        if tcp_write_timeout(sk):
            return
        if sk.icsk_retransmits == 0:
            if sk.icsk_ca_state == TCP_CA_Recovery:
                if sk.sack_ok:
                    mib.TcpExtTCPSackRecoveryFail += 1
                else:
                    mib.TcpExtTCPRenoRecoveryFail += 1
            elif sk.icsk_ca_state == TCP_CA_Loss:
                mib.TcpExtTCPLossFailures += 1
            elif sk.icsk_ca_state == TCP_CA_Disorder or sk.sacked_out:
                if sk.sack_ok:
                    mib.TcpExtTCPSackFailures += 1
                else:
                    mib.TcpExtTCPRenoFailures += 1
        tcp_enter_loss(sk)
        if sk.icsk_retransmits == 0:
            sk.total_rto_recoveries += 1
            sk.rto_stamp = sk.tcp_mstamp
        sk.icsk_retransmits += 1
        sk.total_rto += 1
        if tcp_retransmit_skb(sk, tcp_trim_rtx_head(sk), 1) != 0:
            # Our own side is short of something: that is not the network's fault.
            if sk.retrans_stamp == 0:
                sk.retrans_stamp = sk.tcp_mstamp
            inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, TCP_RESOURCE_PROBE_INTERVAL, sk.icsk_rto_max)
            return
    sk.icsk_backoff += 1
    sk.icsk_rto = min(sk.icsk_rto << 1, sk.icsk_rto_max)
    inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, tcp_clamp_rto_to_user_timeout(sk), sk.icsk_rto_max)


def tcp_fastopen_synack_timer(sk, req):
    """A Fast Open child whose SYN-ACK is not acknowledged: send that again, and nothing else until it is."""
    retries = sk.icsk_syn_retries if sk.icsk_syn_retries else sk.net.sysctl_tcp_synack_retries + 1
    if req.num_timeout >= retries:
        tcp_write_err(sk)
        return
    if sk.icsk_retransmits == 1:
        tcp_enter_loss(sk)
    # Not being able to is no reason to give up a connection that may be in use already.
    sk.net.mib.TcpRetransSegs += 1
    sk.net.mib.TcpExtTCPSynRetrans += 1
    tcp_v4_send_synack(sk, req)
    req.num_timeout += 1
    sk.icsk_retransmits += 1
    if sk.retrans_stamp == 0:
        sk.retrans_stamp = sk.tcp_mstamp
    inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, req.timeout << req.num_timeout, sk.icsk_rto_max)


def tcp_rtx_probe0_timed_out(sk):
    """True when a peer with a closed window has said nothing for twice the longest timeout or the user's."""
    silence = sk.tcp_mstamp - sk.rcv_tstamp
    if sk.icsk_user_timeout:
        return silence > sk.icsk_user_timeout
    return silence > 2 * sk.icsk_rto_max and sk.icsk_retransmits != 0


def tcp_probe_timer(sk):
    """Probe a closed window; for ever, as long as the peer answers (RFC 9293 section 3.8.6.1)."""
    if sk.packets_out or sk.sk_write_queue.first is None:
        sk.icsk_probes_out = 0
        sk.icsk_probes_tstamp = 0
        return
    if sk.icsk_probes_tstamp == 0:
        sk.icsk_probes_tstamp = sk.tcp_mstamp
    elif sk.icsk_user_timeout and sk.tcp_mstamp - sk.icsk_probes_tstamp >= sk.icsk_user_timeout:
        tcp_write_err(sk)
        return
    max_probes = sk.net.sysctl_tcp_retries2
    if sk.sk_flags & SOCK_DEAD:
        alive = tcp_probe0_when(sk) < sk.icsk_rto_max
        max_probes = tcp_orphan_retries(sk, alive)
        if not alive and sk.icsk_backoff >= max_probes:
            tcp_write_err(sk)
            return
        if tcp_out_of_resources(sk, True):
            return
    if sk.icsk_probes_out >= max_probes:
        tcp_write_err(sk)
    else:
        tcp_send_probe0(sk)


# --- delayed acknowledgments ---


def tcp_delack_timer_handler(sk):
    if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN or not sk.ack_pending & ICSK_ACK_TIMER:
        return
    if sk.ack_timeout > sk.net.timers.now():
        sk.net.timers.mod_timer(sk.icsk_delack_timer, sk.ack_timeout)
        return
    sk.ack_pending &= ~ICSK_ACK_TIMER
    if sk.ack_pending & ICSK_ACK_SCHED:
        if not sk.ack_pingpong:
            # The wait was in vain: wait longer next time.
            sk.ack_ato = min(sk.ack_ato << 1, sk.icsk_rto)
        else:
            sk.ack_pingpong = 0
            sk.ack_ato = TCP_ATO_MIN
        tcp_mstamp_refresh(sk)
        tcp_send_ack(sk)
        sk.net.mib.TcpExtDelayedACKs += 1


# --- keepalive (RFC 9293 section 3.8.4) ---


def tcp_keepalive_probes(sk):
    return sk.keepalive_probes if sk.keepalive_probes else sk.net.sysctl_tcp_keepalive_probes


def tcp_keepalive_intvl(sk):
    return sk.keepalive_intvl if sk.keepalive_intvl else sk.net.sysctl_tcp_keepalive_intvl // NSEC_PER_USEC


def tcp_keepalive_timer_handler(sk):
    """The slow timer."""
    tcp_mstamp_refresh(sk)
    if sk.sk_state == TCP_FIN_WAIT2 and sk.sk_flags & SOCK_DEAD:
        if sk.linger2 >= 0:
            timeout = tcp_fin_time(sk) - TCP_TIMEWAIT_LEN
            if timeout > 0:
                tcp_time_wait(sk, TCP_FIN_WAIT2, timeout)
                return
        tcp_send_active_reset(sk)
        tcp_done(sk)
        return
    if not sk.sk_flags & SOCK_KEEPOPEN or sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_SYN_SENT:
        return
    when = keepalive_time_when(sk)
    if sk.packets_out or sk.sk_write_queue.first is not None:
        # Data is under way: that timer watches.
        inet_csk_reset_keepalive_timer(sk, when)
        return
    idle = min(sk.tcp_mstamp - sk.ack_lrcvtime, sk.tcp_mstamp - sk.rcv_tstamp)
    if idle < when:
        inet_csk_reset_keepalive_timer(sk, when - idle)
        return
    if ((sk.icsk_user_timeout and idle >= sk.icsk_user_timeout and sk.icsk_probes_out > 0)
            or (sk.icsk_user_timeout == 0 and sk.icsk_probes_out >= tcp_keepalive_probes(sk))):
        tcp_send_active_reset(sk)
        tcp_write_err(sk)
        return
    sk.net.mib.TcpExtTCPKeepAlive += 1
    if tcp_write_wakeup(sk) == 0:
        sk.icsk_probes_out += 1
        inet_csk_reset_keepalive_timer(sk, tcp_keepalive_intvl(sk))
    else:
        inet_csk_reset_keepalive_timer(sk, TCP_RESOURCE_PROBE_INTERVAL)


def tcp_set_keepalive(sk, enable):
    """SO_KEEPALIVE was set or cleared."""
    if sk.sk_state == TCP_CLOSE or sk.sk_state == TCP_LISTEN:
        return
    if enable:
        inet_csk_reset_keepalive_timer(sk, keepalive_time_when(sk))
    else:
        sk.net.timers.del_timer(sk.sk_timer)
