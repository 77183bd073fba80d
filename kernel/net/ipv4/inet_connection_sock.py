"""Connection-oriented sockets: the accept queue, listening, states and the end of a connection's life."""

from kernel.net.core.sock import lock_sock, release_sock, sk_free, sk_sleep, sock_intr_errno, sock_orphan
from kernel.net.core.sock_flags import SOCK_DEAD
from kernel.net.ipv4.inet_hashtables import ehash_node
from kernel.net.ipv4.tcp_cong import tcp_cleanup_congestion_control
from kernel.net.ipv4.tcp_const import NODE_SOCK
from kernel.net.ipv4.tcp_control import tcp_send_active_reset
from kernel.net.ipv4.tcp_fastopen import tcp_fastopen_active_disable_ofo_check
from kernel.net.ipv4.tcp_sock import inet_csk_clear_xmit_timers, tcp_write_queue_purge
from kernel.uapi.errno import EADDRINUSE, EAGAIN, ECONNABORTED, ECONNREFUSED, ECONNRESET, EINVAL, EPIPE
from kernel.uapi.fcntl import O_NONBLOCK
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN
from kernel.uapi.tcp import (
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
)

SHUTDOWN_MASK = 3
SOCK_BINDPORT_LOCK = 8
WAKE_ALL = 0
# ns
FASTOPEN_RESET_TIME = 60000000000


class request_sock_queue:
    """A listener's queues: requests that wait for the handshake's ACK, and children that wait for accept(2)."""

    def __init__(self):
        self.requests = {}
        self.young = 0
        self.accept_head = None
        self.accept_tail = None


# --- states ---


def tcp_set_state(sk, state):
    """Enter `state`; CLOSE leaves the tables and gives up a port that bind(2) has not fixed."""
    old = sk.sk_state
    mib = sk.net.mib
    if state == TCP_ESTABLISHED:
        if old != TCP_ESTABLISHED:
            mib.TcpCurrEstab += 1
    elif state == TCP_CLOSE:
        if old in (TCP_CLOSE_WAIT, TCP_ESTABLISHED):
            mib.TcpEstabResets += 1
        tcp_unhash(sk)
        if sk.icsk_bind_hash is not None and not sk.sk_userlocks & SOCK_BINDPORT_LOCK:
            tn = sk.net.tcp
            hashinfo = tn.hashinfo
            hashinfo.put_port(sk)
    open_before = old in (TCP_ESTABLISHED, TCP_CLOSE_WAIT)
    if open_before and state != TCP_ESTABLISHED and state != TCP_CLOSE_WAIT:
        mib.TcpCurrEstab -= 1
    sk.sk_state = state


def tcp_hash(sk):
    """Enter the established table with the sock's addresses and ports."""
    node = sk.ehash_node
    if node is None:
        node = ehash_node(NODE_SOCK, sk)
        sk.ehash_node = node
    node.rmt_addr = sk.inet_daddr
    node.rmt_port = sk.inet_dport
    node.loc_addr = sk.inet_rcv_saddr
    node.num = sk.inet_num
    node.bound_dev_if = sk.sk_bound_dev_if
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    hashinfo.insert(node)
    sk.sk_hashed = True


def tcp_unhash(sk):
    """Leave whatever table the sock is in."""
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    if sk.sk_state == TCP_LISTEN:
        hashinfo.listen_unhash(sk)
        return
    node = sk.ehash_node
    if node is not None:
        hashinfo.remove(node)
        # Node and sock refer to each other: part them, so that both go when their last user goes.
        node.sk = None
        sk.ehash_node = None
    sk.sk_hashed = False


def tcp_done(sk):
    """The connection is over: tell the user, or, without one, free the sock."""
    if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
        sk.net.mib.TcpAttemptFails += 1
    tcp_set_state(sk, TCP_CLOSE)
    inet_csk_clear_xmit_timers(sk)
    if sk.fastopen_rsk is not None:
        reqsk_fastopen_remove(sk, sk.fastopen_rsk, False)
    sk.sk_shutdown = SHUTDOWN_MASK
    if sk.sk_flags & SOCK_DEAD:
        inet_csk_destroy_sock(sk)
    else:
        sk.state_change()


def tcp_reset(sk):
    """A valid RST has come (RFC 9293 section 3.5.3): the user gets an error."""
    if sk.sk_state == TCP_SYN_SENT:
        sk.sk_err = ECONNREFUSED
    elif sk.sk_state == TCP_CLOSE_WAIT:
        sk.sk_err = EPIPE
    elif sk.sk_state == TCP_CLOSE:
        return
    else:
        sk.sk_err = ECONNRESET
    tcp_write_queue_purge(sk)
    tcp_done(sk)
    if not sk.sk_flags & SOCK_DEAD:
        sk_error_report(sk)


def sk_error_report(sk):
    """Wake everybody who waits for anything: an error ends every wait."""
    if sk.sk_wq.first is not None:
        sk.sk_wq.wake_up(POLLERR | POLLHUP | POLLIN, WAKE_ALL)


def inet_csk_destroy_sock(sk):
    """The end of a sock that has no user and is closed."""
    if sk.sk_freed:
        return
    if sk.sk_flags & SOCK_DEAD:
        tn = sk.net.tcp
        tn.orphan_count -= 1
    tcp_v4_destroy_sock(sk)
    sk_free(sk)


