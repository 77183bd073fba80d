"""What both kernels are given: a sequence of steps, each one system call with symbolic descriptors and addresses.

A step first fills its task's page with a pattern, lays its pokes into it, makes the call, and keeps what the call
returned and which bytes of the page it changed.  A descriptor is named by the slot that the call which made it filled;
the slot of a call that failed holds -1.
"""

from dataclasses import dataclass, field, replace

PAGE = 4096
PATTERN = 0xA5
SLOTS = 32
# What a page that may only be read holds.
READONLY_BYTES = bytes(range(256)) * (PAGE // 256)
# How long a call may take before its task counts as blocked and, where nothing else can be done, is interrupted.
BLOCKED_AFTER_NS = 12_000_000


@dataclass(frozen=True)
class Fd:
    """The descriptor that is in a slot."""

    slot: int

    def __str__(self):
        return f"fd{self.slot}"


@dataclass(frozen=True)
class Ptr:
    """An address in the task's writable page; `offset` PAGE and beyond is not mapped."""

    offset: int

    def __str__(self):
        return f"page+{self.offset:#x}"


@dataclass(frozen=True)
class RoPtr:
    """An address in the task's read-only page."""

    offset: int

    def __str__(self):
        return f"readonly+{self.offset:#x}"


@dataclass(frozen=True)
class Poke:
    """Bytes that are laid at `offset` before the call: each part is bytes, an Fd (4 bytes) or an address (8 bytes)."""

    offset: int
    parts: tuple

    def __str__(self):
        shown = " ".join(part.hex() or '""' if isinstance(part, bytes) else str(part) for part in self.parts)
        return f"{self.offset:#x}: {shown}"

    def size(self):
        return sum(len(part) if isinstance(part, bytes) else 4 if isinstance(part, Fd) else 8 for part in self.parts)


# Where the descriptors that a call makes are found.
NOTHING, RESULT, PAIR = 0, 1, 2


@dataclass(frozen=True)
class Step:
    """One call by task number `task`.

    `makes` says where its new descriptors are: nowhere, in the result, or (PAIR) as two ints at `pair` in the page;
    they go into `slot` and the following ones.  `masks` are ranges (offset, length) of the page that two kernels fill
    differently.
    """

    call: str
    arguments: tuple = ()
    pokes: tuple = ()
    task: int = 0
    makes: int = NOTHING
    slot: int = 0
    pair: int = 0
    masks: tuple = ()
    note: str = ""

    def __str__(self):
        shown = ", ".join(
            str(value) if not isinstance(value, int) or -10 < value < 1000 else hex(value) for value in self.arguments
        )
        text = f"{self.call}({shown})"
        if self.makes == RESULT:
            text = f"fd{self.slot} = {text}"
        elif self.makes == PAIR:
            text = f"fd{self.slot}, fd{self.slot + 1} = {text}"
        if self.pokes:
            text += "  # " + "; ".join(map(str, self.pokes))
        if self.note:
            text += f"  # {self.note}"
        return f"task {self.task}: {text}" if self.task else text


@dataclass(frozen=True)
class Sequence:
    """Steps, and the number that made them; `together` when two tasks take part, which share all descriptors."""

    number: int
    steps: tuple = field(default_factory=tuple)

    @property
    def together(self):
        return any(step.task for step in self.steps)

    def script(self):
        """The sequence as a text for people."""
        return "\n".join(f"{index:2} {step}" for index, step in enumerate(self.steps))

    def with_steps(self, steps):
        return replace(self, steps=tuple(steps))


@dataclass
class Outcome:
    """What a step did: `result` (negative: an errno), how many SIGPIPEs came, which bytes of the page changed.

    `finished` is the number of the step at whose end the call was over (its own, unless it blocked); -1 when only the
    interruption at the end of the sequence ended it.
    """

    result: int
    sigpipes: int
    finished: int
    changes: tuple

    def __str__(self):
        shown = f"{self.result}"
        if self.sigpipes:
            shown += f" SIGPIPE*{self.sigpipes}"
        shown += "".join(f" [{offset:#x}]={data.hex()}" for offset, data in self.changes)
        return shown


def changed_runs(before, after):
    """The (offset, bytes) of each run in which two buffers of the same length differ."""
    runs = []
    at = 0
    size = len(before)
    while at < size:
        if before[at : at + 64] == after[at : at + 64]:
            at += 64
            continue
        if before[at] == after[at]:
            at += 1
            continue
        start = at
        while at < size and before[at] != after[at]:
            at += 1
        runs.append((start, bytes(after[start:at])))
    return tuple(runs)
