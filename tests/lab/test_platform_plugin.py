"""The option --platform, the marker `platforms` and the fixture `rig`, as a driver's author meets them."""

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
from lab import platform_plugin, pytest_plugin

def pytest_addoption(parser, pluginmanager):
    for plugin in (pytest_plugin, platform_plugin):
        if not pluginmanager.is_registered(plugin):
            pluginmanager.register(plugin)
"""
TESTS = """
import pytest

def test_probe(rig):
    assert rig.dev.name == "eth0"
    rig.open()
    sink = rig.sink()
    rig.end.inject(b"\\xff" * 6 + bytes(6) + b"\\x88\\xb5" + bytes(60))
    rig.until(lambda: sink.packets)
    assert rig.platform == "emulated"

@pytest.mark.platforms("qemu")
def test_other(rig):
    raise AssertionError("this one was not chosen")
"""


@pytest.fixture
def author(pytester):
    pytester.makeconftest(CONFTEST)
    return pytester


def test_one_platform_is_chosen(author):
    author.makepyfile(TESTS)
    result = author.runpytest("-v", "--strict-markers", "-p", "no:cacheprovider", "--platform=emulated")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["*test_probe[[]emulated[]] PASSED*"])


def test_our_card_unless_told_otherwise(author):
    author.makepyfile(TESTS)
    for words, expected in (
        ([], ["test_probe[emulated]"]),
        (["--platform=all"], ["test_other[qemu]", "test_probe[emulated]", "test_probe[qemu]"]),
    ):
        result = author.runpytest("--collect-only", "-q", "-p", "no:cacheprovider", *words)
        assert sorted(line.partition("::")[2] for line in result.outlines if "::" in line) == expected
    result = author.runpytest("--collect-only", "-q", "-p", "no:cacheprovider", "-m", "qemu", "--platform=all")
    assert len([line for line in result.outlines if "[qemu]" in line]) == 2


def test_a_platform_that_nobody_knows(author):
    author.makepyfile(TESTS)
    result = author.runpytest("-p", "no:cacheprovider", "--platform=vax")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--platform: invalid choice: 'vax'*"])


def test_without_qemu_its_tests_are_skipped_with_the_reason(author, monkeypatch):
    monkeypatch.delenv("HWEMU_QEMU", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    author.makepyfile(TESTS)
    result = author.runpytest("-rs", "-p", "no:cacheprovider", "--platform=qemu")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*QEMU (qemu-system-x86_64) is not installed"])


def test_a_fixture_of_the_same_name_stays_its_owners(author):
    author.makepyfile(
        """
        import pytest

        @pytest.fixture
        def platform():
            return "mine"

        def test_platform(platform):
            assert platform == "mine"
        """
    )
    author.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)
