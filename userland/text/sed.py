"""sed's language (POSIX.1-2017 XCU sed): a script becomes a list of commands, and `Sed` runs it line by line.

Addresses, { }, and the commands a b c d D e(no) g G h H i l n N p P q s t w y = : and #.
"""

from userland.text.regex import RegexError, compile_regex

MAX_LOOPS = 1000000


class SedError(Exception):
    """A script that is none; one line."""


class Command:
    """One command: its addresses, and what it needs."""

    __slots__ = ("first", "last", "negated", "name", "text", "regex", "replacement", "flags", "table", "target", "active")

    def __init__(self):
        self.first = None
        self.last = None
        self.negated = False
        self.name = ""
        self.text = b""
        self.regex = None
        self.replacement = ()
        self.flags = ""
        self.table = None
        # Where `}` or a label is: an index into the list.
        self.target = None
        self.active = False


class Parser:
    """Reads a script."""

    def __init__(self, script, extended):
        self.script = script
        self.extended = extended
        self.position = 0
        self.commands = []
        self.open_braces = []
        self.labels = {}
        self.last_regex = None

    def peek(self):
        return self.script[self.position : self.position + 1]

    def skip(self, chars):
        while self.peek() and self.peek() in chars:
            self.position += 1

    def fail(self, text):
        raise SedError(f"-e expression #1, char {self.position}: {text}")

    def parse(self):
        while True:
            self.skip(" \t\n;")
            if not self.peek():
                break
            if self.peek() == "#":
                self.rest_of_line()
                continue
            self.command()
        if self.open_braces:
            self.fail("unmatched `{'")
        for command in self.commands:
            if command.name in ("b", "t"):
                label = command.text.decode()
                if label and label not in self.labels:
                    self.fail(f"can't find label for jump to `{label}'")
                command.target = self.labels[label] if label else len(self.commands)
        return self.commands

    def rest_of_line(self):
        end = self.script.find("\n", self.position)
        end = len(self.script) if end < 0 else end
        text = self.script[self.position : end]
        self.position = end
        return text

    def address(self):
        """A line number, "$", a compiled regex, or None."""
        char = self.peek()
        if char.isdigit():
            start = self.position
            while self.peek().isdigit():
                self.position += 1
            return int(self.script[start : self.position][:15])
        if char == "$":
            self.position += 1
            return "$"
        if char in ("/", "\\") and char:
            if char == "\\":
                self.position += 1
            delimiter = self.peek()
            self.position += 1
            text = self.delimited(delimiter)
            ignore = self.peek() == "I"
            self.position += ignore
            return self.regex(text, ignore)
        return None

    def regex(self, text, ignore_case=False):
        if not text:
            return "last"
        try:
            return compile_regex(text, self.extended, ignore_case)
        except RegexError as error:
            self.fail(str(error))

    def delimited(self, delimiter):
        """The text up to the delimiter, which a backslash takes its meaning from."""
        out = []
        in_bracket = False
        while True:
            char = self.peek()
            if not char or (char == "\n" and not out):
                self.fail("unterminated command")
            self.position += 1
            if char == "\\" and self.peek():
                following = self.peek()
                self.position += 1
                if following == delimiter:
                    out.append(following if not following.isalnum() else "\\" + following)
                else:
                    out.append("\\" + following)
                continue
            if char == "[" and not in_bracket:
                in_bracket = True
            elif char == "]" and in_bracket and out[-1:] not in (["["], ["^"]):
                in_bracket = False
            elif char == delimiter:
                return "".join(out)
            out.append(char)

    def command(self):
        command = Command()
        command.first = self.address()
        if command.first is not None:
            self.skip(" \t")
            if self.peek() == ",":
                self.position += 1
                self.skip(" \t")
                command.last = self.address()
                if command.last is None:
                    self.fail("unexpected `,'")
        self.skip(" \t")
        while self.peek() == "!":
            command.negated = True
            self.position += 1
            self.skip(" \t")
        name = self.peek()
        if not name or name == "\n":
            self.fail("missing command")
        self.position += 1
        command.name = name
        if name == "}":
            if not self.open_braces:
                self.fail("unexpected `}'")
            self.commands[self.open_braces.pop()].target = len(self.commands)
            return
        self.arguments(command, name)
        self.commands.append(command)

    def arguments(self, command, name):
        if name == "{":
            self.open_braces.append(len(self.commands))
        elif name == ":":
            self.skip(" \t")
            label = self.rest_of_line().strip()
            if command.first is not None or not label:
                self.fail('":" lacks a label' if not label else ": doesn't want any addresses")
            self.labels[label] = len(self.commands)
        elif name in "bt":
            start = self.position
            while self.peek() and self.peek() not in "\n;}":
                self.position += 1
            command.text = self.script[start : self.position].strip().encode()
        elif name in "aic":
            command.text = self.text()
        elif name == "s":
            self.substitution(command)
        elif name == "y":
            self.transliteration(command)
        elif name in "rw":
            self.skip(" \t")
            command.text = self.rest_of_line().encode()
            if not command.text:
                self.fail("missing filename in r/R/w/W commands")
        elif name in "qQ":
            self.skip(" \t")
            start = self.position
            while self.peek().isdigit():
                self.position += 1
            command.flags = self.script[start : self.position]
        elif name not in "dDgGhHlnNpPx=":
            self.fail(f"unknown command: `{name}'")
        if name in "dDgGhHlnNpPqQxy=s":
            self.skip(" \t")
            if self.peek() and self.peek() not in "\n;}#":
                self.fail("extra characters after command")

    def text(self):
        """The text of a, i and c: behind a backslash and a newline, or on the same line."""
        self.skip(" \t")
        if self.peek() == "\\":
            self.position += 1
            self.skip(" \t")
            if self.peek() == "\n":
                self.position += 1
        out = []
        while self.peek() and self.peek() != "\n":
            char = self.peek()
            self.position += 1
            if char == "\\" and self.peek():
                char = self.peek()
                self.position += 1
            out.append(char)
        return "".join(out).encode("utf-8", "surrogateescape") + b"\n"

    def substitution(self, command):
        delimiter = self.peek()
        if not delimiter or delimiter in "\n\\":
            self.fail("unterminated `s' command")
        self.position += 1
        pattern = self.delimited(delimiter)
        command.replacement = parse_replacement(self.delimited(delimiter))
        flags = []
        while self.peek() and self.peek() in "gpIi0123456789w":
            flag = self.peek()
            self.position += 1
            if flag == "w":
                self.skip(" \t")
                command.text = self.rest_of_line().encode()
                break
            flags.append(flag)
        command.flags = "".join(flags)
        command.regex = self.regex(pattern, "I" in flags or "i" in flags)

    def transliteration(self, command):
        delimiter = self.peek()
        self.position += 1
        source, target = (unescape(self.delimited(delimiter)) for _ in range(2))
        if len(source) != len(target):
            self.fail("strings for `y' command are different lengths")
        command.table = bytes.maketrans(source, target)


