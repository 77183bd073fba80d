"""Filter expressions: the common part of pcap-filter(7), compiled to a tree that judges a `Packet`."""

from userland import libc
from userland.libc.inet import parse_quad
from userland.net.packet import Packet
from userland.net.tables import parse_prefix

PROTOCOLS = {
    "icmp": libc.IPPROTO_ICMP,
    "igmp": 2,
    "tcp": libc.IPPROTO_TCP,
    "udp": libc.IPPROTO_UDP,
}
ETHERTYPES = {"ip": libc.ETH_P_IP, "arp": libc.ETH_P_ARP, "ip6": 0x86DD, "vlan": libc.ETH_P_8021Q}
PORT_PROTOCOLS = (libc.IPPROTO_TCP, libc.IPPROTO_UDP)
MAX_DEPTH = 64


class FilterError(Exception):
    """An expression that is none; the text is for the user."""


class Everything:
    """The empty expression."""

    def matches(self, packet):
        """True when the packet passes."""
        return True


class And:
    def __init__(self, left, right):
        self.left = left
        self.right = right

    def matches(self, packet):
        return self.left.matches(packet) and self.right.matches(packet)


class Or:
    def __init__(self, left, right):
        self.left = left
        self.right = right

    def matches(self, packet):
        return self.left.matches(packet) or self.right.matches(packet)


class Not:
    def __init__(self, inner):
        self.inner = inner

    def matches(self, packet):
        return not self.inner.matches(packet)


class EtherType:
    def __init__(self, ethertype):
        self.ethertype = ethertype

    def matches(self, packet):
        return packet.ethertype == self.ethertype or (self.ethertype == libc.ETH_P_8021Q and bool(packet.vlans))


class Protocol:
    def __init__(self, number):
        self.number = number

    def matches(self, packet):
        return packet.protocol == self.number


class Net:
    """[src|dst] host or net."""

    def __init__(self, address, length, direction):
        self.mask = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
        self.address = address & self.mask
        self.direction = direction

    def matches(self, packet):
        src = packet.src >= 0 and packet.src & self.mask == self.address
        dst = packet.dst >= 0 and packet.dst & self.mask == self.address
        return in_direction(self.direction, src, dst)


class Port:
    """[src|dst] port or portrange."""

    def __init__(self, first, last, direction):
        self.first = first
        self.last = last
        self.direction = direction

    def matches(self, packet):
        if packet.protocol not in PORT_PROTOCOLS or packet.sport < 0:
            return False
        src = self.first <= packet.sport <= self.last
        dst = self.first <= packet.dport <= self.last
        return in_direction(self.direction, src, dst)


class EtherHost:
    def __init__(self, address, direction):
        self.address = address
        self.direction = direction

    def matches(self, packet):
        return in_direction(self.direction, packet.source == self.address, packet.destination == self.address)


class Multicast:
    def __init__(self, broadcast_only):
        self.broadcast_only = broadcast_only

    def matches(self, packet):
        if self.broadcast_only:
            return packet.destination == b"\xff" * 6
        return bool(packet.destination) and bool(packet.destination[0] & 1)


class Length:
    """less N, greater N (both inclusive)."""

    def __init__(self, limit, greater):
        self.limit = limit
        self.greater = greater

    def matches(self, packet: Packet):
        return packet.length >= self.limit if self.greater else packet.length <= self.limit


def in_direction(direction, src, dst):
    if direction == "src":
        return src
    if direction == "dst":
        return dst
    return src or dst


