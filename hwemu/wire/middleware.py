"""What stands between a station and a wire: a capture, an impairment.  Stations plug into it as into the wire itself.

A frame passes a middleware once.  While one station is plugged in, that is when the station sends it and, for what
the rest of the wire sends, when the station gets it.  With several stations plugged in, all of the traffic is
theirs and each frame passes as it is sent.
"""

from hwemu.wire.port import Station, Wire


class Plug(Station):
    """Stands on the inner wire for one station outside."""

    def __init__(self, middleware, station):
        Station.__init__(self)
        self.middleware = middleware
        self.station = station

    def receive(self, frame, flags):
        self.middleware.arrived(self, frame, flags)

    def carrier(self, up):
        self.middleware.up = up
        self.station.carrier(up)


class Middleware(Wire):
    """Wraps `inner`.  Override `leaving` and `entering`; as they stand, frames pass unchanged."""

    def __init__(self, inner, name=""):
        Wire.__init__(self, name or inner.name)
        self.inner = inner
        self.up = inner.up
        self.plugs = []

    def attach(self, station):
        plug = Plug(self, station)
        station.wire = self
        self.plugs.append(plug)
        self.plugged(plug)
        self.inner.attach(plug)

    def detach(self, station):
        """Unplug `station`; ValueError when it is not plugged in here."""
        plug = self.plug_of(station)
        if plug is None:
            raise ValueError(f"{self.name}: that station is not plugged in here")
        self.unplugged(plug)
        self.plugs.remove(plug)
        self.inner.detach(plug)
        station.wire = None

    def plug_of(self, station):
        for plug in self.plugs:
            if plug.station is station:
                return plug
        return None

    def send(self, station, frame, flags):
        plug = self.plug_of(station)
        if plug is None:
            return 0
        return self.leaving(plug, frame, flags)

    def hold(self, station):
        plug = self.plug_of(station)
        return plug is not None and self.inner.hold(plug)

    def resume(self, station):
        plug = self.plug_of(station)
        if plug is not None:
            self.inner.resume(plug)

    def arrived(self, plug, frame, flags):
        """The inner wire delivers to `plug`."""
        if len(self.plugs) == 1:
            self.entering(plug, frame, flags)
        else:
            plug.station.receive(frame, flags)

    def plugged(self, plug):
        """A station has been plugged in."""

    def unplugged(self, plug):
        """A station is about to be unplugged."""

    def leaving(self, plug, frame, flags):
        """The station of `plug` sends a frame; returns ns until it may send the next."""
        return self.inner.send(plug, frame, flags)

    def entering(self, plug, frame, flags):
        """A frame from elsewhere reaches the only station."""
        plug.station.receive(frame, flags)
