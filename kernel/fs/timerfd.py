"""timerfd(2): a timer as a file.  Reading gives how often it has expired since the last read.

Times are ns of the kernel's own clock; a timer on CLOCK_REALTIME is moved by the time of the boot, which never changes.
A periodic timer is armed again when it is looked at, as in Linux: one that nobody reads costs nothing.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.fs.anon_inodes import anon_file
from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.sched.wait import wait_queue_head
from kernel.time.timer import timer_list
from kernel.uapi.errno import EAGAIN, EBADF, EFAULT, EINVAL, ERESTARTSYS
from kernel.uapi.eventfd import TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET
from kernel.uapi.fcntl import O_NONBLOCK, O_RDWR
from kernel.uapi.poll import POLLIN
from kernel.uapi.syscall import SYS_timerfd_create, SYS_timerfd_gettime, SYS_timerfd_settime
from kernel.uapi.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    NSEC_PER_SEC,
)

# struct itimerspec: interval and value, each seconds and ns.
ITIMERSPEC = Struct("<qqqq")
CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)
REALTIME_CLOCKS = (CLOCK_REALTIME, CLOCK_REALTIME_ALARM)
LONGEST = 1 << 61
SIZE = 8


class timerfd_ctx(timer_list):
    """One timer; `due` is when it expires next (0: disarmed), `expired` that it has and has not been armed again."""

    def __init__(self, timers, clockid):
        super().__init__()
        self.timers = timers
        self.clockid = clockid
        self.interval = 0
        self.due = 0
        self.ticks = 0
        self.expired = False
        self.settime_flags = 0
        self.wqh = wait_queue_head()

    def fire(self):
        self.expired = True
        self.ticks += 1
        self.wqh.wake_up(POLLIN)

    def forward(self):
        """Arm a periodic timer that has expired for its next time, and count what has passed meanwhile."""
        if not self.expired or not self.interval:
            return
        missed = max(0, (self.timers.now() - self.due) // self.interval)
        self.ticks += missed
        self.due += (missed + 1) * self.interval
        self.expired = False
        self.timers.mod_timer(self, self.due)

    def set(self, due, interval):
        """Begin anew; `due` 0 disarms."""
        self.timers.del_timer(self)
        self.due = due
        self.interval = interval
        self.ticks = 0
        self.expired = False
        if due:
            self.timers.mod_timer(self, due)

    def left(self):
        """ns until it expires next; 0 when it is disarmed."""
        self.forward()
        if self.due == 0 or self.expired:
            return 0
        return max(1, self.due - self.timers.now())


class timerfd_operations(file_operations):
    """An open timerfd."""

    def __init__(self, sched):
        self.sched = sched

    def read(self, filp, to):
        ctx = filp.private_data
        sched = self.sched
        if to.count < SIZE:
            return -EINVAL
        while ctx.ticks == 0:
            if filp.f_flags & O_NONBLOCK:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(ctx.wqh)
            sched.schedule()
            sched.finish_wait(ctx.wqh)
        ctx.forward()
        ticks = ctx.ticks
        ctx.ticks = 0
        return SIZE if to.write(ticks.to_bytes(SIZE, "little")) == SIZE else -EFAULT

    def poll(self, filp, table):
        ctx = filp.private_data
        poll_wait(filp, ctx.wqh, table)
        return POLLIN if ctx.ticks else 0

    def llseek(self, filp, offset, whence):
        return filp.f_pos

    def fdinfo(self, filp):
        ctx = filp.private_data
        left = ctx.left()
        return (
            f"clockid: {ctx.clockid}\nticks: {ctx.ticks}\nsettime flags: {ctx.settime_flags:02o}\n"
            f"it_value: ({left // NSEC_PER_SEC}, {left % NSEC_PER_SEC})\n"
            f"it_interval: ({ctx.interval // NSEC_PER_SEC}, {ctx.interval % NSEC_PER_SEC})\n"
        )

    def release(self, filp):
        filp.private_data.set(0, 0)


class timerfd_calls:
    """timerfd_create, timerfd_settime and timerfd_gettime of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.operations = timerfd_operations(kernel.sched)

    def create(self, task, clockid, flags, a2, a3, a4, a5):
        """int timerfd_create(int clockid, int flags)"""
        if flags & ~(TFD_CLOEXEC | TFD_NONBLOCK) or clockid not in CLOCKS:
            return -EINVAL
        ctx = timerfd_ctx(self.kernel.timers, clockid)
        filp = anon_file("timerfd", self.operations, O_RDWR | flags & TFD_NONBLOCK, ctx)
        return task.files.install_new(filp, flags & TFD_CLOEXEC != 0)

    def find(self, task, fd):
        """The timer behind a descriptor, or a negative errno."""
        filp = task.files.fget(fd)
        if filp is None:
            return -EBADF
        return filp.private_data if filp.f_op is self.operations else -EINVAL

    def settime(self, task, fd, flags, new, old, a4, a5):
        """int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)"""
        raw = copy_from_user(task.mm, new & 0xFFFFFFFFFFFFFFFF, ITIMERSPEC.size)
        if raw is None:
            return -EFAULT
        fields = ITIMERSPEC.unpack(raw)
        if flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) or not valid(fields):
            return -EINVAL
        ctx = self.find(task, fd)
        if isinstance(ctx, int):
            return ctx
        before = self.value(ctx)
        interval = min(fields[0] * NSEC_PER_SEC + fields[1], LONGEST)
        value = min(fields[2] * NSEC_PER_SEC + fields[3], LONGEST)
        ctx.settime_flags = flags
        if value == 0:
            ctx.set(0, interval)
        elif flags & TFD_TIMER_ABSTIME:
            offset = self.kernel.boot_time if ctx.clockid in REALTIME_CLOCKS else 0
            ctx.set(max(1, value - offset), interval)
        else:
            ctx.set(self.kernel.timers.now() + value, interval)
        if old and not copy_to_user(task.mm, old & 0xFFFFFFFFFFFFFFFF, before):
            return -EFAULT
        return 0

    def gettime(self, task, fd, address, a2, a3, a4, a5):
        """int timerfd_gettime(int fd, struct itimerspec *curr_value)"""
        ctx = self.find(task, fd)
        if isinstance(ctx, int):
            return ctx
        return 0 if copy_to_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, self.value(ctx)) else -EFAULT

    def value(self, ctx):
        """struct itimerspec of what is left."""
        return ITIMERSPEC.pack(*divmod(ctx.interval, NSEC_PER_SEC), *divmod(ctx.left(), NSEC_PER_SEC))

    def register(self, table):
        """Enter these calls into the table."""
        table.register(SYS_timerfd_create, "timerfd_create", self.create)
        table.register(SYS_timerfd_settime, "timerfd_settime", self.settime)
        table.register(SYS_timerfd_gettime, "timerfd_gettime", self.gettime)


def valid(fields):
    """Whether the seconds and ns of an itimerspec can be."""
    return all(seconds >= 0 and 0 <= fraction < NSEC_PER_SEC for seconds, fraction in (fields[:2], fields[2:]))
