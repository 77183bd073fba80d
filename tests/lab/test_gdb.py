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
    assert server.answer("P10=0010400000000000", 5) == "OK"
    assert server.mm.get(REGISTERS["rip"]) == 0x401000
    assert server.answer("p10", 5) == "0010400000000000"
    assert len(server.answer("g", 5)) == 2 * (17 * 8 + 7 * 4)
    assert server.answer("M401000,2:9090", 5) == "OK"
    assert server.answer("Z0,401000,1", 5) == "OK"
    assert server.mm.peek(0x401000, 2) == b"\xcc\x90"
    # gdb never sees its own breakpoints.
    assert server.answer("m401000,2", 5) == "9090"
    assert server.answer("z0,401000,1", 5) == "OK"
    assert server.mm.peek(0x401000, 2) == b"\x90\x90"
    assert server.answer("m10,4", 5) == "E14"
    assert server.answer("Z0,10,1", 5) == "E14"
    assert server.answer("?", 11) == "S0b"
    assert server.answer("vMustReplyEmpty", 5) == ""


def test_garbage_is_answered(server):
    chance = random.Random(3)
    for _ in range(3000):
        kind = chance.choice("gpPmMzZHqv?x")
        text = kind + "".join(chance.choice("0123456789abcdef,:=-xyz\xff") for _ in range(chance.randrange(24)))
        assert isinstance(server.answer(text, 5), str)


def test_a_port_that_is_taken_is_one_line(server):
    with pytest.raises(LabError, match="--gdb"):
        GdbServer(server.port)


@pytest.mark.interop
def test_gdb_breaks_in_main_steps_and_sees_the_end(tmp_path):
    script = ["break twice", "continue", "print n", "bt", "finish", "stepi", "delete", "continue"]
    transcript, output, status = debug(tmp_path, SOURCE, script, words=("--net", "none"))
    assert status == 5
    assert output == "answer 42\n"
    assert "Breakpoint 1, twice (n=21)" in transcript
    assert "$1 = 21" in transcript
    assert re.search(r"#1 .* in main \(argc=1", transcript)
    assert "Value returned is $2 = 42" in transcript
    assert "exited with code 05" in transcript


THREADED = """
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static sem_t ready, go[3];
static int sums[3];
static void reached(int which)
{
    sums[which] += which;
}
static void *worker(void *argument)
{
    int which = (int)(long)argument;
    sem_post(&ready);
    sem_wait(&go[which]);
    reached(which);
    return 0;
}
int main(void)
{
    pthread_t threads[2];
    int status;
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, worker, (void *)(i + 1));
    sem_wait(&ready);
    sem_wait(&ready);
    if (!fork()) {
        reached(2);
        _exit(sums[2]);
    }
    wait(&status);
    sem_post(&go[1]);
    pthread_join(threads[0], 0);
    sem_post(&go[2]);
    pthread_join(threads[1], 0);
    printf("sums %d %d, child %d\\n", sums[1], sums[2], WEXITSTATUS(status));
    fflush(stdout);
    return *(volatile int *)0x1234;
}
"""


def debug(tmp_path, source, script, *flags, words=()):
    """Run a C program under the host's gdb: (gdb's transcript, the program's output, the machine's status)."""
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    (tmp_path / "prog.c").write_text(source)
    program = tmp_path / "prog"
    subprocess.run(["gcc", "-g", "-O0", "-static", *flags, "-o", str(program), str(tmp_path / "prog.c")], check=True)
    port = free_port()
    command = [sys.executable, "-m", "lab.cli", "run", *words, "--gdb", str(port), str(program)]
    machine = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )  # fmt: skip
    try:
        assert "waiting for gdb" in machine.stderr.readline()
        script = ["set confirm off", "set remotetimeout 600", f"target remote 127.0.0.1:{port}", *script]
        arguments = ["gdb", "-q", "-nx", "-batch", *(part for line in script for part in ("-ex", line)), str(program)]
        done = subprocess.run(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, stdin=subprocess.DEVNULL
        )
        transcript = done.stdout
        output, _ = machine.communicate()
    finally:
        machine.kill()
    return transcript, output, machine.returncode


