"""Makes sequences: the same seed and number give the same one, as long as our table has the same calls.

A sequence begins with one or two settings (a connection, a pair of datagram sockets, a pipe ...) and goes on with calls on
what they made.  Some arguments are replaced by wrong ones.
"""

from . import wide
from .calls import numbers
from .maker import LEAST_STEPS, MOST_STEPS, Maker
from .sequence import Sequence

SETTINGS = (
    (Maker.set_tcp, 5), (Maker.set_udp, 4), (Maker.set_raw, 2), (Maker.set_unix, 3), (Maker.make_unix_pair, 3),
    (Maker.make_pipe, 2), (Maker.make_socket, 2), (Maker.make_strange_socket, 1),
)  # fmt: skip
CALLS = (
    ("bind", 2, Maker.bind), ("connect", 3, Maker.connect), ("listen", 1, Maker.listen), ("accept4", 2, Maker.accept),
    ("getsockname", 2, Maker.getname), ("shutdown", 2, Maker.shutdown), ("sendto", 6, Maker.send),
    ("recvfrom", 6, Maker.receive), ("sendmsg", 4, Maker.sendmsg), ("recvmsg", 4, Maker.recvmsg),
    ("sendmmsg", 1, Maker.many), ("setsockopt", 6, Maker.setsockopt), ("getsockopt", 2, Maker.getsockopt),
    ("read", 2, Maker.read), ("write", 2, Maker.write), ("readv", 1, Maker.readv), ("writev", 1, Maker.writev),
    ("lseek", 1, Maker.positioned), ("close", 2, Maker.close), ("dup", 1, Maker.dup), ("fcntl", 2, Maker.fcntl),
    ("ioctl", 3, Maker.ioctl), ("poll", 2, Maker.poll), ("select", 1, Maker.select),
    ("epoll_ctl", 2, Maker.epoll_ctl), ("epoll_wait", 2, Maker.epoll_wait), ("sendfile", 1, Maker.sendfile),
    ("splice", 1, Maker.splice), ("timerfd_settime", 1, Maker.timerfd_settime), ("nothing", 1, Maker.sleep),
    ("nothing", 1, Maker.garbage), ("socket", 1, Maker.make_socket), ("socket", 1, Maker.make_strange_socket),
    ("socketpair", 1, Maker.make_unix_pair), ("pipe2", 1, Maker.make_pipe), ("epoll_create1", 1, Maker.make_epoll),
    ("eventfd2", 1, Maker.make_eventfd), ("timerfd_create", 1, Maker.make_timerfd),
)  # fmt: skip


# With two tasks: what one of them may sleep in, and what the other does meanwhile.
SLEEPERS = (
    Maker.accept, Maker.accept, Maker.receive, Maker.receive, Maker.recvmsg, Maker.read, Maker.readv, Maker.poll, Maker.select,
    Maker.epoll_wait, Maker.connect, Maker.send, Maker.splice,
)  # fmt: skip
STIRRERS = (
    Maker.close, Maker.close, Maker.shutdown, Maker.shutdown, Maker.send, Maker.send, Maker.write, Maker.sendmsg, Maker.connect,
    Maker.connect, Maker.signal, Maker.dup, Maker.setsockopt, Maker.epoll_ctl, Maker.receive, Maker.bind, Maker.listen,
    Maker.timerfd_settime, Maker.sleep,
)  # fmt: skip
ROUNDS = 4
# Of a hundred sequences, how many have two tasks, and how many are those of `wide`.
TOGETHER = 5
WIDE = 5


class Generator:
    """Sequences of one seed, by number."""

    def __init__(self, seed):
        self.seed = seed
        self.table = numbers()
        calls = [(make, weight) for name, weight, make in CALLS if name == "nothing" or name in self.table]
        self.calls = [make for make, weight in calls for _ in range(weight)]
        self.settings = [make for make, weight in SETTINGS for _ in range(weight)]

    def make(self, number):
        """The sequence of that number."""
        if number % 100 >= 100 - WIDE:
            made = wide.WideMaker(self.seed, number, self.table)
            wide.fill(made)
            return Sequence(number, tuple(made.steps))
        maker = Maker(self.seed, number, self.table, number % 100 < TOGETHER)
        maker.one_of(self.settings)(maker)
        if maker.chance(0.2):
            maker.one_of(self.settings)(maker)
        if maker.chance(0.12):
            maker.make_epoll()
        if maker.together:
            self.make_rounds(maker)
        else:
            for _ in range(maker.random.randint(LEAST_STEPS, MOST_STEPS)):
                maker.one_of(self.calls)(maker)
        return Sequence(number, tuple(maker.steps))

    def make_rounds(self, maker):
        """One task goes to sleep, the other one stirs."""
        for _ in range(maker.random.randint(1, ROUNDS)):
            maker.task = maker.random.randrange(2)
            maker.one_of(SLEEPERS)(maker)
            maker.task = 1 - maker.task
            for _ in range(maker.random.randint(1, 3)):
                maker.one_of(STIRRERS)(maker)
