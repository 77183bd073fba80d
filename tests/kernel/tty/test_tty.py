"""The console terminal: editing, echo, signals, modes, end of input."""

from system import SECOND, System

from hwemu.clock import Clock, Event
from lab import guest
from lab.machine import build_machine
from userland import libc


class Typist(System):
    """A system with a terminal: `type(data)` at once, `at(when, data)` later."""

    def __init__(self, files=None, **cmdline):
        super().__init__(files, **{"console": "tty", **cmdline})
        self.events = []

    def at(self, when, action):
        self.events.append(Event(action))
        self.clock.call_at(when, self.events[-1])

    def type(self, when, data):
        self.at(when, lambda: self.machine.serial.feed(data))

    def hang_up(self, when):
        self.at(when, self.machine.serial.hang_up)


def read_line(limit=1000):
    buffer = bytearray(limit)
    count = libc.read(0, buffer)
    return bytes(buffer[:count]) if count >= 0 else -libc.get_errno()


def test_lines_echo_and_editing():
    lines = []

    def init(argv):
        for _ in range(4):
            lines.append(read_line())

    system = Typist()
    system.type(SECOND, b"hellp\x7fo\r")
    system.type(2 * SECOND, b"junk\x15kept\r")
    system.type(3 * SECOND, b"one two\x17three\r")
    system.type(4 * SECOND, b"caf\xc3\xa9\x7fe\r")
    assert system.run(init) == 0
    assert lines == [b"hello\n", b"kept\n", b"one three\n", b"cafe\n"]
    assert system.text.startswith("hellp\b \bo\r\n")


def test_a_line_is_read_in_pieces_and_two_lines_apart():
    pieces = []

    def init(argv):
        for _ in range(3):
            pieces.append(read_line(4))

    system = Typist()
    system.type(SECOND, b"abcdef\rxy\r")
    assert system.run(init) == 0
    assert pieces == [b"abcd", b"ef\n", b"xy\n"]


def test_end_of_file():
    seen = []

    def init(argv):
        seen.extend((read_line(), read_line(), read_line()))

    system = Typist()
    system.type(SECOND, b"part\x04")
    system.type(2 * SECOND, b"\x04")
    system.hang_up(3 * SECOND)
    assert system.run(init) == 0
    assert seen == [b"part", b"", b""]


def test_the_interrupt_key_reaches_the_foreground_group_only():
    def sleeper(argv):
        libc.sleep(100)

    def init(argv):
        front = libc.spawn("/bin/sleeper", ["s"], None, [], 0)
        back = libc.spawn("/bin/sleeper", ["s"], None, [], 0)
        assert libc.tcsetpgrp(0, front) == 0
        assert libc.WTERMSIG(libc.waitpid(front)[1]) == libc.SIGINT
        assert libc.waitpid(back, libc.WNOHANG)[0] == 0
        # From the background only who ignores SIGTTOU may ask, for nobody would continue init's group.
        assert libc.tcsetpgrp(0, 4711) == -1 and libc.get_errno() == libc.EIO
        libc.signal(libc.SIGTTOU, libc.SIG_IGN)
        assert libc.tcsetpgrp(0, 4711) == -1 and libc.get_errno() == libc.ESRCH
        libc.kill(back, libc.SIGKILL)

    system = Typist({"/bin/sleeper": sleeper})
    system.type(SECOND, b"half a line\x03")
    assert system.run(init) == 0, system.text
    assert "^C" in system.text


def test_a_background_read_fails():
    def reader(argv):
        return 1 if read_line() == -libc.EIO else 0

    def init(argv):
        pid = libc.spawn("/bin/reader", ["r"], None, [], 0)
        return 1 - libc.shell_status(libc.waitpid(pid)[1])

    assert Typist({"/bin/reader": reader}).run(init) == 0


def test_raw_mode():
    seen = []

    def init(argv):
        settings = libc.tcgetattr(0)
        saved = settings.pack()
        settings.c_lflag &= ~(libc.ICANON | libc.ECHO | libc.ISIG)
        settings.c_iflag &= ~libc.ICRNL
        assert libc.tcsetattr(0, libc.TCSANOW, settings) == 0
        seen.append(read_line())
        settings.c_cc[libc.VMIN], settings.c_cc[libc.VTIME] = 0, 5
        libc.tcsetattr(0, libc.TCSANOW, settings)
        start = libc.clock_gettime_ns()
        seen.append(read_line())
        assert SECOND // 2 <= libc.clock_gettime_ns() - start < SECOND * 6 // 10
        assert libc.isatty(0)
        assert libc.window_size(0) == (24, 80)
        assert bytes(saved) != bytes(libc.tcgetattr(0).pack())

    system = Typist()
    system.type(SECOND, b"a\x03\r")
    assert system.run(init) == 0, system.text
    assert seen == [b"a\x03\r", b""]
    assert system.text == ""


