"""Connection requests (RFC 9293: LISTEN and SYN-RECEIVED of a passive open): from a SYN to a child that can be accepted."""

from kernel.net.core.skbuff import consume_skb, kfree_skb
from kernel.net.core.sock import sock_enable_timestamp
from kernel.net.core.sock_flags import (
    SK_FLAGS_TIMESTAMP,
    SOCK_DBG,
    SOCK_KEEPOPEN,
    SOCK_LINGER,
    SOCK_LOCALROUTE,
    SOCK_RCVTSTAMP,
    SOCK_RCVTSTAMPNS,
    SOCK_SELECT_ERR_QUEUE,
    SOCK_TSTAMP_NEW,
    SOCK_URGINLINE,
    SOCK_ZEROCOPY,
)
from kernel.net.ipv4.inet_connection_sock import (
    inet_csk_reqsk_queue_add,
    inet_csk_reqsk_queue_drop,
    sk_acceptq_is_full,
    tcp_hash,
    tcp_set_state,
)
from kernel.net.ipv4.inet_hashtables import request_sock
from kernel.net.ipv4.route import ip_route_output_key
from kernel.net.ipv4.tcp_const import (
    NSEC_PER_USEC,
    SEQ_SIGN,
    TCP_ECN_OK,
    TCP_INIT_CWND,
    TCP_MSS_DEFAULT,
    TCP_TIMEOUT_INIT,
    U32_MASK,
    USEC_PER_SEC,
)
from kernel.net.ipv4.tcp_control import (
    tcp_mss_clamp,
    tcp_v4_send_synack,
)
from kernel.net.ipv4.tcp_fastopen_rcv import tcp_fastopen_init_child, tcp_fastopen_take_syn, tcp_try_fastopen
from kernel.net.ipv4.tcp_input import tcp_init_transfer
from kernel.net.ipv4.tcp_options import tcp_options_received, tcp_parse_options
from kernel.net.ipv4.tcp_reply import (
    secure_tcp_seq,
    secure_tcp_ts_off,
    tcp_v4_reqsk_send_ack,
    tcp_v4_send_reset,
)
from kernel.net.ipv4.tcp_sock import after, tcp_full_space, tcp_now, tcp_sock
from kernel.net.ipv4.tcp_timer import tcp_init_xmit_timers
from kernel.net.ipv4.tcp_timewait import tcp_in_window
from kernel.net.ipv4.tcp_window import (
    tcp_dst_advmss,
    tcp_initial_rcv_wnd,
    tcp_initial_wscale,
    tcp_initialize_rcv_mss,
    tcp_setup_caps,
    tcp_sync_mss,
)
from kernel.time.timer import timer_list
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST
from kernel.uapi.tcp import (
    TCP_SYN_RECV,
    TCPHDR_ACK,
    TCPHDR_CWR,
    TCPHDR_ECE,
    TCPHDR_FIN,
    TCPHDR_RST,
    TCPHDR_SYN,
)

MAX_WINDOW_CLAMP = 65535 << 14
SOCK_RCVBUF_LOCK = 2
SOCK_BINDADDR_LOCK = 4
SOCK_BINDPORT_LOCK = 8
# What a child takes over of its listener's sk_flags.
INHERITED_FLAGS = (
    SOCK_URGINLINE | SOCK_KEEPOPEN | SOCK_LINGER | SOCK_DBG | SOCK_LOCALROUTE | SOCK_RCVTSTAMP | SOCK_RCVTSTAMPNS
    | SOCK_SELECT_ERR_QUEUE | SOCK_TSTAMP_NEW | SOCK_ZEROCOPY
)
SYNACK_RTO_MAX = 120000000
# TCP_SAVE_SYN with this value keeps the link header, too.
SAVE_SYN_FROM_LINK = 2


class reqsk_timer(timer_list):
    """SYN-ACK retransmission."""

    def __init__(self, req):
        super().__init__()
        self.req = req

    def fire(self):
        reqsk_timer_handler(self.req)


