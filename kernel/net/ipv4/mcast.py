"""Multicast memberships of sockets, and the sources that each of them wants (ip(7), RFC 3376 section 2, RFC 3678).

A socket's membership has a filter: EXCLUDE takes all sources but those listed, INCLUDE only these.  What they amount to on
an interface is igmp.py's business.
"""

from kernel.net.core.dev import dev_get_by_index
from kernel.net.ipv4.fib import ipv4_is_local_multicast, ipv4_is_multicast
from kernel.uapi.errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV, EPROTO
from kernel.uapi.in_ import (
    IP_ADD_MEMBERSHIP,
    IP_ADD_SOURCE_MEMBERSHIP,
    IP_BLOCK_SOURCE,
    IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP,
    IP_MSFILTER,
    IP_UNBLOCK_SOURCE,
    MCAST_BLOCK_SOURCE,
    MCAST_EXCLUDE,
    MCAST_INCLUDE,
    MCAST_JOIN_GROUP,
    MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP,
    MCAST_MSFILTER,
    MCAST_UNBLOCK_SOURCE,
)
from kernel.uapi.socket import AF_INET, SOCK_STREAM

# The options about a group, not its sources, that streams refuse.
NOT_OF_STREAMS = (IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP)
# struct group_req and struct group_source_req (LP64): an index, then addresses in room for 128 bytes each.
GROUP_REQ_SIZE = 136
GROUP_SOURCE_REQ_SIZE = 264
IP_MSFILTER_HEAD = 16
GROUP_FILTER_HEAD = 144
SOCKADDR_STORAGE_SIZE = 128
# What each option about one source does: (filter mode, add or remove).
SOURCE_OPTIONS = {
    IP_ADD_SOURCE_MEMBERSHIP: (MCAST_INCLUDE, True), IP_DROP_SOURCE_MEMBERSHIP: (MCAST_INCLUDE, False),
    IP_BLOCK_SOURCE: (MCAST_EXCLUDE, True), IP_UNBLOCK_SOURCE: (MCAST_EXCLUDE, False),
    MCAST_JOIN_SOURCE_GROUP: (MCAST_INCLUDE, True), MCAST_LEAVE_SOURCE_GROUP: (MCAST_INCLUDE, False),
    MCAST_BLOCK_SOURCE: (MCAST_EXCLUDE, True), MCAST_UNBLOCK_SOURCE: (MCAST_EXCLUDE, False),
}  # fmt: skip
MEMBERSHIP_OPTIONS = (
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, IP_MSFILTER, MCAST_MSFILTER, *SOURCE_OPTIONS,
)  # fmt: skip


class ip_mc_socklist:
    """One membership of a socket."""

    def __init__(self, group, ifindex, mode):
        self.group = group
        self.ifindex = ifindex
        self.mode = mode
        self.sources = []


def find(sk, group, dev):
    """The socket's membership of a group on a device, or None."""
    for membership in sk.mc_list:
        if membership.group == group and membership.ifindex == dev.ifindex:
            return membership
    return None


def ip_mc_join_group(sk, group, dev, mode=MCAST_EXCLUDE):
    """IP_ADD_MEMBERSHIP: 0, -EINVAL, -ENODEV, -EADDRINUSE when joined already, -ENOBUFS past the limit."""
    if not ipv4_is_multicast(group):
        return -EINVAL
    if dev is None:
        return -ENODEV
    if find(sk, group, dev) is not None:
        return -EADDRINUSE
    if len(sk.mc_list) >= sk.net.sysctl_igmp_max_memberships:
        return -ENOBUFS
    sk.mc_list.append(ip_mc_socklist(group, dev.ifindex, mode))
    sk.net.igmp.join(dev, group, mode, [])
    return 0


def ip_mc_leave_group(sk, group, dev, named=False):
    """IP_DROP_MEMBERSHIP: 0 or -EADDRNOTAVAIL when the socket is no member; `named`: the request says which device."""
    if dev is None:
        return -EADDRNOTAVAIL if named else -ENODEV
    membership = find(sk, group, dev)
    if membership is None:
        return -EADDRNOTAVAIL
    sk.mc_list.remove(membership)
    sk.net.igmp.leave(dev, group, membership.mode, membership.sources)
    return 0


def ip_mc_source(sk, group, dev, source, mode, add):
    """One source more or less in a membership's filter: 0 or a negative errno (Linux: ip_mc_source)."""
    if not ipv4_is_multicast(group):
        return -EINVAL
    if dev is None:
        return -ENODEV
    membership = find(sk, group, dev)
    if membership is None:
        return -EINVAL
    if membership.mode != mode and membership.sources:
        return -EINVAL
    before = (membership.mode, list(membership.sources))
    sources = list(membership.sources)
    if add:
        if len(sources) >= sk.net.igmp.max_msf:
            return -ENOBUFS
        if source in sources:
            return -EADDRNOTAVAIL
        sources.append(source)
    else:
        if source not in sources:
            return -EADDRNOTAVAIL
        sources.remove(source)
        if not sources and mode == MCAST_INCLUDE:
            # To include nobody is to leave.
            return ip_mc_leave_group(sk, group, dev)
    membership.mode, membership.sources = mode, sources
    sk.net.igmp.change(dev, group, before, (mode, sources))
    return 0


def ip_mc_msfilter(sk, group, dev, mode, sources):
    """The whole filter of a membership at once; to include nobody is to leave."""
    if not ipv4_is_multicast(group) or mode not in (MCAST_INCLUDE, MCAST_EXCLUDE):
        return -EINVAL
    if dev is None:
        return -ENODEV
    if mode == MCAST_INCLUDE and not sources:
        return ip_mc_leave_group(sk, group, dev)
    membership = find(sk, group, dev)
    if membership is None:
        return -EINVAL
    before = (membership.mode, list(membership.sources))
    membership.mode, membership.sources = mode, list(sources)
    sk.net.igmp.change(dev, group, before, (mode, membership.sources))
    return 0


