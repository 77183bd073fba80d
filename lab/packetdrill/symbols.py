"""Names that a script may use for numbers: those of the kernel's user interface, and a few that only scripts have."""

from kernel.uapi import errno, errqueue, fcntl, if_, in_, poll, socket, sockios, tcp

MODULES = (socket, tcp, in_, poll, fcntl, if_, sockios, errqueue)
# Names of other headers, and of packetdrill's own.
MORE = {
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
    "CMSG_LEVEL_IP": 0,
    "CMSG_TYPE_RECVERR": 11,
    "EPOLL_CTL_ADD": 1,
    "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3,
    "SPLICE_F_MOVE": 1,
    "SPLICE_F_NONBLOCK": 2,
    "NULL": 0,
    "INFINITE_TIMEOUT": -1,
}


def symbols():
    """{name: number}."""
    names = {}
    for module in (errno, *MODULES):
        names.update({name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, int)})
        names.update({name: value for name, value in vars(module).items() if name.startswith("TCP_CA_")})
    names.update(MORE)
    return names


def errno_names():
    """{number: name}."""
    names = sorted(((name, value) for name, value in vars(errno).items() if name.startswith("E")), reverse=True)
    # Of two names for one number the first in the alphabet: EAGAIN, not EWOULDBLOCK.
    return {value: name for name, value in names if isinstance(value, int)}