def reqsk_timer_handler(req):
    """The ACK of a SYN-ACK is overdue: send it again, or forget the request."""
    sk = req.listener
    net = sk.net
    limit = sk.icsk_syn_retries if sk.icsk_syn_retries else net.sysctl_tcp_synack_retries
    defer = sk.icsk_defer_accept
    if defer == 0:
        expire = req.num_timeout >= limit
        resend = True
    else:
        # The handshake's ACK is here and data is awaited: the last retransmissions ask the client to repeat itself.
        expire = req.num_timeout >= limit and (not req.acked or req.num_timeout >= defer)
        resend = not req.acked or req.num_timeout >= defer - 1
    if expire:
        inet_csk_reqsk_queue_drop(sk, req)
        return
    if resend:
        req.num_retrans += 1
        net.mib.TcpRetransSegs += 1
        net.mib.TcpExtTCPSynRetrans += 1
        tcp_v4_send_synack(sk, req)
    if req.num_timeout == 0:
        queue = sk.icsk_accept_queue
        queue.young -= 1
    req.num_timeout += 1
    req.timeout = min(req.timeout << 1, SYNACK_RTO_MAX)
    net.timers.mod_timer(req.timer, net.timers.now() + req.timeout * NSEC_PER_USEC)


def tcp_conn_request(sk, skb, isn):
    """A SYN for a listener: remember it and answer.  `isn`: our number when TIME-WAIT has chosen one, else 0.

    Does not consume `skb`; the result is the reason for which it was dropped, or None.
    """
    net = sk.net
    mib = net.mib
    rt = skb.dst
    # RFC 1122 section 4.2.3.10.
    if rt is not None and (rt.rt_type == RTN_BROADCAST or rt.rt_type == RTN_MULTICAST):
        return "IP_INADDRERRORS"
    queue = sk.icsk_accept_queue
    if len(queue.requests) >= max(sk.sk_max_ack_backlog, 1) or len(queue.requests) >= net.sysctl_tcp_max_syn_backlog:
        mib.TcpExtTCPReqQFullDrop += 1
        mib.TcpExtListenDrops += 1
        return "TCP_REQQFULLDROP"
    if sk_acceptq_is_full(sk):
        mib.TcpExtListenOverflows += 1
        mib.TcpExtListenDrops += 1
        return "TCP_LISTENOVERFLOW"
    req = request_sock(sk)
    opt = tcp_options_received()
    tcp_parse_options(skb, opt)
    tcp_openreq_init(req, sk, skb, opt)
    dst = ip_route_output_key(net, req.rmt_addr, req.loc_addr, req.bound_dev_if, sk.sk_mark)
    if dst is None:
        mib.TcpExtListenDrops += 1
        return "IP_OUTNOROUTES"
    if isn:
        req.snt_isn = isn
    else:
        req.snt_isn = secure_tcp_seq(net, req.loc_addr, req.rmt_addr, req.num, req.rmt_port)
    tcp_openreq_init_rwin(req, sk, dst)
    if sk.save_syn:
        tcp_record_syn(sk, req, skb)
    if tcp_try_fastopen(sk, skb, req, opt):
        child = tcp_fastopen_create_child(sk, skb, req)
        if child is not None:
            tcp_v4_send_synack(child, req)
            inet_csk_reqsk_queue_add(sk, req, child)
            sk.data_ready()
            return None
        mib.TcpExtTCPFastOpenPassiveFail += 1
    req.timeout = TCP_TIMEOUT_INIT
    req.timer = reqsk_timer(req)
    tn = net.tcp
    hashinfo = tn.hashinfo
    hashinfo.insert(req)
    queue.requests[req] = None
    queue.young += 1
    net.timers.mod_timer(req.timer, net.timers.now() + req.timeout * NSEC_PER_USEC)
    tcp_v4_send_synack(sk, req)
    return None


def tcp_fastopen_create_child(sk, skb, req):
    """A child of a SYN whose data counts: it may be accepted before its handshake is complete.  None when that fails."""
    if sk_acceptq_is_full(sk):
        return None
    child = tcp_make_child(sk, skb, req)
    if child is None:
        return None
    sk.net.mib.TcpPassiveOpens += 1
    tcp_fastopen_init_child(sk, child, req, skb)
    tcp_init_transfer(child)
    tcp_fastopen_take_syn(child, req, skb)
    sk.net.mib.TcpExtTCPFastOpenPassive += 1
    return child


def tcp_record_syn(sk, req, skb):
    """TCP_SAVE_SYN: keep the headers of the SYN, from IP's on (2: from the link's)."""
    start = skb.mac_header if sk.save_syn == SAVE_SYN_FROM_LINK else skb.network_header
    end = skb.transport_header + skb.cb0
    req.saved_syn = bytes([skb.get8(position) for position in range(start, end)])


