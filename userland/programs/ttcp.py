"""ttcp: measures throughput between two machines over TCP or UDP, in the manner of iperf.

The client's first 16 bytes on a TCP connection say what is to happen: magic, direction, the length of the blocks.
"""

from userland import libc
from userland.libc.getopt import size

USAGE = "ttcp -s [-p PORT] [-1u] | -c HOST [-p PORT] [-t SECONDS | -n BYTES] [-l LENGTH] [-w BUFFER] [-b BITS/S] [-Ru]"
PORT = 5001
MAGIC = b"ttcp"
TO_SERVER, TO_CLIENT = 0, 1
HEADER_SIZE = 16
TCP_LENGTH = 131072
UDP_LENGTH = 1470
SECOND = 1000000000
# A UDP datagram: sequence number (the sign says that it is the last), then nothing of interest.
UDP_HEADER = 8
UDP_IDLE = 2000


def rate_line(label, elapsed, count):
    """What iperf prints for an interval: seconds, bytes, bits a second."""
    seconds = elapsed / SECOND
    bits = count * 8 / seconds if seconds > 0 else 0.0
    return f"[{label}]  0.0-{seconds:.2f} sec  {unit(count, 1024)}Bytes  {unit(bits, 1000)}bits/sec"


def unit(value, base):
    for prefix in ("", "K", "M", "G"):
        if value < base or prefix == "G":
            return f"{value:.2f} {prefix}" if prefix else f"{value:.0f} "
        value /= base
    return ""


class Meter:
    """Bytes and the time between the first and the last."""

    def __init__(self):
        self.count = 0
        self.began = libc.clock_gettime_ns()
        self.ended = self.began

    def add(self, count):
        self.count += count

    def stop(self):
        self.ended = libc.clock_gettime_ns()

    def line(self, label):
        return rate_line(label, self.ended - self.began, self.count)


def send_stream(fd, length, nanoseconds, limit):
    """Send for a time (0: for ever) or a number of bytes (0: no limit); the `Meter`."""
    block = memoryview(bytes(index & 0xFF for index in range(256)) * (length // 256 + 1))[:length]
    meter = Meter()
    deadline = meter.began + nanoseconds if nanoseconds else 0
    offset = 0
    while True:
        piece = block[offset:]
        if limit and limit - meter.count < len(piece):
            piece = piece[: limit - meter.count]
        count = libc.send(fd, piece, -1, libc.MSG_NOSIGNAL)
        if count < 0:
            if libc.errno not in (libc.EPIPE, libc.ECONNRESET):
                libc.perror("ttcp: send")
            break
        meter.add(count)
        offset = offset + count if offset + count < length else 0
        if (limit and meter.count >= limit) or (deadline and libc.clock_gettime_ns() >= deadline):
            break
    meter.stop()
    return meter


def receive_stream(fd, length, nanoseconds=0, limit=0):
    """Receive until the end of the stream, a time or a number of bytes; the `Meter`."""
    block = bytearray(length)
    meter = Meter()
    deadline = meter.began + nanoseconds if nanoseconds else 0
    while True:
        count = libc.recv(fd, block)
        if count <= 0:
            if count < 0 and libc.errno != libc.ECONNRESET:
                libc.perror("ttcp: recv")
            break
        meter.add(count)
        if (limit and meter.count >= limit) or (deadline and libc.clock_gettime_ns() >= deadline):
            break
    meter.stop()
    return meter


# --- the server ---


def serve_tcp(port, once, buffer_size):
    fd = listening(libc.SOCK_STREAM, port, buffer_size)
    if fd < 0:
        return 1
    libc.puts(f"Server listening on TCP port {port}")
    while True:
        peer = bytearray(16)
        client = libc.accept(fd, peer)
        if client < 0:
            if libc.errno == libc.EINTR:
                continue
            libc.perror("ttcp: accept")
            return 1
        libc.puts(f"connected with {libc.peer_text(peer)}")
        head = libc.recv_bytes(client, HEADER_SIZE, libc.MSG_WAITALL)
        if head == -1 or len(head) != HEADER_SIZE or head[:4] != MAGIC:
            # Not ours: count what it sends all the same.
            meter = receive_stream(client, TCP_LENGTH)
            meter.add(0 if head == -1 else len(head))
        else:
            length = min(max(int.from_bytes(head[8:12], "little"), 1), 1 << 24)
            reverse = head[4] == TO_CLIENT
            meter = send_stream(client, length, 0, 0) if reverse else receive_stream(client, length)
        libc.puts(meter.line("srv"))
        libc.close(client)
        if once:
            return 0


def listening(kind, port, buffer_size):
    fd = libc.socket(libc.AF_INET, kind)
    if fd >= 0:
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        set_buffers(fd, buffer_size)
    if (
        fd < 0
        or libc.bind(fd, libc.sockaddr_in("0.0.0.0", port)) < 0
        or (kind == libc.SOCK_STREAM and libc.listen(fd, 16) < 0)
    ):
        libc.perror(f"ttcp: port {port}")
        return -1
    return fd


def set_buffers(fd, buffer_size):
    if buffer_size:
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_SNDBUF, buffer_size)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, buffer_size)


