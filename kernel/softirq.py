"""Softirqs: the deferred half of interrupt work.

A hard interrupt raises a softirq; `irq_exit` runs what is pending, for at most MAX_SOFTIRQ_RESTART rounds.  What is
raised again after that goes to `ksoftirqd`, a task that competes with all others, so a flood of frames can not
starve the programs.  Outside an interrupt `local_bh_disable`/`local_bh_enable` bracket work that a softirq shares;
the outermost enable runs what was raised meanwhile.
"""

HI_SOFTIRQ = 0
TIMER_SOFTIRQ = 1
NET_TX_SOFTIRQ = 2
NET_RX_SOFTIRQ = 3
TASKLET_SOFTIRQ = 6
NR_SOFTIRQS = 10
SOFTIRQ_NAMES = ("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")
MAX_SOFTIRQ_RESTART = 10


class softirq_action:
    """What a softirq number does: override `run`."""

    def run(self):
        """Called in softirq context with the number's pending bit already cleared."""


class softirq_vector:
    """One softirq number: its action and how often it ran."""

    def __init__(self):
        self.action = None
        self.count = 0


class SoftIRQ:
    """A kernel's softirqs and the counters that say in which context the CPU is."""

    def __init__(self):
        self.pending = 0
        self.vectors = [softirq_vector() for _ in range(NR_SOFTIRQS)]
        self.hardirq_count = 0
        self.softirq_count = 0
        self.ksoftirqd_wakeups = 0
        self.ksoftirqd = None
        self.trace = None

    def open_softirq(self, nr, action):
        """Make `action.run()` the work of softirq `nr`."""
        vector = self.vectors[nr]
        vector.action = action

    def raise_softirq(self, nr):
        """Mark `nr` pending; outside every interrupt and bottom-half section ksoftirqd is woken to run it."""
        self.pending |= 1 << nr
        if self.hardirq_count == 0 and self.softirq_count == 0:
            self.wakeup_softirqd()

    def in_interrupt(self):
        """True in a hard interrupt, in a softirq and between local_bh_disable and local_bh_enable."""
        return self.hardirq_count != 0 or self.softirq_count != 0

    def in_hardirq(self):
        return self.hardirq_count != 0

    def local_bh_disable(self):
        self.softirq_count += 1

    def local_bh_enable(self):
        """The outermost enable runs what is pending, unless a hard interrupt is being served."""
        self.softirq_count -= 1
        if self.softirq_count == 0 and self.pending != 0 and self.hardirq_count == 0:
            self.do_softirq()

    def irq_enter(self):
        self.hardirq_count += 1

    def irq_exit(self):
        self.hardirq_count -= 1
        if self.hardirq_count == 0 and self.softirq_count == 0 and self.pending != 0:
            self.do_softirq()

    def do_softirq(self):
        """Run what is pending, lowest number first; after MAX_SOFTIRQ_RESTART rounds the rest is ksoftirqd's."""
        if self.hardirq_count != 0 or self.softirq_count != 0:
            return
        self.softirq_count = 1
        rounds = MAX_SOFTIRQ_RESTART
        while self.pending != 0 and rounds > 0:
            rounds -= 1
            word = self.pending
            self.pending = 0
            nr = 0
            while word != 0:
                if word & 1:
                    vector = self.vectors[nr]
                    vector.count += 1
                    if self.trace is not None and self.trace.on:
                        self.trace.emit("softirq", SOFTIRQ_NAMES[nr])
                    action = vector.action
                    action.run()
                word >>= 1
                nr += 1
        self.softirq_count = 0
        if self.pending != 0:
            self.wakeup_softirqd()

    def wakeup_softirqd(self):
        if self.ksoftirqd is not None:
            self.ksoftirqd_wakeups += 1
            self.ksoftirqd.wake_up()

    def show(self):
        """The text of /proc/softirqs."""
        lines = ["                    CPU0       \n"]
        lines += [f"{name:>12}: {self.vectors[nr].count:>10}\n" for nr, name in enumerate(SOFTIRQ_NAMES)]
        return "".join(lines)
