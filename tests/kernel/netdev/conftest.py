"""Fixtures: the device layer alone, which ends by asserting that no sk_buff is left; the bench's two hosts."""

import pytest
from netdev_bench import NetdevBench

from lab import pytest_plugin


def pytest_configure(config):
    if not config.pluginmanager.is_registered(pytest_plugin):
        config.pluginmanager.register(pytest_plugin, "hwemu")


@pytest.fixture
def layer():
    made = NetdevBench()
    yield made
    assert made.kernel.skb_cache.leak_report() == []