def tcp_openreq_init(req, sk, skb, opt):
    """What the SYN says; `opt`: its options."""
    net = sk.net
    nh = skb.network_header
    req.rmt_addr = skb.get32(nh + 12)
    req.loc_addr = skb.get32(nh + 16)
    req.rmt_port = skb.get16(skb.transport_header)
    req.num = skb.get16(skb.transport_header + 2)
    req.bound_dev_if = sk.sk_bound_dev_if
    req.tos = sk.tos
    mss = opt.mss_clamp if opt.mss_clamp else TCP_MSS_DEFAULT
    if sk.user_mss and sk.user_mss < mss:
        mss = sk.user_mss
    req.mss = mss
    req.rcv_isn = skb.seq
    req.rcv_nxt = (skb.seq + 1) & U32_MASK
    req.tstamp_ok = skb.has_ts and net.sysctl_tcp_timestamps != 0
    req.ts_recent = skb.tsval if req.tstamp_ok else 0
    req.ts_off = secure_tcp_ts_off(net, req.loc_addr, req.rmt_addr) if req.tstamp_ok else 0
    req.sack_ok = opt.sack_ok and net.sysctl_tcp_sack != 0
    req.wscale_ok = opt.wscale_ok and net.sysctl_tcp_window_scaling != 0
    req.snd_wscale = opt.snd_wscale if req.wscale_ok else 0
    req.snd_wnd = skb.get16(skb.transport_header + 14)
    both = TCPHDR_ECE | TCPHDR_CWR
    req.ecn_ok = net.sysctl_tcp_ecn != 0 and skb.tcp_flags & both == both


def tcp_openreq_init_rwin(req, sk, dst):
    """The window that the SYN-ACK offers."""
    full_space = tcp_full_space(sk)
    clamp = sk.window_clamp if sk.window_clamp else MAX_WINDOW_CLAMP
    if sk.sk_userlocks & SOCK_RCVBUF_LOCK and clamp > full_space:
        clamp = full_space
    mss = tcp_mss_clamp(sk, tcp_dst_advmss(dst)) - (12 if req.tstamp_ok else 0)
    req.rcv_wscale = tcp_initial_wscale(sk.net, full_space, clamp) if req.wscale_ok else 0
    req.rcv_wnd = tcp_initial_rcv_wnd(full_space, clamp, mss, dst.initrwnd)
    req.window_clamp = min(65535 << req.rcv_wscale, clamp)


def tcp_check_req(sk, skb, req):
    """A segment for a request: the child that it completes, or None when it has been dealt with.

    Does not consume `skb`.  A segment that the listener shall see gives the listener itself.
    """
    net = sk.net
    flags = skb.tcp_flags
    skb.has_ts = False
    if skb.cb0 > 20:
        tcp_parse_options(skb, None)
    paws_reject = False
    saw_tstamp = req.tstamp_ok and skb.has_ts
    if saw_tstamp:
        older = (req.ts_recent - skb.tsval) & U32_MASK
        paws_reject = older != 0 and older < SEQ_SIGN
    if skb.seq == req.rcv_isn and flags & (TCPHDR_SYN | TCPHDR_ACK | TCPHDR_RST) == TCPHDR_SYN and not paws_reject:
        # The same SYN once more: our answer was lost.
        if not tcp_reqsk_oow_limited(net, skb, req):
            req.num_retrans += 1
            net.mib.TcpRetransSegs += 1
            net.mib.TcpExtTCPSynRetrans += 1
            if tcp_v4_send_synack(sk, req):
                net.timers.mod_timer(req.timer, net.timers.now() + req.timeout * NSEC_PER_USEC)
        return None
    if flags & TCPHDR_ACK and not flags & TCPHDR_RST and skb.ack_seq != (req.snt_isn + 1) & U32_MASK:
        # RFC 9293 section 3.10.7.4: not an answer to our SYN-ACK; the listener resets it.
        return sk
    if paws_reject or not tcp_in_window(skb.seq, skb.end_seq, req.rcv_nxt, (req.rcv_nxt + req.rcv_wnd) & U32_MASK):
        if not flags & TCPHDR_RST and not tcp_reqsk_oow_limited(net, skb, req):
            tcp_v4_reqsk_send_ack(net, req, skb)
        if paws_reject:
            net.mib.TcpExtPAWSEstab += 1
        return None
    if saw_tstamp and not after(skb.seq, req.rcv_nxt):
        req.ts_recent = skb.tsval
    if skb.seq == req.rcv_isn:
        # Cut the SYN off: what counts lies behind it.
        flags &= ~TCPHDR_SYN
    if flags & (TCPHDR_RST | TCPHDR_SYN):
        net.mib.TcpAttemptFails += 1
        tcp_embryonic_reset(sk, skb, req)
        return None
    if not flags & TCPHDR_ACK:
        return None
    if req.num_timeout < sk.icsk_defer_accept and skb.end_seq == (req.rcv_isn + 1) & U32_MASK:
        # TCP_DEFER_ACCEPT: a bare ACK is not worth waking anybody for.
        req.acked = True
        net.mib.TcpExtTCPDeferAcceptDrop += 1
        return None
    child = tcp_v4_syn_recv_sock(sk, skb, req)
    if child is None:
        if net.sysctl_tcp_abort_on_overflow:
            tcp_embryonic_reset(sk, skb, req)
        else:
            req.acked = True
        return None
    return child


