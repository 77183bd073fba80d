"""ip -batch FILE: a command on each line, as iproute2 reads them: quotes, comments, lines that go on behind a backslash."""

from userland import libc

LINE_LIMIT = 1 << 16
BLANKS = " \t\r\n"
QUOTES = "'\""


class BadLine(Exception):
    """A line that can not be taken apart; the text is the message."""


def split(line):
    """The words of a line: quotes count at the beginning of a word alone, `#` there begins a comment.  BadLine."""
    words = []
    position = 0
    while position < len(line):
        if line[position] in BLANKS:
            position += 1
            continue
        if line[position] == "#":
            break
        start = position
        if line[position] in QUOTES:
            end = line.find(line[position], position + 1)
            if end < 0:
                raise BadLine("Unterminated quoted string")
            words.append(line[start + 1 : end])
            position = end + 1
            continue
        while position < len(line) and line[position] not in BLANKS:
            position += 1
        words.append(line[start:position])
    return words


def logical_lines(fd):
    """Yields (number of its last line, text) of what the backslashes at line ends make one; -1 for the text on an error."""
    reader = libc.LineReader(fd, 4096, LINE_LIMIT)
    number = 0
    pending = ""
    while True:
        line = reader.line()
        if line == -1:
            yield number, -1
            return
        if not line:
            break
        number += 1
        text = line.decode("utf-8", "surrogateescape").rstrip("\n")
        if text.endswith("\\"):
            pending += text[:-1]
            continue
        yield number, pending + text
        pending = ""
    if pending:
        yield number, pending


def run_batch(name, force, command):
    """Run `command(words)`, which returns a status, for every line of the file `name` ("-": standard input).

    0, or 1 when one has failed; without `force` that ends the batch.
    """
    fd = libc.STDIN_FILENO if name == "-" else libc.open(name)
    if fd < 0:
        libc.eputs(f'Cannot open file "{name}" for reading: {libc.strerror(libc.errno)}')
        return 1
    status = 0
    for number, text in logical_lines(fd):
        if text == -1:
            libc.eputs(f"{name}: {libc.strerror(libc.errno)}")
            status = 1
            break
        try:
            words = split(text)
        except BadLine as error:
            libc.eputs(str(error))
            status = 1
            break
        if words and command(words) != 0:
            libc.eputs(f"Command failed {name}:{number}")
            status = 1
            if not force:
                break
    if fd != libc.STDIN_FILENO:
        libc.close(fd)
    return status
