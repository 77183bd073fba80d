"""A point-to-point link, as a cable between two cards, and the joint that makes two wires one."""

from hwemu.wire.lane import Lane
from hwemu.wire.port import Station, Wire


class Link(Wire):
    """Joins two stations; each direction has its own `rate` (bit/s, 0: infinite) and `delay` (ns)."""

    def __init__(self, clock, name="link", rate=0, delay=0):
        Wire.__init__(self, name)
        self.clock = clock
        self.rate = rate
        self.delay = delay
        self.first = None
        self.second = None
        # to_first carries what the second station sends, and the other way round.
        self.to_first = None
        self.to_second = None
        self.dropped = 0

    def attach(self, station):
        """Plug `station` into a free end; ValueError when both ends are taken."""
        if self.first is None:
            self.first = station
            self.to_first = Lane(self.clock, station, self.rate, self.delay)
        elif self.second is None:
            self.second = station
            self.to_second = Lane(self.clock, station, self.rate, self.delay)
        else:
            raise ValueError(f"link {self.name}: both ends are taken")
        Wire.attach(self, station)

    def detach(self, station):
        """Unplug `station`; what is on its way to it is lost."""
        if station is self.first:
            self.to_first.clear()
            self.first = self.to_first = None
        elif station is self.second:
            self.to_second.clear()
            self.second = self.to_second = None
        else:
            raise ValueError(f"link {self.name}: that station is not plugged in here")
        Wire.detach(self, station)

    def send(self, station, frame, flags):
        lane = self.to_second if station is self.first else self.to_first
        if lane is None or not self.up:
            self.dropped += 1
            return 0
        return lane.push(frame, flags)

    def set_up(self, up):
        """Pull the cable or plug it in again: both stations see the carrier change, frames under way are lost."""
        if up == self.up:
            return
        self.up = up
        if not up:
            for lane in (self.to_first, self.to_second):
                if lane is not None:
                    lane.clear()
        for station in (self.first, self.second):
            if station is not None:
                station.carrier(up)

    def statistics(self):
        """Frames and bytes delivered each way, and frames lost because the link was down or open."""
        counters = {"dropped": self.dropped}
        for name, lane in (("to_first", self.to_first), ("to_second", self.to_second)):
            if lane is not None:
                counters[f"{name}_frames"] = lane.frames
                counters[f"{name}_bytes"] = lane.bytes
                counters["dropped"] += lane.dropped
        return counters


class Joint(Station):
    """One end of a `join`: what arrives from its own wire leaves on the other end's wire."""

    def __init__(self):
        Station.__init__(self)
        self.other = None
        self.frames = 0

    def receive(self, frame, flags):
        self.frames += 1
        self.other.wire.send(self.other, frame, flags)


def join(first, second):
    """Solder two wires together, so that each carries the other's frames; returns the two joints."""
    here, there = Joint(), Joint()
    here.other, there.other = there, here
    first.attach(here)
    second.attach(there)
    return here, there
