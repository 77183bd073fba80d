"""Time stamps of packets: SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING (Linux: Documentation/networking/timestamping).

Received packets are stamped by the device layer while somebody wants it (`softnet.netstamp_needed`).  A sent packet
carries in `tx_flags` which stamps its sender has asked for; each comes back on the error queue.  `skb.tstamp` counts
from boot, what programs see from the epoch.
"""

from kernel.net.core.sock import sock_disable_timestamp, sock_enable_timestamp, sock_is_tcp, sock_valbool_flag
from kernel.net.core.sock_flags import (
    SKBTX_ACK_TSTAMP,
    SKBTX_SCHED_TSTAMP,
    SKBTX_SW_TSTAMP,
    SOCK_RCVTSTAMP,
    SOCK_RCVTSTAMPNS,
    SOCK_TIMESTAMP,
    SOCK_TIMESTAMPING_RX_SOFTWARE,
    SOCK_TSTAMP_NEW,
)
from kernel.uapi.errno import EINVAL
from kernel.uapi.errqueue import (
    SOF_TIMESTAMPING_BIND_PHC,
    SOF_TIMESTAMPING_OPT_ID,
    SOF_TIMESTAMPING_OPT_ID_TCP,
    SOF_TIMESTAMPING_OPT_RX_FILTER,
    SOF_TIMESTAMPING_OPT_STATS,
    SOF_TIMESTAMPING_RX_SOFTWARE,
    SOF_TIMESTAMPING_SOFTWARE,
    SOF_TIMESTAMPING_TX_ACK,
    SOF_TIMESTAMPING_TX_RECORD_MASK,
    SOF_TIMESTAMPING_TX_SCHED,
    SOF_TIMESTAMPING_TX_SOFTWARE,
)
from kernel.uapi.socket import (
    SCM_TIMESTAMP,
    SCM_TIMESTAMPING,
    SCM_TIMESTAMPNS,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPING_NEW,
    SO_TIMESTAMPNS_NEW,
    SOL_SOCKET,
)
from kernel.uapi.tcp import TCP_CLOSE, TCP_LISTEN

NSEC_PER_SEC = 1000000000
U32_MASK = 0xFFFFFFFF
# All flags up to the newest; TCP's statistics beside a stamp and clocks of the hardware do not exist here.
TIMESTAMPING_MASK = (1 << 18) - 1
UNSUPPORTED = SOF_TIMESTAMPING_OPT_STATS | SOF_TIMESTAMPING_BIND_PHC


# --- options ---


def set_timestamp(sk, on, nanoseconds, new):
    """SO_TIMESTAMP and SO_TIMESTAMPNS: the last one that is switched on counts."""
    sock_valbool_flag(sk, SOCK_RCVTSTAMP, on)
    sock_valbool_flag(sk, SOCK_RCVTSTAMPNS, on and nanoseconds)
    if on:
        sock_valbool_flag(sk, SOCK_TSTAMP_NEW, new)
        sock_enable_timestamp(sk, SOCK_TIMESTAMP)


def set_timestamping(sk, optval, new):
    """SO_TIMESTAMPING: an int of flags, which a struct so_timestamping begins with; 0 or -EINVAL."""
    flags = int.from_bytes(optval[:4], "little")
    if flags & ~TIMESTAMPING_MASK or flags & UNSUPPORTED:
        return -EINVAL
    if flags & SOF_TIMESTAMPING_OPT_ID_TCP and not flags & SOF_TIMESTAMPING_OPT_ID:
        return -EINVAL
    if flags & SOF_TIMESTAMPING_OPT_ID and not sk.sk_tsflags & SOF_TIMESTAMPING_OPT_ID:
        key = 0
        if sock_is_tcp(sk):
            # A stream counts bytes from here on; before there is a connection there is nothing to count from.
            if sk.sk_state in (TCP_CLOSE, TCP_LISTEN):
                return -EINVAL
            key = sk.write_seq if flags & SOF_TIMESTAMPING_OPT_ID_TCP else sk.snd_una
        sk.sk_tskey = key
    sk.sk_tsflags = flags
    sock_valbool_flag(sk, SOCK_TSTAMP_NEW, new)
    if flags & SOF_TIMESTAMPING_RX_SOFTWARE:
        sock_enable_timestamp(sk, SOCK_TIMESTAMPING_RX_SOFTWARE)
    else:
        sock_disable_timestamp(sk, SOCK_TIMESTAMPING_RX_SOFTWARE)
    return 0


