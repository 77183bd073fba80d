"""Requests that only the master of a pseudo-terminal knows: ioctl_tty(2), ptsname(3), unlockpt(3)."""

from kernel.arch.uaccess import copy_from_user, put_user
from kernel.fs.open import do_filp_open
from kernel.uapi.errno import EFAULT, EINVAL, EIO, ENOTTY
from kernel.uapi.fcntl import O_CLOEXEC
from kernel.uapi.signal import SIGINT, SIGQUIT, SIGTSTP
from kernel.uapi.termios import TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCGPTPEER, TIOCPKT, TIOCSIG, TIOCSPTLCK


def pty_ioctl(operations, task, tty, cmd, arg):
    """A request; 0, a descriptor or a negative errno."""
    if cmd == TIOCGPTPEER:
        return open_peer(operations.kernel, task, tty, arg & 0xFFFFFFFF) if tty.is_master() else -EIO
    if not tty.is_master():
        return -ENOTTY
    if cmd in ASKING:
        return 0 if put_user(task.mm, arg, 4, ASKING[cmd](tty)) else -EFAULT
    if cmd == TIOCSIG:
        if arg not in (SIGINT, SIGQUIT, SIGTSTP):
            return -EINVAL
        tty.link.signal(arg)
        return 0
    if cmd not in (TIOCSPTLCK, TIOCPKT):
        return -ENOTTY
    raw = copy_from_user(task.mm, arg, 4)
    if raw is None:
        return -EFAULT
    if cmd == TIOCSPTLCK:
        tty.locked = any(raw)
    else:
        if any(raw) and not tty.packet:
            tty.pktstatus = 0
        tty.packet = any(raw)
    return 0


ASKING = {
    TIOCGPTN: lambda tty: tty.index,
    TIOCGPTLCK: lambda tty: int(tty.locked),
    TIOCGPKT: lambda tty: int(tty.packet),
}


def open_peer(kernel, task, tty, flags):
    """TIOCGPTPEER: a descriptor of the slave, whatever is mounted where the program looks."""
    fd = task.files.get_unused_fd()
    if fd < 0:
        return fd
    filp = do_filp_open(task, kernel.vfs.copy(), tty.link.name, flags, 0)
    if isinstance(filp, int):
        task.files.put_unused_fd(fd)
        return filp
    task.files.fd_install(fd, filp, flags & O_CLOEXEC != 0)
    return fd
