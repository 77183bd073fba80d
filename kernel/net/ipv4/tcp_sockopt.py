"""Socket options of level SOL_TCP (tcp(7))."""

from kernel.net.core.sock import lock_sock, release_sock
from kernel.net.core.sock_flags import SOCK_KEEPOPEN, SOCK_RCVBUF_LOCK
from kernel.net.ipv4.ip_sockglue import int_bytes, int_option
from kernel.net.ipv4.tcp_cong import tcp_set_congestion_control
from kernel.net.ipv4.tcp_const import (
    ICSK_ACK_PUSHED,
    ICSK_ACK_SCHED,
    MAX_TCP_KEEPCNT,
    MAX_TCP_KEEPIDLE,
    MAX_TCP_KEEPINTVL,
    MAX_TCP_SYNCNT,
    NSEC_PER_USEC,
    TCP_DELACK_MAX,
    TCP_FIN_TIMEOUT_MAX,
    TCP_MIN_MSS,
    TCP_NAGLE_CORK,
    TCP_NAGLE_OFF,
    TCP_NAGLE_PUSH,
    TCP_RTO_MAX,
    TCP_RTO_MIN,
    TCP_TIMEOUT_MIN,
    USEC_PER_MSEC,
    USEC_PER_SEC,
)
from kernel.net.ipv4.tcp_data import tcp_data_ready
from kernel.net.ipv4.tcp_fastopen import TFO_CLIENT_ENABLE, set_fastopen, set_fastopen_key
from kernel.net.ipv4.tcp_info import tcp_get_info
from kernel.net.ipv4.tcp_input import keepalive_time_when
from kernel.net.ipv4.tcp_output import tcp_push_pending_frames
from kernel.net.ipv4.tcp_recvmsg import tcp_cleanup_rbuf
from kernel.net.ipv4.tcp_sock import (
    inet_csk_reset_keepalive_timer,
    tcp_mstamp_refresh,
    tcp_now,
    tcp_space_from_win,
)
from kernel.net.ipv4.tcp_timer import tcp_keepalive_intvl, tcp_keepalive_probes
from kernel.uapi.errno import EINVAL, ENOPROTOOPT, EOPNOTSUPP, EPERM
from kernel.uapi.tcp import (
    TCP_CA_NAME_MAX,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CONGESTION,
    TCP_CORK,
    TCP_DEFER_ACCEPT,
    TCP_DELACK_MAX_US,
    TCP_ESTABLISHED,
    TCP_FASTOPEN,
    TCP_FASTOPEN_CONNECT,
    TCP_FASTOPEN_KEY,
    TCP_FASTOPEN_NO_COOKIE,
    TCP_INFO,
    TCP_INQ,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_LINGER2,
    TCP_LISTEN,
    TCP_MAXSEG,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
    TCP_QUICKACK,
    TCP_RTO_MAX_MS,
    TCP_RTO_MIN_US,
    TCP_SAVE_SYN,
    TCP_SAVED_SYN,
    TCP_SYNCNT,
    TCP_THIN_DUPACK,
    TCP_TIMESTAMP,
    TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP,
)

MAX_SEGMENT = 32767
# Half of the smallest receive buffer that there is.
MIN_WINDOW_CLAMP = 1152
# A request's SYN-ACK timeouts in seconds, doubling up to this.
REQUEST_RTO_MAX = 120


def secs_to_retrans(seconds):
    """TCP_DEFER_ACCEPT: how many SYN-ACK retransmissions `seconds` are (1, 2, 4 ... s apart)."""
    count = 0
    if seconds > 0:
        period = timeout = 1
        count = 1
        while seconds > period and count < 255:
            count += 1
            timeout = min(timeout << 1, REQUEST_RTO_MAX)
            period += timeout
    return count


def retrans_to_secs(count):
    period = 0
    if count > 0:
        period = timeout = 1
        while count > 1:
            count -= 1
            timeout = min(timeout << 1, REQUEST_RTO_MAX)
            period += timeout
    return period


