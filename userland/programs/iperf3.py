"""iperf3: measures throughput with another iperf3, as its server (-s) or its client (-c HOST)."""

from userland import libc
from userland.iperf3.client import Client
from userland.iperf3.protocol import (
    DEFAULT_PORT,
    MAX_DATAGRAM,
    MAX_LENGTH,
    MAX_STREAMS,
    MAX_TIME,
    TCP_LENGTH,
    UDP_RATE,
    Parameters,
    ProtocolError,
)
from userland.iperf3.report import Reporter
from userland.iperf3.server import Server

USAGE = (
    "iperf3 -s [-1J] [-p PORT] [-B ADDRESS] [-i SECONDS] | iperf3 -c HOST [-uRNJ] [-p PORT] [-t SECONDS | -n BYTES] "
    "[-b RATE] [-l LENGTH] [-P STREAMS] [-w WINDOW] [-M MSS] [-B ADDRESS] [-i SECONDS]"
)
# What fits into an Ethernet frame with room for options.
UDP_LENGTH = 1448
UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}


def quantity(text, base):
    """A number with an optional k, m, g or t, powers of `base`; UsageError."""
    power = UNITS.get(text[-1:].lower(), 0)
    digits = text[:-1] if power else text
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(digits) > 18:
        raise libc.UsageError(f"invalid argument: '{text}'")
    return int(float(digits) * base**power)


def client_parameters(options):
    found = Parameters()
    found.udp = options.has("u")
    found.reverse = options.has("R")
    found.nodelay = options.has("N")
    found.time = options.integer("t", 10, 1, MAX_TIME)
    found.bytes = quantity(options.get("n", "0"), 1024)
    found.streams = options.integer("P", 1, 1, MAX_STREAMS)
    found.length = quantity(options.get("l", str(UDP_LENGTH if found.udp else TCP_LENGTH)), 1024)
    if not (16 if found.udp else 1) <= found.length <= (MAX_DATAGRAM if found.udp else MAX_LENGTH):
        raise libc.UsageError(f"block size too large or too small: {found.length}")
    found.rate = quantity(options.get("b", str(UDP_RATE if found.udp else 0)), 1000)
    found.window = quantity(options.get("w", "0"), 1024)
    found.mss = options.integer("M", 0, 88, 9216)
    return found


def main(argv):
    try:
        options = libc.getopt(argv, "sc:1Jp:B:i:uRNt:n:b:l:P:w:M:4V", USAGE, ("server", "client=", "json", "reverse", "udp"))
        rename(options)
        if options.operands or options.has("s") == options.has("c"):
            raise libc.UsageError(f"parameter error - must either be a client (-c) or server (-s) (usage: {USAGE})")
        port = options.integer("p", DEFAULT_PORT, 1, 65535)
        interval = options.real("i", 1, 0, 60)
        bind = options.get("B")
        if bind is not None and libc.inet_pton(libc.AF_INET, bind) is None:
            raise libc.UsageError(f"'{bind}' is not an address")
        as_json = options.has("J")
        if options.has("s"):
            return serve(port, bind or "0.0.0.0", as_json, interval, options.has("1"))
        parameters = client_parameters(options)
        return ask(options.get("c"), port, parameters, Reporter(as_json), interval, bind)
    except libc.UsageError as error:
        libc.eputs(f"iperf3: {error}")
        return 2


def rename(options):
    """Long names count as their letters."""
    letters = {"server": "s", "client": "c", "json": "J", "reverse": "R", "udp": "u"}
    options.given = [(letters.get(name, name), value) for name, value in options.given]


def serve(port, address, as_json, interval, once):
    server = Server(port, address, lambda: Reporter(as_json), interval)
    libc.signal(libc.SIGINT, lambda signum: server.interrupted())
    try:
        server.open()
        return server.serve(once)
    except ProtocolError as error:
        libc.eputs(f"iperf3: error - {error}")
        return 1
    finally:
        if server.listener >= 0:
            libc.close(server.listener)


def ask(host, port, parameters, reporter, interval, bind):
    code, found = libc.getaddrinfo(host, str(port), libc.AF_INET, libc.SOCK_STREAM)
    if code:
        reporter.failed(f"unable to connect to server: {host}: {libc.gai_strerror(code)}")
        return 1
    client = Client(found[0].ai_addr, host, parameters, reporter, interval, bind)
    libc.signal(libc.SIGINT, lambda signum: client.interrupted())
    try:
        client.run()
    except ProtocolError as error:
        reporter.failed(str(error))
        return 1
    return 0
