"""Makes `harness` importable and gives its bench as a fixture."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from harness import TcpBench  # noqa: E402


@pytest.fixture
def bench():
    return TcpBench()
