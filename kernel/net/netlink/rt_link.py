"""Links by rtnetlink: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK and RTM_SETLINK on struct ifinfomsg (Linux: rtnetlink.c)."""

from struct import Struct

from kernel.net.core.dev import (
    dev_change_flags,
    dev_change_name,
    dev_get_by_index,
    dev_get_by_name,
    dev_get_flags,
    dev_set_mac_address,
    dev_set_mtu,
    dev_valid_name,
    for_each_netdev,
)
from kernel.net.core.netdev_flags import (
    NETDEV_CHANGE,
    NETDEV_CHANGEADDR,
    NETDEV_CHANGEMTU,
    NETDEV_CHANGENAME,
    NETDEV_DOWN,
    NETDEV_REGISTER,
    NETDEV_UNREGISTER,
    NETDEV_UP,
)
from kernel.net.core.netdevice import netif_carrier_ok, notifier_block
from kernel.net.netlink.attributes import (
    nla,
    nla_parse,
    nla_string,
    nla_u8,
    nla_u32,
    s32,
    string,
    u32,
)
from kernel.net.netlink.request import BINARY, STRING, U32
from kernel.net.virtual import link_kinds
from kernel.uapi.errno import EEXIST, EINVAL, ENODEV, EOPNOTSUPP
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_UP
from kernel.uapi.netlink import NLM_F_CREATE, NLM_F_EXCL
from kernel.uapi.rtnetlink import (
    IF_OPER_DOWN,
    IF_OPER_LOWERLAYERDOWN,
    IF_OPER_UNKNOWN,
    IF_OPER_UP,
    IFINFOMSG_SIZE,
    IFLA_ADDRESS,
    IFLA_ALLMULTI,
    IFLA_BROADCAST,
    IFLA_CARRIER,
    IFLA_CARRIER_CHANGES,
    IFLA_EXT_MASK,
    IFLA_GROUP,
    IFLA_GSO_MAX_SEGS,
    IFLA_GSO_MAX_SIZE,
    IFLA_IFNAME,
    IFLA_INFO_DATA,
    IFLA_INFO_KIND,
    IFLA_LINK,
    IFLA_LINKINFO,
    IFLA_LINKMODE,
    IFLA_MAX_MTU,
    IFLA_MIN_MTU,
    IFLA_MTU,
    IFLA_NUM_RX_QUEUES,
    IFLA_NUM_TX_QUEUES,
    IFLA_OPERSTATE,
    IFLA_PARENT_DEV_BUS_NAME,
    IFLA_PARENT_DEV_NAME,
    IFLA_PERM_ADDRESS,
    IFLA_PROMISCUITY,
    IFLA_QDISC,
    IFLA_STATS,
    IFLA_STATS64,
    IFLA_TXQLEN,
    RTM_DELLINK,
    RTM_GETLINK,
    RTM_NEWLINK,
    RTM_SETLINK,
    RTNLGRP_LINK,
)
from kernel.uapi.socket import AF_UNSPEC

IFINFOMSG = Struct("<BxHiII")
POLICY = {
    IFLA_IFNAME: STRING, IFLA_ADDRESS: BINARY, IFLA_BROADCAST: BINARY, IFLA_MTU: U32, IFLA_LINK: U32, IFLA_TXQLEN: U32,
    IFLA_LINKINFO: BINARY, IFLA_EXT_MASK: U32, IFLA_GROUP: U32,
}  # fmt: skip
# struct rtnl_link_stats64, in its order; three that no device of ours has are 0.
COUNTERS = (
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast",
    "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors",
    "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors",
    "tx_window_errors",
)  # fmt: skip


# --- showing ---


def link_counters(dev):
    """The values of struct rtnl_link_stats64 up to rx_nohandler."""
    dev.netdev_ops.ndo_get_stats(dev)
    return [getattr(dev, name) for name in COUNTERS] + [0, 0, 0]


def operstate(dev):
    """RFC 2863's operational state."""
    if dev.flags & IFF_LOOPBACK:
        return IF_OPER_UNKNOWN if dev.flags & IFF_UP else IF_OPER_DOWN
    if dev.flags & IFF_UP and netif_carrier_ok(dev):
        kind = link_kinds.kind_of(dev)
        return IF_OPER_UNKNOWN if kind is not None and kind.state_unknown else IF_OPER_UP
    lower = link_kinds.lower_of(dev)
    if lower is not None and dev.flags & IFF_UP and not netif_carrier_ok(lower):
        return IF_OPER_LOWERLAYERDOWN
    return IF_OPER_DOWN


