"""The files behind <netdb.h>: hosts(5), services(5), protocols(5), nsswitch.conf(5), read anew at each call."""

from userland.abi.socket import AF_INET
from userland.libc.inet import format_quad, parse_aton
from userland.libc.unistd import read_text

# nsswitch.conf(5): what a lookup in one source can end with.
SUCCESS, NOTFOUND, UNAVAIL, TRYAGAIN = "success", "notfound", "unavail", "tryagain"
STATUSES = (SUCCESS, NOTFOUND, UNAVAIL, TRYAGAIN)
DEFAULT_SOURCES = (("files", ()), ("dns", ()))


class hostent:
    """struct hostent: `h_addr_list` holds four bytes for each address."""

    __slots__ = ("h_name", "h_aliases", "h_addrtype", "h_length", "h_addr_list")

    def __init__(self, name, aliases, addresses):
        self.h_name = name
        self.h_aliases = aliases
        self.h_addrtype = AF_INET
        self.h_length = 4
        self.h_addr_list = addresses


class servent:
    """struct servent: `s_port` in host byte order (in C it is in network order)."""

    __slots__ = ("s_name", "s_aliases", "s_port", "s_proto")

    def __init__(self, name, aliases, port, proto):
        self.s_name = name
        self.s_aliases = aliases
        self.s_port = port
        self.s_proto = proto


class protoent:
    """struct protoent."""

    __slots__ = ("p_name", "p_aliases", "p_proto")

    def __init__(self, name, aliases, proto):
        self.p_name = name
        self.p_aliases = aliases
        self.p_proto = proto


def rows(text):
    """The words of each line that holds at least two, comments left out."""
    found = []
    for line in text.split("\n"):
        words = line.split("#", 1)[0].split()
        if len(words) > 1:
            found.append(words)
    return found


def rows_of(path):
    text = read_text(path)
    return [] if text == -1 else rows(text)


def decimal(text, limit):
    """A plain decimal number below `limit`, or -1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) < limit else -1


def parse_hosts(text):
    """[(dotted quad, [names])] of hosts(5) text; lines that are not IPv4 are passed over."""
    entries = []
    for words in rows(text):
        value = parse_aton(words[0]) if words[0].count(".") == 3 else -1
        if value >= 0:
            entries.append((format_quad(value), words[1:]))
    return entries


def read_hosts():
    """`parse_hosts` of /etc/hosts."""
    text = read_text("/etc/hosts")
    return [] if text == -1 else parse_hosts(text)


def read_services():
    """[servent] of /etc/services."""
    found = []
    for words in rows_of("/etc/services"):
        port, slash, protocol = words[1].partition("/")
        number = decimal(port, 65536)
        if slash and number >= 0:
            found.append(servent(words[0], words[2:], number, protocol))
    return found


def read_protocols():
    """[protoent] of /etc/protocols."""
    found = []
    for words in rows_of("/etc/protocols"):
        number = decimal(words[1], 256)
        if number >= 0:
            found.append(protoent(words[0], words[2:], number))
    return found


def parse_nsswitch(text, database="hosts"):
    """((source, ((status, stop?) ...)) ...) of one line of nsswitch.conf; the default where it says nothing usable."""
    for line in text.split("\n"):
        name, colon, rest = line.split("#", 1)[0].partition(":")
        if colon and name.strip() == database:
            sources = parse_sources(rest.replace("[", " [ ").replace("]", " ] ").split())
            return sources or DEFAULT_SOURCES
    return DEFAULT_SOURCES


def parse_sources(words):
    sources = []
    inside = False
    for word in words:
        if word in ("[", "]"):
            inside = word == "["
        elif not inside:
            sources.append((word, ()))
        elif sources:
            status, equals, action = word.lower().partition("=")
            negated = status.startswith("!")
            if not equals or status.removeprefix("!") not in STATUSES or action not in ("return", "continue"):
                continue
            meant = [known for known in STATUSES if (known == status.removeprefix("!")) != negated]
            rules = tuple((known, action == "return") for known in meant)
            sources[-1] = (sources[-1][0], sources[-1][1] + rules)
    return tuple(sources)


def host_sources():
    """`parse_nsswitch` of /etc/nsswitch.conf."""
    text = read_text("/etc/nsswitch.conf")
    return parse_nsswitch("" if text == -1 else text)


def stops(rules, status):
    """Whether the search ends behind a source that answered with `status`; the last rule counts."""
    verdict = status == SUCCESS
    for known, stop in rules:
        if known == status:
            verdict = stop
    return verdict