@pytest.mark.interop
@pytest.mark.parametrize("flags", [(), ("-m32",)])
def test_gdb_tells_threads_apart(tmp_path, flags):
    script = [
        "break reached", "continue", "info threads", "bt 2", "thread 3", "bt", "thread 1", "bt", "thread 2", "next", "print sums",
        "continue", "info threads", "print which", "set scheduler-locking on", "stepi", "set scheduler-locking off",
        "delete", "continue", "print $_siginfo", "continue",
    ]  # fmt: skip
    transcript, output, status = debug(tmp_path, THREADED, script, "-pthread", *flags, words=("--net", "none"))
    assert output == "sums 1 2, child 2\n", transcript
    first, second = (part.split("(gdb)")[0] for part in re.split(r"Breakpoint 1, reached", transcript)[1:])
    assert "(which=1)" in first and "(which=2)" in second
    # Three threads, of which the one that has stopped is the current one; where the others are.
    assert len(re.findall(r"^[* ] +\d +Thread", first, re.M)) == 3
    assert re.search(r"^\* +2 +Thread .*reached \(which=1\)", first, re.M)
    assert re.search(r"#\d+ .* in worker \(argument=0x2\)", first)
    assert re.search(r"#\d+ .* in main \(\)", first)
    assert "in system call" in first
    assert "{0, 1, 0}" in first
    assert "$2 = 2" in second and len(re.findall(r"^[* ] +\d +Thread", second, re.M)) in (2, 3)
    assert "received signal SIGSEGV" in second
    assert "terminated with signal SIGSEGV" in second
    assert status == 128 + 11


def exchange(connection, *texts):
    """Send packets and give gdb's side of the answers' text."""
    got = []
    for text in texts:
        # None: only the answer.
        if text is not None:
            connection.sendall(b"$%s#%02x" % (text, sum(text) & 255))
        raw = b""
        while not re.search(rb"\$[^#]*#..", raw):
            piece = connection.recv(4096)
            assert piece, "the machine has hung up"
            raw += piece
        got.append(re.search(rb"\$([^#]*)#..", raw)[1].decode())
    return got


def test_the_interrupt_key_stops_a_program_that_sleeps(tmp_path):
    (tmp_path / "prog.c").write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    program = tmp_path / "prog"
    subprocess.run(["gcc", "-static", "-o", str(program), str(tmp_path / "prog.c")], check=True)
    port = free_port()
    command = [sys.executable, "-m", "lab.cli", "run", "--gdb", str(port), str(program)]
    machine = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert "waiting for gdb" in machine.stderr.readline()
        with socket.create_connection(("127.0.0.1", port)) as gdb:
            stopped, threads = exchange(gdb, b"?", b"qfThreadInfo")
            assert stopped == f"T05thread:{threads[1:]};"
            # Twice: it goes on sleeping in between.
            for _ in range(2):
                gdb.sendall(b"$vCont;c#a8")
                while gdb.recv(1) != b"+":
                    pass
                gdb.sendall(b"\x03")
                (stopped,) = exchange(gdb, None)
                assert stopped == f"T02thread:{threads[1:]};"
            registers, extra = exchange(gdb, b"g", b"qThreadExtraInfo," + threads[1:].encode())
            assert len(registers) == 2 * (17 * 8 + 7 * 4)
            assert bytes.fromhex(extra).startswith(b"prog")
            assert exchange(gdb, b"T9999", b"Hg9999", b"qThreadExtraInfo,9999", b"vCont;x") == ["E01"] * 4
            gdb.sendall(b"$k#6b")
            machine.wait()
        assert machine.returncode == 128 + 9
    finally:
        machine.kill()
        machine.communicate()
