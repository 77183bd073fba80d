"""epoll(7) where it is easy to be nearly right: edges, exclusive waiters, sets of sets, closed descriptors, cost."""

import pytest
from hwemu_system import run

from userland import libc

IN, OUT, ET = libc.EPOLLIN, libc.EPOLLOUT, libc.EPOLLET


def pair():
    return libc.socketpair(libc.AF_UNIX, libc.SOCK_STREAM)


def add(ep, fd, events, data=None):
    assert libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, fd, events, data) == 0


def refused(ep, op, fd, events=0):
    assert libc.epoll_ctl(ep, op, fd, events) == -1
    return libc.errno


def waited(ep, timeout=0, limit=16):
    events = []
    assert libc.epoll_wait(ep, events, limit, timeout) == len(events)
    return [(mask, data) for data, mask in events]


def test_an_edge_comes_with_new_data_and_not_with_what_a_partial_read_left():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, IN | ET, 1)
        libc.send(b, b"abcd")
        assert waited(ep) == [(IN, 1)]
        libc.recv(a, bytearray(2))
        assert waited(ep) == []
        libc.send(b, b"e")
        assert waited(ep) == [(IN, 1)]
        assert libc.recv_bytes(a, 10) == b"cde"
        assert waited(ep) == []

    run(init)


def test_a_writable_edge_comes_when_room_is_made():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, OUT | ET, 1)
        assert waited(ep) == [(OUT, 1)]
        assert waited(ep) == []
        while libc.send(a, bytes(4096), flags=libc.MSG_DONTWAIT) > 0:
            pass
        assert libc.errno == libc.EAGAIN and waited(ep) == []
        while libc.recv(b, bytearray(65536), flags=libc.MSG_DONTWAIT) > 0:
            pass
        assert waited(ep) == [(OUT, 1)]
        assert waited(ep) == []

    run(init)


def test_mod_arms_an_edge_again():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, IN | ET, 1)
        libc.send(b, b"x")
        assert waited(ep) == [(IN, 1)] and waited(ep) == []
        libc.epoll_ctl(ep, libc.EPOLL_CTL_MOD, a, IN | ET, 2)
        assert waited(ep) == [(IN, 2)] and waited(ep) == []

    run(init)


def test_hang_up_is_told_without_being_asked_for():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, 0, 1)
        libc.shutdown(b, libc.SHUT_WR)
        assert waited(ep) == []
        libc.epoll_ctl(ep, libc.EPOLL_CTL_MOD, a, IN | libc.EPOLLRDHUP, 1)
        assert waited(ep) == [(IN | libc.EPOLLRDHUP, 1)]
        libc.close(b)
        assert waited(ep) == [(IN | libc.EPOLLRDHUP | libc.EPOLLHUP, 1)]
        libc.epoll_ctl(ep, libc.EPOLL_CTL_MOD, a, 0, 1)
        assert waited(ep) == [(libc.EPOLLHUP, 1)]

    run(init)


def test_oneshot_is_disarmed_for_hang_ups_too():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, IN | libc.EPOLLONESHOT, 1)
        libc.send(b, b"x")
        assert waited(ep) == [(IN, 1)]
        libc.close(b)
        assert waited(ep) == []

    run(init)


def test_the_rules_of_exclusive_watching():
    def init(argv):
        exclusive = libc.EPOLLEXCLUSIVE
        ep, other = libc.epoll_create1(), libc.epoll_create1()
        a, b = pair()
        assert refused(ep, libc.EPOLL_CTL_ADD, a, IN | exclusive | libc.EPOLLONESHOT) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_ADD, a, libc.EPOLLRDHUP | exclusive) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_ADD, other, IN | exclusive) == libc.EINVAL
        add(ep, a, IN | exclusive, 1)
        assert refused(ep, libc.EPOLL_CTL_MOD, a, IN) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_MOD, a, IN | exclusive) == libc.EINVAL
        assert refused(ep, libc.EPOLL_CTL_ADD, a, IN) == libc.EEXIST

    run(init)


def exclusive_waiter(argv):
    """Waits on descriptor 3 exclusively in a set of its own, and says so on descriptor 4 when it was woken."""
    ep = libc.epoll_create1()
    add(ep, 3, IN | libc.EPOLLEXCLUSIVE)
    libc.write(4, b"." if waited(ep, 1000) else b"")
    libc.usleep(int(argv[1]))
    return 0