def serve_udp(port, once, buffer_size):
    """Count datagrams until one says that it is the last, or nothing came for two seconds; then report."""
    fd = listening(libc.SOCK_DGRAM, port, buffer_size)
    if fd < 0:
        return 1
    libc.puts(f"Server listening on UDP port {port}")
    block = bytearray(65536)
    peer = bytearray(16)
    waiting = libc.pollfd(fd, libc.POLLIN)
    while True:
        libc.poll([waiting], -1)
        meter = Meter()
        received = highest = 0
        while True:
            count = libc.recvfrom(fd, block, -1, libc.MSG_DONTWAIT, peer)
            if count < 0:
                if libc.errno != libc.EAGAIN or libc.poll([waiting], UDP_IDLE) <= 0:
                    break
                continue
            if count < UDP_HEADER:
                continue
            sequence = int.from_bytes(block[:UDP_HEADER], "little", signed=True)
            if sequence < 0:
                highest = max(highest, -sequence)
                break
            received += 1
            highest = max(highest, sequence + 1)
            meter.add(count)
            meter.ended = libc.clock_gettime_ns()
        lost = max(0, highest - received)
        percent = 100 * lost / highest if highest else 0
        report = f"{meter.line('srv')}  {lost}/{highest} ({percent:.2g}%)"
        libc.puts(report)
        libc.sendto(fd, report.encode(), -1, 0, peer)
        # Repeated last datagrams of this run must not begin the next one.
        while libc.poll([waiting], UDP_IDLE // 4) > 0 and libc.recv(fd, block, -1, libc.MSG_PEEK) >= 0:
            if int.from_bytes(block[:UDP_HEADER], "little", signed=True) >= 0:
                break
            libc.recv(fd, block)
        if once:
            return 0


# --- the client ---


def client_tcp(fd, options, length):
    nanoseconds, limit = duration(options)
    reverse = options.has("R")
    direction = TO_CLIENT if reverse else TO_SERVER
    header = MAGIC + bytes([direction, 0, 0, 0]) + length.to_bytes(4, "little") + bytes(4)
    if libc.send_all(fd, header) < 0:
        libc.perror("ttcp: send")
        return 1
    meter = receive_stream(fd, length, nanoseconds, limit) if reverse else send_stream(fd, length, nanoseconds, limit)
    if not reverse:
        # The time counts until the peer has everything: it closes behind our end of stream.
        libc.shutdown(fd, libc.SHUT_WR)
        libc.recv_bytes(fd, 1)
        meter.stop()
    libc.puts(meter.line("cli"))
    return 0


def client_udp(fd, options, length):
    nanoseconds, limit = duration(options)
    rate = size(options.get("b")) if options.has("b") else 0
    block = bytearray(length)
    meter = Meter()
    sequence = 0
    deadline = meter.began + nanoseconds if nanoseconds else 0
    while (not limit or meter.count < limit) and (not deadline or libc.clock_gettime_ns() < deadline):
        block[:UDP_HEADER] = sequence.to_bytes(UDP_HEADER, "little")
        if libc.send(fd, block) < 0:
            if libc.errno != libc.ENOBUFS:
                libc.perror("ttcp: send")
                return 1
            libc.usleep(100)
            continue
        sequence += 1
        meter.add(length)
        if rate:
            ahead = meter.began + meter.count * 8 * SECOND // rate - libc.clock_gettime_ns()
            if ahead > 0:
                libc.nanosleep(ahead)
    meter.stop()
    libc.puts(meter.line("cli"))
    block[:UDP_HEADER] = (-max(1, sequence)).to_bytes(UDP_HEADER, "little", signed=True)
    answer = libc.pollfd(fd, libc.POLLIN)
    for _ in range(10):
        libc.send(fd, block)
        if libc.poll([answer], 250) > 0:
            report = libc.recv_bytes(fd, 2048)
            if report != -1:
                libc.puts("Server report: " + report.decode("utf-8", "replace"))
                return 0
    libc.eputs("ttcp: the server did not acknowledge the last datagram")
    return 1


def duration(options):
    """(nanoseconds, bytes) to run for; one of them is 0."""
    if options.has("n"):
        return 0, size(options.get("n"))
    return int(options.real("t", 10, 0.001, 1e6) * SECOND), 0


def main(argv):
    try:
        options = libc.getopt(argv, "sc:p:t:n:l:w:b:Ru1", USAGE)
        if options.operands or options.has("s") == options.has("c"):
            raise libc.UsageError(f"usage: {USAGE}")
        port = options.integer("p", PORT, 1, 65535)
        udp = options.has("u")
        length = size(options.get("l")) if options.has("l") else UDP_LENGTH if udp else TCP_LENGTH
        if not (UDP_HEADER if udp else 1) <= length <= (65507 if udp else 1 << 24):
            raise libc.UsageError(f"invalid length: {length}")
        buffer_size = size(options.get("w")) if options.has("w") else 0
        if options.has("s"):
            return (serve_udp if udp else serve_tcp)(port, options.has("1"), buffer_size)
        return run_client(options, port, udp, length, buffer_size)
    except libc.UsageError as error:
        libc.eputs(f"ttcp: {error}")
        return 2


def run_client(options, port, udp, length, buffer_size):
    host = options.get("c")
    kind = libc.SOCK_DGRAM if udp else libc.SOCK_STREAM
    code, found = libc.getaddrinfo(host, str(port), libc.AF_INET, kind)
    if code:
        libc.eputs(f"ttcp: {host}: {libc.gai_strerror(code)}")
        return 1
    fd = libc.socket(libc.AF_INET, kind)
    if fd >= 0:
        set_buffers(fd, buffer_size)
    if fd < 0 or libc.connect(fd, found[0].ai_addr) < 0:
        libc.perror(f"ttcp: connect to {host} port {port}")
        return 1
    libc.puts(f"Client connecting to {libc.peer_text(found[0].ai_addr)}, {'UDP' if udp else 'TCP'}")
    status = client_udp(fd, options, length) if udp else client_tcp(fd, options, length)
    libc.close(fd)
    return status
