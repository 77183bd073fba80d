"""Fixtures: the device layer alone, which ends by asserting that no sk_buff is left; the bench's two hosts."""

import sys
from pathlib import Path

import pytest

from lab import pytest_plugin

sys.path.insert(0, str(Path(__file__).parent))

from netdev_bench import NetdevBench  # noqa: E402


def pytest_configure(config):
    if not config.pluginmanager.is_registered(pytest_plugin):
        config.pluginmanager.register(pytest_plugin, "hwemu")


@pytest.fixture
def layer():
    made = NetdevBench()
    yield made
    assert made.kernel.skb_cache.leak_report() == []
