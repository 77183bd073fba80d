"""The calls of a program (RFC 9293 section 3.9.1; recv(2), send(2), connect(2), tcp(7)): flags, blocking, counters."""

from harness import LOCAL, PEER, mss, sack_ok, wscale
from pytest import approx

from kernel.uapi import errno
from kernel.uapi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from kernel.uapi.socket import (
    MSG_DONTWAIT,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SO_ERROR,
    SO_RCVLOWAT,
    SO_REUSEADDR,
    SO_TYPE,
    SOCK_STREAM,
    SOL_SOCKET,
)
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ

ETHERNET = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0"
SO_RCVTIMEO, SO_SNDTIMEO = 20, 21
MS = 1_000_000


def seconds(value):
    return int(value).to_bytes(8, "little") + int(value % 1 * 1_000_000).to_bytes(8, "little")


def ask(t, fd, what):
    answer = bytearray(4)
    assert t.ioctl(fd, what, answer) == 0
    return int.from_bytes(answer, "little")


def arrive(t, c, delay, *arguments, **more):
    """A segment of the peer's in `delay` ms, while the program sleeps in a call."""
    t.later(delay * MS, lambda: t.queue(ETHERNET + c.raw(*arguments, **more)))


# --- receiving ---


def test_a_blocking_read_waits_for_data(bench):
    """recv(2): an empty queue puts the caller to sleep; whatever comes wakes it."""

    def body(t):
        c = t.established()
        start = t.now()
        arrive(t, c, 500, "P.", 1, 1, b"late")
        assert t.read(c.fd, flags=0) == b"late"
        assert t.now() - start == approx(0.5, abs=0.01)

    bench.run(body)


def test_a_fin_or_a_reset_wakes_a_reader(bench):
    """RFC 9293 MUST-12: the end of the stream is 0 bytes, an abort is an error."""

    def body(t):
        c = t.established()
        arrive(t, c, 100, "F.", 1, 1)
        assert t.read(c.fd, flags=0) == b""
        c = t.established(port=81)
        arrive(t, c, 100, "R", 1)
        assert t.read(c.fd, flags=0) == -errno.ECONNRESET

    bench.run(body)


def test_msg_peek(bench):
    """recv(2) MSG_PEEK: reads without taking, over several segments."""

    def body(t):
        c = t.established()
        c.data(1, b"abc")
        c.data(4, b"def")
        assert t.read(c.fd, 5, flags=MSG_PEEK | MSG_DONTWAIT) == b"abcde"
        assert t.read(c.fd, 100, flags=MSG_PEEK | MSG_DONTWAIT) == b"abcdef"
        assert t.read(c.fd, 2) == b"ab"
        assert t.read(c.fd, 100, flags=MSG_PEEK | MSG_DONTWAIT) == b"cdef"
        assert t.read(c.fd) == b"cdef"
        c.send("F.", 7, 1)
        assert t.read(c.fd, 10, flags=MSG_PEEK | MSG_DONTWAIT) == b""
        assert t.read(c.fd) == b""

    bench.run(body)


def test_msg_waitall(bench):
    """recv(2) MSG_WAITALL: returns when everything is there, or at the end of the stream."""

    def body(t):
        c = t.established()
        for i in range(4):
            arrive(t, c, 100 * (i + 1), "P.", 1 + 5 * i, 1, b"12345")
        assert t.read(c.fd, 15, flags=MSG_WAITALL) == b"12345" * 3
        assert t.read(c.fd, flags=0) == b"12345"
        arrive(t, c, 100, "P.", 21, 1, b"end")
        arrive(t, c, 200, "F.", 24, 1)
        assert t.read(c.fd, 100, flags=MSG_WAITALL) == b"end"

    bench.run(body)


def test_msg_trunc_throws_away(bench):
    """tcp(7): MSG_TRUNC discards bytes instead of copying them."""

    def body(t):
        c = t.established()
        c.data(1, b"skipped and read")
        assert t.socketcall(12, c.fd, 0, 12, MSG_TRUNC | MSG_DONTWAIT, 0, 0) == 12
        assert t.read(c.fd) == b"read"

    bench.run(body)


def test_so_rcvlowat(bench):
    """socket(7) SO_RCVLOWAT: neither read nor poll wakes before so many bytes are there."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_RCVLOWAT, 10) == 0
        c.data(1, b"12345")
        assert t.poll(c.fd, POLLIN) == 0
        c.data(6, b"67890")
        assert t.poll(c.fd, POLLIN) == POLLIN
        assert t.read(c.fd, flags=0) == b"1234567890"
        start = t.now()
        arrive(t, c, 100, "P.", 11, 1, b"12345")
        arrive(t, c, 300, "P.", 16, 1, b"67890")
        assert t.read(c.fd, flags=0) == b"1234567890"
        assert t.now() - start == approx(0.3, abs=0.01)

    bench.run(body)


def test_so_rcvtimeo(bench):
    """socket(7) SO_RCVTIMEO: EAGAIN when nothing came in time; a short count when something did."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, seconds(0.25)) == 0
        start = t.now()
        assert t.read(c.fd, flags=0) == -errno.EAGAIN
        assert t.now() - start == approx(0.25, abs=0.01)
        arrive(t, c, 100, "P.", 1, 1, b"some")
        assert t.read(c.fd, 100, flags=MSG_WAITALL) == b"some"

    bench.run(body)


