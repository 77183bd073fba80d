"""ip: addresses, links, routes and neighbours, in the manner of iproute2, by ioctl and /proc/net."""

from userland import libc
from userland.libc.inet import parse_quad
from userland.net.tables import interface_counters, neighbours, parse_prefix, prefix_length, prefix_mask, routes, vlans

USAGE = "ip [-br] [-s] { addr | link | route | neigh } { show | add | del | set } ..."
FLAG_NAMES = (
    (libc.IFF_LOOPBACK, "LOOPBACK"),
    (libc.IFF_BROADCAST, "BROADCAST"),
    (libc.IFF_POINTOPOINT, "POINTOPOINT"),
    (libc.IFF_NOARP, "NOARP"),
    (libc.IFF_MULTICAST, "MULTICAST"),
    (libc.IFF_PROMISC, "PROMISC"),
    (libc.IFF_ALLMULTI, "ALLMULTI"),
    (libc.IFF_UP, "UP"),
)
OBJECTS = ("address", "link", "route", "neighbour")


class Failed(Exception):
    """The kernel refused; the text is what ip prints."""


def main(argv):
    words = argv[1:]
    brief = statistics = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-br", "-brief"):
            brief = True
        elif option in ("-s", "-stats", "-statistics"):
            statistics = True
        elif option != "-4":
            libc.eputs(f"usage: {USAGE}")
            return 2
    if not words:
        libc.eputs(f"usage: {USAGE}")
        return 2
    kind = next((name for name in OBJECTS if name.startswith(words[0])), None)
    if kind is None:
        libc.eputs(f'Object "{words[0]}" is unknown, try "ip --help".')
        return 2
    try:
        return run(kind, words[1:], brief, statistics)
    except libc.UsageError as error:
        libc.eputs(f"ip: {error}")
        return 2
    except Failed as error:
        libc.eputs(str(error))
        return 2


def run(kind, words, brief, statistics):
    verb = words[0] if words else "show"
    rest = words[1:]
    if "show".startswith(verb) or "list".startswith(verb) or verb == "lst":
        device = device_filter(rest)
        if kind in ("address", "link"):
            show_links(device, brief, statistics, kind == "address")
        elif kind == "route":
            show_routes(device)
        else:
            show_neighbours(device)
        return 0
    actions = {
        ("address", "add"): address_add,
        ("address", "del"): address_del,
        ("address", "flush"): address_flush,
        ("link", "add"): link_add,
        ("link", "del"): link_del,
        ("link", "set"): link_set,
        ("route", "add"): route_add,
        ("route", "del"): route_del,
        ("route", "get"): route_get,
        ("neighbour", "add"): neighbour_add,
        ("neighbour", "del"): neighbour_del,
    }
    verbs = {"delete": "del", "replace": "add"}
    action = actions.get((kind, verbs.get(verb, verb)))
    if action is None:
        raise libc.UsageError(f'Command "{verb}" is unknown, try "ip {kind} help".')
    action(rest)
    return 0


def device_filter(words):
    """The device of `show [dev] NAME`, or None for all."""
    names = [word for word in words if word != "dev"]
    if not names:
        return None
    if names[0] not in libc.if_names():
        raise Failed(f'Device "{names[0]}" does not exist.')
    return names[0]


def options_of(words, known):
    """({keyword: value}, [words that are no keyword's]) of ip's keyword-value pairs."""
    found = {}
    plain = []
    index = 0
    while index < len(words):
        word = words[index]
        if word in known:
            if index + 1 >= len(words):
                raise libc.UsageError(f'Command line is not complete. "{word}" needs a value.')
            found[word] = words[index + 1]
            index += 2
        else:
            plain.append(word)
            index += 1
    return found, plain


def check(result, what="RTNETLINK answers"):
    if result is None or result == -1:
        raise Failed(f"{what}: {libc.strerror(libc.errno)}")


# --- showing ---


def show_links(device, brief, statistics, addresses):
    known = dict.fromkeys(libc.if_names())
    entries = libc.getifaddrs() if addresses else []
    by_name = {} if entries == -1 else {entry.ifa_name: entry for entry in entries}
    counters = interface_counters() if statistics else {}
    parents = vlans()
    for name in known:
        if device is not None and name != device:
            continue
        entry = by_name.get(name)
        if brief:
            libc.puts(brief_line(name, shown_name(name, parents), entry, addresses))
            continue
        for line in link_lines(name, shown_name(name, parents)):
            libc.puts(line)
        if entry is not None:
            libc.puts(address_line(name, entry))
            libc.puts("       valid_lft forever preferred_lft forever")
        if name in counters:
            show_counters(counters[name])


