"""UDP (RFC 768, RFC 1122 section 4.1): sockets by port, datagrams in and out.

Receive: `udp_rcv` -> length and checksum -> `udp_lookup` -> the sock's receive queue -> `udp_recvmsg`.
Send: `udp_sendmsg` -> route (cached while connected) -> one sk_buff with the user's bytes -> `ip_local_out`.
"""

from kernel.lib.checksum import csum_add, csum_fold, csum_tcpudp_nofold
from kernel.net.core.filter import udp_filter
from kernel.net.core.sk_mem import sk_mem_refused, sk_mem_set_limits
from kernel.net.core.skb_data import skb_append_range, skb_checksum, skb_put_iter
from kernel.net.core.skbuff import (
    alloc_skb,
    consume_skb,
    kfree_skb,
    pskb_may_pull,
    skb_clone,
    skb_pull,
    skb_push,
    skb_reserve,
    skb_trim,
)
from kernel.net.core.sock import sk_dst_check, skb_set_owner_w, sock_may_send, sock_queue_rcv_skb
from kernel.net.core.timestamping import sock_tx_timestamp
from kernel.net.ipv4.datagram import (
    datagram_append,
    datagram_df,
    datagram_err,
    datagram_extend,
    datagram_fits,
    datagram_mark,
    datagram_proto,
    datagram_route,
    datagram_sock,
    datagram_zerocopy,
    ip4_datagram_connect,
    parse_destination,
)
from kernel.net.ipv4.fib import ipv4_is_multicast
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_output import ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ip_sockglue import int_bytes, int_option, ip_cmsg_send, ipcm_cookie
from kernel.net.ipv4.mcast import ip_mc_sf_allow
from kernel.net.ipv4.udp_table import udp_hash_table
from kernel.net.net import net_protocol
from kernel.uapi.errno import EAGAIN, EDESTADDRREQ, EINVAL, EMSGSIZE, ENOBUFS, ENOPROTOOPT, EOPNOTSUPP
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_PORT_UNREACH
from kernel.uapi.if_ import IFF_LOOPBACK
from kernel.uapi.in_ import INADDR_LOOPBACK, IPPROTO_UDP
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST
from kernel.uapi.socket import (
    MSG_CONFIRM,
    MSG_DONTROUTE,
    MSG_DONTWAIT,
    MSG_MORE,
    MSG_OOB,
    MSG_PROBE,
    MSG_ZEROCOPY,
    SOL_UDP,
)
from kernel.uapi.tcp import TCP_ESTABLISHED
from kernel.uapi.udp import UDP_CORK, UDP_ENCAP, UDP_GRO, UDP_MAX_SEGMENTS, UDP_SEGMENT

# The first four bits of a multicast address.
MULTICAST_CLASS = 14
CHECKSUM_NONE = 0
CHECKSUM_UNNECESSARY = 1
CHECKSUM_COMPLETE = 2
CHECKSUM_PARTIAL = 3
SKB_GSO_UDP_L4 = 2
UDP_HEADER_LEN = 8
IP_HEADER_LEN = 20
IP_MAX_LEN = 65535
# What stands in front of the payload: link and IP headers with options, and ours.
HEADROOM = 128
# Payloads above this go to page fragments: an sk_buff's linear part ends at 64 KiB, and large ones fragment memory.
LINEAR_MAX = 16384
PAGE_SHIFT = 12


class udp_cork:
    """The datagram that UDP_CORK or MSG_MORE holds back: its first send has said how it goes, later ones add to it."""

    def __init__(self, skb, rt, tos, ttl, options, gso_size):
        self.skb = skb
        self.rt = rt
        self.tos = tos
        self.ttl = ttl
        self.options = options
        self.gso_size = gso_size


class udp_sock(datagram_sock):
    """A UDP socket; `cork` is the datagram that is being put together, `gso_size` the option UDP_SEGMENT.

    `flow_saddr`, `flow_daddr` and `flow_dport` are the addresses of the last connect or of the last datagram that was held
    back: what is held back goes there, and so does what a connected socket sends along the route that it knows.
    """

    def __init__(self, net, family, type, protocol, prot):
        datagram_sock.__init__(self, net, family, type, protocol, prot)
        self.corking = False
        self.cork = None
        self.flow_saddr = 0
        self.flow_daddr = 0
        self.flow_dport = 0
        self.gso_size = 0
        self.gro_enabled = False


