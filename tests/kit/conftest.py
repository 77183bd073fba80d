"""Registers the bench's pytest plugin where it is not installed, and makes the broken drivers importable."""

import sys
from pathlib import Path

from lab import pytest_plugin

sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    if not config.pluginmanager.is_registered(pytest_plugin):
        config.pluginmanager.register(pytest_plugin, "hwemu")
