"""dig: asks a name server and shows its whole answer, in the manner of BIND's."""

from userland import libc
from userland.libc import dns
from userland.libc.inet import parse_quad
from userland.libc.resolver import DNS_PORT, ask, read_config

USAGE = "dig [@SERVER] [-p PORT] [-x ADDRESS | NAME] [TYPE] [+short|+tcp|+norecurse|+noedns|+noall|+answer|+time=N|+tries=N ...]"
TYPES = {name: number for number, name in dns.TYPE_NAMES.items()}
NO_ANSWER, WRONG = 9, 1
SECTIONS = ("cmd", "comments", "question", "answer", "authority", "additional", "stats")
FLAGS = (("qr", 0x8000), ("aa", 0x0400), ("tc", 0x0200), ("rd", 0x0100), ("ra", 0x0080), ("ad", 0x0020), ("cd", 0x0010))


class Query:
    """What the command line asks for."""

    def __init__(self):
        self.server = None
        self.port = DNS_PORT
        self.name = None
        self.kind = None
        self.short = False
        self.use_tcp = False
        self.recurse = True
        self.edns = True
        self.timeout = 5
        self.tries = 3
        self.shown = dict.fromkeys(SECTIONS, True)

    def option(self, word):
        """A +word; UsageError for one that is not known."""
        name, equals, value = word.partition("=")
        on = not name.startswith("no")
        bare = name if on else name[2:]
        if bare == "short":
            self.short = on
        elif bare in ("tcp", "vc"):
            self.use_tcp = on
        elif bare in ("recurse", "rec"):
            self.recurse = on
        elif bare == "edns":
            self.edns = on
        elif bare == "all":
            self.shown = dict.fromkeys(SECTIONS, on)
        elif bare in self.shown:
            self.shown[bare] = on
        elif name in ("time", "tries") and equals:
            amount = libc.integer(value, 1, 60)
            if name == "time":
                self.timeout = amount
            else:
                self.tries = amount
        else:
            raise libc.UsageError(f"invalid option: +{word} (usage: {USAGE})")


def parse(argv):
    """A `Query`; UsageError."""
    query = Query()
    words = argv[1:]
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--help":
            raise libc.UsageError(f"usage: {USAGE}")
        if word.startswith("@"):
            query.server = word[1:]
        elif word.startswith("+"):
            query.option(word[1:])
        elif word in ("-p", "-x", "-t", "-q"):
            if index >= len(words):
                raise libc.UsageError(f"option requires an argument -- '{word[1:]}' (usage: {USAGE})")
            argument(query, word, words[index])
            index += 1
        elif word.startswith("-"):
            raise libc.UsageError(f"invalid option -- '{word[1:]}' (usage: {USAGE})")
        elif word.upper() in TYPES and (query.name is not None or "." not in word) and query.kind is None:
            query.kind = TYPES[word.upper()]
        elif word.upper() != "IN":
            query.name = word
    query.name = "." if query.name is None else query.name
    if query.kind is None:
        query.kind = dns.TYPE_NS if query.name == "." else dns.TYPE_A
    return query


def argument(query, option, value):
    if option == "-p":
        query.port = libc.integer(value, 1, 65535)
    elif option == "-q":
        query.name = value
    elif option == "-t":
        if value.upper() not in TYPES:
            raise libc.UsageError(f"unknown type '{value}'")
        query.kind = TYPES[value.upper()]
    else:
        if parse_quad(value) < 0:
            raise libc.UsageError(f"invalid address {value}")
        query.name = dns.reverse_name(value)
        query.kind = dns.TYPE_PTR


def row(record):
    """A record as a zone file has it."""
    name = f"{record.name}."
    kind = dns.TYPE_NAMES.get(record.kind, f"TYPE{record.kind}")
    tabs = "\t" * max(1, 3 - len(name) // 8)
    return f"{name}{tabs}{record.ttl}\tIN\t{kind}\t{record.text()}"


def report(query, response):
    """The text of an answer."""
    kind = dns.TYPE_NAMES[query.kind]
    if query.short:
        return "".join(f"{record.text()}\n" for record in response.answers)
    parts = []
    code = dns.RCODE_NAMES[response.rcode] if response.rcode < len(dns.RCODE_NAMES) else str(response.rcode)
    edns = [record for record in response.additional if record.kind == dns.TYPE_OPT]
    additional = [record for record in response.additional if record.kind != dns.TYPE_OPT]
    if query.shown["comments"]:
        flags = " ".join(name for name, bit in FLAGS if response.flags & bit)
        counts = f"ANSWER: {len(response.answers)}, AUTHORITY: {len(response.authority)}, ADDITIONAL: {len(response.additional)}"
        parts.append(
            f";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {code}, id: {response.ident}\n"
            f";; flags: {flags}; QUERY: 1, {counts}\n"
        )
        if edns:
            parts.append(f";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: {edns[0].klass}\n")
    if query.shown["question"]:
        name = f";{query.name.removesuffix('.')}."
        parts.append(f";; QUESTION SECTION:\n{name}{chr(9) * max(1, 4 - len(name) // 8)}IN\t{kind}\n\n")
    for title, records in (("answer", response.answers), ("authority", response.authority), ("additional", additional)):
        if records and query.shown[title]:
            head = f";; {title.upper()} SECTION:\n" if query.shown["comments"] else ""
            tail = "\n" if query.shown["comments"] else ""
            parts.append(head + "".join(f"{row(record)}\n" for record in records) + tail)
    return "".join(parts)


def statistics(query, server, started):
    elapsed = (libc.clock_gettime_ns() - started) // 1000000
    transport = "TCP" if query.use_tcp else "UDP"
    return f";; Query time: {elapsed} msec\n;; SERVER: {server}#{query.port}({server}) ({transport})\n"


def servers_of(query):
    """The dotted quads to ask, or None with the reason printed."""
    if query.server is None:
        return read_config().servers
    code, found = libc.getaddrinfo(query.server, None, libc.AF_INET, libc.SOCK_DGRAM)
    if code:
        libc.eputs(f"dig: couldn't get address for '{query.server}': {libc.gai_strerror(code)}")
        return None
    return [libc.sockaddr_in_pair(info.ai_addr)[0] for info in found]


def main(argv):
    try:
        query = parse(argv)
    except libc.UsageError as error:
        libc.eputs(f"dig: {error}")
        return 2
    if dns.encode_query(0, query.name, query.kind) is None:
        libc.eputs(f"dig: '{query.name}' is not a legal name")
        return WRONG
    servers = servers_of(query)
    if servers is None:
        return WRONG
    if query.shown["cmd"] and not query.short:
        libc.puts(f"\n; <<>> DiG (hwemu) <<>> {' '.join(argv[1:])}\n;; global options: +cmd")
    started = libc.clock_gettime_ns()
    for _ in range(query.tries):
        for server in servers:
            response = ask(
                server, query.name, query.kind, query.timeout, query.edns, query.use_tcp, query.port, query.recurse
            )
            if response is not None:
                text = report(query, response)
                if query.shown["stats"] and not query.short:
                    text += statistics(query, server, started) + "\n"
                libc.fputs(text)
                return 0
    libc.puts(";; no servers could be reached\n" if query.short else "\n;; connection timed out; no servers could be reached")
    return NO_ANSWER
