"""Filter expressions (pcap-filter(7)) for Ethernet, parsed into conditions that bpf.py turns into a program.

Known are host, net, port, portrange and proto with their qualifiers, the names of protocols, broadcast, multicast, vlan,
inbound, outbound, less, greater, and relations between arithmetic expressions.  "and" and "or" bind equally and group from
left to right; a bare word takes the qualifiers of the one before.
"""

from userland import libc
from userland.abi.filter import BPF_JEQ, BPF_JGE, BPF_JGT
from userland.libc.inet import parse_quad
from userland.net import protocols as p
from userland.net.arithmetic import Arithmetic
from userland.net.bpf import And, Constant, Not, Or, Test, TooLong, compile_condition, some
from userland.net.filter_words import FilterError, Token, number_of, tokens

MAX_DEPTH = 64
SNAPLEN = 262144
DIRECTIONS = ("src", "dst")
KINDS = ("host", "net", "port", "portrange", "proto")
RELATIONS = {
    ">": (BPF_JGT, False), ">=": (BPF_JGE, False), "=": (BPF_JEQ, False), "==": (BPF_JEQ, False), "!=": (BPF_JEQ, True),
    "<": (BPF_JGE, True), "<=": (BPF_JGT, True),
}  # fmt: skip


class Qualifiers:
    """What stands in front of a word: protocol, direction, kind."""

    def __init__(self, protocol="", direction="", kind=""):
        self.protocol = protocol
        self.direction = direction
        self.kind = kind


