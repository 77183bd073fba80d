"""read, write and their kin: from a descriptor number to the file's operation."""

from kernel.arch.uaccess import access_ok, get_user, iov_iter, kernel_iter, put_user, user_iter
from kernel.fs.file import file_operations
from kernel.syscalls import syscall_handler
from kernel.uapi.errno import EBADF, EFAULT, EINVAL, EOPNOTSUPP, ESPIPE
from kernel.uapi.fcntl import FMODE_READ, FMODE_WRITE, MAX_RW_COUNT, O_APPEND, O_NONBLOCK, SEEK_CUR
from kernel.uapi.syscall import (
    SYS__llseek,
    SYS_fadvise64,
    SYS_lseek,
    SYS_pread64,
    SYS_preadv,
    SYS_preadv2,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_pwritev2,
    SYS_read,
    SYS_readv,
    SYS_write,
    SYS_writev,
)

UIO_MAXIOV = 1024
IOVEC_SIZE = 16
# Of a vector's count 32 bits matter.
COUNT_MASK = 0xFFFFFFFF
# What a file has that can not be read or written at all.
NO_READ = vars(file_operations)["read"]
NO_WRITE = vars(file_operations)["write"]
# SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA and SEEK_HOLE.
SEEK_MAX = 4
LAST_POSITION = (1 << 63) - 1
USER_ADDRESS = 0xFFFFFFFFFFFFFFFF
# POSIX_FADV_NORMAL to POSIX_FADV_NOREUSE.
ADVICES = 6
# Flags of preadv2: RWF_HIPRI, RWF_DSYNC and RWF_SYNC change nothing here.
RWF_NOWAIT, RWF_APPEND = 8, 16
RWF_SUPPORTED = 7 | RWF_NOWAIT | RWF_APPEND


def open_for(task, fd, mode):
    """The file of descriptor `fd` when it is open for `mode` (FMODE_*), else None."""
    files = task.files
    filp = files.fget(fd)
    if filp is None or not filp.f_mode & mode:
        return None
    return filp


class sys_read(syscall_handler):
    """ssize_t read(int fd, void *buf, size_t count)"""

    def call(self, task, a0, a1, a2, a3, a4, a5):
        filp = open_for(task, a0, FMODE_READ)
        if filp is None:
            return -EBADF
        if a2 < 0 or a1 < 0 or not access_ok(a1, a2):
            # A file that has no read at all does not look at the buffer.
            return -EINVAL if type(filp.f_op).read is NO_READ else -EFAULT
        return filp.f_op.read(filp, user_iter(task.mm, a1, a2 if a2 < MAX_RW_COUNT else MAX_RW_COUNT))


class sys_write(syscall_handler):
    """ssize_t write(int fd, const void *buf, size_t count)"""

    def call(self, task, a0, a1, a2, a3, a4, a5):
        filp = open_for(task, a0, FMODE_WRITE)
        if filp is None:
            return -EBADF
        if a2 < 0 or a1 < 0 or not access_ok(a1, a2):
            return -EINVAL if type(filp.f_op).write is NO_WRITE else -EFAULT
        return filp.f_op.write(filp, user_iter(task.mm, a1, a2 if a2 < MAX_RW_COUNT else MAX_RW_COUNT))


def import_iovec(mm, address, count):
    """An iov_iter over the user's array of `count` struct iovec, at most MAX_RW_COUNT bytes of it; or a negative errno."""
    if count < 0 or count > UIO_MAXIOV:
        return -EINVAL
    pairs = []
    try:
        for position in range(count):
            base = get_user(mm, address + position * IOVEC_SIZE, 8)
            length = get_user(mm, address + position * IOVEC_SIZE + 8, 8)
            if length < 0:
                return -EINVAL
            pairs.append((base & 0xFFFFFFFFFFFFFFFF, length))
    except MemoryError:
        return -EFAULT
    it = iov_iter(mm)
    for base, length in pairs:
        # A single buffer is cut to size before its address is looked at, one of several afterwards.
        if count == 1:
            length = min(length, MAX_RW_COUNT)
        if not access_ok(base, length):
            return -EFAULT
        it.add(base, min(length, MAX_RW_COUNT - it.count))
    return it


