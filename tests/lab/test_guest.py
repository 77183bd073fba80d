"""Python functions as programs on a machine, and the fixtures that use them."""

import pytest

from hwemu.clock import Clock
from lab import guest
from lab.errors import LabError
from lab.machine import build_machine
from userland import libc

pytest_plugins = ["pytester"]
SECOND = 1_000_000_000


@pytest.fixture
def host():
    cmdline = {"net": "off", "init": guest.INIT, "console": "pipe"}
    host = build_machine(Clock(), None, cmdline=cmdline, files={guest.INIT: guest.INIT_TEXT})
    yield guest.boot(host)
    assert host.power_off(5) == 5
    assert host.kernel.leak_report() == []


def test_a_function_runs_as_a_process_and_returns(host):
    def work(a, b):
        libc.sleep(3)
        libc.puts("on the machine\n")
        return libc.getpid(), a + b

    pid, total = guest.run(host, work, 1, 2)
    assert pid > 1 and total == 3 and "on the machine" in host.text and host.clock.now >= 3 * SECOND


def test_what_it_raises_comes_back(host):
    def fail():
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        guest.run(host, fail)


def test_two_programs_at_once(host):
    order = []

    def work(name, pause):
        for _ in range(3):
            libc.usleep(pause)
            order.append(name)

    processes = [guest.spawn(host, work, "slow", 100_000), guest.spawn(host, work, "fast", 10_000)]
    for process in processes:
        guest.wait(host, process)
    assert order == ["fast"] * 3 + ["slow"] * 3


def test_one_that_does_not_end_is_reported(host):
    with pytest.raises(LabError, match="has not ended"):
        guest.run(host, libc.poll, [], -1, within=SECOND)


def test_before_boot_nothing_runs():
    host = build_machine(Clock(), None, cmdline={"net": "off"})
    with pytest.raises(LabError, match="has not booted"):
        guest.spawn(host, print)


def test_a_failing_test_prints_its_seed_and_keeps_its_capture(pytester):
    pytester.makeconftest(
        """
        from lab import pytest_plugin

        def pytest_configure(config):
            if not config.pluginmanager.is_registered(pytest_plugin):
                config.pluginmanager.register(pytest_plugin, "hwemu")
        """
    )
    pytester.makepyfile(
        """
        from hwemu.wire.link import Link
        from hwemu.wire.test_end import TestEnd

        def test_wire(bench, seed):
            link = Link(bench.clock)
            ends = [TestEnd(bench.clock), TestEnd(bench.clock)]
            bench.record(link, "cable").attach(ends[0])
            link.attach(ends[1])
            ends[0].inject(b"\\xff" * 60)
            bench.clock.run()
            assert seed == 0

        def test_good(seed, clock):
            assert seed > 0 and clock.now == 0
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines([r"seed \d+ \(again with HWEMU_SEED=\d+\)", r"capture captures/.*test_wire\.pcapng"])
    assert list((pytester.path / "captures").iterdir())[0].read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
