"""Job control at the terminal: Ctrl-Z, fg, bg, jobs, and readers in the background."""

import pytest
from tests_userland_guest import Guest


@pytest.fixture
def terminal():
    guest = Guest("", console="")
    guest.kernel.cmdline.pop("console")
    guest.run(1)
    yield guest
    assert guest.kernel.oopses == []


def shown(guest, keys, seconds=1):
    """What the terminal shows after these keys."""
    before = len(guest.text)
    guest.type(keys, seconds)
    return guest.text[before:]


def test_ctrl_z_stops_and_fg_and_bg_go_on(terminal):
    terminal.type(b"sleep 1000\r")
    assert "^Z\n[1] + Stopped                 sleep 1000\n" in shown(terminal, b"\x1a")
    assert "148\n" in shown(terminal, b"echo $?\r")
    assert "[1] sleep 1000\n" in shown(terminal, b"bg\r")
    assert "[1] + Running                 sleep 1000\n" in shown(terminal, b"jobs\r")
    assert "\nsleep 1000\n" in shown(terminal, b"fg %1\r")
    assert "130\n" in shown(terminal, b"\x03echo $?\r")
    assert "fg: current: no such job" in shown(terminal, b"fg\r")


def test_a_job_is_a_pipeline_and_kill_means_all_of_it(terminal):
    assert "[1] " in shown(terminal, b"sleep 100 | cat &\r")
    terminal.type(b"kill %1\r")
    assert "[1] + Terminated              sleep 100 | cat\n" in shown(terminal, b"\r")
    assert "no such job" in shown(terminal, b"kill %1\r")


def test_who_reads_in_the_background_is_stopped(terminal):
    terminal.type(b"cat &\r")
    assert "[1] + Stopped                 cat\n" in shown(terminal, b"\r")
    terminal.type(b"fg\r")
    assert shown(terminal, b"hello\r") == "hello\nhello\n"
    terminal.type(b"\x04")
    assert "0\n" in shown(terminal, b"echo $?\r")


def test_several_jobs_and_their_names(terminal):
    for line in (b"sleep 101 &\r", b"sleep 102 &\r", b"sleep 103 &\r"):
        terminal.type(line)
    text = shown(terminal, b"jobs\r")
    assert "[1]   Running                 sleep 101\n[2] - Running" in text and "[3] + Running" in text
    terminal.type(b"fg %?101\r")
    terminal.type(b"\x1a")
    assert "[1] + Stopped                 sleep 101\n" in shown(terminal, b"jobs\r")
    assert "You have stopped jobs." in shown(terminal, b"\x04")
    terminal.type(b"kill %2 %3; kill -CONT %1; kill %1\r")
    assert "Terminated" in shown(terminal, b"\r")
    terminal.type(b"\x04")
    assert terminal.status is not None


def test_a_prompt_of_ones_own_and_variables_complete(terminal):
    assert shown(terminal, b"PS1='$ '\r").endswith("\r$ \x1b[K")
    terminal.type(b"LONGNAME=found\r")
    assert "\nfound\n" in shown(terminal, b"echo $LONGN\t\r")
    assert "\nfound\n" in shown(terminal, b"\x12LONGN\r")
    assert "> " in shown(terminal, b"for i in 1 2\r")
    assert "\n1\n2\n" in shown(terminal, b"do echo $i; done\r")


def test_the_terminals_own_programs(terminal):
    assert "/dev/console\n" in shown(terminal, b"tty\r")
    assert "not a tty\n1\n" in shown(terminal, b"tty < /dev/null; echo $?\r")
    text = shown(terminal, b"stty -a\r")
    assert "speed 38400 baud; rows 24; columns 80; line = 0;\nintr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D;" in text
    assert " icrnl ixon -iuclc -ixany iutf8\nopost -olcuc -ocrnl onlcr -onocr -onlret\nisig icanon iexten echo echoe " in text
    assert "50 100\n" in shown(terminal, b"stty rows 50 cols 100; stty size\r")
    terminal.type(b"stty -g > /tmp/s; stty intr ^G; sleep 100\r")
    assert "^G\n" in shown(terminal, b"\x03\x07")
    assert "130 38400\n-echo\n" in shown(terminal, b"echo $? $(stty speed); stty -echo; stty | grep -o -e -echo\r")
    assert "intr = ^C;" in shown(terminal, b"stty $(cat /tmp/s); stty sane; stty -a\r")
    for wrong in (b"stty nosuch", b"stty intr", b"stty rows x", b"stty 1:2", b"stty -F /dev/null", b"stty < /dev/null"):
        assert "\nstty: " in shown(terminal, wrong + b"\r")


def test_sessions_at_the_console_and_without_a_terminal(terminal):
    text = shown(terminal, b"who\r")
    assert "root     ttyS0        2026-01-01 00:00     1 who\n" in text
    assert "no tty\n" in shown(terminal, b"setsid sh -c 'cat < /dev/tty || echo no tty'\r")
    assert "setsid: failed to execute nosuch: " in shown(terminal, b"setsid -w nosuch\r")
    # The second port is nobody's: a shell there makes it its own, and its end cuts the line.
    assert "7 4 65\n" in shown(
        terminal, b"setsid -c -w sh -c 'set -- $(cat /proc/$$/stat); echo 7 $(($7 >> 8)) $(($7 & 255)) >&3' 3>&1 < /dev/ttyS1\r"
    )


def test_a_shell_that_a_script_starts_takes_the_terminal(terminal):
    assert "# \x1b[K" in shown(terminal, b"sh -c 'sh; echo back $?'\r")
    assert "inner 42\n" in shown(terminal, b"echo inner $((6*7))\r")
    terminal.type(b"sleep 100\r")
    assert "130\n" in shown(terminal, b"\x03echo $?\r")
    assert "back 3\n" in shown(terminal, b"exit 3\r")
    assert "outer 42\n" in shown(terminal, b"echo outer $((6*7))\r")
