"""CUBIC (RFC 9438) with HyStart (Ha and Rhee, 2011), the default congestion control.

The window is a cubic function of the time since the last loss: W(t) = C (t - K)^3 + W_max with C = 0.4 segments
per second cubed and a decrease to 0.7.  Time counts in 1/1024 s, so the cubic is integer arithmetic: 0.4 / 1024^3 is
410 / 2^40, with 410 = 10 * 41 (41/1024 is 0.04).
"""

from kernel.net.ipv4.tcp_cong import tcp_cong_avoid_ai, tcp_slow_start
from kernel.net.ipv4.tcp_const import CA_EVENT_TX_START
from kernel.net.ipv4.tcp_sock import before, tcp_congestion_ops, tcp_is_cwnd_limited
from kernel.uapi.tcp import TCP_CA_Loss

BETA = 717
BETA_SCALE = 1024
CUBE_RTT_SCALE = 410
CUBE_FACTOR = (1 << 40) // CUBE_RTT_SCALE
# Reno's slope at CUBIC's beta, times 8: 8 * (1 + 0.7) / (3 * (1 - 0.7)) = 15.
FRIENDLY_SCALE = 15
HYSTART_LOW_WINDOW = 16
HYSTART_ACK_DELTA = 2000
HYSTART_MIN_SAMPLES = 8
HYSTART_DELAY_MIN = 4000
HYSTART_DELAY_MAX = 16000
HYSTART_TRAIN = 1
HYSTART_DELAY = 2
NO_RTT = 0x7FFFFFFF


def cubic_root(a):
    """The integer cube root of a non-negative number below 2^63."""
    root = int(a ** (1.0 / 3.0))
    while (root + 1) * (root + 1) * (root + 1) <= a:
        root += 1
    while root * root * root > a:
        root -= 1
    return root


class bictcp:
    """CUBIC's state of one connection; times are microseconds, `bic_k` 1/1024 s."""

    def __init__(self):
        self.cnt = 0
        self.last_max_cwnd = 0
        self.last_time = 0
        self.bic_origin_point = 0
        self.bic_k = 0
        self.delay_min = 0
        self.epoch_start = 0
        self.ack_cnt = 0
        self.tcp_cwnd = 0
        self.found = 0
        self.sample_cnt = 0
        self.round_start = 0
        self.end_seq = 0
        self.last_ack = 0
        self.curr_rtt = NO_RTT

    def reset(self):
        self.cnt = 0
        self.last_max_cwnd = 0
        self.last_time = 0
        self.bic_origin_point = 0
        self.bic_k = 0
        self.delay_min = 0
        self.epoch_start = 0
        self.ack_cnt = 0
        self.tcp_cwnd = 0
        self.found = 0


