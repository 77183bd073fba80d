"""Tokens to a tree: the grammar of POSIX.1-2017 XCU 2.10, with &>, <<< and ;& besides."""

from userland.shell.lexer import (
    REDIRECTIONS,
    HereDocument,
    IncompleteError,
    Lexer,
    ShellSyntaxError,
    is_name,
)
from userland.shell.nodes import (
    AndOr,
    Case,
    For,
    Function,
    Group,
    If,
    List,
    Pipeline,
    Redirect,
    Redirected,
    Simple,
    Subshell,
    While,
)

RESERVED = ("if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{", "}", "!", "in")
# Reserved words that can not begin a command.
CLOSERS = ("then", "else", "elif", "fi", "do", "done", "esac", "}")


class Parser(Lexer):
    """Reads one command line after the other; `aliases` are {name: text}, looked up as the text is read."""

    def __init__(self, text, first_line=1, final=True, depth=0, aliases=None):
        Lexer.__init__(self, text, first_line, final, depth)
        self.aliases = aliases if aliases is not None else {}
        # Aliases whose text is being read: (name, how much text is left behind it).
        self.open_aliases = []
        # Behind an alias that ends in a blank the next word is looked up, too.
        self.look_up_next = False
        self.ahead = None
        # Whether the list that was read last ended in a semicolon.

    # --- tokens ---

    def peek(self):
        if self.ahead is None:
            self.ahead = self.token()
        return self.ahead

    def take(self):
        found = self.peek()
        self.ahead = None
        return found

    def is_operator(self, *texts):
        found = self.peek()
        return found.kind == "operator" and found.text in texts

    def take_operator(self, *texts):
        """The next token's text if it is one of these operators, taken; else None."""
        return self.take().text if self.is_operator(*texts) else None

    def reserved(self):
        """The reserved word that the next token is in the place of a command's name, or None."""
        found = self.peek()
        text = found.literal() if found.kind == "word" else None
        return text if text in RESERVED else None

    def unexpected(self):
        """The error for the next token."""
        found = self.peek()
        if found.kind == "end":
            return self.incomplete("end of file unexpected")
        text = "newline" if found.text == "\n" else f"'{found.text}'"
        return self.error(f"{text} unexpected", found.start)

    def expect(self, word):
        """The reserved word has to come."""
        if self.reserved() != word:
            if self.peek().kind == "end":
                raise self.incomplete(f"end of file unexpected (expecting '{word}')")
            raise self.error(f"'{self.peek().text.strip() or 'newline'}' unexpected (expecting '{word}')", self.peek().start)
        self.take()

    def skip_newlines(self):
        while self.take_operator("\n"):
            pass

    def substitute_alias(self):
        """Put an alias's text in the place of the next token, if it names one."""
        found = self.peek()
        name = found.literal() if found.kind == "word" else None
        left = len(self.text) - found.end
        self.open_aliases = [(known, end) for known, end in self.open_aliases if left > end]
        if name is None or name not in self.aliases or any(known == name for known, _ in self.open_aliases):
            return False
        value = self.aliases[name]
        self.open_aliases.append((name, left))
        self.text = self.text[: found.start] + value + self.text[found.end :]
        self.position = found.start
        self.ahead = None
        self.look_up_next = value[-1:] in (" ", "\t")
        return True

    # --- what the lexer asks for ---

    def parse_substitution(self):
        ahead, self.ahead = self.ahead, None
        body = self.compound_list()
        if not self.is_operator(")"):
            raise self.unexpected()
        # The token that was looked at is the parenthesis: the word goes on right behind it.
        self.position = self.take().end
        self.ahead = ahead
        return body

    def parse_text(self, text, line):
        return Parser(text, line, True, self.depth + 1, self.aliases).program()

    # --- lists ---

    def program(self):
        """All of the text as one List."""
        items = []
        while True:
            line = self.command_line()
            if line is None:
                return List(items)
            items += line.items

    def command_line(self):
        """The commands up to the next newline as a List, or None at the end of the text."""
        self.skip_newlines()
        if self.peek().kind == "end":
            return None
        items = []
        while True:
            item, separated = self.and_or()
            items.append(item)
            if self.peek().kind == "end" or self.take_operator("\n"):
                return List(items)
            if separated:
                if self.is_operator("\n"):
                    self.take()
                    return List(items)
                continue
            raise self.unexpected()

    def compound_list(self):
        """The commands up to a closing word or operator."""
        items = []
        self.skip_newlines()
        while True:
            if self.peek().kind == "end" or self.is_operator(")", ";;", ";&") or self.reserved() in CLOSERS:
                return List(items)
            item, separated = self.and_or()
            items.append(item)
            if not (separated or self.is_operator("\n")):
                return List(items)
            self.skip_newlines()

    def and_or(self):
        """(AndOr, whether a & or ; ended it)."""
        start = self.peek().start
        items = [["", self.pipeline()]]
        while True:
            connector = self.take_operator("&&", "||")
            if connector is None:
                break
            self.skip_newlines()
            items.append([connector, self.pipeline()])
        end = self.peek().start
        separator = self.take_operator("&", ";")
        return AndOr(items, separator == "&", self.text[start:end].strip()), separator is not None

    def pipeline(self):
        start = self.peek().start
        negated = False
        while self.reserved() == "!":
            self.take()
            negated = not negated
        commands = [self.command()]
        while self.take_operator("|"):
            self.skip_newlines()
            commands.append(self.command())
        return Pipeline(commands, negated, self.text[start : self.peek().start].strip())

    # --- commands ---

    def command(self):
        while self.substitute_alias():
            pass
        self.depth += 1
        if self.depth > 100:
            raise self.error("nested too deeply")
        try:
            compound = self.compound()
        finally:
            self.depth -= 1
        if compound is None:
            return self.simple()
        redirects = []
        while self.at_redirect():
            redirects.append(self.redirect())
        return Redirected(compound, redirects) if redirects else compound

    def compound(self):
        """A compound command or a function, or None."""
        if self.is_operator("("):
            self.take()
            body = self.body_until_operator(")")
            return Subshell(body)
        word = self.reserved()
        if word is None:
            return None
        if word == "{":
            self.take()
            body = self.filled_list()
            self.expect("}")
            return Group(body)
        if word == "if":
            return self.if_command()
        if word in ("while", "until"):
            self.take()
            condition = self.filled_list()
            return While(condition, self.do_group(), word == "until")
        if word == "for":
            return self.for_command()
        if word == "case":
            return self.case_command()
        if word in ("!", "in"):
            return None
        raise self.unexpected()

    def filled_list(self):
        body = self.compound_list()
        if not body.items:
            raise self.unexpected()
        return body

    def body_until_operator(self, operator):
        body = self.filled_list()
        if not self.is_operator(operator):
            raise self.unexpected()
        self.take()
        return body

    def do_group(self):
        self.expect("do")
        body = self.filled_list()
        self.expect("done")
        return body

    def if_command(self):
        self.take()
        condition = self.filled_list()
        self.expect("then")
        clauses = [[condition, self.filled_list()]]
        otherwise = None
        while True:
            word = self.reserved()
            if word == "elif":
                self.take()
                condition = self.filled_list()
                self.expect("then")
                clauses.append([condition, self.filled_list()])
            elif word == "else":
                self.take()
                otherwise = self.filled_list()
                self.expect("fi")
                break
            else:
                self.expect("fi")
                break
        return If(clauses, otherwise)

    def for_command(self):
        line = self.line_at(self.take().start)
        found = self.take()
        name = found.literal()
        if name is None or not is_name(name):
            raise self.error("bad for loop variable", found.start)
        words = None
        self.skip_newlines()
        if self.reserved() == "in":
            self.take()
            words = []
            while self.peek().kind == "word":
                words.append(self.take().parts)
            if not self.take_operator(";", "\n"):
                raise self.unexpected()
        else:
            self.take_operator(";")
        self.skip_newlines()
        return For(name, words, self.do_group(), line)

    def case_command(self):
        line = self.line_at(self.take().start)
        if self.peek().kind != "word":
            raise self.unexpected()
        word = self.take().parts
        self.skip_newlines()
        self.expect("in")
        self.skip_newlines()
        clauses = []
        while self.reserved() != "esac":
            self.take_operator("(")
            patterns = []
            while True:
                if self.peek().kind != "word":
                    raise self.unexpected()
                patterns.append(self.take().parts)
                if not self.take_operator("|"):
                    break
            if not self.take_operator(")"):
                raise self.unexpected()
            body = self.compound_list()
            ended = self.take_operator(";;", ";&")
            clauses.append([patterns, body, ended == ";&"])
            self.skip_newlines()
            if ended is None and self.reserved() != "esac":
                raise self.unexpected()
        self.take()
        return Case(word, clauses, line)

    def simple(self):
        """A simple command, or the definition of a function."""
        command = Simple([], [], [], self.line_at(self.peek().start))
        while True:
            if self.at_redirect():
                command.redirects.append(self.redirect())
                continue
            if command.words and self.look_up_next:
                self.look_up_next = False
                while self.substitute_alias():
                    pass
            found = self.peek()
            if found.kind != "word":
                if self.is_operator("(") and len(command.words) == 1 and not command.assignments and not command.redirects:
                    return self.function(command.words[0])
                break
            assignment = None if command.words else split_assignment(found)
            self.take()
            if assignment is not None:
                command.assignments.append(assignment)
            else:
                command.words.append(found.parts)
        if not command.words and not command.assignments and not command.redirects:
            raise self.unexpected()
        return command

    def function(self, parts):
        name = "".join(part[1] for part in parts if part[0] == "text")
        if any(part[0] != "text" for part in parts) or not is_name(name):
            raise self.error("bad function name")
        self.take()
        if not self.take_operator(")"):
            raise self.unexpected()
        self.skip_newlines()
        body = self.command()
        return Function(name, body)

    # --- redirections ---

    def at_redirect(self):
        found = self.peek()
        return found.kind == "number" or (found.kind == "operator" and found.text in REDIRECTIONS)

    def redirect(self):
        fd = int(self.take().text) if self.peek().kind == "number" else -1
        kind = self.take().text
        found = self.peek()
        if found.kind != "word":
            raise self.unexpected()
        self.ahead = None
        if fd < 0:
            fd = 0 if kind.startswith("<") else 1
        if kind in ("<<", "<<-"):
            redirect = Redirect(fd, "<<", [])
            quoted = any(part[0] == "quoted" for part in found.parts) or "\\" in found.text
            delimiter = "".join(part[1] for part in found.parts if part[0] in ("text", "quoted"))
            if any(part[0] not in ("text", "quoted") for part in found.parts):
                delimiter = found.text
            self.here_documents.append(HereDocument(redirect, delimiter, quoted, kind == "<<-"))
            return redirect
        if kind == "<<<":
            return Redirect(fd, "<<<", found.parts)
        return Redirect(fd, kind, found.parts)


def split_assignment(token):
    """[name, word] of a NAME=value token, else None."""
    if token.parts[0][0] != "text":
        return None
    name, equals, rest = token.parts[0][1].partition("=")
    if not equals or not is_name(name):
        return None
    value = [["text", rest]] if rest else []
    return [name, with_tildes(value + token.parts[1:])]


def with_tildes(parts):
    """An assignment's value: ~ counts at its beginning and behind each colon."""
    out = []
    for index, part in enumerate(parts):
        if part[0] != "text":
            out.append(part)
            continue
        for number, piece in enumerate(part[1].split(":")):
            if number:
                out.append(["text", ":"])
            at_start = number > 0 or index == 0
            head, slash, tail = piece.partition("/")
            if at_start and head.startswith("~") and (slash or index + 1 == len(parts) or number < part[1].count(":")):
                out.append(["tilde", head[1:]])
                piece = slash + tail
            if piece:
                out.append(["text", piece])
    return out


def parse(text, aliases=None):
    """All of `text` as a List; ShellSyntaxError."""
    return Parser(text, aliases=aliases).program()


__all__ = ["IncompleteError", "Parser", "ShellSyntaxError", "parse"]
