"""TIME-WAIT socks: what is left of a connection for two maximum segment lifetimes (RFC 9293 section 3.6.1), in little
memory.  They live in ehash and on their port's bucket like the sock that they replace."""

from kernel.net.ipv4.inet_hashtables import ehash_node
from kernel.net.ipv4.tcp_const import NODE_TIMEWAIT, NSEC_PER_USEC
from kernel.time.timer import timer_list
from kernel.uapi.tcp import TCP_TIME_WAIT


class tw_timer(timer_list):
    """The end of a TIME-WAIT sock."""

    def __init__(self, tw):
        super().__init__()
        self.tw = tw

    def fire(self):
        tw = self.tw
        tw.tn.net.mib.TcpExtTW += 1
        inet_twsk_kill(tw)


class inet_timewait_sock(ehash_node):
    """A connection in TIME-WAIT, or in FIN-WAIT-2 without a user (`tw_substate`)."""

    def __init__(self, tn, sk, substate):
        super().__init__(NODE_TIMEWAIT, None)
        self.tn = tn
        self.tw_substate = substate
        self.rmt_addr = sk.inet_daddr
        self.rmt_port = sk.inet_dport
        self.loc_addr = sk.inet_rcv_saddr
        self.num = sk.inet_num
        self.bound_dev_if = sk.sk_bound_dev_if
        # The names under which bind_conflict and /proc see a sock.
        self.sk_bound_dev_if = sk.sk_bound_dev_if
        self.inet_rcv_saddr = sk.inet_rcv_saddr
        self.sk_reuse = sk.sk_reuse
        self.sk_reuseport = sk.sk_reuseport
        self.sk_uid = sk.sk_uid
        self.sk_state = TCP_TIME_WAIT
        self.tos = sk.tos
        self.rcv_nxt = sk.rcv_nxt
        self.snd_nxt = sk.snd_nxt
        self.rcv_wnd = 0
        self.rcv_wscale = sk.rcv_wscale
        self.ts_offset = sk.tsoffset
        self.ts_recent = sk.ts_recent
        self.ts_recent_stamp = sk.ts_recent_stamp
        self.tstamp_ok = sk.tstamp_ok
        self.last_oow_ack_time = 0
        self.bucket = None
        self.timer = tw_timer(self)


def inet_twsk_schedule(tw, timeo):
    """Let it live for `timeo` us from now."""
    timers = tw.tn.net.timers
    timers.mod_timer(tw.timer, timers.now() + timeo * NSEC_PER_USEC)


def inet_twsk_kill(tw):
    """Forget a TIME-WAIT sock: leave the tables and stop the timer."""
    tn = tw.tn
    hashinfo = tn.hashinfo
    if not hashinfo.remove(tw):
        return
    if tw.bucket is not None:
        hashinfo.put_owner(tw, tw.bucket)
        tw.bucket = None
    tn.net.timers.del_timer(tw.timer)
    tn.tw_count -= 1
    tw.timer.tw = None
