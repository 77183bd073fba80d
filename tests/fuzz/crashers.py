"""Keeping what went wrong: one input per kind of failure, named so that it can be replayed."""

import hashlib
import re
import traceback
from pathlib import Path

NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")


def signature(error):
    """What makes two failures the same: the exception's type, where it was raised, and its text without numbers."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).stem}.{frames[-1].name}.{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__}-{place}", NUMBERS.sub("N", str(error))[:200]


class Crashers:
    """A folder of failing inputs, the shortest of each signature, beside its traceback."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.shortest = {}

    def keep(self, data, error):
        """Store `data` unless a shorter input failed the same way; returns whether it is the first of its kind."""
        kind = signature(error)
        known = self.shortest.get(kind)
        if known is not None and known <= len(data):
            return False
        self.shortest[kind] = len(data)
        self.folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256("".join(kind).encode()).hexdigest()[:8]
        path = self.folder / f"{re.sub(r'[^-.a-zA-Z0-9_]', '_', kind[0])}-{digest}"
        path.write_bytes(data)
        path.with_suffix(path.suffix + ".txt").write_text("".join(traceback.format_exception(error)))
        if known is None:
            print(f"FAILED {kind[0]}: {str(error)[:300]}\n  input: {path} ({len(data)} bytes)", flush=True)
        return known is None
