"""Build chosen modules in place: `python tools/build.py [MODULE-OR-PACKAGE ...]` (default: all of them).

A developer's shortcut to `make build`: one room and the leaves it needs instead of everything.  Builds queue on
a lock file, so two shells do not write the same object.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(prefixes):
    os.chdir(ROOT)
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        return subprocess.call(command, env={**os.environ, "HWEMU_BUILD_ONLY": json.dumps(prefixes)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