def test_siocinq(bench):
    """tcp(7) SIOCINQ: what can be read; a FIN behind it does not count."""

    def body(t):
        c = t.established()
        assert ask(t, c.fd, SIOCINQ) == 0
        c.data(1, b"12345", flags="FP.")
        assert ask(t, c.fd, SIOCINQ) == 5
        t.read(c.fd, 3)
        assert ask(t, c.fd, SIOCINQ) == 2
        t.read(c.fd)
        assert ask(t, c.fd, SIOCINQ) == 0

    bench.run(body)


# --- sending ---


def test_siocoutq(bench):
    """tcp(7) SIOCOUTQ: what is not acknowledged, sent or not; a FIN counts as one."""

    def body(t):
        c = t.established(win=2920)
        t.write(c.fd, bytes(5000))
        assert ask(t, c.fd, SIOCOUTQ) == 5000
        c.out()
        c.ack(1461)
        assert ask(t, c.fd, SIOCOUTQ) == 3540

    bench.run(body)


def test_a_blocking_write_waits_for_room(bench):
    """send(2): a full buffer puts the writer to sleep until ACKs have made room."""

    def body(t):
        c = t.established()
        peer_acked = 1

        def acknowledge():
            nonlocal peer_acked
            segments = c.out()
            if segments:
                peer_acked = max(peer_acked, segments[-1].end)
                t.queue(ETHERNET + c.raw(".", 1, peer_acked))
            if peer_acked <= 300_000:
                t.later(50 * MS, acknowledge)

        t.later(50 * MS, acknowledge)
        start = t.now()
        assert t.write(c.fd, bytes(300_000), flags=0) == 300_000
        assert t.now() - start > 0.1
        t.sleep(2)
        assert peer_acked == 300_001

    bench.run(body)


def test_so_sndtimeo(bench):
    """socket(7) SO_SNDTIMEO: a short count, and EAGAIN when nothing could be taken."""

    def body(t):
        c = t.established(win=1000)
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, seconds(0.25)) == 0
        taken = t.write(c.fd, bytes(500_000), flags=0)
        assert 0 < taken < 500_000
        start = t.now()
        assert t.write(c.fd, b"x" * 100_000, flags=0) == -errno.EAGAIN
        assert t.now() - start == approx(0.25, abs=0.01)

    bench.run(body)


def test_writing_nothing(bench):
    """write(2): 0 bytes are no error and no segment."""

    def body(t):
        c = t.established()
        assert t.write(c.fd, b"") == 0
        c.silence()

    bench.run(body)


def test_data_that_is_written_while_connecting(bench):
    """RFC 9293 section 3.9.1.2 (SEND in SYN-SENT): EAGAIN without blocking; a blocking write waits for the handshake."""

    def body(t):
        c = t.connect_start(80)
        assert t.write(c.fd, b"x") == -errno.EAGAIN
        assert t.read(c.fd) == -errno.EAGAIN
        assert t.poll(c.fd, POLLIN | POLLOUT) == 0
        c.send("S.", 0, 1)
        assert t.poll(c.fd, POLLIN | POLLOUT) == POLLOUT
        c.out()
        assert t.write(c.fd, b"x") == 1
        c.expect(".", seq=1, data=b"x")

    bench.run(body)


# --- connecting ---


def test_connect_answers_by_state(bench):
    """connect(2): EINPROGRESS, then EALREADY, once 0 when it is done, then EISCONN."""

    def body(t):
        c = t.connect_start(80)
        assert t.connect(c.fd, PEER, 80) == -errno.EALREADY
        c.send("S.", 0, 1)
        assert t.connect(c.fd, PEER, 80) == 0
        assert t.connect(c.fd, PEER, 80) == -errno.EISCONN

    bench.run(body)


def test_a_blocking_connect(bench):
    """RFC 9293 section 3.9.1.1: OPEN returns when the connection stands."""

    def body(t):
        fd = t.stream()
        assert t.bind(fd, LOCAL, 5000) == 0
        c = t.peer(5000)
        c.port = 80

        def answer():
            c.out()
            t.queue(ETHERNET + c.raw("S.", 0, 1, options=mss(1460)))

        t.later(200 * MS, answer)
        start = t.now()
        assert t.connect(fd, PEER, 80) == 0
        assert t.now() - start == approx(0.2, abs=0.01)
        assert t.getname(fd) == (LOCAL, 5000) and t.getname(fd, 7) == (PEER, 80)

    bench.run(body)


