"""i386 structures of calls about files: stat, statfs, vectors, locks, times, offsets in two registers."""

from struct import Struct

from kernel.abi.compat_memory import TIME32, TIME64, put_back, refused, scratch, vector, with_structures
from kernel.arch.uaccess import copy_from_user
from kernel.uapi import fcntl as uapi
from kernel.uapi.errno import EFAULT, EINVAL, EOVERFLOW
from kernel.uapi.syscall import (
    SYS_fadvise64,
    SYS_fallocate,
    SYS_fcntl64,
    SYS_fstatfs,
    SYS_mmap2,
    SYS_sendfile64,
    SYS_statfs,
    SYS_utimensat,
)

WORDS = Struct("<6I")
# struct stat of LP64, and struct stat64 of i386: dev, (short) ino, mode, nlink, uid, gid, rdev, size, blksize, blocks,
# atime, mtime, ctime with nanoseconds, ino.
STAT_LP64 = Struct("<QQQIII4xQqqq6q24x")
STAT64_I386 = Struct("<Q4xIIIIIQ4xqIQ6IQ")
# struct statfs: type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags.
STATFS_LP64 = Struct("<qqQQQQQQqqq32x")
STATFS_I386 = Struct("<7IQ3I16x")
STATFS64_I386 = Struct("<IIQQQQQQ3I16x")
# struct flock, and struct flock64, whose offsets are not aligned here: type, whence, start, length, pid.
FLOCK_LP64 = Struct("<hh4xqqi4x")
FLOCK_I386 = Struct("<hhiii")
FLOCK64_I386 = Struct("<hhqqi")
LOCKS = (uapi.F_GETLK, uapi.F_SETLK, uapi.F_SETLKW)
LOCKS64 = (uapi.F_GETLK64, uapi.F_SETLK64, uapi.F_SETLKW64, uapi.F_OFD_GETLK, uapi.F_OFD_SETLK, uapi.F_OFD_SETLKW)
ASKING = (uapi.F_GETLK, uapi.F_GETLK64, uapi.F_OFD_GETLK)
OFFSET32_MAX = 0x7FFFFFFF


def with_stat(native, position=1):
    """A call that stores a struct stat64 at argument `position`."""

    def convert(mm, arguments):
        space = scratch(mm)
        raw = bytearray(STAT_LP64.size)

        def store(result):
            dev, ino, links, mode, uid, gid, rdev, size, block, blocks, *times = STAT_LP64.unpack(raw)
            answer = STAT64_I386.pack(
                dev, ino & 0xFFFFFFFF, mode, links, uid, gid, rdev, size, block, blocks, *(part & 0xFFFFFFFF for part in times),
                ino,
            )  # fmt: skip
            return put_back(mm, arguments[position], answer)

        changed = list(arguments)
        changed[position] = space.put(raw, True)
        return native, changed, space.done(store)

    return convert


def narrow_statfs(fields):
    return -EOVERFLOW if any(value > 0xFFFFFFFF for value in fields[2:7]) else fields


def with_statfs64(native):
    """statfs64 and fstatfs64, whose second argument is the structure's size."""
    convert = with_structures(native, STATFS64_I386, STATFS_LP64, answer=1, change=tuple)

    def sized(mm, arguments):
        if arguments[1] != STATFS64_I386.size:
            return refused(EINVAL)
        return convert(mm, [arguments[0], *arguments[2:], 0])

    return sized


def with_vector(native):
    def convert(mm, arguments):
        space = scratch(mm)
        address = vector(space, arguments[1], arguments[2])
        if address is None:
            return refused(EFAULT)
        return native, [arguments[0], address, *arguments[2:]], space.done()

    return convert


def with_offset(native, position):
    """A call with a 64-bit offset, which takes two registers: the low half first."""

    def convert(mm, arguments):
        return native, joined(arguments, position), None

    return convert


def joined(arguments, position):
    """The arguments with two registers as one 64-bit offset."""
    offset = arguments[position] | arguments[position + 1] << 32
    return [*arguments[:position], offset - (offset >> 63 << 64), *arguments[position + 2 :], 0]


