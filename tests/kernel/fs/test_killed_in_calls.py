"""A program that is killed while it sleeps in a call leaves nothing behind; nor do a thousand programs."""

import gc

import pytest
from hwemu_system import run

from userland import libc

UNIX, STREAM, DGRAM = libc.AF_UNIX, libc.SOCK_STREAM, libc.SOCK_DGRAM
NAME = libc.sockaddr_un(b"\0killed")
BLOCK = bytes(65536)


def full(fd):
    """Write until there is no more room, then once more."""
    libc.set_nonblocking(fd)
    while libc.write(fd, BLOCK) > 0:
        pass
    libc.set_nonblocking(fd, False)
    libc.write(fd, BLOCK)


def listener(kind=UNIX, address=NAME):
    fd = libc.socket(kind, STREAM)
    libc.bind(fd, address)
    libc.listen(fd, 0)
    return fd


def full_backlog():
    listener()
    for _ in range(2):
        libc.connect(libc.socket(UNIX, STREAM), NAME)


def full_queue():
    receiver = libc.socket(UNIX, DGRAM)
    libc.bind(receiver, NAME)
    sender = libc.socket(UNIX, DGRAM)
    while True:
        libc.sendto(sender, b"x", addr=NAME)


def watched(wait):
    ep, inner = libc.epoll_create1(), libc.epoll_create1()
    for fd in libc.socketpair(UNIX, STREAM):
        libc.epoll_ctl(inner, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN | libc.EPOLLET)
    libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, inner, libc.EPOLLIN)
    wait(ep, [])


def locked(lock):
    fd = libc.open("/tmp/locked", libc.O_CREAT | libc.O_RDWR)
    lock(fd)
    lock(libc.open("/tmp/locked", libc.O_RDWR))


def fifo(flags):
    libc.mkfifo("/tmp/fifo")
    libc.open("/tmp/fifo", flags)


def descriptors_on_their_way():
    a, b = libc.socketpair(UNIX, STREAM)
    control = [(libc.SOL_SOCKET, libc.SCM_RIGHTS, a.to_bytes(4, "little") + b.to_bytes(4, "little"))]
    libc.sendmsg(a, libc.msghdr([b"x"], control=control))
    libc.sendmsg(b, libc.msghdr([b"x"], control=control))
    libc.poll([], -1)


def timer():
    fd = libc.timerfd_create(libc.CLOCK_MONOTONIC)
    libc.timerfd_settime(fd, 0, 10**12, 10**9)
    libc.read(fd, bytearray(8))


def tcp():
    fd = listener(libc.AF_INET, libc.sockaddr_in("127.0.0.1", 80))
    client = libc.socket(libc.AF_INET, STREAM)
    libc.connect(client, libc.sockaddr_in("127.0.0.1", 80))
    libc.accept(fd)
    full(client)


CALLS = {
    "read of a pipe": lambda: libc.read(libc.pipe()[0], bytearray(1)) if libc.pipe() else 0,
    "write to a pipe": lambda: full(libc.pipe()[1]),
    "poll": lambda: libc.poll([libc.pollfd(fd, libc.POLLIN) for fd in libc.socketpair(UNIX, STREAM)], -1),
    "poll with a timeout": lambda: libc.poll([libc.pollfd(0, 0)], 10_000_000),
    "select": lambda: libc.select(8, libc.fd_set(libc.pipe()[:1])),
    "epoll_wait": lambda: watched(lambda ep, events: libc.epoll_wait(ep, events, 8, -1)),
    "epoll_pwait2": lambda: watched(lambda ep, events: libc.epoll_pwait2(ep, events, 8, 10_000.0, ())),
    "accept": lambda: libc.accept(listener()),
    "accept of TCP": lambda: libc.accept(listener(libc.AF_INET, libc.sockaddr_in("127.0.0.1", 80))),
    "connect": full_backlog,
    "recv": lambda: libc.recv(libc.socketpair(UNIX, STREAM)[0], bytearray(1)),
    "recv of a datagram": lambda: libc.recv(libc.socketpair(UNIX, DGRAM)[0], bytearray(1)),
    "send": lambda: full(libc.socketpair(UNIX, STREAM)[0]),
    "send of a datagram": full_queue,
    "send of TCP": tcp,
    "read of an eventfd": lambda: libc.eventfd_read(libc.eventfd()),
    "write to an eventfd": lambda: [libc.eventfd_write(fd, (1 << 64) - 2) for fd in [libc.eventfd()] * 2],
    "read of a timerfd": timer,
    "read of a signalfd": lambda: libc.read(libc.signalfd(-1, [libc.SIGHUP]), bytearray(128)),
    "flock": lambda: locked(lambda fd: libc.flock(fd, libc.LOCK_EX)),
    "a lock of an open file": lambda: locked(lambda fd: libc.record_lock(fd, libc.F_WRLCK, 0, 0, libc.F_OFD_SETLKW)),
    "open of a FIFO to read": lambda: fifo(libc.O_RDONLY),
    "open of a FIFO to write": lambda: fifo(libc.O_WRONLY),
    "splice": lambda: libc.splice(libc.pipe()[0], None, libc.socketpair(UNIX, STREAM)[0], None, 9),
    "descriptors on their way": descriptors_on_their_way,
    "a timer that runs": lambda: (libc.timerfd_settime(libc.timerfd_create(1), 0, 1000, 1000), libc.sleep(1000)),
}


def victim(argv):
    CALLS[argv[1]]()
    libc.eputs(f"{argv[1]} did not block\n")
    return 7


def books(kernel):
    """What may not grow: memory, sockets, timers, tasks."""
    gc.collect()
    net = kernel.net
    return (
        kernel.skb_cache.live, kernel.slab.bytes_in_use, kernel.timers.active, len(kernel.pids.tasks()),
        net.sockets_used, len(net.unix_domain.socks), len(net.unix_domain.inflight), len(net.unix_domain.abstract),
        kernel.rootfs.used,
    )  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_killed_in(name):
    system = run.machine({"/bin/victim": victim})

    def init(argv):
        libc.set_flags("lo", on=libc.IFF_UP)
        before = None
        # The first run is for what the kernel keeps for itself from then on, such as the page that TCP fills.
        for signal in (libc.SIGTERM, libc.SIGKILL, libc.SIGTERM):
            pid = libc.spawn("/bin/victim", ["v", name])
            libc.usleep(20_000)
            assert libc.waitpid(pid, libc.WNOHANG) == (0, 0), "it does not block"
            assert libc.kill(pid, signal) == 0
            assert libc.waitpid(pid) == (pid, signal)
            # Sockets that only their own messages keep are looked for when one is made; TCP has its last words to say.
            libc.close(libc.socket(UNIX, STREAM))
            libc.sleep(200)
            now = books(system.kernel)
            assert before in (None, now)
            before = now

    run(init, system=system)


def test_a_thousand_programs_leave_the_machine_as_it_was():
    system = run.machine({"/bin/victim": victim}, memory=32 << 20)
    names = [name for name in CALLS if name != "send of TCP"]

    def init(argv):
        libc.set_flags("lo", on=libc.IFF_UP)
        libc.close(libc.socket(UNIX, STREAM))
        before = books(system.kernel)
        for number in range(1000):
            pid = libc.spawn("/bin/victim", ["v", names[number % len(names)]])
            libc.usleep(2000)
            assert libc.kill(pid, libc.SIGKILL) == 0
            assert libc.waitpid(pid) == (pid, libc.SIGKILL)
        libc.close(libc.socket(UNIX, STREAM))
        libc.sleep(1)
        assert books(system.kernel) == before

    run(init, system=system)
