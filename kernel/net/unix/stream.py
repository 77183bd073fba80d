"""Streams of AF_UNIX; unix(7).

The bytes of one send are one or more sk_buffs in the receiver's queue, charged to the sender until they are read.  A read
stops behind descriptors, so that they arrive with the bytes they were sent with, and where another sender begins when the
receiver wants to know who that is.  A byte that was sent with MSG_OOB is an sk_buff of its own, the mark.
"""

from kernel.fs.fown import sk_send_sigurg
from kernel.net.core.skb_data import skb_add_frags_iter, skb_copy_datagram_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb
from kernel.net.core.sock import sk_sleep, skb_set_owner_w, sock_error, sock_intr_errno, sock_may_send
from kernel.net.core.sock_flags import SOCK_DEAD, SOCK_PASSCRED, SOCK_URGINLINE
from kernel.net.unix import scm
from kernel.net.unix.unix_sock import FAMILY, unix_truesize
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, EISCONN, ENOBUFS, ENOTCONN, EOPNOTSUPP, EPIPE
from kernel.uapi.poll import POLLPRI
from kernel.uapi.socket import MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_WAITALL, RCV_SHUTDOWN, SEND_SHUTDOWN
from kernel.uapi.tcp import TCP_ESTABLISHED

# How much of an sk_buff's payload lies in one piece: a page with what describes it; and how much there is with the rest.
SKB_MAX_HEAD = 4096 - 320
CHUNK = SKB_MAX_HEAD + 32768


def unix_stream_sendmsg(sk, msg, size):
    """Send: how many bytes, or a negative errno."""
    cookie = scm.scm_send(sk.net, msg)
    if isinstance(cookie, int):
        return cookie
    result = send_bytes(sk, msg, size, cookie)
    # Files that went with the first bytes are the receiver's now.
    sk.domain.put_files(cookie.files)
    return result


def send_bytes(sk, msg, size, cookie):
    urgent = msg.msg_flags & MSG_OOB != 0
    if urgent and size == 0:
        return -EOPNOTSUPP
    if msg.msg_name:
        return -EISCONN if sk.sk_state == TCP_ESTABLISHED else -EOPNOTSUPP
    if sk.peer is None:
        return -ENOTCONN
    if sk.sk_flags & SOCK_PASSCRED:
        err = sk.domain.autobind(sk)
        if err < 0:
            return err
    if sk.sk_shutdown & SEND_SHUTDOWN:
        return -EPIPE
    noblock = msg.msg_flags & MSG_DONTWAIT != 0
    done = 0
    plain = size - 1 if urgent else size
    while done < plain:
        sent = send_piece(sk, msg, min(plain - done, CHUNK, max(1, (sk.sk_sndbuf >> 1) - 64)), noblock, cookie, False)
        if sent < 0:
            return done if done else sent
        done += sent
    if urgent:
        sent = send_piece(sk, msg, 1, noblock, cookie, True)
        if sent < 0:
            return done if done else sent
        done += sent
    return done


def send_piece(sk, msg, size, noblock, cookie, urgent):
    """Queue up to `size` bytes for the peer as one sk_buff; how many, or a negative errno."""
    err = sock_may_send(sk, noblock)
    if err < 0:
        return err
    skb = alloc_skb(sk.net.skb_cache, 1)
    if skb is None:
        return -ENOBUFS
    added = skb_add_frags_iter(skb, msg.msg_iter, size, sk.frag)
    peer = sk.peer
    if added > 0 and (peer is None or peer.sk_flags & SOCK_DEAD or peer.sk_shutdown & RCV_SHUTDOWN):
        added = -EPIPE
    if added <= 0:
        kfree_skb(skb, "UNIX_NOT_SENT")
        return added if added < 0 else -EFAULT
    skb.truesize = unix_truesize(added, SKB_MAX_HEAD)
    skb_set_owner_w(skb, sk)
    scm.attach(sk.domain, skb, cookie)
    cookie.files = []
    peer.sk_receive_queue.queue_tail(skb)
    if urgent:
        peer.oob_skb = skb
        sk_send_sigurg(peer)
        if peer.sk_wq.first is not None:
            peer.sk_wq.wake_up(POLLPRI, 1)
    peer.data_ready()
    return added


def left(skb):
    """How much of an sk_buff has not been read."""
    return skb.len - skb.cb0


def manage_oob(sk, skb, flags, copied):
    """The sk_buff to read from `skb` on, in view of the urgent mark: None where reading has to stop before it."""
    while skb is not None:
        if left(skb) == 0:
            # The urgent byte has been read by itself: what is left of it is the mark.
            following = skb.next
            if copied and (sk.oob_skb is None or skb is sk.oob_skb):
                return None
            if not flags & MSG_PEEK:
                sk.sk_receive_queue.unlink(skb)
                consume_skb(skb)
            skb = following
        elif skb is not sk.oob_skb:
            return skb
        elif copied:
            return None
        elif sk.sk_flags & SOCK_URGINLINE:
            if not flags & MSG_PEEK:
                sk.oob_skb = None
            return skb
        else:
            following = skb.next
            if not flags & MSG_PEEK:
                sk.oob_skb = None
                sk.sk_receive_queue.unlink(skb)
                consume_skb(skb)
            skb = following
    return None


