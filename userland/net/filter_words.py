"""The words of filter expressions: names, numbers, addresses, operators."""

import re

from userland.libc.inet import number


class FilterError(Exception):
    """An expression that is none; the text is for the user."""


class Token(str):
    """A word; `kind` is word, name (escaped by a backslash), number, address, net, mac, operator or end."""

    kind = "word"

    def __new__(cls, text, kind):
        token = str.__new__(cls, text)
        token.kind = kind
        return token


def number_of(text, low=0, high=0xFFFFFFFF):
    """A number as C writes it: decimal, 0x hexadecimal, 0 octal; FilterError for anything else."""
    value = number(text)
    if not low <= value <= high:
        raise FilterError(f"'{text}' is no number from {low} to {high} in the filter expression")
    return value


PATTERN = re.compile(
    r"""\s*(?:
      (?P<mac>[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5})(?![\w:])
    | (?P<net>\d{1,3}(?:\.\d{1,3}){0,3}/\d+)(?![\w.])
    | (?P<address>\d{1,3}(?:\.\d{1,3}){3})(?![\w.])
    | (?P<number>0[xX][0-9A-Fa-f]+|\d+)(?![\w.-])
    | \\(?P<name>[\w.-]+)
    | (?P<word>[A-Za-z0-9_][\w.-]*)
    | (?P<operator>&&|\|\||<<|>>|<=|>=|==|!=|[][()!<>=+\-*/%&|^:])
    )""",
    re.VERBOSE,
)


def tokens(text):
    """The words of an expression."""
    found = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = PATTERN.match(text, position)
        if match is None:
            raise FilterError(f"illegal token in filter expression: '{text[position:].split()[0]}'")
        kind = match.lastgroup
        found.append(Token(match.group(kind), kind))
        position = match.end()
    return found
