"""More with descriptors: reading and writing at a position, splice(2) and its kin, locks, memfd_create.

-1 and errno on failure.
"""

from hwemu.cpu import trap
from userland.abi.errno import EACCES, EINVAL
from userland.abi.fcntl import F_GETLK, F_SETLK, F_SETLKW, F_UNLCK, F_WRLCK, SEEK_CUR, SEEK_SET
from userland.abi.layout import FLOCK, IOV_MAX, IOVEC
from userland.abi.syscall import (
    SYS_close_range,
    SYS_copy_file_range,
    SYS_fallocate,
    SYS_fcntl64,
    SYS_flock,
    SYS_memfd_create,
    SYS_pread64,
    SYS_preadv,
    SYS_preadv2,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_pwritev2,
    SYS_splice,
    SYS_syncfs,
    SYS_tee,
    SYS_vmsplice,
)
from userland.libc.crt import call_with_buffer, call_with_path, checked, set_errno, this

# <unistd.h>: what lockf(3) is asked to do.
F_ULOCK, F_LOCK, F_TLOCK, F_TEST = 0, 1, 2, 3


def pread(fd, buf, offset, length=-1):
    """ssize_t pread(int fd, void *buf, size_t count, off_t offset): fills `buf` (writable)."""
    return call_with_buffer(SYS_pread64, fd, buf, True, len(buf) if length < 0 else length, offset)


def pwrite(fd, buf, offset, length=-1):
    """ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)"""
    return call_with_buffer(SYS_pwrite64, fd, buf, False, len(buf) if length < 0 else length, offset)


def vectors(nr, fd, buffers, writable, *more):
    """trap(nr, fd, struct iovec of the buffers, their count, more...)"""
    if len(buffers) > IOV_MAX:
        return set_errno(EINVAL)
    space = this().space
    mapped = [space.map(buffer, writable) for buffer in buffers]
    raw = b"".join(IOVEC.pack(address, len(buffer)) for address, buffer in zip(mapped, buffers, strict=True))
    mapped.append(space.map(raw))
    result = trap(nr, fd, mapped[-1], len(buffers), *more)
    for address in mapped:
        space.unmap(address)
    return checked(result)


def preadv(fd, buffers, offset):
    """ssize_t preadv(int fd, const struct iovec *iov, int iovcnt, off_t offset): at most IOV_MAX (1024) buffers."""
    return vectors(SYS_preadv, fd, buffers, True, offset, 0)


def pwritev(fd, buffers, offset):
    """ssize_t pwritev(int fd, const struct iovec *iov, int iovcnt, off_t offset): at most IOV_MAX (1024) buffers."""
    return vectors(SYS_pwritev, fd, buffers, False, offset, 0)


def preadv2(fd, buffers, offset, flags=0):
    """ssize_t preadv2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags): RWF_*; offset -1 is the file's."""
    return vectors(SYS_preadv2, fd, buffers, True, offset, 0 if offset >= 0 else -1, flags)


def pwritev2(fd, buffers, offset, flags=0):
    """ssize_t pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags): as preadv2."""
    return vectors(SYS_pwritev2, fd, buffers, False, offset, 0 if offset >= 0 else -1, flags)


def between(nr, fd_in, off_in, fd_out, off_out, length, flags):
    """A call from one descriptor to another; offsets are None or bytearrays of 8 bytes that are moved on."""
    space = this().space
    places = [0 if place is None else space.map(place, True) for place in (off_in, off_out)]
    result = trap(nr, fd_in, places[0], fd_out, places[1], length, flags)
    for address in places:
        space.unmap(address)
    return checked(result)


def splice(fd_in, off_in, fd_out, off_out, length, flags=0):
    """ssize_t splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags)

    Offsets are None, or bytearrays of 8 bytes.
    """
    return between(SYS_splice, fd_in, off_in, fd_out, off_out, length, flags)


def copy_file_range(fd_in, off_in, fd_out, off_out, length, flags=0):
    """ssize_t copy_file_range(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags)

    Offsets as with `splice`.
    """
    return between(SYS_copy_file_range, fd_in, off_in, fd_out, off_out, length, flags)


def tee(fd_in, fd_out, length, flags=0):
    """ssize_t tee(int fd_in, int fd_out, size_t len, unsigned int flags)"""
    return checked(trap(SYS_tee, fd_in, fd_out, length, flags))


def vmsplice(fd, buffers, flags=0):
    """ssize_t vmsplice(int fd, const struct iovec *iov, size_t nr_segs, unsigned int flags): from buffers to a pipe."""
    return vectors(SYS_vmsplice, fd, buffers, False, flags)


def flock(fd, operation):
    """int flock(int fd, int operation)"""
    return checked(trap(SYS_flock, fd, operation))


def record_lock(fd, kind, start=0, length=0, command=F_SETLK, whence=SEEK_SET):
    """int fcntl(int fd, F_SETLK (or its kin), struct flock *): (type, whence, start, len, pid) as it came back, or -1."""
    raw = bytearray(FLOCK.pack(kind, whence, start, length, 0))
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_fcntl64, fd, command, address)
    space.unmap(address)
    return FLOCK.unpack(raw) if result >= 0 else checked(result)


def lockf(fd, command, length):
    """int lockf(int fd, int cmd, off_t len): F_ULOCK, F_LOCK, F_TLOCK or F_TEST from the position on; 0, or -1.

    EACCES from F_TEST where another process has it, EAGAIN from F_TLOCK, EINVAL for another command.
    """
    if command not in (F_ULOCK, F_LOCK, F_TLOCK, F_TEST):
        return set_errno(EINVAL)
    if command == F_TEST:
        found = record_lock(fd, F_WRLCK, 0, length, F_GETLK, SEEK_CUR)
        if found == -1:
            return -1
        return 0 if found[0] == F_UNLCK else set_errno(EACCES)
    kind = F_UNLCK if command == F_ULOCK else F_WRLCK
    return 0 if record_lock(fd, kind, 0, length, F_SETLKW if command == F_LOCK else F_SETLK, SEEK_CUR) != -1 else -1


def syncfs(fd):
    """int syncfs(int fd)"""
    return checked(trap(SYS_syncfs, fd))


def fallocate(fd, mode, offset, length):
    """int fallocate(int fd, int mode, off_t offset, off_t len)"""
    return checked(trap(SYS_fallocate, fd, mode, offset, length))


def close_range(first, last, flags=0):
    """int close_range(unsigned int first, unsigned int last, int flags)"""
    return checked(trap(SYS_close_range, first, last, flags))


def memfd_create(name, flags=0):
    """int memfd_create(const char *name, unsigned int flags)"""
    return call_with_path(SYS_memfd_create, name, flags)
