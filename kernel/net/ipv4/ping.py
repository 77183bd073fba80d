"""Ping sockets (icmp(7)): SOCK_DGRAM with IPPROTO_ICMP sends echo requests and receives its own replies, without root.

The ICMP identifier takes the place of a port: it is `inet_num`.
"""

from kernel.lib.checksum import csum_fold
from kernel.net.core.filter import sk_filter_trim_cap
from kernel.net.core.skb_data import skb_checksum
from kernel.net.core.skbuff import consume_skb, kfree_skb, skb_clone
from kernel.net.core.sock import sock_queue_rcv_skb
from kernel.net.ipv4.datagram import (
    datagram_err,
    datagram_fits,
    datagram_flow,
    datagram_flow_route,
    datagram_make_skb,
    datagram_proto,
    datagram_recvmsg,
    datagram_send,
    datagram_sock,
)
from kernel.uapi.errno import (
    EACCES,
    EADDRINUSE,
    EAFNOSUPPORT,
    EAGAIN,
    EFAULT,
    EINVAL,
    EMSGSIZE,
    ENOIOCTLCMD,
    EOPNOTSUPP,
)
from kernel.uapi.icmp import ICMP_ECHO
from kernel.uapi.in_ import IPPROTO_ICMP
from kernel.uapi.socket import MSG_OOB, MSG_PROBE

IP_HEADER_LEN = 20
ICMP_HEADER_LEN = 8
SOCKADDR_IN_SIZE = 16
PING_MAX_PAYLOAD = 65515


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

    def lookup(self, ident, daddr, iif):
        """The sock with this identifier for messages to daddr, or None; whoever its peer is, anybody may reply."""
        for sk in self.socks.get(ident, ()):
            if sk.inet_rcv_saddr and sk.inet_rcv_saddr != daddr:
                continue
            if sk.sk_bound_dev_if and sk.sk_bound_dev_if != iif:
                continue
            return sk
        return None


class ping_proto(datagram_proto):
    """Operations of ping sockets."""

    def __init__(self, net):
        datagram_proto.__init__(self, "PING")
        self.table = net.ping_table

    def sk_alloc(self, net, family, type, protocol):
        return datagram_sock(net, family, type, protocol, self)

    def init_sock(self, sk):
        """net.ipv4.ping_group_range says who may: the group of a program is its user's."""
        net = sk.net
        return 0 if net.sysctl_ping_group_first <= sk.sk_uid <= net.sysctl_ping_group_last else -EACCES

    def get_port(self, sk, port):
        return self.table.get_port(sk, port)

    def unhash(self, sk):
        self.table.unhash(sk)

    def put_port(self, sk):
        self.table.unhash(sk)

    def sendmsg(self, sk, msg, size):
        return ping_sendmsg(sk, msg, size)

    def recvmsg(self, sk, msg, size, flags):
        if flags & MSG_OOB:
            return -EOPNOTSUPP
        return datagram_recvmsg(sk, msg, size, flags)

    def ioctl(self, sk, cmd, arg):
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
    head = msg.msg_iter.read(ICMP_HEADER_LEN)
    if head is None or len(head) < ICMP_HEADER_LEN:
        return -EFAULT
    if head[0] != ICMP_ECHO or head[1] != 0:
        # Only requests, and only code 0.
        return -EINVAL
    msg.msg_iter.revert(ICMP_HEADER_LEN)
    if msg.msg_name is not None and len(msg.msg_name) >= SOCKADDR_IN_SIZE and not any(msg.msg_name[:2]):
        # Other datagrams take AF_UNSPEC for AF_INET.
        return -EAFNOSUPPORT
    flow = datagram_flow(sk, msg)
    if isinstance(flow, int):
        return flow
    err = datagram_flow_route(sk, msg, flow)
    if err < 0:
        return err
    if sk.inet_num == 0:
        if sk.sk_prot.get_port(sk, 0) < 0:
            return -EAGAIN
        sk.inet_sport = sk.inet_num
    if msg.msg_flags & MSG_PROBE:
        return size
    err = datagram_fits(sk, flow.rt, IP_HEADER_LEN + len(flow.opt) + size, flow.daddr, 0)
    if err < 0:
        return err
    skb = datagram_make_skb(sk, msg, size, ICMP_HEADER_LEN)
    if isinstance(skb, int):
        return skb
    at = skb.data
    skb.put16(at + 4, sk.inet_num)
    skb.put16(at + 2, 0)
    skb.put16(at + 2, csum_fold(skb_checksum(skb, 0, skb.len, 0)))
    mib = net.mib
    mib.IcmpOutMsgs += 1
    mib.IcmpOutEchos += 1
    mib.icmp_out_types[ICMP_ECHO] += 1
    return datagram_send(sk, skb, flow, IPPROTO_ICMP, size)


def ping_rcv(net, skb):
    """An echo reply, data at the ICMP header: for the sock whose identifier it carries; consumes it."""
    table = net.ping_table
    nh = skb.network_header
    sk = table.lookup(skb.get16(skb.data + 4), skb.get32(nh + 16), skb.iif)
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
    if sk.sk_filter is not None and sk_filter_trim_cap(sk, skb, 1) < 0:
        kfree_skb(skb, "SOCKET_FILTER")
        return 0
    if sock_queue_rcv_skb(sk, skb) < 0:
        kfree_skb(skb, "SOCKET_RCVBUFF")
    return 0


def ping_err(net, skb, info):
    """An ICMP error quotes an echo request of ours: tell its socket."""
    inner = skb.data
    at = inner + ((skb.get8(inner) & 15) << 2)
    if skb.get8(at) != ICMP_ECHO:
        return
    table = net.ping_table
    sk = table.lookup(skb.get16(at + 4), skb.get32(inner + 12), skb.iif)
    if sk is not None:
        datagram_err(sk, skb, info, 0, 0)
