"""ip route: the routing tables, and the way that a packet would take."""

from struct import Struct

from userland.abi import netlink as nl
from userland.net.ip.output import (
    PROTOCOLS,
    ROUTE_TYPES,
    SCOPES,
    TABLES,
    Failed,
    Record,
    address_word,
    device_index,
    device_name,
    host_prefix,
    named_number,
    packed,
    prefix_word,
    quad,
    show,
)
from userland.net.netlink import NetlinkError, attribute, number, parse_attributes, u32_attribute

RTMSG = Struct("<BBBBBBBBI")
AF_INET = 2
ANY_TABLE = 0
CACHE_FLAGS = (
    (0x80000000, "local"), (0x10000000, "brd"), (0x20000000, "mc"), (0x00040000, "redirected"),
)  # fmt: skip
METRICS = {"mtu": nl.RTAX_MTU, "advmss": nl.RTAX_ADVMSS, "initcwnd": nl.RTAX_INITCWND, "initrwnd": nl.RTAX_INITRWND}
NEXTHOP_FLAGS = ((nl.RTNH_F_DEAD, "dead"), (nl.RTNH_F_ONLINK, "onlink"), (nl.RTNH_F_LINKDOWN, "linkdown"))


class Route:
    """A route as RTM_NEWROUTE describes it."""

    def __init__(self, payload):
        (_, self.length, self.src_length, self.tos, self.table, self.protocol, self.scope, self.type,
         self.flags) = RTMSG.unpack_from(payload)  # fmt: skip
        self.payload = payload
        self.attributes = parse_attributes(payload[RTMSG.size :])
        self.table = number(self.attributes.get(nl.RTA_TABLE), self.table)
        self.oif = number(self.attributes.get(nl.RTA_OIF))
        self.metric = number(self.attributes.get(nl.RTA_PRIORITY))
        self.dst = int.from_bytes(self.attributes.get(nl.RTA_DST, bytes(4)), "big")
        self.cached = self.flags & nl.RTM_F_CLONED != 0


class RouteFilter:
    """Which routes a command is about; what all of them share is not printed."""

    def __init__(self, options, words):
        self.table = nl.RT_TABLE_MAIN
        self.oif = self.via = self.src = self.protocol = self.scope = self.type = self.metric = None
        self.root = self.match = self.exact = None
        self.cache = False
        while words:
            word = words.take()
            if word == "table":
                word = words.take()
                self.cache = word == "cache"
                self.table = ANY_TABLE if word in ("all", "cache") else named_number(word, TABLES, "table")
            elif word in ("cached", "cloned", "cache"):
                self.cache = True
            elif word in ("dev", "oif"):
                self.oif = device_index(options, words.take())
            elif word == "via":
                self.via = address_word(words.take())
            elif word in ("src", "prefsrc"):
                self.src = address_word(words.take())
            elif word in ("proto", "protocol"):
                self.protocol = named_number(words.take(), PROTOCOLS, "protocol", 255)
            elif word == "scope":
                self.scope = named_number(words.take(), SCOPES, "scope", 255)
            elif word == "type":
                self.type = named_number(words.take(), ROUTE_TYPES, "type", 255)
            elif word in ("metric", "priority", "preference"):
                self.metric = words.number("metric")
            elif word in ROUTE_TYPES.values():
                self.type = named_number(word, ROUTE_TYPES, "type", 255)
            else:
                self.prefix(words, word)

    def prefix(self, words, word):
        if word == "to":
            word = words.take()
        kind = "exact"
        if word in ("root", "match", "exact"):
            kind, word = word, words.take()
        setattr(self, kind, prefix_word(word))

    def fits(self, route):
        return (
            (self.table == ANY_TABLE or route.table == self.table)
            and self.oif in (None, route.oif)
            and self.protocol in (None, route.protocol)
            and self.scope in (None, route.scope)
            and self.type in (None, route.type)
            and self.metric in (None, route.metric)
            and self.same(self.via, route, nl.RTA_GATEWAY)
            and self.same(self.src, route, nl.RTA_PREFSRC)
            and self.fits_prefix(route)
        )

    def same(self, wanted, route, kind):
        return wanted is None or int.from_bytes(route.attributes.get(kind, bytes(4)), "big") == wanted

    def fits_prefix(self, route):
        """root P: within P; match P: a prefix of P; exact P: P itself."""
        if self.exact is not None and (route.dst, route.length) != self.exact:
            return False
        for wider, narrower in ((self.root, (route.dst, route.length)), ((route.dst, route.length), self.match)):
            if wider is None or narrower is None:
                continue
            if wider[1] > narrower[1] or (wider[1] and (wider[0] ^ narrower[0]) >> 32 - wider[1]):
                return False
        return True


