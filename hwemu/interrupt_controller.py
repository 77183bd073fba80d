"""The interrupt controller: up to 32 lines with fixed priorities, line 0 first.

A level line is the wired OR of its sources: it is pending as long as one of them holds it up, which is how PCI
devices share it.  An edge line (the timer) latches each rise until the CPU acknowledges it.
"""

MAX_LINES = 32
MAX_SOURCES = 64


class InterruptLine:
    """One input: who holds it up (one bit per source) and what happened on it."""

    def __init__(self, number):
        self.number = number
        self.sources = 0
        self.raised = 0
        self.delivered = 0


class InterruptController:
    """`lines` inputs; all are masked at power-on.

    `cpu.kick()` is called when an unmasked line becomes pending.  The bit sets `level`, `latch`, `mask` and
    `edge` have one bit per line.
    """

    def __init__(self, lines=16, trace=None):
        if not 1 <= lines <= MAX_LINES:
            raise ValueError(f"an interrupt controller has 1 to {MAX_LINES} lines, not {lines}")
        self.count = lines
        self.lines = [InterruptLine(number) for number in range(lines)]
        self.level = 0
        self.latch = 0
        self.edge = 0
        self.mask = 0xFFFFFFFF
        self.sources = 0
        self.cpu = None
        self.trace = trace

    def new_source(self):
        """A number under which one output of one device drives a line; RuntimeError when all 64 are taken."""
        # A bare 1 is a C int when compiled: the typed `one` keeps these shifts 64 bits wide.
        one = 1
        for source in range(MAX_SOURCES):
            if not (self.sources >> source) & 1:
                self.sources |= one << source
                return source
        raise RuntimeError(f"all {MAX_SOURCES} interrupt sources are taken")

    def free_source(self, line, source):
        """The device is gone: let go of `line` and of the number."""
        one = 1
        self.raise_line(line, source, False)
        self.sources &= ~(one << source)

    def set_edge(self, line, on):
        """Make `line` edge triggered, or level triggered again."""
        bit = 1 << line
        if on:
            self.edge |= bit
        else:
            self.edge &= ~bit
            self.latch &= ~bit

    def raise_line(self, line, source, level):
        """`source` drives `line` up or lets it go; a line is up while any source drives it."""
        wire = self.lines[line]
        bit = 1 << line
        one = 1
        before = wire.sources
        if level:
            wire.sources = before | (one << source)
        else:
            wire.sources = before & ~(one << source)
        if wire.sources == 0:
            if before == 0:
                return
            self.level &= ~bit
        elif before == 0:
            self.level |= bit
            if self.edge & bit:
                self.latch |= bit
            wire.raised += 1
            if not self.mask & bit and self.cpu is not None:
                self.cpu.kick()
        else:
            return
        if self.trace is not None and self.trace.on:
            self.trace.emit("irq_line", line, 1 if level else 0)

    def pending(self):
        """The bit set of lines that ask for the CPU: level lines that are up, edges not yet acknowledged."""
        return ((self.level & ~self.edge) | self.latch) & ~self.mask

    def acknowledge(self):
        """The pending line of highest priority, whose edge is taken with this, or -1."""
        waiting = self.pending()
        if waiting == 0:
            return -1
        number = 0
        while not (waiting >> number) & 1:
            number += 1
        self.latch &= ~(1 << number)
        wire = self.lines[number]
        wire.delivered += 1
        return number

    def clear_edge(self, line):
        """Forget a latched edge of `line`."""
        self.latch &= ~(1 << line)

    def mask_line(self, line):
        self.mask |= 1 << line

    def unmask_line(self, line):
        """Let `line` through; one that is pending already interrupts at once."""
        self.mask &= ~(1 << line)
        if (self.pending() >> line) & 1 and self.cpu is not None:
            self.cpu.kick()

    def statistics(self):
        """Per line that was ever used: {line: (times raised, times delivered)}."""
        return {line.number: (line.raised, line.delivered) for line in self.lines if line.raised}
