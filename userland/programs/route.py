"""route: shows and changes the routing table, in the old manner."""

from userland import libc
from userland.net.tables import parse_prefix, prefix_mask
from userland.programs.netstat import show_routes
from userland.text.files import options_of

USAGE = "route [-n] | route add|del [-net|-host] TARGET|default [netmask MASK] [gw GATEWAY] [metric N] [[dev] DEVICE]"


def main(argv):
    words = [word for word in argv[1:] if word not in ("-n", "-net", "-host")]
    if options_of("route", ["route", *words], "", USAGE) is None:
        return 2
    if not words:
        return show_routes()
    host = "-host" in argv
    try:
        request = {"add": libc.SIOCADDRT, "del": libc.SIOCDELRT}.get(words[0])
        if request is None or len(words) < 2:
            raise libc.UsageError(f"usage: {USAGE}")
        values = parse(words[2:])
        prefix = ("0.0.0.0", 0) if words[1] == "default" else parse_prefix(words[1])
        if prefix is None:
            raise libc.UsageError(f"{words[1]}: not an address")
    except libc.UsageError as error:
        libc.eputs(f"route: {error}")
        return 2
    target, length = prefix
    mask = values.get("netmask") or prefix_mask(32 if host else length)
    gateway = values.get("gw")
    flags = libc.RTF_UP | (libc.RTF_GATEWAY if gateway else 0) | (libc.RTF_HOST if mask == "255.255.255.255" else 0)
    metric = int(values.get("metric", "0"))
    if libc.route_request(request, target, mask, gateway, values.get("dev"), flags, metric) < 0:
        libc.perror(f"route: {'SIOCADDRT' if words[0] == 'add' else 'SIOCDELRT'}")
        return 1
    return 0


def parse(words):
    """{netmask, gw, metric, dev} of the words behind the target; UsageError."""
    values = {}
    position = 0
    while position < len(words):
        word = words[position]
        if word in ("netmask", "gw", "metric", "dev"):
            if position + 1 >= len(words):
                raise libc.UsageError(f"usage: {USAGE}")
            value = words[position + 1]
            position += 2
            if word in ("netmask", "gw") and libc.inet_pton(libc.AF_INET, value) is None:
                raise libc.UsageError(f"{value}: not an address")
            if word == "metric":
                libc.integer(value, 0, 1 << 30)
            values[word] = value
        else:
            values["dev"] = word
            position += 1
    return values
