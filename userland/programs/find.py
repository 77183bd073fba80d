"""find: the files below directories that fit an expression."""

from userland import libc
from userland.shell.pattern import compile_pattern, matches

USAGE = (
    "find [PATH ...] [-name|-iname|-path PATTERN] [-type bcdflps] [-size [+-]N[ck]] [-empty] [-maxdepth N] [-mindepth N] "
    "[-newer FILE] [-not|!] [-o] [( )] [-print|-print0|-delete|-exec COMMAND ... ;|+]"
)
TYPES = {"f": libc.S_IFREG, "d": libc.S_IFDIR, "l": libc.S_IFLNK, "c": libc.S_IFCHR, "b": libc.S_IFBLK, "p": libc.S_IFIFO,
         "s": libc.S_IFSOCK}  # fmt: skip
ACTIONS = ("-print", "-print0", "-delete", "-exec")


class Finder:
    """An expression as a tree of functions of (path, stat), and the walk."""

    def __init__(self, words):
        self.words = words
        self.position = 0
        self.least = 0
        self.most = 1 << 30
        self.acts = any(word in ACTIONS for word in words)
        self.deletes = "-delete" in words
        self.batches = []
        self.status = 0
        self.test = self.either() if words else lambda path, found: True
        if self.position < len(words):
            raise libc.UsageError(f"unexpected '{words[self.position]}' (usage: {USAGE})")

    def peek(self):
        return self.words[self.position] if self.position < len(self.words) else None

    def take(self):
        word = self.peek()
        if word is None:
            raise libc.UsageError(f"expected an argument (usage: {USAGE})")
        self.position += 1
        return word

    def either(self):
        left = self.both()
        while self.peek() in ("-o", "-or"):
            self.position += 1
            left = self.or_of(left, self.both())
        return left

    def or_of(self, left, right):
        return lambda path, found: left(path, found) or right(path, found)

    def both(self):
        left = self.negation()
        while self.peek() not in (None, "-o", "-or", ")"):
            if self.peek() in ("-a", "-and"):
                self.position += 1
            left = self.and_of(left, self.negation())
        return left

    def and_of(self, left, right):
        return lambda path, found: left(path, found) and right(path, found)

    def negation(self):
        if self.peek() in ("!", "-not"):
            self.position += 1
            inner = self.negation()
            return lambda path, found: not inner(path, found)
        if self.peek() == "(":
            self.position += 1
            inner = self.either()
            if self.take() != ")":
                raise libc.UsageError("invalid expression; expected ')'")
            return inner
        return self.primary(self.take())

    def primary(self, word):
        if word in ("-name", "-iname", "-path"):
            return self.pattern(word, self.take())
        if word == "-type":
            letter = self.take()
            if letter not in TYPES:
                raise libc.UsageError(f"unknown argument to -type: {letter}")
            return lambda path, found: found.st_mode & libc.S_IFMT == TYPES[letter]
        if word == "-size":
            return self.size(self.take())
        if word == "-empty":
            return is_empty
        if word == "-newer":
            other = libc.stat(self.take())
            if other == -1:
                raise libc.UsageError(f"'{self.words[self.position - 1]}': {libc.strerror(libc.errno)}")
            return lambda path, found: found.st_mtime > other.st_mtime
        if word in ("-maxdepth", "-mindepth"):
            depth = libc.integer(self.take(), 0, 1 << 30)
            if word == "-maxdepth":
                self.most = depth
            else:
                self.least = depth
            return lambda path, found: True
        if word == "-print":
            return lambda path, found: libc.puts(path) == 0
        if word == "-print0":
            return lambda path, found: libc.fputs(path + "\0") == 0
        if word == "-delete":
            return self.delete
        if word == "-exec":
            return self.execute()
        raise libc.UsageError(f"unknown predicate '{word}' (usage: {USAGE})")

    def pattern(self, word, text):
        fold = word == "-iname"
        elements = compile_pattern([(text.lower() if fold else text, False)])

        def test(path, found):
            name = path if word == "-path" else path.rstrip("/").rpartition("/")[2] or path
            return matches(elements, name.lower() if fold else name)

        return test

    def size(self, text):
        sign = text[:1] if text[:1] in ("+", "-") else ""
        unit = {"c": 1, "k": 1024, "M": 1 << 20}.get(text[-1:], 512)
        count = libc.integer(text.removeprefix(sign).rstrip("ckM"), 0, 1 << 50)

        def test(path, found):
            blocks = -(-found.st_size // unit)
            return blocks > count if sign == "+" else blocks < count if sign == "-" else blocks == count

        return test

    def delete(self, path, found):
        result = libc.rmdir(path) if found.is_directory() else libc.unlink(path)
        if result < 0:
            libc.perror(f"find: cannot delete '{path}'")
            self.status = 1
        return result == 0

    def execute(self):
        words = []
        while True:
            word = self.take()
            if word == ";":
                return lambda path, found: run([part.replace("{}", path) for part in words]) == 0
            if word == "+" and words[-1:] == ["{}"]:
                batch = (words[:-1], [])
                self.batches.append(batch)
                return lambda path, found: batch[1].append(path) is None
            words.append(word)

    def walk(self, path, depth=0):
        found = libc.lstat(path)
        if found == -1:
            libc.perror(f"find: '{path}'")
            self.status = 1
            return
        if not self.deletes:
            self.visit(path, found, depth)
        if found.is_directory() and depth < self.most:
            names = libc.listdir(path)
            if names == -1:
                libc.perror(f"find: '{path}'")
                self.status = 1
            for name in [] if names == -1 else names:
                self.walk(f"{path}{'' if path.endswith('/') else '/'}{name}", depth + 1)
        if self.deletes:
            self.visit(path, found, depth)

    def visit(self, path, found, depth):
        if depth >= self.least and self.test(path, found) and not self.acts:
            libc.puts(path)

    def finish(self):
        for words, paths in self.batches:
            if paths and run(words + paths):
                self.status = 1
        return self.status


def is_empty(path, found):
    if found.is_directory():
        return libc.listdir(path) == []
    return found.st_size == 0 and found.st_mode & libc.S_IFMT == libc.S_IFREG


def run(words):
    """Run a program by its name; its exit status."""
    return libc.system(words)


def main(argv):
    words = argv[1:]
    paths = []
    while words and not words[0].startswith(("-", "(", "!")):
        paths.append(words.pop(0))
    if words[:1] == ["--help"]:
        libc.eputs(f"find: usage: {USAGE}")
        return 2
    try:
        finder = Finder(words)
    except libc.UsageError as error:
        libc.eputs(f"find: {error}")
        return 2
    for path in paths or ["."]:
        finder.walk(path)
    return finder.finish()
