"""Fills the system call table of a kernel, apart from the sockets' own calls."""

from kernel.abi.id_calls import id_calls
from kernel.abi.mm_calls import mm_calls
from kernel.fs import names, open, read_write, stat
from kernel.fs.epoll_calls import epoll_calls
from kernel.fs.eventfd import eventfd_calls
from kernel.fs.fcntl import descriptor_calls
from kernel.fs.inotify import inotify_calls
from kernel.fs.memfd import memfd_calls
from kernel.fs.poll import poll_calls
from kernel.fs.signalfd import signalfd_calls
from kernel.fs.splice import splice_calls
from kernel.fs.timerfd import timerfd_calls
from kernel.sched.exit import exit_calls
from kernel.sched.fork import process_calls
from kernel.sched.priority import priority_calls
from kernel.sched.rlimit import rlimit_calls
from kernel.sched.usage import usage_calls
from kernel.sched.waiting import wait_calls
from kernel.signal_calls import signal_calls
from kernel.sys import system_calls
from kernel.time.itimer import itimer_calls
from kernel.time.posix_timers import posix_timer_calls
from kernel.time.syscalls import time_calls


def register_syscalls(kernel):
    """Enter every system call of the kernel core."""
    table = kernel.syscalls
    open.register(table, kernel.pipe_operations)
    names.register(table)
    read_write.register(table)
    stat.register(table, kernel.rootfs.now)
    for calls in (
        poll_calls(kernel.sched),
        epoll_calls(kernel.sched),
        eventfd_calls(kernel.sched),
        timerfd_calls(kernel),
        signalfd_calls(kernel.sched),
        inotify_calls(kernel),
        descriptor_calls(kernel),
        splice_calls(kernel.pipe_operations),
        memfd_calls(kernel.vfs.root),
        rlimit_calls(kernel.pids),
        time_calls(kernel),
        itimer_calls(kernel),
        posix_timer_calls(kernel),
        system_calls(kernel),
        signal_calls(kernel),
        exit_calls(),
        process_calls(kernel),
        wait_calls(kernel),
        usage_calls(kernel),
        kernel.futexes,
        priority_calls(kernel),
        id_calls(),
        mm_calls(kernel),
    ):
        calls.register(table)
