"""The calls that are compared: under which number each kernel has them.

The host is x86-64; ours has the numbers of i386, where calls on sockets go through socketcall(2), and LP64 layouts.
A call that our table does not have yet is not generated.
"""

from kernel.uapi import socket as socket_uapi
from kernel.uapi import syscall as i386

# name: (x86-64 number, i386 name), or the name of a sub-call of socketcall.
DIRECT = {
    "read": (0, "read"), "write": (1, "write"), "close": (3, "close"), "poll": (7, "poll"), "lseek": (8, "lseek"),
    "ioctl": (16, "ioctl"), "pread64": (17, "pread64"), "pwrite64": (18, "pwrite64"),
    "readv": (19, "readv"), "writev": (20, "writev"), "select": (23, "select"),
    "dup": (32, "dup"), "dup2": (33, "dup2"), "sendfile": (40, "sendfile64"), "fcntl": (72, "fcntl64"),
    "ftruncate": (77, "ftruncate"), "getdents64": (217, "getdents64"), "epoll_wait": (232, "epoll_wait"),
    "epoll_ctl": (233, "epoll_ctl"), "pselect6": (270, "pselect6"), "ppoll": (271, "ppoll"), "splice": (275, "splice"),
    "tee": (276, "tee"), "epoll_pwait": (281, "epoll_pwait"), "timerfd_create": (283, "timerfd_create"),
    "eventfd": (284, "eventfd"), "timerfd_settime": (286, "timerfd_settime"), "timerfd_gettime": (287, "timerfd_gettime"),
    "eventfd2": (290, "eventfd2"), "epoll_create1": (291, "epoll_create1"), "dup3": (292, "dup3"), "pipe2": (293, "pipe2"),
    "preadv": (295, "preadv"), "pwritev": (296, "pwritev"), "close_range": (436, "close_range"),
    "epoll_pwait2": (441, "epoll_pwait2"), "vmsplice": (278, "vmsplice"), "epoll_create": (213, "epoll_create"),
    "unlink": (87, "unlink"), "signalfd4": (289, "signalfd4"),
}  # fmt: skip
ON_SOCKETS = {
    "socket": (41, "SOCKET", 3), "connect": (42, "CONNECT", 3), "accept": (43, "ACCEPT", 3), "sendto": (44, "SENDTO", 6),
    "recvfrom": (45, "RECVFROM", 6), "sendmsg": (46, "SENDMSG", 3), "recvmsg": (47, "RECVMSG", 3),
    "shutdown": (48, "SHUTDOWN", 2), "bind": (49, "BIND", 3), "listen": (50, "LISTEN", 2),
    "getsockname": (51, "GETSOCKNAME", 3), "getpeername": (52, "GETPEERNAME", 3), "socketpair": (53, "SOCKETPAIR", 4),
    "setsockopt": (54, "SETSOCKOPT", 5), "getsockopt": (55, "GETSOCKOPT", 5), "accept4": (288, "ACCEPT4", 4),
    "recvmmsg": (299, "RECVMMSG", 5), "sendmmsg": (307, "SENDMMSG", 4),
}  # fmt: skip
# What is no call of the kernel but known to the executors: "signal" interrupts the other task, "sleep" lets time pass.
SLEEP = "sleep"
SIGNAL = "signal"
PSEUDO = {SLEEP: 1000, SIGNAL: 1001}


def numbers():
    """name -> (x86-64 number, i386 number, sub-call or 0), of the calls that our kernel knows."""
    found = {}
    for name, (host, ours) in DIRECT.items():
        number = getattr(i386, f"SYS_{ours}", None)
        if number is not None:
            found[name] = (host, number, 0)
    for name, (host, ours, _) in ON_SOCKETS.items():
        found[name] = (host, i386.SYS_socketcall, getattr(socket_uapi, f"SYS_{ours}"))
    return found
