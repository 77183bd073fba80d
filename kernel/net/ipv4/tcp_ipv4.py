"""TCP over IPv4: where segments come in, how a connection is begun, ICMP errors, and the `proto` of stream sockets."""

from kernel.lib.checksum import csum_add, csum_fold, csum_tcpudp_nofold
from kernel.net.core.filter import sk_filter_trim_cap
from kernel.net.core.sk_mem import sk_mem_set_limits
from kernel.net.core.skb_data import skb_checksum
from kernel.net.core.skbuff import kfree_skb, pskb_may_pull
from kernel.net.core.sock import proto, sk_add_backlog, sk_local_port_range
from kernel.net.core.sock_flags import SOCK_DEAD
from kernel.net.ipv4.af_inet import inet_protosw, inet_register_protosw, inet_stream_ops
from kernel.net.ipv4.icmp_err import ICMP_ERR_CONVERT
from kernel.net.ipv4.inet_connection_sock import (
    inet_csk_accept,
    inet_csk_listen_start,
    inet_csk_reqsk_queue_drop,
    sk_error_report,
    tcp_done,
    tcp_hash,
    tcp_set_state,
    tcp_unhash,
    tcp_v4_destroy_sock,
)
from kernel.net.ipv4.inet_hashtables import inet_hashinfo
from kernel.net.ipv4.inet_timewait_sock import inet_twsk_kill
from kernel.net.ipv4.ip_output import ip_first_hop
from kernel.net.ipv4.ip_sockglue import ip_icmp_error
from kernel.net.ipv4.route import ip_route_output, ip_route_output_key, ip_rt_update_pmtu
from kernel.net.ipv4.tcp import tcp_close, tcp_disconnect, tcp_ioctl, tcp_poll, tcp_sendmsg, tcp_shutdown
from kernel.net.ipv4.tcp_cong import tcp_assign_congestion_control, tcp_register_congestion_control, tcp_reno_ops
from kernel.net.ipv4.tcp_const import (
    DEFERRED_MTU_REDUCED,
    NODE_REQUEST,
    NODE_SOCK,
    NODE_TIMEWAIT,
    TCP_MSS_DEFAULT,
    TCP_TW_ACK,
    TCP_TW_RST,
    TCP_TW_SYN,
    U32_MASK,
    USEC_PER_SEC,
)
from kernel.net.ipv4.tcp_control import tcp_connect
from kernel.net.ipv4.tcp_cubic import tcp_cubic_ops
from kernel.net.ipv4.tcp_fastopen import fastopen_state, tcp_fastopen_defer_connect, tcp_fastopen_listen
from kernel.net.ipv4.tcp_fastretrans import tcp_simple_retransmit
from kernel.net.ipv4.tcp_input import tcp_rcv_established, tcp_rcv_state_process
from kernel.net.ipv4.tcp_minisocks import tcp_check_req, tcp_conn_request, tcp_listen_segment
from kernel.net.ipv4.tcp_proc import tcp_proc_init
from kernel.net.ipv4.tcp_recvmsg import tcp_recvmsg
from kernel.net.ipv4.tcp_reply import secure_tcp_seq, secure_tcp_ts_off, tcp_v4_send_reset, tcp_v4_timewait_ack
from kernel.net.ipv4.tcp_retransmit import tcp_tsq_action, tcp_xmit_retransmit_queue
from kernel.net.ipv4.tcp_sock import between, tcp_net, tcp_now, tcp_set_txhash, tcp_sock
from kernel.net.ipv4.tcp_sockopt import tcp_getsockopt, tcp_set_rcvlowat, tcp_setsockopt
from kernel.net.ipv4.tcp_timer import tcp_init_xmit_timers, tcp_release_cb, tcp_set_keepalive
from kernel.net.ipv4.tcp_timewait import tcp_timewait_state_process
from kernel.net.ipv4.tcp_window import tcp_sync_mss
from kernel.net.net import net_protocol
from kernel.uapi.errno import EADDRINUSE, EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOPROTOOPT, EOPNOTSUPP, EPROTO
from kernel.uapi.in_ import IP_PMTUDISC_DONT, IPPROTO_TCP
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST
from kernel.uapi.socket import SOCK_STREAM, SOL_TCP
from kernel.uapi.tcp import (
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCPHDR_FIN,
    TCPHDR_SYN,
)

