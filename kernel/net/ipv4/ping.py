"""Ping sockets (icmp(7)): SOCK_DGRAM with IPPROTO_ICMP sends echo requests and receives its own replies, without root.

The ICMP identifier takes the place of a port: it is `inet_num`.
"""

from kernel.lib.checksum import csum_fold
from kernel.net.core.datagram import datagram_poll, skb_free_datagram, skb_recv_datagram, sock_recv_timestamp
from kernel.net.core.skb_data import skb_add_frags_iter, skb_checksum, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, page_frag, skb_clone, skb_reserve
from kernel.net.core.sock import (
    proto,
    sk_common_release,
    sk_dst_check,
    skb_set_owner_w,
    sock,
    sock_may_send,
    sock_queue_rcv_skb,
)
from kernel.net.core.sock_flags import SOCK_BROADCAST
from kernel.net.ipv4.datagram import datagram_disconnect, ip4_datagram_connect, parse_destination
from kernel.net.ipv4.icmp_err import ICMP_ERR_CONVERT
from kernel.net.ipv4.igmp import ip_mc_drop_socket
from kernel.net.ipv4.ip_output import ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ip_sockglue import ip_cmsg_recv, ip_cmsg_send, ip_icmp_error, ip_recv_error, ipcm_cookie
from kernel.net.ipv4.route import ip_route_output_key, ip_rt_update_pmtu
from kernel.uapi.errno import (
    EACCES,
    EADDRINUSE,
    EAGAIN,
    EDESTADDRREQ,
    EFAULT,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENOBUFS,
    ENOIOCTLCMD,
    EOPNOTSUPP,
    EPROTO,
)
from kernel.uapi.icmp import (
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_SOURCE_QUENCH,
)
from kernel.uapi.in_ import IP_PMTUDISC_DONT, IPPROTO_ICMP
from kernel.uapi.route import RTN_BROADCAST
from kernel.uapi.socket import AF_INET, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ
from kernel.uapi.tcp import TCP_ESTABLISHED

# The first four bits of a multicast address.
MULTICAST_CLASS = 14
HEADROOM = 128
LINEAR_MAX = 16384
ICMP_HEADER_LEN = 8
PING_MAX_PAYLOAD = 65515


