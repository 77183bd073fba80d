"""socketcall(2): the switch over the twenty calls on sockets, and each of them.

A call's arguments are an array of 64-bit integers in the program's memory.  Addresses come in through
`move_addr_to_kernel` and go out through `move_addr_to_user`; data never stops on its way between the user's buffer
and the protocol (`msghdr.msg_iter`).  Messages with scattered buffers and control data are in `socket_msg`.
"""

from kernel.arch.uaccess import access_ok, copy_from_user, copy_to_user, get_user, put_user, user_iter
from kernel.net.core.option_value import option_value
from kernel.net.core.sock import alloc_msghdr, socket
from kernel.net.core.sock_options import sock_getsockopt, sock_setsockopt
from kernel.net.socket_msg import sys_recvmmsg, sys_recvmsg, sys_sendmmsg, sys_sendmsg
from kernel.net.sockfs import sock_release, sock_sendmsg
from kernel.syscalls import as_int, syscall_handler
from kernel.uapi.errno import EAFNOSUPPORT, EBADF, ECONNABORTED, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, EOPNOTSUPP
from kernel.uapi.fcntl import MAX_RW_COUNT, O_NONBLOCK
from kernel.uapi.prototypes import SOCKETCALL_INTS
from kernel.uapi.socket import (
    AF_INET,
    MSG_DONTWAIT,
    MSG_INTERNAL_SENDMSG_FLAGS,
    NPROTO,
    SOCK_CLOEXEC,
    SOCK_MAX,
    SOCK_NONBLOCK,
    SOCK_TYPE_MASK,
    SOCKADDR_STORAGE_SIZE,
    SOL_RAW,
    SOL_SOCKET,
    SYS_ACCEPT,
    SYS_ACCEPT4,
    SYS_BIND,
    SYS_CONNECT,
    SYS_GETPEERNAME,
    SYS_GETSOCKNAME,
    SYS_GETSOCKOPT,
    SYS_LISTEN,
    SYS_RECV,
    SYS_RECVFROM,
    SYS_RECVMMSG,
    SYS_RECVMSG,
    SYS_SEND,
    SYS_SENDMMSG,
    SYS_SENDMSG,
    SYS_SENDTO,
    SYS_SETSOCKOPT,
    SYS_SHUTDOWN,
    SYS_SOCKET,
    SYS_SOCKETPAIR,
)

# How many arguments each call has; index 0 is no call.
NARGS = (0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4)
# A user address as the memory management unit takes it: 64 bits without sign.
USER_ADDRESS = 0xFFFFFFFFFFFFFFFF
# Larger options would be a program's mistake.
SOCKADDR_IN_SIZE = 16


