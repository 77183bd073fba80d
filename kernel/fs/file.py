"""Open files, their operations, and a task's table of descriptors."""

from kernel.uapi.errno import EBADF, EBUSY, EINVAL, EMFILE, ENOTDIR, ENOTTY, ESPIPE
from kernel.uapi.fcntl import FD_CLOEXEC, FMODE_READ, FMODE_WRITE, O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY
from kernel.uapi.poll import DEFAULT_POLLMASK
from kernel.uapi.resource import INIT_RLIMITS, RLIMIT_NOFILE


class file_operations:
    """What can be done with an open file: override.  Results are counts or negative errno values."""

    def open(self, filp):
        """A file of this kind has been opened by name; 0, or a negative errno that open(2) returns."""
        return 0

    def read(self, filp, to):
        """Copy up to `to.count` bytes to the user; returns how many, 0 at the end."""
        return -EINVAL

    def write(self, filp, source):
        """Take up to `source.count` bytes from the user; returns how many."""
        return -EINVAL

    def splice_read(self, filp, to, nonblock):
        """`read` for splice and sendfile; `nonblock`: the pipe that it goes to does not wait.  Few kinds of file have it."""
        return -EINVAL

    def can_splice_write(self):
        """True for files that splice and sendfile can write to."""
        return False

    def poll(self, filp, table):
        """The POLL* events that are true now; calls `poll_wait(filp, wq, table)` for each queue that tells of others."""
        return DEFAULT_POLLMASK

    def can_poll(self):
        """False for files that are always ready: epoll refuses them (EPERM)."""
        return True

    def ioctl(self, filp, cmd, arg):
        """A device request; `arg` is a number or a user address of the current task."""
        return -ENOTTY

    def llseek(self, filp, offset, whence):
        """Set and return the position."""
        return -ESPIPE

    def iterate(self, filp):
        """A directory's entries in order: a list of (name, inode number, DT_* type), or a negative errno."""
        return -ENOTDIR

    def fdinfo(self, filp):
        """The lines that this kind of file adds to /proc/PID/fdinfo."""
        return ""

    def can_signal(self):
        """True for files that O_ASYNC works on: sockets, pipes, terminals."""
        return False

    def release(self, filp):
        """The last descriptor of the file is closed."""


class file:
    """An open file: what `open` makes and descriptors refer to.

    It is counted (`f_count`) by descriptors, by calls at work on it where tasks share descriptors, and by messages that
    carry it.
    """

    def __init__(self, f_op, f_flags=O_RDONLY, inode=None, private_data=None, path=""):
        self.f_op = f_op
        self.f_flags = f_flags
        self.f_mode = access_mode(f_flags)
        self.f_pos = 0
        self.f_count = 1
        self.inode = inode
        self.private_data = private_data
        # What /proc/PID/fd shows.
        self.path = path
        self.dentry = None
        # The eventpoll entries that watch this file; None when there are none.
        self.epitems = None
        # Who gets SIGIO (fcntl F_SETOWN), None when nobody has been named.
        self.f_owner = None
        # For pipes: how many writers had come when this end was opened.
        self.f_version = 0xFFFFFFFF
        # The locks of a file that has no inode.
        self.f_flctx = None


def access_mode(flags):
    """FMODE_* of open flags."""
    access = flags & O_ACCMODE
    if access == O_WRONLY:
        return FMODE_WRITE
    return FMODE_READ | FMODE_WRITE if access == O_RDWR else FMODE_READ


def get_file(filp):
    """Count one more descriptor."""
    filp.f_count += 1
    return filp


def fput(filp):
    """Count one descriptor less; the last one releases the file."""
    filp.f_count -= 1
    if filp.f_count == 0:
        if filp.epitems is not None:
            for item in list(filp.epitems):
                item.detach()
        if filp.f_owner is not None:
            filp.f_owner.disarm()
        context = lock_context_of(filp)
        if context is not None:
            context.forget(filp)
        filp.f_op.release(filp)


def lock_context_of(filp):
    """The locks on the file (fs/locks.py), or None where there have been none."""
    return filp.f_flctx if filp.inode is None else filp.inode.i_flctx


