"""What is known about files and file systems, and their times: stat, statx, statfs, utimensat, getdents, fsync.

Layouts are those of x86-64.
"""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.fs.anon_inodes import file_ids
from kernel.fs.file import file
from kernel.fs.fsnotify import notify_entry
from kernel.fs.open import lookup_at, told
from kernel.uapi.errno import EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR, EPERM, EROFS
from kernel.uapi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW,
    FMODE_PATH,
    NAME_MAX,
)
from kernel.uapi.inotify import IN_ACCESS, IN_ATTRIB
from kernel.uapi.stat import S_IFIFO, S_IFSOCK
from kernel.uapi.syscall import (
    SYS_fdatasync,
    SYS_fstat64,
    SYS_fstatat64,
    SYS_fstatfs,
    SYS_fsync,
    SYS_futimesat,
    SYS_getdents64,
    SYS_lstat64,
    SYS_stat64,
    SYS_statfs,
    SYS_statx,
    SYS_sync,
    SYS_syncfs,
    SYS_utime,
    SYS_utimensat,
    SYS_utimes,
)

# struct stat: dev, ino, nlink, mode, uid, gid, rdev, size, blksize, blocks, three times (s, ns).
STAT = Struct("<QQQIII4xQqqq6q24x")
# struct statx: mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks, attributes' mask, four times (access,
# birth, change, modification: s, ns), the device it is and the one it is on (major, minor).
STATX = Struct("<IIQIIIH2xQQQQ" + "qI4x" * 4 + "IIII112x")
STATX_BASIC_STATS = 0x7FF
STATX_RESERVED = 0x80000000
# struct statfs: type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags.
STATFS = Struct("<qqQQQQQQqqq32x")
MAGICS = {"ramfs": 0x858458F6, "devtmpfs": 0x01021994, "proc": 0x9FA0, "devpts": 0x1CD1, "hostfs": 0x00C0FFEE}
ANON_INODE_MAGIC = 0x09041934
ST_RDONLY = 1
ST_VALID = 0x20
# Two timespecs or timevals, and struct utimbuf.
TIMES = Struct("<qqqq")
UTIMBUF = Struct("<qq")
UTIME_NOW = 0x3FFFFFFF
UTIME_OMIT = 0x3FFFFFFE
USEC_PER_SEC = 1000000
# struct linux_dirent64 before the name: ino, off, reclen, type.
DIRENT64 = Struct("<QqHB")
BLOCK_SIZE = 4096
NSEC_PER_SEC = 1000000000
MAX_DIRENTS = 65536
# Modes of files that have a number instead of a place in a directory.
ANONYMOUS_MODES = {"pipe": S_IFIFO | 0o600, "socket": S_IFSOCK | 0o777}


def pack_stat(node):
    """struct stat of an inode."""
    node.i_op.getattr(node)
    times = [part for time in (node.i_atime, node.i_mtime, node.i_ctime) for part in divmod(time, NSEC_PER_SEC)]
    return STAT.pack(
        node.i_sb.device,
        node.i_ino & 0xFFFFFFFFFFFFFFFF,
        node.i_nlink,
        node.i_mode,
        node.i_uid,
        node.i_gid,
        node.i_rdev,
        node.i_size,
        BLOCK_SIZE,
        (node.i_size + 511) // 512,
        *times,
    )


def pack_anonymous(filp):
    """struct stat of an open file without a name: a pipe, a socket, an epoll instance."""
    device, number = file_ids(filp)
    return STAT.pack(device, number, 1, anonymous_mode(filp), 0, 0, 0, 0, BLOCK_SIZE, *(0,) * 7)


def anonymous_mode(filp):
    return ANONYMOUS_MODES.get(filp.path.partition(":[")[0], 0o600)


def stat_at(task, dfd, path, address, flags):
    found = lookup_at(task, dfd, path, flags)
    if isinstance(found, int):
        return found
    raw = pack_anonymous(found) if isinstance(found, file) else pack_stat(found.inode)
    return 0 if copy_to_user(task.mm, address, raw) else -EFAULT


def sys_stat64(task, path, address, a2, a3, a4, a5):
    """int stat(const char *pathname, struct stat *statbuf)"""
    return stat_at(task, AT_FDCWD, path, address, 0)


def sys_lstat64(task, path, address, a2, a3, a4, a5):
    """int lstat(const char *pathname, struct stat *statbuf)"""
    return stat_at(task, AT_FDCWD, path, address, AT_SYMLINK_NOFOLLOW)


def sys_fstatat64(task, dfd, path, address, flags, a4, a5):
    """int fstatat(int dirfd, const char *pathname, struct stat *statbuf, int flags)"""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH):
        return -EINVAL
    return stat_at(task, dfd, path, address, flags)


