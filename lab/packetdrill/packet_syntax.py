"""Packets as scripts write them: `P. 1:1001(1000) ack 1 win 257 <sack 1:3,nop,nop>` and `icmp unreachable [1:2(1)]`."""

import re

from lab.packetdrill.script import IcmpPacket, Option, ScriptError, TcpPacket

EOL, NOP, MSS, WSCALE, SACK_OK, SACK, TIMESTAMP, MD5, FAST_OPEN, EXPERIMENTAL = 0, 1, 2, 3, 4, 5, 8, 19, 34, 254
U16, U32 = 0xFFFF, 0xFFFFFFFF
# What fits in one IP packet besides the largest headers; and in a TCP header besides its fixed part.
LARGEST, OPTION_SPACE = 65535 - 80, 40
ECN = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
WORDS = {"nop": NOP, "eol": EOL, "sackOK": SACK_OK, "sackok": SACK_OK}
SEGMENT = re.compile(
    r"(?:\[(?P<ecn>\w+)\]\s*)?(?P<flags>[FSRP.EWCU]+|-)\s+(?P<seq>\d+):(?P<end>\d+)\((?P<length>\d+)\)"
    r"(?:\s+ack\s+(?P<ack>\d+))?(?:\s+win\s+(?P<win>\d+))?(?:\s+urg\s+(?P<urg>\d+))?\s*(?:<(?P<options>[^>]*)>)?\s*$"
)
ICMP = re.compile(
    r"icmp\s+(?P<type>\w+)(?:\s+(?!mtu\b)(?P<code>\w+))?(?:\s+mtu\s+(?P<mtu>\d+))?"
    r"(?:\s+\[(?P<seq>\d+):\d+\((?P<length>\d+)\)\])?\s*$"
)
ICMP_TYPES = {
    "echo_reply": 0, "unreachable": 3, "source_quench": 4, "redirect": 5, "echo_request": 8, "time_exceeded": 11,
    "parameter_problem": 12, "timestamp_request": 13, "timestamp_reply": 14, "information_request": 15,
    "information_reply": 16, "address_mask_request": 17, "address_mask_reply": 18,
}  # fmt: skip
# RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1: codes of "destination unreachable", in their order.
UNREACHABLE = (
    "net_unreachable", "host_unreachable", "protocol_unreachable", "port_unreachable", "frag_needed",
    "source_route_failed", "net_unknown", "host_unknown", "source_host_isolated", "net_prohibited", "host_prohibited",
    "net_unreachable_for_tos", "host_unreachable_for_tos", "packet_filtered", "precedence_violation", "precedence_cutoff",
)  # fmt: skip


def packet(text, line, defines):
    """What stands behind `<` or `>`."""
    if text.startswith("icmp"):
        return icmp(text, line, defines)
    match = SEGMENT.match(text)
    if match is None:
        raise ScriptError(line, f"this is no packet: {text}")
    seq, length = int(match.group("seq")), int(match.group("length"))
    if int(match.group("end")) != (seq + length) & 0xFFFFFFFF:
        raise ScriptError(line, f"{match.group('seq')}:{match.group('end')} has not {length} bytes")
    for name, largest in (("seq", U32), ("ack", U32), ("length", LARGEST), ("win", U16), ("urg", U16)):
        if int(match.group(name) or 0) > largest:
            raise ScriptError(line, f"{name} {match.group(name)} is more than {largest}")
    ecn = match.group("ecn")
    if ecn is not None and ecn not in ECN:
        raise ScriptError(line, f"[{ecn}] is none of [{'], ['.join(ECN)}]")
    flags = match.group("flags").replace("-", "")
    return TcpPacket(
        flags, seq, length, number(match.group("ack")), number(match.group("win")), number(match.group("urg")),
        options(match.group("options"), line, defines), None if ecn is None else ECN[ecn],
    )  # fmt: skip


def number(text):
    return None if text is None else int(text)


def options(text, line, defines):
    """[Option] of what stands between < and >; None for `...`, [] for nothing."""
    if text is None or not text.strip():
        return []
    if text.strip() == "...":
        return None
    found = [option(part.split(), line, defines) for part in text.split(",")]
    if sum(size(item) for item in found) > OPTION_SPACE:
        raise ScriptError(line, f"TCP options have {OPTION_SPACE} bytes, not more")
    return found


def size(item):
    """The bytes of an option on the wire."""
    if item.kind in (EOL, NOP):
        return 1
    if item.kind == SACK:
        return 2 + 8 * len(item.value)
    fixed = {MSS: 4, WSCALE: 3, SACK_OK: 2, TIMESTAMP: 10}
    return fixed[item.kind] if item.kind in fixed else (4 if item.experimental else 2) + len(item.value or b"")


def bounded(text, largest):
    """A number from 0 to `largest`; ValueError."""
    value = int(text)
    if not 0 <= value <= largest:
        raise ValueError
    return value


def option(words, line, defines):
    name = words[0] if words else ""
    try:
        if name in WORDS and len(words) == 1:
            return Option(WORDS[name])
        if name == "mss":
            return Option(MSS, bounded(words[1], U16))
        if name == "wscale":
            return Option(WSCALE, bounded(words[1], 255))
        if name == "TS":
            # TS val N ecr N
            return Option(TIMESTAMP, (bounded(words[2], U32), bounded(words[4], U32)))
        if name == "sack":
            edges = [block.split(":") for block in words[1:]]
            return Option(SACK, [(bounded(start, U32), bounded(end, U32)) for start, end in edges])
        if name in ("md5", "FO", "FOEXP"):
            return opaque(name, words[1:], defines)
    except (ValueError, IndexError):
        pass
    raise ScriptError(line, f"this is no TCP option: {' '.join(words)}")


def opaque(name, words, defines):
    """An option whose value is bytes in hexadecimal, or a name that -D gives a value (None: whatever is right)."""
    word = words[0] if words else ""
    word = defines.get(word, word)
    value = None if word is None else bytes.fromhex(word)
    if name == "md5":
        return Option(MD5, value)
    return Option(EXPERIMENTAL if name == "FOEXP" else FAST_OPEN, value, name == "FOEXP")


def icmp(text, line, defines):
    match = ICMP.match(text)
    if match is None:
        raise ScriptError(line, f"this is no ICMP message: {text}")
    kind = coded(match.group("type"), "type_", ICMP_TYPES)
    code_name = match.group("code")
    code_name = defines.get(code_name, code_name)
    codes = dict(zip(UNREACHABLE, range(len(UNREACHABLE)), strict=True)) if kind == ICMP_TYPES["unreachable"] else {}
    code = 0 if code_name is None else coded(code_name, "code_", codes)
    if kind is None or code is None:
        raise ScriptError(line, f"no ICMP type or code is called {match.group('type') if kind is None else code_name}")
    if int(match.group("mtu") or 0) > U16 or int(match.group("length") or 0) > LARGEST:
        raise ScriptError(line, f"too much for an ICMP message: {text}")
    return IcmpPacket(kind, code, int(match.group("mtu") or 0), int(match.group("seq") or 0), int(match.group("length") or 0))


def coded(name, prefix, table):
    """The number that `name` stands for, by the table or as `type_8`; None when it is no name."""
    if name.startswith(prefix) and name[len(prefix) :].isdigit():
        return int(name[len(prefix) :]) & 0xFF
    return table.get(name)
