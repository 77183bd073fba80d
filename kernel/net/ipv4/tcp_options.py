"""TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018): reading them from a segment and laying them out in one.

On input the room leaves in an sk_buff: `has_ts`, `tsval`, `tsecr`, and in cb2/cb3 how many SACK blocks there are and
where the first one lies.  Everything is bounded by the header length that tcp_v4_rcv has checked; a bad option length
ends the parse, and what was read before counts.
"""

from kernel.net.ipv4.tcp_const import MAX_TCP_OPTION_SPACE, TCP_MAX_WSCALE, TS_WORD
from kernel.uapi.tcp import (
    TCPHDR_SYN,
    TCPOLEN_EXP_FASTOPEN_BASE,
    TCPOLEN_FASTOPEN_BASE,
    TCPOLEN_MSS,
    TCPOLEN_SACK_BASE_ALIGNED,
    TCPOLEN_SACK_PERBLOCK,
    TCPOLEN_SACK_PERM,
    TCPOLEN_TIMESTAMP,
    TCPOLEN_TSTAMP_ALIGNED,
    TCPOLEN_WINDOW,
    TCPOPT_EOL,
    TCPOPT_EXP,
    TCPOPT_FASTOPEN,
    TCPOPT_MSS,
    TCPOPT_NOP,
    TCPOPT_SACK,
    TCPOPT_SACK_PERM,
    TCPOPT_TIMESTAMP,
    TCPOPT_WINDOW,
)

# RFC 7413 section 4.1.1, and the identifier of its experimental form (RFC 6994).
FASTOPEN_MAGIC = 0xF989
COOKIE_MIN, COOKIE_MAX = 4, 16
# NOP NOP SACK-PERMITTED 2 as a 32-bit word.
SACK_PERM_WORD = 0x01010402


class tcp_options_received:
    """What the options of a SYN or SYN-ACK said."""

    def __init__(self):
        self.mss_clamp = 0
        self.wscale_ok = False
        self.snd_wscale = 0
        self.tstamp_ok = False
        self.sack_ok = False
        # The Fast Open cookie: empty for a request, None without the option (or with a malformed one).
        self.fastopen = None
        self.fastopen_exp = False


def tcp_parse_options(skb, opt):
    """Parse the options behind the TCP header.  `opt` (may be None) takes those that only a SYN carries."""
    pos = skb.transport_header + 20
    end = skb.transport_header + skb.cb0
    skb.has_ts = False
    skb.cb2 = 0
    while pos < end:
        kind = skb.get8(pos)
        if kind == TCPOPT_EOL:
            return
        if kind == TCPOPT_NOP:
            pos += 1
            continue
        if pos + 2 > end:
            return
        size = skb.get8(pos + 1)
        if size < 2 or size > end - pos:
            return
        if kind == TCPOPT_TIMESTAMP and size == TCPOLEN_TIMESTAMP:
            skb.has_ts = True
            skb.tsval = skb.get32(pos + 2)
            skb.tsecr = skb.get32(pos + 6)
        elif kind == TCPOPT_SACK:
            if (size >= 2 + TCPOLEN_SACK_PERBLOCK and (size - 2) % TCPOLEN_SACK_PERBLOCK == 0
                    and not skb.tcp_flags & TCPHDR_SYN):
                skb.cb2 = (size - 2) // TCPOLEN_SACK_PERBLOCK
                skb.cb3 = pos + 2
        elif opt is not None:
            tcp_parse_syn_option(skb, opt, kind, pos, size)
        pos += size


def tcp_parse_syn_option(skb, opt, kind, pos, size):
    """One option of a SYN: MSS, window scale, SACK permitted."""
    if kind == TCPOPT_MSS:
        if size == TCPOLEN_MSS:
            value = skb.get16(pos + 2)
            if value:
                opt.mss_clamp = value
    elif kind == TCPOPT_WINDOW:
        if size == TCPOLEN_WINDOW:
            opt.wscale_ok = True
            # RFC 7323 section 2.3: a larger shift is used as 14.
            opt.snd_wscale = min(skb.get8(pos + 2), TCP_MAX_WSCALE)
    elif kind == TCPOPT_SACK_PERM:
        if size == TCPOLEN_SACK_PERM:
            opt.sack_ok = True
    elif kind == TCPOPT_FASTOPEN:
        tcp_parse_fastopen_option(skb, opt, pos + TCPOLEN_FASTOPEN_BASE, size - TCPOLEN_FASTOPEN_BASE, False)
    elif kind == TCPOPT_EXP and size >= TCPOLEN_EXP_FASTOPEN_BASE and skb.get16(pos + 2) == FASTOPEN_MAGIC:
        tcp_parse_fastopen_option(skb, opt, pos + TCPOLEN_EXP_FASTOPEN_BASE, size - TCPOLEN_EXP_FASTOPEN_BASE, True)


def tcp_parse_fastopen_option(skb, opt, pos, length, exp):
    """RFC 7413 section 4.1.1: a cookie of 4 to 16 bytes, an even number; an empty one asks for one."""
    if not skb.tcp_flags & TCPHDR_SYN or length & 1:
        return
    opt.fastopen_exp = exp
    opt.fastopen = None
    if length == 0 or COOKIE_MIN <= length <= COOKIE_MAX:
        opt.fastopen = bytes([skb.get8(pos + i) for i in range(length)])


