"""Wait queues: who is to be told when something becomes ready.

A queue is an intrusive, circular list, so adding and removing an entry costs the same however long it is.  Non-exclusive
entries stand in front and are all woken; exclusive ones stand behind, and one wake-up wakes as many as it is told.
"""

WQ_FLAG_EXCLUSIVE = 1


class wait_queue_entry:
    """One waiter.  By default `func` wakes `task`; poll and epoll override it.

    An entry is on at most one queue.
    """

    def __init__(self, task=None):
        self.task = task
        self.flags = 0
        self.head = None
        self.prev = None
        self.next = None

    def func(self, key):
        """Called by a wake-up with the poll mask of what happened (0: unknown); non-zero when somebody was woken."""
        return self.task.wake_up()


class wait_queue_head:
    """A queue of waiters."""

    def __init__(self):
        self.first = None
        self.last = None

    def active(self):
        """True when somebody waits."""
        return self.first is not None

    def add(self, entry):
        """Put a non-exclusive entry in front."""
        entry.flags &= ~WQ_FLAG_EXCLUSIVE
        entry.head = self
        entry.prev = None
        entry.next = self.first
        if self.first is None:
            self.last = entry
        else:
            self.first.prev = entry
        self.first = entry

    def add_exclusive(self, entry):
        """Put an exclusive entry at the end."""
        entry.flags |= WQ_FLAG_EXCLUSIVE
        entry.head = self
        entry.prev = self.last
        entry.next = None
        if self.last is None:
            self.first = entry
        else:
            self.last.next = entry
        self.last = entry

    def remove(self, entry):
        """Take an entry off; one that is not on this queue stays where it is."""
        if entry.head is not self:
            return
        if entry.prev is None:
            self.first = entry.next
        else:
            entry.prev.next = entry.next
        if entry.next is None:
            self.last = entry.prev
        else:
            entry.next.prev = entry.prev
        entry.head = None
        entry.prev = None
        entry.next = None

    def wake_up(self, key=0, nr_exclusive=1):
        """Wake every non-exclusive waiter and `nr_exclusive` exclusive ones (0: all); returns how many were woken."""
        woken = 0
        entry = self.first
        while entry is not None:
            following = entry.next
            exclusive = entry.flags & WQ_FLAG_EXCLUSIVE
            if entry.func(key) != 0:
                woken += 1
                if exclusive:
                    nr_exclusive -= 1
                    if nr_exclusive == 0:
                        break
            entry = following
        return woken

    def wake_up_all(self, key=0):
        """Wake every waiter."""
        return self.wake_up(key, 0)
