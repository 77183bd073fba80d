"""The shell and the small programs on a machine without a network."""

import hashlib

import pytest
from tests_userland_guest import Guest

BIG = bytes(index * 7 & 0xFF for index in range(300_000))


@pytest.mark.parametrize(
    ("command", "output", "status"),
    [
        ("echo hello 'a  b'", "hello a  b\n", 0),
        ("echo -n x; echo y", "xy\n", 0),
        ("true && false", "", 1),
        ("false || echo yes; echo $?", "yes\n0\n", 0),
        ("exit 42", "", 42),
        ("nosuch", "sh: line 1: nosuch: not found\n", 127),
        ("/etc/hosts", "sh: line 1: /etc/hosts: Permission denied\n", 126),
        ("cat /nonexistent", "cat: /nonexistent: No such file or directory\n", 1),
        ("echo a > /tmp/x; echo b >> /tmp/x; cat < /tmp/x", "a\nb\n", 0),
        ("cat /nonexistent 2> /tmp/e; wc -l < /tmp/e", "1\n", 0),
        ("cat /nonexistent > /tmp/e 2>&1; wc -l /tmp/e", "1 /tmp/e\n", 0),
        ("echo a b c | wc -w", "3\n", 0),
        ("cat /dev/zero | head -c 100000 | wc -c", "100000\n", 0),
        ("echo 1 | cat | cat | cat | wc -c", "2\n", 0),
        ("X=5; echo $X; export X; sh -c 'echo $X; exit 3'; echo $?", "5\n5\n3\n", 0),
        ("Y=9 sh -c 'echo $Y'; echo .$Y.", "9\n..\n", 0),
        ("cd /etc; pwd; cd nosuch", "/etc\nsh: line 1: cd: nosuch: No such file or directory\n", 2),
        ("cd /tmp; echo > b1; echo > b2; echo b*; ls", "b1 b2\nb1\nb2\n", 0),
        ("sleep 5 & sleep 1; wait; echo done", "done\n", 0),
        ("sleep 100 & kill $!; wait $!; echo $?", "143\n", 0),
        ("sleep 100 & kill -KILL $!; wait $!; echo $?", "137\n", 0),
        ("echo a && echo b & wait", "a\nb\n", 0),
        ("echo 'open", "sh: line 1: syntax error: unterminated quoted string\n", 2),
        ("echo a > /nonexistent/x; echo $?", "sh: line 1: /nonexistent/x: No such file or directory\n2\n", 0),
        ("poweroff 9", "", 9),
        ("uname", "Linux\n", 0),
        ("df /nosuch", "df: /nosuch: No such file or directory\n", 1),
        ("df -t nosuch", "df: no file systems processed\n", 1),
        ("df -P /tmp /proc | wc -l; df -aT | grep -c '^proc *proc .* /proc$'; df | grep -c /proc", "3\n1\n0\n", 1),
        (("used() { df / | sed -n 's/^[a-z]* *[0-9]* *\\([0-9]*\\).*/\\1/p'; }; a=$(used); yes | head -c 200000 > /tmp/x; "
         "b=$(used); echo $((b - a >= 190))"), "1\n", 0),
        ("mkfifo /tmp/f; echo through > /tmp/f & cat < /tmp/f; mkfifo /tmp/f",
         "through\nmkfifo: cannot create fifo '/tmp/f': File exists\n", 1),
        ("cat /etc/hostname | tail -n 0; tail -n 5 /etc/hostname", "hwemu\n", 0),
        ("head -n 1 /etc/hosts; head -c 9 /etc/hosts", "127.0.0.1\tlocalhost\n127.0.0.1", 0),
        ("exec echo replaced", "replaced\n", 0),
        ("echo $0 $# $1; sh -c 'echo $0 $# $2' name a b", "sh 0\nname 2 b\n", 0),
        ("help > /dev/null; history; jobs; set > /dev/null; unset PATH; ls", "sh: line 1: ls: not found\n", 127),
        ("true | sleep 1 | echo last", "last\n", 0),
        ("false | true", "", 0),
        ("true | nosuch", "sh: line 1: nosuch: not found\n", 127),
        ("export A='b c'; export | head -n 1", "export A='b c'\n", 0),
        ("# only a comment", "", 0),
        ("cat /etc/hosts | tail -n 1; tail -n 2 /etc/hosts | head -n 1", "10.0.2.2\tgateway\n127.0.1.1\thwemu\n", 0),
        ("grep -n gate /etc/hosts; grep -c . /etc/hosts; grep -v 1 /etc/hostname", "3:10.0.2.2\tgateway\n3\nhwemu\n", 0),
        ("ls -l /proc/self/ | grep exe", "lrwxrwxrwx  1 0 1970-01-01 00:00 exe -> /bin/ls\n", 0),
        ("grep nosuch /etc/hosts", "", 1),
        ("mkdir -p /tmp/a/b && echo > /tmp/a/b/c; rm /tmp/a; rm -r /tmp/a && ls /tmp",
         "rm: cannot remove '/tmp/a': Is a directory\n", 0),
    ],
)
def test_command_lines(run_line, command, output, status):
    text, result = run_line(command)
    assert text == output
    assert result == status


