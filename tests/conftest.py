"""What every test shares: an interop test that would skip fails where HWEMU_REQUIRE_INTEROP is set; a network of its own."""

import ctypes
import os

import pytest

CLONE_NEWNET = 0x40000000
REQUIRED = os.environ.get("HWEMU_REQUIRE_INTEROP", "") not in ("", "0")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if REQUIRED and report.skipped and item.get_closest_marker("interop") is not None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped where interop tests are required: {report.longrepr}"


@pytest.fixture
def network_namespace():
    """The test in a network namespace of its own (network_namespaces(7)), in which there is only a lo that is down."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    host = ctypes.CDLL(None, use_errno=True)
    if host.unshare(CLONE_NEWNET):
        os.close(here)
        pytest.skip(f"a network namespace: {os.strerror(ctypes.get_errno())}")
    yield
    failed = host.setns(here, CLONE_NEWNET)
    os.close(here)
    if failed:
        raise OSError(ctypes.get_errno(), "setns")
