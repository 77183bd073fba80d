"""Interrupt causes, mask, throttling and the delay timers (13.4.17 to 13.4.21, 13.4.30, 13.4.31, 13.4.41, 13.4.44)."""

from hwemu.clock import Event
from hwemu.nic.e1000.bits import ALL_ONES, ICR_CAUSES

ITR_UNIT_NS = 256
DELAY_UNIT_NS = 1024
NEVER = -1


class Interrupts(Event):
    """The causes (`icr`), the mask (`ims`) and the level of the INTx pin, which is up while any unmasked cause is set.

    With throttling the pin goes up at most once per interval: the event is the end of an interval in which a
    cause came up.
    """

    def __init__(self, clock, device, trace):
        Event.__init__(self)
        self.clock = clock
        self.device = device
        self.trace = trace
        self.icr = 0
        self.ims = 0
        self.interval = 0
        self.not_before = 0
        self.level = False
        self.raised = 0

    def reset(self):
        self.clock.cancel(self)
        self.icr = 0
        self.ims = 0
        self.interval = 0
        self.not_before = 0
        self.update()

    def cause(self, causes):
        """Set causes, as an event in the device or a write to ICS does."""
        self.icr |= causes & ICR_CAUSES
        self.update()

    def read_causes(self):
        """A read of ICR: every cause is cleared and the pin goes down."""
        causes = self.icr
        self.icr = 0
        self.update()
        return causes

    def clear_causes(self, causes):
        """A write to ICR: the causes given are cleared, the others keep the pin up."""
        self.icr &= ~causes & ALL_ONES
        self.update()

    def set_mask(self, causes):
        """A write to IMS; a cause that is already set fires."""
        self.ims |= causes & ICR_CAUSES
        self.update()

    def clear_mask(self, causes):
        """A write to IMC."""
        self.ims &= ~causes & ALL_ONES
        self.update()

    def set_throttling(self, interval):
        """A write to ITR: the least time from one interrupt to the next, in units of 256 ns; 0: none."""
        self.interval = interval * ITR_UNIT_NS
        if interval == 0:
            self.not_before = 0
            self.clock.cancel(self)
            self.update()

    def fire(self):
        self.update()

    def update(self):
        """Bring the pin to where causes, mask and throttling want it."""
        if self.icr & self.ims:
            if self.level:
                return 0
            if self.clock.now < self.not_before:
                if self.slot < 0:
                    self.clock.call_at(self.not_before, self)
                return 0
            self.level = True
            self.raised += 1
            self.not_before = self.clock.now + self.interval
        else:
            if not self.level:
                return 0
            self.level = False
        if self.trace.on:
            self.trace.emit("nic_interrupt", self.device.name, self.icr, self.ims, int(self.level))
        self.device.set_interrupt(self.level)
        return 0


class DelayTimer(Event):
    """The pair of timers that puts off one cause: each packet restarts the first, the second caps the wait.

    Override `expired` for more than the cause.  The event is left armed early when the deadline moves away, so
    that a busy ring does not touch the clock for every packet.
    """

    def __init__(self, clock, interrupts, cause):
        Event.__init__(self)
        self.clock = clock
        self.interrupts = interrupts
        self.cause = cause
        self.relative = 0
        self.absolute = 0
        self.relative_deadline = NEVER
        self.absolute_deadline = NEVER

    def set_relative(self, units):
        """RDTR or TIDV, in units of 1.024 us; 0 means no delay at all."""
        self.relative = units * DELAY_UNIT_NS

    def set_absolute(self, units):
        """RADV or TADV, in units of 1.024 us; 0 switches the cap off."""
        self.absolute = units * DELAY_UNIT_NS

    def stop(self):
        """Forget the packets that wait for their interrupt."""
        self.relative_deadline = NEVER
        self.absolute_deadline = NEVER
        self.clock.cancel(self)

    def reset(self):
        self.stop()
        self.relative = 0
        self.absolute = 0

    def packet(self):
        """A packet is ready whose interrupt may wait; the caller has seen that `relative` is not 0."""
        now = self.clock.now
        self.relative_deadline = now + self.relative
        if self.absolute and self.absolute_deadline < 0:
            self.absolute_deadline = now + self.absolute
        deadline = self.deadline()
        if self.slot < 0 or deadline < self.when:
            self.clock.call_at(deadline, self)

    def deadline(self):
        """When the cause is due (ns)."""
        if 0 <= self.absolute_deadline < self.relative_deadline:
            return self.absolute_deadline
        return self.relative_deadline

    def flush(self):
        """Expire now, as RDTR.FPD asks."""
        self.stop()
        self.expired()

    def expired(self):
        self.interrupts.cause(self.cause)

    def fire(self):
        deadline = self.deadline()
        if deadline < 0:
            return
        if deadline > self.clock.now:
            self.clock.call_at(deadline, self)
            return
        self.relative_deadline = NEVER
        self.absolute_deadline = NEVER
        self.expired()
