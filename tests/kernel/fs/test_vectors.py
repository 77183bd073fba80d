"""readv and its kin, vmsplice, and descriptors by number: each answer is the host's own, too."""

import pytest
from tests_userland_guest import Guest
from unix_box import errno_of

from hwemu.cpu import trap
from userland import libc
from userland.abi.layout import IOVEC
from userland.abi.syscall import SYS_preadv, SYS_readv, SYS_vmsplice, SYS_writev
from userland.libc.crt import this

RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND = 1, 2, 4, 8, 16
LIMIT = 1024
# A length that is below zero as ssize_t.
NEGATIVE = (1 << 64) - 5


def file_of(box, text=b""):
    fd = libc.memfd_create("vectors")
    box.keep(fd)
    assert libc.write_all(fd, text) >= 0 and libc.lseek(fd, 0) == 0
    return fd


def pipe(box, flags=0):
    ends = libc.pipe(flags)
    box.keep(*ends)
    return ends


def raw_vector(nr, fd, entries, count, *more):
    """A call with an array of (address, length) as they are, and a count of its own."""
    space = this().space
    table = space.map(b"".join(IOVEC.pack(*entry) for entry in entries) or bytes(16))
    result = trap(nr, fd, table, count, *more)
    space.unmap(table)
    return result


def test_scattering_and_gathering(both):
    def scenario(box):
        fd = file_of(box, b"0123456789")
        parts = [bytearray(3), bytearray(0), bytearray(4), bytearray(9)]
        assert libc.readv(fd, parts) == 10
        assert parts[0] == b"012" and parts[2] == b"3456" and parts[3][:3] == b"789"
        assert libc.readv(fd, parts) == 0
        assert libc.writev(fd, [b"ab", b"", b"cde"]) == 5
        assert libc.preadv(fd, parts, 9) == 6 and bytes(parts[0]) == b"9ab" and bytes(parts[2][:3]) == b"cde"
        assert libc.lseek(fd, 0, libc.SEEK_CUR) == 15
        assert libc.pwritev(fd, [b"x", b"yz"], 4) == 3 and libc.lseek(fd, 0, libc.SEEK_CUR) == 15
        head = bytearray(8)
        assert libc.pread(fd, head, 0) == 8 and head == b"0123xyz7"

    both(scenario)


def test_how_many_vectors_there_may_be(both):
    """readv(2): EINVAL for more than IOV_MAX (1024), or for lengths that no ssize_t holds; nothing moves then."""

    def scenario(box):
        fd = file_of(box, bytes(range(200)) * 10)
        small = [bytearray(1) for _ in range(LIMIT)]
        assert libc.readv(fd, small) == LIMIT and small[LIMIT - 1][0] == (LIMIT - 1) % 200
        assert libc.lseek(fd, 0) == 0
        assert raw_vector(SYS_readv, fd, [(0, 0)] * (LIMIT + 1), LIMIT + 1) == -libc.EINVAL
        assert raw_vector(SYS_preadv, fd, [(0, 0)] * (LIMIT + 1), LIMIT + 1, 0, 0) == -libc.EINVAL
        assert errno_of(libc.readv(fd, [bytearray(1)] * (LIMIT + 1))) == libc.EINVAL
        assert raw_vector(SYS_readv, fd, [(0, 0)], 0) == 0
        assert raw_vector(SYS_writev, fd, [(0, NEGATIVE)], 1) == -libc.EINVAL
        assert raw_vector(SYS_readv, fd, [(0, 0), (0, NEGATIVE)], 2) == -libc.EINVAL
        assert raw_vector(SYS_readv, fd, [(0, 0)] * 3, 3) == 0
        assert libc.lseek(fd, 0, libc.SEEK_CUR) == 0

    both(scenario)


def test_what_has_no_position(both):
    def scenario(box):
        source, sink = pipe(box)
        raw = [bytearray(4)]
        assert errno_of(libc.preadv(source, raw, 0)) == libc.ESPIPE
        assert errno_of(libc.pwritev(sink, [b"x"], 0)) == libc.ESPIPE
        assert errno_of(libc.preadv(file_of(box), raw, -1)) == libc.EINVAL
        assert errno_of(libc.preadv2(file_of(box), raw, -2)) == libc.EINVAL
        assert errno_of(libc.preadv(999, raw, 0)) == libc.EBADF
        assert errno_of(libc.readv(sink, raw)) == libc.EBADF
        assert libc.pwritev2(sink, [b"ab", b"cd"], -1) == 4
        assert libc.preadv2(source, raw, -1) == 4 and raw[0] == b"abcd"

    both(scenario)


def test_flags_of_one_call(both):
    """preadv2(2): RWF_APPEND writes behind the end, RWF_NOWAIT does not wait, others are not supported."""

    def scenario(box):
        fd = file_of(box, b"0123")
        assert libc.pwritev2(fd, [b"ab"], 0, RWF_APPEND) == 2 and libc.lseek(fd, 0, libc.SEEK_CUR) == 0
        assert libc.pwritev2(fd, [b"cd"], -1, RWF_APPEND) == 2 and libc.lseek(fd, 0, libc.SEEK_CUR) == 8
        text = bytearray(10)
        assert libc.preadv2(fd, [text], 0, RWF_HIPRI | RWF_DSYNC) == 8 and text[:8] == b"0123abcd"
        assert libc.pwritev2(fd, [b"z"], 0, RWF_SYNC) == 1
        assert errno_of(libc.preadv2(fd, [text], 0, 0x400)) == libc.EOPNOTSUPP
        source, sink = pipe(box)
        assert errno_of(libc.preadv2(source, [text], -1, RWF_NOWAIT)) == libc.EAGAIN
        assert libc.fcntl(source, libc.F_GETFL) & libc.O_NONBLOCK == 0
        assert libc.write(sink, b"now") == 3 and libc.preadv2(source, [text], -1, RWF_NOWAIT) == 3
        one, _ = box.pair()
        assert errno_of(libc.preadv2(one, [text], -1, RWF_NOWAIT)) == libc.EAGAIN
        assert libc.pwritev2(one, [b"x"], -1, RWF_NOWAIT) == 1

    both(scenario)


