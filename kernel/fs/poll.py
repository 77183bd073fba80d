"""poll(2), select(2) and their forms with a signal mask: wait until one of many files is ready.

Each file's `poll` is asked once with a table that queues an entry on the wait queues the file names; a wake-up on any of
them sets `triggered` and wakes the task, which then asks again.
"""

from struct import Struct

from kernel.arch.uaccess import access_ok, copy_from_user, copy_to_user
from kernel.fs.select import poll_table
from kernel.sched.core import task_wait_entry
from kernel.sched.state import TASK_INTERRUPTIBLE, TASK_RUNNING
from kernel.signal import restore_sigmask, set_user_sigmask
from kernel.uapi.errno import EBADF, EFAULT, EINVAL, ERESTARTNOHAND
from kernel.uapi.poll import (
    POLLERR,
    POLLEX_SET,
    POLLHUP,
    POLLIN_SET,
    POLLNVAL,
    POLLOUT_SET,
)
from kernel.uapi.syscall import SYS_poll, SYS_ppoll, SYS_pselect6, SYS_select
from kernel.uapi.time import NSEC_PER_MSEC, NSEC_PER_SEC, NSEC_PER_USEC

POLLFD = Struct("<iHH")
POLLFD_SIZE = 8
TIMEVAL = Struct("<qq")
TIMESPEC = Struct("<qq")
# What pselect6's last argument points to: a sigset_t's address and size.
SIGSET_ARGPACK = Struct("<QQ")
FOREVER = -1
LONGEST = 1 << 62
USEC_PER_SEC = 1000000
# What select's three sets ask poll for.
SELECT_GROUPS = (POLLIN_SET, POLLOUT_SET, POLLEX_SET)


class poll_table_entry(task_wait_entry):
    """One wait queue that a poll call is on."""

    def __init__(self, sched, task, pwq, events):
        super().__init__(sched, task)
        self.pwq = pwq
        self.events = events

    def func(self, key):
        if key != 0 and not key & self.events:
            return 0
        pwq = self.pwq
        pwq.triggered = True
        return self.sched.wake_up_process(self.sleeper)


class poll_wqueues(poll_table):
    """All the wait queues of one poll call."""

    def __init__(self, sched):
        super().__init__()
        self.sched = sched
        self.triggered = False
        self.entries = []

    def queue(self, filp, wq):
        entry = poll_table_entry(self.sched, self.sched.current, self, self.key)
        self.entries.append(entry)
        wq.add(entry)

    def sleep(self, timeout):
        """Sleep until triggered or for `timeout` ns (-1: for ever); returns what is left."""
        task = self.sched.current
        task.state = TASK_INTERRUPTIBLE
        if not self.triggered:
            timeout = self.sched.schedule_timeout(timeout)
        task.state = TASK_RUNNING
        self.triggered = False
        return timeout

    def free(self):
        """Leave every queue."""
        for position in range(len(self.entries)):
            entry = self.entries[position]
            entry.head.remove(entry)
        self.entries = []


def ask(files, fd, events, table):
    """The ready events of descriptor `fd` among `events`, errors and hang-up included; POLLNVAL when it is closed."""
    filp = files.fget(fd)
    if filp is None:
        return POLLNVAL
    wanted = events | POLLERR | POLLHUP
    table.key = wanted
    return filp.f_op.poll(filp, table) & wanted


def do_poll(sched, files, fds, events, found, timeout):
    """Wait for any of the descriptors in the list `fds` to have one of its `events`; `found` gets what each has.

    `timeout` is in ns, -1 for ever.  Returns how many are ready, or -ERESTARTNOHAND.
    """
    table = poll_wqueues(sched)
    table.active = timeout != 0
    count = 0
    try:
        while True:
            count = 0
            for position in range(len(fds)):
                fd = fds[position]
                mask = 0
                if fd >= 0:
                    mask = ask(files, fd, events[position], table)
                found[position] = mask
                if mask:
                    count += 1
                    table.active = False
            # The queues are joined once: from here on only ask.
            table.active = False
            if count or timeout == 0:
                return count
            if sched.signal_pending():
                return -ERESTARTNOHAND
            timeout = table.sleep(timeout)
    finally:
        table.free()


def read_timespec(mm, address):
    """The ns of the timespec at a user address, -1 (for ever) for NULL; -EFAULT, -EINVAL."""
    if not address:
        return FOREVER
    raw = copy_from_user(mm, address & 0xFFFFFFFFFFFFFFFF, TIMESPEC.size)
    if raw is None:
        return -EFAULT
    seconds, nanoseconds = TIMESPEC.unpack(raw)
    if seconds < 0 or not 0 <= nanoseconds < NSEC_PER_SEC:
        return -EINVAL
    return min(seconds * NSEC_PER_SEC + nanoseconds, LONGEST)


