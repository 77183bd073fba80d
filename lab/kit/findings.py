"""What the kit finds wrong, and how it remembers who did it."""

import linecache
import re
import sys
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import hwemu
import kernel
from lab.kit.native import PYTHON_CODE, backtrace, walk

DEPTH = 40
# Frames of the machinery, by where its rooms lie: what remains of a stack is the driver's own way to the mistake.
KERNEL = Path(kernel.__file__).parent
MACHINERY = tuple(str(path) for path in (Path(__file__).parent, Path(hwemu.__file__).parent, KERNEL / "arch", KERNEL / "dma."))
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


class Stack:
    """A call stack as it was when the object was made; its text is put together when somebody reads it.

    "file:line function" from the inside out, Python and compiled code alike, without the kit's own frames.
    """

    __slots__ = ("addresses", "frames")

    def __init__(self, addresses, frames):
        self.addresses = addresses
        self.frames = frames

    def __str__(self):
        names = []
        for path, text in self.entries():
            if any(part in path for part in TEST_RUNNER) or len(names) == DEPTH:
                break
            if not path.startswith(MACHINERY):
                names.append(text)
        return " < ".join(names) if names else "(code without names)"

    def entries(self):
        """(path, text) of each frame.

        Python functions that call each other share one C frame, so the caller's source says whether it is the callee
        that it has called, or compiled code between them.
        """
        left = iter(zip(self.frames, [*self.frames[1:], None], strict=True))
        last = None
        for step in walk(self.addresses):
            if step is not PYTHON_CODE:
                for place in step:
                    # A function for both worlds has two bodies, of which the one for Python only calls the other.
                    if not (place.for_python and (place.source, place.name) == last):
                        yield place.image, f"{place.source}:{place.line} {place.name}"
                    last = (place.source, place.name)
                continue
            last = None
            for (code, line, _), caller in left:
                yield code.co_filename, f"{code.co_filename.rpartition('/')[2]}:{line} {code.co_name}"
                if caller is None or not calls(caller, code):
                    break
        for (code, line, _), _ in left:
            yield code.co_filename, f"{code.co_filename.rpartition('/')[2]}:{line} {code.co_name}"


def calls(caller, callee):
    """True when the call that a Python frame is at names that function."""
    code, _, last = caller
    position = next(islice(code.co_positions(), last // 2, None), None)
    if position is None or None in position:
        return True
    first, end, column, end_column = position
    lines = [linecache.getline(code.co_filename, number) for number in range(first, end + 1)]
    if not all(lines):
        return True
    lines[-1] = lines[-1].encode()[:end_column].decode(errors="replace")
    lines[0] = lines[0].encode()[column:].decode(errors="replace")
    return re.search(rf"\b{re.escape(callee.co_name)}\b", "".join(lines)) is not None


def driver_stack():
    """Who is at work: a `Stack`."""
    addresses = backtrace()
    frames = []
    frame = sys._getframe(0)
    while frame is not None:
        frames.append((frame.f_code, frame.f_lineno, frame.f_lasti))
        frame = frame.f_back
    return Stack(addresses, frames)
