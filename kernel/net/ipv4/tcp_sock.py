"""`tcp_sock`: the state of one TCP connection (RFC 9293 section 3.3.1), and the sums over it that every room uses.

Sequence numbers are 32-bit unsigned and compared with `before`/`after`.  Times are microseconds of the kernel's
monotonic clock (`tcp_mstamp`); windows and buffers are bytes; congestion windows are segments.  The names are Linux's.
"""

from kernel.net.core.skbuff import consume_skb, page_frag, sk_buff_head
from kernel.net.core.sock import sock
from kernel.net.ipv4.tcp_const import (
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    MIN_TSO_SEGS,
    NSEC_PER_USEC,
    TCP_DELACK_MAX,
    TCP_INFINITE_SSTHRESH,
    TCP_INIT_CWND,
    TCP_MSS_DEFAULT,
    TCP_RTO_MAX,
    TCP_RTO_MIN,
    TCP_SCALING_RATIO_DEFAULT,
    TCP_TIMEOUT_INIT,
    TSO_WIN_DIVISOR,
    TSQ_QUEUED,
    TSQ_THROTTLED,
    U32_MASK,
    USEC_PER_MSEC,
)
from kernel.softirq import softirq_action
from kernel.time.timer import timer_list
from kernel.uapi.poll import POLLOUT, POLLWRBAND, POLLWRNORM
from kernel.uapi.tcp import TCP_CA_CWR, TCPHDR_ACK, TCP_CA_Open, TCP_CA_Recovery

SKB_CHARGED_READ = 2
# From kernel.softirq and kernel.time.timer, whose names can not be imported as C integers.
TASKLET_SOFTIRQ = 6
NOT_QUEUED = -1


class tcp_congestion_ops:
    """A congestion control algorithm's operation table; private state lives in `sk.ca`."""

    def __init__(self, name=""):
        self.name = name

    def init(self, sk):
        """A connection starts to use the algorithm."""

    def release(self, sk):
        """It stops."""
        sk.ca = None

    def ssthresh(self, sk):
        """The slow start threshold after a loss, in segments."""
        return 2

    def cong_avoid(self, sk, ack, acked):
        """Grow the window: `acked` segments were delivered by the acknowledgment up to `ack`."""

    def set_state(self, sk, new_state):
        """icsk_ca_state becomes `new_state` (TCP_CA_*)."""

    def cwnd_event(self, sk, event):
        """CA_EVENT_*."""

    def pkts_acked(self, sk, pkts_acked, rtt_us, in_flight):
        """Segments left the network; `rtt_us` is -1 without a sample."""

    def undo_cwnd(self, sk):
        """The window to return to when a loss turns out not to have been one."""
        return sk.snd_cwnd


class inet_connection_sock(sock):
    """What every connection-oriented INET socket has: timers, accept queue, acknowledgment state."""

    def __init__(self, net, family, type, protocol, prot):
        super().__init__(net, family, type, protocol, prot)
        self.ehash_node = None
        self.icsk_bind_hash = None
        self.icsk_accept_queue = None
        self.icsk_retransmit_timer = None
        self.icsk_delack_timer = None
        self.sk_timer = None
        self.icsk_timeout = 0
        self.icsk_rto = TCP_TIMEOUT_INIT
        self.icsk_rto_min = TCP_RTO_MIN
        self.icsk_rto_max = TCP_RTO_MAX
        self.icsk_delack_max = TCP_DELACK_MAX
        self.icsk_pmtu_cookie = 1500
        self.icsk_ca_ops = None
        self.icsk_ca_state = TCP_CA_Open
        self.icsk_ca_setsockopt = False
        self.ca = None
        self.icsk_retransmits = 0
        self.icsk_pending = 0
        self.icsk_backoff = 0
        self.icsk_syn_retries = 0
        self.icsk_probes_out = 0
        self.icsk_probes_tstamp = 0
        self.icsk_user_timeout = 0
        self.icsk_defer_accept = 0
        self.ack_pending = 0
        self.ack_quick = 0
        self.ack_pingpong = 0
        self.ack_retry = 0
        self.ack_ato = 0
        self.ack_timeout = 0
        self.ack_lrcvtime = 0
        self.ack_last_seg_size = 0
        self.ack_rcv_mss = TCP_MSS_DEFAULT
        # Why a timer could not run while a task held the socket: served by release_cb.
        self.deferred = 0


