"""Names and attributes of files: the calls of <fcntl.h>, <sys/stat.h> and <unistd.h> that take a directory to start from.

-1 and errno on failure.
"""

from hwemu.cpu import trap
from userland.abi.fcntl import AT_FDCWD, AT_SYMLINK_NOFOLLOW, PATH_MAX
from userland.abi.layout import STAT, STATFS, STATX, TIMES, UTIME_NOW, UTIME_OMIT
from userland.abi.syscall import (
    SYS_access,
    SYS_chmod,
    SYS_chown32,
    SYS_faccessat2,
    SYS_fchdir,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown32,
    SYS_fchownat,
    SYS_fdatasync,
    SYS_fstatat64,
    SYS_fstatfs,
    SYS_fsync,
    SYS_linkat,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_openat,
    SYS_readlinkat,
    SYS_renameat2,
    SYS_statfs,
    SYS_statx,
    SYS_symlinkat,
    SYS_sync,
    SYS_truncate,
    SYS_unlinkat,
    SYS_utimensat,
)
from userland.libc.crt import c_string, call_with_path, checked, this
from userland.libc.unistd import stat_result

NANOSECONDS = 1000000000
STATX_BASIC_STATS = 0x7FF


def path_call(nr, dfd, path, *more):
    """trap(nr, dfd, path, more...)"""
    space = this().space
    address = space.map(c_string(path))
    result = trap(nr, dfd, address, *more)
    space.unmap(address)
    return checked(result)


def openat(dirfd, path, flags=0, mode=0o644):
    """int openat(int dirfd, const char *pathname, int flags, mode_t mode)"""
    return path_call(SYS_openat, dirfd, path, flags, mode)


def mkdirat(dirfd, path, mode=0o755):
    """int mkdirat(int dirfd, const char *pathname, mode_t mode)"""
    return path_call(SYS_mkdirat, dirfd, path, mode)


def mknod(path, mode, device=0):
    """int mknod(const char *pathname, mode_t mode, dev_t dev)"""
    return path_call(SYS_mknodat, AT_FDCWD, path, mode, device)


def mknodat(dirfd, path, mode, device=0):
    """int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev)"""
    return path_call(SYS_mknodat, dirfd, path, mode, device)


def mkfifo(path, mode=0o644):
    """int mkfifo(const char *pathname, mode_t mode)"""
    return mknod(path, mode | 0o010000)


def unlinkat(dirfd, path, flags=0):
    """int unlinkat(int dirfd, const char *pathname, int flags)"""
    return path_call(SYS_unlinkat, dirfd, path, flags)


def two_paths(nr, first_fd, first, second_fd, second, flags):
    space = this().space
    one, other = space.map(c_string(first)), space.map(c_string(second))
    result = trap(nr, first_fd, one, second_fd, other, flags)
    space.unmap(other)
    space.unmap(one)
    return checked(result)


def renameat2(olddirfd, old, newdirfd, new, flags=0):
    """int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags)"""
    return two_paths(SYS_renameat2, olddirfd, old, newdirfd, new, flags)


def link(old, new):
    """int link(const char *oldpath, const char *newpath)"""
    return two_paths(SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0)


def linkat(olddirfd, old, newdirfd, new, flags=0):
    """int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)"""
    return two_paths(SYS_linkat, olddirfd, old, newdirfd, new, flags)


def symlink(target, path):
    """int symlink(const char *target, const char *linkpath)"""
    return symlinkat(target, AT_FDCWD, path)


def symlinkat(target, dirfd, path):
    """int symlinkat(const char *target, int newdirfd, const char *linkpath)"""
    space = this().space
    text, name = space.map(c_string(target)), space.map(c_string(path))
    result = trap(SYS_symlinkat, text, dirfd, name)
    space.unmap(name)
    space.unmap(text)
    return checked(result)


def readlinkat(dirfd, path):
    """ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz): the target, or -1."""
    raw = bytearray(PATH_MAX)
    space = this().space
    address = space.map(raw, True)
    result = path_call(SYS_readlinkat, dirfd, path, address, len(raw))
    space.unmap(address)
    return raw[:result].decode("utf-8", "surrogateescape") if result >= 0 else -1


def filled(nr, dfd, path, size, before=(), after=()):
    """A call that fills a structure of `size` bytes: those, or -1."""
    raw = bytearray(size)
    space = this().space
    address = space.map(raw, True)
    result = path_call(nr, dfd, path, *before, address, *after)
    space.unmap(address)
    return raw if result >= 0 else -1


