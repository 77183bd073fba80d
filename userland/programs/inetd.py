"""inetd: the echo, discard and chargen services on TCP and UDP ports 7, 9 and 19 (RFC 862, 863, 864), in one task."""

from userland import libc

USAGE = "inetd [-o PORT_OFFSET] [-s SNDBUF] [-r RCVBUF]"
ECHO, DISCARD, CHARGEN = 7, 9, 19
BLOCK = 262144
DATAGRAM = 65536
EVENTS = 256
# Blocks that one connection may move before the others get their turn.
BLOCKS_PER_TURN = 4
DATAGRAMS_PER_TURN = 64
LINE = 72


def pattern(size):
    """Chargen's stream: lines of 72 printable characters, each begun one character further on."""
    printable = bytes(range(32, 127))
    lines = [(printable[shift:] + printable[:shift])[:LINE] + b"\r\n" for shift in range(len(printable))]
    cycle = b"".join(lines)
    return cycle * (size // len(cycle) + 1)


class Connection:
    """A TCP connection; `pending` is what an echo could not send yet (None: nothing)."""

    __slots__ = ("fd", "service", "pending", "position", "reading")

    def __init__(self, fd, service):
        self.fd = fd
        self.service = service
        self.pending = None
        self.position = 0
        self.reading = True


class Inetd:
    """All services behind one epoll set."""

    def __init__(self, offset, sndbuf, rcvbuf):
        self.offset = offset
        self.sndbuf = sndbuf
        self.rcvbuf = rcvbuf
        self.epoll = libc.epoll_create()
        self.listeners = {}
        self.datagram = {}
        self.connections = {}
        self.sink = bytearray(BLOCK)
        self.sink_view = memoryview(self.sink)
        self.scratch = bytearray(DATAGRAM)
        self.peer = bytearray(16)
        self.stream = memoryview(pattern(BLOCK))
        # The position in the stream is kept modulo this: the pattern repeats.
        self.cycle = 95 * (LINE + 2)

    def open(self):
        """Bind everything; False with the reason printed when a port is taken."""
        for service in (ECHO, DISCARD, CHARGEN):
            for kind, table in ((libc.SOCK_STREAM, self.listeners), (libc.SOCK_DGRAM, self.datagram)):
                fd = libc.socket(libc.AF_INET, kind | libc.SOCK_NONBLOCK)
                if fd >= 0:
                    self.tune(fd)
                address = libc.sockaddr_in("0.0.0.0", service + self.offset)
                if fd < 0 or libc.bind(fd, address) < 0 or (kind == libc.SOCK_STREAM and libc.listen(fd, 1024) < 0):
                    libc.perror(f"inetd: port {service + self.offset}")
                    return False
                table[fd] = service
                libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN)
        return True

    def tune(self, fd):
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        if self.sndbuf:
            libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_SNDBUF, self.sndbuf)
        if self.rcvbuf:
            libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, self.rcvbuf)

    def run(self):
        """Serve until killed."""
        events = []
        while True:
            if libc.epoll_wait(self.epoll, events, EVENTS) < 0 and libc.errno != libc.EINTR:
                libc.perror("inetd: epoll_wait")
                return 1
            for fd, _ in events:
                connection = self.connections.get(fd)
                if connection is not None:
                    if not self.serve(connection):
                        self.close(connection)
                elif fd in self.listeners:
                    self.accept(fd, self.listeners[fd])
                elif fd in self.datagram:
                    self.serve_datagrams(fd, self.datagram[fd])

    def accept(self, listener, service):
        while True:
            fd = libc.accept4(listener, None, libc.SOCK_NONBLOCK)
            if fd < 0:
                return
            libc.setsockopt(fd, libc.IPPROTO_TCP, libc.TCP_NODELAY, 1)
            self.connections[fd] = Connection(fd, service)
            mask = libc.EPOLLOUT | libc.EPOLLIN if service == CHARGEN else libc.EPOLLIN
            libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_ADD, fd, mask)

    def close(self, connection):
        del self.connections[connection.fd]
        libc.close(connection.fd)

    def serve(self, connection):
        """False when the connection is over."""
        if connection.service == DISCARD:
            return self.discard(connection)
        if connection.service == ECHO:
            return self.echo(connection)
        return self.chargen(connection)

    def discard(self, connection):
        for _ in range(BLOCKS_PER_TURN):
            count = libc.recv(connection.fd, self.sink)
            if count == 0:
                return False
            if count < 0:
                return libc.errno in (libc.EAGAIN, libc.EINTR)
            if count < BLOCK:
                break
        return True

    def echo(self, connection):
        blocked = connection.pending is not None
        data = connection.pending
        if not blocked:
            count = libc.recv(connection.fd, self.sink)
            if count == 0:
                return False
            if count < 0:
                return libc.errno in (libc.EAGAIN, libc.EINTR)
            data = self.sink_view[:count]
        sent = libc.send(connection.fd, data, -1, libc.MSG_NOSIGNAL)
        if sent < 0:
            if libc.errno not in (libc.EAGAIN, libc.EINTR):
                return False
            sent = 0
        # The rest is copied: the block that was read into serves every connection.
        connection.pending = bytes(data[sent:]) if sent < len(data) else None
        wants = connection.pending is not None
        if wants != blocked:
            mask = libc.EPOLLOUT if wants else libc.EPOLLIN
            libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_MOD, connection.fd, mask)
        return True

    def chargen(self, connection):
        if connection.reading:
            count = libc.recv(connection.fd, self.sink)
            if count < 0 and libc.errno not in (libc.EAGAIN, libc.EINTR):
                return False
            if count == 0:
                # The peer has said all it will say; it still listens until it resets the connection.
                connection.reading = False
                libc.epoll_ctl(self.epoll, libc.EPOLL_CTL_MOD, connection.fd, libc.EPOLLOUT)
        for _ in range(BLOCKS_PER_TURN):
            piece = self.stream[connection.position :]
            sent = libc.send(connection.fd, piece, -1, libc.MSG_NOSIGNAL)
            if sent < 0:
                return libc.errno in (libc.EAGAIN, libc.EINTR)
            connection.position = (connection.position + sent) % self.cycle
        return True

    def serve_datagrams(self, fd, service):
        for _ in range(DATAGRAMS_PER_TURN):
            count = libc.recvfrom(fd, self.scratch, -1, 0, self.peer)
            if count < 0:
                return
            # An answer to a port of these services would be answered in turn, for ever.
            port = int.from_bytes(self.peer[2:4], "big")
            if service == DISCARD or port in (ECHO, DISCARD, CHARGEN):
                continue
            answer = memoryview(self.scratch)[:count] if service == ECHO else self.stream[:LINE]
            libc.sendto(fd, answer, -1, 0, self.peer)


def main(argv):
    try:
        options = libc.getopt(argv, "o:s:r:f", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        offset = options.integer("o", 0, 0, 65000)
        server = Inetd(offset, options.integer("s", 0), options.integer("r", 0))
    except libc.UsageError as error:
        libc.eputs(f"inetd: {error}")
        return 2
    return server.run() if server.open() else 1
