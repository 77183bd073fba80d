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
    MSG_OOB,
    MSG_WAITFORONE,
    SCM_RIGHTS,
    SCM_TIMESTAMP,
    SCM_TIMESTAMPING,
    SCM_TIMESTAMPNS,
    SOCKADDR_STORAGE_SIZE,
    SOL_SOCKET,
    UIO_MAXIOV,
)

MSGHDR_SIZE = 56
MMSGHDR_SIZE = 64
# struct cmsghdr: a word with the length, then level and type, 4 bytes each.
CMSGHDR_REST = 8
FD_SIZE = 4
# Control messages with times, which have words of the program's size in them.
WITH_TIMES = (SCM_TIMESTAMP, SCM_TIMESTAMPNS, SCM_TIMESTAMPING)
TIMESPEC_SIZE = 16
# The highest bit of a call's flags is Linux's own mark of 32-bit programs; here `task.abi` knows them.
FLAGS_MASK = 0x7FFFFFFF
# A control message of a type that no socket takes.
MALFORMED = (SOL_SOCKET, -1, b"")
U32_MASK = 0xFFFFFFFF
U64_MASK = 0xFFFFFFFFFFFFFFFF
NSEC_PER_SEC = 1000000000


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


def parse_control(raw, word):
    """The (level, type, data) of each control message; one with a bad length ends them as MALFORMED.

    Who sends finds it in its turn: other errors of a message come first.  `word` is the program's, in bytes.
    """
    found = []
    position = 0
    header = word + CMSGHDR_REST
    while position + header <= len(raw):
        length = int.from_bytes(raw[position : position + word], "little")
        if length < header or length > len(raw) - position:
            found.append(MALFORMED)
            break
        level = int.from_bytes(raw[position + word : position + word + 4], "little", signed=True)
        type = int.from_bytes(raw[position + word + 4 : position + header], "little", signed=True)
        found.append((level, type, raw[position + header : position + length]))
        position += (length + word - 1) & ~(word - 1)
    return found


def put_control(task, address, messages, room):
    """Store the control messages that fit in `room` at a user address: how many bytes they take, and whether something had
    to be cut off (MSG_CTRUNC).

    A message of which not all fits is cut, and its header says how much there is; one without room for its header is left out.
    """
    taken = 0
    cut = False
    word = task.abi.word
    header = word + CMSGHDR_REST
    for level, type, data in messages:
        left = room - taken
        if left < header:
            return taken, True
        if word == 4 and level == SOL_SOCKET and type in WITH_TIMES:
            data = b"".join(data[place : place + 4] for place in range(0, len(data), 8))
        length = header + len(data)
        if length > left:
            cut = True
            length = left
        entry = length.to_bytes(word, "little") + level.to_bytes(4, "little") + type.to_bytes(4, "little")
        place = address + taken & U64_MASK
        if task.mm.room(place) < length or not copy_to_user(task.mm, place, entry + data[: length - header]):
            # A bad address is no error of the call: what can not be stored is not there.
            if (level, type) == (SOL_SOCKET, SCM_RIGHTS):
                cut = True
                for at in range(0, len(data), FD_SIZE):
                    task.files.close_fd(int.from_bytes(data[at : at + FD_SIZE], "little"))
            continue
        # The padding up to the next one belongs to it, as far as it goes, and stays as it is.
        taken += min((length + word - 1) & ~(word - 1), left)
    return taken, cut


def send_one(task, filp, address, flags):
    """sendmsg's work: bytes sent or a negative errno, and how many bytes have not been taken."""
    parsed = copy_msghdr_from_user(task.mm, address, True)
    if isinstance(parsed, int):
        return parsed, 0
    user, iterator = parsed
    msg = msghdr(iterator, flags & ~MSG_INTERNAL_SENDMSG_FLAGS & FLAGS_MASK)
    msg.msg_name = user.name_bytes
    if user.controllen:
        if user.controllen > filp.private_data.net.sysctl_optmem_max:
            return -ENOBUFS, 0
        raw = copy_from_user(task.mm, user.control, user.controllen)
        if raw is None:
            return -EFAULT, 0
        msg.msg_control = parse_control(raw, task.abi.word)
    if filp.f_flags & O_NONBLOCK:
        msg.msg_flags |= MSG_DONTWAIT
    return sock_sendmsg(filp.private_data, msg, iterator.count), iterator.count


