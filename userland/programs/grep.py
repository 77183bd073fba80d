"""grep: the lines that match a pattern: POSIX's regular expressions, basic, extended (-E) or no pattern at all (-F)."""

import re

from userland import libc
from userland.text.files import BLOCK
from userland.text.regex import RegexError, compile_regex

USAGE = "grep [-EFHchilnoqrsvwx] [-e PATTERN] [PATTERN] [FILE ...]"
MATCHED, UNMATCHED, TROUBLE = 0, 1, 2


class Grep:
    """What is looked for, and how it is shown."""

    def __init__(self, options, patterns):
        self.options = options
        texts = [line for text in patterns for line in text.split("\n")]
        self.regexes = [self.compiled(text) for text in texts]
        self.inverted = options.has("v")
        self.named = False
        self.status = UNMATCHED

    def compiled(self, text):
        fold = self.options.has("i")
        if self.options.has("F"):
            return re.compile(re.escape(text.encode("utf-8", "surrogateescape")), re.IGNORECASE if fold else 0)
        return compile_regex(text, self.options.has("E"), fold)

    def spans(self, line):
        """The (start, end) of each match in a line, from the left."""
        position = 0
        while position <= len(line):
            found = [match for match in (regex.search(line, position) for regex in self.regexes) if match is not None]
            if not found:
                return
            best = min(found, key=lambda match: (match.start(), -match.end()))
            if self.fits(line, best):
                yield best.start(), best.end()
                position = best.end() + (best.end() == best.start())
            else:
                position = best.start() + 1

    def fits(self, line, match):
        """-w and -x."""
        start, end = match.span()
        if self.options.has("x") and (start, end) != (0, len(line)):
            return False
        if self.options.has("w"):
            around = line[max(0, start - 1) : start] + line[end : end + 1]
            return start < end and not any(chr(byte).isalnum() or byte == 95 for byte in around)
        return True

    def file(self, name, fd):
        """Look through one descriptor; False when reading fails."""
        shown = self.named and not self.options.has("h")
        prefix = f"{'(standard input)' if name == '-' else name}:".encode("utf-8", "surrogateescape") if shown else b""
        quiet = self.options.has("q") or self.options.has("c") or self.options.has("l")
        reader = libc.LineReader(fd, BLOCK, 1 << 24)
        number = found = 0
        while True:
            line = reader.line()
            if line == -1:
                return False
            if not line:
                break
            number += 1
            line = line.removesuffix(b"\n")
            spans = list(self.spans(line)) if self.options.has("o") else list(next(self.spans(line), ()))
            if bool(spans) == self.inverted:
                continue
            found += 1
            self.status = MATCHED if self.status == UNMATCHED else self.status
            if self.options.has("q") or self.options.has("l"):
                break
            if not quiet:
                self.show(prefix + (f"{number}:".encode() if self.options.has("n") else b""), line, spans)
        if self.options.has("c"):
            libc.fputs(prefix + f"{found}\n".encode())
        if self.options.has("l") and found:
            libc.puts("(standard input)" if name == "-" else name)
        return True

    def show(self, head, line, spans):
        if not self.options.has("o"):
            libc.fputs(head + line + b"\n")
        elif not self.inverted:
            libc.fputs(b"".join(head + line[start:end] + b"\n" for start, end in spans if end > start))

    def path(self, name):
        """A file that was named, or with -r whatever is below it."""
        found = libc.stat(name) if name != "-" else -1
        if found != -1 and found.is_directory():
            if self.options.has("r"):
                names = libc.listdir(name)
                for child in [] if names == -1 else names:
                    self.path(f"{name.rstrip('/')}/{child}")
            elif not self.options.has("s"):
                libc.eputs(f"grep: {name}: {libc.strerror(libc.EISDIR)}")
            return
        fd = 0 if name == "-" else libc.open(name)
        if fd < 0 or not self.file(name, fd):
            if not self.options.has("s"):
                libc.eputs(f"grep: {name}: {libc.strerror(libc.errno)}")
            self.status = TROUBLE
        if fd > 0:
            libc.close(fd)


def main(argv):
    try:
        options = libc.getopt(argv, "EFHchilnoqrsvwxe:", USAGE)
        patterns = [value for name, value in options.given if name == "e"]
        if not patterns:
            if not options.operands:
                raise libc.UsageError(f"usage: {USAGE}")
            patterns = [options.operands.pop(0)]
        grep = Grep(options, patterns)
    except (libc.UsageError, RegexError) as error:
        libc.eputs(f"grep: {error}")
        return TROUBLE
    names = options.operands or (["."] if options.has("r") else ["-"])
    grep.named = len(names) > 1 or options.has("r") or options.has("H")
    for name in names:
        grep.path(name)
    return grep.status
