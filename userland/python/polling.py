"""`select`: poll and epoll objects, and the function select, over the machine's own system calls."""

from userland import libc
from userland.python.addresses import index
from userland.python.descriptors import is_hosts
from userland.python.extension import extension_module
from userland.python.interpreter import (
    NEVER,
    checked,
    close_quietly,
    deadline_after,
    interpreter,
    interrupted,
    milliseconds,
    nanoseconds,
    remaining,
)

POLL_EVENTS = (
    "POLLIN", "POLLPRI", "POLLOUT", "POLLERR", "POLLHUP", "POLLNVAL", "POLLRDNORM", "POLLRDBAND", "POLLWRNORM",
    "POLLWRBAND", "POLLMSG", "POLLRDHUP",
)  # fmt: skip
EPOLL_EVENTS = (
    "EPOLLIN", "EPOLLPRI", "EPOLLOUT", "EPOLLERR", "EPOLLHUP", "EPOLLRDNORM", "EPOLLRDBAND", "EPOLLWRNORM",
    "EPOLLWRBAND", "EPOLLMSG", "EPOLLRDHUP", "EPOLLEXCLUSIVE", "EPOLLONESHOT", "EPOLLET", "EPOLL_CLOEXEC",
)  # fmt: skip
EVERYTHING = libc.POLLIN | libc.POLLPRI | libc.POLLOUT
FIRST_MAXEVENTS = 1023
PIPE_BUF = 4096
LOOK_AGAIN = 5_000_000
READ_EVENTS = libc.POLLIN | libc.POLLRDNORM | libc.POLLRDBAND | libc.POLLHUP | libc.POLLERR
WRITE_EVENTS = libc.POLLOUT | libc.POLLWRNORM | libc.POLLWRBAND | libc.POLLERR
EXCEPT_EVENTS = libc.POLLPRI


def descriptor(value):
    """The descriptor of an integer or of an object with fileno()."""
    if hasattr(type(value), "__index__"):
        fd = value.__index__()
    else:
        method = getattr(value, "fileno", None)
        if method is None:
            raise TypeError("argument must be an int, or have a fileno() method.")
        fd = method()
        if not isinstance(fd, int):
            raise TypeError("fileno() returned a non-integer")
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    if fd > 0x7FFFFFFF:
        raise OverflowError("Python int too large to convert to C int")
    return fd


def seconds_limit(timeout):
    """A timeout in seconds (None: for ever) in ns."""
    if timeout is None:
        return NEVER
    if not isinstance(timeout, float) and not hasattr(type(timeout), "__index__"):
        raise TypeError("timeout must be a real number or None")
    return nanoseconds(timeout)


def event_mask(value):
    mask = index(value)
    if mask < 0:
        raise ValueError("can't convert negative int to unsigned")
    if mask > 0xFFFF:
        raise OverflowError("Python int too large for C unsigned short")
    return mask


class Poll:
    """Returns a polling object: what select.poll() gives."""

    def __init__(self):
        raise TypeError("cannot create 'select.poll' instances")

    def register(self, fd, eventmask=EVERYTHING, /):
        """Register a file descriptor with the polling object."""
        self._events[descriptor(fd)] = event_mask(eventmask)

    def modify(self, fd, eventmask, /):
        """Modify an already registered file descriptor."""
        number = descriptor(fd)
        mask = event_mask(eventmask)
        if number not in self._events:
            raise FileNotFoundError(libc.ENOENT, libc.strerror(libc.ENOENT))
        self._events[number] = mask

    def unregister(self, fd, /):
        """Remove a file descriptor being tracked by the polling object."""
        del self._events[descriptor(fd)]

    def poll(self, timeout=None, /):
        """Polls the set of registered file descriptors: [(fd, events)]; `timeout` in ms."""
        limit = NEVER
        if timeout is not None:
            if not isinstance(timeout, float) and not hasattr(type(timeout), "__index__"):
                raise TypeError("timeout must be an integer or None")
            limit = nanoseconds(timeout if isinstance(timeout, float) else timeout.__index__()) // 1000
            if limit > 0x7FFFFFFF * 1_000_000:
                raise OverflowError("timeout is too large")
            limit = max(limit, NEVER)
        if self._busy:
            raise RuntimeError("concurrent poll() invocation")
        self._busy = True
        try:
            entries = [libc.pollfd(fd, mask) for fd, mask in self._events.items()]
            poll_entries(entries, limit)
        finally:
            self._busy = False
        return [(entry.fd, entry.revents) for entry in entries if entry.revents]


def poll_entries(entries, limit):
    """poll(2) made again after signals; fills in `revents`."""
    state = interpreter()
    deadline = deadline_after(limit) if limit > 0 else limit
    hosts = [entry for entry in entries if is_hosts(entry.fd)] if state.host_poll is not None else []
    if hosts:
        poll_hosts(state, hosts, [entry for entry in entries if not is_hosts(entry.fd)], deadline)
        return
    while True:
        left = remaining(deadline) if deadline > 0 else deadline
        if libc.poll(entries, milliseconds(left)) >= 0:
            if state.arrived:
                state.check_signals()
            return
        interrupted(state)