def receive_one(task, filp, address, flags):
    """recvmsg's work: bytes received or a negative errno, and the flags that came back."""
    mm = task.mm
    parsed = copy_msghdr_from_user(mm, address, False)
    if isinstance(parsed, int):
        return parsed, 0
    user, iterator = parsed
    msg = msghdr(iterator, flags & MSG_CMSG_CLOEXEC)
    msg.msg_control = []
    msg.msg_controllen = user.controllen if user.control else 0
    flags &= FLAGS_MASK
    if filp.f_flags & O_NONBLOCK:
        flags |= MSG_DONTWAIT
    sock = filp.private_data
    result = sock.ops.recvmsg(sock, msg, iterator.count, flags)
    if result < 0:
        # Of a call that fails a Unix stream stores the credentials, yet nothing says so.
        put_control(task, user.control, msg.msg_control, msg.msg_controllen)
        return result, 0
    if user.name:
        name = socket_room.inet_name(msg) if msg.msg_family == AF_INET else msg.msg_name or b""
        err = socket_room.move_addr_to_user(mm, name, user.name, user.address + 8)
        if err < 0:
            return err, 0
    control, cut = put_control(task, user.control, msg.msg_control, msg.msg_controllen)
    out_flags = msg.msg_flags | (MSG_CTRUNC if cut else 0)
    if not put_user(mm, user.address + 48, 4, out_flags) or not put_user(mm, user.address + 40, 8, control):
        return -EFAULT, 0
    return result, out_flags


def sys_sendmsg(task, fd, address, flags):
    """ssize_t sendmsg(int fd, struct msghdr *msg, unsigned flags)"""
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    filp = socket_room.sockfd_lookup(task, fd)
    return socket_room.lookup_error(task, fd) if filp is None else send_one(task, filp, address, flags)[0]


def sys_recvmsg(task, fd, address, flags):
    """ssize_t recvmsg(int fd, struct msghdr *msg, unsigned flags)"""
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    filp = socket_room.sockfd_lookup(task, fd)
    return socket_room.lookup_error(task, fd) if filp is None else receive_one(task, filp, address, flags)[0]


def sys_sendmmsg(task, fd, vector, count, flags):
    """int sendmmsg(int fd, struct mmsghdr *msgvec, unsigned vlen, unsigned flags): how many went

    An error is reported only when nothing went before it; a message that went in part is the last one.
    """
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    filp = socket_room.sockfd_lookup(task, fd)
    if filp is None:
        return socket_room.lookup_error(task, fd)
    done = 0
    result = 0
    while done < min(count & U32_MASK, UIO_MAXIOV):
        address = (vector + done * MMSGHDR_SIZE) & U64_MASK
        result, left = send_one(task, filp, address, flags)
        if result >= 0 and not put_user(task.mm, (address + MSGHDR_SIZE) & U64_MASK, 4, result):
            result = -EFAULT
        if result < 0:
            break
        done += 1
        if left:
            break
    return done if done else min(result, 0)


def sys_recvmmsg(task, fd, vector, count, flags, timeout):
    """int recvmmsg(int fd, struct mmsghdr *msgvec, unsigned vlen, unsigned flags, struct timespec *timeout)

    The timeout is looked at after each message, as in Linux, and what is left of it is stored.  An error behind the first
    message is kept for the next call (SO_ERROR).
    """
    if flags & MSG_CMSG_COMPAT:
        return -EINVAL
    deadline = -1
    now = task.sched.timers.now
    if timeout:
        raw = copy_from_user(task.mm, timeout & U64_MASK, TIMESPEC_SIZE)
        if raw is None:
            return -EFAULT
        seconds = int.from_bytes(raw[:8], "little", signed=True)
        fraction = int.from_bytes(raw[8:], "little", signed=True)
        if seconds < 0 or not 0 <= fraction < NSEC_PER_SEC:
            return -EINVAL
        deadline = now() + seconds * NSEC_PER_SEC + fraction
    filp = socket_room.sockfd_lookup(task, fd)
    if filp is None:
        return socket_room.lookup_error(task, fd)
    sk = filp.private_data.sk
    if not flags & MSG_ERRQUEUE:
        pending = sock_error(sk)
        if pending:
            return pending
    done = 0
    result = 0
    left = 0
    while done < count & U32_MASK:
        address = (vector + done * MMSGHDR_SIZE) & U64_MASK
        result, came = receive_one(task, filp, address, flags & ~MSG_WAITFORONE)
        if result >= 0 and not put_user(task.mm, (address + MSGHDR_SIZE) & U64_MASK, 4, result):
            result = -EFAULT
        if result < 0:
            break
        done += 1
        if flags & MSG_WAITFORONE:
            flags |= MSG_DONTWAIT
        left = max(0, deadline - now())
        if (timeout and left == 0) or came & MSG_OOB:
            break
    if done == 0:
        return min(result, 0)
    if result < 0 and result != -EAGAIN:
        sk.sk_err = -result
    if timeout and not put_timespec(task.mm, timeout & U64_MASK, left):
        return -EFAULT
    return done


def put_timespec(mm, address, nanoseconds):
    """Store a struct timespec; False for a bad address."""
    seconds, fraction = divmod(nanoseconds, NSEC_PER_SEC)
    return copy_to_user(mm, address, seconds.to_bytes(8, "little") + fraction.to_bytes(8, "little"))
