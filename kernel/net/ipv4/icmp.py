"""ICMP (RFC 792, RFC 1122 section 3.2.2): echo and timestamp replies, errors to send, errors received.

Errors that we send are limited by a bucket for the whole host and one per destination; errors received go to the
protocol that the quoted packet names (`net_protocol.err_handler`), after raw sockets.
"""

from kernel.lib.checksum import csum_fold
from kernel.net.core.skb_data import skb_append_range, skb_checksum
from kernel.net.core.skbuff import (
    alloc_skb,
    consume_skb,
    kfree_skb,
    pskb_may_pull,
    skb_cow,
    skb_orphan,
    skb_pull,
    skb_put,
    skb_reserve,
)
from kernel.net.ipv4.fib import ipv4_is_lbcast, ipv4_is_multicast, ipv4_is_zeronet
from kernel.net.ipv4.ip_options import ip_options_echo, ip_options_len
from kernel.net.ipv4.ip_output import ip_first_hop, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ping import ping_err, ping_rcv
from kernel.net.ipv4.raw import raw_icmp_error
from kernel.net.ipv4.route import ip_route_output_key, ip_rt_redirect
from kernel.net.net import net_protocol
from kernel.uapi.icmp import (
    ICMP_ADDRESS,
    ICMP_ADDRESSREPLY,
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_REDIR_HOSTTOS,
    ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH,
    ICMP_SR_FAILED,
    ICMP_TIME_EXCEEDED,
    ICMP_TIMESTAMP,
    ICMP_TIMESTAMPREPLY,
    NR_ICMP_TYPES,
    NR_ICMP_UNREACH,
)
from kernel.uapi.in_ import IPPROTO_ICMP
from kernel.uapi.ip import IP_OFFSET
from kernel.uapi.route import RTN_BROADCAST, RTN_MULTICAST

CHECKSUM_NONE = 0
CHECKSUM_UNNECESSARY = 1
PACKET_HOST = 0
NSEC_PER_SEC = 1000000000
NSEC_PER_MSEC = 1000000
MS_PER_DAY = 86400000
ICMP_HEADER_LEN = 8
HEADROOM = 128
# An error quotes so much of the packet that it stays within 576 bytes (RFC 1812 section 4.3.2.3).
ICMP_ERROR_MAX = 576
IPTOS_PREC_INTERNETCONTROL = 0xC0
# Tokens of the per-destination bucket, each worth net.ipv4.icmp_ratelimit ms.
XRLIM_BURST_FACTOR = 6
RATE_TABLE_SIZE = 256

MIB_IN = {
    ICMP_ECHOREPLY: "IcmpInEchoReps",
    ICMP_DEST_UNREACH: "IcmpInDestUnreachs",
    ICMP_SOURCE_QUENCH: "IcmpInSrcQuenchs",
    ICMP_REDIRECT: "IcmpInRedirects",
    ICMP_ECHO: "IcmpInEchos",
    ICMP_TIME_EXCEEDED: "IcmpInTimeExcds",
    ICMP_PARAMETERPROB: "IcmpInParmProbs",
    ICMP_TIMESTAMP: "IcmpInTimestamps",
    ICMP_TIMESTAMPREPLY: "IcmpInTimestampReps",
    ICMP_ADDRESS: "IcmpInAddrMasks",
    ICMP_ADDRESSREPLY: "IcmpInAddrMaskReps",
}
MIB_OUT = {kind: name.replace("IcmpIn", "IcmpOut") for kind, name in MIB_IN.items()}


class rate_bucket:
    """Tokens of one destination, in ms."""

    def __init__(self, addr, now):
        self.addr = addr
        self.stamp = now
        self.tokens = -1


