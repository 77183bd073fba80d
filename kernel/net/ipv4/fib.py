"""The forwarding information base: routing tables with longest prefix match.

`local` (our own and broadcast addresses) and `main` are always there, others come with their first route; which are
asked, and in which order, is up to the rules (fib_rules.py).  A table keeps one dictionary per prefix length; routes to
the same prefix stand in order of their metric.  Lookups are cached above (route.py), so they need to be clear rather
than clever.
"""

from kernel.net.ipv4.fib_rules import fib_rules
from kernel.uapi.errno import EACCES, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOENT, ESRCH
from kernel.uapi.netlink import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from kernel.uapi.route import (
    RT_SCOPE_NOWHERE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_PROHIBIT,
    RTN_THROW,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTPROT_BOOT,
)
from kernel.uapi.rtnetlink import FR_ACT_BLACKHOLE, FR_ACT_PROHIBIT, FR_ACT_TO_TBL


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
        # Which metrics hold whatever is learned, 1 << RTAX_*: the MTU's lock is heeded, the others are kept.
        self.locks = 0
        # TCP's metrics, 0 for none: the MSS to announce (bytes), the first windows out and in (segments).
        self.advmss = 0
        self.initcwnd = 0
        self.initrwnd = 0
        # The gateway was not looked up: it is said to be on the link (RTNH_F_ONLINK).
        self.onlink = False
        self.protocol = RTPROT_BOOT
        self.table = RT_TABLE_MAIN
        # Its place in the order in which routes were added.
        self.serial = 0

    def same_route(self, other):
        """True when both say the same about the same prefix."""
        return (
            self.dst == other.dst
            and self.plen == other.plen
            and self.type == other.type
            and self.gw == other.gw
            and self.dev is other.dev
            and self.metric == other.metric
            and self.scope == other.scope
            and self.prefsrc == other.prefsrc
            and self.protocol == other.protocol
            and self.metrics() == other.metrics()
        )

    def metrics(self):
        return self.mtu, self.locks, self.advmss, self.initcwnd, self.initrwnd


class fib_table:
    """One routing table."""

    def __init__(self, id):
        self.id = id
        self.prefixes = [None] * 33
        # Prefix lengths that have routes, the longest first.
        self.plens = []

    def insert(self, fi, flags=NLM_F_CREATE | NLM_F_APPEND):
        """Add a route as the NLM_F_* flags say: (0 or a negative errno, the route that it replaces or None).

        -EEXIST with NLM_F_EXCL for a taken prefix and metric, otherwise for the very same route; -ENOENT without
        NLM_F_CREATE when there is nothing to replace.
        """
        routes = self.prefixes[fi.plen]
        alternatives = [] if routes is None else routes.get(fi.dst, [])
        rivals = [present for present in alternatives if present.metric == fi.metric]
        if rivals and flags & NLM_F_EXCL:
            return -EEXIST, None
        same = next((present for present in rivals if present.same_route(fi)), None)
        if rivals and flags & NLM_F_REPLACE:
            if same is not None:
                return (0 if same is rivals[0] else -EEXIST), None
            fi.table = self.id
            alternatives[alternatives.index(rivals[0])] = fi
            return 0, rivals[0]
        if same is not None:
            return -EEXIST, None
        if not flags & NLM_F_CREATE:
            return -ENOENT, None
        if routes is None:
            routes = self.prefixes[fi.plen] = {}
        if fi.plen not in self.plens:
            self.plens = sorted([*self.plens, fi.plen], reverse=True)
        alternatives = routes.setdefault(fi.dst, [])
        fi.table = self.id
        last = fi.metric if flags & NLM_F_APPEND else fi.metric - 1
        position = 0
        while position < len(alternatives) and alternatives[position].metric <= last:
            position += 1
        alternatives.insert(position, fi)
        return 0, None

    def remove(self, fi):
        """Take out exactly this route."""
        routes = self.prefixes[fi.plen]
        alternatives = routes[fi.dst]
        alternatives.remove(fi)
        if not alternatives:
            del routes[fi.dst]
        if not routes:
            self.plens = [plen for plen in self.plens if plen != fi.plen]

    def lookup(self, addr, oif, scope=RT_SCOPE_UNIVERSE):
        """The best route to `addr` (out of device `oif`, 0: any; no wider than `scope`), or None."""
        for plen in self.plens:
            alternatives = self.prefixes[plen].get(addr & inet_make_mask(plen))
            if alternatives is None:
                continue
            for fi in alternatives:
                if fi.scope < scope:
                    continue
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

    def by_destination(self):
        """Every route by its address, the longer prefix first, then by metric."""
        return sorted(self.all(), key=lambda fi: (fi.dst, -fi.plen))


class fib_listener:
    """Is told about routes and rules that come and go; the device layer's own flushes are not worth telling."""

    def route_added(self, fi, replaced):
        """`fi` is in its table; it has taken the place of another one if `replaced`."""

    def route_removed(self, fi):
        """`fi` is in its table no longer."""

    def rule_added(self, rule):
        """`rule` decides from now on."""

    def rule_removed(self, rule):
        """`rule` decides no longer."""


