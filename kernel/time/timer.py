"""Kernel timers: a hierarchical timer wheel of one-millisecond ticks.

Seven levels of 64 slots.  A timer lies on the level of the highest six-bit digit in which its tick differs from
the wheel's own tick, so arming, moving and cancelling one costs the same with ten or a million of them; when the
wheel reaches the first tick of a slot on a higher level, that slot's timers move down.  A timer never fires early,
and less than one tick late.  Timers fire in TIMER_SOFTIRQ context.
"""

from kernel.softirq import softirq_action

NSEC_PER_TICK = 1000000
LEVEL_BITS = 6
LEVELS = 7
SLOTS = 64
SLOT_MASK = 63
# 2**42 ticks, 139 years, is the wheel's circumference: what lies beyond its present turn fires at the turn's end.
TURN_MASK = (1 << 42) - 1
NOT_QUEUED = -1
EXPIRING = -2
NEVER = -1


class timer_list:
    """One timer: arm it with `TimerBase.mod_timer`; `fire` runs once when `expires` (ns since boot) has passed.

    Override `fire` in a subclass, or give a `function`, which is called with `data`.
    """

    def __init__(self, function=None, data=None):
        self.function = function
        self.data = data
        self.expires = 0
        self.slot = NOT_QUEUED
        self.prev = None
        self.next = None

    def fire(self):
        self.function(self.data)

    def pending(self):
        """True from `mod_timer` until the timer fires or is deleted."""
        return self.slot != NOT_QUEUED


class wheel_level:
    """64 circular lists of timers, each headed by a timer_list that never fires, and a bit for each that is not empty."""

    def __init__(self):
        self.occupied = 0
        self.heads = [empty_list() for _ in range(SLOTS)]


def empty_list():
    head = timer_list()
    head.prev = head
    head.next = head
    return head


def append(head, timer):
    last = head.prev
    timer.prev = last
    timer.next = head
    last.next = timer
    head.prev = timer


def lowest_bit(word):
    """The number of the lowest set bit of a non-zero 64-bit word."""
    bit = 0
    while not word & 0xFFFF:
        bit += 16
        word >>= 16
    if not word & 0xFF:
        bit += 8
        word >>= 8
    if not word & 0xF:
        bit += 4
        word >>= 4
    if not word & 0x3:
        bit += 2
        word >>= 2
    if not word & 0x1:
        bit += 1
    return bit


class TimerBase(softirq_action):
    """A kernel's timers.  `arch.now()` is the clocksource, `arch.clockevent` the one-shot device."""

    def __init__(self, arch):
        self.arch = arch
        # The next tick to be processed: every timer with an earlier tick has fired.
        self.clk = 0
        self.levels = [wheel_level() for _ in range(LEVELS)]
        self.expired = empty_list()
        self.active = 0
        # When the one-shot device will interrupt, or NEVER.
        self.programmed = NEVER
        self.running = False

    def now(self):
        """Nanoseconds since boot; never goes back."""
        return self.arch.now()

    @property
    def jiffies(self):
        """Milliseconds since boot."""
        return self.now() // NSEC_PER_TICK

    def mod_timer(self, timer, expires):
        """Arm `timer`, or move it, to fire at `expires` (ns since boot); a time in the past means the next tick."""
        if timer.slot != NOT_QUEUED:
            self.detach(timer)
        else:
            if self.active == 0 and not self.running:
                self.clk = self.now() // NSEC_PER_TICK
            self.active += 1
        timer.expires = expires
        tick = self.enqueue(timer)
        if not self.running:
            when = tick * NSEC_PER_TICK
            if self.programmed == NEVER or when < self.programmed:
                self.program_next()

    def del_timer(self, timer):
        """Disarm `timer`; True when it was pending."""
        if timer.slot == NOT_QUEUED:
            return False
        self.detach(timer)
        self.active -= 1
        return True

    def detach(self, timer):
        slot = timer.slot
        before = timer.prev
        after = timer.next
        before.next = after
        after.prev = before
        timer.prev = None
        timer.next = None
        timer.slot = NOT_QUEUED
        # Neighbours that are one and the same are the head: the list is empty now.
        if slot >= 0 and before is after:
            level = self.levels[slot >> LEVEL_BITS]
            bit = 1
            bit <<= slot & SLOT_MASK
            level.occupied &= ~bit

    def enqueue(self, timer):
        """Put a detached timer on its level; returns its tick."""
        tick = 0
        if timer.expires > 0:
            tick = (timer.expires + NSEC_PER_TICK - 1) // NSEC_PER_TICK
        if tick < self.clk:
            tick = self.clk
        if tick > self.clk | TURN_MASK:
            tick = self.clk | TURN_MASK
        differ = tick ^ self.clk
        number = 0
        while differ >= SLOTS:
            differ >>= LEVEL_BITS
            number += 1
        place = (tick >> (number * LEVEL_BITS)) & SLOT_MASK
        level = self.levels[number]
        append(level.heads[place], timer)
        timer.slot = (number << LEVEL_BITS) + place
        bit = 1
        bit <<= place
        level.occupied |= bit
        return tick

    def next_tick(self):
        """The tick at which the wheel has work (a timer, or a slot to move down), or NEVER."""
        for number in range(LEVELS):
            level = self.levels[number]
            if level.occupied:
                shift = number * LEVEL_BITS
                turn = (self.clk >> (shift + LEVEL_BITS)) << LEVEL_BITS
                return (turn + lowest_bit(level.occupied)) << shift
        return NEVER

    def program_next(self):
        """Program the one-shot device for the wheel's next work."""
        tick = self.next_tick()
        if tick == NEVER:
            return
        self.programmed = tick * NSEC_PER_TICK
        self.arch.clockevent.program(self.programmed)

    def forward(self, tick):
        """Set the wheel's own tick; slots that begin at `tick` move down, the highest level first."""
        self.clk = tick
        for number in range(LEVELS - 1, 0, -1):
            shift = number * LEVEL_BITS
            place = tick >> shift
            if place << shift != tick:
                continue
            level = self.levels[number]
            head = level.heads[place & SLOT_MASK]
            while head.next is not head:
                timer = head.next
                self.detach(timer)
                self.enqueue(timer)

    def run(self):
        """TIMER_SOFTIRQ: fire every timer whose tick has come, tick by tick."""
        self.running = True
        present = self.now() // NSEC_PER_TICK
        while self.clk <= present:
            tick = self.next_tick()
            if tick == NEVER or tick > present:
                self.forward(present + 1)
            elif tick != self.clk:
                self.forward(tick)
            else:
                self.expire(tick)
        self.running = False
        self.program_next()

    def expire(self, tick):
        """Fire the slot of `tick`, first armed first, and step to the next."""
        level = self.levels[0]
        head = level.heads[tick & SLOT_MASK]
        while head.next is not head:
            timer = head.next
            self.detach(timer)
            append(self.expired, timer)
            timer.slot = EXPIRING
        self.forward(tick + 1)
        expired = self.expired
        while expired.next is not expired:
            timer = expired.next
            self.detach(timer)
            self.active -= 1
            timer.fire()

    def armed(self):
        """The timers that are armed (for leak reports)."""
        found = []
        for level in self.levels:
            for head in level.heads:
                timer = head.next
                while timer is not head:
                    found.append(timer)
                    timer = timer.next
        return found

    def interrupt(self):
        """The one-shot device has fired: it is idle until it is programmed again."""
        self.programmed = NEVER
