"""Fixtures: a bench with eth0 probed, and one with eth0 up; both end by asserting that nothing leaked."""

import pytest
from driver_bench import Bench


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
