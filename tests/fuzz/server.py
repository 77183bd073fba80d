"""The program on the machine while frames rain on it: sockets of every kind, and a hand that does what the input says."""

from userland import libc

from .frames import CONNECTED, CONNECTED_TO, ECHO, LISTENING, OUTGOING, PAYLOAD

PEER = "10.0.0.1"
MOST_CONNECTIONS = 8
READ_SIZE = 700
BACKLOG = 2
EVENTS = libc.POLLIN


class Server:
    """`commands` is the list that the target fills before it interrupts us: (number, argument)."""

    def __init__(self, commands):
        self.commands = commands
        self.connections = []
        self.reading = True
        self.buffer = bytearray(READ_SIZE)

    def __call__(self):
        libc.signal(libc.SIGUSR1, lambda signum: None)
        libc.signal(libc.SIGPIPE, libc.SIG_IGN)
        self.listener = self.bound(libc.SOCK_STREAM, LISTENING)
        libc.listen(self.listener, BACKLOG)
        self.echo = self.bound(libc.SOCK_DGRAM, ECHO)
        libc.setsockopt(self.echo, libc.IPPROTO_IP, libc.IP_RECVERR, 1)
        self.connected = self.bound(libc.SOCK_DGRAM, CONNECTED)
        libc.connect(self.connected, libc.sockaddr_in(PEER, CONNECTED_TO))
        self.raw = libc.socket(libc.AF_INET, libc.SOCK_RAW | libc.SOCK_NONBLOCK, libc.IPPROTO_ICMP)
        self.tap = libc.socket(libc.AF_PACKET, libc.SOCK_RAW | libc.SOCK_NONBLOCK, libc.htons(3))
        while True:
            self.wait()
            while self.commands:
                number, argument = self.commands.pop(0)
                COMMANDS[number % len(COMMANDS)](self, argument)

    def bound(self, kind, port):
        fd = libc.socket(libc.AF_INET, kind | libc.SOCK_NONBLOCK)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        if libc.bind(fd, libc.sockaddr_in("0.0.0.0", port)) < 0:
            raise OSError(libc.errno, f"port {port}: {libc.strerror(libc.errno)}")
        return fd

    def wait(self):
        """Wait for a socket or a signal, and read what there is to read."""
        fds = [self.listener, self.echo, self.connected, self.raw, self.tap]
        if self.reading:
            fds += self.connections
        entries = [libc.pollfd(fd, EVENTS) for fd in fds]
        if libc.poll(entries, -1) < 0:
            return
        for entry in entries:
            if not entry.revents:
                continue
            if entry.fd == self.listener:
                self.accept()
            elif entry.fd in self.connections:
                self.take(entry.fd)
            else:
                self.answer(entry.fd)

    def accept(self):
        fd = libc.accept4(self.listener, None, libc.SOCK_NONBLOCK)
        if fd >= 0:
            self.add(fd)

    def add(self, fd):
        self.connections.append(fd)
        if len(self.connections) > MOST_CONNECTIONS:
            libc.close(self.connections.pop(0))

    def take(self, fd):
        """Read from a connection, send some of it back, and close it at its end or failure."""
        count = libc.recv(fd, self.buffer)
        if count > 0:
            libc.send(fd, self.buffer, count // 2, libc.MSG_DONTWAIT)
        elif count == 0 or libc.errno != libc.EAGAIN:
            self.drop(fd)

    def drop(self, fd):
        self.connections.remove(fd)
        libc.close(fd)

    def answer(self, fd):
        """Read a datagram, or the error that waits before it, and send it back."""
        sender = bytearray(128)
        count = libc.recvfrom(fd, self.buffer, -1, 0, sender)
        if count < 0:
            libc.recvfrom(fd, self.buffer, -1, libc.MSG_ERRQUEUE, sender)
            libc.getsockopt(fd, libc.SOL_SOCKET, libc.SO_ERROR)
        elif fd == self.echo:
            libc.sendto(fd, self.buffer, count, 0, bytes(sender[:16]))

    # --- what the input asks for ---

    def chosen(self, argument):
        """The connection that an argument means, or -1."""
        return self.connections[argument % len(self.connections)] if self.connections else -1

    def send(self, argument):
        libc.send(self.chosen(argument), PAYLOAD, (1, 100, 1460, 2000)[argument >> 3 & 3], libc.MSG_DONTWAIT)

    def send_much(self, argument):
        for _ in range(20):
            libc.send(self.chosen(argument), PAYLOAD, -1, libc.MSG_DONTWAIT)

    def connect(self, argument):
        fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM | libc.SOCK_NONBLOCK)
        libc.connect(fd, libc.sockaddr_in(PEER, OUTGOING + (argument & 1)))
        self.add(fd)

    def shut(self, argument):
        libc.shutdown(self.chosen(argument), argument >> 3 & 3)

    def close(self, argument):
        fd = self.chosen(argument)
        if fd >= 0:
            if argument & 64:
                libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_LINGER, libc.linger(1, 0))
            self.drop(fd)

    def stop_reading(self, argument):
        self.reading = bool(argument & 1)

    def set_option(self, argument):
        level, name, value = OPTIONS[argument % len(OPTIONS)]
        for fd in self.connections:
            libc.setsockopt(fd, level, name, value)

    def send_datagram(self, argument):
        size = (1, 1472, 1473, 2000)[argument & 3]
        libc.sendto(self.echo, PAYLOAD, size, 0, libc.sockaddr_in(PEER, 1000))
        libc.send(self.connected, PAYLOAD, size, libc.MSG_DONTWAIT)

    def relisten(self, argument):
        """Close the listener with all that waits in it, and open it again."""
        libc.close(self.listener)
        self.listener = self.bound(libc.SOCK_STREAM, LISTENING)
        libc.listen(self.listener, argument & 3)


OPTIONS = (
    (libc.IPPROTO_TCP, libc.TCP_NODELAY, 1),
    (libc.IPPROTO_TCP, libc.TCP_CORK, 1),
    (libc.IPPROTO_TCP, libc.TCP_CORK, 0),
    (libc.SOL_SOCKET, libc.SO_RCVBUF, 2048),
    (libc.SOL_SOCKET, libc.SO_SNDBUF, 4096),
    (libc.SOL_SOCKET, libc.SO_KEEPALIVE, 1),
    (libc.SOL_SOCKET, libc.SO_OOBINLINE, 1),
    (libc.IPPROTO_TCP, libc.TCP_KEEPIDLE, 1),
    (libc.IPPROTO_IP, libc.IP_TTL, 1),
)
COMMANDS = (
    Server.send, Server.send_much, Server.connect, Server.shut, Server.close, Server.stop_reading, Server.set_option,
    Server.send_datagram, Server.relisten,
)  # fmt: skip
