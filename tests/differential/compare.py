"""Where two kernels' outcomes of one sequence differ, apart from what no two kernels have in common."""

import struct
from dataclasses import dataclass

from .sequence import PATTERN
from .shapes import CONTROL, CONTROL_ROOM

EPHEMERAL = range(32768, 61000)
# The identifier of a ping socket is its port, and Linux takes any for it.
ANY_PORT = range(1, 65536)
AF_INET, SOCK_DGRAM, IPPROTO_ICMP = 2, 2, 1
SOL_SOCKET = 1
# Control messages of SOL_SOCKET that carry a time or a process id: how many bytes of their data.
PRIVATE_CONTROL = {29: 16, 35: 16, 37: 48, 63: 16, 64: 16, 65: 48, 2: 4}


@dataclass(frozen=True)
class Difference:
    """The first step in which the results differ."""

    index: int
    what: str
    host: object
    ours: object

    def __str__(self):
        return f"step {self.index}, {self.what}: Linux {self.host}, ours {self.ours}"


def errno(result):
    return f"-{-result}" if result < 0 else f"{result}"


def bytes_of(changes):
    """Offset -> byte of what a call changed."""
    return {offset + at: byte for offset, data in changes for at, byte in enumerate(data)}


def has_ping(sequence):
    """True of a sequence that makes a ping socket."""
    for step in sequence.steps:
        if step.call == "socket" and (step.arguments[0], step.arguments[2]) == (AF_INET, IPPROTO_ICMP):
            kind = step.arguments[1]
            if isinstance(kind, int) and kind & 0xF == SOCK_DGRAM:
                return True
    return False


def private_ranges(step, found, ports):
    """The ranges of the page that are each kernel's own: those that the step names, ephemeral ports, times."""
    yield from step.masks
    for at in found:
        # A byte that is what was there before does not show as a change.
        port = found.get(at + 2, PATTERN) << 8 | found.get(at + 3, PATTERN)
        if found[at] == 2 and found.get(at + 1) == 0 and port in ports:
            yield at + 2, 2
    if step.call in ("recvmsg", "recvmmsg") and CONTROL in found:
        raw = bytes(found.get(CONTROL + at, 0xA5) for at in range(CONTROL_ROOM))
        at = 0
        while at + 16 <= CONTROL_ROOM:
            length, level, kind = struct.unpack_from("<Qii", raw, at)
            if not 16 <= length <= CONTROL_ROOM:
                break
            if level == SOL_SOCKET and kind in PRIVATE_CONTROL:
                yield CONTROL + at + 16, PRIVATE_CONTROL[kind]
            at += (length + 7) & ~7


def shared(step, changes, ports):
    """What a call changed, without what is each kernel's own."""
    found = bytes_of(changes)
    for offset, length in list(private_ranges(step, found, ports)):
        for at in range(offset, offset + length):
            found.pop(at, None)
    return found


def compare(sequence, host, ours):
    """The first Difference, or None."""
    if len(host) != len(ours):
        return Difference(len(ours), "the end", len(host), len(ours))
    ports = ANY_PORT if has_ping(sequence) else EPHEMERAL
    for index, step in enumerate(sequence.steps):
        theirs, mine = host[index], ours[index]
        if theirs == mine:
            continue
        if theirs.result != mine.result:
            return Difference(index, step.call, errno(theirs.result), errno(mine.result))
        if theirs.sigpipes != mine.sigpipes:
            return Difference(index, f"{step.call}: SIGPIPE", theirs.sigpipes, mine.sigpipes)
        if theirs.finished != mine.finished:
            return Difference(index, f"{step.call}: finished in step", theirs.finished, mine.finished)
        if theirs.changes != mine.changes and shared(step, theirs.changes, ports) != shared(step, mine.changes, ports):
            return Difference(index, f"{step.call}: memory", shown(theirs.changes), shown(mine.changes))
    return None


def shown(changes):
    return " ".join(f"[{offset:#x}]={data.hex()}" for offset, data in changes) or "unchanged"