def flag_text(flags):
    names = [name for bit, name in FLAG_NAMES if flags & bit]
    if flags & libc.IFF_RUNNING:
        names.append("LOWER_UP")
    elif flags & libc.IFF_UP:
        names.insert(0, "NO-CARRIER")
    return ",".join(names)


def state_text(flags):
    if flags & libc.IFF_LOOPBACK:
        return "UNKNOWN" if flags & libc.IFF_UP else "DOWN"
    return "UP" if flags & libc.IFF_UP and flags & libc.IFF_RUNNING else "DOWN"


def shown_name(name, parents):
    """A VLAN's interface is shown with the one that it is on."""
    return f"{name}@{parents[name][1]}" if name in parents else name


def link_lines(name, shown):
    flags = max(0, libc.get_flags(name))
    loopback = flags & libc.IFF_LOOPBACK
    hardware = libc.get_hardware(name)
    address = hardware[1] if hardware is not None else bytes(6)
    queue = libc.get_int(name, libc.SIOCGIFTXQLEN)
    yield (
        f"{libc.if_nametoindex(name)}: {shown}: <{flag_text(flags)}> mtu {libc.get_mtu(name)} "
        f"qdisc {'pfifo' if queue > 0 else 'noqueue'} state {state_text(flags)} group default"
        + (f" qlen {queue}" if queue > 0 else "")
    )
    kind = "loopback" if loopback else "ether"
    broadcast = bytes(6) if loopback else b"\xff" * 6
    yield f"    link/{kind} {libc.ether_ntoa(address)} brd {libc.ether_ntoa(broadcast)}"


def address_line(name, entry):
    flags = entry.ifa_flags
    length = prefix_length(entry.ifa_netmask or "255.255.255.255")
    broadcast = ""
    if flags & libc.IFF_BROADCAST and entry.ifa_broadaddr not in (None, "0.0.0.0"):
        broadcast = f" brd {entry.ifa_broadaddr}"
    scope = "host" if flags & libc.IFF_LOOPBACK else "global"
    return f"    inet {entry.ifa_addr}/{length}{broadcast} scope {scope} {name}"


def brief_line(name, shown, entry, addresses):
    flags = max(0, libc.get_flags(name))
    text = f"{shown:<16} {state_text(flags):<14}"
    if addresses:
        if entry is not None:
            text += f" {entry.ifa_addr}/{prefix_length(entry.ifa_netmask or '255.255.255.255')}"
    else:
        hardware = libc.get_hardware(name)
        text += f" {libc.ether_ntoa(hardware[1] if hardware else bytes(6))} <{flag_text(flags)}>"
    return text.rstrip()


def show_counters(values):
    rows = (
        ("    RX:  bytes packets errors dropped  missed   mcast", (0, 1, 2, 3, 4, 7)),
        ("    TX:  bytes packets errors dropped carrier collsns", (8, 9, 10, 11, 14, 13)),
    )
    for title, columns in rows:
        libc.puts(title)
        widths = (14, 8, 7, 8, 8, 8)
        cells = [f"{values[column]:>{width - 1}}" for column, width in zip(columns, widths, strict=True)]
        libc.puts(" " + " ".join(cells).rstrip())


def show_routes(device):
    for route in sorted(routes(), key=lambda r: (r.length != 0, r.metric, r.destination)):
        if device is not None and route.device != device:
            continue
        target = "default" if route.length == 0 else route.destination
        if 0 < route.length < 32:
            target += f"/{route.length}"
        text = target
        if route.flags & libc.RTF_REJECT:
            libc.puts(f"unreachable {target}")
            continue
        if route.flags & libc.RTF_GATEWAY:
            text += f" via {route.gateway}"
        text += f" dev {route.device}"
        if not route.flags & libc.RTF_GATEWAY:
            source = libc.get_address(route.device)
            netmask = libc.get_address(route.device, libc.SIOCGIFNETMASK)
            # A route to the network of the interface's own address is the kernel's doing.
            own = source is not None and route.length == prefix_length(netmask or "") and route.matches(parse_quad(source))
            text += (" proto kernel" if own else "") + " scope link" + (f" src {source}" if own else "")
        libc.puts(text + (f" metric {route.metric}" if route.metric else ""))


def show_neighbours(device):
    for entry in neighbours():
        if device is not None and entry.device != device:
            continue
        state = "PERMANENT" if entry.flags & libc.ATF_PERM else "REACHABLE" if entry.flags & libc.ATF_COM else "INCOMPLETE"
        hardware = f" lladdr {entry.hardware}" if entry.flags & (libc.ATF_COM | libc.ATF_PERM) else ""
        libc.puts(f"{entry.address} dev {entry.device}{hardware} {state}")


