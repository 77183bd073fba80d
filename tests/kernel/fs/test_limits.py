"""RLIMIT_NOFILE: EMFILE from every call that makes a descriptor, and nothing is lost on the way."""

import pytest
from hwemu_system import run

from userland import libc

ROOM = 12
ADDRESS = libc.sockaddr_un(b"\0limits")


def emfile(result):
    return result == -1 and libc.errno == libc.EMFILE


def fill(limit=ROOM):
    """Open descriptors up to the limit."""
    assert libc.setrlimit(libc.RLIMIT_NOFILE, limit, 1 << 20) == 0
    fds = []
    while (fd := libc.open("/dev/null")) >= 0:
        fds.append(fd)
    assert libc.errno == libc.EMFILE and fds[-1] == limit - 1
    return fds


MAKERS = {
    "open": lambda: libc.open("/sbin/init"),
    "create": lambda: libc.open("/tmp/new", libc.O_CREAT | libc.O_RDWR),
    "socket": lambda: libc.socket(libc.AF_INET, libc.SOCK_STREAM),
    "unix": lambda: libc.socket(libc.AF_UNIX, libc.SOCK_DGRAM),
    "socketpair": lambda: libc.socketpair(libc.AF_UNIX, libc.SOCK_STREAM),
    "pipe": libc.pipe,
    "dup": lambda: libc.dup(0),
    "dupfd": lambda: libc.fcntl(0, libc.F_DUPFD, 3),
    "epoll": libc.epoll_create1,
    "eventfd": libc.eventfd,
    "timerfd": lambda: libc.timerfd_create(libc.CLOCK_MONOTONIC),
    "signalfd": lambda: libc.signalfd(-1, [libc.SIGTERM]),
    "memfd": lambda: libc.memfd_create("m"),
    "tmpfile": lambda: libc.open("/tmp", libc.O_TMPFILE | libc.O_RDWR),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_full_table_refuses_one_more(name):
    def init(argv):
        fds = fill()
        assert emfile(MAKERS[name]())
        if name == "create":
            assert libc.access("/tmp/new", 0) == -1
        if name in ("pipe", "socketpair"):
            # One is not enough.
            libc.close(fds[-1])
            assert emfile(MAKERS[name]())
            assert libc.open("/dev/null") == fds[-1]
        for fd in fds[-2:]:
            libc.close(fd)
        assert MAKERS[name]() != -1

    run(init)


@pytest.mark.parametrize("family", ["unix", "inet"])
def test_accept_at_the_limit_leaves_the_connection(family):
    def init(argv):
        if family == "unix":
            kind, address = libc.AF_UNIX, ADDRESS
        else:
            libc.set_flags("lo", on=libc.IFF_UP)
            kind, address = libc.AF_INET, libc.sockaddr_in("127.0.0.1", 80)
        listener = libc.socket(kind, libc.SOCK_STREAM)
        assert libc.bind(listener, address) == 0 and libc.listen(listener, 5) == 0
        client = libc.socket(kind, libc.SOCK_STREAM)
        assert libc.connect(client, address) == 0
        libc.send(client, b"kept")
        fds = fill()
        assert emfile(libc.accept(listener))
        libc.close(fds[0])
        assert libc.accept(listener) == fds[0]
        assert libc.recv_bytes(fds[0], 10) == b"kept"

    run(init)


def test_limits_are_asked_set_and_inherited():
    def child(argv):
        return 0 if libc.getrlimit(libc.RLIMIT_NOFILE) == (30, 60) and emfile(libc.dup2(0, 30)) is False else 1

    def init(argv):
        soft, hard = libc.getrlimit(libc.RLIMIT_NOFILE)
        assert soft <= hard == 1 << 20
        assert libc.setrlimit(libc.RLIMIT_NOFILE, 40, 30) == -1 and libc.errno == libc.EINVAL
        assert libc.setrlimit(libc.RLIMIT_NOFILE, 40, 1 << 21) == -1 and libc.errno == libc.EPERM
        assert libc.getrlimit(16) == -1 and libc.errno == libc.EINVAL
        assert libc.prlimit(999, 7) == -1 and libc.errno == libc.ESRCH
        assert libc.setrlimit(libc.RLIMIT_NOFILE, 30, 60) == 0
        assert libc.dup2(0, 30) == -1 and libc.errno == libc.EBADF
        assert libc.fcntl(0, libc.F_DUPFD, 30) == -1 and libc.errno == libc.EINVAL
        assert libc.poll([libc.pollfd(-1, 0)] * 31, 0) == -1 and libc.errno == libc.EINVAL
        assert "Max open files            30                   60                   files     \n" in libc.read_text(
            "/proc/self/limits"
        )
        pid = libc.spawn("/bin/child", ["c"])
        assert libc.prlimit(pid, libc.RLIMIT_NOFILE) == (30, 60)
        assert libc.waitpid(pid) == (pid, 0)

    run(init, {"/bin/child": child})
