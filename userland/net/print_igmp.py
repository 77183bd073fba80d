"""IGMP as tcpdump prints it (RFC 1112, RFC 2236, RFC 3376)."""

from userland.libc.inet import format_quad
from userland.proto.icmp import checksum

RECORDS = {1: "is_in", 2: "is_ex", 3: "to_in", 4: "to_ex", 5: "allow", 6: "block"}
QUERY, REPORT1, REPORT2, LEAVE, REPORT3 = 0x11, 0x12, 0x16, 0x17, 0x22
DEFAULT_RESPONSE_TIME = 100


def igmp_text(packet, verbose, quiet):
    """One IGMP message."""
    if quiet:
        return "igmp"
    start, end = packet.transport, packet.end()
    data = bytes(packet.frame[start:end])
    if len(data) < 8:
        return "[|igmp]"
    kind = data[0]
    group = format_quad(int.from_bytes(data[4:8], "big"))
    if kind == QUERY:
        text = query_text(data, group, verbose)
    elif kind in (REPORT1, REPORT2):
        text = f"igmp v{1 if kind == REPORT1 else 2} report {group}"
    elif kind == LEAVE:
        text = f"igmp leave {group}"
    elif kind == REPORT3:
        text = report_text(data, verbose)
    else:
        text = f"igmp-{kind}"
    if verbose and checksum(data) != 0:
        text += f" bad igmp cksum {int.from_bytes(data[2:4], 'big'):x}!"
    return text


def query_text(data, group, verbose):
    if len(data) < 12:
        if data[1] == 0:
            return "igmp query v1"
        text = "igmp query v2"
        if data[1] != DEFAULT_RESPONSE_TIME:
            text += f" [max resp time {data[1]}]"
        return text + (f" [gaddr {group}]" if group != "0.0.0.0" else "")
    text = "igmp query v3"
    if verbose and data[1] != DEFAULT_RESPONSE_TIME:
        value = data[1] if data[1] < 128 else (data[1] & 15 | 16) << (data[1] >> 4 & 7) + 3
        text += f" [max resp time {value // 10}.{value % 10}s]"
    if group == "0.0.0.0":
        return text
    count = int.from_bytes(data[10:12], "big")
    if not count:
        return f"{text} [gaddr {group}]"
    sources = [format_quad(int.from_bytes(data[at : at + 4], "big")) for at in range(12, min(12 + 4 * count, len(data) - 3), 4)]
    return f"{text} [gaddr {group} {{ {' '.join(sources)} }}]" if verbose > 1 else f"{text} [gaddr {group}, {count} source(s)]"


def report_text(data, verbose):
    count = int.from_bytes(data[6:8], "big")
    text = f"igmp v3 report, {count} group record(s)"
    position = 8
    while verbose and position + 8 <= len(data):
        sources = int.from_bytes(data[position + 2 : position + 4], "big")
        group = format_quad(int.from_bytes(data[position + 4 : position + 8], "big"))
        text += f" [gaddr {group} {RECORDS.get(data[position], f'[v3-report-#{data[position]}]')}, {sources} source(s)]"
        position += 8 + 4 * sources + 4 * data[position + 1]
    return text
