"""epoll: a set of files that tells which of them have become ready.

Each watched file has an item that sits on the file's wait queues.  A wake-up puts the item on the ready list, so
epoll_wait looks at what has happened, not at what is watched.  A level-triggered item goes back to the list as long as
its file is ready; an edge-triggered one waits for the next wake-up.  The ready list is linked through the items, so
nothing here costs more when more is watched.  The calls are in `epoll_calls`.
"""

from kernel.fs.anon_inodes import file_ids
from kernel.fs.file import file_operations
from kernel.fs.select import poll_table, poll_wait
from kernel.sched.wait import wait_queue_entry, wait_queue_head
from kernel.uapi.errno import EINVAL
from kernel.uapi.poll import (
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLONESHOT,
    EPOLLWAKEUP,
    POLLIN,
    POLLOUT,
    POLLRDNORM,
)

PRIVATE_BITS = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP
# How deep epoll instances may watch each other.
EP_MAX_NESTS = 4


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
        # An exclusive wake-up is used up only where somebody waits for the direction that has become ready.
        served = 0
        if ep.wq.first is not None:
            direction = key & (POLLIN | POLLOUT)
            if direction in (0, POLLIN | POLLOUT) or item.events & direction:
                served = 1
        ep.announce()
        return served


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
        self.rdl_prev = None
        self.rdl_next = None
        self.entries = []

    def queue(self, filp, wq):
        entry = eppoll_entry(self)
        self.entries.append(entry)
        if self.events & EPOLLEXCLUSIVE:
            wq.add_exclusive(entry)
        else:
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
            if entry.head is not None:
                entry.head.remove(entry)
        self.entries = []
        self.filp.epitems.remove(self)
        self.ep.forget(self)


class eventpoll:
    """An epoll set.  `items` is keyed by descriptor and file, since a descriptor may come to mean another file.

    `filp` is the set's own open file; `polls` counts the files that have been asked whether they are ready.
    """

    def __init__(self):
        self.items = {}
        self.ready_first = None
        self.ready_last = None
        self.wq = wait_queue_head()
        self.poll_wq = wait_queue_head()
        self.filp = None
        self.polls = 0

    # --- the ready list ---

    def make_ready(self, item):
        """Put an item at the end of the list; one that is there stays where it is."""
        if item.is_ready:
            return
        item.is_ready = True
        item.rdl_prev = self.ready_last
        item.rdl_next = None
        if self.ready_last is None:
            self.ready_first = item
        else:
            self.ready_last.rdl_next = item
        self.ready_last = item

    def unready(self, item):
        """Take an item off the list."""
        if not item.is_ready:
            return
        if item.rdl_prev is None:
            self.ready_first = item.rdl_next
        else:
            item.rdl_prev.rdl_next = item.rdl_next
        if item.rdl_next is None:
            self.ready_last = item.rdl_prev
        else:
            item.rdl_next.rdl_prev = item.rdl_prev
        item.is_ready = False
        item.rdl_prev = None
        item.rdl_next = None

    def announce(self):
        """Something is ready: one waiter, and whoever polls the set itself."""
        if self.wq.first is not None:
            self.wq.wake_up(POLLIN)
        if self.poll_wq.first is not None:
            self.poll_wq.wake_up(POLLIN | POLLRDNORM)

    # --- what is watched ---

    def forget(self, item):
        del self.items[(item.fd, item.filp)]
        self.unready(item)

    def insert(self, fd, filp, events, data):
        item = epitem(self, fd, filp, events | EPOLLERR | EPOLLHUP, data)
        self.items[(fd, filp)] = item
        if filp.epitems is None:
            filp.epitems = []
        filp.epitems.append(item)
        self.check(item)

    def modify(self, item, events, data):
        item.events = events | EPOLLERR | EPOLLHUP
        item.data = data
        self.check(item)

    def check(self, item):
        """After a change: list the item when its file is ready already."""
        self.polls += 1
        if item.ask() and not item.is_ready:
            self.make_ready(item)
            self.announce()

    def collect(self, limit):
        """Up to `limit` (events, data) of items that are ready indeed; keeps the level-triggered ones listed."""
        out = []
        again = []
        while len(out) < limit and self.ready_first is not None:
            item = self.ready_first
            self.unready(item)
            self.polls += 1
            mask = item.ask()
            if not mask:
                continue
            out.append((mask, item.data))
            if item.events & EPOLLONESHOT:
                item.events &= PRIVATE_BITS
            elif not item.events & EPOLLET:
                again.append(item)
        # Behind those that have not had their turn, so that nobody starves.
        for position in range(len(again)):
            self.make_ready(again[position])
        if self.ready_first is not None and self.wq.first is not None:
            self.wq.wake_up(POLLIN)
        return out

    def any_ready(self):
        """True when an item is ready indeed; those that are not leave the list."""
        while self.ready_first is not None:
            self.polls += 1
            if self.ready_first.ask():
                return True
            self.unready(self.ready_first)
        return False

    def close(self):
        for item in list(self.items.values()):
            item.detach()


class eventpoll_operations(file_operations):
    """The epoll descriptor itself."""

    def llseek(self, filp, offset, whence):
        return filp.f_pos

    def poll(self, filp, table):
        ep = filp.private_data
        poll_wait(filp, ep.poll_wq, table)
        return POLLIN | POLLRDNORM if ep.any_ready() else 0

    def ioctl(self, filp, cmd, arg):
        return -EINVAL

    def fdinfo(self, filp):
        lines = []
        for item in filp.private_data.items.values():
            device, number = file_ids(item.filp)
            lines.append(
                f"tfd: {item.fd:8d} events: {item.events:8x} data: {item.data:16x}  "
                f"pos:{item.filp.f_pos} ino:{number:x} sdev:{device:x}\n"
            )
        return "".join(lines)

    def release(self, filp):
        filp.private_data.close()


# --- sets of sets ---


def nested(ep, operations):
    """The sets that `ep` watches."""
    return [item.filp.private_data for item in ep.items.values() if item.filp.f_op is operations]


def watchers(ep):
    """The sets that watch `ep`."""
    return [item.ep for item in ep.filp.epitems or ()]


def depth_below(ep, operations, forbidden, depth=0):
    """How many sets lie below `ep`, at most; more than EP_MAX_NESTS when `forbidden` is among them."""
    deepest = 0
    for below in nested(ep, operations):
        if below is forbidden or depth > EP_MAX_NESTS:
            return EP_MAX_NESTS + 1
        deepest = max(deepest, depth_below(below, operations, forbidden, depth + 1) + 1)
    return deepest


def depth_above(ep, depth=0):
    """How many sets lie above `ep`, at most."""
    if depth > EP_MAX_NESTS:
        return 0
    return max([depth_above(above, depth + 1) + 1 for above in watchers(ep)], default=0)


def makes_loop(ep, target, operations):
    """True when `ep` must not watch the set `target` (ELOOP): a loop, or more than five sets on top of each other."""
    below = depth_below(target, operations, ep)
    return below + 1 + depth_above(ep) > EP_MAX_NESTS