def ip_mc_drop_socket(sk):
    """The socket is closed: leave what it has joined."""
    for membership in sk.mc_list:
        dev = dev_get_by_index(sk.net, membership.ifindex)
        if dev is not None:
            sk.net.igmp.leave(dev, membership.group, membership.mode, membership.sources)
    sk.mc_list = []


def ip_mc_sf_allow(sk, group, saddr, ifindex):
    """True when a packet to `group` that came in by `ifindex` is for this socket (IP_MULTICAST_ALL: even without joining)."""
    for membership in sk.mc_list:
        if membership.group == group and membership.ifindex == ifindex:
            return (saddr in membership.sources) == (membership.mode == MCAST_INCLUDE)
    return sk.mc_all and (not sk.mc_list or not ipv4_is_local_multicast(group))


# --- options ---


def ip_mc_setsockopt(sk, optname, optval):
    """The options about memberships (MEMBERSHIP_OPTIONS); 0 or a negative errno."""
    if sk.sk_type == SOCK_STREAM and optname in NOT_OF_STREAMS:
        return -EPROTO
    if optname in (IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP):
        if len(optval) < 8:
            return -EINVAL
        ifindex = int.from_bytes(optval[8:12], "little", signed=True) if len(optval) >= 12 else 0
        group, dev = group_and_device(sk.net, optval[:4], optval[4:8], ifindex)
        if optname == IP_ADD_MEMBERSHIP:
            return ip_mc_join_group(sk, group, dev)
        return ip_mc_leave_group(sk, group, dev, ifindex != 0 or any(optval[4:8]))
    if optname in (MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP):
        if len(optval) < GROUP_REQ_SIZE:
            return -EINVAL
        group = storage_address(optval[8:])
        if group < 0:
            return -EINVAL
        ifindex = int.from_bytes(optval[:4], "little", signed=True)
        dev = device_of(sk.net, group, ifindex)
        if optname == MCAST_JOIN_GROUP:
            return ip_mc_join_group(sk, group, dev)
        return ip_mc_leave_group(sk, group, dev, ifindex != 0)
    if optname in (IP_MSFILTER, MCAST_MSFILTER):
        return set_filter(sk, optname, optval)
    return change_source(sk, optname, optval)


def change_source(sk, optname, optval):
    """The options about one source of a group."""
    mode, add = SOURCE_OPTIONS[optname]
    if optname >= MCAST_JOIN_GROUP:
        if len(optval) != GROUP_SOURCE_REQ_SIZE:
            return -EINVAL
        group, source = storage_address(optval[8:]), storage_address(optval[8 + SOCKADDR_STORAGE_SIZE :])
        if group < 0 or source < 0:
            return -EADDRNOTAVAIL
        dev = device_of(sk.net, group, int.from_bytes(optval[:4], "little", signed=True))
    else:
        if len(optval) != 12:
            return -EINVAL
        group, dev = group_and_device(sk.net, optval[:4], optval[4:8], 0)
        source = int.from_bytes(optval[8:12], "big")
    if mode == MCAST_INCLUDE and add:
        err = ip_mc_join_group(sk, group, dev, MCAST_INCLUDE)
        if err < 0 and err != -EADDRINUSE:
            return err
    return ip_mc_source(sk, group, dev, source, mode, add)


def set_filter(sk, optname, optval):
    """IP_MSFILTER and MCAST_MSFILTER: mode and list of sources at once."""
    if optname == IP_MSFILTER:
        head, step = IP_MSFILTER_HEAD, 4
        if len(optval) < head:
            return -EINVAL
        group, dev = group_and_device(sk.net, optval[:4], optval[4:8], 0)
        mode, count = int.from_bytes(optval[8:12], "little"), int.from_bytes(optval[12:16], "little")
    else:
        head, step = GROUP_FILTER_HEAD, SOCKADDR_STORAGE_SIZE
        if len(optval) < head:
            return -EINVAL
        group = storage_address(optval[8:])
        if group < 0:
            return -EADDRNOTAVAIL
        dev = device_of(sk.net, group, int.from_bytes(optval[:4], "little", signed=True))
        mode, count = int.from_bytes(optval[136:140], "little"), int.from_bytes(optval[140:144], "little")
    if count > sk.net.igmp.max_msf:
        return -ENOBUFS
    if len(optval) < head + count * step:
        return -EINVAL
    parts = [optval[head + step * position : head + step * (position + 1)] for position in range(count)]
    sources = [int.from_bytes(part, "big") if step == 4 else storage_address(part) for part in parts]
    if any(source < 0 for source in sources):
        return -EADDRNOTAVAIL
    return ip_mc_msfilter(sk, group, dev, mode, sources)


def group_and_device(net, group, interface, ifindex):
    """(group, device or None) of the addresses in a request; an index counts more than an interface's address."""
    group = int.from_bytes(group, "big")
    address = int.from_bytes(interface, "big")
    if not ifindex and address:
        return group, net.devinet.ip_dev_find(address)
    return group, device_of(net, group, ifindex)


def device_of(net, group, ifindex):
    return dev_get_by_index(net, ifindex) if ifindex else net.igmp.default_device(group)


def storage_address(raw):
    """The IPv4 address in a struct sockaddr_storage, -1 for one of another family."""
    return int.from_bytes(raw[4:8], "big") if int.from_bytes(raw[:2], "little") == AF_INET else -1