def receive_urgent(sk, msg, flags):
    """recv with MSG_OOB: the urgent byte."""
    skb = sk.oob_skb
    if sk.sk_flags & SOCK_URGINLINE or skb is None:
        return -EINVAL
    if not flags & MSG_PEEK:
        sk.oob_skb = None
    if skb_copy_datagram_iter(skb, skb.cb0, msg.msg_iter, 1) < 0:
        return -EFAULT
    if not flags & MSG_PEEK:
        skb.cb0 += 1
    msg.msg_flags |= MSG_OOB
    return 1


def unix_stream_recvmsg(sk, msg, size, flags):
    """Receive: how many bytes, 0 at the end, or a negative errno."""
    if sk.sk_state != TCP_ESTABLISHED:
        return -EINVAL
    if flags & MSG_OOB:
        return receive_urgent(sk, msg, flags)
    cookie = scm.scm_cookie()
    copied = read_stream(sk, msg, size, flags, cookie)
    scm.scm_recv(sk, msg, cookie)
    return copied


def read_stream(sk, msg, size, flags, cookie):
    """recvmsg's work; what came along goes into `cookie`."""
    peeking = flags & MSG_PEEK != 0
    skip = sk.sk_peek_off if peeking and sk.sk_peek_off >= 0 else 0
    target = max(1, size if flags & MSG_WAITALL else min(sk.sk_rcvlowat, size))
    timeo = 0 if flags & MSG_DONTWAIT else sk.sk_rcvtimeo
    copied = 0
    skb = sk.sk_receive_queue.first
    while True:
        skb = manage_oob(sk, skb, flags, copied)
        while skb is not None and skip >= left(skb) > 0:
            skip -= left(skb)
            skb = manage_oob(sk, skb.next, flags, copied)
        if skb is None:
            if copied >= target or stopped_at_mark(sk, copied):
                break
            err = sock_error(sk)
            if err < 0:
                return copied if copied else err
            if sk.sk_shutdown & RCV_SHUTDOWN:
                break
            if timeo == 0:
                return copied if copied else -EAGAIN
            if sk.net.sched.signal_pending():
                return copied if copied else sock_intr_errno(timeo)
            last = sk.sk_receive_queue.last
            timeo = sk_sleep(sk, timeo, True)
            # After peeking go on behind what has been seen.
            seen = peeking and copied and last is not None and last.list is sk.sk_receive_queue
            skb = last.next if seen else sk.sk_receive_queue.first
            continue
        if peeking and size == 0 and skb.next is not None:
            # To peek at nothing walks along the whole queue, and what ends at the mark has seen nothing.
            skb = skb.next
            continue
        parms = skb.cb
        if cookie.cred is not None and sk.sk_flags & SOCK_PASSCRED and parms.cred != cookie.cred:
            break
        cookie.cred = parms.cred
        if msg.msg_name is None and skb.sk.name:
            msg.msg_name = FAMILY + skb.sk.name
        piece = min(left(skb) - skip, size - copied)
        if skb_copy_datagram_iter(skb, skb.cb0 + skip, msg.msg_iter, piece) < 0:
            return copied if copied else -EFAULT
        copied += piece
        skb, more = advance(sk, skb, piece, skip, peeking, cookie)
        skip = 0
        if not more or copied == size:
            return copied
    return copied


def advance(sk, skb, piece, skip, peeking, cookie):
    """`piece` bytes of an sk_buff have been copied: (the next one, whether to go on reading)."""
    following = skb.next
    carries = bool(skb.cb.files)
    if peeking:
        if carries:
            cookie.files = scm.peek_fds(skb)
        if sk.sk_peek_off >= 0:
            sk.sk_peek_off += piece
        return (following, not carries) if left(skb) == skip + piece else (skb, False)
    skb.cb0 += piece
    if sk.sk_peek_off >= 0:
        sk.sk_peek_off = max(0, sk.sk_peek_off - piece)
    if carries:
        cookie.files = scm.detach_fds(sk.domain, skb)
    if left(skb):
        return skb, False
    sk.sk_receive_queue.unlink(skb)
    consume_skb(skb)
    return following, not carries


def stopped_at_mark(sk, copied):
    """Whether a read of something ended because the next byte is the urgent one."""
    first = sk.sk_receive_queue.first
    return bool(copied) and first is not None and (first is sk.oob_skb or left(first) == 0)


def at_mark(sk):
    """SIOCATMARK: whether the next byte is the urgent one, or was."""
    first = sk.sk_receive_queue.first
    if first is None:
        return False
    return first is sk.oob_skb or (left(first) == 0 and (sk.oob_skb is None or first.next is sk.oob_skb))