class ping_sock(sock):
    """A ping socket."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.frag = page_frag()


class ping_hash_table:
    """Ping socks by identifier."""

    def __init__(self, net):
        self.net = net
        self.socks = {}
        self.next_ident = net.random.getrandbits(16)

    def get_port(self, sk, ident):
        """Take an identifier (0: the next free one): 0 or -EADDRINUSE."""
        if ident == 0:
            for _ in range(65536):
                self.next_ident = (self.next_ident + 1) & 0xFFFF
                if self.next_ident and self.next_ident not in self.socks:
                    ident = self.next_ident
                    break
            if ident == 0:
                return -EADDRINUSE
        sharers = self.socks.setdefault(ident, [])
        for other in sharers:
            if not (sk.sk_reuse and other.sk_reuse):
                return -EADDRINUSE
        sharers.append(sk)
        sk.inet_num = ident
        sk.sk_hashed = True
        return 0

    def unhash(self, sk):
        if not sk.sk_hashed:
            return
        sharers = self.socks[sk.inet_num]
        sharers.remove(sk)
        if not sharers:
            del self.socks[sk.inet_num]
        sk.sk_hashed = False
        sk.inet_num = 0

    def lookup(self, ident, saddr, daddr, iif):
        """The sock with this identifier for messages from saddr to daddr, or None."""
        for sk in self.socks.get(ident, ()):
            if sk.inet_rcv_saddr and sk.inet_rcv_saddr != daddr:
                continue
            if sk.inet_daddr and sk.inet_daddr != saddr:
                continue
            if sk.sk_bound_dev_if and sk.sk_bound_dev_if != iif:
                continue
            return sk
        return None


class ping_proto(proto):
    """Operations of ping sockets."""

    def __init__(self, net):
        proto.__init__(self, "PING")
        self.table = net.ping_table

    def sk_alloc(self, net, family, type, protocol):
        return ping_sock(net, family, type, protocol, self)

    def get_port(self, sk, port):
        return self.table.get_port(sk, port)

    def unhash(self, sk):
        self.table.unhash(sk)

    def put_port(self, sk):
        self.table.unhash(sk)

    def destroy(self, sk):
        ip_mc_drop_socket(sk)

    def close(self, sk, timeout):
        sk_common_release(sk)

    def connect(self, sk, daddr, dport, flags):
        return ip4_datagram_connect(sk, daddr, dport)

    def disconnect(self, sk, flags):
        return datagram_disconnect(sk)

    def sendmsg(self, sk, msg, size):
        return ping_sendmsg(sk, msg, size)

    def recvmsg(self, sk, msg, size, flags):
        return ping_recvmsg(sk, msg, size, flags)

    def poll(self, sk, file, table):
        return datagram_poll(sk, file, table)

    def ioctl(self, sk, cmd, arg):
        if cmd == SIOCOUTQ:
            return sk.sk_wmem_alloc
        if cmd == SIOCINQ:
            skb = sk.sk_receive_queue.first
            return skb.len if skb is not None else 0
        return -ENOIOCTLCMD

    def backlog_rcv(self, sk, skb):
        return ping_queue_rcv_skb(sk, skb)


def ping_sendmsg(sk, msg, size):
    """Send an echo request: the user's ICMP header and payload, with our identifier and checksum."""
    net = sk.net
    if size > PING_MAX_PAYLOAD:
        return -EMSGSIZE
    if size < ICMP_HEADER_LEN:
        return -EINVAL
    if msg.msg_flags & MSG_OOB:
        return -EOPNOTSUPP
    if msg.msg_name is not None:
        err = parse_destination(msg)
        if err < 0:
            return err
        daddr = msg.msg_addr
    elif sk.sk_state == TCP_ESTABLISHED:
        daddr = sk.inet_daddr
    else:
        return -EDESTADDRREQ
    if sk.inet_num == 0:
        if sk.sk_prot.get_port(sk, 0) < 0:
            return -EAGAIN
        sk.inet_sport = sk.inet_num
    ipc = ipcm_cookie(sk)
    if msg.msg_control is not None:
        err = ip_cmsg_send(net, msg, ipc)
        if err < 0:
            return err
    ttl = ipc.ttl if ipc.ttl >= 0 else sk.uc_ttl
    saddr = ipc.addr
    oif = ipc.oif
    if daddr >> 28 == MULTICAST_CLASS:
        oif = oif if oif else sk.mc_index
        saddr = saddr if saddr else sk.mc_addr
        ttl = ipc.ttl if ipc.ttl >= 0 else sk.mc_ttl
    rt = sk_dst_check(sk) if msg.msg_name is None else None
    if rt is None:
        rt = ip_route_output_key(net, daddr, saddr, oif)
        if rt is None:
            net.mib.IpOutNoRoutes += 1
            return net.ip.route_error
        if rt.rt_type == RTN_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
            return -EACCES
    err = sock_may_send(sk, msg.msg_flags & MSG_DONTWAIT != 0)
    if err < 0:
        return err
    skb = ping_build(sk, msg, size)
    if isinstance(skb, int):
        return skb
    at = skb.data
    if skb.get16(at) != ICMP_ECHO << 8:
        # Only requests, and only code 0.
        kfree_skb(skb, "INVALID_PROTO")
        return -EINVAL
    skb.put16(at + 4, sk.inet_num)
    skb.put16(at + 2, 0)
    skb.put16(at + 2, csum_fold(skb_checksum(skb, 0, skb.len, 0)))
    skb_set_owner_w(skb, sk)
    skb.dst = rt
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    if ttl < 0:
        ttl = net.sysctl_ip_default_ttl
    mib = net.mib
    mib.IcmpOutMsgs += 1
    mib.IcmpOutEchos += 1
    mib.icmp_out_types[ICMP_ECHO] += 1
    df = ip_dont_fragment(sk, rt) and size + 20 <= rt.mtu
    tos = ipc.tos if ipc.tos >= 0 else sk.tos
    ip_push_header(
        skb, saddr if saddr else rt.saddr, daddr if daddr else rt.saddr, IPPROTO_ICMP, tos, ttl,
        ip_select_ident(net, 1), df, sk.inet_opt,
    )
    err = ip_local_out(net, skb)
    return err if err < 0 else size


