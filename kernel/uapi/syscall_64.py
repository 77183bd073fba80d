"""System call numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl), each with the name that the kernel's own table
has for the call (kernel/uapi/syscall.py), where that takes the same arguments in the same layouts."""

SAME = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat64", 5: "fstat64", 6: "lstat64", 7: "poll", 8: "lseek",
    10: "mprotect", 11: "munmap", 12: "brk", 13: "rt_sigaction", 14: "rt_sigprocmask", 15: "rt_sigreturn", 16: "ioctl",
    17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 21: "access", 22: "pipe", 23: "select", 24: "sched_yield",
    25: "mremap", 26: "msync", 28: "madvise", 32: "dup", 33: "dup2", 34: "pause", 35: "nanosleep", 36: "getitimer",
    37: "alarm", 38: "setitimer", 39: "getpid", 40: "sendfile64", 41: "socket", 42: "connect", 44: "sendto", 45: "recvfrom",
    46: "sendmsg", 47: "recvmsg", 48: "shutdown", 49: "bind", 50: "listen", 51: "getsockname", 52: "getpeername",
    53: "socketpair", 54: "setsockopt", 55: "getsockopt", 59: "execve", 60: "exit", 61: "wait4", 62: "kill", 63: "uname",
    72: "fcntl64", 73: "flock", 74: "fsync", 75: "fdatasync", 76: "truncate64", 77: "ftruncate64", 79: "getcwd", 80: "chdir",
    81: "fchdir", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink",
    89: "readlink", 90: "chmod", 91: "fchmod", 92: "chown32", 93: "fchown32", 94: "lchown32", 95: "umask", 96: "gettimeofday",
    97: "ugetrlimit", 98: "getrusage", 99: "sysinfo", 100: "times", 102: "getuid", 103: "syslog", 104: "getgid",
    105: "setuid", 106: "setgid", 107: "geteuid", 108: "getegid", 109: "setpgid", 110: "getppid", 111: "getpgrp",
    112: "setsid", 113: "setreuid32", 114: "setregid32", 115: "getgroups", 116: "setgroups32", 117: "setresuid32",
    118: "getresuid32", 119: "setresgid32", 120: "getresgid32", 121: "getpgid", 124: "getsid", 127: "rt_sigpending",
    128: "rt_sigtimedwait", 129: "rt_sigqueueinfo", 130: "rt_sigsuspend", 131: "sigaltstack", 132: "utime", 133: "mknod",
    135: "personality", 137: "statfs", 138: "fstatfs", 140: "getpriority", 141: "setpriority", 142: "sched_setparam",
    143: "sched_getparam", 144: "sched_setscheduler", 145: "sched_getscheduler", 146: "sched_get_priority_max",
    147: "sched_get_priority_min", 149: "mlock", 150: "munlock", 151: "mlockall", 152: "munlockall", 153: "vhangup",
    157: "prctl", 158: "arch_prctl", 160: "setrlimit", 161: "chroot", 162: "sync", 169: "reboot", 186: "gettid", 200: "tkill",
    201: "time", 202: "futex", 203: "sched_setaffinity", 204: "sched_getaffinity", 213: "epoll_create", 217: "getdents64",
    218: "set_tid_address", 221: "fadvise64", 222: "timer_create", 223: "timer_settime", 224: "timer_gettime",
    225: "timer_getoverrun", 226: "timer_delete", 228: "clock_gettime", 229: "clock_getres", 230: "clock_nanosleep",
    231: "exit_group", 232: "epoll_wait", 233: "epoll_ctl", 234: "tgkill", 235: "utimes", 247: "waitid", 253: "inotify_init",
    254: "inotify_add_watch", 255: "inotify_rm_watch", 257: "openat", 258: "mkdirat", 259: "mknodat", 260: "fchownat",
    262: "fstatat64", 263: "unlinkat", 264: "renameat", 265: "linkat", 266: "symlinkat", 267: "readlinkat", 268: "fchmodat",
    269: "faccessat", 270: "pselect6", 271: "ppoll", 273: "set_robust_list", 275: "splice", 276: "tee", 278: "vmsplice",
    280: "utimensat", 281: "epoll_pwait", 282: "signalfd", 283: "timerfd_create", 284: "eventfd", 285: "fallocate",
    286: "timerfd_settime", 287: "timerfd_gettime", 288: "accept4", 289: "signalfd4", 290: "eventfd2", 291: "epoll_create1",
    292: "dup3", 293: "pipe2", 294: "inotify_init1", 295: "preadv", 296: "pwritev", 297: "rt_tgsigqueueinfo", 299: "recvmmsg",
    302: "prlimit64", 306: "syncfs", 307: "sendmmsg", 309: "getcpu", 316: "renameat2", 318: "getrandom", 319: "memfd_create",
    326: "copy_file_range", 327: "preadv2", 328: "pwritev2", 332: "statx", 436: "close_range", 439: "faccessat2",
    441: "epoll_pwait2",
}  # fmt: skip

NR_mmap = 9
# The kernel has it as accept4 without flags.
NR_accept = 43
NR_clone = 56
NR_fork = 57
NR_vfork = 58
