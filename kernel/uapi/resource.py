"""Limits of resources (Linux, asm-generic/resource.h), with what a process begins with."""

RLIMIT_CPU = 0
RLIMIT_FSIZE = 1
RLIMIT_DATA = 2
RLIMIT_STACK = 3
RLIMIT_CORE = 4
RLIMIT_RSS = 5
RLIMIT_NPROC = 6
RLIMIT_NOFILE = 7
RLIMIT_MEMLOCK = 8
RLIMIT_AS = 9
RLIMIT_LOCKS = 10
RLIMIT_SIGPENDING = 11
RLIMIT_MSGQUEUE = 12
RLIMIT_NICE = 13
RLIMIT_RTPRIO = 14
RLIMIT_RTTIME = 15
RLIM_NLIMITS = 16
RLIM_INFINITY = 0xFFFFFFFFFFFFFFFF

# fs.nr_open: no table of descriptors may become larger.
NR_OPEN = 1048576
# A server of many thousand connections needs no raising.
NR_OPEN_DEFAULT = 65536
UNLIMITED = (RLIM_INFINITY, RLIM_INFINITY)
INIT_RLIMITS = (
    UNLIMITED,
    UNLIMITED,
    UNLIMITED,
    (8 << 20, RLIM_INFINITY),
    (0, RLIM_INFINITY),
    UNLIMITED,
    (32768, 32768),
    (NR_OPEN_DEFAULT, NR_OPEN),
    (8 << 20, 8 << 20),
    UNLIMITED,
    UNLIMITED,
    (4096, 4096),
    (819200, 819200),
    (0, 0),
    (0, 0),
    UNLIMITED,
)
