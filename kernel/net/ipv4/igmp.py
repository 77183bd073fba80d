"""Multicast membership (RFC 1112) with the reports of IGMPv2 (RFC 2236): enough for hosts to be found by queriers.

`in_device.mc_list` says which groups a device receives; the first member makes the device listen to the group's link
address and sends a report, the last one leaves.
"""

from kernel.lib.checksum import csum_bytes, csum_fold
from kernel.net.core.dev import dev_mc_add, dev_mc_del, for_each_netdev
from kernel.net.core.skb_data import skb_checksum
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, pskb_may_pull, skb_put_data, skb_reserve
from kernel.net.ipv4.fib import ipv4_is_local_multicast, ipv4_is_multicast
from kernel.net.ipv4.ip_output import ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.route import ip_route_output_key
from kernel.net.net import net_protocol
from kernel.time.timer import timer_list
from kernel.uapi.errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_UP
from kernel.uapi.in_ import INADDR_ALLHOSTS_GROUP, INADDR_ALLRTRS_GROUP, IPPROTO_IGMP

IGMP_HOST_MEMBERSHIP_QUERY = 0x11
IGMPV2_HOST_MEMBERSHIP_REPORT = 0x16
IGMP_HOST_LEAVE_MESSAGE = 0x17
# Router alert, RFC 2113.
ROUTER_ALERT = b"\x94\x04\x00\x00"
HEADROOM = 128
NSEC_PER_DECISECOND = 100000000


def ip_eth_mc_map(group):
    """The Ethernet address of a group: 01:00:5e and the low 23 bits (RFC 1112 section 6.4)."""
    return bytes([0x01, 0x00, 0x5E, group >> 16 & 0x7F, group >> 8 & 0xFF, group & 0xFF])


class report_timer(timer_list):
    """A report that a query has asked for, delayed at random (RFC 2236 section 3)."""

    def fire(self):
        self.igmp.report_due(self)


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
    """The multicast memberships of one network namespace."""

    def __init__(self, net):
        self.net = net
        # Reports on their way: {(ifindex, group): report_timer}.
        self.pending = {}

    def default_device(self, group):
        """The device for a group when the user names none: where the route leads, else the first one."""
        rt = ip_route_output_key(self.net, group, 0, 0)
        if rt is not None:
            return rt.dev
        for dev in for_each_netdev(self.net):
            if not dev.flags & IFF_LOOPBACK and dev.flags & IFF_UP:
                return dev
        return None

    def join(self, dev, group):
        """One more member of `group` on `dev`."""
        in_dev = dev.ip_ptr
        users = in_dev.mc_list.get(group, 0)
        in_dev.mc_list[group] = users + 1
        self.net.fib.changed()
        if users == 0 and not dev.flags & IFF_LOOPBACK:
            dev_mc_add(dev, ip_eth_mc_map(group))
            if dev.flags & IFF_UP:
                self.send(dev, group, IGMPV2_HOST_MEMBERSHIP_REPORT, group)

    def up(self, dev):
        """The device comes up: it hears the all-hosts group."""
        if not dev.flags & IFF_LOOPBACK:
            dev.ip_ptr.mc_list.setdefault(INADDR_ALLHOSTS_GROUP, 1)

    def down(self, dev):
        """The device goes down: nobody asks any more."""

    def destroy(self, dev):
        """The device is gone."""
        dev.ip_ptr.mc_list.clear()

    def leave(self, dev, group):
        """One member less."""
        in_dev = dev.ip_ptr
        users = in_dev.mc_list.get(group, 0)
        if users > 1:
            in_dev.mc_list[group] = users - 1
        elif users == 1:
            del in_dev.mc_list[group]
            self.net.fib.changed()
            timer = self.pending.pop((dev.ifindex, group), None)
            if timer is not None:
                self.net.timers.del_timer(timer)
            if not dev.flags & IFF_LOOPBACK:
                dev_mc_del(dev, ip_eth_mc_map(group))
                if dev.flags & IFF_UP:
                    self.send(dev, INADDR_ALLRTRS_GROUP, IGMP_HOST_LEAVE_MESSAGE, group)

    def send(self, dev, daddr, type, group):
        """Send a message about `group`; the all-hosts group is never spoken of."""
        if group == INADDR_ALLHOSTS_GROUP:
            return
        net = self.net
        rt = ip_route_output_key(net, daddr, 0, dev.ifindex)
        if rt is None:
            return
        message = bytes([type, 0, 0, 0]) + group.to_bytes(4, "big")
        message = message[:2] + csum_fold(csum_bytes(message)).to_bytes(2, "big") + message[4:]
        skb = alloc_skb(net.skb_cache, HEADROOM + 64)
        if skb is None:
            return
        skb_reserve(skb, HEADROOM)
        skb_put_data(skb, message)
        skb.dst = rt
        ip_push_header(skb, rt.saddr, daddr, IPPROTO_IGMP, 0xC0, 1, ip_select_ident(net, 1), True, ROUTER_ALERT)
        ip_local_out(net, skb)

    def rcv(self, skb):
        """A message of a router or another host; consumes it."""
        net = self.net
        if not pskb_may_pull(skb, 8) or csum_fold(skb_checksum(skb, 0, skb.len, 0)) != 0:
            kfree_skb(skb, "IGMP_CSUM")
            return
        type = skb.get8(skb.data)
        group = skb.get32(skb.data + 4)
        dev = skb.dev
        if type == IGMP_HOST_MEMBERSHIP_QUERY and dev is not None and dev.ip_ptr is not None:
            longest = max(1, skb.get8(skb.data + 1)) * NSEC_PER_DECISECOND
            for member in dev.ip_ptr.mc_list:
                if member != INADDR_ALLHOSTS_GROUP and group in (0, member):
                    self.schedule(dev, member, longest)
        elif type == IGMPV2_HOST_MEMBERSHIP_REPORT and dev is not None:
            # Somebody else has spoken for the group.
            timer = self.pending.pop((dev.ifindex, group), None)
            if timer is not None:
                net.timers.del_timer(timer)
        consume_skb(skb)

    def schedule(self, dev, group, longest):
        timer = self.pending.get((dev.ifindex, group))
        if timer is None:
            timer = report_timer()
            timer.igmp = self
            timer.dev = dev
            timer.group = group
            self.pending[(dev.ifindex, group)] = timer
        self.net.timers.mod_timer(timer, self.net.timers.now() + self.net.random.randrange(longest))

    def report_due(self, timer):
        self.pending.pop((timer.dev.ifindex, timer.group), None)
        if timer.dev.flags & IFF_UP:
            self.send(timer.dev, timer.group, IGMPV2_HOST_MEMBERSHIP_REPORT, timer.group)

    def purge(self):
        """Cancel every report (the kernel goes down)."""
        for timer in self.pending.values():
            self.net.timers.del_timer(timer)
        self.pending = {}


