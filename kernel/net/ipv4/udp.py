"""UDP (RFC 768, RFC 1122 section 4.1): sockets by port, datagrams in and out.

Receive: `udp_rcv` -> length and checksum -> `udp_lookup` -> the sock's receive queue -> `udp_recvmsg`.
Send: `udp_sendmsg` -> route (cached while connected) -> one sk_buff with the user's bytes -> `ip_local_out`.
"""

from kernel.lib.checksum import csum_add, csum_fold, csum_tcpudp_nofold
from kernel.net.core.datagram import datagram_poll, skb_free_datagram, skb_recv_datagram, sock_recv_timestamp
from kernel.net.core.skb_data import skb_add_frags_iter, skb_checksum, skb_copy_datagram_iter, skb_put_iter
from kernel.net.core.skbuff import (
    alloc_skb,
    kfree_skb,
    page_frag,
    pskb_may_pull,
    skb_clone,
    skb_pull,
    skb_push,
    skb_reserve,
    skb_trim,
)
from kernel.net.core.sock import (
    proto,
    sk_common_release,
    sk_dst_check,
    skb_set_owner_w,
    sock,
    sock_may_send,
    sock_queue_rcv_skb,
)
from kernel.net.core.sock_flags import SOCK_BROADCAST, SOCK_RCVTSTAMP, SOCK_RCVTSTAMPNS
from kernel.net.ipv4.datagram import datagram_disconnect, ip4_datagram_connect, parse_destination
from kernel.net.ipv4.fib import ipv4_is_multicast
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.icmp_err import ICMP_ERR_CONVERT
from kernel.net.ipv4.igmp import ip_mc_drop_socket, ip_mc_sf_allow
from kernel.net.ipv4.ip_output import ip_dont_fragment, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ip_sockglue import (
    int_bytes,
    int_option,
    ip_cmsg_recv,
    ip_cmsg_send,
    ip_icmp_error,
    ip_local_error,
    ip_recv_error,
    ipcm_cookie,
)
from kernel.net.ipv4.route import ip_route_output_key, ip_rt_update_pmtu
from kernel.net.ipv4.udp_table import udp_hash_table
from kernel.net.net import net_protocol
from kernel.uapi.errno import (
    EACCES,
    EAGAIN,
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
from kernel.uapi.icmp import (
    ICMP_DEST_UNREACH,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_PORT_UNREACH,
    ICMP_SOURCE_QUENCH,
)
from kernel.uapi.in_ import IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE, IPPROTO_UDP
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST
from kernel.uapi.socket import (
    AF_INET,
    MSG_CONFIRM,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_TRUNC,
    SOL_UDP,
)
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ
from kernel.uapi.tcp import TCP_ESTABLISHED
from kernel.uapi.udp import UDP_CORK, UDP_ENCAP

# The first four bits of a multicast address.
MULTICAST_CLASS = 14
CHECKSUM_NONE = 0
CHECKSUM_UNNECESSARY = 1
CHECKSUM_COMPLETE = 2
CHECKSUM_PARTIAL = 3
UDP_HEADER_LEN = 8
IP_HEADER_LEN = 20
# What stands in front of the payload: link and IP headers with options, and ours.
HEADROOM = 128
UDP_MAX_PAYLOAD = 65507
# Payloads above this go to page fragments: an sk_buff's linear part ends at 64 KiB, and large ones fragment memory.
LINEAR_MAX = 16384


class udp_sock(sock):
    """A UDP socket."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.frag = page_frag()
        self.corking = False


class udp_proto(proto):
    """Operations of UDP sockets."""

    def __init__(self, net):
        proto.__init__(self, "UDP")
        self.table = net.udp_table

    def sk_alloc(self, net, family, type, protocol):
        return udp_sock(net, family, type, protocol, self)

    def destroy(self, sk):
        ip_mc_drop_socket(sk)

    def close(self, sk, timeout):
        sk_common_release(sk)

    def connect(self, sk, daddr, dport, flags):
        return ip4_datagram_connect(sk, daddr, dport)

    def disconnect(self, sk, flags):
        return datagram_disconnect(sk)

    def get_port(self, sk, port):
        return self.table.get_port(sk, port)

    def unhash(self, sk):
        self.table.unhash(sk)

    def put_port(self, sk):
        self.table.unhash(sk)

    def sendmsg(self, sk, msg, size):
        return udp_sendmsg(sk, msg, size)

    def recvmsg(self, sk, msg, size, flags):
        return udp_recvmsg(sk, msg, size, flags)

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
        if level != SOL_UDP or optname != UDP_CORK:
            return -ENOPROTOOPT
        # Accepted for the programs that set it around one send; datagrams leave at once all the same.
        value = int_option(optval)
        if value is None:
            return -EINVAL
        usk = sk
        usk.corking = value != 0
        return 0

    def getsockopt(self, sk, level, optname, optlen):
        if level == SOL_UDP and optname == UDP_CORK:
            usk = sk
            return int_bytes(int(usk.corking))
        if level == SOL_UDP and optname == UDP_ENCAP:
            return int_bytes(0)
        return -ENOPROTOOPT

    def backlog_rcv(self, sk, skb):
        return udp_queue_rcv_skb(sk, skb)


# --- send ---


def udp_sendmsg(sk, msg, size):
    """Send one datagram: its payload's size, or a negative errno (RFC 768; errno values as in udp(7))."""
    net = sk.net
    flags = msg.msg_flags
    if size > 0xFFFF:
        return -EMSGSIZE
    if flags & MSG_OOB:
        return -EOPNOTSUPP
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
    if msg.msg_control is not None:
        ipc = ipcm_cookie(sk)
        err = ip_cmsg_send(net, msg, ipc)
        if err < 0:
            return err
        saddr = ipc.addr
        oif = ipc.oif
        ttl = ipc.ttl
        if ipc.tos >= 0:
            tos = ipc.tos
        connected = False
    if daddr == 0:
        daddr = 0x7F000001
    if daddr >> 28 == MULTICAST_CLASS:
        if oif == 0:
            oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
        connected = False
        if ttl < 0:
            ttl = sk.mc_ttl
    rt = sk_dst_check(sk) if connected else None
    if rt is None:
        rt = ip_route_output_key(net, daddr, saddr, oif)
        if rt is None:
            ip = net.ip
            err = ip.route_error
            net.mib.IpOutNoRoutes += 1
            return err
        if rt.rt_type == RTN_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
            return -EACCES
        if connected:
            sk.sk_dst_cache = rt
    if flags & MSG_CONFIRM:
        sk.sk_dst_pending_confirm = True
    if saddr == 0:
        saddr = rt.saddr
    return udp_send_datagram(sk, msg, size, rt, saddr, daddr, dport, tos, ttl)


def udp_send_datagram(sk, msg, size, rt, saddr, daddr, dport, tos, ttl):
    """Build the datagram and send it along `rt`; as udp_sendmsg."""
    net = sk.net
    length = size + UDP_HEADER_LEN
    if size > UDP_MAX_PAYLOAD:
        ip_local_error(sk, EMSGSIZE, daddr, dport, rt.mtu)
        return -EMSGSIZE
    packet = length + IP_HEADER_LEN + len(sk.inet_opt)
    if packet > rt.mtu and (sk.pmtudisc == IP_PMTUDISC_DO or sk.pmtudisc == IP_PMTUDISC_PROBE):
        limit = rt.mtu
        if sk.pmtudisc == IP_PMTUDISC_DO or packet > rt.dev.mtu:
            ip_local_error(sk, EMSGSIZE, daddr, dport, limit)
            return -EMSGSIZE
    err = sock_may_send(sk, msg.msg_flags & MSG_DONTWAIT != 0)
    if err < 0:
        return err
    skb = udp_make_skb(sk, msg, size)
    if skb is None:
        net.mib.UdpSndbufErrors += 1
        return -ENOBUFS
    err = udp_fill(sk, skb, msg, size)
    if err < 0:
        kfree_skb(skb, "SKB_UCOPY_FAULT")
        return err
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
    skb_set_owner_w(skb, sk)
    skb.dst = rt
    skb.priority = sk.sk_priority
    skb.mark = sk.sk_mark
    if ttl < 0:
        ttl = sk.uc_ttl
        if ttl < 0:
            ttl = net.sysctl_ip_default_ttl
    df = ip_dont_fragment(sk, rt) and packet <= rt.mtu
    ip_push_header(skb, saddr, daddr, IPPROTO_UDP, tos, ttl, ip_select_ident(net, 1), df, sk.inet_opt)
    net.mib.UdpOutDatagrams += 1
    err = ip_local_out(net, skb)
    if err < 0:
        # Only with IP_RECVERR does a sender hear that his datagram was lost in our own queue.
        if err == -ENOBUFS and not sk.recverr:
            return size
        return err
    return size


def udp_make_skb(sk, msg, size):
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
    usk = sk
    added = skb_add_frags_iter(skb, msg.msg_iter, size, usk.frag)
    if added < 0:
        return added
    return 0 if added == size else -ENOBUFS


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
    if sk.min_ttl and skb.get8(skb.network_header + 8) < sk.min_ttl:
        kfree_skb(skb, "UDP_MINTTL")
        return 0
    if sock_queue_rcv_skb(sk, skb) < 0:
        mib = sk.net.mib
        mib.UdpRcvbufErrors += 1
        mib.UdpInErrors += 1
        kfree_skb(skb, "SOCKET_RCVBUFF")
        return 0
    sk.net.mib.UdpInDatagrams += 1
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
            not ipv4_is_multicast(daddr) or ip_mc_sf_allow(sk, daddr, skb.iif)
        ):
            delivered = True
            udp_queue_rcv_skb(sk, skb_clone(skb))
        sk = following
    if not delivered:
        net.mib.UdpIgnoredMulti += 1
    kfree_skb(skb, "UDP_MCAST_ORIGINAL" if delivered else "NO_SOCKET")
    return 0


