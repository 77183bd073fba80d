"""Filters of ss(8): states, and expressions over ports and addresses, as a program that the kernel runs."""

from struct import pack

from userland import libc
from userland.abi import sock_diag as d
from userland.libc.inet import parse_quad
from userland.net.tables import parse_prefix

STATES = {
    "established": 1, "syn-sent": 2, "syn-recv": 3, "fin-wait-1": 4, "fin-wait-2": 5, "time-wait": 6, "closed": 7,
    "unconnected": 7, "close-wait": 8, "last-ack": 9, "listening": 10, "closing": 11,
}  # fmt: skip
ALL = sum(1 << state for state in range(1, 12))
CONNECTED = ALL & ~(1 << 7 | 1 << 10)
GROUPS = {
    "all": ALL, "connected": CONNECTED, "synchronized": CONNECTED & ~(1 << 2), "bucket": 1 << 3 | 1 << 6,
    "big": ALL & ~(1 << 3 | 1 << 6),
}  # fmt: skip
COMPARISONS = {
    "=": "eq", "==": "eq", "eq": "eq", "!=": "ne", "ne": "ne", "neq": "ne", ">=": "ge", "ge": "ge", "geq": "ge", "<=": "le",
    "le": "le", "leq": "le", ">": "gt", "gt": "gt", "<": "lt", "lt": "lt",
}  # fmt: skip


class FilterError(Exception):
    """An expression that is none; the text is for the user."""


def state_mask(word):
    """The bits of a state's or a group's name."""
    if word in GROUPS:
        return GROUPS[word]
    if word not in STATES:
        raise FilterError(f"ss: wrong state name: {word}")
    return 1 << STATES[word]


class Condition:
    """A leaf: `code` the operation with what stands behind it, without its jumps."""

    def __init__(self, operation, data):
        self.operation = operation
        self.data = data

    def size(self):
        return 4 + len(self.data)


class Node:
    """and, or, not over conditions."""

    def __init__(self, kind, *parts):
        self.kind = kind
        self.parts = parts


def jump(distance):
    """An unconditional jump over `distance` bytes."""
    return pack("<BBH", d.INET_DIAG_BC_JMP, 4, 4 + distance)


def compile_filter(node):
    """The program of an expression: it falls out at its end for sockets that fit."""
    return b"" if node is None else build(node)


def build(node):
    """Code that runs off its end where the node holds, and jumps four bytes beyond where it does not."""
    if isinstance(node, Condition):
        size = node.size()
        return pack("<BBH", node.operation, size, size + 4) + node.data
    if node.kind == "and":
        second = build(node.parts[1])
        return redirect(build(node.parts[0]), len(second)) + second
    if node.kind == "or":
        first, second = build(node.parts[0]), build(node.parts[1])
        # Where the first holds, jump over the second; where it does not, four bytes beyond is just the second's start.
        return first + jump(len(second)) + second
    inner = build(node.parts[0])
    # Where the inner holds, jump beyond the end; where it does not, that is the end.
    return inner + pack("<BBH", d.INET_DIAG_BC_JMP, 4, 8)


def redirect(code, distance):
    """The code, with what leads beyond its end led `distance` bytes further."""
    out = bytearray(code)
    position = 0
    while position < len(out):
        yes = out[position + 1]
        no = int.from_bytes(out[position + 2 : position + 4], "little")
        if position + no == len(out) + 4:
            out[position + 2 : position + 4] = (no + distance).to_bytes(2, "little")
        position += yes
    return bytes(out)


