"""DNS messages (RFC 1035, EDNS0 of RFC 6891): a query out, an answer in.

What arrives is hostile: every length is checked, a compression pointer must point backwards, names stay within
255 bytes, and `parse_response` returns None instead of raising.  Numbers are big-endian on the wire.
"""

HEADER_SIZE = 12
MAX_NAME = 255
MAX_LABEL = 63
MAX_POINTERS = 64
MAX_ANSWERS = 256
MAX_CHAIN = 16
# What a query with EDNS0 says that it can take: a datagram that no Ethernet has to cut up.
EDNS_SIZE = 1232

TYPE_A = 1
TYPE_NS = 2
TYPE_CNAME = 5
TYPE_SOA = 6
TYPE_PTR = 12
TYPE_HINFO = 13
TYPE_MX = 15
TYPE_TXT = 16
TYPE_AAAA = 28
TYPE_SRV = 33
TYPE_OPT = 41
TYPE_ANY = 255
CLASS_IN = 1

TYPE_NAMES = {
    TYPE_A: "A",
    TYPE_NS: "NS",
    TYPE_CNAME: "CNAME",
    TYPE_SOA: "SOA",
    TYPE_PTR: "PTR",
    TYPE_HINFO: "HINFO",
    TYPE_MX: "MX",
    TYPE_TXT: "TXT",
    TYPE_AAAA: "AAAA",
    TYPE_SRV: "SRV",
    TYPE_OPT: "OPT",
    TYPE_ANY: "ANY",
}

FLAG_RESPONSE = 0x8000
FLAG_AUTHORITATIVE = 0x0400
FLAG_TRUNCATED = 0x0200
FLAG_RECURSION_DESIRED = 0x0100
FLAG_RECURSION_AVAILABLE = 0x0080

NOERROR = 0
FORMERR = 1
SERVFAIL = 2
NXDOMAIN = 3
NOTIMP = 4
REFUSED = 5
RCODE_NAMES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")


def encode_name(name):
    """A name as length-prefixed labels, or None when it can not be one (empty label, too long, not ASCII)."""
    stripped = name.removesuffix(".")
    if not stripped:
        return b"\0"
    out = bytearray()
    for label in stripped.split("."):
        if not label or len(label) > MAX_LABEL or not label.isascii() or not label.isprintable() or " " in label:
            return None
        out += bytes([len(label)]) + label.encode()
    out.append(0)
    return bytes(out) if len(out) <= MAX_NAME else None


def encode_query(ident, name, kind=TYPE_A, recursive=True, edns_size=0):
    """A query for `name`, or None for a name that can not be one; `edns_size` (bytes) adds an OPT record, 0 none."""
    question = encode_name(name)
    if question is None:
        return None
    flags = FLAG_RECURSION_DESIRED if recursive else 0
    words = (ident, flags, 1, 0, 0, 1 if edns_size else 0)
    header = b"".join(word.to_bytes(2, "big") for word in words)
    message = header + question + kind.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
    if edns_size:
        message += b"\0" + TYPE_OPT.to_bytes(2, "big") + edns_size.to_bytes(2, "big") + bytes(6)
    return message


def decode_name(message, offset):
    """(name, offset behind it), or (None, 0) for a name that leaves the message, loops or is too long."""
    labels = []
    behind = -1
    length = 1
    pointers = 0
    while True:
        if offset >= len(message):
            return None, 0
        size = message[offset]
        if size >= 0xC0:
            if offset + 1 >= len(message):
                return None, 0
            target = (size & 0x3F) << 8 | message[offset + 1]
            if behind < 0:
                behind = offset + 2
            pointers += 1
            if target >= offset or pointers > MAX_POINTERS:
                return None, 0
            offset = target
            continue
        if size > MAX_LABEL or offset + 1 + size > len(message):
            return None, 0
        offset += 1
        if size == 0:
            break
        length += size + 1
        if length > MAX_NAME:
            return None, 0
        label = bytes(message[offset : offset + size])
        # A dot or a control byte inside a label must not read as structure later on.
        labels.append("".join(chr(c) if 33 <= c < 127 and c != 46 else f"\\{c:03}" for c in label))
        offset += size
    return ".".join(labels), offset if behind < 0 else behind


class Record:
    """A resource record; `ttl` in seconds.

    `data` is a dotted quad for A, a name for CNAME, PTR and NS, what a zone file would say (str) for the other
    types of `TYPE_NAMES`, and bytes for the rest.
    """

    __slots__ = ("name", "kind", "klass", "ttl", "data")

    def __init__(self, name, kind, ttl, data, klass=CLASS_IN):
        self.name = name
        self.kind = kind
        self.klass = klass
        self.ttl = ttl
        self.data = data

    def text(self):
        """The data as a zone file writes it; unknown types as RFC 3597 has it."""
        if isinstance(self.data, bytes):
            return f"\\# {len(self.data)} {self.data.hex()}".rstrip()
        return f"{self.data}." if self.kind in (TYPE_CNAME, TYPE_PTR, TYPE_NS) else self.data


class Response:
    """A parsed answer message: three sections of `Record`, and the header's flags."""

    __slots__ = ("ident", "flags", "rcode", "truncated", "answers", "authority", "additional")

    def __init__(self, ident, flags, answers, authority=(), additional=()):
        self.ident = ident
        self.flags = flags
        self.rcode = flags & 0xF
        self.truncated = bool(flags & FLAG_TRUNCATED)
        self.answers = answers
        self.authority = list(authority)
        self.additional = list(additional)


