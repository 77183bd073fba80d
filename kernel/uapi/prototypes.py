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
        "openat": (0, 2),
        "mkdirat": (0,),
        "mknodat": (0,),
        "symlinkat": (1,),
        "readlink": (2,),
        "readlinkat": (0, 3),
        "unlinkat": (0, 2),
        "renameat": (0, 2),
        "renameat2": (0, 2, 4),
        "linkat": (0, 2, 4),
        "fstatat64": (0, 3),
        "statx": (0, 2, 3),
        "utimensat": (0, 3),
        "futimesat": (0,),
        "access": (1,),
        "faccessat": (0, 2),
        "faccessat2": (0, 2, 3),
        "fchmod": (0,),
        "fchmodat": (0,),
        "fchown": (0,),
        "fchown32": (0,),
        "fchownat": (0, 4),
        "fchdir": (0,),
        "fstatfs": (0,),
        "fsync": (0,),
        "fdatasync": (0,),
        "syncfs": (0,),
        "flock": (0, 1),
        "fallocate": (0, 1),
        "copy_file_range": (0, 2, 5),
        "preadv2": (0, 5),
        "pwritev2": (0, 5),
        "_llseek": (0, 4),
        "ftruncate64": (0,),
        "memfd_create": (1,),
        "signalfd": (0,),
        "signalfd4": (0, 3),
        "getrlimit": (0,),
        "setrlimit": (0,),
        "ugetrlimit": (0,),
        "prlimit64": (0, 1),
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
