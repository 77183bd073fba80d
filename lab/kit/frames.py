"""Frames from layers, and matchers from the same layers.

    frame = bytes(eth(dst=MAC) / ip(src="10.0.0.2", dst="10.0.0.1") / udp(sport=9, dport=9) / raw(b"hello"))
    wanted = eth(dst=MAC) / ip(proto=17) / udp(dport=9)
    kit.end.expect(wanted.matches)
    assert_frame(frame, wanted & ~vlan(id=5) & length(60, 64))

Built, a layer fills what was left open: lengths, checksums, types of what follows.  As a matcher it compares only what was
given.  The formats are construct's: IEEE 802.3, 802.1Q, RFC 791, 768, 9293, 792, 826.
"""

import socket
import struct

from construct import BitsInteger, BitStruct, Bytes, ConstructError, Int8ub, Int16ub, Int32ub, Struct

ETH_P_IP = 0x0800
ETH_P_ARP = 0x0806
ETH_P_8021Q = 0x8100
ICMP, TCP, UDP = 1, 6, 17
BROADCAST = b"\xff" * 6
MINIMUM = 60
STATION = b"\x52\x54\x00\x12\x34\x56"
PEER = b"\x02\x00\x00\x00\x00\xaa"

Ethernet = Struct("dst" / Bytes(6), "src" / Bytes(6), "type" / Int16ub)
Vlan = Struct("tag" / BitStruct("priority" / BitsInteger(3), "dei" / BitsInteger(1), "id" / BitsInteger(12)), "type" / Int16ub)
Ip = Struct(
    "first" / BitStruct("version" / BitsInteger(4), "ihl" / BitsInteger(4)),
    "tos" / Int8ub, "length" / Int16ub, "id" / Int16ub, "fragment" / Int16ub, "ttl" / Int8ub, "proto" / Int8ub,
    "checksum" / Int16ub, "src" / Bytes(4), "dst" / Bytes(4),
)  # fmt: skip
Udp = Struct("sport" / Int16ub, "dport" / Int16ub, "length" / Int16ub, "checksum" / Int16ub)
Tcp = Struct(
    "sport" / Int16ub, "dport" / Int16ub, "seq" / Int32ub, "ack" / Int32ub,
    "word" / BitStruct("offset" / BitsInteger(4), "reserved" / BitsInteger(3), "flags" / BitsInteger(9)),
    "window" / Int16ub, "checksum" / Int16ub, "urgent" / Int16ub,
)  # fmt: skip
Icmp = Struct("type" / Int8ub, "code" / Int8ub, "checksum" / Int16ub, "id" / Int16ub, "seq" / Int16ub)
Arp = Struct(
    "hardware" / Int16ub, "protocol" / Int16ub, "hlen" / Int8ub, "plen" / Int8ub, "op" / Int16ub,
    "sha" / Bytes(6), "spa" / Bytes(4), "tha" / Bytes(6), "tpa" / Bytes(4),
)  # fmt: skip


def internet_checksum(data):
    """The ones' complement of the ones' complement sum of `data` (RFC 1071), the slow and plain way."""
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(value):
    """An IPv4 address as bytes, from those or from dotted text."""
    return socket.inet_aton(value) if isinstance(value, str) else bytes(value)


# --- matchers ---


class Matcher:
    """`mismatch(frame)` says why a frame is not what was asked for, "" when it is.  &, | and ~ combine."""

    def mismatch(self, frame):
        raise NotImplementedError

    def matches(self, frame):
        return not self.mismatch(frame)

    def __and__(self, other):
        return AllOf(self, other)

    def __or__(self, other):
        return AnyOf(self, other)

    def __invert__(self):
        return NoneOf(self)


class AllOf(Matcher):
    def __init__(self, *parts):
        self.parts = parts

    def mismatch(self, frame):
        return next((why for part in self.parts if (why := part.mismatch(frame))), "")


class AnyOf(Matcher):
    def __init__(self, *parts):
        self.parts = parts

    def mismatch(self, frame):
        reasons = [part.mismatch(frame) for part in self.parts]
        return "" if "" in reasons else "; ".join(reasons)


class NoneOf(Matcher):
    def __init__(self, part):
        self.part = part

    def mismatch(self, frame):
        return "" if self.part.mismatch(frame) else f"{self.part!r} matches"


class length(Matcher):
    """From `low` to `high` bytes long, without FCS."""

    def __init__(self, low, high=None):
        self.low, self.high = low, low if high is None else high

    def mismatch(self, frame):
        return "" if self.low <= len(frame) <= self.high else f"{len(frame)} bytes, expected {self.low} to {self.high}"


