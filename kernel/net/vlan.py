"""802.1Q interfaces (Linux: net/8021q): "eth0.5" sends and receives the frames of VLAN 5 on eth0.

Such an interface has its parent's address and goes up and down with it.  What it sends carries the tag beside the data down
to the parent, where the hardware inserts it or, if that can not, `xmit_validated`.  What it receives comes by
`vlan_do_receive` (core/vlan_core.py).
"""

from struct import Struct

from kernel.net.core.dev import (
    call_netdevice_notifiers,
    dev_change_flags,
    dev_close,
    dev_get_by_name,
    dev_get_flags,
    dev_mc_add,
    dev_mc_del,
    dev_queue_xmit,
    dev_set_allmulti,
    dev_set_mtu,
    dev_set_promiscuity,
    for_each_netdev,
    netif_carrier_off,
    netif_carrier_on,
    register_netdev,
    register_netdevice_notifier,
    unregister_netdev,
)
from kernel.net.core.netdev_flags import (
    NETDEV_CHANGE,
    NETDEV_CHANGEADDR,
    NETDEV_CHANGEMTU,
    NETDEV_GOING_DOWN,
    NETDEV_TX_OK,
    NETDEV_UNREGISTER,
    NETDEV_UP,
    NETIF_F_GRO,
    NETIF_F_GSO,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_HW_VLAN_CTAG_FILTER,
    NETIF_F_HW_VLAN_CTAG_TX,
    NETIF_F_IP_CSUM,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import dev_addr_set, net_device, net_device_ops, netif_carrier_ok, notifier_block
from kernel.net.ethernet.eth import ether_setup
from kernel.uapi.errno import EEXIST, EINVAL, ENETDOWN, ENODEV, EOPNOTSUPP, EPERM, ERANGE
from kernel.uapi.if_ import IFF_ALLMULTI, IFF_PROMISC, IFF_UP
from kernel.uapi.if_arp import ARPHRD_ETHER
from kernel.uapi.if_ether import ETH_MAX_MTU
from kernel.uapi.if_vlan import (
    ADD_VLAN_CMD,
    DEL_VLAN_CMD,
    GET_VLAN_REALDEV_NAME_CMD,
    GET_VLAN_VID_CMD,
    VLAN_IOCTL_ARGS_SIZE,
)

# 4095 is reserved (IEEE 802.1Q-2018, table 9-2).
VLAN_VID_END = 0xFFF
VLAN_PRIO_SHIFT = 13
VLAN_PRIO_MASK = 7
# What an interface takes over from a parent that inserts tags by itself.
INHERITED = NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_GSO | NETIF_F_HIGHDMA | NETIF_F_GRO
# struct vlan_ioctl_args: command, device1, a union of 24 bytes, QoS.
ARGUMENTS = Struct("<i24s24sh2x")
PROC_HEADER = "VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n"


class vlan_dev_ops(net_device_ops):
    """The operations of one VLAN interface on `real_dev`."""

    def __init__(self, real_dev, vid):
        self.real_dev = real_dev
        self.vlan_id = vid
        # What the parent has been asked for on our behalf.
        self.groups = []
        self.promiscuous = False
        self.all_multicast = False

    def ndo_open(self, dev):
        return 0 if self.real_dev.flags & IFF_UP else -ENETDOWN

    def ndo_stop(self, dev):
        self.ask_parent([], False, False)
        return 0

    def ndo_start_xmit(self, skb, dev):
        dev.tx_packets += 1
        dev.tx_bytes += skb.len
        skb.vlan_tci = self.vlan_id | (skb.priority & VLAN_PRIO_MASK) << VLAN_PRIO_SHIFT
        skb.vlan_present = True
        skb.dev = self.real_dev
        dev_queue_xmit(skb)
        return NETDEV_TX_OK

    def ndo_set_rx_mode(self, dev):
        self.ask_parent(list(dev.mc_list), dev.flags & IFF_PROMISC != 0, dev.flags & IFF_ALLMULTI != 0)

    def ask_parent(self, groups, promiscuous, all_multicast):
        """Let the parent receive what we want, and no longer what we wanted before."""
        real_dev = self.real_dev
        before = self.groups
        self.groups = groups
        for address in groups:
            if address not in before:
                dev_mc_add(real_dev, address)
        for address in before:
            if address not in groups:
                dev_mc_del(real_dev, address)
        if promiscuous != self.promiscuous:
            self.promiscuous = promiscuous
            dev_set_promiscuity(real_dev, 1 if promiscuous else -1)
        if all_multicast != self.all_multicast:
            self.all_multicast = all_multicast
            dev_set_allmulti(real_dev, 1 if all_multicast else -1)

    def ndo_change_mtu(self, dev, mtu):
        if mtu > self.real_dev.mtu:
            return -ERANGE
        dev.mtu = mtu
        return 0


def is_vlan_dev(dev):
    """True for an interface that this room has made."""
    return isinstance(dev.netdev_ops, vlan_dev_ops)


def vlans_of(real_dev):
    """The VLAN interfaces on `real_dev`, by VLAN."""
    return [dev for _, dev in sorted(real_dev.vlan_ids.items()) if dev is not None]


# --- making and removing ---


def vlan_features(real_dev):
    """A parent that does not insert the tag gets frames that need nothing else of it, either."""
    return real_dev.features & INHERITED if real_dev.features & NETIF_F_HW_VLAN_CTAG_TX else 0


def register_vlan_device(net, real_dev, vid, name=""):
    """Make the interface `name` (by default "PARENT.VID"), down.

    0, -ERANGE, -EOPNOTSUPP (not an Ethernet), -EEXIST or what the parent says.
    """
    if not 0 <= vid < VLAN_VID_END:
        return -ERANGE
    if real_dev.type != ARPHRD_ETHER:
        return -EOPNOTSUPP
    if real_dev.vlan_ids.get(vid) is not None:
        return -EEXIST
    dev = net_device(net, name or f"{real_dev.name}.{vid}")
    ether_setup(dev, real_dev.dev_addr)
    dev.mtu = real_dev.mtu
    dev.max_mtu = ETH_MAX_MTU
    dev.tx_queue_len = 0
    dev.netdev_ops = vlan_dev_ops(real_dev, vid)
    dev.features = vlan_features(real_dev)
    dev.hw_features = dev.features
    dev.gso_max_size = real_dev.gso_max_size
    dev.gso_max_segs = real_dev.gso_max_segs
    if not netif_carrier_ok(real_dev):
        netif_carrier_off(dev)
    if real_dev.features & NETIF_F_HW_VLAN_CTAG_FILTER:
        err = real_dev.netdev_ops.ndo_vlan_rx_add_vid(real_dev, vid)
        if err < 0:
            return err
    real_dev.vlan_ids[vid] = dev
    err = register_netdev(dev)
    if err < 0:
        forget_vid(real_dev, vid)
    return err


def forget_vid(real_dev, vid):
    """The parent need not let the frames of a VLAN in any more."""
    if real_dev.features & NETIF_F_HW_VLAN_CTAG_FILTER:
        real_dev.netdev_ops.ndo_vlan_rx_kill_vid(real_dev, vid)
    real_dev.vlan_ids.pop(vid, None)


class vlan_notifier(notifier_block):
    """VLAN interfaces follow their parents."""

    def notifier_call(self, event, dev):
        if event == NETDEV_UNREGISTER and is_vlan_dev(dev):
            forget_vid(dev.netdev_ops.real_dev, dev.netdev_ops.vlan_id)
        for vlan in vlans_of(dev):
            if event == NETDEV_UNREGISTER:
                unregister_netdev(vlan)
            elif event == NETDEV_GOING_DOWN:
                dev_close(vlan)
            elif event == NETDEV_UP:
                dev_change_flags(vlan, dev_get_flags(vlan) | IFF_UP)
            elif event == NETDEV_CHANGE:
                if netif_carrier_ok(dev):
                    netif_carrier_on(vlan)
                else:
                    netif_carrier_off(vlan)
            elif event == NETDEV_CHANGEADDR:
                dev_addr_set(vlan, dev.dev_addr)
                call_netdevice_notifiers(event, vlan)
            elif event == NETDEV_CHANGEMTU and vlan.mtu > dev.mtu:
                dev_set_mtu(vlan, dev.mtu)


# --- user space ---


def vlan_ioctl(net, raw, privileged):
    """SIOCSIFVLAN and SIOCGIFVLAN on the bytes of a struct vlan_ioctl_args: (0 or -errno, the bytes to copy back or None)."""
    if len(raw) != VLAN_IOCTL_ARGS_SIZE:
        return -EINVAL, None
    command, device1, union, qos = ARGUMENTS.unpack(raw)
    if command in (ADD_VLAN_CMD, DEL_VLAN_CMD) and not privileged:
        return -EPERM, None
    dev = dev_get_by_name(net, device1.partition(b"\0")[0].decode("latin-1"))
    if dev is None:
        return -ENODEV, None
    if command == ADD_VLAN_CMD:
        return register_vlan_device(net, dev, int.from_bytes(union[:4], "little", signed=True)), None
    if not is_vlan_dev(dev):
        return -EINVAL, None
    ops = dev.netdev_ops
    if command == DEL_VLAN_CMD:
        unregister_netdev(dev)
        return 0, None
    if command == GET_VLAN_REALDEV_NAME_CMD:
        return 0, ARGUMENTS.pack(command, device1, ops.real_dev.name.encode(), qos)
    if command == GET_VLAN_VID_CMD:
        return 0, ARGUMENTS.pack(command, device1, ops.vlan_id.to_bytes(4, "little"), qos)
    return -EOPNOTSUPP, None


def proc_vlan_config(net):
    """The text of /proc/net/vlan/config."""
    lines = [
        f"{dev.name:<15}| {dev.netdev_ops.vlan_id:<4d}| {dev.netdev_ops.real_dev.name}\n"
        for dev in for_each_netdev(net)
        if is_vlan_dev(dev)
    ]
    return PROC_HEADER + "".join(lines)


def vlan_init(net):
    """Let VLAN interfaces be made."""
    register_netdevice_notifier(net, vlan_notifier())
