"""`rtable`, a route that packets follow: the device, the next hop, the neighbour and the path's MTU.

Linux calls the general part dst_entry and IPv4's part rtable; with one network protocol there is one class.  A route
is valid while its generation equals `Net.rt_genid` and its expiry (ns since boot, 0: never) lies ahead.
"""

from kernel.net.core.skbuff import kfree_skb
from kernel.uapi.errno import EHOSTUNREACH, EINVAL
from kernel.uapi.route import RTN_UNICAST


class dst_input:
    """What becomes of a received packet that takes a route: deliver locally, forward, refuse."""

    def input(self, skb):
        kfree_skb(skb, "IP_INNOROUTES")
        return -EINVAL


class dst_output:
    """What becomes of a packet being sent along a route."""

    def output(self, skb):
        kfree_skb(skb, "IP_OUTNOROUTES")
        return -EHOSTUNREACH


class rtable:
    """One route.  `rt_gateway` is the next hop's address (0: the destination itself), `saddr` the preferred source."""

    def __init__(self, dev, genid):
        self.dev = dev
        self.genid = genid
        self.expires = 0
        self.rt_type = RTN_UNICAST
        self.rt_gateway = 0
        self.saddr = 0
        self.rt_iif = 0
        self.mtu = dev.mtu if dev is not None else 0
        self.mtu_locked = False
        # Metrics of TCP, 0 where the route has none: segment sizes in bytes, windows in segments.
        self.advmss = 0
        self.initcwnd = 0
        self.initrwnd = 0
        self.neighbour = None
        self.input_ops = None
        self.output_ops = None
        self.is_input = False
        # The next hop is on the link that the packet came from: its sender might go there directly.
        self.do_redirect = False
        # The key under which the route cache keeps it.
        self.key_daddr = 0
        self.key_saddr = 0
        self.key_oif = 0
        self.key_mark = 0


def dst_mtu(dst):
    """The largest IP packet that the path takes, in bytes."""
    return dst.mtu