def fstatat(dirfd, path, flags=0):
    """int fstatat(int dirfd, const char *pathname, struct stat *statbuf, int flags): a `stat_result`, or -1."""
    raw = filled(SYS_fstatat64, dirfd, path, STAT.size, after=(flags,))
    return raw if raw == -1 else stat_result(raw)


def statx(dirfd, path, flags=0, mask=STATX_BASIC_STATS):
    """int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *): its fields, or -1."""
    raw = filled(SYS_statx, dirfd, path, STATX.size, before=(flags, mask))
    return raw if raw == -1 else STATX.unpack(raw)


def statfs(path):
    """int statfs(const char *path, struct statfs *buf): its fields, or -1."""
    raw = bytearray(STATFS.size)
    space = this().space
    address = space.map(raw, True)
    result = call_with_path(SYS_statfs, path, address)
    space.unmap(address)
    return STATFS.unpack(raw) if result >= 0 else -1


def fstatfs(fd):
    """int fstatfs(int fd, struct statfs *buf): its fields, or -1."""
    raw = bytearray(STATFS.size)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_fstatfs, fd, address)
    space.unmap(address)
    return STATFS.unpack(raw) if checked(result) >= 0 else -1


def access(path, mode):
    """int access(const char *pathname, int mode)"""
    return call_with_path(SYS_access, path, mode)


def eaccess(path, mode):
    """int eaccess(const char *pathname, int mode): access(2) with the effective user; here there is one user."""
    return access(path, mode)


def faccessat(dirfd, path, mode, flags=0):
    """int faccessat(int dirfd, const char *pathname, int mode, int flags)"""
    return path_call(SYS_faccessat2, dirfd, path, mode, flags)


def chmod(path, mode):
    """int chmod(const char *pathname, mode_t mode)"""
    return call_with_path(SYS_chmod, path, mode)


def fchmod(fd, mode):
    """int fchmod(int fd, mode_t mode)"""
    return checked(trap(SYS_fchmod, fd, mode))


def fchmodat(dirfd, path, mode):
    """int fchmodat(int dirfd, const char *pathname, mode_t mode)"""
    return path_call(SYS_fchmodat, dirfd, path, mode)


def chown(path, owner, group):
    """int chown(const char *pathname, uid_t owner, gid_t group): -1 leaves one as it is"""
    return call_with_path(SYS_chown32, path, owner, group)


def lchown(path, owner, group):
    """int lchown(const char *pathname, uid_t owner, gid_t group)"""
    return fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW)


def fchown(fd, owner, group):
    """int fchown(int fd, uid_t owner, gid_t group)"""
    return checked(trap(SYS_fchown32, fd, owner, group))


def fchownat(dirfd, path, owner, group, flags=0):
    """int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags)"""
    return path_call(SYS_fchownat, dirfd, path, owner, group, flags)


def fchdir(fd):
    """int fchdir(int fd)"""
    return checked(trap(SYS_fchdir, fd))


def truncate(path, length):
    """int truncate(const char *path, off_t length)"""
    return call_with_path(SYS_truncate, path, length)


def time_spec(ns):
    """The two longs of a struct timespec: ns since the epoch, "now", or None to leave the time as it is."""
    if ns is None:
        return 0, UTIME_OMIT
    return (0, UTIME_NOW) if ns == "now" else divmod(ns, NANOSECONDS)


def utimensat(dirfd, path, times=None, flags=0):
    """int utimensat(int dirfd, const char *pathname, const struct timespec times[2], int flags)

    `times` is (access, modification): ns since the epoch, "now", or None; no pair at all: both now.
    """
    space = this().space
    address = 0 if times is None else space.map(TIMES.pack(*time_spec(times[0]), *time_spec(times[1])))
    result = path_call(SYS_utimensat, dirfd, path, address, flags)
    space.unmap(address)
    return result


def futimens(fd, times=None):
    """int futimens(int fd, const struct timespec times[2]): `times` as with utimensat."""
    space = this().space
    address = 0 if times is None else space.map(TIMES.pack(*time_spec(times[0]), *time_spec(times[1])))
    result = trap(SYS_utimensat, fd, 0, address, 0)
    space.unmap(address)
    return checked(result)


def fsync(fd):
    """int fsync(int fd)"""
    return checked(trap(SYS_fsync, fd))


def fdatasync(fd):
    """int fdatasync(int fd)"""
    return checked(trap(SYS_fdatasync, fd))


def sync():
    """void sync(void)"""
    trap(SYS_sync)
