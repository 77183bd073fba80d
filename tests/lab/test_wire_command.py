"""`hwemu wire tap:A tap:B` between two real TAPs."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hwemu.wire.tap import open_tap

ROOT = Path(__file__).resolve().parents[2]
FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5"


@pytest.fixture
def taps(network_namespace):
    """The names of two TAPs that the command may make."""
    try:
        os.close(open_tap("tap0"))
    except OSError as error:
        pytest.skip(str(error))
    return "tap0", "tap1"


@pytest.fixture
def command(taps, tmp_path):
    """The running command, both interfaces up, and the capture that it writes."""
    capture = tmp_path / "wire.pcapng"
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.cli", "wire", f"tap:{taps[0]}", f"tap:{taps[1]}", "--capture", str(capture),
         "--impair", "duplicate=100%"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "are joined" in process.stderr.readline()
    yield process, capture
    process.kill()
    process.wait()
    process.stderr.close()


def packet_socket(name):
    deadline = time.monotonic() + 5
    while True:
        try:
            endpoint = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
            endpoint.bind((name, 0))
            endpoint.settimeout(5)
            return endpoint
        except OSError:
            endpoint.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.interop
def test_frames_cross_and_the_end_is_clean(taps, command):
    process, capture = command
    with packet_socket(taps[0]) as first, packet_socket(taps[1]) as second:
        for number in range(10):
            first.send(FRAME + bytes((number,)) * 50)
        got = []
        while len(got) < 20:
            data, origin = second.recvfrom(2000)
            if origin[2] != socket.PACKET_OUTGOING:
                got.append(data[14])
        assert got == [number for number in range(10) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    _, report = process.communicate(timeout=10)
    assert process.returncode == 0 and "duplicated" in report and f"{taps[0]}: " in report
    assert capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_missing_permission_or_device_is_one_line(monkeypatch, capsys):
    from hwemu.wire import tap
    from lab import cli

    def refuse(*arguments):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(tap, "os", SimpleNamespace(**{**vars(os), "open": refuse}))
    assert cli.main(["wire", "tap:a", "tap:b"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Operation not permitted" in error
