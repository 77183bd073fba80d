"""Neighbours by rtnetlink: RTM_NEWNEIGH, RTM_DELNEIGH and RTM_GETNEIGH on struct ndmsg (Linux: neighbour.c).

Proxied addresses (NTF_PROXY) are entries of their own: `arp_ops.proxies`.
"""

from struct import Struct

from kernel.net.core.dev import dev_get_by_index
from kernel.net.core.neighbour import (
    NEIGH_UPDATE_F_ADMIN,
    NEIGH_UPDATE_F_OVERRIDE,
    neigh_event_send,
    neigh_listener,
    neigh_update,
)
from kernel.net.core.sock_flags import (
    NUD_FAILED,
    NUD_NOARP,
    NUD_NONE,
    NUD_VALID,
)
from kernel.net.netlink.attributes import address, nla, nla_address, nla_u32
from kernel.net.netlink.request import BINARY, U32
from kernel.uapi.errno import EEXIST, EINVAL, ENOBUFS, ENODEV, ENOENT, EOPNOTSUPP
from kernel.uapi.netlink import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from kernel.uapi.route import RTN_UNICAST
from kernel.uapi.rtnetlink import (
    NDA_CACHEINFO,
    NDA_DST,
    NDA_LLADDR,
    NDA_PROBES,
    NDMSG_SIZE,
    NTF_PROXY,
    RTM_DELNEIGH,
    RTM_GETNEIGH,
    RTM_NEWNEIGH,
    RTNLGRP_NEIGH,
)
from kernel.uapi.socket import AF_INET, AF_UNSPEC

NDMSG = Struct("<BxxxiHBB")
POLICY = {NDA_DST: U32, NDA_LLADDR: BINARY, NDA_CACHEINFO: BINARY, NDA_PROBES: U32}
NSEC_PER_CENTISECOND = 10000000


def neigh_message(neigh):
    """The payload of RTM_NEWNEIGH (Linux: neigh_fill_info)."""
    now = neigh.tbl.net.timers.now()
    message = NDMSG.pack(AF_INET, neigh.dev.ifindex, neigh.nud_state, 0, RTN_UNICAST)
    message += nla_address(NDA_DST, neigh.primary_key)
    if neigh.nud_state & NUD_VALID and neigh.ha:
        message += nla(NDA_LLADDR, neigh.ha)
    times = [max(0, now - when) // NSEC_PER_CENTISECOND for when in (neigh.confirmed, neigh.used, neigh.updated)]
    info = b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in times)
    return message + nla_u32(NDA_PROBES, neigh.probes) + nla(NDA_CACHEINFO, info + bytes(4))


def proxy_message(addr, ifindex):
    """The payload of RTM_NEWNEIGH about a proxied address (Linux: pneigh_fill_info)."""
    return NDMSG.pack(AF_INET, ifindex, NUD_NONE, NTF_PROXY, RTN_UNICAST) + nla_address(NDA_DST, addr)


def dump_neighbours(request):
    if not request.payload or request.payload[0] not in (AF_UNSPEC, AF_INET):
        return -EOPNOTSUPP
    ifindex = flags = 0
    if len(request.payload) >= NDMSG_SIZE:
        _, ifindex, _, flags, _ = NDMSG.unpack_from(request.payload)
    net = request.net
    if flags & NTF_PROXY:
        return [(RTM_NEWNEIGH, proxy_message(addr, index)) for addr, index in net.arp_tbl.ops.proxies]
    found = [neigh for neigh in net.arp_tbl.all() if ifindex in (0, neigh.dev.ifindex)]
    return [(RTM_NEWNEIGH, neigh_message(neigh)) for neigh in found if neigh.nud_state != NUD_NONE]


