"""AF_INET sockets: the `proto_ops` of stream, datagram and raw sockets, which call the transport's `proto`.

`inetsw` says which proto serves a socket type and protocol; protocols enter it with `inet_register_protosw`.
"""

from kernel.net.core.sock import (
    lock_sock,
    proto_ops,
    release_sock,
    sk_sleep,
    sock_error,
    sock_graft,
    sock_intr_errno,
)
from kernel.net.core.sock_flags import SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_LINGER
from kernel.net.ipv4.arp import arp_ioctl
from kernel.net.ipv4.devinet import parse_sockaddr_in, sockaddr_in
from kernel.net.ipv4.fib_frontend import ip_rt_ioctl
from kernel.net.ipv4.ip_sockglue import ip_getsockopt, ip_setsockopt
from kernel.uapi.errno import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EAGAIN,
    EALREADY,
    ECONNABORTED,
    EFAULT,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from kernel.uapi.fcntl import O_NONBLOCK
from kernel.uapi.if_arp import ARPREQ_SIZE
from kernel.uapi.in_ import IPPROTO_ICMP, IPPROTO_IP, IPPROTO_MAX
from kernel.uapi.route import RTENTRY_SIZE, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST
from kernel.uapi.socket import (
    AF_INET,
    AF_UNSPEC,
    RCV_SHUTDOWN,
    SHUT_RDWR,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_IP,
    SS_CONNECTED,
    SS_CONNECTING,
    SS_DISCONNECTING,
    SS_UNCONNECTED,
)
from kernel.uapi.sockios import (
    SIOCADDRT,
    SIOCATMARK,
    SIOCDARP,
    SIOCDELRT,
    SIOCDIFADDR,
    SIOCGARP,
    SIOCGIFADDR,
    SIOCGIFBRDADDR,
    SIOCGIFDSTADDR,
    SIOCGIFNETMASK,
    SIOCINQ,
    SIOCOUTQ,
    SIOCOUTQNSD,
    SIOCSARP,
    SIOCSIFADDR,
    SIOCSIFBRDADDR,
    SIOCSIFDSTADDR,
    SIOCSIFNETMASK,
)
from kernel.uapi.tcp import TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT

SOCKADDR_IN_SIZE = 16
DEVINET_IOCTLS = (
    SIOCGIFADDR,
    SIOCGIFBRDADDR,
    SIOCGIFDSTADDR,
    SIOCGIFNETMASK,
    SIOCSIFADDR,
    SIOCSIFBRDADDR,
    SIOCSIFDSTADDR,
    SIOCSIFNETMASK,
    SIOCDIFADDR,
)


class inet_protosw:
    """One line of inetsw: which proto and proto_ops serve `type` and `protocol` (IPPROTO_IP: any protocol)."""

    def __init__(self, type, protocol, prot, ops, privileged=False):
        self.type = type
        self.protocol = protocol
        self.prot = prot
        self.ops = ops
        self.privileged = privileged


def inet_register_protosw(net, entry):
    """Enter a protocol; the first one of a type is that type's default."""
    net.inetsw.setdefault(entry.type, []).append(entry)


def inet_create(net, sock, protocol, uid):
    """socket(2) for AF_INET: give `sock` its ops and its sk; 0 or a negative errno."""
    if not 0 <= protocol < IPPROTO_MAX:
        return -EINVAL
    entries = net.inetsw.get(sock.type)
    if not entries:
        return -ESOCKTNOSUPPORT
    chosen = None
    for entry in entries:
        if entry.protocol == IPPROTO_IP:
            # A wild card: raw sockets of any protocol but 0.
            if sock.type == SOCK_RAW and protocol == IPPROTO_IP:
                continue
            chosen = entry
            break
        if protocol in (entry.protocol, IPPROTO_IP):
            chosen = entry
            protocol = entry.protocol
            break
    if chosen is None:
        return -EPROTONOSUPPORT
    if chosen.privileged and uid != 0:
        return -EPERM
    sk = chosen.prot.sk_alloc(net, AF_INET, sock.type, protocol)
    sk.sk_uid = uid
    # What has no ports of its own shares its numbers (Linux: INET_PROTOSW_REUSE).
    sk.sk_reuse = chosen.protocol in (IPPROTO_IP, IPPROTO_ICMP)
    sock.ops = chosen.ops
    sock_graft(sk, sock)
    err = 0
    if sock.type == SOCK_RAW:
        err = sk.sk_prot.hash(sk)
        # getsockname(2) shows the protocol where others have their port.
        sk.inet_sport = sk.inet_num
    if err == 0:
        err = sk.sk_prot.init_sock(sk)
    if err < 0:
        sk.sk_prot.close(sk, 0)
        sock.sk = None
        return err
    return 0