# --- changing ---


def prefix_and_device(words):
    found, plain = options_of(words, ("dev", "brd", "broadcast", "local", "scope", "label"))
    if "local" in found:
        plain.append(found["local"])
    if len(plain) != 1:
        raise libc.UsageError("an address is required: ip addr add ADDRESS/LENGTH dev NAME")
    parsed = parse_prefix(plain[0])
    if parsed is None:
        raise libc.UsageError(f'Error: any valid prefix is expected rather than "{plain[0]}".')
    if "dev" not in found:
        raise libc.UsageError("Not enough information: \"dev\" argument is required.")
    return parsed, found


def address_add(words):
    (address, length), found = prefix_and_device(words)
    device = found["dev"]
    if libc.if_nametoindex(device) == 0:
        raise Failed(f'Cannot find device "{device}"')
    check(libc.set_address(device, libc.SIOCSIFADDR, address))
    check(libc.set_address(device, libc.SIOCSIFNETMASK, prefix_mask(length)))
    broadcast = found.get("brd", found.get("broadcast"))
    if broadcast not in (None, "+", "-"):
        check(libc.set_address(device, libc.SIOCSIFBRDADDR, broadcast))


def address_del(words):
    (address, _), found = prefix_and_device(words)
    if libc.get_address(found["dev"]) != address:
        raise Failed("RTNETLINK answers: Cannot assign requested address")
    check(libc.set_address(found["dev"], libc.SIOCSIFADDR, "0.0.0.0"))


def address_flush(words):
    device = device_filter(words)
    if device is None:
        raise libc.UsageError("Flush requires arguments.")
    if libc.get_address(device) is not None:
        check(libc.set_address(device, libc.SIOCSIFADDR, "0.0.0.0"))


def link_add(words):
    """link add link PARENT [name] NAME type vlan id N"""
    found, plain = options_of(words, ("link", "name", "type", "id", "protocol"))
    if "name" not in found and plain:
        found["name"] = plain.pop(0)
    if "type" not in found:
        raise libc.UsageError('Not enough information: "type" argument is required.')
    if found["type"] != "vlan":
        raise Failed("Error: Unknown device type.")
    if plain:
        raise libc.UsageError(f'Error: "{plain[0]}" is a garbage.')
    parent = found.get("link")
    if parent is None or "id" not in found:
        raise libc.UsageError("a link and an id are required: ip link add link PARENT name NAME type vlan id N")
    if libc.if_nametoindex(parent) == 0:
        raise Failed(f'Cannot find device "{parent}"')
    vid = libc.integer(found["id"], 0, 4095)
    name = found.get("name", f"{parent}.{vid}")
    if libc.if_nametoindex(name):
        raise Failed("RTNETLINK answers: File exists")
    check(libc.vlan_request(libc.ADD_VLAN_CMD, parent, vid))
    made = f"{parent}.{vid}"
    if name != made and libc.rename_interface(made, name) < 0:
        number = libc.errno
        libc.vlan_request(libc.DEL_VLAN_CMD, made)
        raise Failed(f"RTNETLINK answers: {libc.strerror(number)}")


def link_del(words):
    found, plain = options_of(words, ("dev", "type"))
    if "dev" not in found and plain:
        found["dev"] = plain.pop(0)
    device = found.get("dev")
    if device is None:
        raise libc.UsageError('Not enough information: "dev" argument is required.')
    if libc.if_nametoindex(device) == 0:
        raise Failed(f'Cannot find device "{device}"')
    if device not in vlans():
        raise Failed("RTNETLINK answers: Operation not supported")
    check(libc.vlan_request(libc.DEL_VLAN_CMD, device))


