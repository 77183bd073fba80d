"""Pipes and FIFOs: a bounded queue of pages between open files; pipe(7), fifo(7).

A pipe has a number of slots, each a page that a write has begun.  A write goes on in the last page as far as its remainder
fits there, so a write of at most PIPE_BUF bytes needs one slot at most and is never mixed with others'.

What is written with O_DIRECT are packets: nothing is added to one, a read ends with it, and what does not fit is lost.
"""

from collections import deque

from kernel.arch.uaccess import put_user
from kernel.fs.file import file, file_operations
from kernel.fs.select import poll_wait
from kernel.sched.wait import wait_queue_head
from kernel.signal import send_signal
from kernel.uapi.errno import EAGAIN, EFAULT, ENOTTY, ENXIO, EPIPE, ERESTARTSYS
from kernel.uapi.fcntl import FMODE_READ, FMODE_WRITE, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY, PAGE_SIZE
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from kernel.uapi.signal import SIGPIPE
from kernel.uapi.termios import FIONREAD

PIPE_SLOTS = 16
READABLE = POLLIN | POLLRDNORM
WRITABLE = POLLOUT | POLLWRNORM


class pipe_inode_info:
    """The pipe itself: `bufs` has the bytes of each page that is in use; `offset` of the first have been read.

    `packets` says of each page whether it is a packet.

    `r_counter` and `w_counter` count how often an end was opened, for who waits for the other end of a FIFO.
    """

    def __init__(self):
        self.bufs = deque()
        self.packets = deque()
        self.offset = 0
        self.length = 0
        self.slots = PIPE_SLOTS
        self.readers = 0
        self.writers = 0
        self.r_counter = 0
        self.w_counter = 0
        self.rd_wait = wait_queue_head()
        self.wr_wait = wait_queue_head()

    def full(self):
        return len(self.bufs) >= self.slots

    def merge(self, total):
        """How many bytes of a write of `total` go into the last page."""
        rest = total & (PAGE_SIZE - 1)
        if rest == 0 or not self.bufs or self.packets[-1]:
            return 0
        return rest if len(self.bufs[-1]) + rest <= PAGE_SIZE else 0

    def append(self, chunk, packet):
        """A page begins with `chunk`."""
        self.bufs.append(chunk)
        self.packets.append(packet)
        self.length += len(chunk)

    def extend(self, chunk):
        """The last page goes on."""
        self.bufs[-1] += chunk
        self.length += len(chunk)

    def consume(self, count):
        """`count` bytes of the first page have been read."""
        self.offset += count
        self.length -= count
        if self.offset == len(self.bufs[0]):
            self.bufs.popleft()
            self.packets.popleft()
            self.offset = 0

    def first(self):
        """What is left of the first page."""
        return self.bufs[0][self.offset :] if self.offset else self.bufs[0]


