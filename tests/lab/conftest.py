"""Registers the bench's pytest plugin where it is not installed with the package."""

from lab import pytest_plugin


def pytest_configure(config):
    if not config.pluginmanager.is_registered(pytest_plugin):
        config.pluginmanager.register(pytest_plugin, "hwemu")
