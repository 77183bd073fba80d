"""What `hwemu boot </dev/null` shows, and that it is the same every time."""

import io
import subprocess
import sys
from pathlib import Path

from lab.cli import check, parser
from lab.commands.demonstration import demonstrate

ROOT = Path(__file__).resolve().parents[2]


def show(*words):
    options = parser().parse_args(["boot", *words])
    check(options)
    out = io.StringIO()
    assert demonstrate(options, out) == 0
    return out.getvalue()


def test_boot_link_ping_page():
    text = show()
    assert text.index("Linux version") < text.index("inet 10.0.2.15/24") < text.index("bytes from 10.0.2.2")
    assert "3 packets transmitted, 3 received, 0% packet loss" in text
    assert "Hello from the second machine." in text and "reboot: Power down" in text
    assert text == show()


def test_the_command_without_input():
    done = subprocess.run(
        [sys.executable, "-m", "lab.cli", "boot"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "" and "Hello from the second machine." in done.stdout


def test_the_command_with_input_closed():
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m lab.cli boot <&-', sys.executable], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "Hello from the second machine." in done.stdout


def test_output_that_can_not_be_written():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lab.cli", "boot"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1 and done.stderr == "hwemu boot: standard output: No space left on device\n"