def parse_neighbour(request):
    """(device or None, address, state, flags, attributes) of a request, or a negative errno."""
    found = request.attributes(NDMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    family, ifindex, state, flags, _ = NDMSG.unpack_from(request.payload)
    if family not in (AF_UNSPEC, AF_INET):
        return -EOPNOTSUPP
    if NDA_DST not in found:
        return request.error(EINVAL, "Network address not specified")
    dev = dev_get_by_index(request.net, ifindex) if ifindex else None
    if ifindex and dev is None:
        return -ENODEV
    return dev, address(found[NDA_DST]), state, flags, found


def get_neighbour(request):
    parsed = parse_neighbour(request)
    if isinstance(parsed, int):
        return parsed
    dev, addr, _, flags, _ = parsed
    net = request.net
    if flags & NTF_PROXY:
        key = (addr, dev.ifindex if dev is not None else 0)
        if key not in net.arp_tbl.ops.proxies:
            return request.error(ENOENT, "Proxy neighbour entry not found")
        request.reply(RTM_NEWNEIGH, proxy_message(*key))
        return 0
    if dev is None:
        return request.error(EINVAL, "No device specified")
    neigh = net.arp_tbl.lookup(addr, dev)
    if neigh is None:
        return request.error(ENOENT, "Neighbour entry not found")
    request.reply(RTM_NEWNEIGH, neigh_message(neigh))
    return 0


def new_neighbour(request):
    parsed = parse_neighbour(request)
    if isinstance(parsed, int):
        return parsed
    dev, addr, state, flags, found = parsed
    table = request.net.arp_tbl
    if flags & NTF_PROXY:
        table.ops.proxies[addr, dev.ifindex if dev is not None else 0] = True
        return 0
    if dev is None:
        return request.error(EINVAL, "Device not specified")
    lladdr = found.get(NDA_LLADDR)
    if lladdr is not None and len(lladdr) < dev.addr_len:
        return request.error(EINVAL, "Invalid link address")
    neigh = table.lookup(addr, dev)
    update = NEIGH_UPDATE_F_ADMIN | NEIGH_UPDATE_F_OVERRIDE
    if neigh is None:
        if not request.flags & NLM_F_CREATE:
            return -ENOENT
        neigh = table.create(addr, dev)
        if neigh is None:
            return -ENOBUFS
    elif request.flags & NLM_F_EXCL:
        return -EEXIST
    elif not request.flags & NLM_F_REPLACE:
        update &= ~NEIGH_UPDATE_F_OVERRIDE
    if state == NUD_NONE:
        neigh_event_send(neigh, None)
        return 0
    return neigh_update(neigh, lladdr[: dev.addr_len] if lladdr is not None else None, state, update)


def delete_neighbour(request):
    parsed = parse_neighbour(request)
    if isinstance(parsed, int):
        return parsed
    dev, addr, _, flags, _ = parsed
    table = request.net.arp_tbl
    if flags & NTF_PROXY:
        key = (addr, dev.ifindex if dev is not None else 0)
        return 0 if table.ops.proxies.pop(key, False) else -ENOENT
    if dev is None:
        return -EINVAL
    neigh = table.lookup(addr, dev)
    if neigh is None:
        return -ENOENT
    neigh_update(neigh, None, NUD_FAILED, NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_ADMIN)
    table.remove(neigh)
    return 0


class neigh_notifier(neigh_listener):
    """Tells RTNLGRP_NEIGH."""

    def __init__(self, rtnl):
        self.rtnl = rtnl

    def changed(self, neigh):
        if not neigh.nud_state & NUD_NOARP and neigh.nud_state != NUD_NONE:
            self.rtnl.notify(RTNLGRP_NEIGH, RTM_NEWNEIGH, lambda: neigh_message(neigh))

    def removed(self, neigh):
        self.rtnl.notify(RTNLGRP_NEIGH, RTM_DELNEIGH, lambda: neigh_message(neigh))


def rt_neigh_init(rtnl):
    rtnl.register(RTM_GETNEIGH, get_neighbour, dump_neighbours)
    rtnl.register(RTM_NEWNEIGH, new_neighbour)
    rtnl.register(RTM_DELNEIGH, delete_neighbour)
    rtnl.net.arp_tbl.listener = neigh_notifier(rtnl)
