"""Shell text to tokens: words with their parts, operators, newlines, here-documents (POSIX.1-2017 XCU 2.2, 2.3)."""

BLANKS = " \t"
OPERATORS = (
    "<<-", "<<<", "&&", "||", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|", "&", ";", "<", ">", "(", ")", "\n",
)  # fmt: skip
REDIRECTIONS = ("<", ">", ">>", ">|", "<>", "<&", ">&", "<<", "<<-", "<<<", "&>")
WORD_ENDS = " \t\n;&|<>()"
SPECIAL_PARAMETERS = "?$#@*!-0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
NAME_REST = LETTERS + "0123456789"
PARAMETER_OPERATORS = (":-", ":=", ":?", ":+", "##", "%%", "-", "=", "?", "+", "#", "%")
MAX_DEPTH = 100


class ShellSyntaxError(Exception):
    """Text that is not the shell's language; `line` counts from 1."""

    def __init__(self, text, line=1):
        super().__init__(text.replace("\n", " "))
        self.line = line


class IncompleteError(ShellSyntaxError):
    """Text that could become right with more lines: an open quote, a missing `fi`, a trailing operator."""


def is_name(text):
    """True for what can name a variable."""
    return bool(text) and text[0] in LETTERS and all(char in NAME_REST for char in text)


def quote(word):
    """A word so that the shell reads it back as it is."""
    return "'" + word.replace("'", "'\\''") + "'"


class Token:
    """`kind` is word, operator, number (of a redirection) or end; `text` the source; `parts` of a word."""

    __slots__ = ("kind", "text", "parts", "start", "end")

    def __init__(self, kind, text, start, end, parts=None):
        self.kind = kind
        self.text = text
        self.parts = parts
        self.start = start
        self.end = end

    def literal(self):
        """The text of a word without any quoting or expansion, else None."""
        if self.kind != "word" or any(part[0] != "text" for part in self.parts):
            return None
        return "".join(part[1] for part in self.parts)


class HereDocument:
    """A here-document whose text has yet to come: `redirect` is told when it has."""

    __slots__ = ("redirect", "delimiter", "quoted", "strip")

    def __init__(self, redirect, delimiter, quoted, strip):
        self.redirect = redirect
        self.delimiter = delimiter
        self.quoted = quoted
        self.strip = strip