def tcp_v4_destroy_sock(sk):
    """Give back everything that a connection holds."""
    inet_csk_clear_xmit_timers(sk)
    tcp_fastopen_active_disable_ofo_check(sk)
    sk.fastopen_req = None
    tcp_cleanup_congestion_control(sk)
    tcp_write_queue_purge(sk)
    sk.out_of_order_queue.purge("SOCKET_CLOSE")
    tcp_unhash(sk)
    if sk.icsk_bind_hash is not None:
        tn = sk.net.tcp
        hashinfo = tn.hashinfo
        hashinfo.put_port(sk)
    # Timers and sock refer to each other: part them.
    if sk.icsk_retransmit_timer is not None:
        sk.icsk_retransmit_timer.sk = None
        sk.icsk_delack_timer.sk = None
        sk.sk_timer.sk = None
        sk.compressed_ack_timer.sk = None
        sk.pacing_timer.sk = None


def inet_csk_orphan(sk):
    """close(2): nobody has a descriptor any more, the protocol goes on alone."""
    tn = sk.net.tcp
    tn.orphan_count += 1
    sock_orphan(sk)


# --- listening ---


def inet_csk_listen_start(sk):
    """Enter LISTEN on the sock's port (any, when it has none); 0 or -EADDRINUSE."""
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    sk.icsk_accept_queue = request_sock_queue()
    sk.sk_ack_backlog = 0
    sk.ack_pending = 0
    sk.sk_state = TCP_LISTEN
    if hashinfo.get_port(sk, sk.inet_num):
        sk.inet_sport = sk.inet_num
        sk.sk_dst_cache = None
        hashinfo.listen_hash(sk)
        return 0
    sk.sk_state = TCP_CLOSE
    return -EADDRINUSE


def inet_csk_listen_stop(sk):
    """Leave LISTEN: requests are forgotten, connections that nobody has accepted are reset."""
    queue = sk.icsk_accept_queue
    if queue is None:
        return
    for req in list(queue.requests):
        inet_csk_reqsk_queue_drop(sk, req)
    req = queue.accept_head
    queue.accept_head = None
    queue.accept_tail = None
    while req is not None:
        following = req.dl_next
        req.dl_next = None
        child = req.child
        # A child without a handshake must not look for its listener any more.
        child.fastopen_rsk = None
        inet_child_forget(child)
        req.child = None
        sk.sk_ack_backlog -= 1
        req = following
    sk.fastopen_qlen = 0
    sk.icsk_accept_queue = None


def inet_child_forget(child):
    """A complete connection that nobody wants: reset it."""
    inet_csk_orphan(child)
    if child.sk_state != TCP_CLOSE:
        tcp_send_active_reset(child)
        tcp_set_state(child, TCP_CLOSE)
    inet_csk_destroy_sock(child)


def inet_csk_reqsk_queue_drop(sk, req):
    """Forget a request; True when it was still known."""
    queue = sk.icsk_accept_queue
    tn = sk.net.tcp
    hashinfo = tn.hashinfo
    if not hashinfo.remove(req):
        return False
    if req.timer is not None:
        sk.net.timers.del_timer(req.timer)
        req.timer = None
    if queue is not None and req in queue.requests:
        del queue.requests[req]
        if req.num_timeout == 0:
            queue.young -= 1
    return True


def inet_csk_reqsk_queue_add(sk, req, child):
    """A child is complete: queue it for accept(2) and wake one who waits."""
    queue = sk.icsk_accept_queue
    req.child = child
    req.dl_next = None
    if queue.accept_head is None:
        queue.accept_head = req
    else:
        queue.accept_tail.dl_next = req
    queue.accept_tail = req
    sk.sk_ack_backlog += 1


def reqsk_fastopen_remove(sk, req, reset):
    """The child `sk` needs its request no more: the handshake is complete, or it has ended by a RST (`reset`) or otherwise.

    One that was reset before anybody has accepted it counts against its listener for another minute (RFC 7413 section 5.1).
    """
    listener = req.listener
    sk.fastopen_rsk = None
    req.tfo_listener = False
    if listener.fastopen_qlen > 0:
        listener.fastopen_qlen -= 1
    if req.child is None and reset and listener.sk_state == TCP_LISTEN:
        listener.fastopen_ctx.resets.append(sk.net.timers.now() + FASTOPEN_RESET_TIME)
        listener.fastopen_qlen += 1


def sk_acceptq_is_full(sk):
    return sk.sk_ack_backlog > sk.sk_max_ack_backlog


def inet_csk_accept(sk, flags):
    """The next connection of a listener: a sock, or a negative errno (-EINVAL, -EAGAIN, -ERESTARTSYS, -EINTR)."""
    lock_sock(sk)
    if sk.sk_state != TCP_LISTEN:
        release_sock(sk)
        return -EINVAL
    queue = sk.icsk_accept_queue
    timeo = 0 if flags & O_NONBLOCK else sk.sk_rcvtimeo
    while queue.accept_head is None:
        err = 0
        if timeo == 0:
            err = -EAGAIN
        elif sk.net.sched.signal_pending():
            err = sock_intr_errno(timeo)
        if err:
            release_sock(sk)
            return err
        release_sock(sk)
        # release_sock has served the backlog: look before going to sleep.
        if queue.accept_head is None:
            timeo = sk_sleep(sk, timeo, True)
        lock_sock(sk)
        if sk.sk_state != TCP_LISTEN:
            release_sock(sk)
            return -EINVAL
    req = queue.accept_head
    queue.accept_head = req.dl_next
    if queue.accept_head is None:
        queue.accept_tail = None
    sk.sk_ack_backlog -= 1
    child = req.child
    req.child = None
    req.dl_next = None
    release_sock(sk)
    return child if child is not None else -ECONNABORTED
