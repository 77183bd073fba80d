"""AF_UNIX: sockets between programs of one machine; unix(7).

`connections` has what streams and sequenced packets do about connecting, `stream` and `dgram` move the data, `scm`
descriptors and credentials, `garbage` ends sockets that only their own messages keep.
"""

from kernel.fs.select import poll_wait
from kernel.net.core.sock import proto_ops, sk_free, sock_graft, sock_orphan
from kernel.net.core.sock_flags import SOCK_DEAD
from kernel.net.unix import connections, stream
from kernel.net.unix.dgram import (
    disconnected,
    unix_dgram_recvmsg,
    unix_dgram_sendmsg,
    unix_seqpacket_recvmsg,
    unix_seqpacket_sendmsg,
)
from kernel.net.unix.garbage import unix_gc
from kernel.net.unix.scm import UCRED, task_cred
from kernel.net.unix.unix_sock import FAMILY, connection_based, may_send, parse_address, unix_domain
from kernel.uapi.errno import (
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
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
    AF_UNIX,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SHUT_RDWR,
    SHUTDOWN_MASK,
    SO_PEERCRED,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
    SS_CONNECTED,
    SS_UNCONNECTED,
)
from kernel.uapi.sockios import SIOCATMARK, SIOCINQ, SIOCOUTQ
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN

AF_UNSPEC = b"\0\0"
WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND


class unix_ops(proto_ops):
    """What all three types do the same way."""

    def __init__(self, domain):
        proto_ops.__init__(self, AF_UNIX)
        self.domain = domain

    def socketpair(self, sock1, sock2):
        cred = task_cred(sock1.net.sched.current)
        sock1.sk.peer = sock2.sk
        sock2.sk.peer = sock1.sk
        for end in (sock1, sock2):
            end.state = SS_CONNECTED
            end.sk.sk_state = TCP_ESTABLISHED
            end.sk.peer_cred = cred
        return 0

    def release(self, sock):
        sk = sock.sk
        if sk is None:
            return 0
        sock.sk = None
        release_sock(sk, False)
        if self.domain.inflight:
            unix_gc(self.domain)
        return 0

    def bind(self, sock, addr):
        if addr == FAMILY:
            return self.domain.autobind(sock.sk)
        name = parse_address(addr)
        return name if isinstance(name, int) else self.domain.bind(sock.sk, name)

    def getname(self, sock, peer):
        if not peer:
            return sock.sk.address()
        return sock.sk.peer.address() if sock.sk.peer is not None else -ENOTCONN

    def ioctl(self, sock, cmd, arg):
        sk = sock.sk
        if cmd == SIOCOUTQ:
            value = sk.sk_wmem_alloc
        elif cmd == SIOCINQ:
            if sk.sk_state == TCP_LISTEN:
                return -EINVAL
            waiting = [stream.left(skb) for skb in sk.sk_receive_queue]
            value = sum(waiting) if connection_based(sk) else sum(waiting[:1])
        elif cmd == SIOCATMARK:
            if sk.sk_type != SOCK_STREAM:
                return -EOPNOTSUPP
            value = int(stream.at_mark(sk))
        else:
            return -ENOIOCTLCMD
        return sk.net.sockfs.put_int(arg, int(value))

    def shutdown(self, sock, how):
        if not 0 <= how <= SHUT_RDWR:
            return -EINVAL
        how += 1
        sk = sock.sk
        sk.sk_shutdown |= how
        sk.state_change()
        if sk.peer is not None and connection_based(sk):
            if how & SEND_SHUTDOWN:
                sk.peer.sk_shutdown |= RCV_SHUTDOWN
            if how & RCV_SHUTDOWN:
                sk.peer.sk_shutdown |= SEND_SHUTDOWN
            sk.peer.state_change()
        return 0

    def setsockopt(self, sock, level, optname, optval):
        return -EOPNOTSUPP

    def getsockopt(self, sock, level, optname, optlen):
        if level != SOL_SOCKET:
            return -EOPNOTSUPP
        if optname == SO_PEERCRED:
            return UCRED.pack(*sock.sk.peer_cred)
        return -ENOPROTOOPT


class unix_stream_ops(unix_ops):
    """SOCK_STREAM."""

    def connect(self, sock, addr, flags):
        return connections.connect(sock, addr, flags)

    def listen(self, sock, backlog):
        return connections.listen(sock, backlog)

    def accept(self, sock, newsock, flags):
        return connections.accept(sock, newsock, flags)

    def sendmsg(self, sock, msg, size):
        return stream.unix_stream_sendmsg(sock.sk, msg, size)

    def recvmsg(self, sock, msg, size, flags):
        return stream.unix_stream_recvmsg(sock.sk, msg, size, flags)

    def poll(self, file, sock, table):
        sk = sock.sk
        poll_wait(file, sk.sk_wq, table)
        mask = common_mask(sk)
        if sk.sk_state == TCP_CLOSE:
            mask |= POLLHUP
        if sk.oob_skb is not None:
            mask |= POLLPRI
        return mask | WRITABLE if sk.writable() else mask


