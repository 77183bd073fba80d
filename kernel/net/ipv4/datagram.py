"""What UDP, raw and ping sockets share: the peer and its route, sizes and path MTU, errors, recvmsg."""

from kernel.net.core.datagram import (
    datagram_poll,
    skb_copy_datagram,
    skb_free_datagram,
    skb_recv_datagram,
    sock_recv_cmsgs,
)
from kernel.net.core.error_queue import msg_zerocopy_abort, msg_zerocopy_alloc, msg_zerocopy_complete
from kernel.net.core.skb_data import skb_add_frags_iter, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff import alloc_skb, kfree_skb, page_frag, skb_reserve
from kernel.net.core.sock import (
    proto,
    sk_common_release,
    sk_dst_check,
    sk_sleep,
    skb_set_owner_w,
    sock,
    sock_error,
    sock_intr_errno,
    sock_may_send,
)
from kernel.net.core.sock_flags import (
    SOCK_BINDADDR_LOCK,
    SOCK_BINDPORT_LOCK,
    SOCK_BROADCAST,
    SOCK_LOCALROUTE,
    SOCK_ZEROCOPY,
)
from kernel.net.core.timestamping import sock_tx_timestamp
from kernel.net.ipv4.fib import ipv4_is_lbcast, ipv4_is_multicast
from kernel.net.ipv4.icmp_err import ICMP_ERR_CONVERT
from kernel.net.ipv4.ip_output import ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ip_sockglue import (
    ip_cmsg_recv,
    ip_cmsg_send,
    ip_icmp_error,
    ip_local_error,
    ip_recv_error,
    ipcm_cookie,
)
from kernel.net.ipv4.mcast import ip_mc_drop_socket
from kernel.net.ipv4.route import ip_route_output_key, ip_rt_update_pmtu
from kernel.uapi.errno import (
    EACCES,
    EAFNOSUPPORT,
    EAGAIN,
    EDESTADDRREQ,
    EFAULT,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOBUFS,
    ENOIOCTLCMD,
    EOPNOTSUPP,
    EPROTO,
)
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH
from kernel.uapi.in_ import (
    IP_PMTUDISC_DO,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_INTERFACE,
    IP_PMTUDISC_PROBE,
    IPPROTO_UDP,
)
from kernel.uapi.route import RTN_BROADCAST, RTN_LOCAL
from kernel.uapi.socket import (
    AF_INET,
    AF_UNSPEC,
    MSG_DONTROUTE,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_ZEROCOPY,
    RCV_SHUTDOWN,
    SOCK_RAW,
    SOL_UDP,
)
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED
from kernel.uapi.udp import UDP_GRO

# The first four bits of a multicast address.
MULTICAST_CLASS = 14
IP_HEADER_LEN = 20
IP_MAX_LEN = 65535
# What stands in front of the user's bytes: link and IP headers with options, and the transport's.
HEADROOM = 128
# What is longer goes to page fragments: an sk_buff's linear part ends at 64 KiB, and large ones fragment memory.
LINEAR_MAX = 16384


class datagram_sock(sock):
    """A sock whose every send is a packet of its own."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.frag = page_frag()


class datagram_proto(proto):
    """The operations that IPv4's datagram protocols have in common."""

    def destroy(self, sk):
        ip_mc_drop_socket(sk)

    def close(self, sk, timeout):
        sk_common_release(sk)

    def connect(self, sk, daddr, dport, flags):
        return ip4_datagram_connect(sk, daddr, dport)

    def disconnect(self, sk, flags):
        return datagram_disconnect(sk)

    def recvmsg(self, sk, msg, size, flags):
        return datagram_recvmsg(sk, msg, size, flags)

    def poll(self, sk, file, table):
        return datagram_poll(sk, file, table)

    def ioctl(self, sk, cmd, arg):
        if cmd == SIOCOUTQ:
            return sk.sk_wmem_alloc
        if cmd == SIOCINQ:
            skb = sk.sk_receive_queue.first
            return skb.len if skb is not None else 0
        return -ENOIOCTLCMD


# --- the peer ---


def parse_destination(msg):
    """Read msg_name into msg_addr and msg_port: 0, -EINVAL for a short one, -EAFNOSUPPORT for another family.

    AF_UNSPEC is taken for AF_INET, as Linux does for datagrams.
    """
    name = msg.msg_name
    if len(name) < 16:
        return -EINVAL
    family = name[0] | name[1] << 8
    if family != AF_INET and family != AF_UNSPEC:
        return -EAFNOSUPPORT
    msg.msg_port = name[2] << 8 | name[3]
    msg.msg_addr = name[4] << 24 | name[5] << 16 | name[6] << 8 | name[7]
    return 0


