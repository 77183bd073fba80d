"""The built-in commands that read and write: echo, printf, test and read."""

from userland import libc
from userland.shell.condition import test_words
from userland.shell.format import echo_text, format_printf


def builtin_echo(shell, words):
    """echo [-n] [WORD ...]"""
    return 0 if libc.fputs(echo_text(words[1:])) == 0 else 1


def builtin_printf(shell, words):
    """printf FORMAT [ARGUMENT ...]"""
    if len(words) < 2:
        shell.complain("printf: usage: printf FORMAT [ARGUMENT ...]")
        return 2
    text, problems = format_printf(words[1], words[2:])
    for problem in problems:
        shell.complain(f"printf: {problem}")
    return int(libc.fputs(text) < 0 or bool(problems))


def builtin_test(shell, words):
    """test EXPRESSION, [ EXPRESSION ]"""
    operands = words[1:]
    if words[0] == "[":
        if not operands or operands[-1] != "]":
            shell.complain("[: missing ]")
            return 2
        operands = operands[:-1]
    result, problem = test_words(operands)
    if problem:
        shell.complain(f"{words[0]}: {problem}")
    return result


def builtin_read(shell, words):
    """read [-r] [-p PROMPT] [NAME ...]"""
    raw = False
    names = words[1:]
    while names and names[0].startswith("-"):
        option = names.pop(0)
        if option == "-p" and names:
            libc.fputs(names.pop(0), libc.STDERR_FILENO)
        raw = raw or option == "-r"
    line, ended = read_line(shell, raw)
    assign_fields(shell, names or ["REPLY"], line)
    return 0 if ended else 1


def read_line(shell, raw):
    """([(character, escaped)], whether a newline ended it): byte by byte, for the rest belongs to others."""
    out = bytearray()
    marks = []
    escaped = False
    while True:
        byte = libc.read_bytes(0, 1)
        if byte == -1 and libc.errno == libc.EINTR and not shell.interrupted and not shell.pending_traps:
            continue
        if byte == -1 or not byte:
            break
        if escaped:
            escaped = False
            if byte != b"\n":
                out += byte
                marks.append(True)
        elif byte == b"\\" and not raw:
            escaped = True
        elif byte == b"\n":
            return decoded(out, marks), True
        else:
            out += byte
            marks.append(False)
    return decoded(out, marks), False


def decoded(out, marks):
    text = bytes(out).decode("utf-8", "surrogateescape")
    if len(text) == len(marks):
        return list(zip(text, marks, strict=True))
    positions = [0]
    for char in text:
        positions.append(positions[-1] + len(char.encode("utf-8", "surrogateescape")))
    return [(char, marks[positions[index]]) for index, char in enumerate(text)]


def assign_fields(shell, names, line):
    """Split at IFS; the last name gets the rest."""
    ifs = shell.variables.get("IFS", " \t\n")
    white = [char for char in ifs if char in " \t\n"]
    position, end = 0, len(line)

    def is_white(at):
        return not line[at][1] and line[at][0] in white

    while position < end and is_white(position):
        position += 1
    for index, name in enumerate(names):
        if index == len(names) - 1:
            stop = end
            while stop > position and is_white(stop - 1):
                stop -= 1
            rest = line[position:stop]
            # One separator at the very end belongs to the field before it.
            others = [at for at, (char, escaped) in enumerate(rest) if not escaped and char in ifs and char not in white]
            if others == [len(rest) - 1]:
                rest = rest[:-1]
                while rest and not rest[-1][1] and rest[-1][0] in white:
                    rest = rest[:-1]
            shell.assign(name, "".join(char for char, _ in rest))
            return
        start = position
        while position < end and (line[position][1] or line[position][0] not in ifs):
            position += 1
        shell.assign(name, "".join(char for char, _ in line[start:position]))
        while position < end and is_white(position):
            position += 1
        if position < end and not line[position][1] and line[position][0] in ifs and line[position][0] not in white:
            position += 1
            while position < end and is_white(position):
                position += 1