class tcp_sock(inet_connection_sock):
    """One TCP connection."""

    def __init__(self, net, family, type, protocol, prot):
        super().__init__(net, family, type, protocol, prot)
        self.tcp_rtx_queue = sk_buff_head()
        self.out_of_order_queue = sk_buff_head()
        self.tcp_header_len = 20
        self.gso_segs = 1
        self.gso_max_size = 0
        self.can_tso = False
        self.pred_flags = 0
        self.tcp_mstamp = 0

        # receiving
        self.rcv_nxt = 0
        self.copied_seq = 0
        self.rcv_wup = 0
        self.rcv_wnd = 0
        self.rcv_mwnd_seq = 0
        self.rcv_ssthresh = 0
        self.window_clamp = 0
        self.scaling_ratio = TCP_SCALING_RATIO_DEFAULT
        self.advmss = TCP_MSS_DEFAULT
        self.bytes_received = 0
        self.segs_in = 0
        self.data_segs_in = 0
        self.rcv_ooopack = 0
        self.rcv_tstamp = 0
        self.rcv_rtt_last_tsecr = 0
        self.rcvq_space_copied = 0
        self.rcvq_space_seq = 0
        self.rcvq_space_space = 0
        self.rcvq_space_time = 0
        self.rcv_rtt_est_rtt = 0
        self.rcv_rtt_est_seq = 0
        self.rcv_rtt_est_time = 0
        self.compressed_ack = 0
        self.compressed_ack_rcv_nxt = 0
        self.dup_ack_counter = 0
        self.compressed_ack_timer = None
        self.recvmsg_inq = False
        # A writer has found the send queue full.
        self.nospace = False
        # Writers that wait, for room or for the connection.
        self.write_pending = 0

        # sending
        self.snd_una = 0
        self.snd_nxt = 0
        self.snd_sml = 0
        self.snd_wnd = 0
        self.snd_wl1 = 0
        self.max_window = 0
        self.write_seq = 0
        self.pushed_seq = 0
        self.snd_up = 0
        self.lsndtime = 0
        self.mss_cache = TCP_MSS_DEFAULT
        self.nonagle = 0
        self.tsq_flags = 0
        self.tsq_next = None
        self.bytes_sent = 0
        self.bytes_acked = 0
        self.bytes_retrans = 0
        self.segs_out = 0
        self.data_segs_out = 0
        self.tsoffset = 0
        self.notsent_lowat = 0
        self.sk_pacing_rate = 0

        # round trip times
        self.srtt_us = 0
        self.mdev_us = TCP_TIMEOUT_INIT
        self.mdev_max_us = 0
        self.rttvar_us = TCP_TIMEOUT_INIT
        self.rtt_seq = 0
        self.min_rtt = [U32_MASK, U32_MASK, U32_MASK]
        self.min_rtt_time = [0, 0, 0]

        # congestion control
        self.snd_cwnd = TCP_INIT_CWND
        self.snd_ssthresh = TCP_INFINITE_SSTHRESH
        self.snd_cwnd_cnt = 0
        self.snd_cwnd_clamp = 0x7FFFFFFF
        self.snd_cwnd_used = 0
        self.snd_cwnd_stamp = 0
        self.max_packets_out = 0
        self.cwnd_usage_seq = 0
        self.is_cwnd_limited = False
        self.prior_cwnd = 0
        self.prior_ssthresh = 0
        self.prr_delivered = 0
        self.prr_out = 0
        self.high_seq = 0
        self.packets_out = 0
        self.sacked_out = 0
        self.lost_out = 0
        self.retrans_out = 0
        self.lost = 0
        self.reordering = 3
        self.reord_seen = 0
        self.total_retrans = 0
        self.retrans_stamp = 0
        self.undo_marker = 0
        self.undo_retrans = 0
        self.frto = False
        self.is_sack_reneg = False
        self.tlp_high_seq = 0
        self.tlp_retrans = False
        self.highest_sack = None
        self.retransmit_skb_hint = None
        self.sack_hint = None
        self.total_rto = 0
        self.total_rto_recoveries = 0
        self.total_rto_time = 0
        self.rto_stamp = 0
        self.ecn_flags = 0

        # RACK (RFC 8985)
        self.rack_mstamp = 0
        self.rack_rtt_us = 0
        self.rack_end_seq = 0
        self.rack_last_delivered = 0
        self.rack_reo_wnd_steps = 1
        self.rack_reo_wnd_persist = 0
        self.rack_dsack_seen = False
        self.rack_advanced = False

        # delivery rate
        self.delivered = 0
        self.delivered_ce = 0
        self.delivered_mstamp = 0
        self.first_tx_mstamp = 0
        self.app_limited = 0
        self.rate_delivered = 0
        self.rate_interval_us = 0
        self.rate_app_limited = False
        self.rs_prior_mstamp = 0
        self.rs_prior_delivered = 0
        self.rs_delivered = 0
        self.rs_interval_us = 0
        self.rs_snd_interval_us = 0
        self.rs_last_end_seq = 0
        self.rs_losses = 0
        self.rs_acked_sacked = 0
        self.rs_rtt_us = -1
        self.rs_is_app_limited = False
        self.rs_is_retrans = False
        self.rs_is_ack_delayed = False

        # one acknowledgment on its way through tcp_ack: FLAG_*, REXMIT_*, and what its SACK blocks said
        self.ack_flag = 0
        self.ack_rexmit = 0
        self.sst_reord = 0
        self.sst_sack_delivered = 0
        self.sst_first_sackt = 0
        self.sst_last_sackt = 0

        # options
        self.tstamp_ok = False
        self.saw_tstamp = False
        self.rcv_tsval = 0
        self.rcv_tsecr = 0
        self.ts_recent = 0
        self.ts_recent_stamp = 0
        self.sack_ok = 0
        self.dsack = False
        self.wscale_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.mss_clamp = 0
        self.user_mss = 0
        self.num_sacks = 0
        self.sack_start = [0, 0, 0, 0]
        self.sack_end = [0, 0, 0, 0]
        self.dsack_start = 0
        self.dsack_end = 0
        self.recv_sack_start = [0, 0, 0, 0]
        self.recv_sack_end = [0, 0, 0, 0]
        self.dsack_dups = 0

        # searching for the path's MTU (RFC 4821): its bounds and the probe under way, in bytes with the IP header
        self.mtup_enabled = False
        self.mtup_search_high = 0
        self.mtup_search_low = 0
        self.mtup_probe_size = 0
        self.mtup_probe_seq_start = 0
        self.mtup_probe_seq_end = 0
        self.mtup_probe_timestamp = 0

        # urgent data
        self.urg_data = 0
        self.urg_seq = 0

        # Fast Open (RFC 7413): what the socket's options say, the SYN with data under way, and the request whose child this is
        self.fastopen_connect = False
        self.fastopen_no_cookie = False
        self.defer_connect = False
        self.fastopen_req = None
        self.fastopen_rsk = None
        self.syn_fastopen = False
        self.syn_fastopen_exp = False
        self.syn_fastopen_ch = False
        self.syn_data = False
        self.syn_data_acked = False
        self.fastopen_client_fail = 0
        # A listener's: how many children without a complete handshake it may have and has, and its own keys.
        self.fastopen_max_qlen = 0
        self.fastopen_qlen = 0
        self.fastopen_ctx = None
        # TCP_SAVE_SYN: the headers of the SYN.
        self.save_syn = 0
        self.saved_syn = None
        # When the data that was read last came (ns since boot).
        self.rx_tstamp = 0
        # SO_MAX_PACING_RATE: when the next sk_buff may leave (ns since boot), and the timer that waits for it.
        self.tcp_wstamp_ns = 0
        self.pacing_timer = None

        # keepalive and closing
        self.keepalive_time = 0
        self.keepalive_intvl = 0
        self.keepalive_probes = 0
        self.linger2 = 0
        self.fin_sent = False
        self.last_oow_ack_time = 0
        self.mtu_info = 0

    def skb_released(self, skb, kind):
        """The device (sending) or the reader (receiving) is done with an sk_buff of ours."""
        if kind == SKB_CHARGED_READ:
            self.sk_rmem_alloc -= skb.truesize
            self.sk_prot.memory_allocated -= skb.truesize
            return
        self.sk_wmem_alloc -= skb.truesize
        if self.tsq_flags == TSQ_THROTTLED:
            tn = self.net.tcp
            tn.tsq_enqueue(self)

    def write_space(self):
        """Wake writers when a third of the send queue is free (and, with TCP_NOTSENT_LOWAT, little is unsent)."""
        if self.sk_wq.first is not None and sk_stream_is_writeable(self):
            self.sk_wq.wake_up(POLLOUT | POLLWRNORM | POLLWRBAND, 1)


