"""The system calls of epoll: epoll_create, epoll_ctl, epoll_wait, epoll_pwait and epoll_pwait2."""

from struct import Struct

from kernel.arch.uaccess import access_ok, copy_from_user, copy_to_user, get_user, put_user
from kernel.fs.anon_inodes import anon_file
from kernel.fs.eventpoll import eventpoll, eventpoll_operations, makes_loop
from kernel.fs.poll import read_timespec
from kernel.signal import restore_sigmask, set_user_sigmask
from kernel.uapi.errno import EBADF, EEXIST, EFAULT, EINTR, EINVAL, ELOOP, ENOENT, EPERM
from kernel.uapi.fcntl import O_RDWR
from kernel.uapi.poll import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLWAKEUP,
)
from kernel.uapi.syscall import (
    SYS_epoll_create,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_epoll_wait,
)
from kernel.uapi.time import NSEC_PER_MSEC

# struct epoll_event is packed on x86-64: events, data.
EPOLL_EVENT = Struct("<IQ")
EVENT_SIZE = 12
EP_MAX_EVENTS = 0x7FFFFFFF // EVENT_SIZE
EXCLUSIVE_OK = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE
FOREVER = -1


class epoll_calls:
    """The calls of one kernel."""

    def __init__(self, sched):
        self.sched = sched
        self.operations = eventpoll_operations()

    def create(self, task, size, a1, a2, a3, a4, a5):
        """int epoll_create(int size)"""
        return self.create1(task, 0, a1, a2, a3, a4, a5) if size > 0 else -EINVAL

    def create1(self, task, flags, a1, a2, a3, a4, a5):
        """int epoll_create1(int flags)"""
        if flags & ~EPOLL_CLOEXEC:
            return -EINVAL
        ep = eventpoll()
        filp = anon_file("eventpoll", self.operations, O_RDWR, ep)
        fd = task.files.install_new(filp, flags & EPOLL_CLOEXEC != 0)
        if fd >= 0:
            ep.filp = filp
        return fd

    def ctl(self, task, epfd, op, fd, address, a4, a5):
        """int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)"""
        events = data = 0
        if op != EPOLL_CTL_DEL:
            raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, EVENT_SIZE)
            if raw is None:
                return -EFAULT
            events, data = EPOLL_EVENT.unpack(raw)
        watcher = task.files.fget(epfd)
        filp = task.files.fget(fd)
        if watcher is None or filp is None:
            return -EBADF
        if not filp.f_op.can_poll():
            return -EPERM
        if watcher is filp or watcher.f_op is not self.operations:
            return -EINVAL
        ep = watcher.private_data
        if op != EPOLL_CTL_DEL and events & EPOLLEXCLUSIVE:
            if op == EPOLL_CTL_MOD or filp.f_op is self.operations or events & ~EXCLUSIVE_OK:
                return -EINVAL
        if op == EPOLL_CTL_ADD and filp.f_op is self.operations:
            if makes_loop(ep, filp.private_data, self.operations):
                return -ELOOP
        item = ep.items.get((fd, filp))
        if op == EPOLL_CTL_ADD:
            if item is not None:
                return -EEXIST
            ep.insert(fd, filp, events, data)
            return 0
        if op not in (EPOLL_CTL_DEL, EPOLL_CTL_MOD):
            return -EINVAL
        if item is None:
            return -ENOENT
        if op == EPOLL_CTL_DEL:
            item.detach()
            return 0
        if item.events & EPOLLEXCLUSIVE:
            return -EINVAL
        ep.modify(item, events, data)
        return 0

    def wait(self, task, epfd, address, maximum, milliseconds, a4, a5):
        """int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)"""
        return self.do_wait(task, epfd, address, maximum, FOREVER if milliseconds < 0 else milliseconds * NSEC_PER_MSEC)

    def pwait(self, task, epfd, address, maximum, milliseconds, sigmask, size):
        """int epoll_pwait(int epfd, events, int maxevents, int timeout, const sigset_t *sigmask, size_t sigsetsize)"""
        timeout = FOREVER if milliseconds < 0 else milliseconds * NSEC_PER_MSEC
        return self.masked_wait(task, epfd, address, maximum, timeout, sigmask, size)

    def pwait2(self, task, epfd, address, maximum, timespec, sigmask, size):
        """int epoll_pwait2(int epfd, events, int maxevents, const struct timespec *timeout, sigmask, sigsetsize)"""
        timeout = read_timespec(task.mm, timespec)
        if timeout < FOREVER:
            return timeout
        return self.masked_wait(task, epfd, address, maximum, timeout, sigmask, size)

    def masked_wait(self, task, epfd, address, maximum, timeout, sigmask, size):
        err = set_user_sigmask(task, sigmask, size)
        if err < 0:
            return err
        return restore_sigmask(task, self.do_wait(task, epfd, address, maximum, timeout))

    def do_wait(self, task, epfd, address, maximum, timeout):
        """Wait for at most `timeout` ns (-1: for ever); how many events, or a negative errno."""
        filp = task.files.fget(epfd)
        if filp is None:
            return -EBADF
        if maximum <= 0 or maximum > EP_MAX_EVENTS:
            return -EINVAL
        if not access_ok(address & 0xFFFFFFFFFFFFFFFF, maximum * EPOLL_EVENT.size):
            return -EFAULT
        if filp.f_op is not self.operations:
            return -EINVAL
        ep = filp.private_data
        sched = self.sched
        mm = task.mm
        while True:
            if ep.ready_first is not None:
                room = min(maximum, writable_events(mm, address))
                found = ep.collect(room) if room else []
                if found:
                    copy_to_user(mm, address, b"".join([EPOLL_EVENT.pack(events, data) for events, data in found]))
                    return len(found)
                if room == 0 and ep.any_ready():
                    return -EFAULT
            if timeout == 0:
                return 0
            if sched.signal_pending():
                return -EINTR
            sched.prepare_to_wait(ep.wq, True)
            if ep.ready_first is None:
                timeout = sched.schedule_timeout(timeout)
            sched.finish_wait(ep.wq)

    def register(self, table):
        """Enter these calls into the table."""
        for nr, name, function in (
            (SYS_epoll_create, "epoll_create", self.create),
            (SYS_epoll_create1, "epoll_create1", self.create1),
            (SYS_epoll_ctl, "epoll_ctl", self.ctl),
            (SYS_epoll_wait, "epoll_wait", self.wait),
            (SYS_epoll_pwait, "epoll_pwait", self.pwait),
            (SYS_epoll_pwait2, "epoll_pwait2", self.pwait2),
        ):
            table.register(nr, name, function)


def writable_events(mm, address):
    """How many struct epoll_event the program can be given at `address`; 0 when it may not be written."""
    address &= 0xFFFFFFFFFFFFFFFF
    room = mm.room(address) // EVENT_SIZE
    if room and not put_user(mm, address, 4, get_user(mm, address, 4)):
        return 0
    return room
