"""Byte order and addresses: <arpa/inet.h>, and sockaddr_in and sockaddr_ll as bytes.

Address numbers (`in_addr_t`) are in network byte order in C; here they are plain integers whose most significant
byte is the first of the dotted quad, and the packing functions write them big-endian.
"""

from userland.abi.errno import EAFNOSUPPORT
from userland.abi.layout import SOCKADDR_LL
from userland.abi.socket import AF_INET, AF_PACKET, AF_UNIX, INADDR_NONE
from userland.libc.crt import set_errno


def htons(value):
    """uint16_t htons(uint16_t hostshort)"""
    return (value & 0xFF) << 8 | value >> 8 & 0xFF


def htonl(value):
    """uint32_t htonl(uint32_t hostlong)"""
    return int.from_bytes((value & 0xFFFFFFFF).to_bytes(4, "little"), "big")


def ntohs(value):
    """uint16_t ntohs(uint16_t netshort)"""
    return htons(value)

def ntohl(value):
    """uint32_t ntohl(uint32_t netlong)"""
    return htonl(value)



def number(text):
    """One C number: decimal, 0x hexadecimal, 0 octal; -1 for anything else."""
    base = 10
    digits = text
    if text[:2] in ("0x", "0X"):
        base, digits = 16, text[2:]
    elif len(text) > 1 and text[0] == "0":
        base, digits = 8, text[1:]
    allowed = "0123456789abcdef"[:base]
    if not digits or len(digits.lstrip("0")) > 12 or any(c not in allowed for c in digits.lower()):
        return -1
    return int(digits, base)


def parse_aton(text):
    """The address as an integer in the notations of inet_aton (a.b.c.d, a.b.c, a.b, a; any C base), or -1."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4:
        return -1
    numbers = [number(part) for part in parts]
    last_limit = 1 << 8 * (5 - len(parts))
    if any(n < 0 or n > 255 for n in numbers[:-1]) or not 0 <= numbers[-1] < last_limit:
        return -1
    value = numbers[-1]
    for index, n in enumerate(numbers[:-1]):
        value |= n << 8 * (3 - index)
    return value


def parse_quad(text):
    """The address as an integer if `text` is a strict dotted quad (inet_pton's notation), else -1."""
    parts = text.split(".")
    if len(parts) != 4:
        return -1
    value = 0
    for part in parts:
        if not (1 <= len(part) <= 3 and part.isascii() and part.isdigit()) or int(part) > 255:
            return -1
        if len(part) > 1 and part[0] == "0":
            return -1
        value = value << 8 | int(part)
    return value


def format_quad(value):
    """An address integer as a dotted quad."""
    return f"{value >> 24 & 255}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def inet_aton(text):
    """int inet_aton(const char *cp, struct in_addr *inp): the four bytes, or None where C returns 0."""
    value = parse_aton(text)
    return None if value < 0 else value.to_bytes(4, "big")


def inet_addr(text):
    """in_addr_t inet_addr(const char *cp): the address as an integer, INADDR_NONE for bad input."""
    value = parse_aton(text)
    return INADDR_NONE if value < 0 else value


def inet_ntoa(packed):
    """char *inet_ntoa(struct in_addr in): `packed` is four bytes or an address integer."""
    return format_quad(packed if isinstance(packed, int) else int.from_bytes(packed[:4], "big"))


def inet_pton(family, text):
    """int inet_pton(int af, const char *src, void *dst): the bytes, None for bad text, -1 (errno) for a bad family."""
    if family != AF_INET:
        return set_errno(EAFNOSUPPORT)
    value = parse_quad(text)
    return None if value < 0 else value.to_bytes(4, "big")


def inet_ntop(family, packed):
    """const char *inet_ntop(int af, const void *src, ...): the text, or None (errno) for a bad family."""
    if family != AF_INET or len(packed) != 4:
        set_errno(EAFNOSUPPORT)
        return None
    return inet_ntoa(packed)


def sockaddr_in(host="0.0.0.0", port=0):
    """struct sockaddr_in as 16 bytes; `host` is a dotted quad or an address integer, `port` in host order."""
    value = host if isinstance(host, int) else parse_quad(host)
    if not 0 <= value <= 0xFFFFFFFF or not 0 <= port <= 65535:
        raise ValueError(f"not an IPv4 address and port: {host}:{port}")
    return AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + value.to_bytes(4, "big") + bytes(8)


def sockaddr_in_pair(raw):
    """(dotted quad, port) of a struct sockaddr_in."""
    return format_quad(int.from_bytes(raw[4:8], "big")), int.from_bytes(raw[2:4], "big")


def sockaddr_family(raw):
    """sa_family of any sockaddr; AF_UNSPEC (0) when it is empty."""
    return int.from_bytes(raw[:2], "little")


def sockaddr_ll(ifindex, protocol=0, address=b"", hatype=0, pkttype=0):
    """struct sockaddr_ll as 20 bytes; `protocol` (ETH_P_*) in host order."""
    return SOCKADDR_LL.pack(
        AF_PACKET, protocol.to_bytes(2, "big"), ifindex, hatype, pkttype, len(address), bytes(address)
    )


def sockaddr_ll_fields(raw):
    """(ifindex, protocol, hatype, pkttype, address bytes) of a struct sockaddr_ll."""
    _, protocol, ifindex, hatype, pkttype, halen, address = SOCKADDR_LL.unpack(raw[: SOCKADDR_LL.size])
    return ifindex, int.from_bytes(protocol, "big"), hatype, pkttype, address[: min(halen, 8)]


def sockaddr_un(path):
    """struct sockaddr_un: a path (str), or the bytes of an abstract name behind a NUL, or b"" for none."""
    family = AF_UNIX.to_bytes(2, "little")
    return family + (path.encode("utf-8", "surrogateescape") + b"\0" if isinstance(path, str) else path)


def ether_ntoa(address):
    """A hardware address in Linux's notation, two hex digits a byte."""
    return ":".join(f"{byte:02x}" for byte in address)


def ether_aton(text):
    """struct ether_addr *ether_aton(const char *asc): six bytes, or None for bad text."""
    parts = text.split(":")
    if len(parts) != 6 or any(not 1 <= len(p) <= 2 or any(c not in "0123456789abcdefABCDEF" for c in p) for p in parts):
        return None
    return bytes(int(part, 16) for part in parts)
