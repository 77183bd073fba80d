"""pidfd_open(2), pidfd_send_signal(2), and waiting for a process by its descriptor."""

from system import System

from hwemu.cpu import trap
from userland import libc
from userland.abi.syscall import SYS_waitid

P_PIDFD, WEXITED, WNOHANG = 3, 4, 1
ENDED = libc.POLLIN | libc.POLLRDNORM


def revents(fd):
    entry = libc.pollfd(fd, 0x3FFF)
    libc.poll([entry], 0)
    return entry.revents


def errno_of(result):
    assert result == -1
    return libc.errno


def sleeper(argv):
    libc.sleep(1000)
    return 0


def test_the_end_of_a_process_is_an_event():
    def init(argv):
        pid = libc.spawn("/bin/sleeper", ["sleeper"])
        fd = libc.pidfd_open(pid)
        assert fd >= 0 and libc.fcntl(fd, libc.F_GETFD) == libc.FD_CLOEXEC
        assert revents(fd) == 0
        assert trap(SYS_waitid, P_PIDFD, fd, 0, WEXITED | WNOHANG, 0) == 0
        epoll = libc.epoll_create1(0)
        assert libc.epoll_ctl(epoll, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN, fd) == 0
        assert libc.pidfd_send_signal(fd, libc.SIGTERM) == 0
        # Who sleeps is woken; a zombie is no longer there for signals to do anything, but it is there.
        assert libc.epoll_wait(epoll, [], 1, -1) == 1
        assert revents(fd) == ENDED and libc.pidfd_send_signal(fd, 0) == 0
        assert trap(SYS_waitid, P_PIDFD, fd, 0, WEXITED, 0) == 0
        assert revents(fd) == ENDED | libc.POLLHUP
        # Nobody gets its number by this descriptor.
        assert errno_of(libc.pidfd_send_signal(fd, 0)) == libc.ESRCH
        assert errno_of(libc.pidfd_open(pid)) == libc.ESRCH
        assert trap(SYS_waitid, P_PIDFD, fd, 0, WEXITED, 0) == -libc.ECHILD
        libc.close(epoll)
        libc.close(fd)
        return 0

    assert System({"/bin/sleeper": sleeper}, memory=16 << 20).run(init) == 0


def test_what_is_refused():
    def init(argv):
        for pid, flags in ((0, 0), (-1, 0), (1, 1)):
            assert errno_of(libc.pidfd_open(pid, flags)) == libc.EINVAL
        fd = libc.pidfd_open(1, libc.O_NONBLOCK)
        assert libc.fcntl(fd, libc.F_GETFL) & libc.O_NONBLOCK
        assert errno_of(libc.read(fd, bytearray(1))) == errno_of(libc.write(fd, b"x")) == libc.EINVAL
        assert errno_of(libc.pidfd_send_signal(fd, 99)) == libc.EINVAL
        assert errno_of(libc.pidfd_send_signal(fd, 0, 1)) == libc.EINVAL
        assert errno_of(libc.pidfd_send_signal(0, 0)) == errno_of(libc.pidfd_send_signal(77, 0)) == libc.EBADF
        assert trap(SYS_waitid, P_PIDFD, 0, 0, WEXITED, 0) == -libc.EBADF
        libc.close(fd)
        return 0

    assert System(memory=16 << 20).run(init) == 0