def sys_readv(task, fd, vector, count, a3, a4, a5):
    """ssize_t readv(int fd, const struct iovec *iov, unsigned long iovcnt): of the count only 32 bits matter"""
    filp = open_for(task, fd, FMODE_READ)
    if filp is None:
        return -EBADF
    if type(filp.f_op).read is NO_READ:
        return -EINVAL
    it = import_iovec(task.mm, vector, count & COUNT_MASK)
    if isinstance(it, int):
        return it
    return filp.f_op.read(filp, it) if it.count else 0


def sys_writev(task, fd, vector, count, a3, a4, a5):
    """ssize_t writev(int fd, const struct iovec *iov, unsigned long iovcnt): of the count only 32 bits matter"""
    filp = open_for(task, fd, FMODE_WRITE)
    if filp is None:
        return -EBADF
    if type(filp.f_op).write is NO_WRITE:
        return -EINVAL
    it = import_iovec(task.mm, vector, count & COUNT_MASK)
    if isinstance(it, int):
        return it
    return filp.f_op.write(filp, it) if it.count else 0


def sys_lseek(task, fd, offset, whence, a3, a4, a5):
    """off_t lseek(int fd, off_t offset, int whence)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    return filp.f_op.llseek(filp, offset, whence) if 0 <= whence <= SEEK_MAX else -EINVAL


def sys_llseek(task, fd, high, low, address, whence, a5):
    """int _llseek(unsigned int fd, unsigned long high, unsigned long low, loff_t *result, unsigned int whence)"""
    offset = (high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF
    position = sys_lseek(task, fd, offset - (1 << 64) if offset >> 63 else offset, whence, 0, 0, 0)
    if position < 0:
        return position
    return 0 if put_user(task.mm, address, 8, position) else -EFAULT


# --- at a position ---


def positioned(filp):
    """True for files that can be read at any place; those without a name can not, even where lseek says 0."""
    return filp.inode is not None and filp.f_op.llseek(filp, 0, SEEK_CUR) != -ESPIPE


def at_position(filp, offset, writing, it):
    """Read or write at `offset` and leave the file's own position alone."""
    if offset < 0 or offset > LAST_POSITION - it.count:
        return -EINVAL
    if not positioned(filp):
        return -ESPIPE
    kept = filp.f_pos
    filp.f_pos = offset
    result = filp.f_op.write(filp, it) if writing else filp.f_op.read(filp, it)
    filp.f_pos = kept
    return result


def sys_pread64(task, fd, address, count, offset, a4, a5):
    """ssize_t pread(int fd, void *buf, size_t count, off_t offset)"""
    if offset < 0:
        return -EINVAL
    filp = open_for(task, fd, FMODE_READ)
    if filp is None:
        return seekable_error(task, fd)
    if not positioned(filp):
        return -ESPIPE
    if count < 0 or address < 0 or not access_ok(address, count):
        return -EFAULT
    it = user_iter(task.mm, address & USER_ADDRESS, min(count, MAX_RW_COUNT))
    return at_position(filp, offset, False, it)


def sys_pwrite64(task, fd, address, count, offset, a4, a5):
    """ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)"""
    if offset < 0:
        return -EINVAL
    filp = open_for(task, fd, FMODE_WRITE)
    if filp is None:
        return seekable_error(task, fd)
    if not positioned(filp):
        return -ESPIPE
    if count < 0 or address < 0 or not access_ok(address, count):
        return -EFAULT
    it = user_iter(task.mm, address & USER_ADDRESS, min(count, MAX_RW_COUNT))
    return at_position(filp, offset, True, it)


def seekable_error(task, fd):
    """What pread and pwrite answer for a descriptor that is closed or not open for it."""
    filp = task.files.fget(fd)
    if filp is not None and filp.f_op.llseek(filp, 0, SEEK_CUR) == -ESPIPE:
        return -ESPIPE
    return -EBADF


def may_refuse_to_wait(filp):
    """RWF_NOWAIT is for files that can say whether they would wait: sockets and pipes."""
    return not positioned(filp) and filp.f_op.can_signal()


