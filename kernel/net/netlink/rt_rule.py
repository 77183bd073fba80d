"""Rules by rtnetlink: RTM_NEWRULE, RTM_DELRULE and RTM_GETRULE on struct fib_rule_hdr (Linux: fib_rules.c)."""

from struct import Struct

from kernel.net.ipv4.fib import fib_listener, inet_make_mask
from kernel.net.ipv4.fib_rules import FULL_MASK, fib_rule
from kernel.net.netlink.attributes import address, nla_address, nla_string, nla_u8, nla_u32, string, u32
from kernel.net.netlink.request import STRING, U8, U32
from kernel.net.netlink.rt_route import route_message
from kernel.uapi.errno import EINVAL, EOPNOTSUPP, EPERM
from kernel.uapi.netlink import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from kernel.uapi.rtnetlink import (
    FIB_RULE_HDR_SIZE,
    FIB_RULE_INVERT,
    FR_ACT_BLACKHOLE,
    FR_ACT_PROHIBIT,
    FR_ACT_TO_TBL,
    FR_ACT_UNREACHABLE,
    FRA_DST,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_GOTO,
    FRA_IIFNAME,
    FRA_OIFNAME,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SRC,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_GETRULE,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV4_RULE,
)
from kernel.uapi.socket import AF_INET, AF_UNSPEC

FIB_RULE_HDR = Struct("<BBBBBBBBI")
POLICY = {
    FRA_DST: U32, FRA_SRC: U32, FRA_IIFNAME: STRING, FRA_OIFNAME: STRING, FRA_GOTO: U32, FRA_PRIORITY: U32,
    FRA_FWMARK: U32, FRA_FWMASK: U32, FRA_TABLE: U32, FRA_SUPPRESS_PREFIXLEN: U32, FRA_PROTOCOL: U8,
}  # fmt: skip
ACTIONS = (FR_ACT_TO_TBL, FR_ACT_BLACKHOLE, FR_ACT_UNREACHABLE, FR_ACT_PROHIBIT)
NO_SUPPRESSION = 0xFFFFFFFF


def rule_message(rule):
    """The payload of RTM_NEWRULE (Linux: fib_nl_fill_rule)."""
    table = rule.table if rule.table < 256 else 252
    message = FIB_RULE_HDR.pack(AF_INET, rule.dst_len, rule.src_len, 0, table, 0, 0, rule.action, rule.flags)
    message += nla_u32(FRA_TABLE, rule.table)
    message += nla_u32(FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefixlen) + nla_u8(FRA_PROTOCOL, rule.protocol)
    if rule.iifname:
        message += nla_string(FRA_IIFNAME, rule.iifname)
    if rule.oifname:
        message += nla_string(FRA_OIFNAME, rule.oifname)
    if rule.priority:
        message += nla_u32(FRA_PRIORITY, rule.priority)
    if rule.mark_mask or rule.mark:
        message += nla_u32(FRA_FWMARK, rule.mark) + nla_u32(FRA_FWMASK, rule.mark_mask)
    if rule.dst_len:
        message += nla_address(FRA_DST, rule.dst)
    if rule.src_len:
        message += nla_address(FRA_SRC, rule.src)
    return message


def dump_rules(request):
    if not request.payload or request.payload[0] not in (AF_UNSPEC, AF_INET):
        return -EOPNOTSUPP
    return [(RTM_NEWRULE, rule_message(rule)) for rule in request.net.fib.rules.rules]