def link_message(dev, change=0):
    """The payload of RTM_NEWLINK about a device (Linux: rtnl_fill_ifinfo)."""
    lower = link_kinds.lower_of(dev)
    counters = link_counters(dev)
    qdisc = "noqueue" if dev.qdisc is None else dev.qdisc.kind
    message = IFINFOMSG.pack(AF_UNSPEC, dev.type, dev.ifindex, dev_get_flags(dev), change)
    message += nla_string(IFLA_IFNAME, dev.name)
    message += nla_u32(IFLA_TXQLEN, dev.tx_queue_len)
    message += nla_u8(IFLA_OPERSTATE, operstate(dev))
    message += nla_u8(IFLA_LINKMODE, 0)
    message += nla_u32(IFLA_MTU, dev.mtu) + nla_u32(IFLA_MIN_MTU, dev.min_mtu) + nla_u32(IFLA_MAX_MTU, dev.max_mtu)
    message += nla_u32(IFLA_GROUP, 0)
    message += nla_u32(IFLA_PROMISCUITY, dev.promiscuity) + nla_u32(IFLA_ALLMULTI, dev.allmulti)
    message += nla_u32(IFLA_NUM_TX_QUEUES, 1) + nla_u32(IFLA_NUM_RX_QUEUES, 1)
    message += nla_u32(IFLA_GSO_MAX_SEGS, dev.gso_max_segs) + nla_u32(IFLA_GSO_MAX_SIZE, dev.gso_max_size)
    if lower is not None:
        message += nla_u32(IFLA_LINK, lower.ifindex)
    message += nla_u8(IFLA_CARRIER, int(netif_carrier_ok(dev)))
    message += nla_string(IFLA_QDISC, qdisc)
    message += nla_u32(IFLA_CARRIER_CHANGES, dev.carrier_changes)
    if dev.addr_len:
        message += nla(IFLA_ADDRESS, dev.dev_addr) + nla(IFLA_BROADCAST, dev.broadcast)
    message += nla(IFLA_STATS64, b"".join(value.to_bytes(8, "little") for value in counters))
    message += nla(IFLA_STATS, b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in counters))
    kind = link_kinds.kind_of(dev)
    if kind is not None:
        info = nla_string(IFLA_INFO_KIND, kind.name)
        data = kind.describe(dev)
        message += nla(IFLA_LINKINFO, info + (nla(IFLA_INFO_DATA, data) if data else b""))
    if dev.perm_addr:
        message += nla(IFLA_PERM_ADDRESS, dev.perm_addr)
    if dev.parent is not None:
        message += nla_string(IFLA_PARENT_DEV_NAME, dev.parent.name)
        message += nla_string(IFLA_PARENT_DEV_BUS_NAME, "pci")
    return message


def dump_links(request):
    """RTM_GETLINK with NLM_F_DUMP; a filter may name the kind of links."""
    found = request.attributes(min(IFINFOMSG_SIZE, len(request.payload)), POLICY)
    if isinstance(found, int):
        return found
    kind = link_kind(found)
    devices = for_each_netdev(request.net)
    if kind:
        devices = [dev for dev in devices if (link_kinds.kind_of(dev) or link_kinds.nothing).name == kind]
    return [(RTM_NEWLINK, link_message(dev)) for dev in devices]


