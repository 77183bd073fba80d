"""The stub resolver: asks the servers of /etc/resolv.conf over UDP, and over TCP when an answer was truncated.

An answer counts only if it comes from the server that was asked (the socket is connected), to the port that was
drawn for this question, with the id and the question that were sent; anything else is passed over until the time
is up.  resolver(3) and resolv.conf(5) say how often and in which order names and servers are tried.
"""

from userland.abi.errno import EADDRINUSE
from userland.abi.fcntl import POLLIN
from userland.abi.layout import TIMEVAL
from userland.abi.socket import AF_INET, SO_RCVTIMEO, SO_SNDTIMEO, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from userland.libc.crt import get_errno, random_bits
from userland.libc.dns import (
    EDNS_SIZE,
    FORMERR,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    SERVFAIL,
    TYPE_A,
    encode_query,
    follow_chain,
    parse_response,
)
from userland.libc.inet import parse_quad, sockaddr_in
from userland.libc.poll import poll, pollfd
from userland.libc.socket import bind, connect, recv_bytes, send_all, setsockopt, socket
from userland.libc.time import clock_gettime_ns
from userland.libc.transfer import send
from userland.libc.unistd import close, read_text

DNS_PORT = 53
MAX_SERVERS = 3
MAX_UDP = 4096
# How many datagrams that are no answer of ours one exchange looks at before it gives up on the server.
MAX_STRAYS = 64
MILLISECOND = 1000000
FIRST_PORT = 1024
PORT_TRIES = 8

# What a look-up ends with when there is no answer.
HOST_NOT_FOUND = "HOST_NOT_FOUND"
TRY_AGAIN = "TRY_AGAIN"
NO_DATA = "NO_DATA"
NO_RECOVERY = "NO_RECOVERY"


class ResolverConfig:
    """What resolv.conf(5) says: servers, search list and the options timeout, attempts, ndots, rotate, edns0, use-vc."""

    def __init__(self, text=""):
        self.servers = []
        self.port = DNS_PORT
        self.search = []
        self.timeout = 5
        self.attempts = 2
        self.ndots = 1
        self.rotate = False
        self.edns = False
        self.use_tcp = False
        for line in text.splitlines():
            words = line.split("#", 1)[0].split(";", 1)[0].split()
            if len(words) < 2:
                continue
            if words[0] == "nameserver" and parse_quad(words[1]) >= 0 and len(self.servers) < MAX_SERVERS:
                self.servers.append(words[1])
            elif words[0] == "search":
                self.search = [domain for domain in words[1:7] if domain != "."]
            elif words[0] == "domain":
                self.search = words[1:2]
            elif words[0] == "options":
                self.apply_options(words[1:])

    def apply_options(self, options):
        for option in options:
            name, _, value = option.partition(":")
            if option == "rotate":
                self.rotate = True
            elif option == "edns0":
                self.edns = True
            elif option == "use-vc":
                self.use_tcp = True
            if not value.isascii() or not value.isdigit() or len(value) > 3:
                continue
            if name == "timeout":
                self.timeout = max(1, min(30, int(value)))
            elif name == "attempts":
                self.attempts = max(1, min(5, int(value)))
            elif name == "ndots":
                self.ndots = min(15, int(value))

    def candidates(self, name):
        """The names to ask for, in order: as it stands first when it has enough dots, else last."""
        if name.endswith("."):
            return [name]
        searched = [f"{name}.{domain}" for domain in self.search]
        return [name, *searched] if name.count(".") >= self.ndots else [*searched, name]


def read_config():
    """The `ResolverConfig` of /etc/resolv.conf; without servers there, the local host's."""
    text = read_text("/etc/resolv.conf")
    config = ResolverConfig("" if text == -1 else text)
    if not config.servers:
        config.servers = ["127.0.0.1"]
    return config


def bind_random_port(fd):
    """Bind to a port drawn at random from all unprivileged ones (RFC 5452 section 9.2); the kernel picks when all are taken."""
    for _ in range(PORT_TRIES):
        port = FIRST_PORT + random_bits(32) % (65536 - FIRST_PORT)
        if bind(fd, sockaddr_in("0.0.0.0", port)) == 0 or get_errno() != EADDRINUSE:
            return


def ask_udp(server, ident, query, name, kind, timeout, port=DNS_PORT):
    """One UDP exchange within `timeout` seconds: a `Response`, or None."""
    fd = socket(AF_INET, SOCK_DGRAM)
    if fd < 0:
        return None
    bind_random_port(fd)
    response = None
    if connect(fd, sockaddr_in(server, port)) == 0 and send(fd, query) == len(query):
        deadline = clock_gettime_ns() + timeout * 1000 * MILLISECOND
        waiting = pollfd(fd, POLLIN)
        for _ in range(MAX_STRAYS):
            left = (deadline - clock_gettime_ns()) // MILLISECOND
            if left <= 0 or poll([waiting], left) <= 0:
                break
            datagram = recv_bytes(fd, MAX_UDP)
            if datagram == -1:
                break
            response = parse_response(datagram, ident, name, kind)
            if response is not None:
                break
    close(fd)
    return response


