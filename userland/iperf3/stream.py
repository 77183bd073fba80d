"""One data stream of an iperf3 test: bytes or datagrams one way, and what is counted about them."""

from userland import libc
from userland.iperf3.protocol import datagram_header, parse_datagram

NS = 1000000000
MS = 1000000
BITS = 8
# How much of a stream is moved before the others, the control connection and the clock get their turn.
BURST = 16
# TCP_INFO: where the kernel's struct tcp_info keeps what the reports show.
SND_MSS, RTT, SND_CWND, TOTAL_RETRANS = 16, 68, 80, 100
TCP_INFO_SIZE = 104


class Stream:
    """A socket and its counters; a stream either sends or receives."""

    def __init__(self, fd, ident, parameters, sending):
        self.fd = fd
        self.ident = ident
        self.udp = parameters.udp
        self.wide = parameters.wide_counters
        self.sending = sending
        self.rate = parameters.rate
        self.length = parameters.length
        self.buffer = bytearray(parameters.length if sending or not self.udp else 65536)
        self.view = memoryview(self.buffer)
        # How much of the block under way has been sent.
        self.offset = 0
        self.started = 0
        self.ended = 0
        self.bytes = 0
        # Datagrams: the highest number, those that are missing, those that came late, and RFC 3550's jitter in seconds.
        self.packets = 0
        self.lost = 0
        self.out_of_order = 0
        self.jitter = 0.0
        self.transit = None
        # What the last report has covered.
        self.reported = (0, 0, 0, 0)
        self.failed = 0
        self.over = False
        self.retransmits = -1

    def start(self, now):
        self.started = now

    def due(self, now):
        """How many ns are left until the stream may send again; 0 when it may."""
        if not self.rate:
            return 0
        ahead = self.bytes * BITS * NS // self.rate - (now - self.started)
        return max(0, ahead)

    def send(self, now, limit):
        """Send until the socket is full, the rate is used up or `limit` bytes (all, when negative) have gone."""
        for _ in range(BURST):
            if self.due(now) or limit == 0:
                return
            if self.udp:
                header = datagram_header(libc.clock_gettime_ns(libc.CLOCK_REALTIME), self.packets + 1, self.wide)
                self.view[: len(header)] = header
            count = self.send_some()
            if count < 0:
                return
            limit = max(0, limit - count) if limit > 0 else limit

    def send_some(self):
        """Send what the socket takes of the block under way; how much that was, or -1."""
        count = libc.send(self.fd, self.view[self.offset :], -1, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL)
        if count < 0:
            self.fail(libc.errno)
            return count
        self.offset = (self.offset + count) % self.length
        self.bytes += count
        self.packets += 1
        return count

    def finish(self, patience):
        """Send the rest of the block under way, within `patience` milliseconds.

        The other side may read whole blocks from a blocking socket, as the C program does: after half of one it would
        not look at the control connection again.
        """
        deadline = libc.clock_gettime_ns() + patience * MS
        while self.sending and not self.udp and self.offset and not self.over:
            left = (deadline - libc.clock_gettime_ns()) // MS
            if left <= 0 or libc.poll([libc.pollfd(self.fd, libc.POLLOUT)], left) <= 0:
                return
            self.send_some()

    def receive(self):
        """Take what has come."""
        for _ in range(BURST):
            count = libc.recv(self.fd, self.buffer, -1, libc.MSG_DONTWAIT)
            if count < 0:
                self.fail(libc.errno)
                return
            if count == 0 and not self.udp:
                self.over = True
                return
            if self.udp:
                self.datagram(count)
            self.bytes += count

    def fail(self, number):
        if number not in (libc.EAGAIN, libc.EINTR, libc.ENOBUFS) and not (self.udp and number == libc.ECONNREFUSED):
            self.failed = number
            self.over = True

    def datagram(self, count):
        """Account for one datagram: what is missing, what came late, how the delay changed."""
        header = parse_datagram(self.view[:count], self.wide)
        if header is None:
            return
        sent, sequence = header
        if sequence > self.packets:
            self.lost += sequence - 1 - self.packets
            self.packets = sequence
        else:
            self.out_of_order += 1
            self.lost = max(0, self.lost - 1)
        transit = (libc.clock_gettime_ns(libc.CLOCK_REALTIME) - sent) / NS
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit

    def tcp_info(self):
        """(retransmits, congestion window in bytes, round trip in us), or None."""
        if self.udp or not self.sending:
            return None
        raw = libc.getsockopt(self.fd, libc.SOL_TCP, libc.TCP_INFO, TCP_INFO_SIZE)
        if raw == -1 or len(raw) < TCP_INFO_SIZE:
            return None
        mss, rtt, window, retransmits = (
            int.from_bytes(raw[at : at + 4], "little") for at in (SND_MSS, RTT, SND_CWND, TOTAL_RETRANS)
        )
        self.retransmits = retransmits
        return retransmits, window * mss, rtt

    def seconds(self):
        """How long the stream ran."""
        return (self.ended - self.started) / NS

    def result(self):
        """The stream in a message of results."""
        return {
            "id": self.ident,
            "bytes": self.bytes,
            "retransmits": self.retransmits,
            "jitter": self.jitter,
            "errors": self.lost,
            "packets": self.packets,
            "start_time": 0,
            "end_time": self.seconds(),
        }

    def close(self):
        """End the data connection; what has been counted stays."""
        if self.fd >= 0:
            libc.close(self.fd)
            self.fd = -1
