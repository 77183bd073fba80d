"""IP options of packets that we receive or forward (RFC 791 section 3.1, RFC 1812 section 5.2.4), parsed without trusting them.

Record route and timestamp are filled in as a host on the way should; a source route is followed where
net.ipv4.conf.*.accept_source_route allows it; what is unknown is skipped by its length.
"""

from kernel.net.core.skbuff import kfree_skb, skb_cow
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_options import midnight_time
from kernel.net.ipv4.ip_output import ip_send_check
from kernel.net.ipv4.route import ip_route_input
from kernel.uapi.errno import EINVAL
from kernel.uapi.icmp import ICMP_PARAMETERPROB
from kernel.uapi.ip import (
    IPOPT_END,
    IPOPT_LSRR,
    IPOPT_NOOP,
    IPOPT_RA,
    IPOPT_RR,
    IPOPT_SSRR,
    IPOPT_TIMESTAMP,
    IPOPT_TS_PRESPEC,
    IPOPT_TS_TSANDADDR,
    IPOPT_TS_TSONLY,
)
from kernel.uapi.route import RTN_LOCAL, RTN_UNICAST

PACKET_HOST = 0
# Where the destination stands in an IP header.
DESTINATION = 16


class ip_skb_options:
    """What the options of a packet on its way through us are (`skb.cb`); offsets count from the IP header, 0: none.

    `srr_is_hit`: the source route has brought the packet here and names `nexthop`.
    """

    def __init__(self):
        self.srr = 0
        self.strict = False
        self.srr_is_hit = False
        self.nexthop = 0
        self.rr = 0
        self.ts = 0
        self.ts_needaddr = False
        self.router_alert = False
        self.changed = False


def ip_rcv_options(net, skb, dev, rt):
    """Check and act on the options of `skb`: 0, or -EINVAL with the packet dropped (and its sender told).

    A source route may give the packet another destination and `skb.dst` another route.
    """
    opt = ip_skb_options()
    nh = skb.network_header
    bad = ip_options_compile(net, skb, dev, rt, (skb.get8(nh) & 15) << 2, opt)
    if bad == 0 and opt.srr:
        if not net.devconf.both(dev.ip_ptr.cnf, "accept_source_route"):
            bad = -1
        else:
            bad = ip_options_rcv_srr(net, skb, dev, rt, opt)
    if bad == 0:
        if opt.changed:
            ip_send_check(skb)
        skb.cb = opt
        return 0
    net.mib.IpInHdrErrors += 1
    if bad > 0:
        icmp_send(net, skb, ICMP_PARAMETERPROB, 0, bad << 24)
    kfree_skb(skb, "IP_INHDR")
    return -EINVAL


def ip_options_compile(net, skb, dev, rt, header_len, opt):
    """Walk the options into `opt`: 0 when all is well, the offset in the header of what is wrong, or -1 to drop silently."""
    if skb_cow(skb, 0) < 0:
        return -1
    nh = skb.network_header
    position = 20
    while position < header_len:
        kind = skb.get8(nh + position)
        if kind == IPOPT_END:
            break
        if kind == IPOPT_NOOP:
            position += 1
            continue
        if position + 1 >= header_len:
            return position
        length = skb.get8(nh + position + 1)
        if length < 2 or position + length > header_len:
            return position
        bad = 0
        if kind in (IPOPT_LSRR, IPOPT_SSRR):
            bad = note_source_route(skb, opt, position, kind, length)
        elif kind == IPOPT_RR:
            bad = option_record_route(net, skb, dev, rt, opt, position, length)
        elif kind == IPOPT_TIMESTAMP:
            bad = option_timestamp(net, skb, dev, rt, opt, position, length)
        elif kind == IPOPT_RA:
            if length < 4:
                return position + 1
            opt.router_alert = skb.get16(nh + position + 2) == 0
        if bad:
            return bad
        position += length
    skb.opt_len = header_len - 20
    return 0


def note_source_route(skb, opt, position, kind, length):
    """A source route: 0, or the offset of what is wrong.  There is only one (RFC 1812 section 5.2.4.1)."""
    if length < 3:
        return position + 1
    if skb.get8(skb.network_header + position + 2) < 4:
        return position + 2
    if opt.srr:
        return position
    opt.srr = position
    opt.strict = kind == IPOPT_SSRR
    return 0


def option_record_route(net, skb, dev, rt, opt, position, length):
    """Enter our address in a recorded route that has room: 0, or the offset of what is wrong."""
    if opt.rr:
        return position
    if length < 3:
        return position + 1
    at = skb.network_header + position
    pointer = skb.get8(at + 2)
    if pointer < 4:
        return position + 2
    if pointer > length:
        return 0
    if pointer + 3 > length:
        return position + 2
    skb.put32(at + pointer - 1, spec_dst(net, skb, dev, rt))
    skb.put8(at + 2, pointer + 4)
    opt.rr = position
    opt.changed = True
    return 0


