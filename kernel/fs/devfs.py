"""/dev: character devices without hardware (null, zero, full, random, urandom)."""

from kernel.fs.file import file_operations
from kernel.fs.ramfs import ramfs
from kernel.uapi.errno import EFAULT, ENOSPC
from kernel.uapi.poll import DEFAULT_POLLMASK, POLLIN, POLLRDNORM

ZEROES = bytes(65536)
RANDOM_CHUNK = 65536
STREAMS = ("stdin", "stdout", "stderr")


class null_operations(file_operations):
    """Reads end at once, writes vanish."""

    def can_poll(self):
        return False

    def read(self, filp, to):
        return 0

    def write(self, filp, source):
        count = source.count
        source.advance(count)
        return count

    def can_splice_write(self):
        return True

    def llseek(self, filp, offset, whence):
        return 0


class zero_operations(null_operations):
    """Reads give zero bytes."""

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def read(self, filp, to):
        return fill(to, lambda count: ZEROES[:count])


class full_operations(zero_operations):
    """Reads give zero bytes, writes find no space."""

    def write(self, filp, source):
        return -ENOSPC


class random_operations(null_operations):
    """Reads give bytes of the machine's seeded generator.  Of the two only /dev/random can be polled."""

    def __init__(self, random, pollable):
        self.random = random
        self.pollable = pollable

    def can_poll(self):
        return self.pollable

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def poll(self, filp, table):
        return POLLIN | POLLRDNORM if self.pollable else DEFAULT_POLLMASK

    def read(self, filp, to):
        return fill(to, self.random.randbytes)


def fill(to, make):
    """Fill the user's buffers with `make(count)` bytes at a time; the count, or -EFAULT."""
    done = 0
    while to.count:
        count = to.write(make(min(to.count, RANDOM_CHUNK)))
        if count < 0:
            return done if done else -EFAULT
        done += count
    return done


def make_devfs(device, now, random, limit):
    """The file system for /dev with the devices that need no hardware."""
    sb = ramfs("devtmpfs", device, now, limit)
    add_device(sb, "null", null_operations(), 1, 3)
    add_device(sb, "zero", zero_operations(), 1, 5)
    add_device(sb, "full", full_operations(), 1, 7)
    add_device(sb, "random", random_operations(random, True), 1, 8)
    add_device(sb, "urandom", random_operations(random, False), 1, 9)
    for name, target in (("fd", "/proc/self/fd"), *((name, f"/proc/self/fd/{fd}") for fd, name in enumerate(STREAMS))):
        sb.operations.symlink(sb.root, name, target)
    return sb


def add_device(sb, name, fops, major, minor):
    """A character device node."""
    sb.operations.device(sb.root, name, 0o666, fops, major << 8 | minor)