class Compiler:
    """Recursive descent over the words of an expression."""

    def __init__(self, text, resolve):
        for mark in ("(", ")", "!", "&&", "||"):
            text = text.replace(mark, f" {mark} ")
        self.words = text.split()
        self.index = 0
        self.depth = 0
        self.resolve = resolve

    def peek(self):
        return self.words[self.index] if self.index < len(self.words) else ""

    def take(self):
        word = self.peek()
        if not word:
            raise FilterError("syntax error in filter expression: it ends too early")
        self.index += 1
        return word

    def compile(self):
        if not self.words:
            return Everything()
        tree = self.either()
        if self.peek():
            raise FilterError(f"syntax error in filter expression near '{self.peek()}'")
        return tree

    def either(self):
        tree = self.both()
        while self.peek() in ("or", "||"):
            self.index += 1
            tree = Or(tree, self.both())
        return tree

    def both(self):
        tree = self.negated()
        while self.peek() in ("and", "&&"):
            self.index += 1
            tree = And(tree, self.negated())
        return tree

    def negated(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FilterError("filter expression nested too deeply")
        if self.peek() in ("not", "!"):
            self.index += 1
            tree = Not(self.negated())
        elif self.peek() == "(":
            self.index += 1
            tree = self.either()
            if self.take() != ")":
                raise FilterError("syntax error in filter expression: ')' expected")
        else:
            tree = self.primitive()
        self.depth -= 1
        return tree

    def primitive(self):
        word = self.take()
        if word in PROTOCOLS or word in ETHERTYPES:
            if word in PROTOCOLS:
                tree = And(EtherType(libc.ETH_P_IP), Protocol(PROTOCOLS[word]))
            else:
                tree = EtherType(ETHERTYPES[word])
            if self.peek() in ("src", "dst", "host", "net", "port", "portrange"):
                return And(tree, self.qualified(self.take()))
            return tree
        if word == "ether":
            return self.ether()
        if word in ("broadcast", "multicast"):
            return Multicast(word == "broadcast")
        if word in ("less", "greater"):
            return Length(self.number(1 << 30), word == "greater")
        return self.qualified(word)

    def qualified(self, word):
        direction = ""
        if word in ("src", "dst"):
            direction = word
            word = self.take()
            if word == "or" and self.peek() in ("src", "dst"):
                self.index += 1
                direction = ""
                word = self.take()
        if word == "port":
            port = self.port(self.take())
            return Port(port, port, direction)
        if word == "portrange":
            first, dash, last = self.take().partition("-")
            if not dash:
                raise FilterError("syntax error in filter expression: portrange needs FIRST-LAST")
            return Port(self.port(first), self.port(last), direction)
        if word == "net":
            parsed = parse_prefix(self.take())
            if parsed is None:
                raise FilterError("syntax error in filter expression: net needs A.B.C.D/N")
            return Net(parse_quad(parsed[0]), parsed[1], direction)
        if word == "proto":
            return Protocol(self.number(255))
        return self.host(self.take() if word == "host" else word, direction)

    def host(self, name, direction):
        address = parse_quad(name)
        if address < 0:
            found = self.resolve(name) if name.replace("-", "").replace(".", "").isalnum() else None
            if found is None:
                raise FilterError(f"unknown host or keyword '{name}' in filter expression")
            address = parse_quad(found)
        return Net(address, 32, direction)

    def ether(self):
        direction = ""
        word = self.take()
        if word in ("src", "dst"):
            direction = word
            word = self.take()
        if word in ("host", "src", "dst"):
            word = self.take()
        elif word == "proto":
            return EtherType(self.number(0xFFFF))
        elif word in ("broadcast", "multicast"):
            return Multicast(word == "broadcast")
        address = libc.ether_aton(word)
        if address is None:
            raise FilterError(f"'{word}' is not an Ethernet address")
        return EtherHost(address, direction)

    def number(self, limit):
        word = self.take()
        digits = word.removeprefix("0x")
        base = 16 if word.startswith("0x") else 10
        if not digits or len(digits) > 9 or any(c not in "0123456789abcdefABCDEF"[: 10 if base == 10 else 22] for c in digits):
            raise FilterError(f"'{word}' is not a number")
        if int(digits, base) > limit:
            raise FilterError(f"'{word}' is too large")
        return int(digits, base)

    def port(self, word):
        if word.isascii() and word.isdigit() and len(word) < 6 and int(word) < 65536:
            return int(word)
        service = libc.getservbyname(word) if word.isalpha() else None
        if service is None:
            raise FilterError(f"unknown port '{word}' in filter expression")
        return service.s_port


def first_address(name):
    found = libc.gethostbyname(name)
    return libc.inet_ntoa(found.h_addr_list[0]) if found is not None else None


def compile_filter(text, resolve=first_address):
    """The tree for an expression; FilterError when it is none."""
    return Compiler(text, resolve).compile()
