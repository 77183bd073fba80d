"""DNS messages (RFC 1035): a query out, an answer in.

What arrives is hostile: every length is checked, a compression pointer must point backwards, names stay within
255 bytes, and `parse_response` returns None instead of raising.
"""

HEADER_SIZE = 12
MAX_NAME = 255
MAX_LABEL = 63
MAX_POINTERS = 64
MAX_ANSWERS = 256
MAX_CHAIN = 16

TYPE_A = 1
TYPE_NS = 2
TYPE_CNAME = 5
TYPE_SOA = 6
TYPE_PTR = 12
CLASS_IN = 1

FLAG_RESPONSE = 0x8000
FLAG_TRUNCATED = 0x0200
FLAG_RECURSION_DESIRED = 0x0100

NOERROR = 0
SERVFAIL = 2
NXDOMAIN = 3
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


def encode_query(ident, name, kind=TYPE_A):
    """A recursive query for `name`, or None for a name that can not be one."""
    question = encode_name(name)
    if question is None:
        return None
    words = (ident, FLAG_RECURSION_DESIRED, 1, 0, 0, 0)
    header = b"".join(word.to_bytes(2, "big") for word in words)
    return header + question + kind.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")


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
    """A resource record: `data` is a dotted quad for A, a name for CNAME, PTR and NS, else bytes."""

    __slots__ = ("name", "kind", "ttl", "data")

    def __init__(self, name, kind, ttl, data):
        self.name = name
        self.kind = kind
        self.ttl = ttl
        self.data = data


class Response:
    """A parsed answer message."""

    __slots__ = ("rcode", "truncated", "answers")

    def __init__(self, rcode, truncated, answers):
        self.rcode = rcode
        self.truncated = truncated
        self.answers = answers


def word(message, offset):
    return message[offset] << 8 | message[offset + 1]


def parse_response(message, ident, name, kind=TYPE_A):
    """The answer to that very question as a `Response`, or None for anything else, garbage included."""
    if len(message) < HEADER_SIZE or word(message, 0) != ident:
        return None
    flags = word(message, 2)
    if not flags & FLAG_RESPONSE or word(message, 4) != 1:
        return None
    asked, offset = decode_name(message, HEADER_SIZE)
    if asked is None or offset + 4 > len(message) or asked.lower() != name.removesuffix(".").lower():
        return None
    if word(message, offset) != kind or word(message, offset + 2) != CLASS_IN:
        return None
    truncated = bool(flags & FLAG_TRUNCATED)
    answers = parse_records(message, offset + 4, min(word(message, 6), MAX_ANSWERS))
    if answers is None:
        if not truncated:
            return None
        answers = []
    return Response(flags & 0xF, truncated, answers)


def parse_records(message, offset, count):
    """`count` resource records from `offset` on, or None when one of them lies about its length."""
    records = []
    for _ in range(count):
        name, offset = decode_name(message, offset)
        if name is None or offset + 10 > len(message):
            return None
        kind = word(message, offset)
        klass = word(message, offset + 2)
        ttl = word(message, offset + 4) << 16 | word(message, offset + 6)
        size = word(message, offset + 8)
        offset += 10
        if offset + size > len(message):
            return None
        data = bytes(message[offset : offset + size])
        if kind == TYPE_A and klass == CLASS_IN:
            if size != 4:
                return None
            data = ".".join(str(byte) for byte in data)
        elif kind in (TYPE_CNAME, TYPE_PTR, TYPE_NS):
            data, behind = decode_name(message, offset)
            if data is None or behind > offset + size:
                return None
        offset += size
        if klass == CLASS_IN:
            records.append(Record(name, kind, ttl, data))
    return records


def resolve_chain(response, name, kind=TYPE_A):
    """Follow CNAMEs from `name`: (canonical name, [data of the records of `kind`]).

    The list is empty when the chain ends without a record, or is longer than 16 links.
    """
    current = name.removesuffix(".").lower()
    canonical = name.removesuffix(".")
    for _ in range(MAX_CHAIN):
        found = [record.data for record in response.answers if record.kind == kind and record.name.lower() == current]
        if found:
            return canonical, found
        link = next((r.data for r in response.answers if r.kind == TYPE_CNAME and r.name.lower() == current), None)
        if link is None or kind == TYPE_CNAME:
            break
        canonical = link
        current = link.lower()
    return canonical, []


def reverse_name(address):
    """The in-addr.arpa name of a dotted quad."""
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"
