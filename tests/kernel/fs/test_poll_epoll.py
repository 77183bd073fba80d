"""poll, select and epoll on pipes: readiness, time-outs, wake-ups, edges, one-shots."""

from system import SECOND, System

from hwemu.cpu import current_context, trap
from userland import libc

MS = 1_000_000


def run(init, files=None):
    system = System(files)
    assert system.run(init) == 0, system.text + system.log
    return system


def late_writer(argv):
    """Writes one byte to descriptor 1 after argv[1] milliseconds."""
    libc.usleep(int(argv[1]) * 1000)
    libc.write_all(1, b"x")
    libc.sleep(5)


def start_writer(sink, milliseconds):
    return libc.spawn("/bin/writer", ["w", str(milliseconds)], None, [(libc.SPAWN_DUP2, sink, 1)])


def pollfd(fd, events):
    return libc.pollfd(fd, events)


def elapsed(since):
    return (libc.clock_gettime_ns() - since) // MS


def test_poll_waits_and_times_out():
    def init(argv):
        source, sink = libc.pipe()
        fds = [pollfd(source, libc.POLLIN), pollfd(sink, libc.POLLOUT), pollfd(-1, libc.POLLIN)]
        assert libc.poll(fds, 0) == 1
        assert [entry.revents for entry in fds] == [0, libc.POLLOUT, 0]
        start = libc.clock_gettime_ns()
        assert libc.poll(fds[:1], 250) == 0
        assert 250 <= elapsed(start) <= 252
        start = libc.clock_gettime_ns()
        start_writer(sink, 100)
        assert libc.poll(fds[:1], 10_000) == 1
        assert 100 <= elapsed(start) <= 103
        assert fds[0].revents == libc.POLLIN
        assert libc.poll([pollfd(77, libc.POLLIN)], -1) == 1
        assert libc.poll([], 5) == 0

    run(init, {"/bin/writer": late_writer})


def test_poll_sees_hang_up_and_error():
    def init(argv):
        source, sink = libc.pipe()
        libc.close(sink)
        fds = [pollfd(source, 0)]
        assert libc.poll(fds, 100) == 1 and fds[0].revents == libc.POLLHUP
        source, sink = libc.pipe()
        libc.close(source)
        fds = [pollfd(sink, libc.POLLOUT)]
        assert libc.poll(fds, 100) == 1 and fds[0].revents & libc.POLLERR
        fds = [pollfd(99, libc.POLLIN)]
        assert libc.poll(fds, 100) == 1 and fds[0].revents == libc.POLLNVAL

    run(init)


def test_poll_is_interrupted_by_a_handler_only():
    def init(argv):
        libc.signal(libc.SIGALRM, lambda signum: None)
        libc.alarm(1)
        source, _ = libc.pipe()
        assert libc.poll([pollfd(source, libc.POLLIN)], -1) == -1
        assert libc.get_errno() == libc.EINTR
        libc.signal(libc.SIGALRM, libc.SIG_IGN)
        libc.alarm(1)
        assert libc.poll([pollfd(source, libc.POLLIN)], 3000) == 0

    assert run(init).clock.now >= 4 * SECOND


def test_poll_and_select_refuse_nonsense():
    def init(argv):
        assert trap(168, 0, 1, 0) == -libc.EFAULT
        assert trap(168, 0, -1, 0) == -libc.EINVAL
        assert trap(168, 0, 1 << 31, 0) == -libc.EINVAL and trap(168, 0, 1 << 40, 0) == 0
        assert trap(142, -1, 0, 0, 0, 0) == -libc.EINVAL
        assert trap(142, 64, 1, 0, 0, 0) == -libc.EFAULT
        bits = bytearray(128)
        bits[10] = 1
        address = current_context().address_space.map(bits, True)
        assert trap(142, 1024, address, 0, 0, 0) == -libc.EBADF

    run(init)


def test_select():
    def init(argv):
        source, sink = libc.pipe()
        reading, writing = libc.fd_set(), libc.fd_set()
        libc.FD_SET(source, reading)
        libc.FD_SET(sink, writing)
        assert libc.select(sink + 1, reading, writing, None, 1) == 1
        assert not libc.FD_ISSET(source, reading) and libc.FD_ISSET(sink, writing)
        libc.write_all(sink, b"x")
        libc.FD_SET(source, reading)
        assert libc.select(sink + 1, reading, writing, None, None) == 2
        libc.read(source, bytearray(1))
        libc.FD_SET(source, reading)
        start = libc.clock_gettime_ns()
        assert libc.select(source + 1, reading, None, None, 0.5) == 0
        assert 500 <= elapsed(start) <= 502
        assert not libc.FD_ISSET(source, reading)

    run(init)


