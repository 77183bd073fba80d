"""Routes by rtnetlink: RTM_NEWROUTE, RTM_DELROUTE and RTM_GETROUTE on struct rtmsg (Linux: fib_frontend.c, route.c).

A route has one next hop; RTA_MULTIPATH is refused.  Of the metrics only the MTU, which can be locked, is taken.
"""

from struct import Struct

from kernel.net.core.dev import dev_get_by_index
from kernel.net.core.netdevice import netif_carrier_ok
from kernel.net.core.skbuff import alloc_skb, consume_skb
from kernel.net.ipv4.fib_frontend import fib_config, fib_create_info
from kernel.net.ipv4.route import ip_route_input, ip_route_output
from kernel.net.netlink.attributes import address, nla, nla_address, nla_parse, nla_u32, u32
from kernel.net.netlink.request import BINARY, U32
from kernel.uapi.errno import EINVAL, ENODEV, ENOENT, EOPNOTSUPP, ESRCH
from kernel.uapi.route import (
    RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
)
from kernel.uapi.rtnetlink import (
    RT_TABLE_UNSPEC,
    RTA_CACHEINFO,
    RTA_DST,
    RTA_GATEWAY,
    RTA_IIF,
    RTA_MARK,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_OIF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTA_UID,
    RTAX_ADVMSS,
    RTAX_INITCWND,
    RTAX_INITRWND,
    RTAX_LOCK,
    RTAX_MTU,
    RTM_DELROUTE,
    RTM_F_CLONED,
    RTM_F_LOOKUP_TABLE,
    RTM_GETROUTE,
    RTM_NEWROUTE,
    RTMSG_SIZE,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
)
from kernel.uapi.socket import AF_INET, AF_UNSPEC

RTMSG = Struct("<BBBBBBBBI")
POLICY = {
    RTA_DST: U32, RTA_SRC: U32, RTA_IIF: U32, RTA_OIF: U32, RTA_GATEWAY: U32, RTA_PRIORITY: U32, RTA_PREFSRC: U32,
    RTA_METRICS: BINARY, RTA_MULTIPATH: BINARY, RTA_TABLE: U32, RTA_MARK: U32, RTA_UID: U32,
}  # fmt: skip
# The metrics that a route can have, by their names in fib_info, and what the sizes among them are cut to.
METRICS = {RTAX_MTU: "mtu", RTAX_ADVMSS: "advmss", RTAX_INITCWND: "initcwnd", RTAX_INITRWND: "initrwnd"}
LARGEST_METRIC = {RTAX_MTU: 65535 - 15, RTAX_ADVMSS: 65535 - 40}
U32_MAX = 0xFFFFFFFF
NSEC_PER_CENTISECOND = 10000000
# What rtm_flags say about the kind of a route that was looked up (<linux/in_route.h>).
RTCF_DOREDIRECT = 0x01000000
ROUTE_FLAGS = {RTN_LOCAL: 0x80000000, RTN_BROADCAST: 0x90000000, RTN_MULTICAST: 0x20000000}


def route_message(fi):
    """The payload of RTM_NEWROUTE about a route of a table (Linux: fib_dump_info)."""
    flags = RTNH_F_ONLINK if fi.onlink else 0
    if fi.dev is not None and not netif_carrier_ok(fi.dev):
        flags |= RTNH_F_LINKDOWN
    table = fi.table if fi.table < 256 else 252
    message = RTMSG.pack(AF_INET, fi.plen, 0, 0, table, fi.protocol, fi.scope, fi.type, flags)
    message += nla_u32(RTA_TABLE, fi.table)
    if fi.plen:
        message += nla_address(RTA_DST, fi.dst)
    if fi.metric:
        message += nla_u32(RTA_PRIORITY, fi.metric)
    metrics = b"".join(nla_u32(type, getattr(fi, name)) for type, name in METRICS.items() if getattr(fi, name))
    if fi.locks:
        metrics = nla_u32(RTAX_LOCK, fi.locks) + metrics
    if metrics:
        message += nla(RTA_METRICS, metrics)
    if fi.prefsrc:
        message += nla_address(RTA_PREFSRC, fi.prefsrc)
    if fi.gw:
        message += nla_address(RTA_GATEWAY, fi.gw)
    if fi.dev is not None:
        message += nla_u32(RTA_OIF, fi.dev.ifindex)
    return message


