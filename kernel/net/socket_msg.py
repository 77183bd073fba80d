"""sendmsg, recvmsg and their many-message forms: struct msghdr, scattered buffers, control messages (LP64 layouts)."""

from kernel.arch.uaccess import copy_from_user, copy_to_user, put_user
from kernel.fs.read_write import import_iovec
from kernel.net import socket as socket_room
from kernel.net.core.sock import msghdr, sock_error
from kernel.net.sockfs import sock_sendmsg
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, EMSGSIZE, ENOBUFS
from kernel.uapi.fcntl import O_NONBLOCK
from kernel.uapi.socket import (
    AF_INET,
    MSG_CMSG_CLOEXEC,
    MSG_CMSG_COMPAT,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_INTERNAL_SENDMSG_FLAGS,
    MSG_WAITFORONE,
    SOCKADDR_STORAGE_SIZE,
    UIO_MAXIOV,
)

MSGHDR_SIZE = 56
MMSGHDR_SIZE = 64
CMSGHDR_SIZE = 16
MAX_CONTROL = 20480
NSEC_PER_SEC = 1000000000
USER_ADDRESS = 0xFFFFFFFFFFFFFFFF


class user_msghdr:
    """The fields of a struct msghdr in the program's memory at `address`; `name_bytes` is the name, where it is read."""

    def __init__(self, address, raw):
        self.address = address
        self.name_bytes = None
        self.name = int.from_bytes(raw[0:8], "little")
        self.namelen = int.from_bytes(raw[8:12], "little", signed=True)
        self.iov = int.from_bytes(raw[16:24], "little")
        self.iovlen = int.from_bytes(raw[24:32], "little", signed=True)
        self.control = int.from_bytes(raw[32:40], "little")
        self.controllen = int.from_bytes(raw[40:48], "little")


def copy_msghdr_from_user(mm, address, reads_name):
    """The user_msghdr at an address and an iov_iter over its buffers; a negative errno (an int) on failure.

    With `reads_name` the name that it points to is read, too.
    """
    raw = copy_from_user(mm, address & 0xFFFFFFFFFFFFFFFF, MSGHDR_SIZE)
    if raw is None:
        return -EFAULT
    user = user_msghdr(address & 0xFFFFFFFFFFFFFFFF, raw)
    if user.name and user.namelen < 0:
        return -EINVAL
    user.namelen = min(user.namelen, SOCKADDR_STORAGE_SIZE)
    if reads_name and user.name and user.namelen:
        name = socket_room.move_addr_to_kernel(mm, user.name, user.namelen)
        if isinstance(name, int):
            return name
        user.name_bytes = name
    if user.iovlen < 0 or user.iovlen > UIO_MAXIOV:
        return -EMSGSIZE
    iterator = import_iovec(mm, user.iov, user.iovlen)
    if isinstance(iterator, int):
        return iterator
    return user, iterator


def parse_control(raw):
    """The (level, type, data) of each control message, or -EINVAL for a bad length."""
    found = []
    position = 0
    while position + CMSGHDR_SIZE <= len(raw):
        length = int.from_bytes(raw[position : position + 8], "little")
        if length < CMSGHDR_SIZE or length > len(raw) - position:
            return -EINVAL
        level = int.from_bytes(raw[position + 8 : position + 12], "little", signed=True)
        type = int.from_bytes(raw[position + 12 : position + 16], "little", signed=True)
        found.append((level, type, raw[position + CMSGHDR_SIZE : position + length]))
        position += (length + 7) & ~7
    return found


def build_control(messages, room):
    """The bytes of control messages that fit in `room`, and whether something had to be cut off."""
    out = b""
    for level, type, data in messages:
        head = (CMSGHDR_SIZE + len(data)).to_bytes(8, "little")
        head += level.to_bytes(4, "little") + type.to_bytes(4, "little")
        entry = head + data
        if len(out) + len(entry) > room:
            return out, True
        out += entry.ljust((len(entry) + 7) & ~7, b"\0")
    return out[:room], False


def send_one(task, filp, address, flags):
    """sendmsg's work; bytes sent or a negative errno."""
    parsed = copy_msghdr_from_user(task.mm, address, True)
    if isinstance(parsed, int):
        return parsed
    user, iterator = parsed
    msg = msghdr(iterator, flags & ~MSG_INTERNAL_SENDMSG_FLAGS & 0x7FFFFFFF)
    msg.msg_name = user.name_bytes
    if user.controllen:
        if user.controllen > MAX_CONTROL:
            return -ENOBUFS
        raw = copy_from_user(task.mm, user.control, user.controllen)
        if raw is None:
            return -EFAULT
        control = parse_control(raw)
        if isinstance(control, int):
            return control
        msg.msg_control = control
    if filp.f_flags & O_NONBLOCK:
        msg.msg_flags |= MSG_DONTWAIT
    return sock_sendmsg(filp.private_data, msg, iterator.count)