class Lexer:
    """Reads `text` from `position`; the parser that owns it parses what stands in $( )."""

    def __init__(self, text, first_line=1, final=True, depth=0):
        self.text = text
        self.position = 0
        self.first_line = first_line
        # No more text will come: a here-document may end with it.
        self.final = final
        self.depth = depth
        self.here_documents = []
        if depth > MAX_DEPTH:
            raise ShellSyntaxError("nested too deeply", first_line)

    def line_at(self, position):
        return self.first_line + self.text.count("\n", 0, position)

    def error(self, text, position=None):
        return ShellSyntaxError(f"syntax error: {text}", self.line_at(self.position if position is None else position))

    def incomplete(self, text):
        return IncompleteError(f"syntax error: {text}", self.line_at(len(self.text)))

    def parse_substitution(self):
        """The commands up to the closing parenthesis: the parser's part."""
        raise NotImplementedError

    def parse_text(self, text):
        """The commands of a text of its own (what stood between backquotes)."""
        raise NotImplementedError

    # --- tokens ---

    def skip_blanks(self):
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
            else:
                break

    def token(self):
        """The next token."""
        self.skip_blanks()
        text = self.text
        start = self.position
        if start >= len(text):
            return Token("end", "", start, start)
        char = text[start]
        if char in "0123456789":
            end = start
            while end < len(text) and text[end] in "0123456789":
                end += 1
            if end < len(text) and text[end] in "<>" and end - start <= 3:
                self.position = end
                return Token("number", text[start:end], start, end)
        for operator in OPERATORS:
            if text.startswith(operator, start):
                self.position = start + len(operator)
                if operator == "\n":
                    self.read_here_documents()
                return Token("operator", operator, start, self.position)
        parts = self.word()
        return Token("word", text[start : self.position], start, self.position, parts)

    def word(self):
        """The parts of the word that begins here."""
        parts = []
        text = self.text
        if text[self.position] == "~":
            self.tilde(parts)
        while self.position < len(text):
            char = text[self.position]
            if char in WORD_ENDS:
                break
            self.part(parts, char)
        return parts

    def part(self, parts, char):
        """One part of an unquoted word, which begins with `char`."""
        text = self.text
        if char == "'":
            end = text.find("'", self.position + 1)
            if end < 0:
                raise self.incomplete("unterminated quoted string")
            parts.append(["quoted", text[self.position + 1 : end]])
            self.position = end + 1
        elif char == '"':
            self.position += 1
            self.double_quoted(parts)
        elif char == "\\":
            if self.position + 1 >= len(text):
                if not self.final:
                    raise self.incomplete("nothing follows the backslash")
                add_text(parts, "\\")
                self.position += 1
                return
            if text[self.position + 1] != "\n":
                parts.append(["quoted", text[self.position + 1]])
            self.position += 2
        elif char == "$":
            self.dollar(parts, False)
        elif char == "`":
            parts.append(["command", self.backquoted(False), False])
        else:
            add_text(parts, char)
            self.position += 1

    def tilde(self, parts):
        """~ and ~NAME at the beginning of a word, up to a slash (or a colon of an assignment)."""
        end = self.position + 1
        while end < len(self.text) and (self.text[end] in NAME_REST or self.text[end] in "-."):
            end += 1
        if end >= len(self.text) or self.text[end] in WORD_ENDS or self.text[end] in "/:":
            parts.append(["tilde", self.text[self.position + 1 : end]])
            self.position = end

    def double_quoted(self, parts):
        """Up to the closing quote; leaves at least one quoted part, for "" is a word."""
        count = len(parts)
        while True:
            if self.position >= len(self.text):
                raise self.incomplete("unterminated quoted string")
            if self.text[self.position] == '"':
                break
            self.quoted_part(parts, '$`"\\\n')
        self.position += 1
        if len(parts) == count:
            parts.append(["quoted", ""])

    def quoted_part(self, parts, escapable):
        """One part inside double quotes or a here-document."""
        text = self.text
        char = text[self.position]
        if char == "\\" and text[self.position + 1 : self.position + 2] and text[self.position + 1] in escapable:
            if text[self.position + 1] != "\n":
                add_quoted(parts, text[self.position + 1])
            self.position += 2
        elif char == "$":
            self.dollar(parts, True)
        elif char == "`":
            parts.append(["command", self.backquoted('"' in escapable), True])
        else:
            add_quoted(parts, char)
            self.position += 1

    # --- expansions ---

    def dollar(self, parts, quoted):
        """What stands behind a $."""
        text = self.text
        following = text[self.position + 1 : self.position + 2]
        if text.startswith("$((", self.position) and self.arithmetic(parts, quoted):
            return
        if following == "(":
            self.position += 2
            parts.append(["command", self.parse_substitution(), quoted])
        elif following == "{":
            self.position += 2
            self.braced(parts, quoted)
        elif following and following in SPECIAL_PARAMETERS:
            parts.append(["parameter", following, "", None, quoted])
            self.position += 2
        elif following and following in LETTERS:
            end = self.position + 1
            while end < len(text) and text[end] in NAME_REST:
                end += 1
            parts.append(["parameter", text[self.position + 1 : end], "", None, quoted])
            self.position = end
        else:
            (add_quoted if quoted else add_text)(parts, "$")
            self.position += 1

    def arithmetic(self, parts, quoted):
        """$(( ... )): False when it turns out to be a subshell in a command substitution."""
        text = self.text
        start = self.position
        self.position += 3
        inner = []
        depth = 0
        while True:
            if self.position >= len(text):
                self.position = start
                if self.final:
                    raise self.error("missing '))'", start)
                raise self.incomplete("missing '))'")
            char = text[self.position]
            if char == "(":
                depth += 1
            elif char == ")":
                if depth == 0:
                    break
                depth -= 1
            if char == '"':
                self.position += 1
            else:
                self.quoted_part(inner, '$`"\\\n')
        if not text.startswith("))", self.position):
            self.position = start
            return False
        self.position += 2
        parts.append(["arithmetic", inner, quoted])
        return True

    def braced(self, parts, quoted):
        """${ ... }"""
        text = self.text
        start = self.position
        length = text[start : start + 1] == "#" and text[start + 1 : start + 2] not in tuple("}:-+?=%#") + ("",)
        if text[start : start + 2] in ("##", "#-", "#?") and text[start + 2 : start + 3] == "}":
            length = True
        if length:
            self.position += 1
        name = self.parameter_name()
        if length and name and text[self.position : self.position + 1] == "}":
            self.position += 1
            parts.append(["parameter", name, "length", None, quoted])
            return
        operator = next((known for known in PARAMETER_OPERATORS if text.startswith(known, self.position)), "")
        self.position += len(operator)
        word = self.brace_word(quoted and operator not in ("#", "##", "%", "%%")) if operator else None
        if not operator and text[self.position : self.position + 1] != "}":
            # Told when it is expanded, as everybody does.
            self.brace_word(quoted)
            operator = "bad"
        if self.position >= len(text):
            raise self.incomplete("missing '}'")
        self.position += 1
        parts.append(["parameter", name, operator, word, quoted])

    def parameter_name(self):
        text = self.text
        start = self.position
        if text[start : start + 1] and text[start] in LETTERS:
            while self.position < len(text) and text[self.position] in NAME_REST:
                self.position += 1
        elif text[start : start + 1].isdigit():
            while text[self.position : self.position + 1].isdigit():
                self.position += 1
        elif text[start : start + 1] and text[start] in SPECIAL_PARAMETERS:
            self.position += 1
        return text[start : self.position]

    def brace_word(self, quoted):
        """The word behind an operator, up to the closing brace."""
        parts = []
        text = self.text
        while self.position < len(text) and text[self.position] != "}":
            char = text[self.position]
            if quoted and char == '"':
                # Quotes inside of quotes only bracket.
                self.position += 1
            elif quoted:
                self.quoted_part(parts, '$`"\\}\n')
            else:
                self.part(parts, char)
        return parts

    def backquoted(self, in_quotes):
        """`...`: a backslash only escapes $, ` and itself (and the double quote inside of double quotes)."""
        text = self.text
        start = self.position
        self.position += 1
        inner = []
        while True:
            if self.position >= len(text):
                raise self.incomplete("unterminated '`'")
            char = text[self.position]
            if char == "`":
                break
            if char == "\\" and text[self.position + 1 : self.position + 2] in ("$", "`", "\\", '"' if in_quotes else "$"):
                self.position += 1
            inner.append(text[self.position])
            self.position += 1
        self.position += 1
        return self.parse_text("".join(inner), self.line_at(start))

    # --- here-documents ---

    def read_here_documents(self):
        """The texts of the here-documents that the line before has announced."""
        waiting, self.here_documents = self.here_documents, []
        for document in waiting:
            lines = []
            while True:
                if self.position >= len(self.text):
                    if not self.final:
                        raise self.incomplete(f"here-document without '{document.delimiter}'")
                    break
                end = self.text.find("\n", self.position)
                stop = len(self.text) if end < 0 else end + 1
                line = self.text[self.position : stop]
                self.position = stop
                if document.strip:
                    line = line.lstrip("\t")
                if line.removesuffix("\n") == document.delimiter:
                    break
                lines.append(line)
            document.redirect.target = self.here_text("".join(lines), document.quoted)

    def here_text(self, text, quoted):
        """The parts of a here-document: expanded unless its delimiter was quoted."""
        if quoted:
            return [["quoted", text]]
        inner = type(self)(text, self.line_at(self.position), True, self.depth + 1)
        parts = []
        while inner.position < len(text):
            inner.quoted_part(parts, "$`\\\n")
        return parts


def add_text(parts, char):
    """One more unquoted character."""
    if parts and parts[-1][0] == "text":
        parts[-1][1] += char
    else:
        parts.append(["text", char])


def add_quoted(parts, char):
    if parts and parts[-1][0] == "quoted":
        parts[-1][1] += char
    else:
        parts.append(["quoted", char])
