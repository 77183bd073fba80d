"""Descriptors: positions, splicing, locks, pipes, memfd, fcntl.  Each answer is the host's own, too."""

import pytest
from unix_box import STREAM, errno_of, on_linux, on_machine, revents

from userland import libc


def make(box, name, text=b""):
    fd = libc.open(f"{box.folder}/{name}", libc.O_RDWR | libc.O_CREAT)
    libc.write_all(fd, text)
    libc.lseek(fd, 0)
    box.keep(fd)
    return fd


def pipe(box, flags=0):
    ends = libc.pipe(flags)
    box.keep(*ends)
    return ends


def text_of(fd):
    raw = bytearray(100)
    return bytes(raw[: libc.pread(fd, raw, 0)])


def test_reading_and_writing_at_a_position(both):
    def scenario(box):
        fd = make(box, "f", b"0123456789")
        raw = bytearray(4)
        assert libc.pread(fd, raw, 3) == 4 and raw == b"3456"
        assert libc.pwrite(fd, b"ab", 8) == 2 and text_of(fd) == b"01234567ab"
        assert libc.lseek(fd, 0, libc.SEEK_CUR) == 0
        assert libc.pwrite(fd, b"z", 12) == 1 and text_of(fd) == b"01234567ab\0\0z"
        assert libc.pread(fd, raw, 100) == 0
        assert errno_of(libc.pread(fd, raw, -1)) == libc.EINVAL
        source, sink = pipe(box)
        assert errno_of(libc.pread(source, raw, 0)) == libc.ESPIPE
        assert errno_of(libc.pwrite(sink, raw, 0)) == libc.ESPIPE
        assert errno_of(libc.pread(999, raw, 0)) == libc.EBADF

    both(scenario)


def offset(number):
    return bytearray(number.to_bytes(8, "little"))


def test_splice_between_files_pipes_and_sockets(both):
    def scenario(box):
        fd = make(box, "in", b"abcdefgh")
        out = make(box, "out")
        source, sink = pipe(box)
        place = offset(2)
        assert libc.splice(fd, place, sink, None, 4) == 4 and place == offset(6)
        assert libc.lseek(fd, 0, libc.SEEK_CUR) == 0
        other, other_sink = pipe(box)
        assert libc.tee(source, other_sink, 100) == 4
        assert libc.splice(source, None, out, offset(1), 100) == 4
        assert text_of(out) == b"\0cdef"
        a, b = box.pair(STREAM)
        assert libc.splice(other, None, a, None, 3) == 3 and libc.recv_bytes(b, 10) == b"cde"
        libc.send(a, b"from a socket")
        assert libc.splice(b, None, sink, None, 100) == 13
        assert libc.read_bytes(source, 100) == b"from a socket"
        libc.write(sink, b"xy")
        assert libc.splice(source, None, other_sink, None, 100) == 2
        assert libc.read_bytes(other, 100) == b"fxy"
        nonblock = libc.SPLICE_F_NONBLOCK
        assert errno_of(libc.splice(source, None, out, None, 1, nonblock)) == libc.EAGAIN
        assert errno_of(libc.splice(fd, None, out, None, 1)) == libc.EINVAL
        assert errno_of(libc.splice(source, offset(0), out, None, 1)) == libc.ESPIPE
        assert errno_of(libc.splice(source, None, sink, None, 1)) == libc.EINVAL
        assert errno_of(libc.splice(sink, None, out, None, 1)) == libc.EBADF
        assert errno_of(libc.splice(source, None, out, None, 1, 64)) == libc.EINVAL
        assert errno_of(libc.tee(fd, sink, 1)) == libc.EINVAL
        assert libc.splice(999, None, 999, None, 0) == 0
        libc.close(sink)
        box.open.remove(sink)
        assert libc.splice(source, None, out, None, 10) == 0

    both(scenario)


