"""`_socket`: what CPython's socket.py imports, put together."""

from userland import libc
from userland.python import names
from userland.python.addresses import index
from userland.python.constants import constants
from userland.python.extension import extension_module
from userland.python.interpreter import checked, interpreter
from userland.python.messages import CMSG_LEN, CMSG_SPACE
from userland.python.sockets import Socket, as_seconds, timeout_of

NAME_FUNCTIONS = (
    "getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getservbyname", "getservbyport",
    "getprotobyname", "gethostname", "if_nameindex", "if_nametoindex", "if_indextoname", "htons", "ntohs", "htonl", "ntohl",
    "inet_aton", "inet_ntoa", "inet_pton", "inet_ntop", "gaierror", "herror",
)  # fmt: skip

# The machine has no sethostname(2): this file of its is the same.
HOSTNAME = "/proc/sys/kernel/hostname"


def close(fd):
    """close(integer) -> None"""
    if libc.close(index(fd)) < 0 and libc.get_errno() != libc.ECONNRESET:
        checked(-1)


def dup(fd):
    """dup(integer) -> integer"""
    return checked(libc.fcntl(index(fd), libc.F_DUPFD_CLOEXEC, 0))


def socketpair(family=libc.AF_UNIX, type=libc.SOCK_STREAM, proto=0):
    """socketpair([family[, type [, proto]]]) -> (socket object, socket object)"""
    pair = checked(libc.socketpair(family, type | libc.SOCK_CLOEXEC, proto))
    return tuple(Socket(family, type, proto, fileno=fd) for fd in pair)


def getdefaulttimeout():
    """getdefaulttimeout() -> timeout"""
    return as_seconds(interpreter().default_timeout)


def setdefaulttimeout(timeout):
    """setdefaulttimeout(timeout)"""
    interpreter().default_timeout = timeout_of(timeout)


def sethostname(name):
    """sethostname(name)"""
    raw = name.encode() if isinstance(name, str) else bytes(name)
    fd = checked(libc.open(HOSTNAME, libc.O_WRONLY))
    try:
        checked(libc.write(fd, raw))
    finally:
        libc.close(fd)


def socket_module():
    """A new `_socket` module."""
    namespace = {**constants(), **{name: getattr(names, name) for name in NAME_FUNCTIONS}}
    namespace.update(
        socket=Socket, SocketType=Socket, error=OSError, timeout=TimeoutError, has_ipv6=False, close=close, dup=dup,
        socketpair=socketpair, sethostname=sethostname, getdefaulttimeout=getdefaulttimeout, setdefaulttimeout=setdefaulttimeout,
        CMSG_LEN=CMSG_LEN, CMSG_SPACE=CMSG_SPACE, CAPI=None,
    )  # fmt: skip
    return extension_module("_socket", "The machine's own sockets.", namespace)