class poll_calls:
    """poll, ppoll, select and pselect6 of one kernel."""

    def __init__(self, sched):
        self.sched = sched

    def poll(self, task, address, count, milliseconds, a3, a4, a5):
        """int poll(struct pollfd *fds, nfds_t nfds, int timeout)"""
        timeout = FOREVER if milliseconds < 0 else min(milliseconds * NSEC_PER_MSEC, LONGEST)
        return self.do_sys_poll(task, address, count, timeout)

    def ppoll(self, task, address, count, timespec, sigmask, size, a5):
        """int ppoll(struct pollfd *fds, nfds_t nfds, struct timespec *tmo_p, const sigset_t *sigmask, size_t sigsetsize)

        What is left of the time is stored, as the system call does and the C library hides.
        """
        timeout = read_timespec(task.mm, timespec)
        err = timeout if timeout < FOREVER else set_user_sigmask(task, sigmask, size)
        if err < 0:
            return err
        started = self.sched.timers.now()
        result = restore_sigmask(task, self.do_sys_poll(task, address, count, timeout))
        self.store_left(task.mm, timespec, TIMESPEC, 1, timeout, started)
        return result

    def do_sys_poll(self, task, address, count, timeout):
        """Poll the struct pollfd array at a user address; `timeout` in ns."""
        if count < 0 or count > task.files.limit:
            return -EINVAL
        raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, count * POLLFD_SIZE) if count else b""
        if raw is None:
            return -EFAULT
        entries = list(POLLFD.iter_unpack(raw))
        found = [0] * count
        fds = [entry[0] for entry in entries]
        events = [entry[1] for entry in entries]
        ready = do_poll(self.sched, task.files, fds, events, found, timeout)
        if not access_ok(address & 0xFFFFFFFFFFFFFFFF, count * POLLFD_SIZE):
            return -EFAULT
        if count:
            # Also a call that a signal ends says what it has seen: nothing.
            out = b"".join([POLLFD.pack(fds[i], events[i], found[i] & 0xFFFF) for i in range(count)])
            if not copy_to_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, out):
                return -EFAULT
        return ready

    def select(self, task, count, reading, writing, excepting, timeval, a5):
        """int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)

        What is left of the time is stored.
        """
        timeout = FOREVER
        if timeval:
            raw = copy_from_user(task.mm, timeval & 0xFFFFFFFFFFFFFFFF, TIMEVAL.size)
            if raw is None:
                return -EFAULT
            seconds, microseconds = TIMEVAL.unpack(raw)
            # A second's worth of microseconds and more counts as seconds.
            seconds += int(microseconds / USEC_PER_SEC)
            microseconds = abs(microseconds) % USEC_PER_SEC * (1 if microseconds > 0 else -1)
            if seconds < 0 or microseconds < 0:
                return -EINVAL
            timeout = min(seconds * NSEC_PER_SEC + microseconds * NSEC_PER_USEC, LONGEST)
        started = self.sched.timers.now()
        result = self.core_sys_select(task, count, (reading, writing, excepting), timeout)
        self.store_left(task.mm, timeval, TIMEVAL, NSEC_PER_USEC, timeout, started)
        return result

    def pselect6(self, task, count, reading, writing, excepting, timespec, sigmask):
        """int pselect6(int nfds, fd_set *r, fd_set *w, fd_set *e, struct timespec *timeout, void *sigmask)

        `sigmask` points to the address of a sigset_t and its size.
        """
        timeout = read_timespec(task.mm, timespec)
        if timeout < FOREVER:
            return timeout
        mask = size = 0
        if sigmask:
            raw = copy_from_user(task.mm, sigmask & 0xFFFFFFFFFFFFFFFF, SIGSET_ARGPACK.size)
            if raw is None:
                return -EFAULT
            mask, size = SIGSET_ARGPACK.unpack(raw)
        err = set_user_sigmask(task, mask, size)
        if err < 0:
            return err
        started = self.sched.timers.now()
        result = self.core_sys_select(task, count, (reading, writing, excepting), timeout)
        result = restore_sigmask(task, result)
        self.store_left(task.mm, timespec, TIMESPEC, 1, timeout, started)
        return result

    def store_left(self, mm, address, layout, unit, timeout, started):
        """Store what is left of `timeout` where the user gave it, in seconds and `unit` ns; read-only memory is let be."""
        if not address or timeout < 0:
            return
        left = max(0, timeout - (self.sched.timers.now() - started))
        seconds, rest = divmod(left, NSEC_PER_SEC)
        copy_to_user(mm, address & 0xFFFFFFFFFFFFFFFF, layout.pack(seconds, rest // unit))

    def core_sys_select(self, task, count, addresses, timeout):
        """select's work on the user's three sets; `timeout` in ns."""
        if count < 0:
            return -EINVAL
        count = min(count, table_size(task.files))
        size = (count + 63) // 64 * 8
        sets = []
        for address in addresses:
            raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, size) if address and size else b""
            if raw is None:
                return -EFAULT
            sets.append(int.from_bytes(raw, "little") & ((1 << count) - 1))
        fds, events = wanted_events(sets)
        found = [0] * len(fds)
        if any(task.files.fget(fd) is None for fd in fds):
            return -EBADF
        ready = do_poll(self.sched, task.files, fds, events, found, timeout)
        if ready < 0:
            return ready
        total = 0
        for address, wanted, group in zip(addresses, sets, SELECT_GROUPS, strict=True):
            bits = 0
            for position, fd in enumerate(fds):
                if found[position] & group and wanted >> fd & 1:
                    bits |= 1 << fd
                    total += 1
            if address and size:
                if not copy_to_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, bits.to_bytes(size, "little")):
                    return -EFAULT
        return total

    def register(self, table):
        """Enter these calls into the table."""
        table.register(SYS_poll, "poll", self.poll)
        table.register(SYS_ppoll, "ppoll", self.ppoll)
        table.register(SYS_select, "select", self.select)
        table.register(SYS_pselect6, "pselect6", self.pselect6)


def table_size(files):
    """How many descriptors Linux's table has room for in a usual process: select looks no further."""
    size = 256
    while size < len(files.fd):
        size *= 2
    return size


def wanted_events(sets):
    """The descriptors in select's three sets, in order, and what poll is to ask each for."""
    fds = []
    events = []
    every = sets[0] | sets[1] | sets[2]
    while every:
        fd = (every & -every).bit_length() - 1
        every &= every - 1
        mask = 0
        for bits, group in zip(sets, SELECT_GROUPS, strict=True):
            if bits >> fd & 1:
                mask |= group
        fds.append(fd)
        events.append(mask)
    return fds, events
