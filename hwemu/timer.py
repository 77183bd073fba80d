"""The one-shot timer: an edge on its interrupt line when its time has come."""

from hwemu.clock import Event


class OneShotTimer(Event):
    """Counts the clock's nanoseconds; `program` replaces what was programmed before."""

    def __init__(self, clock, controller, line):
        super().__init__()
        self.clock = clock
        self.controller = controller
        self.line = line
        self.source = controller.new_source()
        self.expirations = 0
        controller.set_edge(line, True)

    def now(self):
        """Nanoseconds since power-on of the bench."""
        return self.clock.now

    def program(self, when):
        """Interrupt at the time `when` (ns, absolute); a time that has passed means as soon as possible."""
        self.clock.call_at(when, self)

    def cancel(self):
        """Forget what was programmed."""
        self.clock.cancel(self)

    def fire(self):
        self.expirations += 1
        self.controller.raise_line(self.line, self.source, True)
        self.controller.raise_line(self.line, self.source, False)
