"""DNS as tcpdump prints it (RFC 1035): the question, counts, and the first answers."""

from userland.libc.inet import format_quad

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 41: "OPT",
    43: "DS", 46: "RRSIG", 48: "DNSKEY", 65: "HTTPS", 252: "AXFR", 255: "ANY",
}  # fmt: skip
CODES = (
    "", " FormErr", " ServFail", " NXDomain", " NotImp", " Refused", " YXDomain", " YXRRSet", " NXRRSet", " NotAuth", " NotZone",
)  # fmt: skip
OPERATIONS = ("", " inv_q", " stat", " op3", " notify", " update")
MAX_NAME = 255
MAX_JUMPS = 64
OPT = 41


class Broken(Exception):
    """The message ends too early, or a name does not end at all."""


def name_at(data, position):
    """(name with its final dot, the position behind it)."""
    labels = []
    behind = None
    jumps = 0
    while True:
        if position >= len(data):
            raise Broken
        length = data[position]
        if length >= 0xC0:
            jumps += 1
            if position + 1 >= len(data) or jumps > MAX_JUMPS:
                raise Broken
            behind = position + 2 if behind is None else behind
            position = (length & 0x3F) << 8 | data[position + 1]
            continue
        if length >= 0x40:
            raise Broken
        position += 1
        if length == 0:
            return ("".join(f"{label}." for label in labels) or "."), position if behind is None else behind
        if position + length > len(data) or sum(map(len, labels)) > MAX_NAME:
            raise Broken
        labels.append(data[position : position + length].decode("latin-1"))
        position += length


def dns_text(data, size, verbose):
    """One message; `size` is the length of the datagram's data."""
    if len(data) < 12:
        return f"domain [length {size} < 12] (invalid)"
    counts = [int.from_bytes(data[at : at + 2], "big") for at in range(0, 12, 2)]
    ident, flags, questions, answers, authorities, additional = counts
    code = CODES[flags & 15] if flags & 15 < len(CODES) else f" Resp{flags & 15}"
    operation = OPERATIONS[flags >> 11 & 15] if flags >> 11 & 15 < len(OPERATIONS) else f" op{flags >> 11 & 15}"
    try:
        if flags & 0x8000:
            marks = ("*" if flags & 0x0400 else "") + ("" if flags & 0x0080 else "-") + ("|" if flags & 0x0200 else "")
            marks += "$" if flags & 0x0020 else ""
            text = f"{ident}{operation}{code}{marks} {answers}/{authorities}/{additional}"
            return text + answers_text(data, questions, answers, verbose) + f" ({size})"
        marks = ("+" if flags & 0x0100 else "") + ("%" if flags & 0x0010 else "")
        text = f"{ident}{operation}{code}{marks}"
        for count, mark in ((answers, "a"), (authorities, "n"), (additional, "au")):
            text += f" [{count}{mark}]" if count else ""
        position = 12
        for _ in range(questions):
            name, position = name_at(data, position)
            kind = int.from_bytes(data[position : position + 2], "big")
            position += 4
            text += f" {TYPES.get(kind, f'Type{kind}')}? {name}"
        return f"{text} ({size})"
    except Broken:
        return f"{ident} [|domain]"


def answers_text(data, questions, answers, verbose):
    """The records of the answer section, with -v with their names."""
    position = 12
    for _ in range(questions):
        _, position = name_at(data, position)
        position += 4
    found = []
    for _ in range(answers):
        name, position = name_at(data, position)
        if position + 10 > len(data):
            raise Broken
        kind = int.from_bytes(data[position : position + 2], "big")
        length = int.from_bytes(data[position + 8 : position + 10], "big")
        start = position + 10
        position = start + length
        if position > len(data):
            raise Broken
        found.append((f"{name} " if verbose else "") + TYPES.get(kind, f"Type{kind}") + record_text(data, kind, start, length))
        if kind == 5 and not verbose:
            # An alias comes first; what it stands for is for those who ask for more.
            break
    return " " + ", ".join(found) if found else ""


def record_text(data, kind, start, length):
    if kind == 1 and length == 4:
        return " " + format_quad(int.from_bytes(data[start : start + 4], "big"))
    if kind in (2, 5, 12):
        return " " + name_at(data, start)[0]
    if kind == 15:
        return f" {name_at(data, start + 2)[0]} {int.from_bytes(data[start : start + 2], 'big')}"
    if kind == 16 and length:
        return f' "{data[start + 1 : start + 1 + data[start]].decode("latin-1")}"'
    if kind == 28 and length == 16:
        return " " + address6(data[start : start + 16])
    if kind == 33 and length > 6:
        values = [int.from_bytes(data[start + at : start + at + 2], "big") for at in (0, 2, 4)]
        return f" {name_at(data, start + 6)[0]}:{values[2]} {values[0]} {values[1]}"
    return ""


def address6(raw):
    """An IPv6 address in its shortest form (RFC 5952)."""
    groups = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, 16, 2)]
    best, length = -1, 1
    for start in range(8):
        end = start
        while end < 8 and groups[end] == 0:
            end += 1
        if end - start > length:
            best, length = start, end - start
    if best < 0:
        return ":".join(f"{group:x}" for group in groups)
    left = ":".join(f"{group:x}" for group in groups[:best])
    return f"{left}::" + ":".join(f"{group:x}" for group in groups[best + length :])
