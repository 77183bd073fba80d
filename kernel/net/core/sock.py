"""`sock`, the protocol's side of a socket, and the operation tables: `proto`, `proto_ops`, `socket`, `msghdr`.

A `socket` is what a file descriptor leads to; its `ops` (`proto_ops`) speak the family's language and call `sk_prot`
(`proto`), which is the transport protocol.  Addresses and ports are host-order integers; times are nanoseconds.

Ownership: a task that works on a connection holds it between `lock_sock` and `release_sock`; packets that softirqs
bring meanwhile go to the backlog, which `release_sock` serves.  A task never sleeps while it holds one.
"""

from kernel.net.core.error_queue import sock_exterr
from kernel.net.core.skbuff import alloc_skb, kfree_skb, sk_buff_head, skb_clone, skb_orphan, skb_owner
from kernel.net.core.sock_flags import (
    SK_FLAGS_TIMESTAMP,
    SOCK_DEAD,
    SOCK_MIN_RCVBUF,
    SOCK_MIN_SNDBUF,
    SOCK_RXQ_OVFL,
)
from kernel.sched.wait import wait_queue_head
from kernel.uapi.errno import (
    EAGAIN,
    EINTR,
    ENOBUFS,
    ENOIOCTLCMD,
    ENOMSG,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPIPE,
    ERESTARTSYS,
)
from kernel.uapi.errqueue import SO_EE_ORIGIN_TIMESTAMPING, SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_TSONLY
from kernel.uapi.in_ import IP_PMTUDISC_WANT, IPPROTO_TCP
from kernel.uapi.poll import POLLERR, POLLIN, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM, POLLWRBAND, POLLWRNORM
from kernel.uapi.socket import AF_INET, SEND_SHUTDOWN, SOCK_STREAM, SS_UNCONNECTED
from kernel.uapi.tcp import TCP_CLOSE

# Values of skb.destructor (skbuff): which account an sk_buff is charged to.
SKB_CHARGED_WRITE = 1
SKB_CHARGED_READ = 2

U32_MASK = 0xFFFFFFFF
FOREVER = -1
PACING_UNLIMITED = -1


class msghdr:
    """One message on its way through sendmsg or recvmsg.

    Sending: `msg_name` holds the destination as sockaddr bytes, or None; `msg_control` is a list of
    (level, type, bytes) or None.  Receiving: the protocol fills either `msg_name` (sockaddr bytes) or, for AF_INET,
    `msg_family`, `msg_addr` and `msg_port`; it appends to `msg_control` when that is a list, and sets MSG_* bits in
    `msg_flags`.  `msg_controllen` is the room that the user has for control messages: descriptors that would not fit
    are not even installed.
    """

    def __init__(self, msg_iter=None, msg_flags=0):
        self.msg_name = None
        self.msg_family = 0
        self.msg_addr = 0
        self.msg_port = 0
        self.msg_iter = msg_iter
        self.msg_flags = msg_flags
        self.msg_control = None
        self.msg_controllen = 0


def alloc_msghdr(msg_iter, msg_flags):
    """A msghdr for one call: as msghdr(msg_iter, msg_flags), without the cost of calling a constructor."""
    msg = msghdr.__new__(msghdr)
    msg.msg_name = None
    msg.msg_family = 0
    msg.msg_addr = 0
    msg.msg_port = 0
    msg.msg_iter = msg_iter
    msg.msg_flags = msg_flags
    msg.msg_control = None
    msg.msg_controllen = 0
    return msg


