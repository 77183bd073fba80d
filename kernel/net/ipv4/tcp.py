"""TCP for programs: sending, closing, polling (RFC 9293 section 3.9.1; Linux: tcp.c).

Every call takes the sock with lock_sock; waiting lets it go.
"""

from kernel.fs.select import poll_wait
from kernel.net.core.error_queue import msg_zerocopy_abort, msg_zerocopy_alloc, msg_zerocopy_complete
from kernel.net.core.sk_mem import sk_mem_refused
from kernel.net.core.skb_data import skb_add_frags_iter
from kernel.net.core.skbuff import consume_skb
from kernel.net.core.sock import lock_sock, release_sock, sk_sleep, sock_error, sock_intr_errno
from kernel.net.core.sock_flags import SOCK_DONE, SOCK_LINGER, SOCK_URGINLINE, SOCK_ZEROCOPY
from kernel.net.core.sockcm import sock_cmsg_send, sockcm_cookie
from kernel.net.core.timestamping import tcp_tx_timestamp
from kernel.net.ipv4.af_inet import inet_stream_connect
from kernel.net.ipv4.devinet import parse_sockaddr_in
from kernel.net.ipv4.inet_connection_sock import (
    inet_csk_destroy_sock,
    inet_csk_listen_stop,
    inet_csk_orphan,
    reqsk_fastopen_remove,
    sk_error_report,
    tcp_set_state,
)
from kernel.net.ipv4.tcp_cong import tcp_slow_start_after_idle_check
from kernel.net.ipv4.tcp_const import (
    TCP_INFINITE_SSTHRESH,
    TCP_INIT_CWND,
    TCP_NAGLE_PUSH,
    TCP_TIMEOUT_INIT,
    TCP_TIMEWAIT_LEN,
    TCP_URG_VALID,
    U32_MASK,
)
from kernel.net.ipv4.tcp_control import tcp_connect, tcp_send_active_reset, tcp_send_fin
from kernel.net.ipv4.tcp_fastopen import TFO_CLIENT_ENABLE, fastopen_request
from kernel.net.ipv4.tcp_output import tcp_forced_push, tcp_mark_push, tcp_push, tcp_push_frames, tcp_push_one
from kernel.net.ipv4.tcp_queue import tcp_stream_alloc_skb
from kernel.net.ipv4.tcp_sack import tcp_rate_check_app_limited
from kernel.net.ipv4.tcp_sock import (
    after,
    before,
    inet_csk_clear_xmit_timers,
    inet_csk_reset_keepalive_timer,
    sk_stream_is_writeable,
    sk_stream_memory_free,
    tcp_mstamp_refresh,
    tcp_wmem_free_skb,
    tcp_write_queue_purge,
)
from kernel.net.ipv4.tcp_timewait import tcp_fin_time, tcp_time_wait
from kernel.net.ipv4.tcp_window import tcp_current_mss, tcp_send_mss_goal
from kernel.uapi.errno import (
    EAGAIN,
    EALREADY,
    ECONNRESET,
    EINPROGRESS,
    EINVAL,
    ENOBUFS,
    ENOIOCTLCMD,
    ENOMEM,
    EOPNOTSUPP,
    EPIPE,
)
from kernel.uapi.fcntl import O_NONBLOCK
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM
from kernel.uapi.socket import (
    AF_INET,
    AF_UNSPEC,
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_FASTOPEN,
    MSG_MORE,
    MSG_OOB,
    MSG_ZEROCOPY,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SHUTDOWN_MASK,
)
from kernel.uapi.sockios import SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD
from kernel.uapi.tcp import (
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCPF_CLOSE_WAIT,
    TCPF_CLOSING,
    TCPF_ESTABLISHED,
    TCPF_FIN_WAIT1,
    TCPF_LAST_ACK,
    TCPF_SYN_RECV,
    TCPF_SYN_SENT,
    TCPHDR_ACK,
    TCPHDR_FIN,
    TCPHDR_PSH,
    TCP_CA_Open,
)

SOCK_BINDADDR_LOCK = 4
# What an sk_buff of the write queue takes beside its data, and how long a sender without memory waits for others, at least.
TCP_SKB_TRUESIZE = 1280
MEMORY_PAUSE = 2_000_000
SOCKADDR_IN_SIZE = 16
FAMILY_SIZE = 2
# What a plain write is without.
MSG_SPECIAL = MSG_FASTOPEN | MSG_ZEROCOPY


