"""What calls point to: addresses, vectors, message headers, control messages, and where in the page each of them lies."""

import struct

from .sequence import PAGE, Poke, Ptr

# The page: a name that goes in, its length, data, an iovec, control data, a msghdr, a name that comes out, its length.
NAME, DATA, VECTOR, CONTROL, HEADER, OUT, OUT_LENGTH, SMALL = 0x000, 0x100, 0x900, 0xA00, 0xC00, 0xE00, 0xEF0, 0xF00
DATA_ROOM = VECTOR - DATA
CONTROL_ROOM = HEADER - CONTROL
AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 = 0, 1, 2, 10
DGRAM, RAW = 2, 3
ICMP, TCP, UDP = 1, 6, 17
SOL_IP, SOL_SOCKET = 0, 1
SCM_RIGHTS, SCM_CREDENTIALS = 1, 2
IP_TOS, IP_TTL, IP_RETOPTS, IP_PKTINFO = 1, 2, 7, 8
MSGHDR_SIZE, MMSGHDR_SIZE = 56, 64
# Ports that a sequence binds lie below the ephemeral ones, and each sequence has its own for a while.
FIRST_PORT, PORTS, PORT_SPAN = 2000, 8, 28000


def loopback(number, host):
    """Address `host` (0 to 253) of the sequence with that number, host order: no other sequence has it."""
    return 0x7F000001 + ((number % 0x7EFE + 1) << 8) + host


def port(number, index):
    """Port `index` of the sequence with that number."""
    return FIRST_PORT + (number * PORTS) % PORT_SPAN + index % PORTS


def sockaddr_in(address, number, family=AF_INET, padding=bytes(8)):
    return struct.pack("<H", family) + number.to_bytes(2, "big") + address.to_bytes(4, "big") + padding


def sockaddr_un(path):
    return struct.pack("<H", AF_UNIX) + path


def iovec(pairs):
    """The parts of an iovec array out of (address, length) pairs."""
    parts = []
    for address, length in pairs:
        parts += [pointer(address), struct.pack("<Q", length & (1 << 64) - 1)]
    return tuple(parts)


def pointer(address):
    """An address as part of a poke: symbolic, or eight bytes."""
    return (address & (1 << 64) - 1).to_bytes(8, "little") if isinstance(address, int) else address


def msghdr(name, name_length, vector, count, control, control_length, flags=0):
    """The parts of a struct msghdr."""
    return (
        pointer(name), struct.pack("<i4x", name_length), pointer(vector), struct.pack("<Q", count & (1 << 64) - 1),
        pointer(control), struct.pack("<Qi4x", control_length & (1 << 64) - 1, flags),
    )  # fmt: skip


def cmsg(level, kind, parts, length=None):
    """The parts of one control message, padded to 8 bytes."""
    size = sum(len(part) if isinstance(part, bytes) else 4 for part in parts)
    head = struct.pack("<Qii", (16 + size if length is None else length) & (1 << 64) - 1, level, kind)
    return (head, *parts, bytes(-size % 8))


def letters(random, size):
    """Data to send: bytes that the pattern of the page is not among."""
    return bytes(97 + (random.randrange(26) + at) % 26 for at in range(min(size, 8))).ljust(size, b"z")


def word(value):
    return struct.pack("<I", value & 0xFFFFFFFF)


def length_poke(offset, value):
    return Poke(offset, (word(value),))


def wild(random):
    """An address that is nobody's, or the end of the page."""
    return random.choice((0, 0, 1, 8, -1, -4096, 1 << 45, 1 << 62, Ptr(PAGE), Ptr(PAGE - 1), Ptr(PAGE - 3)))