class proto:
    """A transport protocol's operations on its socks.  Integer results are 0 or more, or a negative errno.

    A method that a protocol does not override answers EOPNOTSUPP or does nothing.
    """

    def __init__(self, name=""):
        self.name = name
        self.inuse = 0
        # See sk_mem: bytes, and limits in pages (none: -1).
        self.memory_allocated = 0
        self.mem_low = self.mem_pressure = self.mem_high = -1
        self.under_pressure = False

    def sk_alloc(self, net, family, type, protocol):
        """A new sock of the protocol's own class."""
        return sock(net, family, type, protocol, self)

    def init_sock(self, sk):
        return 0

    def destroy(self, sk):
        """Free what init_sock and the socket's life have allocated; called once, when the sock is let go."""

    def close(self, sk, timeout):
        """close(2) on the last descriptor; `timeout` is how long to linger (ns).  The sock may outlive this call."""
        sk_common_release(sk)

    def connect(self, sk, daddr, dport, flags):
        """Begin (stream) or set (datagram) a connection; a stream returns 0 with sk_state TCP_SYN_SENT."""
        return -EOPNOTSUPP

    def disconnect(self, sk, flags):
        """connect(2) with AF_UNSPEC."""
        return -EOPNOTSUPP

    def accept(self, sk, flags):
        """The next accepted sock (a `sock`), or a negative errno (an int).  Blocks unless flags has O_NONBLOCK."""
        return -EOPNOTSUPP

    def listen_start(self, sk, backlog):
        """Enter TCP_LISTEN; sk_max_ack_backlog is set already.  0 or a negative errno (EADDRINUSE)."""
        return -EOPNOTSUPP

    def shutdown(self, sk, how):
        """`how`: RCV_SHUTDOWN | SEND_SHUTDOWN bits, which sk_shutdown has already."""
        return 0

    def ioctl(self, sk, cmd, arg):
        """SIOCINQ, SIOCOUTQ ...: the result is the value; -ENOIOCTLCMD for an unknown request."""
        return -ENOIOCTLCMD

    def setsockopt(self, sk, level, optname, optval):
        """`optval`: the option's bytes."""
        return -ENOPROTOOPT

    def getsockopt(self, sk, level, optname, optlen):
        """The option's value as bytes (the caller truncates to `optlen`), or a negative errno (an int).

        -EOPNOTSUPP for a level that the protocol knows nothing of, where setsockopt says -ENOPROTOOPT.
        """
        return -EOPNOTSUPP

    def sendmsg(self, sk, msg, size):
        """Bytes sent, or a negative errno; MSG_* in msg.msg_flags."""
        return -EOPNOTSUPP

    def recvmsg(self, sk, msg, size, flags):
        """Bytes received (with MSG_TRUNC the datagram's true length), or a negative errno."""
        return -EOPNOTSUPP

    def bind(self, sk, addr, port):
        """The protocol's own bind; -EOPNOTSUPP: use the generic inet_bind."""
        return -EOPNOTSUPP

    def backlog_rcv(self, sk, skb):
        """A packet that waited for release_sock.  Consumes it."""
        kfree_skb(skb, "SOCKET_BACKLOG")
        return 0

    def release_cb(self, sk):
        """Called by release_sock before the sock is let go: what timers and softirqs have put off."""

    def hash(self, sk):
        """Enter the tables in which receiving packets find their sock."""
        return 0

    def unhash(self, sk):
        """Leave those tables."""

    def get_port(self, sk, port):
        """Take the local port `port` (0: any) for sk.inet_rcv_saddr: sets inet_num; 0 or -EADDRINUSE."""
        return 0

    def put_port(self, sk):
        """Give the local port back."""

    def poll(self, sk, file, table):
        """The poll mask; registers on the sock's wait queue with poll_wait(file, sk.sk_wq, table)."""
        return 0

    def mtu_reduced(self, sk):
        """The path's MTU has shrunk, or IP options have grown."""

    def keepalive(self, sk, on):
        """SO_KEEPALIVE was set (`on`) or cleared; sk_flags has SOCK_KEEPOPEN already."""

    def set_rcvlowat(self, sk, value):
        """SO_RCVLOWAT: `value` is at least 1."""
        sk.sk_rcvlowat = value