class pipe_file_operations(file_operations):
    """Both ends, of pipes and of FIFOs."""

    def __init__(self, sched):
        self.sched = sched

    # --- FIFOs ---

    def open(self, filp):
        """A FIFO is opened by name: wait for somebody at the other end."""
        node = filp.inode
        if node.i_private is None:
            node.i_private = pipe_inode_info()
        pipe = node.i_private
        filp.private_data = pipe
        reading = filp.f_mode & FMODE_READ != 0
        writing = filp.f_mode & FMODE_WRITE != 0
        if writing and not reading and pipe.readers == 0 and filp.f_flags & O_NONBLOCK:
            return -ENXIO
        if reading:
            pipe.readers += 1
            pipe.r_counter += 1
        if writing:
            pipe.writers += 1
            pipe.w_counter += 1
        pipe.rd_wait.wake_up_all(0)
        pipe.wr_wait.wake_up_all(0)
        if reading and not writing and pipe.writers == 0:
            if filp.f_flags & O_NONBLOCK:
                # Until a writer has come, the absence of one is no end.
                filp.f_version = pipe.w_counter
            elif not self.wait_for_partner(pipe, False):
                self.release(filp)
                return -ERESTARTSYS
        elif writing and not reading and pipe.readers == 0 and not self.wait_for_partner(pipe, True):
            self.release(filp)
            return -ERESTARTSYS
        return 0

    def wait_for_partner(self, pipe, reader):
        """Sleep until a reader (or a writer) opens the FIFO, even if it closes it again; False for a signal."""
        sched = self.sched
        wq = pipe.wr_wait if reader else pipe.rd_wait
        before = pipe.r_counter if reader else pipe.w_counter
        while before == (pipe.r_counter if reader else pipe.w_counter):
            if sched.signal_pending():
                return False
            sched.prepare_to_wait(wq)
            sched.schedule()
            sched.finish_wait(wq)
        return True

    # --- data ---

    def wait_for_data(self, pipe, nonblock):
        """Sleep until there is something to read: 1, or 0 at the end, -EAGAIN, -ERESTARTSYS."""
        sched = self.sched
        while pipe.length == 0:
            if pipe.writers == 0:
                return 0
            if nonblock:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(pipe.rd_wait, True)
            sched.schedule()
            sched.finish_wait(pipe.rd_wait)
        return 1

    def wait_for_room(self, pipe, nonblock):
        """Sleep until a page can be added: 0, or -EPIPE (with SIGPIPE), -EAGAIN, -ERESTARTSYS."""
        sched = self.sched
        while True:
            if pipe.readers == 0:
                send_signal(sched.current, SIGPIPE)
                return -EPIPE
            if len(pipe.bufs) < pipe.slots:
                return 0
            if nonblock:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(pipe.wr_wait, True)
            sched.schedule()
            sched.finish_wait(pipe.wr_wait)

    def after_read(self, pipe, was_full):
        """Something has been read: writers may have room, other readers more data."""
        if was_full and len(pipe.bufs) < pipe.slots:
            pipe.wr_wait.wake_up(WRITABLE)
        if pipe.length and pipe.rd_wait.first is not None:
            pipe.rd_wait.wake_up(READABLE)

    def after_write(self, pipe):
        """Something has been written: a reader is told, and another writer where there is still room."""
        if pipe.rd_wait.first is not None:
            pipe.rd_wait.wake_up(READABLE)
        if pipe.wr_wait.first is not None and len(pipe.bufs) < pipe.slots:
            pipe.wr_wait.wake_up(WRITABLE)

    def read(self, filp, to):
        pipe = filp.private_data
        if to.count == 0:
            return 0
        ready = self.wait_for_data(pipe, filp.f_flags & O_NONBLOCK != 0)
        if ready <= 0:
            return ready
        was_full = len(pipe.bufs) >= pipe.slots
        done = 0
        count = 0
        while pipe.length and to.count:
            chunk = pipe.bufs[0]
            wanted = min(len(chunk) - pipe.offset, to.count)
            if pipe.offset == 0:
                count = to.write(chunk)
            else:
                with memoryview(chunk) as view:
                    count = to.write(view[pipe.offset :])
            if count < wanted:
                # What was copied in front of the fault stays in the pipe.
                if done == 0:
                    done = -EFAULT
                break
            done += count
            packet = pipe.packets[0]
            pipe.consume(count)
            if packet:
                if pipe.offset:
                    pipe.consume(len(chunk) - pipe.offset)
                break
        self.after_read(pipe, was_full)
        return done

    def write(self, filp, source):
        pipe = filp.private_data
        nonblock = filp.f_flags & O_NONBLOCK != 0
        done = 0
        if source.count == 0:
            return 0
        if pipe.readers == 0:
            send_signal(self.sched.current, SIGPIPE)
            return -EPIPE
        merged = pipe.merge(source.count)
        if merged:
            chunk = source.read(merged)
            if chunk is None:
                return -EFAULT
            pipe.extend(chunk)
            done = len(chunk)
        while source.count:
            if pipe.readers == 0 or len(pipe.bufs) >= pipe.slots:
                if done and pipe.rd_wait.first is not None:
                    pipe.rd_wait.wake_up(READABLE)
                err = self.wait_for_room(pipe, nonblock)
                if err < 0:
                    return done if done else err
            chunk = source.read(PAGE_SIZE if source.count > PAGE_SIZE else source.count)
            if chunk is None:
                if done == 0:
                    done = -EFAULT
                break
            pipe.append(chunk, filp.f_flags & O_DIRECT != 0)
            done += len(chunk)
        self.after_write(pipe)
        return done

    # --- the rest ---

    def can_signal(self):
        return True

    def poll(self, filp, table):
        pipe = filp.private_data
        mask = 0
        if filp.f_mode & FMODE_READ:
            poll_wait(filp, pipe.rd_wait, table)
            if pipe.length:
                mask = READABLE
            if pipe.writers == 0 and filp.f_version != pipe.w_counter:
                mask |= POLLHUP
        if filp.f_mode & FMODE_WRITE:
            poll_wait(filp, pipe.wr_wait, table)
            if len(pipe.bufs) < pipe.slots:
                mask |= WRITABLE
            if pipe.readers == 0:
                mask |= POLLERR
        return mask

    def ioctl(self, filp, cmd, arg):
        if cmd != FIONREAD:
            return -ENOTTY
        return 0 if put_user(self.sched.current.mm, arg, 4, filp.private_data.length) else -EFAULT

    def release(self, filp):
        pipe = filp.private_data
        if filp.f_mode & FMODE_READ:
            pipe.readers -= 1
        if filp.f_mode & FMODE_WRITE:
            pipe.writers -= 1
        if pipe.readers == 0 and pipe.writers == 0:
            pipe.bufs.clear()
            pipe.packets.clear()
            pipe.length = 0
            pipe.offset = 0
        else:
            pipe.rd_wait.wake_up_all(READABLE | POLLHUP)
            pipe.wr_wait.wake_up_all(WRITABLE | POLLERR)


def create_pipe_files(operations, flags, number):
    """The (read end, write end) of a new pipe; `flags`: O_NONBLOCK for both, O_DIRECT for the writer."""
    pipe = pipe_inode_info()
    pipe.readers = pipe.writers = 1
    name = f"pipe:[{number}]"
    return (
        file(operations, O_RDONLY | flags & O_NONBLOCK, private_data=pipe, path=name),
        file(operations, O_WRONLY | flags, private_data=pipe, path=name),
    )