def waited(epfd, timeout=0, limit=16):
    events = []
    count = libc.epoll_wait(epfd, events, limit, timeout)
    assert count == len(events)
    return [(mask, data) for data, mask in events]


def test_epoll_level_edge_and_oneshot():
    def init(argv):
        ep = libc.epoll_create()
        source, sink = libc.pipe()
        assert libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, source, libc.EPOLLIN, 5) == 0
        assert libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, source, libc.EPOLLIN, 5) == -1
        assert libc.get_errno() == libc.EEXIST
        assert waited(ep) == []
        libc.write_all(sink, b"ab")
        assert waited(ep) == [(libc.EPOLLIN, 5)] == waited(ep)
        libc.read(source, bytearray(2))
        assert waited(ep) == []
        libc.epoll_ctl(ep, libc.EPOLL_CTL_MOD, source, libc.EPOLLIN | libc.EPOLLET, 6)
        libc.write_all(sink, b"c")
        assert waited(ep) == [(libc.EPOLLIN, 6)]
        assert waited(ep) == []
        libc.write_all(sink, b"d")
        assert waited(ep) == [(libc.EPOLLIN, 6)]
        libc.epoll_ctl(ep, libc.EPOLL_CTL_MOD, source, libc.EPOLLIN | libc.EPOLLONESHOT, 7)
        assert waited(ep) == [(libc.EPOLLIN, 7)]
        libc.write_all(sink, b"e")
        assert waited(ep) == []
        libc.epoll_ctl(ep, libc.EPOLL_CTL_MOD, source, libc.EPOLLIN, 8)
        assert waited(ep) == [(libc.EPOLLIN, 8)]
        assert libc.epoll_ctl(ep, libc.EPOLL_CTL_DEL, source) == 0
        assert libc.epoll_ctl(ep, libc.EPOLL_CTL_DEL, source) == -1
        assert libc.get_errno() == libc.ENOENT
        assert waited(ep) == []

    run(init)


def test_epoll_sleeps_until_something_happens():
    def init(argv):
        ep = libc.epoll_create()
        source, sink = libc.pipe()
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, source, libc.EPOLLIN, 1)
        start = libc.clock_gettime_ns()
        assert waited(ep, 200) == []
        assert 200 <= elapsed(start) <= 202
        start_writer(sink, 300)
        start = libc.clock_gettime_ns()
        assert waited(ep, -1) == [(libc.EPOLLIN, 1)]
        assert 300 <= elapsed(start) <= 303

    run(init, {"/bin/writer": late_writer})


def test_a_closed_file_leaves_the_set():
    def init(argv):
        ep = libc.epoll_create()
        source, sink = libc.pipe()
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, source, libc.EPOLLIN, 1)
        other = libc.dup(source)
        libc.close(source)
        libc.write_all(sink, b"x")
        assert waited(ep) == [(libc.EPOLLIN, 1)]
        libc.close(other)
        assert waited(ep) == []

    run(init)


def test_many_ready_files_take_turns():
    def init(argv):
        ep = libc.epoll_create()
        for number in range(6):
            source, sink = libc.pipe()
            libc.write_all(sink, b"x")
            libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, source, libc.EPOLLIN, number)
        seen = [data for _ in range(4) for _, data in waited(ep, 0, 3)]
        assert seen == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]

    run(init)


def test_epoll_refuses_nonsense():
    def init(argv):
        ep = libc.epoll_create()
        source, _ = libc.pipe()

        def refused(*arguments):
            assert libc.epoll_ctl(*arguments) == -1
            return libc.get_errno()

        assert refused(source, libc.EPOLL_CTL_ADD, source, libc.EPOLLIN, 0) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_ADD, 77, libc.EPOLLIN, 0) == libc.EBADF
        assert refused(ep, libc.EPOLL_CTL_ADD, ep, libc.EPOLLIN, 0) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_MOD, source, libc.EPOLLIN, 0) == libc.ENOENT
        assert refused(ep, 9, source, libc.EPOLLIN, 0) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_ADD, libc.open("/bin/plain", libc.O_RDONLY | libc.O_CREAT), libc.EPOLLIN) == libc.EPERM
        assert trap(255, ep, 1, source, 0) == -libc.EFAULT
        assert trap(256, ep, 0, 0, 0) == -libc.EINVAL

    run(init)