def tcp_setsockopt(sk, optname, optval):
    """Set an option from its bytes: 0, -EINVAL, -ENOPROTOOPT, -ENOENT."""
    if optname == TCP_CONGESTION:
        name = optval[: TCP_CA_NAME_MAX - 1].split(b"\0")[0].decode("latin-1")
        if not optval:
            return -EINVAL
        lock_sock(sk)
        err = tcp_set_congestion_control(sk, name)
        release_sock(sk)
        return err
    if optname == TCP_FASTOPEN_KEY:
        return set_fastopen_key(sk, optval)
    value = int_option(optval) if len(optval) >= 4 else None
    if value is None:
        return -EINVAL
    setter = SETTERS.get(optname)
    if setter is None:
        return -ENOPROTOOPT
    lock_sock(sk)
    tcp_mstamp_refresh(sk)
    err = setter(sk, value)
    release_sock(sk)
    return err


def set_nodelay(sk, value):
    if value:
        # What is held back by Nagle goes now, even in front of a cork.
        sk.nonagle |= TCP_NAGLE_OFF | TCP_NAGLE_PUSH
        tcp_push_pending_frames(sk)
    else:
        sk.nonagle &= ~TCP_NAGLE_OFF
    return 0


def set_cork(sk, value):
    if value:
        sk.nonagle |= TCP_NAGLE_CORK
    else:
        sk.nonagle &= ~TCP_NAGLE_CORK
        if sk.nonagle & TCP_NAGLE_OFF:
            sk.nonagle |= TCP_NAGLE_PUSH
        tcp_push_pending_frames(sk)
    return 0


def set_maxseg(sk, value):
    if value and not TCP_MIN_MSS <= value <= MAX_SEGMENT:
        return -EINVAL
    sk.user_mss = value
    return 0


def set_keepidle(sk, value):
    if not 1 <= value <= MAX_TCP_KEEPIDLE:
        return -EINVAL
    sk.keepalive_time = value * USEC_PER_SEC
    if sk.sk_flags & SOCK_KEEPOPEN and sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        idle = min(sk.tcp_mstamp - sk.ack_lrcvtime, sk.tcp_mstamp - sk.rcv_tstamp)
        inet_csk_reset_keepalive_timer(sk, max(sk.keepalive_time - idle, 0))
    return 0


def set_keepintvl(sk, value):
    if not 1 <= value <= MAX_TCP_KEEPINTVL:
        return -EINVAL
    sk.keepalive_intvl = value * USEC_PER_SEC
    return 0


def set_keepcnt(sk, value):
    if not 1 <= value <= MAX_TCP_KEEPCNT:
        return -EINVAL
    sk.keepalive_probes = value
    return 0


def set_syncnt(sk, value):
    if not 1 <= value <= MAX_TCP_SYNCNT:
        return -EINVAL
    sk.icsk_syn_retries = value
    return 0


def set_linger2(sk, value):
    if value < 0:
        sk.linger2 = -1
    elif value > TCP_FIN_TIMEOUT_MAX // USEC_PER_SEC:
        sk.linger2 = TCP_FIN_TIMEOUT_MAX
    else:
        sk.linger2 = value * USEC_PER_SEC
    return 0


def set_defer_accept(sk, value):
    sk.icsk_defer_accept = secs_to_retrans(value)
    return 0


def set_window_clamp(sk, value):
    if value == 0:
        if sk.sk_state != TCP_CLOSE:
            return -EINVAL
        sk.window_clamp = 0
        return 0
    sk.window_clamp = max(value, MIN_WINDOW_CLAMP)
    if sk.sk_state != TCP_CLOSE:
        sk.rcv_ssthresh = min(sk.rcv_wnd, sk.window_clamp)
    return 0


def set_quickack(sk, value):
    if not value:
        sk.ack_pingpong = 1
        return 0
    sk.ack_pingpong = 0
    if sk.sk_state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT) and sk.ack_pending & ICSK_ACK_SCHED:
        sk.ack_pending |= ICSK_ACK_PUSHED
        tcp_cleanup_rbuf(sk, 1)
        # An even number asks for this one ACK only.
        if not value & 1:
            sk.ack_pingpong = 1
    return 0


