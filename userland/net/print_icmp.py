"""ICMP as tcpdump prints it."""

from userland.libc.inet import format_quad

PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp"}
UNREACHABLE = {
    5: "unreachable - source route failed", 6: "net {0} unreachable - unknown", 7: "host {0} unreachable - unknown",
    8: "{0} unreachable - source host isolated", 9: "net {0} unreachable - admin prohibited",
    10: "host {0} unreachable - admin prohibited", 11: "net {0} unreachable - tos prohibited",
    12: "host {0} unreachable - tos prohibited", 13: "host {0} unreachable - admin prohibited filter",
    14: "host {0} unreachable - host precedence violation", 15: "host {0} unreachable - precedence cutoff",
}  # fmt: skip
REDIRECTS = {
    0: "redirect {0} to net {1}", 1: "redirect {0} to host {1}", 2: "redirect-tos {0} to net {1}",
    3: "redirect-tos {0} to host {1}",
}  # fmt: skip
QUOTING = (3, 4, 5, 11, 12)


def icmp_text(printer, packet):
    """One ICMP message; with -v what it quotes on lines of their own."""
    frame, start = packet.frame, packet.transport
    size = packet.ip_length - packet.ip_header
    if start + 8 > len(frame):
        return "[|icmp]"
    kind, code = frame[start], frame[start + 1]
    text = f"ICMP {message_text(packet, kind, code)}, length {size}"
    if printer.verbose and kind in QUOTING:
        quoted = printer.quoted(bytes(frame[start + 8 : packet.end()]))
        text += f"\n\t{quoted}" if quoted else ""
    return text


def message_text(packet, kind, code):
    frame, start = packet.frame, packet.transport
    ident, sequence = packet.word(start + 4), packet.word(start + 6)
    if kind in (0, 8):
        return f"echo {'request' if kind == 8 else 'reply'}, id {ident}, seq {sequence}"
    if kind == 3:
        return unreachable_text(packet, code)
    if kind == 4:
        return "source quench"
    if kind == 5 and start + 28 <= len(frame):
        target, gateway = format_quad(packet.long(start + 24)), format_quad(packet.long(start + 4))
        return REDIRECTS.get(code, f"redirect-#{code} {{0}} to net {{1}}").format(target, gateway)
    if kind == 9:
        lifetime = packet.word(start + 6)
        return f"router advertisement lifetime {lifetime} {frame[start + 4]}: [size {frame[start + 5]}]"
    if kind == 10:
        return "router solicitation"
    if kind == 11:
        return {0: "time exceeded in-transit", 1: "ip reassembly time exceeded"}.get(code, f"time exceeded-#{code}")
    if kind == 12:
        return f"parameter problem - octet {frame[start + 4]}" if not code else f"parameter problem - code {code}"
    if kind == 13:
        return f"time stamp query id {ident} seq {sequence}"
    if kind == 14 and start + 20 <= len(frame):
        times = [day_time(packet.long(start + at)) for at in (8, 12, 16)]
        return f"time stamp reply id {ident} seq {sequence}: org {times[0]}, recv {times[1]}, xmit {times[2]}"
    if kind == 17:
        return "address mask request"
    if kind == 18 and start + 12 <= len(frame):
        return f"address mask is 0x{packet.long(start + 8):08x}"
    return f"type-#{kind}"


def day_time(milliseconds):
    """Milliseconds since midnight as a time of day."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def unreachable_text(packet, code):
    frame, start = packet.frame, packet.transport
    inner = start + 8
    if inner + 20 > len(frame):
        return f"unreachable - #{code}"
    target = format_quad(packet.long(inner + 16))
    if code == 0:
        return f"net {target} unreachable"
    if code == 1:
        return f"host {target} unreachable"
    if code == 2:
        return f"{target} protocol {frame[inner + 9]} unreachable"
    header = (frame[inner] & 15) * 4
    if code == 3 and inner + header + 4 <= len(frame):
        name = PROTOCOLS.get(frame[inner + 9])
        port = packet.word(inner + header + 2)
        if name not in ("tcp", "udp"):
            name = f"protocol {frame[inner + 9]}"
        return f"{target} {name} port {port} unreachable"
    if code == 4:
        mtu = packet.word(start + 6)
        return f"{target} unreachable - need to frag" + (f" (mtu {mtu})" if mtu else "")
    text = UNREACHABLE.get(code, "{0} unreachable - #" + str(code)).format(target)
    return text if target in text else f"{target} {text}"