class Parser:
    """Recursive descent over the words of an expression."""

    def __init__(self, text, resolve, live, stations):
        self.words = tokens(text)
        self.index = 0
        self.depth = 0
        self.resolve = resolve
        self.link = p.Ethernet(live, stations)
        # The qualifiers of the last identifier, which a bare word takes; None before the first.
        self.last = None

    def peek(self, ahead=0):
        return self.words[self.index + ahead] if self.index + ahead < len(self.words) else Token("", "end")

    def take(self):
        token = self.peek()
        if token.kind == "end":
            raise FilterError("syntax error in filter expression: it ends too early")
        self.index += 1
        return token

    def accept(self, *words):
        """The next word if it is one of these (and no escaped name), else None."""
        if self.peek().kind != "name" and self.peek() in words:
            self.index += 1
            return str(self.words[self.index - 1])
        return None

    def parse(self):
        if not self.words:
            return Constant(True)
        condition = self.expression()
        if self.peek().kind != "end":
            raise FilterError(f"syntax error in filter expression near '{self.peek()}'")
        return condition

    def expression(self):
        condition = self.negated()
        while True:
            if self.accept("and", "&&"):
                condition = And(condition, self.negated())
            elif self.accept("or", "||"):
                condition = Or(condition, self.negated())
            else:
                return condition

    def negated(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FilterError("filter expression nested too deeply")
        if self.accept("not", "!"):
            condition = Not(self.negated())
        else:
            condition = self.relation() or self.grouped() or self.primitive()
        self.depth -= 1
        return condition

    def grouped(self):
        """An expression in parentheses, None where none stands here."""
        if not self.accept("("):
            return None
        condition = self.expression()
        if not self.accept(")"):
            raise FilterError("syntax error in filter expression: ')' expected")
        return condition

    def relation(self):
        """ARITHMETIC RELOP ARITHMETIC, None where none stands here."""
        start = self.index
        if not Arithmetic.begins(self):
            return None
        arithmetic = Arithmetic(self)
        left = arithmetic.expression()
        if left is None or self.peek() not in RELATIONS:
            self.index = start
            return None
        comparison, inverted = RELATIONS[self.take()]
        right = arithmetic.expression()
        if right is None:
            raise FilterError(f"syntax error in filter expression near '{self.peek()}'")
        condition = Test(arithmetic.compare(left, right), comparison, 0, True)
        if inverted:
            condition = Not(condition)
        for guard in reversed(arithmetic.guards):
            condition = And(guard, condition)
        return condition

    # --- primitives ---

    def primitive(self):
        """[PROTOCOL] [DIRECTION] [KIND] ID, or a condition of one word."""
        qualifiers = Qualifiers()
        protocol = self.accept(*p.QUALIFIERS)
        if protocol:
            qualifiers.protocol = protocol
        qualifiers.direction = self.direction()
        qualifiers.kind = self.accept(*KINDS) or ""
        if not qualifiers.direction and not qualifiers.kind:
            found = self.single(qualifiers.protocol)
            if found is not None:
                return found
            if not qualifiers.protocol:
                return self.identifier(self.last)
            if self.peek().kind in ("address", "mac", "name"):
                raise FilterError(f"syntax error in filter expression near '{self.peek()}'")
            return self.link.protocol(qualifiers.protocol)
        if self.accept("("):
            # host (a or b): the qualifiers count for each.
            self.last = qualifiers
            condition = self.expression()
            if not self.accept(")"):
                raise FilterError("syntax error in filter expression: ')' expected")
            return condition
        return self.identifier(qualifiers)

    def direction(self):
        word = self.accept(*DIRECTIONS)
        if word and self.peek() in ("or", "and") and self.peek(1) in DIRECTIONS and self.peek(1) != word:
            word = f"{word} {self.take()} {self.take()}"
        return {"dst or src": "src or dst", "dst and src": "src and dst"}.get(word or "", word or "")

    def single(self, protocol):
        """A condition that takes no identifier, or a number of its own."""
        if self.accept("broadcast"):
            return self.link.broadcast(protocol)
        if self.accept("multicast"):
            return self.link.multicast(protocol)
        if protocol:
            return None
        word = self.accept("less", "greater", "vlan", "inbound", "outbound", "gateway")
        if word in ("less", "greater"):
            return self.link.length(self.number(0xFFFFFFFF), word == "greater")
        if word == "vlan":
            vid = None
            if self.peek().kind == "number":
                vid = self.number(4095)
            return self.link.vlan(vid)
        if word in ("inbound", "outbound"):
            return self.link.outgoing(word == "outbound")
        if word == "gateway":
            raise FilterError("'gateway' is not supported: hosts have no list of hardware addresses here")
        return None

    def identifier(self, qualifiers):
        """One identifier under its qualifiers; they stay for the bare words that follow."""
        token = self.take()
        if qualifiers is None or token.kind == "operator" or (token.kind == "word" and token in KEYWORDS):
            raise FilterError(f"syntax error in filter expression near '{token}'")
        self.last = qualifiers
        kind = qualifiers.kind
        if kind == "net" or (not kind and token.kind == "net"):
            return self.net(token, qualifiers)
        if kind == "port":
            port = self.port(token, qualifiers.protocol)
            return self.link.port(port, port, qualifiers.protocol, qualifiers.direction)
        if kind == "portrange":
            first, dash, last = token.partition("-")
            if not dash:
                raise FilterError(f"illegal range '{token}' in filter expression: FIRST-LAST expected")
            ports = sorted(self.port(Token(end, "word"), qualifiers.protocol) for end in (first, last))
            return self.link.port(*ports, qualifiers.protocol, qualifiers.direction)
        if kind == "proto":
            return self.link.proto(self.proto_number(token, qualifiers.protocol), qualifiers.protocol)
        return self.host(token, qualifiers)

    def host(self, token, qualifiers):
        if token.kind == "mac":
            if qualifiers.protocol not in ("ether", ""):
                raise FilterError("ethernet address used in non-ether expression")
            if not qualifiers.protocol:
                raise FilterError("ethernet address used in non-ether expression")
            return self.link.station(libc.ether_aton(token), qualifiers.direction)
        if qualifiers.protocol == "ether":
            raise FilterError("only ethernet addresses are known for 'ether host'")
        addresses = [parse_quad(token)]
        if addresses[0] < 0:
            found = self.resolve(token) if token.replace("-", "").replace(".", "").replace("_", "").isalnum() else None
            if not found:
                raise FilterError(f"unknown host '{token}' in filter expression")
            addresses = [parse_quad(quad) for quad in ([found] if isinstance(found, str) else found)]
        return some(*(
            self.link.network(address, 0xFFFFFFFF, qualifiers.protocol, qualifiers.direction) for address in addresses
        ))  # fmt: skip

    def net(self, token, qualifiers):
        quad, slash, length = token.partition("/")
        parts = quad.split(".")
        value = parse_quad(".".join(parts + ["0"] * (4 - len(parts)))) if 1 <= len(parts) <= 4 else -1
        if value < 0:
            raise FilterError(f"unknown network '{token}' in filter expression")
        bits = 8 * len(parts)
        if slash:
            if not length.isdigit() or int(length) > 32:
                raise FilterError(f"mask length must be <= 32 in '{token}'")
            bits = int(length)
        mask = (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
        if self.accept("mask"):
            word = self.take()
            mask = parse_quad(word)
            if mask < 0:
                raise FilterError(f"invalid mask '{word}' in filter expression")
        if value & ~mask & 0xFFFFFFFF:
            raise FilterError(f"non-network bits set in '{token}'")
        return self.link.network(value, mask, qualifiers.protocol, qualifiers.direction)

    def port(self, token, protocol):
        if token.isdigit():
            if int(token) > 65535:
                raise FilterError(f"illegal port number {token} in filter expression")
            return int(token)
        for name in (protocol,) if protocol else ("tcp", "udp"):
            entry = libc.getservbyname(token, name)
            if entry is not None:
                return entry.s_port
        raise FilterError(f"unknown port '{token}' in filter expression")

    def proto_number(self, token, protocol):
        names = p.ETHERTYPES if protocol == "ether" else p.IP_PROTOCOLS
        if token in names:
            return names[token]
        if not token[:1].isdigit():
            raise FilterError(f"unknown protocol '{token}' in filter expression")
        return number_of(token, 0, 0xFFFF if protocol == "ether" else 0xFF)

    def number(self, high):
        return number_of(self.take(), 0, high)


KEYWORDS = frozenset({
    *p.QUALIFIERS, *DIRECTIONS, *KINDS, "and", "or", "not", "less", "greater", "vlan", "inbound", "outbound", "broadcast",
    "multicast", "mask", "len", "gateway",
})  # fmt: skip


def compile_filter(text, resolve=libc.gethostbyname, live=False, keep=SNAPLEN, stations=True):
    """The program of an expression, [(code, jt, jf, k)]; FilterError, with a line for the user, for one that is none.

    `live`: the packets come from a socket of this kernel, where a VLAN's tag stands beside the packet.  Without `stations`
    there is no Ethernet header whose addresses could be asked for.
    """
    try:
        return compile_condition(Parser(text, resolve, live, stations).parse(), keep)
    except TooLong:
        raise FilterError("the filter expression is too long") from None
