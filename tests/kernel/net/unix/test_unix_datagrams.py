"""Datagrams of AF_UNIX: addresses, the default receiver, the limit of the queue."""

from unix_box import DGRAM, errno_of, revents

from userland import libc


def received(fd, size=100, flags=0):
    """(data, sender's sockaddr) of a message."""
    message = libc.msghdr([bytearray(size)], bytearray(128))
    count = libc.recvmsg(fd, message, flags)
    assert count >= 0, libc.strerror(libc.errno)
    return bytes(message.iov[0][:count]), bytes(message.name[: message.namelen])


def test_datagrams_have_their_sender_s_name_or_none(run):
    def scenario(box):
        receiver = box.bound(box.path("r"), DGRAM)
        named = box.bound(box.abstract("n"), DGRAM)
        nameless = box.socket(DGRAM)
        assert libc.sendto(named, b"one", addr=box.path("r")) == 3
        assert libc.sendto(nameless, b"two", addr=box.path("r")) == 3
        assert received(receiver) == (b"one", box.abstract("n"))
        assert received(receiver) == (b"two", b"")
        assert errno_of(libc.send(nameless, b"x")) == libc.ENOTCONN
        assert errno_of(libc.sendto(nameless, b"x", addr=box.path("none"))) == libc.ENOENT
        assert errno_of(libc.sendto(nameless, b"x", addr=box.abstract("none"))) == libc.ECONNREFUSED
        assert errno_of(libc.sendto(nameless, b"x", addr=b"\2\0abc")) == libc.EINVAL
        assert errno_of(libc.sendto(nameless, b"x", flags=libc.MSG_OOB, addr=box.path("r"))) == libc.EOPNOTSUPP
        assert errno_of(libc.recv(receiver, bytearray(1), flags=libc.MSG_DONTWAIT)) == libc.EAGAIN

    run(scenario)


def test_a_connected_socket_takes_datagrams_from_its_peer_alone(run):
    def scenario(box):
        a = box.bound(box.abstract("a"), DGRAM)
        b = box.bound(box.abstract("b"), DGRAM)
        c = box.socket(DGRAM)
        assert libc.connect(a, box.abstract("b")) == 0
        assert errno_of(libc.sendto(c, b"x", addr=box.abstract("a"))) == libc.EPERM
        assert errno_of(libc.connect(c, box.abstract("a"))) == libc.EPERM
        assert libc.sendto(b, b"from b", addr=box.abstract("a")) == 6
        assert libc.send(a, b"to b") == 4 and received(b) == (b"to b", box.abstract("a"))
        assert received(a) == (b"from b", box.abstract("b"))
        assert libc.getpeername(a) == box.abstract("b")
        assert libc.connect(a, b"\0\0" + bytes(14)) == 0
        assert errno_of(libc.getpeername(a)) == libc.ENOTCONN
        assert libc.sendto(c, b"x", addr=box.abstract("a")) == 1

    run(scenario)


def test_a_receiver_that_has_gone(run):
    def scenario(box):
        receiver = box.bound(box.abstract("r"), DGRAM)
        sender = box.connected(box.abstract("r"), DGRAM)
        assert libc.send(sender, b"x") == 1
        box.close(receiver)
        assert errno_of(libc.send(sender, b"x")) == libc.ECONNREFUSED
        assert errno_of(libc.send(sender, b"x")) == libc.ENOTCONN
        a, b = box.pair(DGRAM)
        libc.send(a, b"unread")
        box.close(b)
        assert errno_of(libc.send(a, b"x")) == libc.ECONNREFUSED
        assert errno_of(libc.send(a, b"x")) == libc.ENOTCONN

    run(scenario)


def test_a_receiver_that_reads_no_more(run):
    def scenario(box):
        receiver = box.bound(box.abstract("r"), DGRAM)
        sender = box.connected(box.abstract("r"), DGRAM)
        libc.shutdown(receiver, libc.SHUT_RD)
        assert errno_of(libc.send(sender, b"x")) == libc.EPIPE
        assert libc.recv(receiver, bytearray(1)) == 0
        assert errno_of(libc.recv(receiver, bytearray(1), flags=libc.MSG_DONTWAIT)) == libc.EAGAIN
        libc.shutdown(sender, libc.SHUT_WR)
        assert errno_of(libc.send(sender, b"x")) == libc.EPIPE

    run(scenario)


def test_the_limit_of_the_queue(run):
    def scenario(box):
        receiver = box.bound(box.abstract("r"), DGRAM)
        sender = box.connected(box.abstract("r"), DGRAM, libc.SOCK_NONBLOCK)
        limit = int(libc.read_text("/proc/sys/net/unix/max_dgram_qlen"))
        for number in range(limit + 1):
            assert libc.send(sender, bytes([number & 0xFF])) == 1
        assert errno_of(libc.send(sender, b"x")) == libc.EAGAIN
        other = box.socket(DGRAM)
        assert errno_of(libc.sendto(other, b"x", flags=libc.MSG_DONTWAIT, addr=box.abstract("r"))) == libc.EAGAIN
        assert not revents(sender) & libc.POLLOUT
        ep, events = libc.epoll_create(), []
        box.keep(ep)
        libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, sender, libc.EPOLLOUT | libc.EPOLLET, 5)
        assert libc.epoll_wait(ep, events, 4, 0) == 0
        assert libc.recv(receiver, bytearray(1)) == 1
        assert revents(sender) & libc.POLLOUT
        assert libc.epoll_wait(ep, events, 4, 0) == 1 and events == [(5, libc.EPOLLOUT)]
        assert libc.send(sender, b"x") == 1
        # Two that are connected to each other are bounded by the send buffer alone.
        a, _ = box.pair(DGRAM, libc.SOCK_NONBLOCK)
        for _ in range(limit + 20):
            assert libc.send(a, b"x") == 1

    run(scenario)


def test_peeking_and_cut_datagrams(run):
    def scenario(box):
        a, b = box.pair(DGRAM)
        libc.send(a, b"datagram")
        libc.send(a, b"")
        assert received(b, 4, libc.MSG_PEEK) == (b"data", b"")
        raw = bytearray(4)
        libc.ioctl(b, 0x541B, raw)
        assert raw[0] == 8
        assert libc.recv(b, bytearray(4), flags=libc.MSG_TRUNC) == 8
        assert libc.recv(b, bytearray(4)) == 0
        assert errno_of(libc.recv(b, bytearray(4), flags=libc.MSG_OOB)) == libc.EOPNOTSUPP
        assert errno_of(libc.send(a, bytes(300_000))) == libc.EMSGSIZE

    run(scenario)
