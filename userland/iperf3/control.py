"""The control connection of an iperf3 test, and the loop that moves data while it is watched."""

from userland import libc
from userland.iperf3.protocol import (
    MAX_JSON,
    SERVER_ERROR,
    TEST_RUNNING,
    ProtocolError,
    decode_json,
    encode_json,
)

NS = 1000000000
MS = 1000000
# How long the other side may take for one message of the control protocol.
PATIENCE = 30


class Control:
    """The control connection: states and messages, each within `PATIENCE` seconds."""

    def __init__(self, fd):
        self.fd = fd
        limit = PATIENCE.to_bytes(8, "little") + bytes(8)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVTIMEO, limit)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_SNDTIMEO, limit)
        libc.setsockopt(fd, libc.SOL_TCP, libc.TCP_NODELAY, 1)

    def receive(self, size):
        parts = bytearray()
        while len(parts) < size:
            chunk = libc.recv_bytes(self.fd, size - len(parts))
            if chunk == -1:
                if libc.errno == libc.EINTR:
                    raise ProtocolError("interrupt")
                raise ProtocolError(f"control connection: {libc.strerror(libc.errno)}")
            if not chunk:
                raise ProtocolError("control socket has closed unexpectedly")
            parts += chunk
        return bytes(parts)

    def send(self, data):
        if libc.send_all(self.fd, data, libc.MSG_NOSIGNAL) < 0:
            raise ProtocolError(f"control connection: {libc.strerror(libc.errno)}")

    def receive_state(self):
        """The other side's next state."""
        return int.from_bytes(self.receive(1), "big", signed=True)

    def send_state(self, state):
        self.send(state.to_bytes(1, "big", signed=True))

    def expect(self, *states):
        """The next state, which has to be one of these."""
        state = self.receive_state()
        if state not in states:
            raise ProtocolError(STATE_TEXTS.get(state, f"unexpected state {state}"))
        return state

    def send_json(self, message):
        self.send(encode_json(message))

    def receive_json(self):
        size = int.from_bytes(self.receive(4), "big")
        if size > MAX_JSON:
            raise ProtocolError("the other side sent a message that is too long")
        return decode_json(self.receive(size))

    def refuse(self, code):
        """SERVER_ERROR, and i_errno and errno behind it."""
        self.send_state(SERVER_ERROR)
        self.send(code.to_bytes(4, "big") + bytes(4))

    def close(self):
        libc.close(self.fd)


STATE_TEXTS = {
    -1: "the server is busy running a test. try again later",
    -2: "the server refused the test",
    11: "the server has terminated",
    12: "the client has terminated",
}


class Mover:
    """Moves the data of a test's streams until its time is up, its bytes are through, or the other side says so."""

    def __init__(self, control, streams, parameters, reporter, interval, timed, visitors=None):
        self.control = control
        self.streams = streams
        self.parameters = parameters
        self.reporter = reporter
        self.interval = int(interval * NS)
        # The client measures; the server goes on until it hears from the client.
        self.timed = timed
        # (descriptor, function): who comes while the test runs.
        self.visitors = visitors
        self.stopped = False
        self.started = 0

    def run(self):
        """Returns the state that the other side has sent meanwhile, or TEST_RUNNING when this side is through."""
        self.started = libc.clock_gettime_ns()
        for stream in self.streams:
            stream.start(self.started)
        next_report = self.started + self.interval if self.interval else None
        limit = self.started + self.parameters.time * NS if self.timed and not self.parameters.bytes else None
        state = TEST_RUNNING
        while not self.stopped:
            now = libc.clock_gettime_ns()
            if (limit is not None and now >= limit) or self.all_through():
                break
            if next_report is not None and now >= next_report:
                self.reporter.interval(self.streams, now)
                next_report += self.interval
            heard = self.turn(now, [mark for mark in (next_report, limit) if mark is not None])
            if heard is not None:
                state = heard
                break
        for stream in self.streams:
            if not self.stopped:
                stream.finish(PATIENCE * NS // MS)
        now = libc.clock_gettime_ns()
        for stream in self.streams:
            stream.ended = now
        if next_report is not None and now - (next_report - self.interval) > self.interval // 10:
            self.reporter.interval(self.streams, now)
        for stream in self.streams:
            stream.tcp_info()
            if stream.failed and self.timed:
                raise ProtocolError(f"unable to {'write to' if stream.sending else 'read from'} stream socket: "
                                    f"{libc.strerror(stream.failed)}")  # fmt: skip
        return state

    def all_through(self):
        wanted = self.parameters.bytes
        if wanted and self.timed and sum(stream.bytes for stream in self.streams) >= wanted:
            return True
        return all(stream.over for stream in self.streams)

    def turn(self, now, marks):
        """Wait for what comes first, and serve it; the state that came in, or None."""
        waiting = [libc.pollfd(self.control.fd, libc.POLLIN)]
        nearest = min(marks, default=now + NS)
        for stream in self.streams:
            left = stream.due(now) if stream.sending else 0
            if left:
                nearest = min(nearest, now + left)
            idle = stream.over or left
            waiting.append(libc.pollfd(-1 if idle else stream.fd, libc.POLLOUT if stream.sending else libc.POLLIN))
        if self.visitors is not None:
            waiting.append(libc.pollfd(self.visitors[0], libc.POLLIN))
        if libc.poll(waiting, max(0, -((now - nearest) // MS))) < 0 and libc.errno != libc.EINTR:
            raise ProtocolError(f"poll: {libc.strerror(libc.errno)}")
        now = libc.clock_gettime_ns()
        for stream, entry in zip(self.streams, waiting[1:], strict=False):
            if not entry.revents:
                continue
            if stream.sending:
                stream.send(now, self.bytes_left())
            else:
                stream.receive()
        if self.visitors is not None and waiting[-1].revents:
            self.visitors[1]()
        return self.control.receive_state() if waiting[0].revents else None

    def bytes_left(self):
        if not self.parameters.bytes or not self.timed:
            return -1
        return max(0, self.parameters.bytes - sum(stream.bytes for stream in self.streams))


def results_message(streams, sending):
    """What one side tells the other at the end."""
    known = sending and not streams[0].udp
    return {
        "cpu_util_total": 0,
        "cpu_util_user": 0,
        "cpu_util_system": 0,
        "sender_has_retransmits": (1 if known else 0) if sending else -1,
        "streams": [stream.result() for stream in streams],
    }
