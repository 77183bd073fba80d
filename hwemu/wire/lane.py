"""One direction of a wire: frames go in at one end and come out at a station, in order, on the clock.

A lane keeps a FIFO and one armed event however many frames are under way, so a burst costs one event.  Delivery
is never re-entrant: even without rate or delay a frame arrives in the clock's next round.
"""

from hwemu.clock import Event
from hwemu.wire.ethernet import FRAME_MINIMUM, FRAME_OVERHEAD, NS_PER_S

# Frames handed over per event: a long burst gives other events their turn.
BATCH = 64
COMPACT_AFTER = 256


def serialization_time(length, rate):
    """How long (ns, rounded up) a frame of `length` bytes without FCS occupies a wire of `rate` bit/s; 0 for rate 0."""
    if rate <= 0:
        return 0
    if length < FRAME_MINIMUM:
        length = FRAME_MINIMUM
    bits = (length + FRAME_OVERHEAD) * 8
    return (bits * NS_PER_S + rate - 1) // rate


class InFlight:
    """A frame between two stations and the time (ns) at which it arrives."""

    def __init__(self, frame, flags, when):
        self.frame = frame
        self.flags = flags
        self.when = when


class Lane(Event):
    """The way to `station`: `rate` bit/s (0: infinite), `delay` ns, at most `limit` frames (0: any number)."""

    def __init__(self, clock, station, rate=0, delay=0, limit=0):
        Event.__init__(self)
        self.clock = clock
        self.station = station
        self.rate = rate
        self.delay = delay
        self.limit = limit
        self.busy_until = 0
        self.queue = []
        self.head = 0
        self.frames = 0
        self.bytes = 0
        self.dropped = 0

    def depth(self):
        """Frames under way."""
        return len(self.queue) - self.head

    def push(self, frame, flags):
        """Put a frame on the lane; returns ns until the sending end is free again (0: at once)."""
        if self.limit > 0 and len(self.queue) - self.head >= self.limit:
            self.dropped += 1
            return 0
        now = self.clock.now
        arrival = now
        wait = 0
        if self.rate > 0:
            if self.busy_until < now:
                self.busy_until = now
            self.busy_until += serialization_time(len(frame), self.rate)
            arrival = self.busy_until
            wait = self.busy_until - now
        arrival += self.delay
        self.queue.append(InFlight(frame, flags, arrival))
        if self.slot < 0:
            self.clock.call_at(arrival, self)
        return wait

    def fire(self):
        """Deliver what has arrived, a batch at a time."""
        now = self.clock.now
        last = len(self.queue)
        if last - self.head > BATCH:
            last = self.head + BATCH
        while self.head < last:
            packet = self.queue[self.head]
            if packet.when > now:
                break
            self.queue[self.head] = None
            self.head += 1
            self.frames += 1
            self.bytes += len(packet.frame)
            self.station.receive(packet.frame, packet.flags)
            if self.head == 0:  # cleared by the receiver: the wire went down
                return
        if self.head == len(self.queue):
            self.queue.clear()
            self.head = 0
            return
        if self.head >= COMPACT_AFTER and self.head * 2 >= len(self.queue):
            del self.queue[: self.head]
            self.head = 0
        # The receiver may have pushed a later frame and armed the event for that one: move it.
        packet = self.queue[self.head]
        self.clock.call_at(packet.when, self)

    def clear(self):
        """Lose everything under way; counts it as dropped."""
        self.clock.cancel(self)
        self.dropped += len(self.queue) - self.head
        self.queue.clear()
        self.head = 0
        self.busy_until = 0
