"""`hwemu run --gdb`: the protocol's packets, and the host's own gdb with a program of ours."""

import random
import re
import shutil
import socket
import subprocess
import sys

import pytest

from hwemu.x86.space import REGISTERS, Registers, UserSpace
from kernel.arch.memory import library_path
from lab.errors import LabError
from lab.gdb import GdbServer

SOURCE = """
#include <stdio.h>
static int twice(int n)
{
    return n + n;
}
int main(int argc, char **argv)
{
    int answer = twice(21);
    printf("answer %d\\n", answer);
    return argc == 1 ? 5 : 0;
}
"""


@pytest.fixture
def server():
    made = GdbServer(free_port())
    made.mm = UserSpace(library_path(), 1 << 30, True)
    made.mm.map_pages(0x400000, 0x2000, 5)
    registers = Registers(made.mm)
    made.mm.load(registers)
    made.registers_kept = registers
    yield made
    made.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_registers_memory_and_breakpoints(server):
    assert server.answer("P10=0010400000000000", "05") == "OK"
    assert server.mm.get(REGISTERS["rip"]) == 0x401000
    assert server.answer("p10", "05") == "0010400000000000"
    assert len(server.answer("g", "05")) == 2 * (17 * 8 + 7 * 4)
    assert server.answer("M401000,2:9090", "05") == "OK"
    assert server.answer("Z0,401000,1", "05") == "OK"
    assert server.mm.peek(0x401000, 2) == b"\xcc\x90"
    # gdb never sees its own breakpoints.
    assert server.answer("m401000,2", "05") == "9090"
    assert server.answer("z0,401000,1", "05") == "OK"
    assert server.mm.peek(0x401000, 2) == b"\x90\x90"
    assert server.answer("m10,4", "05") == "E14"
    assert server.answer("Z0,10,1", "05") == "E14"
    assert server.answer("?", "0b") == "S0b"
    assert server.answer("vMustReplyEmpty", "05") == ""


def test_garbage_is_answered(server):
    chance = random.Random(3)
    for _ in range(3000):
        kind = chance.choice("gpPmMzZHqv?x")
        text = kind + "".join(chance.choice("0123456789abcdef,:=-xyz\xff") for _ in range(chance.randrange(24)))
        assert isinstance(server.answer(text, "05"), str)


def test_a_port_that_is_taken_is_one_line(server):
    with pytest.raises(LabError, match="--gdb"):
        GdbServer(server.port)


@pytest.mark.interop
def test_gdb_breaks_in_main_steps_and_sees_the_end(tmp_path):
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    (tmp_path / "hello.c").write_text(SOURCE)
    program = tmp_path / "hello"
    subprocess.run(["gcc", "-g", "-O0", "-static", "-o", str(program), str(tmp_path / "hello.c")], check=True)
    port = free_port()
    command = [sys.executable, "-m", "lab.cli", "run", "--net", "none", "--gdb", str(port), str(program)]
    machine = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    script = [
        "set confirm off", "set tcp connect-timeout 60", f"target remote 127.0.0.1:{port}", "break twice", "continue", "print n",
        "bt", "finish", "stepi", "delete", "continue",
    ]  # fmt: skip
    arguments = ["gdb", "-q", "-nx", "-batch", *(part for line in script for part in ("-ex", line)), str(program)]
    transcript = subprocess.run(arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout
    output, _ = machine.communicate()
    assert machine.returncode == 5
    assert output == "answer 42\n"
    assert "Breakpoint 1, twice (n=21)" in transcript
    assert "$1 = 21" in transcript
    assert re.search(r"#1 .* in main \(argc=1", transcript)
    assert "Value returned is $2 = 42" in transcript
    assert "exited with code 05" in transcript
