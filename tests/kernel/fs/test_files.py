"""Files as programs see them: the root, /dev, /proc, descriptors, pipes."""

from system import System

from hwemu.cpu import current_context, trap
from userland import libc


def run(init, files=None, **cmdline):
    """Run `init` (which asserts for itself) and expect it to return None."""
    system = System(files, **cmdline)
    assert system.run(init) == 0, system.text + system.log
    return system


def failed(result, errno):
    """True when a libc call failed with this errno."""
    return result == -1 and libc.get_errno() == errno


def contents(path):
    return libc.read_file(path)


def call_path(nr, path, *arguments):
    space = current_context().address_space
    address = space.map(path.encode() + b"\0")
    result = trap(nr, address, *arguments)
    space.unmap(address)
    return result


def test_write_read_seek_append_truncate():
    def init(argv):
        fd = libc.open("/tmp/a", libc.O_RDWR | libc.O_CREAT)
        assert libc.write_all(fd, b"hello world") == 0
        assert libc.lseek(fd, 6) == 6
        assert libc.read_bytes(fd, 100) == b"world"
        assert libc.lseek(fd, -5, libc.SEEK_END) == 6
        assert libc.lseek(fd, 1, libc.SEEK_CUR) == 7
        assert failed(libc.lseek(fd, -1), libc.EINVAL)
        assert libc.lseek(fd, 20) == 20
        libc.write_all(fd, b"!")
        assert contents("/tmp/a") == b"hello world" + bytes(9) + b"!"
        assert libc.ftruncate(fd, 5) == 0
        assert libc.fstat(fd).st_size == 5
        libc.close(fd)
        assert failed(libc.close(fd), libc.EBADF)
        fd = libc.open("/tmp/a", libc.O_WRONLY | libc.O_APPEND)
        libc.write_all(fd, b"++")
        assert failed(libc.read(fd, bytearray(1)), libc.EBADF)
        libc.close(fd)
        assert contents("/tmp/a") == b"hello++"
        fd = libc.open("/tmp/a", libc.O_RDONLY)
        assert failed(libc.write(fd, b"x"), libc.EBADF)
        libc.close(fd)
        libc.close(libc.open("/tmp/a", libc.O_WRONLY | libc.O_TRUNC))
        assert libc.stat("/tmp/a").st_size == 0

    run(init)


def test_open_errors():
    def init(argv):
        assert failed(libc.open("/none"), libc.ENOENT)
        assert failed(libc.open("/etc/hosts/x"), libc.ENOTDIR)
        assert failed(libc.open("/etc/hosts", libc.O_RDONLY | libc.O_DIRECTORY), libc.ENOTDIR)
        assert failed(libc.open("/etc", libc.O_WRONLY), libc.EISDIR)
        assert failed(libc.open("/etc/hosts", libc.O_CREAT | libc.O_EXCL), libc.EEXIST)
        assert failed(libc.open("/none/x", libc.O_CREAT), libc.ENOENT)
        assert failed(libc.open("/tmp/" + "n" * 256, libc.O_CREAT), libc.ENAMETOOLONG)
        assert failed(libc.open("/" + "a/" * 3000), libc.ENAMETOOLONG)
        assert failed(libc.open(""), libc.ENOENT)
        assert failed(libc.open("/proc/version", libc.O_WRONLY), libc.EACCES)
        assert trap(5, 0, 0, 0) == -libc.EFAULT
        assert trap(5, 0x123456, 0, 0) == -libc.EFAULT
        fd = libc.open("/etc")
        assert failed(libc.read(fd, bytearray(8)), libc.EISDIR)

    run(init, {"/etc/hosts": b"x"})


def test_directories():
    def init(argv):
        assert libc.mkdir("/tmp/d") == 0
        assert failed(libc.mkdir("/tmp/d"), libc.EEXIST)
        assert failed(libc.mkdir("/"), libc.EEXIST)
        for name in ("one", "two", "three"):
            libc.close(libc.open(f"/tmp/d/{name}", libc.O_CREAT))
        assert sorted(libc.listdir("/tmp/d")) == ["one", "three", "two"]
        assert failed(libc.rmdir("/tmp/d"), libc.ENOTEMPTY)
        assert failed(libc.unlink("/tmp/d"), libc.EISDIR)
        assert failed(libc.rmdir("/tmp/d/one"), libc.ENOTDIR)
        assert libc.chdir("/tmp/d") == 0 and libc.getcwd() == "/tmp/d"
        assert libc.rename("one", "/tmp/moved") == 0
        assert failed(libc.stat("one"), libc.ENOENT)
        assert libc.stat("../moved") != -1
        for name in ("two", "three"):
            assert libc.unlink(name) == 0
        assert libc.chdir("..") == 0 and libc.getcwd() == "/tmp"
        assert failed(libc.rename("d", "d/below"), libc.EINVAL)
        assert libc.rmdir("d") == 0
        assert failed(libc.chdir("/tmp/moved"), libc.ENOTDIR)
        assert libc.chdir("/../..") == 0 and libc.getcwd() == "/"

    run(init)


