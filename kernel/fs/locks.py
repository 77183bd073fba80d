"""Locks on files: fcntl's record locks (F_SETLK), those of open files (F_OFD_SETLK), and flock(2).

They are advice: nothing but another lock is refused.  A record lock belongs to a table of descriptors and ends when that
closes any descriptor of the file; the others belong to an open file and end with it.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.fs.file import lock_context_of
from kernel.sched.wait import wait_queue_head
from kernel.uapi.errno import EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL, EOVERFLOW, ERESTARTSYS
from kernel.uapi.fcntl import (
    F_GETLK,
    F_GETLK64,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_RDLCK,
    F_SETLK,
    F_SETLK64,
    F_SETLKW,
    F_SETLKW64,
    F_UNLCK,
    F_WRLCK,
    FMODE_PATH,
    FMODE_READ,
    FMODE_WRITE,
    LOCK_EX,
    LOCK_NB,
    LOCK_SH,
    LOCK_UN,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
)

# struct flock: type, whence, start, length, pid.
FLOCK = Struct("<hh4xqqi4x")
OFFSET_MAX = (1 << 63) - 1
OFD_COMMANDS = (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)
COMMANDS = (F_GETLK, F_SETLK, F_SETLKW, F_GETLK64, F_SETLK64, F_SETLKW64, *OFD_COMMANDS)
ASKING = (F_GETLK, F_GETLK64, F_OFD_GETLK)
WAITING = (F_SETLKW, F_SETLKW64, F_OFD_SETLKW)


class file_lock:
    """A lock on the bytes `start` to `end` (both belong to it) for `owner`: a files_struct or an open file."""

    def __init__(self, kind, start, end, owner, pid):
        self.kind = kind
        self.start = start
        self.end = end
        self.owner = owner
        self.pid = pid

    def overlaps(self, other):
        return self.start <= other.end and other.start <= self.end

    def conflicts(self, other):
        return self.owner is not other.owner and F_WRLCK in (self.kind, other.kind) and self.overlaps(other)


class lock_context:
    """The locks of one inode; `flocks` maps open files to LOCK_SH or LOCK_EX."""

    def __init__(self):
        self.posix = []
        self.flocks = {}
        self.wait = wait_queue_head()

    def blocker(self, wanted):
        """A lock that `wanted` conflicts with, or None."""
        for lock in self.posix:
            if lock.conflicts(wanted):
                return lock
        return None

    def set(self, wanted):
        """Make the owner's locks in the range what `wanted` says, and join neighbours of a kind."""
        kept = []
        for lock in self.posix:
            if lock.owner is not wanted.owner:
                kept.append(lock)
                continue
            joins = lock.kind == wanted.kind and lock.start <= wanted.end + 1 and wanted.start <= lock.end + 1
            if joins:
                wanted.start = min(wanted.start, lock.start)
                wanted.end = max(wanted.end, lock.end)
            elif not lock.overlaps(wanted):
                kept.append(lock)
            else:
                if lock.start < wanted.start:
                    kept.append(file_lock(lock.kind, lock.start, wanted.start - 1, lock.owner, lock.pid))
                if lock.end > wanted.end:
                    kept.append(file_lock(lock.kind, wanted.end + 1, lock.end, lock.owner, lock.pid))
        if wanted.kind != F_UNLCK:
            kept.append(wanted)
        kept.sort(key=lambda lock: lock.start)
        self.posix = kept
        self.wait.wake_up_all()

    def forget(self, owner):
        """The owner holds no lock any more."""
        if any(lock.owner is owner for lock in self.posix) or owner in self.flocks:
            self.posix = [lock for lock in self.posix if lock.owner is not owner]
            self.flocks.pop(owner, None)
            self.wait.wake_up_all()

    def may_flock(self, owner, kind):
        """Whether an open file can have LOCK_SH or LOCK_EX beside the others."""
        return all(other is owner or (kind == LOCK_SH and held == LOCK_SH) for other, held in self.flocks.items())


def context_of(filp):
    """The lock_context of a file, made at the first use."""
    context = lock_context_of(filp)
    if context is None:
        context = lock_context()
        if filp.inode is None:
            filp.f_flctx = context
        else:
            filp.inode.i_flctx = context
    return context


