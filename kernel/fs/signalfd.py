"""signalfd(2): signals as something to read.  What a read takes are the signals of the task that reads."""

from struct import Struct

from kernel.arch.uaccess import copy_from_user
from kernel.fs.anon_inodes import anon_file
from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.signal import UNBLOCKABLE, pending_mask
from kernel.signal_delivery import dequeue_signal
from kernel.uapi.errno import EAGAIN, EBADF, EFAULT, EINVAL, ERESTARTSYS
from kernel.uapi.eventfd import SFD_CLOEXEC, SFD_NONBLOCK, SIGNALFD_SIGINFO_SIZE
from kernel.uapi.fcntl import O_NONBLOCK, O_RDWR
from kernel.uapi.poll import POLLIN
from kernel.uapi.signal import SIGSET_SIZE
from kernel.uapi.syscall import SYS_signalfd, SYS_signalfd4

# struct signalfd_siginfo up to the address: signo, errno, code, pid, uid, fd, tid, band, overrun, trapno, status, int, ptr,
# utime, stime, addr.
SIGNALFD_SIGINFO = Struct("<IiiIIiIIIIiiQQQQ")


class signalfd_operations(file_operations):
    """An open signalfd; private_data is the mask of signals."""

    def __init__(self, sched):
        self.sched = sched

    def read(self, filp, to):
        if to.count < SIGNALFD_SIGINFO_SIZE:
            return -EINVAL
        task = self.sched.current
        done = 0
        while to.count >= SIGNALFD_SIGINFO_SIZE:
            info = dequeue_signal(task, filp.private_data)
            if info is None:
                if done:
                    break
                if filp.f_flags & O_NONBLOCK:
                    return -EAGAIN
                if self.sched.signal_pending():
                    return -ERESTARTSYS
                self.sched.prepare_to_wait(task.signal.signalfd_wqh)
                self.sched.schedule()
                self.sched.finish_wait(task.signal.signalfd_wqh)
                continue
            if to.write(pack(info)) != SIGNALFD_SIGINFO_SIZE:
                return done if done else -EFAULT
            done += SIGNALFD_SIGINFO_SIZE
        return done

    def poll(self, filp, table):
        task = self.sched.current
        poll_wait(filp, task.signal.signalfd_wqh, table)
        return POLLIN if pending_mask(task) & filp.private_data else 0

    def llseek(self, filp, offset, whence):
        return filp.f_pos

    def fdinfo(self, filp):
        return f"sigmask:\t{filp.private_data:016x}\n"


def pack(info):
    """struct signalfd_siginfo of a signal."""
    utime, stime = info.ticks()
    value = info.value & 0xFFFFFFFFFFFFFFFF
    number = (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    raw = SIGNALFD_SIGINFO.pack(
        info.signo, info.errno, info.code, info.pid & 0xFFFFFFFF, info.uid & 0xFFFFFFFF, info.fd, info.timer_id,
        info.band & 0xFFFFFFFF, info.overrun, 0, info.status, number, value, utime, stime, info.address,
    )  # fmt: skip
    return raw.ljust(SIGNALFD_SIGINFO_SIZE, b"\0")


class signalfd_calls:
    """signalfd and signalfd4 of one kernel."""

    def __init__(self, sched):
        self.operations = signalfd_operations(sched)

    def signalfd(self, task, fd, mask, size, a3, a4, a5):
        """int signalfd(int fd, const sigset_t *mask, size_t sizemask)"""
        return self.signalfd4(task, fd, mask, size, 0, a4, a5)

    def signalfd4(self, task, fd, mask, size, flags, a4, a5):
        """int signalfd4(int fd, const sigset_t *mask, size_t sizemask, int flags): fd -1 makes a new one"""
        if size != SIGSET_SIZE:
            return -EINVAL
        raw = copy_from_user(task.mm, mask & 0xFFFFFFFFFFFFFFFF, SIGSET_SIZE)
        if raw is None:
            return -EFAULT
        if flags & ~(SFD_CLOEXEC | SFD_NONBLOCK):
            return -EINVAL
        wanted = int.from_bytes(raw, "little") & ~UNBLOCKABLE
        if (fd & 0xFFFFFFFF) == 0xFFFFFFFF:
            filp = anon_file("signalfd", self.operations, O_RDWR | flags & SFD_NONBLOCK, wanted)
            return task.files.install_new(filp, flags & SFD_CLOEXEC != 0)
        filp = task.files.fget(fd)
        if filp is None:
            return -EBADF
        if filp.f_op is not self.operations:
            return -EINVAL
        filp.private_data = wanted
        task.signal.signalfd_wqh.wake_up(POLLIN)
        return fd

    def register(self, table):
        """Enter these calls into the table."""
        table.register(SYS_signalfd, "signalfd", self.signalfd)
        table.register(SYS_signalfd4, "signalfd4", self.signalfd4)
