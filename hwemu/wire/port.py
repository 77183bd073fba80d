"""What a wire and the things plugged into it say to each other.

A frame on a wire is a `bytes` object: destination address to the last payload byte, without preamble and without
frame check sequence.  A frame whose FCS does not match carries the flag FRAME_BAD_FCS instead of the four wrong bytes.
FRAME_MORE is no part of the signal: the card that sends says that the next segment of the same segmentation follows.
"""

FRAME_BAD_FCS = 1
FRAME_MORE = 2


class Station:
    """Something with a plug: a network card, a TAP, a switch port, the test end.  Override `receive` and `carrier`."""

    def __init__(self):
        self.wire = None

    def receive(self, frame, flags):
        """A frame has arrived, whole, in the clock's context (never inside the driver's register write)."""

    def carrier(self, up):
        """The wire came up or went down."""


class Wire:
    """Joins stations.  Override `send`."""

    def __init__(self, name="wire"):
        self.name = name
        self.up = True

    def attach(self, station):
        """Plug `station` in; tells it the carrier."""
        station.wire = self
        station.carrier(self.up)

    def detach(self, station):
        """Unplug `station`: its carrier goes down."""
        station.wire = None
        station.carrier(False)

    def send(self, station, frame, flags):
        """`station` sends `frame`; returns ns until the wire takes that station's next frame (0: at once)."""
        return 0

    def hold(self, station):
        """`station` has no room: keep frames for it back until `resume`.  False from a wire that can not, as a cable can not."""
        return False

    def resume(self, station):
        """`station` has room again."""
