"""Routing: from addresses to an `rtable`, for packets that we send and for packets that arrive.

A lookup in the FIB (fib.py) also picks the source address, decides whether a packet is ours, and refuses martians
(RFC 1812 section 5.3.7).  Results are kept in two direct-mapped caches, which a change of `Net.rt_genid` empties; path
MTUs that routers have reported live in `exceptions`, by destination, until they expire.
"""

from kernel.net.core.dev import dev_get_by_index
from kernel.net.core.dst import rtable
from kernel.net.ipv4.fib import (
    fib_error,
    ipv4_is_lbcast,
    ipv4_is_local_multicast,
    ipv4_is_loopback,
    ipv4_is_multicast,
    ipv4_is_zeronet,
)
from kernel.uapi.errno import EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_UP
from kernel.uapi.in_ import INADDR_LOOPBACK
from kernel.uapi.route import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
)

ROUTE_CACHE_SIZE = 512
MAX_PMTU_EXCEPTIONS = 4096


class pmtu_exception:
    """What a router has told about the path to one destination."""

    def __init__(self, pmtu, expires, locked):
        self.pmtu = pmtu
        self.expires = expires
        self.locked = locked


class ip_state:
    """The IP layer of one network namespace: what becomes of packets on each kind of route, and the caches."""

    def __init__(self, net, local_deliver, forward, error, output, mc_output):
        self.net = net
        self.local_deliver = local_deliver
        self.forward = forward
        self.error = error
        self.output = output
        self.mc_output = mc_output
        self.output_cache = [None] * ROUTE_CACHE_SIZE
        self.input_cache = [None] * ROUTE_CACHE_SIZE
        self.exceptions = {}
        # Why the last lookup found nothing (negative errno).
        self.route_error = 0
        self.output_lookups = 0
        self.input_lookups = 0

    def flush(self):
        """Forget every cached route."""
        self.output_cache = [None] * ROUTE_CACHE_SIZE
        self.input_cache = [None] * ROUTE_CACHE_SIZE


def rt_is_valid(net, rt):
    """True while a cached route may be followed."""
    return rt.genid == net.rt_genid and (rt.expires == 0 or net.timers.now() < rt.expires)


# --- output ---


def ip_route_output(net, daddr, saddr=0, tos=0, oif=0):
    """The rtable for a packet to `daddr`, or a negative errno (an int).

    `saddr` 0: the route chooses (rtable.saddr); `oif` 0: any device.
    """
    rt = ip_route_output_key(net, daddr, saddr, oif)
    if rt is None:
        ip = net.ip
        return ip.route_error
    return rt


def ip_route_output_key(net, daddr, saddr, oif):
    """As ip_route_output, but None on failure with the errno in `net.ip.route_error`."""
    ip = net.ip
    slot = net.hash2(daddr, saddr ^ oif) & (ROUTE_CACHE_SIZE - 1)
    rt = ip.output_cache[slot]
    if (
        rt is not None
        and rt.key_daddr == daddr
        and rt.key_saddr == saddr
        and rt.key_oif == oif
        and rt.genid == net.rt_genid
        and (rt.expires == 0 or net.timers.now() < rt.expires)
    ):
        return rt
    rt = route_output_slow(net, daddr, saddr, oif)
    if rt is not None:
        rt.key_daddr = daddr
        rt.key_saddr = saddr
        rt.key_oif = oif
        ip.output_cache[slot] = rt
    return rt


