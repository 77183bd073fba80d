"""pytest fixtures: a clock and a seed, machines, a network card on a test wire, two connected hosts, the driver test kit.

    def test_hello(two_hosts):
        process = spawn(two_hosts.second, serve_hello)
        assert run(two_hosts.first, fetch, "10.0.0.2") == b"hello"

A failing test prints its seed and leaves the capture of its wires in `captures/`; HWEMU_SEED=N gives every test that
seed.  At the end of a test each booted machine is powered off, and nothing may be left: no sk_buff, socket, DMA
mapping, timer or interrupt.
"""

import os
import random
import re
import shutil
import tempfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.nic.e1000.device import E1000
from hwemu.wire.capture import Capture, PcapngWriter
from hwemu.wire.impair import Impairment, parse_impairments
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from lab import guest
from lab.machine import build_machine, station_address

SEED_VARIABLE = "HWEMU_SEED"
CAPTURES = "captures"
# A capture up to this size stays in memory until somebody wants it.
IN_MEMORY = 16 << 20
GIGABIT = 1_000_000_000
ADDRESSES = ("10.0.0.1", "10.0.0.2")


class Bench:
    """What one test has put together: its clock, seed, machines and capture."""

    def __init__(self, seed):
        self.seed = seed
        self.clock = Clock()
        self.hosts = []
        self.capture = None
        self.writer = None

    def record(self, wire, name):
        """`wire` with a capture in front of it."""
        if self.writer is None:
            # Open until the test's report has been made.
            self.capture = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
            self.writer = PcapngWriter(self.capture)
        return Capture(wire, self.writer, self.clock, name)

    def host(self, wire=None, name="", address="", cmdline=None, **options):
        """A booted machine whose init does nothing; `address` goes to its eth0, and `wire` is captured."""
        number = len(self.hosts)
        name = name or f"hw{number}"
        if wire is not None:
            wire = self.record(wire, name)
        host = build_machine(
            self.clock, wire, name=name, number=number, seed=self.seed + number, hostname=name,
            cmdline={"init": guest.INIT, "console": "pipe", "dma_debug": "", **(cmdline or {})},
            files={guest.INIT: guest.INIT_TEXT}, **options,
        )  # fmt: skip
        self.hosts.append(host)
        return guest.boot(host, address)

    def finish(self):
        """Power every machine off; returns what is left over, a line each."""
        left = []
        for host in self.hosts:
            host.power_off()
        for host in self.hosts:
            left += [f"{host.name}: {line}" for line in host.kernel.leak_report()]
        return left

    def keep_capture(self, nodeid):
        """Copy the capture to `captures/`; its path, or None when there is none."""
        if self.capture is None or self.writer.packets == 0:
            return None
        folder = Path(CAPTURES)
        folder.mkdir(exist_ok=True)
        path = folder / (re.sub(r"[^\w.-]+", "_", nodeid) + ".pcapng")
        self.capture.seek(0)
        with open(path, "wb") as file:
            shutil.copyfileobj(self.capture, file)
        return path


BENCH = pytest.StashKey[Bench]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    bench = item.stash.get(BENCH, None)
    if bench is not None and report.failed:
        text = f"seed {bench.seed} (again with {SEED_VARIABLE}={bench.seed})"
        path = bench.keep_capture(item.nodeid)
        if path is not None:
            text += f"\ncapture {path}"
        report.sections.append(("hwemu", text))
    if bench is not None and report.when == "teardown" and bench.capture is not None:
        bench.capture.close()


@pytest.fixture
def seed(request):
    """Where the test's random choices come from: HWEMU_SEED, or a number made of the test's name."""
    given = os.environ.get(SEED_VARIABLE, "")
    return int(given) if given else zlib.crc32(request.node.nodeid.encode())


@pytest.fixture
def bench(request, seed):
    """The `Bench` of this test: `bench.host(wire, address=...)` adds a machine, `bench.clock` drives them."""
    bench = Bench(seed)
    request.node.stash[BENCH] = bench
    yield bench
    left = bench.finish()
    assert not left, "left over after the test:\n" + "\n".join(left)


