"""od: bytes in octal, hexadecimal, decimal or as characters; a run of the same lines is one star."""

from userland import libc
from userland.text.files import Files, Output, options_of

USAGE = "od [-bcdoxv] [-A d|o|x|n] [-t o1|o2|x1|x2|x4|d1|d2|u1|u2|c] [-N COUNT] [-j SKIP] [FILE ...]"
LETTERS = {"b": "o1", "c": "c", "d": "u2", "o": "o2", "x": "x2"}
WIDTHS = {"o1": 3, "o2": 6, "o4": 11, "x1": 2, "x2": 4, "x4": 8, "d1": 4, "d2": 6, "d4": 11, "u1": 3, "u2": 5, "u4": 10, "c": 3}
NAMES = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
ROW = 16


def cell(kind, piece):
    width = WIDTHS[kind]
    if kind == "c":
        byte = piece[0]
        return f"{NAMES.get(byte) or (chr(byte) if 32 <= byte < 127 else f'{byte:03o}'):>{width}}"
    value = int.from_bytes(piece, "little", signed=kind[0] == "d")
    if kind[0] in "du":
        return f"{value:>{width}}"
    return f"{value:0{width}{kind[0]}}"


def row(kind, data):
    size = 1 if kind == "c" else int(kind[1])
    return "".join(" " + cell(kind, data[at : at + size].ljust(size, b"\0")) for at in range(0, len(data), size))


def main(argv):
    options = options_of("od", argv, "bcdoxvA:t:N:j:", USAGE)
    if options is None:
        return 2
    kinds = [LETTERS.get(name, value) for name, value in options.given if name in LETTERS or name == "t"]
    kinds = [{"x": "x4", "o": "o4", "d": "d4", "u": "u4"}.get(kind, kind) for kind in kinds] or ["o2"]
    base = options.get("A", "o")
    try:
        limit = options.integer("N", 1 << 30)
        skip = options.integer("j", 0)
        if base not in "doxn" or any(kind not in WIDTHS for kind in kinds):
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"od: {error}")
        return 2
    files = Files("od", options.operands)
    data = files.whole()[skip : skip + limit]
    out = Output()

    def address(offset):
        return "" if base == "n" else f"{offset:06x}" if base == "x" else f"{offset:07{base}}"

    last = None
    starred = False
    for at in range(0, len(data), ROW):
        piece = data[at : at + ROW]
        if piece == last and len(piece) == ROW and not options.has("v"):
            if not starred:
                out.write(b"*\n")
            starred = True
            continue
        last, starred = piece, False
        for number, kind in enumerate(kinds):
            head = address(skip + at) if number == 0 else " " * len(address(0))
            out.write(f"{head}{row(kind, piece)}\n".encode())
    if base != "n":
        out.write(f"{address(skip + len(data))}\n".encode())
    return files.status if out.flush() else 1