def udp_recvmsg(sk, msg, size, flags):
    """Receive one datagram: how many bytes were copied (with MSG_TRUNC its true size), or a negative errno."""
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
    msg.msg_port = skb.get16(skb.transport_header)
    if skb.tstamp or sk.sk_flags & (SOCK_RCVTSTAMP | SOCK_RCVTSTAMPNS):
        sock_recv_timestamp(sk, msg, skb)
    if sk.cmsg_flags:
        ip_cmsg_recv(sk, msg, skb)
    skb_free_datagram(sk, skb, flags)
    return length if flags & MSG_TRUNC else copied


def udp_err(net, skb, info):
    """An ICMP error quotes a datagram of ours: tell its socket (RFC 1122 section 4.1.3.3)."""
    inner = skb.data
    uh = inner + ((skb.get8(inner) & 15) << 2)
    type = skb.get8(skb.transport_header)
    code = skb.get8(skb.transport_header + 1)
    # The quoted packet went from us to them: source and destination change roles.
    table = net.udp_table
    sk = table.lookup(
        skb.get32(inner + 16), skb.get16(uh + 2), skb.get32(inner + 12), skb.get16(uh), skb.iif
    )
    if sk is None:
        net.mib.IcmpInErrors += 1
        return 0
    err = EHOSTUNREACH
    fatal = False
    if type == ICMP_SOURCE_QUENCH:
        return 0
    if type == ICMP_PARAMETERPROB:
        err = EPROTO
        fatal = True
    elif type == ICMP_DEST_UNREACH:
        if code == ICMP_FRAG_NEEDED:
            ip_rt_update_pmtu(net, skb.get32(inner + 16), info)
            if sk.pmtudisc == IP_PMTUDISC_DONT:
                return 0
            err = EMSGSIZE
            fatal = True
        else:
            err, fatal = ICMP_ERR_CONVERT[code]
    if not sk.recverr:
        if not fatal or sk.sk_state != TCP_ESTABLISHED:
            return 0
    else:
        ip_icmp_error(sk, skb, err, skb.get16(uh + 2), info, UDP_HEADER_LEN)
    sk.sk_err = err
    sk.error_report()
    return 0


def udp_init(net):
    """Register UDP with IP; returns its proto."""
    net.udp_table = udp_hash_table(net)
    net.inet_protos[IPPROTO_UDP] = udp_protocol(net)
    return udp_proto(net)
