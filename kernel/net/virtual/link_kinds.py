"""The kinds of links that can be made and removed: what RTM_NEWLINK creates and IFLA_LINKINFO describes."""

from kernel.net.core.dev import unregister_netdev
from kernel.net.netlink.attributes import nla, nla_u16, u32
from kernel.net.virtual.dummy import create_dummy, dummy_ops
from kernel.net.virtual.veth import create_veth, destroy_veth, veth_ops
from kernel.net.vlan import is_vlan_dev, register_vlan_device
from kernel.uapi.errno import EINVAL, EPROTONOSUPPORT
from kernel.uapi.if_ether import ETH_P_8021Q
from kernel.uapi.rtnetlink import IFLA_VLAN_FLAGS, IFLA_VLAN_ID, IFLA_VLAN_PROTOCOL

VLAN_FLAG_REORDER_HDR = 1


class link_kind:
    """One kind: `name` as in "ip link add type NAME"."""

    name = ""
    # Its devices have no carrier that would mean anything: their operational state is "unknown".
    state_unknown = False

    def is_kind(self, dev):
        """True for a device that `create` has made."""
        return False

    def lower(self, dev):
        """The device below or opposite, or None."""

    def describe(self, dev):
        """The attributes in IFLA_INFO_DATA."""
        return b""

    def create(self, request, name, lower, data):
        """Make and register a device; `data` are the attributes of IFLA_INFO_DATA.  The device, or a negative errno."""
        return -EINVAL

    def destroy(self, dev):
        """Unregister a device."""
        unregister_netdev(dev)


class vlan_kind(link_kind):
    name = "vlan"

    def is_kind(self, dev):
        return is_vlan_dev(dev)

    def lower(self, dev):
        return dev.netdev_ops.real_dev

    def describe(self, dev):
        flags = VLAN_FLAG_REORDER_HDR.to_bytes(4, "little") + b"\xff\xff\xff\xff"
        protocol = nla(IFLA_VLAN_PROTOCOL, ETH_P_8021Q.to_bytes(2, "big"))
        return protocol + nla_u16(IFLA_VLAN_ID, dev.netdev_ops.vlan_id) + nla(IFLA_VLAN_FLAGS, flags)

    def create(self, request, name, lower, data):
        if lower is None:
            return request.error(EINVAL, "link not specified")
        if IFLA_VLAN_ID not in data:
            return request.error(EINVAL, "VLAN id not specified")
        if data.get(IFLA_VLAN_PROTOCOL, b"\x81\x00") != b"\x81\x00":
            return request.error(EPROTONOSUPPORT, "Invalid VLAN protocol")
        vid = u32(data[IFLA_VLAN_ID])
        err = register_vlan_device(request.net, lower, vid, name if name != "vlan%d" else "")
        return lower.vlan_ids[vid] if err == 0 else err


class dummy_kind(link_kind):
    name = "dummy"
    state_unknown = True

    def is_kind(self, dev):
        return isinstance(dev.netdev_ops, dummy_ops)

    def create(self, request, name, lower, data):
        return create_dummy(request.net, name)


class veth_kind(link_kind):
    name = "veth"

    def is_kind(self, dev):
        return isinstance(dev.netdev_ops, veth_ops)

    def lower(self, dev):
        return dev.netdev_ops.peer

    def create(self, request, name, lower, data):
        return create_veth(request.net, name, data)

    def destroy(self, dev):
        destroy_veth(dev)


KINDS = (vlan_kind(), dummy_kind(), veth_kind())
nothing = link_kind()


def by_name(name):
    """The kind called `name`, or None."""
    return next((kind for kind in KINDS if kind.name == name), None)


def kind_of(dev):
    """The kind of a device, None for hardware and lo."""
    return next((kind for kind in KINDS if kind.is_kind(dev)), None)


def lower_of(dev):
    """The device below (vlan) or opposite (veth), or None."""
    kind = kind_of(dev)
    return kind.lower(dev) if kind is not None else None