class proto_ops:
    """A socket type's operations: what socketcall and the socket's file call.

    `sockaddr` arguments are the user's bytes.  Results as with `proto`.
    """

    def __init__(self, family=AF_INET):
        self.family = family

    def release(self, sock):
        return 0

    def bind(self, sock, addr):
        return -EOPNOTSUPP

    def connect(self, sock, addr, flags):
        """`flags`: the file's O_NONBLOCK."""
        return -EOPNOTSUPP

    def socketpair(self, sock1, sock2):
        return -EOPNOTSUPP

    def accept(self, sock, newsock, flags):
        """Graft the next connection on `newsock`."""
        return -EOPNOTSUPP

    def getname(self, sock, peer):
        """The sockaddr bytes of this end (peer 0) or the other, or a negative errno (an int)."""
        return -EOPNOTSUPP

    def poll(self, file, sock, table):
        return 0

    def ioctl(self, sock, cmd, arg):
        """`arg`: a user address.  -ENOIOCTLCMD: try the device layer."""
        return -ENOIOCTLCMD

    def listen(self, sock, backlog):
        return -EOPNOTSUPP

    def shutdown(self, sock, how):
        return -EOPNOTSUPP

    def setsockopt(self, sock, level, optname, optval):
        return -EOPNOTSUPP

    def getsockopt(self, sock, level, optname, optlen):
        return -EOPNOTSUPP

    def sendmsg(self, sock, msg, size):
        return -EOPNOTSUPP

    def recvmsg(self, sock, msg, size, flags):
        return -EOPNOTSUPP

    def splice_read(self, sock, msg, size, flags):
        """recvmsg for splice(2)."""
        return self.recvmsg(sock, msg, size, flags)


class socket:
    """What a file descriptor of a socket leads to; `file` is its open file, `sk` the protocol's side."""

    def __init__(self, net, type):
        self.net = net
        self.state = SS_UNCONNECTED
        self.type = type
        self.ops = None
        self.file = None
        self.inode = None
        self.sk = None


