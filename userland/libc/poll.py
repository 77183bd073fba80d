"""Waiting for many descriptors: poll(2), select(2) and their forms with a signal mask.  epoll(7) is in `epoll`."""

from hwemu.cpu import trap
from userland.abi.fcntl import FD_SETSIZE
from userland.abi.layout import POLLFD, SIGSET_ARGPACK, SIGSET_SIZE, TIMESPEC, TIMEVAL
from userland.abi.syscall import SYS__newselect, SYS_poll, SYS_ppoll, SYS_pselect6
from userland.libc.crt import checked, this

MICROSECONDS = 1000000
NANOSECONDS = 1000000000


class pollfd:
    """struct pollfd: `revents` is filled in by `poll`; a negative fd is passed over."""

    __slots__ = ("fd", "events", "revents")

    def __init__(self, fd, events):
        self.fd = fd
        self.events = events
        self.revents = 0


def timespec(seconds):
    """struct timespec of a number of seconds."""
    return TIMESPEC.pack(*divmod(int(seconds * NANOSECONDS), NANOSECONDS))


def sigset(signals):
    """sigset_t of signal numbers."""
    return sum(1 << signum - 1 for signum in signals).to_bytes(SIGSET_SIZE, "little")


def poll(fds, timeout=-1):
    """int poll(struct pollfd *fds, nfds_t nfds, int timeout): `timeout` in ms, -1 for ever.

    `fds` is a list of `pollfd`; returns how many have `revents`.
    """
    return poll_call(SYS_poll, fds, (), timeout)


def ppoll(fds, timeout=None, sigmask=None):
    """int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *tmo_p, const sigset_t *sigmask)

    `timeout` in seconds, None for ever; `sigmask` the signals that are blocked meanwhile, None: those that are now.
    """
    buffers = [None if timeout is None else bytearray(timespec(timeout)), None if sigmask is None else sigset(sigmask)]
    return poll_call(SYS_ppoll, fds, buffers, SIGSET_SIZE)


def poll_call(nr, fds, buffers, last):
    """trap(nr, fds, their count, &buffers..., last), for poll and ppoll."""
    raw = bytearray(POLLFD.size * len(fds))
    for index, entry in enumerate(fds):
        POLLFD.pack_into(raw, index * POLLFD.size, entry.fd, entry.events, 0)
    space = this().space
    address = space.map(raw, True) if raw else 0
    more = [0 if buffer is None else space.map(buffer, isinstance(buffer, bytearray)) for buffer in buffers]
    result = trap(nr, address, len(fds), *more, last)
    for mapped in (address, *more):
        space.unmap(mapped)
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


def pselect(nfds, readfds=None, writefds=None, exceptfds=None, timeout=None, sigmask=None):
    """int pselect(int nfds, fd_set *, fd_set *, fd_set *, const struct timespec *timeout, const sigset_t *sigmask)

    `timeout` in seconds, None for ever; `sigmask` as with `ppoll`.
    """
    space = this().space
    addresses = [space.map(fds.bits, True) if fds is not None else 0 for fds in (readfds, writefds, exceptfds)]
    limit = 0 if timeout is None else space.map(bytearray(timespec(timeout)), True)
    mask = 0 if sigmask is None else space.map(sigset(sigmask))
    pack = space.map(SIGSET_ARGPACK.pack(mask, SIGSET_SIZE))
    result = trap(SYS_pselect6, nfds, *addresses, limit, pack)
    for address in (pack, mask, limit, *addresses):
        space.unmap(address)
    return checked(result)
