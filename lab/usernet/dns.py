"""DNS answers from the host's own resolver, for a host whose /etc/resolv.conf names no server (RFC 1035 section 4).

Only what programs ask for most is answered: A and PTR; any other type has an empty answer.  Questions are looked up
in a worker thread, for getaddrinfo blocks.
"""

import ipaddress
import socket
import struct

HEADER = struct.Struct(">HHHHHH")
QUERY_MASK = 0xF800  # QR and opcode: a standard query has all of them clear
RECURSION_DESIRED = 0x0100
RESPONSE = 0x8180  # QR, RD, RA
FORMAT_ERROR, SERVER_FAILURE, NAME_ERROR, NOT_IMPLEMENTED = 1, 2, 3, 4
TYPE_A, TYPE_PTR, CLASS_IN = 1, 12, 1
TIME_TO_LIVE = 60
NAME_POINTER = 0xC00C  # to the question, right behind the header
REVERSE_SUFFIX = ".in-addr.arpa"
MOST_ANSWERS = 16


class Question:
    """One question: `name` without the last dot, `wire` its bytes as they stood."""

    def __init__(self, ident, name, kind, wire):
        self.ident = ident
        self.name = name
        self.kind = kind
        self.wire = wire


def error(message: bytes, code: int) -> bytes:
    """An answer without records to `message`, of which at least the id is there."""
    return HEADER.pack(int.from_bytes(message[:2], "big"), RESPONSE | code, 0, 0, 0, 0)


def parse(message: bytes) -> Question | bytes | None:
    """The question of a query; bytes: the answer to a query that is wrong; None: not a query at all."""
    if len(message) < HEADER.size:
        return None
    ident, flags, questions, _, _, _ = HEADER.unpack_from(message)
    if flags & 0x8000:
        return None
    if flags & QUERY_MASK:
        return error(message, NOT_IMPLEMENTED)
    labels = []
    at = HEADER.size
    while questions == 1 and at < len(message) and 0 < message[at] < 64:
        label = message[at + 1 : at + 1 + message[at]]
        labels.append(label.decode("ascii", "replace"))
        at += 1 + message[at]
    if questions != 1 or at + 5 > len(message) or message[at] != 0 or at - HEADER.size > 254:
        return error(message, FORMAT_ERROR)
    kind, family = struct.unpack_from(">HH", message, at + 1)
    if family != CLASS_IN:
        return error(message, NOT_IMPLEMENTED)
    return Question(ident, ".".join(labels), kind, message[HEADER.size : at + 5])


def encode_name(name: str) -> bytes:
    """A name as labels; b"" for one that can not be written."""
    labels = [label.encode("idna") if not label.isascii() else label.encode() for label in name.split(".") if label]
    if any(len(label) > 63 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        return b""
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def answer(question: Question) -> bytes:
    """Ask the host's resolver; blocks."""
    try:
        records = lookup(question)
    except socket.gaierror as problem:
        code = SERVER_FAILURE if problem.errno == socket.EAI_AGAIN else NAME_ERROR
        return HEADER.pack(question.ident, RESPONSE | code, 1, 0, 0, 0) + question.wire
    except (OSError, UnicodeError):
        return HEADER.pack(question.ident, RESPONSE | NAME_ERROR, 1, 0, 0, 0) + question.wire
    body = b"".join(
        struct.pack(">HHHIH", NAME_POINTER, question.kind, CLASS_IN, TIME_TO_LIVE, len(data)) + data
        for data in records
    )
    return HEADER.pack(question.ident, RESPONSE, 1, len(records), 0, 0) + question.wire + body


def lookup(question: Question) -> list[bytes]:
    """The record data for a question, in the resolver's order, each once."""
    name = question.name.lower()
    if question.kind == TYPE_A:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        return list(dict.fromkeys(socket.inet_aton(str(entry[4][0])) for entry in found))[:MOST_ANSWERS]
    if question.kind == TYPE_PTR and name.endswith(REVERSE_SUFFIX):
        parts = name.removesuffix(REVERSE_SUFFIX).split(".")
        try:
            address = ipaddress.IPv4Address(".".join(reversed(parts)))
        except ValueError:
            return []
        encoded = encode_name(socket.getnameinfo((str(address), 0), socket.NI_NAMEREQD)[0])
        return [encoded] if encoded else []
    return []
