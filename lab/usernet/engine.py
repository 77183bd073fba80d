"""The event loop of the gateway's program: descriptors of its kernel on one side, of the host on the other.

A `Connection`'s guest side is waited for with the gateway kernel's own epoll; a host descriptor with the clock's,
through `HostWatch`, and only while something is wanted of it.
"""

import select
from collections import deque

from hwemu.clock import Event, Source
from userland import libc

EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD = 1, 2, 3
EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP = 0x1, 0x4, 0x8, 0x10
EVENTS_PER_WAIT = 128
SWEEP_INTERVAL_MS = 5000
# One block moves at a time; every flow uses the same one.
BLOCK = 256 * 1024


class Handler:
    """Something with a descriptor on either side: override."""

    def guest_ready(self, fd, mask):
        """The gateway kernel's descriptor `fd` is ready."""

    def host_ready(self, mask):
        """The host's descriptor is ready."""


class HostWatch(Source):
    """One descriptor of the host and what is wanted of it.

    Its readiness is noted in the clock's context and served by the program: `handler.host_ready(mask)`.
    """

    def __init__(self, engine, fd, handler):
        super().__init__()
        self.engine = engine
        self.fd = fd
        self.handler = handler
        self.wanted = 0
        self.seen = 0

    def want(self, mask):
        """Watch for `mask` (select.EPOLL*); 0: for nothing."""
        if mask == self.wanted:
            return
        self.wanted = mask
        if mask:
            self.engine.clock.watch(self.fd, mask, self)
        else:
            self.engine.clock.unwatch(self.fd)

    def ready(self, mask):
        if not self.seen:
            self.engine.host_events.append(self)
            self.engine.doorbell.ring()
        self.seen |= mask

    def close(self):
        """Forget the descriptor; the caller closes it."""
        self.want(0)
        self.handler = None


class Engine:
    """Serves handlers until `stop`.  Everything here runs in the gateway's program except `post` and HostWatch.ready."""

    def __init__(self, clock, doorbell):
        self.clock = clock
        self.doorbell = doorbell
        self.epoll = -1
        self.doorbell_fd = -1
        self.handlers = {}
        self.interests = {}
        self.host_events = deque()
        self.posted = deque()
        self.again = deque()
        self.delayed = {}
        # UDP ports of the gateway's own address that are sockets of its program (the hook lets them be).
        self.own_udp_ports = {}
        self.sweepers = []
        self.next_sweep = 0
        self.stopping = False
        self.block = bytearray(BLOCK)

    # --- the gateway kernel's descriptors ---

    def register(self, fd, handler, mask):
        """Tell `handler` of `mask` events on the gateway kernel's descriptor `fd`."""
        self.handlers[fd] = handler
        self.interests[fd] = mask
        libc.epoll_ctl(self.epoll, EPOLL_CTL_ADD, fd, mask)

    def interest(self, fd, mask):
        """Change what is waited for."""
        if self.interests[fd] != mask:
            self.interests[fd] = mask
            libc.epoll_ctl(self.epoll, EPOLL_CTL_MOD, fd, mask)

    def unregister(self, fd):
        """Forget the gateway kernel's descriptor `fd`, which stays open."""
        if self.handlers.pop(fd, None) is not None:
            del self.interests[fd]
            libc.epoll_ctl(self.epoll, EPOLL_CTL_DEL, fd)

    def close(self, fd):
        """Forget and close the gateway kernel's descriptor `fd`."""
        self.unregister(fd)
        libc.close(fd)

    # --- the loop ---

    def post(self, function, *arguments):
        """Have the program call `function(*arguments)`; from a softirq or from the clock's context."""
        self.posted.append((function, arguments))
        self.doorbell.ring()

    def call_again(self, function):
        """Have the program call `function()` after it has served the others: the rest of a long piece of work."""
        self.again.append(function)

    def call_later(self, delay, function):
        """Have the program call `function()` in `delay` ns."""

        def due():
            del self.delayed[event]
            self.post(function)

        event = Event(due)
        self.delayed[event] = None
        self.clock.call_after(delay, event)

    def stop(self):
        """Make `serve` return; from anywhere."""
        self.stopping = True
        self.doorbell.ring()

    def waiting_time(self):
        """How long (ms) the loop may sleep: not at all with work at hand, until the next sweep, for ever."""
        if self.again:
            return 0
        if any(sweeper.has_something() for sweeper in self.sweepers):
            return SWEEP_INTERVAL_MS
        return -1

    def open(self, doorbell_fd):
        """Begin: `doorbell_fd` is the open /dev/host."""
        self.doorbell_fd = doorbell_fd
        self.epoll = libc.epoll_create()
        libc.epoll_ctl(self.epoll, EPOLL_CTL_ADD, doorbell_fd, EPOLLIN)

    def serve(self):
        """Run until stopped."""
        events = []
        doorbell_fd = self.doorbell_fd
        while not self.stopping:
            libc.epoll_wait(self.epoll, events, EVENTS_PER_WAIT, self.waiting_time())
            for fd, mask in events:
                if fd == doorbell_fd:
                    self.doorbell.silence()
                    continue
                handler = self.handlers.get(fd)
                if handler is not None:
                    handler.guest_ready(fd, mask)
            for _ in range(len(self.posted)):
                function, arguments = self.posted.popleft()
                function(*arguments)
            for _ in range(len(self.host_events)):
                watch = self.host_events.popleft()
                mask, watch.seen = watch.seen, 0
                if watch.handler is not None and mask & (watch.wanted | select.EPOLLERR | select.EPOLLHUP):
                    watch.handler.host_ready(mask)
            for _ in range(len(self.again)):
                self.again.popleft()()
            if self.clock.now >= self.next_sweep:
                self.next_sweep = self.clock.now + SWEEP_INTERVAL_MS * 1_000_000
                for sweeper in self.sweepers:
                    sweeper.sweep(self.clock.now)
        for event in list(self.delayed):
            self.clock.cancel(event)
