"""printk: the kernel's log, a ring of records with timestamps that `dmesg` reads, copied to the console.

Levels are Linux's: 0 emergency ... 3 error, 4 warning, 6 informational, 7 debug.  The console shows what is below
`console_loglevel`; the ring keeps everything until it wraps.
"""

from collections import deque

KERN_EMERG = 0
KERN_ERR = 3
KERN_WARNING = 4
KERN_INFO = 6
KERN_DEBUG = 7
DEFAULT_CONSOLE_LOGLEVEL = 7
RING_RECORDS = 2048
LINE_MAX = 1000


class Printk:
    """A kernel's log.  `now()` gives the nanoseconds since boot; `console` is called with text."""

    def __init__(self, now, console=None):
        self.now = now
        self.console = console
        self.console_loglevel = DEFAULT_CONSOLE_LOGLEVEL
        self.ring = deque(maxlen=RING_RECORDS)

    def printk(self, text, level=KERN_INFO):
        """Log `text`, one record a line."""
        stamp = self.now()
        for line in str(text).split("\n"):
            self.ring.append((stamp, level, line[:LINE_MAX]))
            if self.console is not None and level < self.console_loglevel:
                self.console(self.format(stamp, line[:LINE_MAX]) + "\n")

    __call__ = printk

    def format(self, stamp, line):
        return f"[{stamp // 1000000000:>5}.{stamp // 1000 % 1000000:06}] {line}"

    def lines(self):
        """The records that are left, oldest first, as dmesg prints them."""
        return [self.format(stamp, line) for stamp, _, line in self.ring]

    def text(self):
        """The whole log as syslog(2) returns it, each record preceded by its level in angle brackets."""
        return "".join(f"<{level}>{self.format(stamp, line)}\n" for stamp, level, line in self.ring)

    def clear(self):
        self.ring.clear()
