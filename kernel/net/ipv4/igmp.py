"""IGMP on hosts: version 3 (RFC 3376), and versions 2 and 1 (RFC 2236, RFC 1112) while a router that speaks them is there.

`in_device.mc_list` holds an `ip_mc_list` for each group that an interface receives: how many sockets want it, and from
which sources.  Changes are reported `igmp_qrv` times at random moments, queries are answered after a random delay.
Who the sockets are is mcast.py's business.
"""

from kernel.lib.checksum import csum_bytes, csum_fold
from kernel.net.core.dev import dev_mc_add, dev_mc_del, for_each_netdev
from kernel.net.core.skb_data import skb_checksum
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, pskb_may_pull, skb_put_data, skb_reserve
from kernel.net.ipv4.fib import ipv4_is_local_multicast
from kernel.net.ipv4.ip_options import ip_options
from kernel.net.ipv4.ip_output import ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route import ip_route_output_key
from kernel.net.net import net_protocol
from kernel.time.timer import timer_list
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_MULTICAST, IFF_UP
from kernel.uapi.in_ import (
    IGMPV3_ALL_MCR,
    INADDR_ALLHOSTS_GROUP,
    INADDR_ALLRTRS_GROUP,
    IPPROTO_IGMP,
    MCAST_EXCLUDE,
    MCAST_INCLUDE,
)

IGMP_HOST_MEMBERSHIP_QUERY = 0x11
IGMP_HOST_MEMBERSHIP_REPORT = 0x12
IGMPV2_HOST_MEMBERSHIP_REPORT = 0x16
IGMP_HOST_LEAVE_MESSAGE = 0x17
IGMPV3_HOST_MEMBERSHIP_REPORT = 0x22
# Kinds of group records (RFC 3376 section 4.2.12).
MODE_IS_INCLUDE, MODE_IS_EXCLUDE, CHANGE_TO_INCLUDE, CHANGE_TO_EXCLUDE, ALLOW_NEW_SOURCES, BLOCK_OLD_SOURCES = range(1, 7)
# Router alert, RFC 2113.
ROUTER_ALERT = b"\x94\x04\x00\x00"
HEADROOM = 128
IP_AND_REPORT_HEADER = 24 + 8
NSEC_PER_SEC = 1000000000
NSEC_PER_MSEC = 1000000
NSEC_PER_DECISECOND = 100000000
QUERY_RESPONSE_INTERVAL = 10 * NSEC_PER_SEC
QUERY_INTERVAL = 125 * NSEC_PER_SEC


def ip_eth_mc_map(group):
    """The Ethernet address of a group: 01:00:5e and the low 23 bits (RFC 1112 section 6.4)."""
    return bytes([0x01, 0x00, 0x5E, group >> 16 & 0x7F, group >> 8 & 0xFF, group & 0xFF])


def code_value(code):
    """Max Resp Code and QQIC: a number below 128, otherwise a mantissa and an exponent (RFC 3376 section 4.1.1)."""
    return code if code < 128 else (code & 15 | 16) << (code >> 4 & 7) + 3


class igmp_timer(timer_list):
    """Calls a function of one argument when it fires."""

    def __init__(self, function, subject):
        timer_list.__init__(self)
        self.function = function
        self.subject = subject

    def fire(self):
        self.function(self.subject)


class ip_mc_list:
    """One group on one interface: `users` memberships, of which `modes` counts those of each filter mode.

    `sources` has [including, excluding] memberships by source.
    """

    def __init__(self, igmp, multiaddr):
        self.multiaddr = multiaddr
        self.users = 0
        self.modes = [0, 0]
        self.sources = {}
        # Reports of changes still to be sent: of the filter mode, and by source.
        self.mode_reports = 0
        self.source_reports = {}
        # A query is waiting for its answer; about which sources (None: about the group as such).
        self.asked = None
        self.timer = igmp_timer(igmp.group_timer_due, self)
        self.dev = None
        # Versions 1 and 2: reports to repeat, and whether ours was the last that was heard.
        self.unsolicited = 0
        self.reporter = False

    def mode(self):
        return MCAST_EXCLUDE if self.modes[MCAST_EXCLUDE] else MCAST_INCLUDE

    def filter(self):
        """(mode, {source: True}): what the interface as a whole receives (RFC 3376 section 3.2)."""
        if self.mode() == MCAST_INCLUDE:
            return MCAST_INCLUDE, {source: True for source, (including, _) in self.sources.items() if including}
        excluding = self.modes[MCAST_EXCLUDE]
        found = {s: True for s, (inside, outside) in self.sources.items() if outside == excluding and not inside}
        return MCAST_EXCLUDE, found


