"""Addresses by rtnetlink: RTM_NEWADDR, RTM_DELADDR and RTM_GETADDR on struct ifaddrmsg (Linux: devinet.c)."""

from struct import Struct

from kernel.net.core.dev import dev_get_by_index, for_each_netdev
from kernel.net.ipv4.devinet import in_ifaddr, inetaddr_listener
from kernel.net.netlink.attributes import address, nla, nla_address, nla_string, nla_u32, string, u32
from kernel.net.netlink.request import STRING, U32
from kernel.uapi.errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, EOPNOTSUPP
from kernel.uapi.netlink import NLM_F_EXCL, NLM_F_REPLACE
from kernel.uapi.rtnetlink import (
    IFA_ADDRESS,
    IFA_BROADCAST,
    IFA_CACHEINFO,
    IFA_F_NOPREFIXROUTE,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    IFA_FLAGS,
    IFA_LABEL,
    IFA_LOCAL,
    IFA_MULTICAST,
    IFA_RT_PRIORITY,
    IFADDRMSG_SIZE,
    INFINITY_LIFE_TIME,
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_GETMULTICAST,
    RTM_NEWADDR,
    RTNLGRP_IPV4_IFADDR,
)
from kernel.uapi.socket import AF_INET, AF_UNSPEC

IFADDRMSG = Struct("<BBBBI")
POLICY = {
    IFA_ADDRESS: U32, IFA_LOCAL: U32, IFA_BROADCAST: U32, IFA_LABEL: STRING, IFA_CACHEINFO: 16, IFA_FLAGS: U32,
    IFA_RT_PRIORITY: U32,
}  # fmt: skip
NSEC_PER_CENTISECOND = 10000000


def address_message(dev, ifa):
    """The payload of RTM_NEWADDR (Linux: inet_fill_ifaddr)."""
    flags = IFA_F_PERMANENT | (IFA_F_SECONDARY if ifa.secondary else 0)
    if ifa.noprefixroute:
        flags |= IFA_F_NOPREFIXROUTE
    message = IFADDRMSG.pack(AF_INET, ifa.ifa_prefixlen, flags & 0xFF, ifa.ifa_scope, dev.ifindex)
    message += nla_address(IFA_ADDRESS, ifa.ifa_address) + nla_address(IFA_LOCAL, ifa.ifa_local)
    if ifa.ifa_broadcast:
        message += nla_address(IFA_BROADCAST, ifa.ifa_broadcast)
    if ifa.ifa_label:
        message += nla_string(IFA_LABEL, ifa.ifa_label)
    message += nla_u32(IFA_FLAGS, flags)
    if ifa.rt_priority:
        message += nla_u32(IFA_RT_PRIORITY, ifa.rt_priority)
    times = (INFINITY_LIFE_TIME, INFINITY_LIFE_TIME, ifa.cstamp // NSEC_PER_CENTISECOND, ifa.tstamp // NSEC_PER_CENTISECOND)
    return message + nla(IFA_CACHEINFO, b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in times))


def dump_addresses(request):
    """RTM_GETADDR with NLM_F_DUMP: of one interface where the header names one."""
    if len(request.payload) >= IFADDRMSG_SIZE:
        family, _, _, _, index = IFADDRMSG.unpack_from(request.payload)
    else:
        family, index = request.payload[0], 0
    if family not in (AF_UNSPEC, AF_INET):
        return -EOPNOTSUPP
    found = request.net.devinet.all_addresses()
    return [(RTM_NEWADDR, address_message(dev, ifa)) for ifa, dev in found if index in (0, dev.ifindex)]


def dump_multicast(request):
    """RTM_GETMULTICAST: the groups that each interface is a member of."""
    messages = []
    for dev in for_each_netdev(request.net):
        for group in dev.ip_ptr.mc_list if dev.ip_ptr is not None else ():
            head = IFADDRMSG.pack(AF_INET, 32, IFA_F_PERMANENT, 0, dev.ifindex)
            messages.append((RTM_GETMULTICAST, head + nla_address(IFA_MULTICAST, group)))
    return messages


