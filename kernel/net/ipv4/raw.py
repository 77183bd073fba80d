"""Raw IPv4 sockets (raw(7)): see every packet of a protocol, send packets with a header of ours or of their own."""

from kernel.net.core.datagram import datagram_poll, skb_free_datagram, skb_recv_datagram, sock_recv_timestamp
from kernel.net.core.skb_data import skb_add_frags_iter, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff import alloc_skb, kfree_skb, page_frag, skb_clone, skb_push, skb_reserve
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
from kernel.net.ipv4.igmp import ip_mc_drop_socket, ip_mc_sf_allow
from kernel.net.ipv4.ip_output import ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ip_sockglue import ip_cmsg_recv, ip_cmsg_send, ip_icmp_error, ip_recv_error, ipcm_cookie
from kernel.net.ipv4.route import ip_route_output_key, ip_rt_update_pmtu
from kernel.uapi.errno import (
    EACCES,
    EDESTADDRREQ,
    EFAULT,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENOBUFS,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_FILTER, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH
from kernel.uapi.if_ether import ETH_P_IP
from kernel.uapi.in_ import IP_PMTUDISC_DONT, IPPROTO_ICMP, IPPROTO_RAW
from kernel.uapi.route import RTN_BROADCAST
from kernel.uapi.socket import AF_INET, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC, SOL_RAW
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ
from kernel.uapi.tcp import TCP_ESTABLISHED

# The first four bits of a multicast address.
MULTICAST_CLASS = 14
HEADROOM = 128
LINEAR_MAX = 16384


class raw_sock(sock):
    """A raw socket; `inet_num` is its protocol, `icmp_filter` a bit for each ICMP type that it does not want."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.icmp_filter = 0
        self.frag = page_frag()
        self.inet_num = protocol
        self.hdrincl = protocol == IPPROTO_RAW


class raw_hash_table:
    """Raw socks by protocol, chained through sk_next."""

    def __init__(self):
        self.buckets = [None] * 256
        self.count = 0

    def insert(self, sk):
        sk.sk_next = self.buckets[sk.inet_num]
        self.buckets[sk.inet_num] = sk
        sk.sk_hashed = True
        self.count += 1

    def remove(self, sk):
        if not sk.sk_hashed:
            return
        current = self.buckets[sk.inet_num]
        if current is sk:
            self.buckets[sk.inet_num] = sk.sk_next
        else:
            while current.sk_next is not sk:
                current = current.sk_next
            current.sk_next = sk.sk_next
        sk.sk_next = None
        sk.sk_hashed = False
        self.count -= 1

    def all(self):
        """Every raw sock, by protocol."""
        found = []
        for sk in self.buckets:
            while sk is not None:
                found.append(sk)
                sk = sk.sk_next
        return found


class raw_proto(proto):
    """Operations of raw sockets."""

    def __init__(self, net):
        proto.__init__(self, "RAW")
        self.table = net.raw_table

    def sk_alloc(self, net, family, type, protocol):
        return raw_sock(net, family, type, protocol, self)

    def hash(self, sk):
        self.table.insert(sk)
        return 0

    def unhash(self, sk):
        self.table.remove(sk)

    def destroy(self, sk):
        ip_mc_drop_socket(sk)

    def close(self, sk, timeout):
        sk_common_release(sk)

    def connect(self, sk, daddr, dport, flags):
        return ip4_datagram_connect(sk, daddr, dport)

    def disconnect(self, sk, flags):
        protocol = sk.inet_num
        datagram_disconnect(sk)
        sk.inet_num = protocol
        return 0

    def sendmsg(self, sk, msg, size):
        return raw_sendmsg(sk, msg, size)

    def recvmsg(self, sk, msg, size, flags):
        return raw_recvmsg(sk, msg, size, flags)

    def poll(self, sk, file, table):
        return datagram_poll(sk, file, table)

    def ioctl(self, sk, cmd, arg):
        if cmd == SIOCOUTQ:
            return sk.sk_wmem_alloc
        if cmd == SIOCINQ:
            skb = sk.sk_receive_queue.first
            return skb.len if skb is not None else 0
        return -ENOIOCTLCMD

    def setsockopt(self, sk, level, optname, optval):
        if level != SOL_RAW or optname != ICMP_FILTER:
            return -ENOPROTOOPT
        if sk.inet_num != IPPROTO_ICMP:
            return -EOPNOTSUPP
        rsk = sk
        rsk.icmp_filter = int.from_bytes(optval[:4], "little")
        return 0

    def getsockopt(self, sk, level, optname, optlen):
        if level != SOL_RAW or optname != ICMP_FILTER:
            return -ENOPROTOOPT
        if sk.inet_num != IPPROTO_ICMP:
            return -EOPNOTSUPP
        rsk = sk
        return int(rsk.icmp_filter).to_bytes(4, "little")

    def backlog_rcv(self, sk, skb):
        return raw_queue_rcv_skb(sk, skb)


# --- receive ---


def raw_match(sk, saddr, daddr, iif):
    """True when a packet between these addresses is for `sk`."""
    if sk.inet_daddr and sk.inet_daddr != saddr:
        return False
    if sk.inet_rcv_saddr and sk.inet_rcv_saddr != daddr:
        return False
    return not (sk.sk_bound_dev_if and sk.sk_bound_dev_if != iif)


def raw_local_deliver(net, skb, protocol):
    """Give every raw socket of `protocol` a clone of the whole packet; True when there was one.  Consumes nothing."""
    table = net.raw_table
    if table.count == 0:
        return False
    sk = table.buckets[protocol]
    if sk is None:
        return False
    nh = skb.network_header
    saddr = skb.get32(nh + 12)
    daddr = skb.get32(nh + 16)
    delivered = False
    while sk is not None:
        following = sk.sk_next
        if raw_match(sk, saddr, daddr, skb.iif):
            delivered = True
            if not raw_filtered(sk, skb) and (
                daddr >> 28 != MULTICAST_CLASS or ip_mc_sf_allow(sk, daddr, skb.iif)
            ):
                clone = skb_clone(skb)
                skb_push(clone, clone.data - nh)
                raw_queue_rcv_skb(sk, clone)
        sk = following
    return delivered


def raw_filtered(sk, skb):
    """True when the socket's ICMP_FILTER keeps this message away."""
    if sk.inet_num != IPPROTO_ICMP or skb.len - skb.data_len < 8:
        return False
    rsk = sk
    type = skb.get8(skb.data)
    return type < 32 and rsk.icmp_filter >> type & 1 != 0


def raw_queue_rcv_skb(sk, skb):
    if sock_queue_rcv_skb(sk, skb) < 0:
        kfree_skb(skb, "SOCKET_RCVBUFF")
    return 0


def raw_recvmsg(sk, msg, size, flags):
    """Receive one packet with its IP header."""
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


def raw_icmp_error(net, skb, protocol, info):
    """An ICMP error quotes a packet of `protocol`: tell the raw sockets that could have sent it."""
    table = net.raw_table
    sk = table.buckets[protocol]
    if sk is None:
        return
    inner = skb.data
    type = skb.get8(skb.transport_header)
    code = skb.get8(skb.transport_header + 1)
    while sk is not None:
        following = sk.sk_next
        if raw_match(sk, skb.get32(inner + 16), skb.get32(inner + 12), skb.iif):
            raw_err(sk, skb, type, code, info)
        sk = following


def raw_err(sk, skb, type, code, info):
    """Report an ICMP error to one raw socket: at once if it asked (IP_RECVERR) or is connected and the error fatal."""
    if type == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED:
        ip_rt_update_pmtu(sk.net, skb.get32(skb.data + 16), info)
    if not sk.recverr and sk.sk_state != TCP_ESTABLISHED:
        return
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
            fatal = sk.pmtudisc != IP_PMTUDISC_DONT
            err = EMSGSIZE
    if sk.recverr:
        ip_icmp_error(sk, skb, err, 0, info, 0)
    if sk.recverr or fatal:
        sk.sk_err = err
        sk.error_report()


# --- send ---


def raw_sendmsg(sk, msg, size):
    """Send one packet: `size`, or a negative errno."""
    net = sk.net
    if size > 0xFFFF:
        return -EMSGSIZE
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
    ipc = ipcm_cookie(sk)
    if msg.msg_control is not None:
        err = ip_cmsg_send(net, msg, ipc)
        if err < 0:
            return err
    saddr = ipc.addr
    oif = ipc.oif
    ttl = ipc.ttl if ipc.ttl >= 0 else sk.uc_ttl
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
    skb = raw_build(sk, msg, size)
    if isinstance(skb, int):
        return skb
    skb_set_owner_w(skb, sk)
    skb.dst = rt
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    if sk.hdrincl:
        return raw_send_hdrinc(net, sk, skb, rt, size)
    if ttl < 0:
        ttl = net.sysctl_ip_default_ttl
    tos = ipc.tos if ipc.tos >= 0 else sk.tos
    skb.transport_header = skb.data
    df = ip_dont_fragment(sk, rt) and size + 20 <= rt.mtu
    ip_push_header(
        skb, saddr if saddr else rt.saddr, daddr if daddr else rt.saddr, sk.inet_num, tos, ttl,
        ip_select_ident(net, 1), df, sk.inet_opt,
    )
    err = ip_local_out(net, skb)
    return err if err < 0 else size


def raw_build(sk, msg, size):
    """The user's bytes in an sk_buff, the first of them linear; a negative errno (an int) on failure."""
    linear = size if size <= LINEAR_MAX else 128
    skb = alloc_skb(sk.net.skb_cache, HEADROOM + linear)
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, HEADROOM)
    err = skb_put_iter(skb, msg.msg_iter, linear) if linear else 0
    if err == 0 and size > linear:
        added = skb_add_frags_iter(skb, msg.msg_iter, size - linear, sk.frag)
        err = added if added < 0 else 0 if added == size - linear else -ENOBUFS
    if err < 0:
        kfree_skb(skb, "SKB_UCOPY_FAULT")
        return err
    return skb


def raw_send_hdrinc(net, sk, skb, rt, size):
    """Send a packet whose IP header the user has written: length and checksum are ours, source and id if he left them 0."""
    if size < 20 or size > rt.mtu:
        kfree_skb(skb, "IP_INHDR")
        return -EMSGSIZE if size >= 20 else -EINVAL
    nh = skb.data
    header_len = (skb.get8(nh) & 15) << 2
    if header_len < 20 or header_len > size:
        kfree_skb(skb, "IP_INHDR")
        return -EINVAL
    skb.network_header = nh
    skb.transport_header = nh + header_len
    skb.protocol = ETH_P_IP
    if skb.get32(nh + 12) == 0:
        skb.put32(nh + 12, rt.saddr)
    if skb.get16(nh + 4) == 0:
        skb.put16(nh + 4, ip_select_ident(net, 1))
    err = ip_local_out(net, skb)
    return err if err < 0 else size
