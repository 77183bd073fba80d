"""The C examples on the machine's network, and the tools around machine code: strace, --root."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from hwemu.clock import Clock
from lab import guest
from lab.machine import build_machine
from lab.strace import Strace
from userland import libc

OUTER = """
from userland import libc
def main(argv):
    return libc.waitpid(libc.spawn("/bin/echo", ["echo", "hi"], {}))[1]
"""
EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "c"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The examples as their own Makefile builds them."""
    folder = tmp_path_factory.mktemp("examples")
    for source in EXAMPLES.iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    subprocess.run(["make", "-s", "-C", str(folder)], check=True)
    return {f"/bin/{name}": (folder / name).read_bytes() for name in ("udp_echo", "tcp_epoll", "ping", "udp_send32")}


@pytest.fixture
def host(built):
    files = {guest.INIT: guest.INIT_TEXT, **built}
    host = build_machine(Clock(), None, cmdline={"init": guest.INIT, "console": "pipe"}, files=files)
    yield guest.boot(host)
    assert host.power_off(0) == 0
    assert host.kernel.leak_report() == []


def start(path, *arguments):
    return libc.spawn(path, [path, *arguments], {})


def connect(kind, port):
    """A socket connected to a port of this machine, tried until somebody listens there."""
    fd = libc.socket(libc.AF_INET, kind)
    while libc.connect(fd, libc.sockaddr_in("127.0.0.1", port)) < 0:
        libc.close(fd)
        libc.usleep(1000)
        fd = libc.socket(libc.AF_INET, kind)
    return fd


def test_udp_echo(host):
    def client():
        pid = start("/bin/udp_echo", "7000", "2")
        libc.usleep(20_000)
        fd = connect(libc.SOCK_DGRAM, 7000)
        answers = []
        for text in (b"one", b"x" * 1400):
            libc.send(fd, text)
            answers.append(libc.recv_bytes(fd, 2000))
        return answers, libc.waitpid(pid)[1]

    assert guest.run(host, client) == ([b"one", b"x" * 1400], 0)


def test_an_i386_program_without_a_library_makes_socketcalls(host):
    def client():
        pid = start("/bin/udp_echo", "7000", "1")
        libc.usleep(20_000)
        sender = libc.waitpid(start("/bin/udp_send32", "over int 0x80"))[1]
        return sender, libc.waitpid(start("/bin/udp_send32"))[1], libc.waitpid(pid)[1]

    assert guest.run(host, client) == (0, 2 << 8, 0)
    assert "over int 0x80\n" in host.text and "usage: udp_send32 TEXT" in host.text


def test_a_tcp_server_around_epoll_with_several_clients(host):
    def client():
        pid = start("/bin/tcp_epoll", "7001", "5")
        fds = [connect(libc.SOCK_STREAM, 7001) for _ in range(5)]
        for number, fd in enumerate(fds):
            libc.send_all(fd, b"client %d" % number)
        answers = [libc.recv_bytes(fd, 100) for fd in reversed(fds)]
        for fd in fds:
            libc.close(fd)
        return answers, libc.waitpid(pid)[1]

    assert guest.run(host, client) == ([b"CLIENT %d" % number for number in (4, 3, 2, 1, 0)], 0)


def test_ping_through_a_raw_socket(host):
    def run():
        return libc.waitpid(start("/bin/ping", "127.0.0.1", "2"))[1]

    assert guest.run(host, run) == 0
    assert "2 of 2 answered" in host.text and "ttl=64" in host.text


def test_strace_shows_the_calls_of_both_kinds_of_programs(host):
    out = io.StringIO()
    table = host.kernel.syscalls
    table.observer = Strace(table, out)

    def run():
        assert libc.open("/etc/nothing", libc.O_RDONLY) == -1
        libc.connect(libc.socket(libc.AF_INET, libc.SOCK_DGRAM), b"")
        return libc.waitpid(start("/bin/ping"))[1]

    assert guest.run(host, run) == 2 << 8
    table.observer = None
    lines = out.getvalue().splitlines()
    calls = [line.partition("] ")[2] for line in lines]

    def line_of(beginning):
        return next(" ".join(call.split()) for call in calls if call.startswith(beginning))

    assert line_of("open(") == 'open("/etc/nothing", 0, 0644) = -1 ENOENT (No such file or directory)'
    assert line_of("socket(") == "socket(2, 2, 0) = 3"
    assert line_of("connect(").endswith("= -1 EINVAL (Invalid argument)")
    assert line_of("write(2") == 'write(2, "usage: ping ADDRESS [COUNT]\\n", 28) = 28'
    assert line_of("exit_group(2)") == "exit_group(2) = ?"
    assert line_of("syscall_0x14e(").endswith("= -1 ENOSYS (Function not implemented)")


def test_the_root_of_another_system_is_shown_and_never_written(tmp_path, built):
    root = tmp_path / "root"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "etc" / "sub").mkdir(parents=True)
    (root / "usr" / "bin" / "ping").write_bytes(built["/bin/ping"])
    (root / "usr" / "bin" / "ping").chmod(0o755)
    (root / "usr" / "outside").symlink_to("/etc/hosts")
    (root / "usr" / "above").symlink_to("../../../../../../etc/hosts")
    (root / "etc" / "sub" / "file").write_text("copied")
    (root / "etc" / "hosts").write_text("not this one: the machine has its own")
    (root / "lib").symlink_to("usr/lib")
    (tmp_path / "secret").write_text("outside")
    cmdline = {"init": guest.INIT, "console": "pipe", "net": "off", "root": str(root)}
    host = build_machine(Clock(), None, cmdline=cmdline, files={guest.INIT: guest.INIT_TEXT})
    guest.boot(host)

    def look():
        assert libc.read_text("/etc/sub/file") == "copied"
        assert "not this one" not in libc.read_text("/etc/hosts")
        # Links lead to places of the machine.
        assert libc.read_text("/usr/outside") == libc.read_text("/usr/above") == libc.read_text("/etc/hosts")
        assert libc.read_file("/usr/../../secret") == -1
        assert libc.open("/usr/bin/new", libc.O_CREAT | libc.O_RDWR) == -1 and libc.get_errno() == libc.EROFS
        fd = libc.open("/etc/sub/file", libc.O_RDWR)
        assert libc.write_all(fd, b"changed") == 0
        assert libc.readlink("/lib") == "usr/lib"
        return libc.waitpid(start("/usr/bin/ping"))[1]

    assert guest.run(host, look) == 2 << 8
    assert host.power_off(0) == 0
    assert host.kernel.leak_report() == []
    assert (root / "etc" / "sub" / "file").read_text() == "copied"


def test_strace_of_a_program_begins_with_its_execve_and_follows_its_children(tmp_path):
    program = tmp_path / "outer.py"
    program.write_text(OUTER)
    command = [sys.executable, "-m", "lab.cli", "strace", "--net", "none", str(program), 'a "b"']
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (0, "hi\n")
    lines = [" ".join(line.split()) for line in done.stderr.splitlines()]
    assert lines[0].partition("] ")[2] == 'execve("/usr/bin/outer.py", ["outer.py", "a \\"b\\""], /* 3 vars */) = 0'
    pids = [line[: line.index("]")] for line in lines]
    # The program and its child, and nothing of init's.
    assert len(set(pids)) == 2 and "[pid 1" not in pids
    assert [line.partition("] ")[2] for line in lines if not line.startswith(pids[0])] == ['write(1, "hi\\n", 3) = 3']
