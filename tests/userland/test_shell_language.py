"""The shell's language: tokens, trees, expansion, arithmetic, patterns; and the line editor."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from userland.shell import arithmetic, format, lexer, pattern
from userland.shell.completion import candidates, word_start
from userland.shell.condition import test_words as condition
from userland.shell.expand import Expander, ExpansionError
from userland.shell.lineedit import EOF, INTERRUPT, LINE, LineEditor
from userland.shell.nodes import Case, For, Function, If, Simple, Subshell, While, decode, encode
from userland.shell.parser import IncompleteError, ShellSyntaxError, parse
from userland.shell.variables import Variables

FILES = {"": ["Makefile", "main.c", "main.h", ".hidden", "a[b", "x-1", "x-2", "sub"], "sub": ["one.c", "two.c"]}


class FakeShell:
    """What the expander asks of a shell, without a machine."""

    def __init__(self, arguments=("p 1", "p2")):
        self.variables = Variables({"A": "one", "SPACED": " x  y ", "EMPTY": "", "STAR": "*"})
        self.arguments = list(arguments)
        self.options = {}
        self.functions = {"func": None}
        self.aliases = {}

    def option(self, letter):
        return self.options.get(letter, False)

    def value(self, name):
        if name == "?":
            return "7"
        if name == "#":
            return str(len(self.arguments))
        if name in ("@", "*"):
            return " ".join(self.arguments) or None
        if name.isdigit():
            return self.arguments[int(name) - 1] if 0 < int(name) <= len(self.arguments) else None
        return self.variables.get(name)

    def assign(self, name, value):
        self.variables.set(name, value)

    def names_in(self, directory):
        return FILES.get(directory.strip("/"), [])

    def is_directory(self, path):
        return path.strip("/") == "sub"

    def capture(self, node):
        return f"<{len(node.items)}>"


def words(text):
    """The expanded words of the only command in `text`."""
    [item] = parse(text).items
    return Expander(FakeShell()).fields(item.items[0][1].commands[0].words)


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
        ("echo $? $ $1x ${NONE:-d e}", ["echo", "7", "$", "p", "1x", "d", "e"]),
        ("echo a#b # comment", ["echo", "a#b"]),
        ("echo 'it'\\''s'", ["echo", "it's"]),
        ("echo a\\\nb", ["echo", "ab"]),
        ("echo *.c main.?", ["echo", "main.c", "main.c", "main.h"]),
        ("echo '*.c' *.none .h* x-[2-9] [!a-z]*", ["echo", "*.c", "*.none", ".hidden", "x-2", "Makefile"]),
        ("echo $STAR.c", ["echo", "main.c"]),
        ("echo \"$STAR\"", ["echo", "*"]),
        ("echo */*.c sub/t*", ["echo", "sub/one.c", "sub/two.c", "sub/two.c"]),
        ("echo $(a; b) \"`c`\" $((1+2))", ["echo", "<2>", "<1>", "3"]),
        ("echo \"$@\" $# \"$*\"", ["echo", "p 1", "p2", "2", "p 1 p2"]),
        ("echo ${A#o} ${A%e} ${#A} ${A:+x} ${NONE+x}", ["echo", "ne", "on", "3", "x"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_lists_and_pipelines():
    items = parse("a && b || c | d; e & f\ng").items
    assert [(len(item.items), item.background) for item in items] == [(3, False), (1, True), (1, False), (1, False)]
    assert [connector for connector, _ in items[0].items] == ["", "&&", "||"]
    assert len(items[0].items[2][1].commands) == 2
    assert items[1].source == "e" and parse("! a").items[0].items[0][1].negated


def test_compound_commands():
    text = "if a; then b; fi; for i in 1 2; do c; done; while d; do e; done; case x in y|z) f;; esac; (g); h() { i; }"
    kinds = [item.items[0][1].commands[0] for item in parse(text).items]
    assert [type(kind) for kind in kinds] == [If, For, While, Case, Subshell, Function]


def test_redirections():
    [item] = parse("cmd <in >out 2>>err 2>&1 >&2 3>three a2>x <<E\ntext\nE\n").items
    command = item.items[0][1].commands[0]
    assert isinstance(command, Simple)
    expander = Expander(FakeShell())
    found = [(r.fd, r.kind, expander.single(r.target)) for r in command.redirects]
    assert found == [
        (0, "<", "in"), (1, ">", "out"), (2, ">>", "err"), (2, ">&", "1"), (1, ">&", "2"), (3, ">", "three"), (1, ">", "x"),
        (0, "<<", "text\n"),
    ]  # fmt: skip
    assert expander.fields(command.words) == ["cmd", "a2"]


def test_assignments_only_count_before_the_command():
    [item] = parse("A=1 B='2 3' cmd C=4").items
    command = item.items[0][1].commands[0]
    expander = Expander(FakeShell())
    assert [(name, expander.single(word)) for name, word in command.assignments] == [("A", "1"), ("B", "2 3")]
    assert expander.fields(command.words) == ["cmd", "C=4"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("|", 1, "'|' unexpected"), ("a\n| b", 2, "'|' unexpected"), ("a | | b", 1, "'|' unexpected"),
        ("; a", 1, "';' unexpected"),
        ("> ", 1, "end of file unexpected"), ("(a", 1, "end of file unexpected"), ("a)", 1, "')' unexpected"),
        ("fi", 1, "'fi' unexpected"), ("if a; then\nb; done", 2, "'done' unexpected (expecting 'fi')"),
        ("for 1 in a; do b; done", 1, "bad for loop variable"), ("echo 'a", 1, "unterminated quoted string"),
        ("a() ", 1, "end of file unexpected"), ("case a in b) c; ", 1, "end of file unexpected"), ("{ }", 1, "'}' unexpected"),
        ("if ; then a; fi", 1, "';' unexpected"), ("$(", 1, "end of file unexpected"), ("a-b() { c; }", 1, "bad function name"),
    ],
)  # fmt: skip
def test_syntax_errors_name_their_line(text, line, message):
    with pytest.raises(ShellSyntaxError) as refusal:
        parse(text)
    assert str(refusal.value) == f"syntax error: {message}" and refusal.value.line == line


@pytest.mark.parametrize(
    "text",
    ["echo 'a", 'echo "a', "a |", "a &&", "a ||\n", "if a", "while a; do", "(a", "{ a", "f() {", "case x in", "$(a",
     "for i in a; do"],
)
def test_text_that_goes_on(text):
    with pytest.raises(IncompleteError):
        parse(text)


SHELL_TEXT = st.lists(
    st.sampled_from(["a", " ", "$x", "${A:-b}", "'", '"', "\\", "|", "&", ";", "\n", "<", ">", "<<E", "$(", ")", "(", "`", "if ",
                     "fi ", "then ", "do ", "done ", "for i in ", "case ", "in ", "esac", "{ ", "}", "#", "=", "*", "[", "$((",
                     "))", "!"]),
    max_size=14,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(SHELL_TEXT.map("".join) | st.text(alphabet="ab $'\"\\|&;<>#\n={}*[?12~()`", max_size=40))
def test_garbage_is_a_syntax_error_at_most_and_trees_go_there_and_back(text):
    try:
        tree = parse(text)
    except ShellSyntaxError as refusal:
        assert "\n" not in str(refusal)
        return
    assert encode(decode(encode(tree))) == encode(tree)
    expander = Expander(FakeShell())
    for item in tree.items:
        for _, pipeline in item.items:
            for command in pipeline.commands:
                if isinstance(command, Simple):
                    try:
                        expander.fields(command.words)
                    except ExpansionError as error:
                        assert str(error)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("abc", "a*c", True), ("abc", "a?c", True), ("abc", "a?", False), ("a" * 60, "*a" * 30 + "b", False), ("x", "[]", False),
        ("]", "[]]", True), ("-", "[a-]", True), ("5", "[[:digit:]]", True), ("a", "[![:digit:]]", True), ("[", "[", True),
    ],
)  # fmt: skip
def test_patterns(name, text, expected):
    assert pattern.matches(pattern.compile_pattern([(text, False)]), name) == expected
    assert pattern.matches(pattern.compile_pattern([(text, True)]), name) == (text == name)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab*?[]-!", max_size=12), st.text(alphabet="ab]-", max_size=10))
def test_stripping_agrees_with_matching(text, name):
    elements = pattern.compile_pattern([(text, False)])
    for longest in (False, True):
        rest = pattern.strip_prefix(elements, name, longest)
        assert name.endswith(rest) and (rest == name or pattern.matches(elements, name[: len(name) - len(rest)]))
        rest = pattern.strip_suffix(elements, name, longest)
        assert name.startswith(rest) and (rest == name or pattern.matches(elements, name[len(rest) :]))


NUMBERS = st.integers(-9, 9).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "<", "<=", "==", "!=", "&", "|", "^", "&&", "||"]), inner).map(
        lambda three: f"({three[0]} {three[1]} {three[2]})"
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_arithmetic_agrees_with_python(text):
    as_python = text.replace("&&", " and ").replace("||", " or ")
    if "and" in as_python or "or" in as_python:
        # and/or give 0 or 1 in C.
        assert arithmetic.evaluate(text, lambda name: "", None) in range(-(1 << 63), 1 << 63)
    else:
        assert arithmetic.evaluate(text, lambda name: "", None) == int(eval(as_python))


@given(st.text(alphabet="0123456789+-*/%()<>=!&|^~?:, xX\nab", max_size=30))
def test_arithmetic_of_any_text(text):
    try:
        value = arithmetic.evaluate(text, lambda name: "3", lambda name, value: None)
    except arithmetic.ArithmeticProblem:
        return
    assert -(1 << 63) <= value < 1 << 63


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="%dsxcb*.-0 \\nt15uoefgqi'", max_size=20), st.lists(st.text(max_size=5), max_size=3))
def test_printf_takes_any_format(form, arguments):
    text, problems = format.format_printf(form, arguments)
    assert isinstance(text, str) and all(isinstance(problem, str) for problem in problems)


@given(st.lists(st.sampled_from(["!", "(", ")", "-a", "-o", "=", "!=", "-n", "-z", "a", "", "1", "-eq"]), max_size=7))
def test_conditions_of_any_words(operands):
    assert condition(operands)[0] in (0, 1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("expo", ["export"]), ("cd su", ["sub/"]), ("cat sub/o", ["sub/one.c"]), ("echo $EMP", ["$EMPTY"]),
        ("echo ${SP", ["${SPACED}"]), ("ls | hist", ["history"]), ("if tru", ["true"]), ("x; fun", ["func"]),
        ("cat .h", [".hidden"]), ("cat nos", []),
    ],
)  # fmt: skip
def test_completions(monkeypatch, text, expected):
    from userland.shell import completion

    class Found:
        def __init__(self, path):
            self.path = path

        def is_directory(self):
            return self.path.endswith("sub")

    monkeypatch.setattr(completion.libc, "stat", Found)
    shell = FakeShell()
    shell.names_in = lambda directory: FILES.get(directory.strip("./"), [])
    assert candidates(shell, text) == expected
    assert text[word_start(text) :] == text.split(" ")[-1]


def test_names_of_files_are_escaped():
    from userland.shell.completion import escape

    assert escape("a b$c") == "a\\ b\\$c" and lexer.is_name("a_1") and not lexer.is_name("1a")


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


def test_ctrl_r_finds_what_was_typed_before(editor):
    for line in (b"first one\r", b"second\r", b"first two\r"):
        typed(editor, line)
        editor.start("# ")
    assert typed(editor, b"\x12first\r") == [(LINE, "first two")]
    editor.start("# ")
    assert typed(editor, b"\x12first\x12x\x7f\r") == [(LINE, "first two")]
    editor.start("# ")
    assert typed(editor, b"\x12fir\x12\r") == [(LINE, "first one")]
    editor.start("# ")
    assert typed(editor, b"keep\x12sec\x07\r") == [(LINE, "keep")]
    editor.take_output()
    editor.start("# ")
    typed(editor, b"\x12zzz")
    assert "(reverse-i-search)`zzz': " in editor.take_output()


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
