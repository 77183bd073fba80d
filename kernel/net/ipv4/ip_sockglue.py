"""IP's side of sockets: IP_* options, control messages, and the error queue (IP_RECVERR)."""

from kernel.net.core.dev import dev_get_by_index
from kernel.net.core.error_queue import sock_dequeue_err_skb, sock_exterr
from kernel.net.core.skb_data import skb_copy_datagram_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, skb_clone, skb_pull
from kernel.net.core.sock import sk_dst_check, sock_queue_err_skb
from kernel.net.core.sock_flags import (
    IP_CMSG_CHECKSUM,
    IP_CMSG_ORIGDSTADDR,
    IP_CMSG_PASSSEC,
    IP_CMSG_PKTINFO,
    IP_CMSG_RECVFRAGSIZE,
    IP_CMSG_RECVOPTS,
    IP_CMSG_RETOPTS,
    IP_CMSG_TOS,
    IP_CMSG_TTL,
    SOCK_RCVTSTAMP,
)
from kernel.net.core.sockcm import sock_cmsg_take, sockcm_cookie
from kernel.net.core.timestamping import sock_recv_timestamp
from kernel.net.ipv4.mcast import MEMBERSHIP_OPTIONS, ip_mc_setsockopt
from kernel.uapi.errno import (
    EADDRNOTAVAIL,
    EAGAIN,
    EFAULT,
    EINVAL,
    ENOPROTOOPT,
    ENOTCONN,
    EPERM,
)
from kernel.uapi.errqueue import SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_LOCAL, SO_EE_ORIGIN_TIMESTAMPING
from kernel.uapi.in_ import (
    IP_BIND_ADDRESS_NO_PORT,
    IP_CHECKSUM,
    IP_FREEBIND,
    IP_HDRINCL,
    IP_LOCAL_PORT_RANGE,
    IP_MINTTL,
    IP_MTU,
    IP_MTU_DISCOVER,
    IP_MULTICAST_ALL,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_NODEFRAG,
    IP_OPTIONS,
    IP_PASSSEC,
    IP_PKTINFO,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_OMIT,
    IP_PROTOCOL,
    IP_RECVERR,
    IP_RECVFRAGSIZE,
    IP_RECVOPTS,
    IP_RECVORIGDSTADDR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_RETOPTS,
    IP_ROUTER_ALERT,
    IP_TOS,
    IP_TRANSPARENT,
    IP_TTL,
    IP_UNICAST_IF,
    IPPROTO_RAW,
)
from kernel.uapi.ip import IPOPT_END, IPOPT_LSRR, IPOPT_NOOP, IPOPT_RR, IPOPT_SSRR, IPOPT_TIMESTAMP, IPOPT_TS_TSONLY
from kernel.uapi.socket import AF_INET, MSG_ERRQUEUE, MSG_TRUNC, SOCK_RAW, SOCK_STREAM, SOL_IP, SOL_SOCKET

INET_ECN_MASK = 3
# struct in_pktinfo; the longest options that an IP header has room for; what a TOS means to queues.
PKTINFO_SIZE = 12
MAX_OPTIONS = 40
TOS_PRIORITY = (0, 0, 2, 2, 6, 6, 4, 4)

CMSG_OPTIONS = {
    IP_PKTINFO: IP_CMSG_PKTINFO,
    IP_RECVTTL: IP_CMSG_TTL,
    IP_RECVTOS: IP_CMSG_TOS,
    IP_RECVOPTS: IP_CMSG_RECVOPTS,
    IP_RETOPTS: IP_CMSG_RETOPTS,
    IP_RECVORIGDSTADDR: IP_CMSG_ORIGDSTADDR,
    IP_RECVFRAGSIZE: IP_CMSG_RECVFRAGSIZE,
    IP_CHECKSUM: IP_CMSG_CHECKSUM,
    # No packet here has a security label that could be passed.
    IP_PASSSEC: IP_CMSG_PASSSEC,
}
CHECKSUM_COMPLETE = 2
FLAG_OPTIONS = {
    IP_RECVERR: "recverr",
    IP_FREEBIND: "freebind",
    IP_TRANSPARENT: "transparent",
    IP_NODEFRAG: "nodefrag",
    IP_BIND_ADDRESS_NO_PORT: "bind_address_no_port",
    IP_MULTICAST_LOOP: "mc_loop",
    IP_MULTICAST_ALL: "mc_all",
}


