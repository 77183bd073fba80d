"""What is done with a descriptor or an open file as such: dup, fcntl, ioctl, flock."""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user, put_user
from kernel.fs import fown, locks
from kernel.fs.anon_inodes import is_socket
from kernel.fs.pipe import pipe_inode_info
from kernel.syscalls import as_int
from kernel.uapi import fcntl as uapi
from kernel.uapi.errno import EBADF, EBUSY, EFAULT, EINVAL, ENOTTY, EPERM, ESRCH
from kernel.uapi.fcntl import (
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_GETOWN,
    F_GETSIG,
    F_SETFD,
    F_SETFL,
    F_SETOWN,
    F_SETSIG,
    FD_CLOEXEC,
    FMODE_PATH,
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_DIRECT,
    O_NOATIME,
    O_NONBLOCK,
    PAGE_SIZE,
)
from kernel.uapi.signal import NSIG
from kernel.uapi.sockios import FIOGETOWN, FIOSETOWN, SIOCGPGRP, SIOCSPGRP
from kernel.uapi.syscall import SYS_dup, SYS_dup2, SYS_dup3, SYS_fcntl, SYS_fcntl64, SYS_flock, SYS_ioctl
from kernel.uapi.termios import FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX

SETFL_MASK = O_APPEND | O_NONBLOCK | O_NOATIME
# struct f_owner_ex: type, pid.
F_OWNER_EX = Struct("<ii")
# How many bytes a block of the file has (<linux/fs.h>).
FIGETBSZ = 2
OWNER_REQUESTS = (FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP)
PIPE_MAX_SIZE = 1 << 31
# What may be asked of a descriptor that was opened with O_PATH.
PATH_COMMANDS = (F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL)


def dup_from(task, fd, start, cloexec):
    """The lowest free descriptor from `start` on becomes another one of `fd`'s file."""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if start < 0 or start >= task.files.limit:
        return -EINVAL
    new = task.files.get_unused_fd(start)
    if new >= 0:
        filp.f_count += 1
        task.files.fd_install(new, filp, cloexec)
    return new


def sys_dup(task, fd, a1, a2, a3, a4, a5):
    """int dup(int oldfd)"""
    return dup_from(task, fd, 0, False)


def sys_dup2(task, old, new, a2, a3, a4, a5):
    """int dup2(int oldfd, int newfd)"""
    filp = task.files.fget(old)
    if filp is None:
        return -EBADF
    return new if old == new else task.files.dup_to(filp, new, False)


def sys_dup3(task, old, new, flags, a3, a4, a5):
    """int dup3(int oldfd, int newfd, int flags)"""
    if flags & ~O_CLOEXEC or old == new:
        return -EINVAL
    if not 0 <= new < task.files.limit:
        return -EBADF
    filp = task.files.fget(old)
    return -EBADF if filp is None else task.files.dup_to(filp, new, flags & O_CLOEXEC != 0)


def set_flags(filp, fd, pids, arg):
    """F_SETFL: O_APPEND, O_NONBLOCK, O_NOATIME and O_ASYNC may change, of a pipe O_DIRECT (packets), too."""
    mask = SETFL_MASK
    if isinstance(filp.private_data, pipe_inode_info):
        mask |= O_DIRECT
    elif arg & O_DIRECT:
        return -EINVAL
    filp.f_flags = filp.f_flags & ~mask | arg & mask
    set_async(filp, fd, pids, arg & O_ASYNC != 0)
    return 0


def set_async(filp, fd, pids, on):
    """O_ASYNC, on files that can tell by signal."""
    if on == (filp.f_flags & O_ASYNC != 0) or not filp.f_op.can_signal():
        return
    if on:
        filp.f_flags |= O_ASYNC
        fown.arm(filp, fd, pids)
    else:
        filp.f_flags &= ~O_ASYNC
        filp.f_owner.disarm()