class sock(skb_owner):
    """The protocol's side of a socket: addresses, queues, memory account, options, callbacks.

    `sk_rmem_alloc` and `sk_wmem_alloc` count the truesize of sk_buffs charged to receiving and sending.
    """

    def __init__(self, net, family, type, protocol, prot):
        self.net = net
        self.sk_family = family
        self.sk_type = type
        self.sk_protocol = protocol
        self.sk_state = TCP_CLOSE
        self.sk_prot = prot
        self.sk_socket = None
        self.sk_next = None
        self.sk_hashed = False
        self.sk_freed = False
        self.sk_hash = 0

        # Addresses: inet_rcv_saddr is what receiving compares, inet_saddr what sending uses.
        self.inet_saddr = 0
        self.inet_rcv_saddr = 0
        self.inet_daddr = 0
        self.inet_sport = 0
        self.inet_num = 0
        self.inet_dport = 0
        self.inet_id = 0

        # IP options of the socket.
        self.tos = 0
        self.uc_ttl = -1
        self.mc_ttl = 1
        self.mc_loop = True
        self.mc_all = True
        self.mc_index = 0
        self.mc_addr = 0
        self.uc_index = 0
        # IP_LOCAL_PORT_RANGE; 0: the system's.
        self.local_port_first = 0
        self.local_port_last = 0
        self.mc_list = []
        self.min_ttl = 0
        self.cmsg_flags = 0
        self.recverr = False
        self.hdrincl = False
        self.freebind = False
        self.transparent = False
        self.nodefrag = False
        self.bind_address_no_port = False
        self.pmtudisc = IP_PMTUDISC_WANT
        self.inet_opt = b""
        self.corked = None

        # Queues, memory, errors.
        self.sk_receive_queue = sk_buff_head()
        self.sk_write_queue = sk_buff_head()
        self.sk_error_queue = sk_buff_head()
        self.sk_backlog = sk_buff_head()
        self.sk_backlog_len = 0
        self.sk_lock_owned = False
        self.sk_rcvbuf = net.sysctl_rmem_default
        self.sk_sndbuf = net.sysctl_wmem_default
        self.sk_rmem_alloc = 0
        self.sk_wmem_alloc = 0
        self.sk_wmem_queued = 0
        self.sk_forward_alloc = 0
        self.sk_drops = 0
        self.sk_err = 0
        self.sk_err_soft = 0
        self.sk_shutdown = 0
        self.sk_flags = 0
        self.sk_userlocks = 0
        self.sk_reuse = False
        self.sk_reuseport = False
        self.sk_no_check_tx = False
        self.sk_lingertime = 0
        self.sk_rcvlowat = 1
        self.sk_rcvtimeo = FOREVER
        self.sk_sndtimeo = FOREVER
        self.sk_bound_dev_if = 0
        self.sk_priority = 0
        self.sk_mark = 0
        self.sk_peek_off = -1
        # When the last packet came (ns since boot): -1 before the first, 0 while nobody wants to know.
        self.sk_stamp = -1
        self.sk_tsflags = 0
        self.sk_tskey = 0
        self.sk_zckey = 0
        self.sk_omem_alloc = 0
        self.sk_max_pacing_rate = PACING_UNLIMITED
        self.sk_busy_poll = 0
        self.sk_incoming_cpu = -1
        self.sk_uid = 0
        self.sk_cookie = 0
        self.sk_ack_backlog = 0
        self.sk_max_ack_backlog = 0
        self.sk_dst_cache = None
        self.sk_dst_pending_confirm = False
        self.sk_wq = wait_queue_head()
        self.sk_filter = None
        self.sk_user_data = None
        net.sockets_allocated += 1
        prot.inuse += 1

    def skb_released(self, skb, kind):
        """sock_rfree and sock_wfree: take the sk_buff off the account it was charged to."""
        if kind == SKB_CHARGED_READ:
            self.sk_rmem_alloc -= skb.truesize
            self.sk_prot.memory_allocated -= skb.truesize
        elif kind == SKB_CHARGED_WRITE:
            self.sk_wmem_alloc -= skb.truesize
            self.write_space()

    def tx_timestamp(self, skb, kind):
        """Put a time stamp of a sent packet on the error queue, with a copy of the packet unless OPT_TSONLY."""
        net = self.net
        if self.sk_freed:
            return
        only = self.sk_tsflags & SOF_TIMESTAMPING_OPT_TSONLY
        if not only and not net.sysctl_tstamp_allow_data and self.sk_uid != 0:
            # Whoever may not see raw packets does not see his own with the headers that they got.
            return
        stamp = alloc_skb(net.skb_cache, 1) if only else skb_clone(skb)
        if stamp is None:
            return
        stamp.tstamp = net.timers.now()
        error = sock_exterr(ENOMSG, SO_EE_ORIGIN_TIMESTAMPING, 0, 0, kind)
        if self.sk_tsflags & SOF_TIMESTAMPING_OPT_ID:
            # A stream's numbers are bytes since the option was set.
            error.data = (skb.tskey - self.sk_tskey) & U32_MASK if sock_is_tcp(self) else skb.tskey
        stamp.cb = error
        if sock_queue_err_skb(self, stamp) < 0:
            kfree_skb(stamp, "SOCKET_RCVBUFF")

    # --- callbacks: what a protocol calls when something has happened, and may override ---

    def state_change(self):
        """The connection's state has changed: everybody who waits looks again."""
        if self.sk_wq.first is not None:
            self.sk_wq.wake_up(0, 0)

    def data_ready(self):
        if self.sk_wq.first is not None:
            self.sk_wq.wake_up(POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND, 1)

    def write_space(self):
        """Half of the send buffer is free: senders and pollers are told."""
        if self.sk_wq.first is not None and self.sk_wmem_alloc << 1 <= self.sk_sndbuf:
            self.sk_wq.wake_up(POLLOUT | POLLWRNORM | POLLWRBAND, 1)

    def error_report(self):
        if self.sk_wq.first is not None:
            self.sk_wq.wake_up(POLLERR, 1)

    def destruct(self):
        """The sock has no user any more: give its queues back."""
        self.sk_receive_queue.purge("SOCKET_CLOSE")
        self.sk_error_queue.purge("SOCKET_CLOSE")
        self.sk_write_queue.purge("SOCKET_CLOSE")
        self.sk_dst_cache = None


# --- memory ---


