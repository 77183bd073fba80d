"""One source, two speeds: which file an `import` of our packages takes.

Beside a room `X.py` stands its header `X.pxd`, and after a build the compiled module `X.*.so`.  Python takes
the compiled one.  With `HWEMU_INTERPRETED=1` the finder below takes the `.py`, so that pdb, coverage and print
statements work on the very code that ships.  Leaves that exist as `.pyx` only are compiled in both modes.

A compiled module whose source has changed since the build is an ImportError, never a surprise: each package
carries `_build_manifest.json` with the digests of the sources that were compiled.
"""

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import sys
from pathlib import Path

PACKAGES = ("hwemu", "driver", "kernel", "userland", "lab")


def interpreted() -> bool:
    """True where HWEMU_INTERPRETED asks for the Python sources."""
    return os.environ.get("HWEMU_INTERPRETED", "") not in ("", "0")


class StaleModule(ImportError):
    """A compiled module whose source has changed since."""


class SpeedFinder:
    """A meta path finder for our packages: picks the speed and refuses stale compiled modules."""

    def __init__(self, prefer_source: bool) -> None:
        self.prefer_source = prefer_source
        self.manifests: dict[Path, dict[str, str]] = {}

    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in PACKAGES or path is None:
            return None
        leaf = name.rpartition(".")[2]
        for entry in path:
            folder = Path(entry)
            source = folder / f"{leaf}.py"
            if self.prefer_source and source.exists():
                return importlib.util.spec_from_file_location(name, source)
            for suffix in importlib.machinery.EXTENSION_SUFFIXES:
                compiled = folder / (leaf + suffix)
                if compiled.exists():
                    self.refuse_stale(folder, leaf, compiled)
                    return importlib.util.spec_from_file_location(name, compiled)
        return None

    def refuse_stale(self, folder: Path, leaf: str, compiled: Path) -> None:
        if folder not in self.manifests:
            manifest = folder / "_build_manifest.json"
            self.manifests[folder] = json.loads(manifest.read_text()) if manifest.exists() else {}
        for file_name in (f"{leaf}.pyx", f"{leaf}.py"):
            source = folder / file_name
            if not source.exists():
                continue
            header = source.with_suffix(".pxd")
            parts = [source, header] if header.exists() else [source]
            if all(part.stat().st_mtime_ns <= compiled.stat().st_mtime_ns for part in parts):
                return
            made_from = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
            if made_from != self.manifests[folder].get(file_name):
                raise StaleModule(f"{compiled.name} is older than {source}: run 'make build' (or set HWEMU_INTERPRETED=1)")
            return


def install() -> None:
    """Put the finder in front of Python's own, once."""
    if not any(isinstance(finder, SpeedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SpeedFinder(interpreted()))