# The options that are an int, or a byte.
INT_OPTIONS = (
    *FLAG_OPTIONS, *CMSG_OPTIONS, IP_TOS, IP_TTL, IP_HDRINCL, IP_MTU_DISCOVER, IP_MULTICAST_TTL, IP_MINTTL, IP_ROUTER_ALERT,
    IP_UNICAST_IF, IP_LOCAL_PORT_RANGE,
)  # fmt: skip


class ipcm_cookie(sockcm_cookie):
    """What control messages and the socket's options say about one packet to be sent, and where that leads."""

    def __init__(self, sk):
        sockcm_cookie.__init__(self, sk)
        self.daddr = 0
        self.rt = None
        self.addr = sk.inet_saddr
        self.oif = sk.sk_bound_dev_if
        self.ttl = -1
        self.tos = -1
        self.opt = sk.inet_opt
        self.protocol = 0
        self.gso_size = 0


# --- control messages ---


def ip_cmsg_send(sk, msg, ipc):
    """Take the control messages of SOL_IP and SOL_SOCKET into `ipc`; 0, -EINVAL, or -EPERM."""
    for level, type, data in msg.msg_control:
        err = 0
        if level == SOL_SOCKET:
            err = sock_cmsg_take(sk, type, data, ipc)
        elif level == SOL_IP:
            err = ip_cmsg_take(sk, type, data, ipc)
        if err < 0:
            return err
    return 0


def ip_cmsg_take(sk, type, data, ipc):
    """One control message of SOL_IP (ip(7)): 0 or -EINVAL."""
    if type == IP_PKTINFO:
        if len(data) != PKTINFO_SIZE:
            return -EINVAL
        ifindex = int.from_bytes(data[:4], "little", signed=True)
        if ifindex:
            ipc.oif = ifindex
        ipc.addr = int.from_bytes(data[4:8], "big")
        return 0
    if type == IP_RETOPTS:
        options = parse_ip_options(data[:MAX_OPTIONS])
        if options is None:
            return -EINVAL
        ipc.opt = options
        return 0
    value = int.from_bytes(data, "little", signed=True) if len(data) == 4 else -1
    if type == IP_TTL:
        if not 1 <= value <= 255:
            return -EINVAL
        ipc.ttl = value
    elif type == IP_TOS:
        if len(data) == 1:
            value = data[0]
        if not 0 <= value <= 255:
            return -EINVAL
        ipc.tos = value
        ipc.priority = TOS_PRIORITY[(value >> 2) & 7]
    elif type == IP_PROTOCOL:
        if not 1 <= value <= 255:
            return -EINVAL
        ipc.protocol = value
    else:
        return -EINVAL
    return 0


def ip_cmsg_recv(sk, msg, skb):
    """Append what the socket's options ask for about a received packet."""
    if msg.msg_control is None:
        return
    flags = sk.cmsg_flags
    nh = skb.network_header
    if flags & IP_CMSG_PKTINFO:
        daddr = skb.get32(nh + 16)
        net = sk.net
        spec = daddr
        if net.fib.local_address(daddr) is None:
            spec = net.devinet.inet_select_addr(dev_get_by_index(net, skb.iif), skb.get32(nh + 12), 0)
        info = skb.iif.to_bytes(4, "little") + spec.to_bytes(4, "big") + daddr.to_bytes(4, "big")
        msg.msg_control.append((SOL_IP, IP_PKTINFO, info))
    if flags & IP_CMSG_TTL:
        msg.msg_control.append((SOL_IP, IP_TTL, skb.get8(nh + 8).to_bytes(4, "little")))
    if flags & IP_CMSG_TOS:
        msg.msg_control.append((SOL_IP, IP_TOS, bytes([skb.get8(nh + 1)])))
    if flags & (IP_CMSG_RECVOPTS | IP_CMSG_RETOPTS) and skb.opt_len:
        options = bytes([skb.get8(nh + 20 + i) for i in range(skb.opt_len)])
        if flags & IP_CMSG_RECVOPTS:
            msg.msg_control.append((SOL_IP, IP_RECVOPTS, options))
        if flags & IP_CMSG_RETOPTS:
            msg.msg_control.append((SOL_IP, IP_RETOPTS, ip_options_echo(options)))
    if flags & IP_CMSG_ORIGDSTADDR and skb.transport_header + 4 <= skb.tail:
        port = skb.get16(skb.transport_header + 2)
        address = AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + skb.get32(nh + 16).to_bytes(4, "big")
        msg.msg_control.append((SOL_IP, IP_RECVORIGDSTADDR, address + bytes(8)))
    if flags & IP_CMSG_CHECKSUM and skb.ip_summed == CHECKSUM_COMPLETE:
        msg.msg_control.append((SOL_IP, IP_CHECKSUM, skb.csum.to_bytes(4, "little")))
    if flags & IP_CMSG_RECVFRAGSIZE and skb.frag_max_size:
        msg.msg_control.append((SOL_IP, IP_RECVFRAGSIZE, skb.frag_max_size.to_bytes(4, "little")))


