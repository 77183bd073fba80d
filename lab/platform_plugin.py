"""pytest: the fixture `rig`, by which one test runs a driver on every platform, and the option --platform.

    def test_frames_arrive(rig):
        rig.open()
        sink = rig.sink()
        rig.end.inject(frame)
        rig.until(lambda: sink.packets)

runs twice, as `test_frames_arrive[emulated]` and `test_frames_arrive[qemu]`; `--platform=qemu` chooses.  What only
one of them does is marked: `@pytest.mark.platforms("qemu")`.
"""

import pytest

OPTION = "--platform"
ALL = "all"
NAMES = ("emulated", "qemu")
MARKS = {"qemu": (pytest.mark.qemu,)}


def pytest_addoption(parser):
    parser.getgroup("hwemu").addoption(
        OPTION, choices=(*NAMES, ALL), default=ALL, help="where tests with the fixture `rig` run their driver"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "qemu: needs QEMU (qemu-system-x86_64)")
    config.addinivalue_line("markers", "platforms(name, ...): runs on these platforms only")


def pytest_generate_tests(metafunc):
    # Somebody else's fixture of that name stays his.
    if {"rig", "platform"} <= set(metafunc.fixturenames):
        chosen = metafunc.config.getoption(OPTION, ALL)
        mark = metafunc.definition.get_closest_marker("platforms")
        able = NAMES if mark is None else mark.args
        names = [name for name in able if chosen in (name, ALL)]
        metafunc.parametrize("platform", [pytest.param(name, marks=MARKS.get(name, ())) for name in names])


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