def spec_dst(net, skb, dev, rt):
    """The address of ours that a packet has met: its destination, or that of its way in."""
    nh = skb.network_header
    if rt.rt_type == RTN_LOCAL:
        return skb.get32(nh + DESTINATION)
    return net.devinet.inet_select_addr(dev, skb.get32(nh + 12), 0)


def option_timestamp(net, skb, dev, rt, opt, position, length):
    """Fill the timestamp option at `position`; 0, or the offset of what is wrong."""
    if opt.ts:
        return position
    if length < 4:
        return position + 1
    at = skb.network_header + position
    pointer = skb.get8(at + 2)
    flags = skb.get8(at + 3) & 15
    if pointer < 5:
        return position + 2
    opt.ts = position
    if pointer > length:
        return count_overflow(skb, opt, position, flags)
    if pointer + 3 > length:
        return position + 2
    step = 0
    if flags == IPOPT_TS_TSONLY:
        step = 4
    elif flags in (IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC):
        if pointer + 7 > length:
            return position + 2
        if flags == IPOPT_TS_TSANDADDR:
            skb.put32(at + pointer - 1, spec_dst(net, skb, dev, rt))
            opt.ts_needaddr = True
            step = 8
        elif net.fib.inet_addr_type(skb.get32(at + pointer - 1)) != RTN_UNICAST:
            step = 8
    if step:
        skb.put32(at + pointer + step - 5, midnight_time(net))
        skb.put8(at + 2, pointer + step)
        opt.changed = True
    return 0


def count_overflow(skb, opt, position, flags):
    """There is no room for our time: count that, up to fifteen; 0, or the offset of what is wrong."""
    if flags == IPOPT_TS_PRESPEC:
        return 0
    at = skb.network_header + position
    overflow = skb.get8(at + 3) >> 4
    if overflow == 15:
        return position + 3
    skb.put8(at + 3, (overflow + 1) << 4 | flags)
    opt.changed = True
    return 0


# --- source routes ---


def ip_options_rcv_srr(net, skb, dev, rt, opt):
    """Where a source route leads from here: 0, the offset of what is wrong, or -1.

    Hops that are ourselves are passed at once.  The next other one becomes the packet's destination when it is forwarded.
    """
    if skb.pkt_type != PACKET_HOST:
        return -1
    if rt.rt_type == RTN_UNICAST:
        # Not one of the hops: a strict route does not lead through us.
        return DESTINATION if opt.strict else 0
    if rt.rt_type != RTN_LOCAL:
        return -1
    nh = skb.network_header
    at = nh + opt.srr
    length = skb.get8(at + 1)
    pointer = skb.get8(at + 2)
    while pointer <= length:
        if pointer + 3 > length:
            return opt.srr + 2
        nexthop = skb.get32(at + pointer - 1)
        if ip_route_input(skb, nexthop, skb.get32(nh + 12), dev) < 0:
            return -1
        following = skb.dst
        if following.rt_type == RTN_UNICAST:
            opt.srr_is_hit = True
            opt.nexthop = nexthop
            return 0
        if following.rt_type != RTN_LOCAL:
            return -1
        skb.put32(nh + DESTINATION, nexthop)
        opt.changed = True
        pointer += 4
    return 0


def strict_route_broken(skb, rt):
    """True when a strict source route would need a router between us and its next hop."""
    opt = skb.cb
    return opt.strict and rt.rt_gateway != 0


def wants_router_alert(skb):
    """True when whoever has asked for router alerts is to see the packet (RFC 2113)."""
    opt = skb.cb
    return opt.router_alert


def ip_forward_options(net, skb, rt):
    """The packet leaves by `rt`: our address in its recorded route is that of the way out; a source route goes one on."""
    opt = skb.cb
    nh = skb.network_header
    if opt.rr:
        at = nh + opt.rr
        skb.put32(at + skb.get8(at + 2) - 5, leaving_address(net, skb, rt))
    if not opt.srr_is_hit:
        return
    at = nh + opt.srr
    length = skb.get8(at + 1)
    for pointer in range(skb.get8(at + 2), length - 2, 4):
        if skb.get32(at + pointer - 1) == opt.nexthop:
            skb.put32(nh + DESTINATION, opt.nexthop)
            skb.put32(at + pointer - 1, leaving_address(net, skb, rt))
            skb.put8(at + 2, pointer + 4)
            break
    if opt.ts_needaddr:
        at = nh + opt.ts
        skb.put32(at + skb.get8(at + 2) - 9, leaving_address(net, skb, rt))


def leaving_address(net, skb, rt):
    """The address of ours by which a packet leaves: the route's preferred one, or the device's towards the next hop."""
    nh = skb.network_header
    daddr = skb.get32(nh + DESTINATION)
    fi = net.fib.lookup(daddr, rt.dev.ifindex, skb.get32(nh + 12), 0, skb.mark)
    if fi is not None and fi.prefsrc:
        return fi.prefsrc
    return net.devinet.inet_select_addr(rt.dev, rt.rt_gateway if rt.rt_gateway else daddr, 0)