def dump_routes(request):
    """RTM_GETROUTE with NLM_F_DUMP: all tables, or what the header and the attributes select."""
    if not request.payload or request.payload[0] not in (AF_UNSPEC, AF_INET):
        return -EOPNOTSUPP
    routes = request.net.fib.all()
    if len(request.payload) >= RTMSG_SIZE:
        found = request.attributes(RTMSG_SIZE, POLICY)
        if isinstance(found, int):
            return found
        _, _, _, _, table, protocol, _, type, flags = RTMSG.unpack_from(request.payload)
        if flags & RTM_F_CLONED:
            return []
        table = u32(found[RTA_TABLE]) if RTA_TABLE in found else table
        if table not in (RT_TABLE_UNSPEC, *request.net.fib.tables):
            return request.error(ENOENT, "ipv4: FIB table does not exist")
        oif = u32(found[RTA_OIF]) if RTA_OIF in found else 0
        routes = [
            fi for fi in routes
            if table in (RT_TABLE_UNSPEC, fi.table) and protocol in (0, fi.protocol) and type in (0, fi.type)
            and (oif == 0 or (fi.dev is not None and fi.dev.ifindex == oif))
        ]  # fmt: skip
    return [(RTM_NEWROUTE, route_message(fi)) for fi in routes]


# --- what way a packet would take ---