def test_poll_and_nonblocking_reads():
    def init(argv):
        libc.set_nonblocking(0)
        assert read_line() == -libc.EAGAIN
        fds = [libc.pollfd(0, libc.POLLIN)]
        assert libc.poll(fds, 100) == 0
        assert libc.poll(fds, 5000) == 1
        assert read_line() == b"x\n"

    system = Typist()
    system.type(SECOND, b"x")
    system.type(2 * SECOND, b"\r")
    assert system.run(init) == 0, system.text


def test_output_gets_carriage_returns_only_on_a_terminal():
    def init(argv):
        libc.puts("one\ntwo")

    system = Typist()
    system.run(init)
    assert system.text == "one\r\ntwo\r\n"
    system = System()
    system.run(init)
    assert system.text == "one\ntwo\n"


def test_a_pipe_console_passes_every_byte():
    seen = []

    def init(argv):
        seen.append(read_line())

    system = Typist(console="pipe")
    system.type(SECOND, bytes(range(256)))
    assert system.run(init) == 0
    assert seen == [bytes(range(256))]
    assert system.text == ""


def test_a_pipe_console_is_no_terminal_to_programs():
    def init(argv):
        for request in (libc.TCGETS, libc.TIOCGWINSZ):
            assert libc.ioctl(0, request) == -1 and libc.get_errno() == libc.ENOTTY
        assert not libc.isatty(0) and not libc.isatty(1)
        # It has a foreground group all the same.
        assert libc.tcsetpgrp(0, libc.getpid()) == 0

    system = Typist(console="pipe")
    assert system.run(init) == 0, system.text


def test_the_second_port_takes_errors_and_the_log():
    def init(argv):
        assert libc.readlink("/proc/1/fd/2") == "/dev/ttyS1"
        libc.write_all(1, b"out\n")
        libc.write_all(2, b"err\n")
        return libc.read(2, bytearray(4))

    system = Typist(console="pipe", stderr="ttyS1", loglevel="7")
    errors = bytearray()
    system.machine.serial2.sink = errors.extend
    system.at(SECOND, lambda: system.machine.serial2.feed(b"back"))
    assert system.run(init) == 4
    assert system.text == "out\n"
    lines = errors.decode().splitlines()
    assert lines[0].endswith("Linux version 6.1.0-hwemu (hwemu) #1 hwemu") and "err" in lines


def test_a_flood_is_bounded():
    def init(argv):
        libc.sleep(5)
        return 0 if read_line(100) != b"" else 1

    system = Typist(console="pipe")
    for number in range(1, 40):
        system.type(number * 10**7, bytes(60_000))
    assert system.run(init) == 0
    assert system.kernel.console.waiting() <= 65536 + 4096


def test_window_size_changes_signal_the_foreground():
    seen = []

    def init(argv):
        libc.signal(libc.SIGWINCH, seen.append)
        libc.sleep(3)
        seen.append(libc.window_size(0))

    system = Typist()
    system.at(SECOND, lambda: system.kernel.console.set_winsize(50, 132))
    assert system.run(init) == 0
    assert seen == [libc.SIGWINCH, (50, 132)]


def test_dev_tty_and_unknown_requests():
    def init(argv):
        fd = libc.open("/dev/tty", libc.O_RDWR)
        assert libc.write_all(fd, b"to the terminal") == 0
        assert libc.ioctl(fd, 0x9999) == -1 and libc.get_errno() == libc.ENOTTY
        assert libc.ioctl(libc.open("/proc/version"), libc.TCGETS) == -1 and libc.get_errno() == libc.ENOTTY
        assert not libc.isatty(libc.open("/dev/null"))

    system = Typist()
    assert system.run(init) == 0, system.text
    assert system.text == "to the terminal"


def test_a_machine_whose_console_has_lost_its_name():
    host = build_machine(Clock(), None, cmdline={"init": guest.INIT, "console": "pipe"}, files={guest.INIT: guest.INIT_TEXT})
    guest.boot(host)
    assert guest.run(host, libc.unlink, "/dev/console") == 0
    assert guest.run(host, libc.write, 1, b"lost") == -1
    assert "unable to open an initial console" in host.text
    assert host.power_off(0) == 0