def test_rename_replaces_and_keeps_kinds_apart():
    def init(argv):
        for name in ("a", "b"):
            fd = libc.open(f"/tmp/{name}", libc.O_CREAT | libc.O_WRONLY)
            libc.write_all(fd, name.encode())
            libc.close(fd)
        libc.mkdir("/tmp/d")
        assert libc.rename("/tmp/a", "/tmp/b") == 0
        assert contents("/tmp/b") == b"a"
        assert failed(libc.rename("/tmp/b", "/tmp/d"), libc.EISDIR)
        assert failed(libc.rename("/tmp/d", "/tmp/b"), libc.ENOTDIR)
        assert failed(libc.rename("/tmp/b", "/dev/b"), libc.EXDEV)
        assert failed(libc.rename("/tmp/b", "/proc/b"), libc.EXDEV)

    run(init)


def test_an_unlinked_file_lives_while_it_is_open():
    def init(argv):
        fd = libc.open("/tmp/x", libc.O_CREAT | libc.O_RDWR)
        libc.write_all(fd, b"still here")
        assert libc.unlink("/tmp/x") == 0
        libc.lseek(fd, 0)
        assert libc.read_bytes(fd, 20) == b"still here"

    run(init)


def test_symlinks():
    def init(argv):
        space = current_context().address_space

        def symlink(target, path):
            first, second = space.map(target.encode() + b"\0"), space.map(path.encode() + b"\0")
            result = trap(83, first, second)
            space.unmap(first)
            space.unmap(second)
            return result

        assert symlink("../etc/hosts", "/tmp/link") == 0
        assert symlink("/tmp/loop2", "/tmp/loop1") == 0
        assert symlink("/tmp/loop1", "/tmp/loop2") == 0
        assert contents("/tmp/link") == b"content"
        assert libc.readlink("/tmp/link") == "../etc/hosts"
        assert libc.lstat("/tmp/link").st_mode & libc.S_IFMT == libc.S_IFLNK
        assert libc.stat("/tmp/link").st_size == 7
        assert failed(libc.open("/tmp/loop1"), libc.ELOOP)
        assert libc.unlink("/tmp/link") == 0
        assert contents("/etc/hosts") == b"content"

    run(init, {"/etc/hosts": b"content"})


def test_descriptors():
    def init(argv):
        fd = libc.open("/dev/zero")
        assert fd == 3
        assert libc.dup(fd) == 4
        assert libc.dup2(fd, 9) == 9
        assert libc.dup2(9, 9) == 9
        assert failed(libc.dup2(77, 3), libc.EBADF)
        assert failed(libc.dup2(3, 1 << 20), libc.EBADF)
        assert libc.fcntl(fd, libc.F_DUPFD, 7) == 7
        libc.close(4)
        assert libc.dup(fd) == 4
        assert libc.fcntl(fd, libc.F_GETFD) == 0
        assert libc.fcntl(fd, libc.F_SETFD, libc.FD_CLOEXEC) == 0
        assert libc.fcntl(fd, libc.F_GETFD) == libc.FD_CLOEXEC
        assert libc.fcntl(fd, libc.F_SETFL, libc.O_NONBLOCK) == 0
        assert libc.fcntl(9, libc.F_GETFL) & libc.O_NONBLOCK
        assert failed(libc.fcntl(fd, 999), libc.EINVAL)
        # A descriptor is an int: of a longer number only the low half counts.
        for bad in (-1, (1 << 40) + 999, 999 - (1 << 62), 1 << 31):
            assert trap(6, bad) == -libc.EBADF
            assert trap(3, bad, 0, 0) == -libc.EBADF
            assert trap(41, bad) == -libc.EBADF
        count = 0
        while libc.dup(fd) >= 0:
            count += 1
        assert libc.get_errno() == libc.EMFILE
        assert count > 60_000

    run(init)


