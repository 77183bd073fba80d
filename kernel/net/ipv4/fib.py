"""The forwarding information base: routing tables with longest prefix match.

Two tables, as Linux has them by default: `local` (our own and broadcast addresses, looked at first) and `main`.  A
table keeps one dictionary per prefix length; routes to the same prefix stand in order of their metric.  Lookups are
cached above (route.py), so they need to be clear rather than clever.
"""

from kernel.uapi.errno import EACCES, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ESRCH
from kernel.uapi.route import (
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_PROHIBIT,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTPROT_BOOT,
)


def inet_make_mask(plen):
    """The netmask of a prefix length (0 to 32)."""
    return (0xFFFFFFFF << (32 - plen)) & 0xFFFFFFFF if plen else 0


def inet_mask_len(mask):
    """The prefix length of a netmask, or -1 when its ones are not contiguous."""
    inverted = ~mask & 0xFFFFFFFF
    if inverted & (inverted + 1):
        return -1
    return 32 - inverted.bit_length()


def ipv4_is_multicast(addr):
    return addr & 0xF0000000 == 0xE0000000


def ipv4_is_local_multicast(addr):
    """224.0.0.0/24, which never leaves the link."""
    return addr & 0xFFFFFF00 == 0xE0000000


def ipv4_is_lbcast(addr):
    return addr == 0xFFFFFFFF


def ipv4_is_loopback(addr):
    return addr & 0xFF000000 == 0x7F000000


def ipv4_is_zeronet(addr):
    return addr == 0


class fib_info:
    """One route: where packets to `dst`/`plen` go.  `gw` 0 means that the destination is on the link."""

    def __init__(self, dst, plen, type=RTN_UNICAST, scope=RT_SCOPE_UNIVERSE, dev=None, gw=0, prefsrc=0, metric=0):
        self.dst = dst
        self.plen = plen
        self.type = type
        self.scope = scope
        self.dev = dev
        self.gw = gw
        self.prefsrc = prefsrc
        self.metric = metric
        self.mtu = 0
        self.protocol = RTPROT_BOOT
        self.table = RT_TABLE_MAIN

    def same_route(self, other):
        """True when both say the same about the same prefix."""
        return (
            self.dst == other.dst
            and self.plen == other.plen
            and self.type == other.type
            and self.gw == other.gw
            and self.dev is other.dev
            and self.metric == other.metric
        )


class fib_table:
    """One routing table."""

    def __init__(self, id):
        self.id = id
        self.prefixes = [None] * 33
        # Prefix lengths that have routes, the longest first.
        self.plens = []

    def insert(self, fi):
        """Add a route: 0 or -EEXIST when the table has one to that prefix with the same metric, type and next hop."""
        routes = self.prefixes[fi.plen]
        if routes is None:
            routes = self.prefixes[fi.plen] = {}
        if fi.plen not in self.plens:
            self.plens = sorted([*self.plens, fi.plen], reverse=True)
        alternatives = routes.setdefault(fi.dst, [])
        for present in alternatives:
            if present.same_route(fi):
                return -EEXIST
        fi.table = self.id
        position = 0
        while position < len(alternatives) and alternatives[position].metric <= fi.metric:
            position += 1
        alternatives.insert(position, fi)
        return 0

    def remove(self, fi):
        """Take out exactly this route."""
        routes = self.prefixes[fi.plen]
        alternatives = routes[fi.dst]
        alternatives.remove(fi)
        if not alternatives:
            del routes[fi.dst]
        if not routes:
            self.plens = [plen for plen in self.plens if plen != fi.plen]

    def lookup(self, addr, oif):
        """The best route to `addr` (out of device `oif`, 0: any), or None."""
        for plen in self.plens:
            alternatives = self.prefixes[plen].get(addr & inet_make_mask(plen))
            if alternatives is None:
                continue
            for fi in alternatives:
                if oif == 0 or fi.dev is None or fi.dev.ifindex == oif or fi.type == RTN_LOCAL:
                    return fi
        return None

    def all(self):
        """Every route, longest prefix first, then by address and metric."""
        found = []
        for plen in self.plens:
            routes = self.prefixes[plen]
            for dst in sorted(routes):
                found.extend(routes[dst])
        return found


class FIB:
    """The routing tables of a network namespace.  Every change makes all cached routes stale."""

    def __init__(self, net):
        self.net = net
        self.local = fib_table(RT_TABLE_LOCAL)
        self.main = fib_table(RT_TABLE_MAIN)

    def changed(self):
        self.net.rt_genid = (self.net.rt_genid + 1) & 0xFFFFFFFF or 1

    def table(self, id):
        return self.local if id == RT_TABLE_LOCAL else self.main

    def add(self, fi, table=RT_TABLE_MAIN):
        """Add a route to a table; 0, -EEXIST, or -EINVAL for host bits below the prefix."""
        if fi.dst & ~inet_make_mask(fi.plen) & 0xFFFFFFFF:
            return -EINVAL
        err = self.table(table).insert(fi)
        if err == 0:
            self.changed()
        return err

    def delete(self, dst, plen, gw=0, dev=None, metric=0, type=0, table=RT_TABLE_MAIN):
        """Remove the first route that matches; 0 stands for any gateway, metric and type.  0 or -ESRCH."""
        routes = self.table(table).prefixes[plen]
        for fi in list(routes.get(dst, ())) if routes else ():
            if (
                (gw == 0 or fi.gw == gw)
                and (dev is None or fi.dev is dev)
                and (metric == 0 or fi.metric == metric)
                and (type == 0 or fi.type == type)
            ):
                self.table(table).remove(fi)
                self.changed()
                return 0
        return -ESRCH

    def flush_dev(self, dev):
        """Remove every route through `dev`."""
        for table in (self.local, self.main):
            for fi in table.all():
                if fi.dev is dev:
                    table.remove(fi)
        self.changed()

    def flush_prefsrc(self, addr):
        """Remove the routes of main that prefer a source address which is ours no longer."""
        for fi in self.main.all():
            if fi.prefsrc == addr and self.local_address(addr) is None:
                self.main.remove(fi)
        self.changed()

    def lookup(self, addr, oif=0):
        """The route to `addr`: our own tables first; None when there is none."""
        fi = self.local.lookup(addr, oif)
        return fi if fi is not None else self.main.lookup(addr, oif)

    def local_address(self, addr):
        """The local table's entry that makes `addr` one of ours, or None."""
        fi = self.local.lookup(addr, 0)
        return fi if fi is not None and fi.type == RTN_LOCAL else None

    def inet_addr_type(self, addr):
        """RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST or what the route to `addr` is (RTN_UNICAST without a route)."""
        if ipv4_is_zeronet(addr) or ipv4_is_lbcast(addr):
            return RTN_BROADCAST
        if ipv4_is_multicast(addr):
            return RTN_MULTICAST
        fi = self.lookup(addr)
        return fi.type if fi is not None else RTN_UNICAST


def fib_error(fi):
    """The errno with which a route of type unreachable, blackhole or prohibit answers; 0 for a usable one."""
    if fi is None:
        return -ENETUNREACH
    if fi.type == RTN_UNREACHABLE:
        return -EHOSTUNREACH
    if fi.type == RTN_BLACKHOLE:
        return -EINVAL
    if fi.type == RTN_PROHIBIT:
        return -EACCES
    return 0
