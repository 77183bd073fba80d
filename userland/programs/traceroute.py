"""traceroute: the routers on the way to a host, by packets whose time to live runs out, in the manner of Linux's own."""

from userland import libc
from userland.proto import icmp

USAGE = (
    "traceroute [-ITFn] [-m MAX_TTL] [-f FIRST_TTL] [-q PROBES] [-w SECONDS] [-p PORT] [-i DEVICE] [-s ADDRESS] HOST [LENGTH]"
)
NS = 1000000000
FIRST_PORT = 33434
TCP_PORT = 80
HEADERS = 28
MAX_LENGTH = 65000
# Probes of one hop that wait for their answer at the same time.
MAX_PROBES = 10
UNREACHABLE_MARKS = {0: "!N", 1: "!H", 2: "!P", 5: "!S", 9: "!X", 10: "!X", 13: "!X"}


class Probe:
    """One packet on its way: how its answer is known, when it left, and what came back."""

    __slots__ = ("key", "fd", "sent", "elapsed", "source", "mark", "reached")

    def __init__(self, key, fd, sent):
        self.key = key
        self.fd = fd
        self.sent = sent
        self.elapsed = -1
        self.source = None
        self.mark = ""
        self.reached = False

    def answered(self, source, mark, reached):
        self.elapsed = libc.clock_gettime_ns() - self.sent
        self.source = source
        self.mark = mark
        self.reached = reached


