"""sockfs: sockets as open files, so that read, write, close, poll and ioctl work on a socket's descriptor."""

from kernel.arch.uaccess import copy_from_user, copy_to_user, put_user, strncpy_from_user
from kernel.fs.file import file, file_operations
from kernel.net.core.dev_ioctl import dev_ioctl, may_ioctl
from kernel.net.core.sock import alloc_msghdr, sock_enable_timestamp
from kernel.net.core.sock_flags import SOCK_TIMESTAMP
from kernel.net.core.timestamping import realtime
from kernel.net.vlan import vlan_ioctl
from kernel.signal import send_signal
from kernel.uapi.errno import EFAULT, ENOENT, ENOIOCTLCMD, ENOTTY, EPERM, EPIPE
from kernel.uapi.fcntl import O_NONBLOCK, O_RDWR
from kernel.uapi.if_ import IFCONF_SIZE, IFREQ_SIZE
from kernel.uapi.if_vlan import VLAN_IOCTL_ARGS_SIZE
from kernel.uapi.signal import SIGPIPE
from kernel.uapi.socket import AF_NETLINK, AF_UNIX, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_STREAM
from kernel.uapi.sockios import (
    FIOSETOWN,
    SIOCETHTOOL,
    SIOCGIFCONF,
    SIOCGIFVLAN,
    SIOCGSTAMP,
    SIOCGSTAMPNS,
    SIOCSIFVLAN,
)


class socket_file_ops(file_operations):
    """The operations of a socket's file; private_data is the `socket`."""

    def read(self, filp, to):
        sock = filp.private_data
        if to.count == 0:
            return 0
        flags = 0
        if filp.f_flags & O_NONBLOCK:
            flags = MSG_DONTWAIT
        return sock.ops.recvmsg(sock, alloc_msghdr(to, 0), to.count, flags)

    def write(self, filp, source):
        sock = filp.private_data
        msg = alloc_msghdr(source, 0)
        if filp.f_flags & O_NONBLOCK:
            msg.msg_flags = MSG_DONTWAIT
        return sock_sendmsg(sock, msg, source.count)

    def splice_read(self, filp, to, nonblock):
        """Only a Unix stream looks at the pipe's flags; others wait as they do in read."""
        sock = filp.private_data
        wait = not filp.f_flags & O_NONBLOCK
        if nonblock and sock.type == SOCK_STREAM and sock.ops.family == AF_UNIX:
            wait = False
        return sock.ops.splice_read(sock, alloc_msghdr(to, 0), to.count, 0 if wait else MSG_DONTWAIT)

    def can_splice_write(self):
        return True

    def can_signal(self):
        return True

    def poll(self, filp, table):
        sock = filp.private_data
        return sock.ops.poll(filp, sock, table)

    def ioctl(self, filp, cmd, arg):
        sock = filp.private_data
        return sock_ioctl(sock, cmd, arg)

    def release(self, filp):
        sock = filp.private_data
        sock_release(sock)


def sock_sendmsg(sock, msg, size):
    """Send, with SIGPIPE for a stream whose sending side is closed (unless MSG_NOSIGNAL)."""
    result = sock.ops.sendmsg(sock, msg, size)
    if result == -EPIPE and sock.type == SOCK_STREAM and not msg.msg_flags & MSG_NOSIGNAL:
        send_signal(sock.net.sched.current, SIGPIPE)
    return result


def sock_release(sock):
    """The last descriptor is gone."""
    if sock.ops is not None:
        sock.ops.release(sock)
        sock.ops = None
    sock.file = None
    sock.net.sockets_used -= 1


