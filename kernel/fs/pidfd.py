"""pidfd_open(2): a process as a file, whose number nobody else gets.  It is readable once the process has ended.

Sockets of AF_UNIX give such files of their peers (SO_PEERPIDFD) and of who has sent a message (SCM_PIDFD); unix(7).
"""

from kernel.arch.uaccess import copy_from_user
from kernel.fs.anon_inodes import anon_file
from kernel.fs.file import file_operations
from kernel.fs.select import poll_wait
from kernel.sched.exit import is_zombie
from kernel.sched.state import EXIT_DEAD
from kernel.siginfo import from_user_bytes
from kernel.signal import may_signal, send_group_signal, siginfo
from kernel.syscalls import from_user
from kernel.uapi.errno import EBADF, EINVAL, EPERM, ESPIPE, ESRCH
from kernel.uapi.fcntl import O_NONBLOCK, O_RDWR
from kernel.uapi.poll import POLLHUP, POLLIN, POLLRDNORM
from kernel.uapi.signal import NSIG, SI_TKILL, SI_USER, SIGINFO_SIZE
from kernel.uapi.syscall import SYS_pidfd_open, SYS_pidfd_send_signal

PIDFD_NONBLOCK = O_NONBLOCK
NOBODY = -1


class pidfd_operations(file_operations):
    """A process as an open file; `private_data` is its `signal_struct`."""

    def poll(self, filp, table):
        process = filp.private_data
        poll_wait(filp, process.pidfd_wqh, table)
        if process.leader.state == EXIT_DEAD:
            return POLLIN | POLLRDNORM | POLLHUP
        return POLLIN | POLLRDNORM if is_zombie(process.leader) else 0

    def llseek(self, filp, offset, whence):
        return -ESPIPE

    def fdinfo(self, filp):
        leader = filp.private_data.leader
        pid = NOBODY if leader.state == EXIT_DEAD else leader.pid
        return f"Pid:\t{pid}\nNSpid:\t{pid}\n"


def pidfd_install(task, process, flags):
    """A new descriptor of `task` for a process, which is closed by execve: its number, or a negative errno."""
    return task.files.install_new(anon_file("pidfd", pidfd_operations(), O_RDWR | flags, process), True)


class pidfd_calls:
    """The calls about processes as files of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel

    def pidfd_open(self, task, pid, flags, a2, a3, a4, a5):
        """int pidfd_open(pid_t pid, unsigned int flags)"""
        if flags & ~PIDFD_NONBLOCK or pid <= 0:
            return -EINVAL
        target = self.kernel.pids.find(pid)
        if target is None:
            return -ESRCH
        if not target.is_leader():
            return -EINVAL
        return pidfd_install(task, target.signal, flags & PIDFD_NONBLOCK)

    def pidfd_send_signal(self, task, fd, sig, address, flags, a4, a5):
        """int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)"""
        if flags:
            return -EINVAL
        filp = task.files.fget(fd)
        if filp is None or not isinstance(filp.f_op, pidfd_operations):
            return -EBADF
        target = filp.private_data.leader
        info = None
        if address:
            info = from_user_bytes(from_user(copy_from_user(task.mm, address, SIGINFO_SIZE)))
            if info.signo != sig:
                return -EINVAL
            if (info.code >= 0 or info.code == SI_TKILL) and target.tgid != task.tgid:
                return -EPERM
        if target.state == EXIT_DEAD:
            return -ESRCH
        if not 0 <= sig <= NSIG:
            return -EINVAL
        if not may_signal(task, target, sig):
            return -EPERM
        if sig == 0 or target.is_kthread():
            return 0
        return send_group_signal(target, sig, info or siginfo(sig, SI_USER, task.tgid, task.uid))

    def register(self, table):
        """Enter these calls into the table."""
        table.register(SYS_pidfd_open, "pidfd_open", self.pidfd_open)
        table.register(SYS_pidfd_send_signal, "pidfd_send_signal", self.pidfd_send_signal)
