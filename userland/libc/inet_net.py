"""Addresses with classes (RFC 791 section 3.2) and with prefix lengths: the rest of <arpa/inet.h>; inet(3), inet_net_pton(3).

Networks and hosts are numbers in host byte order; addresses are numbers as inet_addr gives them, the quad read big-endian.
"""

from userland.abi.errno import EAFNOSUPPORT, EINVAL, EMSGSIZE, ENOENT
from userland.abi.socket import AF_INET
from userland.libc.crt import set_errno
from userland.libc.inet import format_quad, number

INADDR_NONE = 0xFFFFFFFF
# By the class's first bit pattern: (what the first byte is below, bits of the host part).
CLASSES = ((0x80, 24), (0xC0, 16), (0x100, 8))


def host_bits(address):
    """The bits of the host part in the class of an address."""
    return next(bits for limit, bits in CLASSES if address >> 24 < limit)


def inet_network(text):
    """in_addr_t inet_network(const char *cp): `a.b.c.d`, fewer parts for smaller numbers; -1 for what is none."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4:
        return -1
    value = 0
    for part in parts:
        byte = number(part)
        if not 0 <= byte <= 255:
            return -1
        value = value << 8 | byte
    return value


def inet_makeaddr(net, host):
    """struct in_addr inet_makeaddr(in_addr_t net, in_addr_t host): the address of a host in a network of its class."""
    bits = 24 if net < 128 else 16 if net < 65536 else 8 if net < 1 << 24 else 0
    return (net << bits | host & ((1 << bits) - 1) if bits else net | host) & 0xFFFFFFFF


def inet_lnaof(address):
    """in_addr_t inet_lnaof(struct in_addr in): the host part of an address."""
    return address & ((1 << host_bits(address)) - 1)


def inet_netof(address):
    """in_addr_t inet_netof(struct in_addr in): the network part of an address."""
    return address >> host_bits(address)


def inet_net_pton(family, text):
    """int inet_net_pton(int af, const char *src, void *dst, size_t size): (prefix length, four bytes), or -1.

    `10/8`, `192.0.2.0/24`, `0xC0A8/16`; without a length that of the class, or of as many bytes as are given.
    ENOENT for what is no network, EMSGSIZE for more bytes or a longer prefix than there are, EAFNOSUPPORT.
    """
    if family != AF_INET:
        return set_errno(EAFNOSUPPORT)
    address, slash, length = text.partition("/")
    raw = network_bytes(address)
    if raw is None or (slash and (not length.isascii() or not length.isdigit())):
        return set_errno(ENOENT)
    if len(raw) > 4 or (slash and int(length[:9]) > 32):
        return set_errno(EMSGSIZE)
    if slash:
        bits = int(length)
    else:
        first = raw[0]
        bits = 32 if first >= 240 else 4 if first >= 224 else 24 if first >= 192 else 16 if first >= 128 else 8
        bits = max(bits, 8 * len(raw)) if first < 224 else bits
    return bits, raw.ljust(4, b"\0")


def network_bytes(text):
    """The bytes that a network's number names, one or more, or None."""
    if text[:2].lower() == "0x":
        digits = text[2:]
        if not digits or any(char not in "0123456789abcdefABCDEF" for char in digits):
            return None
        return bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "0")
    parts = text.split(".")
    if any(not part.isascii() or not part.isdigit() or len(part) > 3 or int(part) > 255 for part in parts):
        return None
    return bytes(int(part) for part in parts)


def inet_net_ntop(family, raw, bits):
    """char *inet_net_ntop(int af, const void *src, int bits, char *dst, size_t size): `192.0.2/24`, or None.

    As many bytes as the length needs; EINVAL for a length that no network has, EAFNOSUPPORT.
    """
    if family != AF_INET:
        set_errno(EAFNOSUPPORT)
        return None
    if not 0 <= bits <= 32:
        set_errno(EINVAL)
        return None
    if bits == 0:
        return "0/0"
    value = int.from_bytes(raw[:4].ljust(4, b"\0"), "big") & (0xFFFFFFFF << (32 - bits))
    return ".".join(format_quad(value & 0xFFFFFFFF).split(".")[: (bits + 7) // 8]) + f"/{bits}"
