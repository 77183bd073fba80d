"""Routes from outside: struct rtentry of SIOCADDRT and SIOCDELRT, /proc/net/route, and routes from code."""

from kernel.net.core.dev import dev_get_by_name
from kernel.net.ipv4.fib import fib_info, inet_make_mask, inet_mask_len
from kernel.uapi.errno import EAFNOSUPPORT, EEXIST, EINVAL, ENETDOWN, ENETUNREACH, ENODEV
from kernel.uapi.if_ import IFF_UP
from kernel.uapi.route import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN,
    RTENTRY_DST,
    RTENTRY_FLAGS,
    RTENTRY_GATEWAY,
    RTENTRY_GENMASK,
    RTENTRY_METRIC,
    RTENTRY_MTU,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_MTU,
    RTF_REJECT,
    RTF_UP,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_PROHIBIT,
    RTN_UNICAST,
    RTN_UNREACHABLE,
)
from kernel.uapi.socket import AF_INET
from kernel.uapi.sockios import SIOCADDRT


def fib_add_route(net, dst, plen, gw=0, dev=None, type=RTN_UNICAST, metric=0, prefsrc=0, mtu=0, table=RT_TABLE_MAIN):
    """Add a route; the device of a gateway is found by looking the gateway up.  0 or a negative errno.

    -ENETUNREACH for a gateway that is not on a link, -ENETDOWN for a device that is down.  A route of type RTN_LOCAL
    makes a whole prefix ours ("AnyIP"); its device is lo when none is named.
    """
    if not 0 <= plen <= 32 or dst & ~inet_make_mask(plen) & 0xFFFFFFFF:
        return -EINVAL
    scope = RT_SCOPE_UNIVERSE
    if type == RTN_LOCAL:
        scope = RT_SCOPE_HOST
        dev = dev if dev is not None else net.loopback_dev
    elif type == RTN_UNICAST:
        if gw:
            nexthop = net.fib.lookup(gw, dev.ifindex if dev is not None else 0)
            if nexthop is None or nexthop.type != RTN_UNICAST or nexthop.scope < RT_SCOPE_LINK:
                return -EINVAL if nexthop is not None and nexthop.type == RTN_LOCAL else -ENETUNREACH
            dev = nexthop.dev
        else:
            scope = RT_SCOPE_LINK
        if dev is None:
            return -ENODEV
        if not dev.flags & IFF_UP:
            return -ENETDOWN
    fi = fib_info(dst, plen, type, scope, dev, gw, prefsrc, metric)
    fi.mtu = mtu
    return net.fib.add(fi, table)


def ip_rt_ioctl(net, cmd, entry, device_name):
    """SIOCADDRT or SIOCDELRT with the bytes of a struct rtentry; 0 or a negative errno."""
    flags = int.from_bytes(entry[RTENTRY_FLAGS : RTENTRY_FLAGS + 2], "little")
    family, dst = rtentry_address(entry, RTENTRY_DST)
    if family != AF_INET:
        return -EAFNOSUPPORT
    mask_family, mask = rtentry_address(entry, RTENTRY_GENMASK)
    plen = 32
    if not flags & RTF_HOST:
        if mask_family not in (AF_INET, 0) or (mask_family == 0 and mask):
            return -EAFNOSUPPORT
        plen = inet_mask_len(mask)
        if plen < 0 or dst & ~mask & 0xFFFFFFFF:
            return -EINVAL
    gw = 0
    gateway_family, gateway = rtentry_address(entry, RTENTRY_GATEWAY)
    if gateway_family == AF_INET and gateway:
        gw = gateway
        if flags & RTF_GATEWAY and net.fib.inet_addr_type(gw) in (RTN_LOCAL, RTN_BROADCAST):
            return -EINVAL
    if cmd == SIOCADDRT and flags & RTF_GATEWAY and gw == 0:
        return -EINVAL
    dev = None
    if device_name:
        dev = dev_get_by_name(net, device_name.partition(":")[0])
        if dev is None:
            return -ENODEV
    # The interface counts metrics from 1, the tables from 0.
    metric = max(0, int.from_bytes(entry[RTENTRY_METRIC : RTENTRY_METRIC + 2], "little", signed=True) - 1)
    if cmd != SIOCADDRT:
        type = RTN_UNREACHABLE if flags & RTF_REJECT else 0
        return net.fib.delete(dst, plen, gw, dev, metric, type)
    mtu = int.from_bytes(entry[RTENTRY_MTU : RTENTRY_MTU + 8], "little") if flags & RTF_MTU else 0
    if flags & RTF_REJECT:
        return fib_add_route(net, dst, plen, type=RTN_UNREACHABLE, metric=metric)
    for present in (net.fib.main.prefixes[plen] or {}).get(dst, ()):
        if present.metric == metric and present.type == RTN_UNICAST and (gw == 0 or present.gw == gw):
            if dev is None or present.dev is dev:
                return -EEXIST
    return fib_add_route(net, dst, plen, gw, dev, metric=metric, mtu=mtu)


def rtentry_address(entry, at):
    """(family, address) of the sockaddr_in at byte `at`."""
    return int.from_bytes(entry[at : at + 2], "little"), int.from_bytes(entry[at + 4 : at + 8], "big")


def route_flags(fi):
    """The RTF_* flags that /proc/net/route shows."""
    flags = RTF_REJECT if fi.type in (RTN_UNREACHABLE, RTN_PROHIBIT) else RTF_UP
    if fi.gw:
        flags |= RTF_GATEWAY
    if fi.plen == 32:
        flags |= RTF_HOST
    return flags


def proc_net_route(net):
    """The text of /proc/net/route: the main table, addresses as little-endian hexadecimal."""
    header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
    lines = [header.ljust(127) + "\n"]
    for fi in net.fib.main.all():
        if fi.type in (RTN_BROADCAST, RTN_LOCAL, RTN_BLACKHOLE):
            continue
        name = fi.dev.name if fi.dev is not None else "*"
        line = (
            f"{name}\t{swapped(fi.dst)}\t{swapped(fi.gw)}\t{route_flags(fi):04X}\t0\t0\t{fi.metric}\t"
            f"{swapped(inet_make_mask(fi.plen))}\t{fi.mtu}\t0\t0"
        )
        lines.append(line.ljust(127) + "\n")
    return "".join(lines)


def swapped(address):
    """An address as the eight hexadecimal digits that a little-endian Linux prints."""
    return address.to_bytes(4, "big")[::-1].hex().upper()