class descriptor_calls:
    """fcntl, ioctl and their kin of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.pids = kernel.pids
        self.locks = locks.lock_calls(kernel.sched)

    def fcntl(self, task, fd, cmd, arg, a3, a4, a5):
        """int fcntl(int fd, int cmd, long arg)"""
        files = task.files
        filp = files.fget(fd)
        if filp is None or (filp.f_mode & FMODE_PATH and cmd not in PATH_COMMANDS):
            return -EBADF
        # What is no address is an int.
        number = as_int(arg)
        if cmd in (F_DUPFD, F_DUPFD_CLOEXEC):
            return dup_from(task, fd, number, cmd == F_DUPFD_CLOEXEC)
        if cmd == F_GETFD:
            return files.close_on_exec[fd]
        if cmd == F_SETFD:
            files.close_on_exec[fd] = arg & FD_CLOEXEC
            return 0
        if cmd == F_GETFL:
            return filp.f_flags
        if cmd == uapi.F_GETLEASE:
            # There are no leases.
            return uapi.F_UNLCK
        if cmd == F_SETFL:
            return set_flags(filp, fd, self.pids, number)
        if cmd in locks.COMMANDS:
            return self.locks.fcntl(task, filp, cmd, arg)
        if cmd in (uapi.F_SETPIPE_SZ, uapi.F_GETPIPE_SZ):
            return pipe_size(task, filp, cmd, number)
        if cmd in (uapi.F_ADD_SEALS, uapi.F_GET_SEALS):
            return seals(filp, cmd, number)
        return self.owner(task, filp, cmd, arg)

    def owner(self, task, filp, cmd, arg):
        """The commands about who gets SIGIO and SIGURG."""
        if cmd == F_SETOWN:
            return self.set_owner_number(task, filp, as_int(arg))
        known = fown.owner_of(filp, self.pids)
        if cmd == F_GETOWN:
            return -known.pid if known.type == fown.PIDTYPE_PGID else known.pid
        if cmd == F_SETSIG:
            if not 0 <= as_int(arg) <= NSIG:
                return -EINVAL
            known.signum = as_int(arg)
            return 0
        if cmd == F_GETSIG:
            return known.signum
        address = arg & 0xFFFFFFFFFFFFFFFF
        if cmd == uapi.F_SETOWN_EX:
            raw = copy_from_user(task.mm, address, F_OWNER_EX.size)
            if raw is None:
                return -EFAULT
            kind, pid = F_OWNER_EX.unpack(raw)
            return self.set_owner(task, filp, kind, pid) if kind in (0, 1, 2) else -EINVAL
        if cmd == uapi.F_GETOWN_EX:
            return 0 if copy_to_user(task.mm, address, F_OWNER_EX.pack(known.type, known.pid)) else -EFAULT
        return -EINVAL

    def set_owner_number(self, task, filp, number):
        """Name the owner of a file as kill(2) does: a negative number is a process group's."""
        if number == -0x80000000:
            return -EINVAL
        kind = fown.PIDTYPE_PGID if number < 0 else fown.PIDTYPE_PID
        return self.set_owner(task, filp, kind, abs(number))

    def owner_ioctl(self, task, filp, cmd, address):
        """F_SETOWN and F_GETOWN as requests of a socket, with an int in memory (socket(7))."""
        if cmd in (FIOGETOWN, SIOCGPGRP):
            number = self.owner(task, filp, F_GETOWN, 0)
            return 0 if put_user(task.mm, address, 4, number & 0xFFFFFFFF) else -EFAULT
        raw = copy_from_user(task.mm, address, 4)
        if raw is None:
            return -EFAULT
        return self.set_owner_number(task, filp, int.from_bytes(raw, "little", signed=True))

    def set_owner(self, task, filp, kind, pid):
        """Name the owner of a file; -ESRCH for one that does not exist."""
        known = fown.owner_of(filp, self.pids)
        before = known.pid, known.type
        known.pid, known.type, known.uid = pid, kind, task.uid
        if pid and not known.targets():
            known.pid, known.type = before
            return -ESRCH
        return 0

    def ioctl(self, task, fd, cmd, arg, a3, a4, a5):
        """int ioctl(int fd, unsigned long request, void *arg)"""
        filp = task.files.fget(fd)
        if filp is None or filp.f_mode & FMODE_PATH:
            return -EBADF
        cmd &= 0xFFFFFFFF
        if cmd in (FIOCLEX, FIONCLEX):
            task.files.close_on_exec[fd] = FD_CLOEXEC if cmd == FIOCLEX else 0
            return 0
        if cmd in (FIONBIO, FIOASYNC):
            raw = task.mm.read(arg & 0xFFFFFFFFFFFFFFFF, 4)
            if raw is None:
                return -EFAULT
            if cmd == FIOASYNC:
                if any(raw) and not filp.f_op.can_signal():
                    return -ENOTTY
                set_async(filp, fd, self.pids, any(raw))
            else:
                filp.f_flags = filp.f_flags | O_NONBLOCK if any(raw) else filp.f_flags & ~O_NONBLOCK
            return 0
        if cmd == FIGETBSZ:
            return 0 if put_user(task.mm, arg & 0xFFFFFFFFFFFFFFFF, 4, PAGE_SIZE) else -EFAULT
        if cmd in OWNER_REQUESTS and is_socket(filp):
            return self.owner_ioctl(task, filp, cmd, arg & 0xFFFFFFFFFFFFFFFF)
        if filp.dentry is not None and (filp.inode.is_dir() or filp.inode.is_regular()):
            return file_ioctl(task, filp, cmd, arg & 0xFFFFFFFFFFFFFFFF)
        return filp.f_op.ioctl(filp, cmd, arg & 0xFFFFFFFFFFFFFFFF)

    def register(self, table):
        """Enter these calls into the table."""
        for nr, name, function in (
            (SYS_dup, "dup", sys_dup),
            (SYS_dup2, "dup2", sys_dup2),
            (SYS_dup3, "dup3", sys_dup3),
            (SYS_fcntl, "fcntl", self.fcntl),
            (SYS_fcntl64, "fcntl64", self.fcntl),
            (SYS_ioctl, "ioctl", self.ioctl),
            (SYS_flock, "flock", self.locks.flock),
        ):
            table.register(nr, name, function)


