"""The real Linux stack and its tools as peers: namespaces that a test makes and removes, and machines on their TAPs."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INTERPRETED = os.environ.get("HWEMU_INTERPRETED", "") not in ("", "0")
# The acceptance sizes; the suite moves less, and the interpreted suite less still.
FULL = os.environ.get("HWEMU_FULL", "") not in ("", "0")


def size(full, suite, interpreted):
    """How much a test moves: everything with HWEMU_FULL=1, less in the suite, little when interpreted."""
    if INTERPRETED:
        return interpreted
    return full if FULL else suite


def need(*tools, root=False):
    """Skip (CI: fail) where a tool or root is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if root and (os.geteuid() != 0 or not os.path.exists("/dev/net/tun")):
        pytest.skip("needs root and /dev/net/tun")


def run(*words, timeout=60, check=True, **options):
    """A command of the host; its output as text unless told otherwise."""
    options.setdefault("text", True)
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=timeout, check=False, **options)
    if check and done.returncode:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def payload(length, seed=1):
    """`length` bytes that no compression or repetition can hide an error in; the same for the same seed."""
    block = hashlib.shake_256(str(seed).encode()).digest(1 << 20)
    return (block * (length // len(block) + 1))[:length]


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def wait_until(condition, seconds=20, what="the condition"):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


class Guest:
    """A machine booted by the command line, as a process of ours."""

    def __init__(self, folder, *arguments, prefix=()):
        self.log = folder / f"guest-{time.monotonic_ns()}.log"
        self.words = [*prefix, sys.executable, "-m", "lab.cli", *[str(argument) for argument in arguments]]
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)

    def output(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def wait(self, timeout=60):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.words}\n{self.output()[-3000:]}") from None

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert "Traceback" not in self.output(), self.output()[-4000:]


class Namespace:
    """A network namespace with a TAP: the host's side is .1, the machine's .2 of 10.77.NET.0/24."""

    def __init__(self, name, net):
        self.name = name
        self.host = f"10.77.{net}.1"
        self.guest = f"10.77.{net}.2"

    def up(self):
        run("ip", "netns", "add", self.name)
        for words in (
            ["link", "set", "lo", "up"],
            ["tuntap", "add", "dev", "tap0", "mode", "tap"],
            ["addr", "add", f"{self.host}/24", "dev", "tap0"],
            ["link", "set", "tap0", "up"],
        ):
            run("ip", "-n", self.name, *words)
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)

    def down(self):
        run("ip", "netns", "del", self.name, check=False)

    def words(self, *words):
        return ["ip", "netns", "exec", self.name, *[str(word) for word in words]]

    def run(self, *words, **options):
        return run(*self.words(*words), **options)

    @contextlib.contextmanager
    def background(self, *words, port=None, **options):
        """A process in the namespace for the time of the block, which begins when it listens at `port`, if one is given."""
        options.setdefault("stdout", subprocess.DEVNULL)
        child = subprocess.Popen(self.words(*words), stderr=subprocess.DEVNULL, **options)
        try:
            if port is not None:
                wait_until(lambda: f":{port} " in self.run("ss", "-ltun").stdout, what=f"{words[0]} at port {port}")
            yield child
        finally:
            if child.poll() is None:
                child.terminate()
            child.wait(10)

    def boot(self, folder, *arguments, command=None):
        """A machine on the TAP; waits until it answers ping."""
        extra = ["-c", command] if command else []
        guest = Guest(
            folder,
            "boot",
            "--net",
            "tap:tap0",
            "--ip",
            f"{self.guest}/24",
            "--gateway",
            self.host,
            *arguments,
            *extra,
            prefix=self.words(),
        )
        try:
            wait_until(
                lambda: not guest.alive() or self.run("ping", "-c", "1", "-W", "1", self.guest, check=False).returncode == 0,
                what="the machine's answer to ping",
            )
            assert guest.alive() or command, guest.output()
        except AssertionError:
            guest.stop()
            raise
        return guest


@pytest.fixture
def guests(tmp_path):
    """`guests(ARGUMENTS...)` boots a machine that is stopped at the end of the test."""
    started = []

    def boot(*arguments):
        guest = Guest(tmp_path, *arguments)
        started.append(guest)
        return guest

    yield boot
    for guest in started:
        guest.stop()


@pytest.fixture
def tap_namespace():
    need("ip", "ping", root=True)
    space = Namespace(f"hwemu-t{os.getpid()}", os.getpid() % 200 + 20)
    space.up()
    yield space
    space.down()


@pytest.fixture
def on_tap(tap_namespace, tmp_path):
    """`on_tap(ARGUMENTS..., command=...)` boots a machine on the namespace's TAP."""
    started = []

    def boot(*arguments, command=None):
        guest = tap_namespace.boot(tmp_path, *arguments, command=command)
        started.append(guest)
        return guest

    yield boot
    for guest in started:
        guest.stop()
