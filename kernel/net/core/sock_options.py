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
    SOCK_NOFCS,
    SOCK_PASSCRED,
    SOCK_PASSSEC,
    SOCK_PREFER_BUSY_POLL,
    SOCK_RCVBUF_LOCK,
    SOCK_RCVMARK,
    SOCK_RCVPRIORITY,
    SOCK_RCVTSTAMP,
    SOCK_RCVTSTAMPNS,
    SOCK_RXQ_OVFL,
    SOCK_SELECT_ERR_QUEUE,
    SOCK_SNDBUF_LOCK,
    SOCK_TSTAMP_NEW,
    SOCK_URGINLINE,
    SOCK_WIFI_STATUS,
    SOCK_ZEROCOPY,
)
from kernel.net.core.sockcm import may_set_priority
from kernel.net.core.timestamping import set_timestamp, set_timestamping
from kernel.uapi.errno import EACCES, EDOM, EINVAL, ENODEV, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM
from kernel.uapi.if_ import IFNAMSIZ
from kernel.uapi.in_ import IPPROTO_TCP, IPPROTO_UDP
from kernel.uapi.socket import (
    AF_INET,
    AF_NETLINK,
    AF_UNIX,
    SO_ACCEPTCONN,
    SO_ATTACH_FILTER,
    SO_BINDTODEVICE,
    SO_BINDTOIFINDEX,
    SO_BROADCAST,
    SO_BSDCOMPAT,
    SO_BUF_LOCK,
    SO_BUSY_POLL,
    SO_BUSY_POLL_BUDGET,
    SO_CNX_ADVICE,
    SO_COOKIE,
    SO_DEBUG,
    SO_DETACH_FILTER,
    SO_DOMAIN,
    SO_DONTROUTE,
    SO_ERROR,
    SO_INCOMING_CPU,
    SO_INCOMING_NAPI_ID,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_LOCK_FILTER,
    SO_MARK,
    SO_MAX_PACING_RATE,
    SO_MEMINFO,
    SO_NETNS_COOKIE,
    SO_NO_CHECK,
    SO_NOFCS,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PASSSEC,
    SO_PEEK_OFF,
    SO_PEERCRED,
    SO_PEERNAME,
    SO_PREFER_BUSY_POLL,
    SO_PRIORITY,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_RCVLOWAT,
    SO_RCVMARK,
    SO_RCVPRIORITY,
    SO_RCVTIMEO,
    SO_RCVTIMEO_NEW,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_RXQ_OVFL,
    SO_SELECT_ERR_QUEUE,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_SNDTIMEO_NEW,
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW,
    SO_TYPE,
    SO_WIFI_STATUS,
    SO_ZEROCOPY,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
)
from kernel.uapi.tcp import TCP_LISTEN

NSEC_PER_SEC = 1000000000
NSEC_PER_USEC = 1000
FOREVER = -1
# A time beyond this many seconds is the same as none.
MAX_TIMEOUT = 1 << 31
# What an endless SO_LINGER reads as: the most jiffies there are, in seconds of 250, and of those 32 bits.
LINGER_FOREVER = ((1 << 63) - 1) // 250 & 0xFFFFFFFF
# How many packets one round of busy polling takes unless told, and the number of the only network namespace.
BUSY_POLL_BUDGET = 8
NETNS_COOKIE = 1

FLAG_OPTIONS = {
    SO_DEBUG: SOCK_DBG,
    SO_DONTROUTE: SOCK_LOCALROUTE,
    SO_BROADCAST: SOCK_BROADCAST,
    SO_OOBINLINE: SOCK_URGINLINE,
    SO_KEEPALIVE: SOCK_KEEPOPEN,
    SO_RXQ_OVFL: SOCK_RXQ_OVFL,
    SO_SELECT_ERR_QUEUE: SOCK_SELECT_ERR_QUEUE,
    SO_RCVMARK: SOCK_RCVMARK,
    SO_RCVPRIORITY: SOCK_RCVPRIORITY,
    SO_PREFER_BUSY_POLL: SOCK_PREFER_BUSY_POLL,
    SO_PASSCRED: SOCK_PASSCRED,
    # No program here has a security label that could be passed.
    SO_PASSSEC: SOCK_PASSSEC,
    # No frame here comes by radio, and every one has a check sequence of its own.
    SO_WIFI_STATUS: SOCK_WIFI_STATUS,
    SO_NOFCS: SOCK_NOFCS,
}
# Accepted without effect, as their subject does not exist here; read back as 0.
IGNORED_OPTIONS = (SO_BSDCOMPAT,)
# The families whose messages can carry credentials.
SCM_FAMILIES = (AF_UNIX, AF_NETLINK)
SCM_OPTIONS = (SO_PASSCRED, SO_PASSSEC)
# Those with 64-bit times on every machine, which ours has anyway.
TIMEOUTS = {SO_RCVTIMEO: True, SO_RCVTIMEO_NEW: True, SO_SNDTIMEO: False, SO_SNDTIMEO_NEW: False}
# name: (nanoseconds, the _NEW form)
TIMESTAMPS = {
    SO_TIMESTAMP: (False, False),
    SO_TIMESTAMPNS: (True, False),
    SO_TIMESTAMP_NEW: (False, True),
    SO_TIMESTAMPNS_NEW: (True, True),
}
BUF_LOCK_MASK = SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK
U32_MASK = 0xFFFFFFFF
PACING_UNLIMITED = -1
TCP_AND_UDP = ((SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP))


