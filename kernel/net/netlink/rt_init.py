"""Puts NETLINK_ROUTE together: each kind of object has a room of its own."""

from kernel.net.core.dev import register_netdevice_notifier
from kernel.net.netlink.rt_addr import rt_addr_init
from kernel.net.netlink.rt_link import link_notifier, rt_link_init
from kernel.net.netlink.rt_neigh import rt_neigh_init
from kernel.net.netlink.rt_qdisc import rt_qdisc_init
from kernel.net.netlink.rt_route import rt_route_init
from kernel.net.netlink.rt_rule import rt_rule_init
from kernel.net.netlink.rtnetlink import rtnetlink
from kernel.uapi.netlink import NETLINK_ROUTE


def rtnetlink_init(net):
    """Open NETLINK_ROUTE to programs."""
    rtnl = rtnetlink(net)
    net.netlink.register(NETLINK_ROUTE, rtnl)
    rt_link_init(rtnl)
    rt_addr_init(rtnl)
    rt_route_init(rtnl)
    rt_rule_init(rtnl)
    rt_neigh_init(rtnl)
    rt_qdisc_init(rtnl)
    register_netdevice_notifier(net, link_notifier(rtnl))
