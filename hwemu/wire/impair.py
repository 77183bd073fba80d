"""A bad wire, on purpose: loss, duplication, reordering, corruption, delay, jitter and a rate, all seeded.

Each direction draws from its own generator, so what happens to one direction does not depend on the other.

`corrupt` stands for damage that happened where no Ethernet checksum watched (in a router's memory): one bit behind
the Ethernet header flips and the FCS is good, so the checksums of IP, TCP and UDP must notice.  A frame whose
payload has no checksum of its own (anything but IPv4) gets FRAME_BAD_FCS with the flip: the card will drop it.
`jitter` varies the delay but keeps the order; `reorder` alone changes the order: a chosen frame is held until one
to five later ones have passed it, or for 10 ms where nothing follows.
"""

from hwemu.clock import Event
from hwemu.wire.ethernet import HEADER_LENGTH, NS_PER_S
from hwemu.wire.lane import InFlight, serialization_time
from hwemu.wire.middleware import Middleware
from hwemu.wire.port import FRAME_BAD_FCS

# Frames waiting for a limited rate, in bytes on the wire: 1000 full Ethernet frames, Linux's txqueuelen.
BACKLOG_LIMIT = 1000 * 1538
OVERTAKEN_MOST = 5
HOLD_TIME = 10_000_000