def ping_build(sk, msg, size):
    """The user's bytes in an sk_buff, the ICMP header linear; a negative errno (an int) on failure."""
    linear = size if size <= LINEAR_MAX else ICMP_HEADER_LEN
    skb = alloc_skb(sk.net.skb_cache, HEADROOM + linear)
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, HEADROOM)
    err = skb_put_iter(skb, msg.msg_iter, linear)
    if err == 0 and size > linear:
        added = skb_add_frags_iter(skb, msg.msg_iter, size - linear, sk.frag)
        err = added if added < 0 else 0 if added == size - linear else -ENOBUFS
    if err < 0:
        kfree_skb(skb, "SKB_UCOPY_FAULT")
        return err
    return skb


def ping_rcv(net, skb):
    """An echo reply, data at the ICMP header: for the sock whose identifier it carries; consumes it."""
    table = net.ping_table
    nh = skb.network_header
    sk = table.lookup(skb.get16(skb.data + 4), skb.get32(nh + 12), skb.get32(nh + 16), skb.iif)
    if sk is None:
        # Raw sockets have had theirs; nobody else wants it.
        if net.raw_table.buckets[IPPROTO_ICMP] is not None:
            consume_skb(skb)
        else:
            kfree_skb(skb, "NO_SOCKET")
        return 0
    clone = skb_clone(skb)
    consume_skb(skb)
    return ping_queue_rcv_skb(sk, clone)


def ping_queue_rcv_skb(sk, skb):
    if sock_queue_rcv_skb(sk, skb) < 0:
        kfree_skb(skb, "SOCKET_RCVBUFF")
    return 0


def ping_recvmsg(sk, msg, size, flags):
    """Receive one reply: ICMP header and payload."""
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    if flags & MSG_ERRQUEUE:
        return ip_recv_error(sk, msg, size)
    err = skb_recv_datagram(sk, flags)
    if err != 0:
        return err if err < 0 else 0
    skb = sk.sk_receive_queue.first
    length = skb.len
    copied = length
    if copied > size:
        copied = size
        msg.msg_flags |= MSG_TRUNC
    if copied and skb_copy_datagram_iter(skb, 0, msg.msg_iter, copied) < 0:
        skb_free_datagram(sk, skb, flags)
        return -EFAULT
    msg.msg_family = AF_INET
    msg.msg_addr = skb.get32(skb.network_header + 12)
    msg.msg_port = 0
    sock_recv_timestamp(sk, msg, skb)
    if sk.cmsg_flags:
        ip_cmsg_recv(sk, msg, skb)
    skb_free_datagram(sk, skb, flags)
    return length if flags & MSG_TRUNC else copied


def ping_err(net, skb, info):
    """An ICMP error quotes an echo request of ours: tell its socket."""
    inner = skb.data
    at = inner + ((skb.get8(inner) & 15) << 2)
    if skb.get8(at) != ICMP_ECHO:
        return
    table = net.ping_table
    sk = table.lookup(skb.get16(at + 4), skb.get32(inner + 16), skb.get32(inner + 12), skb.iif)
    if sk is None:
        return
    type = skb.get8(skb.transport_header)
    code = skb.get8(skb.transport_header + 1)
    err = EHOSTUNREACH
    fatal = False
    if type == ICMP_SOURCE_QUENCH:
        return
    if type == ICMP_PARAMETERPROB:
        err = EPROTO
        fatal = True
    elif type == ICMP_DEST_UNREACH:
        err, fatal = ICMP_ERR_CONVERT[code]
        if code == ICMP_FRAG_NEEDED:
            ip_rt_update_pmtu(net, skb.get32(inner + 16), info)
            if sk.pmtudisc == IP_PMTUDISC_DONT:
                return
            err = EMSGSIZE
            fatal = True
    if sk.recverr:
        ip_icmp_error(sk, skb, err, 0, info, 0)
    elif not fatal or sk.sk_state != TCP_ESTABLISHED:
        return
    sk.sk_err = err
    sk.error_report()
