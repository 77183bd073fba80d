"""Prints trace events: virtual time, machine, event, fields.  The first field of a packet event is the sk_buff's id."""

from kernel.net.core.net_dev_init import NETDEV_EVENTS
from kernel.trace import NET_EVENTS
from lab.errors import LabError

NS_PER_S = 1_000_000_000
# What a kernel declares only while it boots; whoever listens does so before.
BOOT_EVENTS = (NETDEV_EVENTS, NET_EVENTS)


def line(time: int, machine: str, event: str, text: str) -> str:
    """One event as a line; `time` in ns."""
    return f"[{time // NS_PER_S:5d}.{time % NS_PER_S:09d}] {machine} {event}: {text}\n"


class TraceOutput:
    """Writes the events of any number of machines to the text stream `out`, in the order in which they happen."""

    def __init__(self, out):
        self.out = out
        self.lines = 0

    def __call__(self, time, machine, event, text):
        self.out.write(line(time, machine, event, text))
        self.lines += 1

    def listen(self, trace, patterns):
        """Print the events of `trace` that match one of `patterns`; LabError for one that nothing can match."""
        for table in BOOT_EVENTS:
            trace.declare(table)
        for pattern in patterns:
            try:
                trace.listen(pattern, self)
            except ValueError as error:
                raise LabError(f"--trace: {error}", 2) from None
