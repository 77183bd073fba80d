"""read, write and their kin: from a descriptor number to the file's operation."""

from kernel.arch.uaccess import access_ok, get_user, iov_iter, kernel_iter, put_user, user_iter
from kernel.fs.file import file_operations
from kernel.syscalls import syscall_handler
from kernel.uapi.errno import EBADF, EFAULT, EINVAL
from kernel.uapi.fcntl import FMODE_READ, FMODE_WRITE, MAX_RW_COUNT

UIO_MAXIOV = 1024
IOVEC_SIZE = 16
SENDFILE_CHUNK = 131072
# What a file has that can not be read or written at all.
NO_READ = vars(file_operations)["read"]
NO_WRITE = vars(file_operations)["write"]
# SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA and SEEK_HOLE.
SEEK_MAX = 4


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
    it = import_iovec(task.mm, vector, count & 0xFFFFFFFF)
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
    it = import_iovec(task.mm, vector, count & 0xFFFFFFFF)
    if isinstance(it, int):
        return it
    return filp.f_op.write(filp, it) if it.count else 0


def sys_lseek(task, fd, offset, whence, a3, a4, a5):
    """off_t lseek(int fd, off_t offset, int whence)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    return filp.f_op.llseek(filp, offset, whence) if 0 <= whence <= SEEK_MAX else -EINVAL


def sys_sendfile64(task, out_fd, in_fd, offset, count, a4, a5):
    """ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)"""
    source = open_for(task, in_fd, FMODE_READ)
    target = open_for(task, out_fd, FMODE_WRITE)
    if source is None or target is None:
        return -EBADF
    if count < 0:
        return -EINVAL
    kept = source.f_pos
    if offset:
        try:
            start = get_user(task.mm, offset, 8)
        except MemoryError:
            return -EFAULT
        result = source.f_op.llseek(source, start, 0)
        if result < 0:
            return result
    start = source.f_pos
    done = send_file(source, target, min(count, MAX_RW_COUNT))
    # What was read and not taken by the target is read again next time.
    source.f_pos = start + max(done, 0)
    if offset:
        if not put_user(task.mm, offset, 8, source.f_pos):
            done = -EFAULT
        source.f_pos = kept
    return done


def send_file(source, target, count):
    """Move up to `count` bytes from one open file to another; the count, or a negative errno."""
    buffer = bytearray(min(count, SENDFILE_CHUNK))
    done = 0
    while done < count:
        chunk = kernel_iter(buffer, True)
        got = source.f_op.read(source, chunk)
        if got <= 0:
            return done if done or got == 0 else got
        got = min(got, count - done)
        with memoryview(buffer) as view:
            sent = target.f_op.write(target, kernel_iter(view[:got]))
        if sent < 0:
            return done if done else sent
        done += sent
        if sent < got:
            break
    return done


def kernel_write(filp, data):
    """Write the kernel's own bytes to an open file; the count, or a negative errno."""
    return filp.f_op.write(filp, kernel_iter(data))