def poll_hosts(state, hosts, entries, deadline):
    """Poll where descriptors of the host are among them: those are looked at every LOOK_AGAIN."""
    poller = state.host_poll()
    for entry in hosts:
        poller.register(entry.fd, entry.events)
    while True:
        found = dict(poller.poll(0))
        left = 0 if found else remaining(deadline) if deadline > 0 else deadline
        limit = left if 0 <= left < LOOK_AGAIN else LOOK_AGAIN
        count = libc.poll(entries, milliseconds(limit))
        if count < 0:
            interrupted(state)
        elif count or left == 0:
            for entry in hosts:
                entry.revents = found.get(entry.fd, 0)
            state.check_signals()
            return


def poll():
    """Returns a polling object."""
    made = Poll.__new__(Poll)
    made._events = {}
    made._busy = False
    return made


def select(rlist, wlist, xlist, timeout=None, /):
    """Wait until one or more file descriptors are ready for some kind of I/O."""
    limit = seconds_limit(timeout)
    if timeout is not None and limit < 0:
        raise ValueError("timeout must be non-negative")
    wanted = {}
    groups = []
    for values, mask in ((rlist, READ_EVENTS), (wlist, WRITE_EVENTS), (xlist, EXCEPT_EVENTS)):
        try:
            iterator = iter(values)
        except TypeError:
            raise TypeError("arguments 1-3 must be sequences") from None
        group = []
        for value in iterator:
            fd = descriptor(value)
            group.append((value, fd))
            wanted[fd] = wanted.get(fd, 0) | mask
        groups.append((group, mask))
    # poll answers the same and knows no limit of 1024 descriptors.
    entries = [libc.pollfd(fd, mask & ~(libc.POLLHUP | libc.POLLERR)) for fd, mask in wanted.items()]
    poll_entries(entries, limit)
    found = {entry.fd: entry.revents for entry in entries}
    if any(mask & libc.POLLNVAL for mask in found.values()):
        raise OSError(libc.EBADF, libc.strerror(libc.EBADF))
    return tuple([value for value, fd in group if found[fd] & mask] for group, mask in groups)


class Epoll:
    """select.epoll(sizehint=-1, flags=0): an object that holds an epoll descriptor."""

    __slots__ = ("_fd", "__weakref__")

    def __init__(self, sizehint=-1, flags=0):
        self._fd = -1
        if sizehint != -1 and sizehint <= 0:
            raise ValueError("negative sizehint")
        if flags & ~libc.EPOLL_CLOEXEC:
            raise OSError("invalid flags")
        self._fd = checked(libc.epoll_create1(libc.EPOLL_CLOEXEC))

    @classmethod
    def fromfd(cls, fd, /):
        """Create an epoll object from a given control fd."""
        made = cls.__new__(cls)
        made._fd = index(fd)
        return made

    @property
    def closed(self):
        """True if the epoll handler is closed"""
        return self._fd < 0

    def _open(self):
        if self._fd < 0:
            raise ValueError("I/O operation on closed epoll object")
        return self._fd

    def fileno(self):
        """Return the epoll control file descriptor."""
        return self._open()

    def close(self):
        """Close the epoll control file descriptor."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            checked(libc.close(fd))

    def __del__(self):
        fd, self._fd = getattr(self, "_fd", -1), -1
        if fd >= 0 and not libc.ended():
            close_quietly(fd)

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *error):
        self.close()

    def register(self, fd, eventmask=EVERYTHING):
        """Registers a new fd or raises an OSError if the fd is already registered."""
        epfd, number = self._open(), descriptor(fd)
        if is_hosts(number):
            # What files of the host are for epoll.
            raise PermissionError(libc.EPERM, libc.strerror(libc.EPERM))
        checked(libc.epoll_ctl(epfd, libc.EPOLL_CTL_ADD, number, eventmask))

    def modify(self, fd, eventmask):
        """Modify event mask for a registered file descriptor."""
        checked(libc.epoll_ctl(self._open(), libc.EPOLL_CTL_MOD, descriptor(fd), eventmask))

    def unregister(self, fd):
        """Remove a registered file descriptor from the epoll object."""
        checked(libc.epoll_ctl(self._open(), libc.EPOLL_CTL_DEL, descriptor(fd)))

    def poll(self, timeout=None, maxevents=-1):
        """Wait for events on the epoll file descriptor: [(fd, events)]; `timeout` in seconds."""
        fd = self._open()
        limit = max(seconds_limit(timeout), NEVER)
        if maxevents == -1:
            maxevents = FIRST_MAXEVENTS
        elif maxevents < 1:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        state = interpreter()
        deadline = deadline_after(limit) if limit > 0 else limit
        events = []
        while True:
            left = remaining(deadline) if deadline > 0 else deadline
            if libc.epoll_wait(fd, events, maxevents, milliseconds(left)) >= 0:
                if state.arrived:
                    state.check_signals()
                return events
            interrupted(state)


def select_module():
    """A new `select` module."""
    names = {name: getattr(libc, name) for name in POLL_EVENTS + EPOLL_EVENTS}
    names.update(select=select, poll=poll, epoll=Epoll, error=OSError, PIPE_BUF=PIPE_BUF)
    return extension_module("select", "The machine's own poll and epoll.", names)


Epoll.__name__ = Epoll.__qualname__ = "epoll"
Poll.__name__ = Poll.__qualname__ = "poll"
Epoll.__module__ = Poll.__module__ = "select"