def inet_autobind(sk):
    """Take a local port, if there is none yet: 0 or -EAGAIN."""
    if sk.inet_num == 0:
        if sk.sk_prot.get_port(sk, 0) < 0:
            return -EAGAIN
        sk.inet_sport = sk.inet_num
    return 0


class inet_ops(proto_ops):
    """What all AF_INET sockets have in common."""

    def release(self, sock):
        sk = sock.sk
        if sk is None:
            return 0
        # Without SO_LINGER a close does not wait.
        timeout = sk.sk_lingertime if sk.sk_flags & SOCK_LINGER else 0
        sock.sk = None
        sk.sk_prot.close(sk, timeout)
        return 0

    def bind(self, sock, addr):
        sk = sock.sk
        net = sk.net
        if len(addr) < SOCKADDR_IN_SIZE:
            return -EINVAL
        family, address, port = parse_sockaddr_in(addr)
        err = sk.sk_prot.bind(sk, address, port)
        if err != -EOPNOTSUPP:
            return err
        raw = sk.sk_type == SOCK_RAW
        if raw and sk.sk_state != TCP_CLOSE:
            return -EINVAL
        # A raw socket does not look at the family.
        if family != AF_INET and not raw and not (family == AF_UNSPEC and address == 0):
            return -EAFNOSUPPORT
        kind = net.fib.inet_addr_type(address)
        if sk.sk_protocol == IPPROTO_ICMP and not raw and address and kind in (RTN_MULTICAST, RTN_BROADCAST):
            # A ping socket has an address of its own or none.
            return -EADDRNOTAVAIL
        if not (
            net.sysctl_ip_nonlocal_bind
            or sk.freebind
            or sk.transparent
            or address == 0
            or kind in (RTN_LOCAL, RTN_MULTICAST, RTN_BROADCAST)
        ):
            return -EADDRNOTAVAIL
        if port and port < net.sysctl_ip_unprivileged_port_start and sk.sk_uid != 0:
            return -EACCES
        # Raw sockets keep their protocol in inet_num and may bind again.
        if sk.sk_state != TCP_CLOSE or (sk.inet_num and not raw):
            return -EINVAL
        sk.inet_rcv_saddr = address
        sk.inet_saddr = 0 if kind in (RTN_MULTICAST, RTN_BROADCAST) else address
        if not raw and (port or not sk.bind_address_no_port):
            if sk.sk_prot.get_port(sk, port) < 0:
                sk.inet_saddr = 0
                sk.inet_rcv_saddr = 0
                return -EADDRINUSE
        if address:
            sk.sk_userlocks |= SOCK_BINDADDR_LOCK
        if port:
            sk.sk_userlocks |= SOCK_BINDPORT_LOCK
        if not raw:
            sk.inet_sport = sk.inet_num
        sk.inet_daddr = 0
        sk.inet_dport = 0
        sk.sk_dst_cache = None
        return 0

    def getname(self, sock, peer):
        sk = sock.sk
        if peer:
            # accept(2) asks with peer 2: the connection may have ended already.
            if sk.inet_dport == 0 or (peer == 1 and sk.sk_state in (TCP_CLOSE, TCP_SYN_SENT)):
                return -ENOTCONN
            return sockaddr_in(sk.inet_daddr, sk.inet_dport)
        address = sk.inet_rcv_saddr
        if address == 0:
            address = sk.inet_saddr
        return sockaddr_in(address, sk.inet_sport)

    def poll(self, file, sock, table):
        sk = sock.sk
        return sk.sk_prot.poll(sk, file, table)

    def ioctl(self, sock, cmd, arg):
        sk = sock.sk
        net = sk.net
        user = net.sockfs
        if cmd in (SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK):
            value = sk.sk_prot.ioctl(sk, cmd, arg)
            if value < 0:
                return value
            return user.put_int(arg, value)
        if cmd in DEVINET_IOCTLS:
            return user.ifreq_ioctl(net.devinet.ioctl, cmd, arg)
        if cmd in (SIOCADDRT, SIOCDELRT):
            entry = user.get_bytes(arg, RTENTRY_SIZE)
            if entry is None:
                return -EFAULT
            name = user.get_string(int.from_bytes(entry[88:96], "little"), 16) if any(entry[88:96]) else b""
            return ip_rt_ioctl(net, cmd, entry, name if name is None else name.decode("latin-1"))
        if cmd in (SIOCSARP, SIOCGARP, SIOCDARP):
            request = user.get_bytes(arg, ARPREQ_SIZE)
            if request is None:
                return -EFAULT
            err, answer = arp_ioctl(net, cmd, request)
            return user.put_bytes(arg, answer) if err == 0 and cmd == SIOCGARP else err
        return sk.sk_prot.ioctl(sk, cmd, arg)

    def shutdown(self, sock, how):
        return inet_shutdown(sock, how)

    def setsockopt(self, sock, level, optname, optval):
        sk = sock.sk
        if level == SOL_IP:
            return ip_setsockopt(sk, optname, optval)
        return sk.sk_prot.setsockopt(sk, level, optname, optval)

    def getsockopt(self, sock, level, optname, optlen):
        sk = sock.sk
        if level == SOL_IP:
            return ip_getsockopt(sk, optname, optlen)
        return sk.sk_prot.getsockopt(sk, level, optname, optlen)

    def sendmsg(self, sock, msg, size):
        sk = sock.sk
        return sk.sk_prot.sendmsg(sk, msg, size)

    def recvmsg(self, sock, msg, size, flags):
        sk = sock.sk
        return sk.sk_prot.recvmsg(sk, msg, size, flags)