class csk_timer(timer_list):
    """A timer of a connection; `sk` is None once the connection is gone."""

    def __init__(self, sk):
        super().__init__()
        self.sk = sk


class tsq_action(softirq_action):
    """The softirq in which sockets that waited for the device to free their sk_buffs go on sending."""

    def __init__(self):
        self.head = None
        self.tail = None

    def run(self):
        sk = self.head
        self.head = None
        self.tail = None
        while sk is not None:
            following = sk.tsq_next
            sk.tsq_next = None
            sk.tsq_flags = 0
            self.handle(sk)
            sk = following

    def handle(self, sk):
        """Send what was held back; overridden where sending is known."""


class tcp_net:
    """TCP's share of a network namespace: `net.tcp`."""

    def __init__(self, net):
        self.net = net
        self.hashinfo = None
        self.tsq = None
        self.page_frag = page_frag()
        # Bursts: at least so many segments, and at most this part of the window (Linux: sysctls of these names).
        self.tcp_min_tso_segs = MIN_TSO_SEGS
        self.tcp_tso_win_divisor = TSO_WIN_DIVISOR
        self.orphan_count = 0
        self.tw_count = 0
        self.isn_key = net.random.getrandbits(64)
        self.ts_key = net.random.getrandbits(64)
        self.challenge_timestamp = -1
        self.challenge_count = 0
        self.ca_table = {}
        self.prot = None
        self.fastopen = None
        # What all sockets' queues may hold together (bytes of truesize), and what they hold.

    def tsq_enqueue(self, sk):
        """Have the softirq look at `sk` once the interrupt in progress is over."""
        sk.tsq_flags = TSQ_THROTTLED | TSQ_QUEUED
        tsq = self.tsq
        if tsq.head is None:
            tsq.head = sk
        else:
            tsq.tail.tsq_next = sk
        tsq.tail = sk
        self.net.softirq.raise_softirq(TASKLET_SOFTIRQ)