@pytest.mark.parametrize(
    "command",
    [
        "cat -z", "head -n x", "wc -z", "sleep", "sleep x", "uname -z", "kill", "kill -NOSUCH 1", "ls --nosuch", "ps -z",
        "ping", "ping -c 0 x", "ping -s 99999 1.2.3.4", "ip", "ip nosuch", "ip addr nosuch", "ss -z", "ethtool",
        "lspci x", "tcpdump -z", "tcpdump -c x", "tcpdump port", "nc", "nc -z", "nc -l", "wget", "wget ftp://x/",
        "httpd -p 0", "httpd a b", "udhcpc x", "udhcpc -r x", "nslookup", "ttcp", "ttcp -s -c x", "inetd x", "arping",
        "dmesg x", "poweroff x", "sha256sum -z", "tail -n x", "grep", "grep -E (", "rm", "mkdir", "cat --help", "sh -z",
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_one_line_and_status_2(run_line, command):
    text, status = run_line(command)
    assert status == 2, text
    assert text.count("\n") == 1 and text.endswith("\n")


def test_every_program_explains_itself(run_line):
    from lab.initramfs import program_names

    silent = ("true", "false", "echo", "init")
    for name in program_names():
        if name not in silent:
            text, status = run_line(f"/bin/{name} --help")
            assert status == 2 and name in text and text.count("\n") == 1, text


def test_a_script_file_and_a_script_from_standard_input(run_line):
    script = b"#!/bin/sh\n# comment\nif_any=1\necho \"$1 $#\" && \\\n echo more\nfalse\n"
    files = {"/bin/script": script, "/tmp/data": b"echo from $0\ncat\nthe rest\n"}
    assert run_line("script a b", files) == ("a 2\nmore\n", 1)
    assert run_line("sh < /tmp/data", files) == ("from sh\nthe rest\n", 0)
    assert run_line("sh /tmp/nosuch", files)[1] == 127


def test_digests_and_copies(run_line):
    digest = hashlib.sha256(BIG).hexdigest()
    text, _ = run_line("sha256sum /tmp/big; cat /tmp/big | sha256sum; wc -c /tmp/big", {"/tmp/big": BIG})
    assert text == f"{digest}  /tmp/big\n{digest}  -\n300000 /tmp/big\n"


def test_ps_shows_the_tree(run_line):
    text, _ = run_line("ps -f")
    assert text.splitlines()[0].split() == ["PID", "PPID", "S", "COMMAND"]
    assert "    1     0 S /sbin/init" in text and "R ps -f" in text


def test_dmesg_has_time_stamps(run_line):
    text, _ = run_line("dmesg | head -n 1")
    assert text.startswith("[    0.000000] Linux version ")


def test_a_fault_in_a_program_kills_only_the_program(run_line):
    files = {"/bin/bad": b"def main(argv):\n    return argv[5]\n"}
    text, status = run_line("bad; echo $?", files)
    assert "IndexError" in text and text.endswith("139\n") and status == 0


def test_users_program_with_libc(run_line):
    program = b"""
from userland import libc

def main(argv):
    fd = libc.open("/tmp/f", libc.O_CREAT | libc.O_RDWR)
    libc.write(fd, b"0123456789")
    libc.lseek(fd, 3)
    libc.puts(f"{argv[1]} {libc.read_bytes(fd, 4)} {libc.fstat(fd).st_size} {libc.getenv('HOME')}")
    if libc.open("/nonexistent") < 0:
        libc.perror("open")
    return libc.errno
"""
    assert run_line("mine x", {"/bin/mine": program}) == ("x b'3456' 10 /root\nopen: No such file or directory\n", 2)


def test_signals_are_handled_in_the_program(run_line):
    program = b"""
from userland import libc

def main(argv):
    seen = []
    libc.signal(libc.SIGUSR1, lambda signum: seen.append(signum))
    libc.signal(libc.SIGTERM, libc.SIG_IGN)
    libc.kill(libc.getpid(), libc.SIGUSR1)
    libc.kill(libc.getpid(), libc.SIGTERM)
    libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGUSR1])
    libc.kill(libc.getpid(), libc.SIGUSR1)
    before = len(seen)
    libc.sigprocmask(libc.SIG_UNBLOCK, [libc.SIGUSR1])
    libc.signal(libc.SIGALRM, lambda signum: seen.append(signum))
    libc.alarm(2)
    left = libc.sleep(10)
    libc.puts(f"{seen} {before} {left:.0f} {libc.errno == libc.EINTR}")
    return 0
"""
    assert run_line("mine", {"/bin/mine": program}) == ("[10, 10, 14] 1 8 True\n", 0)


PROMPT = "hwemu:/root# "


@pytest.fixture
def terminal():
    guest = Guest("", console="")
    guest.kernel.cmdline.pop("console")
    guest.run(1)
    return guest


def test_the_prompt_edits_and_remembers(terminal):
    assert terminal.text.endswith(PROMPT + "\x1b[K")
    text = terminal.type(b"echo onf\x7fe\r")
    assert "\none\n" in text
    assert terminal.type(b"\x1b[A\r").count("\none\n") == 2
    terminal.type(b"exit 5\r")
    assert terminal.status == 5


def test_a_command_may_go_on_over_lines(terminal):
    assert "> " in terminal.type(b"echo 'a\r")
    assert "\na\nb\n" in terminal.type(b"b'\r")


def test_ctrl_c_interrupts_the_program_and_twice_at_the_prompt_ends(terminal):
    terminal.type(b"sleep 1000\r")
    text = terminal.type(b"\x03")
    assert text.rstrip("\x1b[K").endswith(PROMPT.rstrip("K[\x1b"))
    assert "130\n" in terminal.type(b"echo $?\r")
    terminal.type(b"\x03")
    assert terminal.status is None
    terminal.type(b"\x03")
    assert terminal.status == 130


def test_ctrl_d_ends_and_jobs_are_reported(terminal):
    assert "[1] " in terminal.type(b"sleep 2 &\r")
    terminal.type(b"", 3)
    assert "[1] + Done" in terminal.type(b"\r")
    terminal.type(b"\x04")
    assert terminal.status == 0


def test_ctrl_c_ends_a_command_line_with_its_shell():
    guest = Guest("sleep 1000; echo never", console="tty").run(1)
    text = guest.type(b"\x03")
    assert guest.status == 130 and "never" not in text


def test_ctrl_c_ends_a_wait(terminal):
    terminal.type(b"sleep 1000 &\r")
    terminal.type(b"wait\r")
    terminal.type(b"\x03")
    assert "130\n" in terminal.type(b"echo $?\r")


def test_completion(terminal):
    assert "sha256sum " in terminal.type(b"sha\t")
    assert "nameserver" not in terminal.text
    assert "cat /etc/resolv.conf " in terminal.type(b"\x15cat /etc/res\t\r")


def test_without_init_files_a_command_may_be_an_argument_list(run_line):
    files = {"/etc/init.argv": b"/bin/echo\0a  b\0'c\0", "/etc/rc": b"echo from rc\n"}
    assert run_line("", files) == ("from rc\na  b 'c\n", 0)
