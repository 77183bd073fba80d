"""Which arguments of each system call are an int in its C prototype (<linux/syscalls.h>): the kernel sees their low 32 bits.

The others are pointers, size_t, loff_t or long and keep their 64 bits.  An `unsigned int` counts as an int, so it is
negative from 2^31 on.
"""

from kernel.uapi import syscall


def positions(*arguments):
    """The bit mask of argument positions, 0 to 5."""
    return sum(1 << position for position in arguments)


INT_ARGUMENTS = {
    getattr(syscall, f"SYS_{name}"): positions(*arguments)
    for name, arguments in {
        "read": (0,),
        "write": (0,),
        "open": (1,),
        "close": (0,),
        "waitpid": (0, 2),
        "lseek": (0, 2),
        "kill": (0, 1),
        "dup": (0,),
        "ioctl": (0, 1),
        "fcntl": (0, 1),
        "setpgid": (0, 1),
        "dup2": (0, 1),
        "ftruncate": (0,),
        "socketcall": (0,),
        "wait4": (0, 2),
        "getpgid": (0,),
        "select": (0,),
        "readv": (0,),
        "writev": (0,),
        "getsid": (0,),
        "poll": (1, 2),
        "rt_sigaction": (0,),
        "rt_sigprocmask": (0,),
        "fstat64": (0,),
        "getdents64": (0, 2),
        "fcntl64": (0, 1),
        "sendfile64": (0, 1),
        "epoll_create": (0,),
        "epoll_ctl": (0, 1, 2),
        "epoll_wait": (0, 2, 3),
        "clock_gettime": (0,),
        "epoll_create1": (0,),
        "dup3": (0, 1, 2),
        "pipe2": (1,),
        "getrandom": (2,),
        "eventfd": (0,),
        "eventfd2": (0, 1),
        "timerfd_create": (0, 1),
        "timerfd_settime": (0, 1),
        "timerfd_gettime": (0,),
        "ppoll": (1,),
        "pselect6": (0,),
        "epoll_pwait": (0, 2, 3),
        "epoll_pwait2": (0, 2),
        "pread64": (0,),
        "pwrite64": (0,),
        "preadv": (0,),
        "pwritev": (0,),
        "splice": (0, 2, 5),
        "tee": (0, 1, 3),
        "vmsplice": (0, 3),
        "close_range": (0, 1, 2),
    }.items()
    if hasattr(syscall, f"SYS_{name}")
}
# Of socketcall's sub-calls 0 to 20: the arguments in its array.
SOCKETCALL_INTS = tuple(
    positions(*arguments)
    for arguments in (
        (), (0, 1, 2), (0, 2), (0, 2), (0, 1), (0,), (0,), (0,), (0, 1, 2), (0, 3), (0, 3), (0, 3, 5), (0, 3), (0, 1),
        (0, 1, 2, 4), (0, 1, 2), (0, 2), (0, 2), (0, 3), (0, 2, 3), (0, 2, 3),
    )
)  # fmt: skip