class udp_proto(datagram_proto):
    """Operations of UDP sockets."""

    def __init__(self, net):
        datagram_proto.__init__(self, "UDP")
        self.table = net.udp_table

    def sk_alloc(self, net, family, type, protocol):
        return udp_sock(net, family, type, protocol, self)

    def destroy(self, sk):
        udp_flush_pending_frames(sk)
        datagram_proto.destroy(self, sk)

    def get_port(self, sk, port):
        return self.table.get_port(sk, port)

    def unhash(self, sk):
        self.table.unhash(sk)

    def put_port(self, sk):
        self.table.unhash(sk)

    def connect(self, sk, daddr, dport, flags):
        err = ip4_datagram_connect(sk, daddr, dport)
        if err == 0:
            udp_set_flow(sk, sk.inet_saddr, sk.inet_daddr, dport)
        return err

    def sendmsg(self, sk, msg, size):
        return udp_sendmsg(sk, msg, size)

    def setsockopt(self, sk, level, optname, optval):
        if level != SOL_UDP:
            return -ENOPROTOOPT
        value = int_option(optval) if len(optval) >= 4 else None
        if value is None:
            return -EINVAL
        if optname == UDP_ENCAP and value == 0:
            # No kind of encapsulation, the only one there is.
            return 0
        if optname not in (UDP_CORK, UDP_SEGMENT, UDP_GRO):
            return -ENOPROTOOPT
        usk = sk
        if optname == UDP_CORK:
            usk.corking = value != 0
            if not usk.corking and usk.cork is not None:
                udp_push_pending_frames(sk)
        elif optname == UDP_GRO:
            usk.gro_enabled = value != 0
        elif not 0 <= value <= 0xFFFF:
            return -EINVAL
        else:
            usk.gso_size = value
        return 0

    def getsockopt(self, sk, level, optname, optlen):
        usk = sk
        if level != SOL_UDP:
            return -EOPNOTSUPP
        if optname == UDP_CORK:
            return int_bytes(int(usk.corking))
        if optname == UDP_SEGMENT:
            return int_bytes(usk.gso_size)
        if optname == UDP_GRO:
            return int_bytes(int(usk.gro_enabled))
        if optname == UDP_ENCAP:
            return int_bytes(0)
        return -ENOPROTOOPT

    def backlog_rcv(self, sk, skb):
        return udp_queue_rcv_skb(sk, skb)


# --- send ---


