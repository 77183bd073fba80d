"""`hwemu packetdrill`: a line per script, exit status 0, 1 or 2."""

import pytest

from lab.cli import main

GOOD = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = 0\n"
BAD = "// a comment\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = -1 EBADF (Bad file descriptor)\n"


@pytest.fixture
def script(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_a_script_that_passes(script, capsys):
    path = script("good.pkt", GOOD)
    assert main(["packetdrill", path]) == 0
    assert capsys.readouterr().out == f"ok   {path}\n"


def test_a_script_that_fails(script, capsys):
    path = script("bad.pkt", BAD)
    assert main(["packetdrill", path]) == 1
    assert capsys.readouterr().out == f"FAIL {path}:3: expected close() = -1 EBADF, got 0\n"


def test_several(script, capsys):
    good, bad = script("good.pkt", GOOD), script("bad.pkt", BAD)
    assert main(["packetdrill", bad, good]) == 1
    output = capsys.readouterr()
    assert [line.split()[0] for line in output.out.splitlines()] == ["FAIL", "ok"]
    assert output.err == "1 of 2 passed\n"


def test_what_is_no_script_is_one_line(script, capsys):
    path = script("poem.txt", "Shall I compare thee\nto a summer's day?\n")
    assert main(["packetdrill", path]) == 1
    assert capsys.readouterr().out == f"FAIL {path}:1: an event begins with its time, not with 'Shall'\n"


def test_a_file_that_is_not_there(tmp_path, capsys):
    path = str(tmp_path / "none.pkt")
    assert main(["packetdrill", path]) == 1
    assert capsys.readouterr().out == f"FAIL {path}: No such file or directory\n"


def test_bytes_that_are_no_text(tmp_path, capsys):
    path = tmp_path / "noise.pkt"
    path.write_bytes(bytes(range(256)))
    assert main(["packetdrill", str(path)]) == 1
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("name", ["--mss=many", "--tolerance_usecs=x", "--no_such_option=1"])
def test_an_option_that_means_nothing(script, capsys, name):
    path = script("odd.pkt", f"{name}\n{GOOD}")
    assert main(["packetdrill", path]) == 1
    assert capsys.readouterr().out.startswith(f"FAIL {path}:1: ")


def test_each_event_with_its_time(script, capsys):
    path = script("good.pkt", GOOD + "+.25 close(3) = -1 EBADF (Bad file descriptor)\n")
    assert main(["packetdrill", "-v", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split(None, 3)[:3] == ["0.250000", "line", "3:"]
    assert len(lines) == 4


def test_a_name_with_a_value(script, capsys):
    path = script("named.pkt", "0 close(NINE) = -1 EBADF (Bad file descriptor)\n")
    assert main(["packetdrill", "-D", "NINE=9", path]) == 0
    assert main(["packetdrill", path]) == 1
    assert "NINE means nothing here" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--tolerance", "soon", "x.pkt"], ["-D", "9=1", "x.pkt"], ["-D", "A", "x.pkt"]])
def test_wrong_usage(words, capsys):
    with pytest.raises(SystemExit) as ending:
        main(["packetdrill", *words])
    assert ending.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
