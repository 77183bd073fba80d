"""ping: asks a host for ICMP echoes, in the manner of iputils."""

from userland import libc
from userland.proto.icmp import (
    ECHO_REPLY,
    HEADER_SIZE,
    MAX_OPTIONS,
    REDIRECT,
    EchoRequest,
    parse,
    record_route_option,
    recorded_route,
    strip_ip,
)

USAGE = (
    "ping [-c COUNT] [-i INTERVAL] [-s SIZE] [-W TIMEOUT] [-w DEADLINE] [-t TTL] [-I ADDRESS|DEVICE] [-M do|want|dont] "
    "[-Q TOS] [-DfnqR] HOST"
)
NS = 1000000000
# A datagram socket is connected to this port, which sends nothing, to see whether there is a route.
PROBE_PORT = 1025
MAX_SIZE = 65507
# A flood sends at least a hundred requests a second, and the next at once when a reply came.
FLOOD_INTERVAL = NS // 100
PMTU_MODES = {"do": libc.IP_PMTUDISC_DO, "want": libc.IP_PMTUDISC_WANT, "dont": libc.IP_PMTUDISC_DONT}


class Pinger:
    """One run: the socket, what was sent and what came back."""

    def __init__(self, fd, raw, target, ident, size, options, host):
        self.fd = fd
        self.raw = raw
        self.target = target
        self.address = libc.sockaddr_in(target)
        self.ident = ident
        self.size = size
        self.flood = options.has("f")
        self.quiet = options.has("q")
        self.stamped = options.has("D")
        self.names = {} if not options.has("n") and libc.inet_aton(host) is None else None
        self.host = host
        self.adaptive = self.flood or options.real("i", 1) == 0
        self.count = options.integer("c", 0, 1)
        self.interval = int(options.real("i", 0 if self.flood else 1, 0) * NS)
        self.wait = int(options.real("W", 10, 0.001) * NS)
        self.wait_given = options.has("W")
        self.deadline = int(options.real("w", 0) * NS)
        self.request = EchoRequest(ident, bytes(index & 0xFF for index in range(size)))
        self.buffer = bytearray(max(size, 576) + 256)
        self.source = bytearray(16)
        self.sent_at = {}
        self.seen = bytearray(65536)
        self.transmitted = 0
        self.received = 0
        self.duplicates = 0
        self.errors = 0
        self.minimum = 0
        self.maximum = 0
        self.total = 0
        self.total_squares = 0
        # The average that iputils calls ewma, in eighths of a ns, and the most requests that were on their way at once.
        self.average = 0
        self.most_under_way = 0
        self.route = None
        self.last_sent = 0
        self.stopped = False
        self.started = 0

    def run(self):
        """Send and receive until the count, the deadline or a signal ends it; the exit status."""
        self.started = libc.clock_gettime_ns()
        next_send = self.started
        last_send = self.started
        while not self.stopped:
            now = libc.clock_gettime_ns()
            if self.deadline and now >= self.started + self.deadline:
                break
            if self.count and self.transmitted >= self.count:
                if self.received + self.errors >= self.count:
                    break
                limit = last_send + self.patience()
                if now >= limit:
                    break
            elif now >= next_send:
                self.send(now)
                last_send = now
                next_send = max(now, next_send + self.step())
                # What answered already is taken before the next request goes out.
                if self.receive_ready() and self.flood:
                    next_send = 0
                continue
            else:
                limit = next_send
            if self.deadline:
                limit = min(limit, self.started + self.deadline)
            if self.wait_readable(limit - now) and self.receive_ready() and self.flood:
                next_send = 0
        return self.report()

    def step(self):
        return max(self.interval, 0) or (FLOOD_INTERVAL if self.flood else 1000000)

    def patience(self):
        """How long to wait for the last replies: two round trips once there was one."""
        return self.wait if self.wait_given or not self.received else max(2 * self.maximum, NS)

    def wait_readable(self, nanoseconds):
        return libc.poll([libc.pollfd(self.fd, libc.POLLIN)], max(0, -(-nanoseconds // 1000000))) > 0

    def send(self, now):
        self.transmitted += 1
        sequence = self.transmitted & 0xFFFF
        self.sent_at[sequence] = now
        self.seen[sequence] = 0
        self.last_sent = now
        packet = self.request.with_sequence(sequence)
        if libc.sendto(self.fd, packet, -1, 0, self.address) < 0:
            self.sent_at.pop(sequence, None)
            self.errors += 1
            if not self.flood:
                libc.eputs(f"ping: {self.send_error(libc.errno)}")
        elif self.flood and not self.quiet:
            libc.fputs(".")

    def send_error(self, number):
        """Why a request did not leave; for one that is too long the MTU is said."""
        if number != libc.EMSGSIZE:
            return f"sendmsg: {libc.strerror(number)}"
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        libc.connect(fd, libc.sockaddr_in(self.target, PROBE_PORT))
        mtu = libc.getsockopt_int(fd, libc.SOL_IP, libc.IP_MTU)
        libc.close(fd)
        return f"local error: message too long, mtu={mtu}"

    def receive_ready(self):
        """Take every message that waits; True when one of them was an echo of ours."""
        answered = False
        while not self.stopped:
            count = libc.recvfrom(self.fd, self.buffer, -1, libc.MSG_DONTWAIT, self.source)
            if count < 0:
                number = libc.errno
                if number in (libc.EHOSTUNREACH, libc.ENETUNREACH, libc.ECONNREFUSED):
                    self.errors += 1
                    self.say(f"From {self.target}: {libc.strerror(number)}")
                    continue
                return answered
            if self.handle(memoryview(self.buffer)[:count]):
                answered = True
                if self.count and self.received >= self.count:
                    return True
        return answered

    def handle(self, data):
        source, ttl, message = libc.sockaddr_in_pair(self.source)[0], 0, data
        if self.raw:
            stripped = strip_ip(data)
            if stripped is None:
                return False
            source, ttl, message = stripped
        parsed = parse(message)
        if parsed is None or (self.raw and parsed.ident != self.ident):
            return False
        if parsed.kind != ECHO_REPLY:
            self.error(source, parsed)
            return False
        self.reply(source, ttl, parsed)
        if self.raw and not self.quiet and not self.flood:
            self.show_route(recorded_route(data))
        return True

    def say(self, text):
        """A line about one packet, with the time in front when -D asks for it."""
        stamp = ""
        if self.stamped:
            seconds, rest = divmod(libc.clock_gettime_ns(libc.CLOCK_REALTIME), NS)
            stamp = f"[{seconds}.{rest // 1000:06}] "
        libc.puts(stamp + text)

    def name(self, source):
        """The answering host as iputils shows it."""
        if self.names is None:
            return source
        if source not in self.names:
            code, host, _ = libc.getnameinfo(libc.sockaddr_in(source), libc.NI_NAMEREQD | libc.NI_NUMERICSERV)
            self.names[source] = source if code else f"{host} ({source})"
        return self.names[source]

    def show_route(self, route):
        """What the routers recorded, or that it was the same as before."""
        if not route:
            return
        if route == self.route:
            libc.puts("\t(same route)")
        else:
            libc.puts("RR: " + "\n".join(f"\t{self.name(address)}" for address in route) + "\n")
        self.route = route

    def error(self, source, message):
        if message.kind == REDIRECT:
            if not self.quiet and not self.flood:
                self.say(f"From {self.name(source)}: icmp_seq={message.sequence} {message.error_text()}")
            return
        if self.sent_at.pop(message.sequence, None) is None:
            return
        self.errors += 1
        if self.flood:
            libc.fputs("\bE")
        elif not self.quiet:
            self.say(f"From {self.name(source)} icmp_seq={message.sequence} {message.error_text()}")

    def reply(self, source, ttl, message):
        sent = self.sent_at.pop(message.sequence, None)
        duplicate = sent is None
        elapsed = 0
        if duplicate:
            if not self.seen[message.sequence]:
                return
            self.duplicates += 1
        else:
            self.seen[message.sequence] = 1
            self.received += 1
            elapsed = libc.clock_gettime_ns() - sent
            self.account(elapsed)
        if self.quiet:
            return
        if self.flood:
            libc.fputs("\b \b")
            return
        text = f"{message.size} bytes from {self.name(source)}: icmp_seq={message.sequence}"
        if ttl:
            text += f" ttl={ttl}"
        if not duplicate:
            text += f" time={milliseconds(elapsed)} ms"
        self.say(text + (" (DUP!)" if duplicate else ""))

    def account(self, elapsed):
        self.most_under_way = max(self.most_under_way, len(self.sent_at) + 1)
        self.average = self.average + elapsed - self.average // 8 if self.average else elapsed * 8
        self.minimum = elapsed if self.received == 1 else min(self.minimum, elapsed)
        self.maximum = max(self.maximum, elapsed)
        self.total += elapsed
        self.total_squares += elapsed * elapsed

    def report(self):
        elapsed = (libc.clock_gettime_ns() - self.started) // 1000000
        lost = self.transmitted - self.received
        percent = f"{100 * lost / self.transmitted:.6g}" if self.transmitted else "0"
        text = f"\n--- {self.host} ping statistics ---\n{self.transmitted} packets transmitted, {self.received} received"
        if self.duplicates:
            text += f", +{self.duplicates} duplicates"
        if self.errors:
            text += f", +{self.errors} errors"
        text += f", {percent}% packet loss, time {elapsed}ms\n"
        if self.received:
            mean = self.total // self.received
            spread = max(0, self.total_squares // self.received - mean * mean)
            values = [self.minimum, mean, self.maximum, integer_root(spread)]
            text += "rtt min/avg/max/mdev = " + "/".join(f"{v / 1e6:.3f}" for v in values) + " ms"
            if self.most_under_way > 1:
                text += f", pipe {self.most_under_way}"
        if self.received and self.adaptive and self.transmitted > 1:
            gap = (self.last_sent - self.started) // (self.transmitted - 1)
            text += f", ipg/ewma {gap / 1e6:.3f}/{self.average / 8e6:.3f} ms"
        text += "\n" if self.received else ""
        libc.fputs(text)
        if self.count and self.deadline:
            return 0 if self.received >= self.count else 1
        return 0 if self.received else 1


def integer_root(value):
    """The integer square root, by Newton's method."""
    if value < 2:
        return value
    guess = 1 << (value.bit_length() + 1) // 2
    while True:
        better = (guess + value // guess) // 2
        if better >= guess:
            return guess
        guess = better


def milliseconds(nanoseconds):
    """A round-trip time with the digits that iputils gives it."""
    micro = nanoseconds // 1000
    if micro >= 100000:
        return str(micro // 1000)
    if micro >= 10000:
        return f"{micro // 1000}.{micro // 100 % 10}"
    if micro >= 1000:
        return f"{micro // 1000}.{micro // 10 % 100:02}"
    return f"{micro // 1000}.{micro % 1000:03}"


def open_socket():
    """(fd, raw?): a raw socket, which shows TTLs and errors, or else a ping socket."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_RAW, libc.IPPROTO_ICMP)
    if fd >= 0:
        return fd, True
    return libc.socket(libc.AF_INET, libc.SOCK_DGRAM, libc.IPPROTO_ICMP), False


def reachable(target):
    """True when the kernel knows a way to the target; else the reason is printed."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    if fd < 0:
        libc.perror("ping: socket")
        return False
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BROADCAST, 1)
    result = libc.connect(fd, libc.sockaddr_in(target, PROBE_PORT))
    if result < 0:
        libc.perror("ping: connect")
    libc.close(fd)
    return result == 0


def configure(fd, options):
    """Apply -t, -I, -M, -Q, -R; False with the reason printed when one of them fails."""
    if options.has("t") and libc.setsockopt(fd, libc.SOL_IP, libc.IP_TTL, options.integer("t", 64, 1, 255)) < 0:
        libc.perror("ping: IP_TTL")
        return False
    if options.has("M"):
        libc.setsockopt(fd, libc.SOL_IP, libc.IP_MTU_DISCOVER, PMTU_MODES[options.get("M")])
    if options.has("Q"):
        libc.setsockopt(fd, libc.SOL_IP, libc.IP_TOS, options.integer("Q", 0, 0, 255))
    if options.has("R") and libc.setsockopt(fd, libc.SOL_IP, libc.IP_OPTIONS, record_route_option()) < 0:
        libc.perror("ping: record route")
        return False
    name = options.get("I")
    if name and libc.inet_pton(libc.AF_INET, name) is not None:
        if libc.bind(fd, libc.sockaddr_in(name, 0)) < 0:
            libc.perror("ping: bind")
            return False
    elif name and libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BINDTODEVICE, name.encode() + b"\0") < 0:
        libc.perror(f"ping: {name}")
        return False
    # Room for a flood's replies.
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, 262144)
    return True


def main(argv):
    try:
        options = libc.getopt(argv, "c:i:s:W:w:t:I:M:Q:DfnqR", USAGE)
        if len(options.operands) != 1:
            raise libc.UsageError(f"usage: {USAGE}")
        if options.get("M", "do") not in PMTU_MODES:
            raise libc.UsageError(f"invalid -M argument: {options.get('M')}")
        size = options.integer("s", 56, 0, MAX_SIZE)
        host = options.operands[0]
        code, found = libc.getaddrinfo(host, None, libc.AF_INET, libc.SOCK_RAW)
        if code:
            libc.eputs(f"ping: {host}: {libc.gai_strerror(code)}")
            return 2
        target = libc.sockaddr_in_pair(found[0].ai_addr)[0]
        if not reachable(target):
            return 2
        fd, raw = open_socket()
        if fd < 0:
            libc.perror("ping: socket")
            return 2
        pinger = Pinger(fd, raw, target, libc.getpid() & 0xFFFF, size, options, host)
        if not configure(fd, options):
            return 2
    except libc.UsageError as error:
        libc.eputs(f"ping: {error}")
        return 2

    def interrupted(signum):
        pinger.stopped = True

    libc.signal(libc.SIGINT, interrupted)
    whole = size + HEADER_SIZE + 20 + (MAX_OPTIONS if options.has("R") else 0)
    source = ""
    if options.has("I"):
        address = libc.get_address(options.get("I"))
        source = f"from {address} {options.get('I')}: " if address else f"from {options.get('I')} : "
    libc.puts(f"PING {host} ({target}) {source}{size}({whole}) bytes of data.")
    return pinger.run()
