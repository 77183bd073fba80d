"""inotify(7): a file from which a program reads what happens to other files.  It works on files in memory (ramfs)."""

from collections import deque
from struct import Struct

from kernel.arch.uaccess import put_user
from kernel.fs.file import file, file_operations
from kernel.fs.inode import MAY_READ
from kernel.fs.open import lookup_at
from kernel.fs.select import poll_wait
from kernel.sched.wait import wait_queue_head
from kernel.uapi.errno import EACCES, EAGAIN, EBADF, EEXIST, EFAULT, EINVAL, EMFILE, ENOSPC, ENOTDIR, ENOTTY, ERESTARTSYS
from kernel.uapi.fcntl import AT_FDCWD, AT_SYMLINK_NOFOLLOW, FMODE_PATH, O_NONBLOCK, O_RDONLY
from kernel.uapi.inotify import (
    IN_ALL_EVENTS,
    IN_CLOEXEC,
    IN_DELETE_SELF,
    IN_DONT_FOLLOW,
    IN_EXCL_UNLINK,
    IN_IGNORED,
    IN_ISDIR,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_NONBLOCK,
    IN_ONESHOT,
    IN_ONLYDIR,
    IN_Q_OVERFLOW,
    INOTIFY_EVENT_SIZE,
)
from kernel.uapi.poll import POLLIN, POLLRDNORM
from kernel.uapi.syscall import SYS_inotify_add_watch, SYS_inotify_init, SYS_inotify_init1, SYS_inotify_rm_watch
from kernel.uapi.termios import FIONREAD

EVENT = Struct("<iIII")
WATCH_FLAGS = IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT
KEPT_FLAGS = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT
MAX_QUEUED_EVENTS = 16384
MAX_USER_INSTANCES = 128
MAX_USER_WATCHES = 8192


class inotify_mark:
    """One watch: an inode, what is watched for, and the group that is told."""

    def __init__(self, group, wd, node, mask):
        self.group = group
        self.wd = wd
        self.node = node
        self.mask = mask

    def notify(self, mask, name, cookie, unlinked):
        """Tell of an event, if it is one of those watched for."""
        if not mask & self.mask & IN_ALL_EVENTS or (unlinked and self.mask & IN_EXCL_UNLINK):
            return
        if mask & IN_DELETE_SELF:
            # Of a directory's own end it is not said that it was one.
            mask &= ~IN_ISDIR
        self.group.queue(self.wd, mask, name, cookie)
        if self.mask & IN_ONESHOT:
            self.detach(IN_IGNORED)

    def detach(self, last_word):
        """The watch is over; the group hears of it unless `last_word` is 0."""
        self.node.i_fsnotify_marks.remove(self)
        del self.group.marks[self.wd]
        self.group.calls.watches -= 1
        if last_word:
            self.group.queue(self.wd, last_word, "", 0)