_TIME_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_RATE_UNITS = {"bit": 1, "kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_PROBABILITIES = ("loss", "reorder", "duplicate", "corrupt")


def _scaled(key, text, units, example):
    """`text` as a whole number of the smallest unit; ValueError with one line otherwise."""
    for unit in sorted(units, key=len, reverse=True):
        if text.endswith(unit):
            try:
                value = float(text.removesuffix(unit))
            except ValueError:
                break
            if not 0 <= value * units[unit] < 1 << 53:
                break
            return round(value * units[unit])
    raise ValueError(f"{key}: {text!r} is not a value such as {example}")


def parse_impairments(text):
    """`loss=5%,delay=20ms,rate=100mbit` as a dict.

    Probabilities become fractions, `delay` and `jitter` ns, `rate` bit/s.  ValueError, one line, for anything else.
    """
    spec = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise ValueError(f"impairment {part.strip()!r} is not of the form KEY=VALUE")
        if key in spec:
            raise ValueError(f"impairment {key!r} is given twice")
        if key in _PROBABILITIES:
            try:
                percent = float(value.removesuffix("%"))
            except ValueError:
                percent = -1.0
            if not value.endswith("%") or not 0 <= percent <= 100:
                raise ValueError(f"{key}: {value!r} is not a percentage such as 5%")
            spec[key] = percent / 100
        elif key in ("delay", "jitter"):
            spec[key] = _scaled(key, value, _TIME_UNITS, "20ms")
        elif key == "rate":
            spec[key] = _scaled(key, value, _RATE_UNITS, "100mbit")
            if spec[key] == 0:
                raise ValueError(f"rate: {value!r} carries nothing")
        else:
            known = ", ".join((*_PROBABILITIES, "delay", "jitter", "rate"))
            raise ValueError(f"unknown impairment {key!r} (known: {known})")
    if "jitter" in spec and spec["jitter"] > spec.get("delay", 0):
        raise ValueError("jitter is larger than the delay that it varies")
    return spec


class Path(Event):
    """One impaired direction at one plug; `deliver` is where frames go on."""

    def __init__(self, clock, plug, outward, spec, random):
        Event.__init__(self)
        self.clock = clock
        self.plug = plug
        self.outward = outward
        self.random = random
        self.busy_until = 0
        self.last_release = 0
        self.queue = []
        self.head = 0
        self.held = None
        self.to_overtake = 0
        self.hold_timer = Event(self.release_held)
        self.passed = 0
        self.lost = 0
        self.duplicated = 0
        self.corrupted = 0
        self.reordered = 0
        self.overflowed = 0
        self.set_spec(spec)

    def set_spec(self, spec):
        """Impair from now on as `spec` says; what is under way keeps its time."""
        self.loss = spec.get("loss", 0.0)
        self.duplicate = spec.get("duplicate", 0.0)
        self.corrupt = spec.get("corrupt", 0.0)
        self.reorder = spec.get("reorder", 0.0)
        self.delay = spec.get("delay", 0)
        self.jitter = spec.get("jitter", 0)
        self.rate = spec.get("rate", 0)
        self.timed = self.delay > 0 or self.rate > 0

    def take(self, frame, flags):
        """A frame enters this direction; returns ns until the sender may send the next."""
        if self.loss and self.random.random() < self.loss:
            self.lost += 1
            return self.occupy(len(frame))
        if self.corrupt and self.random.random() < self.corrupt and len(frame) > HEADER_LENGTH:
            self.corrupted += 1
            bit = self.random.randrange(HEADER_LENGTH * 8, len(frame) * 8)
            if frame[12] != 0x08 or frame[13] != 0x00:
                flags |= FRAME_BAD_FCS
            damaged = bytearray(frame)
            damaged[bit >> 3] ^= 1 << (bit & 7)
            frame = bytes(damaged)
        if self.duplicate and self.random.random() < self.duplicate:
            self.duplicated += 1
            self.order(frame, flags)
        return self.order(frame, flags)

    def order(self, frame, flags):
        """Hold a frame back, or pass it on and let it overtake the one that is held."""
        if self.reorder and self.held is None and self.random.random() < self.reorder:
            self.reordered += 1
            self.held = InFlight(frame, flags, 0)
            self.to_overtake = self.random.randint(1, OVERTAKEN_MOST)
            self.clock.call_after(HOLD_TIME, self.hold_timer)
            return 0
        wait = self.onward(frame, flags)
        if self.held is not None:
            self.to_overtake -= 1
            if self.to_overtake == 0:
                self.release_held()
        return wait

    def release_held(self):
        held = self.held
        self.held = None
        self.clock.cancel(self.hold_timer)
        self.onward(held.frame, held.flags)

    def occupy(self, length):
        """Use the wire's rate for a frame of `length` bytes; returns ns until it has been sent."""
        if self.rate == 0:
            return 0
        now = self.clock.now
        if self.busy_until < now:
            self.busy_until = now
        self.busy_until += serialization_time(length, self.rate)
        return self.busy_until - now

    def onward(self, frame, flags):
        """Through the rate and the delay to the other side."""
        if not self.timed and self.head == len(self.queue):
            return self.deliver(frame, flags)
        now = self.clock.now
        if self.rate and self.busy_until - now > BACKLOG_LIMIT * 8 * NS_PER_S // self.rate:
            self.overflowed += 1
            return self.busy_until - now
        wait = self.occupy(len(frame))
        release = now + wait + self.delay
        if self.jitter:
            release += self.random.randint(-self.jitter, self.jitter)
        if release < self.last_release:
            release = self.last_release
        self.last_release = release
        self.queue.append(InFlight(frame, flags, release))
        if self.slot < 0:
            self.clock.call_at(release, self)
        return wait

    def deliver(self, frame, flags):
        self.passed += 1
        if self.outward:
            return self.plug.wire.send(self.plug, frame, flags)
        self.plug.station.receive(frame, flags)
        return 0

    def fire(self):
        """Let go of the frames whose time has come."""
        last = len(self.queue)
        while self.head < last and self.head < len(self.queue):
            packet = self.queue[self.head]
            if packet.when > self.clock.now:
                break
            self.queue[self.head] = None
            self.head += 1
            self.deliver(packet.frame, packet.flags)
        if self.head * 2 >= len(self.queue):
            del self.queue[: self.head]
            self.head = 0
        if self.queue:
            packet = self.queue[self.head]
            self.clock.call_at(packet.when, self)

    def clear(self):
        """Lose everything that is under way."""
        self.clock.cancel(self)
        self.clock.cancel(self.hold_timer)
        self.queue = []
        self.head = 0
        self.held = None


class Impairment(Middleware):
    """Wraps a wire; `spec` as `parse_impairments` gives it, `random` a seeded random.Random."""

    def __init__(self, inner, spec, random, clock):
        Middleware.__init__(self, inner)
        self.clock = clock
        self.spec = spec
        self.random = random
        self.outward = []
        self.inward = []

    def _generator(self):
        return type(self.random)(self.random.getrandbits(64))

    def set_spec(self, spec):
        """Change the impairments while frames pass."""
        self.spec = spec
        for path in self.outward + self.inward:
            path.set_spec(spec)

    def plugged(self, plug):
        self.outward.append(Path(self.clock, plug, True, self.spec, self._generator()))
        self.inward.append(Path(self.clock, plug, False, self.spec, self._generator()))

    def unplugged(self, plug):
        for paths in (self.outward, self.inward):
            paths.pop(self.plugs.index(plug)).clear()

    def path_of(self, paths, plug):
        for path in paths:
            if path.plug is plug:
                return path
        return None

    def leaving(self, plug, frame, flags):
        path = self.path_of(self.outward, plug)
        return path.take(frame, flags)

    def entering(self, plug, frame, flags):
        path = self.path_of(self.inward, plug)
        path.take(frame, flags)

    def statistics(self):
        """What has happened to the frames of all directions together."""
        names = ("passed", "lost", "duplicated", "corrupted", "reordered", "overflowed")
        return {name: sum(getattr(path, name) for path in self.outward + self.inward) for name in names}
