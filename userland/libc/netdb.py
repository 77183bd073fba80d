"""Names and addresses: <netdb.h> over the files of /etc (see `databases`) and DNS (see `resolver`).

The answers are glibc's: which names, flags and hints are accepted, in which order results come, which EAI_* code
says what went wrong.  There is no IPv6.
"""

from userland.abi.netdb import (
    AI_ADDRCONFIG,
    AI_ALL,
    AI_CANONIDN,
    AI_CANONNAME,
    AI_IDN,
    AI_NUMERICHOST,
    AI_NUMERICSERV,
    AI_PASSIVE,
    AI_V4MAPPED,
    EAI_ADDRFAMILY,
    EAI_AGAIN,
    EAI_BADFLAGS,
    EAI_FAIL,
    EAI_FAMILY,
    EAI_IDN_ENCODE,
    EAI_MEMORY,
    EAI_NODATA,
    EAI_NONAME,
    EAI_OVERFLOW,
    EAI_SERVICE,
    EAI_SOCKTYPE,
    EAI_SYSTEM,
    HOST_NOT_FOUND,
    NI_DGRAM,
    NI_IDN,
    NI_NAMEREQD,
    NI_NOFQDN,
    NI_NUMERICHOST,
    NI_NUMERICSERV,
    NO_DATA,
    NO_RECOVERY,
    TRY_AGAIN,
)
from userland.abi.socket import AF_INET, AF_UNSPEC, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from userland.libc.crt import this
from userland.libc.databases import (
    NOTFOUND,
    SUCCESS,
    TRYAGAIN,
    UNAVAIL,
    host_sources,
    hostent,
    read_hosts,
    read_protocols,
    read_services,
    stops,
)
from userland.libc.dns import TYPE_PTR, encode_name, reverse_name
from userland.libc.inet import format_quad, parse_aton, sockaddr_family, sockaddr_in, sockaddr_in_pair
from userland.libc.net_if import ifconf
from userland.libc.process import uname
from userland.libc.resolver import HOST_NOT_FOUND as RESOLVER_NOT_FOUND
from userland.libc.resolver import NO_DATA as RESOLVER_NO_DATA
from userland.libc.resolver import NO_RECOVERY as RESOLVER_NO_RECOVERY
from userland.libc.resolver import TRY_AGAIN as RESOLVER_TRY_AGAIN
from userland.libc.resolver import search

# AF_INET6: named only to say that there is none.
AF_INET6 = 10
MAX_HOST_NAME = 1024

MESSAGES = {
    EAI_BADFLAGS: "Bad value for ai_flags",
    EAI_NONAME: "Name or service not known",
    EAI_AGAIN: "Temporary failure in name resolution",
    EAI_FAIL: "Non-recoverable failure in name resolution",
    EAI_NODATA: "No address associated with hostname",
    EAI_FAMILY: "ai_family not supported",
    EAI_SOCKTYPE: "ai_socktype not supported",
    EAI_SERVICE: "Servname not supported for ai_socktype",
    EAI_ADDRFAMILY: "Address family for hostname not supported",
    EAI_MEMORY: "Memory allocation failure",
    EAI_SYSTEM: "System error",
    EAI_OVERFLOW: "Result too large for supplied buffer",
    EAI_IDN_ENCODE: "Parameter string not correctly encoded",
}
H_MESSAGES = {
    0: "Resolver Error 0 (no error)",
    HOST_NOT_FOUND: "Unknown host",
    TRY_AGAIN: "Host name lookup failure",
    NO_RECOVERY: "Unknown server error",
    NO_DATA: "No address associated with name",
}
H_ERRNO = {
    RESOLVER_NOT_FOUND: HOST_NOT_FOUND,
    RESOLVER_TRY_AGAIN: TRY_AGAIN,
    RESOLVER_NO_RECOVERY: NO_RECOVERY,
    RESOLVER_NO_DATA: NO_DATA,
}
STATUS_OF = {HOST_NOT_FOUND: NOTFOUND, NO_DATA: NOTFOUND, TRY_AGAIN: TRYAGAIN, NO_RECOVERY: UNAVAIL}
EAI_OF = {HOST_NOT_FOUND: EAI_NONAME, NO_DATA: EAI_NODATA, TRY_AGAIN: EAI_AGAIN, NO_RECOVERY: EAI_FAIL}

KNOWN_AI = (
    AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG | AI_IDN | AI_CANONIDN
) | AI_NUMERICSERV
KNOWN_NI = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM | NI_IDN

# (type, protocol, protocol name): the kinds of socket in the order in which getaddrinfo lists them.
KINDS = (
    (SOCK_STREAM, IPPROTO_TCP, "tcp"),
    (SOCK_DGRAM, IPPROTO_UDP, "udp"),
    (SOCK_RAW, 0, None),
)


def gai_strerror(code):
    """const char *gai_strerror(int errcode)"""
    return MESSAGES.get(code, "Unknown error")


def hstrerror(code):
    """const char *hstrerror(int err)"""
    return H_MESSAGES.get(code, "Unknown resolver error")


def get_h_errno():
    """int h_errno: why the last gethostbyname or gethostbyaddr of this program failed."""
    return this().h_errno