def parse_rule(request):
    """(fib_rule, the attributes) of a request, or a negative errno."""
    found = request.attributes(FIB_RULE_HDR_SIZE, POLICY)
    if isinstance(found, int):
        return found
    family, dst_len, src_len, tos, table, _, _, action, flags = FIB_RULE_HDR.unpack_from(request.payload)
    if family != AF_INET:
        return -EOPNOTSUPP
    if dst_len > 32 or src_len > 32 or (dst_len and FRA_DST not in found) or (src_len and FRA_SRC not in found):
        return request.error(EINVAL, "Invalid prefix length")
    if tos:
        return request.error(EINVAL, "Rules by type of service are not supported")
    rule = fib_rule(0, u32(found[FRA_TABLE]) if FRA_TABLE in found else table, action)
    rule.dst_len, rule.src_len = dst_len, src_len
    rule.dst = address(found[FRA_DST]) & inet_make_mask(dst_len) if dst_len else 0
    rule.src = address(found[FRA_SRC]) & inet_make_mask(src_len) if src_len else 0
    rule.iifname = string(found.get(FRA_IIFNAME, b""))
    rule.oifname = string(found.get(FRA_OIFNAME, b""))
    if FRA_FWMARK in found:
        rule.mark = u32(found[FRA_FWMARK])
        rule.mark_mask = FULL_MASK
    if FRA_FWMASK in found:
        rule.mark_mask = u32(found[FRA_FWMASK])
    rule.flags = flags & FIB_RULE_INVERT
    rule.protocol = found[FRA_PROTOCOL][0] if FRA_PROTOCOL in found else 0
    suppress = u32(found[FRA_SUPPRESS_PREFIXLEN]) if FRA_SUPPRESS_PREFIXLEN in found else NO_SUPPRESSION
    rule.suppress_prefixlen = -1 if suppress == NO_SUPPRESSION else suppress
    rule.priority = u32(found[FRA_PRIORITY]) if FRA_PRIORITY in found else -1
    return rule, found


def new_rule(request):
    parsed = parse_rule(request)
    if isinstance(parsed, int):
        return parsed
    rule, _ = parsed
    if rule.action not in ACTIONS:
        return request.error(EOPNOTSUPP, "Rules that jump or do nothing are not supported")
    if rule.action == FR_ACT_TO_TBL and rule.table == 0:
        return request.error(EINVAL, "Invalid table")
    fib = request.net.fib
    if rule.priority < 0:
        rule.priority = fib.rules.default_priority()
    return fib.add_rule(rule, request.flags & NLM_F_EXCL != 0)


def delete_rule(request):
    """RTM_DELRULE: the first rule that fits all that is said."""
    parsed = parse_rule(request)
    if isinstance(parsed, int):
        return parsed
    wanted, found = parsed

    def fits(rule):
        return (
            (wanted.priority < 0 or rule.priority == wanted.priority)
            and (wanted.action == 0 or rule.action == wanted.action)
            and (wanted.table == 0 or rule.table == wanted.table)
            and (FRA_IIFNAME not in found or rule.iifname == wanted.iifname)
            and (FRA_OIFNAME not in found or rule.oifname == wanted.oifname)
            and (FRA_FWMARK not in found or rule.mark == wanted.mark)
            and (FRA_FWMASK not in found or rule.mark_mask == wanted.mark_mask)
            and (not wanted.src_len or (rule.src_len, rule.src) == (wanted.src_len, wanted.src))
            and (not wanted.dst_len or (rule.dst_len, rule.dst) == (wanted.dst_len, wanted.dst))
        )

    fib = request.net.fib
    # The first rule, which leads to our own addresses, stays (FIB_RULE_PERMANENT).
    if next((rule for rule in fib.rules.rules if fits(rule)), None) is fib.rules.rules[0]:
        return -EPERM
    return fib.delete_rule(fits)


class fib_notifier(fib_listener):
    """Tells RTNLGRP_IPV4_ROUTE and RTNLGRP_IPV4_RULE."""

    def __init__(self, rtnl):
        self.rtnl = rtnl

    def route_added(self, fi, replaced):
        flags = NLM_F_REPLACE if replaced else NLM_F_CREATE
        self.rtnl.notify(RTNLGRP_IPV4_ROUTE, RTM_NEWROUTE, lambda: route_message(fi), flags)

    def route_removed(self, fi):
        self.rtnl.notify(RTNLGRP_IPV4_ROUTE, RTM_DELROUTE, lambda: route_message(fi))

    def rule_added(self, rule):
        self.rtnl.notify(RTNLGRP_IPV4_RULE, RTM_NEWRULE, lambda: rule_message(rule))

    def rule_removed(self, rule):
        self.rtnl.notify(RTNLGRP_IPV4_RULE, RTM_DELRULE, lambda: rule_message(rule))


def rt_rule_init(rtnl):
    rtnl.register(RTM_GETRULE, None, dump_rules)
    rtnl.register(RTM_NEWRULE, new_rule)
    rtnl.register(RTM_DELRULE, delete_rule)
    rtnl.net.fib.listener = fib_notifier(rtnl)