@pytest.mark.parametrize("waiters", [1, 4])
def test_one_event_wakes_one_exclusive_waiter(waiters):
    def init(argv):
        source, sink = libc.pipe()
        answers, told = libc.pipe(libc.O_NONBLOCK)
        actions = [(libc.SPAWN_DUP2, source, 3), (libc.SPAWN_DUP2, told, 4)]
        # What the waiters see is at descriptor 3; ours must not be in the way of dup2's order.
        source, told = libc.fcntl(source, libc.F_DUPFD, 20), libc.fcntl(told, libc.F_DUPFD, 20)
        actions = [(libc.SPAWN_DUP2, source, 3), (libc.SPAWN_DUP2, told, 4)]
        for _ in range(waiters):
            assert libc.spawn("/bin/waiter", ["w", "0"], None, actions) > 0
        libc.usleep(10_000)
        libc.write(sink, b"x")
        libc.usleep(10_000)
        assert libc.read(answers, bytearray(100)) == 1
        for _ in range(waiters):
            libc.waitpid()

    run(init, {"/bin/waiter": exclusive_waiter})


def test_a_set_in_a_set():
    def init(argv):
        outer, inner = libc.epoll_create1(), libc.epoll_create1()
        a, b = pair()
        add(inner, a, IN, 1)
        add(outer, inner, IN, 2)
        assert waited(outer) == []
        libc.send(b, b"x")
        assert waited(outer) == [(IN, 2)] == waited(outer)
        assert waited(inner) == [(IN, 1)]
        libc.recv(a, bytearray(1))
        assert waited(outer) == []
        libc.close(inner)
        libc.send(b, b"x")
        assert waited(outer) == []

    run(init)


def test_sets_make_no_loop_and_no_tower_of_more_than_five():
    def init(argv):
        sets = [libc.epoll_create1() for _ in range(6)]
        assert refused(sets[0], libc.EPOLL_CTL_ADD, sets[0]) == libc.EINVAL
        for below, above in zip(sets[:4], sets[1:5], strict=True):
            add(above, below, IN)
        assert refused(sets[5], libc.EPOLL_CTL_ADD, sets[4], IN) == libc.ELOOP
        assert refused(sets[0], libc.EPOLL_CTL_ADD, sets[5], IN) == libc.ELOOP
        for top in sets[1:5]:
            assert refused(sets[0], libc.EPOLL_CTL_ADD, top, IN) == libc.ELOOP
        libc.epoll_ctl(sets[4], libc.EPOLL_CTL_DEL, sets[3])
        add(sets[5], sets[4], IN)
        # Three above, two below.
        assert refused(sets[0], libc.EPOLL_CTL_ADD, sets[5], IN) == libc.ELOOP
        add(sets[0], sets[4], IN)

    run(init)


def test_what_is_always_ready_can_not_be_watched():
    def init(argv):
        ep = libc.epoll_create1()
        for path in ("/dev/null", "/dev/zero", "/dev/urandom", "/", "/sbin/init"):
            assert refused(ep, libc.EPOLL_CTL_ADD, libc.open(path), IN) == libc.EPERM, path
        add(ep, libc.open("/dev/random"), IN, 1)
        add(ep, libc.open("/proc/version"), IN, 2)
        assert waited(ep) == [(IN, 1), (IN, 2)]

    run(init)


def test_a_descriptor_is_watched_until_its_file_is_closed_everywhere():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, IN, 1)
        other = libc.dup(a)
        add(ep, other, IN, 2)
        libc.send(b, b"x")
        assert sorted(waited(ep)) == [(IN, 1), (IN, 2)]
        libc.close(a)
        # Descriptor a is closed, yet its file is not: Linux goes on reporting it.
        assert sorted(waited(ep)) == [(IN, 1), (IN, 2)]
        assert refused(ep, libc.EPOLL_CTL_DEL, a) == libc.EBADF
        libc.close(other)
        assert waited(ep) == []

    run(init)