def datagram_route(sk, flags, daddr, saddr, oif):
    """The route of a packet from `saddr` (0: the route chooses) by `oif` (0: any); None with the errno in net.ip.route_error.

    -ENETUNREACH for a source that is not ours, -EACCES for broadcast without SO_BROADCAST, -ENETUNREACH for what only a
    router could reach when MSG_DONTROUTE in `flags`, or SO_DONTROUTE, forbids it.
    """
    net = sk.net
    ip = net.ip
    if saddr and not sk.transparent and not sk.hdrincl and net.fib.inet_addr_type(saddr) != RTN_LOCAL:
        # A group's or everybody's address can not be anybody's own.
        ip.route_error = -EINVAL if ipv4_is_multicast(saddr) or ipv4_is_lbcast(saddr) else -ENETUNREACH
        return None
    rt = ip_route_output_key(net, daddr, saddr, oif, sk.sk_mark)
    if rt is None:
        net.mib.IpOutNoRoutes += 1
        return None
    if (flags & MSG_DONTROUTE or sk.sk_flags & SOCK_LOCALROUTE) and rt.rt_gateway:
        ip.route_error = -ENETUNREACH
        return None
    if rt.rt_type == RTN_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
        ip.route_error = -EACCES
        return None
    return rt


def ip4_datagram_connect(sk, daddr, dport):
    """Fix the peer, and with it route and source address; 0 or a negative errno."""
    net = sk.net
    # Also where there is no route, the peer of before has none any more.
    sk.sk_dst_cache = None
    oif = sk.sk_bound_dev_if
    saddr = sk.inet_saddr
    if daddr >> 28 == MULTICAST_CLASS:
        if oif == 0:
            oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
    elif oif == 0:
        oif = sk.uc_index
    rt = datagram_route(sk, 0, daddr, saddr, oif)
    if rt is None:
        ip = net.ip
        return ip.route_error
    if sk.inet_num == 0:
        if sk.sk_prot.get_port(sk, 0) < 0:
            return -EAGAIN
        sk.inet_sport = sk.inet_num
    if sk.inet_saddr == 0:
        sk.inet_saddr = rt.saddr
    if sk.inet_rcv_saddr == 0:
        sk.inet_rcv_saddr = rt.saddr
    # Connecting to the unspecified address means to ourselves.
    sk.inet_daddr = daddr if daddr else rt.saddr
    sk.inet_dport = dport
    sk.sk_state = TCP_ESTABLISHED
    sk.inet_id = net.random.getrandbits(16)
    sk.sk_dst_cache = rt
    return 0


def datagram_disconnect(sk):
    """connect(2) with AF_UNSPEC: forget the peer, and what was bound only for its sake; 0."""
    sk.sk_state = TCP_CLOSE
    sk.inet_daddr = 0
    sk.inet_dport = 0
    sk.sk_dst_cache = None
    if not sk.sk_userlocks & SOCK_BINDADDR_LOCK:
        sk.inet_saddr = 0
        sk.inet_rcv_saddr = 0
    if not sk.sk_userlocks & SOCK_BINDPORT_LOCK:
        sk.sk_prot.put_port(sk)
        sk.inet_num = 0
        sk.inet_sport = 0
    return 0


# --- receive ---


def datagram_recvmsg(sk, msg, size, flags):
    """Receive one packet: how many bytes were copied (with MSG_TRUNC its true size), or a negative errno."""
    if flags & MSG_ERRQUEUE:
        return ip_recv_error(sk, msg, size)
    if flags & MSG_PEEK and sk.sk_peek_off >= 0:
        return datagram_peek(sk, msg, size, flags)
    err = skb_recv_datagram(sk, flags)
    if err != 0:
        return err if err < 0 else 0
    skb = sk.sk_receive_queue.first
    result = skb_copy_datagram(skb, msg, size, flags)
    datagram_describe(sk, msg, skb, result)
    if sk.sk_peek_off > 0 and not flags & MSG_PEEK:
        sk.sk_peek_off = max(0, sk.sk_peek_off - skb.len)
    skb_free_datagram(sk, skb, flags)
    return result


def datagram_peek(sk, msg, size, flags):
    """MSG_PEEK with SO_PEEK_OFF: what lies so many bytes into the queue, and move on by what was seen."""
    timeo = 0 if flags & MSG_DONTWAIT else sk.sk_rcvtimeo
    while True:
        if sk.sk_err:
            return sock_error(sk)
        offset = sk.sk_peek_off
        skb = sk.sk_receive_queue.first
        while skb is not None and offset >= skb.len and offset:
            offset -= skb.len
            skb = skb.next
        if skb is not None:
            break
        if timeo == 0:
            return -EAGAIN
        if sk.sk_shutdown & RCV_SHUTDOWN:
            return 0
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = sk_sleep(sk, timeo, True)
    copied = skb.len - offset
    if copied > size:
        copied = size
        msg.msg_flags |= MSG_TRUNC
    if copied and skb_copy_datagram_iter(skb, offset, msg.msg_iter, copied) < 0:
        return -EFAULT
    sk.sk_peek_off += copied
    datagram_describe(sk, msg, skb, copied)
    return skb.len if flags & MSG_TRUNC else copied


