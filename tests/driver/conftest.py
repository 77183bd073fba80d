"""Fixtures: a bench with eth0 probed, and one with eth0 up; both end by asserting that nothing leaked."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from driver_bench import Bench  # noqa: E402


@pytest.fixture
def bench():
    made = Bench()
    yield made
    assert made.shutdown() == []


@pytest.fixture
def up():
    made = Bench().up()
    yield made
    assert made.shutdown() == []