def link_set(words):
    found, plain = options_of(words, ("dev", "mtu", "address", "promisc", "allmulti", "arp", "multicast"))
    if "dev" not in found and plain:
        found["dev"] = plain.pop(0)
    device = found.get("dev")
    if device is None:
        raise libc.UsageError('Not enough information: "dev" argument is required.')
    if libc.if_nametoindex(device) == 0:
        raise Failed(f'Cannot find device "{device}"')
    if any(word not in ("up", "down") for word in plain):
        raise libc.UsageError(f'Error: either "dev" is duplicate, or "{plain[0]}" is a garbage.')
    if "down" in plain:
        check(libc.set_flags(device, 0, libc.IFF_UP))
    if "mtu" in found:
        check(libc.set_int(device, libc.SIOCSIFMTU, libc.integer(found["mtu"], 0, 65535)))
    if "address" in found:
        hardware = libc.ether_aton(found["address"])
        if hardware is None:
            raise libc.UsageError(f'"{found["address"]}" is invalid lladdr.')
        check(libc.set_hardware(device, hardware))
    for keyword, bit in (("promisc", libc.IFF_PROMISC), ("allmulti", libc.IFF_ALLMULTI)):
        if keyword in found:
            on = found[keyword] == "on"
            check(libc.set_flags(device, bit if on else 0, 0 if on else bit))
    if "up" in plain:
        check(libc.set_flags(device, libc.IFF_UP))


def route_arguments(words):
    found, plain = options_of(words, ("via", "dev", "metric", "mtu", "src", "scope", "proto", "table"))
    unreachable = bool(plain) and plain[0] in ("unreachable", "blackhole", "prohibit")
    if unreachable or (plain and plain[0] == "unicast"):
        plain = plain[1:]
    if len(plain) != 1:
        raise libc.UsageError("a destination is required: ip route add PREFIX [via GATEWAY] [dev NAME]")
    parsed = ("0.0.0.0", 0) if plain[0] == "default" else parse_prefix(plain[0])
    if parsed is None:
        raise libc.UsageError(f'Error: any valid prefix is expected rather than "{plain[0]}".')
    gateway = found.get("via")
    if gateway is not None and libc.inet_pton(libc.AF_INET, gateway) is None:
        raise libc.UsageError(f'Error: any valid address is expected rather than "{gateway}".')
    device = found.get("dev")
    if device is not None and libc.if_nametoindex(device) == 0:
        raise Failed(f'Cannot find device "{device}"')
    flags = libc.RTF_UP
    if gateway is not None:
        flags |= libc.RTF_GATEWAY
    if parsed[1] == 32:
        flags |= libc.RTF_HOST
    if unreachable:
        flags |= libc.RTF_REJECT
    metric = libc.integer(found.get("metric", "0"))
    return parsed[0], prefix_mask(parsed[1]), gateway, device, flags, metric, libc.integer(found.get("mtu", "0"))


def route_add(words):
    check(libc.route_request(libc.SIOCADDRT, *route_arguments(words)))


def route_del(words):
    check(libc.route_request(libc.SIOCDELRT, *route_arguments(words)))


def route_get(words):
    """The route the kernel takes: a connected UDP socket knows its own address."""
    if len(words) != 1 or libc.inet_pton(libc.AF_INET, words[0]) is None:
        raise libc.UsageError("need at least a destination address")
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    check(fd)
    result = libc.connect(fd, libc.sockaddr_in(words[0], 9))
    if result < 0:
        number = libc.errno
        libc.close(fd)
        raise Failed(f"RTNETLINK answers: {libc.strerror(number)}")
    source = libc.sockaddr_in_pair(libc.getsockname(fd))[0]
    libc.close(fd)
    target = int.from_bytes(libc.inet_aton(words[0]), "big")
    matching = [r for r in routes() if r.matches(target)]
    best = max(matching, key=lambda r: (r.length, -r.metric), default=None)
    if best is None:
        libc.puts(f"local {words[0]} dev lo src {source}")
        return
    via = f" via {best.gateway}" if best.flags & libc.RTF_GATEWAY else ""
    libc.puts(f"{words[0]}{via} dev {best.device} src {source}")


def neighbour_arguments(words):
    found, plain = options_of(words, ("dev", "lladdr", "nud"))
    if len(plain) != 1 or libc.inet_pton(libc.AF_INET, plain[0]) is None:
        raise libc.UsageError("an address is required: ip neigh add ADDRESS lladdr ADDRESS dev NAME")
    return plain[0], found


def neighbour_add(words):
    address, found = neighbour_arguments(words)
    hardware = libc.ether_aton(found.get("lladdr", ""))
    if hardware is None:
        raise libc.UsageError(f'"{found.get("lladdr", "")}" is invalid lladdr.')
    flags = libc.ATF_COM | (libc.ATF_PERM if found.get("nud", "permanent") == "permanent" else 0)
    check(libc.arp_request(libc.SIOCSARP, address, hardware, libc.ARPHRD_ETHER, flags, found.get("dev", "")))


def neighbour_del(words):
    address, found = neighbour_arguments(words)
    check(libc.arp_request(libc.SIOCDARP, address, b"", libc.ARPHRD_ETHER, 0, found.get("dev", "")))