class lock_calls:
    """flock and the locking commands of fcntl of one kernel."""

    def __init__(self, sched):
        self.sched = sched
        # Which lock each owner of record locks waits for, to see when that would be for ever.
        self.waiting = {}

    def fcntl(self, task, filp, cmd, arg):
        """F_GETLK, F_SETLK, F_SETLKW and their forms for open files."""
        address = arg & 0xFFFFFFFFFFFFFFFF
        raw = copy_from_user(task.mm, address, FLOCK.size)
        if raw is None:
            return -EFAULT
        wanted = self.parse(task, filp, cmd, FLOCK.unpack(raw))
        if isinstance(wanted, int):
            return wanted
        context = context_of(filp)
        if cmd in ASKING:
            if wanted.kind == F_UNLCK:
                return -EINVAL
            found = context.blocker(wanted)
            if found is None:
                answer = F_UNLCK.to_bytes(2, "little") + raw[2:]
            else:
                length = 0 if found.end == OFFSET_MAX else found.end - found.start + 1
                answer = FLOCK.pack(found.kind, SEEK_SET, found.start, length, found.pid)
            return 0 if copy_to_user(task.mm, address, answer) else -EFAULT
        if wanted.kind == F_RDLCK and not filp.f_mode & FMODE_READ:
            return -EBADF
        if wanted.kind == F_WRLCK and not filp.f_mode & FMODE_WRITE:
            return -EBADF
        return self.set(context, wanted, cmd in WAITING)

    def parse(self, task, filp, cmd, fields):
        """The file_lock that a struct flock describes, or a negative errno."""
        kind, whence, start, length, pid = fields
        if cmd in OFD_COMMANDS and pid != 0:
            return -EINVAL
        if whence == SEEK_CUR:
            start += filp.f_pos
        elif whence == SEEK_END:
            start += filp.inode.i_size if filp.inode is not None else 0
        elif whence != SEEK_SET:
            return -EINVAL
        if start > OFFSET_MAX:
            return -EOVERFLOW
        if length < 0:
            start, end = start + length, start - 1
        else:
            end = start + length - 1 if length else OFFSET_MAX
        if start < 0:
            return -EINVAL
        if end > OFFSET_MAX:
            return -EOVERFLOW
        if kind not in (F_RDLCK, F_WRLCK, F_UNLCK):
            return -EINVAL
        if cmd in OFD_COMMANDS:
            return file_lock(kind, start, end, filp, -1)
        return file_lock(kind, start, end, task.files, task.tgid)

    def set(self, context, wanted, wait):
        """Take or give back a record lock, waiting for others where `wait`; 0 or a negative errno."""
        sched = self.sched
        while wanted.kind != F_UNLCK:
            found = context.blocker(wanted)
            if found is None:
                break
            if not wait:
                return -EAGAIN
            if self.would_deadlock(wanted.owner, found.owner):
                return -EDEADLK
            if sched.signal_pending():
                return -ERESTARTSYS
            self.waiting[wanted.owner] = found.owner
            sched.prepare_to_wait(context.wait)
            sched.schedule()
            sched.finish_wait(context.wait)
            del self.waiting[wanted.owner]
        context.set(wanted)
        return 0

    def would_deadlock(self, owner, holder):
        """Whether the holder waits, perhaps for others who wait, for `owner`."""
        while holder is not None:
            if holder is owner:
                return True
            holder = self.waiting.get(holder)
        return False

    def flock(self, task, fd, operation, a2, a3, a4, a5):
        """int flock(int fd, int operation)"""
        kind = operation & ~LOCK_NB
        if kind not in (LOCK_SH, LOCK_EX, LOCK_UN):
            return -EINVAL
        filp = task.files.fget(fd)
        if filp is None or filp.f_mode & FMODE_PATH or not filp.f_mode & (FMODE_READ | FMODE_WRITE):
            return -EBADF
        context = context_of(filp)
        sched = self.sched
        if kind == LOCK_UN:
            if context.flocks.pop(filp, None) is not None:
                context.wait.wake_up_all()
            return 0
        # A change of kind gives the old lock up first.
        if context.flocks.get(filp, kind) != kind:
            del context.flocks[filp]
            context.wait.wake_up_all()
        while not context.may_flock(filp, kind):
            if operation & LOCK_NB:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(context.wait)
            sched.schedule()
            sched.finish_wait(context.wait)
        context.flocks[filp] = kind
        return 0
