"""The bench of `harness` as a fixture."""

import pytest
from harness import TcpBench


@pytest.fixture
def bench():
    return TcpBench()
