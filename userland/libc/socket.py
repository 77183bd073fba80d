"""Sockets: <sys/socket.h> through socketcall(2), as glibc does on i386.

Addresses are sockaddr bytes (see `userland.libc.inet`); an address that the kernel fills in is a bytearray.
Every call returns -1 and sets errno on failure.
"""

from hwemu.cpu import trap
from userland.abi.errno import EMSGSIZE
from userland.abi.layout import CMSGHDR, IOV_MAX, IOVEC, LINGER, MSGHDR, SOCK_FPROG, SOCKADDR_IN_SIZE
from userland.abi.socket import AF_INET, SO_ATTACH_FILTER, SO_ERROR, SOL_SOCKET
from userland.abi.syscall import (
    SYS_ACCEPT,
    SYS_ACCEPT4,
    SYS_BIND,
    SYS_CONNECT,
    SYS_GETPEERNAME,
    SYS_GETSOCKNAME,
    SYS_GETSOCKOPT,
    SYS_LISTEN,
    SYS_RECVMSG,
    SYS_SENDMSG,
    SYS_SETSOCKOPT,
    SYS_SHUTDOWN,
    SYS_SOCKET,
    SYS_SOCKETPAIR,
    SYS_socketcall,
)
from userland.libc.crt import LENGTH_OFFSET, PAIR_OFFSET, checked, get_errno, set_errno, this
from userland.libc.inet import sockaddr_in_pair
from userland.libc.transfer import recv, recvfrom, send

SOCKADDR_STORAGE = 128
SOCK_FILTER_SIZE = 8


def socketcall(call, *arguments):
    """The trap with its array of longs; returns the kernel's result, errno untouched."""
    program = this()
    for index, argument in enumerate(arguments):
        program.args[index] = argument
    return trap(SYS_socketcall, call, program.args_address)


def call_with_address(call, fd, addr):
    space = this().space
    address = space.map(addr)
    result = socketcall(call, fd, address, len(addr))
    space.unmap(address)
    return checked(result)


def call_for_address(call, fd, addr, *more):
    """A call that fills in an address: returns (result, address length)."""
    program = this()
    if addr is None:
        return checked(socketcall(call, fd, 0, 0, *more)), 0
    address = program.space.map(addr, True)
    program.words[LENGTH_OFFSET >> 2] = len(addr)
    result = socketcall(call, fd, address, program.args_address + LENGTH_OFFSET, *more)
    program.space.unmap(address)
    return checked(result), program.words[LENGTH_OFFSET >> 2]


def socket(family, kind, protocol=0):
    """int socket(int domain, int type, int protocol)"""
    return checked(socketcall(SYS_SOCKET, family, kind, protocol))


def socketpair(family, kind, protocol=0):
    """int socketpair(int domain, int type, int protocol, int sv[2]): returns (fd, fd), or -1."""
    program = this()
    result = socketcall(SYS_SOCKETPAIR, family, kind, protocol, program.args_address + PAIR_OFFSET)
    if result < 0:
        return checked(result)
    first = PAIR_OFFSET >> 2
    return program.words[first], program.words[first + 1]


def bind(fd, addr):
    """int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)"""
    return call_with_address(SYS_BIND, fd, addr)


def connect(fd, addr):
    """int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)"""
    return call_with_address(SYS_CONNECT, fd, addr)


def listen(fd, backlog):
    """int listen(int sockfd, int backlog)"""
    return checked(socketcall(SYS_LISTEN, fd, backlog))


def accept(fd, addr=None):
    """int accept(int sockfd, struct sockaddr *addr, socklen_t *addrlen): fills `addr` (a bytearray) if given."""
    return call_for_address(SYS_ACCEPT, fd, addr)[0]


def accept4(fd, addr=None, flags=0):
    """int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)"""
    return call_for_address(SYS_ACCEPT4, fd, addr, flags)[0]


def accept_address(fd, addr, flags=0):
    """accept4 that also tells how long the peer's address is: (fd or -1, length)."""
    return call_for_address(SYS_ACCEPT4, fd, addr, flags)


def recvfrom_address(fd, buf, length, flags, addr):
    """recvfrom that also tells how long the sender's address is: (count or -1, length)."""
    count = recvfrom(fd, buf, length, flags, addr)
    return count, this().words[LENGTH_OFFSET >> 2]


def shutdown(fd, how):
    """int shutdown(int sockfd, int how)"""
    return checked(socketcall(SYS_SHUTDOWN, fd, how))


def getsockname(fd):
    """int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen): returns the sockaddr bytes, or -1."""
    return address_of(SYS_GETSOCKNAME, fd)


def getpeername(fd):
    """int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen): returns the sockaddr bytes, or -1."""
    return address_of(SYS_GETPEERNAME, fd)


def address_of(call, fd):
    addr = bytearray(SOCKADDR_STORAGE)
    result, length = call_for_address(call, fd, addr)
    return -1 if result < 0 else bytes(addr[:length])


def setsockopt(fd, level, name, value):
    """int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)

    `value` is an int or bytes.
    """
    raw = value.to_bytes(4, "little", signed=value < 0) if isinstance(value, int) else value
    space = this().space
    address = space.map(raw)
    result = socketcall(SYS_SETSOCKOPT, fd, level, name, address, len(raw))
    space.unmap(address)
    return checked(result)


