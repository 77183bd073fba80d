"""Netlink sockets (netlink(7)): datagrams between programs and the kernel, and from the kernel to whoever subscribed.

A request goes to the handler that its protocol (NETLINK_ROUTE, NETLINK_SOCK_DIAG) has registered; it answers with
messages, with an acknowledgement that may say in words what was wrong, or with a dump.  A dump's messages are all made
in one moment, so it is consistent whatever happens while the program reads it; they are put into the receive queue
a buffer at a time, as the program reads.
"""

from kernel.net.core.datagram import (
    datagram_poll,
    skb_copy_datagram,
    skb_free_datagram,
    skb_recv_datagram,
    sock_recv_cmsgs,
)
from kernel.net.core.filter import sk_filter_trim_cap
from kernel.net.core.skbuff import alloc_skb, kfree_skb, skb_put_data
from kernel.net.core.sock import proto, proto_ops, sk_free, sock, sock_graft, sock_orphan, sock_queue_rcv_skb
from kernel.net.netlink.attributes import NLMSGHDR, align, nla, nlmsg
from kernel.net.netlink.request import nl_request
from kernel.net.unix.scm import scm_send
from kernel.uapi.errno import (
    EADDRINUSE,
    EBUSY,
    ECONNREFUSED,
    EFAULT,
    EINTR,
    EINVAL,
    EMSGSIZE,
    ENOBUFS,
    ENODATA,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from kernel.uapi.netlink import (
    MAX_LINKS,
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_BROADCAST_ERROR,
    NETLINK_CAP_ACK,
    NETLINK_DROP_MEMBERSHIP,
    NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK,
    NETLINK_LIST_MEMBERSHIPS,
    NETLINK_LISTEN_ALL_NSID,
    NETLINK_NO_ENOBUFS,
    NETLINK_PKTINFO,
    NLM_F_ACK,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLM_F_MULTI,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_HDRLEN,
    NLMSG_MIN_TYPE,
    NLMSGERR_ATTR_MSG,
    SOCKADDR_NL_SIZE,
    SOL_NETLINK,
)
from kernel.uapi.socket import AF_NETLINK, AF_UNSPEC, MSG_OOB, SOCK_DGRAM, SOCK_RAW

# What one buffer of a dump holds: at least what fits in a page with its bookkeeping, at most what the program asks for.
NLMSG_GOODSIZE = 3776
DUMP_MAX = 32448
FLAG_OPTIONS = (
    NETLINK_PKTINFO,
    NETLINK_BROADCAST_ERROR,
    NETLINK_NO_ENOBUFS,
    NETLINK_LISTEN_ALL_NSID,
    NETLINK_CAP_ACK,
    NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK,
)


class netlink_handler:
    """The kernel's end of one netlink protocol."""

    # How many multicast groups there are.
    groups = 0

    def receive(self, request):
        """Carry out a request: 0 or -errno; -EINTR when a dump has begun, whose end is its own acknowledgement."""
        return -EOPNOTSUPP


class netlink_state:
    """The netlink sockets of one network namespace: {protocol: {port id: sock}}, and the kernel's ends."""

    def __init__(self, net):
        self.net = net
        self.handlers = {}
        self.table = {}
        self.ops = netlink_ops()
        self.prot = netlink_proto()
        # Every sock, bound or not, in the order of their making.
        self.socks = []

    def register(self, protocol, handler):
        """Open a protocol to programs."""
        self.handlers[protocol] = handler
        self.table[protocol] = {}

    def has_listeners(self, protocol, group):
        """True when a broadcast to `group` would reach anybody."""
        return any(sk.sk_protocol == protocol and sk.in_group(group) for sk in self.socks)

    def broadcast(self, protocol, group, message, portid=0, exclude=None):
        """Give a message to everybody in `group` but `exclude`; who has no room is told by ENOBUFS."""
        for sk in list(self.socks):
            if sk.sk_protocol == protocol and sk is not exclude and sk.in_group(group):
                sk.deliver(message, portid, group)


class netlink_sock(sock):
    """A netlink socket; `groups` is a bit mask, group 1 in bit 0."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.portid = 0
        self.dst_portid = 0
        self.dst_group = 0
        self.groups = 0
        self.options = dict.fromkeys(FLAG_OPTIONS, False)
        self.congested = False
        # The dump that the program reads: messages still to be queued, None when there is none.
        self.dump = None
        self.max_recvmsg_len = 0

    def in_group(self, group):
        return group > 0 and self.groups >> group - 1 & 1 != 0

    def deliver(self, message, portid, group):
        """Queue a message from `portid` for the program; False when it had to be dropped."""
        skb = None if self.congested and group else alloc_skb(self.net.skb_cache, len(message))
        if skb is not None:
            skb_put_data(skb, message)
            skb.cb = (portid, group)
            if self.sk_filter is not None and sk_filter_trim_cap(self, skb, 1) < 0:
                kfree_skb(skb, "SOCKET_FILTER")
                return True
            if sock_queue_rcv_skb(self, skb) == 0:
                return True
            kfree_skb(skb, "SOCKET_RCVBUFF")
        self.overrun()
        return False

    def overrun(self):
        """Messages are lost: the next call says ENOBUFS, unless the program does not want to know."""
        if not self.options[NETLINK_NO_ENOBUFS] and not self.congested:
            self.congested = True
            self.sk_err = ENOBUFS
            self.error_report()
        self.sk_drops += 1

    def start_dump(self, request, messages):
        """Begin a dump of [(type, payload)]; -EINTR, or -EBUSY while another one is being read."""
        if self.dump is not None:
            return -EBUSY
        out = [nlmsg(type, NLM_F_MULTI, request.seq, request.portid, payload) for type, payload in messages]
        out.append(nlmsg(NLMSG_DONE, NLM_F_MULTI, request.seq, request.portid, bytes(4)))
        out.reverse()
        self.dump = out
        self.continue_dump()
        return -EINTR

    def continue_dump(self):
        """Queue one more buffer of the dump, if there is one and the program keeps up."""
        if self.dump is None or self.sk_rmem_alloc > self.sk_rcvbuf // 2:
            return
        room = max(NLMSG_GOODSIZE, self.max_recvmsg_len)
        pieces = [self.dump.pop()]
        size = len(pieces[0])
        while self.dump and size + len(self.dump[-1]) <= room:
            pieces.append(self.dump.pop())
            size += len(pieces[-1])
        if not self.dump:
            self.dump = None
        self.deliver(b"".join(pieces), 0, 0)


class netlink_proto(proto):
    """Makes netlink socks."""

    def __init__(self):
        proto.__init__(self, "NETLINK")

    def sk_alloc(self, net, family, type, protocol):
        return netlink_sock(net, family, type, protocol, self)


def sockaddr_nl(portid, groups):
    """The 12 bytes of a struct sockaddr_nl."""
    return AF_NETLINK.to_bytes(2, "little") + bytes(2) + portid.to_bytes(4, "little") + groups.to_bytes(4, "little")


def group_mask(group):
    """A group as sockaddr_nl shows it: only the first 32 have a bit."""
    return 1 << group - 1 if 0 < group <= 32 else 0


def parse_sockaddr_nl(addr):
    """(port id, groups), or -EINVAL."""
    if len(addr) < SOCKADDR_NL_SIZE or int.from_bytes(addr[:2], "little") != AF_NETLINK:
        return -EINVAL
    return int.from_bytes(addr[4:8], "little"), int.from_bytes(addr[8:12], "little")


# --- requests ---


def netlink_rcv(sk, data, privileged):
    """Take the messages of one datagram from a program apart, carry each out and acknowledge it (netlink_rcv_skb)."""
    state = sk.net.netlink
    handler = state.handlers[sk.sk_protocol]
    position = 0
    while len(data) - position >= NLMSG_HDRLEN:
        length, type, flags, seq, _ = NLMSGHDR.unpack_from(data, position)
        if length < NLMSG_HDRLEN or length > len(data) - position:
            return
        request = nl_request(sk, sk.portid, privileged, data[position : position + length], type, flags, seq)
        err = 0
        # Netlink's own messages are only acknowledged.
        if flags & NLM_F_REQUEST and type >= NLMSG_MIN_TYPE:
            err = handler.receive(request)
        if err != -EINTR and (flags & NLM_F_ACK or err):
            netlink_ack(request, err)
        position += align(length)


def netlink_ack(request, err):
    """Acknowledge a request: NLMSG_ERROR with `err` (0 or -errno), the request and, where wanted, the reason in words."""
    sk = request.sk
    flags = 0
    capped = err == 0 or sk.options[NETLINK_CAP_ACK]
    body = err.to_bytes(4, "little", signed=True) + (request.raw[:NLMSG_HDRLEN] if capped else request.raw)
    if capped:
        flags |= NLM_F_CAPPED
    if request.extack and sk.options[NETLINK_EXT_ACK]:
        flags |= NLM_F_ACK_TLVS
        body += bytes(align(len(body)) - len(body)) + nla(NLMSGERR_ATTR_MSG, request.extack.encode() + b"\0")
    sk.deliver(nlmsg(NLMSG_ERROR, flags, request.seq, request.portid, body), 0, 0)


# --- sending and receiving ---


def netlink_autobind(sk):
    """Give the socket a port id: the program's pid, or a number that no pid is."""
    net = sk.net
    table = net.netlink.table[sk.sk_protocol]
    portid = net.sched.current.pid
    while portid == 0 or portid in table:
        # Beyond the pids, as Linux does: from -4097 downwards.
        portid = 0x80000000 | net.random.randrange(0x7FFFEFFF)
    sk.portid = portid
    table[portid] = sk


def netlink_sendmsg(sk, msg, size):
    """Send a datagram to the kernel, or to another program and a group."""
    net = sk.net
    if msg.msg_flags & MSG_OOB:
        return -EOPNOTSUPP
    if size == 0:
        return -ENODATA
    cookie = scm_send(net, msg, False)
    if isinstance(cookie, int):
        return cookie
    portid, group = sk.dst_portid, sk.dst_group
    privileged = net.sched.current.uid == 0
    if msg.msg_name:
        parsed = parse_sockaddr_nl(msg.msg_name)
        if isinstance(parsed, int):
            return parsed
        portid, groups = parsed
        group = (groups & -groups).bit_length()
        if (portid or group) and not privileged:
            return -EPERM
    if sk.portid == 0:
        netlink_autobind(sk)
    if size > sk.sk_sndbuf - 32:
        return -EMSGSIZE
    data = msg.msg_iter.read(size)
    if data is None:
        return -EFAULT
    state = net.netlink
    if group:
        state.broadcast(sk.sk_protocol, group, data, sk.portid, sk)
    if portid == 0:
        netlink_rcv(sk, bytes(data), privileged)
        return size
    target = state.table[sk.sk_protocol].get(portid)
    if target is None:
        return -ECONNREFUSED
    if not target.deliver(data, sk.portid, 0):
        return -ENOBUFS
    return size


def netlink_recvmsg(sk, msg, size, flags):
    """Receive a datagram; reading a dump fetches its next part."""
    if flags & MSG_OOB:
        return -EOPNOTSUPP
    err = skb_recv_datagram(sk, flags)
    if err != 0:
        return err if err < 0 else 0
    sk.max_recvmsg_len = min(max(sk.max_recvmsg_len, size), DUMP_MAX)
    skb = sk.sk_receive_queue.first
    portid, group = skb.cb
    result = skb_copy_datagram(skb, msg, size, flags)
    if result >= 0:
        msg.msg_name = sockaddr_nl(portid, group_mask(group))
        sock_recv_cmsgs(sk, msg, skb)
        if sk.options[NETLINK_PKTINFO] and msg.msg_control is not None:
            msg.msg_control.append((SOL_NETLINK, NETLINK_PKTINFO, group.to_bytes(4, "little")))
    skb_free_datagram(sk, skb, flags)
    if result >= 0:
        sk.continue_dump()
        if sk.sk_receive_queue.first is None:
            sk.congested = False
    return result


# --- the socket ---


class netlink_ops(proto_ops):
    """Operations of netlink sockets."""

    def __init__(self):
        proto_ops.__init__(self, AF_NETLINK)

    def release(self, sock):
        sk = sock.sk
        if sk is None:
            return 0
        sock.sk = None
        state = sk.net.netlink
        state.socks.remove(sk)
        if sk.portid:
            del state.table[sk.sk_protocol][sk.portid]
        sk.dump = None
        sock_orphan(sk)
        sk_free(sk)
        return 0

    def bind(self, sock, addr):
        sk = sock.sk
        parsed = parse_sockaddr_nl(addr)
        if isinstance(parsed, int):
            return parsed
        portid, groups = parsed
        if sk.portid:
            if portid != sk.portid:
                return -EINVAL
        elif portid:
            table = sk.net.netlink.table[sk.sk_protocol]
            if portid in table:
                return -EADDRINUSE
            table[portid] = sk
            sk.portid = portid
        else:
            netlink_autobind(sk)
        limit = sk.net.netlink.handlers[sk.sk_protocol].groups
        sk.groups = sk.groups & ~0xFFFFFFFF | groups & (1 << limit) - 1
        return 0

    def connect(self, sock, addr, flags):
        sk = sock.sk
        if len(addr) >= 2 and int.from_bytes(addr[:2], "little") == AF_UNSPEC:
            sk.dst_portid = sk.dst_group = 0
            return 0
        parsed = parse_sockaddr_nl(addr)
        if isinstance(parsed, int):
            return parsed
        portid, groups = parsed
        if (portid or groups) and sk.net.sched.current.uid != 0:
            return -EPERM
        if sk.portid == 0:
            netlink_autobind(sk)
        sk.dst_portid = portid
        sk.dst_group = (groups & -groups).bit_length()
        return 0

    def getname(self, sock, peer):
        sk = sock.sk
        if peer:
            return sockaddr_nl(sk.dst_portid, group_mask(sk.dst_group))
        return sockaddr_nl(sk.portid, sk.groups & 0xFFFFFFFF)

    def poll(self, file, sock, table):
        return datagram_poll(sock.sk, file, table)

    def ioctl(self, sock, cmd, arg):
        return -ENOIOCTLCMD

    def sendmsg(self, sock, msg, size):
        return netlink_sendmsg(sock.sk, msg, size)

    def recvmsg(self, sock, msg, size, flags):
        return netlink_recvmsg(sock.sk, msg, size, flags)

    def setsockopt(self, sock, level, optname, optval):
        sk = sock.sk
        if level != SOL_NETLINK:
            return -ENOPROTOOPT
        value = int.from_bytes(optval[:4], "little") if len(optval) >= 4 else 0
        if optname in (NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP):
            if not 0 < value <= sk.net.netlink.handlers[sk.sk_protocol].groups:
                return -EINVAL
            if optname == NETLINK_ADD_MEMBERSHIP:
                sk.groups |= 1 << value - 1
            else:
                sk.groups &= ~(1 << value - 1)
            return 0
        if optname not in FLAG_OPTIONS:
            return -ENOPROTOOPT
        sk.options[optname] = value != 0
        if optname == NETLINK_NO_ENOBUFS and value:
            sk.congested = False
        return 0

    def getsockopt(self, sock, level, optname, optlen):
        sk = sock.sk
        if level != SOL_NETLINK:
            return -ENOPROTOOPT
        if optname == NETLINK_LIST_MEMBERSHIPS:
            words = (sk.net.netlink.handlers[sk.sk_protocol].groups + 31) // 32
            return sk.groups.to_bytes(4 * words, "little")
        if optname not in FLAG_OPTIONS:
            return -ENOPROTOOPT
        if optlen < 4:
            return -EINVAL
        return int(sk.options[optname]).to_bytes(4, "little")

    def shutdown(self, sock, how):
        return -EOPNOTSUPP

    def listen(self, sock, backlog):
        return -EOPNOTSUPP

    def accept(self, sock, newsock, flags):
        return -EOPNOTSUPP


def netlink_create(net, sock, protocol, uid):
    """socket(2) for AF_NETLINK."""
    if sock.type not in (SOCK_RAW, SOCK_DGRAM):
        return -ESOCKTNOSUPPORT
    state = net.netlink
    if not 0 <= protocol < MAX_LINKS or protocol not in state.handlers:
        return -EPROTONOSUPPORT
    sk = state.prot.sk_alloc(net, AF_NETLINK, sock.type, protocol)
    sk.sk_uid = uid
    sock.ops = state.ops
    sock_graft(sk, sock)
    state.socks.append(sk)
    return 0


def netlink_init(net):
    """Register AF_NETLINK; the protocols register themselves with `net.netlink`."""
    net.netlink = netlink_state(net)
    net.families[AF_NETLINK] = netlink_create


def proc_netlink(net):
    """The text of /proc/net/netlink."""
    lines = ["sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"]
    for sk in net.netlink.socks:
        inode = sk.sk_socket.inode if sk.sk_socket is not None and sk.sk_socket.inode is not None else 0
        lines.append(
            f"{0:016x} {sk.sk_protocol:<3d} {sk.portid:<10d} {sk.groups & 0xFFFFFFFF:08x} {sk.sk_rmem_alloc:<8d}"
            f" {sk.sk_wmem_alloc:<8d} {int(sk.dump is not None):<5d} {2:<8d} {sk.sk_drops:<8d} {inode:<8d}\n"
        )
    return "".join(lines)
