"""cut: parts of each line."""

from userland import libc
from userland.text.files import Files, Output, options_of

USAGE = "cut -b|-c|-f LIST [-d CHAR] [-s] [FILE ...]"


def parse_list(text):
    """[(first, last)] of `1,3-5,-2,7-`; UsageError."""
    ranges = []
    for piece in text.split(","):
        low, dash, high = piece.partition("-")
        if not (low + high).isdigit() or (not dash and not low):
            raise libc.UsageError(f"invalid list: {text}")
        first = int(low or 1)
        last = int(high) if high else (1 << 30 if dash else first)
        if not 0 < first <= last:
            raise libc.UsageError(f"invalid range: {piece}")
        ranges.append((first, last))
    return ranges


def pick(items, ranges):
    return [item for number, item in enumerate(items, 1) if any(low <= number <= high for low, high in ranges)]


def main(argv):
    options = options_of("cut", argv, "b:c:f:d:sn", USAGE)
    if options is None:
        return 2
    chosen = [name for name in "bcf" if options.has(name)]
    delimiter = options.get("d", "\t").encode()
    try:
        if len(chosen) != 1 or len(delimiter) != 1:
            raise libc.UsageError(f"usage: {USAGE}")
        ranges = parse_list(options.get(chosen[0]))
    except libc.UsageError as error:
        libc.eputs(f"cut: {error}")
        return 2
    files = Files("cut", options.operands)
    out = Output()
    for raw in files.lines():
        line = raw.removesuffix(b"\n")
        if chosen[0] == "b":
            line = bytes(pick(line, ranges))
        elif chosen[0] == "c":
            line = "".join(pick(line.decode("utf-8", "surrogateescape"), ranges)).encode("utf-8", "surrogateescape")
        elif delimiter in line:
            line = delimiter.join(pick(line.split(delimiter), ranges))
        elif options.has("s"):
            continue
        out.write(line + b"\n")
    return files.status if out.flush() else 1