class sys_socketcall(syscall_handler):
    """int socketcall(int call, unsigned long *args)"""

    def __init__(self, net):
        self.ints = 0
        self.net = net

    def call(self, task, a0, a1, a2, a3, a4, a5):
        if a0 < SYS_SOCKET or a0 > SYS_SENDMMSG:
            return -EINVAL
        mm = task.mm
        count = NARGS[a0]
        # Arguments are signed where they come from, addresses are not.
        block = a1 & USER_ADDRESS
        if not mm.room(block) >= count * 8:
            return -EFAULT
        b0 = get_user(mm, block, 8)
        b1 = get_user(mm, block + 8, 8)
        b2 = b3 = b4 = b5 = 0
        if count > 2:
            b2 = get_user(mm, block + 16, 8)
        if count > 3:
            b3 = get_user(mm, block + 24, 8)
        if count > 4:
            b4 = get_user(mm, block + 32, 8)
        if count > 5:
            b5 = get_user(mm, block + 40, 8)
        ints = SOCKETCALL_INTS[a0]
        b0 = as_int(b0)
        if ints & 2:
            b1 = as_int(b1)
        if ints & 4:
            b2 = as_int(b2)
        if ints & 8:
            b3 = as_int(b3)
        if ints & 16:
            b4 = as_int(b4)
        if ints & 32:
            b5 = as_int(b5)
        net = self.net
        if a0 == SYS_SEND:
            return sys_sendto(task, b0, b1 & USER_ADDRESS, b2, b3, 0, 0)
        if a0 == SYS_RECV:
            return sys_recvfrom(task, b0, b1 & USER_ADDRESS, b2, b3, 0, 0)
        if a0 == SYS_SENDTO:
            return sys_sendto(task, b0, b1 & USER_ADDRESS, b2, b3, b4 & USER_ADDRESS, b5)
        if a0 == SYS_RECVFROM:
            return sys_recvfrom(task, b0, b1 & USER_ADDRESS, b2, b3, b4 & USER_ADDRESS, b5 & USER_ADDRESS)
        if a0 == SYS_SOCKET:
            return sys_socket(net, task, b0, b1, b2)
        if a0 == SYS_BIND:
            return sys_bind(task, b0, b1 & USER_ADDRESS, b2)
        if a0 == SYS_CONNECT:
            return sys_connect(task, b0, b1 & USER_ADDRESS, b2)
        if a0 == SYS_LISTEN:
            return sys_listen(task, b0, b1)
        if a0 == SYS_ACCEPT:
            return sys_accept4(task, b0, b1 & USER_ADDRESS, b2 & USER_ADDRESS, 0)
        if a0 == SYS_ACCEPT4:
            return sys_accept4(task, b0, b1 & USER_ADDRESS, b2 & USER_ADDRESS, b3)
        if a0 == SYS_GETSOCKNAME:
            return sys_getname(task, b0, b1 & USER_ADDRESS, b2 & USER_ADDRESS, 0)
        if a0 == SYS_GETPEERNAME:
            return sys_getname(task, b0, b1 & USER_ADDRESS, b2 & USER_ADDRESS, 1)
        if a0 == SYS_SOCKETPAIR:
            return sys_socketpair(net, task, b0, b1, b2, b3 & USER_ADDRESS)
        if a0 == SYS_SHUTDOWN:
            return sys_shutdown(task, b0, b1)
        if a0 == SYS_SETSOCKOPT:
            return sys_setsockopt(task, b0, b1, b2, b3 & USER_ADDRESS, b4)
        if a0 == SYS_GETSOCKOPT:
            return sys_getsockopt(task, b0, b1, b2, b3 & USER_ADDRESS, b4 & USER_ADDRESS)
        if a0 == SYS_SENDMSG:
            return sys_sendmsg(task, b0, b1, b2)
        if a0 == SYS_RECVMSG:
            return sys_recvmsg(task, b0, b1, b2)
        if a0 == SYS_RECVMMSG:
            return sys_recvmmsg(task, b0, b1, b2, b3, b4)
        return sys_sendmmsg(task, b0, b1, b2, b3)


# --- addresses and descriptors ---


def sockfd_lookup(task, fd):
    """The open file of a socket's descriptor, or None; `lookup_error` says why."""
    files = task.files
    filp = files.fget(fd)
    if filp is None or not isinstance(filp.private_data, socket):
        return None
    return filp


def lookup_error(task, fd):
    """EBADF for a descriptor that is not open, ENOTSOCK for another kind of file."""
    return -EBADF if task.files.fget(fd) is None else -ENOTSOCK


def move_addr_to_kernel(mm, address, length):
    """The sockaddr bytes at a user address; -EINVAL or -EFAULT (an int)."""
    if length < 0 or length > SOCKADDR_STORAGE_SIZE:
        return -EINVAL
    if length == 0:
        return b""
    name = copy_from_user(mm, address, length)
    return -EFAULT if name is None else name