class inet_dgram_ops(inet_ops):
    """SOCK_DGRAM: connecting and sending take a local port, even where they then fail."""

    def sendmsg(self, sock, msg, size):
        sk = sock.sk
        if sk.inet_num == 0 and inet_autobind(sk) < 0:
            return -EAGAIN
        return sk.sk_prot.sendmsg(sk, msg, size)

    def connect(self, sock, addr, flags):
        sk = sock.sk
        if len(addr) < 2:
            return -EINVAL
        family, address, port = parse_sockaddr_in(addr.ljust(SOCKADDR_IN_SIZE, b"\0"))
        if family == AF_UNSPEC:
            return sk.sk_prot.disconnect(sk, flags)
        if inet_autobind(sk) < 0:
            return -EAGAIN
        if len(addr) < SOCKADDR_IN_SIZE:
            return -EINVAL
        if family != AF_INET:
            return -EAFNOSUPPORT
        return sk.sk_prot.connect(sk, address, port, flags)


class inet_raw_ops(inet_dgram_ops):
    """SOCK_RAW."""


class inet_stream_ops(inet_ops):
    """SOCK_STREAM: connect, listen and accept."""

    def splice_read(self, sock, msg, size, flags):
        """splice(2) never passes the urgent mark: what stands there is for recv(2) alone."""
        sk = sock.sk
        if sk.urg_data and sk.urg_seq == sk.copied_seq and sk.sk_receive_queue.first is not None:
            return 0
        return self.recvmsg(sock, msg, size, flags)

    def connect(self, sock, addr, flags):
        sk = sock.sk
        if len(addr) < 2:
            return -EINVAL
        family, address, port = parse_sockaddr_in(addr.ljust(SOCKADDR_IN_SIZE, b"\0"))
        lock_sock(sk)
        err = inet_stream_connect(sock, sk, family, address, port, len(addr), flags, False)
        release_sock(sk)
        return err

    def listen(self, sock, backlog):
        sk = sock.sk
        lock_sock(sk)
        err = inet_listen(sock, sk, backlog)
        release_sock(sk)
        return err

    def accept(self, sock, newsock, flags):
        sk = sock.sk
        newsk = sk.sk_prot.accept(sk, flags)
        if isinstance(newsk, int):
            return newsk
        sock_graft(newsk, newsock)
        newsk.sk_uid = sk.sk_uid
        newsock.state = SS_CONNECTED
        return 0