def route_record(options, route, filter=None):
    """One route as ip prints it."""
    record = Record()
    kind = ROUTE_TYPES.get(route.type, str(route.type))
    if route.type != nl.RTN_UNICAST or options.details:
        record.put(f"{kind} ", "type", kind)
    target = "default"
    if nl.RTA_DST in route.attributes:
        target = host_prefix(route.attributes[nl.RTA_DST], route.length)
    record.put(f"{target} ", "dst", target)
    if nl.RTA_SRC in route.attributes:
        source = host_prefix(route.attributes[nl.RTA_SRC], route.src_length)
        record.put(f"from {source} ", "from", source)
    if nl.RTA_GATEWAY in route.attributes and (filter is None or filter.via is None):
        gateway = quad(route.attributes[nl.RTA_GATEWAY])
        record.put(f"via {gateway} ", "gateway", gateway)
    if route.oif and (filter is None or filter.oif is None):
        name = device_name(options, route.oif)
        record.put(f"dev {name} ", "dev", name)
    table = TABLES.get(route.table, str(route.table))
    elsewhere = filter is not None and filter.table == ANY_TABLE and route.table != nl.RT_TABLE_MAIN
    if options.details if route.cached else elsewhere:
        record.put(f"table {table} ", "table", table)
    elif route.cached and route.table != nl.RT_TABLE_MAIN:
        record.fields["table"] = table
    if not route.cached:
        protocol = PROTOCOLS.get(route.protocol, str(route.protocol))
        if (route.protocol != nl.RTPROT_BOOT or options.details) and (filter is None or filter.protocol is None):
            record.put(f"proto {protocol} ", "protocol", protocol)
        scope = SCOPES.get(route.scope, str(route.scope))
        if (route.scope != nl.RT_SCOPE_UNIVERSE or options.details) and (filter is None or filter.scope is None):
            record.put(f"scope {scope} ", "scope", scope)
    if nl.RTA_PREFSRC in route.attributes and (filter is None or filter.src is None):
        source = quad(route.attributes[nl.RTA_PREFSRC])
        record.put(f"src {source} ", "prefsrc", source)
    if route.metric:
        record.put(f"metric {route.metric} ", "metric", route.metric)
    flags = [name for bit, name in NEXTHOP_FLAGS if route.flags & bit]
    record.put("".join(f"{name} " for name in flags), "flags", flags)
    if nl.RTA_MARK in route.attributes:
        mark = number(route.attributes[nl.RTA_MARK])
        record.put(f"mark 0x{mark:x} ", "mark", mark)
    if nl.RTA_UID in route.attributes:
        record.put(f"uid {number(route.attributes[nl.RTA_UID])} ", "uid", number(route.attributes[nl.RTA_UID]))
    cached_text(options, route, record)
    metrics_text(route, record)
    if nl.RTA_IIF in route.attributes:
        name = device_name(options, number(route.attributes[nl.RTA_IIF]))
        record.put(f"iif {name} ", "iif", name)
    return record


