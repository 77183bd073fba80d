"""`hwemu boot` at a terminal: a prompt, typing, Ctrl-C, and the terminal as it was afterwards."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20


class Terminal:
    """A pseudo terminal with the command on it."""

    def __init__(self, *words, size=(24, 80)):
        self.leader, self.follower = pty.openpty()
        termios.tcsetwinsize(self.follower, size)
        self.before = termios.tcgetattr(self.follower)
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab.cli", *words], cwd=ROOT, stdin=self.follower, stdout=self.follower,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def expect(self, pattern):
        """Read until `pattern` has come; everything up to its end."""
        deadline = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.seen)
            if match:
                taken, self.seen = self.seen[: match.end()], self.seen[match.end() :]
                return taken
            ready, _, _ = select.select([self.leader], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.seen!r}"
            self.seen += os.read(self.leader, 4096).decode("utf-8", "replace")

    def type(self, text):
        os.write(self.leader, text.encode())

    def ended(self):
        """The exit status, once the terminal is as it was."""
        status = self.process.wait(PATIENCE)
        assert termios.tcgetattr(self.follower) == self.before
        assert self.process.stderr.read() == b""
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        os.close(self.leader)
        os.close(self.follower)


@pytest.fixture
def terminal():
    opened = []

    def start(*words, **options):
        opened.append(Terminal(*words, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_a_shell(terminal):
    screen = terminal("boot", "--net", "none")
    assert "Linux version" in screen.expect(r"# ")
    screen.type("echo a'b c'd\r")
    screen.expect(r"ab cd\r\n")
    screen.expect(r"# ")
    screen.type("exit 5\r")
    assert screen.ended() == 5


def test_the_interrupt_key_ends_the_foreground_program(terminal):
    screen = terminal("boot", "--net", "none")
    screen.expect(r"# ")
    screen.type("sleep 1000; echo status $?\r")
    screen.expect(r"\r\n")
    time.sleep(0.3)
    screen.type("\x03")
    screen.expect(r"# ")
    screen.type("echo alive\r")
    screen.expect(r"alive\r\n")
    screen.expect(r"# ")
    screen.type("\x03")
    screen.expect(r"# ")
    screen.type("\x03")
    screen.ended()


def test_the_interrupt_key_with_a_command(terminal):
    screen = terminal("boot", "--net", "none", "-c", "echo ready; sleep 1000")
    screen.expect(r"ready\r\n")
    time.sleep(0.3)
    screen.type("\x03")
    assert screen.ended() == 128 + signal.SIGINT


def test_end_of_file_at_the_prompt(terminal):
    screen = terminal("boot", "--net", "none")
    screen.expect(r"# ")
    screen.type("\x04")
    assert screen.ended() == 0


def test_poweroff(terminal):
    screen = terminal("boot", "--net", "none")
    screen.expect(r"# ")
    screen.type("poweroff\r")
    assert screen.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_from_outside_restores_the_terminal(terminal, number):
    screen = terminal("boot", "--net", "none")
    screen.expect(r"# ")
    screen.process.send_signal(number)
    assert screen.ended() == 128 + number


SIZE = """
from userland import libc

def main(argv):
    for _ in range(2):
        libc.puts("size %d %d\\n" % libc.window_size(0))
        libc.read(0, bytearray(1))
"""


def test_the_window_size_reaches_the_guest(terminal, tmp_path):
    (tmp_path / "size.py").write_text(SIZE)
    screen = terminal("run", "--net", "none", str(tmp_path / "size.py"), size=(33, 99))
    screen.expect(r"size 33 99\r\n")
    termios.tcsetwinsize(screen.follower, (20, 70))
    screen.process.send_signal(signal.SIGWINCH)
    time.sleep(0.3)
    screen.type("\r")
    screen.expect(r"size 20 70\r\n")
    screen.type("\r")
    assert screen.ended() == 0


def test_ctrl_c_ends_a_program_that_only_computes(tmp_path):
    program = tmp_path / "loop.py"
    program.write_text("from userland import libc\ndef main(argv):\n    libc.puts('ready')\n    while True:\n        pass\n")
    terminal = Terminal("run", "--net", "none", str(program))
    try:
        terminal.expect("ready")
        terminal.type("\x03")
        terminal.expect(r"\^C")
        assert terminal.ended() == 128 + signal.SIGINT
    finally:
        terminal.close()


def test_a_shell_gets_the_terminal_back_from_such_a_program(tmp_path):
    program = tmp_path / "loop.py"
    program.write_text("from userland import libc\ndef main(argv):\n    libc.puts('ready')\n    while True:\n        pass\n")
    program.chmod(0o755)
    terminal = Terminal("boot", "--net", "none", "--share", str(tmp_path))
    try:
        terminal.expect("# ")
        terminal.type("/host/loop.py\n")
        terminal.expect("ready\r\n")
        terminal.type("\x03")
        terminal.expect("# ")
        terminal.type("echo st$?; exit 4\n")
        terminal.expect("st130")
        assert terminal.ended() == 4
    finally:
        terminal.close()


def test_ctrl_c_is_keyboard_interrupt_in_a_loop_of_hwemu_python():
    text = "try:\n    print('ready')\n    while True: pass\nexcept KeyboardInterrupt: print('caught')"
    terminal = Terminal("python", "-c", text)
    try:
        terminal.expect("ready")
        terminal.type("\x03")
        terminal.expect("caught")
        assert terminal.ended() == 0
    finally:
        terminal.close()
