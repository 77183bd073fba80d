"""IP's side of sockets: IP_* options, control messages, and the error queue (IP_RECVERR)."""

from kernel.net.core.dev import dev_get_by_index
from kernel.net.core.skb_data import skb_copy_datagram_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, skb_clone, skb_pull
from kernel.net.core.sock import sk_dst_check, sock_queue_err_skb
from kernel.net.core.sock_flags import (
    IP_CMSG_ORIGDSTADDR,
    IP_CMSG_PKTINFO,
    IP_CMSG_RECVOPTS,
    IP_CMSG_RETOPTS,
    IP_CMSG_TOS,
    IP_CMSG_TTL,
)
from kernel.net.ipv4.mcast import MEMBERSHIP_OPTIONS, ip_mc_setsockopt
from kernel.uapi.errno import (
    EADDRNOTAVAIL,
    EAGAIN,
    EFAULT,
    EINVAL,
    ENODEV,
    ENOPROTOOPT,
    ENOTCONN,
)
from kernel.uapi.in_ import (
    IP_BIND_ADDRESS_NO_PORT,
    IP_FREEBIND,
    IP_HDRINCL,
    IP_MINTTL,
    IP_MTU,
    IP_MTU_DISCOVER,
    IP_MULTICAST_ALL,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_NODEFRAG,
    IP_OPTIONS,
    IP_PKTINFO,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_OMIT,
    IP_RECVERR,
    IP_RECVOPTS,
    IP_RECVORIGDSTADDR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_RETOPTS,
    IP_TOS,
    IP_TRANSPARENT,
    IP_TTL,
    SO_EE_ORIGIN_ICMP,
    SO_EE_ORIGIN_LOCAL,
)
from kernel.uapi.socket import AF_INET, MSG_ERRQUEUE, MSG_TRUNC, SOCK_RAW, SOCK_STREAM, SOL_IP
from kernel.uapi.tcp import TCP_CLOSE, TCP_LISTEN

INET_ECN_MASK = 3
HEADROOM = 128

CMSG_OPTIONS = {
    IP_PKTINFO: IP_CMSG_PKTINFO,
    IP_RECVTTL: IP_CMSG_TTL,
    IP_RECVTOS: IP_CMSG_TOS,
    IP_RECVOPTS: IP_CMSG_RECVOPTS,
    IP_RETOPTS: IP_CMSG_RETOPTS,
    IP_RECVORIGDSTADDR: IP_CMSG_ORIGDSTADDR,
}
FLAG_OPTIONS = {
    IP_RECVERR: "recverr",
    IP_FREEBIND: "freebind",
    IP_TRANSPARENT: "transparent",
    IP_NODEFRAG: "nodefrag",
    IP_BIND_ADDRESS_NO_PORT: "bind_address_no_port",
    IP_MULTICAST_LOOP: "mc_loop",
    IP_MULTICAST_ALL: "mc_all",
}


class sock_exterr:
    """Why an sk_buff is on an error queue: struct sock_extended_err and the address that the packet went to."""

    def __init__(self, errno, origin, type, code, info, addr, port, offender):
        self.errno = errno
        self.origin = origin
        self.type = type
        self.code = code
        self.info = info
        self.addr = addr
        self.port = port
        self.offender = offender

    def cmsg(self):
        """struct sock_extended_err followed by the sockaddr_in of who reported it."""
        head = self.errno.to_bytes(4, "little") + bytes([self.origin, self.type, self.code, 0])
        head += self.info.to_bytes(4, "little") + bytes(4)
        if self.origin != SO_EE_ORIGIN_ICMP:
            return head + bytes(16)
        return head + AF_INET.to_bytes(2, "little") + bytes(2) + self.offender.to_bytes(4, "big") + bytes(8)


class ipcm_cookie:
    """What control messages and the socket's options say about one packet to be sent, and where that leads."""

    def __init__(self, sk):
        self.daddr = 0
        self.rt = None
        self.addr = sk.inet_saddr
        self.oif = sk.sk_bound_dev_if
        self.ttl = -1
        self.tos = -1


# --- control messages ---


