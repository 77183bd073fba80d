"""nc: connects standard input and output with a TCP or UDP socket, in the manner of OpenBSD's netcat."""

from userland import libc

USAGE = "nc [-lukznvNd] [-i SECONDS] [-w SECONDS] [-q SECONDS] [-p PORT] [-s ADDRESS] [HOST] [PORT[-PORT]]"
BLOCK = 262144
DATAGRAM = 65536
PROBE_WAIT = 500


class Relay:
    """Standard input to the socket and the socket to standard output, until both have ended."""

    def __init__(self, fd, udp, wait, linger, read_input):
        self.fd = fd
        self.udp = udp
        self.wait = wait
        self.linger = linger
        self.reading = read_input
        self.receiving = True
        self.input = bytearray(DATAGRAM - 1024 if udp else BLOCK)
        self.block = bytearray(DATAGRAM if udp else BLOCK)
        self.pending = None
        self.ended_at = libc.clock_gettime_ns() // 1000000

    def run(self):
        """The exit status: 0 at the end of both directions, or when -w or -q ran out; 1 on an error."""
        network = libc.pollfd(self.fd, 0)
        keyboard = libc.pollfd(-1, libc.POLLIN)
        while self.receiving or self.pending is not None:
            network.events = (libc.POLLIN if self.receiving else 0) | (libc.POLLOUT if self.pending is not None else 0)
            keyboard.fd = libc.STDIN_FILENO if self.reading and self.pending is None else -1
            count = libc.poll([network, keyboard], self.timeout())
            if count < 0 and libc.errno != libc.EINTR:
                return 1
            if count == 0:
                return 0
            if network.revents & libc.POLLOUT and not self.flush():
                return 1
            if keyboard.revents and not self.take_input():
                return 1
            if network.revents & ~libc.POLLOUT and not self.take_network():
                return 1
        return 0

    def timeout(self):
        if not self.reading and self.linger >= 0:
            left = self.ended_at + self.linger * 1000 - libc.clock_gettime_ns() // 1000000
            return max(0, left)
        return self.wait * 1000 if self.wait else -1

    def take_input(self):
        count = libc.read(libc.STDIN_FILENO, self.input)
        if count > 0:
            self.pending = memoryview(self.input)[:count]
            return self.flush()
        # The end of the input is passed on; a datagram socket has none to pass.
        self.reading = False
        self.ended_at = libc.clock_gettime_ns() // 1000000
        if not self.udp:
            libc.shutdown(self.fd, libc.SHUT_WR)
        return count == 0

    def flush(self):
        """Send what is pending as far as the socket takes it."""
        count = libc.send(self.fd, self.pending, -1, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL)
        if count < 0:
            if libc.errno in (libc.EAGAIN, libc.EINTR):
                return True
            if self.udp and libc.errno == libc.ECONNREFUSED:
                self.pending = None
                return True
            libc.perror("nc: write")
            return False
        rest = self.pending[count:]
        self.pending = rest if len(rest) and not self.udp else None
        return True

    def take_network(self):
        count = libc.recv(self.fd, self.block, -1, libc.MSG_DONTWAIT)
        if count < 0:
            if libc.errno in (libc.EAGAIN, libc.EINTR):
                return True
            if self.udp and libc.errno == libc.ECONNREFUSED:
                return False
            libc.perror("nc: read")
            return False
        if count == 0:
            if not self.udp:
                self.receiving = False
                # Nobody reads what is typed from now on once the peer has closed and input has ended.
                self.reading = self.reading and self.pending is not None
            return True
        if libc.write_all(libc.STDOUT_FILENO, memoryview(self.block)[:count]) < 0:
            libc.perror("nc: stdout")
            return False
        return True


def resolve(host, port, kind, numeric):
    """sockaddr bytes, or None with the reason printed."""
    flags = libc.AI_NUMERICHOST if numeric else 0
    code, found = libc.getaddrinfo(host, port, libc.AF_INET, kind, 0, flags)
    if code:
        libc.eputs(f"nc: getaddrinfo for host \"{host}\" port {port}: {libc.gai_strerror(code)}")
        return None
    return found[0].ai_addr


def service_text(port, udp):
    """What -v calls a port: its protocol and its name."""
    protocol = "udp" if udp else "tcp"
    entry = libc.getservbyport(int(port), protocol) if port.isdigit() else None
    return f"[{protocol}/{'*' if entry is None else entry.s_name}]"


def udp_listens(fd):
    """Whether nothing says that the port is closed: two datagrams of one byte, and a second's wait."""
    for _ in range(2):
        if libc.send(fd, b"X") < 0:
            return libc.errno != libc.ECONNREFUSED
        libc.poll([libc.pollfd(fd, libc.POLLIN)], PROBE_WAIT)
        if libc.socket_error(fd) == libc.ECONNREFUSED:
            return False
    return True


