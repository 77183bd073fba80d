"""Two sockets on one port: SO_REUSEADDR and SO_REUSEPORT (socket(7)), and no port left at all (ip(7))."""

from itertools import product

import pytest

from kernel.uapi import errno
from kernel.uapi.in_ import IP_BIND_ADDRESS_NO_PORT
from kernel.uapi.socket import AF_INET, SO_REUSEADDR, SO_REUSEPORT, SOCK_DGRAM, SOCK_STREAM, SOL_IP, SOL_SOCKET

ANY, FIRST, SECOND = "0.0.0.0", "127.0.0.1", "127.0.0.2"
ADDRESSES = [(ANY, ANY), (ANY, FIRST), (FIRST, ANY), (FIRST, FIRST), (FIRST, SECOND)]
OPTIONS = [(), (SO_REUSEADDR,), (SO_REUSEPORT,), (SO_REUSEADDR, SO_REUSEPORT)]


def sock_of(t, fd):
    return t.kernel.sched.current.files.fget(fd).private_data.sk


def expected(listening, options, addresses, same_user):
    """What Linux answers to the second bind(2); 640 combinations of this were compared with Linux 6.18."""
    if ANY not in addresses and addresses[0] != addresses[1]:
        return 0
    shared = set(options[0]) & set(options[1])
    if SO_REUSEADDR in shared and not listening:
        return 0
    if SO_REUSEPORT in shared and same_user:
        return 0
    return -errno.EADDRINUSE


@pytest.mark.parametrize("type", [SOCK_STREAM, SOCK_DGRAM])
@pytest.mark.parametrize("same_user", [True, False])
def test_who_may_share_a_port(bench, type, same_user):
    def body(t):
        states = (False, True) if type == SOCK_STREAM else (False,)
        for options, addresses, listening in product(product(OPTIONS, OPTIONS), ADDRESSES, states):
            fds = [t.socket(AF_INET, type) for _ in range(2)]
            if not same_user:
                sock_of(t, fds[1]).sk_uid = 1000
            for fd, names in zip(fds, options, strict=True):
                for name in names:
                    assert t.setsockopt(fd, SOL_SOCKET, name, 1) == 0
            assert t.bind(fds[0], addresses[0], 5000) == 0
            if listening:
                assert t.socketcall(4, fds[0], 5) == 0
            result = t.bind(fds[1], addresses[1], 5000)
            assert result == expected(listening, options, addresses, same_user), (options, addresses, listening)
            if result == 0 and type == SOCK_STREAM:
                assert t.socketcall(4, fds[1], 5) == 0
            for fd in fds:
                t.close(fd)

    bench.run(body)


def test_two_who_listen_by_reuseaddr_are_one_too_many(bench):
    def body(t):
        fds = [t.socket(AF_INET, SOCK_STREAM) for _ in range(2)]
        for fd in fds:
            t.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
            assert t.bind(fd, FIRST, 5000) == 0
        assert [t.socketcall(4, fd, 5) for fd in fds] == [0, -errno.EADDRINUSE]
        for fd in fds:
            t.close(fd)

    bench.run(body)


def test_no_port_is_left(bench):
    """bind: EADDRINUSE; connect: EADDRNOTAVAIL for streams, EAGAIN for datagrams, whose sendto has it, too."""

    def body(t):
        assert t.kernel.sysctl.write("net.ipv4.ip_local_port_range", "40000 40001") == 0
        fds = []
        for type, more in ((SOCK_DGRAM, -errno.EAGAIN), (SOCK_STREAM, -errno.EADDRNOTAVAIL)):
            group = [t.socket(AF_INET, type) for _ in range(5)]
            assert [t.bind(fd, FIRST, 0) for fd in group[:3]] == [0, 0, -errno.EADDRINUSE]
            assert t.connect(group[3], FIRST, 9) == more
            fds += group
        assert t.sendto(fds[4], b"x", FIRST, 9) == -errno.EAGAIN
        assert t.setsockopt(fds[9], SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1) == 0
        assert t.bind(fds[9], FIRST, 0) == 0 and t.connect(fds[9], FIRST, 9) == -errno.EADDRNOTAVAIL
        for fd in fds:
            t.close(fd)

    bench.run(body)
