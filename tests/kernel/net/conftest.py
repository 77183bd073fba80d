"""Makes `netbench` importable and gives its machine as a fixture."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from netbench import Bench  # noqa: E402


@pytest.fixture
def bench():
    return Bench()