# --- sending ---


def sk_stream_wait_connect(sk, timeo):
    """Wait for the handshake; what is left of `timeo`, or a negative errno below -1."""
    while not (1 << sk.sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT):
        if sk.sk_err:
            return sock_error(sk) - 1
        if not (1 << sk.sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV):
            return -EPIPE - 1
        if timeo == 0:
            return -EAGAIN - 1
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo) - 1
        sk.write_pending += 1
        release_sock(sk)
        if (1 << sk.sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) and not sk.sk_err:
            timeo = sk_sleep(sk, timeo, False)
        lock_sock(sk)
        sk.write_pending -= 1
    return timeo


def sk_stream_wait_memory(sk, timeo):
    """Wait until the write queue takes more; what is left of `timeo`, or a negative errno minus one."""
    if sk_stream_memory_free(sk):
        # It is not our buffer but the memory of all that is short: somebody else may give some back.
        if timeo == 0:
            return -EAGAIN - 1
        pause = MEMORY_PAUSE + sk.net.random.randrange(100 * MEMORY_PAUSE)
        if 0 < timeo < pause:
            pause = timeo
        release_sock(sk)
        left = sk_sleep(sk, pause, False)
        lock_sock(sk)
        if timeo > 0:
            timeo -= pause - left
        if sk.sk_err or sk.sk_shutdown & SEND_SHUTDOWN:
            return -EPIPE - 1
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo) - 1
    while not sk_stream_memory_free(sk):
        sk.nospace = True
        if sk.sk_err or sk.sk_shutdown & SEND_SHUTDOWN:
            return -EPIPE - 1
        if timeo == 0:
            return -EAGAIN - 1
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo) - 1
        release_sock(sk)
        # The backlog may have held the very ACK that makes room.
        if sk_stream_memory_free(sk) or sk.sk_err or sk.sk_shutdown & SEND_SHUTDOWN:
            lock_sock(sk)
            continue
        timeo = sk_sleep(sk, timeo, False)
        lock_sock(sk)
    return timeo


def tcp_skb_entail(sk):
    """A new sk_buff at the end of the write queue; None when RAM is full."""
    skb = tcp_stream_alloc_skb(sk)
    if skb is None:
        return None
    skb.seq = sk.write_seq
    skb.end_seq = sk.write_seq
    skb.tcp_flags = TCPHDR_ACK
    sk.sk_write_queue.queue_tail(skb)
    sk.sk_wmem_queued += skb.truesize
    sk.sk_prot.memory_allocated += skb.truesize
    sk.nonagle &= ~TCP_NAGLE_PUSH
    tcp_slow_start_after_idle_check(sk)
    return skb


def tcp_remove_empty_skb(sk):
    """A write that failed leaves nothing behind."""
    skb = sk.sk_write_queue.last
    if skb is not None and skb.seq == skb.end_seq and not skb.tcp_flags & TCPHDR_FIN:
        sk.sk_write_queue.unlink(skb)
        tcp_wmem_free_skb(sk, skb)


def tcp_sendmsg(sk, msg, size):
    """send(2) and friends: bytes taken, or a negative errno."""
    lock_sock(sk)
    if msg.msg_flags & MSG_SPECIAL or sk.defer_connect:
        result = tcp_sendmsg_special(sk, msg, size)
    else:
        result = tcp_sendmsg_locked(sk, msg)
    release_sock(sk)
    return result


def tcp_sendmsg_special(sk, msg, size):
    """A write that begins a connection (Fast Open), or one with MSG_ZEROCOPY, with the sock taken."""
    copied = 0
    notification = None
    if msg.msg_flags & MSG_FASTOPEN or sk.defer_connect:
        copied, err, notification = tcp_sendmsg_fastopen(sk, msg, size)
        if err < 0 and (err != -EINPROGRESS or copied == 0):
            if notification is not None:
                msg_zerocopy_abort(sk, notification)
            return err
        if err < 0:
            if notification is not None:
                msg_zerocopy_complete(sk, notification)
            return copied
    if notification is None and size and msg.msg_flags & MSG_ZEROCOPY and sk.sk_flags & SOCK_ZEROCOPY:
        notification = msg_zerocopy_alloc(sk)
        if notification is None:
            return -ENOBUFS
    result = tcp_sendmsg_locked(sk, msg) if msg.msg_iter.count or copied == 0 else 0
    if result < 0 and copied:
        result = 0
    if notification is not None:
        if result < 0:
            msg_zerocopy_abort(sk, notification)
        else:
            msg_zerocopy_complete(sk, notification)
    return result if result < 0 else copied + result