def sock_setsockopt(sk, optname, optval, privileged):
    """setsockopt at SOL_SOCKET; `optval` are the option's bytes.  0 or a negative errno."""
    if optname == SO_BINDTODEVICE:
        return set_bound_device(sk, optval, privileged)
    if len(optval) < 4:
        return -EINVAL
    value = int.from_bytes(optval[:4], "little", signed=True)
    if optname in (SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER):
        return sk_filter_option(sk, optname, optval)
    if optname in SCM_OPTIONS and sk.sk_family not in SCM_FAMILIES:
        return -EOPNOTSUPP
    if optname in FLAG_OPTIONS:
        if optname == SO_DEBUG and value and not privileged:
            return -EACCES
        if optname == SO_PREFER_BUSY_POLL and value and not privileged:
            return -EPERM
        sock_valbool_flag(sk, FLAG_OPTIONS[optname], value != 0)
        if optname == SO_KEEPALIVE:
            sk.sk_prot.keepalive(sk, value != 0)
        return 0
    if optname in IGNORED_OPTIONS:
        return 0
    if optname in TIMEOUTS:
        return set_timeout(sk, TIMEOUTS[optname], optval)
    if optname == SO_LINGER:
        return set_linger(sk, optval)
    if optname in TIMESTAMPS:
        set_timestamp(sk, value != 0, *TIMESTAMPS[optname])
        return 0
    if optname in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
        return set_timestamping(sk, optval, optname == SO_TIMESTAMPING_NEW)
    if optname in BUFFERS:
        return set_buffer(sk, optname, value, privileged)
    if optname in SPECIAL:
        return SPECIAL[optname](sk, value, privileged, optval)
    if optname == SO_REUSEADDR:
        sk.sk_reuse = value != 0
    elif optname == SO_REUSEPORT:
        if value and sk.sk_family != AF_INET:
            return -EOPNOTSUPP
        sk.sk_reuseport = value != 0
    elif optname == SO_RCVLOWAT:
        sk.sk_prot.set_rcvlowat(sk, 0x7FFFFFFF if value < 0 else max(value, 1))
    elif optname == SO_PRIORITY:
        if not may_set_priority(sk, value):
            return -EPERM
        sk.sk_priority = value & U32_MASK
    elif optname == SO_MARK:
        if not privileged:
            return -EPERM
        sk.sk_mark = value & U32_MASK
        sk.sk_dst_cache = None
    elif optname == SO_NO_CHECK:
        sk.sk_no_check_tx = value != 0
    elif optname == SO_INCOMING_CPU:
        sk.sk_incoming_cpu = value
    elif optname == SO_BINDTOIFINDEX:
        if value < 0:
            return -EINVAL
        if sk.sk_bound_dev_if and not privileged:
            return -EPERM
        bind_to_index(sk, value)
    else:
        return -ENOPROTOOPT
    return 0


def set_buffer(sk, optname, value, privileged):
    """Buffer sizes: the limit applies silently, and does not to the superuser's FORCE options."""
    force, sending = BUFFERS[optname]
    if force and not privileged:
        return -EPERM
    if sending:
        size = max(value, 0) if force else min(value & U32_MASK, sk.net.sysctl_wmem_max)
        sk.sk_userlocks |= SOCK_SNDBUF_LOCK
        sock_set_sndbuf(sk, size)
        sk.write_space()
    else:
        size = max(value, 0) if force else min(value & U32_MASK, sk.net.sysctl_rmem_max)
        sk.sk_userlocks |= SOCK_RCVBUF_LOCK
        sock_set_rcvbuf(sk, size)
    return 0