def getsockopt(fd, level, name, size=4):
    """int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen): the bytes, or -1."""
    program = this()
    raw = bytearray(size)
    address = program.space.map(raw, True)
    program.words[LENGTH_OFFSET >> 2] = size
    result = socketcall(SYS_GETSOCKOPT, fd, level, name, address, program.args_address + LENGTH_OFFSET)
    program.space.unmap(address)
    if result < 0:
        return checked(result)
    return bytes(raw[: program.words[LENGTH_OFFSET >> 2]])


def getsockopt_int(fd, level, name):
    """getsockopt for an int option: the value; None on failure, as an option's value may be -1."""
    raw = getsockopt(fd, level, name)
    return None if raw == -1 else int.from_bytes(raw, "little", signed=True)


def socket_error(fd):
    """SO_ERROR: the pending errno of a socket, cleared by reading it (errno itself when the call fails)."""
    value = getsockopt_int(fd, SOL_SOCKET, SO_ERROR)
    return get_errno() if value is None else value


def attach_filter(fd, code):
    """SO_ATTACH_FILTER with the bytes of an array of struct sock_filter; 0, or -1."""
    space = this().space
    address = space.map(code)
    program = SOCK_FPROG.pack(len(code) // SOCK_FILTER_SIZE, address)
    result = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program)
    space.unmap(address)
    return result


def linger(on, seconds):
    """struct linger for SO_LINGER."""
    return LINGER.pack(on, seconds)


class msghdr:
    """struct msghdr: an address, the buffers that data is gathered from or scattered to, and control messages.

    `control` is a list of (level, type, bytes) to send, or the size of the room for received ones; after
    `recvmsg` it holds the list that came.  `flags` is what the kernel sets (MSG_TRUNC ...), `namelen`
    the true length of the address that it stored in `name`.
    """

    __slots__ = ("name", "namelen", "iov", "control", "flags")

    def __init__(self, iov, name=None, control=None):
        self.iov = iov
        self.name = name
        self.namelen = 0
        self.control = control
        self.flags = 0


def pack_control(messages):
    """Control messages as the kernel reads them: cmsghdr and data, each padded to 8 bytes."""
    out = bytearray()
    for level, kind, data in messages:
        out += CMSGHDR.pack(CMSGHDR.size + len(data), level, kind) + data + bytes(-len(data) % 8)
    return out


def unpack_control(raw):
    """[(level, type, bytes)] from a received control buffer; stops at the first length that lies."""
    messages = []
    offset = 0
    while offset + CMSGHDR.size <= len(raw):
        length, level, kind = CMSGHDR.unpack_from(raw, offset)
        if length < CMSGHDR.size or offset + length > len(raw):
            break
        messages.append((level, kind, bytes(raw[offset + CMSGHDR.size : offset + length])))
        offset += length + 7 & ~7
    return messages


def message_call(call, fd, message, flags, writable):
    if len(message.iov) > IOV_MAX:
        return set_errno(EMSGSIZE)
    space = this().space
    vectors = bytearray()
    mapped = []
    for buffer in message.iov:
        mapped.append(space.map(buffer, writable))
        vectors += IOVEC.pack(mapped[-1], len(buffer))
    control = b""
    if message.control is not None:
        control = bytearray(message.control) if writable else pack_control(message.control)
    name = message.name if message.name is not None else b""
    name_address = space.map(name, writable) if name else 0
    control_address = space.map(control, writable) if control else 0
    iov_address = space.map(vectors)
    header = bytearray(
        MSGHDR.pack(
            name_address, len(name), iov_address, len(message.iov), control_address, len(control), 0
        )
    )
    header_address = space.map(header, True)
    result = socketcall(call, fd, header_address, flags)
    for address in (header_address, iov_address, control_address, name_address, *mapped):
        space.unmap(address)
    _, message.namelen, _, _, _, control_length, message.flags = MSGHDR.unpack(header)
    if writable and message.control is not None:
        message.control = unpack_control(control[:control_length]) if result >= 0 else []
    return checked(result)


def sendmsg(fd, message, flags=0):
    """ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)"""
    return message_call(SYS_SENDMSG, fd, message, flags, False)


def recvmsg(fd, message, flags=0):
    """ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)"""
    return message_call(SYS_RECVMSG, fd, message, flags, True)


def recv_bytes(fd, length, flags=0):
    """recv into a fresh buffer: the bytes that came (empty at the end), or -1."""
    buffer = bytearray(length)
    count = recv(fd, buffer, -1, flags)
    if count < 0:
        return -1
    del buffer[count:]
    return bytes(buffer)


def send_all(fd, data, flags=0):
    """send until all of `data` is gone; 0, or -1 with errno as the failing send left it."""
    view = memoryview(data)
    sent = 0
    while sent < len(view):
        count = send(fd, view[sent:], -1, flags)
        if count < 0:
            return -1
        sent += count
    return 0


def peer_text(raw):
    """'address:port' of a sockaddr_in."""
    if len(raw) < SOCKADDR_IN_SIZE or raw[0] != AF_INET:
        return "unknown"
    host, port = sockaddr_in_pair(raw)
    return f"{host}:{port}"
