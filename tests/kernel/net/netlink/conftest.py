"""The machine of `netbench` as a fixture, with a program's side of netlink."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from netbench import Bench  # noqa: E402


@pytest.fixture
def bench():
    return Bench()