class Parser:
    """[state NAME]... [exclude NAME]... EXPRESSION"""

    def __init__(self, words):
        text = " ".join(words)
        for mark in ("(", ")"):
            text = text.replace(mark, f" {mark} ")
        self.words = text.split()
        self.states = None

    def peek(self):
        return self.words[0] if self.words else ""

    def take(self):
        if not self.words:
            raise FilterError("ss: bison bellows (while parsing filter): \"syntax error!\"")
        return self.words.pop(0)

    def parse(self, default):
        """(states, Node or None)."""
        states = None
        while self.peek() in ("state", "exclude", "excl"):
            verb, mask = self.take(), state_mask(self.take())
            if verb == "state":
                states = mask if states is None else states | mask
            else:
                states = (ALL if states is None else states) & ~mask
        node = self.either() if self.words else None
        if self.words:
            raise FilterError(f"ss: syntax error in the filter near '{self.peek()}'")
        return default if states is None else states, node

    def either(self):
        node = self.both()
        while self.peek() in ("or", "|", "||"):
            self.take()
            node = Node("or", node, self.both())
        return node

    def both(self):
        node = self.negated()
        while self.words and self.peek() not in ("or", "|", "||", ")"):
            if self.peek() in ("and", "&", "&&"):
                self.take()
            node = Node("and", node, self.negated())
        return node

    def negated(self):
        if self.peek() in ("not", "!"):
            self.take()
            return Node("not", self.negated())
        if self.peek() == "(":
            self.take()
            node = self.either()
            if self.take() != ")":
                raise FilterError("ss: syntax error in the filter: ')' expected")
            return node
        return self.condition()

    def condition(self):
        word = self.take()
        if word in ("sport", "dport"):
            comparison = COMPARISONS.get(self.peek(), "")
            if comparison:
                self.take()
            return port_condition(word == "sport", comparison or "eq", port_word(self.take()))
        if word in ("src", "dst"):
            inverted = False
            if self.peek() in COMPARISONS:
                comparison = COMPARISONS[self.take()]
                if comparison not in ("eq", "ne"):
                    raise FilterError("ss: addresses are equal or not")
                inverted = comparison == "ne"
            node = host_condition(word == "src", self.take())
            return Node("not", node) if inverted else node
        if word == "dev":
            if self.peek() in COMPARISONS:
                self.take()
            name = self.take()
            index = libc.if_nametoindex(name)
            if index == 0:
                raise FilterError(f"ss: device {name} does not exist")
            return Condition(d.INET_DIAG_BC_DEV_COND, index.to_bytes(4, "little"))
        if word == "autobound":
            return Condition(d.INET_DIAG_BC_AUTO, b"")
        raise FilterError(f"ss: syntax error in the filter near '{word}'")


def port_word(word):
    """A port as ":80", "80", or the name of a service."""
    text = word.rpartition(":")[2]
    if text.isdigit() and int(text) < 65536:
        return int(text)
    entry = libc.getservbyname(text)
    if entry is None:
        raise FilterError(f"ss: \"{text}\" does not look like a port.")
    return entry.s_port


def port_condition(own, comparison, port):
    """sport and dport; the kernel knows >=, <= and =."""
    operations = {
        "ge": (d.INET_DIAG_BC_S_GE, d.INET_DIAG_BC_D_GE), "le": (d.INET_DIAG_BC_S_LE, d.INET_DIAG_BC_D_LE),
        "eq": (d.INET_DIAG_BC_S_EQ, d.INET_DIAG_BC_D_EQ),
    }  # fmt: skip
    positive = {"gt": "le", "lt": "ge", "ne": "eq"}.get(comparison, comparison)
    operation = operations[positive][0 if own else 1]
    node = Condition(operation, pack("<BBH", 0, 0, port))
    return node if positive == comparison else Node("not", node)


def host_condition(own, word):
    """ADDRESS[/LENGTH][:PORT] or :PORT."""
    host, colon, port = word.rpartition(":")
    if not colon:
        host, port = word, ""
    number = -1 if port in ("", "*") else port_word(port)
    operation = d.INET_DIAG_BC_S_COND if own else d.INET_DIAG_BC_D_COND
    if host in ("", "*", "0.0.0.0/0"):
        return Condition(operation, pack("<BBxxi", 0, 0, number))
    parsed = parse_prefix(host)
    if parsed is None:
        raise FilterError(f"ss: an inet prefix is expected rather than \"{host}\".")
    address = parse_quad(parsed[0]).to_bytes(4, "big")
    return Condition(operation, pack("<BBxxi", libc.AF_INET, parsed[1], number) + address)