def with_vector_at(native):
    """preadv and its kin: a vector, and an offset in two registers behind its length."""
    at_vector = with_vector(native)

    def convert(mm, arguments):
        native, changed, after = at_vector(mm, arguments)
        if after is None or len(changed) < 5 or native < 0:
            return native, changed, after
        offset = changed[3] | changed[4] << 32
        changed[3], changed[4] = offset - (offset >> 63 << 64), 0
        return native, changed, after

    return convert


def fallocate(mm, arguments):
    """int fallocate(int fd, int mode, loff_t offset, loff_t len)"""
    return SYS_fallocate, [*joined(joined(arguments, 4)[:5], 2)[:4], 0, 0], None


def fadvise64(mm, arguments):
    """int fadvise64(int fd, loff_t offset, size_t len, int advice)"""
    return SYS_fadvise64, joined(arguments, 1), None


def fadvise64_64(mm, arguments):
    """int fadvise64_64(int fd, loff_t offset, loff_t len, int advice)"""
    return SYS_fadvise64, joined(joined(arguments, 3), 1)[:6], None


def sendfile(mm, arguments):
    """ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count): the offset has 32 bits"""
    if not arguments[2]:
        return SYS_sendfile64, arguments, None
    space = scratch(mm)
    raw = copy_from_user(mm, arguments[2], 4)
    if raw is None:
        return refused(EFAULT)
    offset = bytearray(raw.ljust(8, b"\0"))
    changed = [*arguments[:2], space.put(offset, True), *arguments[3:]]
    return SYS_sendfile64, changed, space.done(lambda result: put_back(mm, arguments[2], bytes(offset[:4])))


def fcntl(mm, arguments):
    """int fcntl(int fd, int cmd, ...): locks lie differently, and those of old have 32-bit offsets"""
    command = arguments[1]
    if command not in LOCKS + LOCKS64:
        return SYS_fcntl64, arguments, None
    layout = FLOCK_I386 if command in LOCKS else FLOCK64_I386
    space = scratch(mm)
    fields = space.read(arguments[2], layout)
    if fields is None:
        return refused(EFAULT)
    lock = bytearray(FLOCK_LP64.pack(*fields))

    def store(result):
        if command not in ASKING:
            return None
        found = FLOCK_LP64.unpack(lock)
        if layout is FLOCK_I386 and max(found[2:4]) > OFFSET32_MAX:
            return -EOVERFLOW
        return put_back(mm, arguments[2], layout.pack(*found))

    return SYS_fcntl64, [*arguments[:2], space.put(lock, True), 0, 0, 0], space.done(store)


def with_times(native, position):
    """A call that takes two times at argument `position`: timespecs, timevals, or (utime) seconds alone."""
    return with_structures(native, Struct("<4i"), Struct("<4q"), source=position)


def utimensat(mm, arguments):
    return with_times(SYS_utimensat, 2)(mm, arguments)


def with_seconds(native, position):
    """utime: two times in seconds."""
    return with_structures(native, TIME32, TIME64, source=position)


def old_mmap(mm, arguments):
    """mmap of old: all six arguments lie in memory, and the offset is in bytes."""
    raw = copy_from_user(mm, arguments[0], WORDS.size)
    if raw is None:
        return refused(EFAULT)
    address, length, prot, flags, fd, offset = WORDS.unpack(raw)
    return SYS_mmap2, [address, length, prot, 0 if offset & 4095 else flags, fd, offset >> 12], None


STATFS_CONVERTERS = {
    99: with_structures(SYS_statfs, STATFS_I386, STATFS_LP64, answer=1, change=narrow_statfs),
    100: with_structures(SYS_fstatfs, STATFS_I386, STATFS_LP64, answer=1, change=narrow_statfs),
    268: with_statfs64(SYS_statfs), 269: with_statfs64(SYS_fstatfs),
}  # fmt: skip