def get_link(request):
    found = request.attributes(IFINFOMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    dev = find_link(request, found)
    if isinstance(dev, int):
        return dev
    request.reply(RTM_NEWLINK, link_message(dev))
    return 0


def find_link(request, found):
    """The device that a request names by index or by name, or a negative errno."""
    _, _, index, _, _ = IFINFOMSG.unpack_from(request.payload)
    if index > 0:
        dev = dev_get_by_index(request.net, index)
    elif IFLA_IFNAME in found:
        dev = dev_get_by_name(request.net, string(found[IFLA_IFNAME]))
    else:
        return -EINVAL
    return dev if dev is not None else -ENODEV


def link_kind(found):
    """The name in IFLA_INFO_KIND, "" without one."""
    info = nla_parse(found.get(IFLA_LINKINFO, b"")) or {}
    return string(info.get(IFLA_INFO_KIND, b""))


# --- changing ---


def set_link(request):
    """RTM_SETLINK: change what the attributes name, one after the other, until one fails."""
    found = request.attributes(IFINFOMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    dev = find_link(request, found)
    return dev if isinstance(dev, int) else change_link(request, dev, found)


def change_link(request, dev, found):
    _, _, index, flags, change = IFINFOMSG.unpack_from(request.payload)
    err = 0
    if IFLA_ADDRESS in found:
        err = dev_set_mac_address(dev, found[IFLA_ADDRESS][: dev.addr_len])
    if err == 0 and IFLA_MTU in found:
        mtu = s32(found[IFLA_MTU])
        if mtu != dev.mtu and mtu < dev.min_mtu:
            return request.error(EINVAL, "mtu less than device minimum")
        if mtu != dev.mtu and mtu > dev.max_mtu:
            return request.error(EINVAL, "mtu greater than device maximum")
        err = dev_set_mtu(dev, mtu)
    if err == 0 and index > 0 and IFLA_IFNAME in found and string(found[IFLA_IFNAME]) != dev.name:
        err = dev_change_name(dev, string(found[IFLA_IFNAME]))
    if err == 0 and IFLA_BROADCAST in found and len(found[IFLA_BROADCAST]) == dev.addr_len:
        dev.broadcast = found[IFLA_BROADCAST]
    if err == 0 and IFLA_TXQLEN in found:
        dev.tx_queue_len = u32(found[IFLA_TXQLEN])
        if dev.qdisc is not None and dev.qdisc.kind == "pfifo":
            dev.qdisc.limit = dev.tx_queue_len
    if err == 0 and (flags or change):
        # A mask of 0 is what old programs send: all bits count.
        mask = change if change else 0xFFFFFFFF
        err = dev_change_flags(dev, dev_get_flags(dev) & ~mask | flags & mask)
    return err


def new_link(request):
    """RTM_NEWLINK: make a virtual device, or change one that is there."""
    found = request.attributes(IFINFOMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    dev = find_link(request, found)
    if not isinstance(dev, int):
        if request.flags & NLM_F_EXCL:
            return -EEXIST
        return change_link(request, dev, found)
    if not request.flags & NLM_F_CREATE:
        return -ENODEV
    kind = link_kinds.by_name(link_kind(found))
    if kind is None:
        return request.error(EOPNOTSUPP, "Unknown device type")
    name = string(found[IFLA_IFNAME]) if IFLA_IFNAME in found else f"{kind.name}%d"
    if not dev_valid_name(name.replace("%d", "0")):
        return -EINVAL
    info = nla_parse(found[IFLA_LINKINFO])
    data = nla_parse(info.get(IFLA_INFO_DATA, b"")) or {}
    lower = dev_get_by_index(request.net, u32(found[IFLA_LINK])) if IFLA_LINK in found else None
    if IFLA_LINK in found and lower is None:
        return -ENODEV
    dev = kind.create(request, name, lower, data)
    if isinstance(dev, int):
        return dev
    del found[IFLA_LINKINFO]
    found.pop(IFLA_IFNAME, None)
    err = change_link(request, dev, found)
    if err < 0:
        kind.destroy(dev)
    return err


def delete_link(request):
    """RTM_DELLINK: only what has been made can be removed."""
    found = request.attributes(IFINFOMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    dev = find_link(request, found)
    if isinstance(dev, int):
        return dev
    kind = link_kinds.kind_of(dev)
    if kind is None:
        return -EOPNOTSUPP
    kind.destroy(dev)
    return 0


class link_notifier(notifier_block):
    """Tells RTNLGRP_LINK about every device that comes, changes or goes."""

    def __init__(self, rtnl):
        self.rtnl = rtnl

    def notifier_call(self, event, dev):
        if event == NETDEV_UNREGISTER:
            self.rtnl.notify(RTNLGRP_LINK, RTM_DELLINK, lambda: link_message(dev))
        elif event in (NETDEV_UP, NETDEV_DOWN):
            self.rtnl.notify(RTNLGRP_LINK, RTM_NEWLINK, lambda: link_message(dev, IFF_UP))
        elif event in (NETDEV_REGISTER, NETDEV_CHANGE, NETDEV_CHANGEMTU, NETDEV_CHANGEADDR, NETDEV_CHANGENAME):
            self.rtnl.notify(RTNLGRP_LINK, RTM_NEWLINK, lambda: link_message(dev))


def rt_link_init(rtnl):
    rtnl.register(RTM_GETLINK, get_link, dump_links)
    rtnl.register(RTM_NEWLINK, new_link)
    rtnl.register(RTM_SETLINK, set_link)
    rtnl.register(RTM_DELLINK, delete_link)