def tcp_sendmsg_fastopen(sk, msg, size):
    """connect(2) and the first write in one (RFC 7413 section 4.2): (bytes that went with the SYN, errno, notification).

    -EINPROGRESS without blocking, also when data has gone.
    """
    name = msg.msg_name
    family = int.from_bytes(name[:2], "little") if name is not None and len(name) >= 2 else AF_INET
    if not sk.net.sysctl_tcp_fastopen & TFO_CLIENT_ENABLE or family == AF_UNSPEC:
        return 0, -EOPNOTSUPP, None
    if sk.fastopen_req is not None:
        return 0, -EALREADY, None
    request = fastopen_request(msg, size)
    sk.fastopen_req = request
    if sk.defer_connect:
        tcp_connect(sk, sk.sk_dst_cache)
    address, port = 0, 0
    if name is not None and len(name) >= SOCKADDR_IN_SIZE:
        family, address, port = parse_sockaddr_in(name)
    flags = O_NONBLOCK if msg.msg_flags & MSG_DONTWAIT else 0
    length = len(name) if name is not None else 0
    err = -EINVAL
    if name is None or length >= FAMILY_SIZE:
        err = inet_stream_connect(sk.sk_socket, sk, family, address, port, length, flags, True)
    if sk.fastopen_req is request:
        sk.fastopen_req = None
        sk.defer_connect = False
    return request.copied, err, request.notification


def tcp_sendmsg_locked(sk, msg):
    """The bytes of a message into the write queue, once there is a connection."""
    flags = msg.msg_flags
    timeo = 0 if flags & MSG_DONTWAIT else sk.sk_sndtimeo
    if not (1 << sk.sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT) and sk.fastopen_rsk is None:
        timeo = sk_stream_wait_connect(sk, timeo)
        if timeo < -1:
            return tcp_send_error(sk, timeo + 1)
    # Which time stamps of the last byte are wanted.
    tsflags = sk.sk_tsflags
    if msg.msg_control is not None:
        cookie = sockcm_cookie(sk)
        err = sock_cmsg_send(sk, msg, cookie)
        if err < 0:
            return err
        tsflags = cookie.tsflags
    if sk.sk_err or sk.sk_shutdown & SEND_SHUTDOWN:
        return tcp_send_error(sk, -EPIPE)
    source = msg.msg_iter
    tcp_mstamp_refresh(sk)
    tcp_rate_check_app_limited(sk)
    mss_now = tcp_current_mss(sk)
    size_goal = tcp_send_mss_goal(sk, mss_now, not flags & MSG_OOB)
    tn = sk.net.tcp
    frag = tn.page_frag
    copied = 0
    err = 0
    while source.count:
        skb = sk.sk_write_queue.last
        room = 0
        if skb is not None and not skb.eor and skb.len < size_goal and not skb.tcp_flags & TCPHDR_FIN:
            room = size_goal - skb.len
        if room == 0:
            if sk_stream_memory_free(sk) and not sk_mem_refused(sk, TCP_SKB_TRUESIZE, False):
                skb = tcp_skb_entail(sk)
                room = size_goal
            else:
                skb = None
        if skb is None:
            err = tcp_wait_for_space(sk, flags, copied, mss_now, size_goal, timeo)
            if err < -1:
                err += 1
                break
            timeo = err
            err = 0
            mss_now = tcp_current_mss(sk)
            size_goal = tcp_send_mss_goal(sk, mss_now, not flags & MSG_OOB)
            continue
        before_size = skb.truesize
        taken = skb_add_frags_iter(skb, source, room, frag)
        if taken == 0:
            # No fragment is left in this one: it is as full as it gets.
            skb.eor = True
            continue
        if taken == -ENOMEM:
            tcp_remove_empty_skb(sk)
            err = tcp_wait_for_ram(sk, flags, copied, mss_now, size_goal)
            break
        if taken < 0:
            err = taken
            break
        sk.sk_wmem_queued += skb.truesize - before_size
        sk.sk_prot.memory_allocated += skb.truesize - before_size
        if copied == 0:
            skb.tcp_flags &= ~TCPHDR_PSH
        sk.write_seq = (sk.write_seq + taken) & U32_MASK
        skb.end_seq = (skb.end_seq + taken) & U32_MASK
        copied += taken
        if source.count == 0:
            if flags & MSG_EOR:
                skb.eor = True
            break
        if skb.len < size_goal or flags & MSG_OOB:
            continue
        if tcp_forced_push(sk):
            tcp_mark_push(sk, skb)
            tcp_push_frames(sk, mss_now, TCP_NAGLE_PUSH)
        elif skb is sk.sk_write_queue.first:
            tcp_push_one(sk, mss_now)
    if copied:
        if tsflags:
            tcp_tx_timestamp(sk, tsflags)
        tcp_push(sk, flags, mss_now, sk.nonagle, size_goal)
        return copied
    if err:
        tcp_remove_empty_skb(sk)
        return tcp_send_error(sk, err)
    return 0


