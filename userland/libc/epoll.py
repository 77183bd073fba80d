"""Sets of descriptors, and descriptors for events: epoll(7), eventfd(2), signalfd(2), timerfd_create(2).

-1 and errno on failure.
"""

from hwemu.cpu import trap
from userland.abi.layout import EPOLL_EVENT, ITIMERSPEC, SIGSET_SIZE
from userland.abi.syscall import (
    SYS_epoll_create,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_epoll_wait,
    SYS_eventfd2,
    SYS_signalfd4,
    SYS_timerfd_create,
    SYS_timerfd_gettime,
    SYS_timerfd_settime,
)
from userland.libc.crt import checked, this
from userland.libc.poll import sigset, timespec
from userland.libc.transfer import read, write

NANOSECONDS = 1000000000
COUNTER = 8


def epoll_create(size=1):
    """int epoll_create(int size)"""
    return checked(trap(SYS_epoll_create, size))


def epoll_create1(flags=0):
    """int epoll_create1(int flags)"""
    return checked(trap(SYS_epoll_create1, flags))


def epoll_ctl(epfd, op, fd, events=0, data=None):
    """int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event): `data` is an int, the fd by default."""
    space = this().space
    address = space.map(EPOLL_EVENT.pack(events, (fd if data is None else data) & 0xFFFFFFFFFFFFFFFF))
    result = trap(SYS_epoll_ctl, epfd, op, fd, address)
    space.unmap(address)
    return checked(result)


def epoll_wait(epfd, events, maxevents=64, timeout=-1):
    """int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)

    `events` is a list that is refilled with (data, events) pairs; `timeout` in ms, -1 for ever.
    """
    return wait_call(SYS_epoll_wait, epfd, events, maxevents, timeout, None)


def epoll_pwait(epfd, events, maxevents=64, timeout=-1, sigmask=None):
    """int epoll_pwait(int epfd, events, int maxevents, int timeout, const sigset_t *sigmask)

    `sigmask` is the signals that are blocked meanwhile, None: those that are now.
    """
    return wait_call(SYS_epoll_pwait, epfd, events, maxevents, timeout, sigmask)


def epoll_pwait2(epfd, events, maxevents=64, timeout=None, sigmask=None):
    """int epoll_pwait2(int epfd, events, int maxevents, const struct timespec *timeout, const sigset_t *sigmask)

    `timeout` in seconds, None for ever.
    """
    limit = None if timeout is None else timespec(timeout)
    space = this().space
    address = 0 if limit is None else space.map(limit)
    result = wait_call(SYS_epoll_pwait2, epfd, events, maxevents, address, sigmask)
    space.unmap(address)
    return result


def wait_call(nr, epfd, events, maxevents, timeout, sigmask):
    """One of the three waiting calls: fills `events`."""
    raw = bytearray(EPOLL_EVENT.size * max(maxevents, 1))
    space = this().space
    address = space.map(raw, True)
    mask = 0 if sigmask is None else space.map(sigset(sigmask))
    result = trap(nr, epfd, address, maxevents, timeout, mask, SIGSET_SIZE)
    space.unmap(mask)
    space.unmap(address)
    events.clear()
    if result > 0:
        with memoryview(raw) as view:
            for bits, data in EPOLL_EVENT.iter_unpack(view[: result * EPOLL_EVENT.size]):
                events.append((data, bits))
    return checked(result)


# --- eventfd ---


def eventfd(initval=0, flags=0):
    """int eventfd(unsigned int initval, int flags)"""
    return checked(trap(SYS_eventfd2, initval, flags))


def eventfd_read(fd):
    """int eventfd_read(int fd, eventfd_t *value): the value, or -1."""
    raw = bytearray(COUNTER)
    return int.from_bytes(raw, "little") if read(fd, raw) == COUNTER else -1


def eventfd_write(fd, value):
    """int eventfd_write(int fd, eventfd_t value): 0, or -1."""
    return 0 if write(fd, value.to_bytes(COUNTER, "little")) == COUNTER else -1


# --- signalfd ---


def signalfd(fd, signals, flags=0):
    """int signalfd(int fd, const sigset_t *mask, int flags): `signals` are numbers; fd -1 makes a new descriptor."""
    space = this().space
    mask = space.map(sigset(signals))
    result = trap(SYS_signalfd4, fd, mask, SIGSET_SIZE, flags)
    space.unmap(mask)
    return checked(result)


# --- timerfd ---


def timerfd_create(clockid, flags=0):
    """int timerfd_create(int clockid, int flags)"""
    return checked(trap(SYS_timerfd_create, clockid, flags))


def timerfd_settime(fd, flags, value, interval=0):
    """int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)

    `value` and `interval` in ns; returns what was left before as (value, interval), or -1.
    """
    old = bytearray(ITIMERSPEC.size)
    space = this().space
    new_address = space.map(ITIMERSPEC.pack(*divmod(interval, NANOSECONDS), *divmod(value, NANOSECONDS)))
    old_address = space.map(old, True)
    result = trap(SYS_timerfd_settime, fd, flags, new_address, old_address)
    space.unmap(old_address)
    space.unmap(new_address)
    return itimerspec(old) if result >= 0 else checked(result)


def timerfd_gettime(fd):
    """int timerfd_gettime(int fd, struct itimerspec *curr_value): (value, interval) in ns, or -1."""
    raw = bytearray(ITIMERSPEC.size)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_timerfd_gettime, fd, address)
    space.unmap(address)
    return itimerspec(raw) if result >= 0 else checked(result)


def itimerspec(raw):
    """(value, interval) in ns of a struct itimerspec."""
    seconds, fraction, value_seconds, value_fraction = ITIMERSPEC.unpack(raw)
    return value_seconds * NANOSECONDS + value_fraction, seconds * NANOSECONDS + fraction
