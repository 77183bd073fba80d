"""Tokens to a command list: lists of && and ||, pipelines, simple commands."""

from userland.shell.lexer import IncompleteError, Lexer, Operator, Redirection, ShellSyntaxError, Word

NAME_START = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
NAME_REST = NAME_START + "0123456789"


class Redirect:
    """fd < target, fd > target, fd >> target, fd >& target (target a Word)."""

    __slots__ = ("fd", "kind", "target")

    def __init__(self, fd, kind, target):
        self.fd = fd
        self.kind = kind
        self.target = target


class Command:
    """A simple command: assignments before it, its words, its redirections in order."""

    __slots__ = ("assignments", "words", "redirects")

    def __init__(self):
        self.assignments = []
        self.words = []
        self.redirects = []


class ListItem:
    """One item of a list: [(connector, pipeline)], the first connector '', and whether it runs in the background.

    A pipeline is a list of `Command`; `source` is the item's own text.
    """

    __slots__ = ("pipelines", "background", "source")

    def __init__(self, pipelines, background, source):
        self.pipelines = pipelines
        self.background = background
        self.source = source


def is_name(text):
    """True for what can name a variable."""
    return bool(text) and text[0] in NAME_START and all(char in NAME_REST for char in text)


class Parser:
    """Reads the tokens of `text` once."""

    def __init__(self, text):
        self.text = text
        self.tokens = Lexer(text).tokenize()
        self.index = 0

    def peek(self):
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def operator(self, *texts):
        """The next token's text if it is one of these operators, taken; else None."""
        token = self.peek()
        if isinstance(token, Operator) and token.text in texts:
            self.index += 1
            return token.text
        return None

    def parse(self):
        """The list of `ListItem`; ShellSyntaxError when the text is not the shell's language."""
        items = []
        while True:
            while self.operator("\n"):
                pass
            if self.peek() is None:
                return items
            items.append(self.item())

    def item(self):
        start = self.peek().start
        pipelines = [("", self.pipeline())]
        while True:
            connector = self.operator("&&", "||")
            if connector is None:
                break
            self.skip_newlines(connector)
            pipelines.append((connector, self.pipeline()))
        token = self.peek()
        end = len(self.text) if token is None else token.start
        background = False
        if token is not None:
            separator = self.operator("&", ";", "\n")
            if separator is None:
                raise ShellSyntaxError(f"syntax error near '{token_text(token)}'")
            background = separator == "&"
        return ListItem(pipelines, background, self.text[start:end].strip())

    def skip_newlines(self, operator):
        while self.operator("\n"):
            pass
        if self.peek() is None:
            raise IncompleteError(f"syntax error: nothing follows '{operator}'")

    def pipeline(self):
        commands = [self.command()]
        while self.operator("|"):
            self.skip_newlines("|")
            commands.append(self.command())
        return commands

    def command(self):
        command = Command()
        while True:
            token = self.peek()
            if isinstance(token, Redirection):
                self.index += 1
                target = self.peek()
                if not isinstance(target, Word):
                    raise ShellSyntaxError(f"syntax error: no file name behind '{token.kind}'")
                self.index += 1
                command.redirects.append(Redirect(token.fd, token.kind, target))
            elif isinstance(token, Word):
                self.index += 1
                assignment = None if command.words else split_assignment(token)
                if assignment is not None:
                    command.assignments.append(assignment)
                else:
                    command.words.append(token)
            else:
                break
        if not command.words and not command.assignments and not command.redirects:
            raise ShellSyntaxError(f"syntax error near '{token_text(self.peek())}'")
        return command


def split_assignment(word):
    """(name, value Word) of a NAME=value word, else None."""
    if not word.segments or word.segments[0][1] != 0:
        return None
    name, equals, rest = word.segments[0][0].partition("=")
    if not equals or not is_name(name):
        return None
    value = Word(word.start)
    value.segments = [(rest, 0), *word.segments[1:]]
    return name, value


def token_text(token):
    if token is None:
        return "end of file"
    if isinstance(token, Operator):
        return "newline" if token.text == "\n" else token.text
    return token.kind if isinstance(token, Redirection) else token.literal() or "word"


def parse(text):
    """The list of `ListItem` in `text`."""
    return Parser(text).parse()
