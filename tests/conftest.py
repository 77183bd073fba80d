"""What every test shares: an interop test that would skip fails where HWEMU_REQUIRE_INTEROP is set."""

import os

import pytest

REQUIRED = os.environ.get("HWEMU_REQUIRE_INTEROP", "") not in ("", "0")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if REQUIRED and report.skipped and item.get_closest_marker("interop") is not None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped where interop tests are required: {report.longrepr}"
