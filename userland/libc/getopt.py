"""Command lines: <getopt.h>.  Errors are raised as `UsageError`, whose text is the one line a program prints."""


class UsageError(Exception):
    """A command line that the program can not accept; ends the program with status 2."""


class Options:
    """A parsed command line: options by letter (or long name), in order, and the operands."""

    def __init__(self):
        self.given = []
        self.operands = []

    def has(self, name):
        """True when the option was given."""
        return any(known == name for known, _ in self.given)

    def count(self, name):
        """How often the option was given."""
        return sum(known == name for known, _ in self.given)

    def get(self, name, default=None):
        """The last argument of the option."""
        value = default
        for known, argument in self.given:
            if known == name:
                value = argument
        return value

    def integer(self, name, default, low=0, high=(1 << 31) - 1):
        """The option's argument as a decimal integer within [low, high]."""
        value = self.get(name)
        return default if value is None else integer(value, low, high)

    def real(self, name, default, low=0.0, high=1e9):
        """The option's argument as a decimal fraction within [low, high]."""
        value = self.get(name)
        if value is None:
            return default
        whole, _, fraction = value.partition(".")
        if not ((whole or "0") + (fraction or "0")).isascii() or not ((whole or "0") + (fraction or "0")).isdigit():
            raise UsageError(f"invalid argument: '{value}'")
        if not low <= float(value) <= high:
            raise UsageError(f"invalid argument: '{value}': out of range: {low:g} <= value <= {high:g}")
        return float(value)


def integer(text, low=0, high=(1 << 31) - 1):
    """A decimal integer within [low, high]; UsageError otherwise."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise UsageError(f"invalid argument: '{text}'")
    if not low <= int(text) <= high:
        raise UsageError(f"invalid argument: '{text}': out of range: {low} <= value <= {high}")
    return int(text)


UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(text):
    """A byte count with an optional k, m or g (powers of 1024); UsageError otherwise."""
    unit = UNITS.get(text[-1:].lower(), 1)
    return integer(text[:-1] if unit > 1 else text, 0, 1 << 50) * unit


def getopt(argv, letters, usage, long_names=(), stop_early=False):
    """int getopt_long(int argc, char *const argv[], const char *optstring, ...): the `Options` of a command line.

    `letters` is getopt's string, a colon behind a letter that takes an argument; `long_names` likewise
    ("name", or "name=" with an argument).  Options end at `--`; with `stop_early` also at the first operand.
    """
    options = Options()
    index = 1
    while index < len(argv):
        word = argv[index]
        index += 1
        if word == "--":
            options.operands += argv[index:]
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name + "=" in long_names:
                if not equals:
                    if index >= len(argv):
                        raise UsageError(f"option '--{name}' requires an argument")
                    value = argv[index]
                    index += 1
                options.given.append((name, value))
            elif name in long_names and not equals:
                options.given.append((name, None))
            elif name == "help":
                raise UsageError(f"usage: {usage}")
            else:
                raise UsageError(f"unrecognized option '{word}' (usage: {usage})")
        elif word.startswith("-") and len(word) > 1:
            index = cluster(options, argv, index, word, letters, usage)
        else:
            options.operands.append(word)
            if stop_early:
                options.operands += argv[index:]
                break
    return options


def cluster(options, argv, index, word, letters, usage):
    """The letters of one `-abc` word; returns the index of the next word."""
    position = 1
    while position < len(word):
        letter = word[position]
        position += 1
        at = letters.find(letter)
        if at < 0 or letter == ":":
            raise UsageError(f"invalid option -- '{letter}' (usage: {usage})")
        if letters[at + 1 : at + 2] != ":":
            options.given.append((letter, None))
            continue
        if position < len(word):
            options.given.append((letter, word[position:]))
        elif index < len(argv):
            options.given.append((letter, argv[index]))
            index += 1
        else:
            raise UsageError(f"option requires an argument -- '{letter}' (usage: {usage})")
        break
    return index
