"""Names that a script may use for numbers: those of the kernel's user interface, and a few that only scripts have."""

from kernel.uapi import errno, fcntl, if_, in_, poll, socket, sockios, tcp

MODULES = (socket, tcp, in_, poll, fcntl, if_, sockios)
# Kernel options that scripts name and that only some kernels have: <linux/tcp.h>, <linux/errqueue.h>, <linux/sockios.h>.
MORE = {
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
    "TCP_FASTOPEN": 23,
    "TCP_FASTOPEN_CONNECT": 30,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCPI_OPT_SYN_DATA": 32,
    "TCP_CM_INQ": 36,
    "MSG_FASTOPEN": 0x20000000,
    "MSG_ZEROCOPY": 0x4000000,
    "CMSG_LEVEL_IP": 0,
    "CMSG_TYPE_RECVERR": 11,
    "SO_EE_ORIGIN_ZEROCOPY": 5,
    "SO_EE_ORIGIN_TIMESTAMPING": 4,
    "SO_EE_CODE_ZEROCOPY_COPIED": 1,
    "SO_TIMESTAMPING": 37,
    "SCM_TIMESTAMPING": 37,
    "SCM_TSTAMP_SND": 0,
    "SCM_TSTAMP_SCHED": 1,
    "SCM_TSTAMP_ACK": 2,
    "SOF_TIMESTAMPING_TX_SOFTWARE": 1 << 1,
    "SOF_TIMESTAMPING_SOFTWARE": 1 << 4,
    "SOF_TIMESTAMPING_OPT_ID": 1 << 7,
    "SOF_TIMESTAMPING_TX_SCHED": 1 << 8,
    "SOF_TIMESTAMPING_TX_ACK": 1 << 9,
    "SOF_TIMESTAMPING_OPT_TSONLY": 1 << 11,
    "EPOLL_CTL_ADD": 1,
    "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3,
    "SPLICE_F_MOVE": 1,
    "SPLICE_F_NONBLOCK": 2,
    "NULL": 0,
    "IPPROTO_TCP": 6,
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
