"""Pipes: a bounded queue of bytes between two open files."""

from collections import deque

from kernel.fs.file import file, file_operations
from kernel.fs.select import poll_wait
from kernel.sched.wait import wait_queue_head
from kernel.signal import send_signal
from kernel.uapi.errno import EAGAIN, EFAULT, EPIPE, ERESTARTSYS
from kernel.uapi.fcntl import O_NONBLOCK, O_RDONLY, O_WRONLY
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from kernel.uapi.signal import SIGPIPE

PIPE_SIZE = 65536
# A write of at most this many bytes is not mixed with others'.
PIPE_BUF = 4096


class pipe_inode_info:
    """The pipe itself.  Chunks are kept as they were written; `offset` is how much of the first has been read."""

    def __init__(self):
        self.chunks = deque()
        self.offset = 0
        self.length = 0
        self.readers = 1
        self.writers = 1
        self.rd_wait = wait_queue_head()
        self.wr_wait = wait_queue_head()


class pipe_file_operations(file_operations):
    """Both ends."""

    def __init__(self, sched):
        self.sched = sched

    def read(self, filp, to):
        pipe = filp.private_data
        sched = self.sched
        if to.count == 0:
            return 0
        while pipe.length == 0:
            if pipe.writers == 0:
                return 0
            if filp.f_flags & O_NONBLOCK:
                return -EAGAIN
            if sched.signal_pending():
                return -ERESTARTSYS
            sched.prepare_to_wait(pipe.rd_wait, True)
            if pipe.length == 0 and pipe.writers != 0:
                sched.schedule()
            sched.finish_wait(pipe.rd_wait)
        done = 0
        count = 0
        while pipe.length and to.count:
            chunk = pipe.chunks[0]
            if pipe.offset == 0:
                count = to.write(chunk)
            else:
                with memoryview(chunk) as view:
                    count = to.write(view[pipe.offset :])
            if count < 0:
                return done if done else count
            done += count
            pipe.offset += count
            pipe.length -= count
            if pipe.offset == len(chunk):
                pipe.chunks.popleft()
                pipe.offset = 0
        pipe.wr_wait.wake_up(POLLOUT | POLLWRNORM)
        if pipe.length:
            # More readers may find something.
            pipe.rd_wait.wake_up(POLLIN | POLLRDNORM)
        return done

    def write(self, filp, source):
        pipe = filp.private_data
        sched = self.sched
        done = 0
        atomic = source.count <= PIPE_BUF
        while source.count:
            if pipe.readers == 0:
                if done == 0:
                    send_signal(sched.current, SIGPIPE)
                    return -EPIPE
                return done
            room = PIPE_SIZE - pipe.length
            if room < (source.count if atomic else 1):
                if filp.f_flags & O_NONBLOCK:
                    return done if done else -EAGAIN
                if sched.signal_pending():
                    return done if done else -ERESTARTSYS
                sched.prepare_to_wait(pipe.wr_wait, True)
                if pipe.readers != 0:
                    sched.schedule()
                sched.finish_wait(pipe.wr_wait)
                continue
            chunk = source.read(min(room, source.count))
            if chunk is None:
                return done if done else -EFAULT
            pipe.chunks.append(chunk)
            pipe.length += len(chunk)
            done += len(chunk)
            pipe.rd_wait.wake_up(POLLIN | POLLRDNORM)
        return done

    def poll(self, filp, table):
        pipe = filp.private_data
        if filp.f_flags & O_WRONLY:
            poll_wait(filp, pipe.wr_wait, table)
            mask = POLLERR if pipe.readers == 0 else 0
            if PIPE_SIZE - pipe.length >= PIPE_BUF:
                mask |= POLLOUT | POLLWRNORM
            return mask
        poll_wait(filp, pipe.rd_wait, table)
        mask = POLLHUP if pipe.writers == 0 else 0
        if pipe.length:
            mask |= POLLIN | POLLRDNORM
        return mask

    def release(self, filp):
        pipe = filp.private_data
        if filp.f_flags & O_WRONLY:
            pipe.writers = 0
        else:
            pipe.readers = 0
            pipe.chunks.clear()
            pipe.length = 0
        pipe.rd_wait.wake_up_all(POLLIN | POLLHUP)
        pipe.wr_wait.wake_up_all(POLLOUT | POLLERR)


def create_pipe_files(operations, flags, number):
    """The (read end, write end) of a new pipe."""
    pipe = pipe_inode_info()
    name = f"pipe:[{number}]"
    return (
        file(operations, O_RDONLY | flags, private_data=pipe, path=name),
        file(operations, O_WRONLY | flags, private_data=pipe, path=name),
    )
