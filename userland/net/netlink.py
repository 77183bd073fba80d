"""Netlink for programs: a socket, requests with their acknowledgements, dumps, notifications (netlink(7))."""

from struct import Struct

from userland import libc
from userland.abi import netlink as nl

NLMSGHDR = Struct("<IHHII")
NLATTR = Struct("<HH")
SOCKADDR_NL = Struct("<HxxII")
BUFFER = 32768


class NetlinkError(Exception):
    """The kernel refused: `number` is the errno, `text` its own words ("" without)."""

    def __init__(self, number, text=""):
        super().__init__(text or libc.strerror(number))
        self.number = number
        self.text = text


def align(length):
    """`length` rounded up to a multiple of four."""
    return (length + 3) & ~3


def attribute(kind, data):
    """An attribute with these bytes."""
    length = nl.NLA_HDRLEN + len(data)
    return NLATTR.pack(length, kind) + data + bytes(align(length) - length)


def u32_attribute(kind, value):
    return attribute(kind, (value & 0xFFFFFFFF).to_bytes(4, "little"))


def string_attribute(kind, text):
    return attribute(kind, text.encode("utf-8", "replace") + b"\0")


def parse_attributes(data):
    """{type: bytes} of a row of attributes; a length that lies ends it."""
    found = {}
    position = 0
    while len(data) - position >= nl.NLA_HDRLEN:
        length, kind = NLATTR.unpack_from(data, position)
        if length < nl.NLA_HDRLEN or length > len(data) - position:
            break
        found[kind & nl.NLA_TYPE_MASK] = bytes(data[position + nl.NLA_HDRLEN : position + length])
        position += align(length)
    return found


def number(data, default=0):
    """An attribute's bytes as a little-endian number."""
    return default if data is None else int.from_bytes(data, "little")


def text(data):
    """An attribute's bytes as a string up to its null byte."""
    return data.partition(b"\0")[0].decode("utf-8", "replace")


class Netlink:
    """A netlink socket of one protocol; a context manager."""

    def __init__(self, protocol=nl.NETLINK_ROUTE, groups=()):
        self.fd = libc.socket(libc.AF_NETLINK, libc.SOCK_RAW | libc.SOCK_CLOEXEC, protocol)
        if self.fd < 0:
            raise NetlinkError(libc.errno)
        libc.setsockopt(self.fd, nl.SOL_NETLINK, nl.NETLINK_EXT_ACK, 1)
        libc.bind(self.fd, SOCKADDR_NL.pack(libc.AF_NETLINK, 0, 0))
        for group in groups:
            libc.setsockopt(self.fd, nl.SOL_NETLINK, nl.NETLINK_ADD_MEMBERSHIP, group)
        self.sequence = 0
        self.buffer = bytearray(BUFFER)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        libc.close(self.fd)

    def send(self, kind, flags, payload):
        self.sequence += 1
        message = NLMSGHDR.pack(nl.NLMSG_HDRLEN + len(payload), kind, flags, self.sequence, 0) + payload
        if libc.sendto(self.fd, message, -1, 0, SOCKADDR_NL.pack(libc.AF_NETLINK, 0, 0)) < 0:
            raise NetlinkError(libc.errno)

    def receive(self):
        """[(type, flags, sequence, payload)] of one datagram; NetlinkError when a call fails (EINTR, ENOBUFS)."""
        length = libc.recvfrom(self.fd, self.buffer, -1, libc.MSG_TRUNC)
        if length < 0:
            raise NetlinkError(libc.errno)
        data = bytes(self.buffer[: min(length, BUFFER)])
        found = []
        position = 0
        while len(data) - position >= nl.NLMSG_HDRLEN:
            size, kind, flags, sequence, _ = NLMSGHDR.unpack_from(data, position)
            if size < nl.NLMSG_HDRLEN or size > len(data) - position:
                break
            found.append((kind, flags, sequence, data[position + nl.NLMSG_HDRLEN : position + size]))
            position += align(size)
        return found

    def answers(self):
        """Each (type, payload) that answers the last request, until its end; NetlinkError when it was refused."""
        while True:
            for kind, flags, sequence, payload in self.receive():
                if sequence != self.sequence:
                    continue
                if kind == nl.NLMSG_DONE:
                    return
                if kind == nl.NLMSG_ERROR:
                    refused(flags, payload)
                    return
                yield kind, payload

    def request(self, kind, flags, payload):
        """Ask for something to be done or told: [(type, payload)] of the answers before the acknowledgement."""
        self.send(kind, flags | nl.NLM_F_REQUEST | nl.NLM_F_ACK, payload)
        return list(self.answers())

    def dump(self, kind, payload):
        """Ask for everything: [(type, payload)]."""
        self.send(kind, nl.NLM_F_REQUEST | nl.NLM_F_DUMP, payload)
        return list(self.answers())


def refused(flags, payload):
    """Raise what an NLMSG_ERROR says, unless it says that all is well."""
    error = -int.from_bytes(payload[:4], "little", signed=True)
    if error == 0:
        return
    words = ""
    if flags & nl.NLM_F_ACK_TLVS:
        size = nl.NLMSG_HDRLEN if flags & nl.NLM_F_CAPPED else int.from_bytes(payload[4:8], "little")
        words = text(parse_attributes(payload[align(4 + size) :]).get(nl.NLMSGERR_ATTR_MSG, b""))
    raise NetlinkError(error, words)
