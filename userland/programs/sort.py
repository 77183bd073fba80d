"""sort: the lines of files in order."""

from userland import libc
from userland.text.files import Files, Output, options_of

USAGE = "sort [-bcfnrsu] [-t CHAR] [-k FIELD[.CHAR][bfnr][,FIELD[.CHAR]]] [-o FILE] [FILE ...]"


class Key:
    """What -k says: the part of a line that is compared, and how."""

    def __init__(self, text, options):
        start, _, end = text.partition(",")
        letters = "".join(char for char in start + end if char.isalpha())
        self.first = self.position(start)
        self.last = self.position(end) if end else None
        chosen = letters or "".join(letter for letter in "bfnr" if options.has(letter))
        self.numeric = "n" in chosen
        self.fold = "f" in chosen
        self.reverse = "r" in chosen
        self.separator = options.get("t", "").encode()

    def position(self, text):
        digits = text.rstrip("bfnr")
        field, _, char = digits.partition(".")
        if not field.isdigit() or (char and not char.isdigit()) or int(field) == 0:
            raise libc.UsageError(f"invalid field specification: '{text}'")
        return int(field), int(char or 0)

    def fields(self, line):
        """(start, end) of each field."""
        found = []
        position = 0
        if self.separator:
            for piece in line.split(self.separator):
                found.append((position, position + len(piece)))
                position += len(piece) + 1
            return found
        while position < len(line):
            start = position
            while position < len(line) and line[position] in b" \t":
                position += 1
            while position < len(line) and line[position] not in b" \t":
                position += 1
            found.append((start, position))
        return found

    def of(self, line):
        fields = self.fields(line)
        field, char = self.first
        if field > len(fields):
            part = b""
        else:
            start = fields[field - 1][0] + max(0, char - 1)
            end = len(line)
            if self.last is not None and self.last[0] <= len(fields):
                bounds = fields[self.last[0] - 1]
                end = bounds[0] + self.last[1] if self.last[1] else bounds[1]
            part = line[start:end]
        return value_of(part, self.numeric, self.fold)


def value_of(part, numeric, fold):
    """What is compared."""
    if numeric:
        text = part.strip()
        end = 1 if text[:1] == b"-" else 0
        while end < len(text) and (48 <= text[end] < 58 or text[end] == 46):
            end += 1
        try:
            return float(text[:end] or 0)
        except ValueError:
            return 0.0
    return part.upper() if fold else part


def main(argv):
    options = options_of("sort", argv, "bcfnrsut:k:o:", USAGE)
    if options is None:
        return 2
    try:
        keys = [Key(value, options) for name, value in options.given if name == "k"]
    except libc.UsageError as error:
        libc.eputs(f"sort: {error}")
        return 2
    files = Files("sort", options.operands)
    lines = [line.removesuffix(b"\n") for line in files.lines()]
    numeric, fold = options.has("n"), options.has("f")

    def comparable(line):
        return value_of(line.lstrip(b" \t") if options.has("b") else line, numeric, fold)

    ordered = list(lines)
    if not options.has("s") and (keys or numeric or fold):
        ordered.sort(reverse=options.has("r"))
    if keys:
        for key in reversed(keys):
            ordered.sort(key=key.of, reverse=key.reverse)
    else:
        ordered.sort(key=comparable, reverse=options.has("r"))
    if options.has("c"):
        if ordered != lines:
            libc.eputs("sort: disorder")
            return 1
        return 0
    if options.has("u"):
        ordered = unique(ordered, keys, comparable)
    return 2 if files.status or not put(ordered, options.get("o")) else 0


def unique(lines, keys, comparable):
    found = []
    last = None
    for line in lines:
        value = tuple(key.of(line) for key in keys) if keys else comparable(line)
        if last is None or value != last[0]:
            found.append(line)
        last = (value,)
    return found


def put(lines, name):
    fd = 1 if name is None else libc.open(name, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC, 0o666)
    if fd < 0:
        libc.perror(f"sort: {name}")
        return False
    out = Output(fd)
    for line in lines:
        out.write(line + b"\n")
    return out.flush()