class Tracer:
    """The raw ICMP socket that hears the answers, and the probes of the hop at work."""

    def __init__(self, target, options, length):
        self.target = target
        self.options = options
        self.numeric = options.has("n")
        self.wait = int(options.real("w", 5, 0.1, 60) * NS)
        self.first = options.integer("f", 1, 1, 255)
        self.last = options.integer("m", 30, 1, 255)
        self.queries = options.integer("q", 3, 1, MAX_PROBES)
        self.method = "icmp" if options.has("I") else "tcp" if options.has("T") else "udp"
        self.port = options.integer("p", TCP_PORT if self.method == "tcp" else FIRST_PORT, 1, 65000)
        self.length = length
        self.ident = libc.getpid() & 0xFFFF
        self.sequence = 0
        self.raw = -1
        self.buffer = bytearray(2048)
        self.names = {}

    def open(self):
        self.raw = libc.socket(libc.AF_INET, libc.SOCK_RAW, libc.IPPROTO_ICMP)
        if self.raw < 0:
            libc.perror("traceroute: socket")
        return self.raw >= 0

    def probe_socket(self, ttl):
        """The socket for a probe, or -1 with errno set."""
        if self.method == "icmp":
            fd = libc.dup(self.raw)
        else:
            kind = libc.SOCK_STREAM | libc.SOCK_NONBLOCK if self.method == "tcp" else libc.SOCK_DGRAM
            fd = libc.socket(libc.AF_INET, kind)
        if fd < 0:
            return -1
        libc.setsockopt(fd, libc.SOL_IP, libc.IP_TTL, ttl)
        libc.setsockopt(fd, libc.SOL_IP, libc.IP_MTU_DISCOVER, libc.IP_PMTUDISC_DO if self.options.has("F") else 0)
        device, source = self.options.get("i"), self.options.get("s")
        if device and libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BINDTODEVICE, device.encode() + b"\0") < 0:
            return -1
        if source and libc.bind(fd, libc.sockaddr_in(source, 0)) < 0:
            return -1
        return fd

    def send(self, ttl):
        """One probe; None with the reason printed when it can not be sent."""
        fd = self.probe_socket(ttl)
        if fd < 0:
            libc.perror("traceroute: socket")
            return None
        self.sequence += 1
        sent = libc.clock_gettime_ns()
        if self.method == "icmp":
            packet = icmp.EchoRequest(self.ident, bytes(self.length)).with_sequence(self.sequence & 0xFFFF)
            result = libc.sendto(fd, packet, -1, 0, libc.sockaddr_in(self.target))
            key = self.sequence & 0xFFFF
            libc.close(fd)
            fd = -1
        else:
            port = self.port if self.method == "tcp" else self.port + self.sequence - 1
            result = libc.connect(fd, libc.sockaddr_in(self.target, min(port, 65535)))
            if self.method == "udp" and result == 0:
                result = libc.send(fd, bytes(self.length))
            elif result < 0 and libc.errno in (libc.EINPROGRESS, libc.ECONNREFUSED):
                result = 0
            name = libc.getsockname(fd)
            key = 0 if name == -1 else libc.sockaddr_in_pair(name)[1]
        probe = Probe(key, fd, sent)
        if result < 0 and libc.errno not in (libc.ECONNREFUSED, libc.EHOSTUNREACH):
            number = libc.errno
            self.close(probe)
            libc.eputs(f"traceroute: send: {libc.strerror(number)}")
            return None
        return probe

    def close(self, probe):
        if probe.fd >= 0:
            libc.close(probe.fd)
            probe.fd = -1

    def hop(self, ttl):
        """All probes of one hop, answered or given up; None when none could be sent."""
        probes = []
        for _ in range(self.queries):
            probe = self.send(ttl)
            if probe is None:
                for sent in probes:
                    self.close(sent)
                return None
            probes.append(probe)
        deadline = libc.clock_gettime_ns() + self.wait
        while any(probe.elapsed < 0 for probe in probes):
            left = deadline - libc.clock_gettime_ns()
            waiting = [libc.pollfd(self.raw, libc.POLLIN)]
            open_probes = [probe for probe in probes if probe.elapsed < 0 and self.method == "tcp"]
            waiting += [libc.pollfd(probe.fd, libc.POLLOUT) for probe in open_probes]
            if left <= 0 or libc.poll(waiting, -(-left // 1000000)) <= 0:
                break
            # What the router said counts before the error that it made of the connection.
            self.take_answers(probes)
            for probe, entry in zip(open_probes, waiting[1:], strict=True):
                if entry.revents and probe.elapsed < 0:
                    self.take_connection(probe)
        for probe in probes:
            self.close(probe)
        return probes

    def take_connection(self, probe):
        """A TCP probe that was answered by the host itself."""
        number = libc.socket_error(probe.fd)
        if number in (0, libc.ECONNREFUSED):
            probe.answered(self.target, "", True)
            self.close(probe)

    def take_answers(self, probes):
        while True:
            count = libc.recvfrom(self.raw, self.buffer, -1, libc.MSG_DONTWAIT)
            if count < 0:
                return
            stripped = icmp.strip_ip(memoryview(self.buffer)[:count])
            if stripped is not None:
                self.take(stripped[0], stripped[2], probes)

    def take(self, source, message, probes):
        """One ICMP message, if it is about one of the probes."""
        reply = icmp.parse(message)
        if reply is not None and reply.kind == icmp.ECHO_REPLY:
            if self.method == "icmp" and reply.ident == self.ident:
                self.match(reply.sequence, source, "", True, probes)
            return
        quoted = icmp.parse_quoted(message)
        if quoted is None or quoted.target != self.target:
            return
        if self.method == "icmp":
            if quoted.protocol != libc.IPPROTO_ICMP or int.from_bytes(quoted.head[4:6], "big") != self.ident:
                return
            key = int.from_bytes(quoted.head[6:8], "big")
        else:
            if quoted.protocol != (libc.IPPROTO_TCP if self.method == "tcp" else libc.IPPROTO_UDP):
                return
            key = int.from_bytes(quoted.head[:2], "big")
        unreachable = quoted.kind == icmp.UNREACHABLE
        mark = ""
        if unreachable and not (quoted.code == 3 and self.method == "udp"):
            mark = f"!F-{quoted.mtu}" if quoted.code == 4 else UNREACHABLE_MARKS.get(quoted.code, f"!<{quoted.code}>")
        self.match(key, source, mark, unreachable, probes)

    def match(self, key, source, mark, reached, probes):
        for probe in probes:
            if probe.key == key and probe.elapsed < 0:
                probe.answered(source, mark, reached)
                return

    def name(self, source):
        """The router as the line shows it: its name and its address."""
        if self.numeric:
            return source
        if source not in self.names:
            _, host, _ = libc.getnameinfo(libc.sockaddr_in(source), libc.NI_NUMERICSERV)
            self.names[source] = f"{host} ({source})"
        return self.names[source]

    def line(self, ttl, probes):
        cells = []
        last = None
        for probe in probes:
            if probe.elapsed < 0:
                cells.append("*")
                continue
            if probe.source != last:
                cells.append((" " if cells else "") + self.name(probe.source))
                last = probe.source
            cells.append(f" {probe.elapsed / 1e6:.3f} ms" + (f" {probe.mark}" if probe.mark else ""))
        return f"{ttl:2}  {' '.join(cells)}"

    def run(self):
        """Hop after hop until the host has answered; the exit status."""
        for ttl in range(self.first, self.last + 1):
            probes = self.hop(ttl)
            if probes is None:
                return 1
            libc.puts(self.line(ttl, probes))
            if any(probe.reached for probe in probes):
                break
        return 0


def main(argv):
    try:
        options = libc.getopt(argv, "ITFnm:f:q:w:p:i:s:", USAGE)
        if not 1 <= len(options.operands) <= 2:
            raise libc.UsageError(f"usage: {USAGE}")
        default = 40 if options.has("T") else HEADERS
        length = libc.integer(options.operands[1], default, MAX_LENGTH) if len(options.operands) == 2 else 60
        source = options.get("s")
        if source and libc.inet_pton(libc.AF_INET, source) is None:
            raise libc.UsageError(f"'{source}' is not an address")
        host = options.operands[0]
        code, found = libc.getaddrinfo(host, None, libc.AF_INET, libc.SOCK_DGRAM)
        if code:
            raise libc.UsageError(f"{host}: {libc.gai_strerror(code)}")
        target = libc.sockaddr_in_pair(found[0].ai_addr)[0]
        tracer = Tracer(target, options, max(0, length - HEADERS))
        if tracer.first > tracer.last:
            raise libc.UsageError("first hop out of range")
    except libc.UsageError as error:
        libc.eputs(f"traceroute: {error}")
        return 2
    if not tracer.open():
        return 1
    libc.puts(f"traceroute to {host} ({target}), {tracer.last} hops max, {length} byte packets")
    return tracer.run()