def udp_sendmsg(sk, msg, size):
    """Send one datagram: its payload's size, or a negative errno (RFC 768; errno values as in udp(7))."""
    net = sk.net
    usk = sk
    flags = msg.msg_flags
    if size > 0xFFFF:
        return -EMSGSIZE
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    if flags & MSG_ZEROCOPY:
        return datagram_zerocopy(sk, msg, size)
    if usk.cork is not None:
        return udp_append_data(sk, msg, size)
    connected = False
    if msg.msg_name is not None:
        err = parse_destination(msg)
        if err < 0:
            return err
        daddr = msg.msg_addr
        dport = msg.msg_port
        if dport == 0:
            return -EINVAL
    else:
        if sk.sk_state != TCP_ESTABLISHED:
            return -EDESTADDRREQ
        daddr = sk.inet_daddr
        dport = sk.inet_dport
        connected = True
    if sk.inet_num == 0:
        err = sk.sk_prot.get_port(sk, 0)
        if err < 0:
            return -EAGAIN
        sk.inet_sport = sk.inet_num
    saddr = sk.inet_saddr
    oif = sk.sk_bound_dev_if
    ttl = -1
    tos = sk.tos
    options = sk.inet_opt
    gso_size = usk.gso_size
    ipc = None
    if msg.msg_control is not None:
        ipc = ipcm_cookie(sk)
        ipc.gso_size = gso_size
        err = udp_cmsg_send(sk, msg, ipc)
        if err < 0:
            return err
        saddr = ipc.addr
        oif = ipc.oif
        ttl = ipc.ttl
        options = ipc.opt
        gso_size = ipc.gso_size
        if ipc.tos >= 0:
            tos = ipc.tos
        connected = False
    if daddr == 0:
        # The unspecified address as a destination means this host.
        daddr = saddr if saddr else INADDR_LOOPBACK
    if daddr >> 28 == MULTICAST_CLASS:
        if oif == 0:
            oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
        connected = False
        if ttl < 0:
            ttl = sk.mc_ttl
    elif oif == 0:
        oif = sk.uc_index
    rt = sk_dst_check(sk) if connected and not flags & MSG_DONTROUTE else None
    if rt is None:
        rt = datagram_route(sk, flags, daddr, saddr, oif)
        if rt is None:
            ip = net.ip
            return ip.route_error
        if connected:
            sk.sk_dst_cache = rt
    elif connected:
        saddr = usk.flow_saddr
        daddr = usk.flow_daddr
        dport = usk.flow_dport
    if flags & MSG_CONFIRM:
        sk.sk_dst_pending_confirm = True
        if flags & MSG_PROBE and size == 0:
            return 0
    if saddr == 0:
        saddr = rt.saddr
    # Only one that does not fit the path needs a closer look, or one that IP could not carry at all.
    length = size + UDP_HEADER_LEN + IP_HEADER_LEN + len(options)
    if length > rt.mtu and not gso_size:
        err = datagram_fits(sk, rt, length, daddr, dport)
        if err < 0:
            return err
    if flags & MSG_MORE or usk.corking:
        udp_set_flow(sk, saddr, daddr, dport)
    if flags & MSG_PROBE:
        # Only the path was asked for.
        return size
    err = sock_may_send(sk, flags & MSG_DONTWAIT != 0)
    if err < 0:
        return err
    skb = udp_make_skb(sk, size)
    if skb is None:
        net.mib.UdpSndbufErrors += 1
        return -ENOBUFS
    err = udp_fill(sk, skb, msg, size)
    if err < 0:
        kfree_skb(skb, "SKB_UCOPY_FAULT")
        return err
    skb_set_owner_w(skb, sk)
    if ipc is not None:
        datagram_mark(sk, skb, ipc)
    else:
        skb.priority = sk.sk_priority
        skb.mark = sk.sk_mark
        if sk.sk_tsflags:
            sock_tx_timestamp(sk, skb, sk.sk_tsflags)
    if flags & MSG_MORE or usk.corking:
        usk.cork = udp_cork(skb, rt, tos, ttl, options, gso_size)
        return size
    if gso_size:
        err = udp_send_segments(sk, skb, rt, saddr, daddr, dport, tos, ttl, options, gso_size)
    else:
        err = udp_send_skb(sk, skb, rt, saddr, daddr, dport, tos, ttl, options)
    return err if err < 0 else size


def udp_set_flow(sk, saddr, daddr, dport):
    """Where what is held back, and a connected socket's next datagrams go."""
    usk = sk
    usk.flow_saddr = saddr
    usk.flow_daddr = daddr
    usk.flow_dport = dport


def udp_cmsg_send(sk, msg, ipc):
    """The control messages of one datagram: those of SOL_UDP (UDP_SEGMENT), then IP's."""
    for level, type, data in msg.msg_control:
        if level == SOL_UDP:
            if type != UDP_SEGMENT or len(data) != 2:
                return -EINVAL
            ipc.gso_size = data[0] | data[1] << 8
    return ip_cmsg_send(sk, msg, ipc)


def udp_make_skb(sk, size):
    """An sk_buff with room for the headers and, up to LINEAR_MAX, for the payload."""
    skb = alloc_skb(sk.net.skb_cache, HEADROOM + (size if size <= LINEAR_MAX else 0))
    if skb is not None:
        skb_reserve(skb, HEADROOM)
    return skb


