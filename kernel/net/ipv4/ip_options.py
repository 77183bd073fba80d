"""IP options as a sender has them (RFC 791 section 3.1, RFC 1122 section 3.2.1.8): checked, filled in, turned round.

`ip_options` belongs to a socket, a connection request or one message.  A socket's source route names the first hop
apart: that is where its packets go, and the final destination waits at the end of the option (RFC 791, "Loose Source and
Record Route").  An offset is that of the option in `data`, -1 when there is none.
"""

from kernel.uapi.ip import (
    IPOPT_CIPSO,
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
from kernel.uapi.route import RTN_UNICAST

# What an IP header has room for.
MAX_OPTIONS = 40
SOURCE_ROUTES = (IPOPT_LSRR, IPOPT_SSRR)
# Everybody may send these; others are the superuser's.
FREE = (IPOPT_LSRR, IPOPT_SSRR, IPOPT_RR, IPOPT_TIMESTAMP, IPOPT_RA)
MS_PER_DAY = 86400000
NSEC_PER_MSEC = 1000000
OVERFLOW_MAX = 15


class ip_options:
    """Options that packets carry: `data` is a multiple of four bytes, with the places free that sending fills.

    `rr_needaddr`, `ts_needaddr`, `ts_needtime`: such a place was kept, just in front of where the option's pointer is.
    """

    def __init__(self, data):
        self.data = data
        self.optlen = len(data)
        self.faddr = 0
        self.strict = False
        self.srr = -1
        self.rr = -1
        self.ts = -1
        self.cipso = -1
        self.rr_needaddr = False
        self.ts_needaddr = False
        self.ts_needtime = False


def ip_options_len(opt):
    """How many bytes of an IP header the options take; `opt` may be None."""
    return opt.optlen if opt is not None else 0


def each_option(data):
    """(offset, kind, length) of each option with a length; what is malformed ends the walk with kind -1."""
    at = 0
    while at < len(data) and data[at] != IPOPT_END:
        if data[at] == IPOPT_NOOP:
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            yield at, -1, 0
            return
        yield at, data[at], length
        at += length


def end_of(data):
    """Where the list ends: the offset of IPOPT_END, or the length."""
    at = 0
    while at < len(data) and data[at] != IPOPT_END:
        at += 1 if data[at] == IPOPT_NOOP else data[at + 1]
    return at


# --- what a program wants to send ---


def ip_options_get(net, raw, privileged):
    """The options of IP_OPTIONS or IP_RETOPTS: an `ip_options`, or None when they are too long or not well formed."""
    if len(raw) > MAX_OPTIONS:
        return None
    data = bytearray(raw.ljust((len(raw) + 3) & ~3, b"\0"))
    opt = ip_options(b"")
    for at, kind, length in each_option(data):
        if kind < 0 or (kind not in FREE and not privileged) or not take_option(net, opt, data, at, kind, length, privileged):
            return None
    end = end_of(data)
    # Nothing counts behind the end of the list.
    data[end:] = bytes(len(data) - end)
    opt.data = bytes(data)
    opt.optlen = len(data)
    return opt


def take_option(net, opt, data, at, kind, length, privileged):
    """Note one option in `opt`, and keep the places in `data` that sending fills; False when it is wrong."""
    if kind in SOURCE_ROUTES:
        return opt.srr < 0 and take_source_route(opt, data, at, kind, length)
    if kind == IPOPT_RR:
        return opt.rr < 0 and take_record_route(opt, data, at, length)
    if kind == IPOPT_TIMESTAMP:
        return opt.ts < 0 and take_timestamp(net, opt, data, at, length, privileged)
    if kind == IPOPT_RA:
        return length >= 4
    if kind == IPOPT_CIPSO:
        if opt.cipso >= 0:
            return False
        opt.cipso = at
    return True


def take_source_route(opt, data, at, kind, length):
    """The first address becomes the next hop; the others move up, and the last place waits for the destination."""
    if length < 7 or data[at + 2] != 4 or (length - 3) & 3:
        return False
    opt.srr = at
    opt.strict = kind == IPOPT_SSRR
    opt.faddr = int.from_bytes(data[at + 3 : at + 7], "big")
    data[at + 3 : at + length - 4] = data[at + 7 : at + length]
    return True


def take_record_route(opt, data, at, length):
    if length < 3 or data[at + 2] < 4:
        return False
    opt.rr = at
    pointer = data[at + 2]
    if pointer <= length:
        if pointer + 3 > length:
            return False
        data[at + 2] = pointer + 4
        opt.rr_needaddr = True
    return True


def take_timestamp(net, opt, data, at, length, privileged):
    if length < 4 or data[at + 2] < 5:
        return False
    opt.ts = at
    pointer, flags = data[at + 2], data[at + 3] & 15
    if pointer > length:
        # Full; one that counts what did not fit counts to fifteen.
        return flags == IPOPT_TS_PRESPEC or data[at + 3] >> 4 != OVERFLOW_MAX
    if pointer + 3 > length:
        return False
    if flags == IPOPT_TS_TSONLY:
        opt.ts_needtime = True
        data[at + 2] = pointer + 4
    elif flags in (IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC):
        if pointer + 7 > length:
            return False
        opt.ts_needaddr = flags == IPOPT_TS_TSANDADDR
        if opt.ts_needaddr or is_ours(net, data, at + pointer - 1):
            opt.ts_needtime = True
            data[at + 2] = pointer + 8
    return flags in (IPOPT_TS_TSONLY, IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC) or privileged


def is_ours(net, data, at):
    """True unless the address at `at` is that of another host: a time stamp with its address given is by that host."""
    return net.fib.inet_addr_type(int.from_bytes(data[at : at + 4], "big")) != RTN_UNICAST


def ip_options_undo(opt):
    """getsockopt of IP_OPTIONS: the options as they were given, without the places that sending fills."""
    data = bytearray(opt.data)
    if opt.srr >= 0:
        at, length = opt.srr, data[opt.srr + 1]
        data[at + 7 : at + length] = data[at + 3 : at + length - 4]
        data[at + 3 : at + 7] = opt.faddr.to_bytes(4, "big")
    if opt.rr_needaddr:
        free_place(data, opt.rr)
    if opt.ts_needtime:
        free_place(data, opt.ts)
        if data[opt.ts + 3] & 15 == IPOPT_TS_PRESPEC:
            data[opt.ts + 2] -= 4
    if opt.ts_needaddr:
        free_place(data, opt.ts)
    return bytes(data)


def free_place(data, at):
    """Take the last four bytes of a recording option back."""
    data[at + 2] -= 4
    place = at + data[at + 2] - 1
    data[place : place + 4] = bytes(4)


# --- sending ---


def ip_options_build(net, opt, saddr, daddr):
    """The bytes of a packet's options, from `saddr` to the final destination `daddr`."""
    data = bytearray(opt.data)
    if opt.srr >= 0:
        end = opt.srr + data[opt.srr + 1]
        data[end - 4 : end] = daddr.to_bytes(4, "big")
    if opt.rr_needaddr:
        place = opt.rr + data[opt.rr + 2] - 5
        data[place : place + 4] = saddr.to_bytes(4, "big")
    if opt.ts_needaddr:
        place = opt.ts + data[opt.ts + 2] - 9
        data[place : place + 4] = saddr.to_bytes(4, "big")
    if opt.ts_needtime:
        place = opt.ts + data[opt.ts + 2] - 5
        data[place : place + 4] = midnight_time(net).to_bytes(4, "big")
    return bytes(data)


def midnight_time(net):
    """ms since midnight, which a machine without a calendar counts from its start."""
    return net.timers.now() // NSEC_PER_MSEC % MS_PER_DAY


# --- answering ---


def ip_options_echo(net, received, saddr):
    """The options of an answer to a packet from `saddr` with the options `received`; None without any.

    A record of the route or of times goes on where it has got to, with a place for ourselves; a source route is turned
    round (RFC 1122 sections 3.2.1.8 and 3.2.2.6).  `received` has passed ip_options_compile.
    """
    parts = {kind: received[at : at + length] for at, kind, length in each_option(received)}
    opt = ip_options(b"")
    data = bytearray()
    if IPOPT_RR in parts:
        opt.rr = len(data)
        data += echo_record_route(opt, bytearray(parts[IPOPT_RR]))
    if IPOPT_TIMESTAMP in parts:
        opt.ts = len(data)
        data += echo_timestamp(net, opt, bytearray(parts[IPOPT_TIMESTAMP]))
    for kind in SOURCE_ROUTES:
        if kind in parts:
            data += echo_source_route(opt, parts[kind], saddr, len(data))
    if IPOPT_CIPSO in parts:
        opt.cipso = len(data)
        data += parts[IPOPT_CIPSO]
    if not data:
        return None
    opt.data = bytes(data).ljust((len(data) + 3) & ~3, b"\0")
    opt.optlen = len(opt.data)
    return opt


def echo_record_route(opt, option):
    if option[2] + 3 <= len(option):
        option[2] += 4
        opt.rr_needaddr = True
    return option


def echo_timestamp(net, opt, option):
    pointer, flags = option[2], option[3] & 15
    step = 4 if flags == IPOPT_TS_TSONLY else 8
    if pointer + step - 1 > len(option) or flags not in (IPOPT_TS_TSONLY, IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC):
        return option
    if flags == IPOPT_TS_PRESPEC and not is_ours(net, option, pointer - 1):
        return option
    opt.ts_needaddr = flags == IPOPT_TS_TSANDADDR
    opt.ts_needtime = True
    option[2] = pointer + step
    return option


def echo_source_route(opt, option, saddr, at):
    """The way back: the addresses that the packet has passed, last one first, without its sender's own."""
    passed = min(option[2], len(option) + 1)
    route = [option[place - 1 : place + 3] for place in range(passed - 4, 3, -4)]
    if route and int.from_bytes(route[-1], "big") == saddr:
        route.pop()
    if not route:
        return b""
    opt.srr = at
    opt.strict = option[0] == IPOPT_SSRR
    opt.faddr = int.from_bytes(route[0], "big")
    # The last place waits for the destination.
    return bytes((option[0], 3 + 4 * len(route), 4)) + b"".join(route[1:]) + bytes(4)
