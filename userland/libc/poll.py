"""Waiting for many descriptors: poll(2), select(2), epoll(7)."""

from hwemu.cpu import trap
from userland.abi.fcntl import FD_SETSIZE
from userland.abi.layout import EPOLL_EVENT, POLLFD, TIMEVAL
from userland.abi.syscall import SYS__newselect, SYS_epoll_create, SYS_epoll_ctl, SYS_epoll_wait, SYS_poll
from userland.libc.crt import checked, this

MICROSECONDS = 1000000


class pollfd:
    """struct pollfd: `revents` is filled in by `poll`; a negative fd is passed over."""

    __slots__ = ("fd", "events", "revents")

    def __init__(self, fd, events):
        self.fd = fd
        self.events = events
        self.revents = 0


def poll(fds, timeout=-1):
    """int poll(struct pollfd *fds, nfds_t nfds, int timeout): `timeout` in ms, -1 for ever.

    `fds` is a list of `pollfd`; returns how many have `revents`.
    """
    raw = bytearray(POLLFD.size * len(fds))
    for index, entry in enumerate(fds):
        POLLFD.pack_into(raw, index * POLLFD.size, entry.fd, entry.events, 0)
    space = this().space
    address = space.map(raw, True) if raw else 0
    result = trap(SYS_poll, address, len(fds), timeout)
    space.unmap(address)
    for index, entry in enumerate(fds):
        # The two low bytes are a short of flags: POLLRDHUP does not reach the sign bit.
        entry.revents = POLLFD.unpack_from(raw, index * POLLFD.size)[2] if result >= 0 else 0
    return checked(result)


class fd_set:
    """fd_set: one bit for each of 1024 descriptors."""

    __slots__ = ("bits",)

    def __init__(self, fds=()):
        self.bits = bytearray(FD_SETSIZE // 8)
        for fd in fds:
            FD_SET(fd, self)


def FD_SET(fd, fds):
    """void FD_SET(int fd, fd_set *set)"""
    fds.bits[fd >> 3] |= 1 << (fd & 7)


def FD_CLR(fd, fds):
    """void FD_CLR(int fd, fd_set *set)"""
    fds.bits[fd >> 3] &= ~(1 << (fd & 7)) & 0xFF


def FD_ISSET(fd, fds):
    """int FD_ISSET(int fd, fd_set *set)"""
    return bool(fds.bits[fd >> 3] & 1 << (fd & 7))


def FD_ZERO(fds):
    """void FD_ZERO(fd_set *set)"""
    fds.bits[:] = bytes(FD_SETSIZE // 8)


def select(nfds, readfds=None, writefds=None, exceptfds=None, timeout=None):
    """int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)

    `timeout` in seconds, None for ever.
    """
    space = this().space
    addresses = [space.map(fds.bits, True) if fds is not None else 0 for fds in (readfds, writefds, exceptfds)]
    limit = 0
    if timeout is not None:
        microseconds = int(timeout * MICROSECONDS)
        limit = space.map(bytearray(TIMEVAL.pack(*divmod(microseconds, MICROSECONDS))), True)
    result = trap(SYS__newselect, nfds, *addresses, limit)
    for address in (limit, *addresses):
        space.unmap(address)
    return checked(result)


def epoll_create(size=1):
    """int epoll_create(int size)"""
    return checked(trap(SYS_epoll_create, size))


def epoll_ctl(epfd, op, fd, events=0, data=None):
    """int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event): `data` is an int, the fd by default."""
    space = this().space
    address = space.map(EPOLL_EVENT.pack(events, fd if data is None else data))
    result = trap(SYS_epoll_ctl, epfd, op, fd, address)
    space.unmap(address)
    return checked(result)


def epoll_wait(epfd, events, maxevents=64, timeout=-1):
    """int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)

    `events` is a list that is refilled with (data, events) pairs; `timeout` in ms, -1 for ever.
    """
    raw = bytearray(EPOLL_EVENT.size * maxevents)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_epoll_wait, epfd, address, maxevents, timeout)
    space.unmap(address)
    events.clear()
    for index in range(max(result, 0)):
        mask, data = EPOLL_EVENT.unpack_from(raw, index * EPOLL_EVENT.size)
        events.append((data, mask))
    return checked(result)
