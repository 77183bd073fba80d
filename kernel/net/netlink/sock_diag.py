"""NETLINK_SOCK_DIAG (sock_diag(7)): the sockets of a protocol, with what ss(8) shows of them.

Inet sockets of TCP, UDP and raw, filtered by state and by a program (diag_bytecode.py), and unix sockets.
"""

from struct import Struct

from kernel.net.core.sock_options import sock_cookie
from kernel.net.ipv4.tcp_const import (
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    NODE_REQUEST,
    NODE_TIMEWAIT,
)
from kernel.net.ipv4.tcp_info import tcp_get_info
from kernel.net.netlink.af_netlink import netlink_handler
from kernel.net.netlink.attributes import nla, nla_string, nla_u8, nla_u32
from kernel.net.netlink.diag_bytecode import accepts, audit
from kernel.net.netlink.request import BINARY
from kernel.uapi.errno import EINVAL, ENOENT, EOPNOTSUPP
from kernel.uapi.in_ import IPPROTO_ICMP, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP
from kernel.uapi.netlink import NETLINK_SOCK_DIAG, NLM_F_DUMP
from kernel.uapi.sock_diag import (
    INET_DIAG_CONG,
    INET_DIAG_INFO,
    INET_DIAG_MARK,
    INET_DIAG_MEMINFO,
    INET_DIAG_REQ_BYTECODE,
    INET_DIAG_REQ_SIZE,
    INET_DIAG_SHUTDOWN,
    INET_DIAG_SKMEMINFO,
    INET_DIAG_TOS,
    SOCK_DIAG_BY_FAMILY,
    UDIAG_SHOW_NAME,
    UDIAG_SHOW_PEER,
    UDIAG_SHOW_RQLEN,
    UDIAG_SHOW_UID,
    UNIX_DIAG_NAME,
    UNIX_DIAG_PEER,
    UNIX_DIAG_REQ_SIZE,
    UNIX_DIAG_RQLEN,
    UNIX_DIAG_SHUTDOWN,
    UNIX_DIAG_UID,
)
from kernel.uapi.socket import AF_INET, AF_UNIX
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN, TCP_SYN_RECV

INET_DIAG_REQ = Struct("<BBBxI")
UNIX_DIAG_REQ = Struct("<BBHIIIII")
# What an endpoint of a connection is called: ports and addresses in network order, device, cookie.
SOCKID = Struct("<2s2s4s12x4s12xIQ")
MSG = Struct("<BBBB")
UNIX_DIAG_MSG = Struct("<BBBxIQ")
NSEC_PER_MSEC = 1000000


class entry:
    """A socket as inet_diag tells of it; addresses are host-order integers, `expires` ms."""

    def __init__(self, net, sk, state, saddr, sport, daddr, dport):
        self.net = net
        self.sk = sk
        self.state = state
        self.saddr, self.sport = saddr, sport
        self.daddr, self.dport = daddr, dport
        self.timer = self.retrans = self.expires = 0
        self.rqueue = self.wqueue = 0
        self.uid = self.inode = self.ifindex = self.mark = self.cookie = 0
        self.bound = True
        if sk is not None:
            self.uid, self.ifindex, self.mark = sk.sk_uid, sk.sk_bound_dev_if, sk.sk_mark
            self.cookie = sock_cookie(sk)
            socket = sk.sk_socket
            self.inode = socket.inode if socket is not None and socket.inode is not None else 0

    def payload(self, extensions):
        """A struct inet_diag_msg and the attributes that were asked for."""
        head = MSG.pack(AF_INET, self.state, self.timer, min(self.retrans, 255))
        head += SOCKID.pack(
            self.sport.to_bytes(2, "big"), self.dport.to_bytes(2, "big"), self.saddr.to_bytes(4, "big"),
            self.daddr.to_bytes(4, "big"), self.ifindex, self.cookie,
        )  # fmt: skip
        for value in (self.expires, self.rqueue, self.wqueue, self.uid, self.inode):
            head += (int(value) & 0xFFFFFFFF).to_bytes(4, "little")
        return head + (attributes(self.sk, self.state, extensions) if self.sk is not None else b"")


def wanted(extensions, kind):
    return extensions >> kind - 1 & 1 != 0


