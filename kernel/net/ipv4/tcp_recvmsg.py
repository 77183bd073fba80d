"""Receiving: from the receive queue into the program's buffers (RFC 9293 section 3.9.1.3; Linux: tcp_recvmsg)."""

from kernel.net.core.skb_data import skb_copy_datagram_iter
from kernel.net.core.skbuff import consume_skb
from kernel.net.core.sock import lock_sock, release_sock, sk_sleep, sock_error, sock_intr_errno
from kernel.net.core.sock_flags import SOCK_DONE, SOCK_RCVTSTAMP, SOCK_URGINLINE
from kernel.net.core.timestamping import sock_recv_timestamp
from kernel.net.ipv4.ip_sockglue import ip_recv_error
from kernel.net.ipv4.tcp import tcp_inq
from kernel.net.ipv4.tcp_const import (
    ICSK_ACK_PUSHED,
    ICSK_ACK_PUSHED2,
    ICSK_ACK_SCHED,
    TCP_URG_READ,
    TCP_URG_VALID,
    U32_MASK,
)
from kernel.net.ipv4.tcp_control import tcp_send_ack
from kernel.net.ipv4.tcp_sock import after, tcp_fast_path_check, tcp_mstamp_refresh, tcp_receive_window
from kernel.net.ipv4.tcp_window import tcp_choose_window, tcp_rcv_space_adjust
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, ENOTCONN
from kernel.uapi.socket import (
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    RCV_SHUTDOWN,
    SOL_TCP,
)
from kernel.uapi.tcp import TCP_CLOSE, TCP_CM_INQ, TCP_LISTEN, TCPHDR_FIN


def tcp_cleanup_rbuf(sk, copied):
    """The reader has taken data: is an acknowledgment due, or a window update worth sending?"""
    ack_now = False
    if sk.ack_pending & ICSK_ACK_SCHED:
        if ((sk.rcv_nxt - sk.rcv_wup) & U32_MASK) > sk.ack_rcv_mss:
            ack_now = True
        elif copied > 0 and sk.sk_rmem_alloc == 0:
            # A pushed small segment has been read: the dialogue may wait for its ACK.
            if sk.ack_pending & ICSK_ACK_PUSHED2 or (sk.ack_pending & ICSK_ACK_PUSHED and not sk.ack_pingpong):
                ack_now = True
    if copied > 0 and not ack_now and not sk.sk_shutdown & RCV_SHUTDOWN:
        window_now = tcp_receive_window(sk)
        if 2 * window_now <= sk.window_clamp:
            new_window = tcp_choose_window(sk)
            if new_window and new_window >= 2 * window_now:
                ack_now = True
    if ack_now:
        tcp_mstamp_refresh(sk)
        tcp_send_ack(sk)


def tcp_recv_urg(sk, msg, size, flags):
    """MSG_OOB: the urgent byte."""
    if sk.sk_flags & SOCK_URGINLINE or not sk.urg_data or sk.urg_data & TCP_URG_READ:
        return -EINVAL
    if sk.sk_state == TCP_CLOSE and not sk.sk_flags & SOCK_DONE:
        return -ENOTCONN
    if sk.urg_data & TCP_URG_VALID:
        value = sk.urg_data & 0xFF
        if not flags & MSG_PEEK:
            sk.urg_data = TCP_URG_READ
        msg.msg_flags |= MSG_OOB
        if size > 0:
            if not flags & MSG_TRUNC and msg.msg_iter.write(bytes((value,))) < 0:
                return -EFAULT
            return 1
        msg.msg_flags |= MSG_TRUNC
        return 0
    if sk.sk_state == TCP_CLOSE or sk.sk_shutdown & RCV_SHUTDOWN:
        return 0
    # It is announced and has not come.
    return -EAGAIN


def tcp_recvmsg(sk, msg, size, flags):
    """recv(2) and friends: bytes received, 0 at the end of the stream, or a negative errno."""
    if flags & MSG_ERRQUEUE:
        return ip_recv_error(sk, msg, size)
    lock_sock(sk)
    if sk.sk_state == TCP_LISTEN:
        result = -ENOTCONN
    elif flags & MSG_OOB:
        result = tcp_recv_urg(sk, msg, size, flags)
    else:
        result = tcp_recvmsg_locked(sk, msg, size, flags)
        if result > 0 and (sk.sk_flags & SOCK_RCVTSTAMP or sk.sk_tsflags):
            sock_recv_timestamp(sk, msg, sk.rx_tstamp, False)
        if sk.recvmsg_inq and result >= 0 and msg.msg_control is not None:
            # Behind the last byte waits the end of the stream: that is worth another read.
            hint = max(tcp_inq(sk), 1 if sk.sk_flags & SOCK_DONE else 0)
            msg.msg_control.append((SOL_TCP, TCP_CM_INQ, hint.to_bytes(4, "little")))
    release_sock(sk)
    return result


