"""net.ipv4.neigh: the directory "default" and one for each interface, with the parameters of its neighbours (arp(7)).

A new interface begins with the values of "default"; later changes of that reach no interface that is there.
"""

from kernel.net.core.netdev_flags import NETDEV_CHANGENAME, NETDEV_REGISTER, NETDEV_UNREGISTER
from kernel.net.core.netdevice import notifier_block
from kernel.uapi.errno import EINVAL

NSEC_PER_SEC = 1000000000
NSEC_PER_MSEC = 1000000
# A tick of the user's clock, in which the oldest of these files count (USER_HZ 100).
NSEC_PER_TICK = 10000000
# What a packet of a full Ethernet frame counts in a queue: unres_qlen is in such packets.
FULL_FRAME = 2112
LARGEST = 1 << 31

# name: (field of neigh_parms, what one of the unit makes there, what is added before dividing to show it)
SETTINGS = {
    "base_reachable_time": ("base_reachable_time", NSEC_PER_SEC, 0),
    "base_reachable_time_ms": ("base_reachable_time", NSEC_PER_MSEC, 0),
    "delay_first_probe_time": ("delay_probe_time", NSEC_PER_SEC, 0),
    "gc_stale_time": ("gc_staletime", NSEC_PER_SEC, 0),
    "locktime": ("locktime", NSEC_PER_TICK, 0),
    "mcast_resolicit": ("mcast_reprobes", 1, 0),
    "mcast_solicit": ("mcast_probes", 1, 0),
    "retrans_time": ("retrans_time", NSEC_PER_TICK, 0),
    "retrans_time_ms": ("retrans_time", NSEC_PER_MSEC, 0),
    "ucast_solicit": ("ucast_probes", 1, 0),
    "unres_qlen": ("queue_len_bytes", FULL_FRAME, FULL_FRAME - 1),
    "unres_qlen_bytes": ("queue_len_bytes", 1, 0),
}


class neigh_sysctl(notifier_block):
    """Keeps the directories: they come, are renamed and go with their interfaces."""

    def __init__(self, net, sysctl):
        self.net = net
        self.sysctl = sysctl
        self.named = {}

    def notifier_call(self, event, dev):
        if event in (NETDEV_UNREGISTER, NETDEV_CHANGENAME):
            self.withdraw(self.named.pop(dev.ifindex))
        if event == NETDEV_UNREGISTER:
            self.net.arp_tbl.forget_parms(dev)
        if event in (NETDEV_REGISTER, NETDEV_CHANGENAME):
            self.show(dev)

    def show(self, dev):
        # A dot in an interface's name is no separator: sysctl(8) writes a slash for it.
        self.named[dev.ifindex] = dev.name.replace(".", "/")
        self.publish(self.named[dev.ifindex], self.net.arp_tbl.parms_of(dev))

    def publish(self, directory, parms):
        for setting, (field, unit, rounding) in SETTINGS.items():
            name = f"net.ipv4.neigh.{directory}.{setting}"
            self.sysctl.register(name, getter(parms, field, unit, rounding), setter(parms, field, unit))

    def withdraw(self, directory):
        for setting in SETTINGS:
            self.sysctl.unregister(f"net.ipv4.neigh.{directory}.{setting}")
        self.sysctl.remove_directory(f"net.ipv4.neigh.{directory}")


def getter(parms, field, unit, rounding):
    return lambda: (getattr(parms, field) + rounding) // unit


def setter(parms, field, unit):
    def store(value):
        if not 0 <= value <= LARGEST:
            return -EINVAL
        setattr(parms, field, value * unit)
        if field == "base_reachable_time":
            # The time is drawn anew from the new base.
            parms.reachable_time = 0
        return 0

    return store


def neigh_sysctl_init(net, sysctl):
    """Make the directories of what is there, and follow what comes."""
    tables = neigh_sysctl(net, sysctl)
    tables.publish("default", net.arp_tbl.parms)
    for dev in net.softnet.dev_by_index.values():
        tables.show(dev)
    return tables
