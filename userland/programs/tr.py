"""tr: replaces, squeezes and deletes bytes of standard input."""

from userland import libc
from userland.text.files import Files, Output, options_of

USAGE = "tr [-cCds] SET1 [SET2]"
ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
CLASSES = {
    "alpha": bytes(c for c in range(128) if chr(c).isalpha()), "digit": b"0123456789", "lower": bytes(range(97, 123)),
    "upper": bytes(range(65, 91)), "alnum": bytes(c for c in range(128) if chr(c).isalnum()), "space": b"\t\n\v\f\r ",
    "blank": b"\t ", "punct": bytes(c for c in range(33, 127) if not chr(c).isalnum()), "xdigit": b"0123456789ABCDEFabcdef",
    "print": bytes(range(32, 127)), "graph": bytes(range(33, 127)), "cntrl": bytes([*range(32), 127]),
}  # fmt: skip


def elements(text):
    """The bytes of a set as numbers, escapes and classes replaced; "-" between two stays as None."""
    raw = text.encode("utf-8", "surrogateescape").decode("latin-1")
    found = []
    position = 0
    while position < len(raw):
        char = raw[position]
        if raw.startswith("[:", position):
            name, closing, _ = raw[position + 2 :].partition(":]")
            if closing and name in CLASSES:
                found += CLASSES[name]
                position += len(name) + 4
                continue
        if char == "\\" and position + 1 < len(raw):
            end = position + 1
            while end < len(raw) and end < position + 4 and raw[end] in "01234567":
                end += 1
            if end > position + 1:
                found.append(int(raw[position + 1 : end], 8) & 255)
                position = end
                continue
            found.append(ESCAPES.get(raw[position + 1], ord(raw[position + 1])))
            position += 2
            continue
        found.append(None if char == "-" and 0 < position < len(raw) - 1 else ord(char))
        position += 1
    return found


def expand(text):
    """The bytes of a set; UsageError."""
    items = elements(text)
    out = bytearray()
    position = 0
    while position < len(items):
        if items[position] is None and out and position + 1 < len(items) and items[position + 1] is not None:
            first, last = out[-1], items[position + 1]
            if last < first:
                raise libc.UsageError(f"range-endpoints of '{chr(first)}-{chr(last)}' are in reverse collating sequence order")
            out += bytes(range(first + 1, last + 1))
            position += 2
            continue
        out.append(45 if items[position] is None else items[position])
        position += 1
    return bytes(out)


def squeeze(data, members, last):
    """(`data` without repetitions of bytes in `members`, its last byte)."""
    out = bytearray()
    for byte in data:
        if byte != last or byte not in members:
            out.append(byte)
        last = byte
    return bytes(out), last


def main(argv):
    options = options_of("tr", argv, "cCds", USAGE, 1, 2)
    if options is None:
        return 2
    words = options.operands
    delete, squeezes = options.has("d"), options.has("s")
    try:
        first = expand(words[0])
        second = expand(words[1]) if len(words) > 1 else None
        if second is None and not delete and not squeezes:
            raise libc.UsageError(f"missing operand after '{words[0]}' (usage: {USAGE})")
        if second == b"":
            raise libc.UsageError("when not truncating set1, string2 must be non-empty")
    except libc.UsageError as error:
        libc.eputs(f"tr: {error}")
        return 2
    if options.has("c") or options.has("C"):
        first = bytes(byte for byte in range(256) if byte not in first)
    table = None
    if second is not None and not delete:
        padded = second[: len(first)] + second[-1:] * max(0, len(first) - len(second))
        table = bytes.maketrans(first, padded)
    members = second if second is not None else first
    files = Files("tr", ())
    out = Output()
    last = -1
    for chunk in files.blocks():
        data = chunk.translate(None, first) if delete else chunk.translate(table) if table is not None else chunk
        if squeezes:
            data, last = squeeze(data, members, last)
        out.write(data)
    return files.status if out.flush() else 1
