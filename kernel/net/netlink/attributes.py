"""Netlink messages as bytes: headers and attributes, made and taken apart (netlink(7), <linux/netlink.h>).

All numbers are in host order (little-endian) unless a type says otherwise; everything is padded to four bytes.
"""

from struct import Struct

from kernel.uapi.netlink import NLA_HDRLEN, NLA_TYPE_MASK, NLMSG_HDRLEN

NLMSGHDR = Struct("<IHHII")
NLATTR = Struct("<HH")


def align(length):
    """`length` rounded up to a multiple of four."""
    return (length + 3) & ~3


def nlmsg(type, flags, seq, portid, payload):
    """A whole message with its header, padded."""
    length = NLMSG_HDRLEN + len(payload)
    return NLMSGHDR.pack(length, type, flags, seq, portid) + payload + bytes(align(length) - length)


def nla(type, data):
    """An attribute with these bytes."""
    length = NLA_HDRLEN + len(data)
    return NLATTR.pack(length, type) + data + bytes(align(length) - length)


def nla_u8(type, value):
    return nla(type, bytes([value & 0xFF]))


def nla_u16(type, value):
    return nla(type, (value & 0xFFFF).to_bytes(2, "little"))


def nla_u32(type, value):
    return nla(type, (value & 0xFFFFFFFF).to_bytes(4, "little"))


def nla_address(type, address):
    """An IPv4 address, in network order."""
    return nla(type, address.to_bytes(4, "big"))


def nla_string(type, text):
    """A string with its null byte."""
    return nla(type, text.encode("latin-1") + b"\0")


def nla_parse(data):
    """{type: bytes} of a row of attributes (the last of a type counts), None when a length lies."""
    found = {}
    position = 0
    while len(data) - position >= NLA_HDRLEN:
        length, type = NLATTR.unpack_from(data, position)
        if length < NLA_HDRLEN or length > len(data) - position:
            return None
        found[type & NLA_TYPE_MASK] = bytes(data[position + NLA_HDRLEN : position + length])
        position += align(length)
    return found


def u32(data):
    return int.from_bytes(data[:4], "little")


def s32(data):
    return int.from_bytes(data[:4], "little", signed=True)


def address(data):
    """An IPv4 address as a host-order integer."""
    return int.from_bytes(data[:4], "big")


def string(data):
    """The text of a string attribute, up to its null byte."""
    return data.partition(b"\0")[0].decode("latin-1")
