"""Which arguments of which calls are C ints.

A register holds an int in its low half only: what is above is nobody's, and the sign is bit 31.  All other arguments are
pointers, sizes and longs and take the whole register.
"""

# By the kernel's own names of the calls (kernel/uapi/syscall.py).
INTS = {
    (0,): (
        "close", "dup", "epoll_create", "epoll_create1", "eventfd", "exit", "exit_group", "fallocate", "fchdir", "fchmod",
        "fchown32", "fcntl64", "fdatasync", "fstat64", "fstatfs", "fsync", "ftruncate64", "futimesat", "getdents64",
        "getitimer", "getpgid", "getrusage", "getsid", "ioctl", "mkdirat", "mknodat", "prctl", "pread64", "preadv",
        "pwrite64", "pwritev", "read", "readlinkat", "readv", "rt_sigaction", "rt_sigprocmask", "sched_getaffinity",
        "select", "setitimer", "syncfs", "write", "writev", "clock_gettime", "clock_getres", "prlimit64",
        "getgroups", "pselect6", "timer_gettime", "timer_delete", "timer_getoverrun", "timerfd_gettime", "setuid",
        "setgid", "setreuid", "umask", "syslog", "arch_prctl", "fchmodat", "setrlimit", "ugetrlimit",
    ),
    (1,): ("access", "futex", "open", "memfd_create", "symlinkat", "pipe2"),
    (2,): ("madvise", "poll", "msync", "getrandom"),
    (0, 1): (
        "clock_nanosleep", "dup2", "eventfd2", "flock", "kill", "rt_sigqueueinfo", "sendfile64", "setpgid", "tkill",
        "timerfd_create", "getpriority", "timer_settime", "timerfd_settime",
    ),
    (0, 2): ("lseek", "openat", "unlinkat", "wait4", "faccessat", "statx", "renameat", "renameat2"),
    (0, 3): ("fstatat64", "utimensat", "signalfd4", "faccessat2"),
    (0, 4): ("fchownat",),
    (0, 1, 2): ("dup3", "epoll_ctl", "tgkill", "rt_tgsigqueueinfo", "setpriority", "setresuid", "setresgid"),
    (0, 2, 3): ("epoll_wait", "epoll_pwait"),
    (0, 2, 4): ("linkat",),
    (0, 1, 3): ("waitid", "tee", "epoll_pwait2"),
}  # fmt: skip

# By socketcall's sub-calls.
SOCKET_INTS = {
    1: (0, 1, 2), 2: (0, 2), 3: (0, 2), 4: (0, 1), 5: (0,), 6: (0,), 7: (0,), 8: (0, 1, 2), 9: (0, 3), 10: (0, 3),
    11: (0, 3, 5), 12: (0, 3), 13: (0, 1), 14: (0, 1, 2, 4), 15: (0, 1, 2), 16: (0, 2), 17: (0, 2), 18: (0, 3),
    19: (0, 2, 3), 20: (0, 2, 3),
}  # fmt: skip


def signed32(value):
    """The low 32 bits as C's int."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def int_arguments(names):
    """{number: the positions of its ints} for a table {number: name}."""
    by_name = {name: positions for positions, group in INTS.items() for name in group}
    return {number: by_name[name] for number, name in names.items() if name in by_name}
