"""Where two kernels' outcomes of one sequence differ, apart from what no two kernels have in common."""

from dataclasses import dataclass

from .private import ANY_PORT, EPHEMERAL, kinds, private_places


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


def shared(step, kind, changes, ports):
    """What a call changed, without what is each kernel's own."""
    found = bytes_of(changes)
    for at in list(private_places(step, kind, found, ports)):
        found.pop(at, None)
    return found


def compare(sequence, host, ours):
    """The first Difference, or None."""
    if len(host) != len(ours):
        return Difference(len(ours), "the end", len(host), len(ours))
    kind_of = kinds(sequence, host)
    ports = ANY_PORT if "ping" in kind_of else EPHEMERAL
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
        if theirs.changes == mine.changes:
            continue
        kind = kind_of[index]
        if shared(step, kind, theirs.changes, ports) != shared(step, kind, mine.changes, ports):
            return Difference(index, f"{step.call}: memory", shown(theirs.changes), shown(mine.changes))
    return None


def shown(changes):
    return " ".join(f"[{offset:#x}]={data.hex()}" for offset, data in changes) or "unchanged"