def skb_set_owner_w(skb, sk):
    """Charge `skb` to the sender's account."""
    skb_orphan(skb)
    skb.sk = sk
    skb.destructor = SKB_CHARGED_WRITE
    sk.sk_wmem_alloc += skb.truesize


def skb_set_owner_r(skb, sk):
    """Charge `skb` to the receiver's account."""
    skb_orphan(skb)
    skb.sk = sk
    skb.destructor = SKB_CHARGED_READ
    sk.sk_rmem_alloc += skb.truesize
    sk.sk_prot.memory_allocated += skb.truesize


def sock_queue_rcv_skb(sk, skb):
    """Queue a packet for a datagram receiver: 0, or -ENOBUFS (not consumed) when its buffer is full."""
    if sk.sk_rmem_alloc + skb.truesize > sk.sk_rcvbuf and sk.sk_rmem_alloc > 0:
        sk.sk_drops += 1
        return -ENOBUFS
    skb_set_owner_r(skb, sk)
    skb.dev = None
    skb.dst = None
    if sk.sk_flags & SOCK_RXQ_OVFL:
        skb.cb0 = sk.sk_drops
    if sk.net.trace.on:
        sk.net.trace.emit("sock_queue_rcv", skb.id, skb.len)
    sk.sk_receive_queue.queue_tail(skb)
    if not sk.sk_flags & SOCK_DEAD:
        sk.data_ready()
    return 0


def sock_queue_err_skb(sk, skb):
    """Queue a message for MSG_ERRQUEUE: 0, or -ENOBUFS (not consumed)."""
    if sk.sk_rmem_alloc + skb.truesize >= sk.sk_rcvbuf:
        return -ENOBUFS
    skb_set_owner_r(skb, sk)
    skb.dev = None
    skb.dst = None
    sk.sk_error_queue.queue_tail(skb)
    if not sk.sk_flags & SOCK_DEAD:
        sk.error_report()
    return 0


def sock_set_rcvbuf(sk, size):
    """SO_RCVBUF: room for `size` bytes of payload is twice that in memory."""
    sk.sk_rcvbuf = max(size * 2, SOCK_MIN_RCVBUF)


def sock_set_sndbuf(sk, size):
    sk.sk_sndbuf = max(size * 2, SOCK_MIN_SNDBUF)


def sock_enable_timestamp(sk, flag):
    """Have received packets stamped for `flag` (SOCK_TIMESTAMP or SOCK_TIMESTAMPING_RX_SOFTWARE)."""
    if not sk.sk_flags & SK_FLAGS_TIMESTAMP:
        softnet = sk.net.softnet
        softnet.netstamp_needed += 1
    sk.sk_flags |= flag


def sock_disable_timestamp(sk, flags):
    """The reason `flags` for stamping packets is gone."""
    if sk.sk_flags & SK_FLAGS_TIMESTAMP:
        sk.sk_flags &= ~flags
        if not sk.sk_flags & SK_FLAGS_TIMESTAMP:
            softnet = sk.net.softnet
            softnet.netstamp_needed -= 1


# --- blocking ---


def sock_error(sk):
    """Fetch and clear the pending error: 0 or a negative errno."""
    err = sk.sk_err
    if err == 0:
        return 0
    sk.sk_err = 0
    return -err


def sock_intr_errno(timeo):
    """What an interrupted call answers: restart it when it would have waited for ever, EINTR when it has a timeout."""
    return -ERESTARTSYS if timeo == FOREVER else -EINTR


def sk_sleep(sk, timeo, exclusive):
    """Sleep on the sock's wait queue for at most `timeo` ns (-1: for ever); returns what is left of it.

    The caller has checked its condition, and nothing runs between that check and the sleep.
    """
    sched = sk.net.sched
    sched.prepare_to_wait(sk.sk_wq, exclusive)
    timeo = sched.schedule_timeout(timeo)
    sched.finish_wait(sk.sk_wq)
    return timeo