def visible(byte):
    """A byte as `l` shows it."""
    if 32 <= byte < 127 and byte != 92:
        return chr(byte)
    return {92: "\\\\", 9: "\\t", 10: "\\n"}.get(byte, f"\\{byte:03o}")


def unescape(text):
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\").encode("utf-8", "surrogateescape")


def parse_replacement(text):
    """The right side of s: a list of bytes and group numbers (0 for &)."""
    out = []
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text):
            following = text[position + 1]
            position += 2
            if following.isdigit():
                out.append(int(following))
            else:
                out.append({"n": "\n", "t": "\t"}.get(following, following).encode("utf-8", "surrogateescape"))
            continue
        out.append(0 if char == "&" else char.encode("utf-8", "surrogateescape"))
        position += 1
    return out


def parse(script, extended=False):
    """The commands of a script; SedError."""
    return Parser(script, extended).parse()


class Sed:
    """Runs a script over lines; `output(bytes)`, `read_file(name)` and `write_file(name, bytes)` are the world."""

    def __init__(self, commands, quiet, output, read_file, write_file):
        self.commands = commands
        self.quiet = quiet
        self.output = output
        self.read_file = read_file
        self.write_file = write_file
        self.hold = b""
        self.space = b""
        self.number = 0
        self.lines = None
        self.ahead = None
        self.appended = []
        self.last_regex = None
        self.replaced = False
        self.ended = False
        self.status = 0

    def run(self, lines):
        """Over an iterator of lines with their newlines; the exit status."""
        self.lines = iter(lines)
        self.ahead = next(self.lines, None)
        while not self.ended and self.take():
            self.cycle()
        return self.status

    def take(self):
        """The next line into the pattern space; False at the end."""
        if self.ahead is None:
            return False
        self.space = self.ahead.removesuffix(b"\n")
        self.number += 1
        self.ahead = next(self.lines, None)
        self.replaced = False
        return True

    def emit(self, data):
        self.output(data + b"\n")

    def end_cycle(self, shown):
        if shown and not self.quiet:
            self.emit(self.space)
        for data in self.appended:
            self.output(data)
        self.appended = []

    def selects(self, command):
        if command.first is None:
            return not command.negated
        if command.last is None:
            return self.matches(command.first) != command.negated
        return self.in_range(command) != command.negated

    def matches(self, address):
        if address == "$":
            return self.ahead is None
        if isinstance(address, int):
            return self.number == address
        return self.search(address) is not None

    def search(self, regex, start=0):
        regex = self.last_regex if isinstance(regex, str) else regex
        if regex is None:
            raise SedError("no previous regular expression")
        self.last_regex = regex
        return regex.search(self.space, start)

    def in_range(self, command):
        if not command.active:
            if not self.matches(command.first):
                return False
            command.active = not (isinstance(command.last, int) and command.last <= self.number)
            return True
        ended = self.number >= command.last if isinstance(command.last, int) else self.matches(command.last)
        if ended:
            command.active = False
            return not isinstance(command.last, int) or self.number <= command.last
        return True

    def cycle(self):
        index = 0
        for _ in range(MAX_LOOPS):
            if index >= len(self.commands):
                self.end_cycle(True)
                return
            command = self.commands[index]
            index += 1
            if not self.selects(command):
                if command.name == "{":
                    index = command.target
                continue
            following = self.execute(command)
            if following is None:
                return
            if following >= 0:
                index = following
        raise SedError("the script does not end")

    def execute(self, command):
        """-1 to go on, an index to jump to, None when the cycle is over."""
        name = command.name
        if name == "s":
            self.substitute(command)
        elif name == "p":
            self.emit(self.space)
        elif name == "d":
            self.end_cycle(False)
            return None
        elif name == "D":
            return self.delete_first()
        elif name == "b" or (name == "t" and self.replaced):
            self.replaced = False
            return command.target
        elif name in ("n", "N"):
            return self.next_line(name)
        elif name in ("q", "Q"):
            self.ended = True
            self.status = int(command.flags or "0") & 0xFF
            self.end_cycle(name == "q")
            return None
        elif name == "c":
            if command.last is None or not command.active or command.negated:
                self.output(command.text)
            self.end_cycle(False)
            return None
        else:
            self.simple(command)
        return -1

    def simple(self, command):
        name = command.name
        if name == "a":
            self.appended.append(command.text)
        elif name == "i":
            self.output(command.text)
        elif name == "=":
            self.output(f"{self.number}\n".encode())
        elif name == "g":
            self.space = self.hold
        elif name == "G":
            self.space += b"\n" + self.hold
        elif name == "h":
            self.hold = self.space
        elif name == "H":
            self.hold += b"\n" + self.space
        elif name == "x":
            self.space, self.hold = self.hold, self.space
        elif name == "P":
            self.emit(self.space.partition(b"\n")[0])
        elif name == "y":
            self.space = self.space.translate(command.table)
        elif name == "l":
            self.output("".join(visible(c) for c in self.space).encode() + b"$\n")
        elif name == "r":
            self.appended.append(self.read_file(command.text.decode()))
        elif name == "w":
            self.write_file(command.text.decode(), self.space + b"\n")

    def delete_first(self):
        if b"\n" not in self.space:
            self.end_cycle(False)
            return None
        self.end_cycle(False)
        self.space = self.space.partition(b"\n")[2]
        return 0

    def next_line(self, name):
        if self.ahead is None:
            self.ended = True
            self.end_cycle(True)
            return None
        before = self.space
        if name == "n":
            self.end_cycle(True)
        self.take()
        if name == "N":
            self.space = before + b"\n" + self.space
        return -1

    def substitute(self, command):
        digits = "".join(flag for flag in command.flags if flag.isdigit())
        wanted = int(digits[:9]) if digits else 1
        everywhere = "g" in command.flags
        out = []
        position = count = 0
        start = 0
        while start <= len(self.space):
            found = self.search(command.regex, start)
            if found is None:
                break
            count += 1
            if count >= wanted:
                out.append(self.space[position : found.start()])
                out += [found.group(piece) or b"" if isinstance(piece, int) else piece for piece in command.replacement]
                position = found.end()
                if not everywhere:
                    break
            start = found.end() + (found.end() == found.start())
        if count < wanted:
            return
        self.space = b"".join(out) + self.space[position:]
        self.replaced = True
        if "p" in command.flags:
            self.emit(self.space)
        if command.text:
            self.write_file(command.text.decode(), self.space + b"\n")