def sys_fstat64(task, fd, address, a2, a3, a4, a5):
    """int fstat(int fd, struct stat *statbuf)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    raw = pack_stat(filp.inode) if filp.dentry is not None else pack_anonymous(filp)
    return 0 if copy_to_user(task.mm, address, raw) else -EFAULT


def sys_statx(task, dfd, path, flags, mask, address, a5):
    """int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf)"""
    allowed = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE
    if flags & ~allowed or flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE or mask & STATX_RESERVED:
        return -EINVAL
    found = lookup_at(task, dfd, path, flags)
    if isinstance(found, int):
        return found
    if isinstance(found, file):
        device, number = file_ids(found)
        head = (STATX_BASIC_STATS, BLOCK_SIZE, 0, 1, 0, 0, anonymous_mode(found), number)
        raw = STATX.pack(*head, 0, 0, 0, *bytes(8), 0, 0, *split(device))
    else:
        node = found.inode
        node.i_op.getattr(node)
        times = [part for time in (node.i_atime, 0, node.i_ctime, node.i_mtime) for part in divmod(time, NSEC_PER_SEC)]
        raw = STATX.pack(
            STATX_BASIC_STATS, BLOCK_SIZE, 0, node.i_nlink, node.i_uid, node.i_gid, node.i_mode,
            node.i_ino & 0xFFFFFFFFFFFFFFFF, node.i_size, (node.i_size + 511) // 512, 0, *times,
            *split(node.i_rdev), *split(node.i_sb.device),
        )  # fmt: skip
    return 0 if copy_to_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, raw) else -EFAULT


def split(device):
    """(major, minor) of a device number."""
    return device >> 8, device & 0xFF


# --- file systems ---


def pack_statfs(sb):
    """struct statfs of a mounted file system, or (None) of files without one."""
    if sb is None:
        return STATFS.pack(ANON_INODE_MAGIC, BLOCK_SIZE, 0, 0, 0, 0, 0, 0, NAME_MAX, BLOCK_SIZE, ST_VALID)
    blocks, free, files, ffree = sb.usage()
    flags = ST_VALID | (ST_RDONLY if sb.read_only else 0)
    magic = MAGICS.get(sb.name, 0)
    return STATFS.pack(magic, BLOCK_SIZE, blocks, free, free, files, ffree, sb.device, NAME_MAX, BLOCK_SIZE, flags)


def sys_statfs(task, path, address, a2, a3, a4, a5):
    """int statfs(const char *path, struct statfs *buf)"""
    found = lookup_at(task, AT_FDCWD, path)
    if isinstance(found, int):
        return found
    return 0 if copy_to_user(task.mm, address, pack_statfs(found.inode.i_sb)) else -EFAULT


def sys_fstatfs(task, fd, address, a2, a3, a4, a5):
    """int fstatfs(int fd, struct statfs *buf)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    sb = filp.inode.i_sb if filp.dentry is not None else None
    return 0 if copy_to_user(task.mm, address, pack_statfs(sb)) else -EFAULT


def sys_sync(task, a0, a1, a2, a3, a4, a5):
    """void sync(void): everything is in memory"""
    return 0


def sys_fsync(task, fd, a1, a2, a3, a4, a5):
    """int fsync(int fd), fdatasync, syncfs: files that have no place on a disk can not be synchronized"""
    filp = task.files.fget(fd)
    if filp is None or filp.f_mode & FMODE_PATH:
        return -EBADF
    named = filp.dentry is not None and (filp.inode.is_regular() or filp.inode.is_dir())
    return 0 if named else -EINVAL


def sys_syncfs(task, fd, a1, a2, a3, a4, a5):
    """int syncfs(int fd)"""
    return 0 if task.files.fget(fd) is not None else -EBADF


# --- times ---