class inotify_group:
    """What one descriptor of inotify_init stands for: watches by number, and events that wait, each as bytes."""

    def __init__(self, calls):
        self.calls = calls
        self.marks = {}
        self.last_wd = 0
        self.events = deque()
        self.size = 0
        self.wqh = wait_queue_head()

    def queue(self, wd, mask, name, cookie):
        """Add an event; one like the last that waits is not told twice, and what is too many is told as that."""
        raw = name.encode("utf-8", "surrogateescape")
        if raw:
            # At least one zero byte ends the name.
            raw = raw.ljust((len(raw) // INOTIFY_EVENT_SIZE + 1) * INOTIFY_EVENT_SIZE, b"\0")
        if len(self.events) >= self.calls.max_queued_events:
            wd, mask, cookie, raw = -1, IN_Q_OVERFLOW, 0, b""
        event = EVENT.pack(wd, mask, cookie, len(raw)) + raw
        if self.events and self.events[-1] == event:
            return
        self.events.append(event)
        self.size += len(event)
        self.wqh.wake_up_all(POLLIN | POLLRDNORM)


class inotify_operations(file_operations):
    """An open inotify descriptor."""

    def __init__(self, sched):
        self.sched = sched

    def read(self, filp, to):
        """As many events as there is room for; EINVAL where that is none."""
        group = filp.private_data
        sched = self.sched
        while not group.events:
            if filp.f_flags & O_NONBLOCK:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(group.wqh)
            sched.schedule()
            sched.finish_wait(group.wqh)
        done = 0
        while group.events and len(group.events[0]) <= to.count:
            event = group.events.popleft()
            group.size -= len(event)
            if to.write(event) != len(event):
                return done if done else -EFAULT
            done += len(event)
        return done if done else -EINVAL

    def poll(self, filp, table):
        group = filp.private_data
        poll_wait(filp, group.wqh, table)
        return POLLIN | POLLRDNORM if group.events else 0

    def ioctl(self, filp, cmd, arg):
        if cmd != FIONREAD:
            return -ENOTTY
        return 0 if put_user(self.sched.current.mm, arg, 4, filp.private_data.size) else -EFAULT

    def can_signal(self):
        return True

    def fdinfo(self, filp):
        return "".join(
            f"inotify wd:{mark.wd:x} ino:{mark.node.i_ino:x} sdev:{mark.node.i_sb.device:x} mask:{mark.mask:x} ignored_mask:0\n"
            for mark in reversed(filp.private_data.marks.values())
        )

    def release(self, filp):
        group = filp.private_data
        for mark in list(group.marks.values()):
            mark.detach(0)
        group.calls.instances -= 1


class inotify_calls:
    """inotify_init1, inotify_add_watch and inotify_rm_watch of one kernel, and its bounds (/proc/sys/fs/inotify)."""

    def __init__(self, kernel):
        self.operations = inotify_operations(kernel.sched)
        self.instances = 0
        self.watches = 0
        self.max_queued_events = MAX_QUEUED_EVENTS
        self.max_user_instances = MAX_USER_INSTANCES
        self.max_user_watches = MAX_USER_WATCHES
        for name in ("max_queued_events", "max_user_instances", "max_user_watches"):
            kernel.sysctl.register(f"fs.inotify.{name}", *self.setting(name))

    def setting(self, name):
        """(get, set) of a bound."""

        def put(value):
            if not 0 <= value <= 0x7FFFFFFF:
                return -EINVAL
            setattr(self, name, value)
            return 0

        return lambda: getattr(self, name), put

    def inotify_init(self, task, a0, a1, a2, a3, a4, a5):
        """int inotify_init(void)"""
        return self.inotify_init1(task, 0, a1, a2, a3, a4, a5)

    def inotify_init1(self, task, flags, a1, a2, a3, a4, a5):
        """int inotify_init1(int flags)"""
        if flags & ~(IN_CLOEXEC | IN_NONBLOCK):
            return -EINVAL
        if self.instances >= self.max_user_instances:
            return -EMFILE
        # Its name has no brackets on Linux either.
        flags_of_file = O_RDONLY | flags & IN_NONBLOCK
        filp = file(self.operations, flags_of_file, private_data=inotify_group(self), path="anon_inode:inotify")
        fd = task.files.install_new(filp, flags & IN_CLOEXEC != 0)
        if fd >= 0:
            self.instances += 1
        return fd

    def group(self, task, fd):
        """The group of a descriptor; -EBADF, -EINVAL."""
        filp = task.files.fget(fd)
        if filp is None or filp.f_mode & FMODE_PATH:
            return -EBADF
        return filp.private_data if filp.f_op is self.operations else -EINVAL

    def inotify_add_watch(self, task, fd, path, mask, a3, a4, a5):
        """int inotify_add_watch(int fd, const char *pathname, uint32_t mask): the number of the watch"""
        mask &= 0xFFFFFFFF
        if not mask & WATCH_FLAGS:
            return -EINVAL
        group = self.group(task, fd)
        if isinstance(group, int) and group == -EBADF:
            return -EBADF
        if mask & IN_MASK_ADD and mask & IN_MASK_CREATE or isinstance(group, int):
            return -EINVAL
        found = lookup_at(task, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW if mask & IN_DONT_FOLLOW else 0)
        if isinstance(found, int):
            return found
        node = found.inode
        if mask & IN_ONLYDIR and not node.is_dir():
            return -ENOTDIR
        if not node.i_op.permission(task, node, MAY_READ):
            return -EACCES
        mark = next((mark for mark in group.marks.values() if mark.node is node), None)
        if mark is not None:
            if mask & IN_MASK_CREATE:
                return -EEXIST
            mark.mask = (mark.mask if mask & IN_MASK_ADD else 0) | mask & KEPT_FLAGS
            return mark.wd
        if self.watches >= self.max_user_watches:
            return -ENOSPC
        self.watches += 1
        group.last_wd += 1
        mark = inotify_mark(group, group.last_wd, node, mask & KEPT_FLAGS)
        group.marks[mark.wd] = mark
        if node.i_fsnotify_marks is None:
            node.i_fsnotify_marks = []
        node.i_fsnotify_marks.append(mark)
        return mark.wd

    def inotify_rm_watch(self, task, fd, wd, a2, a3, a4, a5):
        """int inotify_rm_watch(int fd, int wd)"""
        group = self.group(task, fd)
        if isinstance(group, int):
            return group
        mark = group.marks.get(wd)
        if mark is None:
            return -EINVAL
        mark.detach(IN_IGNORED)
        return 0

    def register(self, table):
        """Enter these calls into the table."""
        for nr, name, function in (
            (SYS_inotify_init, "inotify_init", self.inotify_init),
            (SYS_inotify_init1, "inotify_init1", self.inotify_init1),
            (SYS_inotify_add_watch, "inotify_add_watch", self.inotify_add_watch),
            (SYS_inotify_rm_watch, "inotify_rm_watch", self.inotify_rm_watch),
        ):
            table.register(nr, name, function)
