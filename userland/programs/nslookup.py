"""nslookup: asks the name servers."""

from userland import libc
from userland.libc.dns import RCODE_NAMES, TYPE_A, TYPE_CNAME, TYPE_PTR, encode_query, reverse_name
from userland.libc.inet import parse_quad
from userland.libc.resolver import ask, read_config

USAGE = "nslookup NAME|ADDRESS [SERVER]"


def main(argv):
    if not 2 <= len(argv) <= 3 or argv[1].startswith("-"):
        libc.eputs(f"usage: {USAGE}")
        return 2
    name = argv[1]
    config = read_config()
    if len(argv) == 3:
        found = libc.gethostbyname(argv[2])
        if found is None:
            libc.eputs(f"nslookup: couldn't get address for '{argv[2]}': not found")
            return 1
        config.servers = [libc.inet_ntoa(found.h_addr_list[0])]
    reverse = parse_quad(name) >= 0
    names = [reverse_name(name)] if reverse else config.candidates(name)
    kind = TYPE_PTR if reverse else TYPE_A
    if encode_query(0, names[0], kind) is None:
        libc.eputs(f"nslookup: '{name}' is not a legal name")
        return 1
    return look_up(config, name, names, kind)


def look_up(config, name, names, kind):
    """Ask for each candidate name until one has an answer; the exit status."""
    failure = None
    for candidate in names:
        response = None
        for _ in range(config.attempts):
            for server in config.servers:
                response = ask(server, candidate, kind, config.timeout)
                if response is not None:
                    break
            if response is not None:
                break
        if response is None:
            libc.puts(";; connection timed out; no servers could be reached\n")
            return 1
        if response.rcode == 0 and any(record.kind in (kind, TYPE_CNAME) for record in response.answers):
            libc.fputs(answer_text(server, kind, name, response.answers))
            return 0
        code = RCODE_NAMES[response.rcode] if response.rcode < len(RCODE_NAMES) else str(response.rcode)
        failure = f"** server can't find {candidate}: {code if response.rcode else 'No answer'}\n"
    libc.puts(failure)
    return 1


def answer_text(server, kind, name, answers):
    """What nslookup prints for an answer."""
    lines = [f"Server:\t\t{server}", f"Address:\t{server}#53", "", "Non-authoritative answer:"]
    for record in answers:
        if record.kind == TYPE_CNAME:
            lines.append(f"{record.name}\tcanonical name = {record.data}.")
        elif record.kind == TYPE_PTR and kind == TYPE_PTR:
            lines.append(f"{record.name}\tname = {record.data}.")
        elif record.kind == TYPE_A and kind == TYPE_A:
            lines += [f"Name:\t{record.name or name}", f"Address: {record.data}"]
    return "\n".join(lines) + "\n\n"