def test_devices():
    def init(argv):
        null = libc.open("/dev/null", libc.O_RDWR)
        assert libc.write(null, bytes(1000)) == 1000
        assert libc.read(null, bytearray(10)) == 0
        buffer = bytearray(b"x" * 100_000)
        assert libc.read(libc.open("/dev/zero"), buffer) == 100_000
        assert not any(buffer)
        assert libc.read(libc.open("/dev/urandom"), buffer) == 100_000
        assert len(set(buffer)) > 200
        assert failed(libc.write(libc.open("/dev/full", libc.O_WRONLY), b"x"), libc.ENOSPC)
        assert libc.stat("/dev/null").st_mode & libc.S_IFMT == libc.S_IFCHR

    run(init)


def test_proc():
    def init(argv):
        assert b"Linux version" in contents("/proc/version")
        assert b"timer" in contents("/proc/interrupts")
        assert b"TIMER" in contents("/proc/softirqs")
        status = contents("/proc/self/status")
        assert b"Name:\tinit\n" in status and b"Pid:\t1\n" in status and b"(running)" in status
        assert contents("/proc/1/cmdline") == b"/sbin/init\0"
        assert contents("/proc/1/stat").startswith(b"1 (init) R 0 1 1 ")
        assert {"1", "2", "interrupts", "sys"} <= set(libc.listdir("/proc"))
        assert libc.readlink("/proc/1/fd/1") == "/dev/console"
        assert sorted(libc.listdir("/proc/1/fd"))[:3] == ["0", "1", "2"]
        assert failed(libc.open("/proc/4711/status"), libc.ENOENT)
        assert b'odd="a b"' in contents("/proc/cmdline")
        fd = libc.open("/proc/sys/kernel/hostname", libc.O_WRONLY | libc.O_TRUNC)
        assert libc.write_all(fd, b"renamed\n") == 0
        assert libc.uname()[1] == "renamed"
        fd = libc.open("/proc/version")
        assert libc.read_bytes(fd, 5) + libc.read_bytes(fd, 8) == b"Linux version"
        assert failed(libc.mkdir("/proc/x"), libc.EROFS)
        assert failed(libc.unlink("/proc/version"), libc.EROFS)

    run(init, odd="a b")


def test_vectors_and_sendfile():
    def init(argv):
        fd = libc.open("/tmp/v", libc.O_RDWR | libc.O_CREAT)
        assert libc.writev(fd, [b"one", b"", b"two"]) == 6
        libc.lseek(fd, 0)
        first, second = bytearray(4), bytearray(4)
        assert libc.readv(fd, [first, second]) == 6
        assert (bytes(first), bytes(second)) == (b"onet", b"wo\0\0")
        assert trap(145, fd, 0, 5) == -libc.EFAULT
        assert trap(145, fd, 0, 5000) == -libc.EINVAL
        out = libc.open("/tmp/out", libc.O_WRONLY | libc.O_CREAT)
        libc.lseek(fd, 1)
        assert libc.sendfile(out, fd, None, 100) == 5
        assert contents("/tmp/out") == b"netwo"

    run(init)


def test_pipe_carries_a_lot_and_ends():
    total = 1_000_000

    def reader(argv):
        buffer = bytearray(70_000)
        seen = 0
        while (count := libc.read(0, buffer)) > 0:
            seen += count
        return 0 if seen == total and count == 0 else 1

    def init(argv):
        source, sink = libc.pipe()
        pid = libc.spawn("/bin/reader", ["r"], None, [(libc.SPAWN_DUP2, source, 0), (libc.SPAWN_CLOSE, sink, 0)])
        libc.close(source)
        assert libc.write_all(sink, bytes(total)) == 0
        libc.close(sink)
        return libc.shell_status(libc.waitpid(pid)[1])

    run(init, {"/bin/reader": reader})


def test_pipe_edges():
    def init(argv):
        source, sink = libc.pipe(libc.O_NONBLOCK)
        assert failed(libc.read(source, bytearray(1)), libc.EAGAIN)
        assert libc.write(sink, bytes(65536)) == 65536
        assert failed(libc.write(sink, b"x"), libc.EAGAIN)
        assert libc.read(source, bytearray(1000)) == 1000
        # Room comes by the page.
        assert failed(libc.write(sink, bytes(5000)), libc.EAGAIN)
        assert libc.read(source, bytearray(3096)) == 3096
        assert libc.write(sink, bytes(5000)) == 4096
        # A write of at most PIPE_BUF bytes goes whole or not at all.
        libc.read(source, bytearray(4095))
        assert failed(libc.write(sink, bytes(4096)), libc.EAGAIN)
        libc.signal(libc.SIGPIPE, libc.SIG_IGN)
        libc.close(source)
        assert failed(libc.write(sink, b"x"), libc.EPIPE)
        assert failed(libc.lseek(sink, 0), libc.ESPIPE)
        assert failed(libc.read(sink, bytearray(1)), libc.EBADF)

    run(init)