def connect_within(fd, addr, seconds):
    """connect with a time limit (0: the kernel's own); 0, or -1 with errno set."""
    if not seconds:
        return libc.connect(fd, addr)
    libc.set_nonblocking(fd, True)
    if libc.connect(fd, addr) < 0:
        if libc.errno != libc.EINPROGRESS:
            return -1
        if libc.poll([libc.pollfd(fd, libc.POLLOUT)], seconds * 1000) == 0:
            return libc.set_errno(libc.ETIMEDOUT)
        number = libc.socket_error(fd)
        if number:
            return libc.set_errno(number)
    libc.set_nonblocking(fd, False)
    return 0


def client_socket(options, udp):
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM if udp else libc.SOCK_STREAM)
    if fd < 0:
        libc.perror("nc: socket")
        return -1
    if options.has("p") or options.has("s"):
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        local = libc.sockaddr_in(options.get("s", "0.0.0.0"), options.integer("p", 0, 1, 65535))
        if libc.bind(fd, local) < 0:
            libc.perror("nc: bind")
            return -1
    return fd


def port_range(text):
    """The ports of 'N' or 'N-M'; a service name stands for itself."""
    first, dash, last = text.partition("-")
    if not dash or not first.isdigit():
        return [text]
    low, high = sorted((libc.integer(first, 1, 65535), libc.integer(last, 1, 65535)))
    return [str(port) for port in range(low, high + 1)]


def run_client(options, host, ports):
    udp = options.has("u")
    status = 1
    for number, port in enumerate(ports):
        if number and options.has("i"):
            libc.sleep(options.integer("i", 0, 1, 3600))
        addr = resolve(host, port, libc.SOCK_DGRAM if udp else libc.SOCK_STREAM, options.has("n"))
        fd = -1 if addr is None else client_socket(options, udp)
        if fd < 0:
            return 1
        if connect_within(fd, addr, options.integer("w", 0)) < 0:
            if options.has("v"):
                protocol = "udp" if udp else "tcp"
                libc.eputs(f"nc: connect to {host} port {port} ({protocol}) failed: {libc.strerror(libc.errno)}")
            libc.close(fd)
            continue
        if options.has("z") and udp and not udp_listens(fd):
            libc.close(fd)
            continue
        if options.has("v"):
            libc.eputs(f"Connection to {host} {port} port {service_text(port, udp)} succeeded!")
        if options.has("z"):
            status = 0
        else:
            status = Relay(fd, udp, options.integer("w", 0), options.integer("q", -1), True).run()
        libc.close(fd)
        if not options.has("z"):
            break
    return status


def run_server(options, address, port):
    udp = options.has("u")
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM if udp else libc.SOCK_STREAM)
    if fd < 0:
        libc.perror("nc: socket")
        return 1
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
    local = resolve(address, port, libc.SOCK_DGRAM if udp else libc.SOCK_STREAM, True)
    if local is None:
        return 1
    if libc.bind(fd, local) < 0 or (not udp and libc.listen(fd, 16) < 0):
        libc.perror(f"nc: port {port}")
        return 1
    if options.has("v"):
        libc.eputs(f"Listening on {address} {port}")
    if udp:
        return serve_udp(options, fd)
    while True:
        peer = bytearray(16)
        client = libc.accept(fd, peer)
        if client < 0:
            if libc.errno in (libc.EINTR, libc.ECONNABORTED):
                continue
            libc.perror("nc: accept")
            return 1
        if options.has("v"):
            libc.eputs(f"Connection received on {libc.peer_text(peer).replace(':', ' ')}")
        if not options.has("k"):
            libc.close(fd)
        status = Relay(client, False, options.integer("w", 0), options.integer("q", -1), not options.has("d")).run()
        libc.close(client)
        if not options.has("k"):
            return status


def serve_udp(options, fd):
    """Talk to whoever sent the first datagram; with -k print everybody's."""
    block = bytearray(DATAGRAM)
    peer = bytearray(16)
    if options.has("k"):
        while True:
            count = libc.recvfrom(fd, block, -1, 0, peer)
            if count >= 0 and libc.write_all(libc.STDOUT_FILENO, memoryview(block)[:count]) < 0:
                return 1
    while libc.recvfrom(fd, block, -1, libc.MSG_PEEK, peer) < 0:
        if libc.errno != libc.EINTR:
            libc.perror("nc: recvfrom")
            return 1
    if libc.connect(fd, peer) < 0:
        libc.perror("nc: connect")
        return 1
    if options.has("v"):
        libc.eputs(f"Connection received on {libc.peer_text(peer).replace(':', ' ')}")
    return Relay(fd, True, options.integer("w", 0), options.integer("q", -1), not options.has("d")).run()


def main(argv):
    try:
        options = libc.getopt(argv, "lukznvNdi:w:q:p:s:4", USAGE)
        words = options.operands
        if options.has("l"):
            if len(words) > 2 or not (words or options.has("p")):
                raise libc.UsageError(f"usage: {USAGE}")
            port = words[-1] if words else options.get("p")
            address = words[0] if len(words) == 2 else options.get("s", "0.0.0.0")
            return run_server(options, address, port)
        if len(words) != 2:
            raise libc.UsageError(f"usage: {USAGE}")
        return run_client(options, words[0], port_range(words[1]))
    except libc.UsageError as error:
        libc.eputs(f"nc: {error}")
        return 2