# --- the error queue ---


def ip_icmp_error(sk, skb, err, port, info, skip):
    """Put an ICMP error on the sock's error queue, with the quoted packet from its byte `skip` on.

    `skb`: data at the quoted IP header, the ICMP header at transport_header, the reporter's at network_header.
    """
    clone = skb_clone(skb)
    error = sock_exterr(
        err, SO_EE_ORIGIN_ICMP, skb.get8(skb.transport_header), skb.get8(skb.transport_header + 1), info
    )
    error.named = True
    error.addr = skb.get32(skb.data + 16)
    error.port = port
    error.offender = skb.get32(skb.network_header + 12)
    clone.cb = error
    if skip > clone.len - clone.data_len:
        skip = clone.len - clone.data_len
    skb_pull(clone, skip)
    if sock_queue_err_skb(sk, clone) < 0:
        kfree_skb(clone, "SOCKET_RCVBUFF")


def ip_local_error(sk, err, daddr, port, info):
    """Put an error that we have noticed ourselves (EMSGSIZE) on the error queue of a sock with IP_RECVERR."""
    if not sk.recverr:
        return
    skb = alloc_skb(sk.net.skb_cache, 64)
    if skb is None:
        return
    error = sock_exterr(err, SO_EE_ORIGIN_LOCAL, 0, 0, info)
    error.named = True
    error.addr = daddr
    error.port = port
    skb.cb = error
    if sock_queue_err_skb(sk, skb) < 0:
        kfree_skb(skb, "SOCKET_RCVBUFF")


def ip_recv_error(sk, msg, size):
    """recvmsg with MSG_ERRQUEUE: the oldest entry; the number of bytes of its packet, or -EAGAIN."""
    skb = sock_dequeue_err_skb(sk)
    if skb is None:
        return -EAGAIN
    error = skb.cb
    copied = skb.len
    if copied > size:
        msg.msg_flags |= MSG_TRUNC
        copied = size
    if copied and skb_copy_datagram_iter(skb, 0, msg.msg_iter, copied) < 0:
        consume_skb(skb)
        return -EFAULT
    if sk.sk_flags & SOCK_RCVTSTAMP or sk.sk_tsflags:
        sock_recv_timestamp(sk, msg, skb.tstamp, error.origin == SO_EE_ORIGIN_TIMESTAMPING)
    if error.named:
        msg.msg_family = AF_INET
        msg.msg_addr = error.addr
        msg.msg_port = error.port
    if msg.msg_control is not None:
        if error.origin == SO_EE_ORIGIN_ICMP and sk.cmsg_flags:
            ip_cmsg_recv(sk, msg, skb)
        msg.msg_control.append((SOL_IP, IP_RECVERR, error.cmsg()))
    msg.msg_flags |= MSG_ERRQUEUE
    consume_skb(skb)
    return copied


# --- options ---


def int_option(optval):
    """The integer in an option's bytes (an int, or a single byte), or None."""
    if len(optval) >= 4:
        return int.from_bytes(optval[:4], "little", signed=True)
    if len(optval) >= 1:
        return optval[0]
    return None


def int_bytes(value):
    """An option's value as the bytes of an int."""
    return value.to_bytes(4, "little", signed=value < 0)