# option: (beyond the limit, the send buffer)
BUFFERS = {
    SO_SNDBUF: (False, True),
    SO_RCVBUF: (False, False),
    SO_SNDBUFFORCE: (True, True),
    SO_RCVBUFFORCE: (True, False),
}


def set_zerocopy(sk, value, privileged, optval):
    """SO_ZEROCOPY: for TCP and UDP."""
    if (sk.sk_type, sk.sk_protocol) not in TCP_AND_UDP:
        return -EOPNOTSUPP
    if value not in (0, 1):
        return -EINVAL
    sock_valbool_flag(sk, SOCK_ZEROCOPY, value != 0)
    return 0


def has_peek_off(sk):
    """SO_PEEK_OFF is there for what has a queue that reading walks along."""
    return sk.sk_family == AF_UNIX or (sk.sk_type, sk.sk_protocol) in TCP_AND_UDP


def set_peek_off(sk, value, privileged, optval):
    if not has_peek_off(sk):
        return -EOPNOTSUPP
    sk.sk_peek_off = value
    return 0


def set_max_pacing_rate(sk, value, privileged, optval):
    """SO_MAX_PACING_RATE: bytes per second in 32 or 64 bits; all ones: no limit."""
    if len(optval) >= 8:
        rate = int.from_bytes(optval[:8], "little", signed=True)
        sk.sk_max_pacing_rate = rate if rate >= 0 else PACING_UNLIMITED
    else:
        sk.sk_max_pacing_rate = PACING_UNLIMITED if value == -1 else value & U32_MASK
    return 0


def set_busy_poll(sk, value, privileged, optval):
    """SO_BUSY_POLL: kept; there is one CPU here, and it does not spin.  Only the superuser may raise it."""
    if value > sk.sk_busy_poll and not privileged:
        return -EPERM
    if value < 0:
        return -EINVAL
    sk.sk_busy_poll = value
    return 0


def set_busy_poll_budget(sk, value, privileged, optval):
    """SO_BUSY_POLL_BUDGET: as SO_BUSY_POLL; nothing reads it back."""
    if value > BUSY_POLL_BUDGET and not privileged:
        return -EPERM
    return 0 if 0 <= value <= 0xFFFF else -EINVAL


def set_buf_lock(sk, value, privileged, optval):
    """SO_BUF_LOCK: which buffers keep their size (1 sending, 2 receiving)."""
    if value & ~BUF_LOCK_MASK:
        return -EINVAL
    sk.sk_userlocks = sk.sk_userlocks & ~BUF_LOCK_MASK | value
    return 0


def set_cnx_advice(sk, value, privileged, optval):
    """SO_CNX_ADVICE: the program says that its route does not work (1): look for another one."""
    if value == 1:
        sk.sk_dst_cache = None
    return 0


SPECIAL = {
    SO_ZEROCOPY: set_zerocopy,
    SO_PEEK_OFF: set_peek_off,
    SO_MAX_PACING_RATE: set_max_pacing_rate,
    SO_BUSY_POLL: set_busy_poll,
    SO_BUSY_POLL_BUDGET: set_busy_poll_budget,
    SO_BUF_LOCK: set_buf_lock,
    SO_CNX_ADVICE: set_cnx_advice,
}


def set_timeout(sk, receiving, optval):
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
    if receiving:
        sk.sk_rcvtimeo = timeout
    else:
        sk.sk_sndtimeo = timeout
    return 0


