"""eventfd(2): a 64-bit counter as a file.  Writing adds to it, reading takes it, or one of it with EFD_SEMAPHORE."""

from kernel.fs.anon_inodes import anon_file
from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.sched.wait import wait_queue_head
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, ERESTARTSYS
from kernel.uapi.eventfd import EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE
from kernel.uapi.fcntl import O_NONBLOCK, O_RDWR
from kernel.uapi.poll import POLLERR, POLLIN, POLLOUT
from kernel.uapi.syscall import SYS_eventfd, SYS_eventfd2

ULLONG_MAX = 0xFFFFFFFFFFFFFFFF
SIZE = 8


class eventfd_ctx:
    """The counter."""

    def __init__(self, count, semaphore, number):
        self.count = count
        self.semaphore = semaphore
        self.number = number
        self.wqh = wait_queue_head()


class eventfd_operations(file_operations):
    """An open eventfd."""

    def __init__(self, sched):
        self.sched = sched

    def read(self, filp, to):
        ctx = filp.private_data
        if to.count < SIZE:
            return -EINVAL
        while ctx.count == 0:
            if filp.f_flags & O_NONBLOCK:
                return -EAGAIN
            if not self.wait(ctx):
                return -ERESTARTSYS
        value = 1 if ctx.semaphore else ctx.count
        ctx.count -= value
        ctx.wqh.wake_up(POLLOUT)
        return SIZE if to.write(value.to_bytes(SIZE, "little")) == SIZE else -EFAULT

    def write(self, filp, source):
        """Each buffer of a vector is a write of its own."""
        done = 0
        for _, size in source.segments() or ((0, 0),):
            err = self.add(filp, source, size)
            if err < 0:
                return done if done else err
            done += SIZE
        return done

    def add(self, filp, source, size):
        """Add the number in the next `size` bytes of the user's; 0 or a negative errno."""
        ctx = filp.private_data
        if size != SIZE:
            return -EINVAL
        raw = source.read(SIZE)
        if raw is None or len(raw) < SIZE:
            return -EFAULT
        value = int.from_bytes(raw, "little")
        if value == ULLONG_MAX:
            return -EINVAL
        while ULLONG_MAX - ctx.count <= value:
            if filp.f_flags & O_NONBLOCK:
                return -EAGAIN
            if not self.wait(ctx):
                return -ERESTARTSYS
        ctx.count += value
        ctx.wqh.wake_up(POLLIN)
        return 0

    def wait(self, ctx):
        """Sleep until the counter has changed; False for a signal."""
        sched = self.sched
        if sched.signal_pending():
            return False
        sched.prepare_to_wait(ctx.wqh)
        sched.schedule()
        sched.finish_wait(ctx.wqh)
        return True

    def poll(self, filp, table):
        ctx = filp.private_data
        poll_wait(filp, ctx.wqh, table)
        mask = POLLIN if ctx.count > 0 else 0
        if ctx.count == ULLONG_MAX:
            mask |= POLLERR
        if ctx.count < ULLONG_MAX - 1:
            mask |= POLLOUT
        return mask

    def llseek(self, filp, offset, whence):
        return filp.f_pos

    def fdinfo(self, filp):
        ctx = filp.private_data
        return f"eventfd-count: {ctx.count:16x}\neventfd-id: {ctx.number}\neventfd-semaphore: {int(ctx.semaphore)}\n"


class eventfd_calls:
    """eventfd and eventfd2 of one kernel."""

    def __init__(self, sched):
        self.operations = eventfd_operations(sched)
        self.created = 0

    def eventfd(self, task, count, a1, a2, a3, a4, a5):
        """int eventfd(unsigned int initval)"""
        return self.eventfd2(task, count, 0, a2, a3, a4, a5)

    def eventfd2(self, task, count, flags, a2, a3, a4, a5):
        """int eventfd2(unsigned int initval, int flags)"""
        if flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE):
            return -EINVAL
        ctx = eventfd_ctx(count & 0xFFFFFFFF, flags & EFD_SEMAPHORE != 0, self.created)
        self.created += 1
        filp = anon_file("eventfd", self.operations, O_RDWR | flags & EFD_NONBLOCK, ctx)
        return task.files.install_new(filp, flags & EFD_CLOEXEC != 0)

    def register(self, table):
        """Enter these calls into the table."""
        table.register(SYS_eventfd, "eventfd", self.eventfd)
        table.register(SYS_eventfd2, "eventfd2", self.eventfd2)
