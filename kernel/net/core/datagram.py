"""What datagram protocols share: waiting for a packet, the poll mask, control messages about received packets."""

from kernel.fs.select import poll_wait
from kernel.net.core.skb_data import skb_copy_datagram_iter
from kernel.net.core.skbuff import consume_skb
from kernel.net.core.sock import sk_sleep, sock_error, sock_intr_errno
from kernel.net.core.sock_flags import (
    SOCK_RCVMARK,
    SOCK_RCVPRIORITY,
    SOCK_RECV_CMSGS,
    SOCK_RXQ_OVFL,
    SOCK_SELECT_ERR_QUEUE,
    SOCK_TIMESTAMP,
)
from kernel.net.core.timestamping import sock_recv_timestamp
from kernel.uapi.errno import EAGAIN, EFAULT
from kernel.uapi.poll import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from kernel.uapi.socket import (
    MSG_DONTWAIT,
    MSG_PEEK,
    MSG_TRUNC,
    RCV_SHUTDOWN,
    SHUTDOWN_MASK,
    SO_MARK,
    SO_PRIORITY,
    SO_RXQ_OVFL,
    SOL_SOCKET,
)


def skb_recv_datagram(sk, flags):
    """Wait until a packet may be had: 0 with one in front of the receive queue, 1 after RCV_SHUTDOWN, or -errno.

    -EAGAIN with MSG_DONTWAIT or when SO_RCVTIMEO has passed; a pending error is fetched and reported.
    """
    if sk.sk_err == 0 and sk.sk_receive_queue.first is not None:
        return 0
    timeo = 0 if flags & MSG_DONTWAIT else sk.sk_rcvtimeo
    while True:
        if sk.sk_err:
            return sock_error(sk)
        if sk.sk_receive_queue.first is not None:
            return 0
        # The end of the stream is seen by who would wait: without waiting there is nothing yet.
        if timeo == 0:
            return -EAGAIN
        if sk.sk_shutdown & RCV_SHUTDOWN:
            return 1
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = sk_sleep(sk, timeo, True)


def skb_copy_datagram(skb, msg, size, flags):
    """Copy a packet, or what of it fits, to the user: what recvmsg returns (with MSG_TRUNC its true size), or -EFAULT."""
    length = skb.len
    copied = length
    if copied > size:
        copied = size
        msg.msg_flags |= MSG_TRUNC
    if copied and skb_copy_datagram_iter(skb, 0, msg.msg_iter, copied) < 0:
        return -EFAULT
    return length if flags & MSG_TRUNC else copied


def skb_free_datagram(sk, skb, flags):
    """After copying from the packet in front: it is done with, unless the user has only peeked."""
    if not flags & MSG_PEEK:
        sk.sk_receive_queue.unlink(skb)
        consume_skb(skb)


def datagram_poll(sk, file, table):
    """The poll mask of a datagram socket."""
    poll_wait(file, sk.sk_wq, table)
    mask = 0
    if sk.sk_err or sk.sk_error_queue.first is not None:
        mask |= POLLERR
        if sk.sk_error_queue.first is not None and sk.sk_flags & SOCK_SELECT_ERR_QUEUE:
            mask |= POLLPRI
    if sk.sk_shutdown & RCV_SHUTDOWN:
        mask |= POLLRDHUP | POLLIN | POLLRDNORM
    if sk.sk_shutdown == SHUTDOWN_MASK:
        mask |= POLLHUP
    if sk.sk_receive_queue.first is not None:
        mask |= POLLIN | POLLRDNORM
    if sk.sk_wmem_alloc << 1 < sk.sk_sndbuf:
        mask |= POLLOUT | POLLWRNORM | POLLWRBAND
    return mask


def sock_recv_cmsgs(sk, msg, skb):
    """What the options of SOL_SOCKET ask for about a received packet: its time, packets lost before it, its mark and priority."""
    if sk.sk_flags & SOCK_RECV_CMSGS or sk.sk_tsflags:
        sock_recv_timestamp(sk, msg, skb.tstamp, False)
        if msg.msg_control is not None:
            if sk.sk_flags & SOCK_RXQ_OVFL and skb.cb0:
                msg.msg_control.append((SOL_SOCKET, SO_RXQ_OVFL, skb.cb0.to_bytes(4, "little")))
            if sk.sk_flags & SOCK_RCVMARK:
                msg.msg_control.append((SOL_SOCKET, SO_MARK, skb.mark.to_bytes(4, "little")))
            if sk.sk_flags & SOCK_RCVPRIORITY:
                msg.msg_control.append((SOL_SOCKET, SO_PRIORITY, skb.priority.to_bytes(4, "little")))
    elif sk.sk_flags & SOCK_TIMESTAMP:
        sk.sk_stamp = skb.tstamp
    elif sk.sk_stamp == -1:
        sk.sk_stamp = 0