def udp_fill(sk, skb, msg, size):
    """Copy the payload from the user: 0, -EFAULT or -ENOBUFS."""
    if size == 0:
        return 0
    if size <= LINEAR_MAX:
        return skb_put_iter(skb, msg.msg_iter, size)
    return datagram_append(sk, skb, msg, size)


def udp_send_skb(sk, skb, rt, saddr, daddr, dport, tos, ttl, options):
    """Put the headers in front of a datagram's payload and send it along `rt`: 0 or a negative errno; consumes it."""
    net = sk.net
    length = skb.len + UDP_HEADER_LEN
    uh = skb_push(skb, UDP_HEADER_LEN)
    skb.transport_header = uh
    skb.put32(uh, sk.inet_sport << 16 | dport)
    skb.put32(uh + 4, length << 16)
    if not sk.sk_no_check_tx:
        # The device, or whoever finds that it can not, completes the sum over the pseudo header.
        skb.put16(uh + 6, ~csum_fold(csum_tcpudp_nofold(saddr, daddr, length, IPPROTO_UDP, 0)) & 0xFFFF)
        skb.ip_summed = CHECKSUM_PARTIAL
        skb.csum_start = uh
        skb.csum_offset = 6
    skb.dst = rt
    if ttl < 0:
        ttl = sk.uc_ttl
        if ttl < 0:
            ttl = net.sysctl_ip_default_ttl
    df = datagram_df(sk, rt, length + IP_HEADER_LEN + len(options))
    ip_push_header(skb, saddr, daddr, IPPROTO_UDP, tos, ttl, ip_select_ident(net, 1), df, options)
    net.mib.UdpOutDatagrams += 1
    err = ip_local_out(net, skb)
    # Only with IP_RECVERR does a sender hear that his datagram was lost in our own queue.
    if err == -ENOBUFS and not sk.recverr:
        return 0
    return err


def udp_send_segments(sk, skb, rt, saddr, daddr, dport, tos, ttl, options, gso_size):
    """UDP_SEGMENT: send a payload as datagrams of `gso_size` bytes each, the last one shorter; consumes it.

    lo passes them on in one piece, for a receiver with UDP_GRO; other devices get one by one.
    """
    size = skb.len
    err = 0
    if IP_HEADER_LEN + len(options) + UDP_HEADER_LEN + min(size, gso_size) > rt.mtu:
        err = -EMSGSIZE
    elif size > gso_size * UDP_MAX_SEGMENTS or sk.sk_no_check_tx:
        err = -EINVAL
    if err < 0:
        kfree_skb(skb, "GSO_SEGMENT")
        return err
    if size <= gso_size:
        return udp_send_skb(sk, skb, rt, saddr, daddr, dport, tos, ttl, options)
    dev = rt.dev
    if dev.flags & IFF_LOOPBACK:
        skb.gso_size = gso_size
        skb.gso_segs = (size + gso_size - 1) // gso_size
        skb.gso_type = SKB_GSO_UDP_L4
        return udp_send_skb(sk, skb, rt, saddr, daddr, dport, tos, ttl, options)
    offset = 0
    while offset < size and err == 0:
        piece = udp_segment(skb, offset, min(gso_size, size - offset))
        if piece is None:
            err = -ENOBUFS
            break
        if offset == 0:
            piece.tx_flags = skb.tx_flags
            piece.tskey = skb.tskey
        skb_set_owner_w(piece, sk)
        err = udp_send_skb(sk, piece, rt, saddr, daddr, dport, tos, ttl, options)
        offset += gso_size
    consume_skb(skb)
    return err


def udp_segment(skb, offset, length):
    """A new sk_buff with `length` bytes of a payload, behind room for headers; None when RAM is full."""
    piece = alloc_skb(skb.cache, HEADROOM + length)
    if piece is None:
        return None
    skb_reserve(piece, HEADROOM)
    skb_append_range(piece, skb, offset, length)
    piece.priority = skb.priority
    piece.mark = skb.mark
    return piece


