"""eventfd(2) and timerfd_create(2)."""

from hwemu_system import run

from userland import libc

MS = 1_000_000
FULL = (1 << 64) - 2


def poll_bits(fd, events=libc.POLLIN | libc.POLLOUT):
    entry = libc.pollfd(fd, events)
    libc.poll([entry], 0)
    return entry.revents


def errno_of(result):
    assert result == -1
    return libc.errno


def test_eventfd_adds_up_and_is_taken_whole():
    def init(argv):
        fd = libc.eventfd(3, libc.EFD_NONBLOCK)
        assert poll_bits(fd) == libc.POLLIN | libc.POLLOUT
        assert libc.eventfd_write(fd, 4) == 0
        assert libc.eventfd_read(fd) == 7
        assert errno_of(libc.eventfd_read(fd)) == libc.EAGAIN
        assert poll_bits(fd) == libc.POLLOUT
        assert errno_of(libc.read(fd, bytearray(7))) == libc.EINVAL
        assert errno_of(libc.write(fd, bytes(4))) == libc.EINVAL
        assert libc.read(fd, bytearray(16)) == -1
        libc.eventfd_write(fd, 1)
        assert libc.read(fd, bytearray(16)) == 8
        assert errno_of(libc.eventfd(0, 2)) == libc.EINVAL
        assert libc.fcntl(libc.eventfd(0, libc.EFD_CLOEXEC), libc.F_GETFD) == libc.FD_CLOEXEC

    run(init)


def test_an_eventfd_as_a_semaphore_gives_one_at_a_time():
    def init(argv):
        fd = libc.eventfd(2, libc.EFD_SEMAPHORE | libc.EFD_NONBLOCK)
        assert [libc.eventfd_read(fd) for _ in range(3)] == [1, 1, -1]

    run(init)


def late_reader(argv):
    """Reads descriptor 3 after a while."""
    libc.usleep(5000)
    return 0 if libc.eventfd_read(3) == FULL else 1


def test_a_full_eventfd_makes_the_writer_wait():
    def init(argv):
        fd = libc.eventfd(0, libc.EFD_NONBLOCK)
        assert errno_of(libc.eventfd_write(fd, FULL + 1)) == libc.EINVAL
        assert libc.eventfd_write(fd, FULL) == 0
        assert errno_of(libc.eventfd_write(fd, 1)) == libc.EAGAIN
        assert poll_bits(fd) == libc.POLLIN
        libc.set_nonblocking(fd, False)
        libc.spawn("/bin/reader", ["r"], None, [(libc.SPAWN_DUP2, fd, 3)])
        started = libc.clock_gettime_ns()
        assert libc.eventfd_write(fd, 1) == 0
        assert libc.clock_gettime_ns() - started >= 5 * MS
        assert libc.eventfd_read(fd) == 1
        assert libc.waitpid()[1] == 0

    run(init, {"/bin/reader": late_reader})


def expirations(fd):
    raw = bytearray(8)
    return int.from_bytes(raw, "little") if libc.read(fd, raw) == 8 else -1


def test_a_timer_expires_once_and_a_periodic_one_counts():
    def init(argv):
        fd = libc.timerfd_create(libc.CLOCK_MONOTONIC, libc.TFD_NONBLOCK)
        assert errno_of(expirations(fd)) == libc.EAGAIN and poll_bits(fd) == 0
        assert libc.timerfd_settime(fd, 0, 20 * MS) == (0, 0)
        value, interval = libc.timerfd_gettime(fd)
        assert 19 * MS < value <= 20 * MS and interval == 0
        libc.usleep(30_000)
        assert poll_bits(fd) == libc.POLLIN
        assert libc.timerfd_gettime(fd) == (0, 0)
        assert expirations(fd) == 1 and expirations(fd) == -1
        libc.timerfd_settime(fd, 0, 10 * MS, 5 * MS)
        libc.usleep(32_000)
        assert expirations(fd) == 5
        value, interval = libc.timerfd_gettime(fd)
        assert 0 < value <= 5 * MS and interval == 5 * MS
        libc.set_nonblocking(fd, False)
        assert expirations(fd) == 1
        before = libc.timerfd_settime(fd, 0, 0, 0)
        assert 0 < before[0] <= 5 * MS and before[1] == 5 * MS
        libc.set_nonblocking(fd)
        libc.usleep(20_000)
        assert expirations(fd) == -1

    run(init)


