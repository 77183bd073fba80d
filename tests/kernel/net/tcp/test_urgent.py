"""Urgent data (RFC 9293 section 3.8.5, RFC 6093): the pointer on the wire, and what the reader sees."""

from kernel.uapi import errno
from kernel.uapi.poll import POLLIN, POLLPRI
from kernel.uapi.socket import MSG_DONTWAIT, MSG_OOB, MSG_PEEK, SOL_SOCKET
from kernel.uapi.sockios import SIOCATMARK, SIOCINQ

SO_OOBINLINE = 10
OOB = MSG_OOB | MSG_DONTWAIT


def at_mark(t, fd):
    answer = bytearray(4)
    assert t.ioctl(fd, SIOCATMARK, answer) == 0
    return int.from_bytes(answer, "little")


def inq(t, fd):
    answer = bytearray(4)
    assert t.ioctl(fd, SIOCINQ, answer) == 0
    return int.from_bytes(answer, "little")


# --- sending ---


def test_msg_oob_sets_urg(bench):
    """RFC 9293 MUST-30; RFC 6093 section 3.1: in practice the pointer is that of the byte behind the urgent one."""

    def body(t):
        c = t.established()
        assert t.write(c.fd, b"abcX", flags=OOB) == 4
        segment = c.expect("U.", seq=1, data=b"abcX")
        assert segment.urg == 4
        t.write(c.fd, b"normal")
        c.ack(5)
        assert all("U" not in s.flags for s in c.out())

    bench.run(body)


def test_urgent_data_ahead_is_announced(bench):
    """RFC 9293 MUST-31: earlier segments carry the pointer as well, as far as its 16 bits reach."""

    def body(t):
        c = t.established(win=2000)
        t.write(c.fd, bytes(4000))
        c.out()
        t.write(c.fd, b"!", flags=OOB)
        c.ack(2001, win=65535)
        segments = c.out()
        assert segments[0].seq == 2001 and segments[-1].end == 4002 and len(segments) > 1
        assert all("U" in s.flags and s.seq + s.urg == 4002 for s in segments)

    bench.run(body)


def test_urgent_data_does_not_wait_for_nagle(bench):
    """RFC 9293 section 3.7.4 with 3.8.5: urgent data goes at once although something small is outstanding."""

    def body(t):
        c = t.established()
        t.write(c.fd, b"a")
        c.expect(".", seq=1)
        t.write(c.fd, b"b", flags=OOB)
        c.expect("U.", seq=2, data=b"b")

    bench.run(body)


# --- receiving ---


def test_the_urgent_byte_is_read_with_msg_oob(bench):
    """tcp(7): the byte before the pointer is taken out of the stream and read with MSG_OOB, once."""

    def body(t):
        c = t.established()
        c.send("UP.", 1, 1, b"abcXdef", urg=4)
        assert t.poll(c.fd, POLLIN | POLLPRI) == POLLIN | POLLPRI
        assert t.read(c.fd, 1, flags=OOB | MSG_PEEK) == b"X"
        assert t.read(c.fd, 1, flags=OOB) == b"X"
        assert t.read(c.fd, 1, flags=OOB) == -errno.EINVAL
        assert t.read(c.fd) == b"abc"
        assert t.read(c.fd) == b"def"
        assert t.poll(c.fd, POLLPRI) == 0

    bench.run(body)


def test_reading_stops_at_the_mark(bench):
    """RFC 9293 MUST-33, sockatmark(3): one read never crosses the mark; SIOCATMARK tells when it is reached."""

    def body(t):
        c = t.established()
        c.send("UP.", 1, 1, b"abcXdef", urg=4)
        assert at_mark(t, c.fd) == 0
        assert inq(t, c.fd) == 3
        assert t.read(c.fd) == b"abc"
        assert at_mark(t, c.fd) == 1
        assert t.read(c.fd) == b"def"
        assert at_mark(t, c.fd) == 0

    bench.run(body)


def test_oobinline(bench):
    """socket(7) SO_OOBINLINE: the urgent byte stays in the stream, and the mark before it."""

    def body(t):
        c = t.established()
        assert t.setsockopt(c.fd, SOL_SOCKET, SO_OOBINLINE, 1) == 0
        c.send("UP.", 1, 1, b"abcXdef", urg=4)
        assert t.read(c.fd, 1, flags=OOB) == -errno.EINVAL
        assert t.read(c.fd) == b"abc"
        assert at_mark(t, c.fd) == 1
        assert t.read(c.fd) == b"Xdef"
        assert at_mark(t, c.fd) == 0

    bench.run(body)


