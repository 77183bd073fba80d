"""The half of poll and select that files see: `poll_table` and `poll_wait`."""


class poll_table:
    """Who asks a file for its readiness and wants to hear of changes.

    `key` is the mask of events that it is after.  A table whose `active` is False only asks.
    """

    def __init__(self, key=0xFFFFFFFF):
        self.key = key
        self.active = True

    def queue(self, filp, wq):
        """Wait on `wq` on behalf of the asker."""


def poll_wait(filp, wq, table):
    """A file's `poll` calls this once for each wait queue that announces a change of its readiness."""
    if table is not None and table.active:
        table.queue(filp, wq)