def test_sigpipe_kills_the_writer():
    def writer(argv):
        while libc.write(1, bytes(100)) > 0:
            pass

    def init(argv):
        source, sink = libc.pipe()
        pid = libc.spawn("/bin/writer", ["w"], None, [(libc.SPAWN_DUP2, sink, 1), (libc.SPAWN_CLOSE, source, 0)])
        libc.close(sink)
        libc.read(source, bytearray(10))
        libc.close(source)
        return libc.shell_status(libc.waitpid(pid)[1]) - 128 - libc.SIGPIPE

    run(init, {"/bin/writer": writer})


def test_bad_user_memory_is_a_fault():
    def init(argv):
        fd = libc.open("/tmp/x", libc.O_RDWR | libc.O_CREAT)
        libc.write_all(fd, b"data")
        libc.lseek(fd, 0)
        space = current_context().address_space
        read_only = space.map(b"constant")
        for address in (0, 1, 60 << 40, -1, 1 << 62, read_only):
            assert trap(3, fd, address, 4) == -libc.EFAULT
            if address != read_only:
                assert trap(4, fd, address, 4) == -libc.EFAULT
        assert trap(3, fd, read_only, -1) == -libc.EFAULT
        assert call_path(195, "/tmp/x", 0) == -libc.EFAULT
        assert trap(42, 0) == -libc.EFAULT
        assert trap(220, libc.open("/"), 0, 1000) == -libc.EFAULT
        assert trap(220, libc.open("/"), 0, 3) == -libc.EINVAL
        space.unmap(read_only)

    run(init)


def test_getdents_in_small_pieces():
    def init(argv):
        for number in range(50):
            libc.close(libc.open(f"/tmp/file{number:02}", libc.O_CREAT))
        fd = libc.open("/tmp")
        names = []
        while entries := libc.getdents(fd, 100):
            names += entries
        assert len(names) == 52

    run(init)


def test_the_root_is_bounded():
    def init(argv):
        fd = libc.open("/tmp/big", libc.O_CREAT | libc.O_RDWR)
        assert failed(libc.ftruncate(fd, (1 << 30) + 1), libc.EFBIG)
        libc.lseek(fd, 1 << 30)
        assert failed(libc.write(fd, b"x"), libc.EFBIG)

    run(init)


def test_the_root_takes_at_most_half_of_ram():
    """System has 4 MiB: 2 MiB for files, 512 inodes."""
    half = 2 << 20

    def init(argv):
        libc.unlink("/sbin/init")
        fd = libc.open("/tmp/big", libc.O_CREAT | libc.O_RDWR)
        assert failed(libc.ftruncate(fd, half + 1), libc.ENOSPC)
        root = system.kernel.rootfs
        room = half - root.used
        assert libc.ftruncate(fd, room - 10) == 0
        # What fits is written; then there is no space.
        libc.lseek(fd, 0, libc.SEEK_END)
        assert libc.write(fd, b"x" * 100) == 10
        assert failed(libc.write(fd, b"x"), libc.ENOSPC)
        assert libc.write(fd, b"") == 0
        # Overwriting takes no room.
        libc.lseek(fd, 0)
        assert libc.write(fd, b"y" * 100) == 100
        other = libc.open("/tmp/other", libc.O_CREAT | libc.O_RDWR)
        assert failed(libc.write(other, b"x"), libc.ENOSPC)
        # A file without a name keeps its bytes until it is closed.
        libc.unlink("/tmp/big")
        assert failed(libc.write(other, b"x"), libc.ENOSPC)
        libc.close(fd)
        assert libc.write(other, b"x" * 1000) == 1000
        # A rename over a file frees what it replaces.
        libc.close(libc.open("/tmp/empty", libc.O_CREAT | libc.O_RDWR))
        libc.close(other)
        assert libc.rename("/tmp/empty", "/tmp/other") == 0
        assert half - root.used == room

    system = System()
    assert system.run(init) == 0, system.text + system.log


def test_the_root_has_an_end_to_its_inodes():
    def init(argv):
        made = 0
        while (fd := libc.open(f"/tmp/{made}", libc.O_CREAT | libc.O_WRONLY)) >= 0:
            libc.close(fd)
            made += 1
        assert libc.get_errno() == libc.ENOSPC and 400 < made < 512
        assert failed(libc.mkdir("/tmp/d"), libc.ENOSPC)
        libc.unlink("/tmp/0")
        assert libc.mkdir("/tmp/d") == 0
        libc.rmdir("/tmp/d")
        libc.close(libc.open("/tmp/0", libc.O_CREAT | libc.O_WRONLY))

    run(init)
