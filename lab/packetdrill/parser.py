"""Text to `Script`: options, then events, each with its time.  Comments are those of C; lines count from 1."""

import re

from lab.packetdrill.expression import ANY, arguments, integer
from lab.packetdrill.packet_syntax import packet
from lab.packetdrill.script import (
    NS_PER_SECOND,
    Call,
    Code,
    Command,
    Event,
    Packet,
    Script,
    ScriptError,
    Time,
)

SECONDS = r"\d+(?:\.(?!\.)\d*)?|\.\d+"
TIME = re.compile(
    rf"(?P<plus>\+?)(?P<when>{SECONDS})(?:[ \t]*\.\.\.(?P<returns>{SECONDS})|~\+?(?P<end>{SECONDS}))?(?=\s)|(?P<any>\*)(?=\s)"
)
OPTION = re.compile(r"--(\w+)(?:=(\S*))?")
NAME = re.compile(r"[a-z_]\w*")
RESULT = re.compile(r"\s*=\s*(?P<value>\.\.\.|-?0[xX][0-9a-fA-F]+|-?\d+)[ \t]*(?P<errno>E[A-Z0-9]+)?[ \t]*(?:\([^)\n]*\))?")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|#[^\n]*)+", re.DOTALL)


def nanoseconds(text):
    """Seconds as the script writes them, exactly."""
    whole, _, fraction = text.partition(".")
    return int(whole or 0) * NS_PER_SECOND + int((fraction + "000000000")[:9])


class Parser:
    """One pass over the text."""

    def __init__(self, text, symbols, defines):
        self.text = text
        self.symbols = {**symbols, **{name: value for name, value in defines.items() if isinstance(value, int)}}
        self.defines = defines
        self.position = 0

    @property
    def line(self):
        return self.text.count("\n", 0, self.position) + 1

    def error(self, message):
        raise ScriptError(self.line, message)

    def skip_blank(self):
        match = BLANK.match(self.text, self.position)
        if match is not None:
            self.position = match.end()

    def script(self):
        options = {}
        events = []
        self.skip_blank()
        while self.position < len(self.text):
            if self.text.startswith("--", self.position):
                match = OPTION.match(self.text, self.position)
                if match is None or events:
                    self.error("options come first, as --NAME=VALUE")
                options[match.group(1)] = match.group(2) or ""
                self.position = match.end()
            else:
                events.append(self.event())
            self.skip_blank()
        if not events:
            self.error("there is no event in it")
        return Script(options, events)

    def event(self):
        line = self.line
        start = self.position
        time, returns = Time(), None
        if self.text[start] not in "`%":
            time, returns = self.time()
        self.skip_blank()
        rest = self.text[self.position : self.position + 2]
        if rest[:1] == "`":
            action = Command(self.until("`", 1))
        elif rest == "%{":
            action = Code(self.until("}%", 2))
        elif rest[:1] in ("<", ">"):
            action = self.packet()
        else:
            action = self.call(returns)
        text = " ".join(COMMENT.sub("", self.text[start : self.position]).split())
        return Event(line, time, action, text)

    def time(self):
        match = TIME.match(self.text, self.position)
        if match is None:
            self.error(f"an event begins with its time, not with {self.text[self.position :].split(None, 1)[0]!r}")
        self.position = match.end()
        if match.group("any"):
            return Time(any=True), None
        relative = match.group("plus") == "+"
        end = match.group("end")
        returns = match.group("returns")
        time = Time(nanoseconds(match.group("when")), nanoseconds(end) if end else None, relative)
        return time, nanoseconds(returns) if returns else None

    def until(self, closing, skip):
        """The text up to `closing`, behind an opening mark of `skip` characters."""
        end = self.text.find(closing, self.position + skip)
        if end < 0:
            self.error(f"{closing} is missing")
        found = self.text[self.position + skip : end]
        self.position = end + len(closing)
        return found

    def packet(self):
        line = self.line
        inbound = self.text[self.position] == "<"
        end = self.text.find("\n", self.position)
        end = len(self.text) if end < 0 else end
        body = COMMENT.sub("", self.text[self.position + 1 : end])
        self.position = end
        return Packet(inbound, packet(body.strip(), line, self.defines))

    def call(self, returns):
        line = self.line
        match = NAME.match(self.text, self.position)
        if match is None:
            self.error("a packet, a system call, a command or %{ code }% is missing")
        name = match.group()
        self.position = match.end()
        self.skip_blank()
        if not self.text.startswith("(", self.position):
            self.error(f"{name}: ( is missing")
        end = self.closing()
        inside = COMMENT.sub("", self.text[self.position + 1 : end])
        self.position = end + 1
        match = RESULT.match(self.text, self.position)
        if match is None:
            self.error(f"{name}: its result is missing")
        self.position = match.end()
        value = match.group("value")
        result = ANY if value == "..." else integer(value, line)
        if match.group("errno") and match.group("errno") not in self.symbols:
            self.error(f"{match.group('errno')} is no errno")
        return Call(name, arguments(inside, line, self.symbols), result, match.group("errno"), returns)

    def closing(self):
        """Where the parenthesis that opens here is closed."""
        depth = 0
        quoted = False
        position = self.position
        while position < len(self.text):
            letter = self.text[position]
            if letter == '"':
                quoted = not quoted
            elif not quoted and letter == "(":
                depth += 1
            elif not quoted and letter == ")":
                depth -= 1
                if depth == 0:
                    return position
            position += 1
        raise ScriptError(self.line, ") is missing")


def parse(text, symbols, defines=None):
    """The script in `text`; ScriptError with the line where it is none.

    `symbols` are the names of numbers; `defines` more of them, and what else -D gives a meaning.
    """
    return Parser(text, symbols, defines or {}).script()