def inet_stream_connect(sock, sk, family, address, port, length, flags, sending):
    """connect(2) on a stream socket, with the sock taken: start the handshake and wait for its end.

    -EINPROGRESS without blocking, -EALREADY while one is under way, -EISCONN afterwards.  `sending`: a write begins the
    connection (Fast Open), or goes on with one whose SYN has waited for it and needs no address.
    """
    if family == AF_UNSPEC:
        err = sk.sk_prot.disconnect(sk, flags)
        sock.state = SS_DISCONNECTING if err else SS_UNCONNECTED
        return err
    if sock.state == SS_CONNECTED:
        return -EISCONN
    err = 0
    if sock.state == SS_CONNECTING:
        err = -EALREADY
        if sk.defer_connect:
            err = -EINPROGRESS if sending else -EISCONN
    elif sock.state == SS_UNCONNECTED:
        if sk.sk_state != TCP_CLOSE:
            return -EISCONN
        if length < SOCKADDR_IN_SIZE:
            return -EINVAL
        if family != AF_INET:
            return -EAFNOSUPPORT
        err = sk.sk_prot.connect(sk, address, port, flags)
        if err < 0:
            return err
        sock.state = SS_CONNECTING
        if sk.defer_connect:
            return 0
        # Before anything else, the program hears that it must come back.
        err = -EINPROGRESS
    else:
        return -EINVAL
    timeo = 0 if flags & O_NONBLOCK else sk.sk_sndtimeo
    while sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
        if timeo == 0:
            return err
        if sk.net.sched.signal_pending():
            return sock_intr_errno(timeo)
        # Data that the SYN had no room for will carry the ACK.
        waiting = sending and sk.fastopen_req is not None and sk.fastopen_req.pending
        if waiting:
            sk.write_pending += 1
        release_sock(sk)
        if sk.sk_state == TCP_SYN_SENT or sk.sk_state == TCP_SYN_RECV:
            timeo = sk_sleep(sk, timeo, False)
        lock_sock(sk)
        if waiting:
            sk.write_pending -= 1
    if sk.sk_state == TCP_CLOSE:
        err = sock_error(sk)
        sock.state = SS_UNCONNECTED
        if sk.sk_prot.disconnect(sk, flags) < 0:
            sock.state = SS_DISCONNECTING
        return err if err else -ECONNABORTED
    sock.state = SS_CONNECTED
    return 0


def inet_listen(sock, sk, backlog):
    """listen(2), with the sock taken: 0, -EINVAL in another state, -EADDRINUSE."""
    if sock.state != SS_UNCONNECTED or sock.type != SOCK_STREAM:
        return -EINVAL
    if sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        return -EINVAL
    if backlog < 0 or backlog > sk.net.sysctl_somaxconn:
        backlog = sk.net.sysctl_somaxconn
    sk.sk_max_ack_backlog = backlog
    if sk.sk_state == TCP_LISTEN:
        return 0
    return sk.sk_prot.listen_start(sk, backlog)


def inet_shutdown(sock, how):
    """shutdown(2): 0, -EINVAL, or -ENOTCONN."""
    if not 0 <= how <= SHUT_RDWR:
        return -EINVAL
    sk = sock.sk
    how += 1
    lock_sock(sk)
    if sock.state == SS_CONNECTING:
        sock.state = SS_DISCONNECTING if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV, TCP_CLOSE) else SS_CONNECTED
    err = 0
    if sk.sk_state == TCP_CLOSE:
        err = -ENOTCONN
        sk.sk_shutdown |= how
    elif sk.sk_state == TCP_LISTEN and not how & RCV_SHUTDOWN:
        err = 0
    elif sk.sk_state in (TCP_LISTEN, TCP_SYN_SENT):
        # A listener stops listening; an attempt is given up.
        err = sk.sk_prot.disconnect(sk, O_NONBLOCK)
        sock.state = SS_DISCONNECTING if err else SS_UNCONNECTED
    else:
        sk.sk_shutdown |= how
        sk.sk_prot.shutdown(sk, how)
    sk.state_change()
    release_sock(sk)
    return err
