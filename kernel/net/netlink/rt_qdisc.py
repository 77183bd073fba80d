"""Queueing disciplines by rtnetlink: RTM_NEWQDISC, RTM_DELQDISC and RTM_GETQDISC on struct tcmsg (Linux: sch_api.c).

A device has one, at its root.  Without a handle it is the one that the device came with.
"""

from struct import Struct

from kernel.net.core.dev import dev_attach_qdisc, dev_get_by_index, for_each_netdev
from kernel.net.netlink.attributes import nla, nla_parse, nla_string, nla_u32, string, u32
from kernel.net.netlink.request import BINARY, STRING
from kernel.uapi.errno import EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP
from kernel.uapi.if_ import IFF_LOOPBACK
from kernel.uapi.netlink import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from kernel.uapi.rtnetlink import (
    RTM_DELQDISC,
    RTM_GETQDISC,
    RTM_NEWQDISC,
    TC_H_ROOT,
    TCA_FQ_FLOW_PLIMIT,
    TCA_FQ_PLIMIT,
    TCA_KIND,
    TCA_OPTIONS,
    TCMSG_SIZE,
)
from kernel.uapi.socket import AF_UNSPEC

TCMSG = Struct("<BxxxiIII")
POLICY = {TCA_KIND: STRING, TCA_OPTIONS: BINARY}
KINDS = ("pfifo", "fq")
# A handle of ours: major numbers from here on (Linux: qdisc_alloc_handle); the minor number is 0.
FIRST_HANDLE = 0x80010000
MAJOR = 0xFFFF0000
HANDLE_STEP = 0x10000
# Who refers to it: the device's queue and its root.
REFERENCES = 2


def qdisc_message(dev):
    """The payload of RTM_NEWQDISC (Linux: tc_fill_qdisc)."""
    qdisc = dev.qdisc
    if qdisc is None:
        return TCMSG.pack(AF_UNSPEC, dev.ifindex, 0, TC_H_ROOT, REFERENCES) + nla_string(TCA_KIND, "noqueue")
    message = TCMSG.pack(AF_UNSPEC, dev.ifindex, qdisc.handle, TC_H_ROOT, REFERENCES) + nla_string(TCA_KIND, qdisc.kind)
    if qdisc.kind == "fq":
        options = nla_u32(TCA_FQ_PLIMIT, qdisc.limit) + nla_u32(TCA_FQ_FLOW_PLIMIT, qdisc.flow_limit)
    else:
        options = int(qdisc.limit).to_bytes(4, "little")
    return message + nla(TCA_OPTIONS, options)


def dump_qdiscs(request):
    ifindex = TCMSG.unpack_from(request.payload)[1] if len(request.payload) >= TCMSG_SIZE else 0
    return [(RTM_NEWQDISC, qdisc_message(dev)) for dev in for_each_netdev(request.net) if ifindex in (0, dev.ifindex)]


def parse_qdisc(request):
    """(device, handle, attributes) of a request about a device's root, or a negative errno."""
    found = request.attributes(TCMSG_SIZE, POLICY)
    if isinstance(found, int):
        return found
    _, ifindex, handle, parent, _ = TCMSG.unpack_from(request.payload)
    dev = dev_get_by_index(request.net, ifindex)
    if dev is None:
        return -ENODEV
    if parent != TC_H_ROOT:
        return request.error(ENOENT, "Failed to find specified qdisc")
    return dev, handle, found


def get_qdisc(request):
    parsed = parse_qdisc(request)
    if isinstance(parsed, int):
        return parsed
    request.reply(RTM_NEWQDISC, qdisc_message(parsed[0]))
    return 0


def handle_of(dev):
    return dev.qdisc.handle if dev.qdisc is not None else 0


def new_qdisc(request):
    """Replace what is at the root; one of the same kind is changed in place."""
    parsed = parse_qdisc(request)
    if isinstance(parsed, int):
        return parsed
    dev, handle, found = parsed
    present = handle_of(dev)
    if present and request.flags & NLM_F_EXCL:
        return request.error(EEXIST, "Exclusivity flag on, cannot modify")
    if TCA_KIND not in found and not present:
        return request.error(EINVAL, "Qdisc kind must be specified")
    kind = string(found[TCA_KIND]) if TCA_KIND in found else dev.qdisc.kind
    if kind not in KINDS:
        return request.error(ENOENT, "Specified qdisc kind is unknown")
    if handle & ~MAJOR:
        return request.error(EINVAL, "Invalid qdisc handle")
    limits = parse_limits(request, kind, found.get(TCA_OPTIONS, b""))
    if isinstance(limits, int):
        return limits
    if not present or dev.qdisc.kind != kind:
        if not request.flags & (NLM_F_CREATE | NLM_F_REPLACE):
            return request.error(EINVAL if present else ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag")
        dev_attach_qdisc(dev, kind)
        dev.qdisc.handle = handle if handle else free_handle(request.net)
    for field, value in limits.items():
        setattr(dev.qdisc, field, value)
    return 0


def parse_limits(request, kind, options):
    """{field: value} of TCA_OPTIONS, or a negative errno."""
    if kind == "pfifo":
        return {"limit": u32(options)} if len(options) >= 4 else {}
    found = nla_parse(options)
    if found is None or any(len(data) < 4 for data in found.values()):
        return -EINVAL
    fields = {TCA_FQ_PLIMIT: "limit", TCA_FQ_FLOW_PLIMIT: "flow_limit"}
    if any(type not in fields for type in found):
        return request.error(EOPNOTSUPP, "Only the limits of fq can be set")
    return {fields[type]: u32(data) for type, data in found.items()}


def free_handle(net):
    """The first handle of ours that no device's discipline has."""
    taken = [handle_of(dev) for dev in for_each_netdev(net)]
    handle = FIRST_HANDLE
    while handle in taken:
        handle += HANDLE_STEP
    return handle


def delete_qdisc(request):
    """The device gets the discipline that it came with."""
    parsed = parse_qdisc(request)
    if isinstance(parsed, int):
        return parsed
    dev, handle, found = parsed
    if not handle_of(dev):
        return request.error(ENOENT, "Cannot delete qdisc with handle of zero")
    if (handle and handle != dev.qdisc.handle) or (TCA_KIND in found and string(found[TCA_KIND]) != dev.qdisc.kind):
        return request.error(EINVAL, "Invalid qdisc name")
    queued = dev.tx_queue_len and not dev.flags & IFF_LOOPBACK
    dev_attach_qdisc(dev, request.net.sysctl_default_qdisc if queued else "noqueue")
    return 0


def rt_qdisc_init(rtnl):
    rtnl.register(RTM_GETQDISC, get_qdisc, dump_qdiscs)
    rtnl.register(RTM_NEWQDISC, new_qdisc)
    rtnl.register(RTM_DELQDISC, delete_qdisc)
