"""What counts as a program."""

import sys
import traceback

import pytest

from kernel.arch.program import ExecFormatError, load_python_program

SOURCE = '''"""A program."""
import sys

def main(argv):
    return fail() if argv[1:] else 5

def fail():
    return 1 / 0
'''


def test_source_text_becomes_its_main():
    main = load_python_program(SOURCE, "/bin/hello.py")
    assert main(["hello"]) == 5
    assert load_python_program(SOURCE.encode(), "/bin/hello.py") is not main


def test_tracebacks_name_the_guests_path_and_show_the_line():
    main = load_python_program(SOURCE, "/bin/hello.py")
    try:
        main(["hello", "x"])
    except ZeroDivisionError as error:
        text = "".join(traceback.format_exception(error))
    assert 'File "/bin/hello.py", line 8, in fail' in text and "return 1 / 0" in text


def test_a_program_is_not_the_main_module_and_pollutes_nothing():
    text = "if __name__ == '__main__':\n    raise SystemExit\nname = __name__\nmain = lambda argv: name"
    main = load_python_program(text, "/home/x.y.py")
    assert main([]) == "x.y" and "x.y" not in sys.modules
    assert load_python_program("main = print", "/").__name__ == "print"


def test_a_hash_bang_line_names_a_module(tmp_path, monkeypatch):
    (tmp_path / "guest_tool.py").write_text("def main(argv):\n    return 'tool'\n")
    (tmp_path / "guest_empty.py").write_text("")
    (tmp_path / "guest_broken.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_python_program("#!hwemu guest_tool\n", "/bin/tool")([]) == "tool"
    with pytest.raises(ExecFormatError, match=r"/bin/empty: no main"):
        load_python_program(b"#!hwemu guest_empty", "/bin/empty")
    with pytest.raises(ExecFormatError, match="guest_broken: ModuleNotFoundError"):
        load_python_program("#!hwemu guest_broken\n", "/bin/broken")
    for name in ("guest_tool", "guest_empty"):
        sys.modules.pop(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def main(argv:\n", r"/bin/x:1: "),
        ("x = 1\n", r"/bin/x: no main\(argv\)"),
        ("main = 5\n", r"/bin/x: no main\(argv\)"),
        ("raise OSError('no\\nsecond line')\n", "/bin/x: OSError: no$"),
        ("assert False\n", "/bin/x: AssertionError$"),
        ("#!hwemu\n", "bad #!hwemu line"),
        ("#!hwemu a b\n", "bad #!hwemu line"),
        ("#!hwemu ../etc/passwd\n", "bad #!hwemu line"),
        ("#!hwemu no_such_module_anywhere\n", "ModuleNotFoundError"),
        ("", "no main"),
        ("a\0b", "null bytes"),
        (b"\x7fELF\xff\xfe", "not a Python program"),
    ],
)
def test_what_is_no_program_is_refused_in_one_line(text, message):
    with pytest.raises(ExecFormatError, match=message) as caught:
        load_python_program(text, "/bin/x")
    assert "\n" not in str(caught.value)
