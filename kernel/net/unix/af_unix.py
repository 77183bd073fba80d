"""AF_UNIX as far as socketpair(2) goes: two connected stream or datagram sockets without names."""

from kernel.fs.select import poll_wait
from kernel.net.core.datagram import skb_recv_datagram
from kernel.net.core.skb_data import skb_add_frags_iter, skb_copy_datagram_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, page_frag
from kernel.net.core.sock import (
    proto,
    proto_ops,
    sk_free,
    skb_set_owner_w,
    sock,
    sock_graft,
    sock_may_send,
    sock_orphan,
)
from kernel.uapi.errno import (
    ECONNRESET,
    EFAULT,
    EINVAL,
    EISCONN,
    EMSGSIZE,
    ENOBUFS,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    ENOTCONN,
    EOPNOTSUPP,
    EPIPE,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM
from kernel.uapi.socket import (
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SHUT_RDWR,
    SHUTDOWN_MASK,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SS_CONNECTED,
)
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED

# The payload of one sk_buff of a stream.
CHUNK = 32768
# How far into the first sk_buff a stream has been read is kept in its cb0.


class unix_sock(sock):
    """One end of a pair; `peer` is the other, None when that is closed."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.peer = None
        self.frag = page_frag()

    def write_space(self):
        """What the peer has read makes room for us."""
        if self.sk_wq.first is not None and self.sk_wmem_alloc << 2 <= self.sk_sndbuf:
            self.sk_wq.wake_up(POLLOUT | POLLWRNORM, 1)


class unix_proto(proto):
    """Makes unix socks."""

    def __init__(self):
        proto.__init__(self, "UNIX")

    def sk_alloc(self, net, family, type, protocol):
        return unix_sock(net, family, type, protocol, self)


class unix_ops(proto_ops):
    """Operations of both ends."""

    def __init__(self):
        proto_ops.__init__(self, AF_UNIX)

    def socketpair(self, sock1, sock2):
        sock1.sk.peer = sock2.sk
        sock2.sk.peer = sock1.sk
        for end in (sock1, sock2):
            end.state = SS_CONNECTED
            end.sk.sk_state = TCP_ESTABLISHED
        return 0

    def release(self, sock):
        sk = sock.sk
        if sk is None:
            return 0
        sock.sk = None
        peer = sk.peer
        sk.peer = None
        unread = sk.sk_receive_queue.first is not None
        sock_orphan(sk)
        sk.sk_state = TCP_CLOSE
        if peer is not None:
            peer.peer = None
            if peer.sk_type != SOCK_DGRAM:
                peer.sk_shutdown = SHUTDOWN_MASK
                if unread:
                    peer.sk_err = ECONNRESET
            peer.state_change()
        sk_free(sk)
        return 0

    def connect(self, sock, addr, flags):
        return -EISCONN if sock.state == SS_CONNECTED else -EINVAL

    def getname(self, sock, peer):
        if peer and sock.sk.peer is None:
            return -ENOTCONN
        return AF_UNIX.to_bytes(2, "little")

    def poll(self, file, sock, table):
        sk = sock.sk
        poll_wait(file, sk.sk_wq, table)
        mask = POLLERR if sk.sk_err else 0
        if sk.sk_shutdown == SHUTDOWN_MASK:
            mask |= POLLHUP
        if sk.sk_shutdown & RCV_SHUTDOWN:
            mask |= POLLRDHUP | POLLIN | POLLRDNORM
        if sk.sk_receive_queue.first is not None:
            mask |= POLLIN | POLLRDNORM
        if sk.sk_wmem_alloc << 2 <= sk.sk_sndbuf:
            mask |= POLLOUT | POLLWRNORM
        return mask

    def ioctl(self, sock, cmd, arg):
        sk = sock.sk
        if cmd == SIOCOUTQ:
            return sk.net.sockfs.put_bytes(arg, int(sk.sk_wmem_alloc).to_bytes(4, "little"))
        if cmd == SIOCINQ:
            waiting = [skb.len - skb.cb0 for skb in sk.sk_receive_queue]
            count = sum(waiting) if sk.sk_type == SOCK_STREAM else sum(waiting[:1])
            return sk.net.sockfs.put_bytes(arg, count.to_bytes(4, "little"))
        return -ENOIOCTLCMD

    def shutdown(self, sock, how):
        if not 0 <= how <= SHUT_RDWR:
            return -EINVAL
        how += 1
        sk = sock.sk
        sk.sk_shutdown |= how
        sk.state_change()
        if sk.peer is not None and sk.sk_type != SOCK_DGRAM:
            if how & SEND_SHUTDOWN:
                sk.peer.sk_shutdown |= RCV_SHUTDOWN
            if how & RCV_SHUTDOWN:
                sk.peer.sk_shutdown |= SEND_SHUTDOWN
            sk.peer.state_change()
        return 0

    def setsockopt(self, sock, level, optname, optval):
        return -ENOPROTOOPT

    def getsockopt(self, sock, level, optname, optlen):
        return -ENOPROTOOPT

    def sendmsg(self, sock, msg, size):
        sk = sock.sk
        if msg.msg_flags & MSG_OOB:
            return -EOPNOTSUPP
        if msg.msg_name is not None:
            return -EISCONN
        done = 0
        while True:
            if sk.sk_shutdown & SEND_SHUTDOWN:
                return done if done else -EPIPE
            peer = sk.peer
            if peer is None:
                if sk.sk_type == SOCK_STREAM:
                    return done if done else -EPIPE
                return -ECONNRESET
            if peer.sk_shutdown & RCV_SHUTDOWN:
                return done if done else -EPIPE
            err = sock_may_send(sk, msg.msg_flags & MSG_DONTWAIT != 0)
            if err < 0:
                return done if done else err
            if sk.peer is None:
                continue
            if sk.sk_type != SOCK_STREAM:
                if size > sk.sk_sndbuf - 32 or size > 65536 * 16:
                    return -EMSGSIZE
                return unix_send_skb(sk, msg, size)
            if done == size:
                return done
            sent = unix_send_skb(sk, msg, min(size - done, CHUNK))
            if sent < 0:
                return done if done else sent
            done += sent
            if done == size:
                return done

    def recvmsg(self, sock, msg, size, flags):
        sk = sock.sk
        if flags & MSG_OOB:
            return -EOPNOTSUPP
        if sk.sk_type == SOCK_STREAM:
            return unix_stream_recvmsg(sk, msg, size, flags)
        err = skb_recv_datagram(sk, flags)
        if err != 0:
            return err if err < 0 else 0
        skb = sk.sk_receive_queue.first
        length = skb.len
        copied = min(length, size)
        if copied < length:
            msg.msg_flags |= MSG_TRUNC
        err = skb_copy_datagram_iter(skb, 0, msg.msg_iter, copied) if copied else 0
        if not flags & MSG_PEEK:
            sk.sk_receive_queue.unlink(skb)
            consume_skb(skb)
        if err < 0:
            return -EFAULT
        return length if flags & MSG_TRUNC else copied


def unix_send_skb(sk, msg, size):
    """Queue `size` bytes for the peer, charged to the sender; how many, or a negative errno."""
    skb = alloc_skb(sk.net.skb_cache, 1)
    if skb is None:
        return -ENOBUFS
    if size:
        added = skb_add_frags_iter(skb, msg.msg_iter, size, sk.frag)
        if added < 0 or (added < size and sk.sk_type != SOCK_STREAM):
            kfree_skb(skb, "SKB_UCOPY_FAULT")
            return added if added < 0 else -ENOBUFS
        size = added
    skb_set_owner_w(skb, sk)
    sk.peer.sk_receive_queue.queue_tail(skb)
    sk.peer.data_ready()
    return size


def unix_stream_recvmsg(sk, msg, size, flags):
    """Read a stream: what is there, up to `size`; with MSG_WAITALL all of it."""
    done = 0
    if size == 0:
        return 0
    while True:
        err = skb_recv_datagram(sk, flags)
        if err != 0:
            return done if done else (err if err < 0 else 0)
        skb = sk.sk_receive_queue.first
        while skb is not None and done < size:
            offset = skb.cb0
            piece = min(skb.len - offset, size - done)
            if piece and skb_copy_datagram_iter(skb, offset, msg.msg_iter, piece) < 0:
                return done if done else -EFAULT
            done += piece
            following = skb.next
            if not flags & MSG_PEEK:
                skb.cb0 = offset + piece
                if skb.cb0 == skb.len:
                    sk.sk_receive_queue.unlink(skb)
                    consume_skb(skb)
            skb = following
        if done == size or not flags & MSG_WAITALL or flags & MSG_PEEK:
            if done:
                return done


def unix_create(net, sock, protocol, uid):
    """socket(2) for AF_UNIX."""
    if protocol not in (0, AF_UNIX):
        return -EPROTONOSUPPORT
    if sock.type not in (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET):
        return -ESOCKTNOSUPPORT
    ops, prot = net.unix_domain
    sk = prot.sk_alloc(net, AF_UNIX, sock.type, protocol)
    sk.sk_uid = uid
    sock.ops = ops
    sock_graft(sk, sock)
    return 0


def unix_init(net):
    """Register AF_UNIX."""
    net.unix_domain = (unix_ops(), unix_proto())
    net.families[AF_UNIX] = unix_create
