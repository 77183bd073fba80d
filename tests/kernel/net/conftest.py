"""The machine of `netbench` as a fixture."""

import pytest
from netbench import Bench


@pytest.fixture
def bench():
    return Bench()
