"""One clock for everything in the process: nanoseconds and a heap of events whose ties break by sequence number.

In virtual time the clock jumps to the next event as soon as everything is idle (autojump).  When something
outside is attached with `watch` (a TAP, a host socket, a terminal) it follows the host's monotonic clock and
sleeps in one `epoll`.  The code that uses the clock is the same either way.
"""

import time

from hwemu.host import HostPoll, monotonic_ns

IDLE_FOREVER = -1
# A busy machine looks at its file descriptors at least once per this many rounds of events.
ROUNDS_PER_POLL = 8
# Sleeping and waking costs the host more than this many ns: an event that is nearer is waited for awake.
AWAKE_BEFORE = 15_000


class Event:
    """Something that happens at a time: subclass and override `fire`, or pass a callable.

    An event is armed with `Clock.call_at`; arming an armed event moves it.  `fire` runs in the clock's own
    context: it must not block.
    """

    def __init__(self, callback=None):
        self.callback = callback
        self.when = 0
        self.seq = 0
        self.slot = -1

    def fire(self):
        self.callback()

    def armed(self):
        """True while the event waits in the heap."""
        return self.slot >= 0


class Source:
    """A file descriptor of the host that wakes the machine: override `ready`."""

    def __init__(self, callback=None):
        self.callback = callback

    def ready(self, mask):
        """Called with the epoll mask (select.EPOLLIN ...) when the descriptor is ready."""
        self.callback(mask)


class Clock:
    """Nanoseconds since power-on of the whole bench, and the event heap.

    `real=True` follows the host's clock from the start; otherwise the first `watch` switches to it and the
    last `unwatch` switches back.  `patience` is how long (ns) it looks for the next thing to do before it sleeps: for
    those who answer a peer that waits, and whose own way through the host's scheduler would be most of that wait.
    """

    def __init__(self, real=False):
        self.now = 0
        self.heap = []
        self.sequence = 0
        self.real = real
        self.always_real = real
        self.sources = {}
        self.epoll = None
        self.origin = monotonic_ns() if real else 0
        self.stopping = False
        self.rounds = 0
        self.patience = 0

    # --- events ---

    def call_at(self, when, event):
        """Arm `event` for `when` (ns); a time in the past means: as soon as possible."""
        if event.slot >= 0:
            self.cancel(event)
        event.when = when if when > self.now else self.now
        self.sequence += 1
        event.seq = self.sequence
        event.slot = len(self.heap)
        self.heap.append(event)
        self._up(event.slot)

    def call_after(self, delay, event):
        """Arm `event` for `delay` ns from now."""
        self.call_at(self.now + delay, event)

    def cancel(self, event):
        """Disarm `event`; cancelling one that is not armed does nothing."""
        slot = event.slot
        if slot < 0:
            return
        event.slot = -1
        last = self.heap.pop()
        if last is not event:
            last.slot = slot
            self.heap[slot] = last
            self._up(slot)
            self._down(last.slot)

    def _up(self, slot):
        heap = self.heap
        event = heap[slot]
        while slot > 0:
            parent_slot = (slot - 1) >> 1
            parent = heap[parent_slot]
            if parent.when < event.when or (parent.when == event.when and parent.seq < event.seq):
                break
            heap[slot] = parent
            parent.slot = slot
            slot = parent_slot
        heap[slot] = event
        event.slot = slot

    def _down(self, slot):
        heap = self.heap
        size = len(heap)
        event = heap[slot]
        while True:
            child_slot = 2 * slot + 1
            if child_slot >= size:
                break
            child = heap[child_slot]
            if child_slot + 1 < size:
                other = heap[child_slot + 1]
                if other.when < child.when or (other.when == child.when and other.seq < child.seq):
                    child = other
                    child_slot += 1
            if event.when < child.when or (event.when == child.when and event.seq < child.seq):
                break
            heap[slot] = child
            child.slot = slot
            slot = child_slot
        heap[slot] = event
        event.slot = slot

    def next_time(self):
        """When the next event is due (ns), or -1 when none is armed."""
        if not self.heap:
            return IDLE_FOREVER
        first = self.heap[0]
        return first.when

    def due(self):
        """True when an event's time has come: a CPU asks this where it can be interrupted."""
        if self.real:
            self.now = monotonic_ns() - self.origin
        if not self.heap:
            return False
        first = self.heap[0]
        return first.when <= self.now

    def advance(self, cost):
        """Charge `cost` ns of virtual time (what a CPU spends); the real clock passes by itself.  Fires nothing."""
        if not self.real:
            self.now += cost

    # --- the world outside ---

    def watch(self, fd, mask, source):
        """Call `source.ready(mask)` when the host descriptor `fd` is ready; the clock becomes real."""
        if self.epoll is None:
            self.epoll = HostPoll()
        if fd in self.sources:
            self.epoll.modify(fd, mask)
        else:
            self.epoll.register(fd, mask)
        self.sources[fd] = source
        if not self.real:
            self.real = True
            self.origin = monotonic_ns() - self.now

    def unwatch(self, fd):
        """Forget `fd`; with none left a virtual clock jumps again."""
        if self.sources.pop(fd, None) is None:
            return
        self.epoll.unregister(fd)
        if not self.sources:
            self.epoll.close()
            self.epoll = None
            self.real = self.always_real

    def poll(self, timeout):
        """Wait up to `timeout` ns (-1: for ever) for host descriptors and serve them; returns how many were ready."""
        if self.epoll is None:
            if timeout > 0:
                time.sleep(timeout / 1e9)
            return 0
        served = 0
        count = self.epoll.wait(0 if 0 <= timeout < AWAKE_BEFORE else timeout, self.patience)
        for i in range(count):
            # A source that is served may close the epoll: the last `unwatch` does.
            if self.epoll is None:
                break
            source = self.sources.get(self.epoll.ready_fd(i))
            if source is not None:
                source.ready(self.epoll.ready_mask(i))
                served += 1
        return served

    # --- the loop ---

    def stop(self):
        """Make the running `run` return after the current event."""
        self.stopping = True

    def run_due(self):
        """Fire every event whose time has come, in order of (time, sequence); returns how many."""
        fired = 0
        if self.real:
            self.now = monotonic_ns() - self.origin
        while self.heap and not self.stopping:
            event = self.heap[0]
            if event.when > self.now:
                break
            self.cancel(event)
            event.fire()
            fired += 1
            # An event that re-arms itself for "now" must not starve the descriptors.
            if fired >= 64:
                break
        return fired

    def run(self, until=IDLE_FOREVER):
        """Run events until `stop()`, until the time `until` (ns, absolute), or, in virtual time, until none is left.

        With descriptors watched it sleeps in epoll between events.  Returns the time reached.
        """
        self.stopping = False
        while not self.stopping:
            fired = self.run_due()
            if self.stopping:
                break
            following = self.next_time()
            if until >= 0 and self.now >= until and (following < 0 or following > until):
                break
            if fired and self.real:
                self.rounds += 1
                if self.rounds % ROUNDS_PER_POLL == 0:
                    self.poll(0)
                continue
            if following >= 0 and following <= self.now:
                continue
            if not self.real:
                if following < 0:
                    if until > self.now:
                        self.now = until
                    break
                if until >= 0 and following > until:
                    self.now = until
                    break
                self.now = following
                continue
            limit = following
            if until >= 0 and (limit < 0 or until < limit):
                limit = until
            if limit < 0 and self.epoll is None:
                break
            self.poll(-1 if limit < 0 else max(0, limit - self.now))
            self.now = monotonic_ns() - self.origin
        return self.now
