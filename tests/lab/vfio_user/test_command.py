"""`hwemu serve-nic` from outside: its options, its lines, its end."""

import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import cli
from lab.vfio_user import messages

from .client import CAPABILITIES

ROOT = Path(__file__).resolve().parents[3]
MAC = "02:00:00:00:00:07"


def refused(capsys, *words):
    """(exit status, the one line) of a command that can not run."""
    try:
        status = cli.main(["serve-nic", *words])
    except SystemExit as stop:
        status = stop.code
    line = capsys.readouterr().err
    assert line.count("\n") == 1, line
    return status, line.strip()


@pytest.mark.parametrize(
    "words, line",
    [
        ((), "the following arguments are required: --vfio-user"),
        (("--vfio-user", "s", "--net", "bridge"), "'bridge' is not a network (user, none, tap:NAME or machine)"),
        (("--vfio-user", "s", "--mac", "01:00:00:00:00:00"), "01:00:00:00:00:00 is not the address of a station"),
        (("--vfio-user", "s", "--mac", "1:2:3"), "'1:2:3' is not a hardware address (aa:bb:cc:dd:ee:ff)"),
        (("--vfio-user", "s", "--nic", "e1000"), "unrecognized arguments: --nic e1000"),
        (("--vfio-user", "s", "-c", "true"), "-c and --share need --net machine"),
        (("--vfio-user", "s", "--net", "none", "--capture", "f"), "--capture and --impair need a network"),
        (("--vfio-user", "s", "--net", "none", "--forward", "tcp::1:1"), "--forward needs --net user"),
    ],
)
def test_wrong_options(capsys, tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    status, said = refused(capsys, *words)
    assert status == 2 and said.endswith(line)


def test_paths_that_can_not_be_used(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    refusals = {"file": "Address already in use", "no/such": "No such file or directory", "y" * 200: "1 to 107 bytes"}
    for path, line in refusals.items():
        status, said = refused(capsys, "--net", "none", "--vfio-user", str(tmp_path / path))
        assert status == 1 and said.endswith(line)


class Command:
    """The running command and a client of it."""

    def __init__(self, folder, *words):
        self.path = folder / "nic.sock"
        command = [sys.executable, "-m", "lab.cli", "serve-nic", "--vfio-user", str(self.path), *words]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr.readline() == f"hwemu serve-nic: listening at {self.path}\n"

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(str(self.path))
        self.call(sock, messages.VERSION, messages.encode_version(0, 0, CAPABILITIES))
        return sock

    def call(self, sock, command, payload):
        sock.sendall(messages.encode(1, command, payload))
        head = messages.HEADER.parse(sock.recv(messages.HEADER_SIZE, socket.MSG_WAITALL))
        assert head.flags == messages.TYPE_REPLY
        size = head.size - messages.HEADER_SIZE
        return sock.recv(size, socket.MSG_WAITALL) if size else b""

    def read(self, sock, region, offset, count):
        access = messages.REGION_ACCESS.build({"offset": offset, "region": region, "count": count})
        return self.call(sock, messages.REGION_READ, access)[16:]

    def write(self, sock, region, offset, data):
        access = messages.REGION_ACCESS.build({"offset": offset, "region": region, "count": len(data)})
        self.call(sock, messages.REGION_WRITE, access + data)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert not self.path.exists()
        return self.process.returncode, out, err


@pytest.fixture
def start(tmp_path):
    running = []

    def begin(*words):
        running.append(Command(tmp_path, *words))
        return running[-1]

    yield begin
    for command in running:
        if command.process.poll() is None:
            command.process.kill()
            command.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(start, number):
    command = start("--net", "none", "--mac", MAC)
    sock = command.connect()
    command.write(sock, messages.CONFIG_REGION, 4, b"\7\0")
    assert command.read(sock, 0, 0x5400, 6) == bytes.fromhex(MAC.replace(":", ""))
    status, _, lines = command.end(number)
    assert status == 0
    assert lines.splitlines() == [
        "hwemu serve-nic: a client has connected",
        "hwemu serve-nic: the client was disconnected: the server ends",
    ]
    sock.close()


def test_the_user_network_behind_it(start, tmp_path):
    capture = tmp_path / "wire.pcapng"
    command = start("--capture", str(capture), "--impair", "delay=1ms")
    sock = command.connect()
    deadline = time.monotonic() + 10
    command.write(sock, messages.CONFIG_REGION, 4, b"\7\0")
    while not command.read(sock, 0, 8, 4)[0] & 2:
        assert time.monotonic() < deadline, "no link"
        select.select([], [], [], 0.05)
    sock.close()
    assert command.process.stderr.readline().endswith("a client has connected\n")
    assert command.process.stderr.readline().endswith("the client has gone\n")
    status, _, lines = command.end()
    assert (status, lines) == (0, "")
    assert capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_a_machine_at_the_other_end(start, tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "share/word").write_text("shared\n")
    line = "ip addr show eth0; cat /host/word; false"
    command = start("--net", "machine", "--ip", "192.168.7.1/28", "--share", str(tmp_path / "share"), "-c", line)
    assert command.process.stderr.readline() == "hwemu serve-nic: the other machine is off, with status 1\n"
    status, out, _ = command.end()
    assert status == 0
    assert "inet 192.168.7.1/28" in out and "shared" in out


def test_a_full_disk_ends_it_with_one_line(tmp_path):
    words = ["serve-nic", "--vfio-user", str(tmp_path / "nic.sock"), "--net", "machine", "-c", "echo lost"]
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lab.cli", *words],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "hwemu serve-nic: standard output: No space left on device"
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "nic.sock").exists()


def test_nobody_reads_the_other_machines_console(start):
    command = start("--net", "machine", "-c", "sleep 1; echo lost")
    command.process.stdout.close()
    assert command.process.stderr.readline() == "hwemu serve-nic: the other machine is off, with status 0\n"
    command.process.stdout = None
    assert command.end()[0] == 0


def test_two_signals_are_one(start):
    command = start()
    command.process.send_signal(signal.SIGINT)
    status, _, lines = command.end()
    assert (status, lines) == (0, "")


def test_help_says_where_it_listens(capsys):
    with pytest.raises(SystemExit):
        cli.main(["serve-nic", "--help"])
    assert "--vfio-user SOCKET" in capsys.readouterr().out
