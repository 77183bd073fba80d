"""What a word means when its command runs (POSIX.1-2017 XCU 2.6): parameters, substitutions, fields, file names."""

from userland.shell.arithmetic import ArithmeticProblem, evaluate
from userland.shell.pattern import compile_pattern, glob, has_wildcards, strip_prefix, strip_suffix

DEFAULT_IFS = " \t\n"


class ExpansionError(Exception):
    """An expansion that fails and takes a shell that is not interactive with it; the text is one line."""


class Fields:
    """The fields that a word becomes, as they grow: each a list of (text, quoted) pieces."""

    def __init__(self, ifs):
        self.ifs = ifs
        self.done = []
        self.current = []
        self.started = False
        # What ended the field before the current one: "white", "other" or nothing.
        self.delimiter = ""

    def add(self, text, quoted):
        """Text that is not split."""
        self.current.append((text, quoted))
        self.started = True
        self.delimiter = ""

    def end_field(self):
        self.done.append(self.current)
        self.current = []
        self.started = False

    def split(self, text):
        """Text from an unquoted expansion: split at the characters of IFS."""
        piece = []
        for char in text:
            if char not in self.ifs:
                piece.append(char)
                continue
            if piece:
                self.add("".join(piece), False)
                piece = []
            white = char in DEFAULT_IFS
            if self.started:
                self.end_field()
                self.delimiter = "white" if white else "other"
            elif not white:
                if self.delimiter == "white":
                    self.delimiter = "other"
                else:
                    self.end_field()
                    self.delimiter = "other"
        if piece:
            self.add("".join(piece), False)

    def finish(self):
        """The list of fields."""
        if self.started:
            self.end_field()
        return self.done


class Expander:
    """Expands the words of one shell."""

    def __init__(self, shell):
        self.shell = shell

    def ifs(self):
        return self.shell.variables.get("IFS", DEFAULT_IFS)

    def fields(self, words):
        """The strings that a command's words become."""
        out = []
        for word in words:
            out += self.word_fields(word)
        return out

    def word_fields(self, parts):
        """The strings that one word becomes: split, file names put in, quotes gone."""
        fields = Fields(self.ifs())
        self.emit(parts, fields, True)
        found = []
        for pieces in fields.finish():
            text = "".join(piece for piece, _ in pieces)
            names = []
            if not self.shell.option("f") and has_wildcards(pieces):
                names = glob(pieces, self.shell.names_in, self.shell.is_directory)
            found += names or [text]
        return found

    def single(self, parts):
        """The word as one string, unsplit: an assignment's value, a redirection's target, the word of a case."""
        return "".join(text for text, _ in self.pieces(parts))

    def pieces(self, parts):
        """The word unsplit as (text, quoted) pieces: what a pattern is made of."""
        fields = Fields("")
        self.emit(parts, fields, False)
        found = []
        for index, pieces in enumerate(fields.finish()):
            found += ([(" ", True)] if index else []) + pieces
        return found

    def pattern(self, parts):
        """The compiled pattern of a word."""
        return compile_pattern(self.pieces(parts))

    # --- parts ---

    def emit(self, parts, fields, split, from_expansion=False):
        """Put the parts into `fields`; with `from_expansion` their text is split, too."""
        for part in parts:
            kind = part[0]
            if kind == "text":
                if from_expansion and split:
                    fields.split(part[1])
                else:
                    fields.add(part[1], False)
            elif kind == "quoted":
                fields.add(part[1], True)
            elif kind == "tilde":
                fields.add(self.home(part[1]), True)
            elif kind == "parameter":
                self.parameter(part, fields, split)
            elif kind == "command":
                self.result(self.shell.capture(part[1]), part[2], fields, split)
            else:
                self.result(str(self.arithmetic(part[1])), part[2], fields, split)

    def result(self, text, quoted, fields, split):
        if quoted:
            fields.add(text, True)
        elif split:
            fields.split(text)
        elif text:
            fields.add(text, False)

    def home(self, name):
        """~ is $HOME; there are no other users."""
        home = self.shell.variables.get("HOME")
        return home if home is not None and name in ("", "root") else f"~{name}"

    def arithmetic(self, parts):
        """The value of an expression, after its own expansions; ExpansionError."""
        text = self.single(parts)
        try:
            return evaluate(text, lambda name: self.shell.value(name) or "", self.shell.assign)
        except ArithmeticProblem as problem:
            raise ExpansionError(f"arithmetic expression: {problem}: \"{text}\"") from None

    def parameter(self, part, fields, split):
        _, name, operator, word, quoted = part
        if operator == "bad" or not name:
            raise ExpansionError("bad substitution")
        if name in ("@", "*") and operator in ("", "length"):
            if operator == "length":
                self.result(str(len(self.shell.arguments)), quoted, fields, split)
            else:
                self.all_arguments(name, quoted, fields, split)
            return
        value = self.shell.value(name)
        bare = operator.removeprefix(":")
        if bare in ("-", "=", "?", "+"):
            missing = value is None or (operator.startswith(":") and value == "")
            if bare == "+":
                if not missing:
                    self.alternative(word, quoted, fields, split)
                return
            if missing:
                self.missing(part, bare, fields, split)
                return
            if name in ("@", "*"):
                self.all_arguments(name, quoted, fields, split)
                return
            self.result(value, quoted, fields, split)
            return
        if value is None:
            if self.shell.option("u") and name not in ("@", "*"):
                raise ExpansionError(f"{name}: parameter not set")
            value = ""
        if operator == "length":
            value = str(len(value))
        elif operator in ("#", "##"):
            value = strip_prefix(self.pattern(word), value, operator == "##")
        elif operator in ("%", "%%"):
            value = strip_suffix(self.pattern(word), value, operator == "%%")
        self.result(value, quoted, fields, split)

    def alternative(self, word, quoted, fields, split):
        """The word behind an operator: in quotes it is one string."""
        if quoted:
            fields.add(self.single(word), True)
        else:
            self.emit(word, fields, split, True)

    def missing(self, part, operator, fields, split):
        """${x-word}, ${x=word} and ${x?word} of a parameter that is not set."""
        _, name, _, word, quoted = part
        if operator == "-":
            self.alternative(word, quoted, fields, split)
        elif operator == "=":
            if not (name[0].isalpha() or name[0] == "_"):
                raise ExpansionError(f"{name}: bad variable name")
            value = self.single(word)
            self.shell.assign(name, value)
            self.result(value, quoted, fields, split)
        else:
            raise ExpansionError(f"{name}: {self.single(word) or 'parameter not set'}")

    def all_arguments(self, name, quoted, fields, split):
        """$@ and $*."""
        arguments = self.shell.arguments
        if quoted and name == "*":
            ifs = self.ifs()
            fields.add((ifs[:1] if "IFS" in self.shell.variables else " ").join(arguments), True)
            return
        if not split and not quoted:
            fields.add(" ".join(arguments), False)
            return
        for index, argument in enumerate(arguments):
            if index and fields.started:
                fields.end_field()
                fields.delimiter = ""
            if quoted:
                fields.add(argument, True)
            else:
                fields.split(argument)