def ip_setsockopt(sk, optname, optval):
    """setsockopt at level SOL_IP; 0 or a negative errno."""
    if optname == IP_OPTIONS:
        return ip_set_options(sk, optval)
    if optname in MEMBERSHIP_OPTIONS:
        return ip_mc_setsockopt(sk, optname, optval)
    if optname == IP_MULTICAST_IF:
        return ip_multicast_if(sk, optval)
    if optname not in INT_OPTIONS:
        # What is not known is not read.
        return -ENOPROTOOPT
    value = int_option(optval)
    if optname == IP_ROUTER_ALERT and (sk.sk_type != SOCK_RAW or sk.inet_num == IPPROTO_RAW):
        # A socket of a router's daemon is raw and of its protocol.
        return -EINVAL
    if optname in FLAG_OPTIONS:
        return ip_set_flag(sk, optname, value, len(optval))
    if optname in CMSG_OPTIONS:
        if optname == IP_RECVFRAGSIZE and sk.sk_type == SOCK_STREAM:
            return -EINVAL
        if value:
            sk.cmsg_flags |= CMSG_OPTIONS[optname]
        else:
            sk.cmsg_flags &= ~CMSG_OPTIONS[optname]
        return 0
    if optname == IP_TOS:
        return ip_set_tos(sk, value if value is not None else 0)
    if optname == IP_TTL:
        if value is None or (value != -1 and not 1 <= value <= 255):
            return -EINVAL
        sk.uc_ttl = value
        return 0
    if optname == IP_HDRINCL:
        if sk.sk_type != SOCK_RAW:
            return -ENOPROTOOPT
        sk.hdrincl = bool(value)
        return 0
    if optname == IP_MTU_DISCOVER:
        value = value or 0
        if not IP_PMTUDISC_DONT <= value <= IP_PMTUDISC_OMIT:
            return -EINVAL
        sk.pmtudisc = value
        return 0
    if optname == IP_MULTICAST_TTL:
        if sk.sk_type == SOCK_STREAM or value is None or not -1 <= value <= 255:
            return -EINVAL
        sk.mc_ttl = 1 if value == -1 else value
        return 0
    if optname == IP_MINTTL:
        if value is None or not 0 <= value <= 255:
            return -EINVAL
        sk.min_ttl = value
        return 0
    if optname == IP_UNICAST_IF:
        return ip_unicast_if(sk, optval)
    low, high = (value or 0) & 0xFFFF, (value or 0) >> 16 & 0xFFFF
    if len(optval) != 4 or (low and high and low > high):
        return -EINVAL
    sk.local_port_first = low
    sk.local_port_last = high
    return 0


def ip_unicast_if(sk, optval):
    """IP_UNICAST_IF: the device of packets to single hosts, as an index in network byte order; 0 undoes it."""
    if len(optval) != 4:
        return -EINVAL
    ifindex = int.from_bytes(optval[:4], "big", signed=True)
    if ifindex:
        if dev_get_by_index(sk.net, ifindex) is None:
            return -EADDRNOTAVAIL
        if sk.sk_bound_dev_if:
            # Bound to a device, a socket takes none but that device's master, and there are no masters here.
            return -EINVAL
    sk.uc_index = ifindex
    return 0


def ip_set_flag(sk, optname, value, length):
    """The options that are one switch."""
    if length == 0 and optname not in (IP_RECVERR, IP_NODEFRAG, IP_BIND_ADDRESS_NO_PORT):
        return -EINVAL
    if optname == IP_NODEFRAG and sk.sk_type != SOCK_RAW:
        return -ENOPROTOOPT
    if optname == IP_TRANSPARENT and value and sk.net.sched.current.uid != 0:
        return -EPERM
    if optname in (IP_MULTICAST_LOOP, IP_MULTICAST_ALL, IP_TRANSPARENT) and value not in (0, 1):
        if optname == IP_MULTICAST_ALL:
            return -EINVAL
    setattr(sk, FLAG_OPTIONS[optname], bool(value))
    if optname == IP_RECVERR and not value:
        sk.sk_error_queue.purge("SOCKET_CLOSE")
    return 0


def ip_set_tos(sk, value):
    """IP_TOS: a stream keeps the ECN bits to itself."""
    if sk.sk_type == SOCK_STREAM:
        value = (value & ~INET_ECN_MASK) | (sk.tos & INET_ECN_MASK)
    sk.tos = value & 0xFF
    sk.sk_priority = TOS_PRIORITY[(value >> 2) & 7]
    return 0


def parse_ip_options(raw):
    """Options for packets to be sent, padded to a multiple of four: None unless they are at most 40 bytes and well formed.

    Source routes are refused (RFC 7126 section 4.3).
    """
    if len(raw) > MAX_OPTIONS:
        return None
    options = raw.ljust((len(raw) + 3) & ~3, b"\0")
    position = 0
    while position < len(options):
        kind = options[position]
        if kind == IPOPT_END:
            break
        if kind == IPOPT_NOOP:
            position += 1
            continue
        if position + 1 >= len(options):
            return None
        length = options[position + 1]
        if length < 2 or position + length > len(options) or kind in (IPOPT_LSRR, IPOPT_SSRR):
            return None
        position += length
    return options


