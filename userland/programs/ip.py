"""ip: interfaces, addresses, routes, rules and neighbours by rtnetlink, in the manner of iproute2 (ip(8))."""

from userland import libc
from userland.net.ip import addr, link, maddr, neigh, route, rule
from userland.net.ip.batch import run_batch
from userland.net.ip.monitor import monitor
from userland.net.ip.output import Failed, Options, Words
from userland.net.netlink import NetlinkError

USAGE = (
    "ip [-s[s]] [-d] [-br] [-o] [-j[p]] [-4] { [-force] -batch FILE | OBJECT COMMAND ... }"
    " with OBJECT one of link, address, route, rule, neigh, maddress, monitor, and COMMAND show, add, del, set, get, flush ..."
)
OBJECTS = {
    "address": addr.COMMANDS,
    "link": link.COMMANDS,
    "route": route.COMMANDS,
    "rule": rule.COMMANDS,
    "neighbour": neigh.COMMANDS,
    "neighbor": neigh.COMMANDS,
    "maddress": maddr.COMMANDS,
    "monitor": None,
}
SYNONYMS = {"list": "show", "lst": "show", "ls": "show", "remove": "delete"}


def parse_options(words, options):
    """Take the options off the front; the first that is unknown, or ""."""
    while words and words[0].startswith("-"):
        option = words.pop(0)
        name = option.lstrip("-")
        if name in ("s", "stats", "statistics"):
            options.statistics += 1
        elif name == "ss":
            options.statistics += 2
        elif name in ("d", "details"):
            options.details = True
        elif name in ("br", "brief"):
            options.brief = True
        elif name in ("o", "oneline"):
            options.oneline = True
        elif name in ("j", "json"):
            options.json = True
        elif name in ("p", "pretty"):
            options.pretty = True
        elif name in ("jp", "pj"):
            options.json = options.pretty = True
        elif name == "4" or (name in ("f", "family") and words and words[0] == "inet"):
            options.inet = True
            if name != "4":
                words.pop(0)
        elif name in ("b", "batch"):
            if not words:
                return "-help"
            options.batch = words.pop(0)
        elif name == "force":
            options.force = True
        elif name not in ("N", "Numeric"):
            return option
    return ""


def main(argv):
    words = argv[1:]
    options = Options()
    unknown = parse_options(words, options)
    if unknown and unknown.lstrip("-") not in ("h", "help"):
        libc.eputs(f'Option "{unknown}" is unknown, try "ip -help".')
        return 2
    if options.batch is not None and not unknown:
        return run_batch(options.batch, options.force, lambda line: command(options, line))
    if unknown or not words or words[0] == "help":
        libc.eputs(f"usage: {USAGE}")
        return 2
    return command(options, words)


def command(options, words):
    """One command: its exit status."""
    kind = next((name for name in OBJECTS if name.startswith(words[0])), None)
    if kind is None:
        libc.eputs(f'Object "{words[0]}" is unknown, try "ip help".')
        return 2
    options.links = {}
    try:
        with options.open():
            run(options, kind, words[1:])
    except (Failed, NetlinkError) as error:
        libc.eputs(str(error))
        return 2
    return 0


def run(options, kind, words):
    if OBJECTS[kind] is None:
        monitor(options, Words(words))
        return
    commands = OBJECTS[kind]
    verb = words[0] if words else "show"
    rest = words[1:]
    name = SYNONYMS.get(verb) or next((name for name in commands if name.startswith(verb)), None)
    if verb == "help":
        raise Failed(f"usage: ip {kind} {{ {' | '.join(commands)} }} ...")
    if name not in commands:
        raise Failed(f'Command "{verb}" is unknown, try "ip {kind} help".')
    commands[name](options, Words(rest))
