"""Messages of AF_UNIX: SOCK_DGRAM and SOCK_SEQPACKET; unix(7).

A datagram is charged to its sender until it is received.  Beside that a receiver that is not connected to the sender takes
at most max_dgram_qlen + 1 of them; then the sender waits.
"""

from kernel.net.core.filter import sk_filter_trim_cap
from kernel.net.core.skb_data import skb_add_frags_iter, skb_copy_datagram_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb
from kernel.net.core.sock import sk_sleep, skb_set_owner_w, sock_error, sock_intr_errno, sock_may_send
from kernel.net.core.sock_flags import SOCK_DEAD, SOCK_PASSCRED, SOCK_RCVTSTAMP
from kernel.net.core.timestamping import sock_recv_timestamp
from kernel.net.unix import scm
from kernel.net.unix.unix_sock import FAMILY, may_send, parse_address, unix_truesize
from kernel.uapi.errno import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EFAULT,
    EMSGSIZE,
    ENOBUFS,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
)
from kernel.uapi.socket import (
    MSG_DONTWAIT,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    RCV_SHUTDOWN,
    SOCK_SEQPACKET,
)
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED

# What of the send buffer an sk_buff itself needs.
OVERHEAD = 32
# How much of a message lies in one piece: four pages and what describes it.
SKB_MAX_ALLOC = 4 * 4096 - 320


def disconnected(sk, other):
    """`sk` is no longer connected to `other`: what has come from it is lost, and it is told."""
    if sk.sk_receive_queue.first is not None:
        lost = []
        for skb in sk.sk_receive_queue:
            lost += scm.detach_fds(sk.domain, skb)
        sk.sk_receive_queue.purge("UNIX_DISCONNECT")
        sk.make_room()
        if not other.sk_flags & SOCK_DEAD and other.peer is sk:
            other.sk_err = ECONNRESET
            other.error_report()
        sk.domain.put_files(lost)
    other.sk_state = TCP_CLOSE


def unix_dgram_sendmsg(sk, msg, size):
    """Send one message: its size, or a negative errno."""
    cookie = scm.scm_send(sk.net, msg)
    if isinstance(cookie, int):
        return cookie
    result = send_message(sk, msg, size, cookie)
    if result < 0:
        sk.domain.put_files(cookie.files)
    return result


def send_message(sk, msg, size, cookie):
    if msg.msg_flags & MSG_OOB:
        return -EOPNOTSUPP
    name = None
    if msg.msg_name and sk.sk_type != SOCK_SEQPACKET:
        name = parse_address(msg.msg_name)
        if isinstance(name, int):
            return name
    if sk.sk_flags & SOCK_PASSCRED:
        err = sk.domain.autobind(sk)
        if err < 0:
            return err
    if size > sk.sk_sndbuf - OVERHEAD:
        return -EMSGSIZE
    noblock = msg.msg_flags & MSG_DONTWAIT != 0
    err = sock_may_send(sk, noblock)
    if err < 0:
        return err
    skb = alloc_skb(sk.net.skb_cache, 1)
    if skb is None:
        return -ENOBUFS
    if size:
        added = skb_add_frags_iter(skb, msg.msg_iter, size, sk.frag)
        if added < size:
            kfree_skb(skb, "SKB_UCOPY_FAULT")
            return added if added < 0 else -ENOBUFS
    skb.truesize = unix_truesize(size, SKB_MAX_ALLOC)
    err = queue_message(sk, skb, name, cookie, 0 if noblock else sk.sk_sndtimeo)
    if err < 0:
        kfree_skb(skb, "UNIX_NOT_SENT")
        return err
    return size


