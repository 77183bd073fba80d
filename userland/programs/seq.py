"""seq: numbers in a row."""

from userland import libc
from userland.text.files import Output

USAGE = "seq [-w] [-s TEXT] [FIRST [STEP]] LAST"


def number(text):
    """(the number scaled to an integer, decimals); UsageError."""
    whole, _, fraction = text.removeprefix("-").partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(text) > 30:
        raise libc.UsageError(f"invalid floating point argument: '{text}'")
    return int(whole + fraction or "0") * (-1 if text.startswith("-") else 1), len(fraction)


def main(argv):
    words = argv[1:]
    separator = "\n"
    wide = False
    try:
        while words and words[0].startswith("-") and not words[0][1:2].isdigit() and not words[0].startswith("-."):
            option = words.pop(0)
            if option == "-w":
                wide = True
            elif option == "-s" and words:
                separator = words.pop(0)
            else:
                raise libc.UsageError(f"usage: {USAGE}")
        if not 1 <= len(words) <= 3:
            raise libc.UsageError(f"usage: {USAGE}")
        full = {1: ["1", "1", *words], 2: [words[0], "1", words[-1]], 3: words}[len(words)]
        parsed = [number(word) for word in full]
        digits = max(decimals for _, decimals in parsed)
        first, step, last = (value * 10 ** (digits - decimals) for value, decimals in parsed)
        if step == 0:
            raise libc.UsageError("invalid Zero increment value: '0'")
    except libc.UsageError as error:
        libc.eputs(f"seq: {error}")
        return 2
    width = max(len(text(first, digits)), len(text(last, digits))) if wide else 0
    out = Output()
    value = first
    while value <= last if step > 0 else value >= last:
        shown = text(value, digits).zfill(width)
        value += step
        more = value <= last if step > 0 else value >= last
        if not out.write((shown + (separator if more else "\n")).encode()):
            return 1
    return 0 if out.flush() else 1


def text(value, digits):
    """A scaled number with its decimals."""
    if not digits:
        return str(value)
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // 10**digits}.{abs(value) % 10**digits:0{digits}}"