class sockfs:
    """A network namespace's socket files, and its way to the current program's memory."""

    def __init__(self, net):
        self.net = net
        self.ops = socket_file_ops()
        self.last_ino = 1000

    def alloc_file(self, sock, flags):
        """An open file for `sock`."""
        self.last_ino += 1
        sock.inode = self.last_ino
        filp = file(self.ops, O_RDWR | (flags & O_NONBLOCK), None, sock, f"socket:[{self.last_ino}]")
        sock.file = filp
        return filp

    # --- memory of the program that is in the system call ---

    def mm(self):
        return self.net.sched.current.mm

    def get_bytes(self, address, length):
        """`length` bytes at a user address, or None for a fault."""
        return copy_from_user(self.mm(), address, length)

    def put_bytes(self, address, data):
        """Store bytes at a user address: 0 or -EFAULT."""
        return 0 if copy_to_user(self.mm(), address, data) else -EFAULT

    def put_int(self, address, value):
        """Store an int at a user address, all of it or nothing: 0 or -EFAULT."""
        return 0 if put_user(self.mm(), address, 4, value) else -EFAULT

    def get_string(self, address, limit):
        """A string of at most `limit` bytes at a user address, or None for a fault."""
        return strncpy_from_user(self.mm(), address, limit)

    def ifreq_ioctl(self, function, cmd, arg):
        """Carry a struct ifreq to function(cmd, ifreq) -> (errno, ifreq) and the answer back."""
        ifreq = self.get_bytes(arg, IFREQ_SIZE)
        if ifreq is None:
            return -EFAULT
        err, answer = function(cmd, ifreq)
        return err if err < 0 else self.put_bytes(arg, answer)

    def vlan_ioctl(self, arg):
        raw = self.get_bytes(arg, VLAN_IOCTL_ARGS_SIZE)
        if raw is None:
            return -EFAULT
        err, answer = vlan_ioctl(self.net, raw, self.net.sched.current.uid == 0)
        return err if answer is None else self.put_bytes(arg, answer)

    def dev_ioctl(self, cmd, ifreq):
        return dev_ioctl(self.net, cmd, ifreq)


def sock_ioctl(sock, cmd, arg):
    """ioctl on a socket: its family's requests, then those on interfaces."""
    net = sock.net
    user = net.sockfs
    if not may_ioctl(net, cmd):
        return -EPERM
    if cmd in (SIOCGIFVLAN, SIOCSIFVLAN):
        return user.vlan_ioctl(arg)
    if cmd == SIOCGIFCONF:
        return sock_ifconf(net, user, arg)
    if cmd in (SIOCGSTAMP, SIOCGSTAMPNS):
        if sock.ops.family in (AF_UNIX, AF_NETLINK):
            # What never crossed a device has no stamp to ask for.
            return -ENOTTY
        return sock_gstamp(sock.sk, user, cmd, arg)
    result = sock.ops.ioctl(sock, cmd, arg)
    if result != -ENOIOCTLCMD:
        return result
    if not FIOSETOWN <= cmd <= 0x89FF:
        return -ENOTTY
    ifreq = user.get_bytes(arg, IFREQ_SIZE)
    if ifreq is None:
        return -EFAULT
    err, answer = user.dev_ioctl(cmd, ifreq)
    if err < 0 or answer is None or cmd == SIOCETHTOOL:
        return err
    return user.put_bytes(arg, answer)


def sock_ifconf(net, user, arg):
    """SIOCGIFCONF: as many ifreqs as fit; without a buffer, how many bytes all would take."""
    head = user.get_bytes(arg, IFCONF_SIZE)
    if head is None:
        return -EFAULT
    # Room of less than nothing is none.
    room = max(0, int.from_bytes(head[:4], "little", signed=True))
    buffer = int.from_bytes(head[8:16], "little")
    found = net.devinet.ifconf()
    if buffer:
        found = found[: room // IFREQ_SIZE * IFREQ_SIZE]
        if found and user.put_bytes(buffer, found) < 0:
            return -EFAULT
    return user.put_int(arg, len(found))


def sock_gstamp(sk, user, cmd, arg):
    """SIOCGSTAMP and SIOCGSTAMPNS: when the last packet came; -ENOENT before the first.

    From the first call on packets are stamped; one that came before is as old as the call.
    """
    sock_enable_timestamp(sk, SOCK_TIMESTAMP)
    if sk.sk_stamp < 0:
        return -ENOENT
    if sk.sk_stamp == 0:
        sk.sk_stamp = sk.net.timers.now()
    seconds, fraction = realtime(sk, sk.sk_stamp)
    if cmd == SIOCGSTAMP:
        fraction //= 1000
    return user.put_bytes(arg, seconds + fraction.to_bytes(8, "little"))