CHECKSUM_UNNECESSARY = 1
CHECKSUM_COMPLETE = 2
CHECKSUM_PARTIAL = 3
PACKET_HOST = 0
TASKLET_SOFTIRQ = 6
PAGE_SHIFT = 12
# Beyond the buffers a taken sock's backlog may hold this much more.
BACKLOG_ROOM = 65536
ICMP_DEST_UNREACH = 3
ICMP_TIME_EXCEEDED = 11
ICMP_PARAMETERPROB = 12
ICMP_NET_UNREACH = 0
ICMP_HOST_UNREACH = 1
ICMP_FRAG_NEEDED = 4


# --- receiving ---


def tcp_v4_checksum_ok(skb, saddr, daddr):
    """True when the checksum is right, or somebody we trust has seen to it."""
    if skb.ip_summed == CHECKSUM_UNNECESSARY or skb.ip_summed == CHECKSUM_PARTIAL:
        return True
    pseudo = csum_tcpudp_nofold(saddr, daddr, skb.len, IPPROTO_TCP, 0)
    if skb.ip_summed == CHECKSUM_COMPLETE and csum_fold(csum_add(skb.csum, pseudo)) == 0:
        return True
    return csum_fold(skb_checksum(skb, 0, skb.len, pseudo)) == 0


def tcp_v4_rcv(net, skb):
    """A segment, data at the TCP header, the IP header at network_header; consumes it."""
    mib = net.mib
    if skb.pkt_type != PACKET_HOST:
        kfree_skb(skb, "OTHERHOST")
        return 0
    mib.TcpInSegs += skb.gso_segs if skb.gso_segs else 1
    if not pskb_may_pull(skb, 20):
        mib.TcpInErrs += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    size = (skb.get8(skb.data + 12) & 0xF0) >> 2
    if size < 20 or not pskb_may_pull(skb, size):
        mib.TcpInErrs += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    pos = skb.data
    skb.transport_header = pos
    nh = skb.network_header
    saddr = skb.get32(nh + 12)
    daddr = skb.get32(nh + 16)
    if skb.ip_summed != CHECKSUM_UNNECESSARY and not tcp_v4_checksum_ok(skb, saddr, daddr):
        mib.TcpInCsumErrors += 1
        mib.TcpInErrs += 1
        kfree_skb(skb, "TCP_CSUM")
        return 0
    ports = skb.get32(pos)
    flags = skb.get8(pos + 13)
    skb.cb0 = size
    skb.cb1 = skb.get16(pos + 18)
    skb.seq = skb.get32(pos + 4)
    skb.ack_seq = skb.get32(pos + 8)
    skb.tcp_flags = flags
    length = skb.len - size
    if flags & (TCPHDR_SYN | TCPHDR_FIN):
        length += (1 if flags & TCPHDR_SYN else 0) + (1 if flags & TCPHDR_FIN else 0)
    skb.end_seq = (skb.seq + length) & U32_MASK
    skb.sacked = 0
    skb.eor = False
    if net.trace.on:
        net.trace.emit("tcp_v4_rcv", skb.id, saddr, ports >> 16, daddr, ports & 0xFFFF, skb.seq, skb.ack_seq, flags, length)
    tn = net.tcp
    hashinfo = tn.hashinfo
    node = hashinfo.lookup_established(saddr, ports >> 16, daddr, ports & 0xFFFF, skb.iif)
    if node is None:
        sk = hashinfo.lookup_listener(saddr, ports >> 16, daddr, ports & 0xFFFF, skb.iif, skb)
        if sk is None:
            tcp_v4_send_reset(net, skb, 0)
            kfree_skb(skb, "NO_SOCKET")
            return 0
    elif node.kind == NODE_SOCK:
        sk = node.sk
    elif node.kind == NODE_TIMEWAIT:
        return tcp_v4_timewait(net, node, skb)
    else:
        return tcp_v4_new_syn_recv(net, node, skb)
    if sk.min_ttl and skb.get8(nh + 8) < sk.min_ttl:
        mib.TcpExtTCPMinTTLDrop += 1
        kfree_skb(skb, "TCP_MINTTL")
        return 0
    if sk.sk_filter is not None:
        length = skb.len
        if sk_filter_trim_cap(sk, skb, size) < 0:
            kfree_skb(skb, "SOCKET_FILTER")
            return 0
        # What the filter cuts off has not come.
        skb.end_seq = (skb.end_seq - (length - skb.len)) & U32_MASK
    sk.segs_in += skb.gso_segs if skb.gso_segs else 1
    if skb.len > size:
        sk.data_segs_in += skb.gso_segs if skb.gso_segs else 1
    if not sk.sk_lock_owned or sk.sk_state == TCP_LISTEN:
        return tcp_v4_do_rcv(sk, skb)
    if sk_add_backlog(sk, skb, sk.sk_rcvbuf + sk.sk_sndbuf + BACKLOG_ROOM) < 0:
        mib.TcpExtTCPBacklogDrop += 1
        kfree_skb(skb, "SOCKET_BACKLOG")
    return 0