def test_sendfile_and_copy_file_range(both):
    def scenario(box):
        fd = make(box, "in", b"abcdefgh")
        out = make(box, "out")
        a, b = box.pair(STREAM)
        assert libc.sendfile(a, fd, None, 3) == 3 and libc.recv_bytes(b, 10) == b"abc"
        assert libc.sendfile(a, fd, 6, 100) == 2 and libc.recv_bytes(b, 10) == b"gh"
        assert libc.lseek(fd, 0, libc.SEEK_CUR) == 3
        assert libc.sendfile(out, fd, None, 100) == 5
        assert errno_of(libc.sendfile(a, 999, None, 1)) == libc.EBADF
        assert errno_of(libc.sendfile(a, b, None, 1)) == libc.EINVAL
        place = offset(1)
        assert libc.copy_file_range(fd, place, out, offset(0), 2) == 2 and place == offset(3)
        assert text_of(out) == b"bcfgh"
        assert errno_of(libc.copy_file_range(fd, offset(0), fd, offset(2), 4)) == libc.EINVAL
        assert errno_of(libc.copy_file_range(fd, None, out, None, 1, 1)) == libc.EINVAL
        assert errno_of(libc.copy_file_range(fd, None, a, None, 1)) == libc.EINVAL

    both(scenario)


def lock(fd, kind, start, length, command=libc.F_SETLK):
    result = libc.record_lock(fd, kind, start, length, command)
    return libc.errno if result == -1 else 0


def test_locks_of_open_files_exclude_each_other(both):
    def scenario(box):
        fd = make(box, "f", b"0123456789")
        other = libc.open(f"{box.folder}/f", libc.O_RDWR)
        readonly = libc.open(f"{box.folder}/f", libc.O_RDONLY)
        box.keep(other, readonly)
        ofd = libc.F_OFD_SETLK
        assert lock(fd, libc.F_WRLCK, 2, 4, ofd) == 0
        assert lock(other, libc.F_RDLCK, 5, 1, ofd) == libc.EAGAIN
        assert lock(other, libc.F_WRLCK, 6, 0, ofd) == 0
        found = libc.record_lock(other, libc.F_WRLCK, 0, 0, libc.F_OFD_GETLK)
        assert found == (libc.F_WRLCK, 0, 2, 4, -1)
        # A hole in the middle.
        assert lock(fd, libc.F_UNLCK, 3, 1, ofd) == 0
        assert lock(other, libc.F_WRLCK, 3, 1, ofd) == 0
        assert libc.record_lock(other, libc.F_RDLCK, 4, 1, libc.F_OFD_GETLK)[2:4] == (4, 2)
        assert libc.record_lock(fd, libc.F_RDLCK, 6, 0, libc.F_OFD_GETLK)[:4] == (libc.F_WRLCK, 0, 6, 0)
        assert lock(readonly, libc.F_WRLCK, 0, 1, ofd) == libc.EBADF
        assert lock(fd, 7, 0, 1, ofd) == libc.EINVAL
        assert lock(fd, libc.F_RDLCK, -5, 1, ofd) == libc.EINVAL
        libc.close(fd)
        box.open.remove(fd)
        assert lock(other, libc.F_WRLCK, 0, 0, ofd) == 0

    both(scenario)


def test_record_locks_of_one_process(both):
    def scenario(box):
        fd = make(box, "f", b"0123456789")
        assert lock(fd, libc.F_WRLCK, 0, 5) == 0 == lock(fd, libc.F_RDLCK, 3, 5)
        # A process does not exclude itself, but open files do not belong to it.
        assert libc.record_lock(fd, libc.F_WRLCK, 0, 0, libc.F_GETLK)[0] == libc.F_UNLCK
        assert libc.record_lock(fd, libc.F_WRLCK, 0, 0, libc.F_OFD_GETLK)[:5] == (libc.F_WRLCK, 0, 0, 3, libc.getpid())
        # Closing any descriptor of the file gives all of them back.
        again = libc.open(f"{box.folder}/f", libc.O_RDONLY)
        libc.close(again)
        assert libc.record_lock(fd, libc.F_WRLCK, 0, 0, libc.F_OFD_GETLK)[0] == libc.F_UNLCK

    both(scenario)