def route_output_slow(net, daddr, saddr, oif):
    """Look a destination up in the FIB and pick the source address (Linux: ip_route_output_key_hash_rcu)."""
    ip = net.ip
    fib = net.fib
    devinet = net.devinet
    ip.output_lookups += 1
    dev = None
    if saddr:
        if ipv4_is_multicast(saddr) or ipv4_is_lbcast(saddr) or ipv4_is_zeronet(saddr):
            return no_route(ip, -EINVAL)
        if oif == 0 and (ipv4_is_multicast(daddr) or ipv4_is_lbcast(daddr)):
            # Multicast and broadcast leave by the device that owns the source address.
            dev = devinet.ip_dev_find(saddr)
            if dev is None and fib.inet_addr_type(saddr) == RTN_LOCAL:
                # Of a whole local subnet: that of lo.
                dev = fib.lookup(saddr).dev
            if dev is None:
                return no_route(ip, -EINVAL)
            oif = dev.ifindex
    if oif:
        dev = dev_get_by_index(net, oif)
        if dev is None:
            return no_route(ip, -ENODEV)
        if not dev.flags & IFF_UP or dev.ip_ptr is None:
            return no_route(ip, -ENETUNREACH)
        if ipv4_is_local_multicast(daddr) or ipv4_is_lbcast(daddr):
            if saddr == 0:
                saddr = devinet.inet_select_addr(dev, 0, RT_SCOPE_LINK)
            return make_output_route(net, daddr, saddr, dev, RTN_UNICAST, None)
        if saddr == 0 and ipv4_is_multicast(daddr):
            saddr = devinet.inet_select_addr(dev, 0, RT_SCOPE_UNIVERSE)
        elif saddr == 0 and daddr == 0:
            saddr = devinet.inet_select_addr(dev, 0, RT_SCOPE_HOST)
    if daddr == 0:
        # The unspecified address as a destination means this host.
        daddr = saddr if saddr else INADDR_LOOPBACK
        return make_output_route(net, daddr, daddr, net.loopback_dev, RTN_LOCAL, None)
    fi = fib.lookup(daddr, oif)
    err = fib_error(fi)
    if err:
        if oif and fi is None:
            # Asked for a device without a route: assume that the destination is on its link.
            if saddr == 0:
                saddr = devinet.inet_select_addr(dev, 0, RT_SCOPE_LINK)
            return make_output_route(net, daddr, saddr, dev, RTN_UNICAST, None)
        return no_route(ip, err)
    if fi.type == RTN_LOCAL:
        if saddr == 0:
            saddr = fi.prefsrc if fi.prefsrc else daddr
            if fi.plen < 32 and fi.prefsrc == 0:
                saddr = daddr
        return make_output_route(net, daddr, saddr, net.loopback_dev, RTN_LOCAL, fi)
    if oif == 0 or dev is None:
        dev = fi.dev
    if saddr == 0:
        saddr = fi.prefsrc
        if saddr == 0:
            saddr = devinet.inet_select_addr(dev, fi.gw, fi.scope)
    return make_output_route(net, daddr, saddr, dev, fi.type, fi)


def no_route(ip, err):
    ip.route_error = err


def make_output_route(net, daddr, saddr, dev, type, fi):
    """The rtable for a decision that has been made (Linux: __mkroute_output)."""
    ip = net.ip
    if dev is None:
        return no_route(ip, -ENETUNREACH)
    if ipv4_is_loopback(saddr) and not dev.flags & IFF_LOOPBACK:
        return no_route(ip, -EINVAL)
    if ipv4_is_lbcast(daddr):
        type = RTN_BROADCAST
    elif ipv4_is_multicast(daddr):
        type = RTN_MULTICAST
    elif ipv4_is_zeronet(daddr):
        return no_route(ip, -EINVAL)
    if not dev.flags & IFF_UP:
        return no_route(ip, -ENETUNREACH)
    rt = rtable(dev, net.rt_genid)
    rt.rt_type = type
    rt.saddr = saddr
    rt.output_ops = ip.output
    if type == RTN_LOCAL:
        rt.input_ops = ip.local_deliver
    elif type in (RTN_BROADCAST, RTN_MULTICAST):
        rt.output_ops = ip.mc_output
    elif fi is not None:
        rt.rt_gateway = fi.gw
    # No packet is longer than its 16-bit length says, whatever the device takes.
    mtu = min(dev.mtu, 65535)
    if fi is not None and fi.mtu:
        mtu = min(mtu, fi.mtu)
    rt.mtu = mtu
    exception = ip.exceptions.get(daddr)
    if exception is not None:
        if net.timers.now() >= exception.expires:
            del ip.exceptions[daddr]
        elif exception.pmtu < mtu:
            rt.mtu = exception.pmtu
            rt.mtu_locked = exception.locked
            rt.expires = exception.expires
    return rt


def ip_rt_update_pmtu(net, daddr, mtu):
    """A router says that packets to `daddr` must not exceed `mtu`: kept for net.ipv4.route.mtu_expires."""
    ip = net.ip
    rt = ip_route_output_key(net, daddr, 0, 0)
    if rt is None or mtu >= rt.mtu:
        return
    locked = False
    if mtu < net.sysctl_min_pmtu:
        mtu = net.sysctl_min_pmtu
        if mtu > rt.mtu:
            mtu = rt.mtu
        locked = True
    if len(ip.exceptions) >= MAX_PMTU_EXCEPTIONS and daddr not in ip.exceptions:
        # The oldest entry makes room (dictionaries keep their order).
        del ip.exceptions[next(iter(ip.exceptions))]
    ip.exceptions[daddr] = pmtu_exception(mtu, net.timers.now() + net.sysctl_mtu_expires, locked)
    net.fib.changed()