def ip_mc_join_group(sk, group, dev):
    """IP_ADD_MEMBERSHIP: 0, -EINVAL, -ENODEV, -EADDRINUSE when joined already, -ENOBUFS past the limit."""
    if not ipv4_is_multicast(group):
        return -EINVAL
    if dev is None:
        return -ENODEV
    if (group, dev.ifindex) in sk.mc_list:
        return -EADDRINUSE
    if len(sk.mc_list) >= sk.net.sysctl_igmp_max_memberships:
        return -ENOBUFS
    sk.mc_list.append((group, dev.ifindex))
    igmp = sk.net.igmp
    igmp.join(dev, group)
    return 0


def ip_mc_leave_group(sk, group, dev):
    """IP_DROP_MEMBERSHIP: 0 or -EADDRNOTAVAIL when the socket is no member."""
    if dev is None:
        return -ENODEV
    if (group, dev.ifindex) not in sk.mc_list:
        return -EADDRNOTAVAIL
    sk.mc_list.remove((group, dev.ifindex))
    igmp = sk.net.igmp
    igmp.leave(dev, group)
    return 0


def ip_mc_drop_socket(sk):
    """The socket is closed: leave what it has joined."""
    igmp = sk.net.igmp
    for group, ifindex in sk.mc_list:
        for dev in for_each_netdev(sk.net):
            if dev.ifindex == ifindex:
                igmp.leave(dev, group)
    sk.mc_list = []


def ip_mc_sf_allow(sk, group, ifindex):
    """True when a packet to `group` that came in by `ifindex` is for this socket (IP_MULTICAST_ALL: for all)."""
    if not sk.mc_list:
        return sk.mc_all
    for member, index in sk.mc_list:
        if member == group and index == ifindex:
            return True
    return sk.mc_all and not ipv4_is_local_multicast(group)