class addrinfo:
    """struct addrinfo, one element of the list; only the first carries `ai_canonname`."""

    __slots__ = ("ai_flags", "ai_family", "ai_socktype", "ai_protocol", "ai_addr", "ai_canonname")

    def __init__(self, flags, socktype, protocol, addr, canonname):
        self.ai_flags = flags
        self.ai_family = AF_INET
        self.ai_socktype = socktype
        self.ai_protocol = protocol
        self.ai_addr = addr
        self.ai_canonname = canonname


# --- services and protocols ---


def getservbyname(name, proto=None):
    """struct servent *getservbyname(const char *name, const char *proto): a `servent`, or None; any protocol by None."""
    for entry in read_services():
        if (name == entry.s_name or name in entry.s_aliases) and proto in (None, entry.s_proto):
            return entry
    return None


def getservbyport(port, proto=None):
    """struct servent *getservbyport(int port, const char *proto): a `servent`, or None; `port` in host byte order."""
    return next((entry for entry in read_services() if entry.s_port == port and proto in (None, entry.s_proto)), None)


def getprotobyname(name):
    """struct protoent *getprotobyname(const char *name): a `protoent`, or None."""
    return next((entry for entry in read_protocols() if name == entry.p_name or name in entry.p_aliases), None)


def getprotobynumber(proto):
    """struct protoent *getprotobynumber(int proto): a `protoent`, or None."""
    return next((entry for entry in read_protocols() if entry.p_proto == proto), None)


# --- hosts ---


def is_address(name):
    """The value of an address in one of inet_aton's notations, or -1."""
    return parse_aton(name) if name[:1].isdigit() else -1


def from_files(name):
    """(hostent, 0) by /etc/hosts, or (None, h_errno)."""
    wanted = name.removesuffix(".").lower()
    names = []
    addresses = []
    for quad, known in read_hosts():
        if wanted in (alias.lower() for alias in known):
            names += known
            addresses.append(quad)
    if not addresses:
        return None, HOST_NOT_FOUND
    aliases = [alias for index, alias in enumerate(names) if index and alias not in names[:index]]
    return hostent(names[0], aliases, packed(addresses)), 0


def from_dns(name):
    """(hostent, 0) by the name servers, or (None, h_errno)."""
    answer, failure = search(name)
    if answer is None:
        return None, H_ERRNO[failure]
    return hostent(answer.canonical, answer.aliases, packed(answer.data)), 0


def packed(quads):
    return [parse_aton(quad).to_bytes(4, "big") for quad in quads]


def by_sources(lookups, name):
    """Ask the sources of nsswitch.conf in order: (hostent, 0), or (None, h_errno)."""
    best = HOST_NOT_FOUND
    for source, rules in host_sources():
        if source not in lookups:
            continue
        found, failure = lookups[source](name)
        if stops(rules, SUCCESS if found is not None else STATUS_OF[failure]):
            return found, failure
        best = failure or best
    return None, best


def find_host(name):
    """(hostent, 0), or (None, h_errno), for a name or an address."""
    value = is_address(name)
    if value >= 0:
        return hostent(name, [], [value.to_bytes(4, "big")]), 0
    if not name or len(name) > MAX_HOST_NAME or not name.isascii() or "\0" in name:
        return None, HOST_NOT_FOUND
    found, failure = by_sources({"files": from_files, "dns": from_dns}, name)
    # A name that no server can be asked for does not exist.
    return found, HOST_NOT_FOUND if failure == NO_RECOVERY and encode_name(name) is None else failure


def gethostbyname(name):
    """struct hostent *gethostbyname(const char *name): a `hostent`, or None with h_errno set."""
    found, this().h_errno = find_host(name)
    return found


def gethostbyname2(name, af):
    """struct hostent *gethostbyname2(const char *name, int af): a `hostent`, or None with h_errno set."""
    if af != AF_INET:
        this().h_errno = NO_DATA
        return None
    return gethostbyname(name)


def reverse_from_files(quad):
    for known, names in read_hosts():
        if known == quad:
            return hostent(names[0], names[1:], packed([quad])), 0
    return None, HOST_NOT_FOUND


def reverse_from_dns(quad):
    answer, failure = search(reverse_name(quad) + ".", TYPE_PTR)
    if answer is None:
        return None, H_ERRNO[failure]
    return hostent(answer.data[0], answer.data[1:], packed([quad])), 0


def gethostbyaddr(addr, family=AF_INET):
    """struct hostent *gethostbyaddr(const void *addr, socklen_t len, int type): `addr` is four bytes.

    A `hostent`, or None with h_errno set.
    """
    if family != AF_INET or len(addr) != 4:
        this().h_errno = NO_RECOVERY
        return None
    quad = format_quad(int.from_bytes(addr, "big"))
    found, this().h_errno = by_sources({"files": reverse_from_files, "dns": reverse_from_dns}, quad)
    return found


# --- getaddrinfo and getnameinfo ---


