"""sendmmsg(2) and recvmmsg(2): partial results, timeouts, errors that are kept."""

from messages import Messages, lengths, recvmmsg, sendmmsg
from netbench import SECOND, icmp, sockaddr, udp

from kernel.uapi import errno
from kernel.uapi.in_ import IP_RECVERR
from kernel.uapi.socket import (
    AF_INET,
    MSG_DONTWAIT,
    MSG_OOB,
    MSG_TRUNC,
    MSG_WAITFORONE,
    SO_ERROR,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_IP,
    SOL_SOCKET,
    SYS_SENDMMSG,
)

EAGAIN, EFAULT, EINVAL, EBADF = -errno.EAGAIN, -errno.EFAULT, -errno.EINVAL, -errno.EBADF


def loop(t):
    """A datagram socket on lo, and its name."""
    fd = t.socket(AF_INET, SOCK_DGRAM)
    assert t.bind(fd, "127.0.0.1", 5000) == 0
    return fd, sockaddr("127.0.0.1", 5000)


def test_many_messages_in_one_call(bench):
    def body(t):
        fd, name = loop(t)
        assert sendmmsg(t, fd, [b"one", b"three", b""], name) == (3, [3, 5, 0])
        result, got, _ = recvmmsg(t, fd, [10, 2, 10, 10])
        assert result == 3
        assert got == [(b"one", 0), (b"th", MSG_TRUNC), (b"", 0)]
        assert recvmmsg(t, fd, [10])[0] == EAGAIN
        assert sendmmsg(t, fd, [b"x"], name, count=0) == (0, [0])
        assert recvmmsg(t, fd, [10], count=0)[0] == 0
        assert sendmmsg(t, 99, [b"x"])[0] == EBADF and recvmmsg(t, 99, [1])[0] == EBADF
        t.close(fd)

    bench.run(body)


def test_an_error_behind_the_first_message_is_not_reported(bench):
    def body(t):
        fd, name = loop(t)
        # The third one is larger than a datagram can be.
        assert sendmmsg(t, fd, [b"a", b"b", bytes(70000), b"d"], name) == (2, [1, 1, 0, 0])
        assert sendmmsg(t, fd, [bytes(70000), b"d"], name)[0] == -errno.EMSGSIZE
        assert recvmmsg(t, fd, [4] * 4)[0] == 2
        # A vector that ends in the middle of nowhere.
        m = Messages(t)
        vector = bytearray(bytes(m.header([b"x"], name)) + bytes(8))
        assert t.socketcall(SYS_SENDMMSG, fd, vector, 2, 0) == 1 and lengths(vector) == [1]
        m.done()
        t.close(fd)

    bench.run(body)


def test_waitforone_takes_what_is_there(bench):
    def body(t):
        fd, name = loop(t)
        frame = b"\0" * 12 + b"\x08\x00" + udp("127.0.0.1", 4, "127.0.0.1", 5000, b"late")
        t.later(SECOND, lambda: t.queue(frame, t.net.loopback_dev))
        assert recvmmsg(t, fd, [10] * 3, MSG_WAITFORONE)[:2] == (1, [(b"late", 0)])
        t.close(fd)

    bench.run(body)


def test_the_timeout_is_looked_at_after_each_message(bench):
    def body(t):
        fd, name = loop(t)
        frame = b"\0" * 12 + b"\x08\x00" + udp("127.0.0.1", 4, "127.0.0.1", 5000, b"x")
        for delay in (1, 2, 3):
            t.later(delay * SECOND, lambda: t.queue(frame, t.net.loopback_dev))
        result, _, left = recvmmsg(t, fd, [10] * 3, 0, (1, 500000000))
        # The second one came when time was up already.
        assert result == 2 and left == (0, 0)
        sendmmsg(t, fd, [b"y"], name)
        result, _, left = recvmmsg(t, fd, [10], 0, (5, 0))
        assert result == 1 and (4, 0) < left <= (5, 0)
        t.sleep(2)
        assert recvmmsg(t, fd, [10] * 2, MSG_DONTWAIT, (5, 0))[0] == 1
        for bad in ((-1, 0), (0, -1), (0, 10**9)):
            assert recvmmsg(t, fd, [10], 0, bad)[0] == EINVAL
        t.close(fd)

    bench.run(body)


def test_a_pending_error_comes_first_and_a_later_one_is_kept(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, SOL_IP, IP_RECVERR, 1)
        assert t.connect(fd, "10.0.0.2", 7) == 0
        t.sendto(fd, b"payload")
        sent = t.take()[0][14:]
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 3, 3, bytes(4) + sent))
        assert recvmmsg(t, fd, [10] * 2)[0] == -errno.ECONNREFUSED
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_ERROR) == 0
        port = t.getname(fd)[1]
        t.inject_ip(udp("10.0.0.2", 7, "10.0.0.1", port, b"data"))
        # The second buffer is nobody's memory.
        m = Messages(t)
        buffer = bytearray(8)
        good = bytes(m.header([buffer], None, b"", True)) + bytes(8)
        bad = bytearray(good)
        bad[16:24] = (0x1000).to_bytes(8, "little")
        t.inject_ip(udp("10.0.0.2", 7, "10.0.0.1", port, b"more"))
        assert t.socketcall(19, fd, bytearray(good + bytes(bad)), 2, MSG_DONTWAIT, 0) == 1
        m.done()
        assert buffer[:4] == b"data"
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_ERROR) == errno.EFAULT
        t.close(fd)

    bench.run(body)


def test_urgent_data_ends_the_call(bench):
    def body(t):
        listener = t.socket(AF_INET, SOCK_STREAM)
        t.bind(listener, "127.0.0.1", 80)
        t.socketcall(4, listener, 5)
        client = t.socket(AF_INET, SOCK_STREAM)
        assert t.connect(client, "127.0.0.1", 80) == 0
        server = t.socketcall(5, listener, 0, 0)
        assert t.sendto(client, b"!", flags=MSG_OOB) == 1
        result, got, _ = recvmmsg(t, server, [1, 1], MSG_OOB)
        assert result == 1 and got == [(b"!", MSG_OOB)]
        for fd in (listener, client, server):
            t.close(fd)

    bench.run(body)