def attributes(sk, state, extensions):
    found = nla_u8(INET_DIAG_SHUTDOWN, sk.sk_shutdown)
    if wanted(extensions, INET_DIAG_TOS):
        found += nla_u8(INET_DIAG_TOS, sk.tos)
    if sk.sk_mark:
        found += nla_u32(INET_DIAG_MARK, sk.sk_mark)
    if wanted(extensions, INET_DIAG_MEMINFO):
        found += nla(INET_DIAG_MEMINFO, words(sk.sk_rmem_alloc, sk.sk_wmem_queued, sk.sk_forward_alloc, sk.sk_wmem_alloc))
    if wanted(extensions, INET_DIAG_SKMEMINFO):
        found += nla(INET_DIAG_SKMEMINFO, skmeminfo(sk))
    if sk.sk_protocol == IPPROTO_TCP:
        if wanted(extensions, INET_DIAG_INFO):
            found += nla(INET_DIAG_INFO, tcp_get_info(sk))
        if wanted(extensions, INET_DIAG_CONG) and sk.icsk_ca_ops is not None:
            found += nla_string(INET_DIAG_CONG, sk.icsk_ca_ops.name)
    return found


def words(*values):
    return b"".join((int(value) & 0xFFFFFFFF).to_bytes(4, "little") for value in values)


def skmeminfo(sk):
    """SK_MEMINFO_*: the memory account of a socket."""
    return words(
        sk.sk_rmem_alloc, sk.sk_rcvbuf, sk.sk_wmem_alloc, sk.sk_sndbuf, sk.sk_forward_alloc, sk.sk_wmem_queued, 0,
        sk.sk_backlog_len, sk.sk_drops,
    )  # fmt: skip


# --- the tables ---


def tcp_entries(net):
    """Every listener, connection, request and TIME-WAIT sock."""
    hashinfo = net.tcp.hashinfo
    found = [tcp_entry(net, sk) for port in sorted(hashinfo.listening) for sk in hashinfo.listening[port]]
    for node in hashinfo.nodes():
        if node.kind == NODE_TIMEWAIT:
            item = entry(net, None, node.tw_substate, node.loc_addr, node.num, node.rmt_addr, node.rmt_port)
            item.timer, item.expires = 3, until(net, node.timer)
        elif node.kind == NODE_REQUEST:
            item = entry(net, None, TCP_SYN_RECV, node.loc_addr, node.num, node.rmt_addr, node.rmt_port)
            item.timer, item.retrans, item.expires = 1, node.num_timeout, until(net, node.timer)
            item.uid = node.listener.sk_uid
        else:
            item = tcp_entry(net, node.sk)
        found.append(item)
    return found


def until(net, timer):
    return max(0, timer.expires - net.timers.now()) // NSEC_PER_MSEC if timer is not None else 0


def tcp_entry(net, sk):
    item = entry(net, sk, sk.sk_state, sk.inet_rcv_saddr, sk.inet_num, sk.inet_daddr, sk.inet_dport)
    if sk.sk_state == TCP_LISTEN:
        item.rqueue, item.wqueue = sk.sk_ack_backlog, sk.sk_max_ack_backlog
    else:
        item.rqueue = max(0, (sk.rcv_nxt - sk.copied_seq) & 0xFFFFFFFF)
        item.wqueue = (sk.write_seq - sk.snd_una) & 0xFFFFFFFF
    now = net.timers.now()
    if sk.icsk_pending in (ICSK_TIME_RETRANS, ICSK_TIME_LOSS_PROBE, ICSK_TIME_REO_TIMEOUT):
        item.timer, item.retrans = 1, sk.icsk_retransmits
        item.expires = max(0, sk.icsk_timeout - now) // NSEC_PER_MSEC
    elif sk.icsk_pending == ICSK_TIME_PROBE0:
        item.timer, item.retrans = 4, sk.icsk_probes_out
        item.expires = max(0, sk.icsk_timeout - now) // NSEC_PER_MSEC
    elif sk.sk_timer is not None and sk.sk_timer.pending():
        item.timer, item.retrans, item.expires = 2, sk.icsk_probes_out, until(net, sk.sk_timer)
    return item


def datagram_entry(net, sk, port):
    state = TCP_ESTABLISHED if sk.sk_state == TCP_ESTABLISHED else TCP_CLOSE
    item = entry(net, sk, state, sk.inet_rcv_saddr, port, sk.inet_daddr, sk.inet_dport)
    item.rqueue = sk.sk_rmem_alloc
    item.wqueue = sk.sk_wmem_alloc
    return item


def udp_entries(net):
    found = []
    for first in net.udp_table.buckets:
        sk = first
        while sk is not None:
            found.append(datagram_entry(net, sk, sk.inet_num))
            sk = sk.sk_next
    return found


def raw_entries(net):
    return [datagram_entry(net, sk, sk.inet_num) for sk in net.raw_table.all()]


