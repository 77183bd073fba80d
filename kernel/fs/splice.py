"""Moving data between files without a program's memory: sendfile, splice, tee, vmsplice, copy_file_range."""

from kernel.arch.uaccess import get_user, kernel_iter, put_user
from kernel.fs.pipe import pipe_inode_info
from kernel.fs.read_write import COUNT_MASK, import_iovec, positioned
from kernel.uapi.errno import EBADF, EFAULT, EINVAL, EISDIR, EOPNOTSUPP, ESPIPE, EXDEV
from kernel.uapi.fcntl import (
    FMODE_READ,
    FMODE_WRITE,
    MAX_RW_COUNT,
    O_APPEND,
    O_NONBLOCK,
    PAGE_SIZE,
    SEEK_CUR,
    SEEK_SET,
    SPLICE_F_GIFT,
    SPLICE_F_MORE,
    SPLICE_F_MOVE,
    SPLICE_F_NONBLOCK,
)
from kernel.uapi.syscall import SYS_copy_file_range, SYS_sendfile64, SYS_splice, SYS_tee, SYS_vmsplice

CHUNK = 131072
OFFSET_SIZE = 8
SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT


def opened(task, fd, mode):
    """The open file of a descriptor that is open for `mode`, else None."""
    filp = task.files.fget(fd)
    return filp if filp is not None and filp.f_mode & mode else None


def seekable(filp):
    return filp.f_op.llseek(filp, 0, SEEK_CUR) != -ESPIPE


def bad_offset(task, address):
    """True for the address of an offset that can not be read."""
    return address != 0 and task.mm.room(address & 0xFFFFFFFFFFFFFFFF) < OFFSET_SIZE


class at_offset:
    """A file's position, or the one in user memory at `address` in its stead, which is stored back at the end."""

    def __init__(self, mm, filp, address):
        self.mm = mm
        self.filp = filp
        self.address = address & 0xFFFFFFFFFFFFFFFF
        self.kept = filp.f_pos

    def enter(self):
        """0 or a negative errno."""
        if not self.address:
            return 0
        if not positioned(self.filp):
            return -ESPIPE
        try:
            start = get_user(self.mm, self.address, 8)
        except MemoryError:
            return -EFAULT
        if start < 0:
            return -EINVAL
        self.filp.f_pos = start
        return 0

    def leave(self, result):
        """The result of the call once the position is where it belongs."""
        if not self.address:
            return result
        moved = self.filp.f_pos
        self.filp.f_pos = self.kept
        return result if put_user(self.mm, self.address, 8, moved) else -EFAULT


def move(source, target, count):
    """Move up to `count` bytes from one open file to another; the count, or a negative errno.

    What was read from a file with a position and not taken by the target is read again next time.
    """
    buffer = bytearray(min(count, CHUNK))
    done = 0
    while done < count:
        wanted = min(len(buffer), count - done)
        start = source.f_pos
        with memoryview(buffer) as view:
            got = source.f_op.splice_read(source, kernel_iter(view[:wanted], True), False)
            if got <= 0:
                return done if done or got == 0 else got
            sent = target.f_op.write(target, kernel_iter(view[:got]))
        if sent < got:
            source.f_pos = start + max(sent, 0)
        if sent < 0:
            return done if done else sent
        done += sent
        if sent < got:
            break
    return done