def move_addr_to_user(mm, name, address, length_address):
    """Store as much of a sockaddr as the user has room for, and its true length: 0, -EINVAL or -EFAULT."""
    raw = copy_from_user(mm, length_address, 4)
    if raw is None:
        return -EFAULT
    room = int.from_bytes(raw, "little", signed=True)
    if room < 0:
        return -EINVAL
    # The length is there even where the address then turns out to be bad.
    if not put_user(mm, length_address, 4, len(name)):
        return -EFAULT
    return 0 if not room or not name or copy_to_user(mm, address, name[:room]) else -EFAULT


def move_inet_addr_to_user(mm, msg, address, length_address):
    """move_addr_to_user for the sockaddr_in of a received message, field by field."""
    if not mm.room(length_address) >= 4:
        return -EFAULT
    room = get_user(mm, length_address, 4)
    if room < SOCKADDR_IN_SIZE:
        name = inet_name(msg)
        return move_addr_to_user(mm, name, address, length_address)
    port = (msg.msg_port & 0xFF) << 8 | msg.msg_port >> 8
    addr = msg.msg_addr
    swapped = (addr & 0xFF) << 24 | (addr & 0xFF00) << 8 | addr >> 8 & 0xFF00 | addr >> 24
    if (
        not put_user(mm, length_address, 4, SOCKADDR_IN_SIZE)
        or not put_user(mm, address, 4, AF_INET | port << 16)
        or not put_user(mm, address + 4, 4, swapped)
        or not put_user(mm, address + 8, 8, 0)
    ):
        return -EFAULT
    return 0


def inet_name(msg):
    """The sockaddr_in bytes of a received message."""
    return (
        AF_INET.to_bytes(2, "little") + int(msg.msg_port).to_bytes(2, "big") + int(msg.msg_addr).to_bytes(4, "big")
        + bytes(8)
    )


# --- making sockets ---


def sock_create(net, family, type, protocol, uid):
    """A new `socket` with ops and sk; a negative errno (an int) on failure."""
    if not 0 <= family < NPROTO:
        return -EAFNOSUPPORT
    if not 0 <= type < SOCK_MAX:
        return -EINVAL
    create = net.families.get(family)
    if create is None:
        return -EAFNOSUPPORT
    sock = socket(net, type)
    net.sockets_used += 1
    err = create(net, sock, protocol, uid)
    if err < 0:
        sock.ops = None
        sock_release(sock)
        return err
    return sock


def sock_map_fd(task, sock, flags):
    """Open a file for `sock` and give it a descriptor; the socket is released when there is none left."""
    fs = sock.net.sockfs
    filp = fs.alloc_file(sock, O_NONBLOCK if flags & SOCK_NONBLOCK else 0)
    fd = task.files.get_unused_fd()
    if fd < 0:
        sock_release(sock)
        return fd
    task.files.fd_install(fd, filp, flags & SOCK_CLOEXEC != 0)
    return fd


def sys_socket(net, task, family, type, protocol):
    """int socket(int family, int type, int protocol)"""
    flags = type & ~SOCK_TYPE_MASK
    if flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK):
        return -EINVAL
    sock = sock_create(net, family, type & SOCK_TYPE_MASK, protocol, task.uid)
    if isinstance(sock, int):
        return sock
    return sock_map_fd(task, sock, flags)


def sys_socketpair(net, task, family, type, protocol, vector):
    """int socketpair(int family, int type, int protocol, int sv[2])"""
    flags = type & ~SOCK_TYPE_MASK
    if flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK):
        return -EINVAL
    # The descriptors come first: a bad address is noticed before anything is made.
    files = task.files
    fd1 = files.get_unused_fd()
    if fd1 < 0:
        return fd1
    fd2 = files.get_unused_fd()
    if fd2 < 0:
        files.put_unused_fd(fd1)
        return fd2
    err = -EFAULT
    if put_user(task.mm, vector, 4, fd1) and put_user(task.mm, vector + 4, 4, fd2):
        err = make_pair(net, task, family, type, protocol, fd1, fd2)
    if err < 0:
        files.put_unused_fd(fd1)
        files.put_unused_fd(fd2)
    return err


