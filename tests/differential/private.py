"""What of the bytes that a call leaves in the page is each kernel's own: identifications, checksums, ephemeral ports, times."""

import struct

from . import options
from .sequence import PAGE, PATTERN, RESULT, Fd, Ptr
from .shapes import (
    AF_INET,
    AF_UNIX,
    CONTROL,
    CONTROL_ROOM,
    DGRAM,
    ICMP,
    MMSGHDR_SIZE,
    RAW,
    TCP,
    UDP,
)  # fmt: skip

EPHEMERAL = range(32768, 61000)
# The identifier of a ping socket is its port, and Linux takes any for it.
ANY_PORT = range(1, 65536)
SOL_SOCKET = 1
# Control messages of SOL_SOCKET that carry a time or a process id: how many bytes of their data.
PRIVATE_CONTROL = {29: 16, 35: 16, 37: 48, 63: 16, 64: 16, 65: 48, 2: 4}
# The name that the kernel gives a Unix socket: five hexadecimal digits behind a NUL.
DIGITS = 5
RECEIVING = {"read": 1, "recvfrom": 1, "readv": 1, "recvmsg": 1, "recvmmsg": 1}
IP_HEADER, ICMP_HEADER, LONGEST = 20, 8, 65536
# Types of ICMP messages that quote a packet.
ICMP_ERRORS = (3, 5, 11, 12)


def as_int(value):
    """An argument as a C int."""
    return (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000 if isinstance(value, int) else value


def kinds(sequence, outcomes):
    """For each step what its descriptor is: "raw", "ping" or ""."""
    numbers, slots, found = {}, {}, []
    for step, outcome in zip(sequence.steps, outcomes, strict=False):
        fd = step.arguments[0] if step.arguments else -1
        number = slots.get(fd.slot, -1) if isinstance(fd, Fd) else as_int(fd) if isinstance(fd, int) else -1
        kind = numbers.get(number, "")
        found.append(kind)
        if step.call == "close" and outcome.result == 0:
            numbers.pop(number, None)
        if step.makes == RESULT:
            slots[step.slot] = outcome.result
            if outcome.result >= 0:
                numbers[outcome.result] = made(step, kind)
    return found


def made(step, kind):
    """The kind of the descriptor that a step makes out of one of `kind`."""
    if step.call in ("dup", "dup2", "dup3", "fcntl"):
        return kind
    family, base, protocol = (as_int(value) for value in (*step.arguments, 0, 0, 0)[:3])
    if step.call != "socket" or family != AF_INET or not isinstance(base, int):
        return ""
    return "raw" if base & 0xF == RAW else "ping" if (base & 0xF, protocol) == (DGRAM, ICMP) else ""


class Image:
    """The page as a call finds it: bytes, and which places hold the address of another one."""

    def __init__(self, step):
        self.page = bytearray([PATTERN]) * PAGE
        self.pointers = {}
        for poke in step.pokes:
            at = poke.offset
            for part in poke.parts:
                if isinstance(part, bytes):
                    self.page[at : at + len(part)] = part
                    at += len(part)
                elif isinstance(part, Fd):
                    at += 4
                else:
                    if isinstance(part, Ptr):
                        self.pointers[at] = part.offset
                    at += 8

    def number(self, at):
        return struct.unpack_from("<Q", self.page, at)[0] if 0 <= at <= PAGE - 8 else 0

    def vector(self, at, count):
        """The (offset, length) of the buffers that an iovec array names; one that is not in the page is at -1."""
        places = [at + 16 * position for position in range(min(count & 0xFFFFFFFF, 1024))]
        return [(self.pointers.get(place, -1), self.number(place + 8)) for place in places if place <= PAGE - 16]


def messages(step):
    """For each message that a call receives the buffers into which it goes."""
    image = Image(step)
    at = step.arguments[1]
    if not isinstance(at, Ptr):
        return []
    at = at.offset
    if step.call in ("read", "recvfrom"):
        return [[(at, step.arguments[2])]] if isinstance(step.arguments[2], int) else []
    if step.call == "readv":
        return [image.vector(at, step.arguments[2])] if isinstance(step.arguments[2], int) else []
    count = 1 if step.call == "recvmsg" else 2
    headers = [at + MMSGHDR_SIZE * position for position in range(count)]
    return [image.vector(image.pointers.get(head + 16, PAGE), image.number(head + 24)) for head in headers]


def places(buffers, start, length):
    """Where in the page the bytes `start` to `start + length` of a message are."""
    for offset, size in buffers:
        taken = min(max(0, size - start), length)
        if taken and offset >= 0:
            yield from range(offset + start, min(offset + start + taken, PAGE))
        start, length = max(0, start - size), length - taken


def header_fields(kind, byte):
    """The (position, length) of what differs in the headers at the front of a message; `byte(position)` is one of its bytes."""
    if kind == "ping":
        return [(2, 4)]
    header = (byte(0) & 0xF) * 4
    fields = [(4, 2), (10, 2)]
    protocol = byte(9)
    if protocol == TCP:
        fields.append((header, LONGEST))
    elif protocol == UDP:
        fields += [(header, 4), (header + 6, 2)]
    elif protocol == ICMP:
        fields.append((header + 2, 4))
        if byte(header) in ICMP_ERRORS:
            quoted = header + ICMP_HEADER
            fields += [(quoted + 4, 2), (quoted + 10, 2), (quoted + IP_HEADER, 8)]
    return fields


def private_places(step, kind, found, ports):
    """The offsets in the page that are each kernel's own; `found` maps offsets to the bytes that a call has changed."""
    for offset, length in step.masks:
        yield from range(offset, offset + length)
    yield from private_names(found, ports)
    if step.call == "getsockopt" and (as_int(step.arguments[1]), as_int(step.arguments[2])) in options.PRIVATE:
        yield from range(step.arguments[3].offset, PAGE) if isinstance(step.arguments[3], Ptr) else ()
    if step.call in ("recvmsg", "recvmmsg") and CONTROL in found:
        yield from private_control(found)
    if kind and step.call in RECEIVING:
        for buffers in messages(step):

            def byte(position, buffers=buffers):
                return next((found.get(at, PATTERN) for at in places(buffers, position, 1)), 0)

            for start, length in header_fields(kind, byte):
                yield from places(buffers, start, length)


def private_names(found, ports):
    """Ephemeral ports, and the names of Unix sockets that their kernel has chosen."""
    for at in found:
        if found.get(at + 1) != 0:
            continue
        # A byte that is what was there before does not show as a change.
        port = found.get(at + 2, PATTERN) << 8 | found.get(at + 3, PATTERN)
        if found[at] == AF_INET and port in ports:
            yield from (at + 2, at + 3)
        digits = bytes(found.get(at + 3 + place, 0) for place in range(DIGITS))
        if found[at] == AF_UNIX and found.get(at + 2) == 0 and all(digit in b"0123456789abcdef" for digit in digits):
            yield from range(at + 3, at + 3 + DIGITS)


def private_control(found):
    """Times and process ids in control messages."""
    raw = bytes(found.get(CONTROL + at, PATTERN) for at in range(CONTROL_ROOM))
    at = 0
    while at + 16 <= CONTROL_ROOM:
        length, level, kind = struct.unpack_from("<Qii", raw, at)
        if not 16 <= length <= CONTROL_ROOM:
            break
        if level == SOL_SOCKET and kind in PRIVATE_CONTROL:
            yield from range(CONTROL + at + 16, CONTROL + at + 16 + PRIVATE_CONTROL[kind])
        at += (length + 7) & ~7
