"""epoll: a set of files that tells which of them have become ready.

Each watched file has an item that sits on the file's wait queues.  A wake-up puts the item on the ready list, so
epoll_wait looks at what has happened, not at what is watched.  A level-triggered item goes back to the list as long as
its file is ready; an edge-triggered one waits for the next wake-up.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.fs.file import file, file_operations
from kernel.fs.select import poll_table, poll_wait
from kernel.sched.wait import wait_queue_entry, wait_queue_head
from kernel.uapi.errno import EBADF, EEXIST, EFAULT, EINVAL, ENOENT, EPERM, ERESTARTNOHAND
from kernel.uapi.fcntl import O_RDWR
from kernel.uapi.poll import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLONESHOT,
    POLLIN,
    POLLRDNORM,
)
from kernel.uapi.time import NSEC_PER_MSEC

# struct epoll_event is packed on x86-64: events, data.
EPOLL_EVENT = Struct("<IQ")
EVENT_SIZE = 12
MAX_EVENTS = 4096
PRIVATE_BITS = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE


class eppoll_entry(wait_queue_entry):
    """An item's place on one wait queue."""

    def __init__(self, item):
        super().__init__()
        self.item = item

    def func(self, key):
        item = self.item
        if key != 0 and not key & item.events:
            return 0
        if not item.events & ~PRIVATE_BITS:
            return 0
        ep = item.ep
        ep.make_ready(item)
        ep.wq.wake_up(POLLIN)
        ep.poll_wq.wake_up(POLLIN | POLLRDNORM)
        return 1


class epitem(poll_table):
    """One watched descriptor."""

    def __init__(self, ep, fd, filp, events, data):
        super().__init__()
        self.ep = ep
        self.fd = fd
        self.filp = filp
        self.events = events
        self.data = data
        self.is_ready = False
        self.entries = []

    def queue(self, filp, wq):
        entry = eppoll_entry(self)
        self.entries.append(entry)
        wq.add(entry)

    def ask(self):
        """The events that are true now."""
        filp = self.filp
        self.key = self.events
        mask = filp.f_op.poll(filp, self) & self.events
        self.active = False
        return mask

    def detach(self):
        """Stop watching: leave the file's queues and the set."""
        for entry in self.entries:
            entry.head.remove(entry)
        self.entries = []
        self.filp.epitems.remove(self)
        self.ep.forget(self)


class eventpoll:
    """An epoll set.  `items` is keyed by descriptor and file, since a descriptor may come to mean another file."""

    def __init__(self):
        self.items = {}
        self.ready = []
        self.wq = wait_queue_head()
        self.poll_wq = wait_queue_head()

    def make_ready(self, item):
        if not item.is_ready:
            item.is_ready = True
            self.ready.append(item)

    def forget(self, item):
        del self.items[(item.fd, item.filp)]
        if item.is_ready:
            item.is_ready = False
            self.ready.remove(item)

    def insert(self, fd, filp, events, data):
        item = epitem(self, fd, filp, events | EPOLLERR | EPOLLHUP, data)
        self.items[(fd, filp)] = item
        if filp.epitems is None:
            filp.epitems = []
        filp.epitems.append(item)
        if item.ask():
            self.make_ready(item)

    def modify(self, item, events, data):
        item.events = events | EPOLLERR | EPOLLHUP
        item.data = data
        if item.ask():
            self.make_ready(item)

    def collect(self, limit):
        """Up to `limit` (events, data) of items that are ready indeed; keeps the level-triggered ones listed."""
        out = []
        waiting = self.ready
        self.ready = []
        again = []
        for position, item in enumerate(waiting):
            if len(out) >= limit:
                self.ready = waiting[position:]
                break
            item.is_ready = False
            mask = item.ask()
            if not mask:
                continue
            out.append((mask, item.data))
            if item.events & EPOLLONESHOT:
                item.events &= PRIVATE_BITS
            elif not item.events & EPOLLET:
                again.append(item)
        # Behind those that have not had their turn, so that nobody starves.
        for item in again:
            self.make_ready(item)
        return out

    def close(self):
        for item in list(self.items.values()):
            item.detach()


class eventpoll_operations(file_operations):
    """The epoll descriptor itself."""

    def poll(self, filp, table):
        ep = filp.private_data
        poll_wait(filp, ep.poll_wq, table)
        return POLLIN | POLLRDNORM if any(item.ask() for item in list(ep.ready)) else 0

    def release(self, filp):
        filp.private_data.close()


class eventpoll_calls:
    """epoll_create, epoll_ctl and epoll_wait of one kernel."""

    def __init__(self, sched):
        self.sched = sched
        self.operations = eventpoll_operations()

    def create(self, task, size, a1, a2, a3, a4, a5):
        """int epoll_create(int size)"""
        return self.create1(task, 0, a1, a2, a3, a4, a5) if size > 0 else -EINVAL

    def create1(self, task, flags, a1, a2, a3, a4, a5):
        """int epoll_create1(int flags)"""
        if flags & ~EPOLL_CLOEXEC:
            return -EINVAL
        filp = file(self.operations, O_RDWR, private_data=eventpoll(), path="anon_inode:[eventpoll]")
        return task.files.install_new(filp, flags & EPOLL_CLOEXEC != 0)

    def find(self, task, epfd):
        """The set behind a descriptor, or a negative errno."""
        filp = task.files.fget(epfd)
        if filp is None:
            return -EBADF
        return filp.private_data if filp.f_op is self.operations else -EINVAL

    def ctl(self, task, epfd, op, fd, address, a4, a5):
        """int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)"""
        ep = self.find(task, epfd)
        if isinstance(ep, int):
            return ep
        filp = task.files.fget(fd)
        if filp is None:
            return -EBADF
        if filp.f_op is self.operations:
            # Sets of sets are not supported; Linux refuses only loops.
            return -EINVAL
        if filp.inode is not None and filp.dentry is not None and (filp.inode.is_regular() or filp.inode.is_dir()):
            return -EPERM
        item = ep.items.get((fd, filp))
        if op == EPOLL_CTL_DEL:
            if item is None:
                return -ENOENT
            item.detach()
            return 0
        if op not in (EPOLL_CTL_ADD, EPOLL_CTL_MOD):
            return -EINVAL
        raw = copy_from_user(task.mm, address, EVENT_SIZE)
        if raw is None:
            return -EFAULT
        events, data = EPOLL_EVENT.unpack(raw)
        if op == EPOLL_CTL_ADD:
            if item is not None:
                return -EEXIST
            ep.insert(fd, filp, events, data)
            return 0
        if item is None:
            return -ENOENT
        ep.modify(item, events, data)
        return 0

    def wait(self, task, epfd, address, maximum, milliseconds, a4, a5):
        """int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)"""
        ep = self.find(task, epfd)
        if isinstance(ep, int):
            return ep
        if maximum <= 0:
            return -EINVAL
        sched = self.sched
        timeout = -1 if milliseconds < 0 else milliseconds * NSEC_PER_MSEC
        while True:
            found = ep.collect(min(maximum, MAX_EVENTS)) if ep.ready else []
            if found:
                raw = b"".join([EPOLL_EVENT.pack(events, data) for events, data in found])
                return len(found) if copy_to_user(task.mm, address, raw) else -EFAULT
            if timeout == 0:
                return 0
            if sched.signal_pending():
                return -ERESTARTNOHAND
            sched.prepare_to_wait(ep.wq, True)
            if not ep.ready:
                timeout = sched.schedule_timeout(timeout)
            sched.finish_wait(ep.wq)
