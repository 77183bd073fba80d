"""The shell's language: tokens, lists, expansion; and the line editor."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from userland.shell.expand import expand_single, expand_word, matches
from userland.shell.lexer import IncompleteError, ShellSyntaxError
from userland.shell.lineedit import EOF, INTERRUPT, LINE, LineEditor
from userland.shell.parser import parse

VARIABLES = {"A": "one", "SPACED": " x  y ", "?": "7", "EMPTY": "", "STAR": "*"}
FILES = ["Makefile", "main.c", "main.h", ".hidden", "a[b", "x-1", "x-2"]


def words(text):
    """The expanded words of the only command in `text`."""
    [item] = parse(text)
    out = []
    for word in item.pipelines[0][1][0].words:
        out += expand_word(word, lambda name: VARIABLES.get(name, ""), lambda directory: FILES)
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo a  b\tc", ["echo", "a", "b", "c"]),
        ("echo 'a  b' \"c  d\"", ["echo", "a  b", "c  d"]),
        ("echo a'b'\"c\"d", ["echo", "abcd"]),
        ("echo \\$A \\\\ \\'", ["echo", "$A", "\\", "'"]),
        ("echo \"\\$A \\\" \\x\"", ["echo", '$A " \\x']),
        ("echo $A ${A}s \"$A\" '$A'", ["echo", "one", "ones", "one", "$A"]),
        ("echo $SPACED", ["echo", "x", "y"]),
        ("echo \"$SPACED\"", ["echo", " x  y "]),
        ("echo a$SPACED.b", ["echo", "a", "x", "y", ".b"]),
        ("echo $EMPTY \"$EMPTY\" ''", ["echo", "", ""]),
        ("echo $? $ $1x ${NONE:-d e}", ["echo", "7", "$", "x", "d", "e"]),
        ("echo a#b # comment", ["echo", "a#b"]),
        ("echo 'it'\\''s'", ["echo", "it's"]),
        ("echo a\\\nb", ["echo", "ab"]),
        ("echo *.c main.?", ["echo", "main.c", "main.c", "main.h"]),
        ("echo '*.c' *.none .h* x-[2-9] [!a-z]*", ["echo", "*.c", "*.none", ".hidden", "x-2", "Makefile"]),
        ("echo $STAR.c", ["echo", "main.c"]),
        ("echo \"$STAR\"", ["echo", "*"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_lists_and_pipelines():
    items = parse("a && b || c | d; e & f\ng")
    assert [(len(item.pipelines), item.background) for item in items] == [(3, False), (1, True), (1, False), (1, False)]
    assert [connector for connector, _ in items[0].pipelines] == ["", "&&", "||"]
    assert len(items[0].pipelines[2][1]) == 2
    assert items[1].source == "e"


def test_a_newline_may_follow_an_operator():
    assert len(parse("a |\n b &&\n\n c")[0].pipelines) == 2


def test_redirections():
    [item] = parse("cmd <in >out 2>>err 2>&1 >&2 3>three a2>x")
    command = item.pipelines[0][1][0]
    found = [(r.fd, r.kind, expand_single(r.target, VARIABLES.get)) for r in command.redirects]
    assert found == [
        (0, "<", "in"), (1, ">", "out"), (2, ">>", "err"), (2, ">&", "1"), (1, ">&", "2"), (3, ">", "three"), (1, ">", "x"),
    ]  # fmt: skip
    assert [word.literal() for word in command.words] == ["cmd", "a2"]


def test_assignments_only_count_before_the_command():
    [item] = parse("A=1 B='2 3' cmd C=4")
    command = item.pipelines[0][1][0]
    assert [(name, expand_single(word, VARIABLES.get)) for name, word in command.assignments] == [("A", "1"), ("B", "2 3")]
    assert [word.literal() for word in command.words] == ["cmd", "C=4"]


@pytest.mark.parametrize("text", ["|", "a | | b", "a &&& b", "; a", "a ;; b", "> ", "a > | b", "$(x)", "`x`", "a <<x", "(a)"])
def test_syntax_errors(text):
    with pytest.raises(ShellSyntaxError):
        parse(text)


@pytest.mark.parametrize("text", ["echo 'a", 'echo "a', "echo a\\", "a |", "a &&", "a ||\n"])
def test_text_that_goes_on(text):
    with pytest.raises(IncompleteError):
        parse(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab $'\"\\|&;<>#\n={}*[?12~", max_size=40))
def test_garbage_is_a_syntax_error_at_most(text):
    try:
        for item in parse(text):
            for _, pipeline in item.pipelines:
                for command in pipeline:
                    for word in command.words:
                        expand_word(word, lambda name: "x y", lambda directory: FILES)
    except ShellSyntaxError:
        pass


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [("abc", "a*c", True), ("abc", "a?c", True), ("abc", "a?", False), ("a" * 60, "*a" * 30 + "b", False), ("x", "[]", False)],
)
def test_patterns(name, pattern, expected):
    assert matches(name, pattern) == expected


def typed(editor, data):
    return [event for event in (editor.feed(byte) for byte in data) if event is not None]


@pytest.fixture
def editor():
    editor = LineEditor(lambda text: [w for w in ("cat", "catalog", "ls") if w.startswith(text.split(" ")[-1])])
    editor.start("# ")
    return editor


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (b"abc\r", "abc"),
        (b"abc\x7f\x08d\r", "ad"),
        (b"abc\x1b[D\x1b[DX\r", "aXbc"),
        (b"abc\x01X\x05Y\r", "XabcY"),
        (b"one two\x17three\r", "one three"),
        (b"abc\x15d\r", "d"),
        (b"abc\x02\x02\x0bz\r", "az"),
        (b"abc\x1b[H\x1b[3~\r", "bc"),
        (b"abc\x02\x04\r", "ab"),
        ("grüße\r".encode(), "grüße"),
        (b"\xff\xfea\r", "a"),
        (b"a\x1b[99;99Rb\r", "ab"),
        (b"ca\tx\r", "catx"),
        (b"l\tx\r", "ls x"),
    ],
)
def test_editing(editor, keys, line):
    assert typed(editor, keys) == [(LINE, line)]


def test_history(editor):
    typed(editor, b"first\r")
    editor.start("# ")
    typed(editor, b"second\r")
    editor.start("# ")
    assert typed(editor, b"new\x1b[A\x1b[A\x1b[A\x1b[B\r") == [(LINE, "second")]
    editor.start("# ")
    assert typed(editor, b"new\x10\x0e\r") == [(LINE, "new")]


def test_interrupt_and_end_of_file(editor):
    assert typed(editor, b"abc\x03") == [(INTERRUPT, "")]
    editor.start("# ")
    assert typed(editor, b"\x04") == [(EOF, "")]


def test_a_long_line_scrolls_sideways(editor):
    editor.columns = 20
    typed(editor, b"x" * 50)
    last = editor.take_output().rpartition("\r")[2]
    assert len(last.replace("\x1b[K", "")) <= 20


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_may_be_typed(data):
    editor = LineEditor(lambda text: ["cat", "catalog"])
    editor.start("# ")
    for byte in data:
        if editor.feed(byte) is not None:
            editor.start("# ")
    assert 0 <= editor.cursor <= len(editor.text)