def set_user_timeout(sk, value):
    if value < 0:
        return -EINVAL
    sk.icsk_user_timeout = value * USEC_PER_MSEC
    return 0


def set_notsent_lowat(sk, value):
    sk.notsent_lowat = value & 0xFFFFFFFF
    sk.write_space()
    return 0


def set_inq(sk, value):
    if value not in (0, 1):
        return -EINVAL
    sk.recvmsg_inq = value == 1
    return 0


def set_fastopen_connect(sk, value):
    if value not in (0, 1):
        return -EINVAL
    if not sk.net.sysctl_tcp_fastopen & TFO_CLIENT_ENABLE:
        return -EOPNOTSUPP
    if sk.sk_state != TCP_CLOSE:
        return -EINVAL
    sk.fastopen_connect = value == 1
    return 0


def set_fastopen_no_cookie(sk, value):
    if value not in (0, 1) or sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        return -EINVAL
    sk.fastopen_no_cookie = value == 1
    return 0


def set_save_syn(sk, value):
    if not 0 <= value <= 2:
        return -EINVAL
    sk.save_syn = value
    return 0


def set_rto_max(sk, value):
    if not 1000 <= value <= TCP_RTO_MAX // USEC_PER_MSEC:
        return -EINVAL
    sk.icsk_rto_max = value * USEC_PER_MSEC
    return 0


def set_rto_min(sk, value):
    if not TCP_TIMEOUT_MIN <= value <= TCP_RTO_MIN:
        return -EINVAL
    sk.icsk_rto_min = value
    return 0


def set_delack_max(sk, value):
    if not TCP_TIMEOUT_MIN <= value <= TCP_DELACK_MAX:
        return -EINVAL
    sk.icsk_delack_max = value
    return 0


def tcp_set_rcvlowat(sk, value):
    """SO_RCVLOWAT: no more than half of what the receive buffer may become, which grows to hold it; may wake the reader."""
    net = sk.net
    limit = sk.sk_rcvbuf if sk.sk_userlocks & SOCK_RCVBUF_LOCK else net.sysctl_tcp_rmem_max
    sk.sk_rcvlowat = max(1, min(value, limit >> 1))
    tcp_data_ready(sk)
    if sk.sk_userlocks & SOCK_RCVBUF_LOCK:
        return
    space = tcp_space_from_win(sk, sk.sk_rcvlowat)
    if space > sk.sk_rcvbuf:
        sk.sk_rcvbuf = space
        if sk.window_clamp and sk.window_clamp < sk.sk_rcvlowat:
            sk.window_clamp = sk.sk_rcvlowat


def set_timestamp(sk, value):
    """Only for connections that are being repaired."""
    return -EPERM


SETTERS = {
    # Of no effect since Linux 4.11.
    TCP_THIN_DUPACK: lambda sk, value: 0 if value in (0, 1) else -EINVAL,
    TCP_NODELAY: set_nodelay,
    TCP_CORK: set_cork,
    TCP_MAXSEG: set_maxseg,
    TCP_KEEPIDLE: set_keepidle,
    TCP_KEEPINTVL: set_keepintvl,
    TCP_KEEPCNT: set_keepcnt,
    TCP_SYNCNT: set_syncnt,
    TCP_LINGER2: set_linger2,
    TCP_DEFER_ACCEPT: set_defer_accept,
    TCP_WINDOW_CLAMP: set_window_clamp,
    TCP_QUICKACK: set_quickack,
    TCP_USER_TIMEOUT: set_user_timeout,
    TCP_NOTSENT_LOWAT: set_notsent_lowat,
    TCP_INQ: set_inq,
    TCP_TIMESTAMP: set_timestamp,
    TCP_FASTOPEN: set_fastopen,
    TCP_FASTOPEN_CONNECT: set_fastopen_connect,
    TCP_FASTOPEN_NO_COOKIE: set_fastopen_no_cookie,
    TCP_SAVE_SYN: set_save_syn,
    TCP_RTO_MAX_MS: set_rto_max,
    TCP_RTO_MIN_US: set_rto_min,
    TCP_DELACK_MAX_US: set_delack_max,
}


