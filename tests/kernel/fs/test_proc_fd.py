"""/proc/PID/fd and fdinfo."""

import re

from hwemu_system import run

from userland import libc


def link(fd):
    return libc.readlink(f"/proc/self/fd/{fd}")


def info(fd):
    return dict(line.split(":\t", 1) for line in libc.read_text(f"/proc/self/fdinfo/{fd}").splitlines() if ":\t" in line)


def test_where_descriptors_lead():
    def init(argv):
        source, sink = libc.pipe()
        first = re.fullmatch(r"pipe:\[(\d+)\]", link(source))
        assert first and link(sink) == link(source) and libc.fstat(source).st_ino == int(first[1])
        sock = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        second = re.fullmatch(r"socket:\[(\d+)\]", link(sock))
        assert second and libc.fstat(sock).st_ino == int(second[1])
        assert link(libc.epoll_create1()) == "anon_inode:[eventpoll]"
        assert link(libc.eventfd()) == "anon_inode:[eventfd]"
        assert link(libc.timerfd_create(libc.CLOCK_MONOTONIC)) == "anon_inode:[timerfd]"
        assert link(libc.signalfd(-1, [libc.SIGHUP])) == "anon_inode:[signalfd]"
        assert link(libc.memfd_create("mem")) == "/memfd:mem (deleted)"
        fd = libc.open("/tmp/file", libc.O_CREAT | libc.O_WRONLY)
        assert link(fd) == "/tmp/file" and libc.lstat(f"/proc/self/fd/{fd}").st_mode & 0o777 == 0o300
        assert libc.lstat(f"/proc/self/fd/{source}").st_mode & 0o777 == 0o500
        libc.unlink("/tmp/file")
        assert link(fd) == "/tmp/file (deleted)"
        names = libc.listdir("/proc/self/fd")
        assert str(fd) in names and "99" not in names
        assert libc.stat("/proc/self/fd/99") == -1
        assert link("01") is None
        assert libc.read_text("/dev/fd/../mounts") == libc.read_text("/proc/mounts")

    run(init)


def test_the_state_of_descriptors():
    def init(argv):
        fd = libc.open("/tmp/file", libc.O_CREAT | libc.O_RDWR | libc.O_CLOEXEC)
        libc.write(fd, b"12345")
        assert info(fd)["pos"] == "5" and info(fd)["flags"] == "02100002"
        libc.record_lock(fd, libc.F_WRLCK, 2, 3)
        libc.flock(fd, libc.LOCK_SH)
        text = libc.read_text(f"/proc/self/fdinfo/{fd}")
        number = libc.fstat(fd).st_ino
        assert f"lock:\t1: POSIX  ADVISORY  WRITE 1 00:01:{number} 2 4\n" in text
        assert f"lock:\t2: FLOCK  ADVISORY  READ  1 00:01:{number} 0 EOF\n" in text
        event = libc.eventfd(17)
        assert "eventfd-count:               11\n" in libc.read_text(f"/proc/self/fdinfo/{event}")
        ep = libc.epoll_create1()
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, event, libc.EPOLLIN, 0xABC)
        line = libc.read_text(f"/proc/self/fdinfo/{ep}").splitlines()[-1]
        assert line.startswith(f"tfd: {event:8d} events: {0x19:8x} data: {0xABC:16x}  pos:0 ino:1 sdev:")
        timer = libc.timerfd_create(libc.CLOCK_MONOTONIC)
        libc.timerfd_settime(timer, 0, 10_000_000_000, 2_000_000_001)
        text = libc.read_text(f"/proc/self/fdinfo/{timer}")
        assert "clockid: 1\nticks: 0\nsettime flags: 00\nit_value: (9, 99999" in text
        assert "it_interval: (2, 1)\n" in text

    run(init)


def test_the_state_of_a_process():
    def init(argv):
        assert libc.read_file("/proc/self/cmdline") == b"/sbin/init\0"
        assert libc.readlink("/proc/self/root") == "/" == libc.readlink("/proc/self/cwd")
        assert libc.readlink("/proc/mounts") == "self/mounts"
        assert "proc /proc proc rw 0 0\n" in libc.read_text("/proc/mounts")
        lines = libc.read_text("/proc/self/limits").splitlines()
        assert lines[0] == f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"
        assert len(lines) == 17 and lines[1].split() == ["Max", "cpu", "time", "unlimited", "unlimited", "seconds"]

    run(init)