def late_closer(argv):
    """Descriptor 3 is a set, 4 and 5 a pair: watches 4 in it and then has something come."""
    libc.usleep(1000)
    add(3, 4, IN, 7)
    libc.usleep(1000)
    libc.send(5, b"x")
    libc.sleep(1)
    return 0


def test_what_is_added_while_somebody_waits_wakes_him():
    def init(argv):
        ep = libc.epoll_create1()
        a, b = pair()
        high = [libc.fcntl(fd, libc.F_DUPFD, 30) for fd in (ep, a, b)]
        libc.spawn("/bin/late", ["l"], None, [(libc.SPAWN_DUP2, fd, 3 + number) for number, fd in enumerate(high)])
        assert waited(ep, 100) == [(IN, 7)]
        libc.waitpid()

    run(init, {"/bin/late": late_closer})


def test_waiting_gives_the_program_what_fits_its_memory_and_no_event_is_lost():
    def init(argv):
        from hwemu.cpu import trap

        ep = libc.epoll_create1()
        a, b = pair()
        add(ep, a, IN | ET, 1)
        libc.send(b, b"x")
        assert trap(256, ep, 0, 8, 0) == -libc.EFAULT
        assert trap(256, ep, 8, -1, 0) == -libc.EINVAL
        assert trap(256, 99, 8, 1, 0) == -libc.EBADF
        assert trap(256, a, 8, 1, 0) == -libc.EINVAL
        assert waited(ep) == [(IN, 1)]
        assert libc.epoll_create1(1) == -1 and libc.errno == libc.EINVAL
        assert libc.epoll_create(0) == -1 and libc.errno == libc.EINVAL

    run(init)


def test_pwait_lets_a_signal_in_that_is_blocked_otherwise():
    def init(argv):
        caught = []
        ep = libc.epoll_create1()
        libc.signal(libc.SIGALRM, caught.append)
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGALRM])
        libc.alarm(1)
        assert libc.epoll_wait(ep, [], 1, 1500) == 0 and not caught
        assert libc.epoll_pwait(ep, [], 1, 1500, ()) == -1 and libc.errno == libc.EINTR
        assert caught == [libc.SIGALRM]
        libc.alarm(1)
        assert libc.ppoll([], 1.5) == 0 and len(caught) == 1
        assert libc.ppoll([], 1.5, ()) == -1 and libc.errno == libc.EINTR and len(caught) == 2
        libc.alarm(1)
        assert libc.pselect(0, timeout=1.5) == 0 and len(caught) == 2
        assert libc.pselect(0, timeout=1.5, sigmask=()) == -1 and libc.errno == libc.EINTR and len(caught) == 3
        assert libc.epoll_pwait2(ep, [], 1, 0.25, ()) == 0

    run(init)


def cost(watched):
    """Files asked per event in a set that watches `watched` pairs of which ten are active."""
    seen = []

    def init(argv):
        ep = libc.epoll_create1()
        pairs = [pair() for _ in range(watched)]
        for a, _ in pairs:
            add(ep, a, IN)
        ours = seen_set()
        before = ours.polls
        for _ in range(20):
            for _, b in pairs[::watched // 10]:
                libc.send(b, b"x")
            for _, a in waited(ep):
                libc.recv(a, bytearray(8))
        assert waited(ep) == []
        seen.append(ours.polls - before)

    def seen_set():
        task = system.kernel.sched.current
        return task.files.fget(3).private_data

    system = run.machine(memory=64 << 20)
    run(init, system=system)
    return seen[0]


def test_ten_thousand_descriptors_cost_the_same_per_event_as_ten():
    assert cost(10_000) == cost(10)


def test_removing_from_a_long_ready_list_and_turns_with_more_ready_than_fit():
    def init(argv):
        ep = libc.epoll_create1()
        pairs = [pair() for _ in range(40)]
        for number, (a, b) in enumerate(pairs):
            add(ep, a, IN, number)
            libc.send(b, b"x")
        for number in range(0, 40, 2):
            assert libc.epoll_ctl(ep, libc.EPOLL_CTL_DEL, pairs[number][0]) == 0
        odd = list(range(1, 40, 2))
        assert [data for _ in range(4) for _, data in waited(ep, 0, 5)] == odd
        assert [data for _ in range(4) for _, data in waited(ep, 0, 5)] == odd

    run(init)
