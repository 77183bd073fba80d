"""POSIX's regular expressions, basic and extended, as patterns for Python's `re` over bytes (POSIX.1-2017 XBD 9)."""

import re

CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t", "punct": "!-/:-@\\[-`{-~", "xdigit": "0-9A-Fa-f", "print": " -~", "graph": "!-~",
    "cntrl": "\\x00-\\x1f\\x7f",
}  # fmt: skip


class RegexError(Exception):
    """Text that is no regular expression; one line."""


def bracket(text, position):
    """(the bracket expression that begins at `position` in Python's notation, the position behind it)."""
    out = ["["]
    position += 1
    if text[position : position + 1] == "^":
        out.append("^")
        position += 1
    first = True
    while True:
        if position >= len(text):
            raise RegexError("Unmatched [")
        char = text[position]
        if char == "]" and not first:
            out.append("]")
            return "".join(out), position + 1
        first = False
        if text.startswith("[:", position):
            name, closing, _ = text[position + 2 :].partition(":]")
            if not closing or name not in CLASSES:
                raise RegexError("Invalid character class name")
            out.append(CLASSES[name])
            position += len(name) + 4
            continue
        out.append(literal(char))
        position += 1
        # What stands before a minus and a last element begins a range; at either end a minus is itself.
        if text[position : position + 1] == "-" and position + 1 < len(text) and text[position + 1] != "]":
            last = text[position + 1]
            if last < char:
                raise RegexError("Invalid range end")
            out.append("-" + literal(last))
            position += 2


def literal(char):
    """A character of a bracket expression that stands for itself."""
    return "\\" + char if char in "\\[]^&~|-" else char


def translate(text, extended):
    """The pattern in Python's notation; RegexError."""
    out = []
    position = 0
    depth = 0
    # Whether an anchor or a literal star may stand here.
    at_start = True
    while position < len(text):
        char = text[position]
        if char == "[":
            piece, position = bracket(text, position)
            out.append(piece)
            at_start = False
            continue
        escaped = char == "\\"
        if escaped:
            if position + 1 >= len(text):
                raise RegexError("Trailing backslash")
            char = text[position + 1]
            position += 1
        position += 1
        operator = char in "(){}|+?" and escaped != extended
        if operator:
            at_start = char in "(|"
            if char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if depth < 0:
                    raise RegexError("Unmatched ) or \\)")
            if char == "{":
                end = text.find("}" if extended else "\\}", position)
                counts = text[position:end] if end >= 0 else "x"
                if not counts.replace(",", "", 1).isdigit() and counts.replace(",", "", 1):
                    raise RegexError("Invalid content of \\{\\}")
                out.append("{" + (counts if counts[:1] != "," else "0" + counts) + "}")
                position = end + (1 if extended else 2)
                continue
            out.append(char)
            continue
        if not escaped and char == "*":
            out.append("\\*" if at_start else "*")
        elif not escaped and char == "^":
            out.append("^" if extended or at_start else "\\^")
            continue
        elif not escaped and char == "$":
            rest = text[position:]
            last = not rest or rest.startswith(("\\)", "\\|")) or (extended and rest[0] in ")|")
            out.append("(?!\\n)\\Z" if extended or last else "\\$")
        elif not escaped and char == ".":
            out.append(".")
        elif escaped and char.isdigit():
            out.append(f"(?:\\{char})")
        elif escaped and char in "wWsSbBnt":
            out.append("\\" + char)
        elif escaped and char in "<>":
            out.append("\\b")
        else:
            out.append(re.escape(char))
        at_start = False
    if depth:
        raise RegexError("Unmatched ( or \\(")
    return "".join(out)


def compile_regex(text, extended=False, ignore_case=False):
    """A compiled pattern over bytes; RegexError."""
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    try:
        return re.compile(translate(text, extended).encode("utf-8", "surrogateescape"), flags)
    except (re.error, OverflowError) as error:
        raise RegexError(f"Invalid regular expression: {error}".replace("\n", " ")) from None