def test_a_timer_on_an_absolute_time_and_on_the_time_of_day():
    def init(argv):
        for clock in (libc.CLOCK_MONOTONIC, libc.CLOCK_REALTIME):
            fd = libc.timerfd_create(clock)
            started = libc.clock_gettime_ns(clock)
            libc.timerfd_settime(fd, libc.TFD_TIMER_ABSTIME, started + 50 * MS)
            assert expirations(fd) == 1
            assert 50 * MS <= libc.clock_gettime_ns(clock) - started <= 52 * MS
            libc.timerfd_settime(fd, libc.TFD_TIMER_ABSTIME, started, 1000 * MS)
            assert expirations(fd) == 1

    run(init)


def test_timers_refuse_nonsense_and_are_found_by_epoll():
    def init(argv):
        fd = libc.timerfd_create(libc.CLOCK_MONOTONIC)
        assert errno_of(libc.timerfd_create(2)) == libc.EINVAL
        assert errno_of(libc.timerfd_create(1, 1)) == libc.EINVAL
        assert errno_of(libc.timerfd_settime(fd, 4, 1)) == libc.EINVAL
        assert errno_of(libc.timerfd_settime(0, 0, 1)) == libc.EINVAL
        assert errno_of(libc.timerfd_settime(99, 0, 1)) == libc.EBADF
        assert errno_of(libc.timerfd_settime(fd, 0, -1_000_000_000)) == libc.EINVAL
        assert errno_of(libc.write(fd, bytes(8))) == libc.EINVAL
        ep, events = libc.epoll_create1(), []
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN | libc.EPOLLET, 9)
        libc.timerfd_settime(fd, 0, 10 * MS, 10 * MS)
        assert libc.epoll_wait(ep, events, 4, 100) == 1 and events == [(9, libc.EPOLLIN)]
        assert expirations(fd) == 1

    run(init)


def signals_read(fd, room=512):
    raw = bytearray(room)
    count = libc.read(fd, raw)
    if count < 0:
        return count
    return [tuple(int.from_bytes(raw[at + part : at + part + 4], "little") for part in (0, 12)) for at in range(0, count, 128)]


def test_signals_can_be_read():
    def init(argv):
        wanted = [libc.SIGTERM, libc.SIGHUP, libc.SIGALRM]
        libc.sigprocmask(libc.SIG_BLOCK, wanted)
        fd = libc.signalfd(-1, wanted, libc.SFD_NONBLOCK)
        assert poll_bits(fd) == 0 and errno_of(signals_read(fd)) == libc.EAGAIN
        ep, events = libc.epoll_create1(), []
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN, 3)
        me = libc.getpid()
        libc.kill(me, libc.SIGTERM)
        libc.kill(me, libc.SIGHUP)
        assert libc.epoll_wait(ep, events, 4, 0) == 1 and poll_bits(fd) == libc.POLLIN
        assert errno_of(signals_read(fd, 127)) == libc.EINVAL
        assert signals_read(fd, 128) == [(libc.SIGHUP, me)]
        assert signals_read(fd) == [(libc.SIGTERM, me)]
        libc.set_nonblocking(fd, False)
        libc.alarm(1)
        assert [signo for signo, _ in signals_read(fd)] == [libc.SIGALRM]
        assert libc.signalfd(fd, [libc.SIGHUP]) == fd
        libc.kill(me, libc.SIGTERM)
        assert poll_bits(fd) == 0
        assert errno_of(libc.signalfd(0, wanted)) == libc.EINVAL
        assert errno_of(libc.signalfd(99, wanted)) == libc.EBADF
        assert errno_of(libc.signalfd(-1, wanted, 1)) == libc.EINVAL

    run(init)
