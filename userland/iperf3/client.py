"""The client of an iperf3 test: it says what is tested, opens the streams and measures the time."""

from userland import libc
from userland.iperf3.control import STATE_TEXTS, Control, Mover, results_message
from userland.iperf3.protocol import (
    CLIENT_TERMINATE,
    COOKIE_LETTERS,
    COOKIE_SIZE,
    CREATE_STREAMS,
    DISPLAY_RESULTS,
    EXCHANGE_RESULTS,
    IPERF_DONE,
    PARAM_EXCHANGE,
    TEST_END,
    TEST_RUNNING,
    TEST_START,
    UDP_HELLO,
    UDP_HELLO_REPLY,
    UDP_OLD_REPLY,
    ProtocolError,
    parse_results,
    stream_id,
)
from userland.iperf3.stream import Stream

# How often, and how long each time in ms, the answer to a UDP stream's first datagram is waited for.
HELLO_TRIES = 10
HELLO_WAIT = 1000


def make_cookie():
    """36 letters and a NUL, which tie the streams to their control connection."""
    letters = [COOKIE_LETTERS[libc.random_bits(5)] for _ in range(COOKIE_SIZE - 1)]
    return "".join(letters).encode() + b"\0"


class Client:
    """One test."""

    def __init__(self, addr, host, parameters, reporter, interval, bind):
        self.addr = addr
        self.host = host
        self.parameters = parameters
        self.reporter = reporter
        self.interval = interval
        self.bind = bind
        self.cookie = make_cookie()
        self.control = None
        self.streams = []
        self.mover = None

    def socket(self, kind):
        fd = libc.socket(libc.AF_INET, kind)
        if fd < 0:
            raise ProtocolError(f"socket: {libc.strerror(libc.errno)}")
        if self.parameters.window:
            for option in (libc.SO_SNDBUF, libc.SO_RCVBUF):
                libc.setsockopt(fd, libc.SOL_SOCKET, option, self.parameters.window)
        if self.parameters.mss and kind == libc.SOCK_STREAM:
            libc.setsockopt(fd, libc.SOL_TCP, libc.TCP_MAXSEG, self.parameters.mss)
        if self.bind is not None and libc.bind(fd, libc.sockaddr_in(self.bind, 0)) < 0:
            libc.close(fd)
            raise ProtocolError(f"bind: {libc.strerror(libc.errno)}")
        if libc.connect(fd, self.addr) < 0:
            number = libc.errno
            libc.close(fd)
            raise ProtocolError(f"unable to connect to server: {libc.strerror(number)}")
        return fd

    def run(self):
        """The whole test; ProtocolError with the reason when it fails."""
        self.reporter.udp = self.parameters.udp
        host, port = libc.sockaddr_in_pair(self.addr)
        self.reporter.start["connecting_to"] = {"host": self.host, "port": port}
        self.reporter.say(f"Connecting to host {self.host}, port {port}")
        if self.parameters.reverse:
            self.reporter.say(f"Reverse mode, remote host {self.host} is sending")
        self.control = Control(self.socket(libc.SOCK_STREAM))
        try:
            self.control.send(self.cookie)
            self.control.expect(PARAM_EXCHANGE)
            self.control.send_json(self.parameters.to_json())
            self.control.expect(CREATE_STREAMS)
            self.create_streams()
            self.control.expect(TEST_START)
            self.control.expect(TEST_RUNNING)
            self.reporter.start["test_start"] = self.test_start()
            self.measure()
        finally:
            for stream in self.streams:
                stream.close()
            self.control.close()

    def test_start(self):
        p = self.parameters
        return {
            "protocol": "UDP" if p.udp else "TCP", "num_streams": p.streams, "blksize": p.length, "omit": 0,
            "duration": 0 if p.bytes else p.time, "bytes": p.bytes, "blocks": 0, "reverse": int(p.reverse),
            "target_bitrate": p.rate,
        }  # fmt: skip

    def create_streams(self):
        p = self.parameters
        for index in range(p.streams):
            fd = self.socket(libc.SOCK_DGRAM if p.udp else libc.SOCK_STREAM)
            stream = Stream(fd, stream_id(index), p, not p.reverse)
            self.streams.append(stream)
            if p.udp:
                greet(fd)
            else:
                if p.nodelay:
                    libc.setsockopt(fd, libc.SOL_TCP, libc.TCP_NODELAY, 1)
                if libc.send_all(fd, self.cookie) < 0:
                    raise ProtocolError(f"unable to send cookie to server: {libc.strerror(libc.errno)}")
            self.reporter.connected(stream)

    def measure(self):
        self.mover = Mover(self.control, self.streams, self.parameters, self.reporter, self.interval, True)
        state = self.mover.run()
        if state != TEST_RUNNING:
            raise ProtocolError(STATE_TEXTS.get(state, f"unexpected state {state}"))
        self.control.send_state(TEST_END)
        self.drain_until(EXCHANGE_RESULTS)
        self.control.send_json(results_message(self.streams, not self.parameters.reverse))
        others = parse_results(self.control.receive_json())
        self.control.expect(DISPLAY_RESULTS)
        self.reporter.summary(self.streams, others)
        self.control.send_state(IPERF_DONE)
        self.reporter.say("\niperf Done.")

    def drain_until(self, wanted):
        """Wait for a state while the data that still comes is thrown away: a full socket would hold the server up."""
        waiting = [libc.pollfd(self.control.fd, libc.POLLIN)]
        receiving = [stream for stream in self.streams if not stream.sending]
        waiting += [libc.pollfd(stream.fd, libc.POLLIN) for stream in receiving]
        while not waiting[0].revents:
            if libc.poll(waiting) < 0:
                raise ProtocolError("interrupt")
            for stream, entry in zip(receiving, waiting[1:], strict=True):
                if entry.revents and libc.recv(stream.fd, stream.buffer, -1, libc.MSG_DONTWAIT) <= 0 and not stream.udp:
                    entry.fd = -1
        self.control.expect(wanted)

    def interrupted(self):
        """Ctrl-C: what was measured so far counts, or the server hears that nothing comes."""
        if self.mover is not None and not self.mover.stopped:
            self.mover.stopped = True
        elif self.control is not None:
            libc.send(self.control.fd, bytes([CLIENT_TERMINATE]), -1, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL)


def greet(fd):
    """The first datagram of a stream and the server's answer to it."""
    waiting = [libc.pollfd(fd, libc.POLLIN)]
    for _ in range(HELLO_TRIES):
        libc.send(fd, UDP_HELLO)
        if libc.poll(waiting, HELLO_WAIT) <= 0:
            continue
        answer = libc.recv_bytes(fd, 65536)
        if answer in (UDP_HELLO_REPLY, UDP_OLD_REPLY):
            return
    raise ProtocolError("unable to read from stream socket: no answer from the server")
