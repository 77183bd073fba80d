"""A learning switch: forwards by the addresses it has seen (IEEE 802.1D 7.7 to 7.9, without spanning tree)."""

from hwemu.wire.ethernet import ADDRESS_LENGTH, HEADER_LENGTH, NS_PER_S
from hwemu.wire.lane import Lane
from hwemu.wire.port import FRAME_BAD_FCS, Wire

AGEING_TIME = 300 * NS_PER_S
TABLE_LIMIT = 1024
EGRESS_LIMIT = 1000


class Learned:
    """Where an address was last seen, and when (ns)."""

    def __init__(self, port, seen):
        self.port = port
        self.seen = seen


class SwitchPort(Wire):
    """One socket of the switch: takes one station."""

    def __init__(self, switch, name, rate, delay):
        Wire.__init__(self, name)
        self.switch = switch
        self.rate = rate
        self.delay = delay
        self.station = None
        self.egress = None

    def attach(self, station):
        """Plug `station` in; ValueError when the port is taken."""
        if self.station is not None:
            raise ValueError(f"port {self.name}: taken")
        self.station = station
        self.egress = Lane(self.switch.clock, station, self.rate, self.delay, EGRESS_LIMIT)
        Wire.attach(self, station)

    def detach(self, station):
        """Unplug `station`; the switch forgets what it learned behind it."""
        if station is not self.station:
            raise ValueError(f"port {self.name}: that station is not plugged in here")
        self.egress.clear()
        self.station = self.egress = None
        self.switch.forget(self)
        Wire.detach(self, station)

    def send(self, station, frame, flags):
        if self.up:
            self.switch.forward(self, frame, flags)
        return 0

    def set_up(self, up):
        """Take the port's link down or up again."""
        if up == self.up:
            return
        self.up = up
        if not up:
            self.switch.forget(self)
        if self.station is not None:
            if not up:
                self.egress.clear()
            self.station.carrier(up)


class Switch:
    """`port()` adds a socket.  Addresses are forgotten after `ageing` ns; the table holds `limit` of them."""

    def __init__(self, clock, name="switch", ageing=AGEING_TIME, limit=TABLE_LIMIT):
        self.clock = clock
        self.name = name
        self.ageing = ageing
        self.limit = limit
        self.ports = []
        self.table = {}
        self.forwarded = 0
        self.flooded = 0
        self.discarded = 0

    def port(self, name="", rate=0, delay=0):
        """A new socket whose outgoing side has `rate` bit/s (0: infinite) and `delay` ns."""
        port = SwitchPort(self, name or f"{self.name}.{len(self.ports)}", rate, delay)
        self.ports.append(port)
        return port

    def forward(self, source, frame, flags):
        """Learn from, and pass on, a frame that came in at port `source`."""
        if len(frame) < HEADER_LENGTH or flags & FRAME_BAD_FCS:
            self.discarded += 1
            return
        if not frame[ADDRESS_LENGTH] & 1:
            self.learn(frame[ADDRESS_LENGTH : 2 * ADDRESS_LENGTH], source)
        if not frame[0] & 1:
            learned = self.table.get(frame[:ADDRESS_LENGTH])
            if learned is not None and self.clock.now - learned.seen <= self.ageing:
                port = learned.port
                if port is source or port.egress is None or not port.up:
                    self.discarded += 1
                else:
                    self.forwarded += 1
                    port.egress.push(frame, flags)
                return
        self.flooded += 1
        for port in self.ports:
            if port is not source and port.egress is not None and port.up:
                port.egress.push(frame, flags)

    def learn(self, address, port):
        learned = self.table.get(address)
        if learned is not None:
            learned.port = port
            learned.seen = self.clock.now
            return
        if len(self.table) >= self.limit:
            self.age()
        if len(self.table) < self.limit:
            self.table[address] = Learned(port, self.clock.now)

    def age(self):
        """Forget every address that has been silent for longer than the ageing time."""
        oldest = self.clock.now - self.ageing
        self.table = {address: learned for address, learned in self.table.items() if learned.seen >= oldest}

    def forget(self, port):
        """Forget every address behind `port`."""
        self.table = {address: learned for address, learned in self.table.items() if learned.port is not port}

    def statistics(self):
        """Frames forwarded to one port, flooded and discarded, and frames lost at full egress queues."""
        lost = sum(port.egress.dropped for port in self.ports if port.egress is not None)
        return {
            "forwarded": self.forwarded,
            "flooded": self.flooded,
            "discarded": self.discarded,
            "egress_dropped": lost,
            "addresses": len(self.table),
        }