def appended(filp, offset, it):
    """RWF_APPEND: at the end of the file; the position moves there when the call goes by it."""
    if not positioned(filp):
        return filp.f_op.write(filp, it)
    kept_flags, kept = filp.f_flags, filp.f_pos
    filp.f_flags |= O_APPEND
    result = filp.f_op.write(filp, it)
    filp.f_flags = kept_flags
    if offset != -1:
        filp.f_pos = kept
    return result


def vector_at(task, fd, vector, count, offset, flags, writing):
    """preadv2 and pwritev2; `offset` -1 is the file's own position."""
    if offset < -1:
        return -EINVAL
    filp = open_for(task, fd, FMODE_WRITE if writing else FMODE_READ)
    if filp is None:
        return -EBADF if offset == -1 else seekable_error(task, fd)
    if offset != -1 and not positioned(filp):
        return -ESPIPE
    it = import_iovec(task.mm, vector, count & COUNT_MASK)
    if isinstance(it, int):
        return it
    if it.count == 0:
        return 0
    if flags & ~RWF_SUPPORTED or (flags & RWF_NOWAIT and not may_refuse_to_wait(filp)):
        return -EOPNOTSUPP
    if flags & RWF_APPEND and writing:
        return appended(filp, offset, it)
    if flags & RWF_NOWAIT and not filp.f_flags & O_NONBLOCK:
        filp.f_flags |= O_NONBLOCK
        result = filp.f_op.write(filp, it) if writing else filp.f_op.read(filp, it)
        filp.f_flags &= ~O_NONBLOCK
        return result
    if offset == -1:
        return filp.f_op.write(filp, it) if writing else filp.f_op.read(filp, it)
    return at_position(filp, offset, writing, it)


def sys_preadv(task, fd, vector, count, offset, high, a5):
    """ssize_t preadv(int fd, const struct iovec *iov, int iovcnt, off_t offset)"""
    return -EINVAL if offset < 0 else vector_at(task, fd, vector, count, offset, 0, False)


def sys_pwritev(task, fd, vector, count, offset, high, a5):
    """ssize_t pwritev(int fd, const struct iovec *iov, int iovcnt, off_t offset)"""
    return -EINVAL if offset < 0 else vector_at(task, fd, vector, count, offset, 0, True)


def sys_preadv2(task, fd, vector, count, offset, high, flags):
    """ssize_t preadv2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags)"""
    return vector_at(task, fd, vector, count, offset, flags, False)


def sys_pwritev2(task, fd, vector, count, offset, high, flags):
    """ssize_t pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags)"""
    return vector_at(task, fd, vector, count, offset, flags, True)


def sys_fadvise64(task, fd, offset, length, advice, a4, a5):
    """int posix_fadvise(int fd, off_t offset, off_t len, int advice): advice that changes nothing here"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if not positioned(filp):
        return -ESPIPE
    return 0 if 0 <= advice < ADVICES and length >= 0 else -EINVAL


def kernel_write(filp, data):
    """Write the kernel's own bytes to an open file; the count, or a negative errno."""
    return filp.f_op.write(filp, kernel_iter(data))


def register(table):
    """Enter this room's calls into the table."""
    for nr, name, function in (
        (SYS_read, "read", sys_read()),
        (SYS_write, "write", sys_write()),
        (SYS_readv, "readv", sys_readv),
        (SYS_writev, "writev", sys_writev),
        (SYS_lseek, "lseek", sys_lseek),
        (SYS__llseek, "_llseek", sys_llseek),
        (SYS_pread64, "pread64", sys_pread64),
        (SYS_pwrite64, "pwrite64", sys_pwrite64),
        (SYS_preadv, "preadv", sys_preadv),
        (SYS_pwritev, "pwritev", sys_pwritev),
        (SYS_preadv2, "preadv2", sys_preadv2),
        (SYS_fadvise64, "fadvise64", sys_fadvise64),
        (SYS_pwritev2, "pwritev2", sys_pwritev2),
    ):
        table.register(nr, name, function)