def parse_address(request):
    """(device, in_ifaddr) of a request, or a negative errno."""
    found = request.attributes(IFADDRMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    family, plen, flags, scope, index = IFADDRMSG.unpack_from(request.payload)
    if family != AF_INET:
        return -EOPNOTSUPP
    if plen > 32:
        return request.error(EINVAL, "ipv4: Invalid prefix length")
    if IFA_LOCAL not in found:
        return request.error(EINVAL, "ipv4: Local address is not supplied")
    dev = dev_get_by_index(request.net, index)
    if dev is None:
        return request.error(ENODEV, "ipv4: Device not found")
    if IFA_CACHEINFO in found and u32(found[IFA_CACHEINFO][4:]) != INFINITY_LIFE_TIME:
        return request.error(EOPNOTSUPP, "Addresses with a limited lifetime are not supported")
    flags = u32(found[IFA_FLAGS]) if IFA_FLAGS in found else flags
    label = string(found[IFA_LABEL]) if IFA_LABEL in found else dev.name
    broadcast = address(found[IFA_BROADCAST]) if IFA_BROADCAST in found else 0
    ifa = in_ifaddr(address(found[IFA_LOCAL]), plen, broadcast, label, scope)
    if IFA_ADDRESS in found:
        ifa.ifa_address = address(found[IFA_ADDRESS])
    ifa.noprefixroute = flags & IFA_F_NOPREFIXROUTE != 0
    ifa.rt_priority = u32(found[IFA_RT_PRIORITY]) if IFA_RT_PRIORITY in found else 0
    return dev, ifa


def new_address(request):
    parsed = parse_address(request)
    if isinstance(parsed, int):
        return parsed
    dev, ifa = parsed
    devinet = request.net.devinet
    for present in dev.ip_ptr.ifa_list:
        if present.ifa_local == ifa.ifa_local and present.ifa_mask == ifa.ifa_mask:
            if request.flags & NLM_F_EXCL or not request.flags & NLM_F_REPLACE:
                return request.error(EEXIST, "ipv4: Address already assigned")
            devinet.delete_routes(dev, present)
            present.rt_priority = ifa.rt_priority
            present.noprefixroute = ifa.noprefixroute
            devinet.renew_address(dev, present)
            return 0
    return devinet.add_address(dev, ifa)


def delete_address(request):
    """RTM_DELADDR: the address that fits all that is said: local address, label, prefix."""
    found = request.attributes(IFADDRMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    _, plen, _, _, index = IFADDRMSG.unpack_from(request.payload)
    dev = dev_get_by_index(request.net, index)
    if dev is None:
        return request.error(ENODEV, "ipv4: Device not found")
    for ifa in dev.ip_ptr.ifa_list:
        if IFA_LOCAL in found and ifa.ifa_local != address(found[IFA_LOCAL]):
            continue
        if IFA_LABEL in found and ifa.ifa_label != string(found[IFA_LABEL]):
            continue
        if IFA_ADDRESS in found:
            prefix = address(found[IFA_ADDRESS])
            if plen != ifa.ifa_prefixlen or (prefix ^ ifa.ifa_address) & ifa.ifa_mask:
                continue
        return request.net.devinet.delete_address(dev, ifa)
    return request.error(EADDRNOTAVAIL, "ipv4: Address not found")


class address_notifier(inetaddr_listener):
    """Tells RTNLGRP_IPV4_IFADDR."""

    def __init__(self, rtnl):
        self.rtnl = rtnl

    def address_added(self, dev, ifa):
        self.rtnl.notify(RTNLGRP_IPV4_IFADDR, RTM_NEWADDR, lambda: address_message(dev, ifa))

    def address_removed(self, dev, ifa):
        self.rtnl.notify(RTNLGRP_IPV4_IFADDR, RTM_DELADDR, lambda: address_message(dev, ifa))


def rt_addr_init(rtnl):
    rtnl.register(RTM_GETADDR, None, dump_addresses)
    rtnl.register(RTM_NEWADDR, new_address)
    rtnl.register(RTM_DELADDR, delete_address)
    rtnl.register(RTM_GETMULTICAST, None, dump_multicast)
    rtnl.net.devinet.listener = address_notifier(rtnl)