def queue_message(sk, skb, name, cookie, timeo):
    """Find the receiver and queue the message for it, waiting up to `timeo` ns for room: 0 or a negative errno."""
    while True:
        other = sk.peer if name is None else sk.domain.find(name, sk.sk_type)
        if isinstance(other, int):
            return other
        if other is None:
            # Only now, behind the copy: a bad address in an unconnected socket's message is EFAULT.
            return -ENOTCONN
        if not may_send(sk, other):
            return -EPERM
        if other.sk_flags & SOCK_DEAD:
            if sk.sk_type == SOCK_SEQPACKET:
                return -EPIPE
            sk.peer = None
            disconnected(sk, other)
            sk.sk_state = TCP_CLOSE
            return -ECONNREFUSED
        if other.sk_shutdown & RCV_SHUTDOWN:
            return -EPIPE
        if other is sk or other.peer is sk or not other.queue_full():
            break
        if timeo == 0:
            return -EAGAIN
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = wait_for_peer(sk, other, timeo)
    if other.sk_filter is not None and sk_filter_trim_cap(other, skb, 1) < 0:
        # The sender is not told.
        sk.domain.put_files(cookie.files)
        kfree_skb(skb, "SOCKET_FILTER")
        return 0
    skb_set_owner_w(skb, sk)
    scm.attach(sk.domain, skb, cookie)
    other.sk_receive_queue.queue_tail(skb)
    other.data_ready()
    return 0


def wait_for_peer(sk, other, timeo):
    """Sleep until the queue of `other` may have room; returns what is left of `timeo`."""
    sched = sk.net.sched
    sched.prepare_to_wait(other.peer_wait, True)
    timeo = sched.schedule_timeout(timeo)
    sched.finish_wait(other.peer_wait)
    return timeo


def unix_seqpacket_sendmsg(sk, msg, size):
    """Send one message of a connection."""
    err = sock_error(sk)
    if err < 0:
        return err
    if sk.sk_state != TCP_ESTABLISHED:
        return -ENOTCONN
    return unix_dgram_sendmsg(sk, msg, size)


def wait_for_message(sk, flags, position):
    """The sk_buff that is to be read, `position` bytes of peeked messages further on: (skb, offset), or a negative errno.

    0 where no more will come.
    """
    timeo = 0 if flags & MSG_DONTWAIT else sk.sk_rcvtimeo
    while True:
        err = sock_error(sk)
        if err < 0:
            return err
        offset = position
        for skb in sk.sk_receive_queue:
            if offset < skb.len or (offset == 0 and skb.len == 0):
                return skb, offset
            offset -= skb.len
        if timeo == 0:
            return 0 if sk.sk_type == SOCK_SEQPACKET and sk.sk_shutdown & RCV_SHUTDOWN else -EAGAIN
        if sk.sk_shutdown & RCV_SHUTDOWN:
            return 0
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = sk_sleep(sk, timeo, True)


def unix_dgram_recvmsg(sk, msg, size, flags):
    """Receive one message: its size (with MSG_TRUNC the true one), 0 at the end, or a negative errno."""
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    peeking = flags & MSG_PEEK != 0
    found = wait_for_message(sk, flags, sk.sk_peek_off if peeking and sk.sk_peek_off >= 0 else 0)
    if isinstance(found, int):
        return found
    skb, offset = found
    parms = skb.cb
    msg.msg_name = FAMILY + skb.sk.name if skb.sk.name else None
    length = skb.len - offset
    copied = min(length, size)
    if copied < length:
        msg.msg_flags |= MSG_TRUNC
    if copied and skb_copy_datagram_iter(skb, offset, msg.msg_iter, copied) < 0:
        if not peeking:
            # It was taken; nobody gets it any more.
            sk.domain.put_files(scm.detach_fds(sk.domain, skb))
            sk.sk_receive_queue.unlink(skb)
            consume_skb(skb)
            sk.make_room()
        return -EFAULT
    if sk.sk_flags & SOCK_RCVTSTAMP:
        sock_recv_timestamp(sk, msg, skb.tstamp, False)
    cookie = scm.scm_cookie(parms.cred)
    if peeking:
        cookie.files = scm.peek_fds(skb)
        if sk.sk_peek_off >= 0:
            sk.sk_peek_off += copied
    else:
        cookie.files = scm.detach_fds(sk.domain, skb)
        sk.sk_receive_queue.unlink(skb)
        if sk.sk_peek_off >= 0:
            sk.sk_peek_off = max(0, sk.sk_peek_off - skb.len)
        consume_skb(skb)
        sk.make_room()
    scm.scm_recv(sk, msg, cookie)
    return length if flags & MSG_TRUNC else copied


def unix_seqpacket_recvmsg(sk, msg, size, flags):
    """Receive one message of a connection."""
    if sk.sk_state != TCP_ESTABLISHED:
        return -ENOTCONN
    return unix_dgram_recvmsg(sk, msg, size, flags)