def cached_text(options, route, record):
    """The second line of a route that was looked up."""
    if not route.cached:
        return
    record.newline(options)
    flags = [name for bit, name in CACHE_FLAGS if route.flags & bit]
    record.put("    cache " + (f"<{','.join(flags)}> " if flags else ""), "cache", flags)
    expires = int.from_bytes(route.attributes.get(nl.RTA_CACHEINFO, bytes(12))[8:12], "little")
    if expires:
        record.put(f"expires {expires // 100}sec ", "expires", expires // 100)


def metrics_text(route, record):
    metrics = parse_attributes(route.attributes.get(nl.RTA_METRICS, b""))
    locked = number(metrics.get(nl.RTAX_LOCK))
    shown = {}
    for name, kind in METRICS.items():
        if kind in metrics:
            shown[name] = number(metrics[kind])
            record.put(f"{name} {'lock ' if locked >> kind & 1 else ''}{shown[name]} ")
    if shown:
        record.fields["metrics"] = [shown]


def all_routes(options, table=ANY_TABLE):
    payload = RTMSG.pack(AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    if table != ANY_TABLE:
        payload += u32_attribute(nl.RTA_TABLE, table)
    return [Route(body) for kind, body in options.dump(nl.RTM_GETROUTE, payload) if kind == nl.RTM_NEWROUTE]


def route_show(options, words):
    filter = RouteFilter(options, words)
    routes = [] if filter.cache else [route for route in all_routes(options, filter.table) if filter.fits(route)]
    show(options, [route_record(options, route, filter) for route in routes])


def route_flush(options, words):
    if not words:
        raise Failed('"ip route flush" requires arguments.')
    filter = RouteFilter(options, words)
    if filter.cache:
        # There is no table of cached routes: what is cached is looked up again as soon as anything changes.
        return
    for route in all_routes(options, filter.table):
        if filter.fits(route):
            try:
                options.netlink.request(nl.RTM_DELROUTE, 0, route.payload)
            except NetlinkError as error:
                # Another route's end may have been this one's.
                if error.number != ESRCH:
                    raise Failed(f"Failed to send flush request: {error}") from None


ESRCH = 3


# --- changing ---


class RouteRequest:
    """The words behind add, replace, delete ...: everything that makes a struct rtmsg."""

    def __init__(self, options, words, deleting):
        self.options = options
        self.type = None
        self.prefix = None
        self.table = nl.RT_TABLE_MAIN
        self.protocol = 0 if deleting else nl.RTPROT_BOOT
        self.scope = None
        self.flags = 0
        self.gateway = False
        self.attributes = b""
        self.metrics = b""
        self.locked = 0
        while words:
            self.word(words, words.take())
        if self.prefix is None:
            raise Failed("need at least a destination address")
        self.deleting = deleting

    def word(self, words, word):
        if word == "via":
            if words.peek() == "inet":
                words.take()
            self.attributes += attribute(nl.RTA_GATEWAY, packed(address_word(words.take())))
            self.gateway = True
        elif word in ("dev", "oif"):
            self.attributes += u32_attribute(nl.RTA_OIF, device_index(self.options, words.take()))
        elif word == "src":
            self.attributes += attribute(nl.RTA_PREFSRC, packed(address_word(words.take())))
        elif word in ("metric", "priority", "preference"):
            self.attributes += u32_attribute(nl.RTA_PRIORITY, words.number("metric"))
        elif word == "table":
            self.table = named_number(words.take(), TABLES, "table")
        elif word in ("proto", "protocol"):
            self.protocol = named_number(words.take(), PROTOCOLS, "protocol", 255)
        elif word == "scope":
            self.scope = named_number(words.take(), SCOPES, "scope", 255)
        elif word in METRICS:
            if words.peek() == "lock":
                words.take()
                self.locked |= 1 << METRICS[word]
            self.metrics += u32_attribute(METRICS[word], words.number(word))
        elif word == "onlink":
            self.flags |= nl.RTNH_F_ONLINK
        elif word in ROUTE_TYPES.values() and self.type is None and self.prefix is None:
            self.type = named_number(word, ROUTE_TYPES, "type", 255)
        elif self.prefix is None:
            self.prefix = prefix_word(words.take() if word == "to" else word)
        else:
            raise Failed(f'Error: either "to" is duplicate, or "{word}" is a garbage.')

    def payload(self):
        kind = self.type if self.type is not None else (0 if self.deleting else nl.RTN_UNICAST)
        scope = self.scope
        if scope is None:
            scope = nl.RT_SCOPE_UNIVERSE
            if self.deleting:
                scope = nl.RT_SCOPE_NOWHERE
            elif kind == nl.RTN_LOCAL:
                scope = nl.RT_SCOPE_HOST
            elif kind in (nl.RTN_BROADCAST, nl.RTN_ANYCAST) or (kind in (0, nl.RTN_UNICAST) and not self.gateway):
                scope = nl.RT_SCOPE_LINK
        table = self.table
        if kind in (nl.RTN_LOCAL, nl.RTN_BROADCAST, nl.RTN_ANYCAST) and table == nl.RT_TABLE_MAIN:
            table = nl.RT_TABLE_LOCAL
        address, length = self.prefix
        short = table if table < 256 else 0
        message = RTMSG.pack(AF_INET, length, 0, 0, short, self.protocol, scope, kind, self.flags)
        if length:
            message += attribute(nl.RTA_DST, packed(address))
        if table >= 256:
            message += u32_attribute(nl.RTA_TABLE, table)
        metrics = (u32_attribute(nl.RTAX_LOCK, self.locked) if self.locked else b"") + self.metrics
        return message + self.attributes + (attribute(nl.RTA_METRICS, metrics) if metrics else b"")


def changer(flags):
    def change(options, words):
        options.request(nl.RTM_NEWROUTE, flags, RouteRequest(options, words, False).payload())

    return change


def route_delete(options, words):
    options.request(nl.RTM_DELROUTE, 0, RouteRequest(options, words, True).payload())


def route_get(options, words):
    """Ask the kernel for the way to an address."""
    attributes = b""
    destination = None
    src_length = 0
    while words:
        word = words.take()
        if word == "from":
            attributes += attribute(nl.RTA_SRC, packed(address_word(words.take())))
            src_length = 32
        elif word == "iif":
            attributes += u32_attribute(nl.RTA_IIF, device_index(options, words.take()))
        elif word in ("oif", "dev"):
            attributes += u32_attribute(nl.RTA_OIF, device_index(options, words.take()))
        elif word == "mark":
            attributes += u32_attribute(nl.RTA_MARK, words.number("mark"))
        elif destination is None:
            word = words.take() if word == "to" else word
            destination = address_word(word.removesuffix("/32"))
        else:
            raise Failed(f'Error: either "to" is duplicate, or "{word}" is a garbage.')
    if destination is None:
        raise Failed("need at least a destination address")
    message = RTMSG.pack(AF_INET, 32, src_length, 0, 0, 0, 0, 0, nl.RTM_F_LOOKUP_TABLE)
    attributes += attribute(nl.RTA_DST, packed(destination))
    found = options.request(nl.RTM_GETROUTE, 0, message + attributes)
    show(options, [route_record(options, Route(body)) for _, body in found])


COMMANDS = {
    "show": route_show,
    "add": changer(nl.NLM_F_CREATE | nl.NLM_F_EXCL),
    "append": changer(nl.NLM_F_CREATE | nl.NLM_F_APPEND),
    "prepend": changer(nl.NLM_F_CREATE),
    "change": changer(nl.NLM_F_REPLACE),
    "chg": changer(nl.NLM_F_REPLACE),
    "replace": changer(nl.NLM_F_CREATE | nl.NLM_F_REPLACE),
    "delete": route_delete,
    "get": route_get,
    "flush": route_flush,
}