def tcp_fastopen_option(cookie, exp):
    """The option's bytes, padded to whole words."""
    if exp:
        head = bytes([TCPOPT_EXP, TCPOLEN_EXP_FASTOPEN_BASE + len(cookie)]) + FASTOPEN_MAGIC.to_bytes(2, "big")
    else:
        head = bytes([TCPOPT_FASTOPEN, TCPOLEN_FASTOPEN_BASE + len(cookie)])
    option = head + cookie
    return option + bytes([TCPOPT_NOP]) * (-len(option) % 4)


def tcp_fast_parse_options(sk, skb):
    """The options of a segment for an open connection: the usual layouts first, then the general parse."""
    size = skb.cb0
    if size == 20:
        skb.has_ts = False
        skb.cb2 = 0
        return
    pos = skb.transport_header + 20
    if sk.tstamp_ok and size == 20 + TCPOLEN_TSTAMP_ALIGNED and skb.get32(pos) == TS_WORD:
        skb.has_ts = True
        skb.cb2 = 0
        skb.tsval = skb.get32(pos + 4)
        skb.tsecr = skb.get32(pos + 8)
        return
    tcp_parse_options(skb, None)


def tcp_established_options_size(sk):
    """Bytes of options that a segment of an open connection carries now."""
    size = TCPOLEN_TSTAMP_ALIGNED if sk.tstamp_ok else 0
    if sk.num_sacks or sk.dsack:
        blocks = tcp_sack_blocks_that_fit(sk, size)
        if blocks:
            size += TCPOLEN_SACK_BASE_ALIGNED + blocks * TCPOLEN_SACK_PERBLOCK
    return size


def tcp_sack_blocks_that_fit(sk, size):
    """How many SACK blocks (the DSACK included) fit behind `size` bytes of other options."""
    blocks = sk.num_sacks + (1 if sk.dsack else 0)
    room = (MAX_TCP_OPTION_SPACE - size - TCPOLEN_SACK_BASE_ALIGNED) // TCPOLEN_SACK_PERBLOCK
    return min(blocks, room)


def tcp_established_options_write(sk, skb, pos, tsval):
    """Write them at `pos`; the DSACK block goes first (RFC 2883 section 4) and is spent with this segment."""
    size = 0
    if sk.tstamp_ok:
        skb.put32(pos, TS_WORD)
        skb.put32(pos + 4, tsval)
        skb.put32(pos + 8, sk.ts_recent)
        pos += TCPOLEN_TSTAMP_ALIGNED
        size = TCPOLEN_TSTAMP_ALIGNED
    if not sk.num_sacks and not sk.dsack:
        return
    blocks = tcp_sack_blocks_that_fit(sk, size)
    if blocks <= 0:
        return
    skb.put32(pos, (TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_SACK << 8) | (2 + blocks * TCPOLEN_SACK_PERBLOCK))
    pos += TCPOLEN_SACK_BASE_ALIGNED
    if sk.dsack:
        skb.put32(pos, sk.dsack_start)
        skb.put32(pos + 4, sk.dsack_end)
        pos += TCPOLEN_SACK_PERBLOCK
        blocks -= 1
        sk.dsack = False
    i = 0
    while i < blocks:
        skb.put32(pos, sk.sack_start[i])
        skb.put32(pos + 4, sk.sack_end[i])
        pos += TCPOLEN_SACK_PERBLOCK
        i += 1


def tcp_syn_options_size(tstamp, sack, wscale):
    """Bytes of options of a SYN, Fast Open's aside: MSS always, the others as offered (`wscale` below 0: not)."""
    size = TCPOLEN_MSS
    if tstamp:
        size += TCPOLEN_TSTAMP_ALIGNED
    elif sack:
        size += 4
    if wscale >= 0:
        size += 4
    return size


def tcp_syn_options_write(skb, pos, mss, tstamp, tsval, tsecr, sack, wscale, fastopen):
    """Write the options of a SYN in Linux's order: MSS, SACK permitted, timestamps, window scale, `fastopen` (its bytes)."""
    skb.put32(pos, (TCPOPT_MSS << 24) | (TCPOLEN_MSS << 16) | mss)
    pos += 4
    if tstamp:
        if sack:
            skb.put32(pos, (TCPOPT_SACK_PERM << 24) | (TCPOLEN_SACK_PERM << 16) | (TCPOPT_TIMESTAMP << 8) | TCPOLEN_TIMESTAMP)
        else:
            skb.put32(pos, TS_WORD)
        skb.put32(pos + 4, tsval)
        skb.put32(pos + 8, tsecr)
        pos += 12
    elif sack:
        skb.put32(pos, SACK_PERM_WORD)
        pos += 4
    if wscale >= 0:
        skb.put32(pos, (TCPOPT_NOP << 24) | (TCPOPT_WINDOW << 16) | (TCPOLEN_WINDOW << 8) | wscale)
        pos += 4
    for i in range(len(fastopen)):
        skb.put8(pos + i, fastopen[i])
