"""test and [: conditions about files, strings and numbers (POSIX.1-2017 XCU test)."""

from userland import libc

TYPES = {"b": libc.S_IFBLK, "c": libc.S_IFCHR, "d": libc.S_IFDIR, "f": libc.S_IFREG, "p": libc.S_IFIFO, "S": libc.S_IFSOCK}
UNARY = tuple(f"-{letter}" for letter in "bcdefghLnprsStuwxzkOG")
NUMERIC = ("-eq", "-ne", "-lt", "-le", "-gt", "-ge")
BINARY = ("=", "!=", "==", "<", ">", "-nt", "-ot", "-ef", *NUMERIC)
PERMISSIONS = {"r": 0o444, "w": 0o222, "x": 0o111, "u": 0o4000, "g": 0o2000, "k": 0o1000}
MAX_DEPTH = 100


class Problem(Exception):
    """An expression that is none; the text is part of one line."""


def integer(text):
    stripped = text.strip()
    digits = stripped[1:] if stripped[:1] in ("-", "+") else stripped
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise Problem(f"Illegal number: {text}")
    return int(stripped)


def unary(operator, word):
    letter = operator[1]
    if letter == "n":
        return bool(word)
    if letter == "z":
        return not word
    if letter == "t":
        return libc.isatty(integer(word))
    found = libc.lstat(word) if letter in "hL" else libc.stat(word)
    if found == -1:
        return False
    if letter in "hL":
        return found.st_mode & libc.S_IFMT == libc.S_IFLNK
    if letter in TYPES:
        return found.st_mode & libc.S_IFMT == TYPES[letter]
    if letter == "s":
        return found.st_size > 0
    if letter in "eOG":
        return True
    # There is only root here, whom permissions stop from nothing but executing what is not executable.
    if letter in "rw":
        return True
    return bool(found.st_mode & PERMISSIONS[letter])


def binary(left, operator, right):
    if operator in ("=", "=="):
        return left == right
    if operator == "!=":
        return left != right
    if operator in ("<", ">"):
        return left < right if operator == "<" else left > right
    if operator in ("-nt", "-ot", "-ef"):
        first, second = libc.stat(left), libc.stat(right)
        if operator == "-ef":
            return first != -1 and second != -1 and (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
        if first == -1 or second == -1:
            return (first != -1) if operator == "-nt" else (second != -1)
        return first.st_mtime > second.st_mtime if operator == "-nt" else first.st_mtime < second.st_mtime
    a, b = integer(left), integer(right)
    results = {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}
    return results[operator]


class Reader:
    """The grammar of test: -o, -a, !, ( ), and the primaries; what POSIX says about few operands comes first."""

    def __init__(self, words):
        self.words = words
        self.position = 0
        self.depth = 0

    def peek(self, ahead=0):
        index = self.position + ahead
        return self.words[index] if index < len(self.words) else None

    def left(self):
        return len(self.words) - self.position

    def either(self):
        value = self.both()
        while self.peek() == "-o":
            self.position += 1
            value = self.both() or value
        return value

    def both(self):
        value = self.negation()
        while self.peek() == "-a":
            self.position += 1
            value = self.negation() and value
        return value

    def negation(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Problem("too many arguments")
        if self.peek() == "!" and self.left() > 1 and not (self.left() == 3 and self.peek(1) in BINARY):
            self.position += 1
            return not self.negation()
        return self.primary()

    def primary(self):
        word = self.peek()
        if word is None:
            raise Problem("argument expected")
        if self.left() >= 3 and self.peek(1) in BINARY:
            left, operator, right = self.words[self.position : self.position + 3]
            self.position += 3
            return binary(left, operator, right)
        if word == "(" and self.left() > 1:
            self.position += 1
            value = self.either()
            if self.peek() != ")":
                raise Problem("closing paren expected")
            self.position += 1
            return value
        if word in UNARY and self.left() > 1:
            self.position += 2
            return unary(word, self.words[self.position - 1])
        self.position += 1
        return bool(word)


def test_words(words):
    """(0 true, 1 false, 2 wrong; what is wrong with the expression or None)."""
    if not words:
        return 1, None
    if len(words) == 1:
        return int(not words[0]), None
    reader = Reader(words)
    try:
        value = reader.either()
        if reader.position < len(words):
            raise Problem(f"{reader.peek()}: unexpected operator")
    except Problem as problem:
        return 2, str(problem)
    return int(not value), None