def tcp_v4_do_rcv(sk, skb):
    """A segment for a sock that nobody else works on.  Consumes it."""
    if sk.sk_state == TCP_ESTABLISHED:
        tcp_rcv_established(sk, skb)
        return 0
    if sk.sk_state == TCP_LISTEN:
        reset = tcp_listen_segment(sk, skb)
    else:
        reset = tcp_rcv_state_process(sk, skb)
    if reset:
        tcp_v4_send_reset(sk.net, skb, sk.sk_bound_dev_if)
        kfree_skb(skb, "TCP_RESET")
    return 0


def tcp_v4_new_syn_recv(net, req, skb):
    """A segment for a connection request.  Consumes it."""
    sk = req.listener
    if sk.sk_state != TCP_LISTEN:
        # The listener has gone meanwhile.
        inet_csk_reqsk_queue_drop(sk, req)
        tcp_v4_send_reset(net, skb, 0)
        kfree_skb(skb, "NO_SOCKET")
        return 0
    child = tcp_check_req(sk, skb, req)
    if child is None:
        kfree_skb(skb, "TCP_REQUEST")
        return 0
    if child is sk:
        return tcp_v4_do_rcv(sk, skb)
    child.segs_in += skb.gso_segs if skb.gso_segs else 1
    if skb.len > skb.cb0:
        child.data_segs_in += skb.gso_segs if skb.gso_segs else 1
    tcp_v4_do_rcv(child, skb)
    if child.sk_state != TCP_SYN_RECV:
        sk.data_ready()
    return 0


def tcp_v4_timewait(net, tw, skb):
    """A segment for a TIME-WAIT sock.  Consumes it."""
    verdict = tcp_timewait_state_process(tw, skb)
    if verdict == TCP_TW_ACK:
        tcp_v4_timewait_ack(tw, skb)
    elif verdict == TCP_TW_RST:
        tcp_v4_send_reset(net, skb, tw.bound_dev_if)
        inet_twsk_kill(tw)
    elif verdict == TCP_TW_SYN:
        tn = net.tcp
        hashinfo = tn.hashinfo
        sk = hashinfo.lookup_listener(tw.rmt_addr, tw.rmt_port, tw.loc_addr, tw.num, skb.iif, skb)
        if sk is not None:
            # The new connection's numbers begin beyond everything that the old one can have sent.
            isn = (tw.snd_nxt + 65535 + 2) & U32_MASK
            inet_twsk_kill(tw)
            reason = tcp_conn_request(sk, skb, isn if isn else 1)
            kfree_skb(skb, reason if reason is not None else "TCP_TIMEWAIT_REUSED")
            return 0
        tcp_v4_timewait_ack(tw, skb)
    kfree_skb(skb, "TCP_TIMEWAIT")
    return 0


# --- ICMP errors ---


def tcp_v4_err(net, skb, info):
    """An ICMP error quotes a segment of ours, data at the quoted IP header (RFC 1122 section 4.2.3.9, RFC 5927)."""
    iph = skb.data
    at = iph + ((skb.get8(iph) & 15) << 2)
    type = skb.get8(skb.transport_header)
    code = skb.get8(skb.transport_header + 1)
    mib = net.mib
    tn = net.tcp
    hashinfo = tn.hashinfo
    node = hashinfo.lookup_established(skb.get32(iph + 16), skb.get16(at + 2), skb.get32(iph + 12), skb.get16(at), skb.iif)
    if node is None:
        mib.IcmpInErrors += 1
        return 0
    seq = skb.get32(at + 4)
    if node.kind == NODE_TIMEWAIT:
        return 0
    if node.kind == NODE_REQUEST:
        tcp_req_err(node, seq, type, code)
        return 0
    sk = node.sk
    if sk.sk_lock_owned and not (type == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED):
        mib.TcpExtLockDroppedIcmps += 1
    if sk.sk_state == TCP_CLOSE:
        return 0
    req = sk.fastopen_rsk
    if not between(req.snt_isn if req is not None else sk.snd_una, seq, sk.snd_nxt):
        mib.TcpExtOutOfWindowIcmps += 1
        return 0
    if type == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED:
        sk.mtu_info = info
        if sk.sk_lock_owned:
            sk.deferred |= DEFERRED_MTU_REDUCED
        else:
            tcp_v4_mtu_reduced(sk)
        return 0
    err = tcp_icmp_errno(type, code)
    if err:
        tcp_v4_report(sk, skb, err, info)
    return 0