# --- received packets ---


def realtime(sk, stamp):
    """(seconds since the epoch, ns) as 8 bytes each, of a time since boot."""
    seconds, fraction = divmod(sk.net.kernel.boot_time + stamp, NSEC_PER_SEC)
    return seconds.to_bytes(8, "little"), fraction


def sock_recv_timestamp(sk, msg, taken, sent):
    """Note when a packet came (SIOCGSTAMP), and say so in control messages when asked to.

    `taken`: its stamp, 0 for one that came before anybody asked and is as old as this call; `sent`: it is one of ours.
    """
    stamp = taken
    if stamp == 0 and sk.sk_flags & SOCK_RCVTSTAMP:
        stamp = sk.net.timers.now()
    sk.sk_stamp = stamp
    if msg.msg_control is None:
        return
    new = sk.sk_flags & SOCK_TSTAMP_NEW
    if sk.sk_flags & SOCK_RCVTSTAMP:
        seconds, fraction = realtime(sk, stamp)
        if sk.sk_flags & SOCK_RCVTSTAMPNS:
            kind, data = SO_TIMESTAMPNS_NEW if new else SCM_TIMESTAMPNS, seconds + fraction.to_bytes(8, "little")
        else:
            kind, data = SO_TIMESTAMP_NEW if new else SCM_TIMESTAMP, seconds + (fraction // 1000).to_bytes(8, "little")
        msg.msg_control.append((SOL_SOCKET, kind, data))
    flags = sk.sk_tsflags
    if flags & SOF_TIMESTAMPING_SOFTWARE and taken and (
        sent or flags & SOF_TIMESTAMPING_RX_SOFTWARE or not flags & SOF_TIMESTAMPING_OPT_RX_FILTER
    ):
        seconds, fraction = realtime(sk, taken)
        # Software, (obsolete), hardware.
        data = seconds + fraction.to_bytes(8, "little") + bytes(32)
        msg.msg_control.append((SOL_SOCKET, SO_TIMESTAMPING_NEW if new else SCM_TIMESTAMPING, data))


# --- sent packets ---


def sock_tx_timestamp(sk, skb, tsflags):
    """Mark a datagram with the stamps that `tsflags` ask for, and number it."""
    flags = 0
    if tsflags & SOF_TIMESTAMPING_TX_SOFTWARE:
        flags |= SKBTX_SW_TSTAMP
    if tsflags & SOF_TIMESTAMPING_TX_SCHED:
        flags |= SKBTX_SCHED_TSTAMP
    skb.tx_flags = flags
    if tsflags & SOF_TIMESTAMPING_OPT_ID and tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK:
        skb.tskey = sk.sk_tskey
        sk.sk_tskey = (sk.sk_tskey + 1) & U32_MASK


def tcp_tx_timestamp(sk, tsflags):
    """Mark the last byte of a write, which lies at the end of the newest sk_buff."""
    skb = sk.sk_write_queue.last
    if skb is None:
        skb = sk.tcp_rtx_queue.last
    if skb is None or not tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK:
        return
    flags = SKBTX_ACK_TSTAMP if tsflags & SOF_TIMESTAMPING_TX_ACK else 0
    if tsflags & SOF_TIMESTAMPING_TX_SOFTWARE:
        flags |= SKBTX_SW_TSTAMP
    if tsflags & SOF_TIMESTAMPING_TX_SCHED:
        flags |= SKBTX_SCHED_TSTAMP
    skb.tx_flags = flags
    skb.tskey = (skb.seq + skb.len - 1) & U32_MASK