class contains(Matcher):
    """Has `data` somewhere."""

    def __init__(self, data):
        self.data = bytes(data)

    def mismatch(self, frame):
        return "" if self.data in frame else f"no {self.data[:16]!r} in it"


def assert_frame(frame, matcher):
    """Assert that a frame is what `matcher` asks for."""
    why = matcher.mismatch(frame)
    assert not why, f"{why}\n{frame.hex(' ')}"


# --- layers ---


class Stack(Matcher):
    """Layers one in the other, outermost first."""

    def __init__(self, layers):
        self.layers = layers

    def __truediv__(self, inner):
        return Stack([*self.layers, *inner.layers])

    def __bytes__(self):
        data = b""
        for place in range(len(self.layers) - 1, -1, -1):
            outer = self.layers[place - 1] if place else None
            inner = self.layers[place + 1] if place + 1 < len(self.layers) else None
            data = self.layers[place].build(data, outer, inner)
        return data

    def __len__(self):
        return len(bytes(self))

    def mismatch(self, frame):
        rest = bytes(frame)
        for layer in self.layers:
            why, rest = layer.compare(rest)
            if why:
                return why
        return ""

    def __repr__(self):
        return " / ".join(layer.text() for layer in self.layers)


class Layer(Stack):
    """One layer: `fields` are what was given."""

    name = ""
    code = 0

    def __init__(self, fields):
        self.fields = {name: value for name, value in fields.items() if value is not None}
        Stack.__init__(self, [self])

    def text(self):
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"

    def build(self, payload, outer, inner):
        """Header and payload as bytes."""
        raise NotImplementedError

    def parse(self, data):
        """(fields by name, what follows the header)."""
        raise NotImplementedError

    def compare(self, data):
        """("" or why not, what follows)."""
        try:
            found, rest = self.parse(data)
        except (ConstructError, ValueError) as error:
            return f"no {self.name}: {str(error).splitlines()[-1]}", b""
        for name, wanted in self.fields.items():
            if found[name] != wanted:
                return f"{self.name} {name} is {shown(found[name])}, expected {shown(wanted)}", b""
        return "", rest


def shown(value):
    return value.hex(":") if isinstance(value, bytes) else f"{value:#x}" if isinstance(value, int) else repr(value)


class eth(Layer):
    """Ethernet: `dst` and `src` 6 bytes, `type` of what follows.  Built, it is padded to 60 bytes (not with pad=False)."""

    name = "eth"

    def __init__(self, dst=None, src=None, type=None, pad=True):
        super().__init__({"dst": dst, "src": src, "type": type})
        self.pad = pad

    def build(self, payload, outer, inner):
        header = Ethernet.build({"dst": STATION, "src": PEER, "type": inner.code if inner else 0x88B5, **self.fields})
        return (header + payload).ljust(MINIMUM if self.pad else 0, b"\0")

    def parse(self, data):
        return Ethernet.parse(data), data[14:]


class vlan(Layer):
    """An 802.1Q tag: `id`, `priority`."""

    name = "vlan"
    code = ETH_P_8021Q

    def __init__(self, id=None, priority=None, type=None):
        super().__init__({"id": id, "priority": priority, "type": type})

    def build(self, payload, outer, inner):
        tag = {"priority": self.fields.get("priority", 0), "dei": 0, "id": self.fields.get("id", 1)}
        kind = self.fields.get("type", inner.code if inner else 0x88B5)
        return Vlan.build({"tag": tag, "type": kind}) + payload

    def parse(self, data):
        parsed = Vlan.parse(data)
        return {"id": parsed.tag.id, "priority": parsed.tag.priority, "type": parsed.type}, data[4:]


class ip(Layer):
    """IPv4 without options.  As a matcher it also wants a right header checksum."""

    name = "ip"
    code = ETH_P_IP

    def __init__(self, src=None, dst=None, proto=None, id=None, ttl=None, fragment=None, tos=None):
        fields = {"proto": proto, "id": id, "ttl": ttl, "fragment": fragment, "tos": tos}
        fields["src"] = None if src is None else address(src)
        fields["dst"] = None if dst is None else address(dst)
        super().__init__(fields)

    def build(self, payload, outer, inner):
        fields = {
            "first": {"version": 4, "ihl": 5}, "tos": 0, "length": 20 + len(payload), "id": 1, "fragment": 0x4000, "ttl": 64,
            "proto": inner.code if inner else 253, "checksum": 0, "src": address("10.0.0.2"), "dst": address("10.0.0.1"),
            **self.fields,
        }  # fmt: skip
        fields["checksum"] = internet_checksum(Ip.build(fields))
        return Ip.build(fields) + payload

    def addresses(self):
        return self.fields.get("src", address("10.0.0.2")), self.fields.get("dst", address("10.0.0.1"))

    def parse(self, data):
        parsed = Ip.parse(data)
        header = parsed.first.ihl * 4
        if parsed.first.version != 4 or header < 20 or parsed.length < header or parsed.length > len(data):
            raise ValueError("not an IPv4 header")
        if internet_checksum(data[:header]):
            raise ValueError("the header checksum is wrong")
        return parsed, data[header : parsed.length]


