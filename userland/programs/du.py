"""du: how much room files take."""

from userland import libc
from userland.text.files import options_of

USAGE = "du [-abhs] [FILE ...]"


class Counter:
    """Adds up; `seen` are the files with several names that were counted already."""

    def __init__(self, options):
        self.options = options
        self.seen = {}
        self.status = 0

    def count(self, path, top):
        """The size of a path in bytes, everything below it included."""
        found = libc.lstat(path)
        if found == -1:
            libc.perror(f"du: cannot access '{path}'")
            self.status = 1
            return 0
        if not found.is_directory() and found.st_nlink > 1:
            if (found.st_dev, found.st_ino) in self.seen:
                return 0
            self.seen[found.st_dev, found.st_ino] = True
        total = found.st_size if self.options.has("b") else -(-found.st_size // 1024) * 1024
        names = libc.listdir(path) if found.is_directory() else []
        for name in [] if names == -1 else names:
            total += self.count(f"{path.rstrip('/')}/{name}", False)
        if top or (not self.options.has("s") and (found.is_directory() or self.options.has("a"))):
            libc.puts(f"{self.shown(total)}\t{path}")
        return total

    def shown(self, total):
        if self.options.has("b"):
            return str(total)
        if not self.options.has("h"):
            return str(-(-total // 1024))
        units = ["", "K", "M", "G", "T"]
        while total >= 1024 and len(units) > 1:
            total = -(-total // 1024)
            units.pop(0)
        return f"{total}{units[0]}"


def main(argv):
    options = options_of("du", argv, "abhsk", USAGE)
    if options is None:
        return 2
    counter = Counter(options)
    for path in options.operands or ["."]:
        counter.count(path, True)
    return counter.status
