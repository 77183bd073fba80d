"""Arithmetic in filter expressions: numbers, bytes of the packet (PROTO [ OFFSET : SIZE ]), len, and operators."""

from userland.abi.filter import (
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_DIV,
    BPF_IMM,
    BPF_IND,
    BPF_K,
    BPF_LD,
    BPF_LEN,
    BPF_LSH,
    BPF_MEM,
    BPF_MEMWORDS,
    BPF_MISC,
    BPF_MOD,
    BPF_MUL,
    BPF_OR,
    BPF_RSH,
    BPF_ST,
    BPF_SUB,
    BPF_TAX,
    BPF_X,
    BPF_XOR,
)
from userland.net.bpf import WIDTHS, every, header_length
from userland.net.filter_words import FilterError, number_of
from userland.net.protocols import ETHERTYPES, IP_PROTOCOLS, ONLY_IP6, QUALIFIERS

# By how strongly they bind, the weakest first.
LEVELS = (
    {"|": BPF_OR},
    {"^": BPF_XOR},
    {"&": BPF_AND},
    {"<<": BPF_LSH, ">>": BPF_RSH},
    {"+": BPF_ADD, "-": BPF_SUB},
    {"*": BPF_MUL, "/": BPF_DIV, "%": BPF_MOD},
)
CONSTANTS = {
    "icmptype": 0, "icmpcode": 1, "tcpflags": 13, "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4,
    "icmp-redirect": 5, "icmp-echo": 8, "icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11,
    "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16,
    "icmp-maskreq": 17, "icmp-maskreply": 18, "tcp-fin": 0x01, "tcp-syn": 0x02, "tcp-rst": 0x04, "tcp-push": 0x08,
    "tcp-ack": 0x10, "tcp-urg": 0x20, "tcp-ece": 0x40, "tcp-cwr": 0x80,
}  # fmt: skip
MAX_DEPTH = 40


class Arithmetic:
    """Parses expressions for a `Parser` into instructions that leave the value in A.

    Values wait in words of memory.  `guards` are the conditions under which the packet has the bytes that are looked at.
    """

    def __init__(self, parser):
        self.parser = parser
        self.link = parser.link
        self.guards = []
        self.words = 0
        self.depth = 0

    @staticmethod
    def begins(parser):
        """True where an arithmetic expression may stand."""
        token = parser.peek()
        if token.kind == "number" or token in CONSTANTS or token in ("len", "-"):
            return True
        if token == "(":
            return True
        return token in QUALIFIERS and parser.peek(1) == "["

    def word(self):
        """A free word of memory."""
        if self.words >= BPF_MEMWORDS:
            raise FilterError("expression too complex: it needs more than 16 intermediate values")
        self.words += 1
        return self.words - 1

    def expression(self, level=0):
        """The instructions of an expression, None where none stands here."""
        if level == len(LEVELS):
            return self.operand()
        left = self.expression(level + 1)
        while left is not None and self.parser.peek() in LEVELS[level]:
            operation = LEVELS[level][self.parser.take()]
            right = self.expression(level + 1)
            if right is None:
                raise FilterError(f"syntax error in filter expression near '{self.parser.peek()}'")
            left = self.combine(left, right, operation)
        return left

    def combine(self, left, right, operation):
        if len(right) == 1 and right[0][0] == BPF_LD | BPF_IMM:
            value = right[0][1]
            if value == 0 and operation in (BPF_DIV, BPF_MOD):
                raise FilterError("division by zero in filter expression")
            if value > 31 and operation in (BPF_LSH, BPF_RSH):
                raise FilterError("shift by more than 31 bits in filter expression")
            return [*left, (BPF_ALU | operation | BPF_K, value)]
        return [*self.to_x(left, right), (BPF_ALU | operation | BPF_X, 0)]

    def to_x(self, left, right):
        """Instructions that leave `left` in A and `right` in X."""
        kept = self.word()
        return [*left, (BPF_ST, kept), *right, (BPF_MISC | BPF_TAX, 0), (BPF_LD | BPF_MEM, kept)]

    def compare(self, left, right):
        return self.to_x(left, right)

    def operand(self):
        parser = self.parser
        token = parser.peek()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FilterError("filter expression nested too deeply")
        found = None
        if token.kind == "number":
            parser.take()
            found = [(BPF_LD | BPF_IMM, number_of(token))]
        elif token in CONSTANTS:
            parser.take()
            found = [(BPF_LD | BPF_IMM, CONSTANTS[token])]
        elif token == "len":
            parser.take()
            found = [(BPF_LD | BPF_LEN, 0)]
        elif token == "-":
            parser.take()
            inner = self.operand()
            if inner is not None:
                found = self.combine([(BPF_LD | BPF_IMM, 0)], inner, BPF_SUB)
        elif token == "(":
            start = parser.index
            parser.take()
            found = self.expression()
            if found is None or not parser.accept(")"):
                parser.index = start
                found = None
        elif token in QUALIFIERS and parser.peek(1) == "[":
            found = self.bytes_of_packet(parser.take())
        self.depth -= 1
        return found

    def bytes_of_packet(self, protocol):
        """PROTO [ OFFSET ] or PROTO [ OFFSET : SIZE ]."""
        parser = self.parser
        parser.take()
        offset = self.expression()
        if offset is None:
            raise FilterError(f"syntax error in filter expression near '{parser.peek()}'")
        size = parser.number(4) if parser.accept(":") else 1
        if size not in WIDTHS:
            raise FilterError("data size must be 1, 2, or 4")
        if not parser.accept("]"):
            raise FilterError("syntax error in filter expression: ']' expected")
        start = self.link.ip_offset()
        instructions = offset
        if protocol == "ether":
            start = 0
        elif protocol in ETHERTYPES:
            self.guards.append(self.link.protocol(protocol))
        elif protocol in ONLY_IP6:
            self.guards.append(self.link.protocol(protocol))
            start += 40
        else:
            # Behind an IPv4 header of any length, and not in a later fragment.
            ip = self.link.proto(IP_PROTOCOLS[protocol], "ip")
            self.guards.append(every(ip, self.link.not_a_later_fragment()))
            instructions = [*offset, header_length(self.link.ip_offset()), (BPF_ALU | BPF_ADD | BPF_X, 0)]
        return [*instructions, (BPF_MISC | BPF_TAX, 0), (BPF_LD | WIDTHS[size] | BPF_IND, start)]