class splice_calls:
    """sendfile, splice, tee and vmsplice of one kernel; `pipes` are the operations of its pipes."""

    def __init__(self, pipes):
        self.pipes = pipes

    def sendfile64(self, task, out_fd, in_fd, offset, count, a4, a5):
        """ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)"""
        if bad_offset(task, offset):
            return -EFAULT
        result = self.sendfile(task, out_fd, in_fd, offset, count)
        # The position is stored whatever has become of the call.
        if offset and not put_user(task.mm, offset, OFFSET_SIZE, get_user(task.mm, offset, OFFSET_SIZE)):
            return -EFAULT
        return result

    def sendfile(self, task, out_fd, in_fd, offset, count):
        source = opened(task, in_fd, FMODE_READ)
        if source is None:
            return -EBADF
        place = at_offset(task.mm, source, offset)
        err = place.enter()
        if err < 0:
            return err
        target = opened(task, out_fd, FMODE_WRITE)
        if count < 0:
            result = -EINVAL
        elif target is None:
            result = -EBADF
        elif pipe_of(target) is not None:
            result = self.into(source, pipe_of(target), min(count, MAX_RW_COUNT), target.f_flags & O_NONBLOCK != 0)
        elif not seekable(source) or target.f_flags & O_APPEND:
            # What could not be written would be lost with a file that can not be read at any place.
            result = -EINVAL
        elif count and not target.f_op.can_splice_write():
            result = -EINVAL
        else:
            result = move(source, target, min(count, MAX_RW_COUNT))
        return place.leave(result)

    def splice(self, task, fd_in, off_in, fd_out, off_out, length, flags):
        """ssize_t splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags)"""
        if length == 0:
            return 0
        if flags & ~SPLICE_FLAGS:
            return -EINVAL
        source, target = task.files.fget(fd_in), task.files.fget(fd_out)
        if source is None or target is None:
            return -EBADF
        pipe_in, pipe_out = pipe_of(source), pipe_of(target)
        if (pipe_in is not None and off_in) or (pipe_out is not None and off_out):
            return -ESPIPE
        if bad_offset(task, off_out) or bad_offset(task, off_in):
            return -EFAULT
        if not source.f_mode & FMODE_READ or not target.f_mode & FMODE_WRITE:
            return -EBADF
        if (pipe_in is None and pipe_out is None) or (length < 0 and (pipe_in is None or pipe_out is None)):
            return -EINVAL
        if (off_in and not positioned(source)) or (off_out and not positioned(target)):
            return -EINVAL
        if length < 0:
            length = MAX_RW_COUNT
        length = min(length, MAX_RW_COUNT)
        nonblock = flags & SPLICE_F_NONBLOCK != 0
        if pipe_in is not None and pipe_out is not None:
            if pipe_in is pipe_out:
                return -EINVAL
            nonblock = nonblock or bool((source.f_flags | target.f_flags) & O_NONBLOCK)
            return self.between(pipe_in, pipe_out, length, nonblock, False)
        if pipe_in is not None:
            if target.f_flags & O_APPEND or not target.f_op.can_splice_write():
                return -EINVAL
            nonblock = nonblock or source.f_flags & O_NONBLOCK != 0
            place = at_offset(task.mm, target, off_out)
            err = place.enter()
            return err if err < 0 else place.leave(self.out_of(pipe_in, target, length, nonblock))
        nonblock = nonblock or target.f_flags & O_NONBLOCK != 0
        place = at_offset(task.mm, source, off_in)
        err = place.enter()
        return err if err < 0 else place.leave(self.into(source, pipe_out, length, nonblock))

    def out_of(self, pipe, target, length, nonblock):
        """From a pipe to a file or a socket."""
        done = 0
        while done < length:
            ready = self.pipes.wait_for_data(pipe, nonblock) if done == 0 else int(pipe.length > 0)
            if ready <= 0:
                return done if done or ready == 0 else ready
            chunk = pipe.first()[: length - done]
            sent = target.f_op.write(target, kernel_iter(chunk))
            if sent <= 0:
                return done if done else sent
            was_full = pipe.full()
            pipe.consume(sent)
            done += sent
            self.pipes.after_read(pipe, was_full)
            if sent < len(chunk):
                break
        return done

    def into(self, source, pipe, length, nonblock):
        """From a file or a socket to a pipe: as much as fits and is there."""
        err = self.pipes.wait_for_room(pipe, nonblock)
        if err < 0 or length == 0:
            return err
        room = min(length, (pipe.slots - len(pipe.bufs)) * PAGE_SIZE)
        buffer = bytearray(room)
        got = source.f_op.splice_read(source, kernel_iter(buffer, True), nonblock)
        if got > 0:
            fill(pipe, bytes(buffer[:got]))
            self.pipes.after_write(pipe)
        return got

    def between(self, pipe_in, pipe_out, length, nonblock, keep):
        """From a pipe to another; `keep` leaves the data in the first (tee)."""
        while True:
            ready = self.pipes.wait_for_data(pipe_in, nonblock)
            if ready <= 0:
                return ready
            err = self.pipes.wait_for_room(pipe_out, nonblock)
            if err < 0:
                return err
            if pipe_in.length and not pipe_out.full():
                break
        done = 0
        was_full = pipe_in.full()
        pages = list(pipe_in.bufs)
        pages[0] = pipe_in.first()
        for page, packet in zip(pages, list(pipe_in.packets), strict=True):
            if done == length or pipe_out.full():
                break
            chunk = page[: length - done]
            pipe_out.append(chunk, packet)
            done += len(chunk)
            if not keep:
                pipe_in.consume(len(chunk))
        if not keep:
            self.pipes.after_read(pipe_in, was_full)
        self.pipes.after_write(pipe_out)
        return done

    def tee(self, task, fd_in, fd_out, length, flags, a4, a5):
        """ssize_t tee(int fd_in, int fd_out, size_t len, unsigned int flags)"""
        if flags & ~SPLICE_FLAGS:
            return -EINVAL
        if length == 0:
            return 0
        source, target = opened(task, fd_in, FMODE_READ), opened(task, fd_out, FMODE_WRITE)
        if source is None or target is None:
            return -EBADF
        pipe_in, pipe_out = pipe_of(source), pipe_of(target)
        if pipe_in is None or pipe_out is None or pipe_in is pipe_out:
            return -EINVAL
        nonblock = bool(flags & SPLICE_F_NONBLOCK or (source.f_flags | target.f_flags) & O_NONBLOCK)
        return self.between(pipe_in, pipe_out, min(length, MAX_RW_COUNT), nonblock, True)

    def vmsplice(self, task, fd, vector, count, flags, a4, a5):
        """ssize_t vmsplice(int fd, const struct iovec *iov, size_t nr_segs, unsigned int flags): copies"""
        if flags & ~SPLICE_FLAGS:
            return -EINVAL
        filp = task.files.fget(fd)
        if filp is None:
            return -EBADF
        it = import_iovec(task.mm, vector, count & COUNT_MASK)
        if isinstance(it, int):
            return it
        if it.count == 0:
            return 0
        pipe = pipe_of(filp)
        if pipe is None:
            return -EBADF
        if filp.f_mode & FMODE_WRITE:
            return self.from_memory(pipe, it, flags & SPLICE_F_NONBLOCK != 0)
        kept = filp.f_flags
        if flags & SPLICE_F_NONBLOCK:
            filp.f_flags |= O_NONBLOCK
        result = filp.f_op.read(filp, it)
        filp.f_flags = kept
        return result

    def from_memory(self, pipe, it, nonblock):
        """From a program's memory to a pipe: pages of their own, as many as there is room for."""
        err = self.pipes.wait_for_room(pipe, nonblock)
        if err < 0:
            return err
        done = 0
        while it.count and not pipe.full():
            chunk = it.read(min(it.count, PAGE_SIZE))
            if chunk is None:
                done = done or -EFAULT
                break
            pipe.append(chunk, False)
            done += len(chunk)
        self.pipes.after_write(pipe)
        return done

    def register(self, table):
        """Enter this room's calls into the table."""
        table.register(SYS_sendfile64, "sendfile64", self.sendfile64)
        table.register(SYS_copy_file_range, "copy_file_range", sys_copy_file_range)
        table.register(SYS_splice, "splice", self.splice)
        table.register(SYS_tee, "tee", self.tee)
        table.register(SYS_vmsplice, "vmsplice", self.vmsplice)