class icmp_state:
    """The rate limits of one network namespace."""

    def __init__(self, net):
        self.net = net
        self.global_credit = net.sysctl_icmp_msgs_burst
        self.global_stamp = net.timers.now()
        self.buckets = [None] * RATE_TABLE_SIZE

    def global_allow(self):
        """Take a token of the host's bucket."""
        net = self.net
        now = net.timers.now()
        delta = min(now - self.global_stamp, NSEC_PER_SEC)
        # Refill in steps of at least 20 ms, as often as that gives a token.
        if delta >= NSEC_PER_SEC // 50:
            refill = net.sysctl_icmp_msgs_per_sec * delta // NSEC_PER_SEC
            if refill:
                self.global_credit = min(self.global_credit + refill, net.sysctl_icmp_msgs_burst)
                self.global_stamp = now
        if self.global_credit <= 0:
            return False
        self.global_credit -= 1
        return True

    def destination_allow(self, addr):
        """Take a token of the destination's bucket: one per icmp_ratelimit, six at once."""
        net = self.net
        limit = net.sysctl_icmp_ratelimit
        if limit == 0:
            return True
        now = net.timers.now()
        slot = net.hash2(addr, 1) % RATE_TABLE_SIZE
        bucket = self.buckets[slot]
        if bucket is None or bucket.addr != addr:
            bucket = self.buckets[slot] = rate_bucket(addr, now)
            bucket.tokens = XRLIM_BURST_FACTOR * limit
        bucket.tokens = min(bucket.tokens + (now - bucket.stamp) // NSEC_PER_MSEC, XRLIM_BURST_FACTOR * limit)
        bucket.stamp = now
        if bucket.tokens < limit:
            return False
        bucket.tokens -= limit
        return True

    def may_send(self, type, daddr):
        """True when the limits let a message of `type` to `daddr` go."""
        net = self.net
        if not net.sysctl_icmp_ratemask >> type & 1 or daddr >> 24 == 127:
            return True
        if not self.global_allow():
            net.mib.IcmpOutRateLimitGlobal += 1
            return False
        if not self.destination_allow(daddr):
            net.mib.IcmpOutRateLimitHost += 1
            return False
        return True


def count_out(net, type):
    mib = net.mib
    mib.IcmpOutMsgs += 1
    mib.icmp_out_types[type] += 1
    name = MIB_OUT.get(type)
    if name is not None:
        setattr(mib, name, getattr(mib, name) + 1)


def received_options_echo(net, skb):
    """The options of an answer to `skb`, which has some; None when they leave nothing to answer with."""
    nh = skb.network_header
    received = bytes([skb.get8(nh + 20 + i) for i in range(skb.opt_len)])
    return ip_options_echo(net, received, skb.get32(nh + 12))


# --- errors that we send ---


def icmp_send(net, skb, type, code, info):
    """Tell the sender of `skb` (network_header valid) about an error; does not consume it.

    `info` is the second word of the ICMP header.  Nothing is sent about what must not be answered (RFC 1122 section
    3.2.2): ICMP errors, later fragments, broadcast and multicast, senders that are nobody in particular.
    """
    nh = skb.network_header
    offset = nh - skb.data if nh >= skb.data else 0
    pulled = skb.data - nh if skb.data > nh else 0
    rt = skb.dst
    if skb.pkt_type != PACKET_HOST or (rt is not None and rt.rt_type in (RTN_BROADCAST, RTN_MULTICAST)):
        return
    saddr = skb.get32(nh + 12)
    daddr = skb.get32(nh + 16)
    if ipv4_is_multicast(saddr) or ipv4_is_lbcast(saddr) or ipv4_is_zeronet(saddr):
        return
    if ipv4_is_multicast(daddr) or ipv4_is_lbcast(daddr) or net.fib.inet_addr_type(saddr) == RTN_BROADCAST:
        return
    if skb.get16(nh + 6) & IP_OFFSET:
        return
    header_len = (skb.get8(nh) & 15) << 2
    if skb.get8(nh + 9) == IPPROTO_ICMP:
        # Only about queries: an error about an error might never end.
        if nh + header_len >= skb.tail:
            return
        inner = skb.get8(nh + header_len)
        if inner > NR_ICMP_TYPES or inner in (
            ICMP_DEST_UNREACH,
            ICMP_SOURCE_QUENCH,
            ICMP_REDIRECT,
            ICMP_TIME_EXCEEDED,
            ICMP_PARAMETERPROB,
        ):
            return
    # We answer from the address that was spoken to, if it is ours.
    source = daddr if rt is not None and rt.is_input and net.fib.local_address(daddr) is not None else 0
    options = received_options_echo(net, skb) if skb.opt_len else None
    out = ip_route_output_key(net, ip_first_hop(options, saddr), source, 0)
    if out is None:
        return
    limits = net.icmp
    if not limits.may_send(type, saddr):
        return
    length = min(skb.len + pulled - offset, ICMP_ERROR_MAX - 20 - ip_options_len(options) - ICMP_HEADER_LEN)
    quote = min(length, skb.tail - nh)
    reply = alloc_skb(net.skb_cache, HEADROOM + ICMP_ERROR_MAX)
    if reply is None:
        return
    skb_reserve(reply, HEADROOM)
    at = skb_put(reply, ICMP_HEADER_LEN)
    reply.put32(at, type << 24 | code << 16)
    reply.put32(at + 4, info)
    # The headers in front of `data` are still there, but only as bytes of the linear part.
    position = skb_put(reply, min(pulled, quote))
    for i in range(min(pulled, quote)):
        reply.put8(position + i, skb.get8(nh + i))
    if length > pulled:
        skb_append_range(reply, skb, offset, length - pulled)
    reply.put16(at + 2, csum_fold(skb_checksum(reply, 0, reply.len, 0)))
    reply.dst = out
    count_out(net, type)
    ip_push_header(
        net,
        reply,
        source if source else out.saddr,
        saddr,
        IPPROTO_ICMP,
        (skb.get8(nh + 1) & 0x1E) | IPTOS_PREC_INTERNETCONTROL,
        net.sysctl_ip_default_ttl,
        ip_select_ident(net, 1),
        False,
        options,
    )
    ip_local_out(net, reply)


# --- messages that we receive ---


class icmp_protocol(net_protocol):
    """Protocol 1."""

    def __init__(self, net):
        net_protocol.__init__(self)
        self.name = "ICMP"
        self.net = net

    def handler(self, skb):
        return icmp_rcv(self.net, skb)

    def err_handler(self, skb, info):
        ping_err(self.net, skb, info)
        return 0


def icmp_rcv(net, skb):
    """An ICMP message, data at its header; consumes it."""
    mib = net.mib
    mib.IcmpInMsgs += 1
    if not pskb_may_pull(skb, ICMP_HEADER_LEN):
        mib.IcmpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    if skb.ip_summed != CHECKSUM_UNNECESSARY and csum_fold(skb_checksum(skb, 0, skb.len, 0)) != 0:
        mib.IcmpInCsumErrors += 1
        mib.IcmpInErrors += 1
        kfree_skb(skb, "ICMP_CSUM")
        return 0
    type = skb.get8(skb.data)
    mib.icmp_in_types[type] += 1
    name = MIB_IN.get(type)
    if name is not None:
        setattr(mib, name, getattr(mib, name) + 1)
    if net.trace.on:
        net.trace.emit("icmp_rcv", skb.id, type, skb.get8(skb.data + 1), skb.len)
    rt = skb.dst
    if rt is not None and rt.rt_type in (RTN_BROADCAST, RTN_MULTICAST):
        # RFC 1122 section 3.2.2.6: a broadcast query may be ignored, and is by default.
        if type in (ICMP_ECHO, ICMP_TIMESTAMP):
            if net.sysctl_icmp_echo_ignore_broadcasts:
                kfree_skb(skb, "INVALID_PROTO")
                return 0
        elif type not in (ICMP_ADDRESS, ICMP_ADDRESSREPLY):
            mib.IcmpInErrors += 1
            kfree_skb(skb, "INVALID_PROTO")
            return 0
    if type == ICMP_ECHO:
        return icmp_echo(net, skb)
    if type == ICMP_ECHOREPLY:
        return ping_rcv(net, skb)
    if type in (ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH):
        return icmp_unreach(net, skb, type)
    if type == ICMP_TIMESTAMP:
        return icmp_timestamp(net, skb)
    if type == ICMP_REDIRECT:
        return icmp_redirect(net, skb)
    if type > NR_ICMP_TYPES:
        mib.IcmpInErrors += 1
        kfree_skb(skb, "UNHANDLED_PROTO")
        return 0
    # The obsolete queries are counted and otherwise ignored.
    consume_skb(skb)
    return 0


def icmp_echo(net, skb):
    """Turn an echo request into its reply and send it back, payload untouched."""
    if net.sysctl_icmp_echo_ignore_all:
        consume_skb(skb)
        return 0
    return icmp_answer(net, skb, ICMP_ECHOREPLY)


def icmp_answer(net, skb, type):
    """Send a query back as a reply of `type`; the sk_buff itself goes; consumes it."""
    nh = skb.network_header
    daddr = skb.get32(nh + 12)
    saddr = skb.get32(nh + 16)
    tos = skb.get8(nh + 1)
    rt = skb.dst
    if rt is not None and rt.rt_type in (RTN_BROADCAST, RTN_MULTICAST):
        saddr = 0
    options = received_options_echo(net, skb) if skb.opt_len else None
    out = ip_route_output_key(net, ip_first_hop(options, daddr), saddr, 0)
    if out is None:
        net.mib.IcmpOutErrors += 1
        kfree_skb(skb, "IP_OUTNOROUTES")
        return 0
    skb_orphan(skb)
    if skb_cow(skb, HEADROOM) < 0:
        kfree_skb(skb, "NOMEM")
        return 0
    # Only the type has changed: correct the sum instead of counting it again (RFC 1624).
    at = skb.data
    old = skb.get8(at) << 8
    skb.put8(at, type)
    total = (~skb.get16(at + 2) & 0xFFFF) + (~old & 0xFFFF) + (type << 8)
    check = csum_fold(total)
    if check == 0:
        # A message of zeros alone has the sum FFFF, which the correction can not tell from 0.
        skb.put16(at + 2, 0)
        check = csum_fold(skb_checksum(skb, 0, skb.len, 0))
    skb.put16(at + 2, check)
    skb.ip_summed = CHECKSUM_NONE
    skb.dst = out
    skb.dev = out.dev
    skb.vlan_present = False
    skb.ip_flags = 0
    skb.tstamp = 0
    count_out(net, type)
    ip_push_header(
        net,
        skb,
        saddr if saddr else out.saddr,
        daddr,
        IPPROTO_ICMP,
        tos,
        net.sysctl_ip_default_ttl,
        ip_select_ident(net, 1),
        False,
        options,
    )
    return ip_local_out(net, skb)


def icmp_timestamp(net, skb):
    """Answer a timestamp query: ms since midnight, which a machine without a calendar counts from its start."""
    if not pskb_may_pull(skb, 20):
        net.mib.IcmpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    if skb_cow(skb, HEADROOM) < 0:
        kfree_skb(skb, "NOMEM")
        return 0
    now = net.timers.now() // NSEC_PER_MSEC % MS_PER_DAY
    at = skb.data
    skb.put32(at + 12, now)
    skb.put32(at + 16, now)
    skb.put16(at + 2, 0)
    skb.put16(at + 2, csum_fold(skb_checksum(skb, 0, skb.len, 0)))
    return icmp_answer(net, skb, ICMP_TIMESTAMPREPLY)


def icmp_redirect(net, skb):
    """A router knows a better next hop for a packet of ours (RFC 1122 section 3.2.2.2); consumes it."""
    dev = skb.dev
    if not pskb_may_pull(skb, ICMP_HEADER_LEN + 20) or skb.get8(skb.data + ICMP_HEADER_LEN) >> 4 != 4:
        net.mib.IcmpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    inner = skb.data + ICMP_HEADER_LEN
    if dev is not None and dev.ip_ptr is not None and skb.get8(skb.data + 1) <= ICMP_REDIR_HOSTTOS:
        ip_rt_redirect(net, skb.get32(inner + 16), skb.get32(skb.data + 4), skb.get32(skb.network_header + 12), dev)
    consume_skb(skb)
    return 0


def icmp_unreach(net, skb, type):
    """An error about a packet that we have sent: tell the protocol and the raw sockets; consumes it."""
    mib = net.mib
    code = skb.get8(skb.data + 1)
    info = skb.get32(skb.data + 4)
    if not pskb_may_pull(skb, ICMP_HEADER_LEN + 20):
        mib.IcmpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    inner = skb.data + ICMP_HEADER_LEN
    header_len = (skb.get8(inner) & 15) << 2
    if skb.get8(inner) >> 4 != 4 or header_len < 20:
        mib.IcmpInErrors += 1
        kfree_skb(skb, "IP_INHDR")
        return 0
    # The transport's ports, too: eight bytes behind the quoted header.
    if not pskb_may_pull(skb, ICMP_HEADER_LEN + header_len + 8):
        mib.IcmpInErrors += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return 0
    if type == ICMP_DEST_UNREACH:
        if code > NR_ICMP_UNREACH or code == ICMP_SR_FAILED:
            kfree_skb(skb, "ICMP_CODE")
            return 0
        if code == ICMP_FRAG_NEEDED:
            info &= 0xFFFF
    elif type == ICMP_PARAMETERPROB:
        info >>= 24
    # Somebody claims that a broadcast of ours could not be delivered: nonsense (RFC 1122 section 3.2.2).
    if net.fib.inet_addr_type(skb.get32(inner + 16)) == RTN_BROADCAST and type == ICMP_DEST_UNREACH:
        kfree_skb(skb, "IP_INADDRERRORS")
        return 0
    skb_pull(skb, ICMP_HEADER_LEN)
    protocol = skb.get8(inner + 9)
    if net.raw_table is not None:
        raw_icmp_error(net, skb, protocol, info)
    handler = net.inet_protos[protocol]
    if handler is not None:
        handler.err_handler(skb, info)
    consume_skb(skb)
    return 0
