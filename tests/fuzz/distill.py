"""Choosing the few inputs worth committing: greedily those that run the most lines not run before."""

import sys
from pathlib import Path

PACKAGES = tuple(f"/{name}/" for name in ("hwemu", "driver", "kernel", "userland", "lab"))
# An input longer than this is not worth its place among the small files.
LONGEST = 1500


class Lines:
    """The lines of our packages that run while it is active, in every greenlet."""

    def __init__(self):
        self.seen = set()

    def __enter__(self):
        sys.settrace(self.call)
        return self

    def __exit__(self, *exception):
        sys.settrace(None)

    def call(self, frame, event, argument):
        return self.line if any(package in frame.f_code.co_filename for package in PACKAGES) else None

    def line(self, frame, event, argument):
        self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self.line


def covered(module, data):
    """The lines that one input runs; an input that fails covers nothing."""
    with Lines() as lines:
        try:
            module.run(data)
        except Exception:
            return set()
    return lines.seen


def distill(module, collected, committed, count):
    """Write to `committed` up to `count` inputs of it and of `collected` that cover the most lines together."""
    committed.mkdir(parents=True, exist_ok=True)
    paths = sorted(path for folder in (committed, collected) for path in folder.iterdir())
    inputs = {path.name: path.read_bytes() for path in paths}
    inputs = {name: data for name, data in inputs.items() if len(data) <= LONGEST}
    lines = {name: covered(module, data) for name, data in inputs.items()}
    chosen = []
    reached = set()
    while lines and len(chosen) < count:
        best = max(sorted(lines), key=lambda name: (len(lines[name] - reached), -len(inputs[name])))
        if not lines[best] - reached:
            break
        reached |= lines.pop(best)
        chosen.append(best)
    for path in committed.iterdir():
        path.unlink()
    for name in chosen:
        (Path(committed) / name[:12]).write_bytes(inputs[name])
    print(f"{committed.name}: {len(chosen)} of {len(inputs)} inputs run {len(reached)} lines")
