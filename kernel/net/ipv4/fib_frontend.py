"""Routes from outside: struct rtentry of SIOCADDRT and SIOCDELRT, /proc/net/route, and routes from code."""

from kernel.net.core.dev import dev_get_by_name
from kernel.net.ipv4.fib import fib_info, inet_make_mask, inet_mask_len
from kernel.uapi.errno import EAFNOSUPPORT, EEXIST, EFAULT, EINVAL, ENETDOWN, ENETUNREACH, ENODEV
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
    RTN_ANYCAST,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MAX,
    RTN_PROHIBIT,
    RTN_THROW,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTPROT_BOOT,
)
from kernel.uapi.socket import AF_INET
from kernel.uapi.sockios import SIOCADDRT

# The widest scope that a route of a type can have; of the others everywhere.
NATURAL_SCOPE = {RTN_LOCAL: RT_SCOPE_HOST, RTN_BROADCAST: RT_SCOPE_LINK, RTN_ANYCAST: RT_SCOPE_LINK}


class fib_config:
    """A route as somebody wants it; `why` says in words what is wrong with it (Linux: struct fib_config)."""

    def __init__(self, dst, plen, gw=0, dev=None, type=RTN_UNICAST, table=RT_TABLE_MAIN):
        self.dst = dst
        self.plen = plen
        self.gw = gw
        self.dev = dev
        self.type = type
        self.table = table
        # None: what suits the type and the gateway.
        self.scope = None
        self.metric = 0
        self.prefsrc = 0
        self.mtu = 0
        self.locks = 0
        self.advmss = 0
        self.initcwnd = 0
        self.initrwnd = 0
        self.onlink = False
        self.protocol = RTPROT_BOOT
        self.why = ""

    def error(self, number, text):
        self.why = text
        return -number


def fib_create_info(net, cfg):
    """The route that `cfg` describes, or a negative errno (an int); the device of a gateway is found by looking it up.

    -ENETUNREACH for a gateway that is not on a link, -ENETDOWN for a device that is down, -ENODEV for none.
    """
    if not 0 <= cfg.plen <= 32:
        return cfg.error(EINVAL, "Invalid prefix length")
    if cfg.dst & ~inet_make_mask(cfg.plen) & 0xFFFFFFFF:
        return cfg.error(EINVAL, "Invalid prefix for given prefix length")
    if not RTN_UNICAST <= cfg.type <= RTN_MAX:
        return cfg.error(EINVAL, "Invalid type")
    if cfg.scope is None:
        cfg.scope = NATURAL_SCOPE.get(cfg.type, RT_SCOPE_UNIVERSE)
        if cfg.type == RTN_UNICAST and not cfg.gw:
            cfg.scope = RT_SCOPE_LINK
    if NATURAL_SCOPE.get(cfg.type, RT_SCOPE_UNIVERSE) > cfg.scope or cfg.scope > RT_SCOPE_HOST:
        return cfg.error(EINVAL, "Invalid scope")
    if cfg.type in (RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW):
        if cfg.gw or cfg.dev is not None:
            return cfg.error(EINVAL, "Gateway, device and multipath can not be specified for this route type")
    else:
        err = fib_check_nexthop(net, cfg)
        if err < 0:
            return err
    if cfg.prefsrc and not (cfg.type == RTN_LOCAL and cfg.prefsrc == cfg.dst):
        if net.fib.inet_addr_type(cfg.prefsrc) != RTN_LOCAL:
            return cfg.error(EINVAL, "Invalid prefsrc address")
    fi = fib_info(cfg.dst, cfg.plen, cfg.type, cfg.scope, cfg.dev, cfg.gw, cfg.prefsrc, cfg.metric)
    fi.mtu = cfg.mtu
    fi.locks = cfg.locks
    fi.advmss = cfg.advmss
    fi.initcwnd = cfg.initcwnd
    fi.initrwnd = cfg.initrwnd
    fi.onlink = cfg.onlink
    fi.protocol = cfg.protocol
    return fi


def fib_check_nexthop(net, cfg):
    """Find the device of `cfg`, and look whether its gateway can be spoken to; 0 or a negative errno."""
    if cfg.scope == RT_SCOPE_HOST:
        if cfg.gw:
            return cfg.error(EINVAL, "Route with host scope can not have a gateway")
        cfg.dev = cfg.dev if cfg.dev is not None else net.loopback_dev
        return 0
    if not cfg.gw:
        if cfg.dev is None or cfg.dev.ip_ptr is None:
            return -ENODEV
        return 0 if cfg.dev.flags & IFF_UP else cfg.error(ENETDOWN, "Device for nexthop is not up")
    if cfg.onlink:
        if cfg.scope >= RT_SCOPE_LINK:
            return cfg.error(EINVAL, "Nexthop has invalid scope")
        if cfg.dev is None:
            return cfg.error(ENODEV, "Nexthop device required for onlink")
        if not cfg.dev.flags & IFF_UP:
            return cfg.error(ENETDOWN, "Nexthop device is not up")
        return 0
    # A route by another gateway says nothing about where this one is, however long its prefix.
    scope = max(cfg.scope + 1, RT_SCOPE_LINK)
    nexthop = net.fib.lookup(cfg.gw, cfg.dev.ifindex if cfg.dev is not None else 0, scope=scope)
    if nexthop is None or nexthop.scope < RT_SCOPE_LINK:
        return cfg.error(ENETUNREACH, "Nexthop has invalid gateway")
    if nexthop.type not in (RTN_UNICAST, RTN_LOCAL) or nexthop.scope <= cfg.scope:
        return cfg.error(EINVAL, "Nexthop has invalid gateway")
    cfg.dev = nexthop.dev
    return 0 if cfg.dev.flags & IFF_UP else cfg.error(ENETDOWN, "Nexthop device is not up")


def fib_add_route(net, dst, plen, gw=0, dev=None, type=RTN_UNICAST, metric=0, prefsrc=0, mtu=0, table=RT_TABLE_MAIN):
    """Add a route; 0 or a negative errno (`fib_create_info`, `FIB.add`).

    A route of type RTN_LOCAL makes a whole prefix ours ("AnyIP"); its device is lo when none is named.
    """
    cfg = fib_config(dst, plen, gw, dev, type, table)
    cfg.metric = metric
    cfg.prefsrc = prefsrc
    cfg.mtu = mtu
    fi = fib_create_info(net, cfg)
    return fi if isinstance(fi, int) else net.fib.add(fi, table)


def ip_rt_ioctl(net, cmd, entry, device_name):
    """SIOCADDRT or SIOCDELRT with the bytes of a struct rtentry; 0 or a negative errno.

    `device_name` is the string that it points to: "" for none, None for one that can not be read.
    """
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
    dev = None
    if device_name is None:
        return -EFAULT
    if device_name:
        dev = dev_get_by_name(net, device_name.partition(":")[0])
        if dev is None:
            return -ENODEV
    gw = 0
    gateway_family, gateway = rtentry_address(entry, RTENTRY_GATEWAY)
    if gateway_family == AF_INET and gateway:
        gw = gateway
        if flags & RTF_GATEWAY and net.fib.inet_addr_type(gw) in (RTN_LOCAL, RTN_BROADCAST):
            return -EINVAL
    if cmd == SIOCADDRT and flags & RTF_GATEWAY and gw == 0:
        return -EINVAL
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