def receives(filter, source):
    """True when packets from `source` pass the filter."""
    mode, sources = filter
    return (source in sources) == (mode == MCAST_INCLUDE)


class igmp_dev:
    """What IGMP knows of one interface: older routers, and the timers of answers and reports."""

    def __init__(self, igmp, dev):
        self.dev = dev
        self.v1_until = 0
        self.v2_until = 0
        self.qrv = igmp.qrv
        self.qi = QUERY_INTERVAL
        self.qri = QUERY_RESPONSE_INTERVAL
        self.query_timer = igmp_timer(igmp.general_query_due, self)
        self.change_timer = igmp_timer(igmp.changes_due, self)
        # Groups that have been left, as long as there is something to report about them.
        self.departed = {}


class igmp_protocol(net_protocol):
    """Protocol 2."""

    def __init__(self, igmp):
        net_protocol.__init__(self)
        self.name = "IGMP"
        self.igmp = igmp

    def handler(self, skb):
        self.igmp.rcv(skb)
        return 0


class Igmp:
    """The multicast memberships of the interfaces of one network namespace."""

    def __init__(self, net):
        self.net = net
        self.devices = {}
        # net.ipv4.igmp_qrv, igmp_max_msf and igmp_link_local_mcast_reports
        self.qrv = 2
        self.max_msf = 10
        self.link_local_reports = 1
        self.router_alert = ip_options(ROUTER_ALERT)

    # --- interfaces ---

    def state(self, dev):
        """The igmp_dev of an interface."""
        found = self.devices.get(dev.ifindex)
        if found is None:
            found = self.devices[dev.ifindex] = igmp_dev(self, dev)
        return found

    def up(self, dev):
        """The device comes up: it hears the all-hosts group, and what it is a member of."""
        if not dev.flags & IFF_MULTICAST and not dev.flags & IFF_LOOPBACK:
            return
        groups = dev.ip_ptr.mc_list
        if INADDR_ALLHOSTS_GROUP not in groups:
            self.join(dev, INADDR_ALLHOSTS_GROUP, MCAST_EXCLUDE, [])
        for group in groups.values():
            if group.multiaddr != INADDR_ALLHOSTS_GROUP:
                self.listen(dev, group, True)
                self.report_change(dev, group, (MCAST_INCLUDE, {}))
        self.net.fib.changed()

    def down(self, dev):
        """The device goes down: nobody asks and nobody is told any more."""
        for group in list(dev.ip_ptr.mc_list.values()):
            if group.multiaddr == INADDR_ALLHOSTS_GROUP:
                self.leave(dev, group.multiaddr, MCAST_EXCLUDE, [])
            else:
                self.listen(dev, group, False)
                self.forget_reports(group)
        state = self.devices.pop(dev.ifindex, None)
        if state is not None:
            self.net.timers.del_timer(state.query_timer)
            self.net.timers.del_timer(state.change_timer)

    def destroy(self, dev):
        """The device is gone."""
        self.down(dev)
        dev.ip_ptr.mc_list.clear()

    def listen(self, dev, group, on):
        """Let the device receive the group's link address, or no longer."""
        if dev.addr_len == 6 and not dev.flags & IFF_LOOPBACK:
            (dev_mc_add if on else dev_mc_del)(dev, ip_eth_mc_map(group.multiaddr))

    def forget_reports(self, group):
        self.net.timers.del_timer(group.timer)
        group.mode_reports = group.unsolicited = 0
        group.source_reports = {}
        group.asked = None

    def purge(self):
        """Cancel everything (the kernel goes down)."""
        for dev in for_each_netdev(self.net):
            if dev.ip_ptr is not None:
                self.down(dev)

    def default_device(self, group):
        """The device for a group when the user names none: where the route leads, else the first one."""
        rt = ip_route_output_key(self.net, group, 0, 0)
        if rt is not None:
            return rt.dev
        for dev in for_each_netdev(self.net):
            if not dev.flags & IFF_LOOPBACK and dev.flags & IFF_UP:
                return dev
        return None

    # --- memberships of sockets ---

    def join(self, dev, multiaddr, mode, sources):
        """One more membership of a group, with its filter."""
        groups = dev.ip_ptr.mc_list
        group = groups.get(multiaddr)
        before = (MCAST_INCLUDE, {})
        if group is None:
            group = self.state(dev).departed.pop(multiaddr, None) or ip_mc_list(self, multiaddr)
            group.dev = dev
            groups[multiaddr] = group
            self.net.fib.changed()
            if dev.flags & IFF_UP:
                self.listen(dev, group, True)
        else:
            before = group.filter()
        group.users += 1
        count(group, mode, sources, 1)
        self.report_change(dev, group, before)

    def leave(self, dev, multiaddr, mode, sources):
        """One membership less."""
        group = dev.ip_ptr.mc_list.get(multiaddr)
        if group is None:
            return
        before = group.filter()
        group.users -= 1
        count(group, mode, sources, -1)
        if group.users == 0:
            del dev.ip_ptr.mc_list[multiaddr]
            self.net.fib.changed()
            self.net.timers.del_timer(group.timer)
            group.asked = None
            if dev.flags & IFF_UP:
                self.listen(dev, group, False)
        self.report_change(dev, group, before)

    def change(self, dev, multiaddr, old, new):
        """A membership's filter changes from `old` to `new`: (mode, [sources]) each."""
        group = dev.ip_ptr.mc_list.get(multiaddr)
        if group is None:
            return
        before = group.filter()
        count(group, *old, -1)
        count(group, *new, 1)
        self.report_change(dev, group, before)

    # --- reports of changes ---

    def version(self, dev):
        """1, 2 or 3: what the routers on the link understand, or force_igmp_version says."""
        forced = self.net.devconf.larger(dev.ip_ptr.cnf, "force_igmp_version")
        if forced:
            return forced
        state = self.state(dev)
        now = self.net.timers.now()
        return 1 if now < state.v1_until else 2 if now < state.v2_until else 3

    def spoken_of(self, group):
        """False for groups that are never reported."""
        if group.multiaddr == INADDR_ALLHOSTS_GROUP:
            return False
        return self.link_local_reports or not ipv4_is_local_multicast(group.multiaddr)

    def report_change(self, dev, group, before):
        """Tell the routers what has become different about a group since its filter was `before`."""
        if not dev.flags & IFF_UP or dev.flags & IFF_LOOPBACK or not self.spoken_of(group):
            return
        after = group.filter()
        if self.version(dev) < 3:
            self.report_old(dev, group, before)
            return
        state = self.state(dev)
        if before[0] != after[0]:
            group.mode_reports = state.qrv
            group.source_reports = {}
        else:
            for source in [*before[1], *after[1]]:
                if (source in before[1]) != (source in after[1]):
                    group.source_reports[source] = state.qrv
        if not group.mode_reports and not group.source_reports:
            return
        if group.users == 0:
            state.departed[group.multiaddr] = group
        self.send_changes(state)

    def send_changes(self, state):
        """One report with every change that has still to be told; the next one follows if there is more to tell."""
        records = []
        more = False
        for group in [*state.dev.ip_ptr.mc_list.values(), *state.departed.values()]:
            mode, sources = group.filter()
            if group.mode_reports:
                kind = CHANGE_TO_EXCLUDE if mode == MCAST_EXCLUDE else CHANGE_TO_INCLUDE
                records.append((kind, group.multiaddr, list(sources)))
                group.mode_reports -= 1
            elif group.source_reports:
                allowed = [source for source in group.source_reports if receives((mode, sources), source)]
                blocked = [source for source in group.source_reports if source not in allowed]
                records += [(ALLOW_NEW_SOURCES, group.multiaddr, allowed)] if allowed else []
                records += [(BLOCK_OLD_SOURCES, group.multiaddr, blocked)] if blocked else []
                left = {source: times - 1 for source, times in group.source_reports.items()}
                group.source_reports = {source: times for source, times in left.items() if times > 0}
            more = more or group.mode_reports > 0 or bool(group.source_reports)
        for multiaddr in [m for m, g in state.departed.items() if not g.mode_reports and not g.source_reports]:
            del state.departed[multiaddr]
        if records:
            self.send_v3(state.dev, records)
        if more:
            interval = self.interval(state.dev, "igmpv3_unsolicited_report_interval")
            self.net.timers.mod_timer(state.change_timer, self.net.timers.now() + self.random_delay(interval))

    def changes_due(self, state):
        self.send_changes(state)

    def report_old(self, dev, group, before):
        """Versions 1 and 2 know only groups that are joined and left."""
        joined, was = group.users > 0, before != (MCAST_INCLUDE, {})
        if joined and not was:
            self.send_old(dev, group)
            group.unsolicited = self.state(dev).qrv - 1
            if group.unsolicited:
                interval = self.interval(dev, "igmpv2_unsolicited_report_interval")
                self.start_timer(group, interval)
        elif was and not joined and group.reporter and self.version(dev) == 2:
            self.send(dev, INADDR_ALLRTRS_GROUP, message(IGMP_HOST_LEAVE_MESSAGE, group.multiaddr))

    def interval(self, dev, name):
        return self.net.devconf.larger(dev.ip_ptr.cnf, name) * NSEC_PER_MSEC

    def random_delay(self, longest):
        return self.net.random.randrange(max(1, longest))

    def start_timer(self, group, longest):
        """Answer within `longest` ns; an earlier answer stays."""
        due = self.net.timers.now() + self.random_delay(longest)
        if not group.timer.pending() or group.timer.expires > due:
            self.net.timers.mod_timer(group.timer, due)

    # --- sending ---

    def send(self, dev, daddr, payload):
        """Send a message on a device, from its address or, while it has none, from 0.0.0.0."""
        net = self.net
        rt = ip_route_output_key(net, daddr, 0, dev.ifindex)
        if rt is None:
            return
        skb = alloc_skb(net.skb_cache, HEADROOM + len(payload))
        if skb is None:
            return
        skb_reserve(skb, HEADROOM)
        skb_put_data(skb, payload)
        skb.dst = rt
        ip_push_header(net, skb, rt.saddr, daddr, IPPROTO_IGMP, 0xC0, 1, ip_select_ident(net, 1), True, self.router_alert)
        ip_local_out(net, skb)

    def send_old(self, dev, group):
        """A report of version 1 or 2, to the group itself."""
        kind = IGMP_HOST_MEMBERSHIP_REPORT if self.version(dev) == 1 else IGMPV2_HOST_MEMBERSHIP_REPORT
        group.reporter = True
        self.send(dev, group.multiaddr, message(kind, group.multiaddr))

    def send_v3(self, dev, records):
        """Reports of version 3 with all records [(kind, group, [sources])], as many as the MTU makes necessary."""
        room = dev.mtu - IP_AND_REPORT_HEADER
        packed = []
        size = 0
        for kind, multiaddr, sources in records:
            most = max(1, (room - 8) // 4)
            for start in range(0, max(1, len(sources)), most):
                part = sources[start : start + most]
                record = bytes([kind, 0]) + len(part).to_bytes(2, "big") + multiaddr.to_bytes(4, "big")
                record += b"".join(source.to_bytes(4, "big") for source in part)
                if packed and size + len(record) > room:
                    self.send(dev, IGMPV3_ALL_MCR, report_v3(packed))
                    packed, size = [], 0
                packed.append(record)
                size += len(record)
        if packed:
            self.send(dev, IGMPV3_ALL_MCR, report_v3(packed))

    # --- what comes in ---

    def rcv(self, skb):
        """A message of a router or another host; consumes it."""
        if not pskb_may_pull(skb, 8) or csum_fold(skb_checksum(skb, 0, skb.len, 0)) != 0:
            kfree_skb(skb, "IGMP_CSUM")
            return
        type = skb.get8(skb.data)
        dev = skb.dev
        if dev is not None and dev.ip_ptr is not None and not dev.flags & IFF_LOOPBACK:
            if type == IGMP_HOST_MEMBERSHIP_QUERY:
                self.query(dev, skb)
            elif type in (IGMP_HOST_MEMBERSHIP_REPORT, IGMPV2_HOST_MEMBERSHIP_REPORT):
                self.heard(dev, skb.get32(skb.data + 4), skb.get32(skb.network_header + 12))
        consume_skb(skb)

    def heard(self, dev, multiaddr, sender):
        """Somebody else has spoken for the group: we need not."""
        group = dev.ip_ptr.mc_list.get(multiaddr)
        if group is None or self.net.fib.local_address(sender) is not None:
            return
        self.net.timers.del_timer(group.timer)
        group.asked = None
        group.reporter = False
        group.unsolicited = 0

    def query(self, dev, skb):
        """A router asks (RFC 3376 section 5.2 and 7.2.1)."""
        state = self.state(dev)
        now = self.net.timers.now()
        code = skb.get8(skb.data + 1)
        multiaddr = skb.get32(skb.data + 4)
        longest = code * NSEC_PER_DECISECOND
        sources = []
        present = state.qrv * state.qi + state.qri
        if skb.len == 8 and code == 0:
            state.v1_until = now + present
            longest, multiaddr = QUERY_RESPONSE_INTERVAL, 0
            self.forget_changes(state)
        elif skb.len == 8:
            state.v2_until = now + present
            self.forget_changes(state)
        elif skb.len < 12 or not pskb_may_pull(skb, 12):
            return
        else:
            longest = max(1, code_value(code) * NSEC_PER_DECISECOND)
            if self.version(dev) == 1:
                longest, multiaddr = QUERY_RESPONSE_INTERVAL, 0
            elif self.version(dev) == 3:
                sources = self.query_v3(state, skb, multiaddr, longest)
        if sources is None:
            return
        for group in list(dev.ip_ptr.mc_list.values()):
            if multiaddr in (0, group.multiaddr) and self.spoken_of(group):
                self.ask(group, sources, longest)

    def query_v3(self, state, skb, multiaddr, longest):
        """Take the values of a version 3 query in; the sources that it asks about, None for a general query."""
        at = skb.data
        count = skb.get16(at + 10)
        if not pskb_may_pull(skb, 12 + 4 * count):
            return None
        at = skb.data
        state.qri = longest
        state.qrv = skb.get8(at + 8) & 7 or self.qrv
        state.qi = code_value(skb.get8(at + 9)) * NSEC_PER_SEC or QUERY_INTERVAL
        if multiaddr == 0 and count == 0:
            due = self.net.timers.now() + self.random_delay(longest)
            if not state.query_timer.pending() or state.query_timer.expires > due:
                self.net.timers.mod_timer(state.query_timer, due)
            return None
        return [skb.get32(at + 12 + 4 * position) for position in range(count)]

    def forget_changes(self, state):
        """An older router is there: it would not understand what was still to be reported."""
        self.net.timers.del_timer(state.change_timer)
        self.net.timers.del_timer(state.query_timer)
        state.departed = {}
        for group in state.dev.ip_ptr.mc_list.values():
            group.mode_reports = 0
            group.source_reports = {}

    def ask(self, group, sources, longest):
        """A question about a group and, where there are any, about sources waits for its answer."""
        if group.timer.pending() and group.asked is not None:
            # A pending question about the group as such covers every other one.
            group.asked = group.asked + sources if sources and group.asked else []
        else:
            group.asked = list(sources)
        self.start_timer(group, longest)

    def group_timer_due(self, group):
        """Answer a question about a group, or repeat the report of having joined it."""
        dev = group.dev
        asked, group.asked = group.asked, None
        if not dev.flags & IFF_UP or group.users == 0:
            return
        if self.version(dev) < 3:
            self.send_old(dev, group)
            if group.unsolicited:
                group.unsolicited -= 1
                if group.unsolicited:
                    self.start_timer(group, self.interval(dev, "igmpv2_unsolicited_report_interval"))
            return
        filter = group.filter()
        if asked:
            wanted = [source for source in dict.fromkeys(asked) if receives(filter, source)]
            if wanted:
                self.send_v3(dev, [(MODE_IS_INCLUDE, group.multiaddr, wanted)])
            return
        self.send_v3(dev, [current_state(group)])

    def general_query_due(self, state):
        """Answer a general query: the state of every group."""
        groups = [group for group in state.dev.ip_ptr.mc_list.values() if self.spoken_of(group)]
        if groups and state.dev.flags & IFF_UP:
            self.send_v3(state.dev, [current_state(group) for group in groups])


def count(group, mode, sources, step):
    """One membership more or less in the sums of a group."""
    group.modes[mode] += step
    for source in sources:
        counts = group.sources.setdefault(source, [0, 0])
        counts[0 if mode == MCAST_INCLUDE else 1] += step
        if counts == [0, 0]:
            del group.sources[source]


def current_state(group):
    mode, sources = group.filter()
    return MODE_IS_EXCLUDE if mode == MCAST_EXCLUDE else MODE_IS_INCLUDE, group.multiaddr, list(sources)


def message(type, group):
    """The eight bytes of a message of version 1 or 2."""
    body = bytes([type, 0, 0, 0]) + group.to_bytes(4, "big")
    return body[:2] + csum_fold(csum_bytes(body)).to_bytes(2, "big") + body[4:]


def report_v3(records):
    body = bytes([IGMPV3_HOST_MEMBERSHIP_REPORT, 0, 0, 0, 0, 0]) + len(records).to_bytes(2, "big") + b"".join(records)
    return body[:2] + csum_fold(csum_bytes(body)).to_bytes(2, "big") + body[4:]
