"""Options of level SOL_SOCKET (socket(7)), the same for every family."""

from kernel.net.core.dev import dev_get_by_index, dev_get_by_name
from kernel.net.core.filter import sk_filter_option
from kernel.net.core.sock import sock_error, sock_set_rcvbuf, sock_set_sndbuf, sock_valbool_flag
from kernel.net.core.sock_flags import (
    SOCK_BROADCAST,
    SOCK_DBG,
    SOCK_FILTER_LOCKED,
    SOCK_KEEPOPEN,
    SOCK_LINGER,
    SOCK_LOCALROUTE,
    SOCK_PASSCRED,
    SOCK_RCVBUF_LOCK,
    SOCK_RCVTSTAMP,
    SOCK_RCVTSTAMPNS,
    SOCK_RXQ_OVFL,
    SOCK_SNDBUF_LOCK,
    SOCK_URGINLINE,
)
from kernel.uapi.errno import EDOM, EINVAL, ENODEV, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM
from kernel.uapi.if_ import IFNAMSIZ
from kernel.uapi.socket import (
    AF_NETLINK,
    AF_UNIX,
    SO_ACCEPTCONN,
    SO_ATTACH_FILTER,
    SO_BINDTODEVICE,
    SO_BINDTOIFINDEX,
    SO_BROADCAST,
    SO_BSDCOMPAT,
    SO_BUSY_POLL,
    SO_COOKIE,
    SO_DEBUG,
    SO_DETACH_FILTER,
    SO_DOMAIN,
    SO_DONTROUTE,
    SO_ERROR,
    SO_INCOMING_CPU,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_LOCK_FILTER,
    SO_MARK,
    SO_NO_CHECK,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEEK_OFF,
    SO_PEERCRED,
    SO_PEERNAME,
    SO_PRIORITY,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_RXQ_OVFL,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    SO_TYPE,
    SOL_SOCKET,
)
from kernel.uapi.tcp import TCP_LISTEN

NSEC_PER_SEC = 1000000000
NSEC_PER_USEC = 1000
FOREVER = -1
# A time beyond this many seconds is the same as none.
MAX_TIMEOUT = 1 << 31

FLAG_OPTIONS = {
    SO_DEBUG: SOCK_DBG,
    SO_DONTROUTE: SOCK_LOCALROUTE,
    SO_BROADCAST: SOCK_BROADCAST,
    SO_OOBINLINE: SOCK_URGINLINE,
    SO_KEEPALIVE: SOCK_KEEPOPEN,
    SO_RXQ_OVFL: SOCK_RXQ_OVFL,
    SO_PASSCRED: SOCK_PASSCRED,
}
# Accepted without effect, as their subject does not exist here; read back as 0.
IGNORED_OPTIONS = (SO_BSDCOMPAT, SO_BUSY_POLL)
# The families whose messages can carry credentials.
SCM_FAMILIES = (AF_UNIX, AF_NETLINK)