def datagram_describe(sk, msg, skb, result):
    """Who has sent a packet that was received with `result`, and the control messages about it."""
    if result >= 0:
        msg.msg_family = AF_INET
        msg.msg_addr = skb.get32(skb.network_header + 12)
        # Only UDP has ports.
        ports = sk.sk_protocol == IPPROTO_UDP and sk.sk_type != SOCK_RAW
        msg.msg_port = skb.get16(skb.transport_header) if ports else 0
        sock_recv_cmsgs(sk, msg, skb)
        if ports and skb.gso_size and msg.msg_control is not None:
            # Only one with UDP_GRO gets several datagrams in one piece.
            msg.msg_control.append((SOL_UDP, UDP_GRO, skb.gso_size.to_bytes(4, "little")))
        if sk.cmsg_flags:
            ip_cmsg_recv(sk, msg, skb)


def datagram_err(sk, skb, info, port, header_len):
    """An ICMP error quotes a packet of `sk` (RFC 1122 section 4.1.3.3): lower the path MTU, tell the socket.

    `skb`: data at the quoted IP header, the ICMP header at transport_header; not consumed.  `port` is the quoted
    packet's destination, `header_len` what its transport header takes of the quotation on the error queue.
    """
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
            ip_rt_update_pmtu(sk.net, skb.get32(skb.data + 16), info)
            fatal = sk.pmtudisc != IP_PMTUDISC_DONT
            # Who lets his packets be fragmented has lost nothing that he could have sent otherwise.
            if not fatal and sk.sk_type != SOCK_RAW:
                return
    if sk.recverr:
        skip = 0 if sk.hdrincl else ((skb.get8(skb.data) & 15) << 2) + header_len
        ip_icmp_error(sk, skb, err, port, info, skip)
    elif not fatal or sk.sk_state != TCP_ESTABLISHED:
        return
    sk.sk_err = err
    sk.error_report()


# --- send ---


def datagram_fits(sk, rt, length, daddr, dport):
    """0 when an IP packet of `length` bytes may be sent on `rt`, whole or in fragments; otherwise -EMSGSIZE.

    What may not be fragmented is measured by the path's MTU, what probes for it by the device's (ip(7), IP_MTU_DISCOVER).
    """
    limit = IP_MAX_LEN
    mtu = rt.mtu
    if sk.pmtudisc == IP_PMTUDISC_DO:
        limit = mtu
    elif sk.pmtudisc == IP_PMTUDISC_PROBE or sk.pmtudisc == IP_PMTUDISC_INTERFACE:
        mtu = rt.dev.mtu
        limit = mtu
    if length <= limit:
        return 0
    ip_local_error(sk, EMSGSIZE, daddr, dport, mtu)
    return -EMSGSIZE


def datagram_df(sk, rt, length):
    """True when the packet carries DF: not one that will leave in fragments."""
    return ip_dont_fragment(sk, rt) and (length <= rt.mtu or sk.pmtudisc == IP_PMTUDISC_PROBE)


def datagram_flow(sk, msg):
    """Where a raw or ping socket's packet is to go: an `ipcm_cookie`, whose route `datagram_flow_route` looks up, or an errno."""
    if msg.msg_flags & MSG_OOB:
        return -EOPNOTSUPP
    flow = ipcm_cookie(sk)
    if msg.msg_name is not None:
        err = parse_destination(msg)
        if err < 0:
            return err
        flow.daddr = msg.msg_addr
    elif sk.sk_state == TCP_ESTABLISHED:
        flow.daddr = sk.inet_daddr
        flow.rt = sk_dst_check(sk)
    else:
        return -EDESTADDRREQ
    if msg.msg_control is not None:
        err = ip_cmsg_send(sk, msg, flow)
        if err < 0:
            return err
        flow.rt = None
    return flow


def datagram_flow_route(sk, msg, flow):
    """Complete `flow` with its route, and what that or the socket says about addr, daddr, ttl and tos: 0 or an errno."""
    net = sk.net
    multicast = flow.daddr >> 28 == MULTICAST_CLASS
    if multicast:
        flow.oif = flow.oif if flow.oif else sk.mc_index
        flow.addr = flow.addr if flow.addr else sk.mc_addr
    elif flow.oif == 0:
        flow.oif = sk.uc_index
    if flow.rt is None or msg.msg_flags & MSG_DONTROUTE:
        flow.rt = datagram_route(sk, msg.msg_flags, flow.daddr, flow.addr, flow.oif)
        if flow.rt is None:
            return net.ip.route_error
    flow.addr = flow.addr if flow.addr else flow.rt.saddr
    flow.daddr = flow.daddr if flow.daddr else flow.rt.saddr
    if flow.ttl < 0:
        flow.ttl = sk.mc_ttl if multicast else sk.uc_ttl
    if flow.ttl < 0:
        flow.ttl = net.sysctl_ip_default_ttl
    if flow.tos < 0:
        flow.tos = sk.tos
    return 0