def receive_one(task, filp, address, flags):
    """recvmsg's work; bytes received or a negative errno."""
    mm = task.mm
    parsed = copy_msghdr_from_user(mm, address, False)
    if isinstance(parsed, int):
        return parsed
    user, iterator = parsed
    msg = msghdr(iterator, flags & MSG_CMSG_CLOEXEC)
    msg.msg_control = []
    msg.msg_controllen = user.controllen if user.control else 0
    flags &= 0x7FFFFFFF
    if filp.f_flags & O_NONBLOCK:
        flags |= MSG_DONTWAIT
    sock = filp.private_data
    result = sock.ops.recvmsg(sock, msg, iterator.count, flags)
    if result < 0:
        return result
    if user.name:
        name = socket_room.inet_name(msg) if msg.msg_family == AF_INET else msg.msg_name or b""
        err = socket_room.move_addr_to_user(mm, name, user.name, user.address + 8)
        if err < 0:
            return err
    control, cut = build_control(msg.msg_control, msg.msg_controllen)
    if control and not copy_to_user(mm, user.control, control):
        return -EFAULT
    out_flags = msg.msg_flags | (MSG_CTRUNC if cut else 0)
    if not put_user(mm, user.address + 48, 4, out_flags) or not put_user(mm, user.address + 40, 8, len(control)):
        return -EFAULT
    return result


def sys_sendmsg(task, fd, address, flags):
    """ssize_t sendmsg(int fd, struct msghdr *msg, unsigned flags)"""
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    filp = socket_room.sockfd_lookup(task, fd)
    return socket_room.lookup_error(task, fd) if filp is None else send_one(task, filp, address, flags)


def sys_recvmsg(task, fd, address, flags):
    """ssize_t recvmsg(int fd, struct msghdr *msg, unsigned flags)"""
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    filp = socket_room.sockfd_lookup(task, fd)
    return socket_room.lookup_error(task, fd) if filp is None else receive_one(task, filp, address, flags)


def sys_sendmmsg(task, fd, vector, count, flags):
    """int sendmmsg(int fd, struct mmsghdr *msgvec, unsigned vlen, unsigned flags): how many went"""
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    filp = socket_room.sockfd_lookup(task, fd)
    if filp is None:
        return socket_room.lookup_error(task, fd)
    done = 0
    while done < min(count & 0xFFFFFFFF, UIO_MAXIOV):
        address = vector + done * MMSGHDR_SIZE
        result = send_one(task, filp, address, flags)
        if result >= 0 and not put_user(task.mm, (address + MSGHDR_SIZE) & 0xFFFFFFFFFFFFFFFF, 4, result):
            result = -EFAULT
        if result < 0:
            return done if done else result
        done += 1
    return done


def sys_recvmmsg(task, fd, vector, count, flags, timeout):
    """int recvmmsg(int fd, struct mmsghdr *msgvec, unsigned vlen, unsigned flags, struct timespec *timeout)

    The timeout is looked at after each message, as in Linux.
    """
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    limit = 0
    if timeout:
        raw = copy_from_user(task.mm, timeout & USER_ADDRESS, 16)
        if raw is None:
            return -EFAULT
        seconds = int.from_bytes(raw[:8], "little", signed=True)
        fraction = int.from_bytes(raw[8:], "little", signed=True)
        if seconds < 0 or not 0 <= fraction < NSEC_PER_SEC:
            return -EINVAL
        limit = seconds * NSEC_PER_SEC + fraction
    filp = socket_room.sockfd_lookup(task, fd)
    if filp is None:
        return socket_room.lookup_error(task, fd)
    sk = filp.private_data.sk
    if not flags & MSG_ERRQUEUE:
        result = sock_error(sk)
        if result < 0:
            return result
    timers = filp.private_data.net.timers
    deadline = timers.now() + limit
    done = result = 0
    while done < count & 0xFFFFFFFF:
        address = vector + done * MMSGHDR_SIZE
        result = receive_one(task, filp, address, flags & ~MSG_WAITFORONE)
        if result >= 0 and not put_user(task.mm, (address + MSGHDR_SIZE) & USER_ADDRESS, 4, result):
            result = -EFAULT
        if result < 0:
            break
        done += 1
        if flags & MSG_WAITFORONE:
            flags |= MSG_DONTWAIT
        if timeout and timers.now() >= deadline:
            break
    if result < 0 and done and result != -EAGAIN:
        # What has come is not lost for an error behind it: that waits for the next call.
        sk.sk_err = -result
    if timeout and done and result != -EAGAIN:
        left = max(0, deadline - timers.now())
        left = (left // NSEC_PER_SEC).to_bytes(8, "little") + (left % NSEC_PER_SEC).to_bytes(8, "little")
        if not copy_to_user(task.mm, timeout & USER_ADDRESS, left):
            return -EFAULT
    return done if done else result