class unix_seqpacket_ops(unix_stream_ops):
    """SOCK_SEQPACKET: connections that carry messages."""

    def sendmsg(self, sock, msg, size):
        return unix_seqpacket_sendmsg(sock.sk, msg, size)

    def recvmsg(self, sock, msg, size, flags):
        return unix_seqpacket_recvmsg(sock.sk, msg, size, flags)


class unix_dgram_ops(unix_ops):
    """SOCK_DGRAM."""

    def connect(self, sock, addr, flags):
        """Set the default receiver, or with AF_UNSPEC none."""
        sk = sock.sk
        other = None
        if addr[:2] != AF_UNSPEC or len(addr) < 2:
            name = parse_address(addr)
            if isinstance(name, int):
                return name
            other = self.domain.find(name, sk.sk_type)
            if isinstance(other, int):
                return other
            if other.sk_flags & SOCK_DEAD:
                return -ECONNREFUSED
            if not may_send(sk, other):
                return -EPERM
        old = sk.peer
        sk.peer = other
        if old is not None and old is not other:
            disconnected(sk, old)
        if other is None:
            sock.state = SS_UNCONNECTED
            sk.sk_state = TCP_CLOSE
        else:
            sock.state = SS_CONNECTED
            sk.sk_state = other.sk_state = TCP_ESTABLISHED
        return 0

    def sendmsg(self, sock, msg, size):
        return unix_dgram_sendmsg(sock.sk, msg, size)

    def recvmsg(self, sock, msg, size, flags):
        return unix_dgram_recvmsg(sock.sk, msg, size, flags)

    def poll(self, file, sock, table):
        sk = sock.sk
        poll_wait(file, sk.sk_wq, table)
        mask = common_mask(sk)
        writable = sk.writable()
        other = sk.peer
        if writable and other is not None and other.peer is not sk:
            poll_wait(file, other.peer_wait, table)
            writable = not other.queue_full()
        return mask | WRITABLE if writable else mask


def common_mask(sk):
    """The poll bits of errors, ends and data."""
    mask = POLLERR if sk.sk_err else 0
    if sk.sk_shutdown == SHUTDOWN_MASK:
        mask |= POLLHUP
    if sk.sk_shutdown & RCV_SHUTDOWN:
        mask |= POLLRDHUP | POLLIN | POLLRDNORM
    if sk.sk_receive_queue.first is not None:
        mask |= POLLIN | POLLRDNORM
    return mask


def release_sock(sk, embryo):
    """The end of a sock: of one that was closed, or (`embryo`) whose connection nobody has accepted."""
    domain = sk.domain
    domain.unbind(sk)
    listening = sk.sk_state == TCP_LISTEN
    # Bytes count, not messages: one of no bytes and one that was read in part are none.
    unread = embryo or (not listening and any(stream.left(skb) for skb in sk.sk_receive_queue))
    peer = sk.peer
    waiting = [skb.cb for skb in sk.sk_receive_queue] if listening else []
    sock_orphan(sk)
    sk.sk_shutdown = SHUTDOWN_MASK
    sk.sk_state = TCP_CLOSE
    sk.make_room()
    if peer is not None and connection_based(sk):
        if not peer.sk_flags & SOCK_DEAD:
            peer.sk_shutdown = SHUTDOWN_MASK
            if unread:
                peer.sk_err = ECONNRESET
            peer.state_change()
    for child in waiting:
        release_sock(child, True)
    sk.peer = None
    sk_free(sk)


def unix_create(net, sock, protocol, uid):
    """socket(2) for AF_UNIX."""
    domain = net.unix_domain
    if protocol not in (0, AF_UNIX):
        return -EPROTONOSUPPORT
    if sock.type == SOCK_RAW:
        # As in BSD.
        sock.type = SOCK_DGRAM
    ops = domain.ops.get(sock.type)
    if ops is None:
        return -ESOCKTNOSUPPORT
    if domain.inflight:
        unix_gc(domain)
    sk = domain.proto.sk_alloc(net, AF_UNIX, sock.type, 0)
    sk.sk_uid = uid
    sock.ops = ops
    sock_graft(sk, sock)
    return 0


def unix_init(net):
    """Register AF_UNIX."""
    domain = unix_domain(net)
    net.unix_domain = domain
    domain.ops = {
        SOCK_STREAM: unix_stream_ops(domain),
        SOCK_DGRAM: unix_dgram_ops(domain),
        SOCK_SEQPACKET: unix_seqpacket_ops(domain),
    }
    net.families[AF_UNIX] = unix_create
    net.kernel.proc.create("net/unix", domain.show)
    net.kernel.sysctl.register("net.unix.max_dgram_qlen", lambda: domain.max_dgram_qlen, domain.set_dgram_qlen)
    net.kernel.add_shutdown(lambda: unix_gc(domain))
    net.kernel.add_leak_check(lambda: unix_leaks(domain))


def unix_leaks(domain):
    """What is left after power-off."""
    found = [f"unix: {len(domain.socks)} sockets are left"] if domain.socks else []
    return [*found, f"unix: {len(domain.inflight)} files are on their way"] if domain.inflight else found