def datagram_make_skb(sk, msg, size, header_len):
    """Wait for room, then the user's bytes in an sk_buff that `sk` pays for: a negative errno (an int) on failure.

    At least the first `header_len` bytes are linear, those of the transport's header; a raw socket has none,
    and one whose user writes the IP header waits like the others.
    """
    if header_len or sk.hdrincl:
        err = sock_may_send(sk, msg.msg_flags & MSG_DONTWAIT != 0)
    else:
        # A raw socket does not wait for room and leaves a pending error to the next one who asks.
        err = 0 if sk.sk_wmem_alloc <= 2 * sk.sk_sndbuf else -ENOBUFS
    if err < 0:
        return err
    linear = size if size <= LINEAR_MAX else header_len
    skb = alloc_skb(sk.net.skb_cache, HEADROOM + linear)
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, HEADROOM)
    err = skb_put_iter(skb, msg.msg_iter, linear) if linear else 0
    if err == 0 and size > linear:
        err = datagram_append(sk, skb, msg, size - linear)
    if err < 0:
        kfree_skb(skb, "SKB_UCOPY_FAULT")
        return err
    skb_set_owner_w(skb, sk)
    return skb


def datagram_extend(sk, skb, msg, size):
    """Add the user's next `size` bytes to a packet that is held back: 0, -EFAULT or -ENOBUFS.

    Only its first bytes had to wait for room, and whether the socket is shut down was asked for them alone.
    """
    if sk.sk_wmem_alloc > 2 * sk.sk_sndbuf:
        return -ENOBUFS
    charged = skb.truesize
    err = datagram_append(sk, skb, msg, size) if size else 0
    sk.sk_wmem_alloc += skb.truesize - charged
    return err


def datagram_append(sk, skb, msg, size):
    """Add the user's next `size` bytes to `skb` as page fragments: 0, -EFAULT or -ENOBUFS."""
    dsk = sk
    added = skb_add_frags_iter(skb, msg.msg_iter, size, dsk.frag)
    if added < 0:
        return -EFAULT if added == -EFAULT else -ENOBUFS
    return 0 if added == size else -ENOBUFS


def datagram_send(sk, skb, flow, protocol, size):
    """Put the IP header in front and send: `size`, or a negative errno; consumes `skb`."""
    rt = flow.rt
    datagram_mark(sk, skb, flow)
    df = datagram_df(sk, rt, skb.len + IP_HEADER_LEN + len(flow.opt))
    if flow.protocol:
        protocol = flow.protocol
    ip_push_header(
        skb, flow.addr, flow.daddr, protocol, flow.tos, flow.ttl, ip_select_ident(sk.net, 1), df, flow.opt
    )
    return datagram_sent(sk, ip_local_out(sk.net, skb), size)


def datagram_mark(sk, skb, flow):
    """What a packet carries beside its bytes: route, priority, mark, and which time stamps of it are wanted."""
    skb.dst = flow.rt
    skb.priority = flow.priority
    skb.mark = flow.mark
    if flow.tsflags:
        sock_tx_timestamp(sk, skb, flow.tsflags)
        if flow.ts_opt_id >= 0:
            skb.tskey = flow.ts_opt_id


def datagram_sent(sk, err, size):
    """The result of a send: only with IP_RECVERR does a sender hear that his packet was lost in our own queue."""
    if err < 0 and (err != -ENOBUFS or sk.recverr):
        return err
    return size


def datagram_zerocopy(sk, msg, size):
    """MSG_ZEROCOPY (with SO_ZEROCOPY) around a protocol's sendmsg: its result, or -ENOBUFS."""
    if size == 0 or not sk.sk_flags & SOCK_ZEROCOPY:
        msg.msg_flags &= ~MSG_ZEROCOPY
        return sk.sk_prot.sendmsg(sk, msg, size)
    notification = msg_zerocopy_alloc(sk)
    if notification is None:
        return -ENOBUFS
    msg.msg_flags &= ~MSG_ZEROCOPY
    result = sk.sk_prot.sendmsg(sk, msg, size)
    if result < 0:
        msg_zerocopy_abort(sk, notification)
    else:
        msg_zerocopy_complete(sk, notification)
    return result