def test_flock(both):
    def scenario(box):
        fd = make(box, "f")
        other = libc.open(f"{box.folder}/f", libc.O_RDONLY)
        box.keep(other)
        now = libc.LOCK_NB
        assert libc.flock(fd, libc.LOCK_SH) == 0 == libc.flock(other, libc.LOCK_SH)
        assert errno_of(libc.flock(fd, libc.LOCK_EX | now)) == libc.EAGAIN
        assert libc.flock(other, libc.LOCK_UN) == 0
        assert libc.flock(fd, libc.LOCK_EX | now) == 0
        assert errno_of(libc.flock(other, libc.LOCK_SH | now)) == libc.EAGAIN
        copy = libc.dup(fd)
        libc.close(fd)
        box.open.remove(fd)
        assert errno_of(libc.flock(other, libc.LOCK_SH | now)) == libc.EAGAIN
        libc.close(copy)
        assert libc.flock(other, libc.LOCK_EX | now) == 0
        assert errno_of(libc.flock(other, 16)) == libc.EINVAL
        assert errno_of(libc.flock(999, libc.LOCK_UN)) == libc.EBADF

    both(scenario)


@pytest.mark.parametrize("first", [1, 4096, 5000, 64536])
def test_a_pipe_fills_by_the_page(first, tmp_path):
    def scenario(box):
        source, sink = pipe(box, libc.O_NONBLOCK)
        taken = [libc.write(sink, bytes(first))]
        for size in (1, 100, 4096, 5000, 4095, 65536, 1, 4096):
            taken.append(libc.write(sink, bytes(size)))
        libc.read(source, bytearray(5000))
        taken += [libc.write(sink, bytes(size)) for size in (1, 4096, 4097, 5000)]
        seen.append((taken, revents(sink), revents(source)))

    seen = []
    on_linux(scenario, str(tmp_path))
    on_machine(scenario, str(tmp_path))
    assert seen[0] == seen[1]


def test_the_size_of_a_pipe(both):
    def scenario(box):
        source, sink = pipe(box, libc.O_NONBLOCK)
        assert libc.fcntl(source, libc.F_GETPIPE_SZ) == 65536
        assert libc.fcntl(sink, libc.F_SETPIPE_SZ, 5000) == 8192
        assert libc.write(sink, bytes(10000)) == 8192
        assert errno_of(libc.fcntl(sink, libc.F_SETPIPE_SZ, 1)) == libc.EBUSY
        assert libc.fcntl(sink, libc.F_SETPIPE_SZ, 100_000) == 131072
        assert libc.write(sink, bytes(10000)) == 10000
        count = bytearray(4)
        libc.ioctl(source, 0x541B, count)
        assert int.from_bytes(count, "little") == 18192
        fd = make(box, "f")
        assert errno_of(libc.fcntl(fd, libc.F_GETPIPE_SZ)) == libc.EBADF
        assert errno_of(libc.lseek(source, 0)) == libc.ESPIPE

    both(scenario)


def test_fifos(both):
    def scenario(box):
        path = f"{box.folder}/fifo"
        assert libc.mkfifo(path) == 0
        assert errno_of(libc.mkfifo(path)) == libc.EEXIST
        assert libc.stat(path).st_mode & libc.S_IFMT == libc.S_IFIFO
        assert errno_of(libc.open(path, libc.O_WRONLY | libc.O_NONBLOCK)) == libc.ENXIO
        reader = libc.open(path, libc.O_RDONLY | libc.O_NONBLOCK)
        box.keep(reader)
        assert libc.read(reader, bytearray(1)) == 0
        assert revents(reader) == 0
        writer = libc.open(path, libc.O_WRONLY)
        assert errno_of(libc.read(reader, bytearray(1))) == libc.EAGAIN
        libc.write(writer, b"through")
        assert libc.read_bytes(reader, 10) == b"through"
        libc.close(writer)
        assert libc.read(reader, bytearray(1)) == 0
        assert revents(reader) == libc.POLLHUP
        both_ways = libc.open(path, libc.O_RDWR)
        box.keep(both_ways)
        assert libc.write(both_ways, b"x") == 1 and libc.read_bytes(both_ways, 2) == b"x"

    both(scenario)


