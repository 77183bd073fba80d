"""Routing: from addresses to an `rtable`, for packets that we send and for packets that arrive.

A lookup in the FIB (fib.py) also picks the source address, decides whether a packet is ours, and refuses martians
(RFC 1812 section 5.3.7).  Results are kept in two direct-mapped caches, which a change of `Net.rt_genid` empties; path
MTUs and better gateways that routers have reported live in `exceptions`, by destination, until they expire.
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
from kernel.uapi.errno import EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, EXDEV
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_UP
from kernel.uapi.in_ import INADDR_LOOPBACK, inet_ntoa
from kernel.uapi.route import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
)
from kernel.uapi.rtnetlink import RTAX_MTU

ROUTE_CACHE_SIZE = 512
MAX_EXCEPTIONS = 4096
# How long a redirect holds (Linux: ip_rt_gc_timeout), ns.
GC_TIMEOUT = 300 * 1000000000


class fib_nh_exception:
    """What routers have told about the path to one destination: an MTU (0: none), a better gateway (0: none)."""

    def __init__(self, pmtu, expires, locked, gw):
        self.pmtu = pmtu
        self.expires = expires
        self.locked = locked
        self.gw = gw


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


def ip_route_output(net, daddr, saddr=0, tos=0, oif=0, mark=0):
    """The rtable for a packet to `daddr`, or a negative errno (an int).

    `saddr` 0: the route chooses (rtable.saddr); `oif` 0: any device; `mark` is for the rules (SO_MARK).
    """
    rt = ip_route_output_key(net, daddr, saddr, oif, mark)
    if rt is None:
        ip = net.ip
        return ip.route_error
    return rt


def ip_route_output_key(net, daddr, saddr, oif, mark=0):
    """As ip_route_output, but None on failure with the errno in `net.ip.route_error`."""
    ip = net.ip
    slot = net.hash2(daddr, saddr ^ oif ^ mark) & (ROUTE_CACHE_SIZE - 1)
    rt = ip.output_cache[slot]
    if (
        rt is not None
        and rt.key_daddr == daddr
        and rt.key_saddr == saddr
        and rt.key_oif == oif
        and rt.key_mark == mark
        and rt.genid == net.rt_genid
        and (rt.expires == 0 or net.timers.now() < rt.expires)
    ):
        return rt
    rt = route_output_slow(net, daddr, saddr, oif, mark)
    if rt is not None:
        rt.key_daddr = daddr
        rt.key_saddr = saddr
        rt.key_oif = oif
        rt.key_mark = mark
        ip.output_cache[slot] = rt
    return rt


def route_output_slow(net, daddr, saddr, oif, mark):
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
                return no_route(ip, -ENETUNREACH)
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
    fi = fib.lookup(daddr, oif, saddr, 0, mark)
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
        rt.mtu_locked = fi.locks >> RTAX_MTU & 1 != 0
    if fi is not None:
        rt.advmss = fi.advmss
        rt.initcwnd = fi.initcwnd
        rt.initrwnd = fi.initrwnd
    rt.mtu = mtu
    exception = ip.exceptions.get(daddr)
    if exception is not None:
        if net.timers.now() >= exception.expires:
            del ip.exceptions[daddr]
        else:
            if 0 < exception.pmtu < mtu and not rt.mtu_locked:
                rt.mtu = exception.pmtu
                rt.mtu_locked = exception.locked
                rt.expires = exception.expires
            if exception.gw and rt.rt_gateway:
                rt.rt_gateway = exception.gw
                rt.expires = exception.expires
    return rt


def ip_rt_update_pmtu(net, daddr, mtu):
    """A router says that packets to `daddr` must not exceed `mtu`: kept for net.ipv4.route.mtu_expires."""
    rt = ip_route_output_key(net, daddr, 0, 0)
    if rt is None or mtu >= rt.mtu or rt.mtu_locked:
        return
    locked = False
    if mtu < net.sysctl_min_pmtu:
        mtu = net.sysctl_min_pmtu
        if mtu > rt.mtu:
            mtu = rt.mtu
        locked = True
    exception = find_exception(net, daddr)
    exception.pmtu = mtu
    exception.locked = locked
    exception.expires = net.timers.now() + net.sysctl_mtu_expires


def ip_rt_redirect(net, daddr, gateway, sender, dev):
    """The router `sender` says that `gateway` is the better next hop to `daddr` (RFC 1122 section 3.2.2.2).

    Believed only from the router that we use, for a gateway on the same link, where the interface accepts redirects.
    """
    cnf = dev.ip_ptr.cnf
    if gateway == sender or not net.devconf.accepts_redirects(cnf) or net.fib.inet_addr_type(gateway) != RTN_UNICAST:
        return
    rt = ip_route_output_key(net, daddr, 0, 0)
    if rt is None or rt.dev is not dev or rt.rt_gateway != sender:
        return
    direct = ip_route_output_key(net, gateway, 0, dev.ifindex)
    if direct is None or direct.rt_gateway:
        return
    exception = find_exception(net, daddr)
    exception.gw = gateway
    exception.expires = max(exception.expires, net.timers.now() + GC_TIMEOUT)


def find_exception(net, daddr):
    """The exception of `daddr`, made when there is none; routes look again."""
    ip = net.ip
    net.fib.changed()
    exception = ip.exceptions.get(daddr)
    if exception is None or net.timers.now() >= exception.expires:
        if len(ip.exceptions) >= MAX_EXCEPTIONS and daddr not in ip.exceptions:
            # The oldest entry makes room (dictionaries keep their order).
            del ip.exceptions[next(iter(ip.exceptions))]
        exception = ip.exceptions[daddr] = fib_nh_exception(0, 0, False, 0)
    return exception


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
        if saddr and validate_source(net, saddr, dev) < 0:
            return martian(net, daddr, saddr, dev)
        return make_input_route(net, dev, RTN_BROADCAST, ip.local_deliver)
    if ipv4_is_zeronet(saddr) or ipv4_is_zeronet(daddr):
        return martian(net, daddr, saddr, dev)
    if not loopback and (ipv4_is_loopback(daddr) or ipv4_is_loopback(saddr)):
        if not net.devconf.either(dev.ip_ptr.cnf, "route_localnet"):
            return martian(net, daddr, saddr, dev)
    fi = fib.lookup(daddr, 0, saddr, dev.ifindex)
    valid = validate_source(net, saddr, dev)
    if valid < 0:
        return martian(net, daddr, saddr, dev)
    if fi is not None and fi.type == RTN_BROADCAST:
        return make_input_route(net, dev, RTN_BROADCAST, ip.local_deliver)
    if fi is not None and fi.type == RTN_LOCAL:
        return make_input_route(net, dev, RTN_LOCAL, ip.local_deliver)
    if not dev.ip_ptr.cnf.forwarding:
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
    rt.do_redirect = valid > 0 and fi.dev is dev and may_redirect(net, dev, saddr, fi.gw if fi.gw else daddr)
    return rt


def validate_source(net, saddr, dev):
    """Whether a packet from `saddr` may come in by `dev` (RFC 1122 section 3.2.1.3, RFC 3704): 1 from the link itself,
    0 from beyond, -EINVAL never, -EXDEV by another interface only (rp_filter).
    """
    if dev.flags & IFF_LOOPBACK:
        return 0
    devconf = net.devconf
    cnf = dev.ip_ptr.cnf
    fi = net.fib.lookup(saddr, 0, 0, dev.ifindex)
    if fib_error(fi):
        fi = None
    if fi is not None and fi.type != RTN_UNICAST:
        if fi.type == RTN_LOCAL and (devconf.either(cnf, "accept_local") or net.fib.local_address(saddr) is None):
            return 0
        return -EINVAL
    reverse = devconf.larger(cnf, "rp_filter")
    if fi is not None and fi.dev is dev:
        return 1 if fi.gw == 0 else 0
    if reverse == 1 or (reverse == 2 and fi is None):
        net.mib.TcpExtIPReversePathFilter += 1
        return -EXDEV
    return 0


def martian(net, daddr, saddr, dev):
    """A packet that can not have come from where it came from: dropped, and told where log_martians asks for it."""
    if net.devconf.either(dev.ip_ptr.cnf, "log_martians"):
        text = f"IPv4: martian source {inet_ntoa(daddr)} from {inet_ntoa(saddr)}, on dev {dev.name}"
        net.kernel.printk.printk(text)
    return no_route(net.ip, -EINVAL)


def may_redirect(net, dev, saddr, nexthop):
    """True when a sender on the link of `dev` may be told about `nexthop` on the same link."""
    devconf = net.devconf
    cnf = dev.ip_ptr.cnf
    if not devconf.either(cnf, "send_redirects"):
        return False
    if devconf.either(cnf, "shared_media"):
        return True
    for ifa in dev.ip_ptr.ifa_list:
        if (saddr ^ ifa.ifa_address) & ifa.ifa_mask == 0 and (nexthop ^ ifa.ifa_address) & ifa.ifa_mask == 0:
            return True
    return False


def make_input_route(net, dev, type, input_ops):
    rt = rtable(dev, net.rt_genid)
    rt.rt_type = type
    rt.is_input = True
    rt.input_ops = input_ops
    return rt
