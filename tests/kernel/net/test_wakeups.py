"""Who is woken when something comes: one of those who wait for it, and always somebody (accept(2), recv(2))."""

import pytest
from system import System

from userland import libc

LOOPBACK = "127.0.0.1"


def waiter(kind):
    """A program that waits on descriptor 3 and says on descriptor 4 what it got."""

    def main(argv):
        while True:
            if kind == libc.SOCK_STREAM:
                fd = libc.accept(3)
                fd = fd[0] if isinstance(fd, tuple) else fd
                if fd < 0:
                    return 1
                libc.close(fd)
            elif libc.recv_bytes(3, 100) is None:
                return 1
            libc.write_all(4, argv[1].encode())

    return main


class Crowd:
    """`count` programs that wait on one socket, and a way to see how often the machine has switched between tasks."""

    def __init__(self, system, kind, count):
        self.kernel = system.kernel
        self.kind = kind
        self.socket = libc.socket(libc.AF_INET, kind, 0)
        assert libc.bind(self.socket, libc.sockaddr_in(LOOPBACK, 80)) == 0
        if kind == libc.SOCK_STREAM:
            assert libc.listen(self.socket, 100) == 0
        self.reader, self.writer = libc.pipe()
        actions = [(libc.SPAWN_DUP2, self.socket, 13), (libc.SPAWN_DUP2, self.writer, 14), (libc.SPAWN_DUP2, 13, 3),
                   (libc.SPAWN_DUP2, 14, 4)]  # fmt: skip
        self.pids = [libc.spawn("/bin/waiter", ["waiter", chr(65 + i % 26)], actions=actions) for i in range(count)]
        libc.sleep(1)

    def knock(self):
        """Something comes; returns the socket that brought it."""
        fd = libc.socket(libc.AF_INET, self.kind, 0)
        assert libc.connect(fd, libc.sockaddr_in(LOOPBACK, 80)) == 0
        if self.kind == libc.SOCK_DGRAM:
            libc.send(fd, b"x")
        return fd

    def answers(self):
        """Who has got something by now."""
        libc.sleep(1)
        buffer = bytearray(1000)
        return bytes(buffer[: libc.read(self.reader, buffer)]).decode()

    def end(self):
        for pid in self.pids:
            libc.kill(pid, libc.SIGKILL)
            libc.waitpid(pid)
        for fd in (self.socket, self.reader, self.writer):
            libc.close(fd)


@pytest.mark.parametrize("kind", [libc.SOCK_STREAM, libc.SOCK_DGRAM])
def test_one_of_many_is_woken(kind):
    switches = {}
    for count in (2, 40):
        system = System({"/bin/waiter": waiter(kind)}, memory=32 << 20, net="on")

        def init(argv, system=system, count=count):
            crowd = Crowd(system, kind, count)
            before = system.kernel.sched.switches
            fd = crowd.knock()
            got = crowd.answers()
            switches[count] = system.kernel.sched.switches - before
            libc.close(fd)
            crowd.end()
            return len(got)

        assert system.run(init) == 1
    # Forty who wait cost no more than two.
    assert switches[40] == switches[2]


@pytest.mark.parametrize("kind", [libc.SOCK_STREAM, libc.SOCK_DGRAM])
def test_those_who_have_waited_longest_come_first(kind):
    system = System({"/bin/waiter": waiter(kind)}, memory=32 << 20, net="on")
    found = []

    def init(argv):
        crowd = Crowd(system, kind, 3)
        for _ in range(4):
            fd = crowd.knock()
            found.append(crowd.answers())
            libc.close(fd)
        crowd.end()
        return 0

    assert system.run(init) == 0
    assert found == ["A", "B", "C", "A"]


@pytest.mark.parametrize("kind", [libc.SOCK_STREAM, libc.SOCK_DGRAM])
def test_one_who_dies_when_his_turn_has_come_takes_nothing_from_the_others(kind):
    system = System({"/bin/waiter": waiter(kind)}, memory=32 << 20, net="on")
    found = []

    def init(argv):
        crowd = Crowd(system, kind, 2)
        first = crowd.knock()
        libc.kill(crowd.pids[0], libc.SIGKILL)
        second = crowd.knock()
        found.append(crowd.answers())
        third = crowd.knock()
        found.append(crowd.answers())
        for fd in (first, second, third):
            libc.close(fd)
        crowd.end()
        return 0

    assert system.run(init) == 0
    assert "B" in found[0] and found[1] == "B"