def pipe_of(filp):
    """The pipe behind an open file, or None."""
    pipe = filp.private_data
    return pipe if isinstance(pipe, pipe_inode_info) else None


def fill(pipe, data):
    """Put bytes for which there is room into a pipe."""
    for start in range(0, len(data), PAGE_SIZE):
        pipe.append(data[start : start + PAGE_SIZE], False)


def sys_copy_file_range(task, fd_in, off_in, fd_out, off_out, length, flags):
    """ssize_t copy_file_range(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags)"""
    source, target = opened(task, fd_in, FMODE_READ), opened(task, fd_out, FMODE_WRITE)
    if source is None or target is None:
        return -EBADF
    if flags:
        return -EINVAL
    for filp in (source, target):
        if filp.inode is not None and filp.inode.is_dir():
            return -EISDIR
        if filp.inode is None or not filp.inode.is_regular():
            return -EINVAL
    if target.f_flags & O_APPEND:
        return -EBADF
    if source.inode.i_sb is not target.inode.i_sb and "proc" in (source.inode.i_sb.name, target.inode.i_sb.name):
        return -EXDEV if source.inode.i_sb.name == "proc" else -EOPNOTSUPP
    reading, writing = at_offset(task.mm, source, off_in), at_offset(task.mm, target, off_out)
    err = reading.enter() or writing.enter()
    if err < 0:
        return err
    length = min(max(length, 0), MAX_RW_COUNT)
    if source.inode is target.inode:
        apart = abs(source.f_pos - target.f_pos)
        if apart < min(length, max(0, source.inode.i_size - source.f_pos)):
            return reading.leave(writing.leave(-EINVAL))
        if source is target:
            return copy_within(source, reading, writing, length)
    return reading.leave(writing.leave(move(source, target, length)))


def copy_within(filp, reading, writing, length):
    """copy_file_range where one open file is source and target."""
    start = filp.f_pos if not reading.address else get_user(reading.mm, reading.address, 8)
    end = get_user(writing.mm, writing.address, 8) if writing.address else filp.f_pos
    data = bytes(filp.inode.i_private[start : start + length])
    filp.f_op.llseek(filp, end, SEEK_SET)
    done = filp.f_op.write(filp, kernel_iter(data)) if data else 0
    filp.f_pos = reading.kept
    for place, position in ((reading, start), (writing, end)):
        if place.address:
            put_user(place.mm, place.address, 8, position + max(done, 0))
    return done
