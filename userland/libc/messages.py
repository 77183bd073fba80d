"""Several messages in one call, recvmmsg(2) and sendmmsg(2), and sockatmark(3): the Linux end of <sys/socket.h>."""

from struct import Struct

from userland.abi.errno import EMSGSIZE
from userland.abi.layout import IOV_MAX, IOVEC, MSGHDR
from userland.abi.socket import SIOCATMARK
from userland.abi.syscall import SYS_RECVMMSG, SYS_SENDMMSG
from userland.libc.crt import checked, set_errno, this
from userland.libc.socket import pack_control, socketcall, unpack_control
from userland.libc.unistd import ioctl

NSEC_PER_SEC = 1000000000
TIMESPEC = Struct("<qq")
# The int behind each msghdr, and the padding to the next one.
LENGTH = Struct("<I4x")


class Vector:
    """The mmsghdrs of some messages in memory that the kernel reaches, for the time of one call."""

    def __init__(self, messages, writable):
        self.space = this().space
        self.messages = messages
        self.writable = writable
        self.mapped = []
        self.controls = []
        raw = b""
        for message in messages:
            raw += self.header(message) + LENGTH.pack(0)
        self.raw = bytearray(raw)
        self.address = self.map(self.raw, True)

    def map(self, buffer, writable):
        """The address of a buffer; 0 for an empty one."""
        if not len(buffer):
            return 0
        self.mapped.append(self.space.map(buffer, writable))
        return self.mapped[-1]

    def header(self, message):
        vectors = b"".join(IOVEC.pack(self.map(buffer, self.writable), len(buffer)) for buffer in message.iov)
        control = b""
        if message.control is not None:
            control = bytearray(message.control) if self.writable else pack_control(message.control)
        self.controls.append(control)
        name = message.name if message.name is not None else b""
        return MSGHDR.pack(
            self.map(name, self.writable), len(name), self.map(vectors, False), len(message.iov),
            self.map(control, self.writable), len(control), 0,
        )  # fmt: skip

    def take(self, count):
        """The first `count` messages have gone or come: their lengths, with what the kernel stored in them."""
        lengths = []
        for index in range(count):
            offset = index * (MSGHDR.size + LENGTH.size)
            message = self.messages[index]
            _, message.namelen, _, _, _, control_length, message.flags = MSGHDR.unpack_from(self.raw, offset)
            if self.writable and message.control is not None:
                message.control = unpack_control(self.controls[index][:control_length])
            lengths.append(LENGTH.unpack_from(self.raw, offset + MSGHDR.size)[0])
        return lengths

    def close(self):
        for address in self.mapped:
            self.space.unmap(address)


def many(call, fd, messages, flags, writable, *more):
    if any(len(message.iov) > IOV_MAX for message in messages):
        return set_errno(EMSGSIZE)
    vector = Vector(messages, writable)
    result = socketcall(call, fd, vector.address, len(messages), flags, *more)
    lengths = vector.take(result) if result >= 0 else checked(result)
    vector.close()
    return lengths


def sendmmsg(fd, messages, flags=0):
    """int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags): [bytes of each that went], or -1."""
    return many(SYS_SENDMMSG, fd, messages, flags, False)


def recvmmsg(fd, messages, flags=0, timeout=None):
    """int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout)

    `messages` are `msghdr`s; `timeout` in ns.  [bytes of each that came], or -1.
    """
    if timeout is None:
        return many(SYS_RECVMMSG, fd, messages, flags, True, 0)
    space = this().space
    address = space.map(bytearray(TIMESPEC.pack(*divmod(timeout, NSEC_PER_SEC))), True)
    result = many(SYS_RECVMMSG, fd, messages, flags, True, address)
    space.unmap(address)
    return result


def sockatmark(fd):
    """int sockatmark(int sockfd): 1 when the next byte is the urgent one, 0, or -1."""
    value = bytearray(4)
    return int.from_bytes(value, "little") if ioctl(fd, SIOCATMARK, value) >= 0 else -1