class time_calls:
    """utimensat and the older calls that set a file's times."""

    def __init__(self, now):
        self.now = now

    def change(self, task, dfd, path, flags, times):
        """Set (access, modification) times: ns since the epoch, None for no change."""
        if path == 0 and dfd != AT_FDCWD:
            filp = task.files.fget(dfd)
            if filp is None or filp.f_mode & FMODE_PATH:
                return -EBADF
            found = filp.dentry if filp.dentry is not None else filp
        else:
            found = lookup_at(task, dfd, path, flags)
        if isinstance(found, int):
            return found
        if isinstance(found, file):
            return 0
        node = found.inode
        if node.i_sb.read_only:
            return -EROFS
        if task.uid not in (0, node.i_uid):
            return -EPERM
        return told(found, node.i_op.setattr(node, atime=times[0], mtime=times[1]), IN_ATTRIB)

    def utimensat(self, task, dfd, path, address, flags, a4, a5):
        """int utimensat(int dirfd, const char *pathname, const struct timespec times[2], int flags)"""
        if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
            return -EINVAL
        times = [self.now()] * 2
        if address:
            raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, TIMES.size)
            if raw is None:
                return -EFAULT
            fields = TIMES.unpack(raw)
            for position, (seconds, fraction) in enumerate((fields[:2], fields[2:])):
                if fraction == UTIME_OMIT:
                    times[position] = None
                elif fraction != UTIME_NOW:
                    if not 0 <= fraction < NSEC_PER_SEC:
                        return -EINVAL
                    times[position] = seconds * NSEC_PER_SEC + fraction
            if times == [None, None]:
                return 0
        return self.change(task, dfd, path, flags, times)

    def utimes(self, task, path, address, a2, a3, a4, a5):
        """int utimes(const char *filename, const struct timeval times[2])"""
        return self.futimesat(task, AT_FDCWD, path, address, 0, 0, 0)

    def futimesat(self, task, dfd, path, address, a3, a4, a5):
        """int futimesat(int dirfd, const char *pathname, const struct timeval times[2])"""
        times = [self.now()] * 2
        if address:
            raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, TIMES.size)
            if raw is None:
                return -EFAULT
            fields = TIMES.unpack(raw)
            if not all(0 <= part < USEC_PER_SEC for part in fields[1::2]):
                return -EINVAL
            times = [fields[at] * NSEC_PER_SEC + fields[at + 1] * 1000 for at in (0, 2)]
        return self.change(task, dfd, path, 0, times)

    def utime(self, task, path, address, a2, a3, a4, a5):
        """int utime(const char *filename, const struct utimbuf *times)"""
        times = [self.now()] * 2
        if address:
            raw = copy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, UTIMBUF.size)
            if raw is None:
                return -EFAULT
            times = [seconds * NSEC_PER_SEC for seconds in UTIMBUF.unpack(raw)]
        return self.change(task, AT_FDCWD, path, 0, times)


# --- directories ---


def sys_getdents64(task, fd, address, size, a3, a4, a5):
    """ssize_t getdents64(int fd, void *dirp, size_t count): the position counts entries"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if filp.f_mode & FMODE_PATH:
        return -EBADF
    if filp.dentry is None or not filp.inode.is_dir():
        return -ENOTDIR
    if filp.inode.i_nlink == 0:
        return -ENOENT
    if filp.f_pos == 0 or filp.private_data is None:
        entries = filp.f_op.iterate(filp)
        if isinstance(entries, int):
            return entries
        filp.private_data = entries
    out = bytearray()
    position = filp.f_pos
    for name, number, kind in filp.private_data[position : position + MAX_DIRENTS]:
        raw = name.encode("utf-8", "surrogateescape") + b"\0"
        length = (DIRENT64.size + len(raw) + 7) & ~7
        if len(out) + length > size:
            if not out:
                return -EINVAL
            break
        position += 1
        out += (DIRENT64.pack(number & 0xFFFFFFFFFFFFFFFF, position, length, kind) + raw).ljust(length, b"\0")
    if not copy_to_user(task.mm, address, bytes(out)):
        return -EFAULT if out else 0
    filp.f_pos = position
    notify_entry(filp.dentry, IN_ACCESS)
    return len(out)


def register(table, now):
    """Enter this room's calls into the table; `now()` is the time for files."""
    times = time_calls(now)
    for nr, name, function in (
        (SYS_stat64, "stat64", sys_stat64),
        (SYS_lstat64, "lstat64", sys_lstat64),
        (SYS_fstat64, "fstat64", sys_fstat64),
        (SYS_fstatat64, "fstatat64", sys_fstatat64),
        (SYS_statx, "statx", sys_statx),
        (SYS_statfs, "statfs", sys_statfs),
        (SYS_fstatfs, "fstatfs", sys_fstatfs),
        (SYS_sync, "sync", sys_sync),
        (SYS_fsync, "fsync", sys_fsync),
        (SYS_fdatasync, "fdatasync", sys_fsync),
        (SYS_syncfs, "syncfs", sys_syncfs),
        (SYS_utimensat, "utimensat", times.utimensat),
        (SYS_utimes, "utimes", times.utimes),
        (SYS_futimesat, "futimesat", times.futimesat),
        (SYS_utime, "utime", times.utime),
        (SYS_getdents64, "getdents64", sys_getdents64),
    ):
        table.register(nr, name, function)