def tcp_wait_for_space(sk, flags, copied, mss_now, size_goal, timeo):
    """Send what there is and wait for room; result as sk_stream_wait_memory."""
    sk.nospace = True
    if copied:
        tcp_push(sk, flags & ~MSG_MORE, mss_now, TCP_NAGLE_PUSH, size_goal)
    return sk_stream_wait_memory(sk, timeo)


def tcp_wait_for_ram(sk, flags, copied, mss_now, size_goal):
    """The machine has no RAM for more: send what there is; the error if that was nothing."""
    if copied:
        tcp_push(sk, flags & ~MSG_MORE, mss_now, TCP_NAGLE_PUSH, size_goal)
    return -ENOMEM


def tcp_send_error(sk, err):
    """What a failed send answers: a pending error comes before EPIPE."""
    if err == -EPIPE:
        pending = sock_error(sk)
        if pending:
            return pending
    elif err == -EAGAIN and sk.tcp_rtx_queue.first is None and sk.sk_write_queue.first is None:
        # Nothing is under way that would wake the writer by itself.
        sk.write_space()
    return err


# --- closing ---


def tcp_close_state(sk):
    """The user is done sending: enter the next state; True when a FIN has to go."""
    state = sk.sk_state
    if state in (TCP_ESTABLISHED, TCP_SYN_RECV):
        tcp_set_state(sk, TCP_FIN_WAIT1)
        return True
    if state == TCP_CLOSE_WAIT:
        tcp_set_state(sk, TCP_LAST_ACK)
        return True
    if state in (TCP_SYN_SENT, TCP_LISTEN):
        tcp_set_state(sk, TCP_CLOSE)
    return False


def tcp_shutdown(sk, how):
    """shutdown(2), with the sock taken."""
    if how & SEND_SHUTDOWN:
        state = sk.sk_state
        if state in (TCP_ESTABLISHED, TCP_SYN_SENT, TCP_CLOSE_WAIT):
            if tcp_close_state(sk):
                tcp_send_fin(sk)


def sk_stream_wait_close(sk, timeo):
    """SO_LINGER: wait until the peer has our FIN."""
    while timeo:
        if not (1 << sk.sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK):
            return
        if sk.net.sched.signal_pending():
            return
        release_sock(sk)
        if (1 << sk.sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK):
            timeo = sk_sleep(sk, timeo, False)
        lock_sock(sk)


def tcp_close(sk, timeout):
    """close(2) on the last descriptor: an orderly end if nothing is unread, else a RST (RFC 2525 section 2.17)."""
    lock_sock(sk)
    sk.sk_shutdown = SHUTDOWN_MASK
    if sk.sk_state == TCP_LISTEN:
        tcp_set_state(sk, TCP_CLOSE)
        inet_csk_listen_stop(sk)
    else:
        unread = tcp_flush_receive_queue(sk)
        if sk.sk_state != TCP_CLOSE:
            tcp_mstamp_refresh(sk)
            if unread:
                sk.net.mib.TcpExtTCPAbortOnClose += 1
                tcp_set_state(sk, TCP_CLOSE)
                tcp_send_active_reset(sk)
            elif sk.sk_flags & SOCK_LINGER and sk.sk_lingertime == 0:
                tcp_disconnect(sk, 0)
                sk.net.mib.TcpExtTCPAbortOnData += 1
            elif tcp_close_state(sk):
                tcp_send_fin(sk)
            sk_stream_wait_close(sk, timeout)
    state = sk.sk_state
    inet_csk_orphan(sk)
    release_sock(sk)
    # The backlog may have ended it.
    if state != TCP_CLOSE and sk.sk_state == TCP_CLOSE:
        return
    lock_sock(sk)
    tcp_adjudge_to_death(sk)
    release_sock(sk)