def udp_append_data(sk, msg, size):
    """Add to the corked datagram, and send it unless it stays corked: `size`, or a negative errno.

    A datagram that can not be completed is dropped whole.
    """
    usk = sk
    cork = usk.cork
    skb = cork.skb
    length = skb.len + size + UDP_HEADER_LEN + IP_HEADER_LEN + len(cork.options)
    err = 0
    if length > IP_MAX_LEN or not cork.gso_size:
        err = datagram_fits(sk, cork.rt, length, usk.flow_daddr, usk.flow_dport)
    if err == 0 and not msg.msg_flags & MSG_PROBE:
        err = datagram_extend(sk, skb, msg, size)
    if err < 0:
        udp_flush_pending_frames(sk)
        return err
    if not (msg.msg_flags & MSG_MORE or usk.corking):
        err = udp_push_pending_frames(sk)
        if err < 0:
            return err
    return size


def udp_push_pending_frames(sk):
    """Send the corked datagram: 0 or a negative errno."""
    usk = sk
    cork = usk.cork
    usk.cork = None
    if cork.gso_size:
        return udp_send_segments(
            sk, cork.skb, cork.rt, usk.flow_saddr, usk.flow_daddr, usk.flow_dport, cork.tos, cork.ttl, cork.options,
            cork.gso_size,
        )  # fmt: skip
    return udp_send_skb(
        sk, cork.skb, cork.rt, usk.flow_saddr, usk.flow_daddr, usk.flow_dport, cork.tos, cork.ttl, cork.options
    )


def udp_flush_pending_frames(sk):
    """Drop the corked datagram, if there is one."""
    usk = sk
    cork = usk.cork
    if cork is not None:
        usk.cork = None
        kfree_skb(cork.skb, "SOCKET_CLOSE")


# --- receive ---


class udp_protocol(net_protocol):
    """Protocol 17."""

    def __init__(self, net):
        net_protocol.__init__(self)
        self.name = "UDP"
        self.net = net

    def handler(self, skb):
        return udp_rcv(self.net, skb)

    def err_handler(self, skb, info):
        return udp_err(self.net, skb, info)


def udp_rcv(net, skb):
    """A datagram, data at the UDP header; consumes it."""
    mib = net.mib
    if not pskb_may_pull(skb, UDP_HEADER_LEN):
        mib.UdpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    uh = skb.data
    nh = skb.network_header
    saddr = skb.get32(nh + 12)
    daddr = skb.get32(nh + 16)
    ports = skb.get32(uh)
    length = skb.get16(uh + 4)
    if length > skb.len or length < UDP_HEADER_LEN:
        mib.UdpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    if length < skb.len:
        skb_trim(skb, length)
        if skb.ip_summed == CHECKSUM_COMPLETE:
            skb.ip_summed = CHECKSUM_NONE
    if not udp_checksum_ok(skb, uh, saddr, daddr, length):
        mib.UdpInCsumErrors += 1
        mib.UdpInErrors += 1
        kfree_skb(skb, "UDP_CSUM")
        return 0
    if net.trace.on:
        net.trace.emit("udp_rcv", skb.id, saddr, ports >> 16, daddr, ports & 0xFFFF, length)
    rt = skb.dst
    if rt is not None and (rt.rt_type == RTN_MULTICAST or rt.rt_type == RTN_BROADCAST):
        return udp_mcast_deliver(net, skb, saddr, daddr, ports)
    table = net.udp_table
    sk = table.lookup(saddr, ports >> 16, daddr, ports & 0xFFFF, skb.iif)
    if sk is None:
        mib.UdpNoPorts += 1
        icmp_send(net, skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0)
        kfree_skb(skb, "NO_SOCKET")
        return 0
    skb_pull(skb, UDP_HEADER_LEN)
    return udp_queue_rcv_skb(sk, skb)


def udp_checksum_ok(skb, uh, saddr, daddr, length):
    """True when the checksum is right, absent, or somebody we trust has seen to it."""
    if skb.ip_summed == CHECKSUM_UNNECESSARY or skb.ip_summed == CHECKSUM_PARTIAL:
        return True
    if skb.get16(uh + 6) == 0:
        return True
    pseudo = csum_tcpudp_nofold(saddr, daddr, length, IPPROTO_UDP, 0)
    if skb.ip_summed == CHECKSUM_COMPLETE and csum_fold(csum_add(skb.csum, pseudo)) == 0:
        return True
    return csum_fold(skb_checksum(skb, 0, length, pseudo)) == 0