def numeric_service(service):
    """What strtoul(3) makes of all of `service`: a number, -1 when it is negative as an int, None when it is a name."""
    text = service.lstrip(" \t\n\v\f\r")
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or not digits.isascii() or not digits.isdigit():
        return None
    value = min(int(digits[:25]), (1 << 64) - 1)
    value = (-value if text[0] == "-" and value < (1 << 64) - 1 else value) & 0xFFFFFFFF
    return value if value < 1 << 31 else -1


def service_kinds(service, socktype, protocol, flags):
    """([(type, protocol, port)], 0) that the hints and the service allow, or ([], EAI_*)."""
    chosen = [
        kind
        for kind in KINDS
        if socktype in (0, kind[0]) and (protocol in (0, kind[1]) or kind[0] == SOCK_RAW)
    ]
    if not chosen:
        return [], EAI_SOCKTYPE if socktype else EAI_SERVICE
    if socktype or protocol:
        # Where hints are given the first kind that fits is the only one.
        chosen = chosen[:1]
    number = numeric_service(service) if service else 0
    if number is not None and number >= 0:
        if service and (socktype or protocol) and chosen[0][0] == SOCK_RAW:
            return [], EAI_SERVICE
        return [(kind, protocol if kind == SOCK_RAW else proto, number & 0xFFFF) for kind, proto, _ in chosen], 0
    if flags & AI_NUMERICSERV and number is None:
        return [], EAI_NONAME
    found = []
    for kind, proto, name in chosen:
        entry = None if name is None else getservbyname(service, name)
        if entry is not None:
            found.append((kind, proto, entry.s_port))
    return found, 0 if found else EAI_SERVICE


def has_address():
    """AI_ADDRCONFIG: whether an interface has an address that is not the loopback's own."""
    found = ifconf()
    return found != -1 and any(quad != "127.0.0.1" for _, quad in found)


def node_addresses(node, family, flags):
    """(canonical name, [address bytes], 0), or (None, [], EAI_*)."""
    value = is_address(node)
    if value >= 0:
        if family == AF_INET6:
            return None, [], EAI_ADDRFAMILY
        return node, [value.to_bytes(4, "big")], 0
    if flags & AI_NUMERICHOST or not node:
        return None, [], EAI_NONAME
    if not node.isascii():
        return None, [], EAI_IDN_ENCODE if flags & AI_IDN else EAI_NONAME
    if family == AF_INET6:
        return None, [], EAI_ADDRFAMILY
    found, failure = find_host(node)
    if found is None:
        return None, [], EAI_OF[failure]
    return found.h_name, found.h_addr_list, 0


def getaddrinfo(node, service, family=AF_UNSPEC, socktype=0, protocol=0, flags=0):
    """int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)

    Returns (0, [addrinfo]) or (EAI_*, []).
    """
    node = None if node == "*" else node
    service = None if service == "*" else service
    if node is None and service is None:
        return EAI_NONAME, []
    if flags & ~KNOWN_AI or (flags & AI_CANONNAME and node is None):
        return EAI_BADFLAGS, []
    if family not in (AF_UNSPEC, AF_INET, AF_INET6):
        return EAI_FAMILY, []
    if flags & AI_ADDRCONFIG and family == AF_INET and not has_address():
        return EAI_NONAME, []
    kinds, failure = service_kinds(service, socktype, protocol, flags)
    if failure:
        return failure, []
    if node is None:
        if family == AF_INET6:
            return EAI_ADDRFAMILY, []
        canonical, addresses = None, [bytes(4) if flags & AI_PASSIVE else b"\x7f\0\0\1"]
    else:
        canonical, addresses, failure = node_addresses(node, family, flags)
        if failure:
            return failure, []
    results = [
        addrinfo(flags, kind, proto, sockaddr_in(int.from_bytes(address, "big"), port), None)
        for address in addresses
        for kind, proto, port in kinds
    ]
    if flags & AI_CANONNAME:
        results[0].ai_canonname = canonical
    return 0, results


def getnameinfo(addr, flags=0):
    """int getnameinfo(const struct sockaddr *addr, ...): (0, host, service), or (EAI_*, None, None)."""
    if flags & ~KNOWN_NI:
        return EAI_BADFLAGS, None, None
    if len(addr) < 16 or sockaddr_family(addr) != AF_INET:
        return EAI_FAMILY, None, None
    host, port = sockaddr_in_pair(addr)
    if flags & NI_NUMERICHOST:
        if flags & NI_NAMEREQD:
            return EAI_NONAME, None, None
    else:
        found = gethostbyaddr(bytes(addr[4:8]))
        if found is None:
            if flags & NI_NAMEREQD:
                return EAI_AGAIN if this().h_errno == TRY_AGAIN else EAI_NONAME, None, None
        else:
            host = local_part(found.h_name) if flags & NI_NOFQDN else found.h_name
    service = str(port)
    if not flags & NI_NUMERICSERV:
        entry = getservbyport(port, "udp" if flags & NI_DGRAM else "tcp")
        service = service if entry is None else entry.s_name
    return 0, host, service


def local_part(name):
    """NI_NOFQDN: the name without the domain, where the domain is this host's own."""
    host = uname()
    domain = host[1].partition(".")[2] if host != -1 else ""
    return name.removesuffix("." + domain) if domain else name
