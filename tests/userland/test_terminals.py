"""Pseudo-terminals under programs: libc's calls, and Python's `os.openpty`, `termios`, `pty` and `tty`.

`terminal_scenarios.txt` is what `python3 terminal_scenarios.py` printed on Linux 6.18.
"""

import subprocess
import sys
from pathlib import Path

from system import SECOND, System

from userland import libc

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def hwemu_python(*words):
    """Run a Python program on a machine: its standard output."""
    command = [sys.executable, "-m", "lab.cli", "python", "--net", "none", *words]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_scenario_ends_as_on_linux():
    ours = hwemu_python(str(HERE / "terminal_scenarios.py"))
    assert ours.splitlines() == (HERE / "terminal_scenarios.txt").read_text().splitlines()


def test_pythons_terminal_modules():
    code = """if True:
        import io, os, pty, select, termios, tty
        master, slave = pty.openpty()
        assert os.ttyname(slave).startswith("/dev/pts/") and os.isatty(slave) and os.path.exists(os.ttyname(slave))
        assert not os.path.exists("/dev/pts/4000") and os.ttyname(slave)[9:] in os.listdir("/dev/pts")
        termios.tcsetwinsize(slave, (30, 90))
        assert tuple(os.get_terminal_size(master)) == (90, 30)
        tty.setraw(slave)
        os.write(master, b"raw\\x03")
        assert os.read(slave, 10) == b"raw\\x03"
        tty.setcbreak(slave)
        assert not termios.tcgetattr(slave)[3] & termios.ICANON
        with open(os.ttyname(slave), "wb", buffering=0) as again:
            again.write(b"by name")
        assert os.read(master, 100) == b"by name"
        try:
            termios.tcgetattr(os.pipe()[0])
        except termios.error as error:
            assert error.args == (25, "Inappropriate ioctl for device"), error.args
        os.close(slave)
        try:
            os.read(master, 1)
        except OSError as error:
            assert error.errno == 5
        print("done")
    """
    assert hwemu_python("-c", code) == "done\n"


def test_libcs_terminals():
    def child(argv):
        # It has the slave as 0, 1 and 2 and makes it its terminal.
        assert libc.setsid() == libc.getpid() == libc.getsid() == libc.getpgid()
        assert libc.ioctl(0, libc.TIOCSCTTY, 0) == 0
        assert libc.tcgetpgrp(0) == libc.tcgetsid(0) == libc.getpid()
        libc.puts(libc.ttyname(0))
        line = bytearray(20)
        count = libc.read(0, line)
        libc.write_all(1, bytes(line[:count]).upper())
        libc.sleep(100)

    def init(argv):
        master, slave = libc.openpty(size=(33, 99), flags=libc.O_CLOEXEC)
        assert libc.window_size(master) == (33, 99)
        assert libc.ptsname(slave) is None and libc.get_errno() == libc.ENOTTY
        assert libc.ttyname(slave) == libc.ptsname(master) == "/dev/pts/0"
        pid = libc.spawn("/bin/child", ["child"], None, [(libc.SPAWN_DUP2, slave, standard) for standard in (0, 1, 2)])
        libc.close(slave)
        assert libc.read_bytes(master, 100) == b"/dev/pts/0\r\n"
        assert libc.tcgetsid(master) == pid
        assert libc.read_text(f"/proc/{pid}/stat").split()[5:8] == [str(pid), str(136 << 8), str(pid)]
        libc.write_all(master, b"words\x7f\n")
        assert libc.read_bytes(master, 100) == b"words\b \b\r\n"
        assert libc.read_bytes(master, 100) == b"WORD\r\n"
        libc.write_all(master, b"\x03")
        assert libc.WTERMSIG(libc.waitpid(pid)[1]) == libc.SIGINT
        assert libc.read_bytes(master, 100) == b"^C"
        assert libc.read(master, bytearray(1)) == -1 and libc.get_errno() == libc.EIO
        settings = libc.tcgetattr(master)
        libc.cfmakeraw(settings)
        libc.cfsetspeed(settings, libc.B9600)
        assert libc.tcsetattr(master, libc.TCSAFLUSH, settings) == 0
        assert libc.cfgetospeed(libc.tcgetattr(master)) == libc.B9600
        assert libc.tcsetattr(master, 9, settings) == -1 and libc.get_errno() == libc.EINVAL
        assert [libc.tcdrain(master), libc.tcflush(master, libc.TCIOFLUSH), libc.tcsendbreak(master, 0)] == [0, 0, 0]

    system = System({"/bin/child": child})
    assert system.run(init) == 0, system.text


def test_more_pairs_than_there_may_be():
    def init(argv):
        assert libc.read_text("/proc/sys/kernel/pty/max") == "4096\n"
        fd = libc.open("/proc/sys/kernel/pty/max", libc.O_WRONLY)
        libc.write_all(fd, b"3\n")
        masters = [libc.posix_openpt(libc.O_RDWR) for _ in range(3)]
        assert libc.posix_openpt(libc.O_RDWR) == -1 and libc.get_errno() == libc.ENOSPC
        assert libc.read_text("/proc/sys/kernel/pty/nr") == "3\n"
        assert sorted(libc.listdir("/dev/pts")) == ["0", "1", "2", "ptmx"]
        libc.close(masters[1])
        assert libc.ptsname(libc.open("/dev/pts/ptmx", libc.O_RDWR)) == "/dev/pts/1"
        assert libc.unlink("/dev/pts/0") == -1 and libc.get_errno() == libc.EPERM
        assert libc.open("/dev/pts/new", libc.O_CREAT | libc.O_WRONLY) == -1 and libc.get_errno() == libc.EACCES

    system = System()
    assert system.run(init) == 0, system.text


def test_a_child_that_is_killed_leaves_no_terminal_behind():
    def child(argv):
        master, slave = libc.openpty()
        libc.ioctl(slave, libc.TIOCSCTTY, 0)
        libc.read(slave, bytearray(1))

    def init(argv):
        for _ in range(50):
            pid = libc.spawn("/bin/child", ["child"])
            libc.usleep(1000)
            libc.kill(pid, libc.SIGKILL)
            libc.waitpid(pid)
        assert libc.read_text("/proc/sys/kernel/pty/nr") == "0\n"
        return libc.spawn("/bin/child", ["child"]) < 0

    system = System({"/bin/child": child})
    assert system.run(init, until=10 * SECOND) == 0, system.text