@pytest.fixture
def clock(bench):
    """The bench's clock, in virtual time."""
    return bench.clock


@pytest.fixture
def machine(bench):
    """A booted machine without a network: a `Host`."""
    return bench.host()


@pytest.fixture
def nic_on_test_wire(bench):
    """A network card in a bare board (no kernel), its plug on a link with a `TestEnd` at the other end.

    Has `machine` (the board), `nic`, `link`, `end` and `clock`.
    """
    board = Machine(bench.clock, seed=bench.seed)
    nic = E1000(bench.clock, mac=station_address(0), trace=board.trace)
    board.plug(nic)
    link = Link(bench.clock)
    bench.record(link, "nic0").attach(nic.port)
    end = TestEnd(bench.clock)
    link.attach(end)
    return SimpleNamespace(machine=board, nic=nic, link=link, end=end, clock=bench.clock)


@pytest.fixture
def two_hosts(bench):
    """Two booted machines on a gigabit link: `first` 10.0.0.1 and `second` 10.0.0.2; `link`, `clock`.

    `two_hosts.impair("loss=5%,reorder=10%")` makes the wire bad from then on.
    """
    link = Link(bench.clock, "cable", rate=GIGABIT, delay=1000)
    wire = Impairment(link, {}, random.Random(bench.seed), bench.clock)
    first, second = (bench.host(wire, address=address) for address in ADDRESSES)

    def impair(text):
        wire.set_spec(parse_impairments(text))

    return SimpleNamespace(
        first=first, second=second, link=link, clock=bench.clock, addresses=ADDRESSES, impair=impair, bench=bench
    )


# --- the driver test kit ---


@pytest.fixture
def kit_on_card(nic_on_test_wire, seed):
    """The kit at a card without kernel and driver: what `nic_on_test_wire` has, and `kit`."""
    from lab.kit.kit import Kit

    there = nic_on_test_wire
    there.kit = Kit(there.clock, there.machine, there.nic, there.link, there.end, seed)
    return there


@pytest.fixture
def make_board(seed):
    """`make_board(driver=None, up=True, clean=True, **options)`: a driver with only PCI, DMA, interrupts and netdevices.

    Returns a `lab.kit.board.Board`.  At the end each is closed, nothing may be left over, and with `clean` neither the
    sanitizer nor the protocol checker may have found anything.
    """
    # Not at the top: who does not ask for the kit does not wait for it.
    from lab.kit.board import Board

    made = []

    def make(driver=None, up=True, clean=True, **options):
        board = Board(driver, seed=seed, **options)
        made.append((board, clean))
        return board.up() if up else board

    yield make
    for board, clean in made:
        board.kit.faults.clear()
        if clean:
            board.kit.assert_clean()
        left = board.shutdown()
        if clean:
            board.kit.assert_clean()
            assert not left, "left over after the test:\n" + "\n".join(left)


@pytest.fixture
def board(make_board):
    """The tree's driver on a board of `make_board`, the interface up."""
    return make_board()


@pytest.fixture
def driver_on_kernel(bench, seed):
    """`driver_on_kernel(driver=None, address="10.0.0.1")`: a driver with the whole kernel, its wire's other end a `TestEnd`.

    Returns `host`, `kit`, `end`, `link`, `clock`.
    """
    from lab.kit.bind import attach

    made = []

    def make(driver=None, address=ADDRESSES[0]):
        link = Link(bench.clock)
        host = bench.host(link)
        end = TestEnd(bench.clock)
        link.attach(end)
        kit = attach(host, address, link, end, driver, seed)
        made.append(kit)
        return SimpleNamespace(host=host, kit=kit, end=end, link=link, clock=bench.clock)

    yield make
    for kit in made:
        kit.faults.clear()
        kit.assert_clean()