def file_ioctl(task, filp, cmd, arg):
    """FIONREAD of a regular file: the bytes up to its end."""
    if cmd == uapi.FIONREAD and filp.inode.is_regular():
        left = filp.inode.i_size - filp.f_pos & 0xFFFFFFFF
        return 0 if copy_to_user(task.mm, arg, left.to_bytes(4, "little")) else -EFAULT
    return -ENOTTY


def pipe_size(task, filp, cmd, arg):
    """F_SETPIPE_SZ (rounded up to pages, a power of two) and F_GETPIPE_SZ: the size in bytes."""
    pipe = filp.private_data
    if not isinstance(pipe, pipe_inode_info):
        return -EBADF
    if cmd == uapi.F_GETPIPE_SZ:
        return pipe.slots * PAGE_SIZE
    size = arg & 0xFFFFFFFF
    if size > PIPE_MAX_SIZE:
        return -EINVAL
    pages = 1
    while pages * PAGE_SIZE < size:
        pages *= 2
    if pages > pipe.slots and pages * PAGE_SIZE > uapi.PIPE_MAX_UNPRIVILEGED and task.uid != 0:
        return -EPERM
    if pages < len(pipe.bufs):
        return -EBUSY
    pipe.slots = pages
    pipe.wr_wait.wake_up_all(0)
    return pages * PAGE_SIZE


def seals(filp, cmd, arg):
    """F_ADD_SEALS and F_GET_SEALS of a memfd."""
    node = filp.inode
    if node is None or getattr(node, "seals", None) is None:
        return -EINVAL
    if cmd == uapi.F_GET_SEALS:
        return node.seals
    if arg & ~uapi.F_ALL_SEALS:
        return -EINVAL
    if not filp.f_mode & uapi.FMODE_WRITE or node.seals & uapi.F_SEAL_SEAL:
        return -EPERM
    if arg & uapi.F_SEAL_WRITE and node.i_mapping is not None and node.i_mapping.writable():
        return -EBUSY
    node.seals |= arg
    return 0
