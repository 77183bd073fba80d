"""Linux's own driver, and iPXE's, on our card: guests under QEMU, plugged into cards that we serve.

`make interop` fetches what they need and runs these tests.  They skip where that has not been done.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hwemu.clock import Clock, Source
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from lab.vfio_user.device import VfioDevice
from lab.vfio_user.memory import GuestMemory
from lab.vfio_user.server import Server

from .guest import Cache, Guest, vfio_user

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("HWEMU_INTEROP", ROOT / "build/interop"))
MAC = bytes.fromhex("525400123456")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.qemu)


@pytest.fixture(scope="session")
def cache():
    found = Cache(FOLDER)
    if not found.complete:
        pytest.skip(f"no QEMU with vfio-user in {FOLDER}: make interop fetches it")
    return found


class Served:
    """A running `hwemu serve-nic`.  `output` collects what it prints."""

    def __init__(self, folder, *words):
        self.socket = folder / "nic.sock"
        self.log = open(folder / "serve-nic.log", "w+", encoding="utf-8")  # noqa: SIM115 (closed by stop)
        command = [sys.executable, "-m", "lab.cli", "serve-nic", "--vfio-user", str(self.socket), *words]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        assert "listening at" in line, line

    @property
    def output(self):
        self.log.flush()
        return Path(self.log.name).read_text(encoding="utf-8")

    def stop(self):
        """End it as Ctrl-C does: exit status 0, and the socket is gone."""
        self.process.send_signal(signal.SIGINT)
        try:
            _, errors = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.log.close()
        assert self.process.returncode == 0, errors
        assert not self.socket.exists()
        return errors


@contextlib.contextmanager
def served(folder, *words):
    server = Served(folder, *words)
    try:
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@contextlib.contextmanager
def linux(cache, socket):
    """A booted guest whose card is the one served at `socket`; eth0 is there and down."""
    guest = Guest(cache, vfio_user(socket))
    try:
        guest.boot()
        guest.run("insmod /lib/e1000.ko")
        yield guest
    finally:
        guest.stop()


class Bench:
    """A card served by this process: `end` is the other end of its wire.  The clock runs while a guest is waited for."""

    def __init__(self, path):
        self.clock = Clock(real=True)
        self.link = Link(self.clock)
        self.nic = E1000(self.clock, mac=MAC)
        self.link.attach(self.nic.port)
        self.end = TestEnd(self.clock)
        self.link.attach(self.end)
        self.lines = []
        self.server = Server(self.clock, str(path), VfioDevice(self.clock, self.nic, GuestMemory()), self.lines.append)

    def wait_readable(self, file, seconds):
        """Run the clock until `file` has something to read, at most so long."""
        source = Source(lambda mask: self.clock.stop())
        self.clock.watch(file.fileno(), select.EPOLLIN, source)
        try:
            self.clock.run(self.clock.now + int(seconds * 1e9))
        finally:
            self.clock.unwatch(file.fileno())

    def run(self, seconds):
        self.clock.run(self.clock.now + int(seconds * 1e9))


@pytest.fixture(scope="module")
def bench(cache, tmp_path_factory):
    """A card on a test wire and the guest that drives it: (bench, guest); eth0 is up with 10.0.2.15/24."""
    bench = Bench(tmp_path_factory.mktemp("bench") / "nic.sock")
    guest = Guest(cache, vfio_user(bench.server.path), wait_readable=bench.wait_readable)
    try:
        guest.boot()
        guest.run("insmod /lib/e1000.ko && ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && sleep 1")
        yield bench, guest
    finally:
        guest.stop()
        bench.run(0.2)
        bench.server.close()
    assert bench.lines[:2] == ["a client has connected", "the client has gone"]