def tcp_recvmsg_locked(sk, msg, size, flags):
    timeo = 0 if flags & MSG_DONTWAIT else sk.sk_rcvtimeo
    peek = flags & MSG_PEEK
    # SO_PEEK_OFF: where the last look ended.
    peek_offset = sk.sk_peek_off if peek and sk.sk_peek_off > 0 else 0
    seq = (sk.copied_seq + peek_offset) & U32_MASK
    copied = 0
    target = size if flags & MSG_WAITALL else min(sk.sk_rcvlowat, size)
    if target < 1:
        target = 1
    # Also who asks for nothing hears whether there is anything.
    first = True
    while first or size > 0:
        first = False
        if sk.urg_data and sk.urg_seq == seq:
            # Data before the mark is read in one go, the mark itself by the next call.
            if copied:
                break
            if sk.net.sched.signal_pending():
                copied = sock_intr_errno(timeo) if timeo else -EAGAIN
                break
        skb = sk.sk_receive_queue.first
        if peek:
            while skb is not None and not after(skb.end_seq, seq):
                skb = skb.next
        if skb is not None and after(skb.end_seq, seq):
            offset = seq - skb.seq
            offset &= U32_MASK
            used = 0
            if offset < skb.len:
                used = skb.len - offset
                if used > size:
                    used = size
                skip = 0
                if sk.urg_data:
                    skip, used = tcp_mind_the_mark(sk, seq, used)
                if used and not flags & MSG_TRUNC and skb_copy_datagram_iter(skb, offset + skip, msg.msg_iter, used) < 0:
                    if copied == 0:
                        copied = -EFAULT
                    break
                sk.rx_tstamp = skb.tstamp
                used += skip
                copied += used - skip
                size -= used - skip
                seq = (seq + used) & U32_MASK
                if not peek:
                    sk.copied_seq = seq
                    tcp_rcv_space_adjust(sk)
                    if sk.urg_data and after(sk.copied_seq, sk.urg_seq):
                        sk.urg_data = 0
                        tcp_fast_path_check(sk)
                if offset + used < skb.len:
                    continue
            fin = skb.tcp_flags & TCPHDR_FIN
            if fin:
                seq = (seq + 1) & U32_MASK
                if not peek:
                    sk.copied_seq = seq
            if not peek:
                sk.sk_receive_queue.unlink(skb)
                consume_skb(skb)
            if fin:
                break
            continue
        # Nothing more is queued.
        if copied >= target and sk.sk_backlog.first is None:
            break
        if copied:
            if (sk.sk_err or sk.sk_state == TCP_CLOSE or sk.sk_shutdown & RCV_SHUTDOWN or timeo == 0
                    or sk.net.sched.signal_pending()):
                break
        else:
            err = tcp_recv_stop(sk, timeo)
            if err <= 0:
                copied = err
                break
        if copied >= target:
            release_sock(sk)
            lock_sock(sk)
        else:
            if not peek:
                tcp_cleanup_rbuf(sk, copied)
            timeo = tcp_wait_data(sk, timeo)
        if peek and copied == 0:
            seq = (sk.copied_seq + peek_offset) & U32_MASK
    if copied > 0:
        if not peek:
            tcp_cleanup_rbuf(sk, copied)
        if sk.sk_peek_off >= 0:
            sk.sk_peek_off = sk.sk_peek_off + copied if peek else max(0, sk.sk_peek_off - copied)
    return copied


def tcp_recv_stop(sk, timeo):
    """An empty queue: 1 wait, 0 end of the stream, or a negative errno."""
    if sk.sk_flags & SOCK_DONE:
        return 0
    if sk.sk_err:
        return sock_error(sk)
    if sk.sk_shutdown & RCV_SHUTDOWN:
        return 0
    if sk.sk_state == TCP_CLOSE:
        # Never connected, or reset and the error fetched already.
        return -ENOTCONN
    if timeo == 0:
        return -EAGAIN
    if sk.net.sched.signal_pending():
        return sock_intr_errno(timeo)
    return 1


def tcp_wait_data(sk, timeo):
    """Let the sock go and sleep until something is queued or over; what is left of `timeo`."""
    last = sk.sk_receive_queue.last
    rcv_nxt = sk.rcv_nxt
    release_sock(sk)
    # Serving the backlog may have brought what we wait for.
    if (sk.sk_receive_queue.last is last and sk.rcv_nxt == rcv_nxt and sk.sk_err == 0
            and not sk.sk_shutdown & RCV_SHUTDOWN and sk.sk_state != TCP_CLOSE):
        timeo = sk_sleep(sk, timeo, False)
    lock_sock(sk)
    return timeo


def tcp_mind_the_mark(sk, seq, used):
    """Urgent data in the range: (bytes to skip, bytes to copy), up to the urgent byte or past it."""
    offset = (sk.urg_seq - seq) & U32_MASK
    if offset < used:
        if offset == 0:
            if not sk.sk_flags & SOCK_URGINLINE:
                return 1, used - 1
        else:
            return 0, offset
    return 0, used