def test_announced_and_not_there_yet(bench):
    """RFC 9293 MUST-32: the pointer may run ahead of the data; MSG_OOB then answers EAGAIN."""

    def body(t):
        c = t.established()
        c.send("UP.", 1, 1, b"abc", urg=10)
        assert t.read(c.fd, 1, flags=OOB) == -errno.EAGAIN
        assert t.read(c.fd) == b"abc"
        assert t.poll(c.fd, POLLPRI) == 0
        c.data(4, b"defghiX")
        assert t.poll(c.fd, POLLPRI) == POLLPRI
        assert t.read(c.fd) == b"defghi"
        assert at_mark(t, c.fd) == 1
        assert t.read(c.fd, 1, flags=OOB) == b"X"

    bench.run(body)


def test_the_pointer_advances(bench):
    """RFC 9293 section 3.8.5: later urgent data moves the mark; the old urgent byte becomes part of the stream."""

    def body(t):
        c = t.established()
        c.send("UP.", 1, 1, b"aX", urg=2)
        c.send("UP.", 3, 1, b"bY", urg=2)
        assert t.read(c.fd, 1, flags=OOB) == b"Y"
        assert t.read(c.fd) == b"aXb"

    bench.run(body)


def test_the_pointer_does_not_go_back(bench):
    """RFC 9293 section 3.10.7.4, sixth: RCV.UP <- max(RCV.UP, SEG.UP)."""

    def body(t):
        c = t.established()
        c.send("U.", 1, 1, b"abc", urg=20)
        c.send("U.", 4, 1, b"def", urg=2)
        assert t.read(c.fd, 1, flags=OOB) == -errno.EAGAIN
        assert t.read(c.fd) == b"abcdef"

    bench.run(body)


def test_no_urgent_data(bench):
    """tcp(7): MSG_OOB without urgent data is EINVAL."""

    def body(t):
        c = t.established()
        c.data(1, b"abc")
        assert t.read(c.fd, 1, flags=OOB) == -errno.EINVAL
        assert at_mark(t, c.fd) == 0
        assert t.read(c.fd) == b"abc"

    bench.run(body)


def test_the_urgent_byte_alone(bench):
    """RFC 6093 section 3.1: with nothing before it the mark is where we read, and the stream goes on behind it."""

    def body(t):
        c = t.established()
        c.send("UP.", 1, 1, b"X", urg=1)
        assert at_mark(t, c.fd) == 1
        assert t.read(c.fd, 1, flags=OOB) == b"X"
        assert t.read(c.fd) == -errno.EAGAIN
        c.data(2, b"next")
        assert t.read(c.fd) == b"next"

    bench.run(body)


def test_an_urgent_pointer_without_the_flag_means_nothing(bench):
    """RFC 9293 section 3.1: the field is only to be interpreted in segments with URG."""

    def body(t):
        c = t.established()
        c.send("P.", 1, 1, b"abc", urg=2)
        assert t.poll(c.fd, POLLIN | POLLPRI) == POLLIN
        assert t.read(c.fd) == b"abc"

    bench.run(body)


def test_urgent_data_out_of_order(bench):
    """RFC 9293 section 3.8.5: the announcement counts at once, the byte when the hole is filled."""

    def body(t):
        c = t.established()
        c.send("UP.", 4, 1, b"defX", urg=4)
        c.data(1, b"abc")
        assert t.read(c.fd) == b"abcdef"
        assert at_mark(t, c.fd) == 1
        assert t.read(c.fd, 1, flags=OOB) == b"X"

    bench.run(body)


def test_tcp_stdurg(bench):
    """tcp(7) tcp_stdurg: RFC 1122 section 4.2.2.4's reading, in which the pointer is that of the urgent byte itself."""

    def body(t):
        t.sysctl("tcp_stdurg", 1)
        c = t.established()
        c.send("UP.", 1, 1, b"abcXdef", urg=3)
        assert t.read(c.fd, 1, flags=OOB) == b"X"
        assert t.read(c.fd) == b"abc"

    bench.run(body)
