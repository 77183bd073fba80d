"""stat, getdents and readlink: what is known about a file.  Layouts are those of x86-64."""

from struct import Struct

from kernel.arch.uaccess import copy_to_user
from kernel.fs import namei
from kernel.fs.anon_inodes import file_ids
from kernel.fs.open import get_path
from kernel.uapi.errno import EBADF, EFAULT, EINVAL, ENOTDIR
from kernel.uapi.stat import S_IFIFO, S_IFSOCK
from kernel.uapi.syscall import SYS_fstat64, SYS_getdents64, SYS_lstat64, SYS_readlink, SYS_stat64

# struct stat: dev, ino, nlink, mode, uid, gid, rdev, size, blksize, blocks, three times (s, ns).
STAT = Struct("<QQQIII4xQqqq6q24x")
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
    seconds, nanoseconds = divmod(node.i_mtime, NSEC_PER_SEC)
    blocks = (node.i_size + 511) // 512
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
        blocks,
        *(seconds, nanoseconds) * 3,
    )


def pack_anonymous(filp):
    """struct stat of an open file without a name: a pipe, a socket, an epoll instance."""
    device, number = file_ids(filp)
    mode = ANONYMOUS_MODES.get(filp.path.partition(":[")[0], 0o600)
    return STAT.pack(device, number, 1, mode, 0, 0, 0, 0, BLOCK_SIZE, *(0,) * 7)


def stat_path(task, path, address, follow):
    found = namei.path_lookup(task.fs, get_path(task, path), follow)
    if isinstance(found, int):
        return found
    return 0 if copy_to_user(task.mm, address, pack_stat(found.inode)) else -EFAULT


def sys_stat64(task, path, address, a2, a3, a4, a5):
    """int stat(const char *pathname, struct stat *statbuf)"""
    return stat_path(task, path, address, True)


def sys_lstat64(task, path, address, a2, a3, a4, a5):
    """int lstat(const char *pathname, struct stat *statbuf)"""
    return stat_path(task, path, address, False)


def sys_fstat64(task, fd, address, a2, a3, a4, a5):
    """int fstat(int fd, struct stat *statbuf)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    raw = pack_stat(filp.inode) if filp.dentry is not None else pack_anonymous(filp)
    return 0 if copy_to_user(task.mm, address, raw) else -EFAULT


def sys_readlink(task, path, address, size, a3, a4, a5):
    """ssize_t readlink(const char *pathname, char *buf, size_t bufsiz)"""
    if size <= 0:
        return -EINVAL
    found = namei.path_lookup(task.fs, get_path(task, path), False)
    if isinstance(found, int):
        return found
    if not found.inode.is_symlink():
        return -EINVAL
    target = found.inode.i_op.readlink(found.inode)
    if isinstance(target, int):
        return target
    raw = target.encode("utf-8", "surrogateescape")[:size]
    return len(raw) if copy_to_user(task.mm, address, raw) else -EFAULT


def sys_getdents64(task, fd, address, size, a3, a4, a5):
    """ssize_t getdents64(int fd, void *dirp, size_t count): the position counts entries"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if filp.inode is None or filp.dentry is None or not filp.inode.is_dir():
        return -ENOTDIR
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
    return len(out)


def register(table):
    """Enter this room's calls into the table."""
    table.register(SYS_stat64, "stat64", sys_stat64)
    table.register(SYS_lstat64, "lstat64", sys_lstat64)
    table.register(SYS_readlink, "readlink", sys_readlink)
    table.register(SYS_fstat64, "fstat64", sys_fstat64)
    table.register(SYS_getdents64, "getdents64", sys_getdents64)
