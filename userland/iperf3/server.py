"""The server of iperf3: one test at a time; whoever comes meanwhile is told to try again later."""

from userland import libc
from userland.iperf3.control import STATE_TEXTS, Control, Mover, results_message
from userland.iperf3.protocol import (
    ACCESS_DENIED,
    COOKIE_SIZE,
    CREATE_STREAMS,
    DISPLAY_RESULTS,
    EXCHANGE_RESULTS,
    IEUNIMP,
    IPERF_DONE,
    PARAM_EXCHANGE,
    TEST_END,
    TEST_RUNNING,
    TEST_START,
    UDP_HELLO,
    UDP_HELLO_REPLY,
    UDP_OLD_HELLO,
    UDP_OLD_REPLY,
    ProtocolError,
    parse_parameters,
    parse_results,
    stream_id,
)
from userland.iperf3.stream import Stream

NS = 1000000000
MS = 1000000
# How long a client may take for its streams, and a stream for its cookie, in seconds.
STREAM_PATIENCE = 10
RULE = "-----------------------------------------------------------"


class Server:
    """The listening socket, and the test that runs."""

    def __init__(self, port, address, reporter_of, interval):
        self.port = port
        self.address = address
        self.reporter_of = reporter_of
        self.interval = interval
        self.listener = -1
        self.udp_listener = -1
        self.control = None
        self.streams = []
        self.mover = None
        self.stopped = False

    def bound(self, kind):
        fd = libc.socket(libc.AF_INET, kind)
        if fd < 0:
            raise ProtocolError(f"socket: {libc.strerror(libc.errno)}")
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        if libc.bind(fd, libc.sockaddr_in(self.address, self.port)) < 0:
            number = libc.errno
            libc.close(fd)
            raise ProtocolError(f"unable to start listener for connections: {libc.strerror(number)}")
        return fd

    def open(self):
        self.listener = self.bound(libc.SOCK_STREAM)
        libc.listen(self.listener, 128)

    def serve(self, once):
        """Tests, one after the other, until stopped or, with `once`, after the first; the exit status."""
        while True:
            reporter = self.reporter_of()
            reporter.say(f"{RULE}\nServer listening on {self.port}\n{RULE}")
            peer = bytearray(16)
            fd = libc.accept(self.listener, peer)
            if fd < 0:
                if self.stopped:
                    reporter.say("iperf3: interrupt - the server has terminated")
                    return 1
                continue
            status = self.one_test(fd, peer, reporter)
            if once or self.stopped:
                return status

    def one_test(self, fd, peer, reporter):
        self.control = Control(fd)
        status = 0
        try:
            self.test(peer, reporter)
        except ProtocolError as error:
            reporter.failed(str(error))
            status = 1
        finally:
            self.close_streams()
            self.streams = []
            self.mover = None
            if self.udp_listener >= 0:
                libc.close(self.udp_listener)
                self.udp_listener = -1
            self.control.close()
            self.control = None
        return status

    def test(self, peer, reporter):
        cookie = self.control.receive(COOKIE_SIZE)
        host, port = libc.sockaddr_in_pair(peer)
        reporter.say(f"Accepted connection from {host}, port {port}")
        reporter.start["accepted_connection"] = {"host": host, "port": port}
        self.control.send_state(PARAM_EXCHANGE)
        try:
            parameters = parse_parameters(self.control.receive_json())
        except ProtocolError:
            self.control.refuse(IEUNIMP)
            raise
        reporter.udp = parameters.udp
        if parameters.udp:
            self.udp_listener = self.bound(libc.SOCK_DGRAM)
        self.control.send_state(CREATE_STREAMS)
        self.collect(cookie, parameters, reporter)
        self.control.send_state(TEST_START)
        self.control.send_state(TEST_RUNNING)
        self.mover = Mover(self.control, self.streams, parameters, reporter, self.interval, False, (self.listener, self.busy))
        state = self.mover.run()
        if self.stopped:
            self.control.send_state(11)
            raise ProtocolError("interrupt - the server has terminated")
        if state == TEST_RUNNING:
            # The data has ended before the client said that the test has.
            state = self.control.receive_state()
        if state != TEST_END:
            raise ProtocolError(STATE_TEXTS.get(state, f"unexpected state {state}"))
        # A client may still wait for the rest of a block, and looks at the control connection only after it: the end of
        # the data connection is what wakes it.
        self.close_streams()
        self.control.send_state(EXCHANGE_RESULTS)
        others = parse_results(self.control.receive_json())
        self.control.send_json(results_message(self.streams, parameters.reverse))
        self.control.send_state(DISPLAY_RESULTS)
        reporter.summary(self.streams, others)
        self.control.expect(IPERF_DONE)

    # --- the streams ---

    def close_streams(self):
        for stream in self.streams:
            stream.close()

    def collect(self, cookie, parameters, reporter):
        """Take the client's streams in; others are turned away."""
        deadline = libc.clock_gettime_ns() + STREAM_PATIENCE * NS
        while len(self.streams) < parameters.streams:
            left = (deadline - libc.clock_gettime_ns()) // MS
            source = self.udp_listener if parameters.udp else self.listener
            waiting = [libc.pollfd(source, libc.POLLIN), libc.pollfd(self.control.fd, libc.POLLIN)]
            if left <= 0 or libc.poll(waiting, left) <= 0:
                raise ProtocolError("the client did not open its streams")
            if waiting[1].revents:
                state = self.control.receive_state()
                raise ProtocolError(STATE_TEXTS.get(state, f"unexpected state {state}"))
            fd = self.udp_stream() if parameters.udp else self.tcp_stream(cookie, parameters)
            if fd >= 0:
                stream = Stream(fd, stream_id(len(self.streams)), parameters, parameters.reverse)
                self.streams.append(stream)
                reporter.connected(stream)

    def tcp_stream(self, cookie, parameters):
        fd = libc.accept(self.listener)
        if fd < 0:
            return -1
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVTIMEO, STREAM_PATIENCE.to_bytes(8, "little") + bytes(8))
        if parameters.nodelay:
            libc.setsockopt(fd, libc.SOL_TCP, libc.TCP_NODELAY, 1)
        got = bytearray()
        while len(got) < COOKIE_SIZE:
            chunk = libc.recv_bytes(fd, COOKIE_SIZE - len(got))
            if chunk == -1 or not chunk:
                break
            got += chunk
        if bytes(got) == cookie:
            return fd
        turn_away(fd)
        return -1

    def busy(self):
        fd = libc.accept(self.listener)
        if fd >= 0:
            turn_away(fd)

    def udp_stream(self):
        """The socket that a client's first datagram came to becomes its stream; a new one takes its place."""
        block = bytearray(2048)
        peer = bytearray(16)
        count = libc.recvfrom(self.udp_listener, block, -1, libc.MSG_DONTWAIT, peer)
        hello = bytes(block[: max(count, 0)])
        if hello not in (UDP_HELLO, UDP_OLD_HELLO) or libc.connect(self.udp_listener, peer) < 0:
            return -1
        fd, self.udp_listener = self.udp_listener, -1
        self.udp_listener = self.bound(libc.SOCK_DGRAM)
        libc.send(fd, UDP_HELLO_REPLY if hello == UDP_HELLO else UDP_OLD_REPLY)
        return fd

    def interrupted(self):
        """Ctrl-C ends the server."""
        self.stopped = True
        if self.mover is not None:
            self.mover.stopped = True


def turn_away(fd):
    """Another client while a test runs."""
    libc.send(fd, (ACCESS_DENIED & 0xFF).to_bytes(1, "big"), -1, libc.MSG_NOSIGNAL)
    libc.close(fd)