def ip_cmsg_send(net, msg, ipc):
    """Take IP_PKTINFO, IP_TTL and IP_TOS from the control messages into `ipc`; 0, or -EINVAL."""
    for level, type, data in msg.msg_control:
        if level != SOL_IP:
            continue
        if type == IP_PKTINFO:
            if len(data) < 12:
                return -EINVAL
            ifindex = int.from_bytes(data[:4], "little")
            if ifindex:
                if dev_get_by_index(net, ifindex) is None:
                    return -ENODEV
                ipc.oif = ifindex
            spec_dst = int.from_bytes(data[4:8], "big")
            if spec_dst:
                ipc.addr = spec_dst
        elif type == IP_TTL:
            if len(data) < 4:
                return -EINVAL
            ipc.ttl = int.from_bytes(data[:4], "little")
            if not 1 <= ipc.ttl <= 255:
                return -EINVAL
        elif type == IP_TOS:
            ipc.tos = data[0] if data else -1
            if ipc.tos < 0:
                return -EINVAL
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
            msg.msg_control.append((SOL_IP, IP_RETOPTS, options))
    if flags & IP_CMSG_ORIGDSTADDR:
        port = skb.get16(skb.transport_header + 2)
        address = AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + skb.get32(nh + 16).to_bytes(4, "big")
        msg.msg_control.append((SOL_IP, IP_RECVORIGDSTADDR, address + bytes(8)))


# --- the error queue ---


def ip_icmp_error(sk, skb, err, port, info, payload):
    """Put an ICMP error on the sock's error queue, with the quoted packet's data from `payload` bytes behind its header.

    `skb`: data at the quoted IP header, the ICMP header at transport_header, the reporter's at network_header.
    """
    clone = skb_clone(skb)
    type = skb.get8(skb.transport_header)
    code = skb.get8(skb.transport_header + 1)
    clone.cb = sock_exterr(
        err,
        SO_EE_ORIGIN_ICMP,
        type,
        code,
        info,
        skb.get32(skb.data + 16),
        port,
        skb.get32(skb.network_header + 12),
    )
    skip = ((skb.get8(skb.data) & 15) << 2) + payload
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
    skb.cb = sock_exterr(err, SO_EE_ORIGIN_LOCAL, 0, 0, info, daddr, port, 0)
    if sock_queue_err_skb(sk, skb) < 0:
        kfree_skb(skb, "SOCKET_RCVBUFF")


def ip_recv_error(sk, msg, size):
    """recvmsg with MSG_ERRQUEUE: the oldest error; the number of bytes of the quoted data, or -EAGAIN."""
    skb = sk.sk_error_queue.dequeue()
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
    msg.msg_family = AF_INET
    msg.msg_addr = error.addr
    msg.msg_port = error.port
    if msg.msg_control is not None:
        msg.msg_control.append((SOL_IP, IP_RECVERR, error.cmsg()))
    msg.msg_flags |= MSG_ERRQUEUE
    consume_skb(skb)
    # The next error, if there is one, is the pending one now.
    following = sk.sk_error_queue.first
    sk.sk_err = 0
    if following is not None:
        sk.sk_err = following.cb.errno
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
    value = int_option(optval)
    if optname in FLAG_OPTIONS:
        return ip_set_flag(sk, optname, value, len(optval))
    if optname in CMSG_OPTIONS:
        if len(optval) == 0:
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
        if value is None or not IP_PMTUDISC_DONT <= value <= IP_PMTUDISC_OMIT:
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
    return -ENOPROTOOPT


def ip_set_flag(sk, optname, value, length):
    """The options that are one switch."""
    if length == 0:
        return -EINVAL
    if optname == IP_NODEFRAG and sk.sk_type != SOCK_RAW:
        return -ENOPROTOOPT
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
    sk.sk_priority = (0, 0, 2, 2, 6, 6, 4, 4)[(value >> 2) & 7]
    return 0


def ip_set_options(sk, optval):
    """IP_OPTIONS: at most 40 bytes, well formed, padded to a multiple of four; source routes are refused."""
    if len(optval) > 40:
        return -EINVAL
    options = optval.ljust((len(optval) + 3) & ~3, b"\0")
    position = 0
    while position < len(options):
        kind = options[position]
        if kind == 0:
            break
        if kind == 1:
            position += 1
            continue
        if position + 1 >= len(options):
            return -EINVAL
        length = options[position + 1]
        if length < 2 or position + length > len(options) or kind in (131, 137):
            return -EINVAL
        position += length
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
    ifindex = int.from_bytes(optval[8:12], "little") if len(optval) >= 12 else 0
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
        if rt is None or sk.sk_state in (TCP_CLOSE, TCP_LISTEN):
            return -ENOTCONN
        value = rt.mtu
    elif optname == IP_MULTICAST_IF:
        return sk.mc_addr.to_bytes(4, "big")
    else:
        return -ENOPROTOOPT
    if 0 < optlen < 4 and 0 <= value <= 255:
        return bytes([value])
    return int_bytes(value)
