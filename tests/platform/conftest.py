"""Registers the bench's pytest plugins where they are not installed with the package."""

from lab import platform_plugin, pytest_plugin


def pytest_addoption(parser, pluginmanager):
    for plugin, name in ((pytest_plugin, "hwemu"), (platform_plugin, "hwemu_platform")):
        if not pluginmanager.is_registered(plugin):
            pluginmanager.register(plugin, name)
