"""The host's end of the console: bytes unchanged, flow control, ends and broken pipes, the terminal restored."""

import hashlib
import os
import pty
import signal
import termios
import threading

import pytest

from hwemu.clock import Clock
from lab import console
from lab.host_signals import HostSignals
from lab.machine import build_machine

SECOND = 1_000_000_000
COPY = b"""
from userland import libc

def main(argv):
    block = bytearray(3000)
    while (count := libc.read(0, block)) > 0:
        libc.write(1, memoryview(block)[:count])
    return 7
"""
FLOOD = b"""
from userland import libc

def main(argv):
    while True:
        libc.write(1, b"x" * 4096)
"""


def machine(clock, program, mode="pipe"):
    cmdline = {"net": "off", "init": "/bin/x", "console": mode, "loglevel": "1"}
    return build_machine(clock, None, cmdline=cmdline, files={"/bin/x": program})


@pytest.fixture
def pipes():
    descriptors = [*os.pipe(), *os.pipe()]
    yield descriptors
    for fd in descriptors:
        try:
            os.close(fd)
        except OSError:
            pass


def test_every_byte_passes_a_pipe_unchanged(pipes):
    typed_out, typed_in, shown_out, shown_in = pipes
    data = hashlib.shake_256(b"console").digest(300_000) + bytes(range(256)) * 4
    shown = bytearray()

    def type_it():
        view = memoryview(data)
        while view:
            view = view[os.write(typed_in, view) :]
        os.close(typed_in)

    def read_it():
        while chunk := os.read(shown_out, 65536):
            shown.extend(chunk)

    threads = [threading.Thread(target=type_it), threading.Thread(target=read_it)]
    for thread in threads:
        thread.start()
    clock = Clock(real=True)
    host = machine(clock, COPY)
    line = console.ConsoleLine(host, typed_out, shown_in)
    host.start()
    line.attach()
    assert host.run(60 * SECOND) == 7
    line.detach()
    os.close(shown_in)
    for thread in threads:
        thread.join()
    assert bytes(shown) == data
    assert clock.sources == {}


def test_a_regular_file_is_typed_as_the_guest_takes_it(tmp_path, pipes):
    data = os.urandom(200_000)
    (tmp_path / "in").write_bytes(data)
    clock = Clock()
    host = machine(clock, COPY)
    with open(tmp_path / "in", "rb") as typed, open(tmp_path / "out", "wb") as shown:
        line = console.ConsoleLine(host, typed.fileno(), shown.fileno())
        host.start()
        line.attach()
        assert host.run(60 * SECOND) == 7
        line.detach()
    assert (tmp_path / "out").read_bytes() == data
    assert not clock.real


def test_a_closed_input_is_an_end(pipes):
    clock = Clock()
    host = machine(clock, COPY)
    os.close(pipes[0])
    line = console.ConsoleLine(host, pipes[0], pipes[3])
    host.start()
    line.attach()
    assert host.run(SECOND) == 7
    line.detach()


def test_a_reader_that_leaves_ends_the_machine(pipes):
    clock = Clock()
    host = machine(clock, FLOOD)
    line = console.ConsoleLine(host, pipes[0], pipes[3])
    os.close(pipes[2])
    host.start()
    line.attach(with_input=False)
    assert host.run(60 * SECOND) == 128 + signal.SIGPIPE
    line.detach()


def test_is_silent(pipes, tmp_path):
    assert not console.is_silent(pipes[0])
    with open(os.devnull, "rb") as null, open(tmp_path / "file", "wb") as file:
        assert console.is_silent(null.fileno()) and not console.is_silent(file.fileno())
    os.close(pipes[1])
    assert console.is_silent(pipes[1])


def test_a_terminal_is_restored_on_every_way_out():
    leader, follower = pty.openpty()
    try:
        before = termios.tcgetattr(follower)
        for error in (None, RuntimeError, KeyboardInterrupt):
            try:
                with console.raw_terminal(follower):
                    assert not termios.tcgetattr(follower)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
                    if error is not None:
                        raise error
            except (RuntimeError, KeyboardInterrupt):
                pass
            assert termios.tcgetattr(follower) == before
    finally:
        os.close(leader)
        os.close(follower)


@pytest.mark.parametrize("real", [True, False])
def test_signals_come_in_the_clocks_context(real):
    clock = Clock(real=real)
    came = []

    def deliver(number):
        came.append(number)
        clock.stop()

    before = signal.getsignal(signal.SIGTERM)
    with HostSignals(clock, deliver) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        clock.run(clock.now + SECOND)
        signals.poll()
    assert came == [signal.SIGTERM] and signal.getsignal(signal.SIGTERM) is before and clock.sources == {}