def tcp_icmp_errno(type, code):
    """The error that an ICMP message means to a connection; 0: none (source quench is obsolete, RFC 6633)."""
    if type == ICMP_DEST_UNREACH:
        return ICMP_ERR_CONVERT[code][0]
    if type == ICMP_TIME_EXCEEDED:
        return EHOSTUNREACH
    if type == ICMP_PARAMETERPROB:
        return EPROTO
    return 0


def tcp_req_err(req, seq, type, code):
    """An error about a SYN-ACK: what can not be reached is forgotten."""
    sk = req.listener
    if seq != req.snt_isn:
        sk.net.mib.TcpExtOutOfWindowIcmps += 1
        return
    hard = type in (ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB)
    if hard or (type == ICMP_DEST_UNREACH and code in (ICMP_NET_UNREACH, ICMP_HOST_UNREACH)):
        inet_csk_reqsk_queue_drop(sk, req)


def tcp_v4_report(sk, skb, err, info):
    """Fatal while connecting; later only a hint (RFC 1122), unless the user has asked for it (IP_RECVERR)."""
    if sk.recverr:
        ip_icmp_error(sk, skb, err, sk.inet_dport, info, (skb.get8(skb.data) & 15) << 2)
    req = sk.fastopen_rsk
    # A Fast Open child that somebody has accepted is as good as connected.
    in_use = req is not None and req.child is None
    if sk.sk_state == TCP_SYN_SENT or (sk.sk_state == TCP_SYN_RECV and not in_use):
        if sk.sk_lock_owned:
            sk.sk_err_soft = err
            return
        sk.sk_err = err
        tcp_done(sk)
        if not sk.sk_flags & SOCK_DEAD:
            sk_error_report(sk)
        return
    if sk.recverr and not sk.sk_lock_owned:
        sk.sk_err = err
        sk_error_report(sk)
    else:
        sk.sk_err_soft = err


def tcp_v4_mtu_reduced(sk):
    """RFC 1191: the path takes less than we send."""
    if sk.sk_state == TCP_LISTEN or sk.sk_state == TCP_CLOSE:
        return
    hop = ip_first_hop(sk.inet_opt, sk.inet_daddr)
    ip_rt_update_pmtu(sk.net, hop, sk.mtu_info)
    rt = ip_route_output_key(sk.net, hop, sk.inet_saddr, sk.sk_bound_dev_if, sk.sk_mark)
    if rt is None:
        return
    sk.sk_dst_cache = rt
    if sk.pmtudisc != IP_PMTUDISC_DONT and sk.icsk_pmtu_cookie > rt.mtu:
        tcp_sync_mss(sk, rt.mtu)
        # What was too large is lost; the window is not to blame.
        if tcp_simple_retransmit(sk):
            tcp_xmit_retransmit_queue(sk)


class tcp_protocol(net_protocol):
    """Protocol 6."""

    def __init__(self, net):
        net_protocol.__init__(self)
        self.name = "TCP"
        self.net = net

    def handler(self, skb):
        return tcp_v4_rcv(self.net, skb)

    def err_handler(self, skb, info):
        return tcp_v4_err(self.net, skb, info)


# --- connecting ---


def tcp_twsk_unique(sk, tw):
    """True when a connection may take over the addresses of one in TIME-WAIT: timestamps keep them apart (RFC 6191)."""
    reuse = sk.net.sysctl_tcp_tw_reuse
    if reuse == 2:
        reuse = 1 if tw.loc_addr >> 24 == 127 or tw.rmt_addr >> 24 == 127 else 0
    now = tcp_now(sk.net) // USEC_PER_SEC
    if not tw.tstamp_ok or tw.ts_recent_stamp == 0 or not reuse or now < tw.ts_recent_stamp:
        return False
    sk.write_seq = (tw.snd_nxt + 65535 + 2) & U32_MASK
    if sk.write_seq == 0:
        sk.write_seq = 1
    sk.ts_recent = tw.ts_recent
    sk.ts_recent_stamp = tw.ts_recent_stamp
    return True