def sock_setsockopt(sk, optname, optval, privileged):
    """setsockopt at SOL_SOCKET; `optval` are the option's bytes.  0 or a negative errno."""
    if optname == SO_BINDTODEVICE:
        return set_bound_device(sk, optval, privileged)
    if len(optval) < 4:
        return -EINVAL
    if optname in (SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER):
        return sk_filter_option(sk, optname, optval)
    value = int.from_bytes(optval[:4], "little", signed=True)
    if optname == SO_PASSCRED and sk.sk_family not in SCM_FAMILIES:
        return -EOPNOTSUPP
    if optname in FLAG_OPTIONS:
        sock_valbool_flag(sk, FLAG_OPTIONS[optname], value != 0)
        if optname == SO_KEEPALIVE:
            sk.sk_prot.keepalive(sk, value != 0)
        return 0
    if optname in IGNORED_OPTIONS:
        return 0
    if optname in (SO_RCVTIMEO, SO_SNDTIMEO):
        return set_timeout(sk, optname, optval)
    if optname == SO_LINGER:
        return set_linger(sk, optval)
    if optname == SO_REUSEADDR:
        sk.sk_reuse = value != 0
    elif optname == SO_REUSEPORT:
        sk.sk_reuseport = value != 0
    elif optname == SO_SNDBUF:
        # The upper limit applies silently; what the kernel keeps for itself is added on top.
        sk.sk_userlocks |= SOCK_SNDBUF_LOCK
        sock_set_sndbuf(sk, min(value & 0xFFFFFFFF, sk.net.sysctl_wmem_max))
        sk.write_space()
    elif optname == SO_RCVBUF:
        sk.sk_userlocks |= SOCK_RCVBUF_LOCK
        sock_set_rcvbuf(sk, min(value & 0xFFFFFFFF, sk.net.sysctl_rmem_max))
    elif optname in (SO_SNDBUFFORCE, SO_RCVBUFFORCE):
        if not privileged:
            return -EPERM
        if optname == SO_SNDBUFFORCE:
            sk.sk_userlocks |= SOCK_SNDBUF_LOCK
            sock_set_sndbuf(sk, max(value, 0))
            sk.write_space()
        else:
            sk.sk_userlocks |= SOCK_RCVBUF_LOCK
            sock_set_rcvbuf(sk, max(value, 0))
    elif optname == SO_RCVLOWAT:
        sk.sk_rcvlowat = 0x7FFFFFFF if value < 0 else max(value, 1)
    elif optname == SO_PRIORITY:
        if not 0 <= value <= 6 and not privileged:
            return -EPERM
        sk.sk_priority = value & 0xFFFFFFFF
    elif optname == SO_MARK:
        if not privileged:
            return -EPERM
        sk.sk_mark = value & 0xFFFFFFFF
        sk.sk_dst_cache = None
    elif optname == SO_NO_CHECK:
        sk.sk_no_check_tx = value != 0
    elif optname in (SO_TIMESTAMP, SO_TIMESTAMPNS):
        set_timestamp(sk, optname, value != 0)
    elif optname == SO_PEEK_OFF:
        sk.sk_peek_off = value
    elif optname == SO_BINDTOIFINDEX:
        if value < 0 or (value and dev_get_by_index(sk.net, value) is None):
            return -EINVAL if value < 0 else -ENODEV
        bind_to_index(sk, value)
    else:
        return -ENOPROTOOPT
    return 0


def set_timeout(sk, optname, optval):
    """SO_RCVTIMEO and SO_SNDTIMEO: a struct timeval; 0 means for ever."""
    if len(optval) < 16:
        return -EINVAL
    seconds = int.from_bytes(optval[:8], "little", signed=True)
    micro = int.from_bytes(optval[8:16], "little", signed=True)
    if not 0 <= micro < 1000000:
        return -EDOM
    timeout = FOREVER
    if seconds < 0:
        timeout = 0
    elif (seconds or micro) and seconds < MAX_TIMEOUT:
        timeout = seconds * NSEC_PER_SEC + micro * NSEC_PER_USEC
    if optname == SO_RCVTIMEO:
        sk.sk_rcvtimeo = timeout
    else:
        sk.sk_sndtimeo = timeout
    return 0


def set_linger(sk, optval):
    """SO_LINGER: struct linger, in seconds."""
    if len(optval) < 8:
        return -EINVAL
    sock_valbool_flag(sk, SOCK_LINGER, any(optval[:4]))
    sk.sk_lingertime = min(int.from_bytes(optval[4:8], "little", signed=False), MAX_TIMEOUT) * NSEC_PER_SEC
    return 0


def set_timestamp(sk, optname, on):
    """SO_TIMESTAMP and SO_TIMESTAMPNS exclude each other: the last one that is switched counts."""
    sock_valbool_flag(sk, SOCK_RCVTSTAMP, on and optname == SO_TIMESTAMP)
    sock_valbool_flag(sk, SOCK_RCVTSTAMPNS, on and optname == SO_TIMESTAMPNS)


def set_bound_device(sk, optval, privileged):
    """SO_BINDTODEVICE: a name, "" unbinds."""
    if sk.sk_bound_dev_if and not privileged:
        return -EPERM
    name = optval[: IFNAMSIZ - 1].split(b"\0")[0].decode("latin-1")
    if not name:
        bind_to_index(sk, 0)
        return 0
    dev = dev_get_by_name(sk.net, name)
    if dev is None:
        return -ENODEV
    bind_to_index(sk, dev.ifindex)
    return 0


