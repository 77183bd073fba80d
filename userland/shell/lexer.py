"""Shell text to tokens: words with their quoting kept, operators, redirections and newlines."""

PLAIN = 0
SINGLE = 1
DOUBLE = 2

BLANKS = " \t"
OPERATORS = ("&&", "||", "|", "&", ";", "\n")


class ShellSyntaxError(Exception):
    """Text that is not the shell's language."""


class IncompleteError(ShellSyntaxError):
    """Text that could become right with more lines: an open quote, a trailing backslash or operator."""


class Word:
    """A word: segments of (text, quoting); expansion happens when the command runs."""

    __slots__ = ("segments", "start")

    def __init__(self, start):
        self.segments = []
        self.start = start

    def literal(self):
        """The text if no segment is quoted, else None."""
        if any(quoting != PLAIN for _, quoting in self.segments):
            return None
        return "".join(text for text, _ in self.segments)


class Operator:
    """One of && || | & ; and newline."""

    __slots__ = ("text", "start")

    def __init__(self, text, start):
        self.text = text
        self.start = start


class Redirection:
    """A redirection operator: `kind` is < > >> or >&, `fd` the descriptor it changes; the next word is the target."""

    __slots__ = ("fd", "kind", "start")

    def __init__(self, fd, kind, start):
        self.fd = fd
        self.kind = kind
        self.start = start


class Lexer:
    """Cuts `text` into tokens."""

    def __init__(self, text):
        self.text = text
        self.position = 0
        self.tokens = []

    def tokenize(self):
        """All tokens; ShellSyntaxError for what can not be one."""
        text = self.text
        while self.position < len(text):
            char = text[self.position]
            if char in BLANKS:
                self.position += 1
            elif text.startswith("\\\n", self.position):
                self.position += 2
            elif char == "#":
                end = text.find("\n", self.position)
                self.position = len(text) if end < 0 else end
            elif char in "()`":
                raise ShellSyntaxError(f"syntax error near '{char}': subshells and substitution are not supported")
            elif char in "<>" or self.digits_before_redirection():
                self.redirection()
            elif char in "&|;\n":
                self.operator()
            else:
                self.word()
        return self.tokens

    def digits_before_redirection(self):
        end = self.position
        while end < len(self.text) and self.text[end] in "0123456789":
            end += 1
        return self.position < end < len(self.text) and end - self.position <= 3 and self.text[end] in "<>"

    def redirection(self):
        start = self.position
        while self.text[self.position] in "0123456789":
            self.position += 1
        number = self.text[start : self.position]
        kind = self.text[self.position]
        self.position += 1
        following = self.text[self.position : self.position + 1]
        if following == "<" and kind == "<":
            raise ShellSyntaxError("syntax error near '<<': here-documents are not supported")
        if (kind, following) in ((">", ">"), (">", "&"), ("<", "&")):
            # <&n and >&n both duplicate a descriptor.
            fd_default = 0 if kind == "<" else 1
            kind = ">&" if following == "&" else ">>"
            self.position += 1
        else:
            fd_default = 0 if kind == "<" else 1
        self.tokens.append(Redirection(int(number) if number else fd_default, kind, start))

    def operator(self):
        for text in OPERATORS:
            if self.text.startswith(text, self.position):
                self.tokens.append(Operator(text, self.position))
                self.position += len(text)
                return

    def word(self):
        text = self.text
        word = Word(self.position)
        plain = []

        while self.position < len(text):
            char = text[self.position]
            if char in " \t\n;&|<>()`":
                break
            if char == "'":
                self.flush(word, plain)
                end = text.find("'", self.position + 1)
                if end < 0:
                    raise IncompleteError("syntax error: unterminated quoted string")
                word.segments.append((text[self.position + 1 : end], SINGLE))
                self.position = end + 1
            elif char == '"':
                self.flush(word, plain)
                self.double_quoted(word)
            elif char == "\\":
                if self.position + 1 >= len(text):
                    raise IncompleteError("syntax error: nothing follows the backslash")
                if text[self.position + 1] != "\n":
                    self.flush(word, plain)
                    word.segments.append((text[self.position + 1], SINGLE))
                self.position += 2
            else:
                # A ${NAME:-word} is one piece, whatever its word holds.
                closing = text.find("}", self.position) if text.startswith("${", self.position) else -1
                stop = max(self.position, closing) + 1
                plain.append(text[self.position : stop])
                self.position = stop
        self.flush(word, plain)
        if text[self.position : self.position + 1] in ("(", "`"):
            raise ShellSyntaxError("syntax error: subshells and substitution are not supported")
        self.tokens.append(word)

    def flush(self, word, plain):
        if plain:
            word.segments.append(("".join(plain), PLAIN))
            plain.clear()

    def double_quoted(self, word):
        text = self.text
        self.position += 1
        piece = []
        while True:
            if self.position >= len(text):
                raise IncompleteError("syntax error: unterminated quoted string")
            char = text[self.position]
            if char == '"':
                break
            if char == "\\" and text[self.position + 1 : self.position + 2] in ('"', "\\", "$", "`", "\n"):
                escaped = text[self.position + 1]
                self.position += 2
                if escaped != "\n":
                    word.segments.append(("".join(piece), DOUBLE))
                    word.segments.append((escaped, SINGLE))
                    piece = []
                continue
            piece.append(char)
            self.position += 1
        word.segments.append(("".join(piece), DOUBLE))
        self.position += 1
