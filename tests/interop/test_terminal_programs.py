"""Programs that live on pseudo-terminals: busybox's telnetd for our telnet, busybox's and Debian's; Debian's tmux."""

import shutil
import subprocess

import pytest

from hwemu.clock import Clock
from hwemu.wire.link import Link
from lab import guest
from lab.machine import build_machine
from userland import libc

from .conftest import Guest, need, wait_until

pytestmark = pytest.mark.interop

PROMPT = b"# \x1b[K"
TMUX = """export TERM=xterm
tmux() { /usr/bin/tmux -f /dev/null "$@"; }
tmux new-session -d -x 100 -y 30 /bin/sh
busybox sleep 1
tmux send-keys 'tty; stty size; echo $((6*7))' Enter
busybox sleep 1
tmux capture-pane -p
tmux kill-server
echo ended $?
"""


class Terminal:
    """A program's: a pseudo-terminal with a program on it, what is typed there and what it shows."""

    def __init__(self, *words):
        self.master, slave = libc.openpty(size=(31, 93), flags=libc.O_CLOEXEC)
        self.shown = b""
        actions = [(libc.SPAWN_DUP2, slave, fd) for fd in range(3)]
        self.pid = libc.spawn(words[0], list(words), {"PATH": "/bin", "TERM": "vt100"}, actions)
        libc.close(slave)

    def expect(self, text):
        """Wait until the terminal shows `text`; what came before it."""
        while text not in self.shown:
            assert libc.poll([libc.pollfd(self.master, libc.POLLIN)], 20_000) == 1, (text, self.shown)
            data = libc.read_bytes(self.master, 4096)
            assert data not in (-1, b""), (text, self.shown)
            self.shown += data
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, keys):
        assert libc.write_all(self.master, keys) == 0

    def end(self):
        """Wait for the program."""
        assert libc.waitpid(self.pid)[0] == self.pid
        libc.close(self.master)


def remote_session(*client):
    """A program: a session on 10.0.0.2 by the telnet program `client`."""
    terminal = Terminal(*client, "10.0.0.2")
    terminal.expect(PROMPT)
    terminal.type(b"tty; stty size; stty | grep -c -e -echo\r")
    terminal.expect(b"\n")
    assert terminal.expect(PROMPT).startswith(b"/dev/pts/0\r\n31 93\r\n")
    terminal.type(b"sleep 1000\r")
    terminal.expect(b"sleep 1000\x1b[K\r")
    libc.sleep(1)
    terminal.type(b"\x03")
    terminal.expect(b"^C")
    terminal.expect(PROMPT)
    terminal.type(b"echo $? $((6*7))\r")
    terminal.expect(b"130 42\r\n")
    terminal.type(b"cat\r")
    terminal.expect(b"cat\x1b[K\r")
    libc.sleep(1)
    terminal.type(b"worx\x7fds\r")
    terminal.expect(b"words\r\n")
    terminal.type(b"\x04")
    terminal.expect(PROMPT)
    terminal.type(b"exit\r")
    terminal.expect(b"Connection closed by foreign host")
    terminal.end()


def sessions_left():
    """A program: how many pseudo-terminals there are."""
    return int(libc.read_text("/proc/sys/kernel/pty/nr"))


@pytest.mark.parametrize("client", [("/bin/telnet",), ("/bin/busybox", "telnet")], ids=["ours", "busybox"])
def test_a_session_on_another_machine(client):
    need("busybox")
    with open(shutil.which("busybox"), "rb") as file:
        files = {guest.INIT: guest.INIT_TEXT, "/bin/busybox": file.read()}
    clock = Clock()
    link = Link(clock, "wire", rate=10**9, delay=1000)
    hosts = [
        build_machine(
            clock, link, name=f"hw{number}", number=number, seed=number, files=files,
            cmdline={"init": guest.INIT, "console": "pipe"},
        )
        for number in range(2)
    ]  # fmt: skip
    for number, host in enumerate(hosts):
        guest.boot(host, f"10.0.0.{number + 1}")
    guest.spawn(hosts[1], start_server)
    guest.run(hosts[0], libc.sleep, 1)
    guest.run(hosts[0], remote_session, *client)
    guest.run(hosts[0], libc.sleep, 1)
    assert [guest.run(host, sessions_left) for host in hosts] == [0, 0]
    for host in hosts:
        assert host.power_off(0) == 0
        assert host.kernel.leak_report() == []


def start_server():
    """A program: the server, which serves for ever."""
    return libc.waitpid(libc.spawn("/bin/busybox", ["telnetd", "-F", "-l", "/bin/sh"], {"PATH": "/bin"}))


def test_debians_telnet_over_a_tap(tap_namespace, tmp_path):
    need("busybox", "telnet")
    machine = Guest(
        tmp_path, "run", "--net", "tap:tap0", "--ip", f"{tap_namespace.guest}/24", shutil.which("busybox"), "telnetd", "-F",
        "-l", "/bin/sh", prefix=tap_namespace.words(),
    )  # fmt: skip
    words = tap_namespace.words("telnet", tap_namespace.guest)
    try:
        wait_until(
            lambda: tap_namespace.run("bash", "-c", f"exec 3<>/dev/tcp/{tap_namespace.guest}/23", check=False).returncode == 0,
            seconds=60, what="telnetd",
        )  # fmt: skip
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            shown = b""
            for keys in (b"tty\r", b"uname -s; exit\r"):
                while not shown.endswith(PROMPT):
                    piece = client.stdout.read1(4096)
                    assert piece, shown
                    shown += piece
                client.stdin.write(keys)
                client.stdin.flush()
                shown += client.stdout.read1(4096)
            shown += client.stdout.read()
        assert b"/dev/pts/" in shown and b"Linux\r\n" in shown and b"Connection closed by foreign host" in shown, shown
    finally:
        machine.stop()


def test_tmux_keeps_a_shell(tmp_path):
    need("busybox", "tmux")
    (tmp_path / "session.sh").write_text(TMUX)
    machine = Guest(
        tmp_path, "run", "--net", "none", "--root", "/", "--share", tmp_path, shutil.which("busybox"), "sh", "/host/session.sh"
    )
    try:
        assert machine.wait() == 0, machine.output()
        lines = [line.rstrip() for line in machine.output().splitlines()]
        start = next(index for index, line in enumerate(lines) if line.endswith("# tty; stty size; echo $((6*7))"))
        assert lines[start + 1 : start + 4] == ["/dev/pts/0", "30 100", "42"]
        assert lines[-1] == "ended 0"
    finally:
        machine.stop()