def test_vmsplice_into_a_pipe(both):
    """vmsplice(2): from memory into the write end."""

    def scenario(box):
        source, sink = pipe(box)
        assert libc.vmsplice(sink, [b"abc", b"defg"]) == 7
        raw = bytearray(20)
        assert libc.read(source, raw) == 7 and raw[:7] == b"abcdefg"
        assert libc.vmsplice(sink, []) == 0
        assert errno_of(libc.vmsplice(sink, [b"x"], 0x100)) == libc.EINVAL
        assert errno_of(libc.vmsplice(999, [b"x"])) == libc.EBADF
        assert errno_of(libc.vmsplice(file_of(box), [b"x"])) == libc.EBADF
        assert raw_vector(SYS_vmsplice, sink, [(0, 0)] * (LIMIT + 1), LIMIT + 1, 0) == -libc.EINVAL

    both(scenario)


def test_vmsplice_takes_what_fits_and_then_waits_or_not(both):
    def scenario(box):
        source, sink = pipe(box)
        assert libc.fcntl(sink, libc.F_SETPIPE_SZ, 4096) == 4096
        # A byte takes a page of its own.
        assert libc.vmsplice(sink, [b"a"], libc.SPLICE_F_NONBLOCK) == 1
        assert errno_of(libc.vmsplice(sink, [b"x"], libc.SPLICE_F_NONBLOCK)) == libc.EAGAIN
        raw = bytearray(4096)
        assert libc.read(source, raw) == 1
        assert libc.vmsplice(sink, [b"y"], libc.SPLICE_F_NONBLOCK) == 1

    both(scenario)


def test_copies_of_descriptors(both):
    """fcntl(2): F_DUPFD and F_DUPFD_CLOEXEC take the lowest free number from a floor on; the flag is the copy's own."""

    def scenario(box):
        fd = file_of(box, b"text")
        low = libc.fcntl(fd, libc.F_DUPFD, 300)
        high = libc.fcntl(fd, libc.F_DUPFD_CLOEXEC, 300)
        box.keep(low, high)
        assert (low, high) == (300, 301)
        assert libc.fcntl(low, libc.F_GETFD) == 0 and libc.fcntl(high, libc.F_GETFD) == libc.FD_CLOEXEC
        assert libc.fcntl(low, libc.F_SETFD, libc.FD_CLOEXEC) == 0 and libc.fcntl(low, libc.F_GETFD) == libc.FD_CLOEXEC
        assert libc.lseek(low, 2) == 2 and libc.lseek(high, 0, libc.SEEK_CUR) == 2
        assert errno_of(libc.fcntl(fd, libc.F_DUPFD, -1)) == libc.EINVAL
        assert errno_of(libc.fcntl(fd, libc.F_DUPFD_CLOEXEC, 1 << 30)) == libc.EINVAL
        assert errno_of(libc.fcntl(999, libc.F_DUPFD, 0)) == libc.EBADF
        assert errno_of(libc.fcntl(fd, 12345)) == libc.EINVAL

    both(scenario)


def test_sets_that_watch_each_other(both):
    """epoll_ctl(2): ELOOP for a circle and for more than five sets above each other, EINVAL for a set that watches itself."""

    def scenario(box):
        sets = [libc.epoll_create1() for _ in range(3)]
        box.keep(*sets)
        one, two, three = sets
        assert errno_of(libc.epoll_ctl(one, libc.EPOLL_CTL_ADD, one, libc.EPOLLIN)) == libc.EINVAL
        assert libc.epoll_ctl(one, libc.EPOLL_CTL_ADD, two, libc.EPOLLIN) == 0
        assert libc.epoll_ctl(two, libc.EPOLL_CTL_ADD, three, libc.EPOLLIN) == 0
        assert errno_of(libc.epoll_ctl(three, libc.EPOLL_CTL_ADD, one, libc.EPOLLIN)) == libc.ELOOP
        assert errno_of(libc.epoll_ctl(two, libc.EPOLL_CTL_ADD, one, libc.EPOLLIN)) == libc.ELOOP
        assert libc.epoll_ctl(two, libc.EPOLL_CTL_DEL, three, 0) == 0
        assert libc.epoll_ctl(three, libc.EPOLL_CTL_ADD, one, libc.EPOLLIN) == 0

    both(scenario)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_processes_that_wait_for_each_others_locks(order):
    """fcntl(2), F_SETLKW: EDEADLK for the wait that would close the circle; the other one gets its lock."""
    program = b'''from userland import libc


def main(argv):
    fd = libc.open("/tmp/locked", libc.O_RDWR | libc.O_CREAT)
    mine, other = int(argv[1]), int(argv[2])
    libc.record_lock(fd, libc.F_WRLCK, mine, 1)
    libc.usleep(100_000 if mine == 0 else 200_000)
    result = libc.record_lock(fd, libc.F_WRLCK, other, 1, libc.F_SETLKW)
    libc.puts(f"{mine} {'got it' if result != -1 else libc.strerror(libc.errno)}")
    return 0
'''
    first, second = order
    guest = Guest(f"lock {first} {second} & lock {second} {first} & wait", {"/bin/lock": program}).run(60)
    assert guest.status == 0 and sorted(guest.text.splitlines()) == ["0 got it", "1 Resource deadlock avoided"]