def set_linger(sk, optval):
    """SO_LINGER: struct linger, in seconds."""
    if len(optval) < 8:
        return -EINVAL
    sock_valbool_flag(sk, SOCK_LINGER, any(optval[:4]))
    if not any(optval[:4]):
        return 0
    seconds = int.from_bytes(optval[4:8], "little", signed=True)
    sk.sk_lingertime = seconds * NSEC_PER_SEC if seconds >= 0 else FOREVER
    return 0


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
    if optname in SCM_OPTIONS and sk.sk_family not in SCM_FAMILIES:
        return -EOPNOTSUPP
    if optname in FLAG_OPTIONS:
        value = int(sk.sk_flags & FLAG_OPTIONS[optname] != 0)
    elif optname in IGNORED_OPTIONS:
        value = 0
    elif optname == SO_LINGER:
        on = int(sk.sk_flags & SOCK_LINGER != 0)
        seconds = sk.sk_lingertime // NSEC_PER_SEC if sk.sk_lingertime != FOREVER else LINGER_FOREVER
        return on.to_bytes(4, "little") + seconds.to_bytes(4, "little")
    elif optname in TIMEOUTS:
        timeout = max(0, sk.sk_rcvtimeo if TIMEOUTS[optname] else sk.sk_sndtimeo)
        seconds = timeout // NSEC_PER_SEC
        micro = timeout % NSEC_PER_SEC // NSEC_PER_USEC
        return seconds.to_bytes(8, "little") + micro.to_bytes(8, "little")
    elif optname == SO_BINDTODEVICE:
        dev = dev_get_by_index(sk.net, sk.sk_bound_dev_if)
        if dev is not None and optlen < IFNAMSIZ:
            return -EINVAL
        return dev.name.encode("latin-1") + b"\0" if dev is not None else b""
    elif optname == SO_COOKIE:
        return sock_cookie(sk).to_bytes(8, "little") if optlen >= 8 else -EINVAL
    elif optname == SO_PEERNAME:
        # As for accept, a connection that has ended has had a peer.
        name = sock.ops.getname(sock, 2)
        if isinstance(name, int):
            return -ENOTCONN
        return name if optlen <= len(name) else -EINVAL
    elif optname == SO_PEERCRED and sk.sk_family == AF_UNIX:
        return sock.ops.getsockopt(sock, SOL_SOCKET, optname, optlen)
    elif optname == SO_PEERCRED:
        return bytes(4) + b"\xff" * 8
    elif optname in TIMESTAMPS:
        nanoseconds, new = TIMESTAMPS[optname]
        flags = sk.sk_flags
        value = int(
            flags & SOCK_RCVTSTAMP != 0
            and (flags & SOCK_RCVTSTAMPNS != 0) == nanoseconds
            and (flags & SOCK_TSTAMP_NEW != 0) == new
        )
    elif optname in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
        # struct so_timestamping: the flags, and which clock of the hardware, of which there is none.
        return sk.sk_tsflags.to_bytes(4, "little") + bytes(4)
    elif optname == SO_MAX_PACING_RATE:
        rate = sk.sk_max_pacing_rate
        if optlen >= 8:
            return rate.to_bytes(8, "little", signed=True)
        value = U32_MASK if rate == PACING_UNLIMITED else min(rate, U32_MASK)
    elif optname == SO_NETNS_COOKIE:
        return NETNS_COOKIE.to_bytes(8, "little") if optlen == 8 else -EINVAL
    elif optname == SO_MEMINFO:
        return sock_meminfo(sk)
    elif optname == SO_PEEK_OFF:
        if not has_peek_off(sk):
            return -EOPNOTSUPP
        value = sk.sk_peek_off
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
    if optname == SO_ZEROCOPY:
        return int(sk.sk_flags & SOCK_ZEROCOPY != 0)
    if optname == SO_BUSY_POLL:
        return sk.sk_busy_poll
    if optname == SO_BUF_LOCK:
        return sk.sk_userlocks & BUF_LOCK_MASK
    if optname == SO_INCOMING_NAPI_ID:
        return 0
    if optname == SO_INCOMING_CPU:
        return sk.sk_incoming_cpu
    if optname == SO_LOCK_FILTER:
        return int(sk.sk_flags & SOCK_FILTER_LOCKED != 0)
    if optname == SO_BINDTOIFINDEX:
        return sk.sk_bound_dev_if
    return None


def sock_meminfo(sk):
    """SO_MEMINFO: the nine numbers of the memory account (SK_MEMINFO_*), 32 bits each."""
    values = (
        sk.sk_rmem_alloc, sk.sk_rcvbuf, sk.sk_wmem_alloc, sk.sk_sndbuf, sk.sk_forward_alloc, sk.sk_wmem_queued,
        sk.sk_omem_alloc, sk.sk_backlog_len, sk.sk_drops,
    )
    return b"".join((value & U32_MASK).to_bytes(4, "little") for value in values)


def sock_cookie(sk):
    """A number that no other sock of this kernel has had."""
    if sk.sk_cookie == 0:
        sk.net.socket_cookie += 1
        sk.sk_cookie = sk.net.socket_cookie
    return sk.sk_cookie