def udp_queue_rcv_skb(sk, skb):
    """Queue a datagram, data at its payload, for its sock; consumes it."""
    if sk.sk_filter is not None and udp_filter(sk, skb, UDP_HEADER_LEN) < 0:
        sk.net.mib.UdpInErrors += 1
        kfree_skb(skb, "SOCKET_FILTER")
        return 0
    if skb.gso_size:
        usk = sk
        if not usk.gro_enabled:
            return udp_queue_segments(sk, skb)
    mib = sk.net.mib
    if sk.sk_rmem_alloc + skb.truesize <= sk.sk_rcvbuf and sk_mem_refused(sk, skb.truesize, True):
        sk.sk_drops += 1
        mib.UdpMemErrors += 1
        mib.UdpInErrors += 1
        kfree_skb(skb, "PROTO_MEM")
        return 0
    if sock_queue_rcv_skb(sk, skb) < 0:
        mib.UdpRcvbufErrors += 1
        mib.UdpInErrors += 1
        kfree_skb(skb, "SOCKET_RCVBUFF")
        return 0
    mib.UdpInDatagrams += 1
    return 0


def udp_queue_segments(sk, skb):
    """Datagrams that came in one piece, for a sock that wants them one by one; consumes it."""
    size = skb.gso_size
    nh = skb.network_header
    headers = skb.data - nh
    offset = 0
    while offset < skb.len:
        piece = udp_segment(skb, offset, min(size, skb.len - offset))
        if piece is None:
            break
        # Its own copy of the headers, which recvmsg reads addresses from.
        piece.network_header = piece.data - headers
        piece.transport_header = piece.data - UDP_HEADER_LEN
        for i in range(headers):
            piece.put8(piece.network_header + i, skb.get8(nh + i))
        piece.tstamp = skb.tstamp
        piece.iif = skb.iif
        piece.opt_len = skb.opt_len
        udp_queue_rcv_skb(sk, piece)
        offset += size
    consume_skb(skb)
    return 0


def udp_mcast_deliver(net, skb, saddr, daddr, ports):
    """Give a copy to every socket that the datagram is for; consumes it."""
    table = net.udp_table
    sk = table.first(ports & 0xFFFF)
    delivered = False
    skb_pull(skb, UDP_HEADER_LEN)
    while sk is not None:
        following = sk.sk_next
        if table.matches_mcast(sk, saddr, ports >> 16, daddr, ports & 0xFFFF, skb.iif) and (
            not ipv4_is_multicast(daddr) or ip_mc_sf_allow(sk, daddr, saddr, skb.iif)
        ):
            delivered = True
            udp_queue_rcv_skb(sk, skb_clone(skb))
        sk = following
    if not delivered:
        net.mib.UdpIgnoredMulti += 1
    kfree_skb(skb, "UDP_MCAST_ORIGINAL" if delivered else "NO_SOCKET")
    return 0


def udp_err(net, skb, info):
    """An ICMP error quotes a datagram of ours: tell its socket (RFC 1122 section 4.1.3.3)."""
    inner = skb.data
    uh = inner + ((skb.get8(inner) & 15) << 2)
    # The quoted packet went from us to them: source and destination change roles.
    table = net.udp_table
    sk = table.lookup(
        skb.get32(inner + 16), skb.get16(uh + 2), skb.get32(inner + 12), skb.get16(uh), skb.iif
    )
    if sk is None:
        net.mib.IcmpInErrors += 1
        return 0
    datagram_err(sk, skb, info, skb.get16(uh + 2), UDP_HEADER_LEN)
    return 0


def udp_init(net):
    """Register UDP with IP; returns its proto."""
    net.udp_table = udp_hash_table(net)
    net.inet_protos[IPPROTO_UDP] = udp_protocol(net)
    prot = udp_proto(net)
    sk_mem_set_limits(prot, (net.kernel.arch.memory.size >> PAGE_SHIFT) // 8)
    return prot
