"""Names and addresses: <netdb.h> over /etc/hosts, /etc/services and DNS."""

from userland.abi.socket import (
    AF_INET,
    AF_UNSPEC,
    AI_CANONNAME,
    AI_NUMERICHOST,
    AI_NUMERICSERV,
    AI_PASSIVE,
    EAI_AGAIN,
    EAI_FAIL,
    EAI_FAMILY,
    EAI_NONAME,
    EAI_SERVICE,
    EAI_SOCKTYPE,
    IPPROTO_TCP,
    IPPROTO_UDP,
    NI_DGRAM,
    NI_NAMEREQD,
    NI_NUMERICHOST,
    NI_NUMERICSERV,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
)
from userland.libc.dns import TYPE_PTR, reverse_name
from userland.libc.inet import format_quad, parse_aton, sockaddr_family, sockaddr_in, sockaddr_in_pair
from userland.libc.resolver import TRY_AGAIN, lookup
from userland.libc.unistd import read_text

# Used where /etc/services does not exist or does not know the name.
SERVICES = (
    ("echo", 7, "tcp"),
    ("echo", 7, "udp"),
    ("discard", 9, "tcp"),
    ("discard", 9, "udp"),
    ("chargen", 19, "tcp"),
    ("chargen", 19, "udp"),
    ("ssh", 22, "tcp"),
    ("domain", 53, "udp"),
    ("domain", 53, "tcp"),
    ("bootps", 67, "udp"),
    ("bootpc", 68, "udp"),
    ("tftp", 69, "udp"),
    ("http", 80, "tcp"),
    ("ntp", 123, "udp"),
    ("https", 443, "tcp"),
    ("http-alt", 8080, "tcp"),
)

MESSAGES = {
    EAI_AGAIN: "Temporary failure in name resolution",
    EAI_FAIL: "Non-recoverable failure in name resolution",
    EAI_FAMILY: "ai_family not supported",
    EAI_NONAME: "Name or service not known",
    EAI_SERVICE: "Servname not supported for ai_socktype",
    EAI_SOCKTYPE: "ai_socktype not supported",
}


def gai_strerror(code):
    """const char *gai_strerror(int errcode)"""
    return MESSAGES.get(code, "Unknown error")


class addrinfo:
    """struct addrinfo, one element of the list."""

    __slots__ = ("ai_family", "ai_socktype", "ai_protocol", "ai_addr", "ai_canonname")

    def __init__(self, socktype, protocol, addr, canonname):
        self.ai_family = AF_INET
        self.ai_socktype = socktype
        self.ai_protocol = protocol
        self.ai_addr = addr
        self.ai_canonname = canonname


def parse_hosts(text):
    """[(dotted quad, [names])] of hosts(5) text; lines that are not IPv4 are passed over."""
    entries = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        value = parse_aton(words[0]) if len(words) > 1 and words[0].count(".") == 3 else -1
        if value >= 0:
            entries.append((format_quad(value), words[1:]))
    return entries


def read_hosts():
    text = read_text("/etc/hosts")
    return [] if text == -1 else parse_hosts(text)


def read_services():
    """[(name, port, protocol)] of /etc/services and the built-in list."""
    text = read_text("/etc/services")
    found = []
    for line in "" if text == -1 else text.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) < 2:
            continue
        port, slash, protocol = words[1].partition("/")
        if slash and port.isascii() and port.isdigit() and int(port) < 65536:
            found += [(name, int(port), protocol) for name in (words[0], *words[2:])]
    return [*found, *SERVICES]


def getservbyname(name, protocol):
    """struct servent *getservbyname(const char *name, const char *proto): the port in host order, or -1."""
    return next((port for known, port, proto in read_services() if known == name and proto == protocol), -1)


def getservbyport(port, protocol):
    """struct servent *getservbyport(int port, const char *proto): the name (`port` in host order), or None."""
    return next((name for name, known, proto in read_services() if known == port and proto == protocol), None)


def resolve(name, numeric_only=False):
    """(canonical name, [dotted quads], 0), or (name, [], EAI_*)."""
    value = parse_aton(name)
    if value >= 0:
        return name, [format_quad(value)], 0
    if numeric_only or not name:
        return name, [], EAI_NONAME
    wanted = name.removesuffix(".").lower()
    hosts = [(quad, names[0]) for quad, names in read_hosts() if wanted in (known.lower() for known in names)]
    if hosts:
        return hosts[0][1], [quad for quad, _ in hosts], 0
    canonical, addresses, failure = lookup(name)
    if failure is None:
        return canonical, addresses, 0
    return name, [], EAI_AGAIN if failure == TRY_AGAIN else EAI_NONAME


def service_port(service, socktype, flags):
    """The port of a service (name or decimal text), or -1."""
    if service is None:
        return 0
    if service.isascii() and service.isdigit():
        return int(service) if len(service) <= 5 and int(service) < 65536 else -1
    if flags & AI_NUMERICSERV:
        return -1
    return getservbyname(service, "udp" if socktype == SOCK_DGRAM else "tcp")


def socket_kinds(socktype, protocol):
    """The (type, protocol) pairs that the hints allow; empty for a contradiction."""
    kinds = [(SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP), (SOCK_RAW, protocol)]
    chosen = [kind for kind in kinds if socktype in (0, kind[0])]
    return [kind for kind in chosen if protocol in (0, kind[1])]


def getaddrinfo(node, service, family=AF_UNSPEC, socktype=0, protocol=0, flags=0):
    """int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)

    Returns (0, [addrinfo]) or (EAI_*, []).
    """
    if family not in (AF_UNSPEC, AF_INET):
        return EAI_FAMILY, []
    if node is None and service is None:
        return EAI_NONAME, []
    kinds = socket_kinds(socktype, protocol)
    if not kinds:
        return EAI_SOCKTYPE, []
    port = service_port(service, socktype, flags)
    if port < 0:
        return (EAI_NONAME if flags & AI_NUMERICSERV else EAI_SERVICE), []
    if node is None:
        canonical, addresses = None, ["0.0.0.0" if flags & AI_PASSIVE else "127.0.0.1"]
    else:
        canonical, addresses, failure = resolve(node, bool(flags & AI_NUMERICHOST))
        if failure:
            return failure, []
    name = canonical if flags & AI_CANONNAME else None
    return 0, [
        addrinfo(kind, proto, sockaddr_in(address, port), name) for address in addresses for kind, proto in kinds
    ]


def getnameinfo(addr, flags=0):
    """int getnameinfo(const struct sockaddr *addr, ...): (0, host, service), or (EAI_*, None, None)."""
    if len(addr) < 16 or sockaddr_family(addr) != AF_INET:
        return EAI_FAMILY, None, None
    host, port = sockaddr_in_pair(addr)
    service = None
    if not flags & NI_NUMERICSERV:
        service = getservbyport(port, "udp" if flags & NI_DGRAM else "tcp")
    name = None
    if not flags & NI_NUMERICHOST:
        name = gethostbyaddr(host)
        if name is None and flags & NI_NAMEREQD:
            return EAI_NONAME, None, None
    return 0, name or host, service or str(port)


def gethostbyaddr(quad):
    """struct hostent *gethostbyaddr(const void *addr, ...): the name of a dotted quad, or None."""
    for known, names in read_hosts():
        if known == quad:
            return names[0]
    _, names, _ = lookup(reverse_name(quad) + ".", TYPE_PTR)
    return names[0] if names else None


def gethostbyname(name):
    """struct hostent *gethostbyname(const char *name): (canonical name, [dotted quads]), or None."""
    canonical, addresses, failure = resolve(name)
    return None if failure else (canonical, addresses)