def ask_tcp(server, ident, query, name, kind, timeout, port=DNS_PORT):
    """One TCP exchange (a two-byte length before each message) within `timeout` seconds: a `Response`, or None."""
    fd = socket(AF_INET, SOCK_STREAM)
    if fd < 0:
        return None
    limit = TIMEVAL.pack(timeout, 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit)
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit)
    deadline = clock_gettime_ns() + timeout * 1000 * MILLISECOND
    response = None
    if connect(fd, sockaddr_in(server, port)) == 0 and send_all(fd, len(query).to_bytes(2, "big") + query) == 0:
        prefix = recv_exactly(fd, 2, deadline)
        if prefix is not None:
            message = recv_exactly(fd, int.from_bytes(prefix, "big"), deadline)
            if message is not None:
                response = parse_response(message, ident, name, kind)
    close(fd)
    return response


def recv_exactly(fd, size, deadline):
    """`size` bytes, or None when the stream ends or fails before, or `deadline` (ns) has passed."""
    parts = bytearray()
    while len(parts) < size:
        chunk = recv_bytes(fd, size - len(parts))
        if chunk == -1 or not chunk or clock_gettime_ns() > deadline:
            return None
        parts += chunk
    return bytes(parts)


def ask(server, name, kind, timeout, edns=False, use_tcp=False, port=DNS_PORT, recursive=True):
    """Ask one server once: a `Response`, or None when it did not answer properly."""
    ident = random_bits(16)
    query = encode_query(ident, name, kind, recursive, EDNS_SIZE if edns else 0)
    if query is None:
        return None
    if use_tcp:
        return ask_tcp(server, ident, query, name, kind, timeout, port)
    response = ask_udp(server, ident, query, name, kind, timeout, port)
    if response is not None and edns and response.rcode in (FORMERR, NOTIMP):
        # A server from before EDNS0 (RFC 6891 section 7).
        return ask(server, name, kind, timeout, False, use_tcp, port, recursive)
    if response is not None and response.truncated:
        full = ask_tcp(server, ident, query, name, kind, timeout, port)
        response = full if full is not None else response
    return response


def query_one(config, name, kind):
    """(`Response`, None) with NOERROR or NXDOMAIN for exactly `name`, or (None, TRY_AGAIN or NO_RECOVERY).

    Each server in turn, `attempts` rounds; a server that fails or refuses is not asked again.
    """
    servers = list(config.servers)
    if config.rotate:
        first = random_bits(16) % len(servers)
        servers = servers[first:] + servers[:first]
    outcome = TRY_AGAIN
    for _ in range(config.attempts):
        for server in list(servers):
            response = ask(server, name, kind, config.timeout, config.edns, config.use_tcp, config.port)
            if response is None:
                continue
            if response.rcode in (NOERROR, NXDOMAIN):
                return response, None
            outcome = TRY_AGAIN if response.rcode == SERVFAIL else NO_RECOVERY
            servers.remove(server)
    return None, outcome


class Answer:
    """What a look-up found: the canonical name, the aliases that led there, and the data of the records."""

    __slots__ = ("canonical", "aliases", "data")

    def __init__(self, canonical, aliases, data):
        self.canonical = canonical
        self.aliases = aliases
        self.data = data


def search(name, kind=TYPE_A, config=None):
    """res_search(3): (`Answer`, None), or (None, one of HOST_NOT_FOUND, TRY_AGAIN, NO_DATA, NO_RECOVERY).

    Of several failures the one that says most wins: that the name exists without such a record, then that a server
    could not tell.
    """
    if encode_query(0, name, kind) is None:
        return None, NO_RECOVERY
    config = read_config() if config is None else config
    outcome = HOST_NOT_FOUND
    for candidate in config.candidates(name):
        response, failure = query_one(config, candidate, kind)
        if response is None:
            outcome = failure if outcome == HOST_NOT_FOUND else outcome
            continue
        canonical, data, aliases = follow_chain(response, candidate, kind)
        if data:
            return Answer(canonical, aliases, data), None
        if response.rcode == NOERROR:
            outcome = NO_DATA
    return None, outcome


def lookup(name, kind=TYPE_A, config=None):
    """(canonical name, [data], None), or (name, [], one of HOST_NOT_FOUND, TRY_AGAIN, NO_DATA, NO_RECOVERY)."""
    answer, failure = search(name, kind, config)
    return (name, [], failure) if answer is None else (answer.canonical, answer.data, None)