def tcp_embryonic_reset(sk, skb, req):
    """The request is dead."""
    if not skb.tcp_flags & TCPHDR_RST:
        tcp_v4_send_reset(sk.net, skb, sk.sk_bound_dev_if)
    if inet_csk_reqsk_queue_drop(sk, req):
        sk.net.mib.TcpExtEmbryonicRsts += 1


def tcp_reqsk_oow_limited(net, skb, req):
    """As tcp_oow_rate_limited, for a request."""
    if skb.seq != skb.end_seq and not skb.tcp_flags & TCPHDR_SYN:
        return False
    now = tcp_now(net)
    if req.last_oow_ack_time and now - req.last_oow_ack_time < net.sysctl_tcp_invalid_ratelimit // NSEC_PER_USEC:
        net.mib.TcpExtTCPACKSkippedSynRecv += 1
        return True
    req.last_oow_ack_time = now
    return False


def tcp_v4_syn_recv_sock(sk, skb, req):
    """The handshake's ACK: a full sock in SYN-RECEIVED, in the tables and on the accept queue; None when that is full."""
    net = sk.net
    if sk_acceptq_is_full(sk):
        net.mib.TcpExtListenOverflows += 1
        net.mib.TcpExtListenDrops += 1
        return None
    child = tcp_make_child(sk, skb, req)
    if child is None:
        net.mib.TcpExtListenDrops += 1
        return None
    inet_csk_reqsk_queue_drop(sk, req)
    inet_csk_reqsk_queue_add(sk, req, child)
    net.mib.TcpPassiveOpens += 1
    return child


def tcp_make_child(sk, skb, req):
    """A full sock for a request, in the tables; None without a route."""
    net = sk.net
    rt = ip_route_output_key(net, req.rmt_addr, req.loc_addr, req.bound_dev_if, sk.sk_mark)
    if rt is None:
        return None
    child = tcp_create_openreq_child(sk, req, skb)
    tcp_setup_caps(child, rt)
    tcp_sync_mss(child, rt.mtu)
    child.advmss = tcp_mss_clamp(sk, tcp_dst_advmss(rt))
    tcp_initialize_rcv_mss(child)
    tn = net.tcp
    hashinfo = tn.hashinfo
    child.icsk_bind_hash = hashinfo.bind_owner(child, child.inet_num, False)
    tcp_hash(child)
    return child


def tcp_inherit(child, sk):
    """Options that an accepted socket has from its listener."""
    child.sk_flags = sk.sk_flags & INHERITED_FLAGS
    if sk.sk_flags & SK_FLAGS_TIMESTAMP:
        sock_enable_timestamp(child, sk.sk_flags & SK_FLAGS_TIMESTAMP)
    child.sk_tsflags = sk.sk_tsflags
    child.sk_max_pacing_rate = sk.sk_max_pacing_rate
    child.sk_busy_poll = sk.sk_busy_poll
    child.sk_peek_off = sk.sk_peek_off
    child.sk_userlocks = sk.sk_userlocks & ~(SOCK_BINDPORT_LOCK | SOCK_BINDADDR_LOCK)
    child.sk_rcvbuf = sk.sk_rcvbuf
    child.sk_sndbuf = sk.sk_sndbuf
    child.sk_lingertime = sk.sk_lingertime
    child.sk_rcvlowat = sk.sk_rcvlowat
    child.sk_rcvtimeo = sk.sk_rcvtimeo
    child.sk_sndtimeo = sk.sk_sndtimeo
    child.sk_priority = sk.sk_priority
    child.sk_mark = sk.sk_mark
    child.sk_reuse = sk.sk_reuse
    child.sk_reuseport = sk.sk_reuseport
    child.sk_bound_dev_if = sk.sk_bound_dev_if
    child.sk_uid = sk.sk_uid
    child.tos = sk.tos
    child.uc_ttl = sk.uc_ttl
    child.min_ttl = sk.min_ttl
    child.pmtudisc = sk.pmtudisc
    child.recverr = sk.recverr
    child.cmsg_flags = sk.cmsg_flags
    child.user_mss = sk.user_mss
    child.nonagle = sk.nonagle
    child.keepalive_time = sk.keepalive_time
    child.keepalive_intvl = sk.keepalive_intvl
    child.keepalive_probes = sk.keepalive_probes
    child.linger2 = sk.linger2
    child.notsent_lowat = sk.notsent_lowat
    child.recvmsg_inq = sk.recvmsg_inq
    child.icsk_user_timeout = sk.icsk_user_timeout
    child.icsk_syn_retries = sk.icsk_syn_retries
    child.icsk_ca_ops = sk.icsk_ca_ops
    child.icsk_ca_setsockopt = sk.icsk_ca_setsockopt
    child.reordering = sk.net.sysctl_tcp_reordering


