"""Fills the system call table of a kernel, apart from the sockets' own calls."""

from kernel.abi.mm_calls import mm_calls
from kernel.fs import open, read_write, stat
from kernel.fs.epoll_calls import epoll_calls
from kernel.fs.eventfd import eventfd_calls
from kernel.fs.poll import poll_calls
from kernel.fs.timerfd import timerfd_calls
from kernel.sched.exit import exit_calls
from kernel.sched.fork import process_calls
from kernel.sched.usage import usage_calls
from kernel.sched.waiting import wait_calls
from kernel.signal_calls import signal_calls
from kernel.sys import system_calls
from kernel.time.itimer import itimer_calls
from kernel.time.syscalls import time_calls
from kernel.uapi.syscall import (
    SYS_lseek,
    SYS_read,
    SYS_readv,
    SYS_sendfile64,
    SYS_write,
    SYS_writev,
)


def register_syscalls(kernel):
    """Enter every system call of the kernel core."""
    table = kernel.syscalls
    for nr, name, function in (
        (SYS_read, "read", read_write.sys_read()),
        (SYS_write, "write", read_write.sys_write()),
        (SYS_readv, "readv", read_write.sys_readv),
        (SYS_writev, "writev", read_write.sys_writev),
        (SYS_lseek, "lseek", read_write.sys_lseek),
        (SYS_sendfile64, "sendfile64", read_write.sys_sendfile64),
    ):
        table.register(nr, name, function)
    open.register(table, kernel.sched)
    stat.register(table)
    for calls in (
        poll_calls(kernel.sched),
        epoll_calls(kernel.sched),
        eventfd_calls(kernel.sched),
        timerfd_calls(kernel),
        time_calls(kernel),
        itimer_calls(kernel),
        system_calls(kernel),
        signal_calls(kernel),
        exit_calls(),
        process_calls(kernel),
        wait_calls(kernel),
        usage_calls(kernel),
        kernel.futexes,
        mm_calls(kernel),
    ):
        calls.register(table)