def make_pair(net, task, family, type, protocol, fd1, fd2):
    """socketpair's work: two connected sockets for two reserved descriptors; 0 or a negative errno."""
    sock1 = sock_create(net, family, type & SOCK_TYPE_MASK, protocol, task.uid)
    if isinstance(sock1, int):
        return sock1
    sock2 = sock_create(net, family, type & SOCK_TYPE_MASK, protocol, task.uid)
    if isinstance(sock2, int):
        sock_release(sock1)
        return sock2
    err = sock1.ops.socketpair(sock1, sock2)
    if err < 0:
        sock_release(sock1)
        sock_release(sock2)
        return err
    flags = O_NONBLOCK if type & SOCK_NONBLOCK else 0
    for fd, sock in ((fd1, sock1), (fd2, sock2)):
        task.files.fd_install(fd, net.sockfs.alloc_file(sock, flags), type & SOCK_CLOEXEC != 0)
    return 0


# --- the calls on one socket ---


def sys_bind(task, fd, address, length):
    """int bind(int fd, struct sockaddr *addr, int addrlen)"""
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    name = move_addr_to_kernel(task.mm, address, length)
    if isinstance(name, int):
        return name
    sock = filp.private_data
    return sock.ops.bind(sock, name)


def sys_connect(task, fd, address, length):
    """int connect(int fd, struct sockaddr *addr, int addrlen)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    name = move_addr_to_kernel(task.mm, address, length)
    if isinstance(name, int):
        return name
    if not isinstance(filp.private_data, socket):
        return -ENOTSOCK
    sock = filp.private_data
    return sock.ops.connect(sock, name, filp.f_flags & O_NONBLOCK)


def sys_listen(task, fd, backlog):
    """int listen(int fd, int backlog)"""
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    sock = filp.private_data
    # A negative number is a very large one, as in Linux.
    return sock.ops.listen(sock, backlog if 0 <= backlog <= 0x7FFFFFFF else 0x7FFFFFFF)


def sys_accept4(task, fd, address, length_address, flags):
    """int accept4(int fd, struct sockaddr *addr, int *addrlen, int flags)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK):
        return -EINVAL
    newfd = task.files.get_unused_fd()
    if newfd < 0:
        return newfd
    err = do_accept(task, filp, address, length_address, flags, newfd)
    if err < 0:
        task.files.put_unused_fd(newfd)
    return err


def do_accept(task, filp, address, length_address, flags, fd):
    """accept's work: the accepted socket becomes the file of reserved descriptor `fd`, which is the result."""
    if not isinstance(filp.private_data, socket):
        return -ENOTSOCK
    sock = filp.private_data
    net = sock.net
    newsock = socket(net, sock.type)
    newsock.ops = sock.ops
    net.sockets_used += 1
    err = sock.ops.accept(sock, newsock, filp.f_flags & O_NONBLOCK)
    if err < 0:
        newsock.ops = None
        sock_release(newsock)
        return err
    if address:
        name = newsock.ops.getname(newsock, 2)
        err = -ECONNABORTED
        if isinstance(name, bytes):
            err = move_addr_to_user(task.mm, name, address, length_address)
        if err < 0:
            sock_release(newsock)
            return err
    filp = net.sockfs.alloc_file(newsock, O_NONBLOCK if flags & SOCK_NONBLOCK else 0)
    task.files.fd_install(fd, filp, flags & SOCK_CLOEXEC != 0)
    return fd


def sys_getname(task, fd, address, length_address, peer):
    """int getsockname(int fd, struct sockaddr *addr, int *addrlen), and getpeername with `peer`"""
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    sock = filp.private_data
    name = sock.ops.getname(sock, peer)
    if isinstance(name, int):
        return name
    return move_addr_to_user(task.mm, name, address, length_address)


def sys_shutdown(task, fd, how):
    """int shutdown(int fd, int how)"""
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    sock = filp.private_data
    return sock.ops.shutdown(sock, how if 0 <= how <= 2 else -1)