# --- input ---


def ip_route_input(skb, daddr, saddr, dev):
    """Find the route of a received packet and hang it on `skb.dst`: 0 or a negative errno (nothing is consumed)."""
    net = dev.net
    ip = net.ip
    iif = dev.ifindex
    slot = net.hash2(daddr, saddr ^ iif) & (ROUTE_CACHE_SIZE - 1)
    rt = ip.input_cache[slot]
    if (
        rt is not None
        and rt.key_daddr == daddr
        and rt.key_saddr == saddr
        and rt.key_oif == iif
        and rt.genid == net.rt_genid
    ):
        skb.dst = rt
        return 0
    rt = route_input_slow(net, daddr, saddr, dev)
    if rt is None:
        return ip.route_error
    rt.key_daddr = daddr
    rt.key_saddr = saddr
    rt.key_oif = iif
    rt.rt_iif = iif
    if rt.expires == 0:
        ip.input_cache[slot] = rt
    skb.dst = rt
    return 0


def route_input_slow(net, daddr, saddr, dev):
    """Decide about a received packet (Linux: ip_route_input_slow and ip_route_input_mc)."""
    ip = net.ip
    fib = net.fib
    ip.input_lookups += 1
    loopback = dev.flags & IFF_LOOPBACK != 0
    if dev.ip_ptr is None:
        return no_route(ip, -EINVAL)
    if ipv4_is_multicast(saddr) or ipv4_is_lbcast(saddr):
        return no_route(ip, -EINVAL)
    if ipv4_is_multicast(daddr):
        if daddr not in dev.ip_ptr.mc_list and not loopback:
            return no_route(ip, -EINVAL)
        if ipv4_is_loopback(saddr) and not loopback:
            return no_route(ip, -EINVAL)
        if ipv4_is_zeronet(saddr) and not (saddr == 0 and ipv4_is_local_multicast(daddr)):
            return no_route(ip, -EINVAL)
        return make_input_route(net, dev, RTN_MULTICAST, ip.local_deliver)
    if ipv4_is_lbcast(daddr) or (saddr == 0 and daddr == 0):
        if saddr and forged_source(net, saddr, loopback):
            return no_route(ip, -EINVAL)
        return make_input_route(net, dev, RTN_BROADCAST, ip.local_deliver)
    if ipv4_is_zeronet(saddr) or ipv4_is_zeronet(daddr):
        return no_route(ip, -EINVAL)
    if not loopback and (ipv4_is_loopback(daddr) or ipv4_is_loopback(saddr)):
        return no_route(ip, -EINVAL)
    if forged_source(net, saddr, loopback):
        return no_route(ip, -EINVAL)
    fi = fib.lookup(daddr)
    if fi is not None and fi.type == RTN_BROADCAST:
        return make_input_route(net, dev, RTN_BROADCAST, ip.local_deliver)
    if fi is not None and fi.type == RTN_LOCAL:
        return make_input_route(net, dev, RTN_LOCAL, ip.local_deliver)
    if not net.sysctl_ip_forward:
        rt = make_input_route(net, dev, RTN_UNICAST, ip.error)
        ip.route_error = -EHOSTUNREACH
        return rt
    err = fib_error(fi)
    if err:
        # Blackholes stay silent; the others are answered by ip_error.
        if err == -EINVAL:
            return no_route(ip, err)
        return make_input_route(net, dev, fi.type if fi is not None else RTN_UNICAST, ip.error)
    rt = make_input_route(net, fi.dev, RTN_UNICAST, ip.forward)
    rt.output_ops = ip.output
    rt.rt_gateway = fi.gw
    rt.mtu = min(fi.dev.mtu, 65535)
    if fi.mtu:
        rt.mtu = min(rt.mtu, fi.mtu)
    return rt


def forged_source(net, saddr, loopback):
    """True for a packet from outside whose source is one of our own addresses or a broadcast (RFC 1122 section 3.2.1.3)."""
    if loopback:
        return False
    if net.fib.local_address(saddr) is not None:
        return True
    fi = net.fib.lookup(saddr)
    return fi is not None and fi.type == RTN_BROADCAST


def make_input_route(net, dev, type, input_ops):
    rt = rtable(dev, net.rt_genid)
    rt.rt_type = type
    rt.is_input = True
    rt.input_ops = input_ops
    return rt