def word(message, offset):
    return message[offset] << 8 | message[offset + 1]


def parse_response(message, ident, name, kind=TYPE_A):
    """The answer to that very question as a `Response`, or None for anything else, garbage included."""
    if len(message) < HEADER_SIZE or word(message, 0) != ident:
        return None
    flags = word(message, 2)
    if not flags & FLAG_RESPONSE:
        return None
    questions = word(message, 4)
    if questions == 0 and flags & 0xF in (FORMERR, NOTIMP) and len(message) == HEADER_SIZE:
        # A server that did not understand the question need not repeat it.
        return Response(ident, flags, [])
    if questions != 1:
        return None
    asked, offset = decode_name(message, HEADER_SIZE)
    if asked is None or offset + 4 > len(message) or asked.lower() != name.removesuffix(".").lower():
        return None
    if word(message, offset) != kind or word(message, offset + 2) != CLASS_IN:
        return None
    offset += 4
    sections = []
    for index in range(3):
        records, offset = parse_records(message, offset, min(word(message, 6 + 2 * index), MAX_ANSWERS))
        if records is None:
            if not flags & FLAG_TRUNCATED and index == 0:
                return None
            # What was asked for is there; a broken rest is not worth losing it.
            break
        sections.append(records)
    return Response(ident, flags, *(sections or [[]]))


def parse_records(message, offset, count):
    """(`count` resource records from `offset` on, the offset behind them), or (None, 0) when one of them lies."""
    records = []
    for _ in range(count):
        name, offset = decode_name(message, offset)
        if name is None or offset + 10 > len(message):
            return None, 0
        kind = word(message, offset)
        klass = word(message, offset + 2)
        ttl = word(message, offset + 4) << 16 | word(message, offset + 6)
        size = word(message, offset + 8)
        offset += 10
        if offset + size > len(message):
            return None, 0
        data = parse_data(message, offset, size, kind) if klass == CLASS_IN else bytes(message[offset : offset + size])
        if data is None:
            return None, 0
        offset += size
        if klass == CLASS_IN or kind == TYPE_OPT:
            records.append(Record(name, kind, ttl, data, klass))
    return records, offset


def parse_data(message, offset, size, kind):
    """A record's data by its type (see `Record`), or None when it does not fit into its length."""
    end = offset + size
    raw = bytes(message[offset:end])
    if kind == TYPE_A:
        return ".".join(str(byte) for byte in raw) if size == 4 else None
    if kind in (TYPE_CNAME, TYPE_PTR, TYPE_NS):
        name, behind = decode_name(message, offset)
        return name if name is not None and behind <= end else None
    if kind == TYPE_AAAA:
        return inet6_text(raw) if size == 16 else None
    if kind in (TYPE_MX, TYPE_SRV):
        numbers = 2 if kind == TYPE_MX else 6
        name, behind = decode_name(message, offset + numbers)
        if size <= numbers or name is None or behind > end:
            return None
        return " ".join([*(str(word(raw, at)) for at in range(0, numbers, 2)), f"{name}."])
    if kind in (TYPE_TXT, TYPE_HINFO):
        return character_strings(raw)
    if kind == TYPE_SOA:
        primary, offset = decode_name(message, offset)
        mailbox, offset = decode_name(message, offset) if primary is not None else (None, 0)
        if mailbox is None or offset + 20 != end:
            return None
        numbers = [int.from_bytes(message[at : at + 4], "big") for at in range(offset, end, 4)]
        return f"{primary}. {mailbox}. {' '.join(map(str, numbers))}"
    return raw


def character_strings(raw):
    """The <character-string>s of TXT data, quoted, or None when one of them leaves the data."""
    found = []
    position = 0
    while position < len(raw):
        size = raw[position]
        if position + 1 + size > len(raw):
            return None
        piece = raw[position + 1 : position + 1 + size]
        escaped = ("\\" + chr(c) if c in b'"\\' else chr(c) if 32 <= c < 127 else f"\\{c:03}" for c in piece)
        found.append('"' + "".join(escaped) + '"')
        position += 1 + size
    return " ".join(found)


def inet6_text(raw):
    """16 bytes as an IPv6 address in the canonical form of RFC 5952."""
    groups = [word(raw, at) for at in range(0, 16, 2)]
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
    right = ":".join(f"{group:x}" for group in groups[best + length :])
    return f"{left}::{right}"


def resolve_chain(response, name, kind=TYPE_A):
    """Follow CNAMEs from `name`: (canonical name, [data of the records of `kind`]).

    The list is empty when the chain ends without a record, or is longer than 16 links.
    """
    canonical, data, _ = follow_chain(response, name, kind)
    return canonical, data


def follow_chain(response, name, kind=TYPE_A):
    """`resolve_chain` and the names that it passed, the one asked for first: (canonical, data, aliases)."""
    current = name.removesuffix(".").lower()
    canonical = name.removesuffix(".")
    aliases = []
    for _ in range(MAX_CHAIN):
        found = [record.data for record in response.answers if record.kind == kind and record.name.lower() == current]
        if found:
            return canonical, found, aliases
        link = next((r.data for r in response.answers if r.kind == TYPE_CNAME and r.name.lower() == current), None)
        if link is None or kind == TYPE_CNAME:
            break
        aliases.append(canonical)
        canonical = link
        current = link.lower()
    return canonical, [], aliases


def reverse_name(address):
    """The in-addr.arpa name of a dotted quad."""
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"
