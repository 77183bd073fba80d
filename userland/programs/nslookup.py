"""nslookup: asks the name servers."""

from userland import libc
from userland.libc import dns
from userland.libc.inet import parse_quad
from userland.libc.resolver import ask, read_config

USAGE = "nslookup [-type=TYPE] [-port=PORT] [-timeout=SECONDS] [-retry=N] NAME|ADDRESS [SERVER]"
TYPES = {name: number for number, name in dns.TYPE_NAMES.items()}
WORDS = {
    dns.TYPE_MX: "mail exchanger",
    dns.TYPE_NS: "nameserver",
    dns.TYPE_TXT: "text",
    dns.TYPE_SRV: "service",
    dns.TYPE_SOA: "origin and numbers",
    dns.TYPE_HINFO: "CPU and OS",
}


def parse(argv, config):
    """(operands, type or None) of the command line, the options put into `config`; UsageError."""
    operands = []
    kind = None
    for word in argv[1:]:
        if not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, value = word[1:].partition("=")
        if name in ("type", "query", "q", "ty") and value.upper() in TYPES:
            kind = TYPES[value.upper()]
        elif name == "port" and equals:
            config.port = libc.integer(value, 1, 65535)
        elif name == "timeout" and equals:
            config.timeout = libc.integer(value, 1, 60)
        elif name == "retry" and equals:
            config.attempts = libc.integer(value, 1, 10)
        else:
            raise libc.UsageError(f"usage: {USAGE}")
    if not 1 <= len(operands) <= 2:
        raise libc.UsageError(f"usage: {USAGE}")
    return operands, kind


def main(argv):
    config = read_config()
    try:
        operands, kind = parse(argv, config)
    except libc.UsageError as error:
        libc.eputs(f"nslookup: {error}")
        return 2
    name = operands[0]
    if len(operands) == 2:
        found = libc.gethostbyname(operands[1])
        if found is None:
            libc.eputs(f"nslookup: couldn't get address for '{operands[1]}': not found")
            return 1
        config.servers = [libc.inet_ntoa(found.h_addr_list[0])]
    reverse = kind is None and parse_quad(name) >= 0
    names = [dns.reverse_name(name)] if reverse else config.candidates(name)
    kind = dns.TYPE_PTR if reverse else dns.TYPE_A if kind is None else kind
    if dns.encode_query(0, names[0], kind) is None:
        libc.eputs(f"nslookup: '{name}' is not a legal name")
        return 1
    return look_up(config, name, names, kind)


def first_answer(config, name, kind):
    """(server, Response) of the first server that answers, or (None, None)."""
    for _ in range(config.attempts):
        for server in config.servers:
            response = ask(server, name, kind, config.timeout, config.edns, config.use_tcp, config.port)
            if response is not None:
                return server, response
    return None, None


def look_up(config, name, names, kind):
    """Ask for each candidate name until one has an answer; the exit status."""
    failure = None
    for candidate in names:
        server, response = first_answer(config, candidate, kind)
        if response is None:
            libc.puts(";; connection timed out; no servers could be reached\n")
            return 1
        if response.rcode == 0 and any(r.kind in (kind, dns.TYPE_CNAME) or kind == dns.TYPE_ANY for r in response.answers):
            libc.fputs(answer_text(f"{server}#{config.port}", server, kind, name, response))
            return 0
        code = dns.RCODE_NAMES[response.rcode] if response.rcode < len(dns.RCODE_NAMES) else str(response.rcode)
        failure = f"** server can't find {candidate}: {code if response.rcode else 'No answer'}\n"
    libc.puts(failure)
    return 1


def answer_text(address, server, kind, name, response):
    """What nslookup prints for an answer."""
    lines = [f"Server:\t\t{server}", f"Address:\t{address}", ""]
    if not response.flags & dns.FLAG_AUTHORITATIVE:
        lines.append("Non-authoritative answer:")
    for record in response.answers:
        if record.kind == dns.TYPE_CNAME:
            lines.append(f"{record.name}\tcanonical name = {record.data}.")
        elif record.kind == dns.TYPE_PTR:
            lines.append(f"{record.name}\tname = {record.data}.")
        elif record.kind in (dns.TYPE_A, dns.TYPE_AAAA):
            lines += [f"Name:\t{record.name or name}", f"Address: {record.data}"]
        else:
            word = WORDS.get(record.kind, f"TYPE{record.kind}")
            lines.append(f"{record.name}\t{word} = {record.text()}")
    return "\n".join(lines) + "\n\n"
