"""inotify beyond its events (tests/kernel/elf/watching.c): waiting, bounds, what is left behind."""

from system import SECOND, System

from userland import libc


def test_a_reader_waits_for_an_event():
    def child(argv):
        libc.sleep(2)
        libc.mkdir("/tmp/dir")

    def init(argv):
        fd = libc.inotify_init1()
        wd = libc.inotify_add_watch(fd, "/tmp", libc.IN_CREATE)
        libc.spawn("/bin/child", ["child"])
        assert libc.inotify_read(fd) == [(wd, libc.IN_CREATE | libc.IN_ISDIR, 0, "dir")]
        assert libc.clock_gettime_ns() >= 2 * SECOND
        assert "inotify wd:1 ino:" in libc.read_text(f"/proc/self/fdinfo/{fd}")
        assert libc.readlink(f"/proc/self/fd/{fd}") == "anon_inode:inotify"

    system = System({"/bin/child": child})
    assert system.run(init) == 0, system.text


def test_bounds():
    def init(argv):
        fds = []
        while (fd := libc.inotify_init1(libc.IN_NONBLOCK)) >= 0:
            fds.append(fd)
        assert len(fds) == 128 and libc.get_errno() == libc.EMFILE
        for fd in fds[1:]:
            libc.close(fd)
        fd = fds[0]
        for name, value in (("max_user_watches", b"2"), ("max_queued_events", b"3")):
            setting = libc.open(f"/proc/sys/fs/inotify/{name}", libc.O_WRONLY)
            assert libc.write_all(setting, value) == 0
            libc.close(setting)
        assert [libc.inotify_add_watch(fd, path, libc.IN_OPEN) for path in ("/tmp", "/etc", "/home")] == [1, 2, -1]
        assert libc.get_errno() == libc.ENOSPC
        for number in range(10):
            libc.close(libc.open(f"/tmp/{number}", libc.O_CREAT | libc.O_WRONLY))
        events = libc.inotify_read(fd)
        assert [event[3] for event in events] == ["0", "1", "2", ""]
        assert events[3][:2] == (-1, libc.IN_Q_OVERFLOW)
        assert libc.inotify_read(fd) == -1 and libc.get_errno() == libc.EAGAIN
        # A group that is gone no longer holds its watches.
        libc.close(fd)
        fd = libc.inotify_init1()
        assert libc.inotify_add_watch(fd, "/home", libc.IN_OPEN) == 1

    system = System()
    assert system.run(init) == 0, system.text


def test_a_killed_program_leaves_no_watch():
    def child(argv):
        fd = libc.inotify_init1()
        libc.inotify_add_watch(fd, "/tmp", libc.IN_ALL_EVENTS)
        libc.inotify_read(fd)

    def init(argv):
        pid = libc.spawn("/bin/child", ["child"])
        libc.sleep(1)
        libc.kill(pid, libc.SIGKILL)
        libc.waitpid(pid)

    system = System({"/bin/child": child})
    assert system.run(init) == 0, system.text
    assert system.kernel.rootfs.root.i_private["tmp"].i_fsnotify_marks == []
