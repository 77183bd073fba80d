"""Threads share descriptors: closing and replacing one while another thread is at work with it."""

from hwemu_system import run

from userland import libc

UNIX, STREAM = libc.AF_UNIX, libc.SOCK_STREAM


def later(action, *arguments):
    """Call `action` in another thread a moment later; returns the thread."""

    def body():
        libc.usleep(5000)
        action(*arguments)
        return 0

    return libc.thread_create(body)


def test_a_read_goes_on_when_its_descriptor_is_closed():
    def init(argv):
        source, sink = libc.pipe()
        thread = later(lambda: (libc.close(source), libc.write(sink, b"late")))
        assert libc.read_bytes(source, 10) == b"late"
        libc.thread_join(thread)
        # With the end of the read the last reader was gone.
        libc.signal(libc.SIGPIPE, libc.SIG_IGN)
        assert libc.write(sink, b"x") == -1 and libc.errno == libc.EPIPE
        assert libc.read(source, bytearray(1)) == -1 and libc.errno == libc.EBADF

    run(init)


def test_accept_on_a_listener_that_another_thread_closes():
    def init(argv):
        address = libc.sockaddr_un(b"\0shared")
        listener = libc.socket(UNIX, STREAM)
        libc.bind(listener, address)
        libc.listen(listener, 5)
        client = libc.socket(UNIX, STREAM)
        thread = later(lambda: (libc.close(listener), libc.connect(client, address)))
        got = libc.accept(listener)
        assert got >= 0
        libc.thread_join(thread)
        assert libc.connect(libc.socket(UNIX, STREAM), address) == -1 and libc.errno == libc.ECONNREFUSED

    run(init)


def test_dup2_over_a_descriptor_that_is_read():
    def init(argv):
        a, b = libc.socketpair(UNIX, STREAM)
        c, d = libc.socketpair(UNIX, STREAM)
        thread = later(lambda: (libc.dup2(c, a), libc.send(b, b"old"), libc.send(d, b"new")))
        assert libc.recv_bytes(a, 10) == b"old"
        libc.thread_join(thread)
        assert libc.recv_bytes(a, 10) == b"new"
        assert libc.send(b, b"x", flags=libc.MSG_NOSIGNAL) == -1 and libc.errno == libc.EPIPE

    run(init)


def test_a_set_is_closed_while_somebody_waits_in_it():
    def init(argv):
        ep, events = libc.epoll_create1(), []
        a, b = libc.socketpair(UNIX, STREAM)
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, a, libc.EPOLLIN, 5)
        thread = later(lambda: (libc.close(ep), libc.send(b, b"x")))
        assert libc.epoll_wait(ep, events, 4, 1000) == 1 and events == [(5, libc.EPOLLIN)]
        libc.thread_join(thread)
        assert libc.epoll_wait(ep, events, 4, 0) == -1 and libc.errno == libc.EBADF

    run(init)


def test_a_watched_descriptor_is_closed_while_somebody_waits():
    def init(argv):
        ep, events = libc.epoll_create1(), []
        a, b = libc.socketpair(UNIX, STREAM)
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, a, libc.EPOLLIN, 5)
        thread = later(lambda: (libc.close(a), libc.send(b, b"x", flags=libc.MSG_NOSIGNAL)))
        assert libc.epoll_wait(ep, events, 4, 50) == 0
        libc.thread_join(thread)

    run(init)


def test_poll_on_a_descriptor_that_is_closed_meanwhile():
    def init(argv):
        a, b = libc.socketpair(UNIX, STREAM)
        thread = later(lambda: (libc.close(a), libc.send(b, b"x", flags=libc.MSG_NOSIGNAL)))
        entry = libc.pollfd(a, libc.POLLIN)
        assert libc.poll([entry], 1000) == 1
        assert entry.revents in (libc.POLLIN, libc.POLLNVAL)
        libc.thread_join(thread)

    run(init)


def test_a_signal_tells_of_data():
    def init(argv):
        caught = []
        libc.signal(libc.SIGIO, caught.append)
        a, b = libc.socketpair(UNIX, STREAM)
        libc.fcntl(a, libc.F_SETOWN, libc.getpid())
        libc.fcntl(a, libc.F_SETFL, libc.O_ASYNC)
        assert libc.fcntl(a, libc.F_GETFL) == libc.O_RDWR | libc.O_ASYNC
        libc.send(b, b"x")
        libc.sched_yield()
        assert caught == [libc.SIGIO]
        libc.fcntl(a, libc.F_SETFL, 0)
        libc.send(b, b"x")
        libc.sched_yield()
        assert caught == [libc.SIGIO]
        libc.signal(libc.SIGURG, caught.append)
        libc.send(b, b"!", flags=libc.MSG_OOB)
        libc.sched_yield()
        assert caught == [libc.SIGIO, libc.SIGURG]

    run(init)
