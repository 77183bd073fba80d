"""pytest: the fixture `rig`, by which one test runs a driver on every platform, and the option --platform.

    def test_frames_arrive(rig):
        rig.open()
        sink = rig.sink()
        rig.end.inject(frame)
        rig.until(lambda: sink.packets)

runs as `test_frames_arrive[emulated]`, with `--platform=qemu` as `test_frames_arrive[qemu]`, with `--platform=all` as
both.  What only one of them does is marked: `@pytest.mark.platforms("qemu")`.
"""

from types import SimpleNamespace

import pytest

OPTION = "--platform"
ALL = "all"
NAMES = ("emulated", "qemu")
MARKS = {"qemu": (pytest.mark.qemu,)}
NO_PARAMETERS = SimpleNamespace(params={})


def pytest_addoption(parser):
    parser.getgroup("hwemu").addoption(
        OPTION, choices=(*NAMES, ALL), default="emulated",
        help="where tests with the fixture `rig` run their driver (default: emulated)",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "qemu: needs QEMU (qemu-system-x86_64)")
    config.addinivalue_line("markers", "platforms(name, ...): runs on these platforms only")


def pytest_generate_tests(metafunc):
    # Somebody else's fixture of that name stays his.
    if {"rig", "platform"} <= set(metafunc.fixturenames):
        mark = metafunc.definition.get_closest_marker("platforms")
        names = NAMES if mark is None else mark.args
        metafunc.parametrize("platform", [pytest.param(name, marks=MARKS.get(name, ())) for name in names])


def pytest_collection_modifyitems(config, items):
    """Leave out the platforms that were not asked for: a test that nobody wanted is no skipped one."""
    chosen = config.getoption(OPTION)
    if chosen == ALL:
        return
    kept, left_out = [], []
    for item in items:
        platform = "qemu" if item.get_closest_marker("qemu") else getattr(item, "callspec", NO_PARAMETERS).params.get("platform")
        (left_out if platform not in (None, chosen) else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture
def qemu_device():
    """QEMU's name of the card on the platform "qemu", with properties if need be; override it for another driver."""
    return "e1000"


@pytest.fixture
def rig(bench, platform, qemu_device):
    """A booted machine with a card of `platform`, its driver bound, a TestEnd at the other end: a `lab.platforms.Rig`."""
    # Not at the top: who does not ask for a rig does not wait for a kernel to be imported.
    from lab.platforms import Rig, missing

    reason = missing(platform)
    if reason:
        pytest.skip(reason)
    made = Rig(bench, platform, qemu_device)
    yield made
    made.finish()