def tcp_create_openreq_child(sk, req, skb):
    """A sock from a request."""
    child = tcp_sock(sk.net, sk.sk_family, sk.sk_type, sk.sk_protocol, sk.sk_prot)
    tcp_inherit(child, sk)
    tcp_init_xmit_timers(child)
    now = tcp_now(sk.net)
    child.tcp_mstamp = now
    child.inet_daddr = req.rmt_addr
    child.inet_dport = req.rmt_port
    child.inet_saddr = req.loc_addr
    child.inet_rcv_saddr = req.loc_addr
    child.inet_num = req.num
    child.inet_sport = req.num
    child.inet_id = sk.net.hash2(req.snt_isn, now & U32_MASK) & 0xFFFF
    tcp_set_state(child, TCP_SYN_RECV)
    child.rcv_wup = req.rcv_nxt
    child.copied_seq = req.rcv_nxt
    child.rcv_nxt = req.rcv_nxt
    child.segs_in = 1
    seq = (req.snt_isn + 1) & U32_MASK
    child.snd_sml = seq
    child.snd_una = seq
    child.snd_nxt = seq
    child.snd_up = seq
    child.write_seq = seq
    child.pushed_seq = seq
    child.snd_wl1 = req.rcv_isn
    child.lsndtime = now
    child.rcv_tstamp = now
    child.ack_lrcvtime = now
    child.snd_cwnd = TCP_INIT_CWND
    child.tstamp_ok = req.tstamp_ok
    child.sack_ok = 1 if req.sack_ok else 0
    child.window_clamp = req.window_clamp
    child.rcv_ssthresh = req.rcv_wnd
    child.rcv_wnd = req.rcv_wnd
    child.rcv_mwnd_seq = (req.rcv_nxt + req.rcv_wnd) & U32_MASK
    child.wscale_ok = req.wscale_ok
    child.snd_wscale = req.snd_wscale
    child.rcv_wscale = req.rcv_wscale
    if not child.wscale_ok:
        child.window_clamp = min(child.window_clamp, 65535)
    child.snd_wnd = skb.get16(skb.transport_header + 14) << child.snd_wscale
    child.max_window = child.snd_wnd
    if child.tstamp_ok:
        child.ts_recent = req.ts_recent
        child.ts_recent_stamp = now // USEC_PER_SEC + 1
        child.tcp_header_len = 32
        child.tsoffset = req.ts_off
    # What the first round trip sample and the initial window are made from.
    child.retrans_stamp = req.snt_synack
    child.total_retrans = req.num_retrans
    if req.num_timeout:
        child.undo_marker = req.snt_isn
    child.mss_clamp = req.mss
    child.saved_syn = req.saved_syn
    req.saved_syn = None
    if req.ecn_ok:
        child.ecn_flags = TCP_ECN_OK
    return child


def tcp_listen_segment(sk, skb):
    """A segment for a LISTEN sock that belongs to no request: 0 taken care of (consumed), 1 answer with a RST."""
    flags = skb.tcp_flags
    if flags & TCPHDR_ACK and not flags & TCPHDR_RST:
        return 1
    if flags & TCPHDR_RST or not flags & TCPHDR_SYN or flags & TCPHDR_FIN:
        kfree_skb(skb, "TCP_FLAGS")
        return 0
    reason = tcp_conn_request(sk, skb, 0)
    if reason is not None:
        kfree_skb(skb, reason)
    else:
        consume_skb(skb)
    return 0
