"""What the kit finds wrong, and how it remembers who did it."""

import sys
from pathlib import Path
from typing import NamedTuple

import hwemu
import kernel

DEPTH = 10
# Frames of the machinery, by where its rooms lie: what remains of a stack is the driver's own way to the mistake.
KERNEL = Path(kernel.__file__).parent
MACHINERY = tuple(str(path) for path in (Path(__file__).parent, Path(hwemu.__file__).parent, KERNEL / "arch", KERNEL / "dma.py"))
TEST_RUNNER = ("/_pytest/", "/pluggy/")


class Finding(NamedTuple):
    """`check` is the rule's short name, `text` one line, `details` what helps to understand it (may be empty)."""

    check: str
    text: str
    details: str = ""

    def __str__(self):
        return f"{self.check}: {self.text}" + (f"\n{self.details}" if self.details else "")


class Findings:
    """A list of findings that stops growing at `limit`: a broken driver makes the same mistake for every frame."""

    def __init__(self, limit=100):
        self.found = []
        self.limit = limit
        self.dropped = 0

    def add(self, check, text, details=""):
        if len(self.found) >= self.limit:
            self.dropped += 1
            return
        self.found.append(Finding(check, text, details))

    def checks(self):
        """The names of the rules that were broken, each once, in the order in which they were."""
        return list(dict.fromkeys(finding.check for finding in self.found))

    def report(self):
        lines = [str(finding) for finding in self.found]
        if self.dropped:
            lines.append(f"... and {self.dropped} more")
        return "\n".join(lines)


def driver_stack():
    """Who is at work, from the inside out: "file:line function".

    Compiled rooms have no Python frames: the whole path shows with HWEMU_INTERPRETED=1.
    """
    names = []
    frame = sys._getframe(1)
    while frame is not None and len(names) < DEPTH:
        path = frame.f_code.co_filename
        if any(part in path for part in TEST_RUNNER):
            break
        if not path.startswith(MACHINERY):
            names.append(f"{path.rpartition('/')[2]}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(names) if names else "(compiled code)"
