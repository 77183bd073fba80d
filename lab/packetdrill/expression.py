"""The arguments of a system call: numbers, names joined by `|`, strings, `[lists]`, `{structs}` and `...`."""

import re
from dataclasses import dataclass
from typing import Any

from lab.packetdrill.script import ScriptError

TOKEN = re.compile(
    r"""\s*(?:
      (?P<ellipsis>\.\.\.)
    | (?P<number>-?0[xX][0-9a-fA-F]+|-?\d+)
    | (?P<name>[A-Za-z_]\w*)
    | "(?P<string>(?:[^"\\]|\\.)*)"
    | (?P<mark>[\[\]{}(),=|~])
    )""",
    re.VERBOSE,
)


class Ellipsis:
    """`...`: whatever fits there."""

    def __repr__(self):
        return "..."


ANY = Ellipsis()


@dataclass
class Struct:
    """`{name=value, ...}`: `fields`; values without a name, as in `{..., 1000}`, are in `items`."""

    fields: dict[str, Any]
    items: list


def tokens(text, line):
    """[(kind, text)] of `text`; ScriptError at what is none."""
    found = []
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None:
            raise ScriptError(line, f"what is {text[position:].strip()[:20]!r}?")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


def integer(text, line):
    """A number as C writes it: decimal, 0x hexadecimal, 0 octal."""
    digits = text.lstrip("-").lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    try:
        return int(text, base)
    except ValueError:
        raise ScriptError(line, f"{text} is no number") from None


class Reader:
    """A recursive-descent parser of one argument list."""

    def __init__(self, text, line, symbols):
        self.line = line
        self.symbols = symbols
        self.tokens = tokens(text, line)
        self.position = 0

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else (None, "")

    def take(self, mark=None):
        """The next token, which must be `mark` if that is given."""
        kind, text = self.peek()
        if kind is None or (mark is not None and (kind, text) != ("mark", mark)):
            wanted = f"{mark!r} is missing" if mark is not None else "an argument is missing"
            raise ScriptError(self.line, wanted + (f" before {text!r}" if text else ""))
        self.position += 1
        return kind, text

    def at(self, mark):
        return self.peek() == ("mark", mark)

    def all(self):
        """Every argument up to the end of the text."""
        found = []
        if self.tokens:
            found = self.sequence(None)
        if self.position < len(self.tokens):
            raise ScriptError(self.line, f"unexpected {self.peek()[1]!r}")
        return found

    def sequence(self, closing):
        """Values between commas; `closing` ends an empty sequence."""
        found = []
        if closing is not None and self.at(closing):
            return found
        while True:
            found.append(self.value())
            if not self.at(","):
                return found
            self.take(",")

    def value(self):
        kind, text = self.take()
        if kind == "ellipsis":
            return ANY
        if kind == "string":
            return text
        if kind == "mark" and text == "[":
            found = self.sequence("]")
            self.take("]")
            return found
        if kind == "mark" and text == "{":
            return self.struct()
        if kind not in ("number", "name"):
            raise ScriptError(self.line, f"unexpected {text!r}")
        result = self.number(kind, text)
        while self.at("|"):
            self.take("|")
            result |= self.number(*self.take())
        return result

    def number(self, kind, text):
        if kind == "number":
            return integer(text, self.line)
        if kind == "name" and text in self.symbols:
            return self.symbols[text]
        raise ScriptError(self.line, f"{text} means nothing here")

    def struct(self):
        """What follows `{`: fields `name=value` or `name(n)=value`, or plain values."""
        fields, items = {}, []
        while not self.at("}"):
            kind, text = self.peek()
            if kind == "name" and self.field_follows():
                self.take()
                if self.at("("):
                    self.take("(")
                    self.take()
                    self.take(")")
                self.take("=")
                fields[text] = self.value()
            else:
                items.append(self.value())
            if not self.at("}"):
                self.take(",")
        self.take("}")
        return Struct(fields, items)

    def field_follows(self):
        """True when the name here is a field's: `name=` or `name(n)=`."""
        following = self.tokens[self.position + 1 : self.position + 2]
        return following in ([("mark", "=")], [("mark", "(")])


def arguments(text, line, symbols):
    """The arguments in `text`, what stands between a call's parentheses."""
    return Reader(text, line, symbols).all()