def inet_check_established(sk, port):
    """True when no connection has the same addresses and ports."""
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    node = hashinfo.lookup_established(sk.inet_daddr, sk.inet_dport, sk.inet_rcv_saddr, port, sk.sk_bound_dev_if)
    if node is None:
        return True
    if node.kind == NODE_TIMEWAIT and tcp_twsk_unique(sk, node):
        inet_twsk_kill(node)
        return True
    return False


def inet_hash_connect(sk):
    """Enter the tables with a local port, chosen now when bind(2) has not; 0 or -EADDRNOTAVAIL."""
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    if sk.inet_num:
        if not inet_check_established(sk, sk.inet_num):
            return -EADDRNOTAVAIL
        tcp_hash(sk)
        return 0
    low, high = sk_local_port_range(sk)
    total = high - low + 1
    start = hashinfo.ephemeral_offset(sk) % total
    tried = 0
    # Connections take even distances from the start first; the others are left to bind(2).
    while tried < total:
        distance = 2 * tried
        if distance >= total:
            distance = 2 * (tried - (total + 1) // 2) + 1
        tried += 1
        port = low + (start + distance) % total
        bucket = hashinfo.bhash.get(port)
        if bucket is not None and (not bucket.from_connect or not inet_check_established(sk, port)):
            continue
        hashinfo.port_counter = (hashinfo.port_counter + distance + 2) & U32_MASK
        sk.icsk_bind_hash = hashinfo.bind_owner(sk, port, True)
        sk.inet_num = port
        sk.inet_sport = port
        tcp_hash(sk)
        return 0
    return -EADDRNOTAVAIL


def tcp_v4_connect(sk, daddr, dport):
    """connect(2), with the sock taken: route, port, SYN; 0 or a negative errno."""
    net = sk.net
    source_route = sk.inet_opt is not None and sk.inet_opt.srr >= 0
    if source_route and daddr == 0:
        return -EINVAL
    rt = ip_route_output(net, ip_first_hop(sk.inet_opt, daddr), sk.inet_saddr, sk.tos, sk.sk_bound_dev_if, sk.sk_mark)
    if isinstance(rt, int):
        if rt == -ENETUNREACH:
            net.mib.IpOutNoRoutes += 1
        return rt
    if rt.rt_type in (RTN_BROADCAST, RTN_MULTICAST):
        return -ENETUNREACH
    if daddr == 0:
        daddr = rt.saddr
    if sk.inet_saddr == 0:
        sk.inet_saddr = rt.saddr
        sk.inet_rcv_saddr = rt.saddr
    if sk.ts_recent_stamp and sk.inet_daddr != daddr:
        sk.ts_recent = 0
        sk.ts_recent_stamp = 0
        sk.write_seq = 0
    sk.inet_dport = dport
    sk.inet_daddr = daddr
    sk.mss_clamp = TCP_MSS_DEFAULT
    tcp_set_state(sk, TCP_SYN_SENT)
    err = inet_hash_connect(sk)
    if err == 0:
        rt = ip_route_output(net, ip_first_hop(sk.inet_opt, daddr), sk.inet_saddr, sk.tos, sk.sk_bound_dev_if, sk.sk_mark)
        err = rt if isinstance(rt, int) else 0
    if err == 0:
        if sk.write_seq == 0:
            sk.write_seq = secure_tcp_seq(net, sk.inet_saddr, sk.inet_daddr, sk.inet_sport, sk.inet_dport)
        sk.tsoffset = secure_tcp_ts_off(net, sk.inet_saddr, sk.inet_daddr)
        sk.inet_id = net.random.getrandbits(16)
        tcp_set_txhash(sk)
        sk.sk_dst_cache = rt
        if tcp_fastopen_defer_connect(sk):
            # The SYN goes with the first write.
            return 0
        err = tcp_connect(sk, rt)
    if err:
        tcp_set_state(sk, TCP_CLOSE)
        sk.sk_dst_cache = None
        sk.inet_dport = 0
        sk.inet_daddr = 0
    return err


class tcp_prot(proto):
    """struct proto tcp_prot: stream sockets of AF_INET."""

    def sk_alloc(self, net, family, type, protocol):
        return tcp_sock(net, family, type, protocol, self)

    def init_sock(self, sk):
        net = sk.net
        tcp_init_xmit_timers(sk)
        sk.reordering = net.sysctl_tcp_reordering
        sk.sk_sndbuf = net.sysctl_tcp_wmem_default
        sk.sk_rcvbuf = net.sysctl_tcp_rmem_default
        sk.rate_app_limited = True
        tcp_assign_congestion_control(sk)
        return 0

    def destroy(self, sk):
        tcp_v4_destroy_sock(sk)

    def close(self, sk, timeout):
        tcp_close(sk, timeout)

    def connect(self, sk, daddr, dport, flags):
        return tcp_v4_connect(sk, daddr, dport)

    def disconnect(self, sk, flags):
        return tcp_disconnect(sk, flags)

    def accept(self, sk, flags):
        return inet_csk_accept(sk, flags)

    def listen_start(self, sk, backlog):
        tcp_fastopen_listen(sk, backlog)
        return inet_csk_listen_start(sk)

    def shutdown(self, sk, how):
        tcp_shutdown(sk, how)
        return 0

    def set_rcvlowat(self, sk, value):
        tcp_set_rcvlowat(sk, value)

    def keepalive(self, sk, enable):
        tcp_set_keepalive(sk, enable)

    def ioctl(self, sk, cmd, arg):
        return tcp_ioctl(sk, cmd)

    def setsockopt(self, sk, level, optname, optval):
        return tcp_setsockopt(sk, optname, optval) if level == SOL_TCP else -ENOPROTOOPT

    def getsockopt(self, sk, level, optname, optlen):
        return tcp_getsockopt(sk, optname, optlen) if level == SOL_TCP else -EOPNOTSUPP

    def sendmsg(self, sk, msg, size):
        return tcp_sendmsg(sk, msg, size)

    def recvmsg(self, sk, msg, size, flags):
        return tcp_recvmsg(sk, msg, size, flags)

    def backlog_rcv(self, sk, skb):
        return tcp_v4_do_rcv(sk, skb)

    def release_cb(self, sk):
        tcp_release_cb(sk)

    def hash(self, sk):
        tcp_hash(sk)
        return 0

    def unhash(self, sk):
        tcp_unhash(sk)

    def get_port(self, sk, port):
        tn = sk.net.tcp
        hashinfo = tn.hashinfo
        return 0 if hashinfo.get_port(sk, port) else -EADDRINUSE

    def put_port(self, sk):
        tn = sk.net.tcp
        hashinfo = tn.hashinfo
        hashinfo.put_port(sk)

    def poll(self, sk, file, table):
        return tcp_poll(sk, file, table)

    def mtu_reduced(self, sk):
        tcp_v4_mtu_reduced(sk)

    def sync_mss(self, sk):
        if sk.sk_state != TCP_LISTEN and sk.sk_state != TCP_CLOSE:
            tcp_sync_mss(sk, sk.icsk_pmtu_cookie)


# --- bringing it up and down ---


def tcp_init(net):
    """Register TCP: `net.tcp`, protocol 6, SOCK_STREAM, /proc/net/tcp, the congestion control algorithms."""
    tn = tcp_net(net)
    net.tcp = tn
    tn.hashinfo = inet_hashinfo(net)
    tn.fastopen = fastopen_state(net)
    tn.tsq = tcp_tsq_action()
    net.softirq.open_softirq(TASKLET_SOFTIRQ, tn.tsq)
    tcp_register_congestion_control(tn, tcp_reno_ops("reno"))
    tcp_register_congestion_control(tn, tcp_cubic_ops("cubic"))
    tn.prot = tcp_prot("TCP")
    sk_mem_set_limits(tn.prot, (net.kernel.arch.memory.size >> PAGE_SHIFT) // 16)
    net.inet_protos[IPPROTO_TCP] = tcp_protocol(net)
    inet_register_protosw(net, inet_protosw(SOCK_STREAM, IPPROTO_TCP, tn.prot, inet_stream_ops()))
    kernel = net.kernel
    if kernel.proc is not None:
        tcp_proc_init(net, kernel.proc)
    kernel.add_shutdown(lambda: tcp_exit(net))
    return tn.prot


def tcp_exit(net):
    """Power-off: forget TIME-WAIT, requests, and connections without a user, whose peers will find out by themselves."""
    tn = net.tcp
    for node in tn.hashinfo.nodes():
        if node.kind == NODE_TIMEWAIT:
            inet_twsk_kill(node)
        elif node.kind == NODE_REQUEST:
            inet_csk_reqsk_queue_drop(node.listener, node)
        elif node.sk is not None and node.sk.sk_flags & SOCK_DEAD:
            tcp_done(node.sk)
    tn.page_frag.page = None