class tcp_cubic_ops(tcp_congestion_ops):
    """CUBIC."""

    def init(self, sk):
        ca = bictcp()
        sk.ca = ca
        self.hystart_reset(sk, ca)

    def ssthresh(self, sk):
        """RFC 9438 section 4.6 and 4.7: 0.7 of the window, and fast convergence."""
        ca = sk.ca
        # A SYN that is lost comes here before the connection has a history.
        if ca is not None:
            ca.epoch_start = 0
            if sk.snd_cwnd < ca.last_max_cwnd:
                ca.last_max_cwnd = sk.snd_cwnd * (BETA_SCALE + BETA) // (2 * BETA_SCALE)
            else:
                ca.last_max_cwnd = sk.snd_cwnd
        return max(sk.snd_cwnd * BETA // BETA_SCALE, 2)

    def undo_cwnd(self, sk):
        return max(sk.snd_cwnd, sk.prior_cwnd)

    def set_state(self, sk, new_state):
        ca = sk.ca
        if new_state == TCP_CA_Loss and ca is not None:
            ca.reset()
            self.hystart_reset(sk, ca)

    def cwnd_event(self, sk, event):
        """An application that was idle must not find that time counted into the cubic (RFC 9438 section 4.2)."""
        ca = sk.ca
        if event == CA_EVENT_TX_START and ca is not None:
            idle = sk.tcp_mstamp - sk.lsndtime
            if ca.epoch_start and idle > 0:
                ca.epoch_start = min(ca.epoch_start + idle, sk.tcp_mstamp)

    def cong_avoid(self, sk, ack, acked):
        if not tcp_is_cwnd_limited(sk):
            return
        ca = sk.ca
        if sk.snd_cwnd < sk.snd_ssthresh:
            acked = tcp_slow_start(sk, acked)
            if acked == 0:
                return
        self.update(sk, ca, acked)
        tcp_cong_avoid_ai(sk, ca.cnt, acked)

    def update(self, sk, ca, acked):
        """Set ca.cnt: after how many delivered segments the window grows by one.

        At every ACK, as RFC 9438 has it.  (Linux looks again only after 31 ms: where a round trip takes microseconds
        the window then stands still for a thousand of them after each loss.)
        """
        cwnd = sk.snd_cwnd
        now = sk.tcp_mstamp
        ca.ack_cnt += acked
        if ca.epoch_start and now == ca.last_time:
            self.friendliness(ca, cwnd)
            return
        ca.last_time = now
        if ca.epoch_start == 0:
            ca.epoch_start = now
            ca.ack_cnt = acked
            ca.tcp_cwnd = cwnd
            if ca.last_max_cwnd <= cwnd:
                ca.bic_k = 0
                ca.bic_origin_point = cwnd
            else:
                ca.bic_k = cubic_root(CUBE_FACTOR * (ca.last_max_cwnd - cwnd))
                ca.bic_origin_point = ca.last_max_cwnd
        elapsed = now - ca.epoch_start + ca.delay_min
        t = elapsed * 1024 // 1000000
        offs = ca.bic_k - t if t < ca.bic_k else t - ca.bic_k
        # Beyond 2^20 ticks (17 minutes) the cube would overflow and the window is long at its limit.
        if offs > 1 << 18:
            offs = 1 << 18
        delta = (CUBE_RTT_SCALE * offs * offs * offs) >> 40
        target = ca.bic_origin_point - delta if t < ca.bic_k else ca.bic_origin_point + delta
        if target > cwnd:
            ca.cnt = cwnd // (target - cwnd)
        else:
            ca.cnt = 100 * cwnd
        if ca.last_max_cwnd == 0 and ca.cnt > 20:
            ca.cnt = 20
        self.friendliness(ca, cwnd)

    def friendliness(self, ca, cwnd):
        """RFC 9438 section 4.3: never slower than Reno would be."""
        delta = (cwnd * FRIENDLY_SCALE) >> 3
        if delta > 0:
            grown = ca.ack_cnt // delta
            if ca.ack_cnt == grown * delta and grown > 0:
                grown -= 1
            ca.ack_cnt -= grown * delta
            ca.tcp_cwnd += grown
        if ca.tcp_cwnd > cwnd:
            limit = cwnd // (ca.tcp_cwnd - cwnd)
            if ca.cnt > limit:
                ca.cnt = limit
        if ca.cnt < 2:
            ca.cnt = 2

    def pkts_acked(self, sk, pkts_acked, rtt_us, in_flight):
        ca = sk.ca
        if rtt_us < 0 or ca is None:
            return
        # A second after a fast recovery the samples still hold the queue of before.
        if ca.epoch_start and sk.tcp_mstamp - ca.epoch_start < 1000000:
            return
        delay = rtt_us if rtt_us else 1
        if ca.delay_min == 0 or ca.delay_min > delay:
            ca.delay_min = delay
        if not ca.found and sk.snd_cwnd < sk.snd_ssthresh and sk.snd_cwnd >= HYSTART_LOW_WINDOW:
            self.hystart_update(sk, ca, delay)

    def hystart_reset(self, sk, ca):
        ca.round_start = sk.tcp_mstamp
        ca.last_ack = sk.tcp_mstamp
        ca.end_seq = sk.snd_nxt
        ca.curr_rtt = NO_RTT
        ca.sample_cnt = 0

    def hystart_update(self, sk, ca, delay):
        """Leave slow start when an ACK train gets long or the delay grows, before packets are lost."""
        mib = sk.net.mib
        if before(ca.end_seq, sk.snd_una):
            self.hystart_reset(sk, ca)
        now = sk.tcp_mstamp
        if now - ca.last_ack <= HYSTART_ACK_DELTA:
            ca.last_ack = now
            # Without pacing a train of half a round trip fills the pipe.
            if now - ca.round_start > (ca.delay_min + self.ack_delay(sk)) >> 1:
                ca.found = HYSTART_TRAIN
                mib.TcpExtTCPHystartTrainDetect += 1
                mib.TcpExtTCPHystartTrainCwnd += sk.snd_cwnd
                sk.snd_ssthresh = sk.snd_cwnd
        if ca.found:
            return
        if ca.curr_rtt > delay:
            ca.curr_rtt = delay
        if ca.sample_cnt < HYSTART_MIN_SAMPLES:
            ca.sample_cnt += 1
        else:
            threshold = min(max(ca.delay_min >> 3, HYSTART_DELAY_MIN), HYSTART_DELAY_MAX)
            if ca.curr_rtt > ca.delay_min + threshold:
                ca.found = HYSTART_DELAY
                mib.TcpExtTCPHystartDelayDetect += 1
                mib.TcpExtTCPHystartDelayCwnd += sk.snd_cwnd
                sk.snd_ssthresh = sk.snd_cwnd

    def ack_delay(self, sk):
        """What aggregation on the path may add to a train (us): four 64 KiB bursts at the present rate, 1 ms at most."""
        rate = sk.sk_pacing_rate
        if rate <= 0:
            return 0
        return min(1000, 4 * 65536 * 1000000 // rate)
