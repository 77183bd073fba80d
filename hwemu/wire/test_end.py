"""The end of a wire at which a test sits: it injects frames and collects what arrives, with times."""

from typing import NamedTuple

from hwemu.wire.port import Station

DEFAULT_WITHIN = 1_000_000_000


class Arrival(NamedTuple):
    """A collected frame: the time in ns, the bytes, the wire's flags."""

    time: int
    frame: bytes
    flags: int


class TestEnd(Station):
    """A station for tests: `inject`, `frames`, `take`, `expect`."""

    __test__ = False  # not a test class, whatever its name says to pytest

    def __init__(self, clock):
        Station.__init__(self)
        self.clock = clock
        self.frames = []
        self.carrier_up = False

    def receive(self, frame, flags):
        self.frames.append(Arrival(self.clock.now, frame, flags))

    def carrier(self, up):
        self.carrier_up = up

    def inject(self, frame, flags=0):
        """Send `frame`; returns ns until the wire takes the next one."""
        return self.wire.send(self, bytes(frame), flags)

    def take(self):
        """Remove and return everything collected, as a list of bytes."""
        taken = [arrival.frame for arrival in self.frames]
        self.frames = []
        return taken

    def expect(self, matches=None, within=DEFAULT_WITHIN):
        """Run the clock until a frame for which `matches(frame)` holds has arrived (any frame without `matches`).

        Removes that frame and every one before it and returns it; AssertionError after `within` ns without one.
        """
        deadline = self.clock.now + within
        looked_at = 0
        while True:
            while looked_at < len(self.frames):
                frame = self.frames[looked_at].frame
                looked_at += 1
                if matches is None or matches(frame):
                    del self.frames[:looked_at]
                    return frame
            following = self.clock.next_time()
            if self.clock.now >= deadline or (not self.clock.real and (following < 0 or following > deadline)):
                seen = ", ".join(arrival.frame[:64].hex() for arrival in self.frames) or "nothing"
                raise AssertionError(f"no such frame within {within} ns; seen: {seen}")
            self.clock.run(min(deadline, max(following, self.clock.now)) if following >= 0 else deadline)