class FIB:
    """The routing tables of a network namespace.  Every change makes all cached routes stale."""

    def __init__(self, net):
        self.net = net
        self.local = fib_table(RT_TABLE_LOCAL)
        self.main = fib_table(RT_TABLE_MAIN)
        self.tables = {RT_TABLE_LOCAL: self.local, RT_TABLE_MAIN: self.main}
        self.rules = fib_rules()
        # How many routes have been added: each has its number.
        self.added = 0
        # The number of the next route when the first policy rule was added, 0 before.
        self.parted_at = 0
        self.listener = fib_listener()

    def changed(self):
        self.net.rt_genid = (self.net.rt_genid + 1) & 0xFFFFFFFF or 1

    def add(self, fi, table=RT_TABLE_MAIN, flags=NLM_F_CREATE | NLM_F_APPEND):
        """Add a route to a table; 0, what `fib_table.insert` says, or -EINVAL for host bits below the prefix."""
        if fi.dst & ~inet_make_mask(fi.plen) & 0xFFFFFFFF:
            return -EINVAL
        if table not in self.tables:
            self.tables[table] = fib_table(table)
        err, replaced = self.tables[table].insert(fi, flags)
        if err == 0:
            self.added += 1
            fi.serial = self.added
            self.changed()
            self.listener.route_added(fi, replaced is not None)
        return err

    def delete(
        self, dst, plen, gw=0, dev=None, metric=0, type=0, table=RT_TABLE_MAIN, protocol=0, scope=RT_SCOPE_NOWHERE, prefsrc=0
    ):
        """Remove the first route that matches; 0 stands for any gateway, metric, type and so on.  0 or -ESRCH."""
        routes = self.tables[table].prefixes[plen] if table in self.tables else None
        for fi in list(routes.get(dst, ())) if routes else ():
            if (
                (gw == 0 or fi.gw == gw)
                and (dev is None or fi.dev is dev)
                and (metric == 0 or fi.metric == metric)
                and (type == 0 or fi.type == type)
                and (protocol == 0 or fi.protocol == protocol)
                and scope in (RT_SCOPE_NOWHERE, fi.scope)
                and (prefsrc == 0 or fi.prefsrc == prefsrc)
            ):
                self.tables[table].remove(fi)
                self.changed()
                self.listener.route_removed(fi)
                return 0
        return -ESRCH

    def add_rule(self, rule, exclusive=True):
        """Add a rule; 0 or -EEXIST."""
        err = self.rules.add(rule, exclusive)
        if err == 0:
            self.parted_at = self.parted_at or self.added + 1
            self.changed()
            self.listener.rule_added(rule)
        return err

    def delete_rule(self, fits):
        """Remove the first rule for which `fits(rule)`; 0 or -ENOENT."""
        rule = self.rules.remove(fits)
        if isinstance(rule, int):
            return rule
        self.changed()
        self.listener.rule_removed(rule)
        return 0

    def flush_dev(self, dev):
        """Remove every route through `dev`."""
        for table in self.tables.values():
            for fi in table.all():
                if fi.dev is dev:
                    table.remove(fi)
        self.changed()

    def flush_prefsrc(self, addr):
        """Remove the routes that prefer a source address which is ours no longer."""
        if self.local_address(addr) is None:
            for table in self.tables.values():
                for fi in table.all():
                    if fi.prefsrc == addr and table is not self.local:
                        table.remove(fi)
                        self.listener.route_removed(fi)
        self.changed()

    def all(self):
        """Every route of every table, as Linux lists them: by the tables' last byte, then by destination."""
        tables = sorted(self.tables.values(), key=lambda table: (table.id & 0xFF, table.id))
        return [fi for table in tables for fi in table.by_destination()]

    def lookup(self, addr, oif=0, saddr=0, iif=0, mark=0, scope=RT_SCOPE_UNIVERSE):
        """The route to `addr`, as the rules say, of those no wider than `scope`; None when there is none."""
        if self.rules.custom:
            return self.lookup_by_rules(addr, oif, saddr, iif, mark, scope)
        fi = self.local.lookup(addr, oif, scope)
        if fi is None:
            fi = self.main.lookup(addr, oif, scope)
        if (fi is None or fi.type == RTN_THROW) and RT_TABLE_DEFAULT in self.tables:
            fi = self.tables[RT_TABLE_DEFAULT].lookup(addr, oif, scope)
        return fi if fi is None or fi.type != RTN_THROW else None

    def lookup_by_rules(self, addr, oif, saddr, iif, mark, scope):
        """Ask each rule that fits; the first answer counts (Linux: fib_rules_lookup)."""
        for rule in self.rules.rules:
            if not rule.fits(self.net, addr, saddr, iif, oif, mark):
                continue
            if rule.action != FR_ACT_TO_TBL:
                return refusal(rule.action)
            table = self.tables.get(rule.table)
            fi = table.lookup(addr, oif, scope) if table is not None else None
            if fi is not None and fi.type != RTN_THROW and fi.plen > rule.suppress_prefixlen:
                return fi
        return None

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


def refusal(action):
    """What a rule that refuses answers: a route of that kind; None, as if there were no route, for "unreachable"."""
    if action == FR_ACT_BLACKHOLE:
        return fib_info(0, 0, RTN_BLACKHOLE)
    return fib_info(0, 0, RTN_PROHIBIT) if action == FR_ACT_PROHIBIT else None


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
