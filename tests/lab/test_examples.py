"""The examples: the same output on the host and on the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COUNTER = ROOT / "examples" / "counter.py"
OUTPUT = """redis: True
requests: [1, 2, 3]
aiohttp: 20 visitors, counts 4 to 23, 20 different
requests: 23
"""


@pytest.mark.interop
@pytest.mark.parametrize("machine", [[], ["-m", "lab.cli", "python", "--net", "none"]], ids=["host", "machine"])
def test_requests_aiohttp_and_redis(machine):
    for package in ("requests", "aiohttp", "redis"):
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, *machine, str(COUNTER)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == (OUTPUT, "", 0)


@pytest.mark.parametrize("package", ["requests", "aiohttp", "redis"])
@pytest.mark.parametrize("machine", [[], ["-m", "lab.cli", "python", "--net", "none"]], ids=["host", "machine"])
def test_what_is_missing_is_said_in_one_line(machine, package):
    program = f"import runpy, sys; sys.modules[{package!r}] = None; runpy.run_path({str(COUNTER)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, *machine, "-c", program], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    # Of several that are missing the first is named.
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("counter.py: ") and done.stderr.endswith(" is missing: pip install 'hwemu[examples]'\n")