def test_flags_of_descriptors_and_files(both):
    def scenario(box):
        fd = make(box, "f")
        large = libc.O_LARGEFILE
        assert libc.fcntl(fd, libc.F_GETFL) == libc.O_RDWR | large
        assert libc.fcntl(fd, libc.F_SETFL, libc.O_APPEND | libc.O_WRONLY) == 0
        assert libc.fcntl(fd, libc.F_GETFL) == libc.O_RDWR | libc.O_APPEND | large
        copy = libc.fcntl(fd, libc.F_DUPFD_CLOEXEC, 50)
        box.keep(copy)
        assert copy == 50 and libc.fcntl(copy, libc.F_GETFD) == libc.FD_CLOEXEC
        assert libc.fcntl(fd, libc.F_GETFD) == 0
        assert errno_of(libc.fcntl(fd, libc.F_DUPFD, -1)) == libc.EINVAL
        assert errno_of(libc.fcntl(fd, 9999)) == libc.EINVAL
        assert errno_of(libc.fcntl(999, libc.F_GETFL)) == libc.EBADF
        source, sink = pipe(box)
        assert libc.fcntl(sink, libc.F_GETFL) == libc.O_WRONLY
        assert libc.fcntl(source, libc.F_SETOWN, libc.getpid()) == 0
        assert libc.fcntl(source, libc.F_GETOWN) == libc.getpid()
        assert errno_of(libc.fcntl(source, libc.F_SETOWN, 4194300)) == libc.ESRCH
        assert libc.fcntl(source, libc.F_SETSIG, 10) == 0 and libc.fcntl(source, libc.F_GETSIG) == 10
        assert errno_of(libc.fcntl(source, libc.F_SETSIG, 65)) == libc.EINVAL
        assert libc.fcntl(source, libc.F_SETOWN, 0) == 0
        assert libc.close_range(50, 60) == 0
        box.open.remove(50)
        assert errno_of(libc.fcntl(50, libc.F_GETFD)) == libc.EBADF
        assert errno_of(libc.close_range(5, 4)) == libc.EINVAL

    both(scenario)


def test_memory_files_and_their_seals(both):
    def scenario(box):
        fd = libc.memfd_create("name", libc.MFD_ALLOW_SEALING | libc.MFD_CLOEXEC)
        plain = libc.memfd_create("plain")
        box.keep(fd, plain)
        assert libc.fcntl(fd, libc.F_GETFD) == libc.FD_CLOEXEC
        assert libc.write(fd, b"12345") == 5 and libc.fstat(fd).st_size == 5
        assert libc.fcntl(plain, libc.F_GET_SEALS) == libc.F_SEAL_SEAL
        assert errno_of(libc.fcntl(plain, libc.F_ADD_SEALS, libc.F_SEAL_WRITE)) == libc.EPERM
        assert libc.fcntl(fd, libc.F_ADD_SEALS, libc.F_SEAL_GROW) == 0
        assert errno_of(libc.ftruncate(fd, 10)) == libc.EPERM
        assert libc.ftruncate(fd, 2) == 0
        assert libc.fcntl(fd, libc.F_ADD_SEALS, libc.F_SEAL_SHRINK | libc.F_SEAL_WRITE) == 0
        assert errno_of(libc.pwrite(fd, b"x", 0)) == libc.EPERM
        assert errno_of(libc.ftruncate(fd, 0)) == libc.EPERM
        assert libc.fcntl(fd, libc.F_GET_SEALS) == 14
        assert errno_of(libc.memfd_create("x" * 250)) == libc.EINVAL
        assert errno_of(libc.memfd_create("x", 0x8000)) == libc.EINVAL
        assert errno_of(libc.fcntl(make(box, "f"), libc.F_ADD_SEALS, 1)) in (libc.EINVAL, libc.EPERM)

    both(scenario)
