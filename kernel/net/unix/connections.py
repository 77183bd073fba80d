"""connect, listen and accept of AF_UNIX streams and sequenced packets; unix(7).

A connection is made whole by connect: its other end waits in the listener's receive queue, on an sk_buff of its own
(skb.cb is the sock), until somebody accepts it.  Data can be sent before that.
"""

from kernel.net.core.skbuff import alloc_skb, consume_skb
from kernel.net.core.sock import sk_sleep, sock_graft, sock_intr_errno
from kernel.net.core.sock_flags import SOCK_SCM_RECV, SOCK_WHO_HAS_SENT
from kernel.net.unix.dgram import wait_for_peer
from kernel.net.unix.scm import task_cred
from kernel.net.unix.unix_sock import parse_address
from kernel.uapi.errno import EAGAIN, ECONNREFUSED, EINVAL, EISCONN, ENOBUFS
from kernel.uapi.fcntl import O_NONBLOCK
from kernel.uapi.socket import RCV_SHUTDOWN, SS_CONNECTED
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN


def listen(sock, backlog):
    """Take connections, at most `backlog` + 1 of them before they are accepted."""
    sk = sock.sk
    if not sk.name or sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        return -EINVAL
    backlog = min(backlog, sk.net.sysctl_somaxconn)
    if backlog > sk.sk_max_ack_backlog:
        sk.make_room()
    sk.sk_max_ack_backlog = backlog
    sk.sk_state = TCP_LISTEN
    sk.peer_cred = task_cred(sk.net.sched.current)
    sk.peer_process = sk.net.sched.current.signal
    return 0


def connect(sock, addr, flags):
    """Connect to a listener, and wait for room in its queue unless `flags` has O_NONBLOCK."""
    sk = sock.sk
    name = parse_address(addr)
    if isinstance(name, int):
        return name
    if sk.sk_flags & SOCK_WHO_HAS_SENT:
        err = sk.domain.autobind(sk)
        if err < 0:
            return err
    timeo = 0 if flags & O_NONBLOCK else sk.sk_sndtimeo
    while True:
        other = sk.domain.find(name, sk.sk_type)
        if isinstance(other, int):
            return other
        if other.sk_state != TCP_LISTEN or other.sk_shutdown & RCV_SHUTDOWN:
            return -ECONNREFUSED
        if not other.queue_full():
            break
        if timeo == 0:
            return -EAGAIN
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = wait_for_peer(sk, other, timeo)
    if sk.sk_state != TCP_CLOSE:
        return -EISCONN if sk.sk_state == TCP_ESTABLISHED else -EINVAL
    skb = alloc_skb(sk.net.skb_cache, 1)
    if skb is None:
        return -ENOBUFS
    child = sk.sk_prot.sk_alloc(sk.net, sk.sk_family, sk.sk_type, 0)
    child.sk_uid = other.sk_uid
    child.sk_flags = child.sk_flags & ~SOCK_SCM_RECV | other.sk_flags & SOCK_SCM_RECV
    child.sk_sndbuf = other.sk_sndbuf
    child.peer = sk
    child.name = other.name
    child.peer_cred = task_cred(sk.net.sched.current)
    child.peer_process = sk.net.sched.current.signal
    child.sk_state = sk.sk_state = TCP_ESTABLISHED
    sk.peer = child
    sk.peer_cred = other.peer_cred
    sk.peer_process = other.peer_process
    sock.state = SS_CONNECTED
    skb.cb = child
    other.sk_receive_queue.queue_tail(skb)
    other.data_ready()
    return 0


def accept(sock, newsock, flags):
    """Graft the oldest connection that waits on `newsock`."""
    sk = sock.sk
    if sk.sk_state != TCP_LISTEN:
        return -EINVAL
    timeo = 0 if flags & O_NONBLOCK else sk.sk_rcvtimeo
    while sk.sk_receive_queue.first is None:
        if timeo == 0:
            return -EAGAIN
        if sk.sk_shutdown & RCV_SHUTDOWN:
            return -EINVAL
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = sk_sleep(sk, timeo, True)
    skb = sk.sk_receive_queue.dequeue()
    child = skb.cb
    consume_skb(skb)
    sk.make_room()
    newsock.state = SS_CONNECTED
    sock_graft(child, newsock)
    return 0
