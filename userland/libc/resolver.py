"""The stub resolver: asks the servers of /etc/resolv.conf over UDP, and over TCP when an answer was truncated.

An answer counts only if it comes from the server that was asked (the socket is connected), with the id and the
question that were sent; anything else is passed over until the time is up.
"""

from userland.abi.fcntl import POLLIN
from userland.abi.layout import TIMEVAL
from userland.abi.socket import AF_INET, SO_RCVTIMEO, SO_SNDTIMEO, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from userland.libc.crt import random_bits
from userland.libc.dns import NOERROR, NXDOMAIN, TYPE_A, encode_query, parse_response, resolve_chain
from userland.libc.inet import parse_quad, sockaddr_in
from userland.libc.poll import poll, pollfd
from userland.libc.socket import connect, recv_bytes, send_all, setsockopt, socket
from userland.libc.time import clock_gettime_ns
from userland.libc.transfer import send
from userland.libc.unistd import close, read_text

DNS_PORT = 53
MAX_SERVERS = 3
MAX_UDP = 4096
MILLISECOND = 1000000

# What a look-up ends with when there is no answer.
HOST_NOT_FOUND = "HOST_NOT_FOUND"
TRY_AGAIN = "TRY_AGAIN"
NO_DATA = "NO_DATA"
NO_RECOVERY = "NO_RECOVERY"


class ResolverConfig:
    """What resolv.conf(5) says: servers, search list and the options timeout, attempts and ndots."""

    def __init__(self, text=""):
        self.servers = []
        self.search = []
        self.timeout = 5
        self.attempts = 2
        self.ndots = 1
        for line in text.splitlines():
            words = line.split("#", 1)[0].split(";", 1)[0].split()
            if len(words) < 2:
                continue
            if words[0] == "nameserver" and parse_quad(words[1]) >= 0 and len(self.servers) < MAX_SERVERS:
                self.servers.append(words[1])
            elif words[0] in ("search", "domain"):
                self.search = words[1:7]
            elif words[0] == "options":
                self.apply_options(words[1:])

    def apply_options(self, options):
        for option in options:
            name, _, value = option.partition(":")
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


def ask_udp(server, ident, query, name, kind, timeout):
    """One UDP exchange within `timeout` seconds: a `Response`, or None."""
    fd = socket(AF_INET, SOCK_DGRAM)
    if fd < 0:
        return None
    response = None
    if connect(fd, sockaddr_in(server, DNS_PORT)) == 0 and send(fd, query) == len(query):
        deadline = clock_gettime_ns() + timeout * 1000 * MILLISECOND
        waiting = pollfd(fd, POLLIN)
        while response is None:
            left = (deadline - clock_gettime_ns()) // MILLISECOND
            if left <= 0 or poll([waiting], left) <= 0:
                break
            datagram = recv_bytes(fd, MAX_UDP)
            if datagram == -1:
                break
            response = parse_response(datagram, ident, name, kind)
    close(fd)
    return response


def ask_tcp(server, ident, query, name, kind, timeout):
    """One TCP exchange (a two-byte length before each message): a `Response`, or None."""
    fd = socket(AF_INET, SOCK_STREAM)
    if fd < 0:
        return None
    limit = TIMEVAL.pack(timeout, 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit)
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit)
    response = None
    if connect(fd, sockaddr_in(server, DNS_PORT)) == 0 and send_all(fd, len(query).to_bytes(2, "big") + query) == 0:
        prefix = recv_exactly(fd, 2)
        if prefix is not None:
            message = recv_exactly(fd, int.from_bytes(prefix, "big"))
            if message is not None:
                response = parse_response(message, ident, name, kind)
    close(fd)
    return response


def recv_exactly(fd, size):
    """`size` bytes, or None when the stream ends or fails before."""
    parts = bytearray()
    while len(parts) < size:
        chunk = recv_bytes(fd, size - len(parts))
        if chunk == -1 or not chunk:
            return None
        parts += chunk
    return bytes(parts)


def ask(server, name, kind, timeout):
    """Ask one server once: a `Response`, or None when it did not answer properly."""
    ident = random_bits(16)
    query = encode_query(ident, name, kind)
    if query is None:
        return None
    response = ask_udp(server, ident, query, name, kind, timeout)
    if response is not None and response.truncated:
        full = ask_tcp(server, ident, query, name, kind, timeout)
        response = full if full is not None else response
    return response


def query_one(config, name, kind):
    """A `Response` with NOERROR or NXDOMAIN for exactly `name`, or None: each server in turn, `attempts` rounds."""
    for _ in range(config.attempts):
        for server in config.servers:
            response = ask(server, name, kind, config.timeout)
            if response is not None and response.rcode in (NOERROR, NXDOMAIN):
                return response
    return None


def lookup(name, kind=TYPE_A, config=None):
    """(canonical name, [data], None), or (name, [], one of HOST_NOT_FOUND, TRY_AGAIN, NO_DATA, NO_RECOVERY)."""
    if encode_query(0, name, kind) is None:
        return name, [], NO_RECOVERY
    config = read_config() if config is None else config
    outcome = HOST_NOT_FOUND
    for candidate in config.candidates(name):
        response = query_one(config, candidate, kind)
        if response is None:
            outcome = TRY_AGAIN
            continue
        canonical, data = resolve_chain(response, candidate, kind)
        if data:
            return canonical, data, None
        if response.rcode == NOERROR and outcome == HOST_NOT_FOUND:
            outcome = NO_DATA
    return name, [], outcome