def sys_sendto(task, fd, buffer, length, flags, address, address_length):
    """ssize_t sendto(int fd, void *buf, size_t len, unsigned flags, struct sockaddr *addr, int addrlen)"""
    if length < 0 or length > MAX_RW_COUNT:
        length = MAX_RW_COUNT
    if not access_ok(buffer, length):
        return -EFAULT
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    msg = alloc_msghdr(user_iter(task.mm, buffer, length), flags & ~MSG_INTERNAL_SENDMSG_FLAGS & 0x7FFFFFFF)
    if address:
        name = move_addr_to_kernel(task.mm, address, address_length)
        if isinstance(name, int):
            return name
        msg.msg_name = name
    if filp.f_flags & O_NONBLOCK:
        msg.msg_flags |= MSG_DONTWAIT
    sock = filp.private_data
    return sock_sendmsg(sock, msg, length)


def sys_recvfrom(task, fd, buffer, length, flags, address, length_address):
    """ssize_t recvfrom(int fd, void *buf, size_t len, unsigned flags, struct sockaddr *addr, int *addrlen)"""
    if length < 0 or length > MAX_RW_COUNT:
        length = MAX_RW_COUNT
    if not access_ok(buffer, length):
        return -EFAULT
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    msg = alloc_msghdr(user_iter(task.mm, buffer, length), 0)
    flags &= 0x7FFFFFFF
    if filp.f_flags & O_NONBLOCK:
        flags |= MSG_DONTWAIT
    sock = filp.private_data
    result = sock.ops.recvmsg(sock, msg, length, flags)
    if result >= 0 and address:
        err = 0
        if msg.msg_family == AF_INET:
            err = move_inet_addr_to_user(task.mm, msg, address, length_address)
        else:
            err = move_addr_to_user(task.mm, msg.msg_name or b"", address, length_address)
        if err < 0:
            return err
    return result


def sys_setsockopt(task, fd, level, optname, address, optlen):
    """int setsockopt(int fd, int level, int optname, void *optval, int optlen)"""
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    if optlen < 0:
        return -EINVAL
    sock = filp.private_data
    optval = option_value(task.mm, address, optlen)
    try:
        if level == SOL_SOCKET:
            return sock_setsockopt(sock.sk, optname, optval, task.uid == 0)
        return sock.ops.setsockopt(sock, level, optname, optval)
    except MemoryError:
        return -EFAULT


def sys_getsockopt(task, fd, level, optname, address, length_address):
    """int getsockopt(int fd, int level, int optname, void *optval, int *optlen)"""
    filp = sockfd_lookup(task, fd)
    if filp is None:
        return lookup_error(task, fd)
    sock = filp.private_data
    raw = copy_from_user(task.mm, length_address, 4)
    optlen = -1 if raw is None else int.from_bytes(raw, "little", signed=True)
    if optlen < 0:
        # A protocol that does not know the level at all does not look at the length, nor does a raw one for its options.
        known = 0 if level == SOL_SOCKET else sock.ops.getsockopt(sock, level, optname, 0)
        if known == -EOPNOTSUPP or (known == -ENOPROTOOPT and level == SOL_RAW):
            return known
        return -EFAULT if raw is None else -EINVAL
    if level == SOL_SOCKET:
        value = sock_getsockopt(sock, optname, optlen)
    else:
        value = sock.ops.getsockopt(sock, level, optname, optlen)
    if isinstance(value, int):
        return value
    value = value[:optlen]
    # Protocols store the length first, the socket layer last: it shows where the value's address is bad.
    if level != SOL_SOCKET and not put_user(task.mm, length_address, 4, len(value)):
        return -EFAULT
    if value and not copy_to_user(task.mm, address, value):
        return -EFAULT
    return 0 if level != SOL_SOCKET or put_user(task.mm, length_address, 4, len(value)) else -EFAULT
