"""The command line: wrong words give one line and status 2, what goes wrong later one line and status 1."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab import cli
from lab.errors import LabError, reason
from lab.trace_output import TraceOutput

ROOT = Path(__file__).resolve().parents[2]


def hwemu(*words, **options):
    """Run the command in a process of its own, as the user does."""
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60, "cwd": ROOT, **options}
    if "input" not in settings:
        settings["stdin"] = subprocess.DEVNULL
    return subprocess.run([sys.executable, "-m", "lab.cli", *words], check=False, **settings)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fly",),
        ("boot", "--net", "bridge:br0"),
        ("boot", "--forward", "tcp:8080:80"),
        ("boot", "--net", "none", "--forward", "tcp:127.0.0.1:8080:80"),
        ("boot", "--impair", "loss=5"),
        ("boot", "--ip", "10.0.0.1"),
        ("boot", "--ip", "10.0.0.1/24"),
        ("boot", "--ip", "10.0.2.2/24"),
        ("boot", "--ip", "10.0.2.200/28"),
        ("boot", "--gateway", "10.0.0.300"),
        ("boot", "--net", "none", "--gateway", "10.0.0.1"),
        ("boot", "--memory", "1"),
        ("boot", "--seed", "x"),
        ("boot", "--net", "tap:x", "--virtual-time"),
        ("boot", "stray"),
        ("run",),
        ("wire", "tap:a"),
        ("wire", "tap:a", "tap:a"),
        ("wire", "a", "b"),
    ],
)
def test_wrong_words(words, capsys):
    try:
        status = cli.main(list(words))
    except SystemExit as stop:
        status = stop.code
    output = capsys.readouterr()
    assert status == 2 and output.out == ""
    assert output.err.count("\n") == 1 and output.err.startswith("hwemu")


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    words = capsys.readouterr().out.split()
    assert words[0] == "hwemu"
    interpreted = os.environ.get("HWEMU_INTERPRETED", "") not in ("", "0")
    assert words[-1] == ("(interpreted)" if interpreted else "(compiled)")


@pytest.mark.parametrize("words", [("--help",), ("boot", "--help"), ("run", "--help"), ("wire", "--help")])
def test_help(words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert stop.value.code == 0 and "usage: hwemu" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("boot", "-c", "true", "--share", "/nonexistent"),
        ("boot", "-c", "true", "--capture", "/nonexistent/file"),
        ("boot", "-c", "true", "--forward", "tcp:203.0.113.1:8080:80"),
        ("run", "/nonexistent.py"),
        ("run", "/"),
    ],
)
def test_what_can_not_be_had(words, capsys):
    status = cli.main(list(words))
    output = capsys.readouterr()
    assert status == 1 and output.out == ""
    assert output.err.count("\n") == 1 and output.err.startswith("hwemu " + words[0] + ": ")


def test_a_used_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = hwemu("boot", "-c", "true", "--forward", f"tcp:127.0.0.1:{taken.getsockname()[1]}:80")
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and "in use" in result.stderr


@pytest.mark.parametrize("line", ["true", "ping -f -q -s 1400 -c 200 10.0.2.2"])
def test_a_capture_on_a_full_disk_is_one_line(line):
    result = hwemu("boot", "--capture", "/dev/full", "-c", line)
    assert result.returncode == 1 and result.stderr == "hwemu boot: /dev/full: No space left on device\n"


def test_output_on_a_full_disk_is_one_line():
    with open("/dev/full", "wb") as full:
        result = hwemu("boot", "-c", "echo text", stdout=full)
    assert result.returncode == 1 and result.stderr == "hwemu boot: standard output: No space left on device\n"


def test_closed_standard_descriptors():
    """Nothing of ours takes their numbers: what the guest writes goes nowhere."""
    command = [sys.executable, "-m", "lab.cli", "boot", "-c", "cat; echo text; ping -c 1 10.0.2.2 || false"]
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
    assert subprocess.run(closed, cwd=ROOT, timeout=60, check=False).returncode == 0


def test_standard_error_stays_apart():
    both = "echo out; ls /nonexistent"
    result = hwemu("boot", "--net", "none", "-c", both)
    assert (result.stdout, result.returncode) == ("out\n", 2)
    assert result.stderr == "ls: cannot access '/nonexistent': No such file or directory\n"
    # Joined by the caller they keep their order.
    result = hwemu("boot", "--net", "none", "-c", f"{both}; echo last", stderr=subprocess.STDOUT)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["out", "ls:", "last"]


def test_a_shell_on_a_pipe_neither_prompts_nor_echoes():
    result = hwemu("boot", "--net", "none", input="ls /etc/host*\nnosuch\nexit 3\n")
    assert (result.stdout, result.returncode) == ("/etc/hostname\n/etc/hosts\n", 3)
    # What the kernel has to say while it boots and powers off is not the shell's output either.
    assert "sh: line 2: nosuch: not found\n" in result.stderr and "reboot: Power down" in result.stderr


def test_reasons_are_readable():
    try:
        os.stat("/nonexistent")
    except OSError as error:
        assert reason(error) == "/nonexistent: No such file or directory"
    assert reason(OSError("plain")) == "plain"


def test_trace_output_formats_and_refuses():
    import io

    from hwemu.clock import Clock
    from hwemu.trace import Trace

    out = io.StringIO()
    clock = Clock()
    clock.advance(1_000_000_007)
    trace = Trace(clock, "guest")
    output = TraceOutput(out)
    output.listen(trace, ["irq_*"])
    trace.emit("irq_line", 9, 1)
    trace.emit("nic_rx_frame", "nic0", 60)
    assert out.getvalue() == "[    1.000000007] guest irq_line: line 9 level 1\n" and output.lines == 1
    with pytest.raises(LabError) as caught:
        output.listen(trace, ["no_such_*"])
    assert caught.value.status == 2
    # What the kernel declares only when it boots can be asked for before.
    output.listen(trace, ["skb_drop"])
    trace.declare({"tcp_later": "{0}"})
    trace.emit("skb_drop", 7, 60, "NO_SOCKET")
    assert out.getvalue().endswith("] guest skb_drop: skb 7 length 60 reason NO_SOCKET\n")


def test_a_pattern_means_events_that_are_declared_later_too():
    from hwemu.trace import Trace

    seen = []
    trace = Trace(None, "guest")
    trace.listen("*", lambda time, machine, event, text: seen.append((event, text)))
    trace.declare({"tcp_later": "seq {0}"})
    trace.emit("tcp_later", 1)
    trace.emit("irq_line", 9, 1)
    assert seen == [("tcp_later", "seq 1"), ("irq_line", "line 9 level 1")]