def ping_entries(net):
    return [datagram_entry(net, sk, ident) for ident, socks in net.ping_table.socks.items() for sk in socks]


ENTRIES = {IPPROTO_TCP: tcp_entries, IPPROTO_UDP: udp_entries, IPPROTO_RAW: raw_entries, IPPROTO_ICMP: ping_entries}


# --- requests ---


class sock_diag(netlink_handler):
    """The kernel's end of NETLINK_SOCK_DIAG."""

    def __init__(self, net):
        self.net = net

    def receive(self, request):
        if request.type != SOCK_DIAG_BY_FAMILY:
            return -EINVAL
        if len(request.payload) < 2:
            return -EINVAL
        family = request.payload[0]
        if family == AF_INET:
            return self.inet(request)
        return self.unix(request) if family == AF_UNIX else -ENOENT

    def inet(self, request):
        found = request.attributes(INET_DIAG_REQ_SIZE, {INET_DIAG_REQ_BYTECODE: BINARY})
        if isinstance(found, int):
            return found
        _, protocol, extensions, states = INET_DIAG_REQ.unpack_from(request.payload)
        if protocol not in ENTRIES:
            return -ENOENT
        entries = ENTRIES[protocol](self.net)
        if not request.flags & NLM_F_DUMP:
            return self.one(request, entries, extensions)
        code = found.get(INET_DIAG_REQ_BYTECODE, b"")
        if code and not audit(code):
            return -EINVAL
        chosen = [item for item in entries if states >> item.state & 1 and (not code or accepts(code, item))]
        return request.sk.start_dump(request, [(SOCK_DIAG_BY_FAMILY, item.payload(extensions)) for item in chosen])

    def one(self, request, entries, extensions):
        """The socket between two endpoints, or the listener of one."""
        sport, dport, saddr, daddr, _, _ = SOCKID.unpack_from(request.payload, INET_DIAG_REQ.size)
        wanted = tuple(int.from_bytes(part, "big") for part in (saddr, sport, daddr, dport))
        for item in entries:
            if (item.saddr, item.sport, item.daddr, item.dport) == wanted:
                request.reply(SOCK_DIAG_BY_FAMILY, item.payload(extensions))
                return 0
        return -ENOENT

    def unix(self, request):
        if len(request.payload) < UNIX_DIAG_REQ_SIZE:
            return -EINVAL
        if not request.flags & NLM_F_DUMP:
            return -EOPNOTSUPP
        _, _, _, states, _, show, _, _ = UNIX_DIAG_REQ.unpack_from(request.payload)
        socks = [sk for sk in self.net.unix_domain.socks if states >> unix_state(sk) & 1]
        return request.sk.start_dump(request, [(SOCK_DIAG_BY_FAMILY, unix_payload(sk, show)) for sk in socks])


def unix_state(sk):
    return sk.sk_state if sk.sk_state in (TCP_LISTEN, TCP_ESTABLISHED) else TCP_CLOSE


def inode_of(sk):
    socket = sk.sk_socket
    return socket.inode if socket is not None and socket.inode is not None else 0


def unix_payload(sk, show):
    """A struct unix_diag_msg and the attributes that were asked for."""
    message = UNIX_DIAG_MSG.pack(AF_UNIX, sk.sk_type, unix_state(sk), inode_of(sk), sock_cookie(sk))
    if show & UDIAG_SHOW_NAME and sk.name:
        message += nla(UNIX_DIAG_NAME, sk.name.rstrip(b"\0") if sk.name[:1] != b"\0" else sk.name)
    if show & UDIAG_SHOW_PEER and sk.peer is not None:
        message += nla_u32(UNIX_DIAG_PEER, inode_of(sk.peer))
    if show & UDIAG_SHOW_RQLEN:
        if sk.sk_state == TCP_LISTEN:
            queues = (sk.sk_receive_queue.qlen, sk.sk_max_ack_backlog)
        else:
            queues = (sum(skb.len for skb in sk.sk_receive_queue), sk.sk_wmem_alloc)
        message += nla(UNIX_DIAG_RQLEN, words(*queues))
    if show & UDIAG_SHOW_UID:
        message += nla_u32(UNIX_DIAG_UID, sk.sk_uid)
    return message + nla_u8(UNIX_DIAG_SHUTDOWN, sk.sk_shutdown)


def sock_diag_init(net):
    """Open NETLINK_SOCK_DIAG to programs."""
    net.netlink.register(NETLINK_SOCK_DIAG, sock_diag(net))
