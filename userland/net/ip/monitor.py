"""ip monitor: what changes, as it changes."""

from userland import libc
from userland.abi import netlink as nl
from userland.net.ip.addr import Address, address_record
from userland.net.ip.link import Link, head, lowers_down
from userland.net.ip.neigh import Neighbour, neighbour_record
from userland.net.ip.output import TABLES, Failed, names
from userland.net.ip.route import Route, route_record
from userland.net.ip.rule import Rule, rule_record
from userland.net.netlink import Netlink, NetlinkError

OBJECTS = {
    "link": nl.RTNLGRP_LINK, "address": nl.RTNLGRP_IPV4_IFADDR, "route": nl.RTNLGRP_IPV4_ROUTE,
    "neigh": nl.RTNLGRP_NEIGH, "rule": nl.RTNLGRP_IPV4_RULE,
}  # fmt: skip


def line_of(options, kind, payload):
    """(label, whether it has gone, text) of a notification; None for one of another kind."""
    if kind in (nl.RTM_NEWLINK, nl.RTM_DELLINK):
        link = Link(payload)
        options.links[link.index] = link.name
        return "LINK", kind == nl.RTM_DELLINK, head(options, link, options.links, lowers_down([]), False).text
    if kind in (nl.RTM_NEWADDR, nl.RTM_DELADDR):
        address = Address(payload)
        name = options.links.get(address.index, f"if{address.index}")
        return "ADDR", kind == nl.RTM_DELADDR, f"{address.index}: {name}" + address_record(options, address).text
    if kind in (nl.RTM_NEWROUTE, nl.RTM_DELROUTE):
        route = Route(payload)
        text = route_record(options, route).text
        if route.table != nl.RT_TABLE_MAIN:
            text = text.replace(" proto ", f" table {TABLES.get(route.table, route.table)} proto ", 1)
        return "ROUTE", kind == nl.RTM_DELROUTE, text
    if kind in (nl.RTM_NEWNEIGH, nl.RTM_DELNEIGH):
        return "NEIGH", kind == nl.RTM_DELNEIGH, neighbour_record(options, Neighbour(payload)).text
    if kind in (nl.RTM_NEWRULE, nl.RTM_DELRULE):
        return "RULE", kind == nl.RTM_DELRULE, rule_record(options, Rule(payload)).text
    return None


def monitor(options, words):
    """Print notifications until a signal comes."""
    wanted = []
    labels = False
    while words:
        word = words.take()
        if word in ("all", "label"):
            labels = True
        else:
            name = next((name for name in OBJECTS if name.startswith(word)), None)
            if name is None:
                raise Failed(f'Argument "{word}" is unknown, try "ip monitor help".')
            wanted.append(OBJECTS[name])
    stopped = []
    libc.signal(libc.SIGINT, stopped.append)
    libc.signal(libc.SIGTERM, stopped.append)
    names(options)
    with Netlink(nl.NETLINK_ROUTE, wanted or OBJECTS.values()) as socket:
        while not stopped:
            try:
                messages = socket.receive()
            except NetlinkError as error:
                if error.number == libc.ENOBUFS:
                    libc.eputs("netlink receive error No buffer space available (105)")
                elif error.number != libc.EINTR:
                    raise Failed(f"netlink receive error {error}") from None
                continue
            for kind, _, _, payload in messages:
                found = line_of(options, kind, payload)
                if found is not None:
                    label, gone, text = found
                    libc.puts((f"[{label}]" if labels else "") + ("Deleted " if gone else "") + text)