def ip_options_echo(options):
    """IP_RETOPTS: the options of a received packet as a reply carries them (RFC 1122 section 3.2.1.8).

    A record of the route or of times goes on where it has got to, with a place left for ourselves.
    """
    echo = b""
    position = 0
    while position < len(options) and options[position] != IPOPT_END:
        kind = options[position]
        if kind == IPOPT_NOOP:
            position += 1
            continue
        length = options[position + 1]
        option = bytearray(options[position : position + length])
        if kind in (IPOPT_RR, IPOPT_TIMESTAMP):
            step = 8 if kind == IPOPT_TIMESTAMP and option[3] & 15 != IPOPT_TS_TSONLY else 4
            if option[2] <= length:
                option[2] += step
            echo += bytes(option)
        position += length
    return echo.ljust((len(echo) + 3) & ~3, b"\0")


def ip_set_options(sk, optval):
    """IP_OPTIONS: what every packet of the socket carries."""
    if len(optval) > MAX_OPTIONS:
        return -EINVAL
    options = parse_ip_options(optval[:])
    if options is None:
        return -EINVAL
    sk.inet_opt = options
    sk.sk_dst_cache = None
    sk.sk_prot.mtu_reduced(sk)
    return 0


def ip_multicast_if(sk, optval):
    """IP_MULTICAST_IF: in_addr, ip_mreq or ip_mreqn; the address 0 and index 0 undo it."""
    if sk.sk_type == SOCK_STREAM or len(optval) < 4:
        return -EINVAL
    net = sk.net
    address = int.from_bytes(optval[:4] if len(optval) < 8 else optval[4:8], "big")
    ifindex = int.from_bytes(optval[8:12], "little", signed=True) if len(optval) >= 12 else 0
    if ifindex == 0 and address == 0:
        sk.mc_index = 0
        sk.mc_addr = 0
        return 0
    dev = dev_get_by_index(net, ifindex) if ifindex else net.devinet.ip_dev_find(address)
    if dev is None:
        return -EADDRNOTAVAIL
    if sk.sk_bound_dev_if and dev.ifindex != sk.sk_bound_dev_if:
        return -EINVAL
    sk.mc_index = dev.ifindex
    sk.mc_addr = address
    return 0


def ip_getsockopt(sk, optname, optlen):
    """getsockopt at level SOL_IP: bytes, or a negative errno.

    A value that fits in one byte is given as one when the user's buffer has no room for an int, as Linux does.
    """
    if optname == IP_OPTIONS:
        return sk.inet_opt
    if optname in FLAG_OPTIONS:
        value = int(getattr(sk, FLAG_OPTIONS[optname]))
    elif optname in CMSG_OPTIONS:
        value = int(sk.cmsg_flags & CMSG_OPTIONS[optname] != 0)
    elif optname == IP_TOS:
        value = sk.tos
    elif optname == IP_TTL:
        value = sk.uc_ttl if sk.uc_ttl >= 0 else sk.net.sysctl_ip_default_ttl
    elif optname == IP_HDRINCL:
        value = int(sk.hdrincl)
    elif optname == IP_MTU_DISCOVER:
        value = sk.pmtudisc
    elif optname == IP_MULTICAST_TTL:
        value = sk.mc_ttl
    elif optname == IP_MINTTL:
        value = sk.min_ttl
    elif optname == IP_MTU:
        rt = sk_dst_check(sk)
        if rt is None:
            return -ENOTCONN
        value = rt.mtu
    elif optname == IP_UNICAST_IF:
        value = int.from_bytes(sk.uc_index.to_bytes(4, "big", signed=True), "little", signed=True)
    elif optname == IP_LOCAL_PORT_RANGE:
        value = sk.local_port_first | sk.local_port_last << 16
    elif optname == IP_PROTOCOL:
        # As Linux has it: the protocol of a raw socket, the port of another one.
        value = sk.inet_num
    elif optname == IP_ROUTER_ALERT:
        value = 0
    elif optname == IP_MULTICAST_IF:
        return sk.mc_addr.to_bytes(4, "big")
    else:
        return -ENOPROTOOPT
    if 0 < optlen < 4 and 0 <= value <= 255:
        return bytes([value])
    return int_bytes(value)