def bind_to_index(sk, ifindex):
    sk.sk_bound_dev_if = ifindex
    sk.sk_dst_cache = None


def sock_getsockopt(sock, optname, optlen):
    """getsockopt at SOL_SOCKET: the option's bytes, or a negative errno."""
    sk = sock.sk
    if optname == SO_PASSCRED and sk.sk_family not in SCM_FAMILIES:
        return -EOPNOTSUPP
    if optname in FLAG_OPTIONS:
        value = int(sk.sk_flags & FLAG_OPTIONS[optname] != 0)
    elif optname in IGNORED_OPTIONS:
        value = 0
    elif optname == SO_LINGER:
        on = int(sk.sk_flags & SOCK_LINGER != 0)
        return on.to_bytes(4, "little") + (sk.sk_lingertime // NSEC_PER_SEC).to_bytes(4, "little")
    elif optname in (SO_RCVTIMEO, SO_SNDTIMEO):
        timeout = max(0, sk.sk_rcvtimeo if optname == SO_RCVTIMEO else sk.sk_sndtimeo)
        seconds = timeout // NSEC_PER_SEC
        micro = timeout % NSEC_PER_SEC // NSEC_PER_USEC
        return seconds.to_bytes(8, "little") + micro.to_bytes(8, "little")
    elif optname == SO_BINDTODEVICE:
        dev = dev_get_by_index(sk.net, sk.sk_bound_dev_if)
        return dev.name.encode("latin-1") + b"\0" if dev is not None else b""
    elif optname == SO_COOKIE:
        return sock_cookie(sk).to_bytes(8, "little")
    elif optname == SO_PEERNAME:
        name = sock.ops.getname(sock, 1)
        return -ENOTCONN if isinstance(name, int) else name
    elif optname == SO_PEERCRED and sk.sk_family == AF_UNIX:
        return sock.ops.getsockopt(sock, SOL_SOCKET, optname, optlen)
    elif optname == SO_PEERCRED:
        return bytes(4) + b"\xff" * 8
    elif optname == SO_ERROR:
        value = -sock_error(sk)
        if value == 0:
            value = sk.sk_err_soft
            sk.sk_err_soft = 0
    else:
        value = plain_value(sk, optname)
        if value is None:
            return -ENOPROTOOPT
    return (value & 0xFFFFFFFF).to_bytes(4, "little")


def plain_value(sk, optname):
    """The options that are one of the sock's numbers; None for an unknown one."""
    if optname == SO_TYPE:
        return sk.sk_type
    if optname == SO_PROTOCOL:
        return sk.sk_protocol
    if optname == SO_DOMAIN:
        return sk.sk_family
    if optname == SO_SNDBUF:
        return sk.sk_sndbuf
    if optname == SO_RCVBUF:
        return sk.sk_rcvbuf
    if optname == SO_REUSEADDR:
        return int(sk.sk_reuse)
    if optname == SO_REUSEPORT:
        return int(sk.sk_reuseport)
    if optname == SO_RCVLOWAT:
        return sk.sk_rcvlowat
    if optname == SO_SNDLOWAT:
        return 1
    if optname == SO_PRIORITY:
        return sk.sk_priority
    if optname == SO_MARK:
        return sk.sk_mark
    if optname == SO_NO_CHECK:
        return int(sk.sk_no_check_tx)
    if optname == SO_ACCEPTCONN:
        return int(sk.sk_state == TCP_LISTEN)
    if optname == SO_TIMESTAMP:
        return int(sk.sk_flags & SOCK_RCVTSTAMP != 0)
    if optname == SO_TIMESTAMPNS:
        return int(sk.sk_flags & SOCK_RCVTSTAMPNS != 0)
    if optname == SO_PEEK_OFF:
        return sk.sk_peek_off
    if optname == SO_INCOMING_CPU:
        return 0
    if optname == SO_LOCK_FILTER:
        return int(sk.sk_flags & SOCK_FILTER_LOCKED != 0)
    if optname == SO_BINDTOIFINDEX:
        return sk.sk_bound_dev_if
    return None


def sock_cookie(sk):
    """A number that no other sock of this kernel has had."""
    if sk.sk_cookie == 0:
        sk.net.socket_cookie += 1
        sk.sk_cookie = sk.net.socket_cookie
    return sk.sk_cookie
