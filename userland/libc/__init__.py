"""A C library for programs on the machine: C names, C arguments, -1 and errno for failure.

    from userland import libc

    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    if libc.connect(fd, libc.sockaddr_in("10.0.2.2", 80)) < 0:
        libc.perror("connect")

Where C takes a pointer to fill, a call here takes a bytearray, or returns the value (or -1).  `libc.errno` is the
running thread's.  `transfer` holds the calls that move bytes, `socket`, `unistd`, `poll`, `process`, `signal`,
`thread` and `time` the other syscalls, `inet`, `netdb`, `databases`, `resolver` and `net_if` names, addresses and
interfaces.
"""

# ruff: noqa: F401, F403
from userland.abi.errno import *
from userland.abi.fcntl import *
from userland.abi.netdb import *
from userland.abi.process import *
from userland.abi.socket import *
from userland.libc.crt import ended, get_errno, random_bits, set_errno, strerror
from userland.libc.databases import hostent, protoent, servent
from userland.libc.epoll import (
    epoll_create,
    epoll_create1,
    epoll_ctl,
    epoll_pwait,
    epoll_pwait2,
    epoll_wait,
    eventfd,
    eventfd_read,
    eventfd_write,
    timerfd_create,
    timerfd_gettime,
    timerfd_settime,
)
from userland.libc.getopt import Options, UsageError, getopt, integer
from userland.libc.inet import (
    ether_aton,
    ether_ntoa,
    htonl,
    htons,
    inet_addr,
    inet_aton,
    inet_ntoa,
    inet_ntop,
    inet_pton,
    ntohl,
    ntohs,
    sockaddr_family,
    sockaddr_in,
    sockaddr_in_pair,
    sockaddr_ll,
    sockaddr_ll_fields,
    sockaddr_un,
)
from userland.libc.net_if import (
    arp_request,
    control_ioctl,
    ethtool_ioctl,
    get_address,
    get_flags,
    get_hardware,
    get_int,
    get_mtu,
    getifaddrs,
    if_indextoname,
    if_names,
    if_nametoindex,
    ifaddrs,
    ifconf,
    rename_interface,
    route_request,
    set_address,
    set_flags,
    set_hardware,
    set_int,
    vlan_request,
    wait_for_carrier,
)
from userland.libc.netdb import (
    addrinfo,
    gai_strerror,
    get_h_errno,
    getaddrinfo,
    gethostbyaddr,
    gethostbyname,
    gethostbyname2,
    getnameinfo,
    getprotobyname,
    getprotobynumber,
    getservbyname,
    getservbyport,
    hstrerror,
)
from userland.libc.poll import (
    FD_CLR,
    FD_ISSET,
    FD_SET,
    FD_ZERO,
    fd_set,
    poll,
    pollfd,
    ppoll,
    pselect,
    select,
)
from userland.libc.process import (
    WEXITSTATUS,
    WIFCONTINUED,
    WIFEXITED,
    WIFSIGNALED,
    WIFSTOPPED,
    WSTOPSIG,
    WTERMSIG,
    _exit,
    alarm,
    environ,
    execve,
    getenv,
    getpid,
    getppid,
    klogctl,
    reboot,
    sched_yield,
    setenv,
    setpgid,
    shell_status,
    spawn,
    tcgetattr,
    tcsetattr,
    tcsetpgrp,
    termios,
    uname,
    unsetenv,
    uptime,
    waitpid,
    window_size,
)
from userland.libc.signal import (
    kill,
    pause,
    raise_signal,
    sigaction,
    siginfo_t,
    signal,
    sigpending,
    sigprocmask,
    sigqueue,
    sigsuspend,
    sigtimedwait,
    sigwaitinfo,
    tgkill,
    thread_kill,
)
from userland.libc.socket import (
    accept,
    accept4,
    accept_address,
    bind,
    connect,
    getpeername,
    getsockname,
    getsockopt,
    getsockopt_int,
    linger,
    listen,
    msghdr,
    peer_text,
    recv_bytes,
    recvfrom_address,
    recvmsg,
    send_all,
    sendmsg,
    setsockopt,
    shutdown,
    socket,
    socket_error,
    socketpair,
)
from userland.libc.stdio import (
    STDERR_FILENO,
    STDIN_FILENO,
    STDOUT_FILENO,
    LineReader,
    dprintf,
    eputs,
    fputs,
    perror,
    printf,
    puts,
)
from userland.libc.thread import (
    Futex,
    gettid,
    thread_count,
    thread_create,
    thread_detach,
    thread_exit,
    thread_join,
)
from userland.libc.time import (
    clock_gettime,
    clock_gettime_ns,
    getitimer,
    gettimeofday,
    gmtime,
    http_date,
    nanosleep,
    setitimer,
    sleep,
    time,
    usleep,
    wall_clock,
)
from userland.libc.transfer import read, recv, recvfrom, send, sendto, write
from userland.libc.unistd import (
    chdir,
    close,
    dup,
    dup2,
    dup3,
    fcntl,
    fstat,
    ftruncate,
    getcwd,
    getdents,
    ioctl,
    isatty,
    listdir,
    lseek,
    lstat,
    mkdir,
    open,
    pipe,
    read_bytes,
    read_file,
    read_text,
    readlink,
    readv,
    rename,
    rmdir,
    sendfile,
    set_nonblocking,
    stat,
    stat_result,
    umask,
    unlink,
    write_all,
    writev,
)


def __getattr__(name):
    if name == "errno":
        return get_errno()
    if name == "h_errno":
        return get_h_errno()
    raise AttributeError(f"module 'userland.libc' has no attribute {name!r}")