# --- sequence numbers (RFC 9293 section 3.4) ---


def before(a, b):
    """a < b on the circle of 32-bit sequence numbers."""
    return ((a - b) & U32_MASK) > 0x7FFFFFFF


def after(a, b):
    """a > b on the circle."""
    return ((b - a) & U32_MASK) > 0x7FFFFFFF


def between(low, seq, high):
    """low <= seq <= high on the circle."""
    return ((high - low) & U32_MASK) >= ((seq - low) & U32_MASK)


# --- time ---


def tcp_mstamp_refresh(sk):
    """Read the clock into tcp_mstamp (us); it is never 0, which means "not yet" in every stamp."""
    sk.tcp_mstamp = sk.net.timers.now() // NSEC_PER_USEC + 1


def tcp_now(net):
    """The clock of tcp_mstamp_refresh."""
    return net.timers.now() // NSEC_PER_USEC + 1


def tcp_time_stamp(sk):
    """The TSval to send now: milliseconds plus the connection's random offset (RFC 7323 section 5.4)."""
    return (sk.tcp_mstamp // USEC_PER_MSEC + sk.tsoffset) & U32_MASK


# --- what is in the network ---


def tcp_packets_in_flight(sk):
    """The segments believed to be in the network: RFC 6675's pipe."""
    return sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out


def tcp_wnd_end(sk):
    """The first sequence number that the peer's window does not admit."""
    return (sk.snd_una + sk.snd_wnd) & U32_MASK


def tcp_in_initial_slowstart(sk):
    return sk.snd_ssthresh >= TCP_INFINITE_SSTHRESH


def tcp_current_ssthresh(sk):
    """The threshold as it would be if the window were judged now."""
    if (1 << sk.icsk_ca_state) & ((1 << TCP_CA_CWR) | (1 << TCP_CA_Recovery)):
        return sk.snd_ssthresh
    return max(sk.snd_ssthresh, (sk.snd_cwnd >> 1) + (sk.snd_cwnd >> 2))


def tcp_is_cwnd_limited(sk):
    """True when a larger congestion window would have been used."""
    if sk.is_cwnd_limited:
        return True
    if sk.snd_cwnd < sk.snd_ssthresh:
        return sk.snd_cwnd < 2 * sk.max_packets_out
    return False


def tcp_set_ca_state(sk, state):
    sk.icsk_ca_ops.set_state(sk, state)
    sk.icsk_ca_state = state


def tcp_ca_event(sk, event):
    sk.icsk_ca_ops.cwnd_event(sk, event)


def tcp_min_rtt(sk):
    """The least round trip time of the last five minutes (us); U32_MASK before the first."""
    return sk.min_rtt[0]


# --- windows and memory ---


def tcp_receive_window(sk):
    """What the peer may still send of the window that it was last told."""
    win = sk.rcv_wup + sk.rcv_wnd - sk.rcv_nxt
    win &= U32_MASK
    return 0 if win > 0x7FFFFFFF else win


def tcp_win_from_space(sk, space):
    """The payload that `space` bytes of buffer hold, by the ratio of payload to memory seen so far."""
    return (space * sk.scaling_ratio) >> 8


def tcp_space_from_win(sk, win):
    return (win << 8) // sk.scaling_ratio


def tcp_space(sk):
    """Payload that the receive buffer still has room for; may be negative."""
    return tcp_win_from_space(sk, sk.sk_rcvbuf - sk.sk_backlog_len - sk.sk_rmem_alloc)


def tcp_full_space(sk):
    return tcp_win_from_space(sk, sk.sk_rcvbuf)


def sk_stream_wspace(sk):
    return sk.sk_sndbuf - sk.sk_wmem_queued


def sk_stream_memory_free(sk):
    """True while the write queue may take another sk_buff."""
    if sk.sk_wmem_queued >= sk.sk_sndbuf:
        return False
    return tcp_notsent_bytes(sk) < tcp_notsent_limit(sk)


def tcp_notsent_bytes(sk):
    return (sk.write_seq - sk.snd_nxt) & U32_MASK


def tcp_notsent_limit(sk):
    """How much may wait unsent before a socket is not writable: TCP_NOTSENT_LOWAT."""
    return sk.notsent_lowat if sk.notsent_lowat else sk.net.sysctl_tcp_notsent_lowat


def sk_stream_is_writeable(sk):
    if sk.sk_sndbuf - sk.sk_wmem_queued < sk.sk_wmem_queued >> 1:
        return False
    return tcp_notsent_bytes(sk) < tcp_notsent_limit(sk)


def sk_stream_write_space(sk):
    """The write queue has shrunk: wake writers when that is worth it."""
    if sk.sk_wq.first is not None and sk_stream_is_writeable(sk):
        sk.write_space()


def tcp_wmem_free_skb(sk, skb):
    """Free an sk_buff of the write or retransmission queue."""
    sk.sk_wmem_queued -= skb.truesize
    sk.sk_prot.memory_allocated -= skb.truesize
    consume_skb(skb)


def tcp_rtx_queue_unlink_and_free(sk, skb):
    if skb is sk.highest_sack:
        sk.highest_sack = skb.next
    if skb is sk.retransmit_skb_hint:
        sk.retransmit_skb_hint = None
    if skb is sk.sack_hint:
        sk.sack_hint = None
    sk.tcp_rtx_queue.unlink(skb)
    sk.sk_wmem_queued -= skb.truesize
    sk.sk_prot.memory_allocated -= skb.truesize
    consume_skb(skb)


def tcp_write_queue_purge(sk):
    """Forget everything that was to be sent or acknowledged."""
    skb = sk.sk_write_queue.dequeue()
    while skb is not None:
        tcp_wmem_free_skb(sk, skb)
        skb = sk.sk_write_queue.dequeue()
    sk.highest_sack = None
    sk.retransmit_skb_hint = None
    sk.sack_hint = None
    skb = sk.tcp_rtx_queue.dequeue()
    while skb is not None:
        tcp_wmem_free_skb(sk, skb)
        skb = sk.tcp_rtx_queue.dequeue()
    sk.packets_out = 0
    sk.sacked_out = 0
    sk.lost_out = 0
    sk.retrans_out = 0
    sk.icsk_backoff = 0


# --- header prediction ---


def tcp_fast_path_on(sk):
    """Expect a segment with our usual header length, ACK alone, and the present window."""
    sk.pred_flags = (sk.tcp_header_len << 26) | (TCPHDR_ACK << 16) | (sk.snd_wnd >> sk.snd_wscale)


def tcp_fast_path_check(sk):
    """Turn header prediction on when nothing out of the ordinary is going on."""
    if (sk.out_of_order_queue.first is None and sk.rcv_wnd and sk.sk_rmem_alloc < sk.sk_rcvbuf
            and not sk.urg_data):
        tcp_fast_path_on(sk)


# --- timers ---


def inet_csk_reset_xmit_timer(sk, what, when, limit):
    """Arm the retransmission timer to do `what` (ICSK_TIME_*) in `when` us, at most `limit`.

    A timer that is armed for an earlier time stays: when it fires it sees icsk_timeout and goes back to sleep.
    """
    if when > limit:
        when = limit
    sk.icsk_pending = what
    expires = sk.net.timers.now() + when * NSEC_PER_USEC
    sk.icsk_timeout = expires
    timer = sk.icsk_retransmit_timer
    if timer.slot == NOT_QUEUED or timer.expires > expires:
        sk.net.timers.mod_timer(timer, expires)


def inet_csk_clear_xmit_timer(sk):
    """Nothing is outstanding: whatever the timer was to do is off."""
    sk.icsk_pending = 0


def inet_csk_reset_delack_timer(sk, when):
    """Arm the delayed acknowledgment for `when` us from now."""
    sk.ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER
    expires = sk.net.timers.now() + when * NSEC_PER_USEC
    sk.ack_timeout = expires
    timer = sk.icsk_delack_timer
    if timer.slot == NOT_QUEUED or timer.expires > expires:
        sk.net.timers.mod_timer(timer, expires)


def inet_csk_reset_keepalive_timer(sk, when):
    """Arm the timer of keepalive, FIN-WAIT-2 and orphans for `when` us from now."""
    sk.net.timers.mod_timer(sk.sk_timer, sk.net.timers.now() + when * NSEC_PER_USEC)


def inet_csk_delete_keepalive_timer(sk):
    if sk.sk_timer is not None:
        sk.net.timers.del_timer(sk.sk_timer)


def inet_csk_clear_xmit_timers(sk):
    """The connection is over: stop every timer."""
    sk.icsk_pending = 0
    sk.ack_pending = 0
    if sk.icsk_retransmit_timer is not None:
        sk.net.timers.del_timer(sk.icsk_retransmit_timer)
        sk.net.timers.del_timer(sk.icsk_delack_timer)
        sk.net.timers.del_timer(sk.sk_timer)
    if sk.compressed_ack_timer is not None:
        sk.net.timers.del_timer(sk.compressed_ack_timer)
        sk.net.timers.del_timer(sk.pacing_timer)


def inet_csk_schedule_ack(sk):
    sk.ack_pending |= ICSK_ACK_SCHED


def inet_csk_ack_scheduled(sk):
    return sk.ack_pending & ICSK_ACK_SCHED != 0


def inet_csk_in_pingpong_mode(sk):
    """True when answers go out soon after questions come in, so that acknowledgments can ride on them."""
    return sk.ack_pingpong >= 1
