"""TCP_ZEROCOPY_RECEIVE (Linux: tcp_zerocopy_receive): what it does where no pages can be mapped.

Pages of a connection can be moved only into a mapping of its socket, and there is no such mapping: a program's memory is its
own (mmap(2) of a socket answers ENODEV).  What Linux then does is done here: small amounts are copied into the buffer that
the program has named, and of others it is told how much it has to fetch with recv(2).
"""

from struct import Struct

from kernel.arch.uaccess import user_iter
from kernel.net.core.sock import alloc_msghdr, sock_error
from kernel.net.core.sock_flags import SOCK_DONE
from kernel.uapi.errno import EINVAL, EIO, ENOTCONN
from kernel.uapi.socket import MSG_DONTWAIT
from kernel.uapi.sockios import SIOCINQ
from kernel.uapi.tcp import TCP_LISTEN

# struct tcp_zerocopy_receive: address, length, recv_skip_hint, inq, err, copybuf_address, copybuf_len, flags, msg_control,
# msg_controllen, msg_flags, reserved.
ZEROCOPY = Struct("<QIIIiQiIQQII")
MIN_SIZE = 12
# How far a value has to go for `inq`, and for `err`, to be told.
WITH_INQ, WITH_ERR = 20, 24
TCP_CMSG_TS = 2
PAGE_SIZE = 4096


def tcp_zerocopy_receive(sk, given, room):
    """getsockopt: `given` is the program's structure, of which it has `room` bytes; the answer's bytes or a negative errno."""
    if room < MIN_SIZE or any(given[ZEROCOPY.size :]):
        return -EINVAL
    size = min(room, ZEROCOPY.size)
    fields = ZEROCOPY.unpack(given[:size].ljust(ZEROCOPY.size, b"\0"))
    address, _, _, _, _, copybuf, copybuf_len, flags, control, controllen, msg_flags, reserved = fields
    if reserved or msg_flags & ~TCP_CMSG_TS or address % PAGE_SIZE:
        return -EINVAL
    if sk.sk_state == TCP_LISTEN:
        return -ENOTCONN
    waiting = sk.sk_prot.ioctl(sk, SIOCINQ, 0)
    hint = waiting
    copied = 0
    if 0 < waiting <= copybuf_len:
        copied = copy_to_buffer(sk, copybuf, waiting)
        if copied < 0:
            return copied
        hint = waiting - copied
    elif waiting >= PAGE_SIZE:
        # There is no mapping at `address`.
        return -EINVAL
    elif waiting == 0 and sk.sk_flags & SOCK_DONE:
        return -EIO
    err = sock_error(sk) if size >= WITH_ERR else fields[4]
    left = sk.sk_prot.ioctl(sk, SIOCINQ, 0) if size >= WITH_INQ else fields[3]
    if size >= WITH_INQ and left == 0 and sk.sk_flags & SOCK_DONE:
        # The end of the stream can be read.
        left = 1
    return ZEROCOPY.pack(address, 0, hint, left, err, copybuf, copied, flags, control, controllen, 0, 0)[:size]


def copy_to_buffer(sk, address, size):
    """Receive into the program's buffer: how many bytes, or a negative errno."""
    msg = alloc_msghdr(user_iter(sk.net.sched.current.mm, address, size), 0)
    return sk.sk_prot.recvmsg(sk, msg, size, MSG_DONTWAIT)
