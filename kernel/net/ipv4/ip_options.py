"""IP options of received packets (RFC 791 section 3.1, RFC 1122 section 3.2.1.8), parsed without trusting them.

Record route and timestamp are filled in as a host on the way should; source routes are refused, as Linux does by
default; what is unknown is skipped by its length.
"""

from kernel.net.core.skbuff import kfree_skb, skb_cow
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_output import ip_send_check
from kernel.uapi.errno import EINVAL
from kernel.uapi.icmp import ICMP_PARAMETERPROB
from kernel.uapi.ip import (
    IPOPT_END,
    IPOPT_LSRR,
    IPOPT_NOOP,
    IPOPT_RR,
    IPOPT_SSRR,
    IPOPT_TIMESTAMP,
    IPOPT_TS_PRESPEC,
    IPOPT_TS_TSANDADDR,
    IPOPT_TS_TSONLY,
)

MS_PER_DAY = 86400000


def ip_rcv_options(net, skb, dev, rt):
    """Check and act on the options of `skb`: 0, or -EINVAL with the packet dropped (and its sender told)."""
    nh = skb.network_header
    bad = ip_options_compile(net, skb, dev, rt, (skb.get8(nh) & 15) << 2)
    if bad == 0:
        return 0
    net.mib.IpInHdrErrors += 1
    if bad > 0:
        icmp_send(net, skb, ICMP_PARAMETERPROB, 0, bad << 24)
    kfree_skb(skb, "IP_INHDR")
    return -EINVAL


def ip_options_compile(net, skb, dev, rt, header_len):
    """Walk the options: 0 when all is well, the offset in the header of what is wrong, or -1 to drop silently."""
    if skb_cow(skb, 0) < 0:
        return -1
    nh = skb.network_header
    position = 20
    changed = False
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
        if kind == IPOPT_LSRR or kind == IPOPT_SSRR:
            return position if net.devconf.both(dev.ip_ptr.cnf, "accept_source_route") else -1
        if kind == IPOPT_RR:
            if length < 3:
                return position + 1
            pointer = skb.get8(nh + position + 2)
            if pointer < 4:
                return position + 2
            if pointer <= length:
                if pointer + 3 > length:
                    return position + 2
                skb.put32(nh + position + pointer - 1, record_address(net, skb, rt))
                skb.put8(nh + position + 2, pointer + 4)
                changed = True
        elif kind == IPOPT_TIMESTAMP:
            if length < 4:
                return position + 1
            bad = option_timestamp(net, skb, rt, position, length)
            if bad:
                return bad
            changed = True
        position += length
    skb.opt_len = header_len - 20
    if changed:
        ip_send_check(skb)
    return 0


def record_address(net, skb, rt):
    """The address that we enter in a recorded route: the one that the packet came for, or that of its way out."""
    if rt.output_ops is None:
        return skb.get32(skb.network_header + 16)
    return net.devinet.inet_select_addr(rt.dev, rt.rt_gateway, 0)


def option_timestamp(net, skb, rt, position, length):
    """Fill the timestamp option at `position`; 0, or the offset of what is wrong."""
    at = skb.network_header + position
    pointer = skb.get8(at + 2)
    flags = skb.get8(at + 3) & 15
    if pointer < 5:
        return position + 2
    now = net.timers.now() // 1000000 % MS_PER_DAY
    if pointer > length:
        # Full: count an overflow, which stops at fifteen.
        overflow = skb.get8(at + 3) >> 4
        if overflow == 15:
            return position + 3
        skb.put8(at + 3, (overflow + 1) << 4 | flags)
        return 0
    if flags == IPOPT_TS_TSONLY:
        if pointer + 3 > length:
            return position + 2
        skb.put32(at + pointer - 1, now)
        skb.put8(at + 2, pointer + 4)
        return 0
    if flags not in (IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC):
        return 0
    if pointer + 7 > length:
        return position + 2
    if flags == IPOPT_TS_TSANDADDR:
        skb.put32(at + pointer - 1, record_address(net, skb, rt))
    elif net.fib.local_address(skb.get32(at + pointer - 1)) is None:
        return 0
    skb.put32(at + pointer + 3, now)
    skb.put8(at + 2, pointer + 8)
    return 0
