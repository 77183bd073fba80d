"""Entering TIME-WAIT and answering in it (RFC 9293 sections 3.6.1 and 3.10.7.4, RFC 1337, RFC 6191)."""

from kernel.net.ipv4.inet_connection_sock import tcp_done, tcp_unhash
from kernel.net.ipv4.inet_timewait_sock import inet_timewait_sock, inet_twsk_kill, inet_twsk_schedule
from kernel.net.ipv4.tcp_const import (
    NSEC_PER_USEC,
    SEQ_SIGN,
    TCP_FIN_TIMEOUT_MAX,
    TCP_PAWS_24DAYS,
    TCP_TIMEWAIT_LEN,
    TCP_TW_ACK,
    TCP_TW_RST,
    TCP_TW_SUCCESS,
    TCP_TW_SYN,
    U32_MASK,
    USEC_PER_SEC,
)
from kernel.net.ipv4.tcp_options import tcp_parse_options
from kernel.net.ipv4.tcp_sock import after, before, tcp_now, tcp_receive_window
from kernel.uapi.tcp import TCP_FIN_WAIT2, TCP_TIME_WAIT, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN


def tcp_fin_time(sk):
    """How long FIN-WAIT-2 lasts without a user (us): tcp_fin_timeout or TCP_LINGER2, at least 3.5 RTO."""
    timeout = sk.linger2 if sk.linger2 else sk.net.sysctl_tcp_fin_timeout // NSEC_PER_USEC
    return max(timeout, (sk.icsk_rto << 2) - (sk.icsk_rto >> 1))


def tcp_time_wait(sk, state, timeo):
    """Replace the sock by a small one for TIME-WAIT (or FIN-WAIT-2); the sock itself is done."""
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    if tn.tw_count < sk.net.sysctl_tcp_max_tw_buckets:
        tw = inet_timewait_sock(tn, sk, state)
        tw.rcv_wnd = tcp_receive_window(sk)
        rto = (sk.icsk_rto << 2) - (sk.icsk_rto >> 1)
        timeo = max(timeo, rto)
        if state == TCP_TIME_WAIT:
            timeo = TCP_TIMEWAIT_LEN
        bucket = sk.icsk_bind_hash
        if bucket is not None:
            tw.bucket = hashinfo.bind_owner(tw, bucket.port, bucket.from_connect)
        tcp_unhash(sk)
        hashinfo.insert(tw)
        tn.tw_count += 1
        inet_twsk_schedule(tw, min(timeo, TCP_FIN_TIMEOUT_MAX))
    else:
        # A flood of closes: better to forget one than to run out of memory.
        sk.net.mib.TcpExtTCPTimeWaitOverflow += 1
    tcp_done(sk)


def tcp_in_window(seq, end_seq, s_win, e_win):
    """True when a segment touches the window [s_win, e_win]."""
    if seq == s_win:
        return True
    if after(end_seq, s_win) and before(seq, e_win):
        return True
    return seq == e_win and seq == end_seq


def tcp_tw_paws_reject(tw, skb):
    """True when the timestamp is older than the last one (RFC 7323 section 5.3), within 24 days."""
    if not skb.has_ts or tw.ts_recent_stamp == 0:
        return False
    if ((skb.tsval - tw.ts_recent) & U32_MASK) < SEQ_SIGN:
        return False
    now = tcp_now(tw.tn.net) // USEC_PER_SEC
    return now < tw.ts_recent_stamp + TCP_PAWS_24DAYS


def tcp_timewait_state_process(tw, skb):
    """What a segment for a TIME-WAIT sock calls for: TCP_TW_*.  Does not consume it."""
    tn = tw.tn
    skb.has_ts = False
    if skb.cb0 > 20:
        tcp_parse_options(skb, None)
    paws_reject = tw.tstamp_ok and tcp_tw_paws_reject(tw, skb)
    flags = skb.tcp_flags
    if tw.tw_substate == TCP_FIN_WAIT2:
        if paws_reject or not tcp_in_window(skb.seq, skb.end_seq, tw.rcv_nxt, (tw.rcv_nxt + tw.rcv_wnd) & U32_MASK):
            return tcp_timewait_oow(tw, skb)
        if flags & TCPHDR_RST:
            inet_twsk_kill(tw)
            return TCP_TW_SUCCESS
        if flags & TCPHDR_SYN and before(skb.seq, tw.rcv_nxt):
            return TCP_TW_RST
        if not flags & TCPHDR_ACK or not after(skb.end_seq, tw.rcv_nxt) or skb.end_seq == skb.seq:
            return TCP_TW_SUCCESS
        # Data after close, or not the FIN that we wait for: nobody will read it.
        if not flags & TCPHDR_FIN or skb.end_seq != (tw.rcv_nxt + 1) & U32_MASK:
            return TCP_TW_RST
        tw.tw_substate = TCP_TIME_WAIT
        tw.rcv_nxt = skb.end_seq
        if skb.has_ts:
            tw.ts_recent_stamp = tcp_now(tn.net) // USEC_PER_SEC + 1
            tw.ts_recent = skb.tsval
        inet_twsk_schedule(tw, TCP_TIMEWAIT_LEN)
        return TCP_TW_ACK
    # TIME-WAIT itself.  A segment at rcv_nxt without data and without SYN is harmless.
    if not paws_reject and skb.seq == tw.rcv_nxt and (skb.seq == skb.end_seq or flags & TCPHDR_RST):
        if flags & TCPHDR_RST:
            # RFC 1337: a stray RST must not end TIME-WAIT early, where that is asked for.
            if tn.net.sysctl_tcp_rfc1337 == 0:
                inet_twsk_kill(tw)
            return TCP_TW_SUCCESS
        inet_twsk_schedule(tw, TCP_TIMEWAIT_LEN)
        if skb.has_ts:
            tw.ts_recent = skb.tsval
            tw.ts_recent_stamp = tcp_now(tn.net) // USEC_PER_SEC + 1
        return TCP_TW_SUCCESS
    # RFC 9293 MAY-2 and RFC 6191: a new connection, when its numbers prove that it is newer.
    if (flags & TCPHDR_SYN and not flags & (TCPHDR_RST | TCPHDR_ACK) and not paws_reject
            and (after(skb.seq, tw.rcv_nxt)
                 or (tw.tstamp_ok and skb.has_ts and ((tw.ts_recent - skb.tsval) & U32_MASK) > 0x7FFFFFFF))):
        return TCP_TW_SYN
    if paws_reject:
        tn.net.mib.TcpExtPAWSEstab += 1
    if not flags & TCPHDR_RST:
        # A repeated FIN starts the wait again (RFC 9293 section 3.10.7.4).
        if paws_reject or flags & TCPHDR_ACK:
            inet_twsk_schedule(tw, TCP_TIMEWAIT_LEN)
        return tcp_timewait_oow(tw, skb)
    return TCP_TW_SUCCESS


def tcp_timewait_oow(tw, skb):
    """Answer a segment outside the window with an ACK, twice a second at most unless it carries data."""
    if skb.seq == skb.end_seq or skb.tcp_flags & TCPHDR_SYN:
        now = tcp_now(tw.tn.net)
        limit = tw.tn.net.sysctl_tcp_invalid_ratelimit // NSEC_PER_USEC
        if tw.last_oow_ack_time and now - tw.last_oow_ack_time < limit:
            tw.tn.net.mib.TcpExtTCPACKSkippedTimeWait += 1
            return TCP_TW_SUCCESS
        tw.last_oow_ack_time = now
    return TCP_TW_ACK