def tcp_flush_receive_queue(sk):
    """Throw away what nobody will read; True when there was any."""
    unread = False
    skb = sk.sk_receive_queue.dequeue()
    while skb is not None:
        end_seq = skb.end_seq
        if skb.tcp_flags & TCPHDR_FIN:
            end_seq = (end_seq - 1) & U32_MASK
        if after(end_seq, sk.copied_seq):
            unread = True
        consume_skb(skb)
        skb = sk.sk_receive_queue.dequeue()
    return unread


def tcp_adjudge_to_death(sk):
    """A sock without a user: how it lives on."""
    if sk.sk_state == TCP_FIN_WAIT2:
        if sk.linger2 < 0:
            tcp_set_state(sk, TCP_CLOSE)
            tcp_send_active_reset(sk)
            sk.net.mib.TcpExtTCPAbortOnLinger += 1
        else:
            timeout = tcp_fin_time(sk)
            if timeout > TCP_TIMEWAIT_LEN:
                inet_csk_reset_keepalive_timer(sk, timeout - TCP_TIMEWAIT_LEN)
            else:
                tcp_time_wait(sk, TCP_FIN_WAIT2, timeout)
                return
    tn = sk.net.tcp
    if sk.sk_state != TCP_CLOSE and tn.orphan_count > sk.net.sysctl_tcp_max_orphans:
        tcp_set_state(sk, TCP_CLOSE)
        tcp_send_active_reset(sk)
        sk.net.mib.TcpExtTCPAbortOnMemory += 1
    if sk.sk_state == TCP_CLOSE:
        if sk.fastopen_rsk is not None:
            # Given up before the handshake was complete.
            reqsk_fastopen_remove(sk, sk.fastopen_rsk, False)
        inet_csk_destroy_sock(sk)


def tcp_need_reset(state):
    return ((1 << state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | (1 << TCP_FIN_WAIT2) | TCPF_SYN_RECV)) != 0


def tcp_disconnect(sk, flags):
    """connect(2) with AF_UNSPEC, and the abort of SO_LINGER with time 0: back to an unused sock, with the sock taken."""
    old = sk.sk_state
    tcp_mstamp_refresh(sk)
    if old != TCP_CLOSE:
        tcp_set_state(sk, TCP_CLOSE)
    if old == TCP_LISTEN:
        inet_csk_listen_stop(sk)
    elif tcp_need_reset(old) or (sk.snd_nxt != sk.write_seq and (old in (TCP_CLOSING, TCP_LAST_ACK))):
        tcp_send_active_reset(sk)
        sk.sk_err = ECONNRESET
    elif old == TCP_SYN_SENT:
        sk.sk_err = ECONNRESET
    inet_csk_clear_xmit_timers(sk)
    sk.sk_receive_queue.purge("TCP_DISCONNECT")
    tcp_write_queue_purge(sk)
    sk.out_of_order_queue.purge("TCP_DISCONNECT")
    sk.inet_dport = 0
    sk.inet_daddr = 0
    if not sk.sk_userlocks & SOCK_BINDADDR_LOCK:
        sk.inet_saddr = 0
        sk.inet_rcv_saddr = 0
    sk.sk_shutdown = 0
    sk.sk_flags &= ~SOCK_DONE
    sk.fastopen_req = None
    sk.defer_connect = False
    sk.fastopen_client_fail = 0
    sk.syn_fastopen = False
    sk.syn_data = False
    sk.syn_data_acked = False
    sk.saved_syn = None
    sk.srtt_us = 0
    sk.mdev_us = TCP_TIMEOUT_INIT
    sk.rcv_rtt_last_tsecr = 0
    sk.write_seq = (sk.write_seq + sk.max_window + 2) & U32_MASK
    if sk.write_seq == 0:
        sk.write_seq = 1
    sk.icsk_backoff = 0
    sk.icsk_probes_out = 0
    sk.icsk_probes_tstamp = 0
    sk.icsk_rto = TCP_TIMEOUT_INIT
    sk.snd_ssthresh = TCP_INFINITE_SSTHRESH
    sk.snd_cwnd = TCP_INIT_CWND
    sk.snd_cwnd_cnt = 0
    sk.is_cwnd_limited = False
    sk.max_packets_out = 0
    sk.window_clamp = 0
    sk.delivered = 0
    sk.icsk_ca_ops.release(sk)
    sk.icsk_ca_state = TCP_CA_Open
    sk.is_sack_reneg = False
    sk.icsk_retransmits = 0
    sk.total_retrans = 0
    sk.retrans_stamp = 0
    sk.undo_marker = 0
    sk.ack_rcv_mss = 88
    sk.ack_pending = 0
    sk.ack_ato = 0
    sk.ts_recent_stamp = 0
    sk.num_sacks = 0
    sk.dsack = False
    sk.copied_seq = sk.rcv_nxt
    sk.urg_data = 0
    sk.sk_dst_cache = None
    sk_error_report(sk)
    return 0