def test_a_refused_socket_can_try_again(bench):
    """connect(2) on Linux: after ECONNREFUSED the same socket may connect once more."""

    def body(t):
        c = t.connect_start(80)
        c.send("R.", 0, 1)
        assert t.connect(c.fd, PEER, 80) == -errno.ECONNREFUSED
        assert t.connect(c.fd, PEER, 80) == -errno.EINPROGRESS
        _, port = t.getname(c.fd)
        again = t.peer(port)
        again.port = 80
        again.out()
        again.send("S.", 0, 1)
        assert t.poll(c.fd, POLLOUT) == POLLOUT

    bench.run(body)


def test_dissolving_with_af_unspec(bench):
    """connect(2): AF_UNSPEC aborts a connection, and the socket is as new."""

    def body(t):
        c = t.connect_start(80)
        c.send("S.", 0, 1)
        c.out()
        assert t.socketcall(3, c.fd, bytes(16), 16) == 0
        c.expect("R.", seq=1)
        assert t.getname(c.fd, 7) == -errno.ENOTCONN
        assert t.connect(c.fd, PEER, 81) == -errno.EINPROGRESS

    bench.run(body)


def test_two_connections_need_two_ports(bench):
    """RFC 9293 section 3.4.3: addresses and ports name a connection: no second one with all the same."""

    def body(t):
        c = t.connect_start(80, local_port=5000)
        c.send("S.", 0, 1)
        c.out()
        fd = t.stream()
        t.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        t.setsockopt(c.fd, SOL_SOCKET, SO_REUSEADDR, 1)
        assert t.bind(fd, "0.0.0.0", 5000) == 0
        assert t.connect(fd, PEER, 80) == -errno.EADDRNOTAVAIL
        t.nonblock(fd)
        assert t.connect(fd, PEER, 81) == -errno.EINPROGRESS

    bench.run(body)


def test_ephemeral_ports_differ(bench):
    """RFC 6056: every connect(2) gets a free port of its own from the range."""

    def body(t):
        ports = [t.connect_start(80).local_port for _ in range(50)]
        assert len(set(ports)) == 50 and all(32768 <= port <= 60999 for port in ports)

    bench.run(body)


def test_errors_of_unconnected_sockets(bench):
    """recv(2), send(2), accept(2), getpeername(2): what a socket that is nothing yet answers."""

    def body(t):
        fd = t.stream()
        assert t.read(fd) == -errno.ENOTCONN
        assert t.write(fd, b"x") == -errno.EPIPE
        assert t.getname(fd, 7) == -errno.ENOTCONN
        assert t.socketcall(18, fd, 0, 0, 0) == -errno.EINVAL
        assert t.poll(fd, POLLIN | POLLOUT) & POLLHUP
        c = t.listen(80)
        assert t.read(c.listener) == -errno.ENOTCONN
        assert t.write(c.listener, b"x") == -errno.EPIPE
        assert t.connect(c.listener, PEER, 80) == -errno.EISCONN
        assert t.getsockopt_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM

    bench.run(body)


def test_poll_through_a_life(bench):
    """poll(2): connecting nothing, then writable, readable with data, hung up after both FINs, error after a reset."""

    def body(t):
        events = POLLIN | POLLOUT | POLLRDHUP
        c = t.connect_start(80)
        assert t.poll(c.fd, events) == 0
        c.send("S.", 0, 1)
        c.out()
        assert t.poll(c.fd, events) == POLLOUT
        c.data(1, b"x")
        assert t.poll(c.fd, events) == POLLIN | POLLOUT
        t.read(c.fd)
        c.send("R", 2)
        seen = t.poll(c.fd, events)
        assert seen & (POLLERR | POLLHUP) == POLLERR | POLLHUP and seen & POLLIN
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ECONNRESET
        assert not t.poll(c.fd, events) & POLLERR

    bench.run(body)


def test_out_of_order_data_does_not_move_the_window(bench):
    """RFC 5681 section 2: duplicate ACKs carry the same window, or the sender would not count them."""

    def body(t):
        c = t.established(options=mss(1460) + wscale(7))
        c.data(1, bytes(1460), flags=".")
        window = c.out()[-1].win
        windows = []
        for i in range(2, 12):
            c.data(1 + 1460 * i, bytes(1460), flags=".")
            windows += [s.win for s in c.out()]
        assert len(windows) == 10 and set(windows) == {window}

    bench.run(body)


def test_out_of_order_data_may_move_it_with_sack(bench):
    """RFC 2018: with SACK the sender looks at the blocks, and the window may grow meanwhile."""

    def body(t):
        c = t.established(options=mss(1460) + sack_ok() + wscale(7))
        windows = []
        for i in range(1, 12):
            c.data(1 + 1460 * i, bytes(1460), flags=".")
            windows += [s.win for s in c.out()]
        assert windows == sorted(windows)

    bench.run(body)
