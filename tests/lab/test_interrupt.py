"""The host's signals against programs that only compute: they end all the same, in one line."""

import signal
import subprocess
import sys

import pytest

PURE = """
from userland import libc
def main(argv):
    libc.puts("ready")
    while True:
        pass
"""
LIBRARY = """
import re
from userland import libc
def main(argv):
    libc.puts("ready")
    while True:
        re.sub("a", "b", "c" * 1000)
"""
HANDLER = """
from userland import libc
caught = []
def main(argv):
    libc.signal(libc.SIGINT, caught.append)
    libc.puts("ready")
    while len(caught) < 1:
        pass
    libc.puts("once")
    while len(caught) < 2:
        pass
    libc.puts(f"caught {caught}")
    return 5
"""
C_LOOP = """
#include <unistd.h>
int main(void) { write(1, "ready\\n", 6); for (;;); }
"""


def start(tmp_path, name, source, *words):
    """A machine that runs the program, which has said "ready"."""
    path = tmp_path / name
    if name.endswith(".c"):
        path.write_text(source)
        subprocess.run(["gcc", "-static", "-o", str(tmp_path / "prog"), str(path)], check=True)
        path = tmp_path / "prog"
    else:
        path.write_text(source)
    machine = subprocess.Popen(
        [sys.executable, "-m", "lab.cli", "run", *words, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert machine.stdout.readline() == "ready\n"
    return machine


@pytest.mark.parametrize("words", [("--net", "none"), ()])
@pytest.mark.parametrize(("name", "source"), [("loop.py", PURE), ("loop.c", C_LOOP)], ids=["python", "c"])
def test_the_interrupt_key_ends_an_endless_loop_at_once(tmp_path, name, source, words):
    machine = start(tmp_path, name, source, *words)
    machine.send_signal(signal.SIGINT)
    output, errors = machine.communicate()
    assert (machine.returncode, output, errors) == (130, "", "hwemu: interrupted\n")


def test_a_loop_in_a_library_ends_as_well(tmp_path):
    machine = start(tmp_path, "loop.py", LIBRARY, "--net", "none")
    machine.send_signal(signal.SIGINT)
    output, errors = machine.communicate()
    assert (machine.returncode, output, errors) == (130, "", "hwemu: interrupted\n")


def test_a_handler_runs_in_the_middle_of_a_loop(tmp_path):
    machine = start(tmp_path, "loop.py", HANDLER, "--net", "none")
    machine.send_signal(signal.SIGINT)
    assert machine.stdout.readline() == "once\n"
    machine.send_signal(signal.SIGINT)
    output, errors = machine.communicate()
    assert (machine.returncode, output, errors) == (5, "caught [2, 2]\n", "")


def test_a_request_to_end_reaches_it_too(tmp_path):
    machine = start(tmp_path, "loop.py", PURE, "--net", "none")
    machine.send_signal(signal.SIGTERM)
    machine.communicate()
    assert machine.returncode == 128 + signal.SIGTERM