def sock_may_send(sk, noblock):
    """Wait for room in the send buffer: 0, or -EAGAIN, -EPIPE, a pending error, -ERESTARTSYS/-EINTR."""
    if sk.sk_err:
        return sock_error(sk)
    if sk.sk_shutdown & SEND_SHUTDOWN:
        return -EPIPE
    if sk.sk_wmem_alloc < sk.sk_sndbuf:
        return 0
    timeo = 0 if noblock else sk.sk_sndtimeo
    while True:
        if sk.sk_err:
            return sock_error(sk)
        if sk.sk_shutdown & SEND_SHUTDOWN:
            return -EPIPE
        if sk.sk_wmem_alloc < sk.sk_sndbuf:
            return 0
        if timeo == 0:
            return -EAGAIN
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        timeo = sk_sleep(sk, timeo, False)


# --- ownership ---


def lock_sock(sk):
    """The task takes the sock: packets go to its backlog from now on."""
    if sk.sk_lock_owned:
        raise RuntimeError("lock_sock: the sock is taken already")
    sk.sk_lock_owned = True


def release_sock(sk):
    """Serve the backlog and let the sock go."""
    while sk.sk_backlog.first is not None:
        skb = sk.sk_backlog.dequeue()
        sk.sk_backlog_len -= skb.truesize
        sk.sk_prot.backlog_rcv(sk, skb)
    sk.sk_prot.release_cb(sk)
    sk.sk_lock_owned = False


def sk_add_backlog(sk, skb, limit):
    """Queue a packet that found its sock taken: 0, or -ENOBUFS (not consumed) above `limit` bytes."""
    if sk.sk_backlog_len + sk.sk_rmem_alloc > limit:
        return -ENOBUFS
    sk.sk_backlog_len += skb.truesize
    skb.dev = None
    sk.sk_backlog.queue_tail(skb)
    return 0


def sk_local_port_range(sk):
    """The first and the last port that automatic binding may take: the system's, within IP_LOCAL_PORT_RANGE."""
    low, high = sk.net.local_port_range()
    if sk.local_port_first and sk.local_port_first <= high:
        low = max(low, sk.local_port_first)
    if sk.local_port_last and low <= sk.local_port_last:
        high = min(high, sk.local_port_last)
    return low, high


# --- life ---


def sock_is_tcp(sk):
    return sk.sk_type == SOCK_STREAM and sk.sk_protocol == IPPROTO_TCP


def sock_flag(sk, flag):
    """True when the SOCK_* bit is set."""
    return sk.sk_flags & flag != 0


def sock_set_flag(sk, flag):
    sk.sk_flags |= flag


def sock_reset_flag(sk, flag):
    sk.sk_flags &= ~flag


def sock_valbool_flag(sk, flag, value):
    if value:
        sk.sk_flags |= flag
    else:
        sk.sk_flags &= ~flag


def sock_graft(sk, parent):
    """Tie a sock and a socket together."""
    parent.sk = sk
    sk.sk_socket = parent


def sock_orphan(sk):
    """The descriptor is gone: nobody is to be told anything any more."""
    sk.sk_flags |= SOCK_DEAD
    sk.sk_socket = None
    while sk.sk_wq.first is not None:
        sk.sk_wq.remove(sk.sk_wq.first)


def sk_free(sk):
    """The end of a sock: called exactly once, when neither a descriptor nor a table holds it."""
    if sk.sk_freed:
        raise RuntimeError("sk_free: the sock is free already")
    sk.sk_freed = True
    sock_disable_timestamp(sk, SK_FLAGS_TIMESTAMP)
    sk.sk_backlog.purge("SOCKET_CLOSE")
    sk.destruct()
    sk.net.sockets_allocated -= 1
    sk.sk_prot.inuse -= 1


def sk_common_release(sk):
    """close() of a protocol without a closing handshake."""
    sk.sk_prot.destroy(sk)
    sk.sk_prot.unhash(sk)
    sock_orphan(sk)
    sk_free(sk)


def sk_dst_check(sk):
    """The cached route, or None when it has gone stale."""
    dst = sk.sk_dst_cache
    if dst is None:
        return None
    if dst.genid != sk.net.rt_genid or (dst.expires and sk.net.timers.now() >= dst.expires):
        sk.sk_dst_cache = None
        return None
    return dst