def pseudo_header(outer, proto, length_):
    """What TCP and UDP sum in front of themselves; nothing without IP around."""
    if not isinstance(outer, ip):
        return b""
    source, destination = outer.addresses()
    return source + destination + struct.pack(">BBH", 0, proto, length_)


class udp(Layer):
    """UDP; its checksum is filled in from the IP layer around it."""

    name = "udp"
    code = UDP

    def __init__(self, sport=None, dport=None, length=None, checksum=None):
        super().__init__({"sport": sport, "dport": dport, "length": length, "checksum": checksum})

    def build(self, payload, outer, inner):
        fields = {"sport": 4000, "dport": 4001, "length": 8 + len(payload), "checksum": 0, **self.fields}
        if "checksum" not in self.fields:
            whole = Udp.build(fields) + payload
            fields["checksum"] = internet_checksum(pseudo_header(outer, UDP, len(whole)) + whole) or 0xFFFF
        return Udp.build(fields) + payload

    def parse(self, data):
        return Udp.parse(data), data[8:]


class tcp(Layer):
    """TCP without options; its checksum is filled in from the IP layer around it."""

    name = "tcp"
    code = TCP

    def __init__(self, sport=None, dport=None, seq=None, ack=None, flags=None, window=None, checksum=None):
        fields = {"sport": sport, "dport": dport, "seq": seq, "ack": ack, "flags": flags, "window": window}
        super().__init__({**fields, "checksum": checksum})

    def build(self, payload, outer, inner):
        given = dict(self.fields)
        word = {"offset": 5, "reserved": 0, "flags": given.pop("flags", 0x10)}
        fields = {"sport": 4000, "dport": 4001, "seq": 1, "ack": 1, "word": word, "window": 8192, "checksum": 0, "urgent": 0}
        fields.update(given)
        if "checksum" not in given:
            whole = Tcp.build(fields) + payload
            fields["checksum"] = internet_checksum(pseudo_header(outer, TCP, len(whole)) + whole)
        return Tcp.build(fields) + payload

    def parse(self, data):
        parsed = Tcp.parse(data)
        header = parsed.word.offset * 4
        if header < 20 or header > len(data):
            raise ValueError("not a TCP header")
        return {**parsed, "flags": parsed.word.flags}, data[header:]


class icmp(Layer):
    """ICMP echo and its kin."""

    name = "icmp"
    code = ICMP

    def __init__(self, type=None, code=None, id=None, seq=None):
        super().__init__({"type": type, "code": code, "id": id, "seq": seq})

    def build(self, payload, outer, inner):
        fields = {"type": 8, "code": 0, "checksum": 0, "id": 1, "seq": 1, **self.fields}
        fields["checksum"] = internet_checksum(Icmp.build(fields) + payload)
        return Icmp.build(fields) + payload

    def parse(self, data):
        if internet_checksum(data):
            raise ValueError("the checksum is wrong")
        return Icmp.parse(data), data[8:]


class arp(Layer):
    """ARP for IPv4 over Ethernet."""

    name = "arp"
    code = ETH_P_ARP

    def __init__(self, op=None, sha=None, spa=None, tha=None, tpa=None):
        spa, tpa = (None if value is None else address(value) for value in (spa, tpa))
        super().__init__({"op": op, "sha": sha, "spa": spa, "tha": tha, "tpa": tpa})

    def build(self, payload, outer, inner):
        fields = {
            "hardware": 1, "protocol": ETH_P_IP, "hlen": 6, "plen": 4, "op": 1, "sha": PEER, "spa": address("10.0.0.2"),
            "tha": bytes(6), "tpa": address("10.0.0.1"), **self.fields,
        }  # fmt: skip
        return Arp.build(fields) + payload

    def parse(self, data):
        return Arp.parse(data), data[28:]


class raw(Layer):
    """Plain bytes.  As a matcher: what follows begins with them."""

    name = "raw"
    code = 0x88B5

    def __init__(self, data=b""):
        super().__init__({})
        self.data = bytes(data)

    def text(self):
        return f"raw({len(self.data)} bytes)"

    def build(self, payload, outer, inner):
        return self.data + payload

    def parse(self, data):
        if not data.startswith(self.data):
            raise ValueError(f"the payload begins with {data[:16]!r}, expected {self.data[:16]!r}")
        return {}, data[len(self.data) :]