def get_maxseg(sk):
    if sk.sk_state in (TCP_CLOSE, TCP_LISTEN) and sk.user_mss:
        return sk.user_mss
    return sk.mss_cache


def get_linger2(sk):
    if sk.linger2 < 0:
        return -1
    timeout = sk.linger2 if sk.linger2 else sk.net.sysctl_tcp_fin_timeout // NSEC_PER_USEC
    return timeout // USEC_PER_SEC


def get_timestamp(sk):
    return (tcp_now(sk.net) // USEC_PER_MSEC + sk.tsoffset) & 0x7FFFFFFF


GETTERS = {
    TCP_THIN_DUPACK: lambda sk: 0,
    TCP_NODELAY: lambda sk: 1 if sk.nonagle & TCP_NAGLE_OFF else 0,
    TCP_CORK: lambda sk: 1 if sk.nonagle & TCP_NAGLE_CORK else 0,
    TCP_MAXSEG: get_maxseg,
    TCP_KEEPIDLE: lambda sk: keepalive_time_when(sk) // USEC_PER_SEC,
    TCP_KEEPINTVL: lambda sk: tcp_keepalive_intvl(sk) // USEC_PER_SEC,
    TCP_KEEPCNT: tcp_keepalive_probes,
    TCP_SYNCNT: lambda sk: sk.icsk_syn_retries if sk.icsk_syn_retries else sk.net.sysctl_tcp_syn_retries,
    TCP_LINGER2: get_linger2,
    TCP_DEFER_ACCEPT: lambda sk: retrans_to_secs(sk.icsk_defer_accept),
    TCP_WINDOW_CLAMP: lambda sk: sk.window_clamp,
    TCP_QUICKACK: lambda sk: 0 if sk.ack_pingpong else 1,
    TCP_USER_TIMEOUT: lambda sk: sk.icsk_user_timeout // USEC_PER_MSEC,
    TCP_NOTSENT_LOWAT: lambda sk: sk.notsent_lowat,
    TCP_RTO_MAX_MS: lambda sk: sk.icsk_rto_max // USEC_PER_MSEC,
    TCP_RTO_MIN_US: lambda sk: sk.icsk_rto_min,
    TCP_DELACK_MAX_US: lambda sk: sk.icsk_delack_max,
    TCP_INQ: lambda sk: 1 if sk.recvmsg_inq else 0,
    TCP_TIMESTAMP: get_timestamp,
    TCP_FASTOPEN: lambda sk: sk.fastopen_max_qlen,
    TCP_FASTOPEN_CONNECT: lambda sk: 1 if sk.fastopen_connect else 0,
    TCP_FASTOPEN_NO_COOKIE: lambda sk: 1 if sk.fastopen_no_cookie else 0,
    TCP_SAVE_SYN: lambda sk: sk.save_syn,
}


def get_saved_syn(sk, optlen):
    """TCP_SAVED_SYN: once; -EINVAL with too small a buffer, which keeps it."""
    saved = sk.saved_syn
    if saved is None:
        return b""
    if optlen < len(saved):
        return -EINVAL
    sk.saved_syn = None
    return saved


def tcp_getsockopt(sk, optname, optlen):
    """The option's bytes, or -ENOPROTOOPT."""
    if optname == TCP_INFO:
        return tcp_get_info(sk)
    if optname == TCP_CONGESTION:
        name = sk.icsk_ca_ops.name if sk.icsk_ca_ops is not None else ""
        return name.encode("ascii").ljust(TCP_CA_NAME_MAX, b"\0")
    if optname == TCP_FASTOPEN_KEY:
        # Those of this socket alone.
        return b"".join(sk.fastopen_ctx.keys) if sk.fastopen_ctx is not None else b""
    if optname == TCP_SAVED_SYN:
        return get_saved_syn(sk, optlen)
    getter = GETTERS.get(optname)
    if getter is None:
        return -ENOPROTOOPT
    return int_bytes(getter(sk))
