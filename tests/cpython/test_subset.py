"""What of CPython's own tests runs in every test run; `python -m tests.cpython` runs all."""

import importlib.util

import pytest

from tests.cpython.__main__ import run_module

MODULES = ("test_select", "test_poll", "test_epoll", "test_socketserver", "test_asyncio.test_server")


@pytest.mark.interop
@pytest.mark.parametrize("module", MODULES)
def test_module(module):
    if importlib.util.find_spec(f"test.{module.partition('.')[0]}") is None:
        pytest.skip("this Python comes without its test package (Debian: libpython3.x-testsuite)")
    outcomes = run_module(module)
    failed = {name: detail for name, (outcome, detail) in outcomes.items() if outcome == "failed"}
    assert not failed, failed
    assert any(outcome == "passed" for outcome, _ in outcomes.values())