class files_struct:
    """The descriptors of a task, or of `users` tasks that share them (threads).

    A file stays open for the length of a system call: where tasks share a table, `fget` counts the file once more, and
    the end of the call gives that back (`release_held`).  `rlim` has the (soft, hard) limits of the process (sched/rlimit.py).
    """

    def __init__(self, rlim=INIT_RLIMITS):
        self.rlim = list(rlim)
        # The soft limit of the table's own size.
        self.limit = self.rlim[RLIMIT_NOFILE][0]
        self.users = 1
        self.sched = None
        self.fd = []
        self.close_on_exec = []
        # No descriptor below this is free.
        self.next_fd = 0

    def get_unused_fd(self, start=0):
        """The lowest free descriptor that is not below `start`, now reserved; -EMFILE."""
        fd = self.next_fd if self.next_fd > start else start
        size = len(self.fd)
        while fd < size and self.fd[fd] is not None:
            fd += 1
        if fd >= self.limit:
            return -EMFILE
        while len(self.fd) <= fd:
            self.fd.append(None)
            self.close_on_exec.append(0)
        self.fd[fd] = RESERVED
        self.close_on_exec[fd] = 0
        if start <= self.next_fd:
            self.next_fd = fd + 1
        return fd

    def put_unused_fd(self, fd):
        """Give a reserved descriptor back."""
        self.fd[fd] = None
        if fd < self.next_fd:
            self.next_fd = fd

    def fd_install(self, fd, filp, cloexec=0):
        """Make a reserved descriptor refer to `filp`, whose count it takes over."""
        self.fd[fd] = filp
        self.close_on_exec[fd] = FD_CLOEXEC if cloexec else 0

    def fget(self, fd):
        """The file of a descriptor, or None (EBADF)."""
        if fd < 0 or fd >= len(self.fd):
            return None
        filp = self.fd[fd]
        if filp is RESERVED:
            return None
        if self.users > 1 and filp is not None:
            hold(self.sched.current, filp)
        return filp

    def close_fd(self, fd):
        """Close a descriptor; 0 or -EBADF."""
        if fd < 0 or fd >= len(self.fd):
            return -EBADF
        filp = self.fd[fd]
        if filp is None or filp is RESERVED:
            return -EBADF
        self.put_unused_fd(fd)
        context = lock_context_of(filp)
        if context is not None:
            context.forget(self)
        fput(filp)
        return 0

    def share(self, sched):
        """One more task uses this table."""
        self.users += 1
        self.sched = sched
        return self

    def put(self):
        """One task less uses this table; the last one closes every descriptor."""
        self.users -= 1
        if self.users == 0:
            self.close_all()

    def install_new(self, filp, cloexec=0):
        """Install `filp` in the lowest free descriptor and return it; -EMFILE (the file is then the caller's to put)."""
        fd = self.get_unused_fd()
        if fd >= 0:
            self.fd_install(fd, filp, cloexec)
        return fd

    def dup_to(self, filp, newfd, cloexec=0):
        """dup2's work: `newfd` becomes another descriptor of `filp`; closes what it was.  The descriptor, or -EBADF."""
        if newfd < 0 or newfd >= self.limit:
            return -EBADF
        if newfd < len(self.fd) and self.fd[newfd] is RESERVED:
            # Another thread is about to open it.
            return -EBUSY
        self.close_fd(newfd)
        while len(self.fd) <= newfd:
            self.fd.append(None)
            self.close_on_exec.append(0)
        get_file(filp)
        self.fd_install(newfd, filp, cloexec)
        if newfd == self.next_fd:
            self.next_fd = newfd + 1
        return newfd

    def copy(self):
        """A table with the same descriptors, for a child."""
        child = files_struct(self.rlim)
        child.fd = [get_file(f) if f is not None and f is not RESERVED else None for f in self.fd]
        child.close_on_exec = list(self.close_on_exec)
        return child

    def close_all(self):
        """Close every descriptor (exit)."""
        for fd in range(len(self.fd)):
            if self.fd[fd] is not None:
                self.close_fd(fd)

    def close_on_execve(self):
        """Close what is marked close-on-exec."""
        for fd in range(len(self.fd)):
            if self.close_on_exec[fd] and self.fd[fd] is not None:
                self.close_fd(fd)

    def open_fds(self):
        """The descriptors in use, in order."""
        return [fd for fd in range(len(self.fd)) if self.fd[fd] is not None and self.fd[fd] is not RESERVED]


def hold(task, filp):
    """Keep `filp` open until the current system call of `task` ends."""
    filp.f_count += 1
    if task.held is None:
        task.held = []
    task.held.append(filp)


def release_held(task):
    """The end of a system call: put the files that it kept open."""
    held = task.held
    task.held = None
    for filp in held:
        fput(filp)


# Stands in a table between get_unused_fd and fd_install: the descriptor is taken and not yet open.
RESERVED = file(file_operations())