def get_route(request):
    """RTM_GETROUTE: the route that a packet to RTA_DST would take, from RTA_SRC, out of RTA_OIF or in by RTA_IIF."""
    net = request.net
    found = request.attributes(RTMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    if request.payload[0] not in (AF_UNSPEC, AF_INET):
        return -EOPNOTSUPP
    daddr = address(found[RTA_DST]) if RTA_DST in found else 0
    saddr = address(found[RTA_SRC]) if RTA_SRC in found else 0
    oif = u32(found[RTA_OIF]) if RTA_OIF in found else 0
    mark = u32(found[RTA_MARK]) if RTA_MARK in found else 0
    iif = u32(found[RTA_IIF]) if RTA_IIF in found else 0
    if iif:
        rt = input_route(net, daddr, saddr, iif)
    else:
        rt = ip_route_output(net, daddr, saddr, 0, oif, mark)
    if isinstance(rt, int):
        return rt
    fi = net.fib.lookup(daddr, oif, saddr, iif, mark)
    table = RT_TABLE_MAIN
    if RTMSG.unpack_from(request.payload)[8] & RTM_F_LOOKUP_TABLE and fi is not None:
        table = fi.table
    request.reply(RTM_NEWROUTE, looked_up_message(net, rt, daddr, saddr, table, iif, mark))
    return 0


def input_route(net, daddr, saddr, iif):
    """The rtable of a packet that comes in by the device `iif`, or a negative errno."""
    dev = dev_get_by_index(net, iif)
    if dev is None:
        return -ENODEV
    skb = alloc_skb(net.skb_cache, 1)
    err = ip_route_input(skb, daddr, saddr, dev)
    rt = skb.dst
    consume_skb(skb)
    if err == 0 and rt.input_ops is net.ip.error:
        return net.ip.route_error
    return rt if err == 0 else err


def looked_up_message(net, rt, daddr, saddr, table, iif, mark):
    """The payload of RTM_NEWROUTE about an rtable (Linux: rt_fill_info)."""
    flags = RTM_F_CLONED | ROUTE_FLAGS.get(rt.rt_type, 0) | (RTCF_DOREDIRECT if rt.do_redirect else 0)
    message = RTMSG.pack(AF_INET, 32, 32 if saddr else 0, 0, table & 0xFF, 0, RT_SCOPE_UNIVERSE, rt.rt_type, flags)
    message += nla_u32(RTA_TABLE, table) + nla_address(RTA_DST, daddr)
    if saddr:
        message += nla_address(RTA_SRC, saddr)
    message += nla_u32(RTA_OIF, net.loopback_dev.ifindex if rt.is_input and rt.rt_type == RTN_LOCAL else rt.dev.ifindex)
    if not rt.is_input and rt.saddr != saddr:
        message += nla_address(RTA_PREFSRC, rt.saddr)
    if rt.rt_gateway:
        message += nla_address(RTA_GATEWAY, rt.rt_gateway)
    expires = 0
    if rt.expires:
        expires = max(0, rt.expires - net.timers.now()) // NSEC_PER_CENTISECOND
        message += nla(RTA_METRICS, nla_u32(RTAX_MTU, rt.mtu))
    if mark:
        message += nla_u32(RTA_MARK, mark)
    message += nla_u32(RTA_UID, 0)
    if iif:
        message += nla_u32(RTA_IIF, iif)
    return message + nla(RTA_CACHEINFO, bytes(8) + expires.to_bytes(4, "little") + bytes(20))


# --- changing ---


def parse_route(request):
    """(fib_config, the attributes) of a request, or a negative errno."""
    found = request.attributes(RTMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    family, plen, _, tos, table, protocol, scope, type, flags = RTMSG.unpack_from(request.payload)
    if family != AF_INET:
        return -EOPNOTSUPP
    if plen > 32:
        return request.error(EINVAL, "Invalid prefix length")
    if tos:
        return request.error(EINVAL, "Routes by type of service are not supported")
    if RTA_MULTIPATH in found:
        return request.error(EOPNOTSUPP, "Routes of several next hops are not supported")
    table = u32(found[RTA_TABLE]) if RTA_TABLE in found else table
    dst = address(found[RTA_DST]) if RTA_DST in found else 0
    gw = address(found[RTA_GATEWAY]) if RTA_GATEWAY in found else 0
    cfg = fib_config(dst, plen, gw, None, type, table or RT_TABLE_MAIN)
    if RTA_OIF in found:
        cfg.dev = dev_get_by_index(request.net, u32(found[RTA_OIF]))
        if cfg.dev is None:
            return -ENODEV
    cfg.scope = scope
    cfg.protocol = protocol
    cfg.metric = u32(found[RTA_PRIORITY]) if RTA_PRIORITY in found else 0
    cfg.prefsrc = address(found[RTA_PREFSRC]) if RTA_PREFSRC in found else 0
    cfg.onlink = flags & RTNH_F_ONLINK != 0
    return take_metrics(request, cfg, found) or (cfg, found)


def take_metrics(request, cfg, found):
    """Take what RTA_METRICS says; 0 or a negative errno."""
    metrics = nla_parse(found.get(RTA_METRICS, b""))
    if metrics is None:
        return request.error(EINVAL, "Invalid metric type")
    for type, data in metrics.items():
        if type not in (RTAX_LOCK, *METRICS) or len(data) < 4:
            return request.error(EOPNOTSUPP, "Of the metrics only mtu, advmss, initcwnd and initrwnd are supported")
    for type, name in METRICS.items():
        # As on Linux, what no packet could hold is cut to what one can.
        setattr(cfg, name, min(u32(metrics[type]), LARGEST_METRIC.get(type, U32_MAX)) if type in metrics else 0)
    cfg.locks = u32(metrics[RTAX_LOCK]) if RTAX_LOCK in metrics else 0
    return 0


def new_route(request):
    parsed = parse_route(request)
    if isinstance(parsed, int):
        return parsed
    cfg, _ = parsed
    fi = fib_create_info(request.net, cfg)
    if isinstance(fi, int):
        return request.error(-fi, cfg.why)
    return request.net.fib.add(fi, cfg.table, request.flags & ~0xFF)


def delete_route(request):
    parsed = parse_route(request)
    if isinstance(parsed, int):
        return parsed
    cfg, _ = parsed
    if cfg.table not in request.net.fib.tables:
        return request.error(ESRCH, "FIB table does not exist")
    return request.net.fib.delete(
        cfg.dst, cfg.plen, cfg.gw, cfg.dev, cfg.metric, cfg.type, cfg.table, cfg.protocol, cfg.scope, cfg.prefsrc
    )


def rt_route_init(rtnl):
    rtnl.register(RTM_GETROUTE, get_route, dump_routes)
    rtnl.register(RTM_NEWROUTE, new_route)
    rtnl.register(RTM_DELROUTE, delete_route)