# --- asking ---


def tcp_inq(sk):
    """Bytes that can be read now: up to the urgent byte, without the FIN."""
    if (1 << sk.sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV):
        return 0
    if (sk.sk_flags & SOCK_URGINLINE or not sk.urg_data or before(sk.urg_seq, sk.copied_seq)
            or not before(sk.urg_seq, sk.rcv_nxt)):
        answer = (sk.rcv_nxt - sk.copied_seq) & U32_MASK
        if answer and sk.sk_flags & SOCK_DONE:
            answer -= 1
        return answer
    return (sk.urg_seq - sk.copied_seq) & U32_MASK


def tcp_ioctl(sk, cmd):
    """SIOCINQ, SIOCATMARK, SIOCOUTQ, SIOCOUTQNSD: the value, or -EINVAL, -ENOIOCTLCMD."""
    if cmd == SIOCINQ:
        return -EINVAL if sk.sk_state == TCP_LISTEN else tcp_inq(sk)
    if cmd == SIOCATMARK:
        return 1 if sk.urg_data and sk.urg_seq == sk.copied_seq else 0
    if cmd in (SIOCOUTQ, SIOCOUTQNSD):
        if sk.sk_state == TCP_LISTEN:
            return -EINVAL
        if (1 << sk.sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV):
            return 0
        if cmd == SIOCOUTQ:
            return (sk.write_seq - sk.snd_una) & U32_MASK
        return (sk.write_seq - sk.snd_nxt) & U32_MASK
    return -ENOIOCTLCMD


def tcp_stream_is_readable(sk, target):
    """True when a reader that wants `target` bytes would get them."""
    avail = (sk.rcv_nxt - sk.copied_seq) & U32_MASK
    if avail == 0 or avail > 0x7FFFFFFF:
        return False
    return avail >= target or sk.sk_rmem_alloc >= sk.sk_rcvbuf


def tcp_poll(sk, file, table):
    """The poll mask (RFC 9293 has none; Linux's)."""
    poll_wait(file, sk.sk_wq, table)
    if sk.sk_state == TCP_LISTEN:
        queue = sk.icsk_accept_queue
        return POLLIN | POLLRDNORM if queue.accept_head is not None else 0
    mask = 0
    if sk.sk_shutdown == SHUTDOWN_MASK or sk.sk_state == TCP_CLOSE:
        mask |= POLLHUP
    if sk.sk_shutdown & RCV_SHUTDOWN:
        mask |= POLLIN | POLLRDNORM | POLLRDHUP
    if sk.sk_state == TCP_SYN_SENT and sk.defer_connect:
        # The first write makes the SYN.
        mask |= POLLOUT | POLLWRNORM
    elif sk.sk_state != TCP_SYN_SENT and (sk.sk_state != TCP_SYN_RECV or sk.fastopen_rsk is not None):
        target = sk.sk_rcvlowat
        if sk.urg_data and sk.urg_seq == sk.copied_seq and not sk.sk_flags & SOCK_URGINLINE:
            target += 1
        if tcp_stream_is_readable(sk, target):
            mask |= POLLIN | POLLRDNORM
        if sk.sk_shutdown & SEND_SHUTDOWN or sk_stream_is_writeable(sk):
            mask |= POLLOUT | POLLWRNORM
        else:
            sk.nospace = True
        if sk.urg_data & TCP_URG_VALID:
            mask |= POLLPRI
    if sk.sk_err or sk.sk_error_queue.first is not None:
        mask |= POLLERR
    return mask
